/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/inner.h: what the files of providers/ share.
 *   env.c      the environment        match.c     descriptions → probes, with their ids
 *   probe.c    making of probes       stab.c      stability of probes
 *   attach.c   sites → links          links.c     the list of links
 *   names.c    struct d_names         types.c     D types from the kernel's BTF and from text
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

/* The ordinal of a probe that is not in a fixed list (profile-1234). */
enum { PROV_DYNAMIC = 0xffffffffu };

/* ---- probe.c --------------------------------------------------------------- */

/* Does the description match these names? prov_match compares the id. */
bool prov_pd_matches(const struct d_pdesc *pd, const char *prov, const char *mod, const char *func,
		     const char *name);
/* A probe in env's arena with room for nsites zeroed sites (sys_abi and sys_nr -1); names are
 * borrowed. NULL: no memory. */
struct prov_probe *prov_probe_new(struct prov_env *env, const struct prov *owner, const char *prov,
				  const char *mod, const char *func, const char *name,
				  size_t nsites);

/*
 * The id of a probe that comes and goes. `what` alone decides the id within the provider's range,
 * so every run gives the probe the same id. Two probes may get one id by chance; nobody could tell
 * them apart by it, so a description by that id is refused.
 */
enum { PROV_ID_BITS = 28 };
static_assert(PROV_NROWS <= 1 << (32 - PROV_ID_BITS), "a part of the numbers for each provider");
uint32_t prov_id_of(enum prov_row provider, const char *what);
/* The process whose id ends the description's provider part; 0: there is no such process. */
pid_t prov_pdesc_pid(const struct d_pdesc *pd);

/* ---- match.c ---------------------------------------------------------------- */

/* Gives an id to a probe that was found outside prov_match. */
void prov_give_id(struct prov_env *env, struct prov_probe *p);
void prov_close_all(struct prov_env *env);

/* ---- types.c ---------------------------------------------------------------- */

/* The types of one compile by BTF id: each is made once. */
struct kernel_types {
	const struct kern_btf *btf; /* set by prov_types_ready */
	struct d *d;
	struct d_type **type;
	uint32_t n;
};
/* Call first: starts a new table if `d` is another compile. False: no BTF, or no memory. */
bool prov_types_ready(struct kernel_types *w, struct d *d);
struct d_type *prov_type_of(struct kernel_types *w, uint32_t id);
/* Hooks of struct d_names. */
struct d_type *prov_type_named(struct kernel_types *w, struct d *d, enum d_kind kind,
			       const char *name);
bool prov_type_complete(struct kernel_types *w, struct d *d, struct d_type *t);
/* "const char *" → a type; user land's pointers if `user`. A pointer to a type that nobody knows is
 * void *, a value of such a type int64_t. */
struct d_type *prov_type_by_text(struct kernel_types *w, struct d *d, const char *text, bool user);

/* ---- links.c ---------------------------------------------------------------- */

/* The list takes the descriptor; on failure it is closed. pid: the sites' process; 0: all. */
int prov_link_keep(struct prov_links *l, int fd, pid_t pid);
/* The list takes a clock's event, to start and stop the clock; on failure the caller keeps it. */
int prov_clock_keep(struct prov_links *l, int event, uint64_t period_ns);
void prov_links_raw(struct prov_links *l); /* raw tracepoints are among the links */
/* Runs the program whenever the event fires. Returns a link, or a second descriptor of the event if
 * links have no cookies; the program stays attached until it is closed. Or -errno. */
int prov_perf_link(int event, int prog, uint64_t cookie);
/* prov_perf_link, then keeps the link and starts the event. Always closes `event`. */
int prov_perf_attach(int event, int prog, uint64_t cookie, struct prov_links *links, pid_t pid);

/* ---- attach.c --------------------------------------------------------------- */

/* prov_attach with another function to open a site's file (prov_attach uses world_file_open). */
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
/* "1 char *;0 int;": mappings and types of the arguments. Probes of one name in two files are one
 * probe if these texts are equal. */
const char *prov_usdt_types_text(struct arena *a, const struct usdt_probe *probe);

#endif
