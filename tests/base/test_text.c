/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_text.c: places in texts, numbers, globs. */
#include "base/text.h"

#include "base/arena.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The place of the first `what` in the text, as "name:line:column|source line". */
static void place_is(const struct text *t, const char *what, const char *want)
{
	const char *at = strstr(t->bytes, what);
	struct place p;
	char got[200];

	assert_non_null(at);
	p = text_place((struct loc){ t, (uint32_t)(at - t->bytes), 1 });
	snprintf(got, sizeof(got), "%.*s:%u:%u|%.*s", (int)p.name_len, p.name ? p.name : "", p.line,
		 p.column, (int)p.len, p.start);
	assert_string_equal(got, want);
}

static struct text *text(struct arena *a, const char *name, const char *s)
{
	return text_new(a, name, s, strlen(s));
}

static void lines_and_columns_count_from_one(void **state)
{
	struct arena *a = arena_new();
	struct text *t = text(a, "x.d", "ab\n\n\tc d\nlast");

	(void)state;
	place_is(t, "ab", "x.d:1:1|ab");
	place_is(t, "b\n", "x.d:1:2|ab");
	place_is(t, "\n\n", "x.d:1:3|ab");
	place_is(t, "\n\t", "x.d:2:1|");
	place_is(t, "c d", "x.d:3:2|\tc d");
	place_is(t, "last", "x.d:4:1|last");
	place_is(t, "t", "x.d:4:4|last");
	arena_free(a);
}

static void the_end_and_nowhere_have_places(void **state)
{
	struct arena *a = arena_new();
	struct text *t = text(a, "x", "a\n");
	struct place p = text_place((struct loc){ t, 2, 0 });

	(void)state;
	assert_int_equal(p.line, 2);
	assert_int_equal(p.column, 1);
	assert_int_equal(p.len, 0);
	p = text_place((struct loc){ text(a, "x", ""), 0, 0 });
	assert_int_equal(p.line, 1);
	assert_int_equal(p.column, 1);
	p = text_place((struct loc){ NULL, 0, 0 });
	assert_null(p.name);
	assert_int_equal(p.line, 0);
	arena_free(a);
}

static void a_text_is_a_copy_with_a_nul(void **state)
{
	struct arena *a = arena_new();
	char s[] = "abc";
	struct text *t = text_new(a, NULL, s, 2);

	(void)state;
	s[0] = 'x';
	assert_int_equal(t->len, 2);
	assert_string_equal(t->bytes, "ab");
	assert_null(t->name);
	arena_free(a);
}

static void markers_of_cpp_move_places(void **state)
{
	struct arena *a = arena_new();
	struct text *t = text(a, "main.d",
			      "# 1 \"main.d\"\none\n# 7 \"inc/b.h\" 1 3\ntwo\nthree\n"
			      "# 3 \"main.d\" 2\nfour\n#line 90 \"gen.d\"\nfive\n");

	(void)state;
	place_is(t, "one", "main.d:1:1|one");
	place_is(t, "two", "inc/b.h:7:1|two");
	place_is(t, "three", "inc/b.h:8:1|three");
	place_is(t, "four", "main.d:3:1|four");
	place_is(t, "five", "gen.d:90:1|five");
	arena_free(a);
}

/* `#line 5` alone changes the number; the file stays the last that a marker named. */
static void a_marker_without_a_name_keeps_the_last(void **state)
{
	struct arena *a = arena_new();
	struct text *t = text(a, "main.d", "# 1 \"inc.h\"\none\n#line 5\ntwo\n# 9\nthree\n");
	struct text *bare = text(a, "main.d", "\n#line 5\ntwo\n");

	(void)state;
	place_is(t, "two", "inc.h:5:1|two");
	place_is(t, "three", "inc.h:9:1|three");
	place_is(bare, "two", "main.d:5:1|two");
	arena_free(a);
}

static void other_lines_with_a_hash_are_no_markers(void **state)
{
	struct arena *a = arena_new();
	struct text *t = text(a, "x",
			      "#pragma D option quiet\n# x 5\n#lines 5\n#line\n#\n#line x\nz");

	(void)state;
	place_is(t, "z", "x:7:1|z");
	arena_free(a);
}

static void files_are_read_whole(void **state)
{
	struct arena *a = arena_new();
	char path[] = "/tmp/test_text.XXXXXX",
	     line[64] = "0123456789abcdef0123456789abcdef0123456789\n";
	int fd = mkstemp(path);
	struct text *t;

	(void)state;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
	t = text_read(a, path);
	assert_int_equal(t->len, 5000 * strlen(line));
	assert_int_equal(t->nlines, 5001);
	assert_string_equal(t->name, path);
	unlink(path);
	errno = 0;
	assert_null(text_read(a, path));
	assert_int_equal(errno, ENOENT);
	assert_null(text_read(a, "/tmp"));
	assert_int_equal(errno, EISDIR);
	arena_free(a);
}

static void a_byte_order_mark_is_left_out(void **state)
{
	struct arena *a = arena_new();
	char path[] = "/tmp/test_text.XXXXXX";
	int fd = mkstemp(path);
	struct text *t;

	(void)state;
	assert_int_equal(write(fd, "\xef\xbb\xbfone\n\xef\xbb\xbftwo", 13), 13);
	t = text_read(a, path);
	t->name = "x";
	assert_string_equal(t->bytes, "one\n\xef\xbb\xbftwo");
	place_is(t, "one", "x:1:1|one");
	assert_int_equal(ftruncate(fd, 3), 0);
	assert_int_equal(text_read(a, path)->len, 0);
	assert_int_equal(ftruncate(fd, 2), 0);
	assert_int_equal(text_read(a, path)->len, 2);
	close(fd);
	unlink(path);
	arena_free(a);
}

static void failing_allocations_give_null(void **state)
{
	(void)state;
	for (unsigned long n = 1; n <= 4; n++) {
		struct arena *a = arena_new();
		struct text *t;

		arena_fail_at(n);
		t = text(a, "name", "a\nb");
		arena_fail_at(0);
		assert_true(!t || t->name);
		assert_true(arena_failed(a));
		arena_free(a);
	}
}

static void decimal_numbers(void **state)
{
	static const char *const bad[] = { "",
					   "x",
					   "1x",
					   "-1",
					   "+1",
					   " 1",
					   "1 ",
					   "0x10",
					   "18446744073709551616",
					   "99999999999999999999999" };
	uint64_t v = 5;

	(void)state;
	assert_true(text_u64("0", &v) && v == 0);
	assert_true(text_u64("007", &v) && v == 7);
	assert_true(text_u64("18446744073709551615", &v) && v == UINT64_MAX);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (text_u64(bad[i], &v))
			fail_msg("'%s' is a number: %llu", bad[i], (unsigned long long)v);
	assert_true(v == UINT64_MAX);
}

static const struct {
	const char *pattern, *yes, *no;
} globs[] = {
	/* blanks separate */
	{ "abc", "abc", "ab abcd xabc ABC" },
	{ "*", "a abc", NULL },
	{ "a*", "a ab abb", "b ba" },
	{ "*a", "a ba aa", "ab b" },
	{ "*a*b*", "ab xaybz aab abb", "ba a b" },
	{ "a**b", "ab axb", "a b" },
	{ "*aab", "aaab aab baab", "aaba ab" },
	{ "?", "a b", "ab" },
	{ "a?c", "abc acc", "ac abbc" },
	{ "?*", "a ab", NULL },
	{ "[abc]x", "ax bx cx", "dx x abx" },
	{ "[a-c]", "a b c", "d - A" },
	{ "[a-cx-z0]", "a y 0", "d w 1" },
	{ "[!a-c]", "d ! -", "a b" },
	{ "[a-]", "a -", "b" },
	{ "[-a]", "a -", "b" },
	{ "[]a]", "] a", "b" },
	{ "[!]a]", "b [", "] a" },
	{ "x[0-9]*y", "x1y x12y x1ayy", "xy xay" },
	{ "\\*", "*", "a \\*" },
	{ "a\\?b", "a?b", "axb" },
	{ "\\[a]", "[a]", "a" },
	{ "[\\]x]", "] x", "\\ a" },
	{ "[\\!a]", "! a", "b" },
	{ "[a\\-c]", "a - c", "b" },
	{ "\\\\", "\\", "a" },
	{ "[a", "[a", "a [" },
	{ "a\\", "a\\", "a" },
	{ "func*-entry", "func-entry function-entry", "func-return function-entry2" },
};

static void words(const char *pattern, const char *list, bool want)
{
	char copy[100], *save = NULL;

	if (!list)
		return;
	snprintf(copy, sizeof(copy), "%s", list);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (text_glob(pattern, w) != want)
			fail_msg("%s %s %s", pattern, want ? "does not match" : "matches", w);
}

static void globs_of_dtrace(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(globs); i++) {
		words(globs[i].pattern, globs[i].yes, true);
		words(globs[i].pattern, globs[i].no, false);
	}
	assert_true(text_glob("", "anything") && text_glob("", ""));
	assert_true(text_glob("*", "") && !text_glob("?", "") && !text_glob("[a]", ""));
	assert_false(text_glob("[!a]", ""));
}

/* The time for many stars against a long name is proportional, not exponential. */
static void globs_do_not_explode(void **state)
{
	char s[2001];

	(void)state;
	memset(s, 'a', sizeof(s) - 1);
	s[sizeof(s) - 1] = '\0';
	assert_false(text_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", s));
}

static void units_of_time_are_nanoseconds(void **state)
{
	static const char *const bad[] = { "", "hz", "n", "ms ", "seconds", "1ms" };
	uint64_t ns = 0;

	(void)state;
	assert_true(text_time_unit("ns", &ns) && ns == 1);
	assert_true(text_time_unit("USEC", &ns) && ns == 1000);
	assert_true(text_time_unit("m", &ns) && ns == 60000000000);
	assert_true(text_time_unit("day", &ns) && ns == 86400000000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_time_unit(bad[i], &ns));
}

static void what_is_a_glob(void **state)
{
	(void)state;
	assert_true(text_is_glob("") && text_is_glob("a*") && text_is_glob("?") &&
		    text_is_glob("[a]") && text_is_glob("\\a"));
	assert_false(text_is_glob("abc") || text_is_glob("a-b]"));
}

static void a_module_is_a_files_last_name(void **state)
{
	(void)state;
	assert_string_equal(text_base("/usr/lib/libc.so.6"), "libc.so.6");
	assert_string_equal(text_base("a:b"), "a:b");
	assert_string_equal(text_base("/opt/a:b"), "a:b");
	assert_string_equal(text_base("/memfd:usdt:app (deleted)"), "app (deleted)");
	assert_string_equal(text_base("/memfd:app"), "app");
	assert_string_equal(text_base("/memfd:x/y:app"), "app");
	assert_string_equal(text_base("/memfd:x:y/app"), "app");
	assert_string_equal(text_base("/tmp/memfd:app"), "memfd:app");
}

/* A '?' for each byte, so that the shown name, as a glob, still matches the real name. */
static void what_is_not_printable_is_shown_as_question_marks(void **state)
{
	static const struct {
		const char *raw, *shown;
	} rows[] = {
		{ "", "" },
		{ "plain name~", "plain name~" },
		{ "a\nb\tc\x7f", "a?b?c?" },
		{ "\x1b]0;pwn\a", "?]0;pwn?" },
		{ "na\u00efve \u65e5\u672c \U0001f600", "na\u00efve \u65e5\u672c \U0001f600" },
		{ "c1 \xc2\x9b;", "c1 ??;" }, /* U+009B is ESC [ to a terminal */
		{ "8bit \x9b!", "8bit ?!" },
		{ "cut \xe6\x97", "cut ??" },
		{ "long \xc1\x8a\xe0\x80\x8a", "long ?????" }, /* newlines, too many bytes */
		{ "half \xed\xa0\x80", "half ???" },
		{ "far \xf4\x90\x80\x80\xff", "far ?????" },
		{ "turn\u202etxt.\u2066", "turn???txt.???" },
		{ "line\u2028end", "line???end" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool same = !strcmp(rows[i].raw, rows[i].shown);

		assert_int_equal(text_is_printable(rows[i].raw, strlen(rows[i].raw)), same);
		assert_string_equal(text_printable(a, rows[i].raw), rows[i].shown);
		if (same)
			assert_ptr_equal(text_printable(a, rows[i].raw), rows[i].raw);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_columns_count_from_one),
		cmocka_unit_test(the_end_and_nowhere_have_places),
		cmocka_unit_test(a_text_is_a_copy_with_a_nul),
		cmocka_unit_test(markers_of_cpp_move_places),
		cmocka_unit_test(a_marker_without_a_name_keeps_the_last),
		cmocka_unit_test(other_lines_with_a_hash_are_no_markers),
		cmocka_unit_test(files_are_read_whole),
		cmocka_unit_test(a_byte_order_mark_is_left_out),
		cmocka_unit_test(failing_allocations_give_null),
		cmocka_unit_test(decimal_numbers),
		cmocka_unit_test(globs_of_dtrace),
		cmocka_unit_test(globs_do_not_explode),
		cmocka_unit_test(units_of_time_are_nanoseconds),
		cmocka_unit_test(what_is_a_glob),
		cmocka_unit_test(a_module_is_a_files_last_name),
		cmocka_unit_test(what_is_not_printable_is_shown_as_question_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
