/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/providers.h: which probes match a description, what
 * and where their arguments are, and how a program is attached to them.
 * It emits no eBPF.
 *
 *   providers.def   PROVIDER(id): a row a provider; prov_id in id.c is its struct prov
 *   match.c         descriptions → probes, with their ids
 *   attach.c        sites → links, by kind of context (uprobes in bulk, raw tracepoints, clocks)
 *   frame.c         where a site finds the return address of its function
 *   stab.c          attributes of stability: attrs.def has a row a provider
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
	struct cc_arg arg[CC_NARGS]; /* arg0 to arg9, and what args[] has beyond */
	uint8_t map
		[CC_NARGS]; /* args[i] is arg[map[i] - 1]; 0: arg[i] (a provider's declared mapping) */
	/* The return address of the function that the site is in, where that has not made its frame
	 * yet; NONE: frame pointers lead there, as far as is known. */
	struct cc_arg caller;
};

/* Where a program must be attached for a probe; a probe has one or more. */
struct prov_site {
	enum cc_ctx ctx;
	struct prov_args args;
	struct cc_condition when; /* the site's own test; ALWAYS: every hit fires */
	const char **why;	  /* why args.arg[i] is CC_A_BAD, with its operand; NULL: none is */
	/* UPROBE */
	int file;	       /* index for world_file: the file to open */
	uint64_t off, ref_ctr; /* file offsets; ref_ctr 0: none */
	pid_t pid;	       /* this process only; 0: all that map the file */
	bool at_entry; /* the first instruction of a function: nothing need be read to know that
			* the return address is at the stack pointer */
	/* RAWTP */
	const char *tracepoint; /* sched_switch, sys_enter … */
	int sys_abi, sys_nr;	/* a system call: 0 64-bit or 1 32-bit, its number; else -1 */
	bool sys_return;	/* … its end: the number is in the registers */
	/* PERF */
	uint64_t period_ns; /* profile: on every CPU; tick: on one */
	bool one_cpu;
};

/* Who fires a probe. */
enum prov_role {
	PROV_EVENT, /* what happens at its sites */
	PROV_BEGIN, /* the consumer, before all others */
	PROV_END,   /* the consumer, after all others */
	PROV_ERROR, /* every program whose clause faults */
};

struct prov_probe {
	const struct prov *owner;
	enum prov_role role;
	const char *prov, *mod, *func, *name; /* as DTrace shows them */
	bool by_process; /* of all processes: prov, with the id of the one that fires behind it, is the
			  * name of the provider */
	uint32_t id;	 /* -l's; 0 until prov_give_id gives it */
	uint32_t ordinal; /* position among its provider's probes, if those are fixed */
	struct prov_site *sites;
	size_t nsites;
	/* args[]: types by name (D text: "int", "char *", "struct task_struct *") or by BTF id;
	 * made into d_types by prov_args in the compile that asks. */
	size_t nargs;
	const char **arg_types; /* D type names; NULL entries: int64_t */
	const char **arg_names; /* may be NULL */
	/* Where args[i] is a translation: the type of what the sites have. NULL, and NULL entries:
	 * args[i] is what the sites have. */
	const char **native_types;
	uint32_t *arg_btf;	/* kernel BTF ids; NULL or 0: use arg_types */
	const uint8_t *arg_map; /* args[i] is argument arg_map[i] (a provider's declared mapping);
				 * NULL: argument i */
	bool typed;		/* prov_types was here */
	const struct d_attr *attr; /* D_NPARTS, of its own; NULL: its provider's */
};

/* Called for every probe that matches; borrowed until the environment goes. Stop: return false. */
typedef bool prov_found(void *arg, struct prov_probe *probe);

/*
 * A provider: the facts and hooks that the other rooms need of it. Hooks that may be NULL say what
 * that means. A new provider is a file with its struct prov and a row in providers.def.
 */
struct prov {
	const char *name; /* "syscall" */
	/* D_NPARTS, its row of attrs.def; NULL: its probes have their own, or are private. */
	const struct d_attr *attrs;
	/* Pointers among its probes' arguments are addresses of the process that fires. */
	bool user_memory;
	const char *enter, *leave; /* -F's arrows; NULL: those of functions */
	/* Quick: may this description name a probe of ours? (glob in the provider part included) */
	bool (*wants)(struct prov_env *env, const struct d_pdesc *pd);
	/* The description is meant for us: providers that would search all processes for it are asked
	 * only if we have no such probe. NULL: never. */
	bool (*claims)(const struct d_pdesc *pd);
	/* Calls found for each match, in a fixed order. 0, or -errno with a diagnostic. */
	int (*match)(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg);
	/* Number of probes if that is fixed for this boot (ids are then base + ordinal); NULL: dynamic */
	size_t (*count)(struct prov_env *env);
	/* The name of the probe with that id, where only a description makes the probe, so that match
	 * does not find it by `:::`. NULL: there is no such probe, or (the hook) no such probes. */
	const char *(*name_of_id)(struct prov_env *env, uint32_t id);
	void (*close)(struct prov_env *env); /* frees what match kept; may be NULL */
	/* Fills nargs, arg_types, arg_names and native_types, where finding them costs; NULL: match did. */
	void (*types)(struct prov_env *env, struct prov_probe *probe);
	/* For a hint: why nothing of ours matches, if the description means us; may be NULL. */
	const char *(*why_none)(struct prov_env *env, const struct d_pdesc *pd);
	/* What -lv prints of the probe's sites, below its types; NULL: nothing. */
	void (*sites_show)(FILE *out, const struct prov_probe *probe);

	/* ---- Of providers whose probes are in files that processes map; else NULL. */

	/* The probes that match of files seen in one look, for all processes (pid 0) or for one. Each
	 * is found once, also one whose sites are in several files. */
	int (*match_files)(struct prov_env *env, const struct d_pdesc *pd, const int *files,
			   size_t n, pid_t pid, prov_found *found, void *arg);
	/* May the description name probes of this process, and not those of all? pid 0: of any process */
	bool (*by_process)(const struct d_pdesc *pd, pid_t pid);
};
#define PROVIDER(id) extern const struct prov prov_##id;
#include "consumer/providers/providers.def"

/* ---- Environment --------------------------------------------------------- */

/* Which probes a description gives where each process has a provider of its own. */
enum prov_naming {
	PROV_ENABLE, /* one for all processes, if it names all of them, now and later; else each one's */
	PROV_EACH, /* each process's */
	PROV_BOTH, /* either kind: any may have the id that is looked for */
};

struct prov_env {
	struct arena *arena;
	struct diag *diag;
	struct world *world; /* the enabling's */
	enum prov_naming naming;
	void *priv[16];		  /* one a provider, by its row in providers.def */
	struct prov_later *later; /* later.c's */
};
struct prov_env *prov_env_new(struct diag *diag, struct world *world);
void prov_env_free(struct prov_env *env);

/* All providers that want it, in their order; gives each probe its id. Number of matches or -errno. */
int prov_match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg);
/* "no such probe", with what the provider that was meant has to say. */
void prov_none(struct prov_env *env, const struct d_pdesc *pd);
/* What it has to say: a hint. NULL: nothing. */
const char *prov_why_none(struct prov_env *env, const struct d_pdesc *pd);
/* Why argn cannot be read at a site of the probe; NULL: it can. */
const char *prov_why_bad(const struct prov_probe *probe, unsigned n);
/* The provider that may find probes that match in files mapped later; NULL: none can come. */
const struct prov *prov_later(struct prov_env *env, const struct d_pdesc *pd);
/* Call before nargs, arg_types and arg_names of a matched probe are read. */
void prov_types(struct prov_env *env, struct prov_probe *probe);

/* What its provider publishes: D_NPARTS of them; the least of the parts that its name has. */
const struct d_attr *prov_attrs(const struct prov_probe *probe);
struct d_attr prov_probe_attr(const struct prov_probe *probe);

/* The names interface of the front end over this environment (args, types, symbols). */
const struct d_names *prov_names(struct prov_env *env);
/* Are args[] of the two of the same number and types, as D sees them? */
bool prov_same_args(struct prov_env *env, struct d *d, struct prov_probe *p, struct prov_probe *q);

/* Fills args.caller of a site in user land, which costs reading symbols: for clauses that ask. */
void prov_site_frame(struct prov_env *env, struct prov_site *site);

/* ---- Attaching (attach.c) ------------------------------------------------- */

struct prov_attach {
	enum cc_ctx ctx;
	int prog;
	bool multi;			/* the program was loaded for uprobe_multi */
	struct prov_site *const *sites; /* UPROBE: any files; bulk a file and pid */
	const uint64_t *cookies;	/* one a site */
	size_t nsites;
};
struct prov_links; /* a list of what is attached; one owner */
struct prov_links *prov_links_new(void);
/* Attaches all sites; one that the kernel refuses is reported by diag_warn and does not lose the
 * others; fails (-errno, reported) if none could be attached, unless they were refused one by one
 * and are of files for all processes (pid 0). */
int prov_attach(struct prov_env *env, const struct prov_attach *what, struct prov_links *links);
/* Clocks that are attached begin to tick, until their program returns 1 or they are closed. */
int prov_links_start(struct prov_links *links);
/* Detaches everything (in parallel where the kernel is slow), clocks first, and waits for programs
 * that run. How often the kernel skipped a program is counted there; links have no counts. */
void prov_links_close(struct prov_links *links);
/* Detaches what was attached to this process alone. */
void prov_links_drop(struct prov_links *links, pid_t pid);

/* ---- Probes of files mapped later (later.c) ---------------------------------- */

/* From now on world_watch_read calls `found` for each probe that a file mapped later brings to the
 * description. */
int prov_watch_for(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg);

#endif
