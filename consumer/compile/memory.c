/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/memory.c: reads memory behind addresses (user land's, the kernel's and the
 * clause's own) as numbers, strings and bytes, and stores through pointers.
 * In:   an address in r0.
 * Out:  instructions; a fault where the address is bad.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

/* ---- Numbers ------------------------------------------------------------------- */

static void read_call(struct gen *g, int helper, int buf, uint32_t size, int done)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_DW, R3, R_FP, buf + 8);
	cc_mov(f, R1, R_FP);
	cc_alu_imm(f, BPF_ADD, R1, buf);
	cc_imm(f, R2, size);
	cc_helper(f, helper);
	cc_jump_imm(f, BPF_JEQ, R0, 0, done);
}

void g_read(struct gen *g, uint32_t size, bool is_signed, bool user)
{
	struct cc_func *f = g->f;
	int buf = g_push(g, 16), done = cc_label_new(f);

	cc_store(f, BPF_DW, R_FP, buf + 8, R0);
	cc_store_imm(f, BPF_DW, R_FP, buf, 0);
	read_call(g, user ? BPF_FUNC_probe_read_user : BPF_FUNC_probe_read_kernel, buf, size, done);
	if (user && g->sleep)
		read_call(g, BPF_FUNC_copy_from_user, buf, size, done);
	cc_load(f, BPF_DW, R2, R_FP, buf + 8);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, done);
	cc_load(f, g_access(size), R0, R_FP, buf);
	g_extend(g, size, is_signed);
	g_pop(g, 16);
}

/* A fault unless `size` bytes at the address r0 are in the copyin()'s range. r1 = r0's offset in
 * the range, r2 = the range's size. */
static void within(struct gen *g, const struct memory *m, uint32_t size)
{
	struct cc_func *f = g->f;
	int bad = cc_label_new(f), fine = cc_label_new(f);

	if (!m->limit)
		return;
	cc_mov(f, R1, R0);
	cc_load(f, BPF_DW, R2, R_FP, m->limit);
	cc_alu(f, BPF_SUB, R1, R2);
	cc_load(f, BPF_DW, R2, R_FP, m->limit + 8);
	cc_jump_if(f, BPF_JGT, R1, R2, bad);
	cc_mov(f, R3, R1);
	cc_alu_imm(f, BPF_ADD, R3, (int32_t)size);
	cc_jump_if(f, BPF_JLE, R3, R2, fine);
	cc_label_here(f, bad);
	g_fault(g, RT_FLT_BADADDR, R0);
	cc_label_here(f, fine);
}

void g_memory_number(struct gen *g, const struct memory *m, uint32_t size, bool is_signed)
{
	struct cc_func *f = g->f;
	int other = cc_label_new(f), end = cc_label_new(f);

	if (m->own) {
		g_own_offset(g, size, false, other);
		cc_alu(f, BPF_ADD, R1, R_SLOT);
		cc_load(f, g_access(size), R0, R1, 0);
		g_extend(g, size, is_signed);
		cc_jump(f, end);
	}
	cc_label_here(f, other);
	within(g, m, size);
	g_read(g, size, is_signed, m->user);
	cc_label_here(f, end);
}

void g_memory_store(struct gen *g, int addr, uint32_t size)
{
	struct cc_func *f = g->f;
	int bad = cc_label_new(f), fine = cc_label_new(f);

	cc_mov(f, R4, R0);
	cc_load(f, BPF_DW, R0, R_FP, addr);
	g_own_offset(g, size, true, bad);
	cc_alu(f, BPF_ADD, R1, R_SLOT);
	cc_store(f, g_access(size), R1, 0, R4);
	cc_jump(f, fine);
	cc_label_here(f, bad);
	g_fault(g, RT_FLT_BADADDR, R0);
	cc_label_here(f, fine);
}

/* ---- Strings and bytes --------------------------------------------------------------- */

/* A fault if r0, a routine's result, is negative: the address at fp + addr was bad. */
static void check_address(struct gen *g, int addr)
{
	struct cc_func *f = g->f;
	int fine = cc_label_new(f);

	cc_jump_imm(f, BPF_JSGE, R0, 0, fine);
	cc_load(f, BPF_DW, R2, R_FP, addr);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, fine);
}

/* r4 = the smaller of r4 and `most`. */
static void at_most(struct gen *g, uint64_t most)
{
	int fine = cc_label_new(g->f);

	if (most >= g->cc->opt.strsize - 1u) /* the routines' own limit */
		return;
	cc_jump_imm(g->f, BPF_JLE, R4, (int32_t)most, fine);
	cc_imm(g->f, R4, (int64_t)most);
	cc_label_here(g->f, fine);
}

/* Calls a routine that copies to slot + at. `from`: the register with the address, or with an
 * offset in the slot; r4: the length. */
static void to_slot(struct gen *g, uint32_t at, int from, const char *routine)
{
	cc_mov(g->f, R3, from);
	cc_imm(g->f, R2, at);
	g_slot(g, R1, 0);
	cc_routine(g->f, routine);
}

static void own_string(struct gen *g, uint64_t most, uint32_t at, int other)
{
	struct cc_func *f = g->f;

	g_own_offset(g, 0, false, other);
	cc_mov(f, R4, R2);
	cc_alu(f, BPF_SUB, R4, R1);
	at_most(g, most);
	to_slot(g, at, R1, "rt_slot_str");
}

void g_memory_string(struct gen *g, const struct memory *m, uint64_t most, uint32_t at)
{
	struct cc_func *f = g->f;
	int addr = g_push(g, 8), other = cc_label_new(f), read = cc_label_new(f);

	cc_store(f, BPF_DW, R_FP, addr, R0);
	if (m->own) {
		own_string(g, most, at, other);
		cc_jump(f, read);
	}
	cc_label_here(f, other);
	within(g, m, 0);
	if (m->limit) {
		cc_mov(f, R4, R2);
		cc_alu(f, BPF_SUB, R4, R1);
		at_most(g, most);
	} else if (m->most) {
		cc_load(f, BPF_DW, R4, R_FP, m->most);
	} else {
		cc_imm(f, R4, (int64_t)most);
	}
	to_slot(g, at, R0, !m->user ? "rt_kstr" : g->sleep ? "rt_copyinstr_sleep" : "rt_copyinstr");
	cc_label_here(f, read);
	check_address(g, addr);
	g_pop(g, 8);
}

void g_memory_bytes(struct gen *g, const struct memory *m, uint32_t size, uint32_t at)
{
	struct cc_func *f = g->f;
	int addr = g_push(g, 8), other = cc_label_new(f), read = cc_label_new(f);

	cc_store(f, BPF_DW, R_FP, addr, R0);
	if (m->own) {
		g_own_offset(g, size, false, other);
		cc_imm(f, R4, size);
		to_slot(g, at, R1, "rt_copy");
		cc_jump(f, read);
	}
	cc_label_here(f, other);
	within(g, m, size);
	cc_imm(f, R4, size);
	to_slot(g, at, R0, !m->user ? "rt_kread" : g->sleep ? "rt_copyin_sleep" : "rt_copyin");
	cc_label_here(f, read);
	check_address(g, addr);
	g_pop(g, 8);
}

/* ---- Pointers ----------------------------------------------------------------------------- */

struct memory g_pointee(struct gen *g, const struct d_expr *e, bool stays)
{
	const struct d_expr *call = stays ? NULL : g_copied_in(e);
	struct memory m = { .user = call || d_points_to_user(e) };

	if (call) {
		m.limit = g_copyin_limit(g, call);
		return m;
	}
	g_number(g, e);
	m.own = !m.user && g_has_own_memory(g);
	return m;
}

void g_memory_free(struct gen *g, const struct memory *m)
{
	if (m->limit)
		g_pop(g, 16);
	if (m->most)
		g_pop(g, 8);
}
