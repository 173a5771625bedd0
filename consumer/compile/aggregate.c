/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/aggregate.c: where elements and members lie in variables that are arrays or
 * structs.
 * In:   MEMBER and ELEM nodes whose innermost node is a variable or an associative array's element.
 * Out:  instructions that leave the offset from the variable's start.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

static bool varies(const struct d_expr *e)
{
	for (; e->kind == D_E_MEMBER || e->kind == D_E_ELEM; e = e->kids[0])
		if (e->kind == D_E_ELEM && e->kids[1]->kind != D_E_INT)
			return true;
	return false;
}

/* Returns the offset's constant part, and adds the part that only run time tells to fp + sum. */
static uint64_t offset(struct gen *g, const struct d_expr *e, int sum)
{
	struct cc_func *f = g->f;
	uint64_t size, off;

	if (e->kind != D_E_MEMBER && e->kind != D_E_ELEM)
		return 0;
	off = offset(g, e->kids[0], sum);
	if (e->kind == D_E_MEMBER)
		return off + e->bit_off / 8;
	size = d_resolve(e->type)->size;
	if (e->kids[1]->kind == D_E_INT)
		return off + e->kids[1]->ival * size;
	g_number(g, e->kids[1]);
	cc_imm(f, R1, (int64_t)size);
	cc_alu(f, BPF_MUL, R0, R1);
	cc_load(f, BPF_DW, R1, R_FP, sum);
	cc_alu(f, BPF_ADD, R1, R0);
	cc_store(f, BPF_DW, R_FP, sum, R1);
	return off;
}

/* An offset outside of the variable is an invalid address: the guide promises no check of bounds,
 * but the access would do damage. */
struct offset g_offset(struct gen *g, const struct d_expr *e)
{
	uint64_t last = d_resolve(cc_aggregate_of(e)->type)->size - d_resolve(e->type)->size, off;
	struct offset o = { .varies = varies(e) };
	struct cc_func *f = g->f;
	int inside;

	if (!o.varies) {
		off = offset(g, e, 0);
		if (off > last) {
			cc_imm(f, R2, (int64_t)off);
			g_fault(g, RT_FLT_BADADDR, R2);
		}
		o.known = (uint32_t)off;
		return o;
	}
	o.at = g_push(g, 16);
	inside = cc_label_new(f);
	cc_store_imm(f, BPF_DW, R_FP, o.at, 0);
	off = offset(g, e, o.at);
	cc_load(f, BPF_DW, R0, R_FP, o.at);
	cc_imm(f, R1, (int64_t)off);
	cc_alu(f, BPF_ADD, R0, R1);
	cc_jump_imm(f, BPF_JLE, R0, (int32_t)last, inside);
	cc_mov(f, R2, R0);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, inside);
	cc_store(f, BPF_DW, R_FP, o.at, R0);
	return o;
}

/* Shifts round the offset down: after a mask the verifier would know looser bounds. The whole word
 * is inside the variable, because a variable's size is a multiple of 8. */
void g_offset_word(struct gen *g, struct offset *o)
{
	struct cc_func *f = g->f;

	if (!o->varies) {
		o->bits = 8 * (o->known & 3);
		o->known &= ~3u;
		return;
	}
	cc_load(f, BPF_DW, R0, R_FP, o->at);
	cc_mov(f, R1, R0);
	cc_alu_imm(f, BPF_AND, R1, 3);
	cc_alu_imm(f, BPF_LSH, R1, 3);
	cc_store(f, BPF_DW, R_FP, o->at + 8, R1);
	cc_alu_imm(f, BPF_RSH, R0, 2);
	cc_alu_imm(f, BPF_LSH, R0, 2);
	cc_store(f, BPF_DW, R_FP, o->at, R0);
}

void g_offset_shift(struct gen *g, const struct offset *o, int reg)
{
	if (o->varies)
		cc_load(g->f, BPF_DW, reg, R_FP, o->at + 8);
	else
		cc_imm(g->f, reg, o->bits);
}

void g_offset_free(struct gen *g, const struct offset *o)
{
	if (o->varies)
		g_pop(g, 16);
}
