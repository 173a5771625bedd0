/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/threads.c: traces the threads of a command, and tells why they stop.
 * In:   ptrace stops, from SIGCHLD and waitpid.
 * Out:  news: a stop of ours, an exec, the end.
 * Owns: the table of threads; the handler of SIGCHLD, while there are commands.
 *
 * A command is traced by ptrace without EXITKILL: if we are killed, the kernel
 * detaches the command and the command runs on. So nothing is written into its
 * memory: a breakpoint left behind would kill the command, but a uprobe ends
 * with us. The program of a uprobe (stops.c) sends SIGURG to its thread, and
 * ptrace shows us the signal before its delivery. SIGURG is ignored by
 * default, so it does no harm if we are killed meanwhile.
 * A thread that blocks SIGURG is sent SIGCONT: blocked or not, SIGCONT makes
 * the kernel trap each thread of a seized process (PTRACE_EVENT_STOP).
 * SIGSTOP would trap too, but would leave the command stopped if we were
 * killed.
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
	bool stopped;  /* by us: at r_brk, at the entry or main, or at exec */
	bool owed;     /* a SIGCONT of ours has trapped the thread, and is not delivered yet */
	uint64_t mask; /* if owed: the signals that the thread itself blocks */
};

/* ---- SIGCHLD ----------------------------------------------------------------------- */

/* Nothing but SIGCHLD tells of a ptrace stop, and SIGCHLDs of several children may merge: the
 * handler writes the eventfd of every command. */
static volatile int wakes[MAX_COMMANDS];
static volatile sig_atomic_t nwakes;
static struct sigaction before;
static bool was_blocked; /* SIGCHLD was blocked at our start: commands start with the same mask */

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

/* Returns after SLICE_MS even without SIGCHLD: a caller of the library may block SIGCHLD. */
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

/* A SIGCONT of ours waits in the thread's own queue. The kernel also sends SIGCONT for a terminal,
 * but queues that for the process, where PEEKSIGINFO does not look. */
static bool is_owed(pid_t tid)
{
	siginfo_t info;
	struct __ptrace_peeksiginfo_args at = { .nr = 1 };

	for (; ptrace(PTRACE_PEEKSIGINFO, tid, &at, &info) == 1; at.off++)
		if (info.si_signo == SIGCONT && info.si_code == SI_KERNEL)
			return true;
	return false;
}

/* Called at a trap. If a SIGCONT of ours caused the trap, unblocks SIGCONT and blocks all other
 * signals until the SIGCONT is delivered: else a sigwait of the program would find our signal. */
static void owed_begin(struct world_traced *th)
{
	uint64_t all_else = ~world_signal_bit(SIGCONT);

	if (th->owed || !is_owed(th->tid) ||
	    ptrace(PTRACE_GETSIGMASK, th->tid, sizeof(th->mask), &th->mask))
		return;
	th->owed = !ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(all_else), &all_else);
}

/* Called when the SIGCONT has come, or somebody's SIGSTOP has discarded it. */
static void owed_end(struct world_traced *th)
{
	ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(th->mask), &th->mask);
	th->owed = false;
}

/* si_code tells our signal, which a BPF program sent, from a signal that a process sent. */
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

/* The loader calls r_brk also before it changes its list of objects. r_state is not 0 then, and the
 * thread need not stop. */
static bool is_consistent(const struct world_command *c, pid_t pid)
{
	int state = 0;
	struct iovec to = { &state, sizeof(state) };
	struct iovec from = { (void *)(uintptr_t)c->state_addr, sizeof(state) };

	return !c->state_addr || process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(state) ||
	       !state;
}

/* Tells threads from processes: PTRACE_EVENT_CLONE comes for processes made by clone(2) too. */
static bool is_thread_of(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return tid == pid || !access(path, F_OK);
}

static void job_control_or_trap(struct world_traced *th, int status)
{
	if (WSTOPSIG(status) != SIGTRAP) {
		ptrace(PTRACE_LISTEN, th->tid, 0, 0); /* job control: the thread stays stopped */
		return;
	}
	owed_begin(th);
	ptrace(PTRACE_CONT, th->tid, 0, 0);
}

enum stop { STOP_PASSED_ON, STOP_OURS, STOP_OF_ANOTHER };

/* Lets the thread run on, unless we have stopped it. Detaches a thread of another process. */
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
	/* thread_stop may add threads behind the others: the loop reaches them too. */
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
			thread_drop(c, i); /* the last thread takes index i */
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

/* waitpid reports the first thread's end only after all other threads were waited for. A thread so
 * young that c->threads lacks it delays that until we exit: so the wait here has a limit. */
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
