/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/operand.c: numbers and expressions in operands, as all assemblers write them.
 * In:   text.
 * Out:  a number; the argument's displacement.
 * Owns: nothing.
 */
#include "arch/operand.h"

#include <errno.h>

bool arch_number(struct arch_scan *s, uint64_t *value)
{
	unsigned radix = 10;
	const char *start;
	uint64_t v = 0;

	if (s->end - s->at >= 2 && s->at[0] == '0' && (s->at[1] | 0x20) == 'x') {
		radix = 16;
		s->at += 2;
	} else if (s->end - s->at >= 2 && s->at[0] == '0') {
		radix = 8;
	}
	for (start = s->at; s->at < s->end; s->at++) {
		char c = *s->at, lower = (char)(c | 0x20);
		unsigned digit = arch_is_digit(c)	      ? (unsigned)(c - '0') :
				 lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 :
								99;

		if (digit >= radix)
			break;
		if (v > (UINT64_MAX - digit) / radix)
			return false;
		v = v * radix + digit;
	}
	*value = v;
	return s->at > start && (s->at == s->end || !arch_is_name(*s->at));
}

bool arch_expression(struct arch_scan *s)
{
	bool minus = arch_eat(s, '-'), first = true;
	uint64_t sum = 0, v;

	for (;; first = false) {
		const char *name = s->at;

		if (!first) {
			if (arch_eat(s, '+'))
				minus = false;
			else if (arch_eat(s, '-'))
				minus = true;
			else
				break;
			name = s->at;
		}
		if (s->at < s->end && arch_is_digit(*s->at)) {
			if (!arch_number(s, &v))
				return arch_bad(s, "malformed number");
		} else {
			while (s->at < s->end && arch_is_name(*s->at))
				s->at++;
			if (s->at == name)
				return arch_bad(s, "malformed expression");
			if (s->at < s->end && *s->at == '@')
				return arch_bad(s, "needs a relocation, not an address");
			if (minus || s->arg->is_address)
				return arch_bad(s, "difference or sum of symbols");
			switch (s->symbol ? s->symbol(s->ctx, name, (size_t)(s->at - name), &v) :
					    -ENOENT) {
			case 0: break;
			case -EEXIST: return arch_bad(s, "several symbols of that name");
			default: return arch_bad(s, "unknown symbol (stripped file?)");
			}
			s->arg->is_address = true;
		}
		sum = minus ? sum - v : sum + v;
	}
	s->arg->disp = (int64_t)sum;
	return true;
}
