/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_arena.c: memory from an arena, and arenas that cannot get memory. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void all_is_zeroed_and_aligned(void **state)
{
	static const unsigned char zero[5000];
	struct arena *a = arena_new();

	(void)state;
	for (size_t size = 0; size < sizeof(zero); size += 1 + size / 3) {
		unsigned char *p = arena_alloc(a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_memory_equal(p, zero, size);
		memset(p, 0xff, size);
	}
	arena_free(a);
}

static void allocations_do_not_overlap(void **state)
{
	enum { N = 3000 };
	struct arena *a = arena_new();
	unsigned char *p[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		p[i] = arena_alloc(a, i % 97 + 1);
		memset(p[i], (int)(i % 251), i % 97 + 1);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < i % 97 + 1; k++)
			assert_int_equal(p[i][k], i % 251);
	arena_free(a);
}

static void larger_than_any_block(void **state)
{
	struct arena *a = arena_new();
	unsigned char *small = arena_alloc(a, 8), *big = arena_alloc(a, 5 << 20);

	(void)state;
	assert_non_null(big);
	big[(5 << 20) - 1] = 1;
	small[7] = 2;
	assert_non_null(arena_alloc(a, 8));
	assert_false(arena_failed(a));
	arena_free(a);
}

static void copies_are_copies(void **state)
{
	struct arena *a = arena_new();
	char s[] = "abcdef";
	char *dup = arena_strdup(a, s), *n = arena_strndup(a, s, 3),
	     *more = arena_strndup(a, s, 99);
	char *bytes = arena_dup(a, s, 2), *f = arena_printf(a, "%s-%d", s, 42);

	(void)state;
	memset(s, 'x', 6);
	assert_string_equal(dup, "abcdef");
	assert_string_equal(n, "abc");
	assert_string_equal(more, "abcdef");
	assert_memory_equal(bytes, "ab", 2);
	assert_string_equal(f, "abcdef-42");
	assert_non_null(arena_dup(a, NULL, 0));
	arena_free(a);
}

static void a_long_printf_is_whole(void **state)
{
	struct arena *a = arena_new();
	char *s = arena_printf(a, "%9000d", 7);

	(void)state;
	assert_int_equal(strlen(s), 9000);
	assert_int_equal(s[8999], '7');
	arena_free(a);
}

static void pushed_elements_stay_in_order_and_zeroed(void **state)
{
	struct arena *a = arena_new();
	struct {
		int n;
		long rest;
	} *v = NULL;
	size_t n = 0, cap = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int *p = &ARENA_PUSH(a, v, n, cap)->n;

		assert_int_equal(*p, 0);
		*p = i;
	}
	assert_int_equal(n, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(v[i].n, i);
		assert_int_equal(v[i].rest, 0);
	}
	arena_free(a);
}

static void the_nth_allocation_fails_and_is_remembered(void **state)
{
	struct arena *a = arena_new(), *b = arena_new();

	(void)state;
	arena_fail_at(3);
	assert_non_null(arena_alloc(a, 1));
	assert_non_null(arena_alloc(b, 1));
	assert_null(arena_alloc(a, 1));
	assert_non_null(arena_alloc(a, 1));
	assert_true(arena_failed(a));
	assert_false(arena_failed(b));
	arena_fail_at(1);
	assert_null(arena_strdup(b, "x"));
	arena_fail_at(1);
	assert_null(arena_printf(b, "x"));
	arena_fail_at(1);
	arena_fail_at(0);
	assert_non_null(arena_alloc(b, 1));
	assert_true(arena_failed(b));
	arena_free(a);
	arena_free(b);
}

static void a_push_that_fails_loses_nothing(void **state)
{
	struct arena *a = arena_new();
	int *v = NULL, *p, *before;
	size_t n = 0, cap = 0;

	(void)state;
	for (int i = 1; n < cap || !cap; i++) {
		p = ARENA_PUSH(a, v, n, cap);
		*p = i;
	}
	before = v;
	arena_fail_at(1);
	p = ARENA_PUSH(a, v, n, cap);
	assert_null(p);
	assert_true(arena_failed(a));
	assert_ptr_equal(v, before);
	assert_int_equal(v[n - 1], (int)n);
	p = ARENA_PUSH(a, v, n, cap);
	assert_ptr_equal(p, &v[n - 1]);
	assert_int_equal(v[n - 2], (int)n - 1);
	arena_free(a);
}

static void sizes_that_cannot_be_fail(void **state)
{
	struct arena *a = arena_new();
	size_t cap = SIZE_MAX / 4;
	void *v = NULL;

	(void)state;
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 15));
	assert_true(arena_failed(a));
	arena_free(a);
	a = arena_new();
	assert_false(arena_more(a, &v, 0, &cap, 16));
	assert_int_equal(cap, SIZE_MAX / 4);
	assert_true(arena_failed(a));
	arena_free(a);
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_zeroed_and_aligned),
		cmocka_unit_test(allocations_do_not_overlap),
		cmocka_unit_test(larger_than_any_block),
		cmocka_unit_test(copies_are_copies),
		cmocka_unit_test(a_long_printf_is_whole),
		cmocka_unit_test(pushed_elements_stay_in_order_and_zeroed),
		cmocka_unit_test(the_nth_allocation_fails_and_is_remembered),
		cmocka_unit_test(a_push_that_fails_loses_nothing),
		cmocka_unit_test(sizes_that_cannot_be_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
