/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/ebpf/made.c: BPF C that uses all features of the linker; made.h describes the functions. */
#include "ebpf/bpf.h"
#include "tests/ebpf/made.h"

HELPER(void *, map_lookup_elem, 1, void *map, const void *key);
HELPER(long, for_each_map_elem, 164, void *map, void *fn, void *arg, uint64_t flags);
HELPER(long, loop, 181, uint32_t n, void *fn, void *arg, uint64_t flags);

struct made_args {
	uint64_t a, b;
};

int64_t rt_add(struct made_args *ctx, uint64_t more)
{
	return ctx->a + ctx->b + more;
}

int64_t rt_prog_context(struct made_args *ctx)
{
	return rt_add(ctx, NUMBER(more));
}

int64_t rt_prog_maps(struct made_args *ctx)
{
	uint32_t index = ctx->b;
	uint64_t *count = map_lookup_elem(MAP(counts), &index), *cells = VALUE(cells),
		 cell = index & 7;

	OPAQUE(cell);
	if (!count || cell > 7)
		return -1;
	atomic_add(count, ctx->a);
	atomic_add(&cells[cell], ctx->a);
	return *count;
}

struct sum {
	uint64_t n;
};

static long add_number(uint64_t i, struct sum *sum)
{
	sum->n += i;
	return 0;
}

int64_t rt_prog_loop(struct made_args *ctx)
{
	struct sum sum = { 0 };

	loop(ctx->a, add_number, &sum, 0);
	return sum.n;
}

static long add_value(void *map, const void *key, uint64_t *value, struct sum *sum)
{
	(void)map;
	(void)key;
	sum->n += *value;
	return 0;
}

int64_t rt_prog_each(struct made_args *ctx)
{
	struct sum sum = { 0 };

	(void)ctx;
	for_each_map_elem(MAP(counts), add_value, &sum, 0);
	return sum.n;
}

int64_t rt_prog_field(struct made_args *ctx)
{
	(void)ctx;
	return FIELD(task_struct.signal.count);
}

int64_t rt_counted(uint64_t index)
{
	uint32_t i = index;
	uint64_t *count = map_lookup_elem(MAP(counts), &i);

	return count ? *count : -1;
}

int64_t rt_prog_by_routine(struct made_args *ctx)
{
	return rt_counted(ctx->b);
}

int64_t rt_prog_refused(struct made_args *ctx)
{
	uint32_t index = ctx->a;

	return *(uint64_t *)map_lookup_elem(MAP(counts), &index); /* without a test for NULL */
}
