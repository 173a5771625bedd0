/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/run.c: runs the program and all its descendants under ptrace.
 * In:   a command line; a world to find probes in.
 * Out:  each firing handed to the claims about its probe; an exit status.
 * Owns: the threads' table. If usdt-check dies the kernel kills the traced
 *       processes.
 */
#include "cmd/usdt-check/check.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct thread {
	pid_t tid, pid;
	struct space *space; /* NULL: the thread's first stop came before its parent's event */
	uint64_t step;	     /* address of the breakpoint that the thread steps over; 0: none */
};
struct table {
	struct thread *v;
	size_t n, cap;
};

static volatile sig_atomic_t time_is_up;

static void on_alarm(int sig)
{
	(void)sig;
	time_is_up = 1;
}

/* ---- The table --------------------------------------------------------------------- */

static struct thread *find(struct table *t, pid_t tid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].tid == tid)
			return &t->v[i];
	return NULL;
}

static struct thread *add(struct table *t, pid_t tid)
{
	struct thread *slot = GROW_PUSH(t->v, t->n, t->cap);

	if (slot)
		*slot = (struct thread){ .tid = tid, .pid = tid };
	return slot;
}

static void drop(struct table *t, struct thread *th)
{
	space_drop(th->space);
	*th = t->v[--t->n];
}

/* ---- Start --------------------------------------------------------------------------- */

int run_start(struct run *r, char **argv)
{
	int fds[2], err;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	r->child = fork();
	if (r->child < 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (!r->child) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) == 1)
			execvp(argv[0], argv);
		err = errno;
		_exit(write(fds[0], &err, sizeof(err)) == sizeof(err) ? 127 : 126);
	}
	close(fds[0]);
	r->go = fds[1];
	return 0;
}

void run_kill(struct run *r)
{
	kill(r->child, SIGKILL);
}

/* ---- Stops ------------------------------------------------------------------------------ */

static void fired(struct run *r, const struct thread *th, const struct stop *stop,
		  const struct user_regs_struct *regs)
{
	struct probe *p = stop->point.probe;
	struct firing f = { .probe = p,
			    .types = stop->point.types,
			    .site = stop->point.site,
			    .regs = regs,
			    .pid = th->pid,
			    .tid = th->tid };

	p->fired++;
	for (size_t i = 0; i < p->nclaims; i++)
		claim_firing(r->world->claims, p->claims[i], &f);
}

/* The site is no nop: puts its instruction back and executes it by a single step. */
static int step_over(struct thread *th, struct stop *stop, struct user_regs_struct *regs)
{
	regs->rip = stop->address;
	if (!memory_write(th->pid, stop->address, &stop->was, 1) ||
	    ptrace(PTRACE_SETREGS, th->tid, 0, regs) || ptrace(PTRACE_SINGLESTEP, th->tid, 0, 0))
		return -errno;
	th->step = stop->address;
	return 0;
}

static int stepped(struct thread *th)
{
	static const uint8_t int3 = 0xcc;

	if (space_at(th->space, th->step)) /* the code may have been unmapped meanwhile */
		memory_write(th->pid, th->step, &int3, 1);
	th->step = 0;
	ptrace(PTRACE_CONT, th->tid, 0, 0);
	return 0;
}

/* SIGTRAP: one of our breakpoints, or the program's own. */
static int trapped(struct run *r, struct thread *th)
{
	struct user_regs_struct regs;
	struct stop *stop;
	uint64_t at;

	if (th->step)
		return stepped(th);
	if (ptrace(PTRACE_GETREGS, th->tid, 0, &regs))
		return 0; /* killed meanwhile */
	at = regs.rip - 1;
	stop = space_at(th->space, at);
	if (!stop) {
		ptrace(PTRACE_CONT, th->tid, 0, SIGTRAP);
		return 0;
	}
	regs.rip = at;
	for (struct stop *s = stop; s < th->space->stops + th->space->nstops && s->address == at;
	     s++)
		if (s->point.probe)
			fired(r, th, s, &regs);
	if (!stop->point.probe) {
		space_scan(th->space, r->world, th->pid);
		stop = space_at(th->space, at);
	}
	if (!stop->skip)
		return step_over(th, stop, &regs);
	regs.rip = at + stop->skip;
	if (stop->skip > 1)
		ptrace(PTRACE_SETREGS, th->tid, 0, &regs);
	ptrace(PTRACE_CONT, th->tid, 0, 0);
	return 0;
}

/* After exec: the memory is new, and the process's other threads are gone. */
static int executed(struct run *r, struct table *t, pid_t tid)
{
	struct thread *th;

	for (size_t i = t->n; i-- > 0;)
		if (t->v[i].pid == tid && t->v[i].tid != tid)
			drop(t, &t->v[i]);
	th = find(t, tid);
	space_drop(th->space);
	th->space = space_new();
	th->step = 0;
	if (!th->space)
		return -ENOMEM;
	space_loader(th->space, tid);
	space_scan(th->space, r->world, tid);
	ptrace(PTRACE_CONT, tid, 0, 0);
	return 0;
}

static int born(struct table *t, pid_t parent, int event)
{
	struct thread *th, *from;
	unsigned long msg;
	pid_t tid;
	bool waits;

	if (ptrace(PTRACE_GETEVENTMSG, parent, 0, &msg))
		return 0;
	tid = (pid_t)msg;
	th = find(t, tid);
	waits = th;
	th = th ? th : add(t, tid);
	from = find(t, parent);
	if (!th)
		return -ENOMEM;
	th->pid = event == PTRACE_EVENT_CLONE ? from->pid : tid;
	th->space = event == PTRACE_EVENT_FORK ? space_copy(from->space) : from->space;
	if (!th->space)
		return -ENOMEM;
	if (event != PTRACE_EVENT_FORK)
		th->space->refs++;
	if (waits)
		ptrace(PTRACE_CONT, tid, 0, 0);
	ptrace(PTRACE_CONT, parent, 0, 0);
	return 0;
}

static int stopped(struct run *r, struct table *t, pid_t tid, int status)
{
	struct thread *th = find(t, tid);
	int event = status >> 16, sig = WSTOPSIG(status);

	if (!th)
		return add(t, tid) ? 0 : -ENOMEM; /* the new thread waits for its parent's event */
	if (event == PTRACE_EVENT_EXEC)
		return executed(r, t, tid);
	if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
	    event == PTRACE_EVENT_VFORK)
		return born(t, tid, event);
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, 0, 0); /* job control: the thread stays stopped */
	else if (event)
		ptrace(PTRACE_CONT, tid, 0, 0);
	else if (sig == SIGTRAP)
		return trapped(r, th);
	else
		ptrace(PTRACE_CONT, tid, 0, sig);
	return 0;
}

/* ---- Run ----------------------------------------------------------------------------------- */

static int follow(struct run *r, struct table *t)
{
	int err = 0, status;

	while (!err && t->n) {
		pid_t tid = waitpid(-1, &status, __WALL);
		struct thread *th;

		if (time_is_up) {
			r->timed_out = true;
			return 0;
		}
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return -errno;
		if (WIFSTOPPED(status)) {
			err = stopped(r, t, tid, status);
			continue;
		}
		if (tid == r->child)
			r->status = status;
		th = find(t, tid);
		if (th)
			drop(t, th);
	}
	return err;
}

int run_program(struct run *r)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct table t = { 0 };
	int no_exec;
	struct thread *th = add(&t, r->child);
	int err = th && (th->space = space_new()) ? 0 : -ENOMEM;
	long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
		       PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

	sigaction(SIGALRM, &sa, NULL);
	if (!err && ptrace(PTRACE_SEIZE, r->child, 0, options))
		err = -errno;
	if (!err && write(r->go, "", 1) != 1)
		err = -errno;
	alarm(r->timeout);
	if (!err)
		err = follow(r, &t);
	alarm(0);
	if (read(r->go, &no_exec, sizeof(no_exec)) == sizeof(no_exec))
		err = -no_exec;
	close(r->go);
	for (size_t i = 0; i < t.n; i++) {
		kill(t.v[i].pid, SIGKILL);
		space_drop(t.v[i].space);
	}
	free(t.v);
	return err;
}
