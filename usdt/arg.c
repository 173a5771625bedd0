/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/arg.c: where the arguments of a site are: "-4@%edi 8@-8(%rbp)".
 * In:   a note's argument string, untrusted; functions that look symbols up
 *       and say what an operand note holds.
 * Out:  a struct usdt_arg for each argument, in the arena. An argument that
 *       is not understood is USDT_ARG_BAD with a reason; the others still count.
 *
 * An argument is [-]SIZE[f]@OPERAND, the operand as the assembler of the
 * machine writes it. On aarch64 it may hold blanks, inside brackets only.
 */
#include "usdt/inner.h"
#include "arch/arch.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* One argument while it is parsed: the text that is left of it. */
struct scan {
	const char *at, *end;
	const struct usdt_arg_context *cx;
	struct usdt_arg *arg;
	const struct usdt_operand *known; /* NULL: the text is all there is */
};

static const struct usdt_reg no_reg = { .offset = -1 };

/* For `return bad(…)`: false, and the reason in the argument. */
static bool bad(struct scan *s, const char *why)
{
	s->arg->kind = USDT_ARG_BAD;
	s->arg->why = why;
	return false;
}

static bool eat(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static void blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       c == '.' || c == '$';
}

/* Decimal, 0x or octal, as gas reads them; a number past 64 bits is refused. */
static bool number(struct scan *s, uint64_t *value)
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
		unsigned digit = is_digit(c)		      ? (unsigned)(c - '0') :
				 lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 :
								99;

		if (digit >= radix)
			break;
		if (v > (UINT64_MAX - digit) / radix)
			return false;
		v = v * radix + digit;
	}
	*value = v;
	return s->at > start && (s->at == s->end || !is_name(*s->at));
}

/* [-]term {(+|-) term}, a term a number or a symbol; at most one symbol, added. */
static bool expression(struct scan *s)
{
	bool minus = eat(s, '-'), first = true;
	uint64_t sum = 0, v;

	for (;; first = false) {
		const char *name = s->at;

		if (!first) {
			if (eat(s, '+'))
				minus = false;
			else if (eat(s, '-'))
				minus = true;
			else
				break;
			name = s->at;
		}
		if (s->at < s->end && is_digit(*s->at)) {
			if (!number(s, &v))
				return bad(s, "malformed number");
		} else {
			while (s->at < s->end && is_name(*s->at))
				s->at++;
			if (s->at == name)
				return bad(s, "malformed expression");
			if (s->at < s->end && *s->at == '@')
				return bad(s, "needs a relocation, not an address");
			if (minus || s->arg->is_address)
				return bad(s, "difference or sum of symbols");
			switch (s->cx->symbol ? s->cx->symbol(s->cx->ctx, name,
							      (size_t)(s->at - name), &v) :
						-ENOENT) {
			case 0: break;
			case -EEXIST: return bad(s, "several symbols of that name");
			default: return bad(s, "unknown symbol (stripped file?)");
			}
			s->arg->is_address = true;
		}
		sum = minus ? sum - v : sum + v;
	}
	s->arg->disp = (int64_t)sum;
	return true;
}

/* ---- x86-64 and i386 ------------------------------------------------------- */

static struct usdt_reg reg_of(const struct arch_reg *r)
{
	return (struct usdt_reg){ .offset = r->offset, .shift = r->shift, .width = r->width };
}

static bool x86_reg(struct scan *s, struct usdt_reg *reg)
{
	struct arch_reg found;
	const char *name;
	size_t len;

	if (!eat(s, '%'))
		return bad(s, "register expected");
	for (name = s->at; s->at < s->end && is_name(*s->at); s->at++)
		;
	len = (size_t)(s->at - name);
	if (arch_x86_reg(name, len, &found)) {
		*reg = reg_of(&found);
		return true;
	}
	if (len >= 2 && (!strncmp(name, "xmm", 3) || !strncmp(name, "ymm", 3) ||
			 !strncmp(name, "st", 2) || !strncmp(name, "mm", 2)))
		return bad(s, "in a floating-point register, which the kernel does not show");
	if (len == 2 && name[1] == 's')
		return bad(s, "relative to a segment register");
	return bad(s, "unknown register");
}

static bool is_ip(const struct usdt_reg *reg)
{
	return reg->offset == ARCH_X86_rip;
}

/* clang's assembler cannot tell, so operands without a name may have a note too. */
static bool has_name(const struct scan *s)
{
	for (const char *c = s->at; c < s->end && *c != '('; c++)
		if (is_name(*c) && !is_digit(*c))
			return true;
	return false;
}

/* The linker's value in place of an expression; what has a relocation of its own is no address. */
static void known_disp(struct scan *s)
{
	struct usdt_arg *a = s->arg;

	a->is_address = true;
	for (; s->at < s->end && *s->at != '('; s->at++)
		if (*s->at == '@')
			a->is_address = false;
	a->disp = s->known->disp;
}

/* False: two notes say different things of this operand, which is counted from %rip or not. */
static bool settled(struct scan *s, bool rip)
{
	return !s->known || !(rip ? s->known->clash_rip : s->known->clash) ||
	       bad(s, "several variables at one site (code was merged)");
}

/* What follows the displacement: (base), (base,index), (base,index,scale), (,index,scale). */
static bool x86_address(struct scan *s)
{
	struct usdt_arg *a = s->arg;
	uint64_t scale = 1;

	if (s->at < s->end && *s->at == '%' && !x86_reg(s, &a->base))
		return false;
	if (eat(s, ',')) {
		if (s->at < s->end && *s->at == '%' && !x86_reg(s, &a->index))
			return false;
		if (eat(s, ',') && !number(s, &scale))
			return bad(s, "malformed scale");
	}
	if (!eat(s, ')'))
		return bad(s, "malformed address");
	if (scale != 1 && scale != 2 && scale != 4 && scale != 8)
		return bad(s, "scale is not 1, 2, 4 or 8");
	a->scale = (uint8_t)scale;
	if ((a->base.offset >= 0 && a->base.width < 4) ||
	    (a->index.offset >= 0 && a->index.width < 4))
		return bad(s, "address in a register too narrow");
	if (is_ip(&a->index) || (is_ip(&a->base) && a->index.offset >= 0))
		return bad(s, "malformed address");
	/* sym(%rip) means sym; a number there is relative to an instruction that we do not know. */
	if (is_ip(&a->base)) {
		if (s->known && a->is_address)
			a->disp += (int64_t)s->known->next;
		else if (!a->is_address)
			return bad(s, "relative to the instruction pointer without a symbol");
		a->base = no_reg;
		return settled(s, true);
	}
	return settled(s, false);
}

/* gcc keeps 64 bits in two registers that follow each other in its order. */
static bool i386_pair(struct scan *s)
{
	struct usdt_arg *a = s->arg;
	struct arch_reg lower = { .offset = a->base.offset, .width = a->base.width }, upper;

	if (!s->known || !s->known->is_pair || a->size != 8 || a->base.shift ||
	    !arch_i386_upper(&lower, &upper))
		return bad(s, "wider than its register");
	a->kind = USDT_ARG_PAIR;
	a->index = reg_of(&upper);
	return settled(s, false);
}

static const char *digits(const char *p)
{
	for (p += *p == '-'; is_digit(*p); p++)
		;
	return p;
}

/*
 * Operands that -masm=intel makes of <sys/sdt.h>'s probes (our own headers refuse that option):
 * a size or OFFSET in words, an address in brackets, a bare register. A bare number is a constant:
 * compilers do not use numbers as addresses.
 */
static bool is_intel(const struct scan *s)
{
	struct arch_reg reg;

	if (s->known)
		return false;
	if (arch_x86_reg(s->at, (size_t)(s->end - s->at), &reg))
		return true;
	return s->at < s->end && (strpbrk(s->at, "[ ") || digits(s->at) == s->end);
}

static bool x86_operand(struct scan *s)
{
	struct usdt_arg *a = s->arg;

	if (is_intel(s))
		return bad(s, "in Intel syntax, which is ambiguous (-masm=intel)");
	if (eat(s, '$')) {
		a->kind = USDT_ARG_CONST;
		return expression(s);
	}
	if (s->at < s->end && *s->at == '%') {
		a->kind = USDT_ARG_REG;
		if (!x86_reg(s, &a->base))
			return false;
		/* The size governs: compilers name a narrower part of the same register. On
		 * i386 the rest is in another register, which the text does not name. */
		if (a->size > a->base.width) {
			if (s->cx->machine == EM_386 && a->size > 4)
				return i386_pair(s);
			if (a->base.shift || a->size > 8)
				return bad(s, "wider than its register");
			a->base.width = a->size;
		}
		return true;
	}
	if (eat(s, '*'))
		return bad(s, "malformed operand");
	a->kind = USDT_ARG_MEM;
	if (!has_name(s))
		s->known = NULL;
	if (s->at == s->end || *s->at != '(') {
		if (s->known)
			known_disp(s);
		else if (!expression(s))
			return false;
	}
	if (eat(s, '('))
		return x86_address(s);
	return s->at == s->end ? settled(s, false) : bad(s, "malformed operand");
}

/* ---- aarch64 ---------------------------------------------------------------- */

static bool arm_reg(struct scan *s, struct usdt_reg *reg, bool *zero)
{
	const char *name = s->at;
	struct arch_reg found;
	enum arch_arm kind;

	while (s->at < s->end && is_name(*s->at))
		s->at++;
	kind = arch_arm_reg(name, (size_t)(s->at - name), &found);
	*reg = reg_of(&found);
	*zero = kind == ARCH_ARM_ZERO;
	switch (kind) {
	case ARCH_ARM_REG:
	case ARCH_ARM_ZERO: return true;
	case ARCH_ARM_FLOAT:
		return bad(s, "in a floating-point register, which the kernel does not show");
	case ARCH_ARM_UNKNOWN: break;
	}
	return bad(s, "unknown register");
}

/* After [base, : a displacement, or an index with lsl, sxtw, uxtw … and a shift. */
static bool arm_offset(struct scan *s)
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

	blanks(s);
	if (eat(s, '#') || (s->at < s->end && (is_digit(*s->at) || *s->at == '-')))
		return expression(s);
	if (s->at < s->end && *s->at == ':')
		return bad(s, "needs a relocation, not an address");
	if (!arm_reg(s, &a->index, &zero))
		return false;
	if (zero)
		return bad(s, "malformed address");
	blanks(s);
	if (!eat(s, ','))
		return true;
	blanks(s);
	for (size_t i = 0; i < COUNT(extends); i++) {
		size_t len = strlen(extends[i].name);

		if ((size_t)(s->end - s->at) < len || strncmp(s->at, extends[i].name, len))
			continue;
		s->at += len;
		a->index.is_signed = extends[i].is_signed;
		if (extends[i].width < a->index.width)
			a->index.width = extends[i].width;
		blanks(s);
		eat(s, '#');
		if (s->at < s->end && is_digit(*s->at) && !number(s, &shift))
			return bad(s, "malformed shift");
		if (shift > 4)
			return bad(s, "shift of more than 4");
		a->scale = (uint8_t)(1u << shift);
		return true;
	}
	return bad(s, "unknown extension of an index");
}

static bool arm_operand(struct scan *s)
{
	struct usdt_arg *a = s->arg;
	bool zero;

	if (eat(s, '[')) {
		a->kind = USDT_ARG_MEM;
		blanks(s);
		if (!arm_reg(s, &a->base, &zero))
			return false;
		blanks(s);
		if (zero || (eat(s, ',') && !arm_offset(s)))
			return a->why ? false : bad(s, "malformed address");
		blanks(s);
		if (!eat(s, ']') || (s->at < s->end && *s->at == '!'))
			return bad(s, "malformed address");
		return true;
	}
	if (eat(s, '#') || (s->at < s->end && (is_digit(*s->at) || *s->at == '-'))) {
		a->kind = USDT_ARG_CONST;
		return expression(s);
	}
	a->kind = USDT_ARG_REG;
	if (!arm_reg(s, &a->base, &zero))
		return false;
	if (zero) {
		a->kind = USDT_ARG_CONST;
		a->base = no_reg;
		return true;
	}
	if (a->size > 8)
		return bad(s, "wider than its register");
	if (a->size > a->base.width)
		a->base.width = a->size;
	return true;
}

/* ---- One argument, and all ------------------------------------------------- */

static const struct {
	uint16_t machine;
	uint8_t word;
	bool (*operand)(struct scan *);
} machines[] = {
	{ EM_X86_64, 8, x86_operand },
	{ EM_386, 4, x86_operand },
	{ EM_AARCH64, 8, arm_operand },
};

/* [-]SIZE[f]@; without it the value is as wide as a register (notes of old make none). */
static bool size_prefix(struct scan *s, uint8_t word)
{
	const char *start = s->at, *op;
	struct usdt_arg *a = s->arg;
	uint64_t size = 0;

	a->size = word;
	a->is_signed = eat(s, '-');
	for (op = s->at; s->at < s->end && is_digit(*s->at) && s->at - op < 3; s->at++)
		size = size * 10 + (uint64_t)(*s->at - '0');
	a->is_float = s->at > op && eat(s, 'f');
	if (s->at == op || !eat(s, '@')) {
		s->at = start;
		a->is_signed = a->is_float = false;
		return true;
	}
	if (size != 1 && size != 2 && size != 4 && size != 8 &&
	    !(a->is_float && (size == 10 || size == 12 || size == 16)))
		return bad(s, "size is not 1, 2, 4 or 8");
	a->size = (uint8_t)size;
	return true;
}

/* A constant is what a variable of that size and sign would hold. */
static int64_t extend(int64_t v, unsigned size, bool is_signed)
{
	unsigned unused = size < 8 ? 64 - size * 8 : 0;
	uint64_t bits = (uint64_t)v << unused;

	return is_signed ? (int64_t)bits >> unused : (int64_t)(bits >> unused);
}

static void parse_one(const struct usdt_arg_context *cx, struct usdt_arg *arg, size_t nth)
{
	struct scan s = { .at = arg->text,
			  .end = arg->text + strlen(arg->text),
			  .cx = cx,
			  .arg = arg,
			  .known = cx->operand ? cx->operand(cx->ctx, nth) : NULL };

	arg->base = arg->index = no_reg;
	arg->scale = 1;
	for (size_t i = 0; i < COUNT(machines); i++) {
		if (machines[i].machine != cx->machine)
			continue;
		if (!size_prefix(&s, machines[i].word) || !machines[i].operand(&s))
			return;
		if (s.at != s.end) {
			bad(&s, "malformed operand");
			return;
		}
		if (arg->kind == USDT_ARG_CONST && !arg->is_address)
			arg->disp = extend(arg->disp, arg->size, arg->is_signed);
		return;
	}
	bad(&s, "arguments of this machine are not known");
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
