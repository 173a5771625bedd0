/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/rows.c: the rows of one aggregation, found by key.
 * In:   keys.
 * Out:  rows; a new key makes a new row.
 * Owns: nothing; the table owns the rows.
 */
#include "consumer/aggs/inner.h"

#include <stdlib.h>
#include <string.h>

void aggs_row_free(void *p)
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
	aggs_row_free(row);
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
	aggs_row_free(row);
}
