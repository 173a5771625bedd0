/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/arg.c: reads where the arguments of a site are: "-4@%edi 8@-8(%rbp)".
 * In:   a note's argument string, untrusted; functions that look symbols and
 *       operand notes up.
 * Out:  a struct usdt_arg for each argument, in the arena. An argument that
 *       cannot be read is USDT_ARG_BAD with a reason; the others still count.
 * Owns: nothing.
 *
 * An argument is [-]SIZE[f]@OPERAND, the operand as the assembler of the
 * machine writes it (arch/operand.h). On aarch64 an operand may hold blanks,
 * inside brackets only.
 */
#include "usdt/inner.h"
#include "arch/operand.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- One argument, and all ------------------------------------------------- */

static const struct {
	uint16_t machine;
	uint8_t word;
	bool (*operand)(struct arch_scan *);
} machines[] = {
	{ EM_X86_64, 8, arch_x86_operand },
	{ EM_386, 4, arch_x86_operand },
	{ EM_AARCH64, 8, arch_arm_operand },
};

/* Reads [-]SIZE[f]@. Old notes have no such prefix: then the value is as wide as a register. */
static bool size_prefix(struct arch_scan *s, uint8_t word)
{
	const char *start = s->at, *op;
	struct usdt_arg *a = s->arg;
	uint64_t size = 0;

	a->size = word;
	a->is_signed = arch_eat(s, '-');
	for (op = s->at; s->at < s->end && arch_is_digit(*s->at) && s->at - op < 3; s->at++)
		size = size * 10 + (uint64_t)(*s->at - '0');
	a->is_float = s->at > op && arch_eat(s, 'f');
	if (s->at == op || !arch_eat(s, '@')) {
		s->at = start;
		a->is_signed = a->is_float = false;
		return true;
	}
	if (size != 1 && size != 2 && size != 4 && size != 8 &&
	    !(a->is_float && (size == 10 || size == 12 || size == 16)))
		return arch_bad(s, "size is not 1, 2, 4 or 8");
	a->size = (uint8_t)size;
	return true;
}

/* A constant has the value that a variable of its size and sign would hold. */
static int64_t extend(int64_t v, unsigned size, bool is_signed)
{
	unsigned unused = size < 8 ? 64 - size * 8 : 0;
	uint64_t bits = (uint64_t)v << unused;

	return is_signed ? (int64_t)bits >> unused : (int64_t)(bits >> unused);
}

static void parse_one(const struct usdt_arg_context *cx, struct usdt_arg *arg, size_t nth)
{
	struct arch_scan s = { .at = arg->text,
			       .end = arg->text + strlen(arg->text),
			       .arg = arg,
			       .machine = cx->machine,
			       .symbol = cx->symbol,
			       .ctx = cx->ctx,
			       .known = cx->operand ? cx->operand(cx->ctx, nth) : NULL };

	arg->base = arg->index = arch_no_reg;
	arg->scale = 1;
	for (size_t i = 0; i < COUNT(machines); i++) {
		if (machines[i].machine != cx->machine)
			continue;
		if (!size_prefix(&s, machines[i].word) || !machines[i].operand(&s))
			return;
		if (s.at != s.end) {
			arch_bad(&s, "malformed operand");
			return;
		}
		if (arg->kind == USDT_ARG_CONST && !arg->is_address)
			arg->disp = extend(arg->disp, arg->size, arg->is_signed);
		return;
	}
	arch_bad(&s, "arguments of this machine are not known");
}

/* Intel's `DWORD PTR -4[rbp]` and `OFFSET FLAT:name` are one argument. */
static bool is_intel_blank(const char *start, const char *s)
{
	return !strncmp(s, " PTR ", 5) || (s - start >= 4 && !strncmp(s - 4, " PTR", 4)) ||
	       (s - start >= 6 && !strncasecmp(s - 6, "offset", 6));
}

/* The end of the argument that starts at s: a blank outside brackets, or the end. */
static const char *arg_end(const char *start)
{
	const char *s = start;
	int depth = 0;

	for (; *s && (depth > 0 || (*s != ' ' && *s != '\t') || is_intel_blank(start, s)); s++)
		depth += (*s == '[' || *s == '(') - (*s == ']' || *s == ')');
	return s;
}

int usdt_args_parse(const struct usdt_arg_context *cx, const char *text, struct usdt_arg **args,
		    size_t *nargs)
{
	size_t cap = 0;

	*args = NULL;
	*nargs = 0;
	while (*nargs < USDT_MAX_ARGS) {
		const char *end;
		struct usdt_arg *arg;

		text += strspn(text, " \t");
		if (!*text)
			break;
		end = arg_end(text);
		arg = ARENA_PUSH(cx->arena, *args, *nargs, cap);
		if (!arg)
			return -ENOMEM;
		arg->text = arena_strndup(cx->arena, text, (size_t)(end - text));
		if (!arg->text)
			return -ENOMEM;
		parse_one(cx, arg, *nargs - 1);
		text = end;
	}
	return 0;
}
