/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/convert.c: C's conversions, written into the tree as casts (guide:
 * chp-typeopexpr, "Type Conversions"; chp-strings).
 * In:   typed expressions.
 * Out:  the same under D_E_CAST nodes where the type changes.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

const char *c_name(struct chk *c, const struct d_type *t)
{
	return d_type_name(c->d, t);
}

struct d_expr *c_cast(struct chk *c, struct d_expr *e, struct d_type *to)
{
	struct d_expr *cast;

	if (!e || !to)
		return NULL;
	if (e->type == to)
		return e;
	/* A value of the same type under another name needs no work. */
	if (d_same_type(e->type, to) && d_resolve(e->type)->kind != D_T_ENUM && e->kind != D_E_INT)
		return e;
	if (d_is_integer(to) && e->kind == D_E_CAST && d_is_pointer(e->type) &&
	    c_is_const(e->kids[0]))
		e = e->kids[0]; /* NULL as a number */
	cast = d_expr_new(c->d, D_E_CAST, e->loc, 1);
	if (!cast)
		return NULL;
	cast->type = to;
	cast->kids[0] = e;
	return c_fold(c, cast);
}

struct d_expr *c_decay(struct chk *c, struct d_expr *e)
{
	const struct d_type *t = e ? d_resolve(e->type) : NULL;
	struct d_type *p;

	if (!t || t->kind != D_T_ARRAY)
		return e;
	p = e->type->is_user || t->is_user ? d_user_ptr_to(c->d, t->to) : d_ptr_to(c->d, t->to);
	return c_cast(c, e, p);
}

static bool is_char_type(const struct d_type *t)
{
	t = d_resolve(t);
	return t && t->kind == D_T_INT && t->size == 1 && !t->is_bool;
}

static const struct d_type *pointee(const struct d_type *t)
{
	t = d_resolve(t);
	return t && (t->kind == D_T_PTR || t->kind == D_T_ARRAY) ? d_resolve(t->to) : NULL;
}

bool c_is_strlike(const struct d_type *t)
{
	return d_is_string(t) || (d_is_pointer(t) && is_char_type(pointee(t)));
}

bool c_is_arith(const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);

	return r && (d_is_integer(r) || r->kind == D_T_FLOAT);
}

bool c_is_scalar(const struct d_type *t)
{
	return c_is_arith(t) || d_is_pointer(t);
}

struct d_expr *c_promote(struct chk *c, struct d_expr *e)
{
	const struct d_type *t = e ? d_resolve(e->type) : NULL;

	if (t && (t->kind == D_T_ENUM || (t->kind == D_T_INT && t->size < 4)))
		return c_cast(c, e, d_base(c->d, D_INT));
	return e;
}

/* long long has a higher rank than long, though the same size. */
static bool is_longlong(struct chk *c, const struct d_type *t)
{
	return t == c->d->base[D_LONGLONG] || t == c->d->base[D_ULONGLONG];
}

struct d_type *c_arith_type(struct chk *c, const struct d_type *a, const struct d_type *b)
{
	bool u;

	a = d_resolve(a);
	b = d_resolve(b);
	if (a->kind == D_T_FLOAT || b->kind == D_T_FLOAT) {
		uint64_t fa = a->kind == D_T_FLOAT ? a->size : 0,
			 fb = b->kind == D_T_FLOAT ? b->size : 0;
		uint64_t most = fa > fb ? fa : fb;

		return d_base(c->d, most > 8 ? D_LONGDOUBLE : most > 4 ? D_DOUBLE : D_FLOAT);
	}
	if (a->size >= 8 || b->size >= 8) {
		u = (a->size >= 8 && !a->is_signed) || (b->size >= 8 && !b->is_signed);
		if (is_longlong(c, a) || is_longlong(c, b))
			return d_base(c->d, u ? D_ULONGLONG : D_LONGLONG);
		return d_base(c->d, u ? D_ULONG : D_LONG);
	}
	u = (a->size == 4 && a->kind == D_T_INT && !a->is_signed) ||
	    (b->size == 4 && b->kind == D_T_INT && !b->is_signed);
	return d_base(c->d, u ? D_UINT : D_INT);
}

bool c_same_pointers(const struct d_type *a, const struct d_type *b)
{
	const struct d_type *ta = pointee(a), *tb = pointee(b);

	if (!ta || !tb)
		return false;
	if (ta->kind == D_T_VOID || tb->kind == D_T_VOID || d_same_type(ta, tb))
		return true;
	return d_is_integer(ta) && d_is_integer(tb) && ta->size == tb->size; /* signs may differ */
}

struct d_expr *c_to_string(struct chk *c, struct d_expr *e)
{
	if (!e || !c_is_strlike(e->type))
		return NULL;
	return c_cast(c, e, d_base(c->d, D_STRING));
}

struct d_expr *c_convert(struct chk *c, struct d_expr *e, struct d_type *to)
{
	const struct d_type *t = d_resolve(to);

	if (!e || !t)
		return NULL;
	if (t->kind == D_T_STRING)
		return c_to_string(c, e);
	if (c_is_arith(t))
		return c_is_arith(e->type) ||
				       (d_is_integer(t) && t->size == 8 && d_is_pointer(e->type)) ?
			       c_cast(c, c_decay(c, e), to) :
			       NULL;
	if (t->kind == D_T_PTR) {
		if (d_is_integer(e->type) || c_same_pointers(e->type, t))
			return c_cast(c, c_decay(c, e), to);
		return NULL;
	}
	return d_same_type(e->type, to) ? e : NULL;
}
