/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/kernel.h: facts about the running kernel. The kernel stays the same, so
 * most facts are read once, when first asked for, and kept until the process
 * ends. Any thread may call any function.
 *
 *   btf.c       types: a reader of raw BTF     offset.c  offsets of members by path
 *   symbols.c   /proc/kallsyms: names to addresses and addresses to names
 *   features.c  features.def: a row for each feature, probed once; who may trace
 *   tracefs.c   the folder of trace events
 *   uprobe.c    perf events, and links over many user-land probes
 *   clock.c     clocks            host.c   version, processors, pid namespace
 *   limit.c     how many descriptors the process may have
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;
struct perf_event_attr;

/* ---- Types (btf.c, offset.c) -------------------------------------------------------------- */

struct kern_btf;

/* The kernel's own types. NULL with errno set: the kernel has no BTF, or the feature is off. */
const struct kern_btf *kern_btf(void);

/* One type, decoded: vlen members, parameters or enumerators follow at `more`. */
struct kern_type {
	uint32_t kind; /* BTF_KIND_… */
	uint32_t vlen;
	bool flag;		   /* a struct's offsets hold bit-field sizes; an enum is signed */
	const char *name;	   /* "": no name */
	uint32_t ref;		   /* size, or the type referred to */
	const unsigned char *more; /* inside the BTF; checked to hold what the kind says */
};
uint32_t kern_btf_count(const struct kern_btf *btf); /* ids are 1 to count - 1 */
bool kern_btf_type(const struct kern_btf *btf, uint32_t id, struct kern_type *out);
const char *kern_btf_str(const struct kern_btf *btf, uint32_t off); /* "": no such string */
/* The first type of that kind and name; 0: no such type. */
uint32_t kern_btf_find(const struct kern_btf *btf, uint32_t kind, const char *name);
/* The type behind typedefs, const, volatile, restrict and tags. */
uint32_t kern_btf_resolve(const struct kern_btf *btf, uint32_t id);
/* Bytes from the start of a struct to "member.member", through anonymous members too. */
bool kern_btf_offset(const struct kern_btf *btf, uint32_t struct_id, const char *path,
		     uint64_t *offset);
/* The type of parameter i of a FUNC_PROTO; its name through *name, which may be NULL. */
uint32_t kern_btf_param(const struct kern_btf *btf, const struct kern_type *proto, uint32_t i,
			const char **name);
/* The type as C writes it: "struct task_struct *"; arena memory. NULL: no memory. */
const char *kern_btf_text(const struct kern_btf *btf, struct arena *a, uint32_t id);

/* Bytes from the start of a struct to a member: "task_struct.thread_info.status". 0; -ENOENT:
 * this kernel has no such member; another -errno: it has no BTF. */
int kern_offset(const char *path, uint64_t *offset);

/* ---- Symbols (symbols.c) ---------------------------------------------------------- */

struct kern_symbol {
	uint64_t address;
	uint64_t size; /* of a function: up to the next function; 0: not known */
	bool is_function;
	const char *name, *module; /* borrowed for good; "vmlinux": the kernel proper */
};
/* The first symbol of that name in a module. NULL and "": in any module; "vmlinux" and "genunix"
 * (in scripts of Solaris): in the kernel proper. False: no such symbol, or addresses are hidden. */
bool kern_symbol_named(const char *module, const char *name, struct kern_symbol *out);
/* The function that holds an address. */
bool kern_symbol_at(uint64_t address, struct kern_symbol *out);
/* Symbols were asked for, and the kernel shows this process no addresses. */
bool kern_symbols_hidden(void);

/* ---- Features (features.c) --------------------------------------------------------- */

enum kern_feature {
#define KERN_FEATURE(id) KERN_F_##id,
#include "kernel/features.def"
	KERN_NFEATURES
};
/* USDTKIT_WITHOUT=uprobe_multi,… in the environment switches features off (tests). */
bool kern_has(enum kern_feature feature);
/* One line that says what tracing lacks (privilege, kernel, /proc); NULL: tracing is possible. */
const char *kern_why_not(struct arena *a);

/* ---- Trace events (tracefs.c) ------------------------------------------------------- */

/* A descriptor of tracefs's folder `events`, mounted or not, for the caller to close; or -errno. */
int kern_events_open(void);

/* ---- Events and links (uprobe.c) ----------------------------------------------------- */

enum { KERN_UPROBE_MULTI = 48 }; /* enum bpf_attach_type's BPF_TRACE_UPROBE_MULTI (Linux 6.6) */

/* perf_event_open(2): a descriptor for the caller to close, or -errno. pid -1: all; cpu -1: all. */
int kern_perf_open(struct perf_event_attr *attr, pid_t pid, int cpu);
/* The event of a user-land probe at an offset of a file, disabled. semaphore: the offset of the
 * count that the kernel keeps; 0: no count. pid 0: every process, by an event on cpu 0. */
int kern_uprobe_open(const char *path, uint64_t offset, uint64_t semaphore, pid_t pid);
/* One link over n such probes: its descriptor, or -errno. semaphores and cookies may be NULL. */
int kern_uprobe_multi(int prog, const char *path, const uint64_t *offsets,
		      const uint64_t *semaphores, const uint64_t *cookies, uint32_t n, pid_t pid);

/* ---- Clocks (clock.c) ----------------------------------------------------------------- */

uint64_t kern_now(void);	/* CLOCK_MONOTONIC in ns: bpf_ktime_get_ns, times of events */
uint64_t kern_now_ms(void);	/* the same in ms */
int64_t kern_wall_offset(void); /* time of day less kern_now, ns */
int64_t kern_boot_offset(void); /* time since boot, with sleep, less kern_now, ns */

/* ---- Host (host.c) ----------------------------------------------------------------------- */

uint32_t kern_version(void); /* KERNEL_VERSION(6, 1, 0); 0: unknown */
uint32_t kern_cpus(void);    /* possible CPUs: their numbers are below it */

/* The pid namespace as the kernel compares it; ino 0: the initial one. */
struct kern_pidns {
	uint64_t dev, ino;
};
struct kern_pidns kern_pidns(void);

/* ---- Descriptors (limit.c) ------------------------------------------------------------- */

/* Raises the soft limit to the hard limit. Calls are counted: the last restore lowers it again. */
void kern_limit_raise(void);
void kern_limit_restore(void);
void kern_limit_restore_child(void); /* in a child, before exec */

#endif
