/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/dist.c: the value of an aggregation: a number, or the bars of quantize and lquantize
 * (guide: chp-aggs).
 * In:   a row's words, laid out as ebpf/abi.h says. Out: text.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <string.h>

/* ---- Bars ------------------------------------------------------------------ */

static struct out_bars bars_begin(struct out *o, const struct agg_row *r, size_t first, size_t last)
{
	struct out_bars b = { 0 };

	for (size_t i = first; i <= last; i++)
		out_bars_add(o, &b, (int64_t)r->words[1 + i]);
	out_put_bars_head(o, 16, "value");
	return b;
}

static void bar(struct out *o, const struct out_bars *b, const struct agg_row *r, size_t i)
{
	out_put_bar(o, b, (int64_t)r->words[1 + i], aggs_bucket(r, i));
}

/* From the first bucket in use to the last, with one more on each side; false: all are empty. */
static bool used(const uint64_t *bucket, size_t n, size_t *first, size_t *last)
{
	size_t a = 0, z = n - 1;

	while (a < n && !bucket[a])
		a++;
	if (a == n)
		return false;
	while (!bucket[z])
		z--;
	*first = a ? a - 1 : 0;
	*last = z < n - 1 ? z + 1 : z;
	return true;
}

int64_t out_quantize_value(size_t i)
{
	if (i > RT_QUANTIZE_ZERO)
		return (int64_t)1 << (i - RT_QUANTIZE_ZERO - 1);
	if (i < RT_QUANTIZE_ZERO)
		return -((int64_t)1 << (RT_QUANTIZE_ZERO - 1 - i));
	return 0;
}

static void show_quantize(struct out *o, const struct agg_row *r)
{
	const uint64_t *bucket = r->words + 1;
	size_t first = RT_QUANTIZE_ZERO - 1, last = RT_QUANTIZE_ZERO + 1;
	struct out_bars b;

	used(bucket, RT_QUANTIZE_BUCKETS, &first, &last);
	b = bars_begin(o, r, first, last);
	for (size_t i = first; i <= last; i++) {
		out_put_int(o, out_quantize_value(i), 16);
		out_putc(o, ' ');
		bar(o, &b, r, i);
	}
}

static void show_lquantize(struct out *o, const struct agg_row *r)
{
	const uint64_t *bucket = r->words + 1;
	const int64_t *p = r->desc->agg->params;
	int64_t base = p[0], step = p[2] ? p[2] : 1;
	size_t n = r->desc->words - 1, first = 0, last = n > 2 ? 2 : n - 1;
	struct out_bars b;

	used(bucket, n, &first, &last);
	b = bars_begin(o, r, first, last);
	for (size_t i = first; i <= last; i++) {
		char label[32];

		if (!i)
			snprintf(label, sizeof(label), "< %lld", (long long)base);
		else if (i == n - 1)
			snprintf(label, sizeof(label), ">= %lld",
				 (long long)(base + (int64_t)(n - 2) * step));
		else
			snprintf(label, sizeof(label), "%lld",
				 (long long)(base + (int64_t)(i - 1) * step));
		out_printf(o, "%16s ", label);
		bar(o, &b, r, i);
	}
}

/* ---- The table -------------------------------------------------------------- */

static void show_number(struct out *o, const struct agg_row *r)
{
	out_putc(o, ' ');
	out_put_int(o, aggs_number(r), 16);
}

#define show_count show_number
#define show_sum show_number
#define show_min show_number
#define show_max show_number
#define show_avg show_number
#define show_stddev show_number

/* For a function that this version lacks: no program with such a function is compiled. */
#define show_lacking show_number

static void (*const shows[D_NAGGFUNCS])(struct out *o, const struct agg_row *r) = {
#define D_AGGFUNC(id, has, proto, ...) [D_AGG_##id] = D_IF_##has(show_##id, show_lacking),
#include "d/builtins.def"
};

/* If no clause gives the aggregation a value, it has no function and shows 0. */
void out_put_agg(struct out *o, const struct agg_row *r)
{
	int func = r->desc->agg->func;

	(func < 0 ? show_number : shows[func])(o, r);
}
