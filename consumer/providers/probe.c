/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/probe.c: functions with which every provider makes probes.
 * In:   names, descriptions.
 * Out:  probes in the environment's arena.
 * Owns: nothing.
 */
#include "consumer/providers/inner.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* ---- Descriptions ----------------------------------------------------------- */

bool prov_pd_matches(const struct d_pdesc *pd, const char *prov, const char *mod, const char *func,
		     const char *name)
{
	return text_glob(pd->prov, prov) && text_glob(pd->mod, mod) && text_glob(pd->func, func) &&
	       text_glob(pd->name, name);
}

pid_t prov_pdesc_pid(const struct d_pdesc *pd)
{
	size_t len = strlen(pd->prov), stem = len;
	uint64_t pid;

	while (stem && pd->prov[stem - 1] >= '0' && pd->prov[stem - 1] <= '9')
		stem--;
	if (stem == len || !stem || !text_u64(pd->prov + stem, &pid) || !pid || pid > INT32_MAX ||
	    (kill((pid_t)pid, 0) && errno == ESRCH))
		return 0;
	return (pid_t)pid;
}

/* ---- Probes ----------------------------------------------------------------- */

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

uint32_t prov_id_of(enum prov_row provider, const char *what)
{
	uint64_t h = hash_bytes(what, strlen(what));

	return (uint32_t)provider << PROV_ID_BITS |
	       ((uint32_t)(h ^ h >> 32) & ((1u << PROV_ID_BITS) - 1));
}
