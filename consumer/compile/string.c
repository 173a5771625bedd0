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

/* ---- Strings in memory ------------------------------------------------------------------ */

/* The memory that a string is read from; its address is in r0. */
struct source {
	struct memory memory;
	uint64_t most; /* bytes */
};

static bool find_source(struct gen *g, const struct d_expr *e, struct source *from);

static bool cast_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	const struct d_expr *k = e->kids[0];
	const struct d_type *t = d_resolve(k->type);

	if (d_is_string(t))
		return find_source(g, k, from);
	if (t->kind != D_T_ARRAY) {
		from->memory = g_pointee(g, k, false);
		return true;
	}
	from->memory = g_lvalue_memory(g, k, false);
	if (t->nelem)
		from->most = t->nelem;
	return true;
}

static bool copyinstr_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	if (e->is_action || e->func != D_SUBR_copyinstr)
		return false;
	from->memory = (struct memory){ .user = true };
	if (e->nkids > 1) {
		from->memory.most = g_push(g, 8);
		g_number(g, e->kids[1]);
		cc_store(g->f, BPF_DW, R_FP, from->memory.most, R0);
	}
	g_number(g, e->kids[0]);
	return true;
}

/* False: e is no string in memory; nothing is generated. */
static bool find_source(struct gen *g, const struct d_expr *e, struct source *from)
{
	*from = (struct source){ .most = UINT64_MAX };
	if (e->kind == D_E_CAST)
		return cast_source(g, e, from);
	if (e->kind == D_E_CALL)
		return copyinstr_source(g, e, from);
	if (!cc_is_memory(e))
		return false;
	from->memory = g_lvalue_memory(g, e, false);
	return true;
}

bool g_string_memory(struct gen *g, const struct d_expr *e, struct value *v)
{
	struct source from;

	if (!find_source(g, e, &from))
		return false;
	*v = value_string(g_str_room(g));
	g_memory_string(g, &from.memory, from.most, v->at);
	g_memory_free(g, &from.memory);
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
	g_memory_string(g, &from.memory, from.most, off - 8);
	cc_load(f, BPF_DW, R1, R_FP, save);
	g_slot_store(g, BPF_DW, off - 8, R1);
	g_pop(g, 8);
	g_memory_free(g, &from.memory);
	return true;
}

struct value g_copyinstr(struct gen *g, const struct d_expr *e)
{
	struct value v = { 0 };

	g_string_memory(g, e, &v);
	return v;
}

/* ---- Strings made of strings ---------------------------------------------------------------- */

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
	g_slot_routine(g, "rt_strcpy", to, from);
}
