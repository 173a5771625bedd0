/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/x86_operand.c: operands of x86-64 and i386 in AT&T syntax.
 * In:   "%edi", "$3", "-8(%rbp,%rax,4)", "counter+8(%rip)".
 * Out:  in s->arg, where the value is.
 * Owns: nothing.
 */
#include "arch/operand.h"

#include <elf.h>
#include <string.h>

static bool x86_reg(struct arch_scan *s, struct usdt_reg *reg)
{
	struct arch_reg found;
	const char *name;
	size_t len;

	if (!arch_eat(s, '%'))
		return arch_bad(s, "register expected");
	for (name = s->at; s->at < s->end && arch_is_name(*s->at); s->at++)
		;
	len = (size_t)(s->at - name);
	if (arch_x86_reg(name, len, &found)) {
		*reg = arch_reg_of(&found);
		return true;
	}
	if (len >= 2 && (!strncmp(name, "xmm", 3) || !strncmp(name, "ymm", 3) ||
			 !strncmp(name, "st", 2) || !strncmp(name, "mm", 2)))
		return arch_bad(s, "in a floating-point register, which the kernel does not show");
	if (len == 2 && name[1] == 's')
		return arch_bad(s, "relative to a segment register");
	return arch_bad(s, "unknown register");
}

static bool is_ip(const struct usdt_reg *reg)
{
	return reg->offset == ARCH_X86_rip;
}

/* True if the operand names a symbol. Only then its note counts: clang's assembler cannot tell, and
 * writes notes for other operands too. */
static bool has_name(const struct arch_scan *s)
{
	for (const char *c = s->at; c < s->end && *c != '('; c++)
		if (arch_is_name(*c) && !arch_is_digit(*c))
			return true;
	return false;
}

/* Takes the linker's value, from the note, in place of an expression. An expression with a
 * relocation of its own (@) is no address. */
static void known_disp(struct arch_scan *s)
{
	struct usdt_arg *a = s->arg;

	a->is_address = true;
	for (; s->at < s->end && *s->at != '('; s->at++)
		if (*s->at == '@')
			a->is_address = false;
	a->disp = s->known->disp;
}

/* False if two notes disagree on this operand. rip: the operand is relative to %rip. */
static bool settled(struct arch_scan *s, bool rip)
{
	return !s->known || !(rip ? s->known->clash_rip : s->known->clash) ||
	       arch_bad(s, "several variables at one site (code was merged)");
}

/* What follows the displacement: (base), (base,index), (base,index,scale), (,index,scale). */
static bool x86_address(struct arch_scan *s)
{
	struct usdt_arg *a = s->arg;
	uint64_t scale = 1;

	if (s->at < s->end && *s->at == '%' && !x86_reg(s, &a->base))
		return false;
	if (arch_eat(s, ',')) {
		if (s->at < s->end && *s->at == '%' && !x86_reg(s, &a->index))
			return false;
		if (arch_eat(s, ',') && !arch_number(s, &scale))
			return arch_bad(s, "malformed scale");
	}
	if (!arch_eat(s, ')'))
		return arch_bad(s, "malformed address");
	if (scale != 1 && scale != 2 && scale != 4 && scale != 8)
		return arch_bad(s, "scale is not 1, 2, 4 or 8");
	a->scale = (uint8_t)scale;
	if ((a->base.offset >= 0 && a->base.width < 4) ||
	    (a->index.offset >= 0 && a->index.width < 4))
		return arch_bad(s, "address in a register too narrow");
	if (is_ip(&a->index) || (is_ip(&a->base) && a->index.offset >= 0))
		return arch_bad(s, "malformed address");
	/* sym(%rip) means sym; a number before (%rip) counts from an unknown instruction. */
	if (is_ip(&a->base)) {
		if (s->known && a->is_address)
			a->disp += (int64_t)s->known->next;
		else if (!a->is_address)
			return arch_bad(s, "relative to the instruction pointer without a symbol");
		a->base = arch_no_reg;
		return settled(s, true);
	}
	return settled(s, false);
}

/* gcc keeps 64 bits in two registers that are neighbours in its own order. */
static bool i386_pair(struct arch_scan *s)
{
	struct usdt_arg *a = s->arg;
	struct arch_reg lower = { .offset = a->base.offset, .width = a->base.width }, upper;

	if (!s->known || !s->known->is_pair || a->size != 8 || a->base.shift ||
	    !arch_i386_upper(&lower, &upper))
		return arch_bad(s, "wider than its register");
	a->kind = USDT_ARG_PAIR;
	a->index = arch_reg_of(&upper);
	return settled(s, false);
}

static const char *digits(const char *p)
{
	for (p += *p == '-'; arch_is_digit(*p); p++)
		;
	return p;
}

/*
 * Operands that -masm=intel makes of <sys/sdt.h>'s probes (our own headers refuse that option):
 * a size or OFFSET in words, an address in brackets, a bare register. A bare number is a constant:
 * compilers do not use numbers as addresses.
 */
static bool is_intel(const struct arch_scan *s)
{
	struct arch_reg reg;

	if (s->known)
		return false;
	if (arch_x86_reg(s->at, (size_t)(s->end - s->at), &reg))
		return true;
	return s->at < s->end && (strpbrk(s->at, "[ ") || digits(s->at) == s->end);
}

bool arch_x86_operand(struct arch_scan *s)
{
	struct usdt_arg *a = s->arg;

	if (is_intel(s))
		return arch_bad(s, "in Intel syntax, which is ambiguous (-masm=intel)");
	if (arch_eat(s, '$')) {
		a->kind = USDT_ARG_CONST;
		return arch_expression(s);
	}
	if (s->at < s->end && *s->at == '%') {
		a->kind = USDT_ARG_REG;
		if (!x86_reg(s, &a->base))
			return false;
		/* The note's size decides: compilers name a narrower part of the same register. On
		 * i386 the rest is in another register, which the text does not name. */
		if (a->size > a->base.width) {
			if (s->machine == EM_386 && a->size > 4)
				return i386_pair(s);
			if (a->base.shift || a->size > 8)
				return arch_bad(s, "wider than its register");
			a->base.width = a->size;
		}
		return true;
	}
	if (arch_eat(s, '*'))
		return arch_bad(s, "malformed operand");
	a->kind = USDT_ARG_MEM;
	if (!has_name(s))
		s->known = NULL;
	if (s->at == s->end || *s->at != '(') {
		if (s->known)
			known_disp(s);
		else if (!arch_expression(s))
			return false;
	}
	if (arch_eat(s, '('))
		return x86_address(s);
	return s->at == s->end ? settled(s, false) : arch_bad(s, "malformed operand");
}
