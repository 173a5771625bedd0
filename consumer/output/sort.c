/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/sort.c: the order in which aggregations are printed (guide: chp-aggs).
 * In:   rows. Out: the same rows in order: by value, then by key; aggsortkey
 *       turns that round, aggsortrev turns it upside down.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 64 }; /* more than a key of the largest class can hold is never compared */

static int cmp_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int cmp_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int cmp_real(long double a, long double b)
{
	return a < b ? -1 : a > b;
}

/* ---- Keys ------------------------------------------------------------------ */

static int cmp_stack(const struct out_value *a, const struct out_value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int cmp = cmp_u64(a->owner.pid, b->owner.pid);

	for (size_t i = 0; !cmp && i < n; i++) {
		uint64_t x, y;

		memcpy(&x, a->bytes + i * 8, 8);
		memcpy(&y, b->bytes + i * 8, 8);
		cmp = cmp_u64(x, y);
	}
	return cmp ? cmp : cmp_u64(a->len, b->len);
}

static int cmp_string(const struct out_value *a, const struct out_value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int cmp = memcmp(a->bytes, b->bytes, n);

	return cmp ? cmp : cmp_u64(a->len, b->len);
}

static int cmp_value(const struct out_value *a, const struct out_value *b)
{
	int cmp;

	switch (a->kind) {
	case REC_INT:
		return a->is_signed ? cmp_i64((int64_t)a->i, (int64_t)b->i) : cmp_u64(a->i, b->i);
	case REC_STRING:
	case REC_BYTES: return cmp_string(a, b);
	case REC_STACK:
	case REC_USTACK: return cmp_stack(a, b);
	default: cmp = cmp_u64(a->owner.pid, b->owner.pid); return cmp ? cmp : cmp_u64(a->i, b->i);
	}
}

/* Keys of fewer components come first; components are compared from key_pos on, round the end. */
int out_row_key_cmp(const struct out_row *a, const struct out_row *b, size_t key_pos)
{
	struct out_value x[MAX_KEYS], y[MAX_KEYS];
	size_t n = a->desc->nkeys;
	int cmp = cmp_u64(n, b->desc->nkeys);

	if (cmp || n > MAX_KEYS || !out_value_keys(x, a->desc, a->key, a->key_len) ||
	    !out_value_keys(y, b->desc, b->key, b->key_len))
		return cmp;
	if (key_pos >= n)
		key_pos = 0;
	for (size_t i = 0; !cmp && i < n; i++) {
		size_t at = (i + key_pos) % n;

		cmp = cmp_u64(x[at].kind, y[at].kind);
		if (!cmp)
			cmp = cmp_value(&x[at], &y[at]);
	}
	return cmp;
}

/* ---- Values ----------------------------------------------------------------- */

/* What the buckets sum up to if each value were its bucket's lowest; *zero: hits of value 0. */
static long double dist_sum(const struct out_row *r, int64_t *zero)
{
	const uint64_t *bucket = r->words + 1;
	const int64_t *p = r->desc->agg->params;
	size_t n = r->desc->words - 1;
	bool linear = r->desc->agg->func == D_AGG_lquantize;
	long double sum = 0;

	*zero = 0;
	for (size_t i = 0; i < n; i++) {
		long double v;

		if (!linear) {
			int k = (int)i - RT_QUANTIZE_ZERO;

			v = k > 0 ? (long double)(1ull << (k - 1)) :
			    k < 0 ? -(long double)(1ull << (-k - 1)) :
				    0;
		} else if (!i) {
			v = (long double)p[0] - 1;
		} else {
			v = (long double)p[0] + (long double)(i - 1) * (long double)p[2] +
			    (i == n - 1);
		}
		sum += v * (long double)(int64_t)bucket[i];
		if (v < 0.5L && v > -0.5L)
			*zero += (int64_t)bucket[i];
	}
	return sum;
}

int out_value_cmp(const struct agg_desc *d, const uint64_t *x, const uint64_t *y)
{
	struct out_row a = { .desc = d, .normal = 1, .words = x },
		       b = { .desc = d, .normal = 1, .words = y };

	return out_row_value_cmp(&a, &b);
}

int out_row_value_cmp(const struct out_row *a, const struct out_row *b)
{
	int cmp = cmp_i64(a->desc->agg->func, b->desc->agg->func);
	int64_t azero, bzero;
	struct out_row x = *a, y = *b;

	if (cmp)
		return cmp;
	if (out_agg_is_dist(a)) {
		cmp = cmp_real(dist_sum(a, &azero), dist_sum(b, &bzero));
		return cmp ? cmp : cmp_i64(azero, bzero);
	}
	x.normal = y.normal = 1; /* what rounding would make equal is not */
	return cmp_i64(out_agg_int(&x), out_agg_int(&y));
}

/* ---- Sorting ------------------------------------------------------------------ */

struct out_order out_order_of(const struct out *o)
{
	int64_t pos = out_opt(o->opt.aggsortkeypos);

	return (struct out_order){ .by_key = out_opt(o->opt.aggsortkey),
				   .reverse = out_opt(o->opt.aggsortrev),
				   .key_pos = pos > 0 ? (size_t)pos : 0 };
}

static int row_cmp(const void *pa, const void *pb, void *arg)
{
	const struct out_row *a = pa, *b = pb;
	const struct out_order *order = arg;
	int key, cmp = cmp_i64(a->desc->agg->id, b->desc->agg->id);

	if (!cmp) {
		key = out_row_key_cmp(a, b, order->key_pos);
		cmp = order->by_key && key ? key : out_row_value_cmp(a, b);
		cmp = cmp ? cmp : key;
	}
	return order->reverse ? -cmp : cmp;
}

void out_rows_sort(struct out_row *rows, size_t n, const struct out_order *order)
{
	if (n)
		qsort_r(rows, n, sizeof(*rows), row_cmp, (void *)order);
}

struct lines {
	const struct out_order *order;
	size_t width, pos;
};

/* Every row of a line has the line's key. */
static int line_cmp(const void *pa, const void *pb, void *arg)
{
	const struct out_row *a = pa, *b = pb;
	const struct lines *l = arg;
	int key = out_row_key_cmp(a, b, l->order->key_pos), cmp = l->order->by_key ? key : 0;

	for (size_t i = 0; !cmp && i < l->width; i++) {
		size_t at = (i + l->pos) % l->width;

		cmp = out_row_value_cmp(&a[at], &b[at]);
	}
	cmp = cmp ? cmp : key;
	return l->order->reverse ? -cmp : cmp;
}

void out_lines_sort(struct out_row *rows, size_t nlines, size_t width, size_t pos,
		    const struct out_order *order)
{
	struct lines l = { order, width, pos < width ? pos : 0 };

	if (nlines)
		qsort_r(rows, nlines, width * sizeof(*rows), line_cmp, &l);
}
