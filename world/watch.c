/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/watch.c: reports when processes map files, fork, exec and end.
 * In:   side-band records of a system-wide dummy perf event, one ring for each CPU.
 * Out:  events in order of time; looks at processes that have mapped files.
 * Owns: the rings, until world_watch_close.
 *
 * A ring wakes us at its first byte, to attach early: firings between a
 * process's mmap and our attaching are missed.
 */
#include "world/inner.h"

#include "base/grow.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	RING_PAGES = 64,
	SAMPLE_ID = 24, /* bytes: pid, tid; time; cpu, reserved */
	LARGEST = 8192, /* bytes: above any record, which holds a path and some words */
};

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	const unsigned char *data;
	uint64_t size;
};

struct record {
	uint64_t time;
	size_t order;			/* of arrival, which sorts equal times */
	struct perf_event_header *copy; /* allocated, with a NUL after the record */
};

struct world_watch {
	int epoll, kick; /* kick: an eventfd that makes epoll readable */
	struct ring *rings;
	size_t nrings;
	struct record *records;
	size_t nrecords, cap, order;
	world_event_fn *fn;
	void *arg;
	struct world_follower follower;
	bool lost;   /* the kernel lost records, or may have, in this pass */
	bool rescan; /* look at all processes: just opened, or events were lost */
	pid_t *look; /* processes to look at */
	size_t nlook, look_cap;
	int *again; /* files that waited and are mapped again */
	size_t nagain, again_cap;
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

	r->fd = kern_perf_open(&attr, -1, cpu);
	if (r->fd < 0)
		return r->fd;
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

static bool ring_collect(struct world_watch *watch, struct ring *r)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail;
	struct perf_event_header h;

	/* The kernel writes PERF_RECORD_LOST with the next record that fits: on an idle CPU, never.
	 * So a ring that is nearly full counts as a loss. */
	watch->lost |= head - tail > r->size - LARGEST;
	for (; tail + sizeof(h) <= head; tail += h.size) {
		struct perf_event_header *copy;
		struct record *slot;

		ring_bytes(r, tail, &h, sizeof(h));
		if (h.size < sizeof(h) || tail + h.size > head)
			break;
		copy = malloc((size_t)h.size + 1);
		slot = copy ? GROW_PUSH(watch->records, watch->nrecords, watch->cap) : NULL;
		if (!slot) {
			free(copy);
			watch->rescan = true;
			break;
		}
		ring_bytes(r, tail, copy, h.size);
		((char *)copy)[h.size] = '\0';
		*slot = (struct record){ record_time(copy), watch->order++, copy };
	}
	__atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
	return tail == head;
}

/* ---- Opening -------------------------------------------------------------------- */

static int rings_open(struct world_watch *watch)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	watch->rings = calloc((size_t)n, sizeof(*watch->rings));
	if (!watch->rings)
		return -ENOMEM;
	for (int cpu = 0; cpu < n; cpu++) {
		struct epoll_event ev = { .events = EPOLLIN };
		int err = ring_open(&watch->rings[watch->nrings], cpu);

		if (err == -ENODEV) /* offline */
			continue;
		watch->nrings++;
		if (!err &&
		    epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->rings[watch->nrings - 1].fd, &ev))
			err = -errno;
		if (err)
			return err;
	}
	return watch->nrings ? 0 : -ENODEV;
}

void world_watch_close(struct world_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->nrings; i++) {
		if (watch->rings[i].page)
			munmap(watch->rings[i].page,
			       (size_t)sysconf(_SC_PAGESIZE) * (RING_PAGES + 1));
		if (watch->rings[i].fd >= 0)
			close(watch->rings[i].fd);
	}
	for (size_t i = 0; i < watch->nrecords; i++)
		free(watch->records[i].copy);
	if (watch->epoll >= 0)
		close(watch->epoll);
	if (watch->kick >= 0)
		close(watch->kick);
	free(watch->rings);
	free(watch->records);
	free(watch->look);
	free(watch->again);
	free(watch);
}

int world_watch_open(struct world *w)
{
	struct world_watch *watch = w->watch;
	struct epoll_event ev = { .events = EPOLLIN };
	int err;

	if (watch)
		return 0;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch->kick = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	watch->rescan = true; /* finds files mapped between the first look and now */
	err = watch->epoll < 0 || watch->kick < 0 ||
			      epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->kick, &ev) ?
		      -errno :
		      rings_open(watch);
	if (err) {
		world_watch_close(watch);
		diag_error(w->diag, NOWHERE, NULL, "cannot watch what processes map: %s",
			   strerror(-err));
		return err;
	}
	w->watch = watch;
	return 0;
}

void world_watch_events(struct world *w, world_event_fn *fn, void *arg)
{
	w->watch->fn = fn;
	w->watch->arg = arg;
}

void world_watch_files(struct world *w, const struct world_follower *follower)
{
	w->watch->follower = *follower;
}

int world_watch_fd(const struct world *w)
{
	return w->watch ? w->watch->epoll : -1;
}

/* ---- Looks at processes ------------------------------------------------------------- */

static bool anyone_wants(const struct world_watch *watch, pid_t pid, bool known)
{
	const struct world_follower *f = &watch->follower;

	return f->wants && f->wants(f->arg, pid, known);
}

static void look_at(struct world_watch *watch, pid_t pid)
{
	pid_t *slot;

	for (size_t i = 0; i < watch->nlook; i++)
		if (watch->look[i] == pid)
			return;
	slot = GROW_PUSH(watch->look, watch->nlook, watch->look_cap);
	if (slot)
		*slot = pid;
	else
		watch->rescan = true;
}

static bool again_push(struct world_watch *watch, int file)
{
	int *slot;

	for (size_t i = 0; i < watch->nagain; i++)
		if (watch->again[i] == file)
			return true;
	slot = GROW_PUSH(watch->again, watch->nagain, watch->again_cap);
	if (slot)
		*slot = file;
	return slot;
}

/* Reads the mappings of a process, or of all (0). Notes files seen before (index below known) that
 * wait to be opened, because they can be opened through these mappings. */
static int look_again(struct world *w, pid_t pid, size_t known)
{
	const struct world_mapping *maps;
	size_t n;

	world_files_stale(w);
	maps = world_mappings(w, pid, &n);
	for (size_t i = 0; i < n; i++)
		if ((size_t)maps[i].file < known && world_file_waits(w, maps[i].file) &&
		    !again_push(w->watch, maps[i].file))
			return -ENOMEM;
	return 0;
}

static int look(struct world *w)
{
	enum { EACH = 16 }; /* for more processes, one look at all is cheaper */
	struct world_watch *watch = w->watch;
	size_t known = world_files_count(w);
	bool all = watch->rescan || watch->nlook > EACH;
	int err = all ? look_again(w, 0, known) : 0;

	for (size_t i = 0; !all && i < watch->nlook && !err; i++)
		err = look_again(w, watch->look[i], known);
	if (!err)
		err = watch->follower.looked(watch->follower.arg,
					     &(struct world_look){ .all = watch->rescan,
								   .pids = watch->look,
								   .npids = watch->nlook,
								   .again = watch->again,
								   .nagain = watch->nagain });
	watch->rescan = false;
	watch->nlook = watch->nagain = 0;
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

/* Copies the body of a record, which begins with a process id, to `to`. false: the record is too
 * short, or the id is 0: the process is outside our pid namespace. */
static bool body(const struct perf_event_header *h, void *to, size_t n)
{
	uint32_t pid;

	if (h->size < sizeof(*h) + n + SAMPLE_ID)
		return false;
	memcpy(to, h + 1, n);
	memcpy(&pid, to, sizeof(pid));
	return pid;
}

static bool on_mmap(struct world *w, const struct perf_event_header *h, struct world_event *ev)
{
	struct mmap2 m;
	const char *path = (const char *)(h + 1) + sizeof(m);
	uint32_t dev;

	if (!body(h, &m, sizeof(m)))
		return false;
	*ev = (struct world_event){ .kind = WORLD_EV_MMAP,
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
	if (!m.ino || !anyone_wants(w->watch, ev->pid,
				    world_files_known(w, dev, m.ino, (uint32_t)m.generation)))
		return true;
	look_at(w->watch, ev->pid);
	return true;
}

static bool on_comm(struct world *w, const struct perf_event_header *h, struct world_event *ev)
{
	uint32_t ids[2];

	(void)w;
	if (!(h->misc & PERF_RECORD_MISC_COMM_EXEC) || !body(h, ids, sizeof(ids)))
		return false;
	*ev = (struct world_event){ .kind = WORLD_EV_EXEC,
				    .pid = (pid_t)ids[0],
				    .path = (const char *)(h + 1) + sizeof(ids) };
	return true;
}

static bool on_task(struct world *w, const struct perf_event_header *h, struct world_event *ev)
{
	uint32_t ids[4]; /* pid, ppid, tid, ptid */
	bool fork = h->type == PERF_RECORD_FORK;

	(void)w;
	/* Threads that start or end change no mappings. */
	if (!body(h, ids, sizeof(ids)) || (fork ? ids[0] == ids[1] : ids[0] != ids[2]))
		return false;
	*ev = (struct world_event){ .kind = fork ? WORLD_EV_FORK : WORLD_EV_EXIT,
				    .pid = (pid_t)ids[0],
				    .ppid = (pid_t)ids[1] };
	return true;
}

static bool on_lost(struct world *w, const struct perf_event_header *h, struct world_event *ev)
{
	(void)h;
	(void)ev;
	w->watch->lost = true;
	return false; /* pass sends one WORLD_EV_LOST, after the other events */
}

static bool (*const on[])(struct world *, const struct perf_event_header *,
			  struct world_event *) = {
	[PERF_RECORD_MMAP2] = on_mmap, [PERF_RECORD_COMM] = on_comm, [PERF_RECORD_FORK] = on_task,
	[PERF_RECORD_EXIT] = on_task,  [PERF_RECORD_LOST] = on_lost,
};

static void deliver(struct world *w, const struct record *r)
{
	struct world_event ev;

	if (r->copy->type >= COUNT(on) || !on[r->copy->type] || !on[r->copy->type](w, r->copy, &ev))
		return;
	ev.time = r->time;
	if (w->watch->fn)
		w->watch->fn(w->watch->arg, &ev);
}

static int by_time(const void *va, const void *vb)
{
	const struct record *a = va, *b = vb;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* When a pass starts (`until`), the rings hold all older records. A younger record waits for the
 * next pass, because a ring that was read before may hold an older record by now. */
static void pass(struct world *w)
{
	struct world_watch *watch = w->watch;
	uint64_t until = kern_now();
	size_t n;

	for (size_t i = 0; i < watch->nrings; i++)
		ring_collect(watch, &watch->rings[i]);
	if (watch->nrecords)
		qsort(watch->records, watch->nrecords, sizeof(*watch->records), by_time);
	for (n = 0; n < watch->nrecords && watch->records[n].time <= until; n++) {
		deliver(w, &watch->records[n]);
		free(watch->records[n].copy);
	}
	watch->nrecords -= n;
	if (watch->nrecords)
		memmove(watch->records, watch->records + n,
			watch->nrecords * sizeof(*watch->records));
	if (!watch->lost)
		return;
	watch->lost = false;
	watch->rescan = true;
	if (watch->fn)
		watch->fn(watch->arg,
			  &(struct world_event){ .kind = WORLD_EV_LOST, .time = until });
}

int world_watch_read(struct world *w)
{
	struct world_watch *watch = w->watch;
	uint64_t kicks;

	if (!watch)
		return 0;
	if (read(watch->kick, &kicks, sizeof(kicks)) < 0 && errno != EAGAIN)
		return -errno;
	do
		pass(w);
	while (watch->nrecords);
	if (!watch->follower.looked || (!watch->rescan && !watch->nlook))
		return 0;
	return look(w);
}
