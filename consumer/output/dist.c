/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/dist.c: values of aggregations: one number, or the bars of
 * quantize, lquantize and llquantize (guide: chp-aggs).
 * In:   a row's words, laid out as ebpf/abi.h says. Out: numbers, text.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <string.h>

#define BAR 40
#define ZOOM_MAX 0.95L /* with aggzoom the largest bucket fills so much of the bar */

/* ---- Numbers -------------------------------------------------------------- */

uint64_t out_sqrt128(unsigned __int128 v)
{
	unsigned __int128 root = 0, bit = (unsigned __int128)1 << 126;

	while (bit > v)
		bit >>= 2;
	for (; bit; bit >>= 2) {
		if (v >= root + bit) {
			v -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return (uint64_t)root;
}

/*
 * The root of the average square less the squared average, in integers. A
 * normal divides values, so squares by its square.
 */
uint64_t out_stddev(const uint64_t *words, int64_t normal)
{
	unsigned __int128 squares = (unsigned __int128)words[3] << 64 | words[2], mean;
	uint64_t n = words[0], by = normal < 0 ? 0 - (uint64_t)normal : (uint64_t)normal;
	int64_t avg;

	if (!n || !by)
		return 0;
	squares = squares / by / by / n;
	avg = (int64_t)words[1] / (int64_t)n / (int64_t)by;
	mean = avg < 0 ? 0 - (uint64_t)avg : (uint64_t)avg;
	mean *= mean;
	return mean > squares ? 0 : out_sqrt128(squares - mean);
}

static int64_t divided(int64_t v, int64_t by)
{
	if (by == -1) /* INT64_MIN / -1 traps */
		return (int64_t)(0 - (uint64_t)v);
	return by ? v / by : v;
}

int64_t out_agg_int(const struct out_row *r)
{
	const uint64_t *w = r->words;

	switch (r->desc->agg->func) {
	case D_AGG_count: return divided((int64_t)w[0], r->normal);
	case D_AGG_sum: return divided((int64_t)w[1], r->normal);
	case D_AGG_min: return w[0] ? divided(RT_MIN_DEC(w[1]), r->normal) : 0;
	case D_AGG_max: return w[0] ? divided(RT_MAX_DEC(w[1]), r->normal) : 0;
	case D_AGG_avg: return w[0] ? divided(divided((int64_t)w[1], r->normal), (int64_t)w[0]) : 0;
	case D_AGG_stddev: return (int64_t)out_stddev(w, r->normal);
	default: return 0;
	}
}

bool out_agg_is_dist(const struct out_row *r)
{
	int f = r->desc->agg->func;

	return f == D_AGG_quantize || f == D_AGG_lquantize || f == D_AGG_llquantize;
}

/* ---- Bars ------------------------------------------------------------------ */

struct bars {
	struct out *o;
	long double total;
	bool positive, negative; /* counts; negative ones come of negative increments */
	int64_t normal;
};

static void bar(const struct bars *b, int64_t count)
{
	size_t len = b->positive && b->negative ? BAR / 2 : BAR, depth = 0;
	long double size = count < 0 ? -(long double)count : (long double)count;

	if (b->total > 0)
		depth = (size_t)(size * (long double)len / b->total + 0.5L);
	if (depth > len)
		depth = len;
	if (!b->negative) {
		out_putc(b->o, '|');
		out_fill(b->o, '@', depth);
		out_fill(b->o, ' ', len - depth);
	} else if (!b->positive) {
		out_fill(b->o, ' ', len - depth);
		out_fill(b->o, '@', depth);
		out_putc(b->o, '|');
	} else if (count <= 0) {
		out_fill(b->o, ' ', len - depth);
		out_fill(b->o, '@', depth);
		out_putc(b->o, '|');
		out_fill(b->o, ' ', len);
	} else {
		out_fill(b->o, ' ', len);
		out_putc(b->o, '|');
		out_fill(b->o, '@', depth);
		out_fill(b->o, ' ', len - depth);
	}
	out_putc(b->o, ' ');
	out_put_int(b->o, divided(count, b->normal), -9);
	out_putc(b->o, '\n');
}

static struct bars bars_begin(struct out *o, const uint64_t *bucket, size_t first, size_t last,
			      int64_t normal)
{
	struct bars b = { .o = o, .normal = normal };

	for (size_t i = first; i <= last; i++) {
		int64_t n = (int64_t)bucket[i];
		long double size = n < 0 ? -(long double)n : (long double)n;

		b.positive |= n > 0;
		b.negative |= n < 0;
		if (!out_opt(o->opt.aggzoom))
			b.total += size;
		else if (size / ZOOM_MAX > b.total)
			b.total = size / ZOOM_MAX;
	}
	out_printf(o, "\n%16s %41s %-9s\n", "value", "------------- Distribution -------------",
		   "count");
	return b;
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

static int64_t quantize_value(size_t i)
{
	if (i > RT_QUANTIZE_ZERO)
		return (int64_t)1 << (i - RT_QUANTIZE_ZERO - 1);
	if (i < RT_QUANTIZE_ZERO)
		return -((int64_t)1 << (RT_QUANTIZE_ZERO - 1 - i));
	return 0;
}

static void quantize(struct out *o, const struct out_row *r)
{
	const uint64_t *bucket = r->words + 1;
	size_t first = RT_QUANTIZE_ZERO - 1, last = RT_QUANTIZE_ZERO + 1;
	struct bars b;

	used(bucket, RT_QUANTIZE_BUCKETS, &first, &last);
	b = bars_begin(o, bucket, first, last, r->normal);
	for (size_t i = first; i <= last; i++) {
		out_put_int(o, quantize_value(i), 16);
		out_putc(o, ' ');
		bar(&b, (int64_t)bucket[i]);
	}
}

static void lquantize(struct out *o, const struct out_row *r)
{
	const uint64_t *bucket = r->words + 1;
	const int64_t *p = r->desc->agg->params;
	int64_t base = p[0], step = p[2] ? p[2] : 1;
	size_t n = r->desc->words - 1, first = 0, last = n > 2 ? 2 : n - 1;
	struct bars b;

	used(bucket, n, &first, &last);
	b = bars_begin(o, bucket, first, last, r->normal);
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
		bar(&b, (int64_t)bucket[i]);
	}
}

static void (*const dists[D_NAGGFUNCS])(struct out *o, const struct out_row *r) = {
	[D_AGG_quantize] = quantize,
	[D_AGG_lquantize] = lquantize,
};

/* A function whose bars are not known here never gets past the compiler. */
void out_put_dist(struct out *o, const struct out_row *r)
{
	if (dists[r->desc->agg->func])
		dists[r->desc->agg->func](o, r);
}
