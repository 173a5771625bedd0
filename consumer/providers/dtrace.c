/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/dtrace.c: BEGIN, END and ERROR (guide: chp-dtrace).
 * In:   a description.
 * Out:  the three probes, with ids 1, 2 and 3. Nothing is attached to their
 *       sites: run fires BEGIN and END, and a program whose clause faults
 *       calls ERROR.
 * Owns: nothing; the probes are in the environment's arena.
 */
#include "consumer/providers/inner.h"

#include <errno.h>
#include <string.h>

enum { BEGIN, END, ERROR, NPROBES };
static const char *const names[NPROBES] = { "BEGIN", "END", "ERROR" };
static const enum prov_role roles[NPROBES] = { PROV_BEGIN, PROV_END, PROV_ERROR };

struct own {
	struct prov_probe *probe[NPROBES];
};

static bool claims(const struct d_pdesc *pd)
{
	for (int i = 0; i < NPROBES; i++)
		if (!*pd->prov && !*pd->mod && !*pd->func && !strcmp(pd->name, names[i]))
			return true;
	return false;
}

static bool wants(struct prov_env *env, const struct d_pdesc *pd)
{
	(void)env;
	for (int i = 0; i < NPROBES; i++)
		if (prov_pd_matches(pd, "dtrace", "", "", names[i]))
			return true;
	return false;
}

/* arg1 to arg5: the enabled probe's id, the action, the offset, the kind and value of the fault. */
static void error_args(struct prov_site *s)
{
	for (int i = 0; i < 5; i++)
		s->args.arg[i + 1] = (struct cc_arg){
			.kind = CC_A_ERR, .size = 8, .base = -1, .index = -1, .disp = i
		};
}

static struct own *probes(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_dtrace];

	if (own)
		return own;
	own = arena_new_of(env->arena, struct own);
	for (uint32_t i = 0; own && i < NPROBES; i++) {
		struct prov_probe *p = prov_probe_new(env, &prov_dtrace, "dtrace", "", "", names[i],
						      1);

		if (!p)
			return NULL;
		p->ordinal = i;
		p->role = roles[i];
		p->sites[0].ctx = CC_CTX_TEST;
		if (i == ERROR)
			error_args(&p->sites[0]);
		own->probe[i] = p;
	}
	return env->priv[PROV_ROW_dtrace] = own;
}

static int match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct own *own = probes(env);

	if (!own)
		return -ENOMEM;
	for (int i = 0; i < NPROBES; i++)
		if (prov_pd_matches(pd, "dtrace", "", "", names[i]) && !found(arg, own->probe[i]))
			break;
	return 0;
}

static size_t count(struct prov_env *env)
{
	(void)env;
	return NPROBES;
}

const struct prov prov_dtrace = {
	.name = "dtrace",
	.attrs = prov_attrs_dtrace,
	.wants = wants,
	.claims = claims,
	.match = match,
	.count = count,
};
