/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/match.c: from a description to probes with their ids.
 * In:   probe descriptions, the table of providers.
 * Out:  matches, provider by provider in the table's order; why nothing matches.
 * Owns: nothing.
 *
 * Ids: a probe of a fixed list has base + ordinal, the same in every run of a
 * boot. Other probes come and go. Their ids are hashes of their names, so that
 * -i in another run finds the same probe or no probe.
 */
#include "consumer/providers/inner.h"

#include <errno.h>
#include <string.h>

static const struct prov *const provs[] = {
#define PROVIDER(id) &prov_##id,
#include "consumer/providers/providers.def"
	NULL
};

void prov_close_all(struct prov_env *env)
{
	for (size_t i = 0; provs[i]; i++)
		if (provs[i]->close)
			provs[i]->close(env);
}

/* ---- Ids --------------------------------------------------------------------- */

/* The first id of a provider that has a fixed list. */
static uint32_t base_id(struct prov_env *env, const struct prov *owner)
{
	uint32_t base = 1;

	for (size_t i = 0; provs[i] && provs[i] != owner; i++)
		if (provs[i]->count)
			base += (uint32_t)provs[i]->count(env);
	return base;
}

static enum prov_row id_row(const struct prov *owner)
{
	unsigned row = 0;

	while (provs[row] != owner)
		row++;
	return (enum prov_row)row;
}

void prov_give_id(struct prov_env *env, struct prov_probe *p)
{
	const char *what;

	if (p->id)
		return;
	if (p->owner->count && p->ordinal != PROV_DYNAMIC) {
		p->id = base_id(env, p->owner) + p->ordinal;
		return;
	}
	what = arena_printf(env->arena, "%s:%s:%s:%s", p->prov, p->mod, p->func, p->name);
	p->id = what ? prov_id_of(id_row(p->owner), what) : 0;
}

/* ---- Matching ------------------------------------------------------------------ */

struct matching {
	struct prov_env *env;
	prov_found *found;
	void *arg;
	uint32_t id; /* take only the probe with this id; 0: all */
	struct prov_probe *has_id;
	bool ambiguous; /* another probe has that id, too */
	int n;
	bool stopped;
};

static bool one_found(void *arg, struct prov_probe *p)
{
	struct matching *m = arg;

	prov_give_id(m->env, p);
	if (m->id) {
		if (p->id == m->id) {
			m->ambiguous |= m->has_id && m->has_id != p;
			m->has_id = p;
		}
		return true;
	}
	m->n++;
	m->stopped = !m->found(m->arg, p);
	return !m->stopped;
}

/* The provider that the description is meant for; NULL: no particular one. */
static const struct prov *claimant(const struct d_pdesc *pd)
{
	for (size_t i = 0; provs[i]; i++)
		if (!strcmp(pd->prov, provs[i]->name) || (provs[i]->claims && provs[i]->claims(pd)))
			return provs[i];
	return NULL;
}

/* Is the description meant for another provider, so that this one need not search all processes
 * unless that provider finds nothing? */
static bool must_wait(const struct prov *prov, const struct prov *claimant)
{
	return prov->match_files && claimant && claimant != prov;
}

const struct prov *prov_later(struct prov_env *env, const struct d_pdesc *pd)
{
	const struct prov *meant = claimant(pd);

	for (size_t i = 0; provs[i]; i++)
		if (provs[i]->match_files && !must_wait(provs[i], meant) &&
		    provs[i]->wants(env, pd))
			return provs[i];
	return NULL;
}

/* Does the id fall in the provider's range, so that the provider is worth asking? */
static bool may_have_id(struct prov_env *env, const struct prov *prov, uint32_t id)
{
	uint32_t base;

	if (id >> PROV_ID_BITS)
		return id >> PROV_ID_BITS == id_row(prov);
	base = prov->count ? base_id(env, prov) : 0;
	return prov->count && id >= base && id - base < prov->count(env);
}

static int by_id(struct matching *m, const struct d_pdesc *pd)
{
	static const struct d_pdesc all = {
		.prov = "", .mod = "", .func = "", .name = "", .text = ":::"
	};
	enum prov_naming naming = m->env->naming;
	int err = 0;

	m->env->naming = PROV_BOTH;
	for (size_t i = 0; provs[i] && !err; i++)
		if (may_have_id(m->env, provs[i], m->id) && provs[i]->wants(m->env, &all))
			err = provs[i]->match(m->env, &all, one_found, m);
	for (size_t i = 0; provs[i] && !err && !m->has_id; i++)
		if (m->id >> PROV_ID_BITS == id_row(provs[i]) && provs[i]->match_id)
			err = provs[i]->match_id(m->env, m->id, one_found, m);
	m->env->naming = naming;
	if (err || !m->has_id)
		return err;
	if (m->ambiguous) {
		diag_error(m->env->diag, pd->loc, D_PDESC_INVAL,
			   "several probes have the id %u: name the one that is meant", m->id);
		return -EEXIST;
	}
	m->found(m->arg, m->has_id);
	return 1;
}

int prov_match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct matching m = { .env = env, .found = found, .arg = arg, .id = pd->id };
	const struct prov *meant = claimant(pd);
	int err = 0;

	if (pd->id)
		return by_id(&m, pd);
	for (size_t i = 0; provs[i] && !m.stopped && !err; i++)
		if (!must_wait(provs[i], meant) && provs[i]->wants(env, pd))
			err = provs[i]->match(env, pd, one_found, &m);
	/* A program's provider may have the name of a built-in provider. */
	for (size_t i = 0; provs[i] && !m.n && !err && *pd->prov; i++)
		if (must_wait(provs[i], meant) && provs[i]->wants(env, pd))
			err = provs[i]->match(env, pd, one_found, &m);
	return err ? err : m.n;
}

/* A hint if the guide describes a provider of that name and this version lacks it. */
static const char *absent(struct prov_env *env, const char *name)
{
	static const char *const names[] = {
#define LACKING(id) #id,
#include "consumer/providers/providers.def"
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(name, names[i]))
			return arena_printf(env->arena,
					    "this version has no provider %s; the kernel's "
					    "tracepoints are there: dtrace -l -P sdt",
					    name);
	return NULL;
}

static bool any_probe(void *arg, struct prov_probe *p)
{
	(void)arg;
	(void)p;
	return false;
}

/* A hint if the name is the probe's name in C, with two underscores for each hyphen. */
static const char *hyphens(struct prov_env *env, const struct d_pdesc *pd)
{
	char *name = arena_strdup(env->arena, pd->name), *to = name;
	struct d_pdesc other = *pd;

	for (const char *s = name; s && *s; s++) {
		bool two = s[0] == '_' && s[1] == '_';

		*to++ = two ? '-' : *s;
		s += two;
	}
	if (!name)
		return NULL;
	*to = '\0';
	other.name = name;
	if (prov_match(env, &other, any_probe, NULL) <= 0)
		return NULL;
	return arena_printf(env->arena,
			    "two underscores of a declaration are a hyphen in the probe's name: %s",
			    name);
}

const char *prov_why_none(struct prov_env *env, const struct d_pdesc *pd)
{
	const char *why = NULL;

	if (pd->id >> PROV_ID_BITS)
		return "the id is of a probe that a process or a description made: name the probe";
	if (pd->id)
		return NULL;
	for (size_t i = 0; provs[i] && !why; i++)
		why = provs[i]->why_none ? provs[i]->why_none(env, pd) : NULL;
	why = why ? why : absent(env, pd->prov);
	return why || !strstr(pd->name, "__") ? why : hyphens(env, pd);
}

void prov_none(struct prov_env *env, const struct d_pdesc *pd)
{
	const char *why = prov_why_none(env, pd);

	diag_error(env->diag, pd->loc, D_PDESC_ZERO,
		   "probe description %s does not match any probes", pd->text);
	if (why)
		diag_hint(env->diag, "%s", why);
}
