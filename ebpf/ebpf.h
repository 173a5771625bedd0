/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/ebpf.h: from functions to a loaded program.
 *
 * A function comes from the library, written in BPF C and embedded at build time (embed.py), or
 * from the compiler's emitter; both have the same shape. A function refers to numbers, maps and
 * other functions by name. ebpf_link takes a set of functions, adds the library's functions that
 * they call, fills in what the names stand for, and describes each function to the kernel.
 * ebpf_load does the same for a whole program in BPF C (progs.h).
 */
#ifndef EBPF_EBPF_H
#define EBPF_EBPF_H

#include "base/arena.h"
#include "ebpf/abi.h"
#include "ebpf/progs.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ebpf_reloc_kind {
	EBPF_NUMBER, /* ld_imm64: a number by its name, added to the instruction's own */
	EBPF_MAP,    /* ld_imm64: a map, for helpers */
	EBPF_VALUE, /* ld_imm64: the address of a direct map's bytes, at the instruction's offset */
	EBPF_CALL,  /* call of a function */
	EBPF_CALLBACK, /* ld_imm64: a function, for helpers that call back */
};
struct ebpf_reloc {
	uint32_t insn;
	enum ebpf_reloc_kind kind;
	const char *name; /* of a number, a map or a function of the library; NULL: id counts */
	int id;		  /* the map's id, or the function's index in its set */
};
struct ebpf_func {
	const char *name;
	/* A letter a parameter: c the context, f struct rt_fire *, s the slot, n a number. */
	const char *params;
	bool is_static; /* verified at each call, without params; others: by themselves */
	const struct bpf_insn *insns;
	uint32_t ninsns;
	const struct ebpf_reloc *relocs;
	uint32_t nrelocs;
};

/* The library, sorted by name: rt.h and progs.h say what each function does. */
extern const struct ebpf_func ebpf_library[];
extern const size_t ebpf_nlibrary;
const struct ebpf_func *ebpf_routine(const char *name); /* NULL: there is none */

/* What the names in a program stand for. A function that is NULL knows no name. */
struct ebpf_names {
	void *arg;
	/* A number. A name with dots is a path: "task_struct.tgid" stands for the offset of that
	 * member in the running kernel's structure. False: there is no such number. */
	bool (*number)(void *arg, const char *name, uint64_t *value);
	/* A map's fd, by name or, if that is NULL, by id; negative: there is none. */
	int (*map)(void *arg, const char *name, int id);
};

/* What the kernel must know of a program. */
struct ebpf_kind {
	enum bpf_prog_type type;
	uint32_t attach; /* enum bpf_attach_type, which may be newer than the headers; 0: none */
	uint32_t attach_btf_id;
	uint32_t flags; /* BPF_F_SLEEPABLE */
	/* The kernel's name of the context's type. NULL: only funcs[0] takes a context. */
	const char *ctx;
	bool ctx_is_typedef;
	uint32_t slot_size; /* bytes of struct rt_scratch; 0: no function takes a slot */
};

/* A linked program: instructions that hold the descriptors of the maps. */
struct ebpf_image {
	struct ebpf_kind kind;
	struct bpf_insn *insns;
	size_t ninsns;
	int btf_fd; /* owned; -1: none */
	struct bpf_func_info *func_info;
	uint32_t nfunc_info;
	char why[160]; /* linking failed: a sentence */
};

/*
 * Links the set funcs[0..n): the image begins with funcs[0]; functions that funcs[0] does not reach
 * are left out. Memory is the arena's. 0, or with image->why:
 *   -ENOENT  a name that nobody knows      -EBADF  a map that is not there
 *   -E2BIG   too many functions            -ENOMEM
 */
int ebpf_link(struct arena *a, const struct ebpf_func *funcs, size_t n,
	      const struct ebpf_kind *kind, const struct ebpf_names *names,
	      struct ebpf_image *image);
void ebpf_image_close(struct ebpf_image *image);
/* The program's descriptor, or -errno: log then holds the verifier's words, unless log_size is 0.
 * Letters of the name that the kernel does not take are replaced. */
int ebpf_image_load(const struct ebpf_image *image, const char *name, char *log, size_t log_size);

/* Calls fn with the name of each map that a function of the library uses, by itself or through the
 * functions that it calls. A map may come twice. */
void ebpf_maps(const struct ebpf_func *f, void (*fn)(void *arg, const char *name), void *arg);

/* Loads a whole program of progs.h, by its name there. The program's descriptor, or -errno: log
 * then says why, unless log_size is 0. names may be NULL. */
int ebpf_load(const char *program, const struct ebpf_kind *kind, const struct ebpf_names *names,
	      char *log, size_t log_size);

#endif
