/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_cursor.c: a cursor reads bytes up to the end, and no byte behind the end. */
#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const unsigned char bytes[15] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void integers_of_each_width(void **state)
{
	struct cursor c = cur_init(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cur_u8(&c), 1);
	assert_int_equal(cur_u16(&c), 0x0302);
	assert_int_equal(cur_u32(&c), 0x07060504);
	assert_int_equal(cur_u64(&c), 0x0f0e0d0c0b0a0908);
	assert_int_equal(cur_left(&c), 0);
	assert_false(c.bad);
	assert_int_equal(cur_u8(&c), 0);
	assert_true(c.bad);
}

static void the_other_endianness(void **state)
{
	struct cursor c = cur_init(bytes, sizeof(bytes));

	(void)state;
	c.swap = true;
	assert_int_equal(cur_u16(&c), 0x0102);
	assert_int_equal(cur_u32(&c), 0x03040506);
	assert_int_equal(cur_u64(&c), 0x0708090a0b0c0d0e);
}

/* A value that is cut by the end reads as zero, and so do all later values. */
static void past_the_end_all_is_zero_and_bad(void **state)
{
	struct cursor c = cur_init(bytes, 7);

	(void)state;
	assert_int_equal(cur_u32(&c), 0x04030201);
	assert_int_equal(cur_u32(&c), 0);
	assert_true(c.bad);
	assert_int_equal(cur_left(&c), 0);
	assert_int_equal(cur_u8(&c), 0);
	assert_null(cur_bytes(&c, 0));
	assert_null(cur_str(&c));
	cur_align(&c, bytes, 4);
	assert_true(c.bad);
}

static void runs_of_bytes(void **state)
{
	struct cursor c = cur_init(bytes, 5);

	(void)state;
	assert_ptr_equal(cur_bytes(&c, 2), bytes);
	assert_ptr_equal(cur_bytes(&c, 0), bytes + 2);
	assert_ptr_equal(cur_bytes(&c, 3), bytes + 2);
	assert_false(c.bad);
	assert_null(cur_bytes(&c, SIZE_MAX));
	assert_true(c.bad);
}

static void strings_must_end_inside(void **state)
{
	struct cursor c = cur_init("ab\0\0cd", 6); /* without the literal's own NUL */

	(void)state;
	assert_string_equal(cur_str(&c), "ab");
	assert_string_equal(cur_str(&c), "");
	assert_null(cur_str(&c));
	assert_true(c.bad);
	c = cur_init("", 0);
	assert_null(cur_str(&c));
	assert_true(c.bad);
}

static void alignment_counts_from_a_start(void **state)
{
	struct cursor c = cur_init(bytes, sizeof(bytes));

	(void)state;
	cur_align(&c, bytes, 4);
	assert_int_equal(cur_u8(&c), 1);
	cur_align(&c, bytes, 4);
	assert_int_equal(cur_u8(&c), 5);
	cur_align(&c, bytes + 4, 8);
	assert_int_equal(cur_u8(&c), 13);
	assert_false(c.bad);
	cur_align(&c, bytes, 16);
	assert_true(c.bad); /* 3 bytes asked for, 2 left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_each_width),
		cmocka_unit_test(the_other_endianness),
		cmocka_unit_test(past_the_end_all_is_zero_and_bad),
		cmocka_unit_test(runs_of_bytes),
		cmocka_unit_test(strings_must_end_inside),
		cmocka_unit_test(alignment_counts_from_a_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
