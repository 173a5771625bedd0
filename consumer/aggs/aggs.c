/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/aggs.c: takes what programs have counted and keeps it by key.
 * In:   the cells' map; for each class of keys and values a hash a CPU, and the program that
 *       drains them.
 * Out:  rows, by aggregation.
 * Owns: the hashes, the drain programs and their ring, the mapping, the rows. The arrays of maps
 *       belong to the caller; they are duplicated to swap hashes in them.
 */
#include "config.h"

#include "base/hash.h"
#include "consumer/compile/compile.h"
#include "consumer/output/output.h"
#include "consumer/aggs/aggs.h"
#include "consumer/run/inner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct cls { /* one CC_M_AGG map */
	int outer, prog;
	struct cc_map desc;
	int *maps; /* as in `outer`: by CPU, then those swapped out, drained once more; -1: none */
};
struct table {
	const struct agg_desc *desc;
	struct hash *rows;
};
struct aggs {
	struct cc *cc;
	uint32_t ncpu;
	struct table *tables;
	size_t ntables;
	uint64_t *cells;
	size_t cells_bytes, block; /* words of a CPU */
	struct cls *classes;
	size_t nclasses;
	struct rings ring;  /* what drain programs write; n 0: no class yet */
	unsigned char *buf; /* CC_DRAIN_RING bytes */
};

/* ---- Rows ---------------------------------------------------------------------------------- */

static void row_free(void *p)
{
	struct agg_row *row = p;

	free(row->key);
	free(row->words);
	free(row);
}

static struct agg_row *row_new(struct table *t, const unsigned char *key, size_t len)
{
	struct agg_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->words = calloc(t->desc->words, sizeof(*row->words));
	row->key = len ? malloc(len) : NULL;
	row->key_len = len;
	row->normal = 1;
	if (row->words && (row->key || !len)) {
		if (len)
			memcpy(row->key, key, len);
		if (!hash_set(t->rows, key, len, row, NULL))
			return row;
	}
	row_free(row);
	return NULL;
}

static struct agg_row *row_get(struct table *t, const unsigned char *key, size_t len)
{
	struct agg_row *row = hash_get(t->rows, key, len);

	return row ? row : row_new(t, key, len);
}

/* One word of a drained value. stddev's last two words are one number of 128 bits. */
static void row_add(const struct agg_desc *d, struct agg_row *row, uint32_t i, uint64_t v)
{
	int func = d->agg->func;

	if (i >= d->words)
		return;
	if (i == 1 && (func == D_AGG_min || func == D_AGG_max)) {
		if (v > row->words[1])
			row->words[1] = v;
		return;
	}
	row->words[i] += v;
	if (func == D_AGG_stddev && i == 2 && row->words[2] < v)
		row->words[3]++;
}

/* ---- Cells --------------------------------------------------------------------------------- */

static uint64_t take(uint64_t *word)
{
#ifdef PLAIN_STORES
	uint64_t v = *(volatile uint64_t *)word;

	for (volatile int i = 0; i < 1000; i++) /* wide enough for the tests of the tests */
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
		struct table *t = &a->tables[i];

		if (t->desc->nkeys || t->desc->agg->func < 0)
			continue;
		for (uint32_t cpu = 0; cpu < a->ncpu; cpu++) {
			uint64_t *cell = a->cells + cpu * a->block + t->desc->cell;
			struct agg_row *row;

			if (!*(volatile uint64_t *)cell)
				continue;
			row = row_get(t, none, 0);
			if (!row)
				return -ENOMEM;
			for (uint32_t w = 0; w < t->desc->words; w++)
				row_add(t->desc, row, w, take(&cell[w]));
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

static int hash_open(const struct cls *c)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "agg", c->desc.key_size, c->desc.value_size,
			      c->desc.entries, &opts);
}

static void class_close(struct aggs *a, struct cls *c)
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
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "drain", 0, 0, CC_DRAIN_RING, NULL);
	if (fd < 0)
		return fd;
	a->buf = malloc(CC_DRAIN_RING);
	if (a->buf && rings_open(&a->ring, &fd, 1, CC_DRAIN_RING))
		return 0;
	if (a->ring.n)
		rings_close(&a->ring);
	else
		close(fd);
	return -ENOMEM;
}

static int class_program(struct aggs *a, struct cls *c)
{
	struct cc_image image;
	int err = cc_drain_program(a->cc, &c->desc, c->outer, a->ring.ring[0].fd, &image);

	if (!err)
		err = c->prog = cc_image_load(&image, "drain", NULL, 0);
	cc_image_close(&image);
	return err < 0 ? err : 0;
}

static int class_maps(struct aggs *a, struct cls *c)
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
	struct cls *more = realloc(a->classes, (a->nclasses + 1) * sizeof(*more)), *c;
	int err = -ENOMEM, outer = -1;

	if (!more)
		return -ENOMEM;
	a->classes = more;
	c = &more[a->nclasses];
	*c = (struct cls){ .outer = -1, .prog = -1, .desc = *m };
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
 * The new hash takes the place of the full one; programs that looked that up just before may still
 * count in it, so it is read again at the next drain. The kernel waits for those that do not
 * sleep within the update; a sleepable one holds a hash for no longer than it counts.
 */
static int swap(struct aggs *a, struct cls *c, uint32_t cpu)
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

/* What one run of a drain program has brought. */
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
				  struct table **table)
{
	struct rt_key head;

	memcpy(&head, key, sizeof(head));
	if (head.id >= a->ntables)
		return NULL;
	*table = &a->tables[head.id];
	return row_get(*table, key + sizeof(head), len - sizeof(head));
}

/* One record: its words stand before its key, so they are walked twice. -EPROTO: not ours. */
static int record(struct stream *s, uint32_t key_size, uint32_t words)
{
	const unsigned char *first = s->at;
	struct agg_row *row;
	struct table *t;
	uint64_t pair[2];

	if (words == CC_DRAIN_SPARSE) {
		do {
			if (!get(s, pair, sizeof(pair)))
				return -EPROTO;
		} while (pair[0] != CC_DRAIN_END);
	} else if (words > CC_DRAIN_DENSE || (size_t)(s->end - s->at) < words * 8) {
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
		if (words == CC_DRAIN_SPARSE) {
			memcpy(pair, first + i * 16, 16);
			if (pair[0] == CC_DRAIN_END)
				return 0;
		} else if (i == words) {
			return 0;
		} else {
			pair[0] = i;
			memcpy(&pair[1], first + i * 8, 8);
		}
		row_add(t->desc, row, (uint32_t)pair[0], pair[1]);
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

static int drain_hash(struct aggs *a, const struct cls *c, uint32_t hash, uint64_t *keys)
{
	struct cc_drain_run ctx = { .hash = hash };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	int err = 0, e;

	do {
		struct stream s = { a, a->buf, a->buf };
		uint64_t seen = ctx.seen;

		e = bpf_prog_test_run_opts(c->prog, &opts);
		s.end = a->buf + ring_take(&a->ring.ring[0], a->buf, CC_DRAIN_RING);
		e = e ? e : records(&s);
		if (!e && (ctx.more == CC_DRAIN_LOST || (ctx.more && ctx.seen == seen)))
			e = -EPROTO; /* or no step was made: none will be */
		err = err ? err : e;
	} while (!e && ctx.more);
	*keys = ctx.seen;
	return err;
}

static int drain_class(struct aggs *a, struct cls *c)
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

/* ---- The table ---------------------------------------------------------------------------------- */

size_t aggs_count(const struct aggs *a, int agg)
{
	return hash_count(a->tables[agg].rows);
}

struct agg_row *aggs_next(const struct aggs *a, int agg, size_t *at)
{
	void *row;

	return hash_next(a->tables[agg].rows, at, NULL, NULL, &row) ? row : NULL;
}

const struct agg_desc *aggs_desc(const struct aggs *a, int agg)
{
	return (size_t)agg < a->ntables ? a->tables[agg].desc : NULL;
}

void aggs_clear(struct aggs *a, int agg)
{
	struct agg_row *row;
	size_t at = 0;

	while ((row = aggs_next(a, agg, &at)))
		memset(row->words, 0, a->tables[agg].desc->words * sizeof(*row->words));
}

void aggs_normalize(struct aggs *a, int agg, int64_t factor)
{
	struct agg_row *row;
	size_t at = 0;

	while ((row = aggs_next(a, agg, &at)))
		row->normal = factor;
}

struct ranked {
	const struct agg_desc *desc;
	struct agg_row *row;
	size_t order; /* equal values: the key that was first stays */
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int c = out_value_cmp(x->desc, x->row->words, y->row->words);

	return c ? c : x->order > y->order ? -1 : 1;
}

static void row_drop(struct table *t, struct agg_row *row)
{
	static const unsigned char none[1];

	hash_remove(t->rows, row->key ? row->key : none, row->key_len);
	row_free(row);
}

int aggs_trunc(struct aggs *a, int agg, int64_t n)
{
	struct table *t = &a->tables[agg];
	size_t count = hash_count(t->rows), at = 0, i = 0;
	uint64_t keep = n < 0 ? -(uint64_t)n : (uint64_t)n;
	struct ranked *rows;
	struct agg_row *row;

	if (keep >= count)
		return 0;
	rows = calloc(count, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	while ((row = aggs_next(a, agg, &at))) {
		rows[i] = (struct ranked){ t->desc, row, i };
		i++;
	}
	qsort(rows, count, sizeof(*rows), by_value);
	for (i = 0; i < count - keep; i++)
		row_drop(t, rows[n < 0 ? count - 1 - i : i].row);
	free(rows);
	return 0;
}

/* ---- Beginning and end ----------------------------------------------------------------------------- */

struct aggs *aggs_new(struct cc *cc, const struct d_prog *prog, uint32_t ncpu)
{
	struct aggs *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->cc = cc;
	a->ncpu = ncpu;
	a->tables = calloc(prog->naggs + 1, sizeof(*a->tables));
	for (; a->tables && a->ntables < prog->naggs; a->ntables++) {
		struct table *t = &a->tables[a->ntables];

		t->desc = cc_agg(cc, (int)a->ntables);
		t->rows = hash_new();
		if (!t->rows)
			break;
	}
	if (a->tables && a->ntables == prog->naggs)
		return a;
	aggs_free(a);
	return NULL;
}

void aggs_free(struct aggs *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->nclasses; i++)
		class_close(a, &a->classes[i]);
	for (size_t i = 0; a->tables && i < a->ntables; i++)
		hash_free(a->tables[i].rows, row_free);
	if (a->cells)
		munmap(a->cells, a->cells_bytes);
	free(a->classes);
	free(a->tables);
	if (a->ring.n)
		rings_close(&a->ring);
	free(a->buf);
	free(a);
}
