/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/watch.c: what processes map, fork, exec and end with,
 * from now on.
 * In:   side-band records of a system-wide dummy perf event, one ring a CPU.
 * Out:  events in the order of their times; probes of files that appear.
 * Owns: the rings and the descriptions to match, until prov_watch_close.
 *
 * Rings wake us at the first byte: what a process fires between its mmap and
 * our attach is missed.
 */
#include "world/files.h"

#include "base/grow.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	RING_PAGES = 64,
	SAMPLE_ID = 24, /* pid, tid; time; cpu, reserved */
	LARGEST = 8192, /* more than a record has: a path and some words */
};

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	const unsigned char *data;
	uint64_t size;
};

struct record {
	uint64_t time;
	size_t order;			/* of arrival: equal times stay as they came */
	struct perf_event_header *copy; /* allocated, NUL after its end */
};

struct wanted {
	struct d_pdesc pd;
	prov_found *found;
	void *arg;
	const struct prov *prov;
	pid_t pid;   /* 0: all processes */
	size_t next; /* files below are done (all processes) */
	int *done;   /* files that the process has mapped and that are done */
	size_t ndone, cap;
};

struct prov_watch {
	int epoll, kick; /* kick: an eventfd that makes us readable */
	struct ring *rings;
	size_t nrings;
	struct record *records;
	size_t nrecords, cap, order;
	prov_event_fn *fn;
	void *arg;
	struct wanted *wanted;
	size_t nwanted, wanted_cap;
	bool lost;   /* records were, in this pass */
	bool rescan; /* look at all processes: just opened, or records were lost */
	pid_t *look; /* processes to look at */
	size_t nlook, look_cap;
	int *files; /* to match: those that waited; then a description's own */
	size_t nfiles, files_cap;
};

/* ---- Rings ------------------------------------------------------------------- */

static int ring_open(struct ring *r, int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map;

	r->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (r->fd < 0)
		return -errno;
	map = mmap(NULL, page * (RING_PAGES + 1), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->page = map;
	r->data = (const unsigned char *)map + page;
	r->size = page * RING_PAGES;
	return 0;
}

static void ring_bytes(const struct ring *r, uint64_t at, void *to, size_t n)
{
	size_t off = at & (r->size - 1), first = r->size - off < n ? r->size - off : n;

	memcpy(to, r->data + off, first);
	memcpy((char *)to + first, r->data, n - first);
}

static uint64_t record_time(const struct perf_event_header *h)
{
	uint64_t time = 0;

	if (h->size >= sizeof(*h) + SAMPLE_ID)
		memcpy(&time, (const char *)h + h->size - SAMPLE_ID + 8, sizeof(time));
	return time;
}

static bool ring_collect(struct prov_watch *w, struct ring *r)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail;
	struct perf_event_header h;

	/* The record that tells of lost ones comes with the next that fits: on an idle CPU, never. */
	w->lost |= head - tail > r->size - LARGEST;
	for (; tail + sizeof(h) <= head; tail += h.size) {
		struct perf_event_header *copy;
		struct record *slot;

		ring_bytes(r, tail, &h, sizeof(h));
		if (h.size < sizeof(h) || tail + h.size > head)
			break;
		copy = malloc((size_t)h.size + 1);
		slot = copy ? GROW_PUSH(w->records, w->nrecords, w->cap) : NULL;
		if (!slot) {
			free(copy);
			w->rescan = true;
			break;
		}
		ring_bytes(r, tail, copy, h.size);
		((char *)copy)[h.size] = '\0';
		*slot = (struct record){ record_time(copy), w->order++, copy };
	}
	__atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
	return tail == head;
}

/* ---- Opening -------------------------------------------------------------------- */

static int rings_open(struct prov_env *env, struct prov_watch *w)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	(void)env;
	w->rings = calloc((size_t)n, sizeof(*w->rings));
	if (!w->rings)
		return -ENOMEM;
	for (int cpu = 0; cpu < n; cpu++) {
		struct epoll_event ev = { .events = EPOLLIN };
		int err = ring_open(&w->rings[w->nrings], cpu);

		if (err == -ENODEV) /* offline */
			continue;
		w->nrings++;
		if (!err && epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->rings[w->nrings - 1].fd, &ev))
			err = -errno;
		if (err)
			return err;
	}
	return w->nrings ? 0 : -ENODEV;
}

void prov_watch_close(struct prov_watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->nrings; i++) {
		if (w->rings[i].page)
			munmap(w->rings[i].page, (size_t)sysconf(_SC_PAGESIZE) * (RING_PAGES + 1));
		if (w->rings[i].fd >= 0)
			close(w->rings[i].fd);
	}
	for (size_t i = 0; i < w->nrecords; i++)
		free(w->records[i].copy);
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->kick >= 0)
		close(w->kick);
	free(w->rings);
	free(w->records);
	free(w->look);
	free(w->files);
	free(w);
}

int prov_watch_open(struct prov_env *env, prov_event_fn *fn, void *arg)
{
	struct prov_watch *w = env->watch;
	struct epoll_event ev = { .events = EPOLLIN };
	int err;

	if (w) {
		w->fn = fn ? fn : w->fn;
		w->arg = fn ? arg : w->arg;
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->kick = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	w->rescan = true; /* what came between the first look and now */
	err = w->epoll < 0 || w->kick < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->kick, &ev) ?
		      -errno :
		      rings_open(env, w);
	if (err) {
		prov_watch_close(w);
		diag_error(env->diag, NOWHERE, NULL, "cannot watch what processes map: %s",
			   strerror(-err));
		return err;
	}
	env->watch = w;
	return 0;
}

int prov_watch_fd(const struct prov_env *env)
{
	return env->watch ? env->watch->epoll : -1;
}

/* ---- Matching what appears --------------------------------------------------------- */

static int wanted_match(struct prov_env *env, struct wanted *d, const int *files, size_t n)
{
	return d->prov->match_files(env, &d->pd, files, n, d->pid, d->found, d->arg);
}

/* To those from `from` on, unless it is there. */
static bool file_push(struct prov_watch *w, size_t from, int file)
{
	int *slot;

	for (size_t i = from; i < w->nfiles; i++)
		if (w->files[i] == file)
			return true;
	slot = GROW_PUSH(w->files, w->nfiles, w->files_cap);
	if (slot)
		*slot = file;
	return slot;
}

static bool is_done(const struct wanted *d, int file)
{
	for (size_t i = 0; i < d->ndone; i++)
		if (d->done[i] == file)
			return true;
	return false;
}

/* Files that the description's process has mapped and that are new to it. */
static int wanted_of_process(struct prov_env *env, struct wanted *d, bool match)
{
	struct prov_watch *w = env->watch;
	size_t n, from = w->nfiles;
	const struct prov_mapping *maps = prov_mappings(env, d->pid, &n);
	int err = 0, *slot;

	for (size_t i = 0; i < n && !err; i++)
		if (!is_done(d, maps[i].file) && !file_push(w, from, maps[i].file))
			err = -ENOMEM;
	if (match && !err)
		err = wanted_match(env, d, w->files + from, w->nfiles - from);
	for (size_t i = from; i < w->nfiles && !err; i++) {
		if (prov_file_waits(env, w->files[i]))
			continue;
		slot = ARENA_PUSH(env->arena, d->done, d->ndone, d->cap);
		if (slot)
			*slot = w->files[i];
		else
			err = -ENOMEM;
	}
	w->nfiles = from;
	return err;
}

/* Files that waited until now, and those that are new to the description. */
static int wanted_of_all(struct prov_env *env, struct wanted *d)
{
	struct prov_watch *w = env->watch;
	size_t nwaited = w->nfiles;
	int err = 0, *slot;

	for (; d->next < prov_files_count(env) && !err; d->next++) {
		slot = GROW_PUSH(w->files, w->nfiles, w->files_cap);
		if (slot)
			*slot = (int)d->next;
		else
			err = -ENOMEM;
	}
	if (!err && w->nfiles)
		err = wanted_match(env, d, w->files, w->nfiles);
	w->nfiles = nwaited;
	return err;
}

int prov_watch_for(struct prov_env *env, const struct d_pdesc *pd, const struct prov_probe *first,
		   prov_found *found, void *arg)
{
	const struct prov *prov = prov_later(env, pd);
	struct wanted *d;
	int err;

	if (!prov)
		return 0;
	err = prov_watch_open(env, NULL, NULL);
	if (err)
		return err;
	d = ARENA_PUSH(env->arena, env->watch->wanted, env->watch->nwanted, env->watch->wanted_cap);
	if (!d)
		return -ENOMEM;
	*d = (struct wanted){ .pd = *pd,
			      .found = found,
			      .arg = arg,
			      .prov = prov,
			      .pid = prov->process(env, pd, first),
			      .next = prov_files_count(env) };
	return d->pid ? wanted_of_process(env, d, false) : 0;
}

static bool anyone_wants(const struct prov_watch *w, pid_t pid, bool known)
{
	for (size_t i = 0; i < w->nwanted; i++)
		if (w->wanted[i].pid ? w->wanted[i].pid == pid : !known)
			return true;
	return false;
}

static void look_at(struct prov_watch *w, pid_t pid)
{
	pid_t *slot;

	for (size_t i = 0; i < w->nlook; i++)
		if (w->look[i] == pid)
			return;
	slot = GROW_PUSH(w->look, w->nlook, w->look_cap);
	if (slot)
		*slot = pid;
	else
		w->rescan = true;
}

/* A process, or all (0). What was seen before but could not be opened may be mapped here. */
static int look_again(struct prov_env *env, pid_t pid, size_t known)
{
	const struct prov_mapping *maps;
	size_t n;

	prov_files_stale(env);
	maps = prov_mappings(env, pid, &n);
	for (size_t i = 0; i < n; i++)
		if ((size_t)maps[i].file < known && prov_file_waits(env, maps[i].file) &&
		    !file_push(env->watch, 0, maps[i].file))
			return -ENOMEM;
	return 0;
}

static int match_new(struct prov_env *env)
{
	struct prov_watch *w = env->watch;
	size_t known = prov_files_count(env);
	int err = 0;

	if (w->rescan || w->nlook > 16) /* one look at all is cheaper than many */
		err = look_again(env, 0, known);
	for (size_t i = 0; !w->rescan && w->nlook <= 16 && i < w->nlook && !err; i++)
		err = look_again(env, w->look[i], known);
	for (size_t i = 0; i < w->nwanted && !err; i++) {
		struct wanted *d = &w->wanted[i];
		bool of_it = w->rescan;

		for (size_t k = 0; k < w->nlook; k++)
			of_it |= w->look[k] == d->pid;
		if (d->pid && of_it)
			err = wanted_of_process(env, d, true);
		if (!d->pid)
			err = wanted_of_all(env, d);
	}
	w->rescan = false;
	w->nlook = w->nfiles = 0;
	return err;
}

/* ---- Events ------------------------------------------------------------------------- */

struct mmap2 { /* PERF_RECORD_MMAP2, after the header */
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t major, minor;
	uint64_t ino, generation;
	uint32_t prot, flags;
};

/* Each begins with a process id; 0 is a process outside our pid namespace, none of our business. */
static bool body(const struct perf_event_header *h, void *to, size_t n)
{
	uint32_t pid;

	if (h->size < sizeof(*h) + n + SAMPLE_ID)
		return false;
	memcpy(to, h + 1, n);
	memcpy(&pid, to, sizeof(pid));
	return pid;
}

static bool on_mmap(struct prov_env *env, const struct perf_event_header *h, struct prov_event *ev)
{
	struct mmap2 m;
	const char *path = (const char *)(h + 1) + sizeof(m);
	uint32_t dev;

	if (!body(h, &m, sizeof(m)))
		return false;
	*ev = (struct prov_event){ .kind = PROV_EV_MMAP,
				   .pid = (pid_t)m.pid,
				   .addr = m.addr,
				   .len = m.len,
				   .pgoff = m.pgoff,
				   .ino = m.ino,
				   .prot = m.prot,
				   .dev_major = m.major,
				   .dev_minor = m.minor,
				   .path = path };
	dev = m.major << 20 | m.minor;
	if (!m.ino || !anyone_wants(env->watch, ev->pid,
				    prov_files_known(env, dev, m.ino, (uint32_t)m.generation)))
		return true;
	look_at(env->watch, ev->pid);
	return true;
}

static bool on_comm(struct prov_env *env, const struct perf_event_header *h, struct prov_event *ev)
{
	uint32_t ids[2];

	(void)env;
	if (!(h->misc & PERF_RECORD_MISC_COMM_EXEC) || !body(h, ids, sizeof(ids)))
		return false;
	*ev = (struct prov_event){ .kind = PROV_EV_EXEC,
				   .pid = (pid_t)ids[0],
				   .path = (const char *)(h + 1) + sizeof(ids) };
	return true;
}

static bool on_task(struct prov_env *env, const struct perf_event_header *h, struct prov_event *ev)
{
	uint32_t ids[4]; /* pid, ppid, tid, ptid */
	bool fork = h->type == PERF_RECORD_FORK;

	(void)env;
	/* Threads share their process's mappings: they are no news. */
	if (!body(h, ids, sizeof(ids)) || (fork ? ids[0] == ids[1] : ids[0] != ids[2]))
		return false;
	*ev = (struct prov_event){ .kind = fork ? PROV_EV_FORK : PROV_EV_EXIT,
				   .pid = (pid_t)ids[0],
				   .ppid = (pid_t)ids[1] };
	return true;
}

static bool on_lost(struct prov_env *env, const struct perf_event_header *h, struct prov_event *ev)
{
	(void)h;
	(void)ev;
	env->watch->lost = true;
	return false; /* told once, after all others */
}

static bool (*const on[])(struct prov_env *, const struct perf_event_header *,
			  struct prov_event *) = {
	[PERF_RECORD_MMAP2] = on_mmap, [PERF_RECORD_COMM] = on_comm, [PERF_RECORD_FORK] = on_task,
	[PERF_RECORD_EXIT] = on_task,  [PERF_RECORD_LOST] = on_lost,
};

static void deliver(struct prov_env *env, const struct record *r)
{
	struct prov_event ev;

	if (r->copy->type >= COUNT(on) || !on[r->copy->type] ||
	    !on[r->copy->type](env, r->copy, &ev))
		return;
	ev.time = r->time;
	if (env->watch->fn)
		env->watch->fn(env->watch->arg, &ev);
}

static int by_time(const void *va, const void *vb)
{
	const struct record *a = va, *b = vb;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Records as old as the pass's start are all in the rings by then; a younger one may have an
 * elder in a ring that was read before, so it waits for the next pass. */
static void pass(struct prov_env *env)
{
	struct prov_watch *w = env->watch;
	uint64_t until = now();
	size_t n;

	for (size_t i = 0; i < w->nrings; i++)
		ring_collect(w, &w->rings[i]);
	if (w->nrecords)
		qsort(w->records, w->nrecords, sizeof(*w->records), by_time);
	for (n = 0; n < w->nrecords && w->records[n].time <= until; n++) {
		deliver(env, &w->records[n]);
		free(w->records[n].copy);
	}
	w->nrecords -= n;
	if (w->nrecords)
		memmove(w->records, w->records + n, w->nrecords * sizeof(*w->records));
	if (!w->lost)
		return;
	w->lost = false;
	w->rescan = true;
	if (w->fn)
		w->fn(w->arg, &(struct prov_event){ .kind = PROV_EV_LOST, .time = until });
}

int prov_watch_read(struct prov_env *env)
{
	struct prov_watch *w = env->watch;
	uint64_t kicks;

	if (!w)
		return 0;
	if (read(w->kick, &kicks, sizeof(kicks)) < 0 && errno != EAGAIN)
		return -errno;
	do
		pass(env);
	while (w->nrecords);
	if (!w->nwanted || (!w->rescan && !w->nlook))
		return 0;
	return match_new(env);
}
