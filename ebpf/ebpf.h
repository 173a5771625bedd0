/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/ebpf.h: from functions to a loaded program.
 *
 * Functions are the library's, written in BPF C and embedded at build time (embed.py), or made by
 * the compiler's emitter; both have the same shape. A function names what it does not know:
 * numbers, maps, other functions. ebpf_link finds all that the first function of a set reaches,
 * fills the names in and describes each function to the kernel; ebpf_load does so for a program
 * that is written in BPF C as a whole (progs.h).
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
	EBPF_NUMBER, /* ld_imm64: a number, by its name */
	EBPF_MAP,    /* ld_imm64: a map, for helpers */
	EBPF_VALUE,  /* ld_imm64: the address of a direct map's value, plus the instruction's own */
	EBPF_CALL,   /* call of a function */
	EBPF_CALLBACK, /* ld_imm64: a function, for helpers that call it back */
};
struct ebpf_reloc {
	uint32_t insn;
	enum ebpf_reloc_kind kind;
	const char *name; /* of a number, a map or a library routine; NULL: */
	int id;		  /* the map's number, or the function's index in its set */
};
struct ebpf_func {
	const char *name;
	const char *
		params; /* a letter each: c the context, f struct rt_fire *, s the slot, n a number */
	bool is_static; /* verified where it is called; else by itself, and params are its type */
	const struct bpf_insn *insns;
	uint32_t ninsns;
	const struct ebpf_reloc *relocs;
	uint32_t nrelocs;
};

/* The library, sorted by name: rt.h and progs.h say what each function does. */
extern const struct ebpf_func ebpf_library[];
extern const size_t ebpf_nlibrary;
const struct ebpf_func *ebpf_routine(const char *name); /* NULL: there is none */

/* What a program's names stand for. Functions that are NULL know no name. */
struct ebpf_names {
	void *arg;
	/* A number; a path with dots ("task_struct.tgid") is a member's offset in the kernel's structures. */
	bool (*number)(void *arg, const char *name, uint64_t *value);
	/* A map's fd, by name or, if that is NULL, by id; negative: there is none. */
	int (*map)(void *arg, const char *name, int id);
};

/* What kind of program it is. */
struct ebpf_kind {
	enum bpf_prog_type type;
	uint32_t attach; /* enum bpf_attach_type, which may be newer than the headers; 0: none */
	uint32_t attach_btf_id;
	uint32_t flags;	 /* BPF_F_SLEEPABLE */
	const char *ctx; /* the kernel's name for the type of its context; NULL: no function but */
	bool ctx_is_typedef; /* the first takes it */
	uint32_t slot_size;  /* bytes of struct rt_scratch; 0: no function takes a slot */
};

/* Instructions that the kernel takes, with the descriptors of maps in them. */
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
 * Links the set funcs[0..n): the image begins with funcs[0], and what that does not reach is left
 * out. Memory is the arena's. 0, or with image->why:
 *   -ENOENT  a name that nobody knows      -EBADF  a map that is not there
 *   -E2BIG   too many functions            -ENOMEM
 */
int ebpf_link(struct arena *a, const struct ebpf_func *funcs, size_t n,
	      const struct ebpf_kind *kind, const struct ebpf_names *names,
	      struct ebpf_image *image);
void ebpf_image_close(struct ebpf_image *image);
/* Of the name the kernel gets what it takes. The program's fd, or -errno: log then holds the
 * verifier's words, if log_size. */
int ebpf_image_load(const struct ebpf_image *image, const char *name, char *log, size_t log_size);

/* The names of all maps that a function of the library reaches, in any order; some may come twice. */
void ebpf_maps(const struct ebpf_func *f, void (*fn)(void *arg, const char *name), void *arg);

/* A whole program of progs.h, by its name there. Its fd, or -errno: log then says why, if log_size.
 * names may be NULL. */
int ebpf_load(const char *program, const struct ebpf_kind *kind, const struct ebpf_names *names,
	      char *log, size_t log_size);

#endif
