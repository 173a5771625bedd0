/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_act.c: checks actions beyond their prototypes (guide: chp-actsub,
 * chp-aggs).
 * In:   CALL nodes whose func is an enum d_action; kids raw.
 * Out:  typed CALL nodes; an action with a value has its type: STACK, KSYM, USYM.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#include <string.h>

static bool frames_ok(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	static const struct diag_tag *const tags[2][2] = { { D_STACK_SIZE, D_STACK_SIZE },
							   { D_USTACK_FRAMES, D_USTACK_STRSIZE } };
	bool user = row->value == D_USTACK;

	for (size_t i = 0; i < e->nkids; i++) {
		struct d_expr *k = c_value(c, e->kids[i]);

		if (!k)
			return false;
		if (!c_is_const(k) || (int64_t)k->ival < 0 || k->ival > INT32_MAX ||
		    (!k->ival && !i)) {
			d_error(c->d, k->loc, tags[user][i > 0],
				i ? "the string size of %s() must be a positive integer constant" :
				    "the number of frames of %s() must be a positive integer constant",
				e->str);
			return false;
		}
		e->kids[i] = k;
	}
	return true;
}

static bool check_stack(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	struct d_type *t;

	if (!frames_ok(c, e, row))
		return false;
	if (!e->nkids)
		return true;
	t = arena_dup(c->d->arena, e->type, sizeof(*e->type));
	if (!t)
		return false;
	t->nelem = e->kids[0]->ival;
	t->ptr_cache = NULL;
	e->type = t;
	return true;
}

static bool check_trace(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	static const struct agg_tags tags = { NULL, D_TRACE_AGGBAD, D_TRACE_AGGKEY };
	const struct d_type *t;

	(void)row;
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

static bool check_tracemem(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	struct d_expr *size;

	(void)row;
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
			"the dynamic size of tracemem() must be an integer, not %s",
			c_name(c, e->kids[2]->type));
		return false;
	}
	return e->kids[0] != NULL;
}

/* For actions whose prototype is all there is to check. */
static bool check_args(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	return c_args(c, e, row->proto);
}

static bool check_format(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	(void)row;
	return c_printf(c, e);
}

static bool check_printa(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	(void)row;
	return c_printa(c, e);
}

static bool check_clear(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	static const struct agg_tags tags = { D_CLEAR_AGGARG, D_CLEAR_AGGBAD, D_CLEAR_AGGKEY };

	return c_agg_find(c, e->kids[0], &tags, row->name) && c_args(c, e, row->proto);
}

static bool check_trunc(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	static const struct agg_tags tags = { D_TRUNC_AGGARG, D_TRUNC_AGGBAD, D_TRUNC_AGGKEY };

	return c_agg_find(c, e->kids[0], &tags, row->name) && c_args(c, e, row->proto);
}

static bool check_denormalize(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	static const struct agg_tags tags = { D_NORMALIZE_AGGARG, D_NORMALIZE_AGGBAD,
					      D_NORMALIZE_AGGKEY };

	return c_agg_find(c, e->kids[0], &tags, row->name);
}

static bool check_normalize(struct chk *c, struct d_expr *e, const struct d_row *row)
{
	struct d_expr *by;

	if (!check_denormalize(c, e, row))
		return false;
	by = c_value(c, e->kids[1]);
	if (!by)
		return false;
	if (!c_is_scalar(by->type)) {
		d_error(c->d, by->loc, D_NORMALIZE_SCALAR,
			"normalize() needs a number to divide by, not %s", c_name(c, by->type));
		return false;
	}
	if (c_is_const(by) && !by->ival) {
		d_error(c->d, by->loc, D_DIV_ZERO, "normalize() by zero");
		return false;
	}
	e->kids[1] = c_cast(c, by, d_base(c->d, D_INT64));
	return e->kids[1] != NULL;
}

/* ---- The table ------------------------------------------------------------------ */

#define check_printf check_format
#define check_system check_format
#define check_freopen check_format
#define check_ustack check_stack
#define check_jstack check_stack
#define check_exit check_args
#define check_print check_args
#define check_setopt check_args
#define check_ftruncate check_args
#define check_raise check_args
#define check_stop check_args
#define check_panic check_args
#define check_breakpoint check_args
#define check_chill check_args
#define check_speculate check_args
#define check_commit check_args
#define check_discard check_args
#define check_sym check_args
#define check_mod check_args
#define check_func check_args
#define check_uaddr check_args
#define check_usym check_args
#define check_umod check_args
#define check_ufunc check_args
#define check_pcap check_args

static bool (*const checks[D_NACTIONS])(struct chk *c, struct d_expr *e,
					const struct d_row *row) = {
#define D_ACTION(id, has, proto, ...) [D_ACT_##id] = check_##id,
#include "d/builtins.def"
};

struct d_expr *c_action(struct chk *c, struct d_expr *e, const struct d_row *row, bool statement)
{
	if (!c_count_ok(c, e, row->proto, row->count_tag ? row->count_tag : D_PROTO_LEN))
		return NULL;
	if (!statement && (!row->value || c->constant)) {
		d_error(c->d, e->loc, D_OP_ACT,
			"action %s() has no value: it is a statement of its own", e->str);
		return NULL;
	}
	e->type = d_base(c->d, row->value); /* row->value 0 is void, a statement */
	return checks[e->func](c, e, row) ? e : NULL;
}
