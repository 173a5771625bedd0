/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/test_parse.c: texts give the trees that the guide defines, or errors
 * at the right place.
 */
#include "tests/d/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void clauses(const char *text, char spec, const struct d_config *config, const char *want)
{
	struct raw r;

	raw_open(&r, config);
	if (!raw_parse(&r, text, strlen(text), spec))
		print_error("%s:\n%s", text, r.errors);
	assert_string_equal(r.tree, want);
	assert_true(r.ok);
	raw_close(&r);
}

/* The text has `n` errors, the first of which is `want`. */
static void errors(const char *text, const char *want, unsigned n)
{
	struct raw r;

	raw_open(&r, NULL);
	assert_false(raw_parse(&r, text, strlen(text), 0));
	if (!strstr(r.errors, want))
		print_error("%s\nwanted: %s\ngot: %s", text, want, r.errors);
	assert_non_null(strstr(r.errors, want));
	if (n)
		assert_int_equal(r.diag.errors, n);
	raw_close(&r);
}

#define EXPR(text, want) assert_string_equal(raw_expr(text), want)

static void operators_bind_as_in_c(void **state)
{
	(void)state;
	EXPR("a + b * c - d", "(- (+ a (* b c)) d)");
	EXPR("a << 1 + 2 < 3 == 4 & 5 ^ 6 | 7", "(| (^ (& (== (< (<< a (+ 1 2)) 3) 4) 5) 6) 7)");
	EXPR("a && b ^^ c || d && e", "(|| (^^ (&& a b) c) (&& d e))");
	EXPR("a ? b : c ? d : e", "(? a b (? c d e))");
	EXPR("a = b += c", "(= a (+= b c))");
	EXPR("a = 1, b >>= 2", "(, (= a 1) (>>= b 2))");
	EXPR("-a++ + !--b", "(+ (- (post++ a)) (! (-- b)))");
	EXPR("*p->q.r[1]", "(* ([] (. (. (* p) q) r) 1))");
	EXPR("&a - ~+b", "(- (& a) (~ (+ b)))");
	EXPR("a / b % c", "(% (/ a b) c)");
	EXPR("(a, b)", "(, a b)");
}

static void names_know_their_scope(void **state)
{
	(void)state;
	EXPR("self->x[this->int, 1] = `a + m`b", "(= ([] self->x this->int 1) (+ `a m`b))");
	EXPR("8021q`vlan", "8021q`vlan");
	EXPR("x->string", "(. (* x) string)");
}

static void types_make_casts_and_sizes(void **state)
{
	(void)state;
	EXPR("(int)a + 1", "(+ (cast <int> a) 1)");
	EXPR("(char *)(unsigned long)x", "(cast <char *> (cast <unsigned long> x))");
	EXPR("(uint32_t)-1", "(cast <uint32_t> (- 1))");
	EXPR("(x)-1", "(- x 1)");
	EXPR("sizeof (int) + sizeof x + sizeof (x)->y",
	     "(+ (+ (sizeof <int>) (sizeof x)) (sizeof (. (* x) y)))");
	EXPR("stringof x == stringof(y)->z", "(== (stringof x) (stringof (. (* y) z)))");
	EXPR("offsetof(struct foo, bar)", "(offsetof <struct foo> bar)");
	EXPR("xlate<struct a *>(b)->c", "(. (* (xlate <struct a *> b)) c)");
	EXPR("(a*b)", "(* a b)");
	errors("BEGIN{x = (conn_t *)y;}", "t.d:1:12: [D_TYPE_ERR] there is no type 'conn_t'", 1);
	EXPR("sizeof (int (*)(char, ...))", "(sizeof <int (*)(char, ...)>)");
}

/* pid_t is a type, but a program that assigns to the name makes it a variable. */
static void an_assigned_name_is_no_type(void **state)
{
	(void)state;
	EXPR("pid_t = 1, (pid_t) + 1", "(, (= pid_t 1) (+ pid_t 1))");
	EXPR("(pid_t) + 1", "(cast <pid_t> (+ 1))");
}

static void aggregations_and_calls(void **state)
{
	(void)state;
	EXPR("@[pid, execname] = count()", "(= @( pid execname) (count))");
	EXPR("@a = quantize(arg0)", "(= @a (quantize arg0))");
	EXPR("printf(\"%d\" \"x\\n\", a, b, c)", "(printf \"%dx\n\" a b c)");
}

static void literals_have_types(void **state)
{
	(void)state;
	EXPR("0x10 + 017 + 5", "(+ (+ 16 15) 5)");
	EXPR("1u + 2l + 3ULL", "(+ (+ 1:unsigned int 2:long) 3:unsigned long long)");
	EXPR("2147483648 + 0x80000000", "(+ 2147483648:long 2147483648:unsigned int)");
	EXPR("'a' + '\\n' + 'ab' + '\\x41' + '\\101'", "(+ (+ (+ (+ 97 10) 24930) 65) 65)");
	EXPR("1.5 + .25e1", "(+ 1.5 2.5)");
	EXPR("trace(\"a\\tb\\\"c\")", "(trace \"a\tb\"c\")");
}

static void literal_errors(void **state)
{
	(void)state;
	errors("BEGIN{x = 08;}", "t.d:1:11: [D_INT_DIGIT] constant 08", 1);
	errors("BEGIN{x = 123abc;}", "[D_INT_DIGIT]", 1);
	errors("BEGIN{x = 0x;}", "[D_INT_DIGIT]", 1);
	errors("BEGIN{x = 99999999999999999999;}", "[D_INT_OFLOW]", 1);
	errors("BEGIN{x = '';}", "[D_CHR_NULL]", 1);
	errors("BEGIN{x = '123456789';}", "[D_CHR_OFLOW]", 1);
	errors("BEGIN{x = 'a\n}", "[D_CHR_NL]", 1);
	errors("BEGIN{x = \"a\n}", "t.d:1:11: [D_STR_NL] newline", 1);
	errors("BEGIN{x = \"a", "[D_STR_NL] end of input", 1);
	errors("BEGIN{ /* x", "t.d:1:8: [D_SYNTAX] this comment is not closed", 1);
}

static void descriptions_are_counted_from_the_right(void **state)
{
	(void)state;
	clauses("BEGIN{a=1}", 0, NULL, ":::BEGIN{(= a 1)}");
	clauses("f:entry{} m:f-2:e{} p:m::e,a:b:c:d{}", 0, NULL,
		"::f:entry :m:f-2:e p:m::e,a:b:c:d");
	clauses("syscall::read*:,tick-1sec /* x */ , 12{}", 0, NULL,
		"syscall::read*:,:::tick-1sec,#12");
	clauses("sdt:::[a-z]?!x,pid1:a.out:ns@v1:entry{}", 0, NULL,
		"sdt:::[a-z]?!x,pid1:a.out:ns@v1:entry");
	clauses("pid1:a.out:std~foo<int>:entry{}", 0, NULL, "pid1:a.out:std~foo<int>:entry");
	clauses("int:::{} string-1{} pid_t {}", 0, NULL, "int::: :::string-1 :::pid_t");
	errors("a:b:c:d:e{}", "t.d:1:1: [D_PDESC_INVAL] too many parts", 1);
	errors("0 {}", "[D_PDESC_INVAL] invalid probe id", 1);
}

static void what_stands_behind_a_backslash_is_a_name(void **state)
{
	static const char odd[] = "*?[\\$:, /{};#\"'|\t\n\033";

	(void)state;
	clauses("a:b\\:\\:c:\\$1\\{\\*:d\\ e\\,f\\/ /x/ {y}", 0, NULL,
		"a:b\\:\\:c:\\$1\\{\\*:d\\ e\\,f\\//x/{y}");
	clauses("gr\303\266\303\237e:::{}", 0, NULL, "gr\303\266\303\237e:::");
	errors("a:b\\:c:d:e:f{}", "t.d:1:1: [D_PDESC_INVAL] too many parts", 1);
	for (const char *c = odd; *c; c++)
		for (int first = 0; first < 2; first++) {
			struct arena *a = arena_new();
			const char *name = arena_printf(a, "%c%c<%c", *c, *c, *c);
			const char *quoted = d_pdesc_quoted(a, name, first);
			char *text = arena_printf(a, first ? "%s:m:f:n" : "p:m:f:%s", quoted);

			assert_true(text_glob(quoted, name));
			assert_int_equal(*c == '\t' || *c == '\n' || *c == '\033', *quoted == '?');
			clauses(arena_printf(a, "%s{}", text), 0, NULL, text);
			arena_free(a);
		}
	assert_string_equal(d_pdesc_quoted(NULL, "operator<(int)", false), "operator<(int)");
}

static void options_say_what_a_description_is(void **state)
{
	(void)state;
	clauses("syscall", 'P', NULL, "syscall:::");
	clauses("p:m /pid/ {a}", 'm', NULL, "p:m::/pid/{a}");
	clauses("read", 'f', NULL, "::read:");
	clauses("BEGIN", 'n', NULL, ":::BEGIN");
	clauses("int x; f:n{x}", 'n', NULL, "::f:n{x}");
	clauses("7 /a/ {b}", 'i', NULL, "#7/a/{b}");
	clauses("pid_t", 'P', NULL, "pid_t:::");
}

static void a_slash_divides_or_ends_the_predicate(void **state)
{
	(void)state;
	clauses("a / b / 2 == c / /* x */ {d / e}", 0, NULL, ":::a/(== (/ b 2) c)/{(/ d e)}");
	clauses("a/self->x//* x */{}", 0, NULL, ":::a/self->x/");
	clauses("a/b/\n# 5 \"x.d\"\n{}", 0, NULL, ":::a/b/");
	errors("a /(b/ {}", "t.d:1:6: [D_SYNTAX] syntax error near '/': expected ')'", 1);
	errors("a /b/", "expected actions { } following probe description and predicate", 1);
	errors("BEGIN", "expected predicate and/or actions following probe description", 1);
}

static void statements(void **state)
{
	(void)state;
	clauses("a{;;x;;y}", 0, NULL, ":::a{x y}");
	clauses("a{if (x) y; else if (z) {u; v} else w; t}", 0, NULL,
		":::a{if x{y}{if z{u v}{w}} t}");
	errors("a{while (1) x;}", "D has no loops", 1);
	errors("a{x y}", "t.d:1:5: [D_SYNTAX] syntax error near 'y': expected ';' or '}'", 1);
	errors("a{x;", "near end of input: expected '}'", 1);
}

static const char *const args[] = { "x.d", "12", "foo", "\"a b\"", "-5", "a.out" };
static const struct d_macro macros[] = { { "target", "321" } };
static const struct d_config with_args = {
	.argc = COUNT(args), .argv = args, .macros = macros, .nmacros = COUNT(macros)
};

static void macros_become_tokens(void **state)
{
	struct raw r;

	(void)state;
	clauses("a{$1 + $2 + $4 == $target; trace($3); $$1; $5; $0}", 0, &with_args,
		":::a{(== (+ (+ 12 foo) -5) 321) (trace \"a b\") \"12\" \"a.out\" \"x.d\"}");
	clauses("pid$target:$5:$2_x:e$1{}", 0,
		&(struct d_config){ .argc = 6,
				    .argv = args,
				    .macros =
					    (struct d_macro[]){
						    { "target", "3" },
					    },
				    .nmacros = 1 },
		"pid3:a.out:foo_x:e12");
	clauses("$1:$$2::{$9; $$9}", 0,
		&(struct d_config){ .argc = 3, .argv = args, .opt.defaultargs = true },
		"12:foo::{0 \"\"}");
	errors("a{$1}", "t.d:1:3: [D_MACRO_UNDEF] macro argument $1 is not defined", 1);
	clauses("a{$target}", 0, &(struct d_config){ .argc = 0 }, ":::a{0}");
	errors("app$target:::{}", "$target is the process of -c or -p", 1);
	errors("pid$nope:::{}", "t.d:1:4: [D_MACRO_UNDEF] macro variable $nope", 1);
	raw_open(&r, &with_args);
	assert_true(raw_parse(&r, "a{$1;$2;$3;$4}", 14, 0));
	assert_false(d_args_all_used(r.d));
	assert_non_null(strstr(r.errors, "[D_MACRO_UNUSED] extraneous argument 'a.out' ($5"));
	raw_close(&r);
}

static void errors_are_found_behind_errors(void **state)
{
	(void)state;
	errors("a{x +;}\nb{y y}\nc{ok}\nint;\nd{\"}\n}\n", "t.d:1:6:", 4);
	errors("a{if (x) {y}\nb{\n}\nc{+}\n", "t.d:", 2);
	errors("}}}}{{{", "t.d:1:1:", 0);
	errors("@@@\n;\n(\n1x 2 3", "t.d:2:1:", 0);
}

static void at_most_ten_errors(void **state)
{
	char text[40 * 6 + 1] = "";

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(text, "a{+}\n ");
	errors(text, "t.d:10:", 10);
}

static void nesting(const char *head, const char *unit, size_t n, const char *tail,
		    const char *want)
{
	size_t len = strlen(unit);
	char *text = test_malloc(strlen(head) + n * len + strlen(tail) + 1), *at;

	at = stpcpy(text, head);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, unit);
	strcpy(at, tail);
	errors(text, want, 0);
	test_free(text);
}

static void deep_nesting_is_an_error(void **state)
{
	(void)state;
	nesting("a{", "(", 100000, "", "nested more than");
	nesting("a{", "!", 100000, "x}", "nested more than");
	nesting("a{", "(int)", 100000, "x}", "nested more than");
	nesting("a{x", "[x", 100000, "}", "nested more than");
	nesting("a{x", "=x", 100000, "}", "nested more than");
	nesting("a{", "if (x) {", 100000, "}", "nested more than");
	nesting("a{", "x?", 100000, "}", "nested more than");
	nesting("a{x", "+x", 100000, "}", "operations in one expression");
	nesting("a{x", ",x", 100000, "}", "operations in one expression");
	nesting("a{x", ".x", 100000, "}", "operations in one expression");
	nesting("int ", "*", 100000, "x;", "declarator is too complex");
	nesting("int ", "(", 100000, "x;", "nested more than");
	nesting("int x", "[1]", 100000, ";", "declarator is too complex");
	nesting("", "struct {", 100000, "", "nested more than");
	nesting("int x(", "int (", 100000, "", "nested more than");
}

static void long_texts_of_short_expressions_pass(void **state)
{
	char text[130 * 24 + 32] = "a{x = ";

	(void)state;
	for (int i = 0; i < 130; i++)
		strcat(text, "e == 1 ? \"EPERM\" : ");
	strcat(text, "\"\"");
	assert_null(strstr(raw_expr(text + 2), "error"));
}

/* For every N, allocation number N fails: an error is reported, and nothing crashes. */
static void failing_allocations_are_reported(void **state)
{
	static const char text[] =
		"#pragma D option quiet\n#pragma D attributes Stable/Stable/ISA provider p provider\n"
		"struct s { int a:3; char b[4]; union { int c; }; }; enum e { A, B = 2 };\n"
		"typedef int (*f)(int, char *); int x[string, int]; self int y; inline int z = A;\n"
		"provider p { probe a__b(int x, char *) : (int x); };\n"
		"pid$target:a:$2:c,d /x[\"a\" \"b\", 1] ? $1 : 0/ { @a[pid] = sum(1 + (int)y);"
		"if (x) { self->y = `z + sizeof (struct s); } printf(\"%d\", $3, $$4, $5, $4); }";
	bool ok = false;
	unsigned long n;

	(void)state;
	for (n = 1; !ok && n < 100000; n++) {
		struct arena *a = arena_new();
		struct text *t = text_new(a, "t.d", text, sizeof(text) - 1);
		struct diag diag = { 0 };
		struct d *d;

		assert_non_null(t);
		arena_fail_at(n);
		d = d_new(a, &diag, &with_args);
		ok = d && d_parse(d, t, 0);
		arena_fail_at(0);
		assert_true(ok || diag.errors);
		assert_int_equal(ok, !arena_failed(a));
		d_free(d);
		arena_free(a);
	}
	assert_true(ok && n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_bind_as_in_c),
		cmocka_unit_test(names_know_their_scope),
		cmocka_unit_test(types_make_casts_and_sizes),
		cmocka_unit_test(an_assigned_name_is_no_type),
		cmocka_unit_test(aggregations_and_calls),
		cmocka_unit_test(literals_have_types),
		cmocka_unit_test(literal_errors),
		cmocka_unit_test(descriptions_are_counted_from_the_right),
		cmocka_unit_test(what_stands_behind_a_backslash_is_a_name),
		cmocka_unit_test(options_say_what_a_description_is),
		cmocka_unit_test(a_slash_divides_or_ends_the_predicate),
		cmocka_unit_test(statements),
		cmocka_unit_test(macros_become_tokens),
		cmocka_unit_test(errors_are_found_behind_errors),
		cmocka_unit_test(at_most_ten_errors),
		cmocka_unit_test(deep_nesting_is_an_error),
		cmocka_unit_test(long_texts_of_short_expressions_pass),
		cmocka_unit_test(failing_allocations_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
