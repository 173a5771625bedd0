/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/stops.c: stops a command before its own code runs, so that probes are
 * attached before the first of them fires (rule 12 of docs/architecture.md).
 * In:   a command that stands still at its exec; evaltime.
 * Out:  the command stopped at evaltime, and at each later call of the loader's r_brk.
 * Owns: the BPF programs that send the signal, and the uprobe on r_brk.
 *
 * The loader calls r_brk before it changes its list of mapped objects, and
 * again once the list is complete.
 */
#include "ebpf/ebpf.h"
#include "usdt/loader.h"
#include "world/target.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- A uprobe that stops -------------------------------------------------------- */

static bool number(void *arg, const char *name, uint64_t *value)
{
	(void)arg;
	*value = !strcmp(name, "signal") ? SIGURG : SIGCONT;
	return !strcmp(name, "signal") || !strcmp(name, "other_signal") ||
	       !kern_offset(name, value);
}

/* rt_prog_stop reads the mask of signals that the thread blocks. A kernel without a way to
 * read the mask is given the plain program, which always sends SIGURG. */
static int prog_load(bool multi)
{
	const struct ebpf_kind kind = { .type = BPF_PROG_TYPE_KPROBE,
					.attach = multi ? KERN_UPROBE_MULTI : 0 };
	const struct ebpf_names names = { .number = number };
	int fd = ebpf_load("rt_prog_stop", &kind, &names, NULL, 0);

	return fd >= 0 ? fd : ebpf_load("rt_prog_stop_plain", &kind, &names, NULL, 0);
}

/* Uses a perf event, because its filter compares memory: all threads of the process pass, and no
 * child does. */
static int stop_by_perf(struct world_command *c, pid_t pid, const char *path, uint64_t off)
{
	int fd, err;

	if (c->prog < 0)
		c->prog = prog_load(false);
	if (c->prog < 0)
		return c->prog;
	fd = kern_uprobe_open(path, off, 0, pid);
	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, c->prog) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* A perf event of a uprobe needs CAP_SYS_ADMIN. Without it, takes a uprobe_multi link, which needs
 * CAP_PERFMON. Up to 6.10 such a link fires in the first thread only: the thread that starts a
 * program. */
static int stop_at(struct world_command *c, pid_t pid, const char *path, uint64_t off)
{
	int fd = stop_by_perf(c, pid, path, off);

	if (fd != -EACCES && fd != -EPERM)
		return fd;
	if (!kern_has(KERN_F_uprobe_multi))
		return -ENOENT; /* the caller leaves the command stopped at exec */
	if (c->prog_multi < 0)
		c->prog_multi = prog_load(true);
	return c->prog_multi < 0 ? c->prog_multi :
				   kern_uprobe_multi(c->prog_multi, path, &off, NULL, NULL, 1, pid);
}

/* ---- The loader ----------------------------------------------------------------- */

static void brk_close(struct world_command *c)
{
	if (c->brk >= 0)
		close(c->brk);
	c->brk = -1;
	c->state_addr = 0;
}

static int stop_at_place(struct world_command *c, pid_t pid, const struct usdt_place *place)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", place->fd); /* the uprobe wants a path */
	return stop_at(c, pid, path, place->offset);
}

/* Makes each later call of r_brk a stop. -ENOENT: the program has no loader, or the loader has no
 * symbols. */
static int loader_watch(struct world_command *c, pid_t pid)
{
	struct usdt_place brk;
	int fd = usdt_loader_find(pid, &brk, &c->state_addr);

	if (fd)
		return -ENOENT;
	fd = stop_at_place(c, pid, &brk);
	close(brk.fd);
	if (fd < 0)
		return fd;
	c->brk = fd;
	return 0;
}

/* Runs to the function of that name if the executable has a symbol for it, else to the entry of the
 * executable, where evaltime postinit stops. */
static int run_to_code(struct world_command *c, pid_t pid, const char *name, enum world_news *news)
{
	struct usdt_place start;
	int fd, err;

	if (usdt_start_find(pid, name, &start))
		return -ENOENT;
	fd = stop_at_place(c, pid, &start);
	close(start.fd);
	if (fd < 0)
		return fd;
	/* On the way there, a dlopen by a constructor or another thread is not to be a stop. */
	brk_close(c);
	err = world_threads_run(c, pid, news);
	close(fd);
	if (!err && *news == WORLD_NEWS_STOP)
		loader_watch(c, pid);
	return err;
}

/* Runs from the stop at exec to `when`. 0; *news is an exec if the process executed another program
 * on the way. */
static int run_on(struct world_command *c, pid_t pid, enum world_evaltime when,
		  enum world_news *news)
{
	int err;

	*news = WORLD_NEWS_STOP;
	brk_close(c);
	world_threads_forget_owed(c);
	if (when == WORLD_AT_EXEC)
		return 0;
	err = loader_watch(c, pid);
	if (!err)
		err = world_threads_run(c, pid, news);
	if ((err && err != -ENOENT) || *news == WORLD_NEWS_EXEC)
		return err;
	if (when == WORLD_AT_POSTINIT || when == WORLD_AT_MAIN)
		err = run_to_code(c, pid, when == WORLD_AT_MAIN ? "main" : NULL, news);
	return err == -ENOENT ? 0 : err;
}

int world_stops_run_to(struct world_command *c, pid_t pid, enum world_evaltime when)
{
	enum { LIMIT_MS = 60000 }; /* constructors may be slow, but must end */
	enum world_news news;
	int err;

	c->deadline = kern_now_ms() + LIMIT_MS;
	do {
		err = run_on(c, pid, when, &news);
	} while (!err && news == WORLD_NEWS_EXEC);
	return err;
}

void world_stops_close(struct world_command *c)
{
	brk_close(c);
	if (c->prog >= 0)
		close(c->prog);
	if (c->prog_multi >= 0)
		close(c->prog_multi);
	c->prog = c->prog_multi = -1;
}
