/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/table.c: the tables of a program's aggregations; clear, trunc and normalize.
 * In:   the program's aggregations; actions.
 * Out:  tables, whose rows drain.c fills.
 * Owns: the tables, with their rows.
 */
#include "consumer/aggs/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Of rows with equal values, the row that was drained first counts as larger. */
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
		hash_free(a->tables[i].rows, aggs_row_free);
	}
	free(a->tables);
	free(a);
}
