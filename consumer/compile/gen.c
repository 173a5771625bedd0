/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/gen.c: what every piece of a clause uses: stack and slot
 * space, drops, faults, the firing's time and owner.
 * In:   a struct gen.
 * Out:  instructions.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"
#include "kernel/kernel.h"

#include <stddef.h>

int g_push(struct gen *g, int bytes)
{
	g->stack += (bytes + 7) & ~7;
	if (g->stack > CC_CLAUSE_STACK)
		g->too_deep = true;
	if (-g->stack < g->f->stack_low)
		g->f->stack_low = -g->stack;
	return g->too_deep ? -CC_CLAUSE_STACK : -g->stack;
}

void g_pop(struct gen *g, int bytes)
{
	g->stack -= (bytes + 7) & ~7;
}

uint32_t g_room(struct gen *g, uint32_t bytes)
{
	uint32_t at = g->top;

	g->scratch = true;
	g->top += (bytes + 7) & ~7u;
	if (g->top + 256 > g->cc->slot_size)
		g->cc->slot_size = g->top + 256;
	return at;
}

uint32_t g_str_room(struct gen *g)
{
	return g_room(g, g->cc->str_room);
}

void g_slot(struct gen *g, int reg, uint32_t off)
{
	g->scratch = true;
	cc_mov(g->f, reg, R_SLOT);
	if (off)
		cc_alu_imm(g->f, BPF_ADD, reg, (int32_t)off);
}

void g_slot_store(struct gen *g, int size, uint32_t off, int src)
{
	g->scratch = true;
	if (off < INT16_MAX - 8) {
		cc_store(g->f, size, R_SLOT, (int)off, src);
		return;
	}
	g_slot(g, R5, off);
	cc_store(g->f, size, R5, 0, src);
}

void g_zeros(struct gen *g, int reg, uint32_t bytes)
{
	struct cc *cc = g->cc;

	cc->zero_size = bytes > cc->zero_size ? bytes : cc->zero_size;
	cc_map_value(g->f, reg, CC_MAP_ZERO, 0);
}

/* ---- A value kept while another is computed ---------------------------------- */

struct held g_hold(struct gen *g)
{
	struct held h = { .in_slot = g->stack >= CC_DEEP };

	if (h.in_slot) {
		h.at = (int)g_room(g, 8);
		g_slot_store(g, BPF_DW, (uint32_t)h.at, R0);
	} else {
		h.at = g_push(g, 8);
		cc_store(g->f, BPF_DW, R_FP, h.at, R0);
	}
	return h;
}

void g_release(struct gen *g, const struct held *h)
{
	if (h->in_slot) {
		g_slot(g, R0, (uint32_t)h->at);
		cc_load(g->f, BPF_DW, R0, R0, 0);
	} else {
		cc_load(g->f, BPF_DW, R0, R_FP, h->at);
		g_pop(g, 8);
	}
}

void g_clear(struct gen *g, uint32_t off, uint32_t bytes)
{
	enum { BY_WORDS = 64 };
	struct cc_func *f = g->f;

	if (bytes > BY_WORDS) {
		g_slot(g, R1, off);
		cc_imm(f, R2, bytes);
		g_zeros(g, R3, bytes);
		cc_helper(f, BPF_FUNC_probe_read_kernel);
		return;
	}
	cc_imm(f, R0, 0);
	for (uint32_t i = 0; i < bytes; i += 8)
		g_slot_store(g, BPF_DW, off + i, R0);
}

void g_cpu(struct gen *g)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_W, R1, R_FIRE, offsetof(struct rt_fire, cpu));
	cc_alu_imm(f, BPF_AND, R1, (int32_t)g->cc->ncpu2 - 1);
	cc_alu_imm(f, BPF_MUL, R1, sizeof(struct rt_cpu));
	cc_map_value(f, R2, CC_MAP_CPUS, 0);
	cc_alu(f, BPF_ADD, R2, R1);
}

void g_drop(struct gen *g, enum rt_drop which)
{
	struct cc_func *f = g->f;

	g_cpu(g);
	cc_imm(f, R1, 1);
	cc_atomic_add(f, R2, (int)(offsetof(struct rt_cpu, drops) + 8 * which), R1);
}

void g_try_again(struct gen *g, int tries, int again)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_DW, R5, R_FP, tries);
	cc_alu_imm(f, BPF_SUB, R5, 1);
	cc_store(f, BPF_DW, R_FP, tries, R5);
	cc_jump_imm(f, BPF_JNE, R5, 0, again);
	g_drop(g, RT_DROP_BUSY);
}

void g_map_row(struct gen *g, int map, int member, int key, int none)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_W, R1, R_FIRE, member);
	cc_store(f, BPF_W, R_FP, key, R1);
	cc_map(f, R1, map);
	cc_mov(f, R2, R_FP);
	cc_alu_imm(f, BPF_ADD, R2, key);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JEQ, R0, 0, none);
}

void g_fault(struct gen *g, enum rt_fault fault, int reg)
{
	struct cc_func *f = g->f;

	if (reg >= 0)
		cc_store(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[4]), reg);
	else
		cc_store_imm(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[4]), 0);
	cc_store_imm(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[3]), fault);
	cc_store_imm(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, err[1]), g->action);
	cc_jump(f, g->fault);
}

int g_field(struct gen *g, const char *path)
{
	const struct d_clause *c = g->clause ? g->clause :
					       g->cc->prog->clauses[g->unit->clauses[0]];
	uint64_t off = 0;

	if (kern_offset(path, &off) && !g->cc->failed) {
		diag_error(g->cc->diag, c->loc, NULL,
			   "the kernel's types have no %s, which this clause needs", path);
		g->cc->failed = true;
	}
	return (int)off;
}

void g_time(struct gen *g)
{
	struct cc_func *f = g->f;
	int read = cc_label_new(f);

	cc_load(f, BPF_DW, R0, R_FIRE, offsetof(struct rt_fire, timestamp));
	cc_jump_imm(f, BPF_JNE, R0, 0, read);
	cc_helper(f, BPF_FUNC_ktime_get_ns);
	cc_store(f, BPF_DW, R_FIRE, offsetof(struct rt_fire, timestamp), R0);
	cc_label_here(f, read);
}

void g_pid_tgid(struct gen *g)
{
	const struct cc_options *opt = &g->cc->opt;
	struct cc_func *f = g->f;
	int ids;

	if (!opt->pidns_ino) {
		cc_helper(f, BPF_FUNC_get_current_pid_tgid);
		return;
	}
	/* struct bpf_pidns_info has the two halves in the order of the other helper's result.
	 * Processes outside of the namespace get zeros. */
	ids = g_push(g, sizeof(struct bpf_pidns_info));
	cc_imm(f, R1, (int64_t)opt->pidns_dev);
	cc_imm(f, R2, (int64_t)opt->pidns_ino);
	cc_mov(f, R3, R_FP);
	cc_alu_imm(f, BPF_ADD, R3, ids);
	cc_imm(f, R4, sizeof(struct bpf_pidns_info));
	cc_helper(f, BPF_FUNC_get_ns_current_pid_tgid);
	cc_load(f, BPF_DW, R0, R_FP, ids);
	g_pop(g, sizeof(struct bpf_pidns_info));
}

/* r0 = *(u64 *)(r0 + off) in kernel memory; 0 if it cannot be read. */
static void kernel_word(struct gen *g, int off, int buf)
{
	struct cc_func *f = g->f;

	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_ADD, R3, off);
	cc_mov(f, R1, R_FP);
	cc_alu_imm(f, BPF_ADD, R1, buf);
	cc_imm(f, R2, 8);
	cc_helper(f, BPF_FUNC_probe_read_kernel);
	cc_load(f, BPF_DW, R0, R_FP, buf);
}

void g_owner(struct gen *g, uint32_t off)
{
	struct cc_func *f = g->f;
	int buf = g_push(g, 8);

	g->cc->uses_usyms = true;
	g->scratch = true;
	g_pid_tgid(g);
	g_slot_store(g, BPF_W, off + 4, R0);
	cc_alu_imm(f, BPF_RSH, R0, 32);
	g_slot_store(g, BPF_W, off, R0);
	cc_store_imm(f, BPF_DW, R_FP, buf, 0);
	cc_helper(f, BPF_FUNC_get_current_task);
	kernel_word(g, g_field(g, "task_struct.group_leader"), buf);
	kernel_word(g, g_field(g, "task_struct.start_boottime"), buf);
	g_slot_store(g, BPF_DW, off + 8, R0);
	g_pop(g, 8);
}

void g_slot_routine(struct gen *g, const char *name, uint32_t a, uint32_t b)
{
	g_slot(g, R1, 0);
	cc_imm(g->f, R2, a);
	cc_imm(g->f, R3, b);
	cc_routine(g->f, name);
}

void g_life_test(struct gen *g, int out)
{
	const struct cc_unit *u = g->unit;

	cc_map_value(g->f, R1, CC_MAP_STATE, 0);
	cc_load(g->f, BPF_W, R1, R1, offsetof(struct rt_state, life));
	cc_jump_imm(g->f, BPF_JNE, R1,
		    u->begin ? RT_WARMUP :
		    u->end   ? RT_DRAINING :
			       RT_ACTIVE,
		    out);
}

void g_self(struct gen *g, bool create)
{
	struct cc_func *f = g->f;

	cc_helper(f, BPF_FUNC_get_current_task_btf);
	cc_mov(f, R2, R0);
	cc_map(f, R1, CC_MAP_SELF);
	cc_imm(f, R3, 0);
	cc_imm(f, R4, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	cc_helper(f, BPF_FUNC_task_storage_get);
}
