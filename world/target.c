/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/target.c: the processes of -c and -p: commands and grabbed processes.
 * In:   a pid; news of the threads of a command (threads.c).
 * Out:  a descriptor to poll; events: stopped at new objects, exited.
 * Owns: targets, with their descriptors.
 */
#include "world/target.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct world_target *world_target_new(struct world *w, pid_t pid)
{
	struct world_target *t = calloc(1, sizeof(*t));
	struct world_command *c = calloc(1, sizeof(*c));

	if (!t || !c) {
		free(t);
		free(c);
		return NULL;
	}
	*c = (struct world_command){
		.world = w, .wake = -1, .brk = -1, .prog = -1, .prog_multi = -1
	};
	*t = (struct world_target){ .pid = pid, .pidfd = -1, .command = c };
	return t;
}

/* ---- Grabbing ---------------------------------------------------------------------------- */

/* The reason why a process cannot be traced; NULL: no reason. */
static const char *why_not(pid_t pid, int pidfd)
{
	struct usdt_proc *proc;
	int err;

	if (poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 0) == 1)
		return "it has ended"; /* a zombie */
	if (world_is_kernel_thread(pid))
		return "it is a kernel thread";
	err = usdt_proc_open(pid, &proc);
	if (err)
		return strerror(-err);
	usdt_proc_close(proc);
	return NULL;
}

struct world_target *world_target_grab(struct world *w, pid_t pid)
{
	struct world_target *t = world_target_new(w, pid);
	const char *why = NULL;
	int err = t ? 0 : ENOMEM;

	if (t) {
		t->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
		err = t->pidfd >= 0 ? 0 : pid <= 0 || errno == EINVAL ? ESRCH : errno;
	}
	why = err ? strerror(err) : why_not(pid, t->pidfd);
	if (!why)
		return t;
	diag_error(w->diag, NOWHERE, NULL, "failed to grab process %d: %s", (int)pid, why);
	world_target_free(t);
	return NULL;
}

/* ---- Running ------------------------------------------------------------------------------ */

int world_target_continue(struct world_target *t)
{
	if (t->command->exited)
		return -ESRCH;
	world_threads_continue(t->command);
	return 0;
}

int world_target_fd(const struct world_target *t)
{
	return t->created ? t->command->wake : t->pidfd;
}

/* After an exec, runs the new program until its loader has mapped its objects. false: the process
 * has ended, or dtrace shall end. */
static bool exec_stop(struct world_target *t)
{
	struct world_command *c = t->command;

	world_threads_detach_others(c, t->pid);
	if (world_stops_run_to(c, t->pid, c->at_exec ? WORLD_AT_EXEC : WORLD_AT_PREINIT))
		return false;
	world_threads_stopped(c);
	return true;
}

static enum world_target_state command_event(struct world_target *t, int *status)
{
	struct world_command *c = t->command;
	bool stopped = false;
	enum world_news news;
	uint64_t n;

	while (read(c->wake, &n, sizeof(n)) > 0)
		;
	while ((news = world_threads_news(c, t->pid)) != WORLD_NEWS_NONE)
		stopped |= news == WORLD_NEWS_STOP || exec_stop(t);
	if (c->exited) {
		world_threads_detach_others(c, t->pid);
		*status = c->status;
		return WORLD_TARGET_EXITED;
	}
	if (!stopped)
		return WORLD_TARGET_RUNS;
	world_files_stale(c->world);
	return WORLD_TARGET_STOPPED;
}

enum world_target_state world_target_event(struct world_target *t, int *status)
{
	*status = 0;
	if (t->created)
		return command_event(t, status);
	return poll(&(struct pollfd){ .fd = t->pidfd, .events = POLLIN }, 1, 0) == 1 ?
		       WORLD_TARGET_EXITED :
		       WORLD_TARGET_RUNS;
}

/* As in DTrace, a command ends with its tracing. */
void world_target_free(struct world_target *t)
{
	struct world_command *c = t ? t->command : NULL;

	if (!t)
		return;
	world_stops_close(c);
	if (t->created && !c->exited)
		world_threads_end(c, t->pid);
	world_wake_close(c);
	if (t->pidfd >= 0)
		close(t->pidfd);
	free(c->threads);
	free(c);
	free(t);
}
