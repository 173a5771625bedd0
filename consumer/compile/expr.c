/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/expr.c: numbers: memory, arithmetic, comparisons.
 * In:   checked trees: conversions are casts, pointer arithmetic is scaled.
 * Out:  instructions that leave the value in r0.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <string.h>

bool type_signed(const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);

	return (r->kind == D_T_INT || r->kind == D_T_ENUM) && r->is_signed;
}

int g_access(uint64_t bytes)
{
	return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 8 ? BPF_DW : BPF_W;
}

void g_extend(struct gen *g, uint32_t size, bool is_signed)
{
	struct cc_func *f = g->f;
	int bits = 64 - 8 * (int)size;

	if (size >= 8 || !size)
		return;
	cc_alu_imm(f, BPF_LSH, R0, bits);
	cc_alu_imm(f, is_signed ? BPF_ARSH : BPF_RSH, R0, bits);
}

void g_norm(struct gen *g, const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);
	int zero;

	if (!d_is_integer(r))
		return;
	if (!r->is_bool) {
		g_extend(g, (uint32_t)r->size, r->is_signed);
		return;
	}
	zero = cc_label_new(g->f);
	cc_jump_imm(g->f, BPF_JEQ, R0, 0, zero);
	cc_imm(g->f, R0, 1);
	cc_label_here(g->f, zero);
}

/* ---- Arithmetic -------------------------------------------------------------- */

/* BPF before version 4 divides unsigned only: r0 and r1 by magnitude, the sign afterwards. */
static void divide_signed(struct gen *g, int op)
{
	struct cc_func *f = g->f;
	int a = cc_label_new(f), b = cc_label_new(f), c = cc_label_new(f);

	cc_mov(f, R2, R0);
	if (op == BPF_DIV)
		cc_alu(f, BPF_XOR, R2, R1); /* the remainder has the dividend's sign */
	cc_jump_imm(f, BPF_JSGE, R0, 0, a);
	cc_alu_imm(f, BPF_NEG, R0, 0);
	cc_label_here(f, a);
	cc_jump_imm(f, BPF_JSGE, R1, 0, b);
	cc_alu_imm(f, BPF_NEG, R1, 0);
	cc_label_here(f, b);
	cc_alu(f, op, R0, R1);
	cc_jump_imm(f, BPF_JSGE, R2, 0, c);
	cc_alu_imm(f, BPF_NEG, R0, 0);
	cc_label_here(f, c);
}

/* Shifts by more than the type's bits: as the machine does it, and d/const.c. */
void g_arith(struct gen *g, enum d_op op, const struct d_type *t)
{
	static const uint8_t alu[D_NOPS] = {
		[D_OP_ADD] = BPF_ADD, [D_OP_SUB] = BPF_SUB, [D_OP_MUL] = BPF_MUL,
		[D_OP_AND] = BPF_AND, [D_OP_OR] = BPF_OR,   [D_OP_XOR] = BPF_XOR,
		[D_OP_SHL] = BPF_LSH, [D_OP_SHR] = BPF_RSH, [D_OP_DIV] = BPF_DIV,
		[D_OP_MOD] = BPF_MOD,
	};
	struct cc_func *f = g->f;
	bool is_signed = type_signed(t);

	if (op == D_OP_DIV || op == D_OP_MOD) {
		int fine = cc_label_new(f);

		cc_jump_imm(f, BPF_JNE, R1, 0, fine);
		g_fault(g, RT_FLT_DIVZERO, -1);
		cc_label_here(f, fine);
		if (is_signed) {
			divide_signed(g, alu[op]);
			return;
		}
	}
	if (op == D_OP_SHL || op == D_OP_SHR)
		cc_alu_imm(f, BPF_AND, R1, d_resolve(t)->size < 8 ? 31 : 63);
	cc_alu(f, op == D_OP_SHR && is_signed ? BPF_ARSH : alu[op], R0, R1);
}

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

/* r0 = 1 if it is not 0. Without a branch: a known 0 or 1 on each of two ways doubled the verifier's
 * work at every ^^ of an expression. */
static void as_bool(struct gen *g)
{
	cc_mov(g->f, R2, R0);
	cc_alu_imm(g->f, BPF_NEG, R2, 0);
	cc_alu(g->f, BPF_OR, R0, R2);
	cc_alu_imm(g->f, BPF_RSH, R0, 63);
}

/* r0 = 1 if r0 op 0 or r1, else 0. */
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

/* Both kids: the left in r0, the right in r1. */
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
	int cmp = compare_op(e->op, type_signed(e->kids[0]->type));

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
