/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/order.c: the order in which rows are printed (guide: chp-aggs).
 * In:   lines of rows.
 * Out:  the same lines in order: by value, then by key. aggsortkey puts the key first, aggsortrev
 *       reverses the order.
 * Owns: nothing.
 */
#include "consumer/aggs/inner.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 64 }; /* keys of more components are not compared */

/* ---- Keys ------------------------------------------------------------------ */

static int cmp_int(const struct rec_value *a, const struct rec_value *b)
{
	return a->is_signed ? CMP((int64_t)a->i, (int64_t)b->i) : CMP(a->i, b->i);
}

static int cmp_string(const struct rec_value *a, const struct rec_value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int cmp = memcmp(a->bytes, b->bytes, n);

	return cmp ? cmp : CMP(a->len, b->len);
}

static int cmp_stack(const struct rec_value *a, const struct rec_value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int cmp = CMP(a->owner.pid, b->owner.pid);

	for (size_t i = 0; !cmp && i < n; i++) {
		uint64_t x, y;

		memcpy(&x, a->bytes + i * 8, 8);
		memcpy(&y, b->bytes + i * 8, 8);
		cmp = CMP(x, y);
	}
	return cmp ? cmp : CMP(a->len, b->len);
}

static int cmp_symbol(const struct rec_value *a, const struct rec_value *b)
{
	int cmp = CMP(a->owner.pid, b->owner.pid);

	return cmp ? cmp : CMP(a->i, b->i);
}

static int (*const by_kind[])(const struct rec_value *a, const struct rec_value *b) = {
	[REC_INT] = cmp_int,	 [REC_STRING] = cmp_string, [REC_BYTES] = cmp_string,
	[REC_STACK] = cmp_stack, [REC_USTACK] = cmp_stack,  [REC_KSYM] = cmp_symbol,
	[REC_USYM] = cmp_symbol,
};

/* Keys of fewer components come first. The component at key_pos is compared first, then the next
 * ones, and after the last component the first. */
static int key_cmp(const struct agg_row *a, const struct agg_row *b, size_t key_pos)
{
	struct rec_value x[MAX_KEYS], y[MAX_KEYS];
	size_t n = a->desc->nkeys;
	int cmp = CMP(n, b->desc->nkeys);

	if (cmp || n > MAX_KEYS || !aggs_key_values(x, a) || !aggs_key_values(y, b))
		return cmp;
	if (key_pos >= n)
		key_pos = 0;
	for (size_t i = 0; !cmp && i < n; i++) {
		size_t at = (i + key_pos) % n;

		cmp = CMP(x[at].kind, y[at].kind);
		cmp = cmp ? cmp : by_kind[x[at].kind](&x[at], &y[at]);
	}
	return cmp;
}

/* ---- Lines ------------------------------------------------------------------ */

struct lines {
	const struct aggs_order *order;
	size_t width, value_pos;
};

static int line_cmp(const void *pa, const void *pb, void *arg)
{
	const struct agg_row *a = pa, *b = pb;
	const struct lines *l = arg;
	int cmp = l->order->by_key ? key_cmp(a, b, l->order->key_pos) : 0;

	for (size_t i = 0; !cmp && i < l->width; i++) {
		size_t at = (i + l->value_pos) % l->width;

		cmp = aggs_value_cmp(&a[at], &b[at]);
	}
	if (!cmp && !l->order->by_key)
		cmp = key_cmp(a, b, l->order->key_pos);
	return l->order->reverse ? -cmp : cmp;
}

void aggs_sort(struct agg_row *rows, size_t nlines, size_t width, const struct aggs_order *order)
{
	size_t pos = order->value_pos;
	struct lines l = { order, width, pos < width ? pos : 0 };

	if (nlines)
		qsort_r(rows, nlines, width * sizeof(*rows), line_cmp, &l);
}
