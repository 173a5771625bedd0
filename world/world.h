/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/world.h: the processes of this machine: the files that they map, now
 * and later, and the processes of -c and -p. Providers, stacks and the enabling
 * share one world, so that each file is opened and read once.
 */
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include "base/arena.h"
#include "base/diag.h"
#include "usdt/symbols.h"
#include "usdt/usdt.h"

#include <sys/types.h>

struct world {
	struct arena *arena;
	struct diag *diag;
	struct world_target **targets; /* of -c and -p, in the order of the options */
	size_t ntargets, targets_cap;
	int stop_fd;	  /* readable when tracing shall end; -1: no such descriptor */
	bool interrupted; /* stop_fd became readable while a command was started */
	struct world_files *files;
	struct world_watch *watch;
};
struct world *world_new(struct diag *diag); /* NULL: no memory */
void world_free(struct world *w);	    /* NULL is accepted */

/* All threads of the process have ended; its parent may not have waited for the process yet. */
bool world_has_ended(pid_t pid);
/* The first thread has ended and other threads run: the process still has its mappings, but
 * /proc/PID no longer shows them. */
bool world_first_thread_ended(pid_t pid);

/* ---- Files and who has mapped them (files.c) ------------------------------------ */

/*
 * A file means an inode of the kernel (rule 11 of docs/architecture.md). The index of a file never
 * changes; a file is opened and read once, at the first question about it.
 */
struct world_mapping {
	pid_t pid, tid; /* tid: a thread whose /proc entry shows the mapping */
	int file;
	uint64_t start, end, off; /* off: offset of start in the file */
};

/*
 * Executable mappings of process `pid`, or of all processes (0); *n: their number. A recent answer
 * is given again until world_files_stale. Borrowed until the next call.
 */
const struct world_mapping *world_mappings(struct world *w, pid_t pid, size_t *n);
/* Called when a process was started or has mapped a file: the next question reads mappings anew. */
void world_files_stale(struct world *w);
/* Grows by 1 each time that mappings are read from the kernel. */
unsigned world_files_serial(const struct world *w);

/* Number of files seen: indexes are 0 to this number - 1. */
size_t world_files_count(const struct world *w);
/* The process that mapped the file ended before the file could be opened: the file waits for the
 * next process that maps it. */
bool world_file_waits(const struct world *w, int file);
/* The index of the file at that path, which need not be mapped; -errno. */
int world_files_by_path(struct world *w, const char *path);
/* A descriptor of the file, kept by the world; -errno. */
int world_file_open(struct world *w, int file);
/* The file's probes; NULL: the file has no probes, or cannot be read. Borrowed until world_free. */
struct usdt_file *world_file_usdt(struct world *w, int file);
/* The file's base name, "libruby-3.1.so.3.1", and its whole path, as mapped; "": the file cannot be
 * opened. */
const char *world_file_base(struct world *w, int file);
const char *world_file_path(struct world *w, int file);

/* ---- Functions of files (symbols.c) ---------------------------------------------- */

/* Functions of a file (usdt/symbols.h), read at the first question. */
struct world_symbols;
struct world_symbols *world_symbols_new(int fd);    /* takes fd; -1: no symbols. NULL: no memory */
struct world_symbols *world_symbols_new_vdso(void); /* of our vdso: processes have the same */
void world_symbols_free(struct world_symbols *s);   /* NULL is accepted */
/* The function that holds a file offset: its name, borrowed, and the distance from its start;
 * NULL: no function holds the offset. */
const char *world_symbols_find(struct world_symbols *s, uint64_t file_off, uint64_t *distance);
/* Calls fn for each function in the order of the symbol table, until fn returns false. 0 or
 * -ENOMEM. */
int world_symbols_each(struct world_symbols *s, usdt_function_fn *fn, void *arg);
bool world_symbols_32bit(struct world_symbols *s); /* the file is a 32-bit program */
/* Symbols of a file that is mapped, borrowed from the world. NULL: the file cannot be opened, or no
 * memory. Damage to the file is reported once. */
struct world_symbols *world_file_symbols(struct world *w, int file);

/* ---- What processes do from now on (watch.c) -------------------------------------- */

enum world_event_kind { WORLD_EV_MMAP, WORLD_EV_FORK, WORLD_EV_EXEC, WORLD_EV_EXIT, WORLD_EV_LOST };
struct world_event {
	enum world_event_kind kind;
	uint64_t time; /* CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns */
	pid_t pid, ppid;
	uint64_t addr, len, pgoff, ino;
	uint32_t prot, dev_major, dev_minor;
	const char *path; /* in the process's mount namespace; EXEC: comm */
};
typedef void world_event_fn(void *arg, const struct world_event *ev);

/* Processes whose mappings were just read, because they have mapped files. */
struct world_look {
	bool all; /* every process; else the npids processes of pids */
	const pid_t *pids;
	size_t npids;
	/* Files that waited to be opened, and are mapped again. */
	const int *again;
	size_t nagain;
};
struct world_follower { /* callbacks for files that processes map */
	/* true: read the mappings of this process, which has mapped a file. known: the file was
	 * seen before, and does not wait to be opened. */
	bool (*wants)(void *arg, pid_t pid, bool known);
	/* Called after a look. New files have the highest indexes. 0 or -errno. */
	int (*looked)(void *arg, const struct world_look *look);
	void *arg;
};

/* Opens perf events of mmap, fork, exec and exit in all processes. 0 or -errno, reported. */
int world_watch_open(struct world *w);
int world_watch_fd(const struct world *w); /* an epoll descriptor, to poll; -1: not watching */
/* fn receives each event in order of time; the follower is called after each look. A later call
 * replaces the fn or the follower. */
void world_watch_events(struct world *w, world_event_fn *fn, void *arg);
void world_watch_files(struct world *w, const struct world_follower *follower);
/* Reads events, and calls fn and the follower. 0 or -errno. */
int world_watch_read(struct world *w);

/* ---- What was mapped, and when (history.c) ------------------------------------------- */

struct rt_owner;
struct world_history;
struct world_history *world_history_new(void); /* NULL: no memory */
void world_history_free(struct world_history *h);
void world_history_feed(struct world_history *h, const struct world_event *ev); /* in order */
/* Adds what every process has mapped now, at `time`. */
void world_history_scan_all(struct world_history *h, uint64_t time);
/* Number of processes that have ended and are not forgotten yet. */
size_t world_history_ended(const struct world_history *h);
/* Forgets processes that had ended by `until`, unless `needed` says true. Of processes that stay,
 * forgets mappings that were gone by `until`. `needed` is not asked about an earlier process with
 * the same pid: an aggregation's key has a pid and no time, and means the last process. */
typedef bool world_needed_fn(void *arg, pid_t pid);
void world_history_forget(struct world_history *h, uint64_t until, world_needed_fn *needed,
			  void *arg);

struct world_place { /* borrowed, until the history is fed or forgets */
	const char *module;
	struct world_symbols *symbols;
	uint64_t offset; /* in the file */
};
/* The file that process `owner` had mapped at addr at that time. false: no file was mapped there,
 * the process is unknown, or h is NULL. */
bool world_history_find(const struct world_history *h, const struct rt_owner *owner, uint64_t addr,
			uint64_t time, struct world_place *place);

/* ---- -c and -p (target.c, command.c) ---------------------------------------------- */

struct world_target { /* a process of -c or -p */
	pid_t pid;
	int pidfd;
	bool created;		       /* -c: our child, which we wait for */
	bool gone;		       /* its exit was reported; set by run */
	struct world_command *command; /* state that only a created target uses */
};

/* Splits a command into words at blanks outside quotes, starts it, and stops the process at
 * evaltime. NULL: an error that was reported, or stop_fd interrupted the start (w->interrupted). */
struct world_target *world_target_create(struct world *w, const char *command,
					 const char *evaltime);
struct world_target *world_target_grab(struct world *w, pid_t pid);
/* Lets the process run. A later dlopen stops the process again (WORLD_TARGET_STOPPED). */
int world_target_continue(struct world_target *t);

enum world_target_state {
	WORLD_TARGET_RUNS,
	WORLD_TARGET_EXITED,  /* *status: as from waitpid; 0 for a grabbed process */
	WORLD_TARGET_STOPPED, /* new objects are mapped: match and attach, then continue */
};
/* A descriptor to poll: once the descriptor is readable, world_target_event tells what happened. A
 * command's descriptor is an eventfd, because a pidfd becomes readable at the exit only. A handler
 * of SIGCHLD writes the eventfd; the handler is installed while there are commands, and calls the
 * handler that was installed before. ptrace obeys one thread only: the thread that created the
 * command must call world_target_event and world_target_continue. */
int world_target_fd(const struct world_target *t);
enum world_target_state world_target_event(struct world_target *t, int *status);
void world_target_free(struct world_target *t); /* kills a command; a grabbed process runs on */

#endif
