/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/widen.c: finds variables that need 64 bits though their first value is
 * narrower. A variable without a declaration has the type of its first
 * assignment, and a script that begins with `last = 0;` may go on with `last =
 * timestamp;`. DTrace keeps variables in 64-bit registers: cut to an int, the
 * time would be wrong without any error.
 * In:   raw clauses, before any is checked: types are judged by the form of
 *       expressions. Members and memory cannot be judged and count as wide,
 *       which takes four bytes more and loses no value.
 *       A declared variable keeps its type, except that `self int last;` to
 *       which the time itself is assigned gets 64 bits, because the script can
 *       only have worked with them.
 * Out:  names, as `self->x`, `this->x` and `x`.
 * Owns: nothing; the hash is d_check's.
 */
#include "d/check.h"

#include <string.h>

enum {
	INLINES_MAX = 1000, /* searched in one pass; further ones count as wide */
	PASSES_MAX = 8
}; /* chains `a = b; b = c; …` need a pass a link */

struct widen {
	struct d *d;
	struct hash *wide;
	unsigned inlines; /* that may still be searched */
	bool more;	  /* a name was added in this pass */
};

static const char *key_of(struct d *d, const struct d_expr *name)
{
	return arena_printf(d->arena, "%s%s",
			    name->ident_scope == D_V_SELF ? "self->" :
			    name->ident_scope == D_V_THIS ? "this->" :
							    "",
			    name->str);
}

static bool is_wide_type(const struct d_type *t)
{
	return t && d_is_integer(t) && d_resolve(t)->size == 8;
}

static bool is_wide(struct widen *w, const struct d_expr *e);

static const struct d_ident *global(struct d *d, const struct d_expr *e)
{
	return e->ident_scope == D_V_SELF || e->ident_scope == D_V_THIS ?
		       NULL :
		       hash_get_str(d->idents, e->str);
}

/* The builtin or declared variable of that name; NULL: no such variable. */
static struct d_var *declared(struct d *d, const struct d_expr *e)
{
	const struct d_ident *id = global(d, e);

	if (e->ident_scope == D_V_SELF || e->ident_scope == D_V_THIS)
		return hash_get_str(e->ident_scope == D_V_SELF ? d->self_vars : d->this_vars,
				    e->str);
	return id && id->kind == D_ID_VAR ? id->var : NULL;
}

static bool ident_is_wide(struct widen *w, const struct d_expr *e)
{
	const char *key = key_of(w->d, e);
	const struct d_ident *id = global(w->d, e);
	const struct d_var *v = declared(w->d, e);

	if (e->ident_mod)
		return true;
	if (v)
		return is_wide_type(v->type);
	if (id && id->kind == D_ID_INLINE)
		return is_wide_type(id->type) || !w->inlines ||
		       (w->inlines--, is_wide(w, id->value));
	return key && hash_get_str(w->wide, key);
}

static bool binary_is_wide(struct widen *w, const struct d_expr *e)
{
	switch (e->op) {
	case D_OP_EQ:
	case D_OP_NE:
	case D_OP_LT:
	case D_OP_LE:
	case D_OP_GT:
	case D_OP_GE:
	case D_OP_LAND:
	case D_OP_LOR:
	case D_OP_LXOR: return false;
	case D_OP_SHL:
	case D_OP_SHR: return is_wide(w, e->kids[0]);
	default: return is_wide(w, e->kids[0]) || is_wide(w, e->kids[1]);
	}
}

static bool is_wide(struct widen *w, const struct d_expr *e)
{
	if (!e)
		return false;
	switch (e->kind) {
	case D_E_INT:
	case D_E_CAST: return is_wide_type(e->type);
	case D_E_IDENT: return ident_is_wide(w, e);
	case D_E_UNARY: return e->op != D_OP_NOT && is_wide(w, e->kids[0]);
	case D_E_BINARY: return binary_is_wide(w, e);
	case D_E_COND: return is_wide(w, e->kids[1]) || is_wide(w, e->kids[2]);
	case D_E_ASSIGN:
	case D_E_COMMA: return is_wide(w, e->kids[e->nkids - 1]);
	case D_E_INDEX:
		return e->kids[0]->kind != D_E_IDENT || !strcmp(e->kids[0]->str, "args") ||
		       ident_is_wide(w, e->kids[0]);
	case D_E_MEMBER:
	case D_E_DEREF: return true;
	default: return false;
	}
}

static bool is_time(struct d *d, const struct d_expr *e)
{
	const struct d_var *v = e->kind == D_E_IDENT && !e->ident_mod ? declared(d, e) : NULL;

	return v && v->scope == D_V_BUILTIN && d_var_rows[v->id].is_time;
}

static void widen_declared(struct d *d, const struct d_expr *to, const struct d_expr *value)
{
	struct d_var *v = declared(d, to);
	const struct d_type *t = v && v->scope != D_V_BUILTIN && v->type ? d_resolve(v->type) :
									   NULL;

	if (t && t->kind == D_T_INT && t->size == 4 && is_time(d, value))
		v->type = d_base(d, t->is_signed ? D_INT64 : D_UINT64);
}

/* Adds the names that e widens. true: no memory. */
static bool scan(void *arg, const struct d_expr *e)
{
	struct widen *w = arg;
	const struct d_expr *to;
	const char *key;

	if (!e)
		return false;
	to = e->kind == D_E_ASSIGN ? e->kids[0] : NULL;
	if (to && to->kind == D_E_INDEX)
		to = to->kids[0];
	if (to && to->kind == D_E_IDENT && is_wide(w, e->kids[1])) {
		widen_declared(w->d, to, e->kids[1]);
		key = key_of(w->d, to);
		if (!key)
			return true;
		if (!hash_get_str(w->wide, key)) {
			w->more = true;
			if (hash_set_str(w->wide, key, w))
				return true;
		}
	}
	for (size_t i = 0; i < e->nkids; i++)
		if (scan(w, e->kids[i]))
			return true;
	return false;
}

bool c_widen_scan(struct chk *c)
{
	struct widen w = { .d = c->d, .wide = c->wide, .more = true };

	for (int pass = 0; w.more && pass < PASSES_MAX; pass++) {
		w.more = false;
		w.inlines = INLINES_MAX;
		for (size_t i = 0; i < c->d->nraw; i++)
			if (scan(&w, c->d->raw[i]->pred) ||
			    c_any_expr(c->d->raw[i]->body, c->d->raw[i]->nbody, scan, &w))
				return false;
	}
	return true;
}

struct d_type *c_widened(struct chk *c, const struct d_expr *name, struct d_type *t)
{
	const char *key;

	if (!t || !d_is_integer(t) || d_resolve(t)->size >= 8)
		return t;
	key = key_of(c->d, name);
	if (!key || !hash_get_str(c->wide, key))
		return t;
	return d_base(c->d, d_resolve(t)->is_signed ? D_INT64 : D_UINT64);
}
