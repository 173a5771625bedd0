/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_tuple.c: the tuples of associative arrays and aggregations. The first
 * use sets their types; each later use is checked (guide: chp-aggs,
 * chp-variables).
 * In:   raw keys; the types of the tuple, if they are known.
 * Out:  typed keys.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

static bool key_ok(const struct d_type *t, bool agg)
{
	const struct d_type *r = d_resolve(t);

	return d_is_integer(r) || r->kind == D_T_STRING || r->kind == D_T_PTR ||
	       (agg && (r->kind == D_T_STACK || r->kind == D_T_USYM || r->kind == D_T_KSYM));
}

static struct d_expr *key_value(struct chk *c, struct d_expr *k, bool agg)
{
	k = c_value(c, k);
	if (!k)
		return NULL;
	k = d_is_char_array(k->type) ? c_to_string(c, k) : c_decay(c, k);
	if (k && !key_ok(k->type, agg)) {
		d_error(c->d, k->loc, D_KEY_TYPE, "a value of type %s cannot be a key",
			c_name(c, k->type));
		return NULL;
	}
	return k;
}

/* An array's integer keys have 64 bits, because `a[arg0]` may follow `a[1]`. */
static struct d_type *key_type(struct chk *c, struct d_type *t, bool agg)
{
	return !agg && d_is_integer(t) && d_resolve(t)->size < 8 ? d_base(c->d, D_INT64) : t;
}

static struct d_expr *key_fits(struct chk *c, struct d_expr *k, struct d_type *want, size_t i,
			       const char *what)
{
	struct d_expr *cast = c_convert(c, k, want);

	if (cast && d_is_pointer(k->type) == d_is_pointer(want))
		return cast;
	if (cast && c_is_strlike(k->type) && d_is_string(want))
		return cast;
	if (cast && d_is_integer(want) && d_is_integer(k->type))
		return cast;
	d_error(c->d, k->loc, D_PROTO_ARG, "key %zu of %s is %s, but was %s before", i + 1, what,
		c_name(c, k->type), c_name(c, want));
	return NULL;
}

bool c_tuple(struct chk *c, struct d_expr **kids, size_t n, struct d_type ***keys, size_t *nkeys,
	     const char *what, struct loc at, bool *known)
{
	bool agg = *what == '@', ok = true;

	for (size_t i = 0; i < n; i++) {
		kids[i] = key_value(c, kids[i], agg);
		ok &= kids[i] != NULL;
	}
	if (!ok)
		return false;
	if (*known && *nkeys != n) {
		d_error(c->d, at, D_PROTO_LEN, "%s has %zu key%s, here %zu", what, *nkeys,
			*nkeys == 1 ? "" : "s", n);
		return false;
	}
	if (!*known) {
		*keys = n ? arena_array(c->d->arena, struct d_type *, n) : NULL;
		if (n && !*keys)
			return false;
		for (size_t i = 0; i < n; i++)
			(*keys)[i] = key_type(c, kids[i]->type, agg);
		*nkeys = n;
		*known = true;
	}
	for (size_t i = 0; i < n; i++) {
		kids[i] = key_fits(c, kids[i], (*keys)[i], i, what);
		ok &= kids[i] != NULL;
	}
	return ok;
}
