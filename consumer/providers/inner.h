/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/inner.h: what the files of providers/ share.
 *   env.c      the environment        match.c     descriptions → probes, with their ids
 *   probe.c    what providers need    stab.c      stability of probes
 *   attach.c   sites → links          links.c     what is attached
 *   names.c    struct d_names         types.c     D types of the kernel's and by text
 *   dtrace.c profile.c syscall.c sdt.c usdt.c pid.c   a provider each
 *   usdt_args.c   arguments of usdt.c's probes
 *   later.c    probes of files that processes map while we trace
 */
#ifndef CONSUMER_PROVIDERS_INNER_H
#define CONSUMER_PROVIDERS_INNER_H

#include "base/arena.h"
#include "base/hash.h"
#include "consumer/providers/providers.h"
#include "usdt/usdt.h"

/* A provider's own place in env->priv: its row in providers.def. */
enum prov_row {
#define PROVIDER(id) PROV_ROW_##id,
#include "consumer/providers/providers.def"
	PROV_NROWS
};
static_assert(PROV_NROWS <= COUNT(((struct prov_env *)0)->priv), "a place for each provider");

/* ordinal of a probe that a provider with fixed ids makes beside its list (profile-1234). */
enum { PROV_DYNAMIC = 0xffffffffu };

/* ---- probe.c --------------------------------------------------------------- */

/* Does the description match these names? Its id is prov_match's affair. */
bool prov_pd_matches(const struct d_pdesc *pd, const char *prov, const char *mod, const char *func,
		     const char *name);
/* A probe in env's arena with room for nsites zeroed sites (sys_abi and sys_nr -1); names are
 * borrowed. NULL: no memory. */
struct prov_probe *prov_probe_new(struct prov_env *env, const struct prov *owner, const char *prov,
				  const char *mod, const char *func, const char *name,
				  size_t nsites);

/*
 * The number of a probe that comes and goes: the same in whatever list and process it is made, for
 * `what` alone decides it, in the part of the numbers that its provider has. Two probes may get one
 * number by chance; nobody could tell them apart, so such a number is refused.
 */
enum { PROV_ID_BITS = 28 };
static_assert(PROV_NROWS <= 1 << (32 - PROV_ID_BITS), "a part of the numbers for each provider");
uint32_t prov_id_of(enum prov_row provider, const char *what);
/* The process that a description's provider part names by its last digits; 0: none. */
pid_t prov_pdesc_pid(const struct d_pdesc *pd);

/* ---- match.c ---------------------------------------------------------------- */

/* For probes that come to light outside prov_match. */
void prov_give_id(struct prov_env *env, struct prov_probe *p);
void prov_close_all(struct prov_env *env);

/* ---- types.c ---------------------------------------------------------------- */

/* One compile's types by BTF id, so that each is made once. */
struct kernel_types {
	const struct kern_btf *btf; /* set by prov_types_ready */
	struct d *d;
	struct d_type **type;
	uint32_t n;
};
/* Call first. The types of another compile are not this one's. false: there is no BTF. */
bool prov_types_ready(struct kernel_types *w, struct d *d);
struct d_type *prov_type_of(struct kernel_types *w, uint32_t id);
/* As struct d_names has them. */
struct d_type *prov_type_named(struct kernel_types *w, struct d *d, enum d_kind kind,
			       const char *name);
bool prov_type_complete(struct kernel_types *w, struct d *d, struct d_type *t);
/* "const char *" → a type; user land's pointers if `user`. A pointer to a type that nobody knows is
 * void *, a value of such a type int64_t. */
struct d_type *prov_type_by_text(struct kernel_types *w, struct d *d, const char *text, bool user);

/* ---- links.c ---------------------------------------------------------------- */

/* The descriptor is the list's, or closed. pid: whose sites the link is for; 0: of all processes. */
int prov_link_keep(struct prov_links *l, int fd, pid_t pid);
/* A clock's event, which is started and stopped beside its link; still the caller's on failure. */
int prov_clock_keep(struct prov_links *l, int event, uint64_t period_ns);
void prov_links_raw(struct prov_links *l); /* raw tracepoints are among the links */
/* Lets the program run at each of the event's firings: a link, or where links have no cookies
 * another descriptor of the event. Either is to be kept. */
int prov_perf_link(int event, int prog, uint64_t cookie);
/* The same, kept and started. The event's descriptor is consumed. */
int prov_perf_attach(int event, int prog, uint64_t cookie, struct prov_links *links, pid_t pid);

/* ---- attach.c --------------------------------------------------------------- */

/* prov_attach with another way from a site's file to an fd (world_file_open is the usual one). */
typedef int prov_open_fn(struct world *w, int file);
int prov_attach_with(struct prov_env *env, const struct prov_attach *what, struct prov_links *links,
		     prov_open_fn *open_file);

/* ---- stab.c ----------------------------------------------------------------- */

#define ATTRS(prov, ...) extern const struct d_attr prov_attrs_##prov[D_NPARTS];
#include "consumer/providers/attrs.def"

/* ---- later.c ---------------------------------------------------------------- */

void prov_later_close(struct prov_later *later); /* NULL is accepted */

/* ---- usdt_args.c ------------------------------------------------------------ */

/* False: no memory. */
bool prov_usdt_args(struct arena *a, struct prov_site *to, const struct usdt_site *site);
bool prov_usdt_types(struct arena *a, struct prov_probe *p, const struct usdt_probe *probe);
/* "1 char *;0 int;": what two files' probes of one name must agree in to be one probe. */
const char *prov_usdt_types_text(struct arena *a, const struct usdt_probe *probe);

#endif
