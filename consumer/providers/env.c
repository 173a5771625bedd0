/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/env.c: the environment of an enabling, and the way from
 * a description to probes with their ids.
 * In:   probe descriptions, the table of providers.
 * Out:  matches, provider by provider in the table's order.
 * Owns: the arena that probes and sites live in, what providers keep.
 *
 * Ids: a provider with a fixed list has base + ordinal, the same in every
 * run of a boot; the others' probes are numbered as they are found.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct prov *const provs[] = {
#define PROVIDER(id) &prov_##id,
#include "consumer/providers/providers.def"
	NULL
};

struct prov_env *prov_env_new(struct diag *diag, struct world *world)
{
	struct prov_env *env = calloc(1, sizeof(*env));

	if (!env)
		return NULL;
	env->arena = arena_new();
	if (!env->arena) {
		free(env);
		return NULL;
	}
	kern_limit_raise();
	env->diag = diag;
	env->world = world;
	return env;
}

void prov_env_free(struct prov_env *env)
{
	if (!env)
		return;
	for (size_t i = 0; provs[i]; i++)
		if (provs[i]->close)
			provs[i]->close(env);
	prov_later_close(env->later);
	arena_free(env->arena);
	kern_limit_restore();
	free(env);
}

bool prov_pd_matches(const struct d_pdesc *pd, const char *prov, const char *mod, const char *func,
		     const char *name)
{
	return text_glob(pd->prov, prov) && text_glob(pd->mod, mod) && text_glob(pd->func, func) &&
	       text_glob(pd->name, name);
}

struct prov_probe *prov_probe_new(struct prov_env *env, const struct prov *owner, const char *prov,
				  const char *mod, const char *func, const char *name,
				  size_t nsites)
{
	struct prov_probe *p = arena_new_of(env->arena, struct prov_probe);

	if (!p)
		return NULL;
	p->owner = owner;
	p->prov = prov;
	p->mod = mod;
	p->func = func;
	p->name = name;
	p->ordinal = PROV_DYNAMIC;
	p->sites = nsites ? arena_array(env->arena, struct prov_site, nsites) : NULL;
	p->nsites = nsites;
	if (nsites && !p->sites)
		return NULL;
	for (size_t i = 0; i < nsites; i++)
		p->sites[i].sys_abi = p->sites[i].sys_nr = -1;
	return p;
}

void prov_types(struct prov_env *env, struct prov_probe *probe)
{
	if (!probe->typed && probe->owner->types)
		probe->owner->types(env, probe);
	probe->typed = true;
}

const char *prov_why_bad(const struct prov_probe *p, unsigned n)
{
	for (size_t i = 0; i < p->nsites && n < COUNT(p->sites[i].args.arg); i++)
		if (p->sites[i].args.arg[n].kind == CC_A_BAD && p->sites[i].why)
			return p->sites[i].why[n];
	return NULL;
}

/* ---- Offsets ------------------------------------------------------------------- */

int prov_kernel(struct cc_kernel *out)
{
	static const char *const path[] = {
#define CC_HOLE(id, text) text,
#include "consumer/compile/holes.def"
	};
	uint64_t *const value[] = {
#define CC_HOLE(id, text) &out->id,
#include "consumer/compile/holes.def"
	};
	int err = 0;

	out->version = kern_version();
	for (size_t i = 0; i < COUNT(path) && !err; i++)
		err = kern_offset(path[i], value[i]);
	return err;
}

/* ---- Ids --------------------------------------------------------------------- */

/* The first id of a provider, or (NULL) the first that no fixed list has. */
static uint32_t base_id(struct prov_env *env, const struct prov *owner)
{
	uint32_t base = 1;

	for (size_t i = 0; provs[i] && provs[i] != owner; i++)
		if (provs[i]->count)
			base += (uint32_t)provs[i]->count(env);
	return base;
}

void prov_give_id(struct prov_env *env, struct prov_probe *p)
{
	if (p->id)
		return;
	if (p->owner->count && p->ordinal != PROV_DYNAMIC) {
		p->id = base_id(env, p->owner) + p->ordinal;
		return;
	}
	if (!env->next_id)
		env->next_id = base_id(env, NULL);
	p->id = env->next_id++;
}

/* ---- Matching ------------------------------------------------------------------ */

struct matching {
	struct prov_env *env;
	prov_found *found;
	void *arg;
	uint32_t id; /* only this one; 0: all */
	int n;
	bool stopped;
};

static bool one_found(void *arg, struct prov_probe *p)
{
	struct matching *m = arg;

	prov_give_id(m->env, p);
	if (m->id && p->id != m->id)
		return true;
	m->n++;
	m->stopped = !m->found(m->arg, p) || m->id;
	return !m->stopped;
}

/* The provider that the description is meant for; NULL: anyone's. */
static const struct prov *claimant(const struct d_pdesc *pd)
{
	for (size_t i = 0; provs[i]; i++)
		if (!strcmp(pd->prov, provs[i]->name) || (provs[i]->claims && provs[i]->claims(pd)))
			return provs[i];
	return NULL;
}

/* Would this provider search processes for what another one has, or says what is wrong with? */
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

/* A number: the list that it falls in is asked alone. */
static bool may_have_id(struct prov_env *env, const struct prov *prov, uint32_t id)
{
	uint32_t base;

	if (!prov->count)
		return id >= base_id(env, NULL);
	base = base_id(env, prov);
	return id >= base && id - base < prov->count(env);
}

int prov_match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	static const struct d_pdesc all = {
		.prov = "", .mod = "", .func = "", .name = "", .text = ":::"
	};
	struct matching m = { .env = env, .found = found, .arg = arg, .id = pd->id };
	const struct d_pdesc *ask = pd->id ? &all : pd;
	const struct prov *meant = claimant(ask);
	int err = 0;

	for (size_t i = 0; provs[i] && !m.stopped && !err; i++) {
		if ((pd->id && !may_have_id(env, provs[i], pd->id)) || must_wait(provs[i], meant) ||
		    !provs[i]->wants(env, ask))
			continue;
		err = provs[i]->match(env, ask, one_found, &m);
	}
	/* A program may call its provider as one of ours is called. */
	for (size_t i = 0; provs[i] && !m.n && !err && *ask->prov; i++)
		if (must_wait(provs[i], meant) && provs[i]->wants(env, ask))
			err = provs[i]->match(env, ask, one_found, &m);
	return err ? err : m.n;
}

/* A provider of the kernel that the guide describes and that is not here. */
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

const char *prov_why_none(struct prov_env *env, const struct d_pdesc *pd)
{
	const char *why = NULL;

	if (pd->id)
		return NULL;
	for (size_t i = 0; provs[i] && !why; i++)
		why = provs[i]->why_none ? provs[i]->why_none(env, pd) : NULL;
	return why ? why : absent(env, pd->prov);
}

void prov_none(struct prov_env *env, const struct d_pdesc *pd)
{
	const char *why = prov_why_none(env, pd);

	diag_error(env->diag, pd->loc, D_PDESC_ZERO,
		   "probe description %s does not match any probes", pd->text);
	if (why)
		diag_hint(env->diag, "%s", why);
}
