/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/target.h: what the files of the targets of -c and -p share. Each
 * file calls only those above it:
 *   threads.c  the traced threads of a command, and their news
 *   stops.c    where a command is stopped
 *   target.c   targets, whether started or grabbed
 *   command.c  starts commands
 */
#ifndef WORLD_TARGET_H
#define WORLD_TARGET_H

#include "world/inner.h"

struct world_traced; /* a thread of a command; threads.c's */

struct world_command { /* what a target has more if -c started it */
	struct world *world;
	int wake;		      /* eventfd: some child has news to be waited for */
	int brk;		      /* perf event of the uprobe on r_brk; -1: none */
	int prog, prog_multi;	      /* the programs that send the signal; -1: not loaded yet */
	bool at_exec;		      /* evaltime is exec: no loader is watched */
	uint64_t state_addr;	      /* of r_debug.r_state in the child; 0: unknown */
	struct world_traced *threads; /* the process's first thread is the first of these */
	size_t nthreads, cap;
	int status; /* as waitpid gives it, once it has exited */
	bool exited;
	uint64_t deadline; /* of the start, ms */
};

static inline uint64_t world_signal_bit(int sig) /* in a mask of signals */
{
	return UINT64_C(1) << (sig - 1);
}

/* ---- threads.c ------------------------------------------------------------------ */

enum world_news {
	WORLD_NEWS_NONE,
	WORLD_NEWS_STOP, /* a thread stands still for us */
	WORLD_NEWS_EXEC, /* the process has become another program, and stands still */
};

/* Makes c->wake, which a SIGCHLD makes readable. 0 or -errno; world_wake_close ends both. */
int world_wake_open(struct world_command *c);
void world_wake_close(struct world_command *c);
/* For a child of fork before its exec: the mask of signals that we were started with. */
void world_wake_restore_child(void);
/* Until some child has news. -EINTR: dtrace shall end; -ETIMEDOUT: the deadline has passed. */
int world_wake_wait(struct world_command *c);

bool world_thread_add(struct world_command *c, pid_t tid); /* false: no memory */
/* The first news of any thread; the others keep theirs. c->exited tells of the end. */
enum world_news world_threads_news(struct world_command *c, pid_t pid);
/* Lets the first thread run until there is news. 0: *news says which; -ECHILD: the process has
 * ended; else as world_wake_wait. */
int world_threads_run(struct world_command *c, pid_t pid, enum world_news *news);
/* Marks the first thread as standing still for us, which world_threads_continue lets go. */
void world_threads_stopped(struct world_command *c);
void world_threads_continue(struct world_command *c);
/* After an exec the signals that were on their way have gone with the old image. */
void world_threads_forget_owed(struct world_command *c);
/* At its end, and at an exec, a process has its first thread only. Threads still listed belong to
 * other processes: they are detached. */
void world_threads_detach_others(struct world_command *c, pid_t pid);
/* Kills the process and waits for it. */
void world_threads_end(struct world_command *c, pid_t pid);

/* ---- stops.c ------------------------------------------------------------------------ */

enum world_evaltime { WORLD_AT_EXEC, WORLD_AT_PREINIT, WORLD_AT_POSTINIT, WORLD_AT_MAIN };

/* From a stop at exec on to where `when` says, through further execs. A program whose loader
 * cannot be watched is left where it is: at exec, where static programs belong. 0; as
 * world_threads_run. */
int world_stops_run_to(struct world_command *c, pid_t pid, enum world_evaltime when);
void world_stops_close(struct world_command *c);

/* ---- target.c ------------------------------------------------------------------------- */

struct world_target *world_target_new(struct world *w, pid_t pid); /* NULL: no memory */

#endif
