/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_grow.c: pushing, removing, no memory. */
#include "base/grow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void elements_keep_their_values(void **state)
{
	long *v = NULL, *slot;
	size_t n = 0, cap = 0;

	(void)state;
	for (long i = 0; i < 10000; i++) {
		slot = GROW_PUSH(v, n, cap);
		assert_non_null(slot);
		*slot = i;
	}
	assert_int_equal(n, 10000);
	assert_true(cap >= n && cap < 4 * n);
	for (long i = 0; i < 10000; i++)
		assert_int_equal(v[i], i);
	free(v);
}

static void room_of_removed_ones_is_used_again(void **state)
{
	struct {
		char c[24];
	} *v = NULL, *before;
	size_t n = 0, cap = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_non_null(GROW_PUSH(v, n, cap));
	before = v;
	n = 0;
	for (size_t i = 0, room = cap; i < room; i++)
		assert_ptr_equal(GROW_PUSH(v, n, cap), &before[i]);
	assert_ptr_equal(v, before);
	free(v);
}

/* The address sanitizer ends a program that asks for too much, unless it is told that this is meant. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void without_memory_all_stays(void **state)
{
	struct huge {
		char c[SIZE_MAX / 8];
	} *v = NULL;
	size_t n = 0, cap = 0, many = SIZE_MAX / 2 + 1;
	int *none = NULL;

	(void)state;
	assert_null(GROW_PUSH(v, n, cap));
	assert_true(!v && !n && !cap);
	assert_false(grow_more(&none, many, &cap, sizeof(*none)));
	assert_true(!none && !cap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_keep_their_values),
		cmocka_unit_test(room_of_removed_ones_is_used_again),
		cmocka_unit_test(without_memory_all_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
