/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/operand.h: parsers for operands of probes' arguments, as machines' assemblers write them.
 *
 *   operand.c      numbers and expressions, which the assemblers share
 *   x86_operand.c  x86-64 and i386, AT&T syntax
 *   arm_operand.c  aarch64
 *
 * To add a machine, write its arch_MACHINE_operand and add the machine's row to the table in
 * usdt/arg.c.
 */
#ifndef ARCH_OPERAND_H
#define ARCH_OPERAND_H

#include "arch/arch.h"
#include "usdt/usdt.h"

/* What our own note says of an operand: docs/operand-note.md. */
struct arch_known {
	bool is_pair;
	bool clash, clash_rip; /* two notes disagree; clash_rip: on a %rip operand */
	int64_t disp;
	uint64_t next; /* address that %rip stands for */
};

struct arch_scan {
	const char *at, *end;		/* the text that is left */
	struct usdt_arg *arg;		/* the result; size and sign are set already */
	uint16_t machine;		/* EM_* */
	const struct arch_known *known; /* NULL: there is no note, only the text */
	/* A symbol's address: 0, -ENOENT, or -EEXIST: the name is ambiguous. NULL: no symbols. */
	int (*symbol)(void *ctx, const char *name, size_t len, uint64_t *address);
	void *ctx;
};

/* Parses an operand; false: s->arg says why not. The text behind the operand is left. */
bool arch_x86_operand(struct arch_scan *s);
bool arch_arm_operand(struct arch_scan *s);

/* ---- What the parsers share -------------------------------------------------------- */

static const struct usdt_reg arch_no_reg = { .offset = -1 };

static inline struct usdt_reg arch_reg_of(const struct arch_reg *r)
{
	return (struct usdt_reg){ .offset = r->offset, .shift = r->shift, .width = r->width };
}

/* For `return arch_bad(…)`: returns false, and puts the reason into the argument. */
static inline bool arch_bad(struct arch_scan *s, const char *why)
{
	s->arg->kind = USDT_ARG_BAD;
	s->arg->why = why;
	return false;
}

static inline bool arch_eat(struct arch_scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static inline void arch_blanks(struct arch_scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
}

static inline bool arch_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool arch_is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || arch_is_digit(c) || c == '_' ||
	       c == '.' || c == '$';
}

/* Decimal, 0x or octal, as gas reads numbers; a number past 64 bits is refused. */
bool arch_number(struct arch_scan *s, uint64_t *value);
/* [-]term {(+|-) term}, a term a number or a symbol; at most one symbol, added. */
bool arch_expression(struct arch_scan *s);

#endif
