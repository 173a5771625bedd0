/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_fmt.c: checks conversions of printf and printa against their
 * arguments (guide: chp-fmt).
 * In:   CALL nodes of printf, system, freopen and printa; raw kids.
 * Out:  format set; kids typed. kids[0] stays the format's STRING node, and
 *       the arguments follow it (printa: the aggregations).
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#include <string.h>

enum want { INTEGER = 1, POINTER = 2, STRING = 4, FLOAT = 8, STACK = 16, SYMBOL = 32 };

static const struct {
	const char *verbs;
	int want;
	const char *text;
} verbs[] = {
	{ "cdiouxXC", INTEGER, "an integer" },
	{ "p", INTEGER | POINTER, "a pointer or an integer" },
	{ "aA", INTEGER | POINTER | SYMBOL, "an address" },
	{ "sS", STRING, "a string or char [] (or use stringof)" },
	{ "eEfgG", FLOAT | INTEGER, "a number" },
	{ "k", STACK | SYMBOL, "a stack" },
	{ "YTy", INTEGER, "a time in nanoseconds" },
};

static int kind_of(const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);

	if (d_is_integer(r))
		return INTEGER;
	if (d_is_string(r) || d_is_char_array(r))
		return STRING;
	switch (r->kind) {
	case D_T_PTR: return POINTER;
	case D_T_FLOAT: return FLOAT;
	case D_T_STACK: return STACK;
	case D_T_USYM:
	case D_T_KSYM: return SYMBOL;
	default: return 0;
	}
}

/* true: the argument fits, or the verb takes any argument */
static bool verb_fits(struct chk *c, const struct d_conv *v, const struct d_type *t, struct loc at,
		      const char *who, const char *what)
{
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (!strchr(verbs[i].verbs, v->verb) || kind_of(t) & verbs[i].want)
			continue;
		d_error(c->d, at, D_PRINTF_ARG_TYPE, "%%%c of %s() needs %s, but %s is %s", v->verb,
			who, verbs[i].text, what, c_name(c, t));
		return false;
	}
	return true;
}

/* %ws and %ls print an array of wchar_t. */
static bool is_wide_text(const struct d_conv *v, const struct d_type *t)
{
	const struct d_type *r = d_resolve(t), *of = r->kind == D_T_ARRAY ? d_resolve(r->to) : NULL;

	return v->verb == 's' && (v->length == 'w' || v->length == 'l') && of && d_is_integer(of) &&
	       of->size == 4;
}

static bool takes_value(const struct d_conv *v)
{
	return v->verb && v->verb != '%';
}

struct args {
	struct d_expr *e;
	size_t next;
};

static bool dynamic_ok(struct chk *c, struct args *a, const struct d_conv *v, const char *which)
{
	struct d_expr *k;

	if (a->next >= a->e->nkids) {
		d_error(c->d, v->loc, D_PRINTF_DYN_PROTO,
			"the * of %%%c has no argument for its %s", v->verb, which);
		return false;
	}
	k = a->e->kids[a->next++];
	if (!k || d_is_integer(k->type))
		return k != NULL;
	d_error(c->d, k->loc, D_PRINTF_DYN_TYPE, "the %s of %%%c must be an integer, not %s", which,
		v->verb, c_name(c, k->type));
	return false;
}

static bool conv_ok(struct chk *c, struct args *a, const struct d_conv *v)
{
	struct d_expr *k;
	bool ok = true;

	if (v->star_width)
		ok &= dynamic_ok(c, a, v, "width");
	if (v->star_prec)
		ok &= dynamic_ok(c, a, v, "precision");
	if (!ok || !takes_value(v))
		return ok;
	if (v->verb == '@') {
		d_error(c->d, v->loc, D_PRINTF_AGG_CONV, "%%@ is for printa(), not for %s()",
			a->e->str);
		return false;
	}
	if (a->next >= a->e->nkids) {
		d_error(c->d, v->loc, D_PRINTF_ARG_PROTO, "%s(): no argument for conversion %%%c",
			a->e->str, v->verb);
		return false;
	}
	k = a->e->kids[a->next++];
	if (k && is_wide_text(v, k->type))
		return true;
	if (!k || !verb_fits(c, v, k->type, k->loc, a->e->str, "the argument"))
		return false;
	k = d_is_char_array(k->type) ? c_to_string(c, k) : c_decay(c, k);
	a->e->kids[a->next - 1] = k;
	return k != NULL;
}

static const struct d_format *format_of(struct chk *c, struct d_expr *e)
{
	struct d_expr *f = e->kids[0];

	if (!f || f->kind != D_E_STRING) {
		d_error(c->d, f ? f->loc : e->loc, D_PRINTF_ARG_FMT,
			"the format of %s() must be a string constant", e->str);
		return NULL;
	}
	f->type = d_base(c->d, D_STRING);
	if (!f->len) {
		d_error(c->d, f->loc, D_PRINTF_FMT_EMPTY, "the format of %s() is empty", e->str);
		return NULL;
	}
	return d_format_parse(c->d, f->str, f->len, f->loc);
}

bool c_printf(struct chk *c, struct d_expr *e)
{
	const struct d_format *f = format_of(c, e);
	struct args a = { e, 1 };
	bool ok = f != NULL;

	for (size_t i = 1; i < e->nkids; i++) {
		e->kids[i] = c_value(c, e->kids[i]);
		ok &= e->kids[i] != NULL;
	}
	for (size_t i = 0; ok && i < f->nconvs; i++)
		ok = conv_ok(c, &a, &f->convs[i]);
	if (ok && a.next < e->nkids) {
		d_error(c->d, e->kids[a.next]->loc, D_PRINTF_ARG_EXTRA,
			"%s() has %zu argument%s more than its format uses", e->str,
			e->nkids - a.next, e->nkids - a.next == 1 ? "" : "s");
		ok = false;
	}
	e->format = f;
	return ok;
}

/* ---- printa ----------------------------------------------------------------- */

static bool same_keys(struct chk *c, const struct d_expr *at, const struct d_agg *a,
		      const struct d_agg *b)
{
	bool same = a->nkeys == b->nkeys;

	for (size_t i = 0; same && i < a->nkeys; i++)
		same = d_same_type(a->keys[i], b->keys[i]);
	if (!same)
		d_error(c->d, at->loc, D_PRINTA_AGGKEY, "@%s and @%s have keys of different types",
			a->name, b->name);
	return same;
}

static bool printa_convs(struct chk *c, struct d_expr *e, const struct d_format *f,
			 const struct d_agg *agg)
{
	size_t key = 0;

	for (size_t i = 0; i < f->nconvs; i++) {
		const struct d_conv *v = &f->convs[i];
		const char *what;

		if (v->star_width || v->star_prec) {
			d_error(c->d, v->loc, D_PRINTF_DYN_PROTO,
				"printa() has no arguments for *");
			return false;
		}
		if (!takes_value(v) || v->verb == '@')
			continue;
		if (key >= agg->nkeys) {
			d_error(c->d, v->loc, D_PRINTF_ARG_PROTO,
				"printa(): no key for conversion %%%c: @%s has %zu key%s", v->verb,
				agg->name, agg->nkeys, agg->nkeys == 1 ? "" : "s");
			return false;
		}
		what = arena_printf(c->d->arena, "key %zu of @%s", key + 1, agg->name);
		if (!what || !verb_fits(c, v, agg->keys[key], v->loc, e->str, what))
			return false;
		key++;
	}
	return true;
}

bool c_printa(struct chk *c, struct d_expr *e)
{
	static const struct agg_tags tags = { D_PRINTA_AGGARG, D_PRINTA_AGGBAD, D_PRINTA_AGGKEY };
	size_t first = e->kids[0] && e->kids[0]->kind == D_E_AGG ? 0 : 1;
	const struct d_agg *lead = NULL;

	if (first && !(e->format = format_of(c, e)))
		return false;
	if (first >= e->nkids) {
		d_error(c->d, e->loc, D_PRINTA_PROTO, "printa() needs an aggregation");
		return false;
	}
	for (size_t i = first; i < e->nkids; i++) {
		const struct d_agg *a = c_agg_find(c, e->kids[i], &tags, "printa");

		if (!a || (lead && !same_keys(c, e->kids[i], lead, a)))
			return false;
		lead = lead ? lead : a;
	}
	return !e->format || printa_convs(c, e, e->format, lead);
}
