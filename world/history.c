/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/history.c: remembers which file each process had mapped at which
 * address, and when (rule 13 of docs/architecture.md).
 * In:   events in order of time; a pass over /proc at the start and after lost events.
 * Out:  the file at an address at a time, also for processes that have ended.
 * Owns: the history, and the symbols of each mapped file. A file is opened
 *       through its mapping when first seen, so that a path that is removed
 *       later, or is of another mount namespace, does not matter.
 */
#include "world/inner.h"

#include "base/grow.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/threads.h"
#include "ebpf/abi.h"
#include "usdt/maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
	size_t refs; /* number of mappings, in all lives; the file is freed at 0 */
	char *key;
	size_t key_len;
	char *module; /* base name of its path */
	struct world_symbols *symbols;
};

struct mapping {
	uint64_t time, addr, len, pgoff;
	struct file *file; /* NULL: anonymous memory */
};

/* A process, from fork to exit. */
struct life {
	struct life *older;   /* the earlier process with the same pid */
	uint64_t start;	      /* boot time, ns; 0: unknown */
	uint64_t from;	      /* monotonic */
	uint64_t ended;	      /* monotonic; 0: the process runs */
	unsigned seen;	      /* the last scan that found the process */
	struct mapping *maps; /* in order of time */
	size_t n, cap, kept;  /* kept: n after the last maps_forget */
	uint64_t *execs;      /* times of exec, which unmaps everything */
	size_t nexecs, execs_cap;
};

struct world_history {
	struct hash *by_pid; /* the youngest life of each pid */
	struct hash *files;  /* struct file by device, inode and path */
	int64_t boot_offset; /* boot time - monotonic, ns */
	size_t nended;	     /* lives that have ended and are not freed yet */
	unsigned scan;
};

#define NANOSEC 1000000000
#define TICK (NANOSEC / 50) /* /proc rounds starts to ticks; lives of one pid are further apart */

struct world_history *world_history_new(void)
{
	struct world_history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->by_pid = hash_new();
	h->files = hash_new();
	h->boot_offset = kern_boot_offset();
	if (h->by_pid && h->files)
		return h;
	world_history_free(h);
	return NULL;
}

static void life_free(struct life *l)
{
	free(l->maps);
	free(l->execs);
	free(l);
}

static void lives_free(void *arg)
{
	for (struct life *l = arg, *older; l; l = older) {
		older = l->older;
		life_free(l);
	}
}

static void file_free(void *arg)
{
	struct file *f = arg;

	free(f->key);
	free(f->module);
	world_symbols_free(f->symbols);
	free(f);
}

void world_history_free(struct world_history *h)
{
	if (!h)
		return;
	hash_free(h->by_pid, lives_free);
	hash_free(h->files, file_free);
	free(h);
}

/* ---- Files ------------------------------------------------------------------- */

static int open_mapped(const struct world_event *ev)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)ev->pid,
		 ev->addr, ev->addr + ev->len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/root%s", (int)ev->pid, ev->path);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return fd >= 0 ? fd : open(ev->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static struct file *file_new(const struct world_event *ev)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->module = strdup(text_base(ev->path));
	f->symbols = strcmp(ev->path, "[vdso]") ? world_symbols_new(open_mapped(ev)) :
						  world_symbols_new_vdso();
	if (!f->module || !f->symbols) {
		file_free(f);
		return NULL;
	}
	usdt_maps_undelete(f->module);
	return f;
}

/* NULL: anonymous memory (//anon, [heap], [stack] …), or allocation failed. */
static struct file *file_of(struct world_history *h, const struct world_event *ev)
{
	char key[4200];
	int n;
	struct file *f;

	if (!ev->path || (ev->path[0] != '/' && strcmp(ev->path, "[vdso]")) ||
	    !strncmp(ev->path, "//", 2))
		return NULL;
	n = snprintf(key, sizeof(key), "%x:%x:%" PRIu64 " %s", ev->dev_major, ev->dev_minor,
		     ev->ino, ev->path);
	if (n < 0 || n >= (int)sizeof(key))
		return NULL;
	f = hash_get(h->files, key, (size_t)n);
	if (f || !(f = file_new(ev)))
		return f;
	f->key = strndup(key, (size_t)n);
	f->key_len = (size_t)n;
	if (!f->key || hash_set(h->files, key, (size_t)n, f, NULL)) {
		file_free(f);
		return NULL;
	}
	return f;
}

static void file_drop(struct world_history *h, struct file *f)
{
	if (!f || --f->refs)
		return;
	hash_remove(h->files, f->key, f->key_len);
	file_free(f);
}

/* ---- Lives ------------------------------------------------------------------- */

static struct life *life_of(const struct world_history *h, pid_t pid)
{
	return hash_get(h->by_pid, &pid, sizeof(pid));
}

static void life_end(struct world_history *h, struct life *l, uint64_t time)
{
	if (l->ended)
		return;
	l->ended = time ? time : 1;
	h->nended++;
}

/* Adds a new life of a pid, in front of the earlier lives. */
static struct life *life_begin(struct world_history *h, pid_t pid, uint64_t from, uint64_t start)
{
	struct life *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->from = from;
	l->start = start;
	l->seen = h->scan;
	l->older = life_of(h, pid);
	if (hash_set(h->by_pid, &pid, sizeof(pid), l, NULL)) {
		free(l);
		return NULL;
	}
	if (l->older)
		life_end(h, l->older, from);
	return l;
}

/* The life that an event belongs to; a new life if no earlier event told of the process. */
static struct life *life_at(struct world_history *h, pid_t pid)
{
	struct life *l = life_of(h, pid);

	return l ? l : life_begin(h, pid, 0, 0);
}

/* ---- Events ------------------------------------------------------------------- */

static void map_add(struct life *l, const struct mapping *m)
{
	struct mapping *slot = GROW_PUSH(l->maps, l->n, l->cap);

	if (!slot)
		return;
	*slot = *m;
	if (m->file)
		m->file->refs++;
}

static void feed_mmap(struct world_history *h, const struct world_event *ev)
{
	struct life *l = life_at(h, ev->pid);
	struct mapping m = { ev->time, ev->addr, ev->len, ev->pgoff, l ? file_of(h, ev) : NULL };

	if (l)
		map_add(l, &m);
}

static uint64_t last_exec(const struct life *l, uint64_t time)
{
	uint64_t at = 0;

	for (size_t i = 0; i < l->nexecs && l->execs[i] <= time; i++)
		at = l->execs[i];
	return at;
}

/* A child begins with its parent's mappings. A thread (pid is ppid) begins no life. */
static void feed_fork(struct world_history *h, const struct world_event *ev)
{
	struct life *parent = life_of(h, ev->ppid), *child;
	uint64_t since;

	if (ev->pid == ev->ppid)
		return;
	child = life_begin(h, ev->pid, ev->time, ev->time + (uint64_t)h->boot_offset);
	if (!parent || !child)
		return;
	since = last_exec(parent, ev->time);
	for (size_t i = 0; i < parent->n; i++) {
		struct mapping m = parent->maps[i];

		if (m.time < since)
			continue;
		m.time = ev->time;
		map_add(child, &m);
	}
}

static void feed_exec(struct world_history *h, const struct world_event *ev)
{
	struct life *l = life_at(h, ev->pid);
	uint64_t *slot = l ? GROW_PUSH(l->execs, l->nexecs, l->execs_cap) : NULL;

	if (slot)
		*slot = ev->time;
}

/* The event tells that the first thread has ended. Other threads may run on: world_history_forget
 * checks before it frees the life. */
static void feed_exit(struct world_history *h, const struct world_event *ev)
{
	struct life *l = life_of(h, ev->pid);

	if (l)
		life_end(h, l, ev->time);
}

static void feed_lost(struct world_history *h, const struct world_event *ev)
{
	world_history_scan_all(h, ev->time);
}

void world_history_feed(struct world_history *h, const struct world_event *ev)
{
	static void (*const feed[])(struct world_history *, const struct world_event *) = {
		[WORLD_EV_MMAP] = feed_mmap, [WORLD_EV_FORK] = feed_fork,
		[WORLD_EV_EXEC] = feed_exec, [WORLD_EV_EXIT] = feed_exit,
		[WORLD_EV_LOST] = feed_lost,
	};

	feed[ev->kind](h, ev);
}

/* ---- Processes that run already -------------------------------------------------- */

/* The youngest known mapping that overlaps m is the same mapping. */
static bool mapping_known(const struct life *l, const struct mapping *m)
{
	for (size_t i = l->n; i > 0; i--) {
		const struct mapping *old = &l->maps[i - 1];

		if (m->addr < old->addr + old->len && old->addr < m->addr + m->len)
			return old->addr == m->addr && old->len == m->len &&
			       old->pgoff == m->pgoff && old->file == m->file;
	}
	return false;
}

/* The life that began at `start`; a new life if the youngest life of the pid began earlier. */
static struct life *life_since(struct world_history *h, pid_t pid, uint64_t start)
{
	struct life *l = life_of(h, pid);

	if (l && !l->start)
		l->start = start;
	if (!l)
		return life_begin(h, pid, 0, start);
	if (start <= l->start + TICK)
		return l;
	return life_begin(h, pid, start - (uint64_t)h->boot_offset, start);
}

struct scan {
	struct world_history *h;
	struct life *life;
	uint64_t time;
	pid_t tid;
	bool any;
};

static bool scan_line(void *arg, const struct usdt_maps_line *line)
{
	struct scan *s = arg;
	struct world_event ev = { .kind = WORLD_EV_MMAP,
				  .time = s->time,
				  .pid = s->tid,
				  .addr = line->start,
				  .len = line->end - line->start,
				  .pgoff = line->offset,
				  .dev_major = (uint32_t)(line->device >> 20),
				  .dev_minor = (uint32_t)(line->device & 0xfffff),
				  .ino = line->inode,
				  .path = line->path };
	struct mapping m = { ev.time, ev.addr, ev.len, ev.pgoff, NULL };

	s->any = true;
	if (!line->executable)
		return true;
	m.file = file_of(s->h, &ev);
	if (!mapping_known(s->life, &m))
		map_add(s->life, &m);
	return true;
}

/* false: the thread has no mappings: a kernel thread, or a thread that has ended. */
static bool scan_thread(void *arg, pid_t tid)
{
	struct scan *s = arg;

	s->tid = tid;
	usdt_maps_each(tid, scan_line, s);
	return s->any;
}

static void scan_process(struct world_history *h, pid_t pid, uint64_t time)
{
	struct world_stat st;
	struct scan s = { .h = h, .time = time };

	if (!world_stat_read(pid, &st))
		return;
	s.life = life_since(h, pid, st.start);
	if (!s.life)
		return;
	s.life->seen = h->scan;
	threads_any(pid, scan_thread, &s);
}

void world_history_scan_all(struct world_history *h, uint64_t time)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	uint64_t pid;
	size_t at = 0;
	void *life;

	if (!dir)
		return;
	h->scan++;
	while ((e = readdir(dir)))
		if (text_u64(e->d_name, &pid) && pid <= INT32_MAX)
			scan_process(h, (pid_t)pid, time);
	closedir(dir);
	/* A process that the scan did not find has ended: its exit was lost, or is not read yet. */
	while (hash_next(h->by_pid, &at, NULL, NULL, &life))
		if (((struct life *)life)->seen != h->scan)
			life_end(h, life, time);
}

/* ---- Forgetting ------------------------------------------------------------------ */

size_t world_history_ended(const struct world_history *h)
{
	return h->nended;
}

static void life_forget(struct world_history *h, struct life *l)
{
	for (size_t i = 0; i < l->n; i++)
		file_drop(h, l->maps[i].file);
	h->nended -= l->ended != 0;
	life_free(l);
}

static bool is_covered(const struct life *l, size_t i, uint64_t until)
{
	const struct mapping *m = &l->maps[i];

	for (size_t k = i + 1; k < l->n && l->maps[k].time <= until; k++)
		if (l->maps[k].addr <= m->addr &&
		    m->addr + m->len <= l->maps[k].addr + l->maps[k].len)
			return true;
	return false;
}

/* Forgets mappings that were gone by `until`: older than the last exec, or under later mappings. */
static void maps_forget(struct world_history *h, struct life *l, uint64_t until)
{
	enum { FEW = 32 };
	uint64_t exec = last_exec(l, until);
	size_t left = 0, nexecs = 0;

	if (l->n < FEW || l->n < l->kept * 2)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (l->maps[i].time < exec || is_covered(l, i, until)) {
			file_drop(h, l->maps[i].file);
			l->maps[i].len = 0;
		}
	for (size_t i = 0; i < l->n; i++)
		if (l->maps[i].len)
			l->maps[left++] = l->maps[i];
	l->n = l->kept = left;
	for (size_t i = 0; i < l->nexecs; i++)
		if (l->execs[i] >= exec)
			l->execs[nexecs++] = l->execs[i];
	l->nexecs = nexecs;
}

/* `ended` is set when the first thread ends: asks whether the whole process has ended. */
static bool is_over(pid_t pid, const struct life *l, uint64_t until)
{
	return l->ended && l->ended <= until &&
	       ((kill(pid, 0) && errno == ESRCH) || world_has_ended(pid));
}

static void older_forget(struct world_history *h, struct life *l, uint64_t until)
{
	for (struct life **link = &l->older; *link;) {
		struct life *older = *link;

		if (older->ended > until) {
			link = &older->older;
			continue;
		}
		*link = older->older;
		life_forget(h, older);
	}
}

void world_history_forget(struct world_history *h, uint64_t until, world_needed_fn *needed,
			  void *arg)
{
	const void *key;
	void *value;
	size_t at = 0;

	while (hash_next(h->by_pid, &at, &key, NULL, &value)) {
		struct life *l = value;
		pid_t pid;

		memcpy(&pid, key, sizeof(pid));
		older_forget(h, l, until);
		if (l->older || !is_over(pid, l, until) || needed(arg, pid)) {
			maps_forget(h, l, until);
			continue;
		}
		hash_remove(h->by_pid, &pid, sizeof(pid));
		life_forget(h, l);
	}
}

/* ---- Addresses ------------------------------------------------------------------- */

static const struct life *life_then(const struct world_history *h, const struct rt_owner *owner,
				    uint64_t time)
{
	const struct life *l = life_of(h, (pid_t)owner->pid);

	while (l && l->older && (owner->start ? l->start > owner->start + TICK : l->from > time))
		l = l->older;
	return l;
}

/*
 * The last mapping of addr until `time`, even from before an exec: the key of an aggregation has no
 * time. Else the first mapping after `time`: its event may be read after the record that needs the
 * mapping.
 */
static const struct mapping *mapping_of(const struct life *l, uint64_t addr, uint64_t time)
{
	const struct mapping *later = NULL;

	for (size_t i = l->n; i > 0; i--) {
		const struct mapping *m = &l->maps[i - 1];

		if (addr - m->addr >= m->len)
			continue;
		if (m->time <= time)
			return m;
		later = m;
	}
	return later;
}

bool world_history_find(const struct world_history *h, const struct rt_owner *owner, uint64_t addr,
			uint64_t time, struct world_place *place)
{
	const struct life *l = h ? life_then(h, owner, time) : NULL;
	const struct mapping *m = l ? mapping_of(l, addr, time) : NULL;

	if (!m || !m->file)
		return false;
	*place = (struct world_place){ .module = m->file->module,
				       .symbols = m->file->symbols,
				       .offset = addr - m->addr + m->pgoff };
	return true;
}
