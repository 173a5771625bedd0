/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/agg.c: aggregation statements.
 * In:   D_S_AGG statements.
 * Out:  instructions that find the value's words and change them, all atomically.
 * Owns: nothing.
 *
 * Word 0, the number of hits, changes last. A drain skips a value whose word 0 is 0, so it never
 * reads a new value before the other words of its first hit are in place.
 */
#include "consumer/compile/inner.h"

#include <stddef.h>

enum { CREATE_TRIES = 8 };

/* r9 = the address of this CPU's words of an aggregation without keys. */
static void find_cell(struct gen *g, const struct agg_desc *d)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_W, R1, R_FIRE, offsetof(struct rt_fire, cpu));
	cc_alu_imm(f, BPF_AND, R1, (int32_t)g->cc->ncpu2 - 1);
	cc_alu_imm(f, BPF_MUL, R1, (int32_t)g->cc->cells_block);
	cc_map_value(f, R_PTR, CC_MAP_CELLS, 8 * d->cell);
	cc_alu(f, BPF_ADD, R_PTR, R1);
}

/* r9: this CPU's hash for one class of keys. To `found` with r0 = the key's words, made if they are
 * missing; to `full` if the hash is full; to `busy` after too many tries. */
static void find_in_hash(struct gen *g, const struct key *k, int tries, int found, int full,
			 int busy)
{
	struct cc_func *f = g->f;
	int again = cc_label_new(f);

	cc_mov(f, R1, R_PTR);
	g_key_ptr(g, k, R2);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JNE, R0, 0, found);
	cc_store_imm(f, BPF_DW, R_FP, tries, CREATE_TRIES);
	cc_label_here(f, again);
	cc_mov(f, R1, R_PTR);
	g_key_ptr(g, k, R2);
	cc_map_value(f, R3, CC_MAP_ZERO, 0);
	cc_imm(f, R4, BPF_NOEXIST);
	cc_helper(f, BPF_FUNC_map_update_elem);
	g_extend(g, 4, true); /* before 6.4 an int, whose upper half is 0 */
	cc_jump_imm(f, BPF_JEQ, R0, -E2BIG, full);
	cc_mov(f, R1, R_PTR);
	g_key_ptr(g, k, R2);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JNE, R0, 0, found);
	cc_load(f, BPF_DW, R1, R_FP, tries);
	cc_alu_imm(f, BPF_SUB, R1, 1);
	cc_store(f, BPF_DW, R_FP, tries, R1);
	cc_jump_imm(f, BPF_JNE, R1, 0, again);
	cc_jump(f, busy);
}

static void find_keyed(struct gen *g, const struct agg_desc *d, const struct key *k, int full,
		       int busy)
{
	struct cc_func *f = g->f;
	int cpu = g_push(g, 16), tries = cpu + 8, found = cc_label_new(f);

	cc_load(f, BPF_W, R1, R_FIRE, offsetof(struct rt_fire, cpu));
	cc_store(f, BPF_DW, R_FP, cpu, R1);
	for (uint32_t c = k->lo; c <= k->hi; c *= 2) {
		int next = cc_label_new(f);

		if (k->lo != k->hi) {
			cc_load(f, BPF_DW, R1, R_FP, k->klass);
			cc_jump_imm(f, BPF_JNE, R1, (int32_t)c, next);
		}
		cc_map(f, R1, cc_class_map(g->cc, CC_M_AGG, c, 8 * d->words));
		cc_mov(f, R2, R_FP);
		cc_alu_imm(f, BPF_ADD, R2, cpu);
		cc_helper(f, BPF_FUNC_map_lookup_elem);
		cc_jump_imm(f, BPF_JEQ, R0, 0, full);
		cc_mov(f, R_PTR, R0);
		find_in_hash(g, k, tries, found, full, busy);
		cc_label_here(f, next);
	}
	cc_jump(f, full);
	cc_label_here(f, found);
	cc_mov(f, R_PTR, R0);
	g_pop(g, 16);
}

/* ---- words_ID: how many words a value has ---------------------------------------------------- */

static uint32_t words_hits(const struct d_agg *a)
{
	(void)a;
	return 1;
}

static uint32_t words_one(const struct d_agg *a)
{
	(void)a;
	return 2;
}

static uint32_t words_stddev(const struct d_agg *a)
{
	(void)a;
	return 4;
}

static uint32_t words_quantize(const struct d_agg *a)
{
	(void)a;
	return 1 + RT_QUANTIZE_BUCKETS;
}

/* The levels, a bucket below the base, a bucket from the limit on, and word 0. */
static uint32_t words_lquantize(const struct d_agg *a)
{
	return (uint32_t)((a->params[1] - a->params[0]) / a->params[2]) + 3;
}

/* ---- add_ID: adds value (or bucket) at fp + value, increment at fp + inc; words at r9 -------- */

struct operands {
	int value, inc;
};

static void add_word(struct gen *g, int word, int reg)
{
	cc_atomic_add(g->f, R_PTR, 8 * word, reg);
}

static void add_hit(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	(void)g;
	(void)d;
	(void)o;
}

static void add_sum(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	(void)d;
	cc_load(g->f, BPF_DW, R1, R_FP, o->value);
	add_word(g, 1, R1);
}

enum { MAX_TRIES = 32 };

/* Word 1 = the larger of word 1 and the encoded value. */
static void add_extreme(struct gen *g, const struct operands *o, bool least)
{
	struct cc_func *f = g->f;
	int tries = g_push(g, 8), again = cc_label_new(f), done = cc_label_new(f);

	cc_store_imm(f, BPF_DW, R_FP, tries, MAX_TRIES);
	cc_load(f, BPF_DW, R1, R_FP, o->value);
	cc_imm(f, R2, INT64_MIN);
	cc_alu(f, BPF_XOR, R1, R2);
	if (least)
		cc_alu_imm(f, BPF_XOR, R1, -1);
	cc_label_here(f, again);
	cc_load(f, BPF_DW, R0, R_PTR, 8);
	cc_jump_if(f, BPF_JGE, R0, R1, done);
	cc_mov(f, R3, R0);
	cc_mov(f, R4, R1);
	cc_atomic_cmpxchg(f, BPF_DW, R_PTR, 8, R4);
	cc_jump_if(f, BPF_JEQ, R0, R3, done);
	g_try_again(g, tries, again);
	cc_label_here(f, done);
	g_pop(g, 8);
}

static void add_min(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	(void)d;
	add_extreme(g, o, true);
}

static void add_max(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	(void)d;
	add_extreme(g, o, false);
}

/* r4:r0 = r1 * r1, by halves: (h·2³² + l)² = h²·2⁶⁴ + 2hl·2³² + l². */
static void square(struct gen *g)
{
	struct cc_func *f = g->f;

	cc_mov(f, R2, R1);
	cc_alu_imm(f, BPF_RSH, R2, 32); /* h */
	cc_mov(f, R3, R1);
	cc_alu_imm(f, BPF_LSH, R3, 32);
	cc_alu_imm(f, BPF_RSH, R3, 32); /* l */
	cc_mov(f, R0, R1);
	cc_alu(f, BPF_MUL, R0, R1); /* the low 64 bits */
	cc_mov(f, R4, R2);
	cc_alu(f, BPF_MUL, R4, R2); /* h² */
	cc_alu(f, BPF_MUL, R2, R3); /* hl */
	cc_alu(f, BPF_MUL, R3, R3); /* l² */
	cc_alu_imm(f, BPF_RSH, R3, 32);
	cc_mov(f, R1, R2); /* carry = (l²>>32 + 2·(hl & 2³²-1)) >> 32, in two steps */
	cc_alu_imm(f, BPF_LSH, R1, 32);
	cc_alu_imm(f, BPF_RSH, R1, 32);
	cc_alu_imm(f, BPF_LSH, R1, 1);
	cc_alu(f, BPF_ADD, R3, R1);
	cc_alu_imm(f, BPF_RSH, R3, 32);
	cc_alu(f, BPF_ADD, R4, R3);
	cc_alu_imm(f, BPF_RSH, R2, 32);
	cc_alu_imm(f, BPF_LSH, R2, 1);
	cc_alu(f, BPF_ADD, R4, R2);
}

static void add_stddev(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	struct cc_func *f = g->f;
	int positive = cc_label_new(f), no_carry = cc_label_new(f);

	add_sum(g, d, o);
	cc_load(f, BPF_DW, R1, R_FP, o->value);
	cc_jump_imm(f, BPF_JSGE, R1, 0, positive);
	cc_alu_imm(f, BPF_NEG, R1, 0);
	cc_label_here(f, positive);
	square(g);
	cc_mov(f, R1, R0);
	cc_atomic_fetch(f, BPF_ADD, R_PTR, 16, R1); /* r1: the low word before */
	cc_alu(f, BPF_ADD, R1, R0);
	cc_jump_if(f, BPF_JGE, R1, R0, no_carry);
	cc_alu_imm(f, BPF_ADD, R4, 1);
	cc_label_here(f, no_carry);
	add_word(g, 3, R4);
}

/* Adds the increment to the bucket whose index is at fp + value, if there is such a bucket. */
static void add_bucket(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	struct cc_func *f = g->f;
	int out = cc_label_new(f);

	cc_load(f, BPF_DW, R1, R_FP, o->value);
	cc_jump_imm(f, BPF_JGE, R1, (int32_t)d->words - 1, out);
	cc_alu_imm(f, BPF_LSH, R1, 3);
	cc_mov(f, R2, R_PTR);
	cc_alu(f, BPF_ADD, R2, R1);
	cc_load(f, BPF_DW, R1, R_FP, o->inc);
	cc_atomic_add(f, R2, 8, R1);
	cc_label_here(f, out);
}

/* ---- bucket_ID: turns the value in r0 into what add_ID takes --------------------------------- */

static void bucket_none(struct gen *g, const struct d_agg *a)
{
	(void)g;
	(void)a;
}

static void bucket_quantize(struct gen *g, const struct d_agg *a)
{
	(void)a;
	cc_mov(g->f, R1, R0);
	cc_routine(g->f, "rt_quantize_bucket");
}

static void bucket_lquantize(struct gen *g, const struct d_agg *a)
{
	cc_mov(g->f, R1, R0);
	for (int i = 0; i < 3; i++)
		cc_imm(g->f, R2 + i, a->params[i]);
	cc_routine(g->f, "rt_lquantize_bucket");
}

/* ---- The table ------------------------------------------------------------------------------- */

#define words_count words_hits
#define words_sum words_one
#define words_min words_one
#define words_max words_one
#define words_avg words_one
#define add_count add_hit
#define add_avg add_sum
#define add_quantize add_bucket
#define add_lquantize add_bucket
#define bucket_count bucket_none
#define bucket_sum bucket_none
#define bucket_min bucket_none
#define bucket_max bucket_none
#define bucket_avg bucket_none
#define bucket_stddev bucket_none

/* Never called: cc_refuse_clause() has refused functions that this version lacks. */
#define words_lacking words_hits
#define add_lacking add_hit
#define bucket_lacking bucket_none

static const struct {
	uint32_t (*words)(const struct d_agg *a);
	void (*bucket)(struct gen *g, const struct d_agg *a);
	void (*add)(struct gen *g, const struct agg_desc *d, const struct operands *o);
} functions[D_NAGGFUNCS] = {
#define D_AGGFUNC(id, has, proto, ...)                            \
	[D_AGG_##id] = { D_IF_##has(words_##id, words_lacking),   \
			 D_IF_##has(bucket_##id, bucket_lacking), \
			 D_IF_##has(add_##id, add_lacking) },
#include "d/builtins.def"
};

/* An aggregation that no clause assigns has no function: nothing but word 0. */
uint32_t cc_agg_words(const struct d_agg *a)
{
	return a->func < 0 ? words_hits(a) : functions[a->func].words(a);
}

static void operands(struct gen *g, const struct d_stmt *s, const struct operands *o)
{
	struct cc_func *f = g->f;

	if (!s->nargs)
		return;
	if (s->nargs > 1)
		g_number(g, s->args[1]);
	else
		cc_imm(f, R0, 1);
	cc_store(f, BPF_DW, R_FP, o->inc, R0);
	g_number(g, s->args[0]);
	functions[s->aggfunc].bucket(g, s->target->agg);
	cc_store(f, BPF_DW, R_FP, o->value, R0);
}

void g_agg(struct gen *g, const struct d_stmt *s)
{
	const struct agg_desc *d = &g->cc->aggs[s->target->agg->id];
	struct cc_func *f = g->f;
	int at = g_push(g, 16), full = cc_label_new(f), busy = cc_label_new(f),
	    end = cc_label_new(f);
	struct operands o = { at, at + 8 };
	struct key k = { 0 };

	operands(g, s, &o);
	if (d->nkeys) {
		k = g_key(g, (uint32_t)d->agg->id, false, s->target->kids, s->target->nkids, full);
		find_keyed(g, d, &k, full, busy);
	} else {
		find_cell(g, d);
	}
	functions[s->aggfunc].add(g, d, &o);
	cc_imm(f, R1, 1);
	add_word(g, 0, R1);
	cc_jump(f, end);
	cc_label_here(f, busy);
	g_drop(g, RT_DROP_BUSY);
	cc_jump(f, end);
	cc_label_here(f, full);
	g_drop(g, RT_DROP_AGG);
	cc_label_here(f, end);
	if (d->nkeys)
		g_key_free(g, &k);
	g_pop(g, 16);
}
