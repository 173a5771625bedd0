/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/procs.c: which file was mapped where in which process, and when
 * (rule 13 of docs/architecture.md); from that, user addresses as module`function+0x10.
 * In:   events in order of time, and one pass over /proc at the start.
 * Out:  text, also for processes that have ended.
 * Owns: the history, and each mapped file's symbols. Files are opened when
 *       they are first seen, by their mapping, so that neither a removed path
 *       nor another mount namespace matters.
 */
#include "consumer/output/inner.h"

#include "base/grow.h"
#include "base/hash.h"
#include "base/threads.h"
#include "kernel/kernel.h"
#include "consumer/providers/providers.h"
#include "usdt/maps.h"
#include "world/inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
	size_t refs; /* mappings of it in all lives; without any it goes, and its descriptor */
	char *key;
	size_t key_len;
	char *module; /* base name of its path */
	struct world_symbols *syms;
};

struct mapping {
	uint64_t time, addr, len, pgoff;
	struct file *file;
};

/* One life of a pid: from fork to exit. */
struct proc {
	struct proc *older;   /* who had the pid before */
	uint64_t start;	      /* boot time, ns; 0: unknown */
	uint64_t from;	      /* monotonic */
	uint64_t ended;	      /* monotonic; 0: it runs */
	unsigned seen;	      /* the last scan that met it */
	struct mapping *maps; /* by time */
	size_t n, cap, kept;  /* kept: as many as the last sweep left */
	uint64_t *execs;      /* when everything before was unmapped */
	size_t nexecs, execs_cap;
};

struct procs {
	struct hash *by_pid; /* the youngest life */
	struct hash *files;  /* by device, inode and path */
	int64_t boot_offset; /* boot time - monotonic, ns */
	size_t nended;	     /* lives that have ended and are still here */
	unsigned scan;
};

#define NANOSEC 1000000000
#define TICK (NANOSEC / 50) /* /proc counts starts in ticks; two lives of a pid are further apart */

struct procs *procs_new(void)
{
	struct procs *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->by_pid = hash_new();
	p->files = hash_new();
	p->boot_offset = kern_boot_offset();
	if (p->by_pid && p->files)
		return p;
	procs_free(p);
	return NULL;
}

static void life_free(struct proc *q)
{
	free(q->maps);
	free(q->execs);
	free(q);
}

static void proc_free(void *arg)
{
	for (struct proc *p = arg, *older; p; p = older) {
		older = p->older;
		life_free(p);
	}
}

static void file_free(void *arg)
{
	struct file *f = arg;

	free(f->key);
	free(f->module);
	world_symbols_free(f->syms);
	free(f);
}

void procs_free(struct procs *p)
{
	if (!p)
		return;
	hash_free(p->by_pid, proc_free);
	hash_free(p->files, file_free);
	free(p);
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
	f->syms = strcmp(ev->path, "[vdso]") ? world_symbols_new(open_mapped(ev)) :
					       world_symbols_new_vdso();
	if (!f->module || !f->syms) {
		file_free(f);
		return NULL;
	}
	usdt_maps_undelete(f->module);
	return f;
}

static struct file *file_of(struct procs *p, const struct world_event *ev)
{
	char key[4200];
	int n;
	struct file *f;

	if (!ev->path || (ev->path[0] != '/' && strcmp(ev->path, "[vdso]")))
		return NULL; /* anonymous: //anon, [heap], [stack] … */
	if (!strncmp(ev->path, "//", 2))
		return NULL;
	n = snprintf(key, sizeof(key), "%x:%x:%" PRIu64 " %s", ev->dev_major, ev->dev_minor,
		     ev->ino, ev->path);
	if (n < 0 || n >= (int)sizeof(key))
		return NULL;
	f = hash_get(p->files, key, (size_t)n);
	if (f || !(f = file_new(ev)))
		return f;
	f->key = strndup(key, (size_t)n);
	f->key_len = (size_t)n;
	if (!f->key || hash_set(p->files, key, (size_t)n, f, NULL)) {
		file_free(f);
		return NULL;
	}
	return f;
}

/* ---- Processes ---------------------------------------------------------------- */

static void file_drop(struct procs *p, struct file *f)
{
	if (!f || --f->refs)
		return;
	hash_remove(p->files, f->key, f->key_len);
	file_free(f);
}

static struct proc *proc_of(struct procs *p, pid_t pid)
{
	return hash_get(p->by_pid, &pid, sizeof(pid));
}

static void life_end(struct procs *p, struct proc *q, uint64_t time)
{
	if (q->ended)
		return;
	q->ended = time ? time : 1;
	p->nended++;
}

/* A new life of a pid; the one before stays behind it. */
static struct proc *proc_begin(struct procs *p, pid_t pid, uint64_t from, uint64_t start)
{
	struct proc *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->from = from;
	q->start = start;
	q->seen = p->scan;
	q->older = proc_of(p, pid);
	if (hash_set(p->by_pid, &pid, sizeof(pid), q, NULL)) {
		free(q);
		return NULL;
	}
	if (q->older)
		life_end(p, q->older, from);
	return q;
}

static void map_add(struct proc *q, const struct mapping *m)
{
	struct mapping *slot = GROW_PUSH(q->maps, q->n, q->cap);

	if (!slot)
		return;
	*slot = *m;
	if (m->file)
		m->file->refs++;
}

static void feed_mmap(struct procs *p, const struct world_event *ev)
{
	struct proc *q = proc_of(p, ev->pid);
	struct mapping m = { ev->time, ev->addr, ev->len, ev->pgoff, file_of(p, ev) };

	if (!q)
		q = proc_begin(p, ev->pid, 0, 0);
	if (q)
		map_add(q, &m);
}

static uint64_t last_exec(const struct proc *q, uint64_t time)
{
	uint64_t at = 0;

	for (size_t i = 0; i < q->nexecs && q->execs[i] <= time; i++)
		at = q->execs[i];
	return at;
}

/* A thread's start is no new process; a child begins with its parent's mappings. */
static void feed_fork(struct procs *p, const struct world_event *ev)
{
	struct proc *parent = proc_of(p, ev->ppid), *child;
	uint64_t since;

	if (ev->pid == ev->ppid)
		return;
	child = proc_begin(p, ev->pid, ev->time, ev->time + (uint64_t)p->boot_offset);
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

static void feed_exec(struct procs *p, const struct world_event *ev)
{
	struct proc *q = proc_of(p, ev->pid);
	uint64_t *slot;

	if (!q)
		q = proc_begin(p, ev->pid, 0, 0);
	slot = q ? GROW_PUSH(q->execs, q->nexecs, q->execs_cap) : NULL;
	if (slot)
		*slot = ev->time;
}

/* A process whose first thread has ended may run on: that is looked at when it is to be forgotten. */
static void feed_exit(struct procs *p, const struct world_event *ev)
{
	struct proc *q = proc_of(p, ev->pid);

	if (q)
		life_end(p, q, ev->time);
}

void procs_feed(struct procs *p, const struct world_event *ev)
{
	switch (ev->kind) {
	case WORLD_EV_MMAP: feed_mmap(p, ev); break;
	case WORLD_EV_FORK: feed_fork(p, ev); break;
	case WORLD_EV_EXEC: feed_exec(p, ev); break;
	case WORLD_EV_EXIT: feed_exit(p, ev); break;
	case WORLD_EV_LOST: procs_scan_all(p, ev->time); break;
	}
}

/* ---- Processes that run already -------------------------------------------------- */

/* Is it where the last look, or an event, has it? */
static bool mapping_known(const struct proc *q, const struct mapping *m)
{
	for (size_t i = q->n; i > 0; i--) {
		const struct mapping *old = &q->maps[i - 1];

		if (m->addr < old->addr + old->len && old->addr < m->addr + m->len)
			return old->addr == m->addr && old->len == m->len &&
			       old->pgoff == m->pgoff && old->file == m->file;
	}
	return false;
}

static void scan_line(struct procs *p, struct proc *q, struct world_event *ev, char *line)
{
	struct usdt_maps_line l;
	struct mapping m;

	if (!usdt_maps_line(line, &l) || !l.executable)
		return;
	ev->addr = l.start;
	ev->len = l.end - l.start;
	ev->pgoff = l.offset;
	ev->dev_major = (uint32_t)(l.device >> 20);
	ev->dev_minor = (uint32_t)(l.device & 0xfffff);
	ev->ino = l.inode;
	ev->path = l.path;
	m = (struct mapping){ ev->time, ev->addr, ev->len, ev->pgoff, file_of(p, ev) };
	if (!mapping_known(q, &m))
		map_add(q, &m);
}

/* The life that began then; a new one, if the pid's last began at another time. */
static struct proc *proc_since(struct procs *p, pid_t pid, uint64_t start)
{
	struct proc *q = proc_of(p, pid);

	if (q && !q->start)
		q->start = start;
	if (!q)
		return proc_begin(p, pid, 0, start);
	if (start <= q->start + TICK)
		return q;
	return proc_begin(p, pid, start - (uint64_t)p->boot_offset, start);
}

struct scan {
	struct procs *p;
	struct proc *q;
	uint64_t time;
};

/* What a thread has mapped; false: nothing, as the kernel's own threads and those that have ended. */
static bool scan_thread(void *arg, pid_t tid)
{
	const struct scan *s = arg;
	struct world_event ev = { .kind = WORLD_EV_MMAP, .time = s->time, .pid = tid };
	char path[40], *line = NULL;
	size_t cap = 0;
	bool any = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
	f = fopen(path, "re");
	while (f && getline(&line, &cap, f) > 0) {
		scan_line(s->p, s->q, &ev, line);
		any = true;
	}
	free(line);
	if (f)
		fclose(f);
	return any;
}

void procs_scan(struct procs *p, pid_t pid, uint64_t time)
{
	struct world_stat st;
	struct scan s = { .p = p, .time = time };

	if (!world_stat_read(pid, &st))
		return;
	s.q = proc_since(p, pid, st.start);
	if (s.q)
		s.q->seen = p->scan;
	if (s.q)
		threads_any(pid, scan_thread, &s);
}

void procs_scan_all(struct procs *p, uint64_t time)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	uint64_t pid;
	size_t at = 0;
	void *life;

	if (!dir)
		return;
	p->scan++;
	while ((e = readdir(dir)))
		if (text_u64(e->d_name, &pid) && pid <= INT32_MAX)
			procs_scan(p, (pid_t)pid, time);
	closedir(dir);
	/* The end of a process that is no longer here was not told, or is still to be read. */
	while (hash_next(p->by_pid, &at, NULL, NULL, &life))
		if (((struct proc *)life)->seen != p->scan)
			life_end(p, life, time);
}

/* ---- Forgetting ------------------------------------------------------------------ */

size_t procs_ended(const struct procs *p)
{
	return p->nended;
}

static void life_forget(struct procs *p, struct proc *q)
{
	for (size_t i = 0; i < q->n; i++)
		file_drop(p, q->maps[i].file);
	p->nended -= q->ended != 0;
	life_free(q);
}

static bool is_covered(const struct proc *q, size_t i, uint64_t until)
{
	const struct mapping *m = &q->maps[i];

	for (size_t k = i + 1; k < q->n && q->maps[k].time <= until; k++)
		if (q->maps[k].addr <= m->addr &&
		    m->addr + m->len <= q->maps[k].addr + q->maps[k].len)
			return true;
	return false;
}

/* Mappings that were gone by then: of a program before the last exec, or under later ones. */
static void maps_forget(struct procs *p, struct proc *q, uint64_t until)
{
	enum { FEW = 32 };
	uint64_t exec = last_exec(q, until);
	size_t left = 0, nexecs = 0;

	if (q->n < FEW || q->n < q->kept * 2)
		return;
	for (size_t i = 0; i < q->n; i++)
		if (q->maps[i].time < exec || is_covered(q, i, until)) {
			file_drop(p, q->maps[i].file);
			q->maps[i].len = 0;
		}
	for (size_t i = 0; i < q->n; i++)
		if (q->maps[i].len)
			q->maps[left++] = q->maps[i];
	q->n = q->kept = left;
	for (size_t i = 0; i < q->nexecs; i++)
		if (q->execs[i] >= exec)
			q->execs[nexecs++] = q->execs[i];
	q->nexecs = nexecs;
}

/* The end of a first thread may be that of a process, or not. */
static bool is_over(pid_t pid, const struct proc *q, uint64_t until)
{
	return q->ended && q->ended <= until &&
	       ((kill(pid, 0) && errno == ESRCH) || world_has_ended(pid));
}

void procs_forget(struct procs *p, uint64_t until, procs_needed_fn *needed, void *arg)
{
	const void *key;
	void *value;
	size_t at = 0;

	while (hash_next(p->by_pid, &at, &key, NULL, &value)) {
		struct proc *q = value, **link = &q->older;
		pid_t pid;

		memcpy(&pid, key, sizeof(pid));
		while (*link)
			if ((*link)->ended <= until) {
				struct proc *gone = *link;

				*link = gone->older;
				life_forget(p, gone);
			} else {
				link = &(*link)->older;
			}
		if (q->older || !is_over(pid, q, until) || needed(arg, pid)) {
			maps_forget(p, q, until);
			continue;
		}
		hash_remove(p->by_pid, &pid, sizeof(pid));
		life_forget(p, q);
	}
}

/* ---- Addresses ------------------------------------------------------------------- */

static const struct proc *life_of(struct procs *p, const struct rt_owner *owner, uint64_t time)
{
	const struct proc *q = p ? proc_of(p, (pid_t)owner->pid) : NULL;

	while (q && q->older && (owner->start ? q->start > owner->start + TICK : q->from > time))
		q = q->older;
	return q;
}

/*
 * The mapping of then; else the latest of before (an aggregation's key has no
 * time, and exec may have come since); else one that was seen only later,
 * for an event may be read after the record that needs it.
 */
static const struct mapping *mapping_of(const struct proc *q, uint64_t addr, uint64_t time)
{
	const struct mapping *later = NULL;

	for (size_t i = q->n; i > 0; i--) {
		const struct mapping *m = &q->maps[i - 1];

		if (addr - m->addr >= m->len)
			continue;
		if (m->time <= time)
			return m;
		later = m;
	}
	return later;
}

void out_usym(struct procs *p, char *buf, size_t size, const struct rt_owner *owner, uint64_t addr,
	      uint64_t time, enum d_symbol how)
{
	const struct proc *q = life_of(p, owner, time);
	const struct mapping *m = q ? mapping_of(q, addr, time) : NULL;
	uint64_t distance = 0;
	const char *name;

	if (!m || !m->file) {
		snprintf(buf, size, "0x%" PRIx64, addr);
		return;
	}
	if (how == D_SYM_MODULE) {
		snprintf(buf, size, "%s", m->file->module);
		return;
	}
	name = world_symbols_find(m->file->syms, addr - m->addr + m->pgoff, &distance);
	if (!name)
		snprintf(buf, size, "%s`0x%" PRIx64, m->file->module, addr);
	else if (!distance || how == D_SYM_FUNCTION)
		snprintf(buf, size, "%s`%s", m->file->module, name);
	else
		snprintf(buf, size, "%s`%s+0x%" PRIx64, m->file->module, name, distance);
}
