/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_proto.c: checks arguments against the prototypes of builtins.def,
 * which explains their marks.
 * In:   a call's arguments, the prototype's text.
 * Out:  each argument cast to the type of its parameter; the type of the result.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#include <string.h>

struct param {
	const char *word;
	size_t len;
	bool optional, rest;
};

/* The next parameter of a prototype's list at *at; false: no more. */
static bool next_param(const char **at, struct param *p)
{
	const char *s = *at + strspn(*at, " ,("), *end = s + strcspn(s, ",)");

	if (!*s || *s == ')')
		return false;
	*at = end;
	p->optional = *s == '[';
	if (p->optional) {
		s++;
		end--;
	}
	p->word = s;
	p->len = (size_t)(end - s);
	p->rest = p->len == 3 && !strncmp(s, "...", 3);
	return true;
}

static bool word_is(const struct param *p, const char *word)
{
	return p->len == strlen(word) && !strncmp(p->word, word, p->len);
}

static const char *proto_list(const char *proto)
{
	return strchr(proto, '(');
}

static void proto_counts(const char *proto, size_t *least, size_t *most)
{
	const char *at = proto_list(proto);
	struct param p;

	*least = *most = 0;
	while (next_param(&at, &p)) {
		if (p.rest) {
			*most = SIZE_MAX;
			return;
		}
		*least += !p.optional;
		*most += *most != SIZE_MAX;
	}
}

bool c_count_ok(struct chk *c, const struct d_expr *e, const char *proto,
		const struct diag_tag *tag)
{
	size_t least, most;

	proto_counts(proto, &least, &most);
	if (e->nkids >= least && e->nkids <= most)
		return true;
	if (least == most)
		d_error(c->d, e->loc, tag, "%s() takes %zu argument%s, not %zu", e->str, least,
			least == 1 ? "" : "s", e->nkids);
	else if (e->nkids < least)
		d_error(c->d, e->loc, tag, "%s() takes at least %zu argument%s, not %zu", e->str,
			least, least == 1 ? "" : "s", e->nkids);
	else
		d_error(c->d, e->loc, tag, "%s() takes at most %zu argument%s, not %zu", e->str,
			most, most == 1 ? "" : "s", e->nkids);
	return false;
}

static struct d_type *word_type(struct chk *c, const char *word, size_t len)
{
	const char *name = arena_strndup(c->d->arena, word, len);

	return name ? d_parse_type_name(c->d, name) : NULL;
}

static struct d_expr *fits(struct chk *c, struct d_expr *k, const struct param *p)
{
	struct d_type *t;

	if (p->rest || word_is(p, "@"))
		return k;
	if (word_is(p, "int"))
		return d_is_integer(k->type) ? c_promote(c, k) : NULL;
	if (word_is(p, "ptr"))
		return d_is_integer(k->type) ? c_cast(c, k, d_base(c->d, D_ULONG)) :
		       d_is_pointer(k->type) ? c_decay(c, k) :
					       NULL;
	if (word_is(p, "str"))
		return c_to_string(c, k);
	if (word_is(p, "lit"))
		return c_is_const(k) || k->kind == D_E_STRING ? k : NULL;
	if (word_is(p, "fmt") || word_is(p, "text"))
		return k->kind == D_E_STRING ? k : NULL;
	t = word_type(c, p->word, p->len);
	return t ? c_convert(c, k, t) : NULL;
}

static const char *wanted(struct chk *c, const struct param *p)
{
	return word_is(p, "int") ? "an integer" :
	       word_is(p, "ptr") ? "a pointer or an integer" :
	       word_is(p, "str") ? "a string" :
	       word_is(p, "lit") ? "a constant" :
	       word_is(p, "fmt") ? "a format string" :
	       word_is(p, "agg") ? "an aggregation" :
				   arena_strndup(c->d->arena, p->word, p->len);
}

bool c_args(struct chk *c, struct d_expr *e, const char *proto)
{
	const char *at = proto_list(proto);
	struct param p = { .rest = true };
	bool ok = true;

	for (size_t i = 0; i < e->nkids; i++) {
		struct d_expr *k = e->kids[i], *fit;

		if (i == 0 || !p.rest)
			next_param(&at, &p);
		if (k && k->kind == D_E_AGG && k->agg) /* its action has checked it */
			continue;
		k = c_value(c, k);
		fit = k ? fits(c, k, &p) : NULL;
		if (k && !fit && word_is(&p, "text")) {
			d_error(c->d, k->loc, D_PROTO_ARG,
				"argument %zu of %s() must be a string constant", i + 1, e->str);
		} else if (k && !fit) {
			const char *want = wanted(c, &p);

			d_error(c->d, k->loc, D_PROTO_ARG,
				"argument %zu of %s() must be %s, not %s%s", i + 1, e->str,
				want ? want : "?",
				word_is(&p, "lit") ? "an expression of type " : "",
				c_name(c, k->type));
		}
		ok &= fit != NULL;
		e->kids[i] = fit;
	}
	return ok;
}

struct d_type *c_result_type(struct chk *c, const char *proto)
{
	size_t len = (size_t)(proto_list(proto) - proto);

	if (len == 3 && !strncmp(proto, "ptr", 3))
		return d_ptr_to(c->d, d_base(c->d, D_VOID));
	return word_type(c, proto, len);
}
