/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/drain.c: takes what programs have counted and adds it to the table.
 * In:   the cells' map; for each class of keys and values a hash for each CPU, and the program
 *       that drains the hashes.
 * Out:  rows, through rows.c.
 * Owns: the hashes, the drain programs and their ring, the mapping, and a descriptor of each array
 *       of maps to swap its hashes. The caller owns another descriptor of the array.
 */
#include "config.h"

#include "consumer/aggs/inner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Cells --------------------------------------------------------------------------------- */

static uint64_t take(uint64_t *word)
{
#ifdef PLAIN_STORES
	uint64_t v = *(volatile uint64_t *)word;

	for (volatile int i = 0; i < 1000; i++) /* so long that tests see the lost counts */
		;
	*(volatile uint64_t *)word = 0;
	return v;
#endif
	return *(volatile uint64_t *)word ? __atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL) : 0;
}

static int drain_cells(struct aggs *a)
{
	static const unsigned char none[1];

	for (size_t i = 0; i < a->ntables; i++) {
		struct agg_table *t = &a->tables[i];

		if (t->desc->nkeys || t->desc->agg->func < 0)
			continue;
		for (uint32_t cpu = 0; cpu < a->ncpu; cpu++) {
			uint64_t *cell = a->cells + cpu * a->block + t->desc->cell;
			struct agg_row *row;

			if (!*(volatile uint64_t *)cell)
				continue;
			row = aggs_row(t, none, 0);
			if (!row)
				return -ENOMEM;
			for (uint32_t w = 0; w < t->desc->words; w++)
				aggs_word_add(row, w, take(&cell[w]));
		}
	}
	return 0;
}

int aggs_cells(struct aggs *a, const struct cc_map *m)
{
	uint32_t ncpu2 = 1;
	void *p = mmap(NULL, m->value_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	while (ncpu2 < a->ncpu)
		ncpu2 *= 2;
	a->cells = p;
	a->cells_bytes = m->value_size;
	a->block = m->value_size / 8 / ncpu2;
	return 0;
}

/* ---- Hashes: made, swapped, closed ----------------------------------------------------------- */

static void hash_close(int *map)
{
	if (*map >= 0)
		close(*map);
	*map = -1;
}

static int hash_open(const struct agg_class *c)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "agg", c->desc.key_size, c->desc.value_size,
			      c->desc.entries, &opts);
}

static void class_close(struct aggs *a, struct agg_class *c)
{
	for (uint32_t i = 0; c->maps && i < 2 * a->ncpu; i++)
		hash_close(&c->maps[i]);
	free(c->maps);
	if (c->prog >= 0)
		close(c->prog);
	if (c->outer >= 0)
		close(c->outer);
}

static int ring_open(struct aggs *a)
{
	int fd;

	if (a->ring.n)
		return 0;
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "drain", 0, 0, RT_DRAIN_RING, NULL);
	if (fd < 0)
		return fd;
	a->buf = malloc(RT_DRAIN_RING);
	if (a->buf && ebpf_rings_open(&a->ring, &fd, 1, RT_DRAIN_RING))
		return 0;
	if (a->ring.n)
		ebpf_rings_close(&a->ring);
	else
		close(fd);
	return -ENOMEM;
}

static int class_program(struct aggs *a, struct agg_class *c)
{
	c->prog = cc_drain_load(&c->desc, c->outer, a->ring.ring[0].fd);
	return c->prog < 0 ? c->prog : 0;
}

static int class_maps(struct aggs *a, struct agg_class *c)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int err = 0;

	for (uint32_t cpu = 0; cpu < a->ncpu; cpu++) {
		c->maps[cpu] = hash_open(c);
		if (c->maps[cpu] < 0)
			return c->maps[cpu];
	}
	opts.inner_map_fd = (uint32_t)c->maps[0];
	c->outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, c->desc.name, 4, 4, 2 * a->ncpu,
				  &opts);
	if (c->outer < 0)
		return c->outer;
	for (uint32_t cpu = 0; cpu < a->ncpu && !err; cpu++)
		err = bpf_map_update_elem(c->outer, &cpu, &c->maps[cpu], BPF_ANY);
	return err;
}

int aggs_map_make(struct aggs *a, struct cc_map *m)
{
	struct agg_class *more = realloc(a->classes, (a->nclasses + 1) * sizeof(*more)), *c;
	int err = -ENOMEM, outer = -1;

	if (!more)
		return -ENOMEM;
	a->classes = more;
	c = &more[a->nclasses];
	*c = (struct agg_class){ .outer = -1, .prog = -1, .desc = *m };
	c->maps = malloc(2 * a->ncpu * sizeof(*c->maps));
	if (c->maps) {
		memset(c->maps, -1, 2 * a->ncpu * sizeof(*c->maps));
		err = ring_open(a);
	}
	err = err ? err : class_maps(a, c);
	err = err ? err : class_program(a, c);
	if (!err) {
		outer = fcntl(c->outer, F_DUPFD_CLOEXEC, 0);
		err = outer < 0 ? -errno : 0;
	}
	if (err) {
		class_close(a, c);
		return err;
	}
	a->nclasses++;
	return outer;
}

/*
 * Replaces the full hash by an empty hash. Programs that looked the full hash up just before may
 * still count in it, so the next drain reads it again. The update waits for programs that do not
 * sleep. A sleepable program holds a hash only while it counts.
 */
static int swap(struct aggs *a, struct agg_class *c, uint32_t cpu)
{
	uint32_t old = a->ncpu + cpu;
	int err, fresh;

	if (c->maps[old] >= 0)
		return 0;
	fresh = hash_open(c);
	if (fresh < 0)
		return fresh;
	err = bpf_map_update_elem(c->outer, &old, &c->maps[cpu], BPF_ANY);
	err = err ? err : bpf_map_update_elem(c->outer, &cpu, &fresh, BPF_ANY);
	if (err) {
		close(fresh);
		return err;
	}
	c->maps[old] = c->maps[cpu];
	c->maps[cpu] = fresh;
	return 0;
}

/* ---- Hashes: drained -------------------------------------------------------------------------- */

/* The bytes that one run of a drain program wrote. */
struct stream {
	struct aggs *a;
	const unsigned char *at, *end;
};

static bool get(struct stream *s, void *out, size_t n)
{
	if ((size_t)(s->end - s->at) < n)
		return false;
	memcpy(out, s->at, n);
	s->at += n;
	return true;
}

static struct agg_row *row_of_key(struct aggs *a, const unsigned char *key, size_t len,
				  struct agg_table **table)
{
	struct rt_key head;

	memcpy(&head, key, sizeof(head));
	if (head.id >= a->ntables)
		return NULL;
	*table = &a->tables[head.id];
	return aggs_row(*table, key + sizeof(head), len - sizeof(head));
}

/* Adds a record. Its words are before its key, so they are walked twice. -EPROTO: it is damaged. */
static int record(struct stream *s, uint32_t key_size, uint32_t words)
{
	const unsigned char *first = s->at;
	struct agg_row *row;
	struct agg_table *t;
	uint64_t pair[2];

	if (words == RT_DRAIN_SPARSE) {
		do {
			if (!get(s, pair, sizeof(pair)))
				return -EPROTO;
		} while (pair[0] != RT_DRAIN_END);
	} else if (words > RT_DRAIN_DENSE || (size_t)(s->end - s->at) < words * 8) {
		return -EPROTO;
	} else {
		s->at += words * 8;
	}
	if (key_size < sizeof(struct rt_key) || (size_t)(s->end - s->at) < key_size)
		return -EPROTO;
	row = row_of_key(s->a, s->at, key_size, &t);
	s->at += key_size;
	if (!row)
		return -ENOMEM;
	for (uint64_t i = 0;; i++) {
		if (words == RT_DRAIN_SPARSE) {
			memcpy(pair, first + i * 16, 16);
			if (pair[0] == RT_DRAIN_END)
				return 0;
		} else if (i == words) {
			return 0;
		} else {
			pair[0] = i;
			memcpy(&pair[1], first + i * 8, 8);
		}
		aggs_word_add(row, (uint32_t)pair[0], pair[1]);
	}
}

static int records(struct stream *s)
{
	uint32_t head[2];
	int err = 0;

	while (s->at < s->end && !err) {
		if (!get(s, head, sizeof(head)))
			return -EPROTO;
		err = record(s, head[0], head[1]);
	}
	return err;
}

static int drain_hash(struct aggs *a, const struct agg_class *c, uint32_t hash, uint64_t *keys)
{
	struct rt_drain_run ctx = { .hash = hash };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	int err = 0, e;

	do {
		struct stream s = { a, a->buf, a->buf };
		uint64_t seen = ctx.seen;

		e = bpf_prog_test_run_opts(c->prog, &opts);
		s.end = a->buf + ebpf_ring_take(&a->ring.ring[0], a->buf, RT_DRAIN_RING);
		e = e ? e : records(&s);
		if (!e && (ctx.more == RT_DRAIN_LOST || (ctx.more && ctx.seen == seen)))
			e = -EPROTO; /* lost records, or a run that would repeat forever */
		err = err ? err : e;
	} while (!e && ctx.more);
	*keys = ctx.seen;
	return err;
}

static int drain_class(struct aggs *a, struct agg_class *c)
{
	int err = 0, e;

	for (uint32_t cpu = 0; cpu < a->ncpu; cpu++) {
		uint32_t old = a->ncpu + cpu;
		uint64_t keys = 0;

		if (c->maps[old] >= 0) {
			e = drain_hash(a, c, old, &keys);
			e = e ? e : bpf_map_delete_elem(c->outer, &old);
			if (!e)
				hash_close(&c->maps[old]);
			err = err ? err : e;
		}
		e = drain_hash(a, c, cpu, &keys);
		if (!e && keys > c->desc.entries / 2)
			e = swap(a, c, cpu);
		err = err ? err : e;
	}
	return err;
}

int aggs_drain(struct aggs *a)
{
	int err = a->cells ? drain_cells(a) : 0, e;

	for (size_t i = 0; i < a->nclasses; i++) {
		e = drain_class(a, &a->classes[i]);
		err = err ? err : e;
	}
	return err;
}

void aggs_maps_close(struct aggs *a)
{
	for (size_t i = 0; i < a->nclasses; i++)
		class_close(a, &a->classes[i]);
	free(a->classes);
	if (a->cells)
		munmap(a->cells, a->cells_bytes);
	if (a->ring.n)
		ebpf_rings_close(&a->ring);
	free(a->buf);
}
