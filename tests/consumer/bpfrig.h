/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/bpfrig.h: a struct cc with maps and options made by hand, without a D program, for
 * tests that emit their own functions and link them.
 */
#ifndef TESTS_BPFRIG_H
#define TESTS_BPFRIG_H

#include "ebpf/rt.h"
#include "consumer/compile/inner.h"

#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct rig {
	struct cc cc;
	struct diag diag;
	void *mem[CC_NFIXEDMAPS];
};

static inline int rig_direct(struct rig *r, int id, const char *name, uint32_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct cc_map *m = &r->cc.maps[id];

	m->kind = CC_M_DIRECT;
	m->value_size = size;
	m->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, size, 1, &opts);
	assert_true(m->fd >= 0);
	r->mem[id] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	assert_ptr_not_equal(r->mem[id], MAP_FAILED);
	return m->fd;
}

static inline void rig_init(struct rig *r, uint32_t strsize, uint32_t slot_size)
{
	memset(r, 0, sizeof(*r));
	r->diag = (struct diag){ .who = "test", .sink = diag_to_file, .arg = stderr };
	r->cc.arena = arena_new();
	r->cc.diag = &r->diag;
	r->cc.opt.strsize = strsize;
	r->cc.opt.ncpu = 2;
	r->cc.ncpu2 = 2;
	r->cc.slot_size = slot_size;
	r->cc.nmaps = CC_NFIXEDMAPS;
	for (int i = 0; i < CC_NFIXEDMAPS; i++)
		r->cc.maps[i].fd = -1;
}

static inline void rig_fini(struct rig *r)
{
	for (int i = 0; i < CC_NFIXEDMAPS; i++) {
		if (r->mem[i])
			munmap(r->mem[i], r->cc.maps[i].value_size);
		if (r->cc.maps[i].fd >= 0)
			close(r->cc.maps[i].fd);
	}
	arena_free(r->cc.arena);
}

/* Links and loads a set of one function. If the verifier refuses, prints the verifier's log. */
static inline int rig_load(struct rig *r, struct cc_func *f, enum cc_ctx ctx)
{
	struct cc_func *funcs[] = { f };
	struct cc_func_set set = { .unit = { .ctx = ctx }, .funcs = funcs, .nfuncs = 1 };
	size_t log_size = 1 << 24;
	char *log = malloc(log_size);
	int fd;

	assert_non_null(log);
	f->params = "c";
	assert_int_equal(cc_func_end(f), 0);
	fd = cc_set_load(&r->cc, &set, f->name, log, log_size);
	if (fd < 0)
		fprintf(stderr, "%s: %d\n%s\n", f->name, fd,
			strlen(log) > 3000 ? log + strlen(log) - 3000 : log);
	free(log);
	return fd;
}

static inline uint32_t rig_run(int prog, const uint64_t *args, uint32_t nargs)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = nargs * 8);

	assert_int_equal(bpf_prog_test_run_opts(prog, &opts), 0);
	return opts.retval;
}

#endif
