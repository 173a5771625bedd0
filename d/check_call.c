/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_call.c: calls of subroutines and actions, and operators that are written as calls (guide:
 * chp-actsub).
 * In:   raw CALL nodes.
 * Out:  typed CALL nodes; offsetof folded, stringof a cast.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#include <string.h>

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
	if (!c_count_ok(c, e, row->proto, D_PROTO_LEN) || !c_args(c, e, row->proto))
		return NULL;
	e->type = c_result_type(c, row->proto);
	return e->type ? e : NULL;
}

/* A destructive function needs -w. One that this version lacks is refused later for that. */
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
