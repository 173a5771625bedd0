/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/merge.c: merges rows whose keys hold symbols (sym, func, mod, usym, ufunc, umod)
 * and are printed alike.
 * In:   drained rows, with a key for each address.
 * Out:  rows with a name: the key, with each symbol as its printed text.
 * Owns: nothing; the rows own the names.
 *
 * Programs know only addresses. Symbols are looked up when a row is merged, while the history of
 * mappings is fresh. Later the row is printed from its name.
 */
#include "consumer/aggs/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_symbol(enum rec_kind kind)
{
	return kind == REC_KSYM || kind == REC_USYM;
}

bool aggs_has_symbols(const struct agg_desc *desc)
{
	for (size_t i = 0; i < desc->nkeys; i++)
		if (is_symbol(desc->kinds[i]))
			return true;
	return false;
}

/* Writes the components in order: a symbol as its text with NUL, another component as its bytes. */
static int name_make(struct agg_row *row, aggs_symbol_fn *symbol, void *arg)
{
	const struct agg_desc *desc = row->desc;
	size_t most = row->key_len + desc->nkeys * AGGS_SYMBOL, n = 0;
	struct rec_value *v = calloc(desc->nkeys, sizeof(*v));
	size_t *ends = calloc(desc->nkeys + 1, sizeof(*ends));
	unsigned char *name = malloc(most);
	int err = v && ends && name ? 0 : -ENOMEM;

	if (!err && !aggs_key_parts(v, ends, row))
		err = -EBADMSG;
	for (size_t i = 0; !err && i < desc->nkeys; i++) {
		size_t part = ends[i + 1] - ends[i];

		if (is_symbol(desc->kinds[i])) {
			symbol(arg, &v[i], (char *)name + n, AGGS_SYMBOL);
			part = strlen((const char *)name + n) + 1;
		} else {
			memcpy(name + n, row->key + ends[i], part);
		}
		n += part;
	}
	free(v);
	free(ends);
	if (err) {
		free(name);
		return err;
	}
	row->name = name;
	row->name_len = n;
	return 0;
}

static int row_merge(struct agg_table *t, struct agg_row *row, aggs_symbol_fn *symbol, void *arg)
{
	int err = name_make(row, symbol, arg);
	struct agg_row *same;

	if (err)
		return err;
	same = hash_get(t->names, row->name, row->name_len);
	if (!same)
		return hash_set(t->names, row->name, row->name_len, row, NULL);
	for (uint32_t i = 0; i < row->desc->words; i++)
		aggs_word_add(same, i, row->words[i]);
	aggs_row_drop(t, row);
	return 0;
}

static int table_merge(struct agg_table *t, aggs_symbol_fn *symbol, void *arg)
{
	size_t n = 0, at = 0;
	struct agg_row **fresh = calloc(t->nfresh, sizeof(*fresh));
	void *row;
	int err = 0;

	if (!fresh)
		return -ENOMEM;
	while (n < t->nfresh && hash_next(t->rows, &at, NULL, NULL, &row))
		if (!((struct agg_row *)row)->name)
			fresh[n++] = row;
	for (size_t i = 0; !err && i < n; i++)
		err = row_merge(t, fresh[i], symbol, arg);
	free(fresh);
	if (!err)
		t->nfresh = 0;
	return err;
}

bool aggs_unmerged(const struct aggs *a)
{
	for (size_t i = 0; i < a->ntables; i++)
		if (a->tables[i].names && a->tables[i].nfresh)
			return true;
	return false;
}

int aggs_merge(struct aggs *a, aggs_symbol_fn *symbol, void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < a->ntables; i++)
		if (a->tables[i].names && a->tables[i].nfresh)
			err = table_merge(&a->tables[i], symbol, arg);
	return err;
}
