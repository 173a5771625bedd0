/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/inner.h: what the files of providers/ share.
 *   env.c      the environment; descriptions → probes, with their ids
 *   limit.c    descriptors: the soft limit
 *   attach.c   sites → links          features.c  what this kernel can
 *   btf.c      the kernel's types: a reader of its raw BTF
 *   names.c    struct d_names over it  symbols.c  the kernel's symbols
 *   stab.c     stability of probes
 *   dtrace.c profile.c syscall.c sdt.c usdt.c pid.c   a provider each
 *   tracefs.c  formats and systems of trace events
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

/* ---- limit.c ---------------------------------------------------------------- */

void prov_limit_raise(void); /* counted: the last restore lowers it */
void prov_limit_restore(void);
void prov_limit_restore_child(void); /* in a child, before exec: as it was for us */

/* ---- later.c ---------------------------------------------------------------- */

void prov_later_close(struct prov_later *later); /* NULL is accepted */

/* ---- usdt.c ----------------------------------------------------------------- */

/* The process that a description's provider part names by its last digits; 0: none. */
pid_t prov_pdesc_pid(const struct d_pdesc *pd);

/* ---- btf.c -------------------------------------------------------------------- */

/* The kernel's own types, read once; ids are BTF's. */
struct kbtf *kbtf_open(void);		     /* NULL with errno set */
void kbtf_free(struct kbtf *k);		     /* NULL accepted */
struct kbtf *kbtf_get(struct prov_env *env); /* opened at its first use; NULL: there is none */

/* One type, decoded: n members, parameters, enumerators follow at `more`. */
struct kbtf_type {
	uint32_t kind; /* BTF_KIND_… */
	uint32_t vlen;
	bool flag;		   /* bit-fields are packed in offsets; an enum is signed */
	const char *name;	   /* "" if it has none */
	uint32_t ref;		   /* size, or the type referred to */
	const unsigned char *more; /* inside the BTF; checked to hold what the kind says */
};
uint32_t kbtf_count(const struct kbtf *k); /* ids are below it */
bool kbtf_type(const struct kbtf *k, uint32_t id, struct kbtf_type *out);
const char *kbtf_str(const struct kbtf *k, uint32_t off); /* "" if there is none */
/* The first type of that kind and name; 0: none. */
uint32_t kbtf_find(const struct kbtf *k, uint32_t kind, const char *name);
/* Past typedefs, const, volatile, restrict and tags. */
uint32_t kbtf_resolve(const struct kbtf *k, uint32_t id);
/* Bytes from the start of a struct to a member, "member.member"; anonymous ones are looked into. */
bool kbtf_offset(const struct kbtf *k, uint32_t struct_id, const char *path, uint64_t *offset);
/* Parameters of a FUNC_PROTO. */
uint32_t kbtf_param(const struct kbtf *k, const struct kbtf_type *proto, uint32_t i,
		    const char **name);
/* As C writes it: "struct task_struct *"; arena memory. */
const char *kbtf_type_text(const struct kbtf *k, struct arena *a, uint32_t id);

/* ---- symbols.c ------------------------------------------------------------------ */

/* The address of a kernel symbol from /proc/kallsyms; 0: none, or addresses are hidden. */
uint64_t ksym_address(const char *mod, const char *name, bool *is_func);

/* ---- tracefs.c ------------------------------------------------------------------ */

/* The events folder of tracefs, mounted or not; an fd that is yours, or -errno. */
int tracefs_events(void);

#endif
