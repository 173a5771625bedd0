/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/clause.c: the function of one clause.
 * In:   a checked clause.
 * Out:  a function (ctx, fire, slot): 0, or 1 if it faulted, with the fault in fire.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <stddef.h>

static void stmts(struct gen *g, struct d_stmt **s, size_t n);

static void s_if(struct gen *g, const struct d_stmt *s)
{
	struct cc_func *f = g->f;
	int no = cc_label_new(f), end = cc_label_new(f);

	g_value(g, s->expr);
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
	[D_S_EXPR] = s_expr, [D_S_ACTION] = g_rec_action, [D_S_AGG] = g_agg, [D_S_IF] = s_if,
};

/* What a statement had in the slot is free after it, but for what copyin gave. */
static void stmts(struct gen *g, struct d_stmt **s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t top = g->top;

		g->action = s[i]->action_index;
		by_kind[s[i]->kind](g, s[i]);
		if (!g->keep)
			g->top = top;
	}
}

/* A pointer argument: the verifier has it tested. */
static void argument(struct gen *g, int from, int to, int bad)
{
	cc_mov(g->f, to, from);
	cc_jump_imm(g->f, BPF_JEQ, to, 0, bad);
}

/* r3 is the slot's index: a slot handed over as a pointer would be plain memory to the verifier,
 * and kernels before 6.12 take no map key from there. */
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

static void fault_end(struct gen *g)
{
	struct cc_func *f = g->f;

	cc_label_here(f, g->fault);
	cc_load(f, BPF_W, R0, R_FIRE, offsetof(struct rt_fire, probe));
	cc_alu_imm(f, BPF_MUL, R0, (int32_t)g->cc->prog->nclauses);
	cc_alu_imm(f, BPF_ADD, R0, g->clause->index + 1);
	cc_store(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[0]), R0);
	cc_store_imm(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[2]), -1);
	cc_store_imm(f, BPF_W, R_FIRE, offsetof(struct rt_fire, clause), g->clause->index);
	cc_imm(f, R0, 1);
	cc_exit(f);
}

static void body(struct gen *g)
{
	struct cc_func *f = g->f;
	int out = cc_label_new(f);

	g->fault = cc_label_new(f);
	cc_mov(f, R_CTX, R1);
	argument(g, R2, R_FIRE, out);
	if (f->nparams == 3)
		slot_find(g, out);
	g->tail = g_push(g, 8);
	if (g->clause->pred) {
		g_value(g, g->clause->pred);
		cc_jump_imm(f, BPF_JEQ, R0, 0, out);
	}
	if (!g->keep)
		g->top = g->cc->rec_off + g->cc->rec_max;
	g_rec_begin(g);
	stmts(g, g->clause->body, g->clause->nbody);
	g_rec_end(g);
	cc_label_here(f, out);
	cc_imm(f, R0, 0);
	cc_exit(f);
	fault_end(g);
}

static const struct cc_args error_args = { .arg = {
	[1] = { .kind = CC_A_ERR, .size = 8, .disp = 0 }, [2] = { .kind = CC_A_ERR, .size = 8, .disp = 1 },
	[3] = { .kind = CC_A_ERR, .size = 8, .disp = 2 }, [4] = { .kind = CC_A_ERR, .size = 8, .disp = 3 },
	[5] = { .kind = CC_A_ERR, .size = 8, .disp = 4 },
} };

static bool generate(struct cc *cc, struct cc_func_set *set, struct gen *g, const struct d_clause *c,
		     bool is_error, int nparams)
{
	const char *name = arena_printf(cc->arena, "%s_%d", is_error ? "error" : "clause", c->index);

	*g = (struct gen){ .cc = cc, .set = set, .unit = &set->unit, .clause = c,
			   .args = is_error ? &error_args : set->unit.args, .rec = &cc->recs[c->index],
			   .sleep = set->unit.ctx == CC_CTX_UPROBE,
			   .top = cc->rec_off + cc->rec_max };
	g->f = cc_func_new(cc->arena, name);
	if (!g->f)
		return false;
	g->f->nparams = nparams;
	body(g);
	return true;
}

int g_clause(struct cc *cc, struct cc_func_set *set, const struct d_clause *c, bool is_error)
{
	struct cc_func **slot = ARENA_PUSH(cc->arena, set->funcs, set->nfuncs, set->cap);
	struct gen g;
	int err;

	/* Whether a clause uses the slot is known when it is done; one that does not does without. */
	if (!slot || !generate(cc, set, &g, c, is_error, 3) ||
	    (!g.scratch && !generate(cc, set, &g, c, is_error, 2)))
		return -ENOMEM;
	if (g.too_deep) {
		diag_error(cc->diag, c->loc, "D_PROG_LEN",
			   "an expression of this clause is nested too deeply to compile");
		diag_hint(cc->diag, "keep parts of it in this-> variables");
		return -E2BIG;
	}
	*slot = g.f;
	set->scratch |= g.scratch;
	err = cc_func_end(g.f);
	if (err == -E2BIG)
		diag_error(cc->diag, c->loc, "D_PROG_LEN", "this clause is too long");
	return err ? err : (int)set->nfuncs - 1;
}
