/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/env.c: the environment of an enabling.
 * In:   the world in which the enabling looks for processes and files.
 * Out:  struct prov_env, which every function of this room takes.
 * Owns: the arena that probes and sites live in.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <stdlib.h>

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
	prov_close_all(env);
	prov_later_close(env->later);
	arena_free(env->arena);
	kern_limit_restore();
	free(env);
}
