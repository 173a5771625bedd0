/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/d/test_format.c: printf formats, as chp-fmt has them. */
#include "tests/d/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct d_format *format(struct raw *r, const char *s)
{
	raw_open(r, NULL);
	return d_format_parse(r->d, s, strlen(s), NOWHERE);
}

static void text_and_conversions_alternate(void **state)
{
	struct raw r;
	const struct d_format *f = format(&r, "a %d%%b %s\n");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->nconvs, 4);
	assert_int_equal(f->convs[0].text_len, 2);
	assert_memory_equal(f->convs[0].text, "a ", 2);
	assert_int_equal(f->convs[0].verb, 'd');
	assert_int_equal(f->convs[0].prec, -1);
	assert_int_equal(f->convs[1].verb, '%');
	assert_int_equal(f->convs[2].verb, 's');
	assert_int_equal(f->convs[3].verb, 0);
	assert_int_equal(f->convs[3].text_len, 1);
	raw_close(&r);
}

static void flags_width_and_precision(void **state)
{
	struct raw r;
	const struct d_format *f = format(&r, "%-+ #0'12.34x%*.*d%?p%5.s%@lu");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->nconvs, 5);
	assert_true(f->convs[0].minus && f->convs[0].plus && f->convs[0].space && f->convs[0].alt &&
		    f->convs[0].zero && f->convs[0].quote);
	assert_int_equal(f->convs[0].width, 12);
	assert_int_equal(f->convs[0].prec, 34);
	assert_true(f->convs[1].star_width && f->convs[1].star_prec);
	assert_int_equal(f->convs[2].width, 16);
	assert_int_equal(f->convs[3].width, 5);
	assert_int_equal(f->convs[3].prec, 0);
	assert_int_equal(f->convs[4].verb, '@');
	assert_int_equal(f->convs[4].agg_verb, 'u');
	assert_int_equal(f->convs[4].length, 'l');
	raw_close(&r);
}

static void size_prefixes_are_kept(void **state)
{
	static const struct {
		const char *text;
		char length;
	} cases[] = {
		{ "%hd", 'h' }, { "%hhd", 'H' }, { "%ld", 'l' }, { "%lld", 'q' },
		{ "%zu", 'z' }, { "%Lf", 'L' },	 { "%jd", 'j' }, { "%d", 0 },
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct d_format *f = format(&r, cases[i].text);

		assert_non_null(f);
		assert_int_equal(f->convs[0].length, cases[i].length);
		raw_close(&r);
	}
}

static void every_conversion_of_the_guide_is_known(void **state)
{
	static const char verbs[] = "acCdeEfgGikopsSTuxXyY@A%";
	struct raw r;

	(void)state;
	for (size_t i = 0; verbs[i]; i++) {
		const char text[] = { '%', verbs[i], 0 };
		const struct d_format *f = format(&r, text);

		assert_non_null(f);
		assert_int_equal(f->convs[0].verb, verbs[i]);
		raw_close(&r);
	}
}

static void bad_formats_are_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "x%", "missing conversion character in conversion %" },
		{ "%5q!", "unknown conversion character in conversion %5q!" },
		{ "%P", "unknown conversion character in conversion %P" },
		{ "%v", "unknown conversion character in conversion %v" },
		{ "%1$d", "%n$ is not supported" },
		{ "%99999999999d", "too big" },
		{ "%.99999999999d", "too big" },
	};
	struct raw r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(format(&r, cases[i].text));
		assert_int_equal(r.diag.errors, 1);
		assert_non_null(strstr(r.errors, cases[i].want));
		raw_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_conversions_alternate),
		cmocka_unit_test(flags_width_and_precision),
		cmocka_unit_test(size_prefixes_are_kept),
		cmocka_unit_test(every_conversion_of_the_guide_is_known),
		cmocka_unit_test(bad_formats_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
