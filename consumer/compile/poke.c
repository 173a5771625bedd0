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
	return !own_var(to) && (to->kind == D_E_DEREF || to->kind == D_E_ELEM ||
				to->kind == D_E_MEMBER || to->kind == D_E_KSYM ||
				(to->kind == D_E_INDEX && to->kids[0]->var->scope == D_V_BUILTIN));
}

static void peek(struct gen *g, const struct d_expr *to, int addr)
{
	const struct d_type *t = d_resolve(to->type);

	struct memory m = { .user = d_is_user(to), .own = has_own_memory(g) };

	cc_load(g->f, BPF_DW, R0, R_FP, addr);
	g_memory_number(g, &m, (uint32_t)t->size, t->is_signed);
	g_norm(g, to->type);
}

void g_poke(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_expr *to = e->kids[0];
	int addr = g_push(g, 16), rhs = addr + 8;

	g_number(g, e->kids[1]);
	cc_store(f, BPF_DW, R_FP, rhs, R0);
	g_address(g, to);
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
	g_memory_store(g, addr, (uint32_t)d_resolve(to->type)->size);
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

	g_address(g, to);
	cc_store(f, BPF_DW, R_FP, addr, R0);
	peek(g, to, addr);
	cc_store(f, BPF_DW, R_FP, old, R0);
	cc_alu_imm(f, down ? BPF_SUB : BPF_ADD, R0, (int32_t)e->ival);
	g_norm(g, e->type);
	cc_store(f, BPF_DW, R_FP, new, R0);
	g_memory_store(g, addr, (uint32_t)d_resolve(to->type)->size);
	cc_load(f, BPF_DW, R0, R_FP, before ? old : new);
	g_pop(g, 24);
}
