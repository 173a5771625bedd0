/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/links.c: keeps links, starts clocks, detaches everything.
 * In:   descriptors of links; clocks' events.
 * Out:  running clocks. After the close nothing is attached and no program
 *       runs.
 * Owns: the descriptors.
 *
 * Closing a user-land link waits for programs that run at its sites. Closing
 * a clock waits for its interrupt. Closing a raw tracepoint does not wait, so
 * prov_links_close waits for a grace period of RCU. That covers every program
 * at a raw tracepoint, because the kernel runs it under rcu_read_lock, even
 * if the tracepoint itself may sleep (system calls, since 6.13). A program
 * that starts later sees that tracing has ended.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include "base/grow.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <linux/version.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct prov_links {
	struct link {
		int fd;
		pid_t pid;
	} * v; /* pid: the sites' process; 0: all */
	size_t n, cap;
	size_t next; /* closing: the index that the next free thread takes */
	bool raw;    /* some links are raw tracepoints */
	struct clock {
		int event;
		uint64_t period_ns;
	} * clocks; /* events that start and stop clocks; the links are in v */
	size_t nclocks, clocks_cap;
};

struct prov_links *prov_links_new(void)
{
	return calloc(1, sizeof(struct prov_links));
}

int prov_link_keep(struct prov_links *l, int fd, pid_t pid)
{
	struct link *slot = GROW_PUSH(l->v, l->n, l->cap);

	if (slot)
		*slot = (struct link){ fd, pid };
	else
		close(fd);
	return slot ? 0 : -ENOMEM;
}

static void *closer(void *arg)
{
	struct prov_links *l = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED)) < l->n)
		close(l->v[i].fd);
	return NULL;
}

/*
 * Waits until the programs that run now and may not sleep have ended. The kernel does that when an
 * array of maps is changed. If the maps cannot be made, membarrier waits instead, except on kernels
 * with nohz_full=, which refuse it.
 */
static void programs_await(void)
{
	const uint32_t zero = 0;
	int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "d_await_in", 4, 4, 1, NULL), outer = -1;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)inner);

	if (inner >= 0)
		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "d_await", 4, 4, 1, &opts);
	if (outer < 0 || bpf_map_update_elem(outer, &zero, &inner, BPF_ANY))
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	if (outer >= 0)
		close(outer);
	if (inner >= 0)
		close(inner);
}

static int slower(const void *a, const void *b)
{
	const struct clock *l = a, *r = b;

	return l->period_ns > r->period_ns ? -1 : l->period_ns < r->period_ns;
}

/*
 * Since 6.10 the kernel counts a firing only if the program returns 1. A clock with a limit of one
 * firing therefore stops itself when its program returns 1.
 */
static int clock_start(const struct clock *c)
{
	bool stops_itself = kern_version() >= KERNEL_VERSION(6, 10, 0);

	return stops_itself ? ioctl(c->event, PERF_EVENT_IOC_REFRESH, 1) :
			      ioctl(c->event, PERF_EVENT_IOC_ENABLE);
}

int prov_links_start(struct prov_links *l)
{
	if (l->nclocks)
		qsort(l->clocks, l->nclocks, sizeof(*l->clocks), slower);
	for (size_t i = 0; i < l->nclocks; i++)
		if (clock_start(&l->clocks[i]))
			return -errno;
	return 0;
}

/* The fastest clock first: its ticks slow the remaining work down most. */
static void clocks_stop(struct prov_links *l)
{
	for (size_t i = l->nclocks; i > 0; i--) {
		ioctl(l->clocks[i - 1].event, PERF_EVENT_IOC_DISABLE);
		close(l->clocks[i - 1].event);
	}
	free(l->clocks);
}

void prov_links_close(struct prov_links *l)
{
	enum { THREADS = 32, FEW = 4 };
	pthread_t thread[THREADS];
	size_t n = 0;

	if (!l)
		return;
	clocks_stop(l);
	while (n < THREADS && n * FEW < l->n && l->n > FEW &&
	       !pthread_create(&thread[n], NULL, closer, l))
		n++;
	closer(l);
	while (n)
		pthread_join(thread[--n], NULL);
	if (l->raw)
		programs_await();
	free(l->v);
	free(l);
}

void prov_links_drop(struct prov_links *l, pid_t pid)
{
	size_t left = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].pid == pid)
			close(l->v[i].fd);
		else
			l->v[left++] = l->v[i];
	l->n = left;
}

/* ---- Kept in the list ---------------------------------------------------------------- */

void prov_links_raw(struct prov_links *l)
{
	l->raw = true;
}

int prov_clock_keep(struct prov_links *l, int event, uint64_t period_ns)
{
	struct clock *clock = GROW_PUSH(l->clocks, l->nclocks, l->clocks_cap);

	if (!clock)
		return -ENOMEM;
	*clock = (struct clock){ event, period_ns };
	return 0;
}

int prov_perf_link(int event, int prog, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = cookie);
	int fd;

	if (kern_has(KERN_F_cookie))
		return bpf_link_create(prog, event, BPF_PERF_EVENT, &opts);
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, prog))
		return -errno;
	fd = fcntl(event, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int prov_perf_attach(int event, int prog, uint64_t cookie, struct prov_links *links, pid_t pid)
{
	int fd = prov_perf_link(event, prog, cookie), err = fd < 0 ? fd : 0;

	if (!err && ioctl(event, PERF_EVENT_IOC_ENABLE))
		err = -errno;
	close(event); /* the link holds the event */
	if (!err)
		return prov_link_keep(links, fd, pid);
	if (fd >= 0)
		close(fd);
	return err;
}
