/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_inline.c: inlines. Each use copies the definition, puts the keys in
 * their places, and checks the copy (guide: chp-variables).
 * In:   an inline's name and its raw keys.
 * Out:  the value, in the declared type.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#include <string.h>

#define MAX_INLINES 32
#define MAX_EXPANDED 20000

/* Does the use give as many keys as the inline has? If not, reports it. */
static bool keys_given(struct chk *c, const struct d_expr *e, const struct d_ident *id, size_t n)
{
	if (n == id->nparams)
		return true;
	if (!n)
		d_error(c->d, e->loc, D_ARR_BADREF, "inline %s needs its key%s in brackets", e->str,
			id->nparams > 1 ? "s" : "");
	else
		d_error(c->d, e->loc, D_PROTO_LEN, "inline %s has %zu key%s, here %zu", e->str,
			id->nparams, id->nparams == 1 ? "" : "s", n);
	return false;
}

/* Puts the raw keys, cast to their declared types, wherever the value has their names. */
static struct d_expr *with_keys(struct chk *c, struct d_expr *e, const struct d_ident *id,
				struct d_expr *const *keys)
{
	if (!e)
		return NULL;
	if (e->kind == D_E_IDENT && !e->ident_mod && e->ident_scope != D_V_SELF &&
	    e->ident_scope != D_V_THIS)
		for (size_t i = 0; i < id->nparams; i++)
			if (!strcmp(e->str, id->param_names[i])) {
				struct d_expr *cast = d_expr_new(c->d, D_E_CAST, keys[i]->loc, 1);

				if (!cast || !(cast->kids[0] = d_expr_clone(c->d, keys[i])))
					return NULL;
				cast->type = id->params[i];
				return cast;
			}
	for (size_t i = 0; i < e->nkids; i++)
		if (e->kids[i] && !(e->kids[i] = with_keys(c, e->kids[i], id, keys)))
			return NULL;
	return e;
}

/* Keys must fit as in an assignment. with_keys casts them, and a cast would convert more. */
static bool keys_fit(struct chk *c, const struct d_expr *e, const struct d_ident *id,
		     struct d_expr *const *keys)
{
	for (size_t i = 0; i < id->nparams; i++) {
		struct d_expr *k = c_value(c, d_expr_clone(c->d, keys[i]));

		if (!k)
			return false;
		if (!c_convert(c, k, id->params[i])) {
			d_error(c->d, keys[i]->loc, D_PROTO_ARG,
				"key %zu of inline %s is declared %s, not %s", i + 1, e->str,
				c_name(c, id->params[i]), c_name(c, k->type));
			return false;
		}
	}
	return true;
}

struct d_expr *c_inlined(struct chk *c, struct d_expr *e, struct d_ident *id,
			 struct d_expr *const *keys, size_t n)
{
	struct d_expr *value, *cast;
	struct loc at = e->loc;

	id->used = true;
	if (!id->value || !keys_given(c, e, id, n)) /* reported */
		return NULL;
	if (c->inlines >= MAX_INLINES) {
		d_error(c->d, at, D_IDENT_BADREF, "inline %s is made of itself", e->str);
		id->value = NULL;
		return NULL;
	}
	if (c->expanded++ >= MAX_EXPANDED) {
		if (c->expanded == MAX_EXPANDED + 1)
			d_error(c->d, at, D_IDENT_BADREF,
				"too many uses of inlines inside of inlines");
		return NULL;
	}
	if (id->attr_set)
		c_attr_ident(c, id, at, "inline", e->str);
	c->inlines++;
	c->attr_quiet += id->attr_set;
	value = keys_fit(c, e, id, keys) ? with_keys(c, d_expr_clone(c->d, id->value), id, keys) :
					   NULL;
	value = value ? c_value(c, value) : NULL;
	c->attr_quiet -= id->attr_set;
	c->inlines--;
	if (!value || !id->type)
		return value;
	cast = c_convert(c, value, id->type);
	if (!cast) {
		d_error(c->d, at, D_OP_INCOMPAT, "inline %s is declared %s, but its value is %s",
			e->str, c_name(c, id->type), c_name(c, value->type));
		return NULL;
	}
	return cast;
}

static bool inline_fits(struct chk *c, const char *name, struct d_ident *id)
{
	struct d_expr *e = d_expr_new(c->d, D_E_IDENT, id->loc, 0);

	if (!e)
		return false;
	e->str = name;
	return c_inlined(c, e, id, NULL, 0) != NULL;
}

/* Inlines that use args[] or have keys cannot be checked by themselves. */
bool c_inlines_unused(struct chk *c)
{
	bool ok = true;

	c->pdesc = NULL;
	c->attr_quiet++;
	for (size_t i = 0; i < c->d->ninlines; i++) {
		const char *name = c->d->inlines[i];
		struct d_ident *id = hash_get_str(c->d->idents, name);

		if (!id->used && !id->nparams && !c_uses_args(c->d, id->value))
			ok &= inline_fits(c, name, id);
	}
	c->attr_quiet--;
	return ok;
}
