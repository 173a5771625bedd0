/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/drain.c: the iterator programs that empty aggregations' hashes.
 * In:   a CC_M_AGG map's key and value sizes.
 * Out:  an image; compile.h says what it writes.
 * Owns: nothing.
 *
 * The kernel keeps what a program wrote for one key only if all of it fitted, and words that were
 * exchanged cannot be had twice. So the program first looks whether the most that it may write
 * fits; if not, it returns 1, and the kernel shows the same key again at the next read(2).
 */
#include "config.h"

#include "consumer/compile/inner.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* struct bpf_iter__bpf_map_elem and struct bpf_iter_meta: four pointers; seq, session, number. */
enum { CTX_META = 0, CTX_KEY = 16, CTX_VALUE = 24, META_SEQ = 0, META_NUMBER = 16 };
/* The kernel's buffer for an iterator: what is written for one key must fit into it. */
enum { SEQ_BUFFER = 32768 };
enum { R_SEQ = R_CTX, R_KEY = R_FIRE, R_VALUE = R_SLOT, R_META = R_PTR };

static void seq_write(struct cc_func *f, int from, int off, uint32_t bytes)
{
	cc_mov(f, R1, R_SEQ);
	cc_mov(f, R2, from);
	if (off)
		cc_alu_imm(f, BPF_ADD, R2, off);
	cc_imm(f, R3, bytes);
	cc_helper(f, BPF_FUNC_seq_write);
}

/* r1 = the word, which becomes 0 */
static void exchange(struct cc_func *f, uint32_t word)
{
	cc_imm(f, R1, 0);
	cc_atomic_fetch(f, BPF_XCHG & ~BPF_FETCH, R_VALUE, (int)word * 8, R1);
}

static void header(struct cc_func *f, int off, uint32_t a, uint32_t b)
{
	cc_store_imm(f, BPF_W, R_FP, off, (int32_t)a);
	cc_store_imm(f, BPF_W, R_FP, off + 4, (int32_t)b);
}

static void dense(struct cc_func *f, const struct cc_map *map, uint32_t words)
{
	int low = -(int)(8 + 8 * words);

	header(f, low, map->key_size, words);
	for (uint32_t i = 0; i < words; i++) {
		exchange(f, i);
		cc_store(f, BPF_DW, R_FP, low + 8 + (int)i * 8, R1);
	}
	seq_write(f, R_FP, low, 8 + 8 * words);
}

static void sparse(struct cc_func *f, const struct cc_map *map, uint32_t words)
{
	header(f, -8, map->key_size, CC_DRAIN_SPARSE);
	seq_write(f, R_FP, -8, 8);
	for (uint32_t i = 0; i < words; i++) {
		int next = cc_label_new(f);

		cc_load(f, BPF_DW, R1, R_VALUE, (int)i * 8);
		cc_jump_imm(f, BPF_JEQ, R1, 0, next);
		exchange(f, i);
		cc_store(f, BPF_DW, R_FP, -8, R1);
		cc_store_imm(f, BPF_DW, R_FP, -16, (int32_t)i);
		seq_write(f, R_FP, -16, 16);
		cc_label_here(f, next);
	}
	cc_store_imm(f, BPF_DW, R_FP, -16, -1);	/* CC_DRAIN_END: sign-extended */
	cc_store_imm(f, BPF_DW, R_FP, -8, 0);
	seq_write(f, R_FP, -16, 16);
}

/* Jumps to `full` unless `need` bytes and one more (seq_write's own rule) are left. */
static void room(const struct cc *cc, struct cc_func *f, uint32_t need, int full)
{
	cc_load(f, BPF_DW, R1, R_SEQ, (int)cc->kernel.seq_size);
	cc_load(f, BPF_DW, R2, R_SEQ, (int)cc->kernel.seq_count);
	cc_alu_imm(f, BPF_ADD, R2, (int32_t)need);
	cc_jump_if(f, BPF_JGE, R2, R1, full);
}

static void generate(const struct cc *cc, struct cc_func *f, const struct cc_map *map)
{
	uint32_t words = map->value_size / 8;
	bool few = words <= CC_DRAIN_DENSE;
	uint32_t need = map->key_size + 8 + (few ? 8 * words : 16 * words + 16);
	int end = cc_label_new(f), full = cc_label_new(f), total = cc_label_new(f);

	cc_load(f, BPF_DW, R_META, R1, CTX_META);
	cc_load(f, BPF_DW, R_KEY, R1, CTX_KEY);
	cc_load(f, BPF_DW, R_VALUE, R1, CTX_VALUE);
	cc_load(f, BPF_DW, R_SEQ, R_META, META_SEQ);
	cc_jump_imm(f, BPF_JEQ, R_KEY, 0, total);
	cc_jump_imm(f, BPF_JEQ, R_VALUE, 0, end);
	cc_load(f, BPF_DW, R1, R_VALUE, 0);
	cc_jump_imm(f, BPF_JEQ, R1, 0, end);
	room(cc, f, need, full);
	if (few)
		dense(f, map, words);
	else
		sparse(f, map, words);
	seq_write(f, R_KEY, 0, map->key_size);
	cc_jump(f, end);
	/* After the last key: how many there were. If it does not fit, we are called again. */
	cc_label_here(f, total);
	cc_load(f, BPF_DW, R1, R_META, META_NUMBER);
	cc_store(f, BPF_DW, R_FP, -8, R1);
	header(f, -16, 0, CC_DRAIN_TOTAL);
	seq_write(f, R_FP, -16, 16);
	cc_label_here(f, end);
	cc_imm(f, R0, 0);
	cc_exit(f);
	cc_label_here(f, full);
	cc_imm(f, R0, 1);
	cc_exit(f);
}

int cc_drain_program(struct cc *cc, const struct cc_map *map, struct cc_image *image)
{
	struct cc_func *f = cc_func_new(cc->arena, "drain");
	int id = (int)cc->kernel.iter_map_elem, err;

	*image = (struct cc_image){ .btf_fd = -1 };
	if (!f)
		return -ENOMEM;
	if (map->value_size / 8 > CC_DRAIN_WORDS_MAX ||
	    map->key_size + map->value_size * 2 + 32 >= SEQ_BUFFER)
		return -E2BIG;
	f->params = "c";
	generate(cc, f, map);
	err = cc_func_end(f);
	if (!err && !id)
		id = libbpf_find_vmlinux_btf_id("bpf_map_elem", BPF_TRACE_ITER);
	if (err || id < 0)
		return err ? err : id;
	image->insns = f->insns;
	image->ninsns = f->n;
	image->type = BPF_PROG_TYPE_TRACING;
	image->expected_attach_type = BPF_TRACE_ITER;
	image->attach_btf_id = (uint32_t)id;
	return 0;
}
