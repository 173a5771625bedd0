/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/table.c: printa, clear, trunc, normalize and denormalize; the
 * aggregations that are printed at the end.
 * In:   actions and the run's table. Out: rows for aggs.c; changes of the table.
 * Owns: the marks of printed aggregations.
 */
#include "consumer/output/inner.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int mark_printed(struct out *o, int agg)
{
	size_t n = (size_t)agg + 1;

	if (n > o->nprinted) {
		bool *p = realloc(o->printed, n * sizeof(*p));

		if (!p)
			return -ENOMEM;
		memset(p + o->nprinted, 0, (n - o->nprinted) * sizeof(*p));
		o->printed = p;
		o->nprinted = n;
	}
	o->printed[agg] = true;
	return 0;
}

/* ---- One aggregation -------------------------------------------------------- */

static int print_one(struct out *o, const struct d_format *f, const struct aggs *aggs, int agg)
{
	size_t n = aggs_count(aggs, agg), at = 0, i = 0;
	struct agg_row *rows = calloc(n ? n : 1, sizeof(*rows));
	struct agg_row *r;
	int err;

	if (!rows)
		return -ENOMEM;
	while (i < n && (r = aggs_next(aggs, agg, &at)))
		rows[i++] = *r;
	err = out_lines_print(o, f, rows, i, 1);
	free(rows);
	return err;
}

/* ---- Several, joined by key --------------------------------------------------- */

struct join {
	const struct aggs *aggs;
	const struct rec_action *act;
	struct hash *lines;   /* key → line + 1 */
	struct agg_row *rows; /* lines of naggs rows */
	size_t nlines;
	uint64_t *zeros; /* the value of an aggregation that lacks a line's key */
};

static bool join_init(struct join *j)
{
	size_t most = 0, words = 1;

	for (size_t i = 0; i < j->act->naggs; i++) {
		const struct agg_desc *desc = aggs_desc(j->aggs, j->act->aggs[i]->id);

		most += aggs_count(j->aggs, j->act->aggs[i]->id);
		words = desc->words > words ? desc->words : words;
	}
	j->lines = hash_new();
	j->rows = calloc(most * j->act->naggs + 1, sizeof(*j->rows));
	j->zeros = calloc(words, sizeof(*j->zeros));
	return j->lines && j->rows && j->zeros;
}

static void join_free(struct join *j)
{
	hash_free(j->lines, NULL);
	free(j->rows);
	free(j->zeros);
}

/* The line of a key; a new line holds zeros. NULL: no memory. */
static struct agg_row *join_line(struct join *j, const struct agg_row *r)
{
	const void *key = r->name ? r->name : r->key ? r->key : (const void *)"";
	size_t len = r->name ? r->name_len : r->key_len, width = j->act->naggs,
	       line = (uintptr_t)hash_get(j->lines, key, len);

	if (line)
		return j->rows + (line - 1) * width;
	if (hash_set(j->lines, key, len, (void *)(uintptr_t)(j->nlines + 1), NULL))
		return NULL;
	for (size_t i = 0; i < width; i++)
		j->rows[j->nlines * width + i] =
			(struct agg_row){ .desc = aggs_desc(j->aggs, j->act->aggs[i]->id),
					  .normal = 1,
					  .key = r->key,
					  .key_len = r->key_len,
					  .name = r->name,
					  .name_len = r->name_len,
					  .words = j->zeros };
	return j->rows + j->nlines++ * width;
}

static int print_joined(struct out *o, const struct rec_action *act, const struct aggs *aggs)
{
	struct join j = { .aggs = aggs, .act = act };
	int err = join_init(&j) ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < act->naggs; i++) {
		struct agg_row *r;
		size_t at = 0;

		while (!err && (r = aggs_next(aggs, act->aggs[i]->id, &at))) {
			struct agg_row *line = join_line(&j, r);

			if (line)
				line[i] = *r;
			else
				err = -ENOMEM;
		}
	}
	if (!err)
		err = out_lines_print(o, act->format, j.rows, j.nlines, act->naggs);
	join_free(&j);
	return err;
}

/* ---- Actions --------------------------------------------------------------------- */

int out_act_printa(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		   struct aggs *aggs)
{
	int err = 0;

	(void)rec;
	if (!act->naggs)
		return -EINVAL;
	if (!act->format)
		out_putc(o, '\n');
	for (size_t i = 0; !err && i < act->naggs; i++)
		err = mark_printed(o, act->aggs[i]->id);
	if (err)
		return err;
	return act->naggs == 1 ? print_one(o, act->format, aggs, act->aggs[0]->id) :
				 print_joined(o, act, aggs);
}

int out_act_clear(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		  struct aggs *aggs)
{
	(void)rec;
	for (size_t i = 0; i < act->naggs; i++)
		aggs_clear(aggs, act->aggs[i]->id);
	return o->err;
}

int out_act_trunc(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		  struct aggs *aggs)
{
	struct rec_value v = { .i = (uint64_t)act->number };
	int err = 0;

	if (act->nfields && !out_value_field(&v, &act->fields[0], rec))
		return -EBADMSG;
	for (size_t i = 0; !err && i < act->naggs; i++)
		err = aggs_trunc(aggs, act->aggs[i]->id, (int64_t)v.i);
	return err ? err : o->err;
}

/* The factor is a constant or a value of the record. A factor of 0 is ignored: it cannot divide. */
int out_act_normalize(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		      struct aggs *aggs)
{
	struct rec_value v = { .i = (uint64_t)act->number };

	if (act->nfields && !out_value_field(&v, &act->fields[0], rec))
		return -EBADMSG;
	for (size_t i = 0; v.i && i < act->naggs; i++)
		aggs_normalize(aggs, act->aggs[i]->id, (int64_t)v.i);
	return o->err;
}

int out_act_denormalize(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
			struct aggs *aggs)
{
	(void)rec;
	for (size_t i = 0; i < act->naggs; i++)
		aggs_normalize(aggs, act->aggs[i]->id, 1);
	return o->err;
}

/* aggsortrev reverses the order of the aggregations too, not only of their rows. */
int out_aggs_print(struct out *o, struct aggs *aggs)
{
	bool reverse = out_order(o).reverse;
	int n = 0, err = 0;

	o->time = UINT64_MAX; /* looks user addresses up in the last mappings */
	while (aggs_desc(aggs, n))
		n++;
	for (int i = 0; !err && i < n; i++) {
		int agg = reverse ? n - 1 - i : i;

		if ((size_t)agg >= o->nprinted || !o->printed[agg])
			err = print_one(o, NULL, aggs, agg);
	}
	return err ? err : o->err;
}
