/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check.c: raw clauses → a program (guide: chp-prog).
 * In:   struct d after all texts were parsed.
 * Out:  struct d_prog: typed clauses, variables, aggregations, providers.
 * Owns: nothing; all is in the arena. Raw trees are used up.
 */
#include "d/check.h"

#include <string.h>

/* ---- Copies of raw statements, for clauses that are split ----------------------- */

static struct d_stmt **stmts_clone(struct d *d, struct d_stmt *const *from, size_t n);

static struct d_stmt *stmt_clone(struct d *d, const struct d_stmt *s)
{
	struct d_stmt *copy = arena_dup(d->arena, s, sizeof(*s));

	if (!copy)
		return NULL;
	copy->expr = d_expr_clone(d, s->expr);
	copy->then = stmts_clone(d, s->then, s->nthen);
	copy->otherwise = stmts_clone(d, s->otherwise, s->nelse);
	if ((s->expr && !copy->expr) || (s->nthen && !copy->then) || (s->nelse && !copy->otherwise))
		return NULL;
	return copy;
}

static struct d_stmt **stmts_clone(struct d *d, struct d_stmt *const *from, size_t n)
{
	struct d_stmt **to = n ? arena_array(d->arena, struct d_stmt *, n) : NULL;

	for (size_t i = 0; to && i < n; i++)
		if (!(to[i] = stmt_clone(d, from[i])))
			return NULL;
	return to;
}

/* ---- Does a clause use args[]? --------------------------------------------------- */

struct args_use {
	struct d *d;
	unsigned budget;
};

static bool uses_args(void *arg, const struct d_expr *e)
{
	struct args_use *u = arg;

	return c_uses_args_within(u->d, e, &u->budget);
}

static bool same_types(struct d_type *const *a, struct d_type *const *b, size_t i)
{
	const struct d_type *s = a ? a[i] : NULL, *t = b ? b[i] : NULL;

	return !s == !t && (!s || d_same_type(s, t));
}

static bool same_args(const struct d_args *a, const struct d_args *b)
{
	if (a->n != b->n || a->unstable || b->unstable)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_types(a->types, b->types, i) || !same_types(a->native, b->native, i))
			return false;
	return true;
}

/* A clause that uses args[] is split if its descriptions differ in args[]. */
static bool must_split(struct d *d, const struct d_clause *raw)
{
	const struct d_names *names = d->config.names;
	struct d_args first = { 0 }, next;
	struct args_use use = { d, C_INLINES_MAX };

	if (raw->npdescs < 2 || !names || !names->args ||
	    (!uses_args(&use, raw->pred) && !c_any_expr(raw->body, raw->nbody, uses_args, &use)))
		return false;
	if (!names->args(names->ctx, d, &raw->pdescs[0], &first))
		return true;
	for (size_t i = 1; i < raw->npdescs; i++) {
		memset(&next, 0, sizeof(next));
		if (!names->args(names->ctx, d, &raw->pdescs[i], &next) ||
		    !same_args(&first, &next))
			return true;
	}
	return false;
}

/* ---- Statements ------------------------------------------------------------------ */

static bool check_body(struct chk *c, struct d_stmt **body, size_t n);

static bool check_if(struct chk *c, struct d_stmt *s)
{
	bool ok;

	s->expr = c_value(c, s->expr);
	ok = s->expr != NULL;
	if (ok && !d_is_integer(s->expr->type) && !d_is_pointer(s->expr->type)) {
		d_error(c->d, s->expr->loc, D_PRED_SCALAR,
			"the condition must be an integer or a pointer, not %s",
			c_name(c, s->expr->type));
		ok = false;
	}
	if (ok)
		s->expr = c_decay(c, s->expr);
	ok &= check_body(c, s->then, s->nthen);
	return check_body(c, s->otherwise, s->nelse) && ok;
}

/*
 * Does a result of ?: hold an action or `@a = count()`? Then the expression is
 * a statement, as in `debug ? printf("…") : 1;`, and becomes an if.
 */
static bool acts(struct chk *c, const struct d_expr *e)
{
	const struct d_ident *id = e && e->kind == D_E_CALL ? hash_get_str(c->d->idents, e->str) :
							      NULL;

	if (e && e->kind == D_E_COND)
		return acts(c, e->kids[1]) || acts(c, e->kids[2]);
	if (e && e->kind == D_E_ASSIGN && e->kids[0] && e->kids[0]->kind == D_E_AGG)
		return true;
	return id && id->kind == D_ID_ACTION;
}

static struct d_stmt **stmt_of(struct chk *c, struct d_expr *e)
{
	struct d_stmt *s = arena_new_of(c->d->arena, struct d_stmt), **list;

	list = s ? arena_array(c->d->arena, struct d_stmt *, 1) : NULL;
	if (!list)
		return NULL;
	s->kind = D_S_EXPR;
	s->loc = e ? e->loc : NOWHERE;
	s->expr = e;
	list[0] = s;
	return list;
}

static bool cond_to_if(struct chk *c, struct d_stmt *s)
{
	struct d_expr *e = s->expr;

	s->then = stmt_of(c, e->kids[1]);
	s->otherwise = stmt_of(c, e->kids[2]);
	if (!s->then || !s->otherwise)
		return false;
	s->nthen = s->nelse = 1;
	s->kind = D_S_IF;
	s->expr = e->kids[0];
	return true;
}

static bool check_stmt(struct chk *c, struct d_stmt *s)
{
	struct d_expr *e = s->expr;

	s->action_index = c->next_action++;
	if (s->kind == D_S_EXPR && e && e->kind == D_E_COND && acts(c, e) && !cond_to_if(c, s))
		return false;
	if (s->kind == D_S_IF)
		return check_if(c, s);
	if (!e)
		return false;
	if (e->kind == D_E_ASSIGN && e->kids[0] && e->kids[0]->kind == D_E_AGG)
		return c_agg_stmt(c, s);
	if (e->kind == D_E_AGG) {
		d_error(c->d, e->loc, D_AGG_NULL,
			"@%s alone does nothing: assign it an aggregating function", e->str);
		return false;
	}
	s->expr = e->kind == D_E_CALL ? c_call(c, e, true) : c_expr(c, e);
	if (s->expr && s->expr->kind == D_E_CALL && s->expr->is_action)
		s->kind = D_S_ACTION;
	return s->expr != NULL;
}

static bool check_body(struct chk *c, struct d_stmt **body, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok &= check_stmt(c, body[i]);
	return ok;
}

/* ---- Clauses --------------------------------------------------------------------- */

static bool check_pred(struct chk *c, struct d_clause *cl)
{
	if (!cl->pred)
		return true;
	cl->pred = c_value(c, cl->pred);
	if (!cl->pred)
		return false;
	if (!d_is_integer(cl->pred->type) && !d_is_pointer(cl->pred->type)) {
		d_error(c->d, cl->pred->loc, D_PRED_SCALAR,
			"a predicate must be an integer or a pointer, not %s",
			c_name(c, cl->pred->type));
		return false;
	}
	cl->pred = c_decay(c, cl->pred);
	return cl->pred != NULL;
}

static bool is_step(const struct d_expr *e)
{
	return e->kind == D_E_UNARY && (e->op == D_OP_PREINC || e->op == D_OP_PREDEC ||
					e->op == D_OP_POSTINC || e->op == D_OP_POSTDEC);
}

/* Does e assign to the variable that the expression `arg` names, or step it, even in part? */
static bool makes(void *arg, const struct d_expr *e)
{
	const struct d_expr *name = arg, *to = e;

	if (!e)
		return false;
	if (e->kind == D_E_ASSIGN || is_step(e)) {
		while (to->nkids && to->kids[0])
			to = to->kids[0];
		if (to->kind == D_E_IDENT && to->ident_scope == name->ident_scope &&
		    !strcmp(to->str, name->str))
			return true;
	}
	for (size_t i = 0; i < e->nkids; i++)
		if (makes(arg, e->kids[i]))
			return true;
	return false;
}

static bool is_unknown(struct chk *c, const struct d_expr *e)
{
	if (e->kind != D_E_IDENT || e->ident_mod)
		return false;
	return !hash_get_str(e->ident_scope == D_V_SELF ? c->d->self_vars :
			     e->ident_scope == D_V_THIS ? c->d->this_vars :
							  c->d->idents,
			     e->str);
}

/*
 * Must the actions be checked before the predicate? They must if they make a
 * variable that the predicate reads: `/self->t == 0/ { self->t = timestamp; }`.
 * A variable that the predicate itself makes (`/n++ < 5/`) does not count.
 */
static bool must_wait(struct chk *c, const struct d_clause *cl, struct d_expr *e)
{
	bool target;

	if (!e)
		return false;
	if (is_unknown(c, e))
		return c_any_expr(cl->body, cl->nbody, makes, e);
	target = e->kind == D_E_ASSIGN || is_step(e);
	for (size_t i = 0; i < e->nkids; i++)
		if (!(target && !i) && must_wait(c, cl, e->kids[i]))
			return true;
	return false;
}

static bool check_clause(struct chk *c, struct d_clause *cl)
{
	struct d_clause **slot = ARENA_PUSH(c->d->arena, c->prog->clauses, c->prog->nclauses,
					    c->clauses_cap);
	bool ok, wait = must_wait(c, cl, cl->pred);

	if (!slot)
		return false;
	*slot = cl;
	cl->index = (int)(c->prog->nclauses - 1);
	c->pdesc = cl->npdescs ? &cl->pdescs[0] : NULL;
	c->args_asked = c->args_ok = false;
	memset(&c->args, 0, sizeof(c->args));
	c->next_action = 1;
	c_attr_begin(c, cl);
	ok = wait || check_pred(c, cl);
	ok &= check_body(c, cl->body, cl->nbody);
	if (wait)
		ok &= check_pred(c, cl);
	cl->attr = c->attr;
	cl->uses_args = c->args_ok;
	if (ok)
		c_order(c, cl);
	return ok;
}

static struct d_clause *clause_for(struct d *d, const struct d_clause *raw, size_t i)
{
	struct d_clause *cl = arena_dup(d->arena, raw, sizeof(*raw));

	if (!cl)
		return NULL;
	cl->pdescs = &raw->pdescs[i];
	cl->npdescs = 1;
	cl->pred = d_expr_clone(d, raw->pred);
	cl->body = stmts_clone(d, raw->body, raw->nbody);
	return (raw->pred && !cl->pred) || (raw->nbody && !cl->body) ? NULL : cl;
}

static bool check_raw(struct chk *c, struct d_clause *raw)
{
	if (!must_split(c->d, raw))
		return check_clause(c, raw);
	for (size_t i = 0; i < raw->npdescs; i++) {
		struct d_clause *cl = clause_for(c->d, raw, i);

		/* Stop at the first error: the other clauses would repeat it. */
		if (!cl || !check_clause(c, cl))
			return false;
	}
	return true;
}

static void expr_checked(struct d_expr *e)
{
	if (!e || e->state == D_CHECKED)
		return;
	e->state = D_CHECKED;
	for (size_t i = 0; i < e->nkids; i++)
		expr_checked(e->kids[i]);
}

static void body_checked(struct d_stmt *const *body, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		expr_checked(body[i]->expr);
		expr_checked(body[i]->target);
		for (size_t k = 0; k < body[i]->nargs; k++)
			expr_checked(body[i]->args[k]);
		body_checked(body[i]->then, body[i]->nthen);
		body_checked(body[i]->otherwise, body[i]->nelse);
	}
}

static void clause_checked(struct d_clause *cl, const struct d_prog *prog)
{
	cl->this_vars = prog->thises;
	expr_checked(cl->pred);
	body_checked(cl->body, cl->nbody);
}

struct d_prog *d_check(struct d *d)
{
	struct chk c = { .d = d };
	bool ok = !d->failed && d_args_all_used(d);

	c.prog = d->prog = ok ? arena_new_of(d->arena, struct d_prog) : NULL;
	c.wide = c.prog ? hash_new() : NULL;
	ok = c.wide && c_widen_scan(&c) && c_vars_declared(&c);
	for (size_t i = 0; c.wide && i < d->nraw; i++)
		ok &= check_raw(&c, d->raw[i]);
	c_user_variables(&c);
	if (ok)
		ok = c_inlines_unused(&c);
	if (ok)
		d_pragmas_unused(d);
	hash_free(c.wide, NULL);
	if (arena_failed(d->arena))
		d_error(d, NOWHERE, NULL, "out of memory");
	else if (!ok && !d->failed)
		d_error(d, NOWHERE, NULL, "the program could not be checked");
	if (d->failed || !c.prog)
		return NULL;
	for (size_t i = 0; i < c.prog->nclauses; i++)
		clause_checked(c.prog->clauses[i], c.prog);
	c.prog->providers = d->providers;
	c.prog->nproviders = d->nproviders;
	return c.prog;
}
