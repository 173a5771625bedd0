/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/trace.c: the consumer's client: everything but -h and -G.
 * Signals end tracing through a pipe that the consumer polls, so that one
 * that comes at any moment is seen and END still runs.
 */
#include "base/cpp.h"
#include "cmd/dtrace/cmd.h"
#include "consumer/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int stop_pipe[2] = { -1, -1 };	/* the one global: a handler has no other way */

static void on_signal(int sig)
{
	int saved = errno;
	char byte = (char)sig;

	if (write(stop_pipe[1], &byte, 1) < 0) {
		/* full: it is told already */
	}
	errno = saved;
}

static bool signals_set(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK))
		return false;
	for (size_t i = 0; i < COUNT(ends); i++)
		sigaction(ends[i], &sa, NULL);
	/* A reader that is gone shows as EPIPE where it is written. */
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	return true;
}

static const struct text *text_get(const struct cmd *c, struct run *r, const struct cmd_text *t)
{
	const struct text *text;
	char name[3] = { '-', t->spec, '\0' };
	bool cpp = c->cpp || run_option_get(r, "cpp");

	if (t->spec != 's')
		return text_new(run_arena(r), name, t->arg, strlen(t->arg));
	errno = 0;
	text = cpp ? cpp_read(run_arena(r), t->arg, c->cpp_args, c->ncpp, c->diag) :
		     text_read(run_arena(r), t->arg);
	if (!text && !cpp)
		diag_error(c->diag, NOWHERE, NULL, "failed to open %s: %s", t->arg, strerror(errno));
	return text;
}

static bool prepare(const struct cmd *c, struct run *r)
{
	const char **argv = arena_array(c->arena, const char *, c->nargs + 1);
	bool ok = argv;

	if (!ok)
		return false;
	argv[0] = "dtrace";
	for (size_t i = 0; i < c->ntexts; i++)
		if (c->texts[i].spec == 's')
			argv[0] = c->texts[i].arg;
	for (size_t i = 0; i < c->nargs; i++)
		argv[i + 1] = c->args[i];
	run_args(r, (int)c->nargs + 1, argv);
	if (c->verbose)
		ok = run_option(r, "verbose", NULL, NOWHERE);
	for (size_t i = 0; ok && i < c->noptions; i++)
		ok = run_option(r, c->options[i].name, c->options[i].value, NOWHERE);
	for (size_t i = 0; ok && i < c->ntexts; i++) {
		const struct text *text = text_get(c, r, &c->texts[i]);

		ok = text && run_text(r, text, c->texts[i].spec == 's' ? 0 : c->texts[i].spec);
	}
	for (size_t i = 0; ok && i < c->npids; i++)
		ok = run_grab(r, c->pids[i]);
	for (size_t i = 0; ok && i < c->ncommands; i++)
		ok = run_command(r, c->commands[i]);
	return ok;
}

static bool report(struct run *r)
{
	run_report(r, true);
	return true;
}

static bool trace(struct run *r)
{
	enum run_result result = RUN_OKAY;

	run_stop_on(r, stop_pipe[0]);
	if (!run_go(r))
		return false;
	while (result == RUN_OKAY)
		result = run_work(r);
	return run_stop(r) && result != RUN_ERROR;
}

int cmd_trace(const struct cmd *c)
{
	FILE *out = c->output ? fopen(c->output, "ae") : stdout;
	struct run *r;
	bool ok;
	int status;

	if (!out) {
		diag_error(c->diag, NOWHERE, NULL, "failed to open %s: %s", c->output,
			   strerror(errno));
		return EXIT_FAILURE;
	}
	if (!c->ntexts && !c->list && !c->npids && !c->ncommands) {
		diag_error(c->diag, NOWHERE, NULL, "no probes specified");
		diag_hint(c->diag, "dtrace -n 'BEGIN { trace(\"hello\"); exit(0); }'; dtrace -l lists probes");
		status = EXIT_USAGE;
		goto out;
	}
	r = signals_set() ? run_open(c->diag, out) : NULL;
	if (!r) {
		diag_error(c->diag, NOWHERE, NULL, "cannot start: %s", strerror(errno));
		status = EXIT_FAILURE;
		goto out;
	}
	ok = prepare(c, r);
	if (ok && c->list)
		ok = run_list(r, out, c->verbose);
	else if (ok)
		ok = run_compile(r) && (c->check_only ? report(r) : trace(r));
	status = ok ? run_status(r) : EXIT_FAILURE;
	run_close(r);
out:
	if ((out != stdout ? fclose(out) : fflush(out)) && errno != EPIPE && !c->diag->errors)
		diag_error(c->diag, NOWHERE, NULL, "cannot write the output: %s", strerror(errno));
	if (c->diag->errors && !status)
		status = EXIT_FAILURE;
	return status;
}
