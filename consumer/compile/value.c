/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/value.c: the value of any expression.
 * In:   checked trees: conversions are casts, pointer arithmetic is scaled.
 * Out:  instructions that leave a struct value.
 * Owns: nothing.
 *
 * The files that know a kind of expression come back to g_value() for its operands. That is the
 * recursion over the tree, and the only one between them.
 */
#include "consumer/compile/inner.h"

#include <assert.h>
#include <string.h>

static struct value value_INT(struct gen *g, const struct d_expr *e)
{
	cc_imm(g->f, R0, (int64_t)e->ival);
	g_norm(g, e->type);
	return value_number();
}

/* The bits of a float or a double. */
static struct value value_FLOAT(struct gen *g, const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);
	float single = (float)e->fval;
	uint64_t bits = 0;

	if (t->size == sizeof(single))
		memcpy(&bits, &single, sizeof(single));
	else
		memcpy(&bits, &e->fval, sizeof(bits));
	cc_imm(g->f, R0, (int64_t)bits);
	return value_number();
}

static struct value value_VAR(struct gen *g, const struct d_expr *e)
{
	return e->var->scope == D_V_BUILTIN ? g_builtin(g, e) : g_load(g, e);
}

static struct value value_INDEX(struct gen *g, const struct d_expr *e)
{
	/* a string or an array of args[] is read from the memory that the argument points to */
	return e->kids[0]->var->scope != D_V_BUILTIN || cc_value_kind(e->type) != VALUE_NUMBER ?
		       g_load(g, e) :
		       g_builtin(g, e);
}

static struct value value_ASSIGN(struct gen *g, const struct d_expr *e)
{
	if (d_is_string(e->type))
		return g_assign_string(g, e);
	g_assign(g, e);
	return value_number();
}

/* Computes an arm of ?:. Both arms must leave a string at the same place: `at`. */
static void arm(struct gen *g, const struct d_expr *e, uint32_t at)
{
	struct value v = g_value(g, e);

	if (v.kind == VALUE_STRING)
		g_string_copy(g, at, v.at);
}

static struct value value_COND(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int no = cc_label_new(f), end = cc_label_new(f);
	struct value v = { .kind = cc_value_kind(e->type) };

	if (v.kind == VALUE_STRING)
		v.at = g_str_room(g);
	g_number(g, e->kids[0]);
	cc_jump_imm(f, BPF_JEQ, R0, 0, no);
	arm(g, e->kids[1], v.at);
	cc_jump(f, end);
	cc_label_here(f, no);
	arm(g, e->kids[2], v.at);
	cc_label_here(f, end);
	return v;
}

static struct value value_COMMA(struct gen *g, const struct d_expr *e)
{
	struct value v = { 0 };

	for (size_t i = 0; i < e->nkids; i++)
		v = g_value(g, e->kids[i]);
	return v;
}

static struct value value_CAST(struct gen *g, const struct d_expr *e)
{
	struct value v;

	if (d_is_string(e->type))
		return g_string_memory(g, e, &v) ? v : g_value(g, e->kids[0]);
	if (d_resolve(e->kids[0]->type)->kind == D_T_ARRAY)
		g_address(g, e->kids[0]);
	else
		g_number(g, e->kids[0]);
	g_norm(g, e->type);
	return value_number();
}

static struct value value_ADDR(struct gen *g, const struct d_expr *e)
{
	g_address(g, e->kids[0]);
	return value_number();
}

static struct value value_CALL(struct gen *g, const struct d_expr *e)
{
	return e->is_action ? g_value(g, e->kids[0]) /* sym(a), usym(a): the address */ :
			      g_subr(g, e);
}

/* Never called: the checker has folded these kinds, and an aggregation has no value. */
static struct value never(struct gen *g, const struct d_expr *e)
{
	(void)g;
	(void)e;
	assert(!"an expression of this kind has no value");
	return value_number();
}

#define value_STRING g_string_literal
#define value_ELEM g_load
#define value_MEMBER g_load
#define value_DEREF g_load
#define value_KSYM g_load
#define value_UNARY g_unary
#define value_BINARY g_binary
#define value_AGG never
#define value_SIZEOF never
#define value_IDENT never
#define value_TYPE never
#define value_MACRO never

struct value g_value(struct gen *g, const struct d_expr *e)
{
	static struct value (*const by_kind[D_NEKINDS])(struct gen * g, const struct d_expr *e) = {
#define D_EKIND(id) [D_E_##id] = value_##id,
#include "d/ekinds.def"
	};

	assert(e->state == D_CHECKED);
	return by_kind[e->kind](g, e);
}

void g_number(struct gen *g, const struct d_expr *e)
{
	struct value v = g_value(g, e);

	assert(v.kind == VALUE_NUMBER);
	(void)v;
}

uint32_t g_string(struct gen *g, const struct d_expr *e)
{
	struct value v = g_value(g, e);

	assert(v.kind == VALUE_STRING);
	return v.at;
}
