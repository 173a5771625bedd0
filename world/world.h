/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/world.h: the processes of this machine: the files that they have
 * mapped, now and from now on, and the processes of -c and -p. One owner for
 * the providers, the stacks and the enabling alike.
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
	struct world_target **targets; /* of -c and -p, in their order */
	size_t ntargets, targets_cap;
	int stop_fd;	  /* readable when tracing shall end; -1 */
	bool interrupted; /* by stop_fd, while a command was being started */
	struct world_files *files;
	struct world_watch *watch;
};
struct world *world_new(struct diag *diag); /* NULL: no memory */
void world_free(struct world *w);	    /* NULL is accepted */

/* All threads of the process have ended; its parent may not have waited for it yet. */
bool world_has_ended(pid_t pid);
/* The first thread has ended and others run on: the process has its mappings, but /proc/PID and links
 * with that pid show them no longer. */
bool world_first_thread_ended(pid_t pid);

/* ---- Files and who has mapped them (files.c) ------------------------------------ */

/*
 * A file is the kernel's inode (rule 11 of docs/architecture.md). Its index stays; the file is
 * opened and read once, when somebody asks for it.
 */
struct world_mapping {
	pid_t pid, tid; /* tid: a thread whose /proc entry shows the mapping */
	int file;
	uint64_t start, end, off; /* off: bytes into the file */
};

/*
 * Executable mappings of process `pid`, or of all processes (0). A recent answer is used again
 * until world_files_stale. *n: how many; borrowed until the next call.
 */
const struct world_mapping *world_mappings(struct world *w, pid_t pid, size_t *n);
/* A process was started, or has mapped something: look again. */
void world_files_stale(struct world *w);
/* Grows by 1 with each look at processes. */
unsigned world_files_serial(const struct world *w);

/* Number of files seen; indexes are below it. */
size_t world_files_count(const struct world *w);
/* The process that mapped the file ended before the file could be opened: the file waits for the
 * next process that maps it. */
bool world_file_waits(const struct world *w, int file);
/* The index of the file that path names, whether mapped or not; -errno. */
int world_files_by_path(struct world *w, const char *path);
/* A descriptor of the file, kept by the world; -errno. */
int world_file_open(struct world *w, int file);
/* The file's probes; NULL: it has no probes, or cannot be read. Borrowed until world_free. */
struct usdt_file *world_file_usdt(struct world *w, int file);
/* The file's base name, "libruby-3.1.so.3.1", and its whole path, as it was mapped; "": it cannot be
 * opened. */
const char *world_file_base(struct world *w, int file);
const char *world_file_path(struct world *w, int file);

/* ---- Functions of files (symbols.c) ---------------------------------------------- */

/* Functions of a file, as usdt/symbols.h has them; read at the first question. */
struct world_symbols;
struct world_symbols *world_symbols_new(int fd);    /* takes fd; -1: no symbols. NULL: no memory */
struct world_symbols *world_symbols_new_vdso(void); /* our own vdso, which is every process's */
void world_symbols_free(struct world_symbols *s);   /* NULL is accepted */
/* The function that holds a file offset: its name, borrowed, and the distance from its start;
 * NULL: there is none. */
const char *world_symbols_find(struct world_symbols *s, uint64_t file_off, uint64_t *distance);
/* fn for each function, in the order of the symbol table; it stops by false. 0 or -ENOMEM. */
int world_symbols_each(struct world_symbols *s, usdt_function_fn *fn, void *arg);
bool world_symbols_32bit(struct world_symbols *s); /* of a 32-bit program */
/* Symbols of a file that is mapped; the world's. NULL: the file cannot be opened, or no memory.
 * Damage is told once. */
struct world_symbols *world_file_symbols(struct world *w, int file);

/* ---- What processes do from now on (watch.c) -------------------------------------- */

enum world_event_kind { WORLD_EV_MMAP, WORLD_EV_FORK, WORLD_EV_EXEC, WORLD_EV_EXIT, WORLD_EV_LOST };
struct world_event {
	enum world_event_kind kind;
	uint64_t time; /* CLOCK_MONOTONIC, as bpf_ktime_get_ns */
	pid_t pid, ppid;
	uint64_t addr, len, pgoff, ino;
	uint32_t prot, dev_major, dev_minor;
	const char *path; /* as in the process' namespace; EXEC: comm */
};
typedef void world_event_fn(void *arg, const struct world_event *ev);

/* A look at processes, because they have mapped files. */
struct world_look {
	bool all; /* at every process; else at these */
	const pid_t *pids;
	size_t npids;
	/* Mapped again: files that were seen before, but waited to be opened. */
	const int *again;
	size_t nagain;
};
struct world_follower { /* who is told of files that processes map */
	/* Is a mapping by this process worth a look? known: its file was seen and does not wait. */
	bool (*wants)(void *arg, pid_t pid, bool known);
	/* After a look: files that are new have the highest indexes. 0 or -errno. */
	int (*looked)(void *arg, const struct world_look *look);
	void *arg;
};

/* Opens the system-wide event that tells what all processes do. 0 or -errno, reported. */
int world_watch_open(struct world *w);
int world_watch_fd(const struct world *w); /* to poll: an epoll fd; -1: not watching */
/* fn gets each event, in the order of their times; the follower is told of each look. There is one
 * fn and one follower. */
void world_watch_events(struct world *w, world_event_fn *fn, void *arg);
void world_watch_files(struct world *w, const struct world_follower *follower);
/* Reads events and tells of them. 0 or -errno. */
int world_watch_read(struct world *w);

/* ---- What was mapped, and when (history.c) ------------------------------------------- */

struct rt_owner;
struct world_history;
struct world_history *world_history_new(void); /* NULL: no memory */
void world_history_free(struct world_history *h);
void world_history_feed(struct world_history *h, const struct world_event *ev); /* by time */
/* What each process has mapped now. */
void world_history_scan_all(struct world_history *h, uint64_t time);
/* Number of processes that have ended and are still remembered. */
size_t world_history_ended(const struct world_history *h);
/* Forgets processes that had ended by `until`, but for those that are needed; of the others,
 * mappings that were gone by then. Earlier processes with the same pid are never needed: what
 * names a process without a time means the last. */
typedef bool world_needed_fn(void *arg, pid_t pid);
void world_history_forget(struct world_history *h, uint64_t until, world_needed_fn *needed,
			  void *arg);

struct world_place { /* borrowed, until the history is fed or forgets */
	const char *module;
	struct world_symbols *symbols;
	uint64_t offset; /* in the file */
};
/* The file that held the address at that time, in the process that the owner names. false: no file,
 * or an unknown process; h NULL: the same. */
bool world_history_find(const struct world_history *h, const struct rt_owner *owner, uint64_t addr,
			uint64_t time, struct world_place *place);

/* ---- -c and -p (target.c, command.c) ---------------------------------------------- */

struct world_target { /* a process of -c or -p */
	pid_t pid;
	int pidfd;
	bool created;		       /* -c: our child, which we wait for */
	bool gone;		       /* its exit was reported (run's) */
	struct world_command *command; /* what only a created target uses */
};

/* Starts a command (split at blanks, quotes honoured), stopped after exec with its loader's
 * objects mapped as evaltime says. NULL: reported, or interrupted, which is no error. */
struct world_target *world_target_create(struct world *w, const char *command,
					 const char *evaltime);
struct world_target *world_target_grab(struct world *w, pid_t pid);
/* Lets the process run. A later dlopen stops it for as long as matching and attaching take. */
int world_target_continue(struct world_target *t);

enum world_target_state {
	WORLD_TARGET_RUNS,
	WORLD_TARGET_EXITED,  /* its status through *status */
	WORLD_TARGET_STOPPED, /* at new objects: match and attach, then continue */
};
/* A descriptor to poll; when it is readable, world_target_event says what happened. A command's
 * is an eventfd of its own, written by a handler of SIGCHLD (installed while there are commands;
 * a handler that was there before is called as well), because a pidfd tells exits only. The thread
 * that created the command must be the thread that calls world_target_event and
 * world_target_continue. */
int world_target_fd(const struct world_target *t);
enum world_target_state world_target_event(struct world_target *t, int *status);
void world_target_free(struct world_target *t); /* a command is ended, a grabbed process let be */

#endif
