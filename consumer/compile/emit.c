/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/emit.c: the one place where instructions are made.
 * In:   registers, numbers, labels.
 * Out:  a cc_func's instructions and relocations.
 * Owns: nothing; all is the arena's. If the arena fails, instructions are dropped and
 *       cc_func_end returns -ENOMEM.
 */
#include "config.h"

#include "consumer/compile/inner.h"

#define OP(op_, dst, src, o, i)                           \
	((struct bpf_insn){ .code = (uint8_t)(op_),       \
			    .dst_reg = (uint8_t)(dst)&15, \
			    .src_reg = (uint8_t)(src)&15, \
			    .off = (int16_t)(o),          \
			    .imm = (int32_t)(i) })

struct cc_func *cc_func_new(struct arena *a, const char *name)
{
	struct cc_func *f = arena_new_of(a, struct cc_func);

	if (f)
		*f = (struct cc_func){ .arena = a, .name = name };
	return f;
}

int cc_label_new(struct cc_func *f)
{
	int *l = ARENA_PUSH(f->arena, f->labels, f->nlabels, f->labels_cap);

	if (!l)
		return 0;
	*l = -1;
	return (int)f->nlabels - 1;
}

void cc_label_here(struct cc_func *f, int label)
{
	if ((size_t)label < f->nlabels)
		f->labels[label] = (int)f->n;
}

static void insn(struct cc_func *f, struct bpf_insn v)
{
	struct bpf_insn *i = ARENA_PUSH(f->arena, f->insns, f->n, f->cap);

	if (i)
		*i = v;
}

void cc_mov(struct cc_func *f, int dst, int src)
{
	if (dst != src)
		insn(f, OP(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0));
}

static void wide(struct cc_func *f, int dst, int src, uint64_t v)
{
	insn(f, OP(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (uint32_t)v));
	insn(f, OP(0, 0, 0, 0, (uint32_t)(v >> 32)));
}

void cc_imm(struct cc_func *f, int dst, int64_t v)
{
	if (v == (int32_t)v)
		insn(f, OP(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, v));
	else
		wide(f, dst, 0, (uint64_t)v);
}

void cc_alu(struct cc_func *f, int op, int dst, int src)
{
	insn(f, OP(BPF_ALU64 | op | BPF_X, dst, src, 0, 0));
}

void cc_alu_imm(struct cc_func *f, int op, int dst, int32_t imm)
{
	insn(f, OP(BPF_ALU64 | op | BPF_K, dst, 0, 0, imm));
}

void cc_load(struct cc_func *f, int size, int dst, int src, int off)
{
	insn(f, OP(BPF_LDX | BPF_MEM | size, dst, src, off, 0));
}

void cc_store(struct cc_func *f, int size, int dst, int off, int src)
{
	insn(f, OP(BPF_STX | BPF_MEM | size, dst, src, off, 0));
}

void cc_store_imm(struct cc_func *f, int size, int dst, int off, int32_t imm)
{
	insn(f, OP(BPF_ST | BPF_MEM | size, dst, 0, off, imm));
}

static void jump(struct cc_func *f, struct bpf_insn v, int label)
{
	struct cc_jump *j = ARENA_PUSH(f->arena, f->jumps, f->njumps, f->jumps_cap);

	if (j)
		*j = (struct cc_jump){ (uint32_t)f->n, label };
	insn(f, v);
}

void cc_jump(struct cc_func *f, int label)
{
	jump(f, OP(BPF_JMP | BPF_JA, 0, 0, 0, 0), label);
}

void cc_jump_if(struct cc_func *f, int op, int dst, int src, int label)
{
	jump(f, OP(BPF_JMP | op | BPF_X, dst, src, 0, 0), label);
}

void cc_jump_imm(struct cc_func *f, int op, int dst, int32_t imm, int label)
{
	jump(f, OP(BPF_JMP | op | BPF_K, dst, 0, 0, imm), label);
}

void cc_helper(struct cc_func *f, int helper)
{
	insn(f, OP(BPF_JMP | BPF_CALL, 0, 0, 0, helper));
}

static void reloc(struct cc_func *f, struct ebpf_reloc r)
{
	struct ebpf_reloc *slot = ARENA_PUSH(f->arena, f->relocs, f->nrelocs, f->relocs_cap);

	r.insn = (uint32_t)f->n;
	if (slot)
		*slot = r;
}

void cc_routine(struct cc_func *f, const char *name)
{
	reloc(f, (struct ebpf_reloc){ .kind = EBPF_CALL, .name = name });
	insn(f, OP(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
}

void cc_call(struct cc_func *f, int func)
{
	reloc(f, (struct ebpf_reloc){ .kind = EBPF_CALL, .id = func });
	insn(f, OP(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0));
}

void cc_map(struct cc_func *f, int dst, int mapid)
{
	reloc(f, (struct ebpf_reloc){ .kind = EBPF_MAP, .id = mapid });
	wide(f, dst, BPF_PSEUDO_MAP_FD, 0);
}

void cc_map_value(struct cc_func *f, int dst, int mapid, uint32_t off)
{
	reloc(f, (struct ebpf_reloc){ .kind = EBPF_VALUE, .id = mapid });
	wide(f, dst, BPF_PSEUDO_MAP_VALUE, (uint64_t)off << 32);
}

void cc_value_of(struct cc_func *f, int dst, int fd)
{
	wide(f, dst, BPF_PSEUDO_MAP_VALUE, (uint32_t)fd);
}

void cc_exit(struct cc_func *f)
{
	insn(f, OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

#ifndef PLAIN_STORES

void cc_atomic_add(struct cc_func *f, int dst, int off, int src)
{
	insn(f, OP(BPF_STX | BPF_ATOMIC | BPF_DW, dst, src, off, BPF_ADD));
}

void cc_atomic_fetch(struct cc_func *f, int op, int dst, int off, int src)
{
	insn(f, OP(BPF_STX | BPF_ATOMIC | BPF_DW, dst, src, off, op | BPF_FETCH));
}

void cc_atomic_cmpxchg(struct cc_func *f, int size, int dst, int off, int src)
{
	insn(f, OP(BPF_STX | BPF_ATOMIC | size, dst, src, off, BPF_CMPXCHG));
}

#else /* callers leave r5 free */

/*
 * A load with a gap before the store, wide enough for the tests to see lost updates. The divisions
 * keep the number for some ten nanoseconds. The branch to the next instruction is for emulators,
 * which take interrupts between blocks only: in one block, load, add and store would be as good as
 * atomic.
 */
static void plain_load(struct cc_func *f, int size, int src, int off)
{
	int next = cc_label_new(f);

	cc_load(f, size, 5, src, off);
	cc_alu_imm(f, BPF_DIV, 5, 1);
	cc_jump_imm(f, BPF_JSET, 5, 1, next);
	cc_label_here(f, next);
	cc_alu_imm(f, BPF_DIV, 5, 1);
}

void cc_atomic_add(struct cc_func *f, int dst, int off, int src)
{
	plain_load(f, BPF_DW, dst, off);
	cc_alu(f, BPF_ADD, 5, src);
	cc_store(f, BPF_DW, dst, off, 5);
}

void cc_atomic_fetch(struct cc_func *f, int op, int dst, int off, int src)
{
	plain_load(f, BPF_DW, dst, off);
	if (op != (BPF_XCHG & ~BPF_FETCH))
		cc_alu(f, op, src, 5);
	cc_store(f, BPF_DW, dst, off, src);
	cc_mov(f, src, 5);
}

void cc_atomic_cmpxchg(struct cc_func *f, int size, int dst, int off, int src)
{
	int differ = cc_label_new(f);

	plain_load(f, size, dst, off);
	cc_jump_if(f, BPF_JNE, 5, 0, differ);
	cc_store(f, size, dst, off, src);
	cc_label_here(f, differ);
	cc_mov(f, 0, 5);
}

#endif

/* ---- The end: unreachable instructions go, because the verifier refuses them ---------- */

static bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_DW | BPF_IMM);
}

static bool falls_through(const struct bpf_insn *i)
{
	return i->code != (BPF_JMP | BPF_EXIT) && i->code != (BPF_JMP | BPF_JA);
}

/* Marks reachable instructions in live. target[i]: where instruction i jumps, -1: nowhere. */
static void reach(const struct cc_func *f, const int *target, bool *live, int *todo)
{
	size_t n = 0;

	todo[n++] = 0;
	while (n) {
		size_t i = (size_t)todo[--n];

		while (i < f->n && !live[i]) {
			live[i] = true;
			if (is_wide(&f->insns[i]))
				live[++i] = true;
			if (target[i] >= 0)
				todo[n++] = target[i];
			if (!falls_through(&f->insns[i]))
				break;
			i++;
		}
	}
}

/* Removes dead instructions. at[i] = the number of live instructions before i. */
static void compact(struct cc_func *f, const bool *live, int *at)
{
	size_t n = 0, jumps = 0, relocs = 0;

	for (size_t i = 0; i <= f->n; i++) {
		at[i] = (int)n;
		if (i < f->n && live[i])
			f->insns[n++] = f->insns[i];
	}
	for (size_t i = 0; i < f->njumps; i++)
		if (live[f->jumps[i].insn]) {
			f->jumps[jumps] = f->jumps[i];
			f->jumps[jumps].insn = (uint32_t)at[f->jumps[i].insn];
			jumps++;
		}
	for (size_t i = 0; i < f->nrelocs; i++)
		if (live[f->relocs[i].insn]) {
			f->relocs[relocs] = f->relocs[i];
			f->relocs[relocs].insn = (uint32_t)at[f->relocs[i].insn];
			relocs++;
		}
	for (size_t i = 0; i < f->nlabels; i++)
		if (f->labels[i] >= 0)
			f->labels[i] = at[f->labels[i]];
	f->n = n;
	f->njumps = jumps;
	f->nrelocs = relocs;
}

int cc_func_end(struct cc_func *f)
{
	int *target = arena_array(f->arena, int, f->n + 1), *work;
	bool *live = arena_array(f->arena, bool, f->n + 1);

	work = arena_array(f->arena, int, f->n + f->njumps + 2);
	if (arena_failed(f->arena))
		return -ENOMEM;
	for (size_t i = 0; i <= f->n; i++)
		target[i] = -1;
	for (size_t i = 0; i < f->njumps; i++) {
		target[f->jumps[i].insn] = f->labels[f->jumps[i].label];
		if (target[f->jumps[i].insn] < 0)
			return -EINVAL;
	}
	reach(f, target, live, work);
	compact(f, live, work);
	for (size_t i = 0; i < f->njumps; i++) {
		int64_t off = (int64_t)f->labels[f->jumps[i].label] - f->jumps[i].insn - 1;

		if (off != (int16_t)off)
			return -E2BIG;
		f->insns[f->jumps[i].insn].off = (int16_t)off;
	}
	return 0;
}

struct ebpf_func cc_func_view(const struct cc_func *f)
{
	return (struct ebpf_func){ .name = f->name,
				   .params = f->params,
				   .insns = f->insns,
				   .ninsns = (uint32_t)f->n,
				   .relocs = f->relocs,
				   .nrelocs = (uint32_t)f->nrelocs };
}
