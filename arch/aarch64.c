/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/aarch64.c: registers and instructions of aarch64, whose files are read on other machines.
 * In:   names of registers; bytes of code.
 * Out:  the functions of arch.h.
 * Owns: nothing.
 */
#include "arch/arch.h"

#include <string.h>

enum { SP = 31 };

static bool is(const char *name, size_t len, const char *want)
{
	return len == strlen(want) && !strncmp(name, want, len);
}

/* A register's number: two digits at most, without a leading zero. -1: no number. */
static int number(const char *s, size_t len)
{
	int n = 0;

	if (!len || len > 2 || (*s == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		n = n * 10 + (s[i] - '0');
	}
	return n;
}

enum arch_arm arch_arm_reg(const char *name, size_t len, struct arch_reg *reg)
{
	int n = len ? number(name + 1, len - 1) : -1;

	*reg = (struct arch_reg){ .offset = -1, .width = len && *name == 'w' ? 4 : 8 };
	if (is(name, len, "sp") || is(name, len, "wsp")) {
		reg->offset = SP * 8;
		return ARCH_ARM_REG;
	}
	if (is(name, len, "xzr") || is(name, len, "wzr"))
		return ARCH_ARM_ZERO;
	if (n < 0 || n > SP)
		return ARCH_ARM_UNKNOWN;
	if (strchr("vqdshb", *name))
		return ARCH_ARM_FLOAT;
	if ((*name != 'x' && *name != 'w') || n == SP)
		return ARCH_ARM_UNKNOWN;
	reg->offset = (int16_t)(n * 8);
	return ARCH_ARM_REG;
}

bool arch_arm_is_nop(const uint8_t code[16])
{
	static const uint8_t nop[4] = { 0x1f, 0x20, 0x03, 0xd5 };

	return !memcmp(code, nop, sizeof(nop));
}
