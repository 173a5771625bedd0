/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/target.h: declarations that the files of -c and -p share. Each file
 * calls only the files above it:
 *   threads.c  the traced threads of a command, and their news
 *   stops.c    stops a command at exec, in its loader, at its entry or main
 *   target.c   targets: started commands and grabbed processes
 *   command.c  starts commands
 */
#ifndef WORLD_TARGET_H
#define WORLD_TARGET_H

#include "world/inner.h"

struct world_traced; /* a thread of a command (threads.c) */

struct world_command { /* the state of a target that -c started */
	struct world *world;
	int wake;		      /* eventfd: readable when some child has news for waitpid */
	int brk;		      /* the uprobe on the loader's r_brk; -1: not attached */
	int prog, prog_multi;	      /* programs that stop a thread by a signal; -1: not loaded */
	bool at_exec;		      /* evaltime is exec: the loader is not watched */
	uint64_t state_addr;	      /* address of r_debug.r_state in the child; 0: unknown */
	struct world_traced *threads; /* the process's first thread is threads[0] */
	size_t nthreads, cap;
	int status; /* from waitpid, valid once exited is true */
	bool exited;
	uint64_t deadline; /* ms: the command must have come to evaltime by then */
};

static inline uint64_t world_signal_bit(int sig) /* the bit in a mask of signals */
{
	return UINT64_C(1) << (sig - 1);
}

/* ---- threads.c ------------------------------------------------------------------ */

enum world_news {
	WORLD_NEWS_NONE,
	WORLD_NEWS_STOP, /* a thread stopped at our uprobe and stands still */
	WORLD_NEWS_EXEC, /* the process executed another program, and stands still */
};

/* Makes c->wake, and a handler of SIGCHLD that makes c->wake readable. 0 or -errno;
 * world_wake_close closes c->wake and takes the handler away. */
int world_wake_open(struct world_command *c);
void world_wake_close(struct world_command *c);
/* Called by a child between fork and exec: restores the signal mask of dtrace's own start. */
void world_wake_restore_child(void);
/* Waits until some child has news, or for a short time. -EINTR: dtrace shall end; -ETIMEDOUT: the
 * deadline has passed. */
int world_wake_wait(struct world_command *c);

bool world_thread_add(struct world_command *c, pid_t tid); /* false: no memory */
/* Takes the first news of any thread; news of other threads stays for the next call. Sets c->exited
 * when the process has ended. */
enum world_news world_threads_news(struct world_command *c, pid_t pid);
/* Lets the first thread run until some thread has news, which *news receives. 0; -ECHILD: the
 * process has ended; else the error of world_wake_wait. */
int world_threads_run(struct world_command *c, pid_t pid, enum world_news *news);
/* Marks the first thread as stopped by us: world_threads_continue will let the thread run. */
void world_threads_stopped(struct world_command *c);
void world_threads_continue(struct world_command *c);
/* Called after an exec, which has discarded the SIGCONTs that threads still had to take. */
void world_threads_forget_owed(struct world_command *c);
/* Called when the process has ended or executed a program: only its first thread is left then.
 * Threads still listed belong to other processes: detaches them. */
void world_threads_detach_others(struct world_command *c, pid_t pid);
/* Kills the process and waits for it. */
void world_threads_end(struct world_command *c, pid_t pid);

/* ---- stops.c ------------------------------------------------------------------------ */

enum world_evaltime { WORLD_AT_EXEC, WORLD_AT_PREINIT, WORLD_AT_POSTINIT, WORLD_AT_MAIN };

/* Runs the process from its stop at exec to the time `when`, through further execs. A program whose
 * loader cannot be watched is not run beyond exec for preinit: a static program has no loader, and
 * is whole at exec. 0; else the error of world_threads_run. */
int world_stops_run_to(struct world_command *c, pid_t pid, enum world_evaltime when);
void world_stops_close(struct world_command *c);

/* ---- target.c ------------------------------------------------------------------------- */

struct world_target *world_target_new(struct world *w, pid_t pid); /* NULL: no memory */

#endif
