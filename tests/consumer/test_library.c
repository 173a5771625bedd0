/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/test_library.c: uses libusdt-consumer as other programs do:
 * only the public header and the shared library. Tracing tests need root.
 */
#include <usdt/consumer.h>
#include <usdt/sdt.h>

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 16 };

/* Arguments of the callbacks. */
struct heard {
	unsigned n, errors, nlines;
	enum usdt_message_kind kind[MANY];
	char text[MANY][512], what[MANY][256], tag[MANY][64], file[MANY][64];
	unsigned line[MANY], column[MANY];
	char lines[MANY][128];
	int refuse; /* what on_line returns */
};

static void on_message(void *arg, const struct usdt_message *m)
{
	struct heard *h = arg;
	unsigned i = h->n++;

	h->errors += m->kind == USDT_MESSAGE_ERROR;
	if (i >= MANY)
		return;
	h->kind[i] = m->kind;
	snprintf(h->text[i], sizeof(h->text[i]), "%s", m->text);
	snprintf(h->what[i], sizeof(h->what[i]), "%s", m->what);
	snprintf(h->tag[i], sizeof(h->tag[i]), "%s", m->tag ? m->tag : "");
	snprintf(h->file[i], sizeof(h->file[i]), "%s", m->file ? m->file : "");
	h->line[i] = m->line;
	h->column[i] = m->column;
}

static int on_line(void *arg, const char *line, size_t len)
{
	struct heard *h = arg;

	assert_int_equal(strlen(line), len);
	assert_null(strchr(line, '\n'));
	if (h->nlines < MANY)
		snprintf(h->lines[h->nlines], sizeof(h->lines[0]), "%s", line);
	h->nlines++;
	return h->refuse;
}

static struct usdt_consumer *fresh(struct heard *h)
{
	struct usdt_consumer *c;

	memset(h, 0, sizeof(*h));
	c = usdt_consumer_open("test", on_message, h);
	assert_non_null(c);
	assert_int_equal(usdt_consumer_output_lines(c, on_line, h), 0);
	return c;
}

static void quiet(struct usdt_consumer *c, const char *text)
{
	assert_int_equal(usdt_consumer_set_option(c, "quiet", NULL), 0);
	assert_int_equal(usdt_consumer_add_text(c, 0, "t.d", text), 0);
}

/* Traces until the D program calls exit(). */
static void trace(struct usdt_consumer *c)
{
	enum usdt_consumer_result r;

	assert_int_equal(usdt_consumer_compile(c), 0);
	assert_int_equal(usdt_consumer_go(c), 0);
	while ((r = usdt_consumer_work(c, -1)) == USDT_CONSUMER_OKAY)
		;
	assert_int_equal(r, USDT_CONSUMER_DONE);
	assert_int_equal(usdt_consumer_stop(c), 0);
}

static __attribute__((noinline)) void hit(int i)
{
	USDT_PROBE1(selftest, hit, i);
}

static void root_only(void)
{
	if (geteuid() != 0)
		skip();
}

/* ---- Messages ---------------------------------------------------------------- */

static void an_error_has_its_place_its_tag_and_its_text(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);

	(void)state;
	assert_int_equal(usdt_consumer_add_text(c, 0, "mine.d", "BEGIN\n{\n\tx = nosuch;\n}\n"), 0);
	assert_int_equal(usdt_consumer_compile(c), -1);
	assert_true(h.errors == 1 && h.kind[0] == USDT_MESSAGE_ERROR);
	assert_string_equal(h.file[0], "mine.d");
	assert_int_equal(h.line[0], 3);
	assert_int_equal(h.column[0], 6);
	assert_string_equal(h.tag[0], "D_IDENT_UNDEF");
	assert_null(strchr(h.what[0], '\n'));
	assert_non_null(strstr(h.what[0], "nosuch"));
	assert_memory_equal(h.text[0], "mine.d:3:6: ", 12);
	assert_non_null(strstr(h.text[0], "\tx = nosuch;\n\t    ^~~~~~\n"));
	assert_int_equal(usdt_consumer_status(c), 1);
	usdt_consumer_close(c);
}

static void an_error_without_a_place_begins_with_who(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);

	(void)state;
	assert_int_equal(usdt_consumer_add_file(c, "/nonexistent/a.d"), -1);
	assert_string_equal(h.text[0],
			    "test: failed to open /nonexistent/a.d: No such file or directory\n");
	assert_true(!h.line[0] && !h.file[0][0]);
	usdt_consumer_close(c);
}

static void no_callback_is_no_crash(void **state)
{
	struct usdt_consumer *c = usdt_consumer_open(NULL, NULL, NULL);

	(void)state;
	assert_int_equal(usdt_consumer_add_text(c, 'n', NULL, "BEGIN { x = nosuch; }"), 0);
	assert_int_equal(usdt_consumer_compile(c), -1);
	usdt_consumer_close(c);
	usdt_consumer_close(NULL);
}

/* ---- What is refused --------------------------------------------------------- */

static void bad_options_texts_and_targets_are_refused(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	int64_t v = 7;

	(void)state;
	assert_int_equal(usdt_consumer_set_option(c, "nosuch", "1"), -1);
	assert_int_equal(usdt_consumer_set_option(c, "bufsize", "many"), -1);
	assert_int_equal(usdt_consumer_add_text(c, 'x', NULL, "BEGIN"), -1);
	assert_int_equal(usdt_consumer_args(c, -1, NULL), -1);
	assert_int_equal(usdt_consumer_grab(c, 0x7ffffff), -1);
	assert_int_equal(usdt_consumer_command(c, "/nonexistent/program"), -1);
	assert_int_equal(h.errors, 6);
	assert_int_equal(usdt_consumer_get_option(c, "nosuch", &v), -1);
	assert_true(v == 7 && h.errors == 6);
	usdt_consumer_close(c);
}

static void calls_out_of_order_are_refused(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);

	(void)state;
	assert_int_equal(usdt_consumer_go(c), -1);
	assert_string_equal(h.what[0], "usdt_consumer_go is out of order: the consumer is open");
	assert_int_equal(usdt_consumer_work(c, 0), USDT_CONSUMER_ERROR);
	assert_true(usdt_consumer_fd(c) == -1 && usdt_consumer_timeout(c) == -1);
	assert_int_equal(usdt_consumer_stop(c), 0);
	quiet(c, "BEGIN { nosuch(); }");
	assert_int_equal(usdt_consumer_compile(c), -1);
	assert_int_equal(usdt_consumer_compile(c), -1);
	assert_int_equal(usdt_consumer_add_text(c, 0, "t.d", "BEGIN"), -1);
	assert_int_equal(usdt_consumer_set_option(c, "quiet", NULL), -1);
	assert_int_equal(h.errors, 6);
	usdt_consumer_close(c);
}

/* ---- Options, lists ------------------------------------------------------------ */

static void options_are_read_back_in_their_units(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	int64_t v;

	(void)state;
	assert_int_equal(usdt_consumer_set_option(c, "bufsize", "1m"), 0);
	assert_int_equal(usdt_consumer_get_option(c, "bufsize", &v), 0);
	assert_int_equal(v, 1 << 20);
	assert_int_equal(usdt_consumer_set_option(c, "aggrate", "5ms"), 0);
	assert_int_equal(usdt_consumer_get_option(c, "aggrate", &v), 0);
	assert_int_equal(v, 5000000);
	assert_int_equal(usdt_consumer_get_option(c, "quiet", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(usdt_consumer_get_option(c, "evaltime", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(usdt_consumer_set_option(c, "evaltime", "main"), 0);
	assert_int_equal(usdt_consumer_get_option(c, "evaltime", &v), 0);
	assert_int_equal(v, 1);
	usdt_consumer_close(c);
}

struct names {
	unsigned n, stop_at;
	char name[4][32], type[32];
};

static int on_listed(void *arg, const struct usdt_listed *p)
{
	struct names *n = arg;

	if (n->n < 4)
		snprintf(n->name[n->n], sizeof(n->name[0]), "%u:%s:%s", p->id, p->provider,
			 p->name);
	if (p->nargs == 1 && p->arg_names[0])
		snprintf(n->type, sizeof(n->type), "%s", p->arg_types[0]);
	return ++n->n == n->stop_at;
}

static void probes_are_listed_once_each_with_their_types(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	struct names n = { 0 };

	(void)state;
	assert_int_equal(usdt_consumer_add_text(c, 0, "t.d", "BEGIN,END { } dtrace:::BEGIN { }"),
			 0);
	assert_int_equal(usdt_consumer_list(c, false, on_listed, &n), 0);
	assert_int_equal(n.n, 2);
	assert_string_equal(n.name[0], "1:dtrace:BEGIN");
	assert_string_equal(n.name[1], "2:dtrace:END");
	assert_int_equal(usdt_consumer_compile(c), -1);
	usdt_consumer_close(c);

	c = fresh(&h);
	n = (struct names){ .stop_at = 1 };
	assert_int_equal(usdt_consumer_add_text(c, 0, "t.d", "BEGIN { } END { }"), 0);
	assert_int_equal(usdt_consumer_list(c, false, on_listed, &n), 0);
	assert_int_equal(n.n, 1);
	usdt_consumer_close(c);

	c = fresh(&h);
	n = (struct names){ 0 };
	root_only();
	assert_int_equal(usdt_consumer_grab(c, getpid()), 0);
	assert_int_equal(usdt_consumer_add_text(c, 'n', NULL, "selftest$target:::hit"), 0);
	assert_int_equal(usdt_consumer_list(c, true, on_listed, &n), 0);
	assert_string_equal(n.type, "int32_t"); /* from size and sign in the note */
	usdt_consumer_close(c);

	c = fresh(&h);
	assert_int_equal(usdt_consumer_add_text(c, 'n', NULL, "nosuch:::probe"), 0);
	assert_int_equal(usdt_consumer_list(c, false, on_listed, &n), -1);
	assert_string_equal(h.tag[0], "D_PDESC_ZERO");
	usdt_consumer_close(c);
}

static void a_printed_list_goes_to_the_output(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);

	(void)state;
	assert_int_equal(usdt_consumer_add_text(c, 'n', NULL, "BEGIN"), 0);
	assert_int_equal(usdt_consumer_print_list(c, false), 0);
	assert_int_equal(h.nlines, 2);
	assert_non_null(strstr(h.lines[0], "PROVIDER"));
	assert_non_null(strstr(h.lines[1], "BEGIN"));
	usdt_consumer_close(c);
}

/* ---- Tracing ------------------------------------------------------------------- */

static void a_program_traces_itself(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	const char *args[] = { "self", "40" };

	(void)state;
	root_only();
	assert_int_equal(usdt_consumer_args(c, 2, args), 0);
	args[1] = "gone"; /* the consumer has copied the string */
	assert_int_equal(usdt_consumer_grab(c, getpid()), 0);
	quiet(c, "selftest$target:::hit { printf(\"%d\\n\", arg0 + $1); @ = sum(arg0); }"
		 "selftest$target:::hit /arg0 == 3/ { exit(9); }");
	assert_int_equal(usdt_consumer_compile(c), 0);
	hit(100); /* not traced yet */
	assert_int_equal(usdt_consumer_go(c), 0);
	assert_true(usdt_consumer_fd(c) >= 0 && usdt_consumer_timeout(c) >= 0);
	for (int i = 1; i <= 4; i++)
		hit(i); /* the fourth hit comes after exit() */
	while (usdt_consumer_work(c, -1) == USDT_CONSUMER_OKAY)
		;
	assert_int_equal(usdt_consumer_stop(c), 0);
	assert_int_equal(usdt_consumer_status(c), 9);
	assert_int_equal(h.n, 0);
	assert_string_equal(h.lines[0], "41");
	assert_string_equal(h.lines[1], "42");
	assert_string_equal(h.lines[2], "43");
	assert_int_equal(atoi(h.lines[h.nlines - 1]), 1 + 2 + 3);
	usdt_consumer_close(c);
}

static unsigned nfds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void handles_leave_no_descriptor_and_the_limit_as_it_was(void **state)
{
	struct rlimit before, during, after, low;
	unsigned first = 0;
	struct heard h;

	(void)state;
	root_only();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ 256, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int i = 0; i < 3; i++) {
		struct usdt_consumer *c = fresh(&h);

		assert_int_equal(getrlimit(RLIMIT_NOFILE, &during), 0);
		assert_int_equal(during.rlim_cur, before.rlim_max);
		assert_int_equal(usdt_consumer_command(c, "true"), 0);
		quiet(c, "selftest*:::hit { } BEGIN { ustack(); @[\"k\"] = count(); exit(0); }");
		trace(c);
		usdt_consumer_close(c);
		if (!i) /* descriptors opened once for all consumers stay */
			first = nfds();
	}
	assert_int_equal(nfds(), first);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
	assert_int_equal(after.rlim_cur, 256);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void two_handles_trace_at_a_time(void **state)
{
	struct heard h[2];
	struct usdt_consumer *c[2];

	(void)state;
	root_only();
	for (int i = 0; i < 2; i++) {
		c[i] = fresh(&h[i]);
		assert_int_equal(usdt_consumer_grab(c[i], getpid()), 0);
		quiet(c[i], "selftest$target:::hit { printf(\"%d\", arg0); exit(0); }");
		assert_int_equal(usdt_consumer_compile(c[i]), 0);
		assert_int_equal(usdt_consumer_go(c[i]), 0);
	}
	hit(5);
	for (int i = 0; i < 2; i++) {
		while (usdt_consumer_work(c[i], -1) == USDT_CONSUMER_OKAY)
			;
		assert_int_equal(h[i].nlines, 0); /* a line without a newline waits */
		assert_int_equal(usdt_consumer_stop(c[i]), 0);
		assert_string_equal(h[i].lines[0], "5");
		usdt_consumer_close(c[i]);
	}
}

static void a_reader_that_refuses_ends_tracing(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	enum usdt_consumer_result r;

	(void)state;
	root_only();
	h.refuse = 1;
	quiet(c, "tick-1ms { printf(\"a\\n\"); }");
	assert_int_equal(usdt_consumer_compile(c), 0);
	assert_int_equal(usdt_consumer_go(c), 0);
	while ((r = usdt_consumer_work(c, -1)) == USDT_CONSUMER_OKAY)
		;
	assert_int_equal(r, USDT_CONSUMER_DONE);
	assert_int_equal(usdt_consumer_stop(c), 0);
	assert_int_equal(h.nlines, 1);
	usdt_consumer_close(c);
}

static void *interrupter(void *arg)
{
	usdt_consumer_interrupt(arg);
	return NULL;
}

static void another_thread_interrupts(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	enum usdt_consumer_result r;
	pthread_t t;

	(void)state;
	root_only();
	quiet(c, "END { printf(\"end\\n\"); }");
	assert_int_equal(usdt_consumer_compile(c), 0);
	assert_int_equal(usdt_consumer_go(c), 0);
	assert_int_equal(usdt_consumer_work(c, 0), USDT_CONSUMER_OKAY);
	assert_int_equal(pthread_create(&t, NULL, interrupter, c), 0);
	while ((r = usdt_consumer_work(c, -1)) == USDT_CONSUMER_OKAY)
		;
	pthread_join(t, NULL);
	assert_int_equal(r, USDT_CONSUMER_DONE);
	assert_int_equal(usdt_consumer_stop(c), 0);
	assert_string_equal(h.lines[0], "end");
	usdt_consumer_close(c);
}

static void the_descriptor_says_when_there_is_work(void **state)
{
	struct heard h;
	struct usdt_consumer *c = fresh(&h);
	struct pollfd p = { .events = POLLIN };

	(void)state;
	root_only();
	quiet(c, "BEGIN { }");
	assert_int_equal(usdt_consumer_compile(c), 0);
	assert_int_equal(usdt_consumer_go(c), 0);
	p.fd = usdt_consumer_fd(c);
	assert_int_equal(poll(&p, 1, 0), 0);
	usdt_consumer_interrupt(c);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(usdt_consumer_work(c, 0), USDT_CONSUMER_DONE);
	usdt_consumer_close(c); /* without stop */
	assert_int_equal(h.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_has_its_place_its_tag_and_its_text),
		cmocka_unit_test(an_error_without_a_place_begins_with_who),
		cmocka_unit_test(no_callback_is_no_crash),
		cmocka_unit_test(bad_options_texts_and_targets_are_refused),
		cmocka_unit_test(calls_out_of_order_are_refused),
		cmocka_unit_test(options_are_read_back_in_their_units),
		cmocka_unit_test(probes_are_listed_once_each_with_their_types),
		cmocka_unit_test(a_printed_list_goes_to_the_output),
		cmocka_unit_test(a_program_traces_itself),
		cmocka_unit_test(handles_leave_no_descriptor_and_the_limit_as_it_was),
		cmocka_unit_test(two_handles_trace_at_a_time),
		cmocka_unit_test(a_reader_that_refuses_ends_tracing),
		cmocka_unit_test(another_thread_interrupts),
		cmocka_unit_test(the_descriptor_says_when_there_is_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
