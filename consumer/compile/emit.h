/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/emit.h: the one place where instructions are made.
 * A cc_func is one BPF function: instructions, labels, and relocations that
 * are resolved when it is linked (maps, calls).
 */
#ifndef CONSUMER_EMIT_H
#define CONSUMER_EMIT_H

#include "base/arena.h"
#include "ebpf/ebpf.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

struct cc_func {
	struct arena *arena;
	const char *name;
	const char *params; /* as struct ebpf_func has them */
	struct bpf_insn *insns;
	size_t n, cap;
	struct ebpf_reloc *relocs;
	size_t nrelocs, relocs_cap;
	int *labels; /* instruction index; -1: not placed yet */
	size_t nlabels, labels_cap;
	struct cc_jump {
		uint32_t insn;
		int label;
	} * jumps;
	size_t njumps, jumps_cap;
	int stack_low; /* lowest fp offset in use, <= 0 */
};

int cc_label_new(struct cc_func *f);
void cc_label_here(struct cc_func *f, int label);

void cc_mov(struct cc_func *f, int dst, int src);	  /* 64 bits */
void cc_imm(struct cc_func *f, int dst, int64_t v);	  /* shortest form */
void cc_alu(struct cc_func *f, int op, int dst, int src); /* BPF_ADD …, 64 bits */
void cc_alu_imm(struct cc_func *f, int op, int dst, int32_t imm);
void cc_load(struct cc_func *f, int size, int dst, int src, int off); /* BPF_B/H/W/DW */
void cc_store(struct cc_func *f, int size, int dst, int off, int src);
void cc_store_imm(struct cc_func *f, int size, int dst, int off, int32_t imm);
void cc_jump(struct cc_func *f, int label);
void cc_jump_if(struct cc_func *f, int op, int dst, int src, int label); /* BPF_JEQ … */
void cc_jump_imm(struct cc_func *f, int op, int dst, int32_t imm, int label);
void cc_helper(struct cc_func *f, int helper); /* BPF_FUNC_… */
void cc_routine(struct cc_func *f, const char *name);
void cc_call(struct cc_func *f, int func);
void cc_map(struct cc_func *f, int dst, int mapid);
void cc_map_value(struct cc_func *f, int dst, int mapid, uint32_t off);
void cc_value_of(struct cc_func *f, int dst, int fd); /* address of a direct map's bytes */
void cc_exit(struct cc_func *f);
/* Shared memory is changed through these only; --enable-plain-stores makes them wrong. */
void cc_atomic_add(struct cc_func *f, int dst, int off, int src);
void cc_atomic_fetch(struct cc_func *f, int op, int dst, int off,
		     int src); /* ADD OR AND XCHG; old in src */
void cc_atomic_cmpxchg(struct cc_func *f, int size, int dst, int off,
		       int src); /* r0: expected, then old */
/* Resolves the labels; -E2BIG: a jump is too far. */
int cc_func_end(struct cc_func *f);
struct ebpf_func cc_func_view(const struct cc_func *f); /* for ebpf_link; borrows from f */

#endif
