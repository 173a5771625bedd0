/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/lvalue.c: what has a place, read from there: variables, their members and
 * elements, and memory that pointers lead to.
 * In:   expressions of the kinds that d/ekinds.def calls lvalues.
 * Out:  instructions that leave the value, or the address.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <assert.h>

/* ---- Memory: r0 is the address ------------------------------------------------------------- */

static struct memory address_DEREF(struct gen *g, const struct d_expr *e, bool stays)
{
	return g_pointee(g, e->kids[0], stays);
}

static struct memory address_ELEM(struct gen *g, const struct d_expr *e, bool stays)
{
	struct cc_func *f = g->f;
	const struct d_expr *base = e->kids[0];
	struct memory m = d_resolve(base->type)->kind == D_T_ARRAY ?
				  g_lvalue_memory(g, base, stays) :
				  g_pointee(g, base, stays);
	struct held held = g_hold(g);

	g_number(g, e->kids[1]);
	cc_imm(f, R1, (int64_t)d_resolve(e->type)->size);
	cc_alu(f, BPF_MUL, R0, R1);
	cc_mov(f, R1, R0);
	g_release(g, &held);
	cc_alu(f, BPF_ADD, R0, R1);
	return m;
}

static struct memory address_MEMBER(struct gen *g, const struct d_expr *e, bool stays)
{
	struct memory m = g_lvalue_memory(g, e->kids[0], stays);

	cc_imm(g->f, R1, (int64_t)(e->bit_off / 8));
	cc_alu(g->f, BPF_ADD, R0, R1);
	return m;
}

static struct memory address_KSYM(struct gen *g, const struct d_expr *e, bool stays)
{
	(void)stays;
	cc_imm(g->f, R0, (int64_t)e->ival);
	return (struct memory){ .user = false };
}

static struct memory address_VAR(struct gen *g, const struct d_expr *e, bool stays)
{
	struct memory m = { .user = false };

	(void)stays;
	g_own_addr(g, e);
	m.own = own_var(e)->scope == D_V_THIS;
	return m;
}

/* args[n] that is an array or a string: the argument is its address. */
static struct memory address_INDEX(struct gen *g, const struct d_expr *e, bool stays)
{
	if (e->kids[0]->var->scope != D_V_BUILTIN)
		return address_VAR(g, e, stays);
	g_typed_arg(g, (unsigned)e->ival);
	return (struct memory){ .user = d_is_user(e) || (d_is_string(e->type) &&
							 cc_contexts[g->unit->ctx].user_args) };
}

static struct memory address_COMMA(struct gen *g, const struct d_expr *e, bool stays)
{
	for (size_t i = 0; i + 1 < e->nkids; i++)
		g_value(g, e->kids[i]);
	return g_lvalue_memory(g, e->kids[e->nkids - 1], stays);
}

struct memory g_lvalue_memory(struct gen *g, const struct d_expr *e, bool stays)
{
	static struct memory (*const by_kind[D_NEKINDS])(struct gen * g, const struct d_expr *e,
							 bool stays) = {
#define D_EKIND(id)
#define D_LVALUE(id) [D_E_##id] = address_##id,
#include "d/ekinds.def"
	};

	if (own_var(e))
		return address_VAR(g, e, stays);
	assert(by_kind[e->kind]);
	return by_kind[e->kind](g, e, stays);
}

void g_address(struct gen *g, const struct d_expr *e)
{
	struct memory m = g_lvalue_memory(g, e, true);

	g_memory_free(g, &m);
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool in_variable(const struct d_expr *e)
{
	return own_var(e) || e->kind == D_E_VAR ||
	       (e->kind == D_E_INDEX && e->kids[0]->var->scope != D_V_BUILTIN);
}

static struct value load_number(struct gen *g, const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);
	struct memory m;

	if (in_variable(e)) {
		g_var_load(g, e);
		return value_number();
	}
	m = g_lvalue_memory(g, e, false);
	if (t->kind != D_T_FUNC) /* a function is its address */
		g_memory_number(g, &m, (uint32_t)t->size, type_signed(t));
	g_memory_free(g, &m);
	return value_number();
}

static struct value load_string(struct gen *g, const struct d_expr *e)
{
	struct memory m;
	uint32_t at;

	if (in_variable(e))
		return g_var_string(g, e);
	m = g_lvalue_memory(g, e, false);
	at = g_str_room(g);
	g_memory_string(g, &m, UINT64_MAX, at);
	g_memory_free(g, &m);
	return value_string(at);
}

void g_load_bytes(struct gen *g, const struct d_expr *e, uint32_t at)
{
	struct memory m = g_lvalue_memory(g, e, false);

	g_memory_bytes(g, &m, (uint32_t)d_resolve(e->type)->size, at);
	g_memory_free(g, &m);
}

static struct value load_bytes(struct gen *g, const struct d_expr *e)
{
	uint32_t size = (uint32_t)d_resolve(e->type)->size, at = g_room(g, size);

	g_load_bytes(g, e, at);
	return value_bytes(at, size);
}

struct value g_load(struct gen *g, const struct d_expr *e)
{
	static struct value (*const by_kind[])(struct gen * g, const struct d_expr *e) = {
		[VALUE_NUMBER] = load_number,
		[VALUE_STRING] = load_string,
		[VALUE_BYTES] = load_bytes,
	};

	return by_kind[value_kind(e->type)](g, e);
}
