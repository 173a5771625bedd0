/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/enabling.c: matches the program's descriptions with probes.
 * In:   a checked program, the providers.
 * Out:  the enabling's table of probes, each with the clauses that it runs.
 * Owns: nothing; the run owns the table.
 */
#include "consumer/run/inner.h"

#include <errno.h>

struct matching {
	struct run *r;
	int clause;
	struct prov_probe *first; /* the clause was compiled for its args[]; NULL: no probe */
	size_t n;
	bool no_memory;
};

static int probe_add(struct run *r, struct prov_probe *probe, int clause)
{
	uintptr_t index = (uintptr_t)hash_get(r->probe_index, &probe, sizeof(probe));
	struct run_probe *p;
	int *slot;

	if (!index) {
		p = ARENA_PUSH(r->arena, r->probes, r->nprobes, r->probes_cap);
		if (!p)
			return -1;
		p->probe = probe;
		index = r->nprobes;
		if (hash_set(r->probe_index, &probe, sizeof(probe), (void *)index, NULL))
			return -1;
	}
	p = &r->probes[index - 1];
	slot = ARENA_PUSH(r->arena, p->clauses, p->nclauses, p->clauses_cap);
	if (!slot)
		return -1;
	*slot = clause;
	return (int)index - 1;
}

static bool matched(void *arg, struct prov_probe *probe)
{
	struct matching *m = arg;

	if (!m->n++)
		m->first = probe;
	m->no_memory = probe_add(m->r, probe, m->clause) < 0;
	return !m->no_memory;
}

static const char *name_of(struct run *r, const struct prov_probe *p)
{
	const char *s = arena_printf(r->arena, "%s:%s:%s:%s", p->prov, p->mod, p->func, p->name);

	return s ? s : p->name;
}

/* A probe appeared while tracing and matches the description. The clause was compiled for the types
 * of args[] at the start: with other types it would give wrong values. */
static bool appeared(void *arg, struct prov_probe *probe)
{
	struct matching *m = arg;
	const struct d_clause *clause = m->r->prog->clauses[m->clause];

	if (!clause->uses_args || !m->first || prov_same_args(m->r->env, m->r->d, m->first, probe))
		return probe_add(m->r, probe, m->clause) >= 0;
	diag_warn(m->r->diag, clause->loc,
		  "args[] of %s, which appeared while tracing, differs from that "
		  "of %s: this clause is left out there",
		  name_of(m->r, probe), name_of(m->r, m->first));
	return true;
}

static size_t *text_matches(struct run *r, const struct text *text)
{
	for (size_t i = 0; i < r->ntexts; i++)
		if (r->texts[i].text == text)
			return &r->texts[i].matches;
	return NULL;
}

static bool match_one(struct run *r, const struct d_clause *clause, const struct d_pdesc *pd)
{
	struct matching m = { .r = r, .clause = clause->index };
	unsigned errors = r->diag->errors;
	struct matching *later;
	size_t *count;
	int n = prov_match(r->env, pd, matched, &m);

	if (m.no_memory || n < 0) {
		if (r->diag->errors == errors)
			diag_error(r->diag, pd->loc, NULL, "cannot match probes");
		return false;
	}
	if (!m.n && !r->opts.value[RUN_OPT_zdefs]) {
		prov_none(r->env, pd);
		return false;
	}
	count = text_matches(r, clause->loc.text);
	if (count)
		*count += m.n;
	later = arena_dup(r->arena, &m, sizeof(m));
	return later && prov_watch_for(r->env, pd, appeared, later) == 0;
}

bool run_match(struct run *r)
{
	bool ok = true;

	for (size_t i = 0; i < r->prog->nclauses; i++) {
		const struct d_clause *clause = r->prog->clauses[i];

		for (size_t k = 0; k < clause->npdescs; k++)
			ok &= match_one(r, clause, &clause->pdescs[k]);
	}
	return ok;
}
