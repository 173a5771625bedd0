/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/target.c: the processes of -c and -p (rule 12 of docs/architecture.md).
 * In:   a command line, or a pid.
 * Out:  a process that stands still where probes can be attached before any
 *       of its code has fired one; later its exit.
 * Owns: the child's ptrace attachment, the uprobe on its loader, fds.
 *
 * A command is traced by ptrace without EXITKILL: it ends with its tracing, but
 * when we are killed the kernel detaches it and it runs on. For that reason nothing is written into
 * its memory: what stops it at the loader's r_brk (called whenever the list
 * of mapped objects is complete) is a uprobe of ours, whose program sends
 * SIGURG, ignored by default, which ptrace shows us before delivery. The
 * uprobe goes with us too, and a breakpoint left behind would kill.
 * A thread that blocks SIGURG is sent SIGCONT: blocked or not, that makes the
 * kernel trap each thread of a seized process (PTRACE_EVENT_STOP). SIGSTOP
 * would do as well, but if we were killed then the child would stay stopped.
 */
#include "world/inner.h"
#include "usdt/loader.h"

#include "base/grow.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TARGETS = 64, MAX_WORDS = 256 };

struct target_priv {
	struct world *world;
	int wake;	      /* eventfd: something of the child's is to be waited for */
	int brk;	      /* perf event of the uprobe on r_brk; -1: none */
	int prog, prog_multi; /* that send the signal */
	bool at_exec;	      /* evaltime is exec: no loader is watched */
	uint64_t state_addr;  /* of r_debug.r_state in the child; 0: unknown */
	struct traced {
		pid_t tid;
		bool stopped;  /* at r_brk or exec, for us */
		bool owed;     /* the SIGCONT that has trapped it is still to come */
		uint64_t mask; /* if so: of the signals that it blocks */
	} * threads;
	size_t nthreads, cap;
	int status;
	bool exited;
	uint64_t deadline; /* of the start, ms */
};

/* SIGCHLD tells that some child of ours has changed, and nothing else does for a ptrace stop:
 * the handler passes it on to every target's eventfd. */
static volatile int wakes[MAX_TARGETS];
static volatile sig_atomic_t nwakes;
static struct sigaction before;
static bool was_blocked; /* by who started us: a command gets it so, too */

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
	for (int i = 0; i < MAX_TARGETS; i++)
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

/* ---- Command lines ------------------------------------------------------------- */

/* Blanks part words; '…' and "…" keep them; \x is x. false: a quote is not closed, too many. */
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

/* ---- Threads --------------------------------------------------------------------- */

static int thread_find(const struct target_priv *t, pid_t tid)
{
	for (size_t i = 0; i < t->nthreads; i++)
		if (t->threads[i].tid == tid)
			return (int)i;
	return -1;
}

static bool thread_add(struct target_priv *t, pid_t tid)
{
	struct traced *slot;

	if (thread_find(t, tid) >= 0)
		return true;
	slot = GROW_PUSH(t->threads, t->nthreads, t->cap);
	if (slot)
		*slot = (struct traced){ .tid = tid };
	return slot;
}

static void thread_drop(struct target_priv *t, int i)
{
	t->threads[i] = t->threads[--t->nthreads];
}

/* ---- A uprobe that stops ------------------------------------------------------------ */

static uint64_t signal_bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOVI(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ALU(op, d, i) INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)

static int prog_load(bool multi)
{
	enum { R0, R1, R2, R3, R10 = 10, PLAIN = 12, SLOT = -8 };
	uint64_t off = 0;
	/* Where a task has the mask of what it blocks, if this kernel tells. */
	bool masks = !kern_offset("task_struct.blocked", &off);
	const struct bpf_insn v[] = {
		CALL(BPF_FUNC_get_current_task),
		MOV(R3, R0),
		ALU(BPF_ADD, R3, (int)off),
		MOVI(R2, sizeof(uint64_t)),
		MOV(R1, R10),
		ALU(BPF_ADD, R1, SLOT),
		CALL(BPF_FUNC_probe_read_kernel), /* 0 if it may not */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, R2, R10, SLOT, 0),
		ALU(BPF_AND, R2, (int)signal_bit(SIGURG)),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, R2, 0, 2, 0),
		MOVI(R1, SIGCONT),
		INSN(BPF_JMP | BPF_JA, 0, 0, 1, 0),
		[PLAIN] = MOVI(R1, SIGURG),
		CALL(BPF_FUNC_send_signal_thread),
		MOVI(R0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = multi ? (enum bpf_attach_type)KERN_UPROBE_MULTI : 0);
	int fd = -1;

	/* A kernel in lockdown may know no helper that reads its memory. */
	for (size_t from = masks ? 0 : PLAIN; fd < 0 && from <= PLAIN; from += PLAIN)
		fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "target_stop", "GPL", v + from,
				   COUNT(v) - from, &opts);
	return fd < 0 ? -errno : fd;
}

/* A perf event, because its filter is the process's memory: all its threads, no child. */
static int stop_by_perf(struct target_priv *t, pid_t pid, const char *path, uint64_t off)
{
	int fd, err;

	if (t->prog < 0)
		t->prog = prog_load(false);
	if (t->prog < 0)
		return t->prog;
	fd = kern_uprobe_open(path, off, 0, pid);
	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, t->prog) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* The event wants CAP_SYS_ADMIN, a link of that kind CAP_PERFMON; up to 6.10 a link sees the first
 * thread only, which is the one that starts a program. */
static int stop_at(struct target_priv *t, pid_t pid, const char *path, uint64_t off)
{
	int fd = stop_by_perf(t, pid, path, off);

	if (fd != -EACCES && fd != -EPERM)
		return fd;
	if (!kern_has(KERN_F_uprobe_multi))
		return -ENOENT; /* attach at exec, then */
	if (t->prog_multi < 0)
		t->prog_multi = prog_load(true);
	return t->prog_multi < 0 ? t->prog_multi :
				   kern_uprobe_multi(t->prog_multi, path, &off, NULL, NULL, 1, pid);
}

/* Has the thread a SIGCONT of ours to take? A terminal's, the kernel's too, is its process's. */
static bool is_owed(pid_t tid)
{
	siginfo_t info;
	struct __ptrace_peeksiginfo_args at = { .nr = 1 };

	for (; ptrace(PTRACE_PEEKSIGINFO, tid, &at, &info) == 1; at.off++)
		if (info.si_signo == SIGCONT && info.si_code == SI_KERNEL)
			return true;
	return false;
}

/* At the trap that a SIGCONT of ours has made: nothing but that signal is to come now, and come it
 * must, blocked or not, or the program would find it in its sigwait. */
static void owed_begin(struct traced *th)
{
	uint64_t all_else = ~signal_bit(SIGCONT);

	if (th->owed || !is_owed(th->tid) ||
	    ptrace(PTRACE_GETSIGMASK, th->tid, sizeof(th->mask), &th->mask))
		return;
	th->owed = !ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(all_else), &all_else);
}

/* It has come, or somebody's SIGSTOP has taken it away. */
static void owed_end(struct traced *th)
{
	ptrace(PTRACE_SETSIGMASK, th->tid, sizeof(th->mask), &th->mask);
	th->owed = false;
}

/* Ours: from the kernel itself, not from a process. */
static bool is_our_stop(struct traced *th, int status)
{
	int sig = th->owed ? SIGCONT : SIGURG;
	siginfo_t info;
	bool ours = status >> 8 == sig && !ptrace(PTRACE_GETSIGINFO, th->tid, 0, &info) &&
		    info.si_code == SI_KERNEL;

	if (th->owed && (ours || !is_owed(th->tid)))
		owed_end(th);
	return ours;
}

/* ---- The loader ----------------------------------------------------------------------- */

static bool is_consistent(const struct target_priv *t, pid_t pid)
{
	int state = 0;
	struct iovec to = { &state, sizeof(state) };
	struct iovec from = { (void *)(uintptr_t)t->state_addr, sizeof(state) };

	return !t->state_addr || process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof(state) ||
	       !state;
}

/* ---- Waiting ------------------------------------------------------------------------- */

/* Until the child has news. -EINTR: dtrace shall end; -ETIMEDOUT: it has had its time. The news
 * is looked for every so often in any case: a caller of this library may block SIGCHLD. */
static int wait_news(struct target_priv *t)
{
	enum { SLICE_MS = 200 };
	struct pollfd p[] = { { .fd = t->wake, .events = POLLIN },
			      { .fd = t->world->stop_fd, .events = POLLIN } };
	uint64_t now = kern_now_ms(), n;

	if (now >= t->deadline)
		return -ETIMEDOUT;
	if (poll(p, COUNT(p), SLICE_MS) > 0 && p[1].revents)
		return -EINTR;
	while (read(t->wake, &n, sizeof(n)) > 0)
		;
	return 0;
}

/* clone(2) makes processes too, and ptrace tells of both in one way. */
static bool is_thread_of(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return tid == pid || !access(path, F_OK);
}

/* What a thread stopped for. 1: for us, it stays stopped. It may turn out to be none, and go. */
static int thread_stop(struct target_priv *t, int *at, int status, pid_t leader)
{
	int i = *at;
	pid_t tid = t->threads[i].tid;
	unsigned long msg = 0;
	int event = status >> 16;
	long sig = event ? 0 : WSTOPSIG(status);

	if (is_our_stop(&t->threads[i], status)) {
		t->threads[i].stopped = is_consistent(t, tid);
		if (t->threads[i].stopped)
			return 1;
		sig = 0;
	}
	if (event == PTRACE_EVENT_CLONE && !ptrace(PTRACE_GETEVENTMSG, tid, 0, &msg))
		thread_add(t, (pid_t)msg);
	if (event == PTRACE_EVENT_STOP && !is_thread_of(leader, tid) &&
	    !ptrace(PTRACE_DETACH, tid, 0, 0)) {
		thread_drop(t, (*at)--);
		return 0;
	}
	if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
		ptrace(PTRACE_LISTEN, tid, 0, 0); /* job control has stopped it: let it be */
		return 0;
	}
	if (event == PTRACE_EVENT_STOP)
		owed_begin(&t->threads[i]);
	ptrace(PTRACE_CONT, tid, 0, sig);
	return 0;
}

/* What one thread has to tell. 0: nothing for us. 1: it stands still for us. 2: an exec. */
static int thread_news(struct target_priv *t, int *i, pid_t leader)
{
	pid_t tid = t->threads[*i].tid;
	int status, got = waitpid(tid, &status, __WALL | WNOHANG);

	if (!got)
		return 0;
	if (got > 0 && WIFSTOPPED(status))
		return status >> 16 == PTRACE_EVENT_EXEC ? 2 : thread_stop(t, i, status, leader);
	if (tid == leader) {
		t->exited = true;
		t->status = got > 0 ? status : 0;
	} else {
		thread_drop(t, (*i)--);
	}
	return 0;
}

/* Lets it run until a stop of ours: 0. 1: it has become another program; -ECHILD: it has ended;
 * as wait_news. */
static int run_to_stop(struct target_priv *t, pid_t pid)
{
	int err = ptrace(PTRACE_CONT, pid, 0, 0) && errno != ESRCH ? -errno : 0;

	while (!err) {
		for (int i = 0; i < (int)t->nthreads && !t->exited; i++) {
			int what = thread_news(t, &i, pid);

			if (what)
				return what - 1;
		}
		err = t->exited ? -ECHILD : wait_news(t);
	}
	return err;
}

/* ---- Where to stop ----------------------------------------------------------------------- */

static void brk_close(struct target_priv *t)
{
	if (t->brk >= 0)
		close(t->brk);
	t->brk = -1;
	t->state_addr = 0;
}

static int stop_at_place(struct target_priv *t, pid_t pid, const struct usdt_place *place)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", place->fd); /* for the kernel */
	return stop_at(t, pid, path, place->offset);
}

/* Stops at each later call of r_brk. -ENOENT: nothing loads this program, or the loader's
 * symbols are not there. */
static int loader_watch(struct target_priv *t, pid_t pid)
{
	struct usdt_place brk;
	int fd = usdt_loader_find(pid, &brk, &t->state_addr);

	if (fd)
		return -ENOENT;
	fd = stop_at_place(t, pid, &brk);
	close(brk.fd);
	if (fd < 0)
		return fd;
	t->brk = fd;
	return 0;
}

/* Where evaltime main and postinit stop: main if the executable says where, else its entry. */
static int run_to_code(struct target_priv *t, pid_t pid, const char *name)
{
	struct usdt_place start;
	int fd, err;

	if (usdt_start_find(pid, name, &start))
		return -ENOENT;
	fd = stop_at_place(t, pid, &start);
	close(start.fd);
	if (fd < 0)
		return fd;
	/* A constructor's dlopen is no stop now, nor is a loader at work in another thread. */
	brk_close(t);
	err = run_to_stop(t, pid);
	close(fd);
	if (!err)
		loader_watch(t, pid);
	return err;
}

/* From the stop at exec on to where evaltime says. A program whose loader cannot be watched is
 * left where it is: at exec, where static ones belong. 1: it has become another program. */
static int run_on(struct target_priv *t, pid_t pid, const char *evaltime)
{
	int err;

	brk_close(t);
	for (size_t i = 0; i < t->nthreads; i++)
		t->threads[i].owed = false; /* those that were have ended */
	if (!strcmp(evaltime, "exec"))
		return 0;
	err = loader_watch(t, pid);
	if (!err)
		err = run_to_stop(t, pid);
	if (err && err != -ENOENT)
		return err;
	err = !strcmp(evaltime, "main")	    ? run_to_code(t, pid, "main") :
	      !strcmp(evaltime, "postinit") ? run_to_code(t, pid, NULL) :
					      0;
	return err == -ENOENT ? 0 : err;
}

static int run_to_evaltime(struct target_priv *t, pid_t pid, const char *evaltime)
{
	enum { LIMIT_MS = 60000 }; /* constructors may take their time, but not for ever */
	int err;

	t->deadline = kern_now_ms() + LIMIT_MS;
	do {
		err = run_on(t, pid, evaltime);
	} while (err == 1);
	return err;
}

/* ---- Starting ---------------------------------------------------------------------------- */

/* The child waits for our hold on it, then execs; a failure comes back through `out`. */
static void child(char **words, int in, int out)
{
	char go;
	int err;

	if (read(in, &go, 1) != 1)
		_exit(127);
	kern_limit_restore_child();
	if (was_blocked)
		chld_mask(SIG_BLOCK);
	execvp(words[0], words);
	err = errno;
	if (write(out, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static int start(struct target_priv *t, char **words, pid_t *pid)
{
	const uintptr_t options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err = 0, status = 0;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || (*pid = fork()) < 0) {
		err = -errno;
		goto out;
	}
	if (!*pid)
		child(words, in[0], out[1]);
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
	t->deadline = UINT64_MAX;
	while (!err) {
		pid_t got = waitpid(*pid, &status, __WALL | WNOHANG);

		if (!got)
			err = wait_news(t);
		else if (got < 0 || !WIFSTOPPED(status) || status >> 16 == PTRACE_EVENT_EXEC)
			break;
		else
			ptrace(PTRACE_CONT, *pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
	}
	if (err) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, __WALL);
	} else if (!WIFSTOPPED(status) && (read(out[0], &err, sizeof(err)) != sizeof(err) || !err))
		err = ENOEXEC; /* killed by the kernel, half way into the new image */
	err = err > 0 ? -err : err;
	if (!err && !thread_add(t, *pid))
		err = -ENOMEM;
out:
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	return err;
}

static struct world_target *target_new(struct world *w, pid_t pid)
{
	struct world_target *t = calloc(1, sizeof(*t));
	struct target_priv *p = calloc(1, sizeof(*p));

	if (!t || !p) {
		free(t);
		free(p);
		return NULL;
	}
	*p = (struct target_priv){
		.world = w, .wake = -1, .brk = -1, .prog = -1, .prog_multi = -1
	};
	*t = (struct world_target){ .pid = pid, .pidfd = -1, .priv = p };
	return t;
}

static bool evaltime_known(const char *s)
{
	static const char *const names[] = { "exec", "preinit", "postinit", "main" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(s, names[i]))
			return true;
	return false;
}

static int wake_open(struct target_priv *t)
{
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return t->wake < 0 ? -errno : wake_register(t->wake) ? 0 : -EMFILE;
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
	struct world_target *t = NULL;
	size_t n;
	int err;

	if (!evaltime_known(evaltime)) {
		diag_error(w->diag, NOWHERE, NULL,
			   "evaltime is exec, preinit, postinit or main, not %s", evaltime);
		return NULL;
	}
	if (!split(w->arena, command, words, &n) || !n) {
		diag_error(w->diag, NOWHERE, NULL, "cannot split the command into words: %s",
			   n ? command : "it is empty");
		return NULL;
	}
	t = target_new(w, 0);
	err = t ? wake_open(t->priv) : -ENOMEM;
	if (!err)
		err = start(t->priv, words, &t->pid);
	if (!err) {
		t->created = true;
		t->priv->at_exec = !strcmp(evaltime, "exec");
		t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
		err = run_to_evaltime(t->priv, t->pid, evaltime);
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
	t->priv->threads[0].stopped = true;
	world_files_stale(w);
	return t;
}

/* ---- Grabbing ---------------------------------------------------------------------------- */

/* Why a process cannot be traced; NULL: it can. */
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
	struct world_target *t = target_new(w, pid);
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
	struct target_priv *p = t->priv;

	if (p->exited)
		return -ESRCH;
	for (size_t i = 0; i < p->nthreads; i++)
		if (p->threads[i].stopped) {
			p->threads[i].stopped = false;
			ptrace(PTRACE_CONT, p->threads[i].tid, 0, 0);
		}
	return 0;
}

int world_target_fd(const struct world_target *t)
{
	return t->created ? t->priv->wake : t->pidfd;
}

/* At its end, and at an exec, a process has no thread but the first: what is left is none of its. */
static void others_free(struct target_priv *p, pid_t leader)
{
	size_t left = 0;

	for (size_t i = 0; i < p->nthreads; i++) {
		pid_t tid = p->threads[i].tid;
		int st;

		if (tid == leader)
			p->threads[left++] = p->threads[i];
		else if (!ptrace(PTRACE_INTERRUPT, tid, 0, 0) && waitpid(tid, &st, __WALL) == tid &&
			 WIFSTOPPED(st))
			ptrace(PTRACE_DETACH, tid, 0, st >> 16 ? 0 : (long)WSTOPSIG(st));
	}
	p->nthreads = left;
}

/* A new image, a new loader. */
static int exec_stop(struct world_target *t, const char *evaltime)
{
	struct target_priv *p = t->priv;

	others_free(p, t->pid);
	if (run_to_evaltime(p, t->pid, evaltime))
		return 0; /* it has ended, or dtrace ends */
	p->threads[0].stopped = true;
	return 1;
}

int world_target_event(struct world_target *t, int *status)
{
	struct target_priv *p = t->priv;
	bool stopped = false;
	uint64_t n;

	*status = 0;
	if (!t->created)
		return poll(&(struct pollfd){ .fd = t->pidfd, .events = POLLIN }, 1, 0) == 1;
	while (read(p->wake, &n, sizeof(n)) > 0)
		;
	for (int i = 0; i < (int)p->nthreads && !p->exited; i++) {
		pid_t tid = p->threads[i].tid;
		int st, got = waitpid(tid, &st, __WALL | WNOHANG);

		if (got == 0)
			continue;
		if (got > 0 && WIFSTOPPED(st)) {
			if (st >> 16 == PTRACE_EVENT_EXEC)
				stopped |= exec_stop(t, p->at_exec ? "exec" : "preinit");
			else
				stopped |= thread_stop(p, &i, st, t->pid);
			i = p->exited ? i : -1; /* what it brought may have news too */
			continue;
		}
		if (tid == t->pid) {
			p->exited = true;
			p->status = got > 0 ? st : 0;
		} else {
			thread_drop(p, i--);
		}
	}
	if (p->exited) {
		others_free(p, t->pid);
		*status = p->status;
		return 1;
	}
	if (stopped)
		world_files_stale(p->world);
	return stopped ? 2 : 0;
}

/* As DTrace: a command ends with its tracing. A leader's end is told when its threads are waited
 * for; one that was made a moment ago and is not known yet holds it back until we end. */
static void end(struct target_priv *p, pid_t pid)
{
	enum { TRIES = 1000, US = 1000 };

	kill(pid, SIGKILL);
	for (int i = 0; i < TRIES && p->nthreads; i++) {
		for (int k = (int)p->nthreads - 1; k >= 0; k--) {
			int status;
			pid_t got = waitpid(p->threads[k].tid, &status, __WALL | WNOHANG);

			if (got < 0 || (got > 0 && !WIFSTOPPED(status)))
				thread_drop(p, k);
		}
		if (p->nthreads)
			usleep(US);
	}
}

void world_target_free(struct world_target *t)
{
	struct target_priv *p = t ? t->priv : NULL;

	if (!t)
		return;
	brk_close(p);
	if (p->wake >= 0)
		wake_forget(p->wake);
	if (t->created && !p->exited)
		end(p, t->pid);
	if (p->wake >= 0)
		close(p->wake);
	if (p->prog >= 0)
		close(p->prog);
	if (p->prog_multi >= 0)
		close(p->prog_multi);
	if (t->pidfd >= 0)
		close(t->pidfd);
	free(p->threads);
	free(p);
	free(t);
}
