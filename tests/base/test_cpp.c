/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_cpp.c: texts through the C preprocessor, and its refusals. */
#include "base/cpp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static char said[4096], dir[] = "/tmp/test_cpp.XXXXXX";

static void sink(void *arg, const char *text, size_t len)
{
	(void)arg;
	strncat(said, text, len);
}

static struct diag fresh(void)
{
	said[0] = '\0';
	return (struct diag){ .who = "dtrace", .sink = sink };
}

static const char *file(const char *name, const char *content)
{
	const char *path = arena_printf(arena, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	fputs(content, f);
	fclose(f);
	return path;
}

static void place_is(const struct text *t, const char *what, const char *name, unsigned line,
		     unsigned column)
{
	const char *at = t ? strstr(t->bytes, what) : NULL;
	struct place p;

	if (!at)
		fail_msg("no %s: %s%s", what, t ? t->bytes : "no text: ", said);
	p = text_place((struct loc){ t, (uint32_t)(at - t->bytes), 1 });
	assert_int_equal(p.line, line);
	assert_int_equal(p.column, column);
	assert_int_equal(p.name_len, strlen(name));
	assert_memory_equal(p.name, name, p.name_len);
}

static void macros_are_expanded_and_places_kept(void **state)
{
	struct diag d = fresh();
	const char *s = "#define N 42\n\n\nBEGIN { trace(N); }\n";
	struct text *in = text_new(arena, "-n", s, strlen(s)),
		    *t = cpp_text(arena, in, NULL, 0, &d);

	(void)state;
	place_is(t, "42", "-n", 4, 15);
	assert_string_equal(t->name, "-n");
	assert_int_equal(d.errors, 0);
}

static void definitions_come_from_arguments(void **state)
{
	static const char *const args[] = { "-DA=one", "-DB", "-UB", "-D", "C=three" };
	struct diag d = fresh();
	const char *s = "A B C\n#ifdef __SUNW_D\nsunw\n#endif\nlinux unix";
	struct text *in = text_new(arena, "x", s, strlen(s));
	struct text *t = cpp_text(arena, in, args, COUNT(args), &d);

	(void)state;
	assert_non_null(t);
	assert_non_null(strstr(t->bytes, "one B three"));
	assert_non_null(strstr(t->bytes, "sunw"));
	assert_non_null(strstr(t->bytes, "linux unix")); /* names in D, though macros in GNU C */
}

static void the_compilers_own_words_in_headers_stay(void **state)
{
	struct diag d = fresh();
	const char *s = "#include <sys/mman.h>\n__extension__ extern int f(char *__restrict s) "
			"__attribute__((const)) __asm__(\"g\");\n__signed__ char c;";
	struct text *in = text_new(arena, "x", s, strlen(s)), *t = cpp_text(arena, in, NULL, 0, &d);

	(void)state;
	assert_non_null(t);
	assert_non_null(strstr(t->bytes, "*mmap"));
	/* Attributes are kept for the parser, because they may move members. */
	assert_non_null(strstr(t->bytes, "__extension__ extern int f(char *__restrict s) "
					 "__attribute__((const)) __asm__(\"g\");"));
}

static void includes_are_found_beside_the_file_and_by_dash_i(void **state)
{
	struct diag d = fresh();
	const char *path = file("main.d", "#include \"beside.h\"\n#include <by_i.h>\nthird\n");
	const char *inc = arena_printf(arena, "-I%s/inc", dir);
	char *beside = arena_printf(arena, "%s/beside.h", dir);
	char *by_i = arena_printf(arena, "%s/inc/by_i.h", dir);
	struct text *t;

	(void)state;
	mkdir(arena_printf(arena, "%s/inc", dir), 0700);
	file("beside.h", "\nfirst\n");
	file("inc/by_i.h", "second\n");
	t = cpp_read(arena, path, &inc, 1, &d);
	place_is(t, "first", beside, 2, 1);
	place_is(t, "second", by_i, 1, 1);
	place_is(t, "third", path, 3, 1);
}

static void a_first_line_for_the_kernel_is_left_out(void **state)
{
	struct diag d = fresh();
	const char *path = file("script.d", "#!/usr/sbin/dtrace -Cs\nBEGIN\n");
	struct text *t = cpp_read(arena, path, NULL, 0, &d);

	(void)state;
	place_is(t, "BEGIN", path, 2, 1);
	assert_null(strstr(t->bytes, "usr/sbin"));
	path = file("only.d", "#!/usr/sbin/dtrace -Cs");
	assert_non_null(cpp_read(arena, path, NULL, 0, &d));
	assert_int_equal(d.errors, 0);
}

static void much_goes_in_and_out(void **state)
{
	struct diag d = fresh();
	size_t len = 3 << 20;
	char *s = arena_alloc(arena, len + 1);
	struct text *t;

	(void)state;
	for (size_t i = 0; i < len; i++)
		s[i] = i % 64 == 63 ? '\n' : 'x';
	t = cpp_text(arena, text_new(arena, "big", s, len), NULL, 0, &d);
	assert_non_null(t);
	assert_true(t->len >= len);
}

static void a_file_that_is_not_there(void **state)
{
	struct diag d = fresh();

	(void)state;
	assert_null(cpp_read(arena, "/nonexistent/x.d", NULL, 0, &d));
	assert_string_equal(said,
			    "dtrace: failed to open /nonexistent/x.d: No such file or directory\n");
	assert_int_equal(d.errors, 1);
}

static void what_the_preprocessor_says_is_told(void **state)
{
	struct diag d = fresh();
	const char *path = file("bad.d", "\n#include \"nosuch.h\"\n");

	(void)state;
	assert_null(cpp_read(arena, path, NULL, 0, &d));
	assert_int_equal(d.errors, 1);
	assert_non_null(
		strstr(said, arena_printf(arena, "dtrace: failed to preprocess %s: ", path)));
	assert_non_null(strstr(said, "bad.d:2:"));
	assert_non_null(strstr(said, "nosuch.h: No such file"));
	d = fresh();
	path = file("error.d", "#error told you so\n");
	assert_null(cpp_read(arena, path, NULL, 0, &d));
	assert_non_null(strstr(said, "told you so"));
}

static void another_preprocessor_by_the_environment(void **state)
{
	struct diag d = fresh();
	struct text *in = text_new(arena, "x", "one", 3), *t;

	(void)state;
	setenv("CPP", "sh -c cat", 1); /* sh takes further words as $0, $1 … */
	t = cpp_text(arena, in, NULL, 0, &d);
	assert_non_null(t);
	assert_string_equal(t->bytes, "# 1 \"x\"\none");
	setenv("CPP", "/nonexistent/cpp", 1);
	assert_null(cpp_text(arena, in, NULL, 0, &d));
	assert_string_equal(said, "dtrace: no C preprocessor found (cc, gcc, clang or $CPP)\n");
	d = fresh();
	setenv("CPP", "false", 1);
	assert_null(cpp_text(arena, in, NULL, 0, &d));
	assert_string_equal(said, "dtrace: failed to preprocess x: the preprocessor died\n");
	unsetenv("CPP");
}

static void no_memory_is_reported(void **state)
{
	struct text *in = text_new(arena, "x", "one\n", 4);

	(void)state;
	for (unsigned long n = 1; n <= 18; n++) {
		struct diag d = fresh();
		struct arena *a = arena_new();
		struct text *t;

		arena_fail_at(n);
		t = cpp_text(a, in, NULL, 0, &d);
		arena_fail_at(0);
		if (!t && (d.errors != 1 || strstr(said, "Success")))
			fail_msg("allocation %lu: %u errors: %s", n, d.errors, said);
		arena_free(a);
	}
}

static int up(void **state)
{
	(void)state;
	arena = arena_new();
	unsetenv("CPP");
	setenv("LC_ALL", "C", 1);
	return mkdtemp(dir) ? 0 : -1;
}

static int down(void **state)
{
	static const char *const files[] = { "main.d", "beside.h", "inc/by_i.h", "inc", "script.d",
					     "only.d", "bad.d",	   "error.d",	 "." };

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++)
		remove(arena_printf(arena, "%s/%s", dir, files[i]));
	rmdir(dir);
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(macros_are_expanded_and_places_kept),
		cmocka_unit_test(definitions_come_from_arguments),
		cmocka_unit_test(the_compilers_own_words_in_headers_stay),
		cmocka_unit_test(includes_are_found_beside_the_file_and_by_dash_i),
		cmocka_unit_test(a_first_line_for_the_kernel_is_left_out),
		cmocka_unit_test(much_goes_in_and_out),
		cmocka_unit_test(a_file_that_is_not_there),
		cmocka_unit_test(what_the_preprocessor_says_is_told),
		cmocka_unit_test(another_preprocessor_by_the_environment),
		cmocka_unit_test(no_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, up, down);
}
