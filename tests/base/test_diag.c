/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_diag.c: the whole text of each kind of message. */
#include "base/diag.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct diag_tag D_IDENT_UNDEF[] = { { "D_IDENT_UNDEF" } },
			     D_SYNTAX[] = { { "D_SYNTAX" } }, D_PROG[] = { { "D_PROG" } };

static char said[4096];
static unsigned calls;
static struct arena *arena;

static void sink(void *arg, const char *text, size_t len)
{
	assert_ptr_equal(arg, said);
	assert_int_equal(text[len - 1], '\n');
	strncat(said, text, len);
	calls++;
}

static struct diag fresh(void)
{
	said[0] = '\0';
	calls = 0;
	return (struct diag){ .who = "dtrace", .sink = sink, .arg = said };
}

/* The place of `what` in a text of that name. */
static struct loc at(const char *name, const char *s, const char *what)
{
	struct text *t = text_new(arena, name, s, strlen(s));

	return (struct loc){ t, (uint32_t)(strstr(t->bytes, what) - t->bytes),
			     (uint32_t)strlen(what) };
}

static void an_error_shows_its_line_and_a_caret(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, at("a.d", "BEGIN\n{ x = foo; }\n", "foo"), D_IDENT_UNDEF, "unknown name: %s",
		   "foo");
	assert_string_equal(said, "a.d:2:7: unknown name: foo\n{ x = foo; }\n      ^~~\n");
	assert_int_equal(d.errors, 1);
	assert_int_equal(calls, 1);
}

static void tags_are_shown_when_asked_for(void **state)
{
	struct diag d = fresh();

	(void)state;
	d.errtags = true;
	diag_error(&d, at("a.d", "x", "x"), D_SYNTAX, "bad");
	diag_error(&d, NOWHERE, D_PROG, "worse");
	diag_error(&d, NOWHERE, NULL, "no tag");
	assert_string_equal(said, "a.d:1:1: [D_SYNTAX] bad\nx\n^\ndtrace: [D_PROG] worse\n"
				  "dtrace: no tag\n");
}

static void tabs_stay_tabs_under_the_line(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, at("a.d", "\tif\t(foo)", "foo"), NULL, "bad");
	assert_string_equal(said, "a.d:1:6: bad\n\tif\t(foo)\n\t  \t ^~~\n");
}

/* Columns count bytes, but the caret stands under the character that the person sees. */
static void letters_of_several_bytes_take_one_column_of_the_screen(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, at("a.d", "s = \"h\303\251\303\251\" + foo;", "foo"), NULL, "bad");
	assert_string_equal(said,
			    "a.d:1:15: bad\ns = \"h\303\251\303\251\" + foo;\n            ^~~\n");
	d = fresh();
	diag_error(&d, at("a.d", "x \"\303\251\" y", "\"\303\251\""), NULL, "bad");
	assert_string_equal(said, "a.d:1:3: bad\nx \"\303\251\" y\n  ^~~\n");
}

static void a_place_ends_with_its_line(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, at("a.d", "ab cd\nef", "cd\nef"), NULL, "bad");
	assert_string_equal(said, "a.d:1:4: bad\nab cd\n   ^~\n");
	d = fresh();
	diag_error(&d, at("a.d", "ab\n", "\n"), NULL, "unexpected end");
	assert_string_equal(said, "a.d:1:3: unexpected end\nab\n  ^\n");
}

static void a_carriage_return_is_not_shown(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, at("a.d", "x = ;\r\ny\r\n", ";"), NULL, "bad");
	assert_string_equal(said, "a.d:1:5: bad\nx = ;\n    ^\n");
}

static void without_a_place_it_is_one_line_with_who(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, NOWHERE, NULL, "no such process: %d", 5);
	d.who = NULL;
	diag_error(&d, NOWHERE, NULL, "anonymous");
	assert_string_equal(said, "dtrace: no such process: 5\nanonymous\n");
}

static void warnings_notes_and_hints(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_warn(&d, at("a.d", "abc", "b"), "odd");
	diag_hint(&d, "write %s", "this");
	diag_note(&d, "%d drops on CPU %d", 5, 0);
	assert_string_equal(said, "a.d:1:2: warning: odd\nabc\n ^\nhint: write this\n"
				  "dtrace: 5 drops on CPU 0\n");
	assert_int_equal(d.errors, 0);
	assert_int_equal(d.warnings, 1);
}

static void after_the_limit_errors_are_counted_only(void **state)
{
	struct diag d = fresh();

	(void)state;
	d.limit = 2;
	for (int i = 1; i <= 4; i++) {
		diag_error(&d, NOWHERE, NULL, "error %d", i);
		diag_hint(&d, "hint %d", i);
	}
	assert_string_equal(said, "dtrace: error 1\nhint: hint 1\ndtrace: error 2\nhint: hint 2\n");
	assert_int_equal(d.errors, 4);
}

/* A hint follows its message: shown if that message was shown, even past the limit of errors. */
static void a_warning_after_the_limit_keeps_its_hint(void **state)
{
	struct diag d = fresh();

	(void)state;
	d.limit = 1;
	diag_error(&d, NOWHERE, NULL, "one");
	diag_error(&d, NOWHERE, NULL, "two");
	diag_hint(&d, "of two");
	diag_warn(&d, NOWHERE, "odd");
	diag_hint(&d, "of odd");
	diag_error(&d, NOWHERE, NULL, "three");
	diag_hint(&d, "of three");
	diag_note(&d, "a note");
	diag_hint(&d, "of the note");
	assert_string_equal(said,
			    "dtrace: one\ndtrace: warning: odd\nhint: of odd\ndtrace: a note\n"
			    "hint: of the note\n");
}

static void a_place_in_an_included_file(void **state)
{
	struct diag d = fresh();

	(void)state;
	diag_error(&d, at("a.d", "# 40 \"inc/b.h\"\n\nint x y;\n", "y;"), NULL, "bad");
	assert_string_equal(said, "inc/b.h:41:7: bad\nint x y;\n      ^~\n");
}

static void a_sink_to_a_file_and_none(void **state)
{
	struct diag d = { .who = "x" };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	diag_error(&d, NOWHERE, NULL, "dropped");
	assert_int_equal(d.errors, 1);
	d.sink = diag_to_file;
	d.arg = f;
	diag_error(&d, NOWHERE, NULL, "kept");
	assert_string_equal(text, "x: kept\n");
	fclose(f);
	free(text);
}

static struct diag_message told[4];
static char told_what[4][64];
static unsigned ntold;

static void tell(void *arg, const struct diag_message *m)
{
	assert_ptr_equal(arg, said);
	strcat(said, m->text);
	told[ntold] = *m;
	strcpy(told_what[ntold++], m->what);
}

static void who_is_told_gets_the_parts(void **state)
{
	struct diag d = fresh();

	(void)state;
	d.tell = tell;
	ntold = 0;
	diag_error(&d, at("a.d", "BEGIN\n{ x = foo; }\n", "foo"), D_IDENT_UNDEF, "unknown: %s",
		   "foo");
	diag_hint(&d, "say %s", "bar");
	diag_warn(&d, NOWHERE, "look");
	diag_note(&d, "5 drops");
	assert_string_equal(said, "a.d:2:7: unknown: foo\n{ x = foo; }\n      ^~~\n"
				  "hint: say bar\ndtrace: warning: look\ndtrace: 5 drops\n");
	assert_int_equal(calls, 0); /* the sink is not called too */
	assert_true(ntold == 4 && told[0].kind == DIAG_ERROR && told[1].kind == DIAG_HINT &&
		    told[2].kind == DIAG_WARNING && told[3].kind == DIAG_NOTE);
	assert_string_equal(told_what[0], "unknown: foo");
	assert_string_equal(told_what[1], "say bar");
	assert_string_equal(told_what[2], "look");
	assert_string_equal(told[0].tag, "D_IDENT_UNDEF");
	assert_true(told[0].place.line == 2 && told[0].place.column == 7 && !told[1].place.line);
}

static int up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* A foreign name with newlines or escapes must not end a line or control the terminal. */
static void a_message_is_one_printable_line(void **state)
{
	struct diag d = fresh();
	struct text *t = text_new(arena, "x", "# 7 \"we\x1b[31mird.d\"\nfoo\n", 24);

	(void)state;
	diag_note(&d, "pid %d: %s", 7, "a\nroot: forged\x1b[2J");
	diag_warn(&d, NOWHERE, "%s", "tab\there");
	diag_hint(&d, "na\u00efve %s", "\x9b");
	assert_string_equal(said, "dtrace: pid 7: a?root: forged?[2J\n"
				  "dtrace: warning: tab?here\n"
				  "hint: na\u00efve ?\n");
	said[0] = '\0';
	diag_error(&d, (struct loc){ t, (uint32_t)(strstr(t->bytes, "foo") - t->bytes), 3 }, NULL,
		   "bad");
	assert_string_equal(said, "we?[31mird.d:7:1: bad\nfoo\n^~~\n");
}

/* A binary given as a script: unprintable bytes except tabs are replaced, and the caret counts the
 * columns of the line as shown. */
static void a_source_line_is_printable(void **state)
{
	static const char bytes[] = "\x7f\x45LF\x02\x00\t\xe9\x9b[31m here \xc3\xa9 bad";
	struct diag d = fresh();
	struct text *t = text_new(arena, "a.out", bytes, sizeof(bytes) - 1);

	(void)state;
	diag_error(&d, (struct loc){ t, sizeof(bytes) - 4, 3 }, NULL, "no");
	assert_string_equal(said, "a.out:1:23: no\n?ELF??\t??[31m here \u00e9 bad\n"
				  "      \t              ^~~\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_shows_its_line_and_a_caret),
		cmocka_unit_test(tags_are_shown_when_asked_for),
		cmocka_unit_test(tabs_stay_tabs_under_the_line),
		cmocka_unit_test(letters_of_several_bytes_take_one_column_of_the_screen),
		cmocka_unit_test(a_place_ends_with_its_line),
		cmocka_unit_test(a_carriage_return_is_not_shown),
		cmocka_unit_test(without_a_place_it_is_one_line_with_who),
		cmocka_unit_test(warnings_notes_and_hints),
		cmocka_unit_test(after_the_limit_errors_are_counted_only),
		cmocka_unit_test(a_warning_after_the_limit_keeps_its_hint),
		cmocka_unit_test(a_place_in_an_included_file),
		cmocka_unit_test(a_sink_to_a_file_and_none),
		cmocka_unit_test(who_is_told_gets_the_parts),
		cmocka_unit_test(a_message_is_one_printable_line),
		cmocka_unit_test(a_source_line_is_printable),
	};

	return cmocka_run_group_tests(tests, up, down);
}
