/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/scratch.c: the slot's memory of which a program can have addresses: bytes that
 * copyin() gave a clause, and clause-local variables that are arrays and structs.
 * In:   calls of copyin(); addresses.
 * Out:  instructions that copy, and that turn an address into an offset in the slot.
 * Owns: nothing.
 *
 * The slot still holds bytes of earlier firings, other processes' too. So an address in the slot is
 * never the machine's: it is OWN_MEMORY plus an offset, which is tested before each use. An offset
 * outside of the bytes that this clause was given is an invalid address, even if the pointer comes
 * from an earlier firing.
 */
#include "consumer/compile/inner.h"
#include "ebpf/rt.h"

#include <stddef.h>

/* No address space has this address, with 48 bits or with 57: reading there is a fault. */
#define OWN_MEMORY 0x5c00000000000000ll

const struct d_expr *g_copied_in(const struct d_expr *e)
{
	while (e->kind == D_E_CAST && d_resolve(e->type)->size == 8 && !d_is_string(e->type))
		e = e->kids[0];
	return e->kind == D_E_CALL && !e->is_action && e->func == D_SUBR_copyin ? e : NULL;
}

/* ---- How much of the slot a clause's copies take --------------------------------------------- */

/* The heap bytes that a clause needs. Copies whose sizes only run time tells share one room, as
 * large as a constant size may be. */
struct need {
	const struct cc *cc;
	int64_t constant; /* bytes */
	int varying;	  /* calls */
};

static void count(struct need *n, const struct d_expr *call, int by)
{
	const struct d_expr *size = call->kids[1];

	if (size->kind == D_E_INT && size->ival <= n->cc->copyin_room)
		n->constant += by * (int64_t)((size->ival + 8) & ~7ull);
	else
		n->varying += by;
}

static bool is_array(const struct d_expr *e)
{
	return d_resolve(e->type)->kind == D_T_ARRAY;
}

/* The copyin() whose bytes e reads: g_pointee() reads them in place, without a copy. */
static const struct d_expr *read_at_once(const struct d_expr *e)
{
	bool reads = e->kind == D_E_DEREF || e->kind == D_E_ELEM ||
		     (e->kind == D_E_CAST && d_is_string(e->type));

	return reads ? g_copied_in(e->kids[0]) : NULL;
}

/* The copyin() that must copy although e reads through it: its bytes change or have an address. */
static const struct d_expr *kept(const struct d_expr *e)
{
	bool keeps = e->kind == D_E_ADDR || e->kind == D_E_ASSIGN || e->kind == D_E_UNARY ||
		     (e->kind == D_E_CAST && !d_is_string(e->type) && is_array(e->kids[0]));

	if (!keeps)
		return NULL;
	for (e = e->kids[0];
	     e->kind == D_E_MEMBER || (e->kind == D_E_ELEM && is_array(e->kids[0]));)
		e = e->kids[0];
	return read_at_once(e);
}

static void need(struct need *n, const struct d_expr *e)
{
	if (!e)
		return;
	if (e->kind == D_E_CALL && g_copied_in(e))
		count(n, e, 1);
	if (read_at_once(e))
		count(n, read_at_once(e), -1);
	if (kept(e))
		count(n, kept(e), 1);
	for (size_t i = 0; i < e->nkids; i++)
		need(n, e->kids[i]);
}

static void needs(struct need *n, struct d_stmt **s, size_t count_of)
{
	for (size_t i = 0; i < count_of; i++) {
		need(n, s[i]->kind == D_S_AGG ? s[i]->target : s[i]->expr);
		for (size_t k = 0; k < s[i]->nargs; k++)
			need(n, s[i]->args[k]);
		needs(n, s[i]->then, s[i]->nthen);
		needs(n, s[i]->otherwise, s[i]->nelse);
	}
}

uint32_t cc_heap_room(const struct cc *cc, const struct d_clause *c)
{
	struct need n = { .cc = cc };
	int64_t room;

	need(&n, c->pred);
	needs(&n, c->body, c->nbody);
	room = n.constant + (n.varying ? cc->copyin_room : 0);
	return room > CC_HEAP_MAX ? CC_HEAP_MAX : (uint32_t)room;
}

void g_heap_begin(struct gen *g)
{
	if (!g->heap_room)
		return;
	cc_imm(g->f, R0, 0);
	g_slot_store(g, BPF_DW, g->cc->heap_off + offsetof(struct rt_heap, used), R0);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static uint32_t heap_bytes(const struct cc *cc)
{
	return cc->heap_off + (uint32_t)sizeof(struct rt_heap);
}

void g_own_address(struct gen *g, uint32_t off)
{
	cc_imm(g->f, R0, OWN_MEMORY + off);
}

bool g_has_own_memory(const struct gen *g)
{
	return g->heap_room || g->cc->this_plain;
}

void g_own_offset(struct gen *g, uint32_t size, bool heap_only, int other)
{
	struct cc_func *f = g->f;
	const struct cc *cc = g->cc;
	int found = cc_label_new(f);

	g->scratch = true;
	cc_imm(f, R2, OWN_MEMORY);
	cc_mov(f, R1, R0);
	cc_alu(f, BPF_SUB, R1, R2);
	if (cc->this_plain >= size && !heap_only) {
		cc_imm(f, R2, cc->this_plain);
		cc_jump_imm(f, BPF_JLE, R1, (int32_t)(cc->this_plain - size), found);
	}
	if (!g->heap_room || g->heap_room < size) {
		cc_jump(f, other);
	} else {
		g_slot(g, R3, cc->heap_off);
		cc_load(f, BPF_DW, R2, R3, offsetof(struct rt_heap, used));
		cc_alu_imm(f, BPF_SUB, R1, (int32_t)heap_bytes(cc));
		cc_jump_imm(f, BPF_JGT, R1, (int32_t)(g->heap_room - size), other);
		cc_mov(f, R3, R1);
		cc_alu_imm(f, BPF_ADD, R3, (int32_t)size);
		cc_jump_if(f, BPF_JGT, R3, R2, other);
		cc_alu_imm(f, BPF_ADD, R1, (int32_t)heap_bytes(cc));
		cc_alu_imm(f, BPF_ADD, R2, (int32_t)heap_bytes(cc));
	}
	cc_label_here(f, found);
}

/* ---- copyin() -------------------------------------------------------------------------------- */

/* A fault if r0, a size, is too large. A negative size is: the comparison is unsigned. */
static void size_test(struct gen *g)
{
	int fits = cc_label_new(g->f);

	cc_jump_imm(g->f, BPF_JLE, R0, INT32_MAX, fits);
	g_fault(g, RT_FLT_NOSCRATCH, R0);
	cc_label_here(g->f, fits);
}

int g_copyin_limit(struct gen *g, const struct d_expr *call)
{
	struct cc_func *f = g->f;
	const struct d_expr *size = call->kids[1];
	int limit = g_push(g, 16);

	g_number(g, size);
	if (size->kind != D_E_INT || size->ival > INT32_MAX)
		size_test(g);
	cc_store(f, BPF_DW, R_FP, limit + 8, R0);
	g_number(g, call->kids[0]);
	cc_store(f, BPF_DW, R_FP, limit, R0);
	return limit;
}

/* A fault if r0, the piece's offset in the heap, is an error. */
static void piece(struct gen *g, int args)
{
	struct cc_func *f = g->f;
	int fine = cc_label_new(f), bad = cc_label_new(f);

	cc_jump_imm(f, BPF_JSGE, R0, 0, fine);
	cc_jump_imm(f, BPF_JNE, R0, RT_EROOM, bad);
	cc_load(f, BPF_DW, R2, R_FP, args + 8);
	g_fault(g, RT_FLT_NOSCRATCH, R2);
	cc_label_here(f, bad);
	cc_load(f, BPF_DW, R2, R_FP, args);
	g_fault(g, RT_FLT_BADADDR, R2);
	cc_label_here(f, fine);
}

struct value g_copyin(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int args = g_push(g, 16);

	g_number(g, e->kids[0]);
	cc_store(f, BPF_DW, R_FP, args, R0);
	g_number(g, e->kids[1]);
	cc_store(f, BPF_DW, R_FP, args + 8, R0);
	cc_mov(f, R5, R0);
	g_slot(g, R1, 0);
	cc_imm(f, R2, g->cc->heap_off);
	cc_imm(f, R3, g->heap_room);
	cc_load(f, BPF_DW, R4, R_FP, args);
	cc_routine(f, g->sleep ? "rt_heap_copyin_sleep" : "rt_heap_copyin");
	piece(g, args);
	g_pop(g, 16);
	cc_mov(f, R1, R0);
	g_own_address(g, heap_bytes(g->cc));
	cc_alu(f, BPF_ADD, R0, R1);
	return value_number();
}
