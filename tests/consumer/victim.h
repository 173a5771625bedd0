/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/victim.h: matches probes of programs that the tests compile and run. */
#ifndef TESTS_CONSUMER_VICTIM_H
#define TESTS_CONSUMER_VICTIM_H

#include "consumer/providers/inner.h"
#include "tests/world/victim.h"

static inline struct prov_env *env_new(void)
{
	struct diag *diag = victim_diag();
	struct prov_env *env = prov_env_new(diag, world_new(diag));

	assert_non_null(env);
	return env;
}

static inline void env_free(struct prov_env *env)
{
	struct world *w = env->world;

	prov_env_free(env);
	world_free(w);
}

struct got {
	struct prov_probe *p[64];
	size_t n;
};

static inline bool collect(void *arg, struct prov_probe *p)
{
	struct got *g = arg;

	assert_true(g->n < COUNT(g->p));
	g->p[g->n++] = p;
	return true;
}

static inline struct d_pdesc pdesc(const char *prov, const char *mod, const char *func,
				   const char *name)
{
	return (struct d_pdesc){ .prov = prov, .mod = mod, .func = func, .name = name, .text = "" };
}

static inline int match(struct prov_env *env, const char *prov, const char *mod, const char *func,
			const char *name, struct got *g)
{
	struct d_pdesc pd = pdesc(prov, mod, func, name);

	g->n = 0;
	return prov_match(env, &pd, collect, g);
}

#define VICTIM_APP                                                                              \
	"#include <sys/sdt.h>\n#include <stdio.h>\n"                                            \
	"static int glob = 7; unsigned short victimx_hit_semaphore;\n"                          \
	"__attribute__((noinline)) void work(int a, long *b)\n"                                 \
	"{ DTRACE_PROBE4(victimx, hit__it, a, b, glob, 42); }\n"                                \
	"__attribute__((noinline)) void other(int a) { DTRACE_PROBE1(victimx, hit__it, a); }\n" \
	"int main(void) { long x = 5; puts(\"up\"); fflush(stdout);\n"                          \
	" getchar(); work(1, &x); other(2); return 0; }\n"

#endif
