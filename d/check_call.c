/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_call.c: calls against the prototypes of builtins.def, whose marks
 * are explained there (guide: chp-actsub).
 * In:   raw CALL nodes.
 * Out:  typed ones, each argument cast to what its parameter asks; offsetof
 *       folded, stringof a cast.
 * Owns: nothing; all is the arena's.
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
		if (k && k->kind == D_E_AGG && k->agg) /* an action has looked at it */
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

/* ---- offsetof, stringof, xlate ----------------------------------------------- */

static struct d_expr *offset_of(struct chk *c, struct d_expr *e)
{
	struct d_type *t = e->nkids == 2 && e->kids[0] ? e->kids[0]->type : NULL;
	const struct d_type *r = d_resolve(t);
	const struct d_member *m;
	uint64_t off = 0;

	if (!t || !e->kids[1])
		return NULL;
	c_attr_type(c, t, e->loc);
	if ((r->kind != D_T_STRUCT && r->kind != D_T_UNION) || !d_complete(c->d, t)) {
		d_error(c->d, e->loc, D_OFFSETOF_TYPE,
			"offsetof() needs a complete struct or union, not %s", c_name(c, t));
		return NULL;
	}
	m = d_member_find(c->d, t, e->kids[1]->str, &off);
	if (!m) {
		d_error(c->d, e->kids[1]->loc, D_TYPE_MEMBER, "%s has no member %s", c_name(c, t),
			e->kids[1]->str);
		return NULL;
	}
	if (m->bit_size) {
		d_error(c->d, e->kids[1]->loc, D_OFFSETOF_BITFIELD,
			"bit-field %s has no offset in bytes", m->name);
		return NULL;
	}
	return c_int(c, off / 8, d_base(c->d, D_ULONG), e->loc);
}

static struct d_expr *string_of(struct chk *c, struct d_expr *e)
{
	struct d_expr *k = c_value(c, e->kids[0]);

	if (!k)
		return NULL;
	if (!c_is_strlike(k->type) && !c_is_scalar(k->type)) {
		d_error(c->d, e->loc, D_STRINGOF_TYPE,
			"stringof needs a string or an address, not %s", c_name(c, k->type));
		return NULL;
	}
	return c_cast(c, k, d_base(c->d, D_STRING));
}

static struct d_expr *xlate(struct chk *c, struct d_expr *e)
{
	d_error(c->d, e->loc, D_XLATE_NONE, "translators are not supported: xlate cannot be used");
	return NULL;
}

/* Operators that are written as calls. */
static const struct {
	const char *name;
	struct d_expr *(*check)(struct chk *c, struct d_expr *e);
} operators[] = { { "offsetof", offset_of }, { "stringof", string_of }, { "xlate", xlate } };

/* ---- Calls ------------------------------------------------------------------ */

static struct d_expr *subroutine(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	size_t len = (size_t)(proto_list(row->proto) - row->proto);
	bool ptr = len == 3 && !strncmp(row->proto, "ptr", 3);

	if (!c_count_ok(c, e, row->proto, D_PROTO_LEN) || !c_args(c, e, row->proto))
		return NULL;
	e->type = ptr ? d_ptr_to(c->d, d_base(c->d, D_VOID)) : word_type(c, row->proto, len);
	return e->type ? e : NULL;
}

/* One that this version lacks is refused for that, with -w or without. */
static bool is_allowed(struct chk *c, const struct d_expr *e, const struct d_row *row)
{
	if (!row->destructive || !row->has || c->d->config.opt.destructive)
		return true;
	d_error(c->d, e->loc, D_DESTRUCTIVE,
		"%s() is destructive: it needs -w or #pragma D option destructive", row->name);
	return false;
}

struct d_expr *c_call(struct chk *c, struct d_expr *e, bool statement)
{
	struct d_ident *id;

	for (size_t i = 0; i < COUNT(operators); i++)
		if (!strcmp(e->str, operators[i].name))
			return operators[i].check(c, e);
	id = hash_get_str(c->d->idents, e->str);
	if (!id) {
		d_error(c->d, e->loc, D_FUNC_UNDEF, "unknown function: %s()", e->str);
		c_suggest(c, e->str, D_V_GLOBAL, true);
		return NULL;
	}
	if (c->constant && id->kind == D_ID_SUBR) {
		d_error(c->d, e->loc, D_OP_INT, "%s() is not a constant", e->str);
		return NULL;
	}
	c_attr_ident(c, id, e->loc, "function", e->str);
	if ((id->kind == D_ID_SUBR || id->kind == D_ID_ACTION) && !is_allowed(c, e, id->row))
		return NULL;
	e->func = (int)id->number;
	e->is_action = id->kind == D_ID_ACTION;
	switch (id->kind) {
	case D_ID_SUBR: return subroutine(c, e, id->row);
	case D_ID_ACTION: return c_action(c, e, id->row, statement);
	case D_ID_AGGFUNC:
		d_error(c->d, e->loc, D_OP_ACT, "%s() can only be assigned to an aggregation",
			e->str);
		diag_hint(c->d->diag, "for example: @x = %s(…)", e->str);
		return NULL;
	default: d_error(c->d, e->loc, D_FUNC_IDKIND, "%s is not a function", e->str); return NULL;
	}
}
