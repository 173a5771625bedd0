/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/inner.h: what the files of providers/ share.
 *   env.c      the environment; descriptions → probes, with their ids
 *   attach.c   sites → links          stab.c      stability of probes
 *   names.c    struct d_names over the kernel's types and symbols
 *   dtrace.c profile.c syscall.c sdt.c usdt.c pid.c   a provider each
 *   later.c    probes of files that processes map while we trace
 */
#ifndef CONSUMER_PROVIDERS_INNER_H
#define CONSUMER_PROVIDERS_INNER_H

#include "base/arena.h"
#include "base/hash.h"
#include "consumer/providers/providers.h"

/* A provider's own place in env->priv: its row in providers.def. */
enum prov_row {
#define PROVIDER(id) PROV_ROW_##id,
#include "consumer/providers/providers.def"
	PROV_NROWS
};
static_assert(PROV_NROWS <= COUNT(((struct prov_env *)0)->priv), "a place for each provider");

/* ordinal of a probe that a provider with fixed ids makes beside its list (profile-1234). */
enum { PROV_DYNAMIC = 0xffffffffu };

/* Does the description match these names? Its id is prov_match's affair. */
bool prov_pd_matches(const struct d_pdesc *pd, const char *prov, const char *mod, const char *func,
		     const char *name);
/* A probe in env's arena with room for nsites zeroed sites (sys_abi and sys_nr -1); names are
 * borrowed. NULL: no memory. */
struct prov_probe *prov_probe_new(struct prov_env *env, const struct prov *owner, const char *prov,
				  const char *mod, const char *func, const char *name,
				  size_t nsites);

/* An id that what the probe is alone decides, in the part of the numbers that its provider has. */
uint32_t prov_id_of(const struct prov *owner, const char *what);
/* For probes that come to light outside prov_match. */
void prov_give_id(struct prov_env *env, struct prov_probe *p);

/* ---- attach.c --------------------------------------------------------------- */

/* prov_attach with another way from a site's file to an fd (world_file_open is the usual one). */
typedef int prov_open_fn(struct world *w, int file);
int prov_attach_with(struct prov_env *env, const struct prov_attach *what, struct prov_links *links,
		     prov_open_fn *open_file);

/* ---- stab.c ----------------------------------------------------------------- */

#define ATTRS(prov, ...) extern const struct d_attr prov_attrs_##prov[D_NPARTS];
#include "consumer/providers/attrs.def"

/* As struct d_names has them. */
bool prov_pdesc_attrs(struct prov_env *env, const struct d_pdesc *pd, struct d_attr out[D_NPARTS]);
bool prov_exists(struct prov_env *env, const char *kind, const char *name);

/* ---- later.c ---------------------------------------------------------------- */

void prov_later_close(struct prov_later *later); /* NULL is accepted */

/* ---- usdt.c ----------------------------------------------------------------- */

/* The process that a description's provider part names by its last digits; 0: none. */
pid_t prov_pdesc_pid(const struct d_pdesc *pd);

#endif
