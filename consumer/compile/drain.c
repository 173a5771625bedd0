/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/drain.c: the programs that empty aggregations' hashes.
 * In:   a CC_M_AGG map's key and value sizes, the array with its hashes, the ring to write to.
 * Out:  an image; compile.h says what it writes.
 * Owns: an image's BTF, until cc_image_close.
 *
 * The program walks a hash by bpf_for_each_map_elem, which holds no lock: no program that counts
 * meanwhile is skipped, as it would be while bpf(2) looks at the hash. (An iterator, iter/bpf_map_elem,
 * does not skip any either, but kernels that are locked down refuse it.) Words that were exchanged
 * cannot be had twice, so the program first looks whether the most that it may write for a key fits;
 * if not, it stops there. The next run passes over the keys that this one dealt with: a hash
 * that is only added to never moves a key forward.
 */
#include "config.h"

#include "consumer/compile/inner.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <stddef.h>

/* The callback's context, in main's stack. */
enum { C_SKIP = 0, C_SEEN = 8, C_MORE = 16, C_SIZE = 24 };
/* R_LOST: not 0 after an output that failed, asked once: a branch for each of 1,700 is too many for
 * the verifier. */
enum { R_KEY = R_CTX, R_VALUE = R_FIRE, R_WALK = R_SLOT, R_LOST = R_PTR };
enum { RING_HEADER = BPF_RINGBUF_HDR_SZ };

struct drain {
	struct cc_func *f; /* main or the callback */
	const struct cc_map *map;
	int hashes, ring; /* fds */
};

static void map_fd(struct cc_func *f, int dst, int fd)
{
	cc_insn(f, (struct bpf_insn){ .code = BPF_LD | BPF_DW | BPF_IMM,
				      .dst_reg = dst & 15,
				      .src_reg = BPF_PSEUDO_MAP_FD,
				      .imm = fd });
	cc_insn(f, (struct bpf_insn){ 0 });
}

static void output(const struct drain *d, int from, int off, uint32_t bytes)
{
	map_fd(d->f, R1, d->ring);
	cc_mov(d->f, R2, from);
	if (off)
		cc_alu_imm(d->f, BPF_ADD, R2, off);
	cc_imm(d->f, R3, bytes);
	cc_imm(d->f, R4, BPF_RB_NO_WAKEUP);
	cc_helper(d->f, BPF_FUNC_ringbuf_output);
	cc_alu(d->f, BPF_OR, R_LOST, R0);
}

/* What an output of so many bytes takes of the ring. */
static uint32_t room_of(uint32_t bytes)
{
	return RING_HEADER + (bytes + 7) / 8 * 8;
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

static void dense(const struct drain *d, uint32_t words)
{
	int low = -(int)(8 + 8 * words);

	header(d->f, low, d->map->key_size, words);
	for (uint32_t i = 0; i < words; i++) {
		exchange(d->f, i);
		cc_store(d->f, BPF_DW, R_FP, low + 8 + (int)i * 8, R1);
	}
	output(d, R_FP, low, 8 + 8 * words);
}

static void sparse(const struct drain *d, uint32_t words)
{
	struct cc_func *f = d->f;

	header(f, -8, d->map->key_size, CC_DRAIN_SPARSE);
	output(d, R_FP, -8, 8);
	for (uint32_t i = 0; i < words; i++) {
		int next = cc_label_new(f);

		cc_load(f, BPF_DW, R1, R_VALUE, (int)i * 8);
		cc_jump_imm(f, BPF_JEQ, R1, 0, next);
		exchange(f, i);
		cc_store(f, BPF_DW, R_FP, -8, R1);
		cc_store_imm(f, BPF_DW, R_FP, -16, (int32_t)i);
		output(d, R_FP, -16, 16);
		cc_label_here(f, next);
	}
	cc_store_imm(f, BPF_DW, R_FP, -16, -1); /* CC_DRAIN_END: sign-extended */
	cc_store_imm(f, BPF_DW, R_FP, -8, 0);
	output(d, R_FP, -16, 16);
}

/* The most that a key may take of the ring. */
static uint32_t most(const struct cc_map *map)
{
	uint32_t words = map->value_size / 8;

	return room_of(map->key_size) + (words <= CC_DRAIN_DENSE ?
						 room_of(8 + 8 * words) :
						 room_of(8) + (words + 1) * room_of(16));
}

/* main(struct cc_drain_run *): walks the hash; the instruction that names the callback. */
static size_t walk(const struct drain *d)
{
	struct cc_func *f = d->f;
	int end = cc_label_new(f);
	size_t at;

	cc_mov(f, R_CTX, R1);
	cc_load(f, BPF_DW, R1, R_CTX, offsetof(struct cc_drain_run, hash));
	cc_store(f, BPF_W, R_FP, -8, R1);
	cc_load(f, BPF_DW, R1, R_CTX, offsetof(struct cc_drain_run, seen));
	cc_store(f, BPF_DW, R_FP, -8 - C_SIZE + C_SKIP, R1);
	cc_store_imm(f, BPF_DW, R_FP, -8 - C_SIZE + C_SEEN, 0);
	cc_store_imm(f, BPF_DW, R_FP, -8 - C_SIZE + C_MORE, 0);
	map_fd(f, R1, d->hashes);
	cc_mov(f, R2, R_FP);
	cc_alu_imm(f, BPF_ADD, R2, -8);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JEQ, R0, 0, end);
	cc_mov(f, R1, R0);
	at = f->n;
	cc_insn(f, (struct bpf_insn){ .code = BPF_LD | BPF_DW | BPF_IMM,
				      .dst_reg = R2,
				      .src_reg = BPF_PSEUDO_FUNC });
	cc_insn(f, (struct bpf_insn){ 0 });
	cc_mov(f, R3, R_FP);
	cc_alu_imm(f, BPF_ADD, R3, -8 - C_SIZE);
	cc_imm(f, R4, 0);
	cc_helper(f, BPF_FUNC_for_each_map_elem);
	cc_label_here(f, end);
	cc_load(f, BPF_DW, R1, R_FP, -8 - C_SIZE + C_SEEN);
	cc_store(f, BPF_DW, R_CTX, offsetof(struct cc_drain_run, seen), R1);
	cc_load(f, BPF_DW, R1, R_FP, -8 - C_SIZE + C_MORE);
	cc_store(f, BPF_DW, R_CTX, offsetof(struct cc_drain_run, more), R1);
	cc_imm(f, R0, 0);
	cc_exit(f);
	return at;
}

/* The callback(map, key, value, context): 0, or 1 where the walk ends. */
static void take(const struct drain *d)
{
	struct cc_func *f = d->f;
	uint32_t words = d->map->value_size / 8;
	int next = cc_label_new(f), full = cc_label_new(f), lost = cc_label_new(f);

	cc_mov(f, R_KEY, R2);
	cc_mov(f, R_VALUE, R3);
	cc_mov(f, R_WALK, R4);
	cc_load(f, BPF_DW, R1, R_WALK, C_SEEN);
	cc_load(f, BPF_DW, R2, R_WALK, C_SKIP);
	cc_jump_if(f, BPF_JLT, R1, R2, next);
	cc_load(f, BPF_DW, R1, R_VALUE, 0);
	cc_jump_imm(f, BPF_JEQ, R1, 0, next);
	map_fd(f, R1, d->ring);
	cc_imm(f, R2, BPF_RB_AVAIL_DATA);
	cc_helper(f, BPF_FUNC_ringbuf_query);
	/* A ring buffer never fills to its last byte. */
	cc_jump_imm(f, BPF_JGT, R0, (int32_t)(CC_DRAIN_RING - 8 - most(d->map)), full);
	cc_imm(f, R_LOST, 0);
	if (words <= CC_DRAIN_DENSE)
		dense(d, words);
	else
		sparse(d, words);
	output(d, R_KEY, 0, d->map->key_size);
	cc_jump_imm(f, BPF_JNE, R_LOST, 0, lost);
	cc_label_here(f, next);
	cc_load(f, BPF_DW, R1, R_WALK, C_SEEN);
	cc_alu_imm(f, BPF_ADD, R1, 1);
	cc_store(f, BPF_DW, R_WALK, C_SEEN, R1);
	cc_imm(f, R0, 0);
	cc_exit(f);
	cc_label_here(f, full);
	cc_store_imm(f, BPF_DW, R_WALK, C_MORE, CC_DRAIN_AGAIN);
	cc_imm(f, R0, 1);
	cc_exit(f);
	/* There was room, and yet it was not taken: the key's words are gone, which must be said. */
	cc_label_here(f, lost);
	cc_store_imm(f, BPF_DW, R_WALK, C_MORE, CC_DRAIN_LOST);
	cc_imm(f, R0, 1);
	cc_exit(f);
}

/* The kernel wants to read that the callback is static, and calls the types of both what they are. */
static int describe(struct cc *cc, struct cc_image *image, uint32_t callback)
{
	struct bpf_func_info *info = arena_array(cc->arena, struct bpf_func_info, 2);
	struct btf *btf = btf__new_empty();
	int err = -ENOMEM, number = btf ? btf__add_int(btf, "long", 8, BTF_INT_SIGNED) : -1;
	int proto = number > 0 ? btf__add_func_proto(btf, number) : -1;
	int main = proto > 0 ? btf__add_func(btf, "drain", BTF_FUNC_STATIC, proto) : -1;
	int taker = proto > 0 ? btf__add_func(btf, "take", BTF_FUNC_STATIC, proto) : -1;
	const void *raw;
	uint32_t size;

	if (info && main > 0 && taker > 0 && (raw = btf__raw_data(btf, &size))) {
		info[0] = (struct bpf_func_info){ 0, (uint32_t)main };
		info[1] = (struct bpf_func_info){ callback, (uint32_t)taker };
		image->func_info = info;
		image->nfunc_info = 2;
		image->btf_fd = bpf_btf_load(raw, size, NULL);
		err = image->btf_fd < 0 ? image->btf_fd : 0;
	}
	btf__free(btf);
	return err;
}

int cc_drain_program(struct cc *cc, const struct cc_map *map, int hashes, int ring,
		     struct cc_image *image)
{
	struct cc_func *main = cc_func_new(cc->arena, "drain");
	struct cc_func *callback = cc_func_new(cc->arena, "take");
	struct bpf_insn *insns;
	size_t at;
	int err;

	*image = (struct cc_image){ .btf_fd = -1 };
	if (!main || !callback)
		return -ENOMEM;
	if (map->value_size / 8 > CC_DRAIN_WORDS_MAX || most(map) > CC_DRAIN_RING / 2)
		return -E2BIG;
	at = walk(&(struct drain){ main, map, hashes, ring });
	take(&(struct drain){ callback, map, hashes, ring });
	err = cc_func_end(main);
	err = err ? err : cc_func_end(callback);
	insns = arena_array(cc->arena, struct bpf_insn, main->n + callback->n);
	if (err || !insns)
		return err ? err : -ENOMEM;
	assert(main->insns[at].src_reg == BPF_PSEUDO_FUNC);
	main->insns[at].imm = (int32_t)(main->n - at - 1);
	memcpy(insns, main->insns, main->n * sizeof(*insns));
	memcpy(insns + main->n, callback->insns, callback->n * sizeof(*insns));
	image->insns = insns;
	image->ninsns = main->n + callback->n;
	image->type = BPF_PROG_TYPE_SYSCALL;
	image->flags = BPF_F_SLEEPABLE;
	return describe(cc, image, (uint32_t)main->n);
}
