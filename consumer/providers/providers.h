/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/providers.h: which probes match a description, what
 * and where their arguments are, and how a program is attached to them.
 * It emits no eBPF.
 *
 *   providers.def   PROVIDER(id): a row for each provider; id.c has its struct prov prov_id
 *   match.c         descriptions → probes, with their ids
 *   attach.c        sites → links, by kind of context (uprobes in bulk, raw tracepoints, clocks)
 *   frame.c         where a site finds the return address of its function
 *   stab.c          attributes of stability: attrs.def has a row for each provider
 *   names.c         struct d_names for the front end: types, symbols, args[]
 *   later.c         probes of files that processes map while we trace
 */
#ifndef CONSUMER_PROVIDERS_H
#define CONSUMER_PROVIDERS_H

#include "base/diag.h"
#include "consumer/compile/compile.h"
#include "d/d.h"
#include "world/world.h"

#include <stdio.h>
#include <sys/types.h>

struct prov;
struct prov_env;

/* Where a site's arguments are. */
struct prov_args {
	struct cc_arg arg[CC_NARGS]; /* arg0 to arg9, then what only args[] reaches */
	uint8_t map
		[CC_NARGS]; /* args[i] is arg[map[i] - 1]; 0: arg[i] (a provider's declared mapping) */
	/* Where the return address is, if the site's function has not made its frame yet; NONE:
	 * frame pointers are trusted to lead to it. */
	struct cc_arg caller;
};

/* Where a program must be attached for a probe; a probe has one or more. */
struct prov_site {
	enum cc_ctx ctx;
	struct prov_args args;
	struct cc_condition when; /* the site's own test; ALWAYS: every hit fires */
	const char **why;	  /* why[i]: why args.arg[i] is CC_A_BAD; NULL: no arg is */
	/* UPROBE */
	int file;	       /* index for world_file: the file to open */
	uint64_t off, ref_ctr; /* file offsets; ref_ctr 0: no semaphore */
	pid_t pid;	       /* this process only; 0: all that map the file */
	bool at_entry; /* the site is a function's first instruction, so that the return address
			* is at the stack pointer */
	/* RAWTP */
	const char *tracepoint; /* sched_switch, sys_enter … */
	int sys_abi, sys_nr;	/* a system call: 0 64-bit or 1 32-bit, its number; else -1 */
	bool sys_return;	/* a system call's return: the number is in the registers */
	/* PERF */
	uint64_t period_ns; /* of profile and tick */
	bool one_cpu;
};

/* Who fires a probe. */
enum prov_role {
	PROV_EVENT, /* the kernel, at the probe's sites */
	PROV_BEGIN, /* the consumer, before all others */
	PROV_END,   /* the consumer, after all others */
	PROV_ERROR, /* every program whose clause faults */
};

struct prov_probe {
	const struct prov *owner;
	enum prov_role role;
	const char *prov, *mod, *func, *name; /* as DTrace shows them */
	bool by_process; /* one probe for all processes: the provider's name is prov followed by the
			  * id of the process that fires */
	uint32_t id;	 /* as -l shows it; 0 until prov_give_id sets it */
	uint32_t ordinal; /* position in its provider's fixed list */
	struct prov_site *sites;
	size_t nsites;
	/* args[]: types by name (D text: "int", "char *", "struct task_struct *") or by BTF id;
	 * names.c makes d_types of them for the compile that asks. */
	size_t nargs;
	const char **arg_types; /* D type names; NULL entries: int64_t */
	const char **arg_names; /* may be NULL */
	/* The type that the sites have, if args[i] is a translation of it. NULL, and NULL entries:
	 * args[i] is not translated. */
	const char **native_types;
	uint32_t *arg_btf;	/* kernel BTF ids; NULL or 0: use arg_types */
	const uint8_t *arg_map; /* args[i] is argument arg_map[i] (a provider's declared mapping);
				 * NULL: argument i */
	bool typed;		/* prov_types has filled the types */
	const struct d_attr *attr; /* D_NPARTS; NULL: the provider's attributes */
};

/* Called for every probe that matches. The environment owns the probe. Return false to stop. */
typedef bool prov_found(void *arg, struct prov_probe *probe);

/*
 * A provider: the facts and hooks that the other rooms need. The comment of a hook says what NULL
 * means. A new provider is a file with its struct prov and a row in providers.def.
 */
struct prov {
	const char *name; /* "syscall" */
	/* D_NPARTS, its row of attrs.def; NULL: its probes have their own, or are private. */
	const struct d_attr *attrs;
	/* Pointers among its probes' arguments are addresses of the process that fires. */
	bool user_memory;
	const char *enter, *leave; /* -F's arrows; NULL: the arrows of functions */
	/* Quick: may the description name a probe of this provider? Any part may be a pattern. */
	bool (*wants)(struct prov_env *env, const struct d_pdesc *pd);
	/* Is the description meant for this provider? Providers that search all processes are then
	 * asked only if this provider has no such probe. NULL: only if it names the provider. */
	bool (*claims)(const struct d_pdesc *pd);
	/* Calls found for each match, in a fixed order. 0, or -errno with a diagnostic. */
	int (*match)(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg);
	/* The number of probes, if fixed for this boot: ids are base + ordinal. NULL: not fixed. */
	size_t (*count)(struct prov_env *env);
	/* Calls found for each probe with that id that only a description makes, so that `:::` does
	 * not find the probe. 0 or -errno. NULL: the provider has no such probes. */
	int (*match_id)(struct prov_env *env, uint32_t id, prov_found *found, void *arg);
	void (*close)(struct prov_env *env); /* frees what match kept; may be NULL */
	/* Fills nargs, arg_types, arg_names and native_types on demand, because that is slow. NULL:
	 * match fills them. */
	void (*types)(struct prov_env *env, struct prov_probe *probe);
	/* A hint why nothing matches, if the description means this provider. NULL: no hints. */
	const char *(*why_none)(struct prov_env *env, const struct d_pdesc *pd);
	/* What -lv prints of the probe's sites, below its types; NULL: nothing. */
	void (*sites_show)(FILE *out, const struct prov_probe *probe);

	/* ---- For providers whose probes are in files that processes map; else NULL. */

	/* Calls found for each match in files of one look, for all processes (pid 0) or for one
	 * process. A probe is found once, even if its sites are in several files. */
	int (*match_files)(struct prov_env *env, const struct d_pdesc *pd, const int *files,
			   size_t n, pid_t pid, prov_found *found, void *arg);
	/* May the description name probes of this process alone? pid 0: of any single process */
	bool (*by_process)(const struct d_pdesc *pd, pid_t pid);
};
#define PROVIDER(id) extern const struct prov prov_##id;
#include "consumer/providers/providers.def"

/* ---- Environment --------------------------------------------------------- */

/* Which probes a description gives if each process has its own provider. */
enum prov_naming {
	PROV_ENABLE, /* one for all processes if it names all, now and later; else one for each */
	PROV_EACH,   /* one for each process */
	PROV_BOTH,   /* both kinds, because either may have the id that is looked for */
};

struct prov_env {
	struct arena *arena;
	struct diag *diag;
	struct world *world; /* the enabling's */
	enum prov_naming naming;
	void *priv[16];		  /* a place for each row of providers.def */
	struct prov_later *later; /* later.c's */
};
struct prov_env *prov_env_new(struct diag *diag, struct world *world);
void prov_env_free(struct prov_env *env);

/* Asks the providers in their order and gives each match its id. Number of matches, or -errno. */
int prov_match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg);
/* Reports that no probe matches, with the hint of prov_why_none. */
void prov_none(struct prov_env *env, const struct d_pdesc *pd);
/* A hint why no probe matches; NULL: there is no hint. */
const char *prov_why_none(struct prov_env *env, const struct d_pdesc *pd);
/* Why argn cannot be read at a site of the probe; NULL: it can. */
const char *prov_why_bad(const struct prov_probe *probe, unsigned n);
/* The provider that may find matches in files that are mapped later; NULL: no match can come. */
const struct prov *prov_later(struct prov_env *env, const struct d_pdesc *pd);
/* Call before nargs, arg_types and arg_names of a matched probe are read. */
void prov_types(struct prov_env *env, struct prov_probe *probe);

/* The D_NPARTS attributes that the probe or its provider publishes. */
const struct d_attr *prov_attrs(const struct prov_probe *probe);
/* The least stable attributes of the parts that the probe's name has. */
struct d_attr prov_probe_attr(const struct prov_probe *probe);

/* The names interface of the front end over this environment (args, types, symbols). */
const struct d_names *prov_names(struct prov_env *env);
/* Do both probes have the same number of args[], of the same D types? */
bool prov_same_args(struct prov_env *env, struct d *d, struct prov_probe *p, struct prov_probe *q);

/* Fills args.caller of a user-land site. Reads symbols: call it only if a clause uses caller. */
void prov_site_frame(struct prov_env *env, struct prov_site *site);

/* ---- Attaching (attach.c) ------------------------------------------------- */

struct prov_attach {
	enum cc_ctx ctx;
	int prog;
	bool multi;			/* the program was loaded for uprobe_multi */
	struct prov_site *const *sites; /* UPROBE: of any files and processes */
	const uint64_t *cookies;	/* one a site */
	size_t nsites;
};
struct prov_links; /* a list of what is attached; one owner */
struct prov_links *prov_links_new(void);
/* Attaches all sites. diag_warn reports a refused site; the others are still attached. Fails
 * (-errno, reported) if no site could be attached, unless the kernel refused the sites one by one
 * and all of them are for all processes (pid 0). */
int prov_attach(struct prov_env *env, const struct prov_attach *what, struct prov_links *links);
/* Starts the attached clocks. A clock ticks until its program returns 1 or it is closed. */
int prov_links_start(struct prov_links *links);
/* Detaches everything, clocks first, and waits for programs that run. Several threads detach,
 * because some kernels are slow at it. Accepts NULL. */
void prov_links_close(struct prov_links *links);
/* Detaches what was attached to this process alone. */
void prov_links_drop(struct prov_links *links, pid_t pid);

/* ---- Probes of files mapped later (later.c) ---------------------------------- */

/* From now on world_watch_read calls `found` for each probe of a file mapped later that matches the
 * description. 0 or -errno. */
int prov_watch_for(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg);

#endif
