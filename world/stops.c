/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/stops.c: where a command is stopped, so that probes can be attached
 * before any of its code has fired one (rule 12 of docs/architecture.md).
 * In:   a command that stands still at its exec; evaltime.
 * Out:  the command at that time; a stop at each later call of the loader's r_brk.
 * Owns: the program that sends the signal, and the uprobe on r_brk.
 *
 * The loader calls r_brk whenever its list of mapped objects is complete, or
 * is about to change.
 */
#include "world/target.h"
#include "usdt/loader.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- A uprobe that stops -------------------------------------------------------- */

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
		CALL(BPF_FUNC_probe_read_kernel), /* a failure leaves 0 */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, R2, R10, SLOT, 0),
		ALU(BPF_AND, R2, (int)world_signal_bit(SIGURG)),
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

/* A perf event, because its filter is the process's memory: all threads of the process, no child. */
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

/* A perf event of a uprobe needs CAP_SYS_ADMIN, a uprobe_multi link CAP_PERFMON. Up to 6.10 a link
 * sees the first thread only, which is the thread that starts a program. */
static int stop_at(struct world_command *c, pid_t pid, const char *path, uint64_t off)
{
	int fd = stop_by_perf(c, pid, path, off);

	if (fd != -EACCES && fd != -EPERM)
		return fd;
	if (!kern_has(KERN_F_uprobe_multi))
		return -ENOENT; /* attach at exec, then */
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

	snprintf(path, sizeof(path), "/proc/self/fd/%d", place->fd); /* for the kernel */
	return stop_at(c, pid, path, place->offset);
}

/* Stops at each later call of r_brk. -ENOENT: nothing loads this program, or the loader's
 * symbols are not there. */
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

/* To the function of that name if the executable says where it is, else to its entry, where
 * evaltime postinit stops. */
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
	/* A constructor's dlopen is no stop now, nor is a loader at work in another thread. */
	brk_close(c);
	err = world_threads_run(c, pid, news);
	close(fd);
	if (!err && *news == WORLD_NEWS_STOP)
		loader_watch(c, pid);
	return err;
}

/* From the stop at exec on: 0, and *news is an exec if the process has become another program. */
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
	enum { LIMIT_MS = 60000 }; /* constructors may take their time, but not for ever */
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
