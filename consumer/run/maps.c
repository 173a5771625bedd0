/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/maps.c: makes the maps that programs use, as cc describes them.
 * In:   cc_maps, options.
 * Out:  descriptors in cc_maps; the mapped pages of state and cpus.
 * Owns: descriptors and mappings, until run_maps_close. consumer/aggs owns the
 *       hashes of aggregations.
 */
#include "consumer/run/inner.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A ring's size is a power of two and at least a page; the kernel takes it as 32 bits. */
uint32_t run_ring_size(const struct run *r)
{
	/* keep.c keeps no more than bufsize. The ring is larger, to lose no record on the way. */
	uint32_t size = run_policy(r)->keeps_last ? 4 << 20 : 4096;

	while (size < r->opts.value[RUN_OPT_bufsize] && size < RUN_RING_MAX)
		size *= 2;
	return size;
}

static int make_direct(struct run *r, struct cc_map *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	(void)r;
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, m->name, 4, m->value_size, 1, &opts);
}

static int make_array(struct run *r, struct cc_map *m)
{
	(void)r;
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, m->name, 4, m->value_size, m->entries, NULL);
}

/* Fills an outer map with a ring buffer for each CPU, and maps the ring buffers. */
static int make_rings(struct run *r, struct cc_map *m)
{
	uint32_t n = kern_cpus(), size = run_ring_size(r), made = 0;
	int outer = -1, *fds = calloc(n, sizeof(*fds));
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	if (!fds)
		return -ENOMEM;
	for (; made < n; made++) {
		fds[made] = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, size, NULL);
		if (fds[made] < 0) {
			outer = fds[made];
			break;
		}
	}
	if (made == n) {
		opts.inner_map_fd = (uint32_t)fds[0];
		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, m->name, 4, 4, n, &opts);
	}
	for (uint32_t i = 0; outer >= 0 && i < n; i++)
		if (bpf_map_update_elem(outer, &i, &fds[i], BPF_ANY)) {
			int err = -errno;

			close(outer);
			outer = err;
		}
	if (outer < 0 || !ebpf_rings_open(&r->rings, fds, n, size)) {
		int err = outer < 0 ? outer : -ENOMEM;

		if (!r->rings.ring)
			while (made--)
				close(fds[made]);
		if (outer >= 0)
			close(outer);
		outer = err;
	}
	free(fds);
	return outer;
}

/* Task storage must be told the type of its value, of which only the size matters. */
static int make_task(struct run *r, struct cc_map *m)
{
	struct btf *btf = btf__new_empty();
	int key, byte, value, fd = -ENOMEM;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	(void)r;
	if (!btf)
		return -ENOMEM;
	key = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	byte = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	value = btf__add_array(btf, key, byte, m->value_size);
	value = value > 0 ? btf__add_struct(btf, "self", m->value_size) : value;
	if (value > 0 && btf__add_field(btf, "bytes", value - 1, 0, 0) == 0 &&
	    btf__load_into_kernel(btf) == 0) {
		opts.btf_fd = (uint32_t)btf__fd(btf);
		opts.btf_key_type_id = (uint32_t)key;
		opts.btf_value_type_id = (uint32_t)value;
		fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, m->name, 4, m->value_size, 0, &opts);
	}
	btf__free(btf);
	return fd;
}

static int make_dyn(struct run *r, struct cc_map *m)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int64_t n = r->opts.value[RUN_OPT_dynvarsize] / (m->key_size + m->value_size + 48);

	m->entries = (uint32_t)(n < 4 ? 4 : n);
	return bpf_map_create(BPF_MAP_TYPE_HASH, m->name, m->key_size, m->value_size, m->entries,
			      &opts);
}

static int make_agg(struct run *r, struct cc_map *m)
{
	int64_t n = r->opts.value[RUN_OPT_aggsize] / (m->key_size + m->value_size + 48);

	m->entries = (uint32_t)(n < 4 ? 4 : n);
	return aggs_map_make(r->aggs, m);
}

/* ---- Once a map is made ------------------------------------------------------ */

static void *map_direct(const struct cc_map *m)
{
	void *p = mmap(NULL, m->value_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int made_state(struct run *r, struct cc_map *m)
{
	r->state = map_direct(m);
	return r->state ? 0 : -errno;
}

static int made_cpus(struct run *r, struct cc_map *m)
{
	r->cpus = map_direct(m);
	r->mapped_cpus = m->value_size;
	return r->cpus ? 0 : -errno;
}

static int made_cells(struct run *r, struct cc_map *m)
{
	return aggs_cells(r->aggs, m);
}

/* Only programs use the map, or loading fills it. */
static int made_nothing(struct run *r, struct cc_map *m)
{
	(void)r;
	(void)m;
	return 0;
}
#define made_globals made_nothing
#define made_scratch made_nothing
#define made_rings made_nothing
#define made_probes made_nothing
#define made_self made_nothing
#define made_zero made_nothing
#define made_ticks made_nothing

/* ---- All maps ---------------------------------------------------------------- */

static int (*const make[CC_NMAPKINDS])(struct run *, struct cc_map *) = {
#define CC_MAPKIND(id, lower) [CC_M_##id] = make_##lower,
#include "consumer/compile/maps.def"
};
static int (*const made[CC_NFIXEDMAPS])(struct run *, struct cc_map *) = {
#define CC_MAP(id, name, ...) [CC_MAP_##id] = made_##name,
#include "consumer/compile/maps.def"
};

bool run_maps_make(struct run *r)
{
	size_t n;
	struct cc_map *maps = cc_maps(r->cc, &n);

	for (size_t i = 0; i < n; i++) {
		int err = 0;

		if (!maps[i].used || maps[i].fd >= 0)
			continue;
		maps[i].fd = make[maps[i].kind](r, &maps[i]);
		if (maps[i].fd < 0)
			err = maps[i].fd;
		else if (i < CC_NFIXEDMAPS)
			err = made[i](r, &maps[i]);
		if (err) {
			diag_error(r->diag, NOWHERE, NULL, "cannot make the map for %s: %s",
				   maps[i].name, strerror(-err));
			return false;
		}
	}
	return true;
}

void run_maps_close(struct run *r)
{
	size_t n = 0;
	struct cc_map *maps = r->cc ? cc_maps(r->cc, &n) : NULL;

	if (r->state)
		munmap(r->state, sizeof(*r->state));
	if (r->cpus)
		munmap(r->cpus, r->mapped_cpus);
	r->state = NULL;
	r->cpus = NULL;
	ebpf_rings_close(&r->rings);
	for (size_t i = 0; i < n; i++) {
		if (maps[i].fd >= 0)
			close(maps[i].fd);
		maps[i].fd = -1;
	}
}
