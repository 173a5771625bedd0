/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/kernel/test_features.c: finding features of the kernel, and switching them off. */
#include "base/arena.h"
#include "kernel/kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void a_feature_can_be_switched_off_and_on(void **state)
{
	bool had[KERN_NFEATURES];

	(void)state;
	for (int i = 0; i < KERN_NFEATURES; i++)
		had[i] = kern_has((enum kern_feature)i);
	setenv("USDTKIT_WITHOUT", "x,uprobe_multi,btf", 1);
	assert_false(kern_has(KERN_F_uprobe_multi));
	assert_false(kern_has(KERN_F_btf));
	assert_int_equal(kern_has(KERN_F_cookie), had[KERN_F_cookie]);
	setenv("USDTKIT_WITHOUT", "uprobe,btf_,ookie", 1);
	for (int i = 0; i < KERN_NFEATURES; i++)
		assert_int_equal(kern_has((enum kern_feature)i), had[i]);
	unsetenv("USDTKIT_WITHOUT");
	for (int i = 0; i < KERN_NFEATURES; i++)
		assert_int_equal(kern_has((enum kern_feature)i), had[i]);
}

/* The version tells which features a mainline kernel has. */
static void the_features_of_a_version_are_found(void **state)
{
	struct arena *a = arena_new();
	const char *why = kern_why_not(a);

	(void)state;
	if (why) {
		print_message("skipped: %s\n", why);
		arena_free(a);
		skip();
	}
	assert_true(kern_has(KERN_F_btf));
	assert_true(kern_has(KERN_F_cookie));
	assert_true(kern_has(KERN_F_iter_vma));
	assert_int_equal(kern_has(KERN_F_uprobe_multi), kern_version() >= 0x060600);
	arena_free(a);
}

static void a_kernel_without_types_is_told(void **state)
{
	struct arena *a = arena_new();
	const char *why = kern_why_not(a);

	(void)state;
	if (why) {
		arena_free(a);
		skip();
	}
	setenv("USDTKIT_WITHOUT", "btf", 1);
	why = kern_why_not(a);
	assert_non_null(why);
	assert_non_null(strstr(why, "/sys/kernel/btf/vmlinux"));
	unsetenv("USDTKIT_WITHOUT");
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feature_can_be_switched_off_and_on),
		cmocka_unit_test(the_features_of_a_version_are_found),
		cmocka_unit_test(a_kernel_without_types_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
