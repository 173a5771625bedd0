/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/trace.c: everything but -h and -G, as a client of usdt/consumer.h.
 * Signals interrupt the consumer, so that END still runs.
 * In:   struct cmd.
 * Out:  the program's output; the exit status.
 * Owns: the consumer, while it runs.
 */
#include "cmd/dtrace/cmd.h"
#include "usdt/consumer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct usdt_consumer *volatile tracing; /* global for the signal handler */
static volatile sig_atomic_t ended_by;	       /* a signal */

static void on_signal(int sig)
{
	ended_by = sig;
	if (tracing)
		usdt_consumer_interrupt(tracing);
}

static void signals_set(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;

	for (size_t i = 0; i < COUNT(ends); i++)
		/* An ignored SIGHUP stays ignored, for nohup(1). A shell ignores SIGINT in the
		 * background, but a SIGINT that comes then is sent on purpose. */
		if (ends[i] != SIGHUP || sigaction(SIGHUP, NULL, &old) || old.sa_handler != SIG_IGN)
			sigaction(ends[i], &sa, NULL);
}

static void show(void *arg, const struct usdt_message *m)
{
	fputs(m->text, arg);
	fflush(arg);
}

static bool arguments(const struct cmd *c, struct usdt_consumer *t)
{
	const char **argv = arena_array(c->arena, const char *, c->nargs + 1);

	if (!argv)
		return false;
	argv[0] = "dtrace";
	for (size_t i = 0; i < c->ntexts; i++)
		if (c->texts[i].spec == 's')
			argv[0] = c->texts[i].arg;
	for (size_t i = 0; i < c->nargs; i++)
		argv[i + 1] = c->args[i];
	return usdt_consumer_args(t, (int)c->nargs + 1, argv) == 0;
}

static int add_text(struct usdt_consumer *t, const struct cmd_text *text)
{
	return text->spec == 's' ? usdt_consumer_add_file(t, text->arg) :
				   usdt_consumer_add_text(t, text->spec, NULL, text->arg);
}

/* Programs may trace themselves through the library, but the pid of this dtrace is a mistake. */
static int grab(const struct cmd *c, struct usdt_consumer *t, pid_t pid)
{
	if (pid != getpid())
		return usdt_consumer_grab(t, pid);
	diag_error(c->diag, NOWHERE, NULL, "failed to grab process %d: it is this dtrace",
		   (int)pid);
	return -1;
}

/* 0; -1: failed; 1: interrupted while a command was being started. */
static int prepare(const struct cmd *c, struct usdt_consumer *t)
{
	int err = !arguments(c, t);

	if (!err && c->cpp)
		err = usdt_consumer_set_option(t, "cpp", NULL);
	if (!err && c->verbose)
		err = usdt_consumer_set_option(t, "verbose", NULL);
	for (size_t i = 0; !err && i < c->noptions; i++)
		err = usdt_consumer_set_option(t, c->options[i].name, c->options[i].value);
	for (size_t i = 0; !err && i < c->ncpp; i++)
		err = usdt_consumer_cpp_arg(t, c->cpp_args[i]);
	for (size_t i = 0; !err && i < c->ntexts; i++)
		err = add_text(t, &c->texts[i]);
	for (size_t i = 0; !err && i < c->npids; i++)
		err = grab(c, t, c->pids[i]);
	for (size_t i = 0; !err && i < c->ncommands; i++)
		err = usdt_consumer_command(t, c->commands[i]);
	return err;
}

static void interrupted_say(FILE *out)
{
	if (ended_by == SIGINT || ended_by == SIGTERM)
		fputc('\n', out); /* as DTrace does, also with -q: a terminal shows ^C */
}

static bool trace(struct usdt_consumer *t, FILE *out)
{
	enum usdt_consumer_result result = USDT_CONSUMER_OKAY;

	if (usdt_consumer_go(t))
		return false;
	while (result == USDT_CONSUMER_OKAY)
		result = usdt_consumer_work(t, -1);
	interrupted_say(out);
	return !usdt_consumer_stop(t) && result != USDT_CONSUMER_ERROR;
}

static int run(const struct cmd *c, struct usdt_consumer *t, FILE *out)
{
	int prepared = usdt_consumer_output(t, out) ? -1 : prepare(c, t);
	bool ok = !prepared;

	if (prepared > 0) {
		interrupted_say(out);
		return usdt_consumer_status(t);
	}
	if (ok && c->list)
		ok = usdt_consumer_print_list(t, c->verbose) == 0;
	else if (ok)
		ok = usdt_consumer_compile(t) == 0 &&
		     (c->check_only ? !usdt_consumer_print_report(t) : trace(t, out));
	return ok ? usdt_consumer_status(t) : EXIT_FAILURE;
}

int cmd_trace(const struct cmd *c)
{
	FILE *out = c->output ? fopen(c->output, "ae") : stdout;
	struct usdt_consumer *t;
	int status;

	if (!out) {
		diag_error(c->diag, NOWHERE, NULL, "failed to open %s: %s", c->output,
			   strerror(errno));
		return EXIT_FAILURE;
	}
	if (!c->ntexts && !c->list && !c->npids && !c->ncommands) {
		diag_error(c->diag, NOWHERE, NULL, "no probes specified");
		diag_hint(
			c->diag,
			"dtrace -n 'BEGIN { trace(\"hello\"); exit(0); }'; dtrace -l lists probes");
		status = EXIT_USAGE;
		goto out;
	}
	t = usdt_consumer_open(c->diag->who, show, stderr);
	if (!t) {
		diag_error(c->diag, NOWHERE, NULL, "cannot start: %s", strerror(errno));
		status = EXIT_FAILURE;
		goto out;
	}
	tracing = t;
	signals_set();
	status = run(c, t, out);
	tracing = NULL;
	usdt_consumer_close(t);
out:
	/* An earlier failure has a message already. */
	if ((out != stdout ? fclose(out) : fflush(out)) && errno != EPIPE &&
	    status != EXIT_FAILURE) {
		diag_error(c->diag, NOWHERE, NULL, "cannot write the output: %s", strerror(errno));
		status = status ? status : EXIT_FAILURE;
	}
	return status;
}
