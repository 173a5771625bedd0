/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/arch/test_arch.c: registers by their names, nops, and a function's first instructions. */
#include "arch/arch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void every_name_of_a_register_is_its_part(void **state)
{
	static const struct {
		const char *name;
		struct arch_reg reg;
	} rows[] = {
		{ "rdi", { 112, 0, 8 } }, { "edi", { 112, 0, 4 } }, { "di", { 112, 0, 2 } },
		{ "dil", { 112, 0, 1 } }, { "ah", { 80, 8, 1 } },   { "bh", { 40, 8, 1 } },
		{ "r15", { 0, 0, 8 } },	  { "r9b", { 64, 0, 1 } },  { "rip", { 128, 0, 8 } },
		{ "eip", { 128, 0, 4 } }, { "esp", { 152, 0, 4 } },
	};
	static const char *const none[] = {
		"", "r16", "xmm0", "orig_rax", "cs", "dih", "rdix", "rd"
	};
	struct arch_reg r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(arch_x86_reg(rows[i].name, strlen(rows[i].name), &r));
		assert_int_equal(r.offset, rows[i].reg.offset);
		assert_int_equal(r.shift, rows[i].reg.shift);
		assert_int_equal(r.width, rows[i].reg.width);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(arch_x86_reg(none[i], strlen(none[i]), &r));
}

static void pairs_of_i386(void **state)
{
	struct arch_reg eax = { 80, 0, 4 }, ebp = { 32, 0, 4 }, rax = { 80, 0, 8 }, upper;

	(void)state;
	assert_true(arch_i386_upper(&eax, &upper));
	assert_int_equal(upper.offset, 96);
	assert_int_equal(upper.width, 4);
	assert_false(arch_i386_upper(&ebp, &upper));
	assert_false(arch_i386_upper(&rax, &upper));
}

static void registers_of_aarch64(void **state)
{
	struct arch_reg r;

	(void)state;
	assert_int_equal(arch_arm_reg("x4", 2, &r), ARCH_ARM_REG);
	assert_int_equal(r.offset, 32);
	assert_int_equal(r.width, 8);
	assert_int_equal(arch_arm_reg("w30", 3, &r), ARCH_ARM_REG);
	assert_int_equal(r.width, 4);
	assert_int_equal(arch_arm_reg("sp", 2, &r), ARCH_ARM_REG);
	assert_int_equal(r.offset, 248);
	assert_int_equal(arch_arm_reg("wzr", 3, &r), ARCH_ARM_ZERO);
	assert_int_equal(arch_arm_reg("d7", 2, &r), ARCH_ARM_FLOAT);
	assert_int_equal(arch_arm_reg("x31", 3, &r), ARCH_ARM_UNKNOWN);
	assert_int_equal(arch_arm_reg("x04", 3, &r), ARCH_ARM_UNKNOWN);
	assert_int_equal(arch_arm_reg("", 0, &r), ARCH_ARM_UNKNOWN);
}

static void nops_of_any_length(void **state)
{
	static const uint8_t one[16] = { 0x90 }, ten[16] = { 0x66, 0x2e, 0x0f, 0x1f, 0x84 };
	static const uint8_t ret[16] = { 0xc3 }, prefixes[16] = { 0x66, 0x66 };

	(void)state;
	assert_true(arch_x86_is_nop(one) && arch_x86_is_nop(ten));
	assert_false(arch_x86_is_nop(ret) || arch_x86_is_nop(prefixes));
	assert_false(arch_arm_is_nop(one));
}

static void the_frame_at_each_of_the_first_instructions(void **state)
{
	static const uint8_t framed32[] = { 0xf3, 0x0f, 0x1e, 0xfb, 0x55, 0x89, 0xe5, 0x90 };
	static const uint8_t framed[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x90 };

	(void)state;
	assert_int_equal(arch_x86_frame(framed, sizeof(framed), 0), ARCH_FRAME_NONE);
	assert_int_equal(arch_x86_frame(framed, sizeof(framed), 4), ARCH_FRAME_NONE);
	assert_int_equal(arch_x86_frame(framed, sizeof(framed), 5), ARCH_FRAME_PUSHED);
	assert_int_equal(arch_x86_frame(framed, sizeof(framed), 8), ARCH_FRAME_SET);
	assert_int_equal(arch_x86_frame(framed + 4, 5, 0), ARCH_FRAME_NONE);
	assert_int_equal(arch_x86_frame(framed + 4, 5, 1), ARCH_FRAME_PUSHED);
	assert_int_equal(arch_x86_frame(framed + 5, 4, 1), ARCH_FRAME_SET);
	assert_int_equal(arch_x86_frame(framed32, sizeof(framed32), 4), ARCH_FRAME_NONE);
	assert_int_equal(arch_x86_frame(framed32, sizeof(framed32), 5), ARCH_FRAME_PUSHED);
	assert_int_equal(arch_x86_frame(framed, 0, 0), ARCH_FRAME_NONE);
	assert_int_equal(arch_x86_frame(framed, 2, 1), ARCH_FRAME_SET);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_of_a_register_is_its_part),
		cmocka_unit_test(pairs_of_i386),
		cmocka_unit_test(registers_of_aarch64),
		cmocka_unit_test(nops_of_any_length),
		cmocka_unit_test(the_frame_at_each_of_the_first_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
