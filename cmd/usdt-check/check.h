/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/check.h: the interface between the files of usdt-check.
 *  main.c   options and exit status        run.c    the program under ptrace
 *  claim.c  the assertions, in D           space.c  probes and breakpoints of its memory
 *  value.c  D expressions on a firing      memory.c the memory of its processes
 *  report.c the result, for people and TAP
 */
#ifndef USDT_CHECK_H
#define USDT_CHECK_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/grow.h"
#include "base/hash.h"
#include "d/d.h"
#include "usdt/usdt.h"

#include <sys/types.h>
#include <sys/user.h>

enum { CHECK_OK = 0, CHECK_FAILED = 1, CHECK_USAGE = 2, CHECK_STR = 256 };

/* ---- Probes and firings --------------------------------------------------- */

struct claim;

struct probe { /* provider:module:function:name */
	const char *prov, *mod, *func, *name;
	struct claim **claims; /* whose descriptions match the probe */
	size_t nclaims, cap;
	uint64_t fired;
};

struct firing {
	const struct probe *probe;
	const struct usdt_types *types; /* the declaration; NULL: none */
	const struct usdt_site *site;
	const struct user_regs_struct *regs;
	pid_t pid, tid;
	uint64_t number; /* of the claim's firings, from 1: `count` */
};

/* Writes all arguments, in size bytes at most: "arg0=7 arg1=0x7f… arg2=1.5 arg3=? (why)". */
void firing_show(const struct firing *f, char *out, size_t size);

/* ---- Values ----------------------------------------------------------------- */

struct eval {
	const struct firing *f; /* NULL: after the program's end, when only count has a value */
	uint64_t count;
	const char *why;      /* after false: why there is no value */
	char text[CHECK_STR]; /* room for `why` */
	char str[8][CHECK_STR];
	size_t nstr;
};
struct value {
	uint64_t i;
	const char *s; /* strings; else NULL */
};
bool value_eval(struct eval *v, const struct d_expr *e, struct value *out);
/* Can usdt-check evaluate the expression? If not, reports it with its place. Sets *of_count if the
 * expression names count, and *of_firing if it names a value of a firing. */
bool value_check(struct diag *diag, const struct d_expr *e, bool *of_count, bool *of_firing);

/* ---- Claims ------------------------------------------------------------------- */

struct claim {
	const char *text;
	const struct d_clause *clause;
	struct cond {
		const struct d_expr *e;
		bool of_count;
	} * conds;
	size_t nconds, cap;
	bool *found;	   /* for each description: does an object have such a probe? */
	size_t nunwatched; /* sites without a breakpoint: their firings are not counted */
	uint64_t count;	   /* firings that its predicate selects */
	char *why;	   /* the first failure, in the arena; NULL: none */
};
struct claims {
	struct arena *arena;
	struct diag *diag;
	struct claim *v;
	size_t n, cap;
};
/* Adds the claims of a text. from: the text's name in messages; pid: $target. false: reported. */
bool claims_add(struct claims *c, const char *text, const char *from, pid_t pid);
bool claims_file(struct claims *c, const char *path, pid_t pid); /* one claim a line, # comments */
/* Does the claim's description match the probe? The provider's name may end in the process's id. */
bool claim_matches(struct claim *c, const struct probe *p, pid_t pid);
void claim_firing(struct claims *all, struct claim *c, struct firing *f);
bool claim_holds(struct claims *all, struct claim *c); /* after the end; false: see ->why */
/* Call after the program's end: did an object have a probe that the claim is about? Without one the
 * claim says nothing about the program, whatever it counts. */
bool claim_was_checked(const struct claim *c);
/* Says, in the arena, which part of the claim was not checked; NULL: all was. */
const char *claim_remark(struct claims *all, const struct claim *c);

/* ---- Memory ------------------------------------------------------------------- */

struct point { /* a site of a probe in a file */
	struct probe *probe;
	const struct usdt_types *types;
	const struct usdt_site *site;
};
struct stop {			  /* a breakpoint in a space; point.probe NULL: the loader's */
	uint64_t address, object; /* object: start of the mapping it belongs to */
	struct point point;
	uint8_t was, skip; /* the byte that int3 replaced; length of the nop (0: single-step) */
};
struct object_id {
	uint64_t start, inode, device;
};
struct space { /* an address space of one or several processes (vfork) */
	int refs;
	struct stop *stops;
	size_t nstops, cap;
	struct object_id *objects; /* mappings that are read */
	size_t nobjects, objects_cap;
};
struct world { /* the files and probes that were read */
	struct arena *arena;
	struct claims *claims;
	bool all; /* stop at every probe, not just at asserted ones */
	struct hash *files, *probes;
	struct usdt_file **open;
	size_t nopen, open_cap;
	size_t nbad; /* sites where no breakpoint could be set */
};
struct space *space_new(void);
struct space *space_copy(const struct space *s); /* for a forked process */
void space_drop(struct space *s);		 /* one reference */
int space_scan(struct space *s, struct world *w,
	       pid_t pid); /* sets stops in new mappings, forgets unmapped ones */
int space_loader(struct space *s, pid_t pid); /* sets the stop in the loader; after exec */
struct stop *space_at(struct space *s, uint64_t address);
bool memory_read(pid_t pid, uint64_t address, void *to, size_t n);
bool memory_write(pid_t pid, uint64_t address, const void *from, size_t n);
void world_close(struct world *w);

/* ---- Run and report ------------------------------------------------------------- */

struct run {
	struct world *world;
	pid_t child;
	int go;		  /* socket: a byte starts exec, an errno comes back if it fails */
	int status;	  /* the child's, as waitpid gives it */
	unsigned timeout; /* seconds; 0: none */
	bool timed_out;
};
int run_start(struct run *r, char **argv); /* starts the child, which waits; 0 or -errno */
int run_program(struct run *r);		   /* runs it until the last process has ended */
void run_kill(struct run *r);

bool report(FILE *out, struct world *w, const struct run *r, char **argv, bool tap);

#endif
