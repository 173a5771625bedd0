/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_order.c: checks which actions stand beside commit and speculate in a
 * clause (guide: chp-spec).
 * In:   a checked clause.
 * Out:  errors.
 * Owns: nothing.
 */
#include "d/check.h"

struct seen {
	bool commit, speculate, record;
};

/* The destructive subroutine that an expression calls; NULL: it calls no such subroutine. */
static const struct d_row *destructive(const struct d_expr *e)
{
	const struct d_row *row = NULL;

	if (!e)
		return NULL;
	if (e->kind == D_E_CALL && !e->is_action && d_subr_rows[e->func].destructive)
		return &d_subr_rows[e->func];
	for (size_t i = 0; i < e->nkids && !row; i++)
		row = destructive(e->kids[i]);
	return row;
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
	const struct d_row *row = &d_action_rows[s->expr->func];

	if (row->commits) {
		at_commit(c, s, seen);
		return;
	}
	if (row->speculates) {
		at_speculate(c, s, seen);
		return;
	}
	if (seen->speculate && row->exits)
		d_error(c->d, s->loc, D_EXIT_SPEC, "%s() may not follow speculate()", row->name);
	else if (seen->speculate && row->destructive)
		d_error(c->d, s->loc, D_ACT_SPEC,
			"destructive action %s() may not follow speculate()", row->name);
	else if (seen->commit && row->records)
		d_error(c->d, s->loc, D_DREC_COMM, "%s() records data and may not follow commit()",
			row->name);
	seen->record |= row->records;
}

static void walk(struct chk *c, struct d_stmt *const *body, size_t n, struct seen *seen)
{
	for (size_t i = 0; i < n; i++) {
		const struct d_stmt *s = body[i];
		const struct d_row *row;

		if (s->kind == D_S_IF) {
			/* Only one branch runs, so each is checked against the code before the
			 * if. */
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
		row = s->kind != D_S_AGG && seen->speculate ? destructive(s->expr) : NULL;
		if (row)
			d_error(c->d, s->loc, D_ACT_SPEC, "%s may not follow speculate()",
				row->name);
	}
}

void c_order(struct chk *c, const struct d_clause *cl)
{
	struct seen seen = { false, false, false };

	walk(c, cl->body, cl->nbody, &seen);
}
