/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/compile.h: typed clauses in, eBPF out.
 *
 * A unit is what becomes one kernel program: a set of clauses (run in that
 * order), the kind of probe and where its arguments are (rule 2 of docs/architecture.md).
 *
 *   main(ctx):          r6 = ctx; the life word and the unit's own tests (pid, system call
 *                       table); struct rt_fire on the stack; a scratch slot if any clause
 *                       uses one; then each clause function; slot given back
 *   clause_N(ctx, fire, slot, from):  a global function, verified by itself. It runs clause N and,
 *                       in units of many clauses, some clauses behind N. r1 = ctx, r2 = struct
 *                       rt_fire *, r3 = the scratch slot's index (if a clause uses the slot),
 *                       r4 = the clause to begin with (if there are several)
 *   faults(ctx, fire, slot):  called for each clause that faults; records the fault and runs
 *   error_N             ERROR's clauses, functions of the same shape
 *   library routines    of ebpf/, appended as used
 *
 * BTF with func_info (linkage global) lets the kernel verify each function alone: ctx has the type
 * that the program type demands, fire and scratch are pointers to structs of their real sizes.
 */
#ifndef CONSUMER_COMPILE_H
#define CONSUMER_COMPILE_H

#include "consumer/records.h"

#include <linux/bpf.h>
#include <sys/types.h>

/* Kinds of contexts that programs get: contexts.def describes each. */
enum cc_ctx {
#define CC_CTX(id, ...) CC_CTX_##id,
#include "consumer/compile/contexts.def"
	CC_NCTX
};
struct cc_context {
	const char *name;
	enum bpf_prog_type type;
	uint32_t attach, bulk; /* enum bpf_attach_type, which may be newer than the headers */
	const char *arg;
	bool is_typedef, sleeps, user_args, cookies, stack;
	uint32_t frames;
	bool by_btf;
};
extern const struct cc_context cc_contexts[CC_NCTX];

/* The place of an argument: args.def says what each kind means. */
enum cc_argkind {
#define CC_ARGKIND(id, ...) CC_A_##id,
#include "consumer/compile/args.def"
	CC_NARGKINDS
};
struct cc_arg {
	uint8_t kind; /* enum cc_argkind */
	uint8_t size; /* 1, 2, 4, 8 */
	bool is_signed, is_float;
	bool narrow;   /* UMEM: the address has 32 bits, the carry is lost */
	uint8_t shift; /* REG: 8 for %ah and its kin */
	uint8_t scale;
	int16_t base, index; /* offsets in ctx (pt_regs); -1: none */
	int64_t disp;
};

/* What clauses read of a site: argN, args[N] (another argN where a provider's declaration says so),
 * and the return address of the function that the site is in. */
enum cc_operand {
	CC_NARGS = 16, /* arg0 to arg9; args[] may have more */
	CC_ARG = 0,
	CC_TYPED = CC_NARGS,
	CC_CALLER = 2 * CC_NARGS,
	CC_NOPERANDS,
};
struct cc_args { /* compared bytewise: zero the padding */
	union {
		struct cc_arg at[CC_NOPERANDS];
		struct {
			struct cc_arg arg[CC_NARGS], typed[CC_NARGS];
			struct cc_arg caller; /* NONE: frame pointers lead there */
		};
	};
};

/* A site's condition: the site fires its probe only if `operand` compares with `value` as `test`
 * says. Reading the operand must not fault (args.def). Compared bytewise: zero the padding. */
enum cc_test {
	CC_ALWAYS,
	CC_EQUAL,
	CC_NOT_EQUAL,
	CC_LESS, /* signed */
	CC_NOT_LESS,
	CC_ANY_BITS, /* bits of value are set in the operand */
	CC_NO_BITS,
	CC_NTESTS,
};
struct cc_condition {
	enum cc_test test;
	struct cc_arg operand;
	int64_t value;
};

enum cc_select {		    /* how a program knows which probe fired */
		 CC_SELECT_STATIC,  /* unit->probe */
		 CC_SELECT_COOKIE,  /* low 32 bits of the attach cookie: probe index */
		 CC_SELECT_SYSCALL, /* unit->table: uint32_t[2][CC_SYSCALLS]: probe index + 1 by ABI
				 * (0: 64-bit, 1: 32-bit) and number; 0: not enabled */
};
enum { CC_SYSCALLS = 1024 };

struct cc_unit {
	enum cc_ctx ctx;
	const char *tracepoint; /* RAWTP */
	bool multi;		/* will be attached in bulk, by a link over many sites */
	uint32_t btf_id;	/* of the function or tracepoint, if contexts attach by it */
	enum cc_select select;
	uint32_t probe;	 /* STATIC */
	int table;	 /* SYSCALL: fd of a direct array map */
	bool sys_return; /* SYSCALL on sys_exit: the number is in orig_ax of args[0] */
	pid_t pid;	 /* only this process, by its id in the options' namespace; 0: all */
	struct cc_condition when; /* the condition of all its sites */
	const struct cc_args *args;
	/* COOKIE, if an argument is CC_A_PLACE: fd of the table of places, a direct array map of
	 * nplaces rows (a power of two) of place_size bytes. High 32 bits of the cookie: a site's
	 * row. */
	int places;
	uint32_t nplaces, place_size;
	const int *clauses; /* indices into d_prog.clauses, in program order */
	size_t nclauses;
	uint64_t period_ns; /* PERF: the period, to count missed ticks; 0: no count */
	bool begin, end;    /* BEGIN: sets active when done; END runs when draining */
};

/* Maps a program may use: maps.def. */
enum cc_mapid {
#define CC_MAP(id, ...) CC_MAP_##id,
#include "consumer/compile/maps.def"
	CC_NFIXEDMAPS, /* further ids: dyn and agg classes, as cc_maps lists them */
};
enum cc_mapkind {
#define CC_MAPKIND(id, lower) CC_M_##id,
#include "consumer/compile/maps.def"
	CC_NMAPKINDS
};
struct cc_map {
	enum cc_mapkind kind;
	char name[16];
	uint32_t key_size, value_size, entries; /* DYN, AGG: entries 0: run decides by options */
	bool used;
	int fd; /* filled by run before cc_set_load; -1 */
};

struct cc_range { /* of addresses */
	uint64_t start;
	uint32_t size;
};
struct cc_options {
	uint32_t strsize, stackframes, ustackframes;
	uint32_t ncpu;	   /* possible CPUs */
	uint32_t ringsize; /* bytes of a CPU's ring buffer (a power of two): records are
				 * submitted with a wake-up when they cross its first quarter */
	bool fill;	   /* bufpolicy=fill: a full buffer ends tracing and is no drop */
	pid_t pid;	   /* dtrace's own: BEGIN, END */
	/* The namespace of process ids, by device and inode in nsfs; pidns_ino 0: the initial. */
	uint64_t pidns_dev, pidns_ino;
	/* Finds a function of the kernel; false: the function is missing or hidden. May be NULL. */
	bool (*function)(const char *name, struct cc_range *at);
};

struct cc;

/*
 * Lays out variables, records and keys of the whole program; reports what the compiler cannot do
 * (floats, structs by value …) at its place. NULL after errors. Everything is in the arena.
 */
struct cc *cc_new(struct arena *a, struct diag *diag, struct d *d, const struct d_prog *prog,
		  const struct cc_options *opt);
const struct rec_desc *cc_record(const struct cc *cc, int clause);
const struct agg_desc *cc_agg(const struct cc *cc, int agg);
struct cc_map *cc_maps(struct cc *cc, size_t *n);
/* Makes room for so many rows in the map of probes. */
void cc_set_probes_room(struct cc *cc, uint32_t n);
/* True if a clause uses vtimestamp (known after cc_plan). run then calls cc_vtime_plan, makes the
 * maps, sets each CPU's `switched`, loads the program and attaches it to sched_switch. */
bool cc_uses_vtimestamp(const struct cc *cc);
void cc_vtime_plan(struct cc *cc);
int cc_vtime_load(struct cc *cc); /* the program's fd, or -errno */
/* True if a clause uses ustack, usym …: run then keeps the history of mappings. */
bool cc_uses_usyms(const struct cc *cc);
/* The operands that a unit's clauses read: bit n is operand n of enum cc_operand. */
uint64_t cc_args_used(const struct cc *cc, const int *clauses, size_t nclauses);
/* Converts an operand for a table of places. False: a table cannot hold that kind of place. */
bool cc_place(const struct cc_arg *from, struct rt_place *to);

/* The clauses of dtrace:::ERROR, in program order, and that probe's index: every unit planned
 * later calls them on a fault. Borrowed as long as cc is used. */
void cc_set_error_clauses(struct cc *cc, const int *clauses, size_t n, uint32_t probe);

/*
 * Two steps, so that only maps that are used are made in between: cc_plan compiles a unit and marks
 * the maps that it uses (call it for all units first), cc_set_load links the set with the maps'
 * descriptors and loads it. cc_plan: 0 or -errno, with a diagnostic. cc_set_load: the program's fd,
 * or -errno: the error is reported, or log holds the linker's or the verifier's words. -E2BIG: too
 * many functions.
 */
struct cc_func_set;
int cc_plan(struct cc *cc, const struct cc_unit *unit, struct cc_func_set **out);
int cc_set_load(struct cc *cc, const struct cc_func_set *set, const char *name, char *log,
		size_t log_size);

/* The program that drains the hashes of a CC_M_AGG map (rt_prog_drain in ebpf/progs.h): `hashes` is
 * the array with the map's hashes. Its fd, or -errno. */
int cc_drain_load(const struct cc_map *map, int hashes, int ring);

#endif
