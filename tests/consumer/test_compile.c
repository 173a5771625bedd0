/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/test_compile.c: compares values of D expressions with values of the same C.
 */
#include "config.h"

#include "tests/consumer/compilerig.h"

/* ---- Expressions ---------------------------------------------------------------------------------- */

static int64_t word(struct rig *r, size_t off)
{
	int64_t v;

	direct_read(r, CC_MAP_GLOBALS, off, &v, 8);
	return v;
}

#define A 7
#define B (-3)
#define C_EXPR(text)                   \
	{                              \
#text, (int64_t)(text) \
	}
#define D_EXPR(text, value)            \
	{                              \
		text, (int64_t)(value) \
	}

/* `a` is arg0 (7) and `b` arg1 (-3), 64 bits; `i` is (int)arg0, `u` (unsigned)arg1. */
static const int64_t a = A, b = B;
static const int i = A;
static const unsigned u = (unsigned)B;
static struct expr_case {
	const char *text;
	int64_t value;
} * exprs;

static void fill_exprs(void)
{
	static struct expr_case list[64];
	const struct expr_case all[] = {
		C_EXPR(a + b),
		C_EXPR(a - b),
		C_EXPR(a * b),
		C_EXPR(a / b),
		C_EXPR(a % b),
		C_EXPR(b / a),
		C_EXPR(b % a),
		C_EXPR(a & b),
		C_EXPR(a | b),
		C_EXPR(a ^ b),
		C_EXPR(a << 3),
		C_EXPR(b >> 1),
		C_EXPR(u >> 1),
		C_EXPR(u / 2),
		C_EXPR(u + 5),
		C_EXPR(-a),
		C_EXPR(~a),
		C_EXPR(!a),
		C_EXPR(!b),
		C_EXPR(a < b),
		C_EXPR(b < a),
		C_EXPR(a <= a),
		C_EXPR(a >= b),
		C_EXPR(a == b),
		C_EXPR(a != b),
		C_EXPR(i < u),
		C_EXPR(a && b),
		C_EXPR(a && 0),
		C_EXPR(0 || b),
		C_EXPR(a ? b : 5),
		C_EXPR((char)(a * 37)),
		C_EXPR((unsigned char)b),
		C_EXPR((short)(a * 9999)),
		C_EXPR((int)(a << 30)),
		C_EXPR((unsigned)b),
		C_EXPR(i * 100000000),
		C_EXPR(u * u),
		C_EXPR(((a + b) * (a - b)) % ((a * 3) - (b + 4))),
		C_EXPR(0x123456789abcdef + a),
		C_EXPR((a + (b * (a + (b * (a + b)))))),
		C_EXPR(sizeof(int) + a),
		D_EXPR("a ^^ b", 0),
		D_EXPR("a ^^ 0", 1),
		D_EXPR("strlen(\"hello\")", 5),
		D_EXPR("\"a\" < \"b\"", 1),
		D_EXPR("\"b\" == \"b\"", 1),
		D_EXPR("\"abc\" >= \"abd\"", 0),
		D_EXPR("strlen(strjoin(\"ab\", \"cde\"))", 5),
		D_EXPR("substr(\"hello\", 1, 3) == \"ell\"", 1),
		D_EXPR("substr(\"hello\", -3) == \"llo\"", 1),
		D_EXPR("strlen(a ? \"xy\" : \"z\")", 2),
		D_EXPR("(a, b)", B),
	};

	memcpy(list, all, sizeof(all));
	exprs = list;
}

static void test_expressions(void **state)
{
	char program[16384];
	struct rig *r = calloc(1, sizeof(*r));
	size_t n, at;

	(void)state;
	fill_exprs();
	for (n = 0, at = 0; exprs[n].text; n++)
		at += (size_t)snprintf(program + at, sizeof(program) - at, "int64_t x%zu;\n", n);
	at += (size_t)snprintf(
		program + at, sizeof(program) - at,
		"this int64_t a; this int64_t b; this int i; this unsigned int u;\n"
		"BEGIN { this->a = arg0; this->b = arg1; this->i = arg0; this->u = arg1;\n");
	for (size_t k = 0; k < n; k++) {
		at += (size_t)snprintf(program + at, sizeof(program) - at, "x%zu = ", k);
		for (const char *s = exprs[k].text; *s; s++) {
			bool name = strchr("abiu", *s) &&
				    (s == exprs[k].text || strchr(" (~!-)", s[-1])) &&
				    (!s[1] || strchr(" )+,", s[1]));

			at += (size_t)snprintf(program + at, sizeof(program) - at, "%s%c",
					       name ? "this->" : "", *s);
		}
		at += (size_t)snprintf(program + at, sizeof(program) - at, ";\n");
	}
	snprintf(program + at, sizeof(program) - at, "}");
	start(r, program);
	run(r, A, (uint64_t)(int64_t)B);
	for (size_t k = 0; k < n; k++)
		if (word(r, 8 * k) != exprs[k].value)
			fail_msg("%s: %lld, but C says %lld", exprs[k].text,
				 (long long)word(r, 8 * k), (long long)exprs[k].value);
	assert_int_equal(state_of(r).life, RT_ACTIVE);
	for (int k = 0; k < RT_NDROPS; k++)
		assert_int_equal(drops(r, (enum rt_drop)k), 0);
	done(r);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_expressions) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
