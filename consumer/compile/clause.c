/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/clause.c: compiles clauses to functions.
 * In:   checked clauses, one or several for each function.
 * Out:  a function (ctx, fire, slot, from) that runs its clauses in order, beginning with the
 *       clause at index `from`. It returns 0, or the number (from 1) of a clause that faulted, with
 *       the fault in fire. A call with that number as `from` goes on with the next clause.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <stddef.h>

static void stmts(struct gen *g, struct d_stmt **s, size_t n);

static void s_if(struct gen *g, const struct d_stmt *s)
{
	struct cc_func *f = g->f;
	int no = cc_label_new(f), end = cc_label_new(f);

	g_number(g, s->expr);
	cc_jump_imm(f, BPF_JEQ, R0, 0, no);
	stmts(g, s->then, s->nthen);
	cc_jump(f, end);
	cc_label_here(f, no);
	stmts(g, s->otherwise, s->nelse);
	cc_label_here(f, end);
}

static void s_expr(struct gen *g, const struct d_stmt *s)
{
	g_value(g, s->expr);
}

static void (*const by_kind[])(struct gen *g, const struct d_stmt *s) = {
	[D_S_EXPR] = s_expr,
	[D_S_ACTION] = g_rec_action,
	[D_S_AGG] = g_agg,
	[D_S_IF] = s_if,
};

/* A statement's room in the slot is free after the statement. */
static void stmts(struct gen *g, struct d_stmt **s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t top = g->top;

		g->action = s[i]->action_index;
		by_kind[s[i]->kind](g, s[i]);
		g->top = top;
	}
}

/* r8 = the slot, by its index in r3. A slot's address as an argument would be plain memory to the
 * verifier, and kernels before 6.12 take no map key from plain memory. */
static void slot_find(struct gen *g, int out)
{
	struct cc_func *f = g->f;
	int at = g_push(g, 8);

	cc_store(f, BPF_W, R_FP, at, R3);
	cc_map(f, R1, CC_MAP_SCRATCH);
	cc_mov(f, R2, R_FP);
	cc_alu_imm(f, BPF_ADD, R2, at);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JEQ, R0, 0, out);
	cc_mov(f, R_SLOT, R0);
	g_pop(g, 8);
}

/* Completes the fault in fire. r0 = the clause's number in the function, from 1. */
static void fault_end(struct gen *g, size_t nth)
{
	struct cc_func *f = g->f;

	cc_label_here(f, g->fault);
	cc_load(f, BPF_W, R0, R_FIRE, offsetof(struct rt_fire, probe));
	cc_alu_imm(f, BPF_MUL, R0, (int32_t)g->cc->prog->nclauses);
	cc_alu_imm(f, BPF_ADD, R0, g->clause->index + 1);
	cc_store(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[0]), R0);
	cc_store_imm(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[2]), -1);
	cc_store_imm(f, BPF_W, R_FIRE, offsetof(struct rt_fire, clause), g->clause->index);
	cc_imm(f, R0, (int64_t)nth + 1);
	cc_exit(f);
}

#define ERR(n)                                         \
	{                                              \
		.kind = CC_A_ERR, .size = 8, .disp = n \
	}
static const struct cc_args error_args = {
	.arg = { [1] = ERR(0), [2] = ERR(1), [3] = ERR(2), [4] = ERR(3), [5] = ERR(4) },
	.typed = { [1] = ERR(0), [2] = ERR(1), [3] = ERR(2), [4] = ERR(3), [5] = ERR(4) },
};

/* A clause's jumps stay inside the clause: a function of many is longer than a jump reaches. */
static void body(struct gen *g, size_t nth)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	g->fault = cc_label_new(f);
	g->tail = g_push(g, 8);
	/* After exit() on any CPU no further clause starts, not even in this firing; only those of
	 * END and ERROR do. main tests that before the unit's first clause. */
	if (g->cc->has_exit && !g->unit->end && g->args != &error_args &&
	    g->clause->index != g->unit->clauses[0])
		g_life_test(g, end);
	g_heap_begin(g);
	if (g->clause->pred) {
		g_number(g, g->clause->pred);
		cc_jump_imm(f, BPF_JEQ, R0, 0, end);
	}
	g->top = g->cc->rooms_off;
	g_rec_begin(g);
	stmts(g, g->clause->body, g->clause->nbody);
	g_rec_end(g);
	cc_jump(f, end);
	fault_end(g, nth);
	cc_label_here(f, end);
}

/* A function's beginning: what its clauses share, then the jump to the clause `from`. */
static void entry(struct gen *g, const int *begin, size_t n)
{
	struct cc_func *f = g->f;
	int out = cc_label_new(f), go = cc_label_new(f);

	cc_mov(f, R_CTX, R1);
	cc_mov(f, R_FIRE, R2);
	cc_jump_imm(f, BPF_JNE, R_FIRE, 0, go); /* the verifier wants pointer arguments tested */
	cc_label_here(f, out);
	cc_imm(f, R0, 0);
	cc_exit(f);
	cc_label_here(f, go);
	if (n > 1)
		cc_mov(f, R_PTR, R4);
	if (g->scratch)
		slot_find(g, out);
	for (size_t i = 1; i < n; i++)
		cc_jump_imm(f, BPF_JEQ, R_PTR, (int32_t)i, begin[i]);
	if (n > 1)
		cc_jump_imm(f, BPF_JNE, R_PTR, 0, out); /* the last clause has faulted */
}

struct group {
	struct cc *cc;
	struct cc_func_set *set;
	struct cc_func *f;
	const int *list;
	size_t n;
	bool is_error, scratch;
};

static int too_deep(struct group *gr, const struct d_clause *c)
{
	diag_error(gr->cc->diag, c->loc, D_PROG_LEN,
		   "an expression of this clause is nested too deeply to compile");
	diag_hint(gr->cc->diag, "keep parts of it in this-> variables");
	return -E2BIG;
}

/* Generates gr->n clauses, or fewer if they make the function long: gr->n then says how many. */
static int generate(struct group *gr, bool slot)
{
	enum { LONG = 1 << 14 };
	struct cc *cc = gr->cc;
	const struct d_clause *first = cc->prog->clauses[gr->list[0]];
	struct cc_func *f = cc_func_new(
		cc->arena,
		arena_printf(cc->arena, "%s_%d", gr->is_error ? "error" : "clause", first->index));
	int *begin = arena_array(cc->arena, int, gr->n);

	if (!f || !begin)
		return -ENOMEM;
	gr->f = f;
	gr->scratch = false;
	f->params = gr->n > 1 ? "cfnn" : slot ? "cfn" : "cf";
	for (size_t i = 0; i < gr->n; i++)
		begin[i] = cc_label_new(f);
	entry(&(struct gen){ .cc = cc, .f = f, .scratch = slot }, begin, gr->n);
	for (size_t i = 0; i < gr->n; i++) {
		const struct d_clause *c = cc->prog->clauses[gr->list[i]];
		struct gen g = {
			.cc = cc,
			.set = gr->set,
			.f = f,
			.unit = &gr->set->unit,
			.clause = c,
			.args = gr->is_error ? &error_args : gr->set->unit.args,
			.rec = &cc->recs[c->index],
			.is_error = gr->is_error,
			.sleep = cc_contexts[gr->set->unit.ctx].sleeps,
			.top = cc->rooms_off,
			.heap_room = cc_heap_room(cc, c),
		};

		cc_label_here(f, begin[i]);
		body(&g, i);
		if (g.too_deep)
			return too_deep(gr, c);
		gr->scratch |= g.scratch;
		if (f->n > LONG && i + 1 < gr->n) {
			gr->n = i + 1;
			return generate(gr, slot);
		}
	}
	cc_imm(f, R0, 0);
	cc_exit(f);
	return 0;
}

int g_clauses(struct cc *cc, struct cc_func_set *set, const int *list, size_t *n, bool is_error)
{
	struct cc_func **place = ARENA_PUSH(cc->arena, set->funcs, set->nfuncs, set->cap);
	struct group gr = { .cc = cc, .set = set, .list = list, .n = *n, .is_error = is_error };
	int err = place ? generate(&gr, true) : -ENOMEM;

	/* Only finished clauses tell whether they use the slot. Without slot they are made anew. */
	if (!err && !gr.scratch)
		err = generate(&gr, false);
	if (err)
		return err;
	*place = gr.f;
	*n = gr.n;
	set->scratch |= gr.scratch;
	err = cc_func_end(gr.f);
	if (err == -E2BIG) { /* a long clause is its function's last */
		diag_error(cc->diag, cc->prog->clauses[list[gr.n - 1]]->loc, D_PROG_LEN,
			   "this clause is too long");
		diag_hint(cc->diag, "make several clauses of it");
	}
	return err ? err : (int)set->nfuncs - 1;
}
