/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/expr.c: operators of one and of two operands: comparisons, logic, arithmetic.
 * In:   checked trees: conversions are casts, pointer arithmetic is scaled.
 * Out:  instructions that leave the value in r0.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <string.h>

static int compare_op(enum d_op op, bool is_signed)
{
	switch (op) {
	case D_OP_EQ: return BPF_JEQ;
	case D_OP_NE: return BPF_JNE;
	case D_OP_LT: return is_signed ? BPF_JSLT : BPF_JLT;
	case D_OP_LE: return is_signed ? BPF_JSLE : BPF_JLE;
	case D_OP_GT: return is_signed ? BPF_JSGT : BPF_JGT;
	case D_OP_GE: return is_signed ? BPF_JSGE : BPF_JGE;
	default: return 0;
	}
}

/* r0 = 1 if r0 is not 0. There is no branch: with one, the verifier walks the rest once with 0 and
 * once with 1, which doubled its work at every ^^ of an expression. */
static void as_bool(struct gen *g)
{
	cc_mov(g->f, R2, R0);
	cc_alu_imm(g->f, BPF_NEG, R2, 0);
	cc_alu(g->f, BPF_OR, R0, R2);
	cc_alu_imm(g->f, BPF_RSH, R0, 63);
}

/* r0 = 1 if r0 op reg, else 0. reg < 0: compares with 0. */
static void truth(struct gen *g, int op, int reg)
{
	struct cc_func *f = g->f;
	int yes = cc_label_new(f), end = cc_label_new(f);

	if (reg < 0)
		cc_jump_imm(f, op, R0, 0, yes);
	else
		cc_jump_if(f, op, R0, reg, yes);
	cc_imm(f, R0, 0);
	cc_jump(f, end);
	cc_label_here(f, yes);
	cc_imm(f, R0, 1);
	cc_label_here(f, end);
}

/* r0 = a, r1 = b. */
static void both(struct gen *g, const struct d_expr *a, const struct d_expr *b)
{
	struct held held;

	g_number(g, a);
	if (b->kind == D_E_INT) {
		cc_imm(g->f, R1, (int64_t)b->ival);
		return;
	}
	held = g_hold(g);
	g_number(g, b);
	cc_mov(g->f, R1, R0);
	g_release(g, &held);
}

static void compare_strings(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	uint32_t a = g_string(g, e->kids[0]), b = g_string(g, e->kids[1]);

	g_slot(g, R1, 0);
	cc_imm(f, R2, a);
	cc_imm(f, R3, b);
	cc_routine(f, "rt_strcmp");
	truth(g, compare_op(e->op, true), -1);
}

static void logical(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	g_number(g, e->kids[0]);
	as_bool(g);
	cc_jump_imm(f, e->op == D_OP_LAND ? BPF_JEQ : BPF_JNE, R0, 0, end);
	g_number(g, e->kids[1]);
	as_bool(g);
	cc_label_here(f, end);
}

static void exclusive(struct gen *g, const struct d_expr *e)
{
	struct held held;

	g_number(g, e->kids[0]);
	as_bool(g);
	held = g_hold(g);
	g_number(g, e->kids[1]);
	as_bool(g);
	cc_mov(g->f, R1, R0);
	g_release(g, &held);
	cc_alu(g->f, BPF_XOR, R0, R1);
}

struct value g_binary(struct gen *g, const struct d_expr *e)
{
	int cmp = compare_op(e->op, cc_type_signed(e->kids[0]->type));

	if (cmp && d_is_string(e->kids[0]->type)) {
		compare_strings(g, e);
	} else if (cmp) {
		both(g, e->kids[0], e->kids[1]);
		truth(g, cmp, R1);
	} else if (e->op == D_OP_LAND || e->op == D_OP_LOR) {
		logical(g, e);
	} else if (e->op == D_OP_LXOR) {
		exclusive(g, e);
	} else {
		both(g, e->kids[0], e->kids[1]);
		g_arith(g, e->op, e->type);
		g_norm(g, e->type);
	}
	return value_number();
}

struct value g_unary(struct gen *g, const struct d_expr *e)
{
	if (e->op == D_OP_PREINC || e->op == D_OP_PREDEC || e->op == D_OP_POSTINC ||
	    e->op == D_OP_POSTDEC) {
		g_step(g, e);
		return value_number();
	}
	g_number(g, e->kids[0]);
	if (e->op == D_OP_NEG) {
		cc_alu_imm(g->f, BPF_NEG, R0, 0);
	} else if (e->op == D_OP_BITNOT) {
		cc_alu_imm(g->f, BPF_XOR, R0, -1);
	} else if (e->op == D_OP_NOT) {
		as_bool(g);
		cc_alu_imm(g->f, BPF_XOR, R0, 1);
	}
	g_norm(g, e->type);
	return value_number();
}
