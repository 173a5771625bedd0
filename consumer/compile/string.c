/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/string.c: string expressions.
 * In:   trees of type string.
 * Out:  instructions that leave a struct rt_str at a fixed offset of the slot.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <stddef.h>

struct value g_string_literal(struct gen *g, const struct d_expr *e)
{
	uint32_t at = g_str_room(g);
	size_t len = strnlen(e->str, e->len), most = g->cc->opt.strsize - 1;

	len = len < most ? len : most;
	cc_imm(g->f, R0, (int64_t)len);
	g_slot_store(g, BPF_DW, at, R0);
	for (size_t i = 0; i <= len; i += 8) {
		int64_t word = 0;

		memcpy(&word, e->str + i, len - i < 8 ? len - i : 8);
		cc_imm(g->f, R0, word);
		g_slot_store(g, BPF_DW, at + 8 + (uint32_t)i, R0);
	}
	return value_string(at);
}

/* r0: a routine's result; negative: the address in the stack at `addr` was bad. */
static void check_address(struct gen *g, int addr)
{
	struct cc_func *f = g->f;
	int fine = cc_label_new(f);

	cc_jump_imm(f, BPF_JSGE, R0, 0, fine);
	cc_load(f, BPF_DW, R2, R_FP, addr);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, fine);
}

/* How a string is read from the address in r0. */
struct source {
	bool user;
	uint64_t most; /* bytes */
	int max;       /* instead, if not 0: where in the stack their number was pushed */
};

static void read_source(struct gen *g, const struct source *from, uint32_t at)
{
	struct cc_func *f = g->f;
	int addr = g_push(g, 8);

	cc_store(f, BPF_DW, R_FP, addr, R0);
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_mov(f, R3, R0);
	if (from->max)
		cc_load(f, BPF_DW, R4, R_FP, from->max);
	else
		cc_imm(f, R4, (int64_t)from->most);
	cc_routine(f, !from->user ? "rt_kstr" : g->sleep ? "rt_copyinstr_sleep" : "rt_copyinstr");
	check_address(g, addr);
	g_pop(g, from->max ? 16 : 8);
}

static bool find_source(struct gen *g, const struct d_expr *e, struct source *from);

static bool cast_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	const struct d_expr *k = e->kids[0];
	const struct d_type *t = d_resolve(k->type);

	from->user = t->is_user || k->type->is_user;
	if (d_is_string(t))
		return find_source(g, k, from);
	if (t->kind == D_T_ARRAY) {
		g_addr(g, k);
		from->user |= d_is_user(k);
		if (t->nelem && t->nelem < from->most)
			from->most = t->nelem;
	} else {
		g_number(g, k);
	}
	return true;
}

static bool copyinstr_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	if (e->func != D_SUBR_copyinstr)
		return false;
	from->user = true;
	if (e->nkids > 1) {
		from->max = g_push(g, 8);
		g_number(g, e->kids[1]);
		cc_store(g->f, BPF_DW, R_FP, from->max, R0);
	}
	g_number(g, e->kids[0]);
	return true;
}

/* args[n] that is a string: kernel or user memory at the argument. */
static bool args_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	if (e->kids[0]->var->scope != D_V_BUILTIN)
		return false;
	g_typed_arg(g, (unsigned)e->ival);
	from->user = e->type->is_user || cc_contexts[g->unit->ctx].user_args;
	return true;
}

/* A string in memory (a member or an element declared so). */
static bool memory_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	if (own_var(e))
		return false;
	g_addr(g, e);
	from->user = d_is_user(e);
	return true;
}

/* r0: the address, if that is where the string comes from; else nothing is generated. */
static bool find_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	static bool (*const by_kind[D_NEKINDS])(struct gen * g, const struct d_expr *e,
						struct source *from) = {
		[D_E_CALL] = copyinstr_source, [D_E_INDEX] = args_source,
		[D_E_CAST] = cast_source,      [D_E_MEMBER] = memory_source,
		[D_E_DEREF] = memory_source,   [D_E_ELEM] = memory_source,
		[D_E_KSYM] = memory_source,
	};

	*from = (struct source){ .most = g->cc->opt.strsize - 1 };
	return by_kind[e->kind] && by_kind[e->kind](g, e, from);
}

struct value g_strjoin(struct gen *g, const struct d_expr *e)
{
	uint32_t a = g_string(g, e->kids[0]), b = g_string(g, e->kids[1]), at = g_str_room(g);

	g_slot(g, R1, 0);
	cc_imm(g->f, R2, at);
	cc_imm(g->f, R3, a);
	cc_imm(g->f, R4, b);
	cc_routine(g->f, "rt_strjoin");
	return value_string(at);
}

struct value g_substr(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	uint32_t src = g_string(g, e->kids[0]), at = g_str_room(g);
	int pos = g_push(g, 8);

	g_number(g, e->kids[1]);
	cc_store(f, BPF_DW, R_FP, pos, R0);
	if (e->nkids > 2)
		g_number(g, e->kids[2]);
	else
		cc_imm(f, R0, INT64_MAX);
	cc_mov(f, R5, R0);
	cc_load(f, BPF_DW, R4, R_FP, pos);
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_imm(f, R3, src);
	cc_routine(f, "rt_substr");
	g_pop(g, 8);
	return value_string(at);
}

void g_string_copy(struct gen *g, uint32_t to, uint32_t from)
{
	g_slot(g, R1, 0);
	cc_imm(g->f, R2, to);
	cc_imm(g->f, R3, from);
	cc_routine(g->f, "rt_strcpy");
}

bool g_string_memory(struct gen *g, const struct d_expr *e, struct value *v)
{
	struct source from;

	if (!find_source(g, e, &from))
		return false;
	*v = value_string(g_str_room(g));
	read_source(g, &from, v->at);
	return true;
}

bool g_string_in(struct gen *g, const struct d_expr *e, uint32_t off)
{
	struct cc_func *f = g->f;
	struct source from;
	int save;

	if (!find_source(g, e, &from))
		return false;
	save = g_push(g, 8);
	g_slot(g, R1, off - 8);
	cc_load(f, BPF_DW, R1, R1, 0);
	cc_store(f, BPF_DW, R_FP, save, R1);
	read_source(g, &from, off - 8);
	cc_load(f, BPF_DW, R1, R_FP, save);
	g_slot_store(g, BPF_DW, off - 8, R1);
	g_pop(g, 8);
	return true;
}
