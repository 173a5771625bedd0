/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/number.c: arithmetic on numbers that are in registers.
 * In:   r0 and r1; the type.
 * Out:  instructions that leave the result in r0.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

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

/* BPF before version 4 divides unsigned only: the magnitudes are divided, then the sign is set. */
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

/* A shift's count is taken modulo 32 or 64, as the machine and d/const.c do. */
void g_arith(struct gen *g, enum d_op op, const struct d_type *t)
{
	static const uint8_t alu[D_NOPS] = {
		[D_OP_ADD] = BPF_ADD, [D_OP_SUB] = BPF_SUB, [D_OP_MUL] = BPF_MUL,
		[D_OP_AND] = BPF_AND, [D_OP_OR] = BPF_OR,   [D_OP_XOR] = BPF_XOR,
		[D_OP_SHL] = BPF_LSH, [D_OP_SHR] = BPF_RSH, [D_OP_DIV] = BPF_DIV,
		[D_OP_MOD] = BPF_MOD,
	};
	struct cc_func *f = g->f;
	bool is_signed = cc_type_signed(t);

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
