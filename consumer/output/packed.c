/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/packed.c: -x agghist and -x aggpack: a picture of an aggregation, with a line for each row
 * (dtrace(1M)).
 * In:   all rows of the aggregation, because the rows share a scale.
 * Out:  a head; behind each row's key a bar (agghist: numbers), or a character for each bucket
 *       (aggpack: quantize and lquantize).
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <stdlib.h>
#include <string.h>

#define LINEAR_WIDTH 8 /* of the labels of lquantize */

/* ---- What the rows share -------------------------------------------------------- */

static enum out_picture picture_of(const struct out *o, const struct agg_desc *desc)
{
	switch (desc->agg->func) {
	case D_AGG_count:
	case D_AGG_sum:
	case D_AGG_avg:
	case D_AGG_stddev: return out_opt(o->opt.agghist) ? OUT_HISTOGRAM : OUT_PLAIN;
	case D_AGG_quantize:
	case D_AGG_lquantize: return out_opt(o->opt.aggpack) ? OUT_PACKED : OUT_PLAIN;
	default: return OUT_PLAIN;
	}
}

static int64_t whole_number(const struct agg_row *r)
{
	struct agg_row whole = *r;

	whole.normal = 1;
	return aggs_number(&whole);
}

/* The buckets that any row uses, and one more on each side. lquantize shows all its buckets. */
static void buckets(struct out_scale *s, const struct agg_row *rows, size_t n)
{
	size_t most = rows[0].desc->words - 2, first = most, last = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k <= most; k++)
			if (rows[i].words[1 + k]) {
				first = k < first ? k : first;
				last = k > last ? k : last;
			}
	if (rows[0].desc->agg->func == D_AGG_lquantize) {
		s->first = 0;
		s->last = most;
		return;
	}
	if (first > last)
		first = last = RT_QUANTIZE_ZERO;
	s->first = first && first != RT_QUANTIZE_ZERO ? first - 1 : first;
	s->last = last < most ? last + 1 : last;
}

struct out_scale out_scale(const struct out *o, const struct agg_row *rows, size_t n)
{
	struct out_scale s = { 0 };

	if (!n)
		return s;
	s.picture = picture_of(o, rows[0].desc);
	for (size_t i = 0; s.picture == OUT_HISTOGRAM && i < n; i++)
		out_bars_add(o, &s.bars, whole_number(&rows[i]));
	if (s.picture == OUT_PACKED)
		buckets(&s, rows, n);
	return s;
}

/* ---- Text -------------------------------------------------------------------------- */

/* Labels are at least four columns wide, so that "min" and "max" fit above them. */
static int digits(int64_t v)
{
	int n = snprintf(NULL, 0, "%lld", (long long)v);

	return n < 4 ? 4 : n;
}

/* The labels of the first and the last bucket, and their widths. */
static void labels(const struct out_scale *s, const struct agg_row *r, char first[32],
		   char last[32], int width[2])
{
	const int64_t *p = r->desc->agg->params;
	int64_t step = p[2] ? p[2] : 1, end = p[0] + (int64_t)(s->last - 1) * step;

	if (r->desc->agg->func == D_AGG_lquantize) {
		snprintf(first, 32, "< %lld", (long long)p[0]);
		snprintf(last, 32, ">= %lld", (long long)end);
		width[0] = width[1] = LINEAR_WIDTH;
		return;
	}
	snprintf(first, 32, "%lld", (long long)out_quantize_value(s->first));
	snprintf(last, 32, "%lld", (long long)out_quantize_value(s->last));
	width[0] = digits(out_quantize_value(s->first));
	width[1] = digits(out_quantize_value(s->last));
}

void out_put_scale_head(struct out *o, const struct out_scale *s, const struct agg_row *r,
			int key_width)
{
	bool linear = r->desc->agg->func == D_AGG_lquantize;
	char first[32], last[32];
	int width[2];

	if (s->picture == OUT_HISTOGRAM) {
		out_put_bars_head(o, key_width ? key_width : 16, key_width ? "key" : "value");
		return;
	}
	labels(s, r, first, last, width);
	out_printf(o, "\n%*s %*s .", key_width, key_width ? "key" : "", width[0] - linear, "min");
	out_fill(o, '-', s->last - s->first + 1);
	out_printf(o, ". %*s | count\n", -width[1], "max");
}

/* Terminals that cannot show block elements get letters. */
static bool is_plain_terminal(void)
{
	const char *term = getenv("TERM");

	return term &&
	       (!strcmp(term, "sun") || !strcmp(term, "sun-color") || !strcmp(term, "dumb"));
}

static void put_level(struct out *o, int64_t count, long double total)
{
	static const char letters[] = "__xxxxXX", below[] = "vvvvVV";
	long double part = (long double)count / total;

	if (!count) {
		out_putc(o, ' ');
	} else if (count < 0) {
		out_putc(o, below[(size_t)(-part * (sizeof(below) - 2) + 0.5L)]);
	} else if (is_plain_terminal()) {
		out_putc(o, letters[(size_t)(part * (sizeof(letters) - 2) + 0.5L)]);
	} else { /* U+2581 to U+2588, an eighth to a whole block */
		char block[] = { (char)0xe2, (char)0x96, (char)0x81, 0 };

		block[2] = (char)(block[2] + (int)(part * 7 + 0.5L));
		out_puts(o, block);
	}
}

static void put_packed(struct out *o, const struct out_scale *s, const struct agg_row *r)
{
	bool linear = r->desc->agg->func == D_AGG_lquantize;
	struct out_bars b = { 0 };
	char first[32], last[32];
	int64_t sum = 0;
	int width[2];

	labels(s, r, first, last, width);
	out_printf(o, "%s%*s :", linear ? "" : " ", width[0], first);
	for (size_t i = s->first; i <= s->last; i++) {
		int64_t n = (int64_t)r->words[1 + i];

		out_bars_add(o, &b, n);
		sum = (int64_t)((uint64_t)sum + (uint64_t)n);
	}
	for (size_t i = s->first; i <= s->last; i++)
		put_level(o, (int64_t)r->words[1 + i], b.total);
	out_printf(o, ": %*s | %lld\n", -width[1], last, (long long)sum);
}

void out_put_scaled(struct out *o, const struct out_scale *s, const struct agg_row *r)
{
	if (s->picture == OUT_PACKED) {
		put_packed(o, s, r);
		return;
	}
	out_putc(o, ' ');
	out_put_bar(o, &s->bars, whole_number(r), aggs_number(r));
}
