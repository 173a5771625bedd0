/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/poke.c: assignments through pointers.
 * In:   ASSIGN nodes and steps whose left side is in memory: *p, p[i], p->member.
 * Out:  instructions that write what copyin gave this clause, and fault on any other address.
 * Owns: nothing.
 *
 * That memory is the slot's, which no one else uses: no operation on it must be atomic.
 */
#include "consumer/compile/inner.h"

bool is_memory(const struct d_expr *to)
{
	return !own_var(to) &&
	       (to->kind == D_E_DEREF || to->kind == D_E_ELEM || to->kind == D_E_MEMBER);
}

/* Writes r0 to the address at fp + addr. */
static void poke(struct gen *g, int addr, uint32_t size)
{
	struct cc_func *f = g->f;
	uint32_t value = g_room(g, 16), base = value + 8, rooms = g->cc->rec_off + g->cc->rec_max;
	int bad = cc_label_new(f), fine = cc_label_new(f);

	g_slot_store(g, BPF_DW, value, R0);
	g_slot(g, R1, base);
	cc_store(f, BPF_DW, R1, 0, R_SLOT); /* as a number: see s_copyin */
	cc_load(f, BPF_DW, R1, R1, 0);
	cc_load(f, BPF_DW, R2, R_FP, addr);
	cc_alu(f, BPF_SUB, R2, R1);
	cc_jump_imm(f, BPF_JLT, R2, (int32_t)rooms, bad); /* what copyin gave is between them */
	cc_jump_imm(f, BPF_JGT, R2, (int32_t)(value - size), bad);
	g_slot(g, R1, 0);
	cc_imm(f, R3, value);
	cc_imm(f, R4, size);
	cc_routine(f, "rt_copy");
	cc_jump_imm(f, BPF_JSGE, R0, 0, fine);
	cc_label_here(f, bad);
	cc_load(f, BPF_DW, R2, R_FP, addr);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, fine);
}

static void peek(struct gen *g, const struct d_expr *to, int addr)
{
	const struct d_type *t = d_resolve(to->type);

	cc_load(g->f, BPF_DW, R0, R_FP, addr);
	g_read(g, (uint32_t)t->size, t->is_signed, d_is_user(to));
	g_norm(g, to->type);
}

void g_poke(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_expr *to = e->kids[0];
	int addr = g_push(g, 16), rhs = addr + 8;

	g_number(g, e->kids[1]);
	cc_store(f, BPF_DW, R_FP, rhs, R0);
	g_addr(g, to);
	cc_store(f, BPF_DW, R_FP, addr, R0);
	if (e->op != D_OP_ASSIGN && e->op != D_OP_NONE) {
		const struct d_type *as = g_op_type(g, e);

		peek(g, to, addr);
		g_norm(g, as);
		cc_load(f, BPF_DW, R1, R_FP, rhs);
		g_arith(g, e->op, as);
		g_norm(g, as);
		g_norm(g, e->type);
		cc_store(f, BPF_DW, R_FP, rhs, R0);
	}
	cc_load(f, BPF_DW, R0, R_FP, rhs);
	poke(g, addr, (uint32_t)d_resolve(to->type)->size);
	cc_load(f, BPF_DW, R0, R_FP, rhs);
	g_pop(g, 16);
}

void g_poke_step(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_expr *to = e->kids[0];
	int addr = g_push(g, 24), old = addr + 8, new = addr + 16;
	bool down = e->op == D_OP_PREDEC || e->op == D_OP_POSTDEC;
	bool before = e->op == D_OP_POSTINC || e->op == D_OP_POSTDEC;

	g_addr(g, to);
	cc_store(f, BPF_DW, R_FP, addr, R0);
	peek(g, to, addr);
	cc_store(f, BPF_DW, R_FP, old, R0);
	cc_alu_imm(f, down ? BPF_SUB : BPF_ADD, R0, (int32_t)e->ival);
	g_norm(g, e->type);
	cc_store(f, BPF_DW, R_FP, new, R0);
	poke(g, addr, (uint32_t)d_resolve(to->type)->size);
	cc_load(f, BPF_DW, R0, R_FP, before ? old : new);
	g_pop(g, 24);
}
