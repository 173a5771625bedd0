/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_expr.c: checks expressions by kind; literals, memory, sizes (guide:
 * chp-typeopexpr, chp-pointers, chp-structs).
 * In:   raw trees.
 * Out:  typed trees, as d.h describes them; NULL where an error was reported.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#define MAX_DEPTH 4000 /* of trees, with the trees of inlines inside */

static struct d_expr *int_literal(struct chk *c, struct d_expr *e)
{
	if (!e->type)
		e->type = d_base(c->d, e->ival <= INT32_MAX ? D_INT :
				       e->ival <= INT64_MAX ? D_LONG :
							      D_ULONG);
	return e;
}

static struct d_expr *float_literal(struct chk *c, struct d_expr *e)
{
	if (!e->type)
		e->type = d_base(c->d, D_DOUBLE);
	return e;
}

static struct d_expr *string_literal(struct chk *c, struct d_expr *e)
{
	e->type = d_base(c->d, D_STRING);
	return e;
}

static struct d_expr *done(struct chk *c, struct d_expr *e)
{
	(void)c;
	return e->type ? e : NULL;
}

static struct d_expr *deref(struct chk *c, struct d_expr *e)
{
	const struct d_type *t, *to;

	if (!c_kids_done(c, e))
		return NULL;
	t = d_resolve(e->kids[0]->type);
	if (!d_is_pointer(t)) {
		d_error(c->d, e->loc, D_DEREF_NONPTR, "a value of type %s is not a pointer",
			c_name(c, e->kids[0]->type));
		return NULL;
	}
	to = d_resolve(t->to);
	if (t->to->is_unknown) {
		d_error(c->d, e->loc, D_OP_INCOMPLETE, "%s is not known in full", c_name(c, t->to));
		c_hint_declare(c);
		return NULL;
	}
	if (to->kind == D_T_VOID || to->kind == D_T_FUNC) {
		d_error(c->d, e->loc, to->kind == D_T_VOID ? D_DEREF_VOID : D_DEREF_FUNC,
			"what a %s points to cannot be read", c_name(c, e->kids[0]->type));
		return NULL;
	}
	e->kids[0] = c_decay(c, e->kids[0]);
	e->type = t->to;
	return e->kids[0] ? c_of_user(c, e) : NULL;
}

static struct d_expr *member(struct chk *c, struct d_expr *e)
{
	const struct d_type *t;
	struct d_expr *of;
	uint64_t off = 0;

	/* without a pointer p->m, and with one p.m, is an error about the member */
	if (!c_kids_done(c, e))
		return NULL;
	of = e->kids[0];
	t = d_resolve(of->type);
	if (t->kind != D_T_STRUCT && t->kind != D_T_UNION) {
		d_error(c->d, e->loc, D_OP_SOU, "%s is not a struct or union: it has no member %s",
			c_name(c, of->type), e->str);
		if (d_is_pointer(t))
			diag_hint(c->d->diag, "a pointer's members are reached by ->");
		return NULL;
	}
	if (!d_complete(c->d, of->type)) {
		d_error(c->d, e->loc, D_OP_INCOMPLETE, "%s is not known in full: no member %s",
			c_name(c, of->type), e->str);
		if (d_is_user(of))
			c_hint_declare(c);
		return NULL;
	}
	e->member = d_member_find(c->d, of->type, e->str, &off);
	if (!e->member) {
		d_error(c->d, e->loc, D_TYPE_MEMBER, "%s has no member %s", c_name(c, of->type),
			e->str);
		return NULL;
	}
	e->bit_off = off;
	e->type = e->member->type;
	if (of->type->is_const)
		e->type = d_qualified(c->d, e->type, true, false, false);
	return e->type ? c_of_user(c, e) : NULL;
}

static struct d_expr *addr_of(struct chk *c, struct d_expr *e)
{
	struct d_expr *k;

	if (!c_kids_done(c, e))
		return NULL;
	k = e->kids[0];
	if (k->kind == D_E_VAR || k->kind == D_E_INDEX) {
		d_error(c->d, e->loc, D_ADDROF_VAR, "a D variable has no address");
		return NULL;
	}
	if (!c_is_lvalue(k)) {
		d_error(c->d, e->loc, D_ADDROF_LVAL, "this has no address");
		return NULL;
	}
	if (k->kind == D_E_MEMBER && k->member->bit_size) {
		d_error(c->d, e->loc, D_ADDROF_BITFIELD, "bit-field %s has no address", k->str);
		return NULL;
	}
	e->type = k->kind != D_E_KSYM && d_is_user(k) ? d_user_ptr_to(c->d, k->type) :
							d_ptr_to(c->d, k->type);
	return e->type ? e : NULL;
}

static struct d_expr *size_of(struct chk *c, struct d_expr *e)
{
	struct d_expr *k = e->kids[0];
	const struct d_type *t;

	if (k && k->kind != D_E_TYPE)
		k = c_value(c, k);
	if (!k || !k->type)
		return NULL;
	t = d_resolve(k->type);
	if (k->kind == D_E_MEMBER && k->member->bit_size) {
		d_error(c->d, e->loc, D_SIZEOF_BITFIELD, "bit-field %s has no size in bytes",
			k->str);
		return NULL;
	}
	if (k->kind == D_E_TYPE)
		c_attr_type(c, k->type, k->loc);
	d_complete(c->d, k->type);
	if (!t->size || t->kind == D_T_STACK ||
	    (k->kind != D_E_TYPE && t->kind == D_T_STRING && k->kind != D_E_VAR &&
	     k->kind != D_E_STRING)) {
		d_error(c->d, e->loc, D_SIZEOF_TYPE, "the size of %s is not known",
			c_name(c, k->type));
		return NULL;
	}
	return c_int(c, k->kind == D_E_STRING ? k->len + 1 : t->size, d_base(c->d, D_ULONG),
		     e->loc);
}

static struct d_expr *comma(struct chk *c, struct d_expr *e)
{
	if (!c_kids_done(c, e))
		return NULL;
	e->type = e->kids[e->nkids - 1]->type;
	return e;
}

static struct d_expr *call(struct chk *c, struct d_expr *e)
{
	return c_call(c, e, false);
}

static struct d_expr *stray(struct chk *c, struct d_expr *e)
{
	if (e->kind == D_E_AGG)
		d_error(c->d, e->loc, D_OP_ACT, "aggregation @%s is not a value here",
			e->str ? e->str : "");
	else if (e->kind == D_E_TYPE)
		d_error(c->d, e->loc, D_SYNTAX, "type %s is not a value", c_name(c, e->type));
	else
		d_error(c->d, e->loc, D_MACRO_UNDEF, "macro $%s is not defined",
			e->str ? e->str : "");
	if (e->kind == D_E_AGG)
		diag_hint(
			c->d->diag,
			"an aggregation is assigned to, or given to printa, trace, clear, trunc, normalize or denormalize");
	return NULL;
}

static struct d_expr *(*const by_kind[D_NEKINDS])(struct chk *c, struct d_expr *e) = {
	[D_E_INT] = int_literal, [D_E_FLOAT] = float_literal, [D_E_STRING] = string_literal,
	[D_E_VAR] = done,	 [D_E_INDEX] = c_index,	      [D_E_ELEM] = done,
	[D_E_AGG] = stray,	 [D_E_CALL] = call,	      [D_E_UNARY] = c_unary,
	[D_E_BINARY] = c_binary, [D_E_ASSIGN] = c_assign,     [D_E_COND] = c_cond,
	[D_E_COMMA] = comma,	 [D_E_CAST] = c_cast_expr,    [D_E_MEMBER] = member,
	[D_E_DEREF] = deref,	 [D_E_ADDR] = addr_of,	      [D_E_KSYM] = done,
	[D_E_SIZEOF] = size_of,	 [D_E_IDENT] = c_ident,	      [D_E_TYPE] = stray,
	[D_E_MACRO] = stray,
};

struct d_expr *c_expr(struct chk *c, struct d_expr *e)
{
	if (!e)
		return NULL;
	if (c->depth >= MAX_DEPTH) {
		d_error(c->d, e->loc, D_SYNTAX, "the expression is nested too deeply");
		return NULL;
	}
	c->depth++;
	e = by_kind[e->kind](c, e);
	c->depth--;
	return e;
}

struct d_expr *c_value(struct chk *c, struct d_expr *e)
{
	struct loc at = e ? e->loc : NOWHERE;

	e = c_expr(c, e);
	if (e && d_resolve(e->type)->kind == D_T_VOID) {
		d_error(c->d, at, D_OP_INCOMPAT, "this has no value (its type is void)");
		return NULL;
	}
	return e;
}
