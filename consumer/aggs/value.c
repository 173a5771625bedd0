/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/value.c: the value of a row's words: a number, or buckets that each have a lowest
 * value.
 * In:   a row's words, laid out as ebpf/abi.h says. Out: numbers.
 * Owns: nothing.
 */
#include "consumer/aggs/inner.h"

/* ---- Numbers -------------------------------------------------------------- */

static int64_t divided(int64_t v, int64_t by)
{
	if (by == -1) /* INT64_MIN / -1 traps */
		return (int64_t)(0 - (uint64_t)v);
	return by ? v / by : v;
}

uint64_t aggs_sqrt128(unsigned __int128 v)
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

static int64_t number_count(const uint64_t *w, int64_t normal)
{
	return divided((int64_t)w[0], normal);
}

static int64_t number_sum(const uint64_t *w, int64_t normal)
{
	return divided((int64_t)w[1], normal);
}

static int64_t number_min(const uint64_t *w, int64_t normal)
{
	return w[0] ? divided(RT_MIN_DEC(w[1]), normal) : 0;
}

static int64_t number_max(const uint64_t *w, int64_t normal)
{
	return w[0] ? divided(RT_MAX_DEC(w[1]), normal) : 0;
}

static int64_t number_avg(const uint64_t *w, int64_t normal)
{
	return w[0] ? divided(divided((int64_t)w[1], normal), (int64_t)w[0]) : 0;
}

/*
 * The root of the average square less the squared average, in integers. A normal divides values,
 * so it divides the squares by its square.
 */
static int64_t number_stddev(const uint64_t *w, int64_t normal)
{
	unsigned __int128 squares = (unsigned __int128)w[3] << 64 | w[2], mean;
	uint64_t n = w[0], by = normal < 0 ? 0 - (uint64_t)normal : (uint64_t)normal;
	int64_t avg;

	if (!n || !by)
		return 0;
	squares = squares / by / by / n;
	avg = (int64_t)w[1] / (int64_t)n / (int64_t)by;
	mean = avg < 0 ? 0 - (uint64_t)avg : (uint64_t)avg;
	mean *= mean;
	return mean > squares ? 0 : (int64_t)aggs_sqrt128(squares - mean);
}

/* ---- Buckets: the lowest value of bucket i of n ----------------------------- */

static long double lowest_quantize(const int64_t *params, size_t i, size_t n)
{
	int k = (int)i - RT_QUANTIZE_ZERO;

	(void)params;
	(void)n;
	if (!k)
		return 0;
	return k > 0 ? (long double)(1ull << (k - 1)) : -(long double)(1ull << (-k - 1));
}

/* The first bucket holds values below the base: they count as base - 1. The last bucket holds
 * values above the range: they count as the bucket's start + 1. */
static long double lowest_lquantize(const int64_t *params, size_t i, size_t n)
{
	if (!i)
		return (long double)params[0] - 1;
	return (long double)params[0] + (long double)(i - 1) * (long double)params[2] +
	       (i == n - 1);
}

/* ---- Words: how a drained word is added to word i ------------------------------- */

static void add_all(uint64_t *w, uint32_t i, uint64_t v)
{
	w[i] += v;
}

static void add_greatest(uint64_t *w, uint32_t i, uint64_t v)
{
	if (i == 0)
		w[0] += v;
	else if (v > w[i])
		w[i] = v;
}

/* The last two words are one number of 128 bits. */
static void add_squares(uint64_t *w, uint32_t i, uint64_t v)
{
	w[i] += v;
	if (i == 2 && w[2] < v)
		w[3]++;
}

/* ---- By function -------------------------------------------------------------- */

/* For distributions, aggregations without a function, and functions that this version lacks. */
static int64_t number_none(const uint64_t *w, int64_t normal)
{
	(void)w;
	(void)normal;
	return 0;
}

/* A number has no buckets. */
static long double lowest_none(const int64_t *params, size_t i, size_t n)
{
	(void)params;
	(void)i;
	(void)n;
	return 0;
}

#define number_quantize number_none
#define number_lquantize number_none
#define lowest_count lowest_none
#define lowest_sum lowest_none
#define lowest_min lowest_none
#define lowest_max lowest_none
#define lowest_avg lowest_none
#define lowest_stddev lowest_none
#define add_count add_all
#define add_sum add_all
#define add_min add_greatest
#define add_max add_greatest
#define add_avg add_all
#define add_stddev add_squares
#define add_quantize add_all
#define add_lquantize add_all

struct function {
	int64_t (*number)(const uint64_t *words, int64_t normal);
	long double (*lowest)(const int64_t *params, size_t i, size_t n);
	void (*add)(uint64_t *words, uint32_t i, uint64_t v);
};

/* If no clause gives the aggregation a value, it has no function and shows 0. */
static const struct function *function_of(const struct agg_desc *desc)
{
	static const struct function none = { number_none, lowest_none, add_all };
	static const struct function functions[D_NAGGFUNCS] = {
#define D_AGGFUNC(id, has, proto, ...)                         \
	[D_AGG_##id] = { D_IF_##has(number_##id, number_none), \
			 D_IF_##has(lowest_##id, lowest_none), D_IF_##has(add_##id, add_all) },
#include "d/builtins.def"
	};

	return desc->agg->func < 0 ? &none : &functions[desc->agg->func];
}

bool aggs_is_distribution(const struct agg_desc *desc)
{
	return desc->agg->func >= 0 && d_aggfunc_rows[desc->agg->func].is_distribution;
}

int64_t aggs_number(const struct agg_row *r)
{
	return function_of(r->desc)->number(r->words, r->normal);
}

int64_t aggs_bucket(const struct agg_row *r, size_t i)
{
	return divided((int64_t)r->words[1 + i], r->normal);
}

void aggs_word_add(struct agg_row *r, uint32_t i, uint64_t v)
{
	if (i < r->desc->words)
		function_of(r->desc)->add(r->words, i, v);
}

/* The sum of a distribution if each hit had its bucket's lowest value. *zero: hits of value 0. */
static long double distribution_sum(const struct agg_row *r, int64_t *zero)
{
	const uint64_t *bucket = r->words + 1;
	size_t n = r->desc->words - 1;
	long double sum = 0;

	*zero = 0;
	for (size_t i = 0; i < n; i++) {
		long double v = function_of(r->desc)->lowest(r->desc->agg->params, i, n);

		sum += v * (long double)(int64_t)bucket[i];
		if (v < 0.5L && v > -0.5L)
			*zero += (int64_t)bucket[i];
	}
	return sum;
}

int aggs_value_cmp(const struct agg_row *a, const struct agg_row *b)
{
	int cmp = CMP(a->desc->agg->func, b->desc->agg->func);
	struct agg_row x = *a, y = *b;

	if (cmp)
		return cmp;
	if (aggs_is_distribution(a->desc)) {
		int64_t xzero, yzero;
		long double xsum = distribution_sum(a, &xzero), ysum = distribution_sum(b, &yzero);

		cmp = CMP(xsum, ysum);
		return cmp ? cmp : CMP(xzero, yzero);
	}
	x.normal = y.normal = 1; /* the normal's rounding could make different values equal */
	return CMP(aggs_number(&x), aggs_number(&y));
}
