/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/test_out_printf.c: conversions of printf, and the speed of %d and %s. */
#include "tests/consumer/outtest.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static void integer(const char *fmt, enum d_basetype type, int64_t v, const char *want)
{
	struct fix *x = fix_new();

	add_int(x, type, v);
	assert_int_equal(act(x, D_ACT_printf, fmt), 0);
	expect(x, want);
	fix_free(x);
}

static void integers_are_printed_by_sign_size_and_flags(void **state)
{
	(void)state;
	integer("%d\n", D_INT, -5, "-5\n");
	integer("%d", D_INT64, INT64_MIN, "-9223372036854775808");
	integer("%d", D_UINT64, -1, "18446744073709551615");
	integer("%lld", D_UINT64, -1, "-1");
	integer("%u", D_INT, -1, "4294967295");
	integer("%x", D_INT8, -1, "ff");
	integer("%X|", D_UINT64, -1, "FFFFFFFFFFFFFFFF|");
	integer("%#x", D_INT, 255, "0xff");
	integer("%#x", D_INT, 0, "0");
	integer("%#o", D_INT, 8, "010");
	integer("%5d|", D_INT, -42, "  -42|");
	integer("%-5d|", D_INT, -42, "-42  |");
	integer("%05d|", D_INT, -42, "-0042|");
	integer("%.5d|", D_INT, -42, "-00042|");
	integer("%8.5d|", D_INT, -42, "  -00042|");
	integer("%+d", D_INT, 0, "+0");
	integer("% d", D_INT, 0, " 0");
}

static void characters_and_pointers(void **state)
{
	(void)state;
	integer("%c", D_INT, 'A', "A");
	integer("%3c|", D_CHAR, 'A', "  A|");
	integer("%C", D_CHAR, '\n', "\\n");
	integer("%C", D_CHAR, '\377', "\\377");
	integer("%p", D_ULONG, 0xffff8000, "ffff8000");
	integer("100%% %d", D_INT, 1, "100% 1");
	integer("%?p|", D_ULONG, 0xabc, "             abc|");
	integer("%A", D_ULONG, 0x1000, "0x1000");
}

static void strings_have_width_and_precision(void **state)
{
	static const struct {
		const char *fmt, *s, *want;
	} rows[] = {
		{ "%s", "abc", "abc" },
		{ "%6s|", "abc", "   abc|" },
		{ "%-6s|", "abc", "abc   |" },
		{ "%.2s|", "abc", "ab|" },
		{ "%s", "", "" },
		{ "%S", "a\tb\"\001", "a\\tb\\\"\\001" },
		{ "%-8S|", "\n", "\\n      |" },
		{ "%8.3S|", "\n\nx", "     \\n\\|" },
	};
	struct fix *x = fix_new();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		add_str(x, rows[i].s);
		assert_int_equal(act(x, D_ACT_printf, rows[i].fmt), 0);
		expect(x, rows[i].want);
	}
	fix_free(x);
}

static void stars_take_arguments(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	add_int(x, D_INT, -6);
	add_int(x, D_INT, 2);
	add_str(x, "abc");
	add_int(x, D_INT, 7);
	assert_int_equal(act(x, D_ACT_printf, "%*.*s|%d"), 0);
	expect(x, "ab    |7");
	fix_free(x);
}

static void times_are_local(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	add_int(x, D_UINT64, 123700000ll * 1000000000);
	add_int(x, D_UINT64, 123700000ll * 1000000000);
	assert_int_equal(act(x, D_ACT_printf, "%Y|%T"), 0);
	expect(x, "1973 Dec  2 17:06:40|Sun, 02 Dec 1973 17:06:40 UTC");
	fix_free(x);
}

static void floats_are_c_s(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	add_int(x, D_INT, 3);
	assert_int_equal(act(x, D_ACT_printf, "%6.2f|"), 0);
	expect(x, "  3.00|");
	fix_free(x);
}

static void stacks_indent_by_a_left_aligned_width(void **state)
{
	struct fix *x = fix_new();
	uint64_t pcs[] = { 0x1000, 0x2000, 0 };

	(void)state;
	add_var(x, field(x, REC_STACK, D_STACK), pcs, sizeof(pcs));
	assert_int_equal(act(x, D_ACT_printf, "at:%-4k|"), 0);
	expect(x, "at:\n    0x1000\n    0x2000\n|");
	add_var(x, field(x, REC_STACK, D_STACK), pcs, sizeof(pcs));
	assert_int_equal(act(x, D_ACT_printf, "%8k"), 0);
	expect(x, "\n  0x1000\n  0x2000\n");
	fix_free(x);
}

static void a_damaged_record_is_refused(void **state)
{
	struct fix *x = fix_new();
	struct rt_var beyond = { 4000, 400 };

	(void)state;
	add_str(x, "abc");
	memcpy(x->rec + x->fields[0].off, &beyond, sizeof(beyond));
	assert_int_equal(act(x, D_ACT_printf, "%s"), -EBADMSG);
	fix_free(x);
}

static void a_closed_pipe_is_reported(void **state)
{
	struct fix *x = fix_new();
	struct out_options opt = { .quiet = NULL };
	struct out *own = x->out, *o;
	int fds[2];
	FILE *f;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	f = fdopen(fds[1], "w");
	x->out = o = out_new(f, &opt);
	add_int(x, D_INT, 1);
	assert_int_equal(act(x, D_ACT_printf, "%d"), 0);
	assert_int_equal(out_flush(o), -EPIPE);
	add_int(x, D_INT, 1);
	assert_int_equal(act(x, D_ACT_printf, "%d"), -EPIPE);
	out_free(o);
	fclose(f);
	x->out = own;
	fix_free(x);
}

static void system_sees_what_was_printed_before(void **state)
{
	struct fix *x = fix_new();
	struct out_options opt = { .quiet = NULL };
	struct out *own = x->out;
	char path[] = "/tmp/outtestXXXXXX", text[64] = "";
	int fd = mkstemp(path), saved = dup(1);
	FILE *f = fdopen(fd, "w+");

	(void)state;
	x->out = out_new(f, &opt);
	add_int(x, D_INT, 1);
	act(x, D_ACT_printf, "%d\n");
	dup2(fd, 1);
	add_int(x, D_INT, 2);
	assert_int_equal(act(x, D_ACT_system, "echo %d"), 0);
	dup2(saved, 1);
	close(saved);
	add_int(x, D_INT, 3);
	act(x, D_ACT_printf, "%d\n");
	out_free(x->out);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "1\n2\n3\n");
	fclose(f);
	unlink(path);
	x->out = own;
	fix_free(x);
}

static void freopen_goes_away_and_comes_back(void **state)
{
	struct fix *x = fix_new();
	struct out_options opt = { .quiet = NULL };
	struct out *own = x->out;
	char first[] = "/tmp/outtestXXXXXX", second[] = "/tmp/outtestXXXXXX", text[64] = "";
	int fd = mkstemp(first), fd2 = mkstemp(second);
	FILE *f = fdopen(dup(fd), "w");

	(void)state;
	x->out = out_new(f, &opt);
	act(x, D_ACT_printf, "a");
	add_str(x, second);
	assert_int_equal(act(x, D_ACT_freopen, "%s"), 0);
	act(x, D_ACT_printf, "b");
	add_str(x, "");
	assert_int_equal(act(x, D_ACT_freopen, "%s"), 0);
	act(x, D_ACT_printf, "c");
	add_str(x, "/nonexistent/x");
	assert_int_equal(act(x, D_ACT_freopen, "%s"), -ENOENT);
	out_free(x->out);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) == 2);
	assert_string_equal(text, "ac");
	assert_true(pread(fd2, text, sizeof(text) - 1, 0) == 1);
	assert_int_equal(text[0], 'b');
	fclose(f);
	close(fd);
	close(fd2);
	unlink(first);
	unlink(second);
	x->out = own;
	fix_free(x);
}

/* 2 million a second, with a margin of four for slow and busy machines and sanitizers. */
static void a_number_and_a_string_are_fast(void **state)
{
	struct fix *x = fix_new();
	FILE *null = fopen("/dev/null", "w");
	struct out_options opt = { .quiet = NULL };
	struct out *o = out_new(null, &opt);
	struct rec_action a = { .act = D_ACT_printf,
				.fields = x->fields,
				.nfields = 2,
				.present = -1,
				.format = format(x, "%d %s\n") };
	struct rec_desc desc = { .actions = &a, .nactions = 1, .any = true };
	const int n = 1000000;
	struct timespec from, to;
	double seconds;

	(void)state;
	add_int(x, D_INT, 1234567);
	add_str(x, "some string of a probe");
	record(x);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < n; i++)
		out_action(o, &desc, &a, (struct rt_rec *)x->rec, NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("%.1f million a second\n", n / seconds / 1e6);
	assert_true(n / seconds > 500000);
	out_free(o);
	fclose(null);
	fix_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_printed_by_sign_size_and_flags),
		cmocka_unit_test(characters_and_pointers),
		cmocka_unit_test(strings_have_width_and_precision),
		cmocka_unit_test(stars_take_arguments),
		cmocka_unit_test(times_are_local),
		cmocka_unit_test(floats_are_c_s),
		cmocka_unit_test(stacks_indent_by_a_left_aligned_width),
		cmocka_unit_test(a_damaged_record_is_refused),
		cmocka_unit_test(a_closed_pipe_is_reported),
		cmocka_unit_test(system_sees_what_was_printed_before),
		cmocka_unit_test(freopen_goes_away_and_comes_back),
		cmocka_unit_test(a_number_and_a_string_are_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
