/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/arm_operand.c: operands of aarch64.
 * In:   "x0", "3", "[sp, 16]", "[x1, w2, sxtw 3]".
 * Out:  in s->arg, where the value is.
 * Owns: nothing.
 */
#include "arch/operand.h"

#include <string.h>

static bool arm_reg(struct arch_scan *s, struct usdt_reg *reg, bool *zero)
{
	const char *name = s->at;
	struct arch_reg found;
	enum arch_arm kind;

	while (s->at < s->end && arch_is_name(*s->at))
		s->at++;
	kind = arch_arm_reg(name, (size_t)(s->at - name), &found);
	*reg = arch_reg_of(&found);
	*zero = kind == ARCH_ARM_ZERO;
	switch (kind) {
	case ARCH_ARM_REG:
	case ARCH_ARM_ZERO: return true;
	case ARCH_ARM_FLOAT:
		return arch_bad(s, "in a floating-point register, which the kernel does not show");
	case ARCH_ARM_UNKNOWN: break;
	}
	return arch_bad(s, "unknown register");
}

/* What follows "[base,": a displacement, or an index with lsl, sxtw, uxtw … and a shift. */
static bool arm_offset(struct arch_scan *s)
{
	static const struct {
		const char *name;
		bool is_signed;
		uint8_t width;
	} extends[] = {
		{ "lsl", false, 8 },
		{ "sxtw", true, 4 },
		{ "uxtw", false, 4 },
		{ "sxtx", true, 8 },
	};
	struct usdt_arg *a = s->arg;
	bool zero;
	uint64_t shift = 0;

	arch_blanks(s);
	if (arch_eat(s, '#') || (s->at < s->end && (arch_is_digit(*s->at) || *s->at == '-')))
		return arch_expression(s);
	if (s->at < s->end && *s->at == ':')
		return arch_bad(s, "needs a relocation, not an address");
	if (!arm_reg(s, &a->index, &zero))
		return false;
	if (zero)
		return arch_bad(s, "malformed address");
	arch_blanks(s);
	if (!arch_eat(s, ','))
		return true;
	arch_blanks(s);
	for (size_t i = 0; i < sizeof(extends) / sizeof(extends[0]); i++) {
		size_t len = strlen(extends[i].name);

		if ((size_t)(s->end - s->at) < len || strncmp(s->at, extends[i].name, len))
			continue;
		s->at += len;
		a->index.is_signed = extends[i].is_signed;
		if (extends[i].width < a->index.width)
			a->index.width = extends[i].width;
		arch_blanks(s);
		arch_eat(s, '#');
		if (s->at < s->end && arch_is_digit(*s->at) && !arch_number(s, &shift))
			return arch_bad(s, "malformed shift");
		if (shift > 4)
			return arch_bad(s, "shift of more than 4");
		a->scale = (uint8_t)(1u << shift);
		return true;
	}
	return arch_bad(s, "unknown extension of an index");
}

bool arch_arm_operand(struct arch_scan *s)
{
	struct usdt_arg *a = s->arg;
	bool zero;

	if (arch_eat(s, '[')) {
		a->kind = USDT_ARG_MEM;
		arch_blanks(s);
		if (!arm_reg(s, &a->base, &zero))
			return false;
		arch_blanks(s);
		if (zero || (arch_eat(s, ',') && !arm_offset(s)))
			return a->why ? false : arch_bad(s, "malformed address");
		arch_blanks(s);
		if (!arch_eat(s, ']') || (s->at < s->end && *s->at == '!'))
			return arch_bad(s, "malformed address");
		return true;
	}
	if (arch_eat(s, '#') || (s->at < s->end && (arch_is_digit(*s->at) || *s->at == '-'))) {
		a->kind = USDT_ARG_CONST;
		return arch_expression(s);
	}
	a->kind = USDT_ARG_REG;
	if (!arm_reg(s, &a->base, &zero))
		return false;
	if (zero) {
		a->kind = USDT_ARG_CONST;
		a->base = arch_no_reg;
		return true;
	}
	if (a->size > 8)
		return arch_bad(s, "wider than its register");
	if (a->size > a->base.width)
		a->base.width = a->size;
	return true;
}
