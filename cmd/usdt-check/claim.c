/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/claim.c: reads and checks assertions.
 * In:   "app:::hit count==3 && arg0==7", or a D clause without actions:
 *       "app:::hit /arg0 > 1/ { count >= 2; copyinstr(arg1) == \"x\"; }".
 * Out:  claims that are checked at each firing and once at the end.
 * Owns: nothing; everything is in the claims' arena.
 *
 * The predicate selects firings. Conditions joined by && are checked one by
 * one: a condition that names count must hold for the number of selected
 * firings, another one for each of them. If none names count there must be at
 * least one firing.
 *
 * A claim about a probe that no object has may hold by accident (count == 0 of
 * a misspelt name), so it is reported as not checked.
 */
#include "cmd/usdt-check/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Gives any probe 12 args[]: which ones exist is only known from the notes at a firing. */
static bool any_args(void *ctx, struct d *d, const struct d_pdesc *pd, struct d_args *out)
{
	enum { N = 12 };

	(void)ctx;
	(void)pd;
	out->types = arena_array(d_arena(d), struct d_type *, N);
	if (!out->types)
		return false;
	for (size_t i = 0; i < N; i++)
		out->types[i] = d_base(d, D_INT64);
	out->n = N;
	return true;
}

/* The text as a D clause: conditions that are not in braces get braces. */
static const char *as_d(struct arena *a, const char *text)
{
	size_t desc = strcspn(text, " \t");
	const char *rest = text + desc + strspn(text + desc, " \t");

	if (!*rest || (*rest == '/' && !strchr(rest, '{')))
		return arena_printf(a, "%s {}", text);
	if (strchr("/{", *rest))
		return text;
	return arena_printf(a, "%.*s { %s; }", (int)desc, text, rest);
}

static bool cond_add(struct claims *all, struct claim *c, const struct d_expr *e)
{
	bool of_count = false, of_firing = false;
	struct cond *slot;

	if (e->kind == D_E_BINARY && e->op == D_OP_LAND)
		return cond_add(all, c, e->kids[0]) && cond_add(all, c, e->kids[1]);
	if (!value_check(all->diag, e, &of_count, &of_firing))
		return false;
	if (of_count && of_firing) {
		diag_error(all->diag, e->loc, NULL,
			   "count and a firing's values cannot stand in one condition");
		diag_hint(
			all->diag,
			"join two conditions by &&, or select firings by a predicate: app:::hit /arg0 == 7/ { count == 3; }");
		return false;
	}
	slot = ARENA_PUSH(all->arena, c->conds, c->nconds, c->cap);
	if (!slot)
		return false;
	*slot = (struct cond){ e, of_count };
	return true;
}

static bool clause_read(struct claims *all, struct claim *c)
{
	bool of_count = false, of_firing = false;

	if (c->clause->pred) {
		if (!value_check(all->diag, c->clause->pred, &of_count, &of_firing))
			return false;
		if (of_count) {
			diag_error(all->diag, c->clause->pred->loc, NULL,
				   "a predicate selects firings: count has no value in it");
			return false;
		}
	}
	for (size_t i = 0; i < c->clause->nbody; i++) {
		const struct d_stmt *s = c->clause->body[i];

		if (s->kind != D_S_EXPR) {
			diag_error(all->diag, s->loc, NULL, "only conditions can be asserted");
			return false;
		}
		if (!cond_add(all, c, s->expr))
			return false;
	}
	return true;
}

static bool program_read(struct claims *all, const char *text, struct d *d)
{
	const struct d_prog *prog = d_check(d);
	struct claim *c;

	for (size_t i = 0; prog && i < prog->nclauses; i++) {
		c = ARENA_PUSH(all->arena, all->v, all->n, all->cap);
		if (!c)
			return false;
		*c = (struct claim){ .text = text, .clause = prog->clauses[i] };
		c->found = arena_array(all->arena, bool, c->clause->npdescs);
		if (!c->found || !clause_read(all, c))
			return false;
	}
	if (prog && !prog->nclauses)
		diag_error(all->diag, NOWHERE, NULL, "nothing is asserted: %s", text);
	return prog && prog->nclauses;
}

bool claims_add(struct claims *all, const char *text, const char *from, pid_t pid)
{
	static const char *const vars[] = { "count" };
	static const struct d_names names = { .args = any_args };
	struct d_macro target = { "target", arena_printf(all->arena, "%d", (int)pid) };
	struct d_config config = { .names = &names,
				   .macros = &target,
				   .nmacros = 1,
				   .vars = vars,
				   .nvars = COUNT(vars),
				   .opt.strsize = CHECK_STR };
	const char *source = as_d(all->arena, text);
	struct text *t = source ? text_new(all->arena, from, source, strlen(source)) : NULL;
	struct d *d = t ? d_new(all->arena, all->diag, &config) : NULL;
	bool ok = d && d_parse(d, t, 0) && program_read(all, arena_strdup(all->arena, text), d);

	d_free(d);
	return ok;
}

bool claims_file(struct claims *all, const char *path, pid_t pid)
{
	const struct text *t = text_read(all->arena, path);
	size_t line = 0, before = all->n;
	bool ok = t;

	if (!t)
		diag_error(all->diag, NOWHERE, NULL, "failed to open %s: %s", path,
			   strerror(errno));
	for (const char *s = t ? t->bytes : ""; ok && *s;) {
		size_t n = strcspn(s, "\n"), blank = strspn(s, " \t");
		const char *from = arena_printf(all->arena, "%s, assertion of line %zu", path,
						++line);

		if (blank < n && s[blank] != '#')
			ok = claims_add(all, arena_strndup(all->arena, s + blank, n - blank), from,
					pid);
		s += n + (s[n] == '\n');
	}
	if (ok && all->n == before) {
		diag_error(all->diag, NOWHERE, NULL, "the file asserts nothing: %s", path);
		ok = false;
	}
	return ok;
}

/* ---- Matching --------------------------------------------------------------------- */

static bool provider_matches(const char *pattern, const char *prov, pid_t pid)
{
	char with_pid[128];

	snprintf(with_pid, sizeof(with_pid), "%s%d", prov, (int)pid);
	return text_glob(pattern, prov) || text_glob(pattern, with_pid);
}

bool claim_matches(struct claim *c, const struct probe *p, pid_t pid)
{
	bool any = false;

	for (size_t i = 0; i < c->clause->npdescs; i++) {
		const struct d_pdesc *d = &c->clause->pdescs[i];

		if (provider_matches(d->prov, p->prov, pid) && text_glob(d->mod, p->mod) &&
		    text_glob(d->func, p->func) && text_glob(d->name, p->name))
			any = c->found[i] = true;
	}
	return any;
}

/* ---- Asking -------------------------------------------------------------------------- */

/* The range of the expression's source text. */
static void span(const struct d_expr *e, uint32_t *from, uint32_t *to)
{
	if (e->loc.text && e->loc.off < *from)
		*from = e->loc.off;
	if (e->loc.text && e->loc.off + e->loc.len > *to)
		*to = e->loc.off + e->loc.len;
	for (size_t i = 0; i < e->nkids; i++)
		span(e->kids[i], from, to);
}

static const char *shown(struct claims *all, const struct d_expr *e)
{
	uint32_t from = UINT32_MAX, to = 0;

	span(e, &from, &to);
	return from < to ? arena_strndup(all->arena, e->loc.text->bytes + from, to - from) : "it";
}

static bool ask(struct claims *all, struct claim *c, struct eval *v, const struct d_expr *e,
		bool *answer)
{
	struct value value;

	v->nstr = 0;
	if (value_eval(v, e, &value)) {
		*answer = value.s ? *value.s : value.i != 0;
		return true;
	}
	if (!c->why)
		c->why = arena_printf(all->arena, "firing %llu: %s",
				      (unsigned long long)(v->f ? v->f->number : 0), v->why);
	return false;
}

void claim_firing(struct claims *all, struct claim *c, struct firing *f)
{
	struct eval v = { .f = f };
	char args[512];
	bool yes = true;

	f->number = c->count + 1;
	if (c->clause->pred && (!ask(all, c, &v, c->clause->pred, &yes) || !yes))
		return;
	c->count++;
	for (size_t i = 0; i < c->nconds && !c->why; i++) {
		if (c->conds[i].of_count || !ask(all, c, &v, c->conds[i].e, &yes) || yes)
			continue;
		firing_show(f, args, sizeof(args));
		c->why = arena_printf(all->arena, "firing %llu: %s does not hold: %s",
				      (unsigned long long)f->number, shown(all, c->conds[i].e),
				      args);
	}
}

bool claim_holds(struct claims *all, struct claim *c)
{
	struct eval v = { .count = c->count };
	bool counted = false, yes = true;

	for (size_t i = 0; i < c->nconds && !c->why; i++) {
		if (!c->conds[i].of_count)
			continue;
		counted = true;
		if (ask(all, c, &v, c->conds[i].e, &yes) && !yes)
			c->why = arena_printf(all->arena, "%s does not hold: it fired %llu time%s",
					      shown(all, c->conds[i].e),
					      (unsigned long long)c->count,
					      c->count == 1 ? "" : "s");
	}
	if (!c->why && !counted && !c->count)
		c->why = arena_strdup(all->arena, "it did not fire");
	if (!c->why && c->nunwatched)
		c->why = arena_printf(all->arena,
				      "it cannot be counted: %zu of its sites could not be watched",
				      c->nunwatched);
	return !c->why;
}

bool claim_was_checked(const struct claim *c)
{
	for (size_t i = 0; i < c->clause->npdescs; i++)
		if (c->found[i])
			return true;
	return false;
}

const char *claim_remark(struct claims *all, const struct claim *c)
{
	for (size_t i = 0; i < c->clause->npdescs; i++)
		if (!c->found[i])
			return arena_printf(all->arena, "no object has a probe %s",
					    c->clause->pdescs[i].text);
	for (size_t i = 0; !c->count && !c->why && i < c->nconds; i++)
		if (!c->conds[i].of_count)
			return arena_printf(all->arena,
					    "%s was not checked: no firing was selected",
					    shown(all, c->conds[i].e));
	return NULL;
}
