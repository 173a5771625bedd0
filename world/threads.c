/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/threads.c: the traced threads of a command, and what they stop for.
 * In:   ptrace stops, as waitpid and SIGCHLD tell them.
 * Out:  news: a stop of ours, an exec, the end.
 * Owns: the table of threads; the handler of SIGCHLD, while there are commands.
 *
 * A command is traced by ptrace without EXITKILL: the command ends with its
 * tracing, but when we are killed the kernel detaches it and it runs on.
 * For that reason nothing is written into its memory: what stops a thread is
 * a uprobe of ours (stops.c), whose program sends SIGURG. That signal is
 * ignored by default, and ptrace shows it to us before it is delivered. The
 * uprobe goes with us too, whereas a breakpoint left behind would kill.
 * A thread that blocks SIGURG is sent SIGCONT: blocked or not, SIGCONT makes
 * the kernel trap each thread of a seized process (PTRACE_EVENT_STOP).
 * SIGSTOP would do as well, but if we were killed then the command would stay
 * stopped.
 */
#include "world/target.h"

#include "base/grow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_COMMANDS = 64 };

struct world_traced {
	pid_t tid;
	bool stopped;  /* at r_brk or exec, for us */
	bool owed;     /* the SIGCONT that has trapped the thread is still to come */
	uint64_t mask; /* if owed: the signals that the thread blocks */
};

/* ---- SIGCHLD ----------------------------------------------------------------------- */

/* SIGCHLD tells that some child of ours has changed, and nothing else does for a ptrace stop:
 * the handler passes the signal on to every command's eventfd. */
static volatile int wakes[MAX_COMMANDS];
static volatile sig_atomic_t nwakes;
static struct sigaction before;
static bool was_blocked; /* SIGCHLD, by who started us: a command is started with the same mask */

static bool chld_mask(int how)
{
	sigset_t chld, old;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	return !sigprocmask(how, &chld, &old) && sigismember(&old, SIGCHLD) == 1;
}

static void child_changed(int sig, siginfo_t *info, void *ctx)
{
	int saved = errno;
	uint64_t one = 1;

	for (int i = 0; i < nwakes; i++)
		if (wakes[i] > 0 && write(wakes[i], &one, sizeof(one)) < 0)
			continue;
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(sig, info, ctx);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(sig);
	errno = saved;
}

static bool wake_register(int fd)
{
	struct sigaction sa = { .sa_sigaction = child_changed,
				.sa_flags = SA_SIGINFO | SA_RESTART };

	if (!nwakes && sigaction(SIGCHLD, &sa, &before))
		return false;
	if (!nwakes)
		was_blocked = chld_mask(SIG_UNBLOCK);
	for (int i = 0; i < MAX_COMMANDS; i++)
		if (i >= nwakes || !wakes[i]) {
			wakes[i] = fd;
			if (i >= nwakes)
				nwakes = i + 1;
			return true;
		}
	return false;
}

static void wake_forget(int fd)
{
	for (int i = 0; i < nwakes; i++)
		if (wakes[i] == fd)
			wakes[i] = 0;
	while (nwakes && !wakes[nwakes - 1])
		nwakes = nwakes - 1;
	if (nwakes)
		return;
	sigaction(SIGCHLD, &before, NULL);
	if (was_blocked)
		chld_mask(SIG_BLOCK);
}

int world_wake_open(struct world_command *c)
{
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c->wake < 0 ? -errno : wake_register(c->wake) ? 0 : -EMFILE;
}

void world_wake_close(struct world_command *c)
{
	if (c->wake < 0)
		return;
	wake_forget(c->wake);
	close(c->wake);
	c->wake = -1;
}

void world_wake_restore_child(void)
{
	if (was_blocked)
		chld_mask(SIG_BLOCK);
}

/* The news is looked for every so often in any case: a caller of this library may block SIGCHLD. */
int world_wake_wait(struct world_command *c)
{
	enum { SLICE_MS = 200 };
	struct pollfd p[] = { { .fd = c->wake, .events = POLLIN },
			      { .fd = c->world->stop_fd, .events = POLLIN } };
	uint64_t now = kern_now_ms(), n;

	if (now >= c->deadline)
		return -ETIMEDOUT;
	if (poll(p, COUNT(p), SLICE_MS) > 0 && p[1].revents)
		return -EINTR;
	while (read(c->wake, &n, sizeof(n)) > 0)
		;
	return 0;
}

/* ---- The table ---------------------------------------------------------------------- */

static int thread_find(const struct world_command *c, pid_t tid)
{
	for (size_t i = 0; i < c->nthreads; i++)
		if (c->threads[i].tid == tid)
			return (int)i;
	return -1;
}

bool world_thread_add(struct world_command *c, pid_t tid)
{
	struct world_traced *slot;

	if (thread_find(c, tid) >= 0)
		return true;
	slot = GROW_PUSH(c->threads, c->nthreads, c->cap);
	if (slot)
		*slot = (struct world_traced){ .tid = tid };
	return slot;
}

static void thread_drop(struct world_command *c, size_t i)
{
	c->threads[i] = c->threads[--c->nthreads];
}

/* ---- What a thread stopped for -------------------------------------------------- */

/* Has the thread a SIGCONT of ours to take? A terminal's SIGCONT comes from the kernel too, but is
 * queued for the process, not for the thread. */
static bool is_owed(pid_t tid)
{
	siginfo_t info;
	struct __ptrace_peeksiginfo_args at = { .nr = 1 };

	for (; ptrace(PTRACE_PEEKSIGINFO, tid, &at, &info) == 1; at.off++)
		if (info.si_signo == SIGCONT && info.si_code == SI_KERNEL)
			return true;
	return false;
}

/* At the trap that a SIGCONT of ours has made. The thread must take that signal before any other,
 * even if it blocks it, or the program would find the signal in its sigwait. */
static void owed_begin(struct world_traced *th)
{
	uint64_t all_else = ~world_signal_bit(SIGCONT);

	if (th->owed || !is_owed(th->tid) ||
	    ptrace(PTRACE_GETSIGMASK, th->tid, sizeof(th->mask), &th->mask))
		return;
	th->owed = !ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(all_else), &all_else);
}

/* The SIGCONT has come, or somebody's SIGSTOP has taken it away. */
static void owed_end(struct world_traced *th)
{
	ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(th->mask), &th->mask);
	th->owed = false;
}

/* A signal of ours comes from the kernel itself, not from a process. */
static bool is_our_stop(struct world_traced *th, int status)
{
	int sig = th->owed ? SIGCONT : SIGURG;
	siginfo_t info;
	bool ours = status >> 8 == sig && !ptrace(PTRACE_GETSIGINFO, th->tid, 0, &info) &&
		    info.si_code == SI_KERNEL;

	if (th->owed && (ours || !is_owed(th->tid)))
		owed_end(th);
	return ours;
}

/* While the loader changes its list of objects, r_brk is called as well: no stop for us. */
static bool is_consistent(const struct world_command *c, pid_t pid)
{
	int state = 0;
	struct iovec to = { &state, sizeof(state) };
	struct iovec from = { (void *)(uintptr_t)c->state_addr, sizeof(state) };

	return !c->state_addr || process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(state) ||
	       !state;
}

/* clone(2) makes processes too, and ptrace tells of both in the same way. */
static bool is_thread_of(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return tid == pid || !access(path, F_OK);
}

static void job_control_or_trap(struct world_traced *th, int status)
{
	if (WSTOPSIG(status) != SIGTRAP) {
		ptrace(PTRACE_LISTEN, th->tid, 0, 0); /* job control has stopped it: let it be */
		return;
	}
	owed_begin(th);
	ptrace(PTRACE_CONT, th->tid, 0, 0);
}

enum stop { STOP_PASSED_ON, STOP_OURS, STOP_OF_ANOTHER };

/* Lets the thread go on unless it stopped for us, or belongs to another process. */
static enum stop thread_stop(struct world_command *c, size_t i, int status, pid_t pid)
{
	struct world_traced *th = &c->threads[i];
	pid_t tid = th->tid;
	unsigned long msg = 0;
	int event = status >> 16;
	long sig = event ? 0 : WSTOPSIG(status);

	if (is_our_stop(th, status)) {
		th->stopped = is_consistent(c, tid);
		if (th->stopped)
			return STOP_OURS;
		sig = 0;
	}
	if (event == PTRACE_EVENT_STOP) {
		if (!is_thread_of(pid, tid) && !ptrace(PTRACE_DETACH, tid, 0, 0))
			return STOP_OF_ANOTHER;
		job_control_or_trap(th, status);
		return STOP_PASSED_ON;
	}
	if (event == PTRACE_EVENT_CLONE && !ptrace(PTRACE_GETEVENTMSG, tid, 0, &msg))
		world_thread_add(c, (pid_t)msg);
	ptrace(PTRACE_CONT, tid, 0, sig);
	return STOP_PASSED_ON;
}

/* ---- News ----------------------------------------------------------------------- */

enum world_news world_threads_news(struct world_command *c, pid_t pid)
{
	/* Threads that are added meanwhile have news too, and are behind the others. */
	for (size_t i = 0; i < c->nthreads && !c->exited;) {
		pid_t tid = c->threads[i].tid;
		int status, got = waitpid(tid, &status, __WALL | WNOHANG);
		enum stop stop = STOP_PASSED_ON;

		if (got > 0 && WIFSTOPPED(status)) {
			if (status >> 16 == PTRACE_EVENT_EXEC)
				return WORLD_NEWS_EXEC;
			stop = thread_stop(c, i, status, pid);
			if (stop == STOP_OURS)
				return WORLD_NEWS_STOP;
		} else if (got && tid == pid) {
			c->exited = true;
			c->status = got > 0 ? status : 0;
		} else if (got) {
			stop = STOP_OF_ANOTHER;
		}
		if (stop == STOP_OF_ANOTHER)
			thread_drop(c, i); /* another takes its place */
		else
			i++;
	}
	return WORLD_NEWS_NONE;
}

int world_threads_run(struct world_command *c, pid_t pid, enum world_news *news)
{
	int err = ptrace(PTRACE_CONT, pid, 0, 0) && errno != ESRCH ? -errno : 0;

	while (!err) {
		*news = world_threads_news(c, pid);
		if (*news != WORLD_NEWS_NONE)
			return 0;
		err = c->exited ? -ECHILD : world_wake_wait(c);
	}
	return err;
}

void world_threads_stopped(struct world_command *c)
{
	c->threads[0].stopped = true;
}

void world_threads_continue(struct world_command *c)
{
	for (size_t i = 0; i < c->nthreads; i++)
		if (c->threads[i].stopped) {
			c->threads[i].stopped = false;
			ptrace(PTRACE_CONT, c->threads[i].tid, 0, 0);
		}
}

void world_threads_forget_owed(struct world_command *c)
{
	for (size_t i = 0; i < c->nthreads; i++)
		c->threads[i].owed = false;
}

/* ---- The end -------------------------------------------------------------------- */

void world_threads_detach_others(struct world_command *c, pid_t pid)
{
	size_t left = 0;

	for (size_t i = 0; i < c->nthreads; i++) {
		pid_t tid = c->threads[i].tid;
		int st;

		if (tid == pid)
			c->threads[left++] = c->threads[i];
		else if (!ptrace(PTRACE_INTERRUPT, tid, 0, 0) && waitpid(tid, &st, __WALL) == tid &&
			 WIFSTOPPED(st))
			ptrace(PTRACE_DETACH, tid, 0, st >> 16 ? 0 : (long)WSTOPSIG(st));
	}
	c->nthreads = left;
}

/* The end of a process's first thread is told when all its threads are waited for. A thread that
 * was made a moment ago and is not known yet holds that back until we end ourselves. */
void world_threads_end(struct world_command *c, pid_t pid)
{
	enum { TRIES = 1000, US = 1000 };

	kill(pid, SIGKILL);
	for (int i = 0; i < TRIES && c->nthreads; i++) {
		for (size_t k = c->nthreads; k-- > 0;) {
			int status;
			pid_t got = waitpid(c->threads[k].tid, &status, __WALL | WNOHANG);

			if (got < 0 || (got > 0 && !WIFSTOPPED(status)))
				thread_drop(c, k);
		}
		if (c->nthreads)
			usleep(US);
	}
}
