/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/test_aggs.c: drains aggregations while threads count in them. The counting program
 * is made by hand, and run by BPF_PROG_TEST_RUN.
 */
#include "tests/consumer/bpfrig.h"

#include "consumer/aggs/inner.h"

#include <pthread.h>

enum { COUNT_, STDDEV, QUANT, MINIMUM, CELL, NAGGS, THREADS = 4, QWORDS = 128, KEY = 32 };

static struct rig rig;
static struct d_agg aggs_d[NAGGS];
static struct d_agg *agg_list[NAGGS];
static struct agg_desc descs[NAGGS];
static struct d_prog prog;
static struct aggs *aggs;

static const struct {
	int func;
	uint32_t words, nkeys;
} kinds[NAGGS] = {
	[COUNT_] = { D_AGG_count, 1, 1 },
	[STDDEV] = { D_AGG_stddev, 4, 1 },
	[QUANT] = { D_AGG_quantize, QWORDS, 1 },
	[MINIMUM] = { D_AGG_min, 2, 1 },
	[CELL] = { D_AGG_sum, 2, 0 },
};

static void setup(void)
{
	static enum rec_kind key[] = { REC_INT };

	rig_init(&rig, 64, 1024);
	rig.cc.opt.ncpu = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	while (rig.cc.ncpu2 < rig.cc.opt.ncpu)
		rig.cc.ncpu2 *= 2;
	for (int i = 0; i < NAGGS; i++) {
		aggs_d[i] = (struct d_agg){ .name = "", .id = i, .func = kinds[i].func };
		descs[i] = (struct agg_desc){ .agg = &aggs_d[i],
					      .words = kinds[i].words,
					      .kinds = key,
					      .nkeys = kinds[i].nkeys };
		agg_list[i] = &aggs_d[i];
	}
	prog = (struct d_prog){ .aggs = agg_list, .naggs = NAGGS };
	rig.cc.prog = &prog;
	rig.cc.aggs = descs;
	/* The program counts drops in the map `zero`. */
	rig_direct(&rig, CC_MAP_ZERO, "drops", 4096);
	rig_direct(&rig, CC_MAP_CELLS, "cells", 16 * rig.cc.ncpu2);
	aggs = aggs_new(&rig.cc, &prog, rig.cc.opt.ncpu);
	assert_non_null(aggs);
	assert_int_equal(aggs_cells(aggs, &rig.cc.maps[CC_MAP_CELLS]), 0);
}

static void teardown(void)
{
	aggs_free(aggs);
	if (rig.cc.nmaps > CC_NFIXEDMAPS)
		close(rig.cc.maps[CC_NFIXEDMAPS].fd);
	rig_fini(&rig);
}

/*
 * Loads the counting program. args[0] is the component of the key, and the value for word 1 where a
 * row has 2 words. Each hash has room for `entries` keys.
 */
static int counter(int agg, uint32_t entries)
{
	struct cc_func *f = cc_func_new(rig.cc.arena, "count");
	uint32_t words = kinds[agg].words;
	int found, drop, end;
	struct cc_map *m = &rig.cc.maps[CC_NFIXEDMAPS];
	int fd;

	*m = (struct cc_map){ .kind = CC_M_AGG,
			      .name = "aggs",
			      .key_size = KEY,
			      .value_size = words * 8,
			      .entries = entries,
			      .fd = -1 };
	m->fd = aggs_map_make(aggs, m);
	assert_true(m->fd >= 0);
	rig.cc.nmaps = CC_NFIXEDMAPS + 1;
	found = cc_label_new(f), drop = cc_label_new(f), end = cc_label_new(f);
	cc_load(f, BPF_DW, R1, R1, 0);
	cc_mov(f, R_CTX, R1);
	cc_store_imm(f, BPF_DW, R_FP, -KEY, agg);
	cc_store(f, BPF_DW, R_FP, -KEY + 8, R1);
	cc_store_imm(f, BPF_DW, R_FP, -16, 0);
	cc_store_imm(f, BPF_DW, R_FP, -8, 0);
	cc_helper(f, BPF_FUNC_get_smp_processor_id);
	cc_store(f, BPF_W, R_FP, -KEY - 8, R0);
	cc_map(f, R1, CC_NFIXEDMAPS);
	cc_mov(f, R2, R_FP);
	cc_alu_imm(f, BPF_ADD, R2, -KEY - 8);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JEQ, R0, 0, drop);
	cc_mov(f, R_SLOT, R0);
	for (int try = 0; try < 2; try++) {
		cc_mov(f, R1, R_SLOT);
		cc_mov(f, R2, R_FP);
		cc_alu_imm(f, BPF_ADD, R2, -KEY);
		cc_helper(f, BPF_FUNC_map_lookup_elem);
		cc_jump_imm(f, BPF_JNE, R0, 0, found);
		if (try)
			break;
		cc_mov(f, R1, R_SLOT);
		cc_mov(f, R2, R_FP);
		cc_alu_imm(f, BPF_ADD, R2, -KEY);
		cc_map_value(f, R3, CC_MAP_ZERO, 2048);
		cc_imm(f, R4, BPF_NOEXIST);
		cc_helper(f, BPF_FUNC_map_update_elem);
	}
	cc_label_here(f, drop);
	cc_map_value(f, R1, CC_MAP_ZERO, 0);
	cc_imm(f, R2, 1);
	cc_atomic_add(f, R1, 0, R2);
	cc_jump(f, end);
	cc_label_here(f, found);
	cc_imm(f, R2, 1);
	cc_atomic_add(f, R0, 0, R2);
	if (words > 4) { /* counts in bucket 1 + key % 64 */
		cc_mov(f, R1, R_CTX);
		cc_alu_imm(f, BPF_AND, R1, 63);
		cc_alu_imm(f, BPF_LSH, R1, 3);
		cc_alu(f, BPF_ADD, R0, R1);
		cc_atomic_add(f, R0, 8, R2);
	} else if (words == 4) { /* adds 2^63 to the low word, so that it carries */
		cc_imm(f, R2, INT64_MIN);
		cc_atomic_fetch(f, BPF_ADD, R0, 16, R2);
		cc_jump_imm(f, BPF_JEQ, R2, 0, end);
		cc_imm(f, R2, 1);
		cc_atomic_add(f, R0, 24, R2);
	} else if (words == 2) {
		cc_atomic_add(f, R0, 8, R_CTX);
	}
	cc_label_here(f, end);
	cc_imm(f, R0, 0);
	cc_exit(f);
	fd = rig_load(&rig, f, CC_CTX_TEST);
	assert_true(fd >= 0);
	return fd;
}

struct job {
	int prog;
	uint32_t hits, keys, first;
	pthread_t thread;
};

static void *hammer(void *arg)
{
	struct job *j = arg;

	for (uint32_t i = 0; i < j->hits; i++) {
		uint64_t args[1] = { j->first + i % j->keys };

		rig_run(j->prog, args, 1);
	}
	return NULL;
}

/* Drains while threads hit, and twice more: a hash that was swapped out is drained once more. */
static void run(int fd, uint32_t hits, uint32_t keys)
{
	struct job jobs[THREADS];

	for (int i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){
			.prog = fd, .hits = hits, .keys = keys, .first = (uint32_t)i
		};
		assert_int_equal(pthread_create(&jobs[i].thread, NULL, hammer, &jobs[i]), 0);
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(aggs_drain(aggs), 0);
		usleep(2000);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(jobs[i].thread, NULL);
	for (int i = 0; i < 2; i++)
		assert_int_equal(aggs_drain(aggs), 0);
}

static uint64_t total(int agg, uint32_t first, uint32_t last)
{
	struct agg_row *row;
	uint64_t sum = 0;
	size_t at = 0;

	while ((row = aggs_next(aggs, agg, &at)))
		for (uint32_t i = first; i <= last; i++)
			sum += row->words[i];
	return sum;
}

static uint64_t dropped(void)
{
	return *(uint64_t *)rig.mem[CC_MAP_ZERO];
}

static void keyed_counts_are_exact_while_drained(void **state)
{
	int fd;
	struct agg_row *row;
	size_t at = 0;

	(void)state;
	setup();
	fd = counter(COUNT_, 4096);
	run(fd, 100000, 1000);
	assert_int_equal(dropped(), 0);
	assert_int_equal(total(COUNT_, 0, 0), THREADS * 100000);
	assert_int_equal(aggs_count(aggs, COUNT_), 1000 + THREADS - 1);
	while ((row = aggs_next(aggs, COUNT_, &at))) {
		uint64_t component;

		assert_int_equal(row->key_len, KEY - sizeof(struct rt_key));
		memcpy(&component, row->key, sizeof(component));
		assert_true(component < 1000 + THREADS - 1);
	}
	close(fd);
	teardown();
}

/* 60,000 keys in hashes of 64: each lost hit is a counted drop, and the table outgrows the maps. */
static void small_hashes_are_swapped_and_lose_only_counted_drops(void **state)
{
	int fd;

	(void)state;
	setup();
	fd = counter(COUNT_, 64);
	run(fd, 60000, 60000);
	assert_int_equal(total(COUNT_, 0, 0) + dropped(), THREADS * 60000);
	assert_true(aggs_count(aggs, COUNT_) > 64 * 2 * rig.cc.opt.ncpu);
	close(fd);
	teardown();
}

/* 4,096 keys fill the ring, and 20,000 keys five rings: a drain goes on where the drain before
 * stopped. */
static void one_drain_takes_more_than_its_ring_holds(void **state)
{
	int fd;

	(void)state;
	setup();
	fd = counter(COUNT_, 65536);
	for (int round = 1; round <= 2; round++) {
		for (uint64_t k = 0; k < 20000; k++)
			rig_run(fd, &k, 1);
		assert_int_equal(aggs_drain(aggs), 0);
		assert_int_equal(aggs_count(aggs, COUNT_), 20000);
		assert_int_equal(total(COUNT_, 0, 0), round * 20000);
	}
	close(fd);
	teardown();
}

static void distributions_are_exact_and_sparse(void **state)
{
	int fd;

	(void)state;
	setup();
	fd = counter(QUANT, 4096);
	run(fd, 50000, 300);
	assert_int_equal(dropped(), 0);
	assert_int_equal(total(QUANT, 0, 0), THREADS * 50000);
	assert_int_equal(total(QUANT, 1, 64), THREADS * 50000);
	assert_int_equal(total(QUANT, 65, 127), 0);
	close(fd);
	teardown();
}

static void sums_of_squares_carry(void **state)
{
	struct agg_row *row;
	size_t at = 0;
	int fd;

	(void)state;
	setup();
	fd = counter(STDDEV, 64);
	run(fd, 20001, 1);
	while ((row = aggs_next(aggs, STDDEV, &at))) {
		assert_int_equal(row->words[0], 20001);
		assert_int_equal(row->words[2], 1ull << 63);
		assert_int_equal(row->words[3], 10000);
	}
	assert_int_equal(aggs_count(aggs, STDDEV), THREADS);
	close(fd);
	teardown();
}

/* min keeps its word as a maximum: a second drain with a smaller word changes nothing. */
static void minima_are_not_added(void **state)
{
	uint64_t key[1] = { 40 }, less[1] = { 0 };
	struct agg_row *row;
	size_t at = 0;
	int fd;

	(void)state;
	setup();
	fd = counter(MINIMUM, 64);
	rig_run(fd, key, 1);
	assert_int_equal(aggs_drain(aggs), 0);
	rig_run(fd, key, 1);
	rig_run(fd, less, 1);
	assert_int_equal(aggs_drain(aggs), 0);
	row = aggs_next(aggs, MINIMUM, &at);
	assert_int_equal(row->words[0], 2);
	assert_int_equal(row->words[1], 40);
	close(fd);
	teardown();
}

static void cells_are_taken(void **state)
{
	uint64_t *cells;
	struct agg_row *row;
	size_t at = 0;

	(void)state;
	setup();
	cells = rig.mem[CC_MAP_CELLS];
	assert_int_equal(aggs_drain(aggs), 0);
	assert_int_equal(aggs_count(aggs, CELL), 0);
	for (int i = 1; i < 4; i++) {
		for (uint32_t cpu = 0; cpu < rig.cc.opt.ncpu; cpu++) {
			cells[cpu * 2] = 1;
			cells[cpu * 2 + 1] = cpu + 5;
		}
		assert_int_equal(aggs_drain(aggs), 0);
	}
	row = aggs_next(aggs, CELL, &at);
	assert_int_equal(row->words[0], 3 * rig.cc.opt.ncpu);
	assert_int_equal(row->words[1],
			 3 * (5 * rig.cc.opt.ncpu + rig.cc.opt.ncpu * (rig.cc.opt.ncpu - 1) / 2));
	assert_int_equal(cells[0], 0);
	aggs_clear(aggs, CELL);
	assert_int_equal(aggs_count(aggs, CELL), 1);
	assert_int_equal(row->words[0], 0);
	assert_int_equal(aggs_trunc(aggs, CELL, 0), 0);
	assert_int_equal(aggs_count(aggs, CELL), 0);
	teardown();
}

/* Key k has k hits. */
static void trunc_keeps_the_largest_or_the_smallest(void **state)
{
	struct agg_row *row;
	size_t at = 0;
	int fd;

	(void)state;
	setup();
	fd = counter(COUNT_, 64);
	for (uint64_t k = 1; k <= 9; k++)
		for (uint64_t i = 0; i < k; i++)
			rig_run(fd, &k, 1);
	assert_int_equal(aggs_drain(aggs), 0);
	assert_int_equal(total(COUNT_, 0, 0), 45);
	assert_int_equal(aggs_trunc(aggs, COUNT_, 100), 0);
	assert_int_equal(aggs_count(aggs, COUNT_), 9);
	assert_int_equal(aggs_trunc(aggs, COUNT_, 5), 0);
	assert_int_equal(total(COUNT_, 0, 0), 5 + 6 + 7 + 8 + 9);
	assert_int_equal(aggs_trunc(aggs, COUNT_, -2), 0);
	assert_int_equal(total(COUNT_, 0, 0), 5 + 6);
	aggs_normalize(aggs, COUNT_, 7);
	row = aggs_next(aggs, COUNT_, &at);
	assert_int_equal(row->normal, 7);
	assert_int_equal(aggs_trunc(aggs, COUNT_, 0), 0);
	assert_int_equal(aggs_count(aggs, COUNT_), 0);
	close(fd);
	teardown();
}

static void square_roots_are_exact(void **state)
{
	(void)state;
	assert_int_equal(aggs_sqrt128(0), 0);
	assert_int_equal(aggs_sqrt128(99), 9);
	assert_int_equal(aggs_sqrt128(100), 10);
	assert_true(aggs_sqrt128(~(unsigned __int128)0) == UINT64_MAX);
	assert_true(aggs_sqrt128((unsigned __int128)UINT64_MAX * UINT64_MAX) == UINT64_MAX);
	assert_true(aggs_sqrt128((unsigned __int128)UINT64_MAX * UINT64_MAX - 1) == UINT64_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keyed_counts_are_exact_while_drained),
		cmocka_unit_test(small_hashes_are_swapped_and_lose_only_counted_drops),
		cmocka_unit_test(one_drain_takes_more_than_its_ring_holds),
		cmocka_unit_test(distributions_are_exact_and_sparse),
		cmocka_unit_test(sums_of_squares_carry),
		cmocka_unit_test(minima_are_not_added),
		cmocka_unit_test(cells_are_taken),
		cmocka_unit_test(trunc_keeps_the_largest_or_the_smallest),
		cmocka_unit_test(square_roots_are_exact),
	};

	if (geteuid()) {
		puts("SKIP: needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
