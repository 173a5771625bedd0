/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/command.c: starts the command of -c (rule 12 of docs/architecture.md).
 * In:   a command line; evaltime.
 * Out:  a target stopped at evaltime, so that probes are attached before the
 *       first of them fires.
 * Owns: nothing: the caller owns the target.
 */
#include "world/target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_WORDS = 256 };

/* ---- Command lines ------------------------------------------------------------- */

/* Splits at blanks outside '…' and "…"; a backslash takes the next character as it is, but not
 * inside '…'. false: a quote is not closed, too many words, or no memory. */
static bool split(struct arena *a, const char *s, char **words, size_t *n)
{
	char *to = arena_alloc(a, strlen(s) * 2 + 2), quote = 0;
	bool in = false;

	*n = 0;
	for (; to && *s; s++) {
		if (!quote && strchr(" \t\n", *s)) {
			if (in)
				*to++ = '\0';
			in = false;
			continue;
		}
		if (!in) {
			if (*n == MAX_WORDS - 1)
				return false;
			words[(*n)++] = to;
			in = true;
		}
		if (quote ? *s == quote : *s == '\'' || *s == '"')
			quote = quote ? 0 : *s;
		else if (*s == '\\' && s[1] && quote != '\'')
			*to++ = *++s;
		else
			*to++ = *s;
	}
	words[*n] = NULL;
	return to && !quote;
}

/* ---- Starting ------------------------------------------------------------------- */

/* The child waits until its parent has seized it, then execs. A failure writes errno to `out`. */
static void child(char **words, int in, int out)
{
	char go;
	int err;

	if (read(in, &go, 1) != 1)
		_exit(127);
	kern_limit_restore_child();
	world_wake_restore_child();
	execvp(words[0], words);
	err = errno;
	if (write(out, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static int start(struct world_command *c, char **words, pid_t *pid)
{
	const uintptr_t options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err = 0, status = 0;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || (*pid = fork()) < 0) {
		err = -errno;
		goto out;
	}
	if (!*pid) {
		close(in[1]); /* else a child whose parent dies would wait for its own write */
		child(words, in[0], out[1]);
	}
	close(out[1]);
	out[1] = -1;
	if (ptrace(PTRACE_SEIZE, *pid, 0, options)) {
		err = -errno;
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
		goto out;
	}
	if (write(in[1], "g", 1) != 1)
		err = -errno;
	c->deadline = UINT64_MAX;
	while (!err) {
		pid_t got = waitpid(*pid, &status, __WALL | WNOHANG);

		if (!got)
			err = world_wake_wait(c);
		else if (got < 0 || !WIFSTOPPED(status) || status >> 16 == PTRACE_EVENT_EXEC)
			break;
		else
			ptrace(PTRACE_CONT, *pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
	}
	if (err) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, __WALL);
	} else if (!WIFSTOPPED(status) && (read(out[0], &err, sizeof(err)) != sizeof(err) || !err))
		err = ENOEXEC; /* exec failed too late to return: the kernel killed the child */
	err = err > 0 ? -err : err;
	if (!err && !world_thread_add(c, *pid)) {
		err = -ENOMEM;
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, __WALL);
	}
out:
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	return err;
}

static bool evaltime_read(const char *s, enum world_evaltime *when)
{
	static const char *const names[] = {
		[WORLD_AT_EXEC] = "exec",
		[WORLD_AT_PREINIT] = "preinit",
		[WORLD_AT_POSTINIT] = "postinit",
		[WORLD_AT_MAIN] = "main",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(s, names[i])) {
			*when = (enum world_evaltime)i;
			return true;
		}
	return false;
}

static void not_started(struct world *w, const char *name, const char *evaltime, int err)
{
	const char *why = err == -ECHILD    ? "it ended before" :
			  err == -ETIMEDOUT ? "a minute has passed before" :
					      NULL;

	w->interrupted = err == -EINTR;
	if (w->interrupted)
		diag_note(w->diag, "interrupted before %s had come to %s", name, evaltime);
	else if (why)
		diag_error(w->diag, NOWHERE, NULL, "failed to start %s: %s %s", name, why,
			   evaltime);
	else
		diag_error(w->diag, NOWHERE, NULL, "failed to start %s: %s", name, strerror(-err));
}

struct world_target *world_target_create(struct world *w, const char *command, const char *evaltime)
{
	char *words[MAX_WORDS];
	enum world_evaltime when;
	struct world_target *t;
	size_t n;
	int err;

	if (!evaltime_read(evaltime, &when)) {
		diag_error(w->diag, NOWHERE, NULL,
			   "evaltime is exec, preinit, postinit or main, not %s", evaltime);
		return NULL;
	}
	if (!split(w->arena, command, words, &n) || !n) {
		diag_error(w->diag, NOWHERE, NULL, "cannot split the command into words: %s",
			   n ? command : "it is empty");
		return NULL;
	}
	t = world_target_new(w, 0);
	err = t ? world_wake_open(t->command) : -ENOMEM;
	if (!err)
		err = start(t->command, words, &t->pid);
	if (!err) {
		t->created = true;
		t->command->at_exec = when == WORLD_AT_EXEC;
		t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
		err = world_stops_run_to(t->command, t->pid, when);
		if (err)
			not_started(w, words[0], evaltime, err);
	} else if (err == -EINTR) {
		not_started(w, words[0], evaltime, err);
	} else {
		diag_error(w->diag, NOWHERE, NULL, "failed to execute %s: %s", words[0],
			   strerror(-err));
	}
	if (err) {
		world_target_free(t);
		return NULL;
	}
	world_threads_stopped(t->command);
	world_files_stale(w);
	return t;
}
