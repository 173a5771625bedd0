/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/arg.c: reads arguments of probes from the places where sites have them.
 * In:   a unit's operands; its clauses, which tell what operands they read.
 * Out:  instructions that leave an argument in r0. If all sites of a unit have the argument at one
 *       place, the instructions hold the place; else they look it up in the table of places, by the
 *       site's row.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <assert.h>
#include <stddef.h>

/* ---- Each kind ------------------------------------------------------------------ */

static void arg_none(struct gen *g, const struct cc_arg *a)
{
	(void)a;
	cc_imm(g->f, R0, 0);
}

static void arg_ctx(struct gen *g, const struct cc_arg *a)
{
	cc_load(g->f, BPF_DW, R0, R_CTX, (int)a->disp);
}

static void arg_ctxptr(struct gen *g, const struct cc_arg *a)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_DW, R0, R_CTX, a->base);
	cc_imm(f, R1, a->disp);
	cc_alu(f, BPF_ADD, R0, R1);
	g_read(g, a->size, a->is_signed, false);
}

static void arg_reg(struct gen *g, const struct cc_arg *a)
{
	cc_load(g->f, BPF_DW, R0, R_CTX, a->base);
	if (a->shift)
		cc_alu_imm(g->f, BPF_RSH, R0, a->shift);
	g_extend(g, a->size, a->is_signed);
}

static void arg_pair(struct gen *g, const struct cc_arg *a)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_W, R0, R_CTX, a->index);
	cc_alu_imm(f, BPF_LSH, R0, 32);
	cc_load(f, BPF_W, R1, R_CTX, a->base);
	cc_alu(f, BPF_OR, R0, R1);
}

static void arg_const(struct gen *g, const struct cc_arg *a)
{
	cc_imm(g->f, R0, a->disp);
}

static void arg_umem(struct gen *g, const struct cc_arg *a)
{
	struct cc_func *f = g->f;

	cc_imm(f, R0, a->disp);
	if (a->base >= 0) {
		cc_load(f, BPF_DW, R1, R_CTX, a->base);
		cc_alu(f, BPF_ADD, R0, R1);
	}
	if (a->index >= 0) {
		cc_load(f, BPF_DW, R1, R_CTX, a->index);
		cc_alu_imm(f, BPF_MUL, R1, a->scale);
		cc_alu(f, BPF_ADD, R0, R1);
	}
	if (a->narrow)
		g_extend(g, 4, false);
	g_read(g, a->size, a->is_signed, true);
}

/* r0 = the system call's result; -1 for any error. */
static void arg_sysret(struct gen *g, const struct cc_arg *a)
{
	struct cc_func *f = g->f;
	int fine = cc_label_new(f);

	cc_load(f, BPF_DW, R0, R_CTX, (int)a->disp);
	cc_jump_imm(f, BPF_JLT, R0, -4095, fine); /* unsigned: all above are errors */
	cc_imm(f, R0, -1);
	cc_label_here(f, fine);
}

/* r0 = the interrupted PC, or 0 if the other of kernel and user land was interrupted. The lower
 * bits of x86-64's CS tell which. */
static void interrupted_pc(struct gen *g, bool user)
{
	struct cc_func *f = g->f;
	int other = cc_label_new(f), end = cc_label_new(f);

	cc_load(f, BPF_DW, R1, R_CTX, g_field(g, "pt_regs.cs"));
	cc_alu_imm(f, BPF_AND, R1, 3);
	cc_jump_imm(f, user ? BPF_JEQ : BPF_JNE, R1, 0, other);
	cc_load(f, BPF_DW, R0, R_CTX, g_field(g, "pt_regs.ip"));
	cc_jump(f, end);
	cc_label_here(f, other);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
}

static void arg_kpc(struct gen *g, const struct cc_arg *a)
{
	(void)a;
	interrupted_pc(g, false);
}

static void arg_upc(struct gen *g, const struct cc_arg *a)
{
	(void)a;
	interrupted_pc(g, true);
}

static void arg_err(struct gen *g, const struct cc_arg *a)
{
	cc_load(g->f, BPF_DW, R0, R_FIRE,
		(int)(offsetof(struct rt_fire, err) + 8 * (size_t)a->disp));
}

/* The fault's value is the argument's number, from 1: the consumer prints why it cannot be read. */
static void arg_bad(struct gen *g, const struct cc_arg *a)
{
	cc_imm(g->f, R2, a->disp);
	g_fault(g, RT_FLT_ILLOP, R2);
}

/* ---- By the table of places ------------------------------------------------------- */

/* r3, r4 = the struct rt_place at `off` of the site's row. */
static void place_load(struct gen *g, int off)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_W, R2, R_FIRE, offsetof(struct rt_fire, place));
	/* Every row is inside the table; the mask shows that to the verifier. */
	cc_alu_imm(f, BPF_AND, R2, (int32_t)g->unit->nplaces - 1);
	cc_alu_imm(f, BPF_MUL, R2, (int32_t)g->unit->place_size);
	cc_value_of(f, R1, g->unit->places);
	cc_alu(f, BPF_ADD, R1, R2);
	cc_load(f, BPF_DW, R3, R1, off);
	cc_load(f, BPF_DW, R4, R1, off + 8);
}

/* Reads the argument at the place in r3, r4 into err[4]. r0: 0, or the fault. */
static void place_read(struct gen *g)
{
	cc_mov(g->f, R1, R_CTX);
	cc_mov(g->f, R2, R_FIRE);
	cc_routine(g->f, "rt_arg");
}

static void arg_place(struct gen *g, const struct cc_arg *a)
{
	const int value = offsetof(struct rt_fire, err[4]);
	struct cc_func *f = g->f;
	int fine = cc_label_new(f), illegal = cc_label_new(f), end = cc_label_new(f);

	place_load(g, (int)a->disp);
	/* Constants are the most frequent: they need no call. */
	cc_mov(f, R0, R4);
	cc_mov(f, R1, R3);
	cc_alu_imm(f, BPF_AND, R1, 0xff); /* kind is the first byte */
	cc_jump_imm(f, BPF_JEQ, R1, RT_PLACE_CONST, end);
	place_read(g);
	cc_jump_imm(f, BPF_JEQ, R0, 0, fine);
	cc_load(f, BPF_DW, R2, R_FIRE, value);
	cc_jump_imm(f, BPF_JEQ, R0, RT_FLT_ILLOP, illegal);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, illegal);
	g_fault(g, RT_FLT_ILLOP, R2);
	cc_label_here(f, fine);
	cc_load(f, BPF_DW, R0, R_FIRE, value);
	cc_label_here(f, end);
}

/* ---- Which arguments clauses read ----------------------------------------------------- */

#define BIT(operand) (1ull << (operand))

static uint64_t expr_args(const struct d_expr *e)
{
	uint64_t used = 0;

	if (!e)
		return 0;
	if (e->kind == D_E_VAR && e->var->scope == D_V_BUILTIN) {
		used |= (uint64_t)d_var_rows[e->var->id].args << CC_ARG;
		if (e->var->id == D_BUILTIN_ucaller)
			used |= BIT(CC_CALLER);
	}
	if (e->kind == D_E_INDEX && e->kids[0]->var->scope == D_V_BUILTIN && e->ival < CC_NARGS)
		used |= BIT(CC_TYPED + e->ival);
	if (e->type && cc_key_kind(e->type) == REC_USTACK)
		used |= BIT(CC_CALLER);
	for (size_t i = 0; i < e->nkids; i++)
		used |= expr_args(e->kids[i]);
	return used;
}

static uint64_t stmts_args(struct d_stmt **s, size_t n)
{
	uint64_t used = 0;

	for (size_t i = 0; i < n; i++) {
		used |= expr_args(s[i]->kind == D_S_AGG ? s[i]->target : s[i]->expr);
		for (size_t k = 0; k < s[i]->nargs; k++)
			used |= expr_args(s[i]->args[k]);
		used |= stmts_args(s[i]->then, s[i]->nthen);
		used |= stmts_args(s[i]->otherwise, s[i]->nelse);
	}
	return used;
}

uint64_t cc_args_used(const struct cc *cc, const int *clauses, size_t nclauses)
{
	uint64_t used = 0;

	for (size_t i = 0; i < nclauses; i++) {
		const struct d_clause *c = cc->prog->clauses[clauses[i]];

		used |= expr_args(c->pred) | stmts_args(c->body, c->nbody);
	}
	return used;
}

/* ---- Entry points ----------------------------------------------------------------------- */

enum { RT_PLACE_UNKNOWN = -1 };

static const struct {
	void (*read)(struct gen *g, const struct cc_arg *a);
	int place;
	bool is_sure;
} kinds[CC_NARGKINDS] = {
#define CC_ARGKIND(id, lower, place, is_sure) \
	[CC_A_##id] = { arg_##lower, RT_PLACE_##place, is_sure },
#include "consumer/compile/args.def"
};

static uint8_t place_reg(int offset)
{
	return offset < 0 ? RT_NO_REG : (uint8_t)(offset / 8);
}

bool cc_place(const struct cc_arg *from, struct rt_place *to)
{
	*to = (struct rt_place){
		.kind = (uint8_t)kinds[from->kind].place,
		.size = from->size,
		.base = place_reg(from->base),
		.index = place_reg(from->index),
		.shift = from->shift,
		.scale = from->scale,
		.is_signed = from->is_signed,
		.narrow = from->narrow,
		.disp = from->disp,
	};
	return kinds[from->kind].place != RT_PLACE_UNKNOWN;
}

/* A condition is tested before there is a slot or a clause's stack: kernel memory is read into the
 * 8 bytes at `word` of main's stack. */
void g_condition_operand(struct gen *g, const struct cc_arg *a, int word)
{
	struct cc_func *f = g->f;

	assert(kinds[a->kind].is_sure);
	if (a->kind != CC_A_CTXPTR) {
		kinds[a->kind].read(g, a);
		return;
	}
	cc_load(f, BPF_DW, R3, R_CTX, a->base);
	cc_alu_imm(f, BPF_ADD, R3, (int32_t)a->disp);
	cc_mov(f, R1, R_FP);
	cc_alu_imm(f, BPF_ADD, R1, word);
	cc_imm(f, R2, a->size);
	cc_helper(f, BPF_FUNC_probe_read_kernel); /* fills with zeros if it fails */
	cc_load(f, g_access(a->size), R0, R_FP, word);
	g_extend(g, a->size, a->is_signed);
}

void g_arg(struct gen *g, size_t operand)
{
	static const struct cc_arg none;
	const struct cc_arg *a = g->args && operand < CC_NOPERANDS ? &g->args->at[operand] : &none;

	kinds[a->kind].read(g, a);
}

void g_typed_arg(struct gen *g, size_t n)
{
	g_arg(g, n < CC_NARGS ? CC_TYPED + n : CC_NOPERANDS);
}

bool g_return_address(struct gen *g)
{
	const struct cc_arg *a = g->unit->args ? &g->unit->args->caller : NULL;
	struct cc_func *f = g->f;
	int unknown = cc_label_new(f), end = cc_label_new(f);
	struct rt_place place;

	if (!a || a->kind == CC_A_NONE)
		return false;
	if (a->kind == CC_A_PLACE) {
		place_load(g, (int)a->disp);
	} else if (cc_place(a, &place)) {
		uint64_t where;

		memcpy(&where, &place, sizeof(where));
		cc_imm(f, R3, (int64_t)where);
		cc_imm(f, R4, place.disp);
	}
	place_read(g);
	cc_jump_imm(f, BPF_JNE, R0, 0, unknown);
	cc_load(f, BPF_DW, R0, R_FIRE, offsetof(struct rt_fire, err[4]));
	cc_jump(f, end);
	cc_label_here(f, unknown);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	return true;
}
