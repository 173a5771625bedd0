/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/compilerig.h: compiles D programs, loads them and runs them in the kernel by
 * BPF_PROG_TEST_RUN, as BEGIN runs. Each program is also loaded for the other contexts, where the
 * verifier must accept it.
 */
#ifndef TESTS_COMPILERIG_H
#define TESTS_COMPILERIG_H

#include "consumer/compile/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RING_SIZE = 65536, NCPU_MAX = 256 };

struct rig {
	struct arena *arena;
	struct diag diag;
	struct d *d;
	struct d_prog *prog;
	struct cc *cc;
	char said[8192];
	size_t len;
	uint32_t ncpu;
	int rings[NCPU_MAX];
	int inner[128][NCPU_MAX]; /* hashes of aggregations, by map and CPU */
	int progs[4];
	size_t nprogs;
};

static inline void said(void *arg, const char *text, size_t len)
{
	struct rig *r = arg;

	if (len < sizeof(r->said) - r->len) {
		memcpy(r->said + r->len, text, len);
		r->len += len;
	}
}

/* ---- The kernel's offsets ------------------------------------------------------------------ */

static struct btf *vmlinux;

static inline int64_t member_off(const struct btf_type *t, const char *path)
{
	const struct btf_member *m = btf_members(t);
	size_t n = strcspn(path, ".");

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *name = btf__name_by_offset(vmlinux, m->name_off);
		const struct btf_type *mt = btf__type_by_id(
			vmlinux, (uint32_t)btf__resolve_type(vmlinux, m->type));
		int64_t at = btf_member_bit_offset(t, (uint32_t)i) / 8, in;

		if (!*name && btf_is_composite(mt)) {
			in = member_off(mt, path);
			if (in >= 0)
				return at + in;
		}
		if (strlen(name) != n || strncmp(name, path, n))
			continue;
		if (!path[n])
			return at;
		in = member_off(mt, path + n + 1);
		return in < 0 ? in : at + in;
	}
	return -1;
}

static inline void kernel_offset(uint64_t *out, const char *path)
{
	char name[64];
	int id;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, "."), path);
	id = btf__find_by_name_kind(vmlinux, name, BTF_KIND_STRUCT);
	assert_true(id > 0);
	*out = (uint64_t)member_off(btf__type_by_id(vmlinux, (uint32_t)id), strchr(path, '.') + 1);
}

/* ---- Maps -------------------------------------------------------------------------------------- */

static inline int task_map(const struct cc_map *m)
{
	struct btf *btf = btf__new_empty();
	int key = btf__add_int(btf, "int", 4, BTF_INT_SIGNED),
	    byte = btf__add_int(btf, "char", 1, 0);
	int array = btf__add_array(btf, key, byte, m->value_size), value, fd;
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);

	value = btf__add_struct(btf, "self", m->value_size);
	btf__add_field(btf, "bytes", array, 0, 0);
	assert_int_equal(btf__load_into_kernel(btf), 0);
	o.btf_fd = (uint32_t)btf__fd(btf);
	o.btf_key_type_id = (uint32_t)key;
	o.btf_value_type_id = (uint32_t)value;
	fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, m->name, 4, m->value_size, 0, &o);
	btf__free(btf);
	return fd;
}

static inline int outer_map(struct rig *r, const struct cc_map *m, int *inner,
			    enum bpf_map_type type)
{
	bool ring = type == BPF_MAP_TYPE_RINGBUF;
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = ring ? 0 : BPF_F_NO_PREALLOC);
	LIBBPF_OPTS(bpf_map_create_opts, oo);
	int outer;

	for (uint32_t i = 0; i < r->ncpu; i++) {
		inner[i] = ring ? bpf_map_create(type, "ring", 0, 0, RING_SIZE, NULL) :
				  bpf_map_create(type, "agg", m->key_size, m->value_size, 64, &o);
		assert_true(inner[i] >= 0);
	}
	oo.inner_map_fd = (uint32_t)inner[0];
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, m->name, 4, 4, r->ncpu, &oo);
	for (uint32_t i = 0; i < r->ncpu; i++)
		assert_int_equal(bpf_map_update_elem(outer, &i, &inner[i], BPF_ANY), 0);
	return outer;
}

static inline int make_map(struct rig *r, struct cc_map *m, size_t id)
{
	LIBBPF_OPTS(bpf_map_create_opts, direct, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_map_create_opts, hash, .map_flags = BPF_F_NO_PREALLOC);

	switch (m->kind) {
	case CC_M_DIRECT:
		return bpf_map_create(BPF_MAP_TYPE_ARRAY, m->name, 4, m->value_size, 1, &direct);
	case CC_M_ARRAY:
		return bpf_map_create(BPF_MAP_TYPE_ARRAY, m->name, 4, m->value_size,
				      m->entries ? m->entries : 8, NULL);
	case CC_M_RINGS: return outer_map(r, m, r->rings, BPF_MAP_TYPE_RINGBUF);
	case CC_M_TASK: return task_map(m);
	case CC_M_DYN:
		return bpf_map_create(BPF_MAP_TYPE_HASH, m->name, m->key_size, m->value_size, 64,
				      &hash);
	default: return outer_map(r, m, r->inner[id], BPF_MAP_TYPE_HASH);
	}
}

/* ---- Compile, load, run ---------------------------------------------------------------------------- */

static inline bool compile(struct rig *r, const char *program)
{
	static const struct d_macro macros[] = { { "target", "123" } };
	struct d_config config = { .macros = macros, .nmacros = 1 };
	struct cc_options opt = { .strsize = 256,
				  .stackframes = 20,
				  .ustackframes = 100,
				  .ringsize = RING_SIZE,
				  .ncpu = (uint32_t)libbpf_num_possible_cpus() };

	memset(r, 0, sizeof(*r));
	memset(r->inner, 0xff, sizeof(r->inner));
	memset(r->rings, 0xff, sizeof(r->rings));
	r->ncpu = opt.ncpu;
	r->arena = arena_new();
	r->diag = (struct diag){ .who = "dtrace", .errtags = true, .sink = said, .arg = r };
	r->d = d_new(r->arena, &r->diag, &config);
	if (d_parse(r->d, text_new(r->arena, "-n", program, strlen(program)), 0))
		r->prog = d_check(r->d);
	if (r->prog)
		r->cc = cc_new(r->arena, &r->diag, r->d, r->prog, &opt);
	return r->cc;
}

static inline bool is_error_clause(const struct d_clause *c)
{
	return !strcmp(c->pdescs[0].name, "ERROR");
}

static inline int clauses_of(struct rig *r, bool error, int *list)
{
	int n = 0;

	for (size_t i = 0; i < r->prog->nclauses; i++)
		if (is_error_clause(r->prog->clauses[i]) == error)
			list[n++] = (int)i;
	return n;
}

static inline int load(struct rig *r, struct cc_func_set *set)
{
	static char log[1 << 20];
	int fd = cc_set_load(r->cc, set, "test", log, sizeof(log));

	if (fd < 0)
		fail_msg("not loaded: %s\n%s", strerror(errno),
			 strlen(log) > 6000 ? log + strlen(log) - 6000 : log);
	return fd;
}

/* Arguments of the probe in each context. */
static const struct cc_args args[CC_NCTX] = {
	[CC_CTX_UPROBE] = { .arg = { { .kind = CC_A_REG,
				       .size = 4,
				       .is_signed = true,
				       .base = 112,
				       .index = -1 },
				     { .kind = CC_A_UMEM,
				       .size = 8,
				       .base = 32,
				       .index = 40,
				       .scale = 4,
				       .disp = 8 } } },
	[CC_CTX_RAWTP] = { .arg = { { .kind = CC_A_CTX, .size = 8, .disp = 0 },
				    { .kind = CC_A_SYSRET, .size = 8, .disp = 8 } } },
	[CC_CTX_PERF] = { .arg = { { .kind = CC_A_KPC, .size = 8 },
				   { .kind = CC_A_UPC, .size = 8 } } },
	[CC_CTX_TEST] = { .arg = { { .kind = CC_A_CTX, .size = 8, .disp = 0 },
				   { .kind = CC_A_CTX, .size = 8, .disp = 8 } } },
};

static inline void build(struct rig *r)
{
	static const enum cc_ctx ctxs[] = { CC_CTX_TEST, CC_CTX_UPROBE, CC_CTX_RAWTP, CC_CTX_PERF };
	struct cc_func_set *sets[COUNT(ctxs)];
	int *list = arena_array(r->arena, int, r->prog->nclauses + 1);
	int *errors = arena_array(r->arena, int, r->prog->nclauses + 1);
	size_t n = (size_t)clauses_of(r, false, list), nmaps;
	struct cc_map *maps;

	cc_set_error_clauses(r->cc, errors, (size_t)clauses_of(r, true, errors), 3);
	for (size_t i = 0; i < COUNT(ctxs); i++) {
		struct cc_unit u = { .ctx = ctxs[i],
				     .clauses = list,
				     .nclauses = n,
				     .probe = 1,
				     .select = ctxs[i] == CC_CTX_UPROBE ? CC_SELECT_COOKIE :
									  CC_SELECT_STATIC,
				     .table = -1,
				     .args = &args[ctxs[i]],
				     .begin = !i,
				     .period_ns = ctxs[i] == CC_CTX_PERF ? 1000000 : 0,
				     .pid = ctxs[i] == CC_CTX_RAWTP ? 1 : 0 };

		if (cc_plan(r->cc, &u, &sets[i]))
			fail_msg("not compiled: %s", r->said);
	}
	maps = cc_maps(r->cc, &nmaps);
	maps[CC_MAP_STATE].used = maps[CC_MAP_CPUS].used = true;
	for (size_t i = 0; i < nmaps; i++)
		if (maps[i].used) {
			maps[i].fd = make_map(r, &maps[i], i);
			if (maps[i].fd < 0)
				fail_msg("map %s: %s", maps[i].name, strerror(errno));
		}
	for (r->nprogs = 0; r->nprogs < COUNT(ctxs); r->nprogs++)
		r->progs[r->nprogs] = load(r, sets[r->nprogs]);
}

static inline void direct_read(struct rig *r, int map, size_t off, void *to, size_t len)
{
	size_t n;
	struct cc_map *m = &cc_maps(r->cc, &n)[map];
	uint32_t zero = 0;
	char *all = calloc(1, m->value_size);

	assert_int_equal(bpf_map_lookup_elem(m->fd, &zero, all), 0);
	memcpy(to, all + off, len);
	free(all);
}

static inline struct rt_state state_of(struct rig *r)
{
	struct rt_state s;

	direct_read(r, CC_MAP_STATE, 0, &s, sizeof(s));
	return s;
}

/* Sets the state back to warm-up, in which BEGIN may run again. */
static inline void warm_up(struct rig *r)
{
	size_t n;
	struct rt_state s = state_of(r);
	uint32_t zero = 0;

	s.life = RT_WARMUP;
	assert_int_equal(
		bpf_map_update_elem(cc_maps(r->cc, &n)[CC_MAP_STATE].fd, &zero, &s, BPF_ANY), 0);
}

static inline void run(struct rig *r, uint64_t a0, uint64_t a1)
{
	uint64_t in[12] = { a0, a1 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = in, .ctx_size_in = sizeof(in));

	warm_up(r);
	assert_int_equal(bpf_prog_test_run_opts(r->progs[0], &o), 0);
}

static inline uint64_t drops(struct rig *r, enum rt_drop which)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->ncpu; i++) {
		struct rt_cpu c;

		direct_read(r, CC_MAP_CPUS, i * sizeof(c), &c, sizeof(c));
		sum += c.drops[which];
		assert_int_equal(c.scratch, 0); /* every slot was given back */
	}
	return sum;
}

static inline void done(struct rig *r)
{
	size_t n = 0;
	struct cc_map *maps = r->cc ? cc_maps(r->cc, &n) : NULL;

	for (size_t i = 0; i < r->nprogs; i++)
		close(r->progs[i]);
	for (size_t i = 0; i < n; i++) {
		if (maps[i].fd >= 0)
			close(maps[i].fd);
		for (uint32_t k = 0; k < r->ncpu; k++)
			if (r->inner[i][k] >= 0)
				close(r->inner[i][k]);
	}
	for (uint32_t k = 0; k < r->ncpu; k++)
		if (r->rings[k] >= 0)
			close(r->rings[k]);
	d_free(r->d);
	arena_free(r->arena);
}

static inline void start(struct rig *r, const char *program)
{
	if (!compile(r, program))
		fail_msg("%s", r->said);
	build(r);
}

#endif
