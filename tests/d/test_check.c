/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/test_check.c: the checker, by programs and their trees or messages.
 * check.cases:  name, program, its typed tree (tree.h says how it is written).
 * errors.cases: name, program, its messages: `column: [TAG] text`, joined by ` | `.
 * Both have three lines a case, and a blank one between cases.
 */
#include "tests/d/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compile {
	struct arena *arena;
	struct diag diag;
	struct d *d;
	struct d_prog *prog;
	char said[8192];
	size_t len;
};

static void said(void *arg, const char *text, size_t len)
{
	struct compile *c = arg;

	if (len < sizeof(c->said) - c->len) {
		memcpy(c->said + c->len, text, len);
		c->len += len;
	}
}

static void compile(struct compile *c, const char *program, const struct d_names *names,
		    unsigned long fail_at)
{
	static const struct d_macro macros[] = { { "target", "123" } };
	struct d_config config = { .names = names, .macros = macros, .nmacros = 1 };
	struct text *text;

	memset(c, 0, sizeof(*c));
	c->arena = arena_new();
	assert_non_null(c->arena);
	c->diag = (struct diag){ .who = "dtrace", .errtags = true, .sink = said, .arg = c };
	text = text_new(c->arena, "-n", program, strlen(program));
	arena_fail_at(fail_at);
	c->d = d_new(c->arena, &c->diag, &config);
	c->prog = c->d && d_parse(c->d, text, 0) ? d_check(c->d) : NULL;
	arena_fail_at(0);
}

static void done(struct compile *c)
{
	d_free(c->d);
	arena_free(c->arena);
}

/* "-n:1:15: [TAG] text" lines → "15: [TAG] text | …" */
static const char *messages(struct compile *c)
{
	const char *out = "";
	char *line = strtok(c->said, "\n");

	for (; line; line = strtok(NULL, "\n"))
		if (!strncmp(line, "-n:1:", 5))
			out = arena_printf(c->arena, "%s%s%s", out, *out ? " | " : "", line + 5);
	return out;
}

static void chomp(char *s)
{
	s[strcspn(s, "\n")] = 0;
}

static bool run_case(const char *name, const char *program, const char *want, bool errors)
{
	struct compile c;
	const char *got;
	bool same;

	compile(&c, program, &tree_names, 0);
	if (errors)
		got = c.prog ? "no error" : messages(&c);
	else
		got = c.prog ? tree_prog(c.d, c.prog) : messages(&c);
	same = !strcmp(got, want);
	if (!same)
		print_error("%s: %s\n  want %s\n  got  %s\n", name, program, want, got);
	done(&c);
	return same;
}

static void run_file(const char *file, bool errors)
{
	static char name[8192], program[8192], want[8192], blank[16];
	const char *dir = getenv("srcdir");
	char path[512];
	int n = 0, bad = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/d/%s", dir ? dir : ".", file);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(name, sizeof(name), f) && fgets(program, sizeof(program), f) &&
	       fgets(want, sizeof(want), f)) {
		chomp(name);
		chomp(program);
		chomp(want);
		bad += !run_case(name, program, want, errors);
		n++;
		if (!fgets(blank, sizeof(blank), f))
			break;
	}
	fclose(f);
	assert_true(n > 10);
	assert_int_equal(bad, 0);
}

static void programs_become_typed_trees(void **state)
{
	(void)state;
	run_file("check.cases", false);
}

static void errors_have_place_tag_and_words(void **state)
{
	(void)state;
	run_file("errors.cases", true);
}

static void a_misspelt_name_is_answered_with_the_near_one(void **state)
{
	struct compile c;

	(void)state;
	compile(&c, "BEGIN { trace(execnam); }", NULL, 0);
	assert_null(c.prog);
	assert_non_null(strstr(c.said, "did you mean execname?"));
	done(&c);
	compile(&c, "BEGIN { @x = quantise(arg0); }", NULL, 0);
	assert_non_null(strstr(c.said, "did you mean quantize()?"));
	done(&c);
}

static void without_names_args_are_an_error_not_a_crash(void **state)
{
	struct compile c;

	(void)state;
	compile(&c, "BEGIN { trace(args[0]); trace(`x); trace(curthread->pid); }", NULL, 0);
	assert_null(c.prog);
	assert_int_equal(c.diag.errors, 3);
	done(&c);
}

static void what_the_compiler_asks_of_a_program_is_there(void **state)
{
	struct compile c;
	const struct d_prog *p;

	(void)state;
	compile(&c,
		"int g; self string s; BEGIN, END { x[1, \"a\"] = 2; self->t = 1; this->u = 2L; "
		"@a[1] = lquantize(arg0, 0, 10, 2, 3); @b = count(); if (x[1, \"b\"]) { trace(1); } }",
		&tree_names, 0);
	p = c.prog;
	assert_non_null(p);
	assert_int_equal(p->nclauses, 1);
	assert_int_equal(p->clauses[0]->npdescs, 2);
	assert_int_equal(p->nglobals, 2);
	assert_string_equal(p->globals[1]->name, "x");
	assert_int_equal(p->globals[1]->id, 1);
	assert_true(p->globals[1]->assoc);
	assert_int_equal(p->globals[1]->nkeys, 2);
	assert_int_equal(p->nselfs, 2);
	assert_int_equal(p->nthises, 1);
	assert_ptr_equal(p->clauses[0]->this_vars, p->thises);
	assert_int_equal(p->naggs, 2);
	assert_int_equal(p->aggs[0]->func, D_AGG_lquantize);
	assert_int_equal(p->aggs[0]->params[1], 10);
	assert_int_equal(p->clauses[0]->body[3]->nargs, 2);
	assert_null(p->clauses[0]->body[4]->args[0]);
	assert_int_equal(p->clauses[0]->body[5]->action_index, 6);
	assert_int_equal(p->clauses[0]->body[5]->then[0]->action_index, 7);
	done(&c);
}

static void every_failing_allocation_is_reported(void **state)
{
	static const char program[] =
		"inline int N = 3; struct s { int a : 3; char c[4]; }; self int d[string]; "
		"app$target:::hit /self->t != 0 && execname == \"x\"/ { @[copyinstr(arg1), stack(5)] = "
		"quantize(arg0 + N, 2); printf(\"%d %s\\n\", arg0, execname); x[1] = self->d[\"a\"]++; "
		"this->p = (struct s *)copyin(arg0, sizeof(struct s)); trace(this->p->c[1]); self->t = 1; } "
		"sdt:::one, sdt:::two { trace(args[0]); @b = lquantize(arg0, 0, 10); printa(\"%@d\", @b); }";
	struct compile c;
	unsigned long n = 1;

	(void)state;
	for (; n < 100000; n++) {
		compile(&c, program, &tree_names, n);
		if (c.prog) {
			assert_int_equal(c.diag.errors, 0);
			done(&c);
			break;
		}
		if (!c.diag.errors)
			print_error("allocation %lu fails without a word\n", n);
		assert_true(c.diag.errors > 0);
		done(&c);
	}
	assert_true(n > 300 && n < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_become_typed_trees),
		cmocka_unit_test(errors_have_place_tag_and_words),
		cmocka_unit_test(a_misspelt_name_is_answered_with_the_near_one),
		cmocka_unit_test(without_names_args_are_an_error_not_a_crash),
		cmocka_unit_test(what_the_compiler_asks_of_a_program_is_there),
		cmocka_unit_test(every_failing_allocation_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
