/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/client.c: the public face (usdt/consumer.h) of an enabling.
 * In:   calls in their order; strings, which are copied.
 * Out:  messages with their fields; printed lines.
 * Owns: the run, its diag, the descriptor that interrupts, the stream that
 *       cuts output into lines.
 */
#include "usdt/consumer.h"

#include "base/cpp.h"
#include "consumer/run/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ERRORS_SHOWN = 10 }; /* of a compile */

enum stage { OPEN, READY, LISTED, GOING, STOPPED, FAILED };

struct lines { /* the line that has not ended yet, and its callback */
	usdt_line_fn *fn;
	void *arg;
	char *part;
	size_t len, cap;
};

struct usdt_consumer {
	struct run *run;
	struct diag diag;
	usdt_message_fn *fn;
	void *arg;
	enum stage stage;
	int interrupt; /* an eventfd */
	FILE *stream;  /* writes to lines; NULL: output is the caller's file */
	struct lines lines;
	const char **cpp_args;
	size_t ncpp, cpp_cap;
};

/* ---- Messages --------------------------------------------------------------- */

static void tell(void *arg, const struct diag_message *m)
{
	static const enum usdt_message_kind kinds[] = {
		[DIAG_ERROR] = USDT_MESSAGE_ERROR,
		[DIAG_WARNING] = USDT_MESSAGE_WARNING,
		[DIAG_NOTE] = USDT_MESSAGE_NOTE,
		[DIAG_HINT] = USDT_MESSAGE_HINT,
	};
	struct usdt_consumer *c = arg;
	char *file = m->place.name ? strndup(m->place.name, m->place.name_len) : NULL;
	struct usdt_message out = {
		.kind = kinds[m->kind],
		.text = m->text,
		.what = m->what,
		.tag = m->tag,
		.file = file,
		.line = file ? m->place.line : 0,
		.column = file ? m->place.column : 0,
	};

	if (c->fn)
		c->fn(c->arg, &out);
	free(file);
}

static int fail(struct usdt_consumer *c, const char *what)
{
	diag_error(&c->diag, NOWHERE, NULL, "%s", what);
	return -1;
}

/* A failure without a report means that memory ran out. A reported error is never a success. */
static int result(struct usdt_consumer *c, bool ok, unsigned errors)
{
	if (!ok && c->diag.errors == errors)
		fail(c, "no memory");
	return c->diag.errors == errors ? 0 : -1;
}

static bool in_order(struct usdt_consumer *c, enum stage stage, const char *call)
{
	static const char *const is[] = {
		[OPEN] = "open",   [READY] = "compiled",  [LISTED] = "listed",
		[GOING] = "going", [STOPPED] = "stopped", [FAILED] = "of no use after an error",
	};

	if (c->stage == stage)
		return true;
	diag_error(&c->diag, NOWHERE, NULL, "%s is out of order: the consumer is %s", call,
		   is[c->stage]);
	return false;
}
#define IN_ORDER(c, stage) in_order(c, stage, __func__)

/* ---- Opening ---------------------------------------------------------------- */

struct usdt_consumer *usdt_consumer_open(const char *who, usdt_message_fn *fn, void *arg)
{
	struct usdt_consumer *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->diag = (struct diag){ .limit = ERRORS_SHOWN, .tell = tell, .arg = c };
	c->fn = fn;
	c->arg = arg;
	c->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->run = c->interrupt < 0 ? NULL : run_open(&c->diag, stdout);
	if (c->run && who)
		c->diag.who = arena_strdup(run_arena(c->run), who);
	if (!c->run || (who && !c->diag.who)) {
		usdt_consumer_close(c);
		return NULL;
	}
	run_stop_on(c->run, c->interrupt);
	return c;
}

const char *usdt_consumer_language(void)
{
	return run_language();
}

void usdt_consumer_close(struct usdt_consumer *c)
{
	if (!c)
		return;
	run_close(c->run);
	if (c->stream)
		fclose(c->stream);
	if (c->interrupt >= 0)
		close(c->interrupt);
	free(c->lines.part);
	free(c);
}

/* ---- Output ----------------------------------------------------------------- */

static bool line_more(struct lines *l, const char *bytes, size_t n)
{
	if (l->len + n + 1 > l->cap) {
		size_t cap = (l->len + n + 1) * 2;
		char *part = realloc(l->part, cap);

		if (!part)
			return false;
		l->part = part;
		l->cap = cap;
	}
	memcpy(l->part + l->len, bytes, n);
	l->len += n;
	l->part[l->len] = '\0';
	return true;
}

static bool line_give(struct lines *l)
{
	size_t len = l->len;

	l->len = 0;
	return l->fn(l->arg, l->part, len) == 0;
}

/* The stream's write function: 0 means failure. */
static ssize_t lines_write(void *cookie, const char *bytes, size_t n)
{
	struct lines *l = cookie;

	for (size_t at = 0; at < n;) {
		const char *end = memchr(bytes + at, '\n', n - at);
		size_t part = end ? (size_t)(end - bytes) - at : n - at;

		if (!line_more(l, bytes + at, part)) {
			errno = ENOMEM;
			return 0;
		}
		if (end && !line_give(l)) {
			errno = EPIPE;
			return 0;
		}
		at += part + (end ? 1 : 0);
	}
	return (ssize_t)n;
}

int usdt_consumer_output(struct usdt_consumer *c, FILE *file)
{
	if (!IN_ORDER(c, OPEN))
		return -1;
	run_output(c->run, file);
	return 0;
}

int usdt_consumer_output_lines(struct usdt_consumer *c, usdt_line_fn *fn, void *arg)
{
	const cookie_io_functions_t io = { .write = lines_write };

	if (!IN_ORDER(c, OPEN))
		return -1;
	if (!c->stream)
		c->stream = fopencookie(&c->lines, "w", io);
	if (!c->stream)
		return fail(c, "no memory");
	setvbuf(c->stream, NULL, _IONBF, 0);
	c->lines.fn = fn;
	c->lines.arg = arg;
	run_output(c->run, c->stream);
	return 0;
}

static void last_line(struct usdt_consumer *c)
{
	if (c->stream && c->lines.len && !ferror(c->stream))
		line_give(&c->lines);
}

/* ---- Options, texts, targets -------------------------------------------------- */

/* Passes on options that are meant for the preprocessor. */
static int cpp_option(struct usdt_consumer *c, const char *name, const char *value)
{
	int64_t on = 0;

	if (!strcmp(name, "incdir"))
		return usdt_consumer_cpp_arg(c, arena_printf(run_arena(c->run), "-I%s", value));
	if (!strcmp(name, "cpphdrs") && run_option_get(c->run, name, &on) && on)
		return usdt_consumer_cpp_arg(c, "-H");
	return 0;
}

int usdt_consumer_set_option(struct usdt_consumer *c, const char *name, const char *value)
{
	if (!IN_ORDER(c, OPEN) || !run_option(c->run, name, value, NOWHERE))
		return -1;
	return cpp_option(c, name, value);
}

int usdt_consumer_get_option(const struct usdt_consumer *c, const char *name, int64_t *value)
{
	return run_option_get(c->run, name, value) ? 0 : -1;
}

int usdt_consumer_args(struct usdt_consumer *c, int argc, const char *const *argv)
{
	struct arena *a = run_arena(c->run);
	const char **copy;

	if (!IN_ORDER(c, OPEN))
		return -1;
	if (argc < 0)
		return fail(c, "a negative number of arguments");
	copy = arena_array(a, const char *, (size_t)argc + 1);
	for (int i = 0; copy && i < argc; i++)
		copy[i] = arena_strdup(a, argv[i]);
	if (!copy || arena_failed(a))
		return fail(c, "no memory");
	run_args(c->run, argc, copy);
	return 0;
}

static int add(struct usdt_consumer *c, const struct text *text, char spec)
{
	return text && run_text(c->run, text, spec) ? 0 : fail(c, "no memory");
}

int usdt_consumer_add_text(struct usdt_consumer *c, char spec, const char *name, const char *text)
{
	char dash[] = { '-', spec, '\0' };

	if (!IN_ORDER(c, OPEN))
		return -1;
	if (spec && !strchr("Pmfni", spec)) {
		diag_error(&c->diag, NOWHERE, NULL, "no such kind of text: %s", dash);
		return -1;
	}
	name = arena_strdup(run_arena(c->run), name ? name : spec ? dash : "<text>");
	return add(c, name ? text_new(run_arena(c->run), name, text, strlen(text)) : NULL, spec);
}

/* Tells scripts the version of D: 0xMMmmmuuu (guide: chp-dtrace1M, -X). */
static const char *version(struct usdt_consumer *c)
{
	uint32_t v = 0;

	d_version_parse(D_VERSION, &v);
	return arena_printf(run_arena(c->run), "-D__SUNW_D_VERSION=0x%08x", v);
}

int usdt_consumer_add_file(struct usdt_consumer *c, const char *path)
{
	struct arena *a = run_arena(c->run);
	const struct text *text;
	int64_t cpp = 0;

	if (!IN_ORDER(c, OPEN))
		return -1;
	path = arena_strdup(a, path);
	if (!path || usdt_consumer_cpp_arg(c, version(c)))
		return fail(c, "no memory");
	run_option_get(c->run, "cpp", &cpp);
	text = cpp ? cpp_read(a, path, c->cpp_args, c->ncpp, &c->diag) : text_read(a, path);
	if (!text && !cpp)
		diag_error(&c->diag, NOWHERE, NULL, "failed to open %s: %s", path, strerror(errno));
	return text ? add(c, text, 0) : -1;
}

int usdt_consumer_cpp_arg(struct usdt_consumer *c, const char *arg)
{
	struct arena *a = run_arena(c->run);
	const char **slot;

	if (!IN_ORDER(c, OPEN))
		return -1;
	slot = ARENA_PUSH(a, c->cpp_args, c->ncpp, c->cpp_cap);
	if (slot)
		*slot = arena_strdup(a, arg);
	return slot && *slot ? 0 : fail(c, "no memory");
}

int usdt_consumer_command(struct usdt_consumer *c, const char *command)
{
	unsigned errors = c->diag.errors;
	bool ok;

	if (!IN_ORDER(c, OPEN))
		return -1;
	ok = run_command(c->run, command);
	return !ok && c->run->world->interrupted ? 1 : result(c, ok, errors);
}

int usdt_consumer_grab(struct usdt_consumer *c, pid_t pid)
{
	unsigned errors = c->diag.errors;

	return IN_ORDER(c, OPEN) ? result(c, run_grab(c->run, pid), errors) : -1;
}

/* ---- Compile, list ------------------------------------------------------------- */

static int finish(struct usdt_consumer *c, bool ok, unsigned errors, enum stage next)
{
	c->diag.limit = 0;
	c->stage = ok ? next : FAILED;
	return result(c, ok, errors);
}

int usdt_consumer_compile(struct usdt_consumer *c)
{
	unsigned errors = c->diag.errors;

	return IN_ORDER(c, OPEN) ? finish(c, run_compile(c->run), errors, READY) : -1;
}

int usdt_consumer_print_report(struct usdt_consumer *c)
{
	if (!IN_ORDER(c, READY))
		return -1;
	run_report(c->run, true);
	last_line(c);
	return 0;
}

struct listing {
	struct usdt_consumer *c;
	bool types, no_memory;
	usdt_listed_fn *fn;
	void *arg;
};

static bool listed(void *arg, struct prov_probe *p)
{
	struct listing *l = arg;
	struct usdt_listed out = { .id = p->id,
				   .provider = p->prov,
				   .module = p->mod,
				   .function = p->func,
				   .name = p->name };
	const char **types = NULL, **names = NULL;
	int stop;

	if (l->types)
		prov_types(l->c->run->env, p);
	out.nargs = l->types ? p->nargs : 0;
	if (out.nargs) {
		types = calloc(out.nargs, sizeof(*types));
		names = calloc(out.nargs, sizeof(*names));
		l->no_memory |= !types || !names;
	}
	for (size_t i = 0; !l->no_memory && i < out.nargs; i++) {
		types[i] = p->arg_types && p->arg_types[i] ? p->arg_types[i] : "int64_t";
		names[i] = p->arg_names && p->arg_names[i] ? p->arg_names[i] : "";
	}
	out.arg_types = types;
	out.arg_names = names;
	stop = l->no_memory || l->fn(l->arg, &out);
	free(types);
	free(names);
	return !stop;
}

int usdt_consumer_list(struct usdt_consumer *c, bool types, usdt_listed_fn *fn, void *arg)
{
	struct listing l = { .c = c, .types = types, .fn = fn, .arg = arg };
	unsigned errors = c->diag.errors;
	bool ok;

	if (!IN_ORDER(c, OPEN))
		return -1;
	ok = run_probes(c->run, listed, &l) && !l.no_memory;
	return finish(c, ok, errors, LISTED);
}

int usdt_consumer_print_list(struct usdt_consumer *c, bool verbose)
{
	unsigned errors = c->diag.errors;
	int err;

	if (!IN_ORDER(c, OPEN))
		return -1;
	err = finish(c, run_list(c->run, verbose), errors, LISTED);
	last_line(c);
	return err;
}

/* ---- Tracing --------------------------------------------------------------------- */

int usdt_consumer_go(struct usdt_consumer *c)
{
	unsigned errors = c->diag.errors;
	bool ok;

	if (!IN_ORDER(c, READY))
		return -1;
	ok = run_go(c->run);
	c->stage = ok ? GOING : FAILED;
	return result(c, ok, errors);
}

enum usdt_consumer_result usdt_consumer_work(struct usdt_consumer *c, int ms)
{
	static const enum usdt_consumer_result results[] = {
		[RUN_OKAY] = USDT_CONSUMER_OKAY,
		[RUN_DONE] = USDT_CONSUMER_DONE,
		[RUN_ERROR] = USDT_CONSUMER_ERROR,
	};

	return IN_ORDER(c, GOING) ? results[run_work(c->run, ms)] : USDT_CONSUMER_ERROR;
}

int usdt_consumer_fd(const struct usdt_consumer *c)
{
	return c->stage == GOING ? c->run->epoll : -1;
}

int usdt_consumer_timeout(const struct usdt_consumer *c)
{
	return c->stage == GOING ? run_timeout(c->run) : -1;
}

void usdt_consumer_interrupt(struct usdt_consumer *c)
{
	const uint64_t one = 1;
	int saved = errno;

	if (write(c->interrupt, &one, sizeof(one)) < 0) {
		/* the counter is full: an interrupt is pending already */
	}
	errno = saved;
}

int usdt_consumer_stop(struct usdt_consumer *c)
{
	unsigned errors = c->diag.errors;
	bool ok;

	if (c->stage != GOING)
		return 0;
	ok = run_stop(c->run);
	c->stage = STOPPED;
	last_line(c);
	return result(c, ok, errors);
}

int usdt_consumer_status(const struct usdt_consumer *c)
{
	return run_status(c->run);
}
