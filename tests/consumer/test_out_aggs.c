/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/test_out_aggs.c: printed aggregations: values, order, joins, distributions. */
#include "tests/consumer/outtest.h"

#include <errno.h>

static enum rec_kind kinds[] = { REC_STRING, REC_INT };

/* An aggregation with a string key (and an integer one if nkeys is 2). */
static int agg(struct fix *x, struct aggs *t, int func, size_t nkeys)
{
	int id = (int)t->n++;
	struct d_type **types = arena_array(x->arena, struct d_type *, 2);
	static const uint32_t words[] = {
		[D_AGG_count] = 1,	[D_AGG_sum] = 2,       [D_AGG_min] = 2,
		[D_AGG_max] = 2,	[D_AGG_avg] = 2,       [D_AGG_stddev] = 4,
		[D_AGG_quantize] = 128, [D_AGG_lquantize] = 13
	};

	types[0] = d_base(x->d, D_STRING);
	types[1] = d_base(x->d, D_INT);
	t->t[id].agg = (struct d_agg){
		.id = id, .func = func, .keys = types, .nkeys = nkeys, .params = { 0, 100, 10 }
	};
	t->t[id].desc = (struct agg_desc){
		.agg = &t->t[id].agg, .kinds = kinds, .nkeys = nkeys, .words = words[func]
	};
	return id;
}

static uint64_t *row(struct aggs *t, int id, const char *key, int64_t second)
{
	size_t i = t->t[id].nrows++;
	struct agg_row *r = &t->t[id].rows[i];

	strncpy((char *)t->t[id].keys[i], key ? key : "", 7);
	t->t[id].keys[i][1] = (uint64_t)second;
	*r = (struct agg_row){ .desc = &t->t[id].desc,
			       .key = key ? (unsigned char *)t->t[id].keys[i] : NULL,
			       .key_len = key ? 24 : 0,
			       .words = t->t[id].words[i],
			       .normal = 1 };
	return r->words;
}

static int on(struct fix *x, struct aggs *t, enum d_action which, const char *fmt, int64_t number,
	      const int *ids, size_t n)
{
	const struct d_agg *list[4];
	struct rec_action a = { .act = which,
				.aggs = list,
				.naggs = n,
				.present = -1,
				.number = number,
				.has_number = number != 0,
				.format = fmt ? format(x, fmt) : NULL };

	for (size_t i = 0; i < n; i++)
		list[i] = &t->t[ids[i]].agg;
	return out_action(x->out, NULL, &a, record(x), t);
}

static int printa(struct fix *x, struct aggs *t, const char *fmt, int id)
{
	return on(x, t, D_ACT_printa, fmt, 0, &id, 1);
}

static struct aggs *counts(struct fix *x)
{
	struct aggs *t = calloc(1, sizeof(*t));
	int id = agg(x, t, D_AGG_count, 2);

	row(t, id, "b", -1)[0] = 5;
	row(t, id, "a", 7)[0] = 9;
	row(t, id, "a", -1)[0] = 5;
	return t;
}

#define PAD50(s) "  " s "                                                 "

static void rows_come_by_value_then_key(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = counts(x);

	(void)state;
	assert_int_equal(printa(x, t, NULL, 0), 0);
	expect(x,
	       "\n" PAD50("a") "       -1                5\n" PAD50(
		       "b") "       -1                5\n" PAD50("a") "        7                9\n");
	free(t);
	fix_free(x);
}

static void options_change_the_order(void **state)
{
	static const struct {
		int key, keypos, rev;
		const char *want;
	} rows[] = {
		{ 0, 0, 0, "a,-1,5;b,-1,5;a,7,9;" }, { 1, 0, 0, "a,-1,5;a,7,9;b,-1,5;" },
		{ 1, 1, 0, "a,-1,5;b,-1,5;a,7,9;" }, { 0, 0, 1, "a,7,9;b,-1,5;a,-1,5;" },
		{ 1, 0, 1, "b,-1,5;a,7,9;a,-1,5;" }, { 1, 9, 0, "a,-1,5;a,7,9;b,-1,5;" },
	};
	struct fix *x = fix_new();
	struct aggs *t = counts(x);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		x->key = rows[i].key;
		x->keypos = rows[i].keypos;
		x->rev = rows[i].rev;
		assert_int_equal(printa(x, t, "%s,%d,%@d;", 0), 0);
		expect(x, rows[i].want);
	}
	free(t);
	fix_free(x);
}

static void an_aggregations_conversion_has_flags_and_width(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));

	(void)state;
	row(t, agg(x, t, D_AGG_count, 0), NULL, 0)[0] = 255;
	assert_int_equal(printa(x, t, "%@6d|%-@6u|%@#x|%@d%%\n", 0), 0);
	expect(x, "   255|255   |0xff|255%\n");
	free(t);
	fix_free(x);
}

static void several_are_joined_by_key(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));
	int a = agg(x, t, D_AGG_count, 1), b = agg(x, t, D_AGG_max, 1);
	uint64_t *w;

	(void)state;
	row(t, a, "x", 0)[0] = 3;
	row(t, a, "y", 0)[0] = 2;
	w = row(t, b, "y", 0);
	w[0] = 1;
	w[1] = RT_MAX_ENC(-7);
	row(t, b, "z", 0)[0] = 0;
	assert_int_equal(on(x, t, D_ACT_printa, "%s %@d %@d %@d\n", 0, (int[]){ a, b }, 2), 0);
	expect(x, "z 0 0 0\ny 2 -7 -7\nx 3 0 0\n");
	x->pos = 1;
	assert_int_equal(on(x, t, D_ACT_printa, "%s %@d %@d\n", 0, (int[]){ a, b }, 2), 0);
	expect(x, "y 2 -7\nz 0 0\nx 3 0\n");
	x->pos = 0;
	assert_int_equal(on(x, t, D_ACT_printa, NULL, 0, (int[]){ a, b }, 2), 0);
	expect(x,
	       "\n" PAD50("z") "                0                0\n" PAD50(
		       "y") "                2               -7\n" PAD50("x") "                3                0\n");
	free(t);
	fix_free(x);
}

static void numbers_of_each_function(void **state)
{
	static const struct {
		int func;
		uint64_t words[4];
		int64_t normal;
		const char *want;
	} rows[] = {
		{ D_AGG_count, { 12 }, 5, "2" },
		{ D_AGG_sum, { 2, (uint64_t)-7 }, 2, "-3" },
		{ D_AGG_min, { 2, RT_MIN_ENC(-3) }, 1, "-3" },
		{ D_AGG_min, { 0, 0 }, 1, "0" },
		{ D_AGG_max, { 2, RT_MAX_ENC(4) }, 1, "4" },
		{ D_AGG_avg, { 3, 10 }, 1, "3" },
		{ D_AGG_avg, { 0, 0 }, 1, "0" },
		/* 2 4 4 4 5 5 7 9 */
		{ D_AGG_stddev, { 8, 40, 232, 0 }, 1, "2" },
		/* -2^40 and 2^40: the squares need more than 64 bits */
		{ D_AGG_stddev, { 2, 0, 0, 1ull << 17 }, 1, "1099511627776" },
		{ D_AGG_stddev, { 8, 4000, 2320000, 0 }, 100, "2" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fix *x = fix_new();
		struct aggs *t = calloc(1, sizeof(*t));

		memcpy(row(t, agg(x, t, rows[i].func, 0), NULL, 0), rows[i].words, 32);
		t->t[0].rows[0].normal = rows[i].normal;
		assert_int_equal(printa(x, t, "%@d", 0), 0);
		expect(x, rows[i].want);
		free(t);
		fix_free(x);
	}
}

#define HEADER "\n           value  ------------- Distribution ------------- count    \n"

static void quantize_shows_one_bucket_on_each_side(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));
	int id = agg(x, t, D_AGG_quantize, 0);
	uint64_t *w = row(t, id, NULL, 0) + 1;

	(void)state;
	w[RT_QUANTIZE_ZERO] = 1;
	w[RT_QUANTIZE_ZERO + 2] = 3;
	assert_int_equal(printa(x, t, NULL, id), 0);
	expect(x,
	       "\n" HEADER "              -1 |                                         0        \n"
	       "               0 |@@@@@@@@@@                               1        \n"
	       "               1 |                                         0        \n"
	       "               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@           3        \n"
	       "               4 |                                         0        \n\n");
	x->zoom = 1;
	assert_int_equal(printa(x, t, "%@d", id), 0);
	expect(x, HEADER "              -1 |                                         0        \n"
			 "               0 |@@@@@@@@@@@@@                            1        \n"
			 "               1 |                                         0        \n"
			 "               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@   3        \n"
			 "               4 |                                         0        \n");
	free(t);
	fix_free(x);
}

static void the_outermost_buckets_have_no_neighbour(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));
	int id = agg(x, t, D_AGG_quantize, 0);
	uint64_t *w = row(t, id, NULL, 0) + 1;

	(void)state;
	w[126] = 2;
	printa(x, t, "%@d", id);
	expect(x,
	       HEADER "2305843009213693952 |                                         0        \n"
		      "4611686018427387904 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 2        \n");
	free(t);
	fix_free(x);
}

static void negative_increments_go_to_the_left(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));
	int id = agg(x, t, D_AGG_quantize, 0);
	uint64_t *w = row(t, id, NULL, 0) + 1;

	(void)state;
	w[RT_QUANTIZE_ZERO] = (uint64_t)-1;
	w[RT_QUANTIZE_ZERO + 1] = 1;
	printa(x, t, "%@d", id);
	expect(x, HEADER "              -1                     |                     0        \n"
			 "               0           @@@@@@@@@@|                     -1       \n"
			 "               1                     |@@@@@@@@@@           1        \n"
			 "               2                     |                     0        \n");
	free(t);
	fix_free(x);
}

static void lquantize_names_its_ends(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));
	int id = agg(x, t, D_AGG_lquantize, 0);
	uint64_t *w = row(t, id, NULL, 0) + 1;

	(void)state;
	w[0] = 1;
	w[1] = 1;
	printa(x, t, "%@d", id);
	expect(x, HEADER "             < 0 |@@@@@@@@@@@@@@@@@@@@                     1        \n"
			 "               0 |@@@@@@@@@@@@@@@@@@@@                     1        \n"
			 "              10 |                                         0        \n");
	w[0] = w[1] = 0;
	w[11] = 4;
	printa(x, t, "%@d", id);
	expect(x, HEADER "              90 |                                         0        \n"
			 "          >= 100 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 4        \n");
	free(t);
	fix_free(x);
}

static void the_end_prints_what_was_not_printed(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = calloc(1, sizeof(*t));
	int a = agg(x, t, D_AGG_count, 0), b = agg(x, t, D_AGG_count, 0);

	(void)state;
	row(t, a, NULL, 0)[0] = 1;
	row(t, b, NULL, 0)[0] = 2;
	printa(x, t, "%@d\n", a);
	expect(x, "1\n");
	assert_int_equal(out_aggs_print(x->out, t), 0);
	expect(x, "                2\n");
	free(t);
	fix_free(x);
}

static void actions_reach_the_table(void **state)
{
	struct fix *x = fix_new();
	struct aggs *t = counts(x);
	int id = 0;

	(void)state;
	assert_int_equal(on(x, t, D_ACT_trunc, NULL, -2, &id, 1), 0);
	assert_int_equal(t->kept, -2);
	assert_int_equal(on(x, t, D_ACT_trunc, NULL, 0, &id, 1), 0);
	assert_int_equal(t->kept, 0);
	assert_int_equal(on(x, t, D_ACT_normalize, NULL, 3, &id, 1), 0);
	assert_int_equal(t->t[0].rows[1].normal, 3);
	printa(x, t, "%@d ", 0);
	expect(x, "1 1 3 ");
	assert_int_equal(on(x, t, D_ACT_denormalize, NULL, 0, &id, 1), 0);
	assert_int_equal(t->t[0].rows[1].normal, 1);
	assert_int_equal(on(x, t, D_ACT_clear, NULL, 0, &id, 1), 0);
	printa(x, t, "%@d ", 0);
	expect(x, "0 0 0 ");
	free(t);
	fix_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_by_value_then_key),
		cmocka_unit_test(options_change_the_order),
		cmocka_unit_test(an_aggregations_conversion_has_flags_and_width),
		cmocka_unit_test(several_are_joined_by_key),
		cmocka_unit_test(numbers_of_each_function),
		cmocka_unit_test(quantize_shows_one_bucket_on_each_side),
		cmocka_unit_test(the_outermost_buckets_have_no_neighbour),
		cmocka_unit_test(negative_increments_go_to_the_left),
		cmocka_unit_test(lquantize_names_its_ends),
		cmocka_unit_test(the_end_prints_what_was_not_printed),
		cmocka_unit_test(actions_reach_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
