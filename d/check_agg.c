/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_agg.c: aggregations (guide: chp-aggs).
 * In:   statements `@a[keys] = f(args)`; aggregations named by actions.
 * Out:  D_S_AGG statements; struct d_agg with its function, keys and params.
 * Owns: nothing; aggregations are the program's.
 */
#include "d/check.h"

#include <string.h>

/* @ is short for @_, as in DTrace. */
static const char *agg_name(const struct d_expr *e)
{
	return *e->str ? e->str : "_";
}

struct d_agg *c_agg_find(struct chk *c, struct d_expr *e, const struct agg_tags *tags,
			 const char *who)
{
	struct d_agg *a;

	if (!e || e->kind != D_E_AGG) {
		d_error(c->d, e ? e->loc : NOWHERE, tags->arg, "%s() needs an aggregation here",
			who);
		return NULL;
	}
	a = hash_get_str(c->d->agg_names, agg_name(e));
	if (!a)
		d_error(c->d, e->loc, tags->bad, "unknown aggregation: @%s", e->str);
	if (!a || a->func < 0) /* its statement had an error */
		return NULL;
	if (e->nkids) {
		d_error(c->d, e->loc, tags->key, "%s() takes @%s without keys", who, e->str);
		return NULL;
	}
	e->agg = a;
	e->type = d_base(c->d, D_INT64);
	return a;
}

static struct d_agg *agg_get(struct chk *c, const struct d_expr *e)
{
	struct d_agg *a = hash_get_str(c->d->agg_names, agg_name(e)), **slot;

	if (a)
		return a;
	a = arena_new_of(c->d->arena, struct d_agg);
	slot = a ? ARENA_PUSH(c->d->arena, c->prog->aggs, c->prog->naggs, c->aggs_cap) : NULL;
	if (!slot)
		return NULL;
	*a = (struct d_agg){
		.name = e->str, .id = (int)(c->prog->naggs - 1), .func = -1, .loc = e->loc
	};
	*slot = a;
	return hash_set_str(c->d->agg_names, agg_name(e), a) ? NULL : a;
}

/* ---- Parameters of lquantize and llquantize ----------------------------------- */

struct range {
	const char *name;
	const struct diag_tag *type_tag, *value_tag, *match_tag;
	int64_t low, high, missing;
};
static const struct range lq_params[] = {
	{ "base", D_LQUANT_BASETYPE, D_LQUANT_BASEVAL, D_LQUANT_MATCHBASE, INT32_MIN, INT32_MAX,
	  0 },
	{ "limit", D_LQUANT_LIMTYPE, D_LQUANT_LIMVAL, D_LQUANT_MATCHLIM, INT32_MIN, INT32_MAX, 0 },
	{ "step", D_LQUANT_STEPTYPE, D_LQUANT_STEPVAL, D_LQUANT_MATCHSTEP, 1, UINT16_MAX, 1 },
};
static const struct range llq_params[] = {
	{ "factor", D_LLQUANT_FACTORTYPE, D_LLQUANT_FACTORVAL, D_LLQUANT_MATCHFACTOR, 2, UINT16_MAX,
	  0 },
	{ "low magnitude", D_LLQUANT_LMAGTYPE, D_LLQUANT_LMAGVAL, D_LLQUANT_MATCHLMAG, 0, 63, 0 },
	{ "high magnitude", D_LLQUANT_HMAGTYPE, D_LLQUANT_HMAGVAL, D_LLQUANT_MATCHHMAG, 0, 63, 0 },
	{ "number of steps", D_LLQUANT_STEPTYPE, D_LLQUANT_STEPVAL, D_LLQUANT_MATCHSTEPS, 1,
	  UINT16_MAX, 0 },
};

static bool param(struct chk *c, struct d_expr *call, size_t i, const struct range *r, int64_t *out)
{
	struct d_expr *k;

	*out = r->missing;
	if (i >= call->nkids)
		return true;
	k = c_value(c, call->kids[i]);
	if (!k)
		return false;
	if (!c_is_const(k) || !d_is_integer(k->type)) {
		d_error(c->d, k->loc, r->type_tag, "the %s of %s() must be an integer constant",
			r->name, call->str);
		return false;
	}
	*out = (int64_t)k->ival;
	if (*out >= r->low && *out <= r->high && (*out >= 0 || d_resolve(k->type)->is_signed))
		return true;
	d_error(c->d, k->loc, r->value_tag, "the %s of %s() must be %lld to %lld", r->name,
		call->str, (long long)r->low, (long long)r->high);
	return false;
}

static bool lquantize_ok(struct chk *c, const struct d_expr *call, const int64_t *p)
{
	int64_t levels;

	if (p[1] < p[0]) {
		d_error(c->d, call->loc, D_LQUANT_MISMATCH,
			"lquantize(): the limit is below the base");
		return false;
	}
	levels = (p[1] - p[0]) / p[2];
	if (!levels)
		d_error(c->d, call->loc, D_LQUANT_STEPLARGE,
			"lquantize(): the step must not be larger than limit - base");
	else if (levels > UINT16_MAX)
		d_error(c->d, call->loc, D_LQUANT_STEPSMALL,
			"lquantize(): %lld steps from base to limit; at most 65535",
			(long long)levels);
	return levels && levels <= UINT16_MAX;
}

static bool llquantize_ok(struct chk *c, const struct d_expr *call, const int64_t *p)
{
	__int128 v = 1;

	if (p[1] > p[2]) {
		d_error(c->d, call->loc, D_LLQUANT_HMAGVAL,
			"llquantize(): the high magnitude is below the low one");
		return false;
	}
	for (int64_t i = 0; i <= p[2]; i++) {
		v *= p[0];
		if (v > INT64_MAX) {
			d_error(c->d, call->loc, D_LLQUANT_HMAGVAL,
				"llquantize(): %lld to the power of %lld does not fit in 64 bits",
				(long long)p[0], (long long)p[2] + 1);
			return false;
		}
	}
	for (v = p[0]; v < p[3]; v *= p[0])
		continue;
	if (p[3] % p[0] || v % p[3]) {
		d_error(c->d, call->loc, D_LLQUANT_STEPVAL,
			"llquantize(): the number of steps must be a multiple of the factor and divide a power of it evenly");
		return false;
	}
	return true;
}

/* For functions without parameters: the value is their only argument. */
static bool params_none(struct chk *c, struct d_agg *a, struct d_expr *call, size_t *used)
{
	(void)c;
	(void)a;
	(void)call;
	*used = 1;
	return true;
}

struct params {
	const struct range *range;
	size_t n;
	bool (*fit)(struct chk *c, const struct d_expr *call, const int64_t *p);
};

/* Reads the constants behind the value, which must be the same for every use of the aggregation. */
static bool params_read(struct chk *c, struct d_agg *a, struct d_expr *call,
			const struct params *of, size_t *used)
{
	int64_t p[4] = { 0 };

	for (size_t i = 0; i < of->n; i++)
		if (!param(c, call, i + 1, &of->range[i], &p[i]))
			return false;
	if (!of->fit(c, call, p))
		return false;
	for (size_t i = 0; i < of->n && a->func >= 0; i++)
		if (p[i] != a->params[i]) {
			d_error(c->d, call->loc, of->range[i].match_tag,
				"%s(): the %s of @%s was %lld before", call->str, of->range[i].name,
				a->name, (long long)a->params[i]);
			return false;
		}
	memcpy(a->params, p, sizeof(p));
	*used = 1 + of->n;
	return true;
}

static bool params_lquantize(struct chk *c, struct d_agg *a, struct d_expr *call, size_t *used)
{
	static const struct params three = { lq_params, COUNT(lq_params), lquantize_ok };

	return params_read(c, a, call, &three, used);
}

static bool params_llquantize(struct chk *c, struct d_agg *a, struct d_expr *call, size_t *used)
{
	static const struct params four = { llq_params, COUNT(llq_params), llquantize_ok };

	return params_read(c, a, call, &four, used);
}

#define params_count params_none
#define params_sum params_none
#define params_min params_none
#define params_max params_none
#define params_avg params_none
#define params_stddev params_none
#define params_quantize params_none

/* *used: the number of arguments that are the value and the parameters. */
static bool (*const params[D_NAGGFUNCS])(struct chk *c, struct d_agg *a, struct d_expr *call,
					 size_t *used) = {
#define D_AGGFUNC(id, has, proto, ...) [D_AGG_##id] = params_##id,
#include "d/builtins.def"
};

/* ---- Statements --------------------------------------------------------------- */

static struct d_expr *aggregated(struct chk *c, struct d_expr *call, size_t i,
				 const struct diag_tag *tag)
{
	struct d_expr *k = c_value(c, call->kids[i]);

	if (!k)
		return NULL;
	if (!d_is_integer(k->type) && d_resolve(k->type)->kind != D_T_PTR) {
		d_error(c->d, k->loc, tag, "argument %zu of %s() must be an integer, not %s", i + 1,
			call->str, c_name(c, k->type));
		return NULL;
	}
	return c_cast(c, k, d_base(c->d, D_INT64));
}

static bool args_ok(struct chk *c, struct d_stmt *s, struct d_agg *a, struct d_expr *call, int func)
{
	size_t used = 1;

	s->args = arena_array(c->d->arena, struct d_expr *, 2);
	if (!s->args)
		return false;
	if (!call->nkids)
		return true;
	s->args[0] = aggregated(c, call, 0, D_AGG_SCALAR);
	if (!s->args[0] || !params[func](c, a, call, &used))
		return false;
	s->nargs = 1;
	if (used >= call->nkids)
		return true;
	s->nargs = 2;
	s->args[1] = aggregated(c, call, used, D_PROTO_ARG);
	return s->args[1] != NULL;
}

/* "count, sum, … or llquantize" */
static const char *functions(struct chk *c)
{
	const char *all = "";

	for (size_t i = 0; all && i < D_NAGGFUNCS; i++)
		all = arena_printf(c->d->arena, "%s%s%s", all,
				   !i			? "" :
				   i + 1 == D_NAGGFUNCS ? " or " :
							  ", ",
				   d_aggfunc_rows[i].name);
	return all ? all : "";
}

bool c_agg_stmt(struct chk *c, struct d_stmt *s)
{
	struct d_expr *target = s->expr->kids[0], *call = s->expr->kids[1];
	struct d_ident *id = call && call->kind == D_E_CALL ?
				     hash_get_str(c->d->idents, call->str) :
				     NULL;
	struct d_agg *a = agg_get(c, target);
	const char *what = arena_printf(c->d->arena, "@%s", target->str);
	bool known, ok;

	if (!a || !what || !call)
		return false;
	if (id)
		c_attr_ident(c, id, call->loc, "function", call->str);
	known = a->func >= 0;
	ok = c_tuple(c, target->kids, target->nkids, &a->keys, &a->nkeys, what, target->loc,
		     &known);
	if ((s->expr->op != D_OP_ASSIGN && s->expr->op != D_OP_NONE) || !id ||
	    id->kind != D_ID_AGGFUNC) {
		d_error(c->d, call->loc, D_AGG_FUNC, "@%s must be assigned an aggregating function",
			a->name);
		if (call->kind == D_E_CALL && !id)
			c_suggest(c, call->str, D_V_GLOBAL, true);
		else
			diag_hint(c->d->diag, "%s", functions(c));
		return false;
	}
	if (a->func >= 0 && a->func != (int)id->number) {
		d_error(c->d, s->loc, D_AGG_REDEF, "@%s is %s() here, but was %s() before", a->name,
			call->str, d_aggfunc_rows[a->func].name);
		return false;
	}
	if (!c_count_ok(c, call, id->row->proto, D_PROTO_LEN))
		return false;
	if (!args_ok(c, s, a, call, (int)id->number) || !ok)
		return false;
	a->func = s->aggfunc = (int)id->number;
	target->agg = a;
	target->type = d_base(c->d, D_INT64);
	s->kind = D_S_AGG;
	s->target = target;
	return true;
}
