/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/table.c: rows of aggregations by key, and what clear, trunc and normalize do.
 * In:   drained keys and words.
 * Out:  rows.
 * Owns: the rows.
 */
#include "consumer/aggs/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows ---------------------------------------------------------------------------------- */

static void row_free(void *p)
{
	struct agg_row *row = p;

	free(row->key);
	free(row->name);
	free(row->words);
	free(row);
}

static struct agg_row *row_new(struct agg_table *t, const unsigned char *key, size_t len)
{
	struct agg_row *row = calloc(1, sizeof(*row));

	if (!row)
		return NULL;
	row->desc = t->desc;
	row->words = calloc(t->desc->words, sizeof(*row->words));
	row->key = len ? malloc(len) : NULL;
	row->key_len = len;
	row->normal = 1;
	if (row->words && (row->key || !len)) {
		if (len)
			memcpy(row->key, key, len);
		if (!hash_set(t->rows, key, len, row, NULL)) {
			t->nfresh++;
			return row;
		}
	}
	row_free(row);
	return NULL;
}

struct agg_row *aggs_row(struct agg_table *t, const unsigned char *key, size_t len)
{
	struct agg_row *row = hash_get(t->rows, key, len);

	return row ? row : row_new(t, key, len);
}

void aggs_row_drop(struct agg_table *t, struct agg_row *row)
{
	static const unsigned char none[1];

	if (!row->name)
		t->nfresh--;
	else if (hash_get(t->names, row->name, row->name_len) == row)
		hash_remove(t->names, row->name, row->name_len);
	hash_remove(t->rows, row->key ? row->key : none, row->key_len);
	row_free(row);
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
	struct agg_row *row;
	size_t order;
};

/* Of equal values the key that was drained first counts as larger. */
static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int cmp = aggs_value_cmp(x->row, y->row);

	return cmp ? cmp : CMP(y->order, x->order);
}

int aggs_trunc(struct aggs *a, int agg, int64_t n)
{
	struct agg_table *t = &a->tables[agg];
	size_t count = hash_count(t->rows), at = 0, i = 0;
	uint64_t keep = n < 0 ? -(uint64_t)n : (uint64_t)n;
	struct ranked *rows;
	struct agg_row *row;

	if (keep >= count)
		return 0;
	rows = calloc(count, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (; (row = aggs_next(a, agg, &at)); i++)
		rows[i] = (struct ranked){ row, i };
	qsort(rows, count, sizeof(*rows), by_value);
	for (i = 0; i < count - keep; i++)
		aggs_row_drop(t, rows[n < 0 ? count - 1 - i : i].row);
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
		struct agg_table *t = &a->tables[a->ntables];

		t->desc = cc_agg(cc, (int)a->ntables);
		t->rows = hash_new();
		if (aggs_has_symbols(t->desc))
			t->names = hash_new();
		if (!t->rows || (aggs_has_symbols(t->desc) && !t->names))
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
	aggs_maps_close(a);
	for (size_t i = 0; a->tables && i < a->ntables; i++) {
		hash_free(a->tables[i].names, NULL);
		hash_free(a->tables[i].rows, row_free);
	}
	free(a->tables);
	free(a);
}
