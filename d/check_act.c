/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_act.c: actions, beyond what a prototype can say (guide: chp-actsub,
 * chp-aggs).
 * In:   CALL nodes whose func is an enum d_action; kids raw.
 * Out:  typed ones; those that are values have their types: STACK, KSYM, USYM.
 * Owns: nothing; all is the arena's.
 */
#include "d/check.h"

#include <string.h>

/* What differs from `void, a statement, D_PROTO_LEN`. */
static const struct act {
	const struct diag_tag *count; /* a wrong number of arguments; NULL: D_PROTO_LEN */
	struct agg_tags agg;	      /* first argument is an aggregation */
	int value;		      /* base type as a value; 0: a statement only */
} acts[D_NACTIONS] = {
	[D_ACT_printa] = { .count = D_PRINTA_PROTO },
	[D_ACT_clear] = { D_CLEAR_PROTO, { D_CLEAR_AGGARG, D_CLEAR_AGGBAD, D_CLEAR_AGGKEY }, 0 },
	[D_ACT_trunc] = { D_TRUNC_PROTO, { D_TRUNC_AGGARG, D_TRUNC_AGGBAD, D_TRUNC_AGGKEY }, 0 },
	[D_ACT_normalize] = { D_NORMALIZE_PROTO,
			      { D_NORMALIZE_AGGARG, D_NORMALIZE_AGGBAD, D_NORMALIZE_AGGKEY },
			      0 },
	[D_ACT_denormalize] = { D_NORMALIZE_PROTO,
				{ D_NORMALIZE_AGGARG, D_NORMALIZE_AGGBAD, D_NORMALIZE_AGGKEY },
				0 },
	[D_ACT_stack] = { .count = D_STACK_PROTO, .value = D_STACK },
	[D_ACT_ustack] = { .count = D_USTACK_PROTO, .value = D_USTACK },
	[D_ACT_jstack] = { .count = D_USTACK_PROTO, .value = D_USTACK },
	[D_ACT_sym] = { .value = D_KSYM },
	[D_ACT_mod] = { .value = D_KSYM },
	[D_ACT_func] = { .value = D_KSYM },
	[D_ACT_uaddr] = { .value = D_USYM },
	[D_ACT_usym] = { .value = D_USYM },
	[D_ACT_umod] = { .value = D_USYM },
	[D_ACT_ufunc] = { .value = D_USYM },
};

static bool frames_ok(struct chk *c, struct d_expr *e)
{
	static const struct diag_tag *const tags[2][2] = { { D_STACK_SIZE, D_STACK_SIZE },
							   { D_USTACK_FRAMES, D_USTACK_STRSIZE } };
	bool user = e->func != D_ACT_stack;

	for (size_t i = 0; i < e->nkids; i++) {
		struct d_expr *k = c_value(c, e->kids[i]);

		if (!k)
			return false;
		if (!c_is_const(k) || (int64_t)k->ival < 0 || k->ival > INT32_MAX ||
		    (!k->ival && !i)) {
			d_error(c->d, k->loc, tags[user][i > 0],
				"%s of %s() must be a positive integer "
				"constant",
				i ? "the string size" : "the number of frames", e->str);
			return false;
		}
		e->kids[i] = k;
	}
	return true;
}

static struct d_expr *stack(struct chk *c, struct d_expr *e, const struct act *a)
{
	struct d_type *t;

	if (!frames_ok(c, e))
		return NULL;
	t = d_base(c->d, (enum d_basetype)a->value);
	if (e->nkids) {
		t = arena_dup(c->d->arena, t, sizeof(*t));
		if (!t)
			return NULL;
		t->nelem = e->kids[0]->ival;
		t->ptr_cache = NULL;
	}
	e->type = t;
	return e;
}

static bool trace_ok(struct chk *c, struct d_expr *e)
{
	static const struct agg_tags tags = { NULL, D_TRACE_AGGBAD, D_TRACE_AGGKEY };
	const struct d_type *t;

	if (e->kids[0] && e->kids[0]->kind == D_E_AGG)
		return c_agg_find(c, e->kids[0], &tags, "trace") != NULL;
	e->kids[0] = c_expr(c, e->kids[0]);
	if (!e->kids[0])
		return false;
	t = d_resolve(e->kids[0]->type);
	if (t->kind == D_T_VOID || t->kind == D_T_FUNC) {
		d_error(c->d, e->kids[0]->loc, D_TRACE_VOID, "trace() needs a value, not %s",
			c_name(c, e->kids[0]->type));
		return false;
	}
	if (d_is_char_array(t))
		e->kids[0] = c_to_string(c, e->kids[0]);
	return e->kids[0] != NULL;
}

static bool tracemem_ok(struct chk *c, struct d_expr *e)
{
	struct d_expr *size;

	if (!c_kids_done(c, e))
		return false;
	if (!d_is_pointer(e->kids[0]->type) && !d_is_integer(e->kids[0]->type)) {
		d_error(c->d, e->kids[0]->loc, D_TRACEMEM_ADDR,
			"tracemem() needs an address, not %s", c_name(c, e->kids[0]->type));
		return false;
	}
	e->kids[0] = d_is_integer(e->kids[0]->type) ? c_cast(c, e->kids[0], d_base(c->d, D_ULONG)) :
						      c_decay(c, e->kids[0]);
	size = e->kids[1];
	if (!c_is_const(size) || !d_is_integer(size->type) || (int64_t)size->ival <= 0 ||
	    size->ival > INT32_MAX) {
		d_error(c->d, size->loc, D_TRACEMEM_SIZE,
			"the size of tracemem() must be a positive integer constant");
		return false;
	}
	if (e->nkids > 2 && !d_is_integer(e->kids[2]->type)) {
		d_error(c->d, e->kids[2]->loc, D_TRACEMEM_SIZE,
			"the dynamic size of tracemem() must be "
			"an integer, not %s",
			c_name(c, e->kids[2]->type));
		return false;
	}
	return e->kids[0] != NULL;
}

static bool agg_ok(struct chk *c, struct d_expr *e, const struct act *a, const char *proto)
{
	if (!c_agg_find(c, e->kids[0], &a->agg, e->str))
		return false;
	if (e->func == D_ACT_normalize && e->nkids == 2) {
		e->kids[1] = c_value(c, e->kids[1]);
		if (e->kids[1] && !c_is_scalar(e->kids[1]->type)) {
			d_error(c->d, e->kids[1]->loc, D_NORMALIZE_SCALAR,
				"normalize() needs a number to divide by, not %s",
				c_name(c, e->kids[1]->type));
			return false;
		}
		if (c_is_const(e->kids[1]) && !e->kids[1]->ival) {
			d_error(c->d, e->kids[1]->loc, D_DIV_ZERO, "normalize() by zero");
			return false;
		}
		e->kids[1] = c_cast(c, e->kids[1], d_base(c->d, D_INT64));
		return e->kids[1] != NULL;
	}
	return c_args(c, e, proto);
}

static bool setopt_ok(struct chk *c, struct d_expr *e)
{
	for (size_t i = 0; i < e->nkids; i++)
		if (!e->kids[i] || e->kids[i]->kind != D_E_STRING) {
			d_error(c->d, e->kids[i] ? e->kids[i]->loc : e->loc, D_PROTO_ARG,
				"argument %zu of setopt() must be a string constant", i + 1);
			return false;
		}
	return c_kids_done(c, e) != NULL;
}

static bool args_ok(struct chk *c, struct d_expr *e, const struct act *a, const char *proto)
{
	switch (e->func) {
	case D_ACT_printf:
	case D_ACT_system:
	case D_ACT_freopen: return c_printf(c, e);
	case D_ACT_printa: return c_printa(c, e);
	case D_ACT_trace: return trace_ok(c, e);
	case D_ACT_tracemem: return tracemem_ok(c, e);
	case D_ACT_setopt: return setopt_ok(c, e);
	default: return a->agg.arg ? agg_ok(c, e, a, proto) : c_args(c, e, proto);
	}
}

struct d_expr *c_action(struct chk *c, struct d_expr *e, const char *proto, bool statement)
{
	const struct act *a = &acts[e->func];

	if (!c_count_ok(c, e, proto, a->count ? a->count : D_PROTO_LEN))
		return NULL;
	if (!statement && (!a->value || c->constant)) {
		d_error(c->d, e->loc, D_OP_ACT,
			"action %s() has no value: it is a statement of its own", e->str);
		return NULL;
	}
	if (a->value == D_STACK || a->value == D_USTACK)
		return stack(c, e, a);
	if (!args_ok(c, e, a, proto))
		return NULL;
	e->type = d_base(c->d, a->value ? (enum d_basetype)a->value : D_VOID);
	return e;
}
