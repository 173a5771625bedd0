/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/test_stab.c: the stability of programs (d/stab.c, d/check_stab.c).
 * The providers of this world: pub (Stable in all), priv (its module,
 * function and args are private).
 */
#include "tests/d/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct d_attr stable = { D_STABLE, D_STABLE, D_COMMON };
static const struct d_attr evolving = { D_EVOLVING, D_EVOLVING, D_ISA };
static const struct d_attr hidden = { D_PRIVATE, D_PRIVATE, D_UNKNOWN };

static bool world_attrs(void *ctx, const struct d_pdesc *pd, struct d_attr out[D_NPARTS])
{
	const struct d_attr pub[D_NPARTS] = { stable, stable, stable, stable, stable };
	const struct d_attr priv[D_NPARTS] = { evolving, hidden, hidden, evolving, hidden };

	(void)ctx;
	if (strcmp(pd->prov, "pub") && strcmp(pd->prov, "priv"))
		return false;
	memcpy(out, strcmp(pd->prov, "pub") ? priv : pub, sizeof(pub));
	return true;
}

static bool world_exists(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	return !strcmp(name, kind); /* a module "module", a provider "provider" */
}

struct said {
	char text[4096];
	size_t len;
};

static void say(void *arg, const char *text, size_t len)
{
	struct said *s = arg;

	if (len < sizeof(s->text) - s->len) {
		memcpy(s->text + s->len, text, len);
		s->len += len;
	}
}

/* The stability of the first clause, as "description statement"; or the first line of messages. */
static const char *stability(const char *program, const char *floor)
{
	static char out[4096];
	struct arena *a = arena_new();
	struct d_names names = tree_names;
	struct said said = { .len = 0 };
	struct diag diag = { .who = "dtrace", .errtags = true, .sink = say, .arg = &said };
	static const struct d_macro macros[] = { { "target", "123" } };
	struct d_config config = { .names = &names, .macros = macros, .nmacros = 1 };
	struct d_attr least;
	struct d_prog *p;
	struct d *d;

	memset(said.text, 0, sizeof(said.text));
	names.attrs = world_attrs;
	names.exists = world_exists;
	d = d_new(a, &diag, &config);
	assert_non_null(d);
	d_parse(d, text_new(a, "-n", program, strlen(program)), 0);
	if (floor)
		assert_true(d_attr_parse(floor, &least));
	d_stability(d, floor ? &least : NULL);
	p = diag.errors ? NULL : d_check(d);
	if (p)
		snprintf(out, sizeof(out), "%s %s", d_attr_text(a, p->clauses[0]->pdescs[0].attr),
			 d_attr_text(a, p->clauses[0]->attr));
	else
		snprintf(out, sizeof(out), "%.*s", (int)strcspn(said.text, "\n"), said.text);
	d_free(d);
	arena_free(a);
	return out;
}

static void check(const char *program, const char *want)
{
	assert_string_equal(stability(program, NULL), want);
}

static void a_description_is_as_stable_as_the_parts_it_names(void **state)
{
	(void)state;
	check("pub:::n {}", "Stable/Stable/Common Stable/Stable/Common");
	check("priv::: {}", "Evolving/Evolving/ISA Stable/Stable/Common");
	check("priv:::n {}", "Evolving/Evolving/ISA Stable/Stable/Common");
	check("priv::f:n {}", "Private/Private/Unknown Stable/Stable/Common");
	check("priv:m:: {}", "Private/Private/Unknown Stable/Stable/Common");
}

static void wildcards_and_macros_specify_nothing(void **state)
{
	(void)state;
	check("priv:m*:f?:n {}", "Evolving/Evolving/ISA Stable/Stable/Common");
	check("priv:[a-m]:: {}", "Evolving/Evolving/ISA Stable/Stable/Common");
	check("priv::f$target:n {}", "Evolving/Evolving/ISA Stable/Stable/Common");
	check("pub*:::n {}", "Unstable/Unstable/Common Stable/Stable/Common");
	check("pub$target:::n {}", "Unstable/Unstable/Common Stable/Stable/Common");
	check("n {}", "Unstable/Unstable/Common Stable/Stable/Common");
	check("1 {}", "Unstable/Unstable/Common Stable/Stable/Common");
	check("nobody:::n {}", "Unstable/Unstable/Common Stable/Stable/Common");
}

#define ON "pub:::one "
#define PUB "Stable/Stable/Common "
static void a_clause_is_as_stable_as_the_least_it_names(void **state)
{
	(void)state;
	check(ON "{ trace(pid); x = 1; self->y = x; @a[execname] = count(); exit(0); }",
	      PUB "Stable/Stable/Common");
	check(ON "{ trace(curthread->pid); }", PUB "Stable/Private/Common");
	check(ON "/curthread->pid == 1/ { trace(1); }", PUB "Stable/Private/Common");
	check(ON "{ x += curthread->pid; }", PUB "Stable/Private/Common");
	check(ON "{ if (pid) { x = curthread; } else { x = 0; } }", PUB "Stable/Private/Common");
	check(ON "{ @a[curthread->pid] = count(); }", PUB "Stable/Private/Common");
	check(ON "{ @a = sum(curthread->pid); }", PUB "Stable/Private/Common");
	check(ON "{ trace(sizeof(curthread->pid)); }", PUB "Stable/Private/Common");
	check(ON "{ trace(getmajor(1)); }", PUB "Evolving/Evolving/Common");
	check(ON "{ trace(`cpu_total); }", PUB "Private/Private/Unknown");
	check("pub:::two { trace(args[1] == UIO_WRITE); }", PUB "Private/Private/Unknown");
	/* The first clause does not see the stability of the next. */
	check(ON "{ trace(1); } BEGIN { trace(curthread->pid); }", PUB "Stable/Stable/Common");
}

static void types_of_the_kernel_are_private_those_declared_here_are_not(void **state)
{
	(void)state;
	check(ON "{ trace((uint64_t)arg0); trace((int *)arg0); }", PUB "Stable/Stable/Common");
	check("struct mine { int a; }; " ON "{ trace(((struct mine *)arg0)->a); }",
	      PUB "Stable/Stable/Common");
	check(ON "{ trace((struct task_struct *)arg0); }", PUB "Private/Private/Unknown");
	check(ON "{ trace((const struct task_struct **)arg0); }", PUB "Private/Private/Unknown");
	check(ON "{ trace(sizeof(struct task_struct)); }", PUB "Private/Private/Unknown");
	check(ON "{ trace(offsetof(struct task_struct, comm)); }", PUB "Private/Private/Unknown");
}

static void what_the_provider_gives_is_as_stable_as_it_says(void **state)
{
	(void)state;
	check("pub:::one { trace(args[0]); trace(probefunc); }", PUB "Stable/Stable/Common");
	check("priv:::one { trace(args[0]); }", "Evolving/Evolving/ISA Private/Private/Unknown");
	check("priv:::one { trace(arg0); }", "Evolving/Evolving/ISA Stable/Stable/Common");
	check("priv:::one { trace(probefunc); }", "Evolving/Evolving/ISA Private/Private/Unknown");
	check("priv:::one { trace(probename); }", "Evolving/Evolving/ISA Evolving/Evolving/ISA");
	check("priv:::one { trace(probeprov); }", "Evolving/Evolving/ISA Evolving/Evolving/ISA");
	check("one { trace(probemod); }", "Unstable/Unstable/Common Unstable/Unstable/Common");
	check("pub:::one, priv:::one { trace(args[0]); }", PUB "Private/Private/Unknown");
}

#define SAID "#pragma D attributes Obsolete/External/CPU "
static void a_pragma_says_what_a_name_is(void **state)
{
	(void)state;
	check(SAID "x\nint x; " ON "{ x = 1; }", PUB "Obsolete/External/CPU");
	check("int x;\n" SAID "x\n" ON "{ x = 1; }", PUB "Obsolete/External/CPU");
	check(SAID "x\n" ON "{ x = 1; }", PUB "Obsolete/External/CPU");
	check(ON "{ x = 1; }\n" SAID "x\n", PUB "Obsolete/External/CPU");
	check(SAID "x\n#pragma D attributes evolving/stable x\n" ON "{ x[1] = 1; }",
	      PUB "Evolving/Stable/Common");
	check("inline int N = `cpu_total;\n" ON "{ trace(N); }", PUB "Private/Private/Unknown");
	check("inline int N = `cpu_total;\n" SAID "N\n" ON "{ trace(N); }",
	      PUB "Obsolete/External/CPU");
	check(SAID "C\nenum { C = 1 };\n" ON "{ trace(C); }", PUB "Obsolete/External/CPU");
	check("#pragma D attributes Evolving/Evolving/Common pid\n" ON "{}",
	      "-n:1:47: [D_PRAGMA_SCOPE] #pragma D attributes: pid is not the program's own");
	check(SAID "nobody\n" ON "{}",
	      "-n:1:44: [D_PRAGMA_UNUSED] #pragma D attributes: no such name: nobody");
	check("#pragma D attributes Good x\n" ON "{}",
	      "-n:1:22: [D_PRAGMA_INVAL] invalid stability attributes: Good");
	check("#pragma D attributes Stable/Stable/Common/Common x\n" ON "{}",
	      "-n:1:22: [D_PRAGMA_INVAL] invalid stability attributes: Stable/Stable/Common/Common");
}

static void versions_are_bound_to_names_that_exist(void **state)
{
	(void)state;
	check("#pragma D binding \"1.0\" x\nint x; " ON "{}", PUB "Stable/Stable/Common");
	check("#pragma D binding \"1.6.2\" x\n" ON "{ x = 1; }", PUB "Stable/Stable/Common");
	check("#pragma D binding \"one\" x\nint x; " ON "{}",
	      "-n:1:20: [D_PRAGMA_INVAL] invalid version: one");
	check("#pragma D binding \"1.\" x\nint x; " ON "{}",
	      "-n:1:20: [D_PRAGMA_INVAL] invalid version: 1.");
	check("#pragma D binding \"1.0\" x\n" ON "{}",
	      "-n:1:25: [D_PRAGMA_UNUSED] #pragma D binding: no such name: x");
	check("#pragma D binding \"1.0\" pid\n" ON "{}",
	      "-n:1:25: [D_PRAGMA_SCOPE] #pragma D binding: pid is not the program's own");
	check("#pragma D binding \"1.0\"\n" ON "{}",
	      "-n:1:1: [D_PRAGMA_MALFORM] expected #pragma D binding \"version\" identifier");
}

static void what_a_program_depends_on_must_be_there(void **state)
{
	(void)state;
	check("#pragma D depends_on module module\n" ON "{}", PUB "Stable/Stable/Common");
	check("#pragma D depends_on provider provider\n" ON "{}", PUB "Stable/Stable/Common");
	check("#pragma D depends_on provider away\n" ON "{}",
	      "-n:1:1: [D_PRAGMA_DEPEND] the program needs what is not here: provider away");
	check("#pragma D depends_on module away\n" ON "{}",
	      "-n:1:1: [D_PRAGMA_DEPEND] the program needs what is not here: module away");
	check("#pragma D depends_on library x.d\n" ON "{}",
	      "-n:1:1: [D_PRAGMA_DEPEND] a program cannot depend on a library: library x.d");
}

static void below(const char *program, const char *floor, const char *want)
{
	assert_string_equal(stability(program, floor), want);
}

static void a_program_below_the_floor_is_refused_where_it_is(void **state)
{
	(void)state;
	below(ON "{ trace(pid); }", "Evolving/Evolving/Common", PUB "Stable/Stable/Common");
	below(ON "{ trace(curthread->pid); }", "Evolving/Evolving/Common",
	      "-n:1:19: [D_ATTR_MIN] attributes of variable curthread (Stable/Private/Common) are "
	      "below the minimum, Evolving/Evolving/Common");
	below(ON "{ trace(curthread->pid); }", "Stable/Private/Common",
	      PUB "Stable/Private/Common");
	below("one { trace(1); }", "Evolving",
	      "-n:1:1: [D_ATTR_MIN] attributes of probe description one (Unstable/Unstable/Common) "
	      "are below the minimum, Evolving/Standard/Common");
	below("priv:::one { trace(1); }", "Evolving/Evolving/Common",
	      "-n:1:1: [D_ATTR_MIN] attributes of probe description priv:::one "
	      "(Evolving/Evolving/ISA) are below the minimum, Evolving/Evolving/Common");
	below("priv:::one { trace(args[0]); }", "Evolving/Evolving/ISA",
	      "-n:1:20: [D_ATTR_MIN] attributes of variable args (Private/Private/Unknown) are below "
	      "the minimum, Evolving/Evolving/ISA");
	below(ON "{ trace(`cpu_total); }", "Evolving/Evolving/Common",
	      "-n:1:19: [D_ATTR_MIN] attributes of kernel symbol cpu_total (Private/Private/Unknown) "
	      "are below the minimum, Evolving/Evolving/Common");
	below(ON "{ trace((struct task_struct *)arg0); }", "Evolving/Evolving/Common",
	      "-n:1:19: [D_ATTR_MIN] attributes of type struct task_struct "
	      "(Private/Private/Unknown) are below the minimum, Evolving/Evolving/Common");
	below(ON "{ trace(getmajor(1)); }", "Stable/Stable/Common",
	      "-n:1:19: [D_ATTR_MIN] attributes of function getmajor (Evolving/Evolving/Common) are "
	      "below the minimum, Stable/Stable/Common");
	below("pub:::one {}", "Standard/Standard/Common",
	      "-n:1:1: [D_ATTR_MIN] attributes of probe description pub:::one "
	      "(Stable/Stable/Common) are below the minimum, Standard/Standard/Common");
}

static void attributes_are_read_in_any_case_and_no_other_form(void **state)
{
	static const char *const bad[] = { "",
					   "/",
					   "Stable/",
					   "Stable//Common",
					   "Stable/Stable/",
					   "Common",
					   "Stable/Stable/Stable",
					   "Stable/Stable/Common/x",
					   "Stabl",
					   NULL };
	struct d_attr a;

	(void)state;
	assert_true(d_attr_parse("sTABLE/private/common", &a));
	assert_int_equal(a.name, D_STABLE);
	assert_int_equal(a.data, D_PRIVATE);
	assert_int_equal(a.class, D_COMMON);
	assert_true(d_attr_parse("Internal", &a));
	assert_int_equal(a.name, D_INTERNAL);
	assert_int_equal(a.data, D_STANDARD);
	assert_int_equal(a.class, D_COMMON);
	for (size_t i = 0; bad[i]; i++)
		assert_false(d_attr_parse(bad[i], &a));
	assert_false(d_attr_parse(NULL, &a));
}

static void versions_compare_part_by_part(void **state)
{
	static const char *const order[] = {
		"0.9", "1", "1.0.1", "1.2", "1.2.1", "1.13", "2", NULL
	};
	static const char *const bad[] = { "",	  ".",	  "1.",	  "a",	"1.2.3.4",     "1.5000",
					   "256", "1.2x", "1..2", "-1", "99999999999", NULL };
	uint32_t v, last = 0, same;

	(void)state;
	for (size_t i = 0; order[i]; i++) {
		assert_true(d_version_parse(order[i], &v));
		assert_true(v > last);
		last = v;
	}
	assert_true(d_version_parse("1", &v) && d_version_parse("1.0.0", &same) && v == same);
	for (size_t i = 0; bad[i]; i++)
		assert_false(d_version_parse(bad[i], &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_description_is_as_stable_as_the_parts_it_names),
		cmocka_unit_test(wildcards_and_macros_specify_nothing),
		cmocka_unit_test(a_clause_is_as_stable_as_the_least_it_names),
		cmocka_unit_test(types_of_the_kernel_are_private_those_declared_here_are_not),
		cmocka_unit_test(what_the_provider_gives_is_as_stable_as_it_says),
		cmocka_unit_test(a_pragma_says_what_a_name_is),
		cmocka_unit_test(versions_are_bound_to_names_that_exist),
		cmocka_unit_test(what_a_program_depends_on_must_be_there),
		cmocka_unit_test(a_program_below_the_floor_is_refused_where_it_is),
		cmocka_unit_test(attributes_are_read_in_any_case_and_no_other_form),
		cmocka_unit_test(versions_compare_part_by_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
