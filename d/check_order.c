/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_order.c: what may stand beside commit, speculate and discard in a
 * clause (guide: chp-spec).
 * In:   a checked clause.
 * Out:  errors.
 * Owns: nothing.
 */
#include "d/check.h"

enum { RECORD = 1, DESTROY = 2 };

static const uint8_t act_flags[D_NACTIONS] = {
	[D_ACT_printf] = RECORD,
	[D_ACT_printa] = RECORD,
	[D_ACT_trace] = RECORD,
	[D_ACT_stack] = RECORD,
	[D_ACT_ustack] = RECORD,
	[D_ACT_jstack] = RECORD,
	[D_ACT_tracemem] = RECORD,
	[D_ACT_print] = RECORD,
	[D_ACT_sym] = RECORD,
	[D_ACT_mod] = RECORD,
	[D_ACT_func] = RECORD,
	[D_ACT_uaddr] = RECORD,
	[D_ACT_usym] = RECORD,
	[D_ACT_umod] = RECORD,
	[D_ACT_ufunc] = RECORD,
	[D_ACT_pcap] = RECORD,
	[D_ACT_system] = RECORD | DESTROY,
	[D_ACT_freopen] = RECORD | DESTROY,
	[D_ACT_ftruncate] = RECORD,
	[D_ACT_raise] = DESTROY,
	[D_ACT_stop] = DESTROY,
	[D_ACT_panic] = DESTROY,
	[D_ACT_breakpoint] = DESTROY,
	[D_ACT_chill] = DESTROY,
};

struct seen {
	bool commit, speculate, record;
};

static bool destroys(const struct d_expr *e)
{
	if (!e)
		return false;
	if (e->kind == D_E_CALL && !e->is_action &&
	    (e->func == D_SUBR_copyout || e->func == D_SUBR_copyoutstr))
		return true;
	for (size_t i = 0; i < e->nkids; i++)
		if (destroys(e->kids[i]))
			return true;
	return false;
}

static void at_commit(struct chk *c, const struct d_stmt *s, struct seen *seen)
{
	if (seen->record)
		d_error(c->d, s->loc, D_COMM_DREC,
			"commit() may not follow an action that records data");
	seen->commit = true;
}

static void at_speculate(struct chk *c, const struct d_stmt *s, struct seen *seen)
{
	if (seen->speculate)
		d_error(c->d, s->loc, D_SPEC_SPEC, "speculate() may not follow speculate()");
	else if (seen->commit)
		d_error(c->d, s->loc, D_SPEC_COMM, "speculate() may not follow commit()");
	else if (seen->record)
		d_error(c->d, s->loc, D_SPEC_DREC,
			"speculate() may not follow an action that records data");
	seen->speculate = true;
}

static void at_agg(struct chk *c, const struct d_stmt *s, struct seen *seen)
{
	if (seen->commit)
		d_error(c->d, s->loc, D_AGG_COMM, "an aggregation may not follow commit()");
	else if (seen->speculate)
		d_error(c->d, s->loc, D_AGG_SPEC, "an aggregation may not follow speculate()");
}

static void at_action(struct chk *c, const struct d_stmt *s, struct seen *seen)
{
	int func = s->expr->func;
	uint8_t flags = act_flags[func];

	if (func == D_ACT_commit) {
		at_commit(c, s, seen);
		return;
	}
	if (func == D_ACT_speculate) {
		at_speculate(c, s, seen);
		return;
	}
	if (seen->speculate && func == D_ACT_exit)
		d_error(c->d, s->loc, D_EXIT_SPEC, "exit() may not follow speculate()");
	else if (seen->speculate && (flags & DESTROY))
		d_error(c->d, s->loc, D_ACT_SPEC,
			"destructive action %s() may not follow speculate()", d_action_names[func]);
	else if (seen->commit && (flags & RECORD))
		d_error(c->d, s->loc, D_DREC_COMM, "%s() records data and may not follow commit()",
			d_action_names[func]);
	seen->record |= (flags & RECORD) != 0;
}

static void walk(struct chk *c, struct d_stmt *const *body, size_t n, struct seen *seen)
{
	for (size_t i = 0; i < n; i++) {
		const struct d_stmt *s = body[i];

		if (s->kind == D_S_IF) {
			/* Of two ways only one is gone: what one has seen does not bind the other. */
			struct seen a = *seen, b = *seen;

			walk(c, s->then, s->nthen, &a);
			walk(c, s->otherwise, s->nelse, &b);
			*seen = (struct seen){ a.commit || b.commit, a.speculate || b.speculate,
					       a.record || b.record };
			continue;
		}
		if (s->kind == D_S_AGG)
			at_agg(c, s, seen);
		else if (s->kind == D_S_ACTION)
			at_action(c, s, seen);
		if (s->kind != D_S_AGG && seen->speculate && destroys(s->expr))
			d_error(c->d, s->loc, D_ACT_SPEC, "copyout may not follow speculate()");
	}
}

void c_order(struct chk *c, const struct d_clause *cl)
{
	struct seen seen = { false, false, false };

	walk(c, cl->body, cl->nbody, &seen);
}
