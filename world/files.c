/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/files.c: lists the executable file mappings of processes, and opens
 * the mapped files.
 * In:   the kernel's list of mappings, through the iterator of vma.c; on kernels
 *       without the iterator, /proc/PID/maps.
 * Out:  mappings; files by index, opened and read once.
 * Owns: struct world_files, until world_files_free.
 */
#include "world/inner.h"
#include "world/vma.h"
#include "usdt/maps.h"

#include "base/grow.h"
#include "base/hash.h"
#include "base/threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { FRESH_MS = 200 }; /* how long an answer is used again while no watch reports changes */

struct world_file {
	struct world_inode id;
	struct usdt_file *usdt;
	struct world_symbols *symbols;
	const char *path, *base;
	int fd; /* -1: not opened yet, or closed again */
	bool read;
	bool told;		    /* damage of this file was reported */
	struct world_mapping where; /* a mapping through which the file can be opened */
};

struct world_files {
	struct hash *by_id;	/* struct world_inode → index + 1 */
	struct hash *by_number; /* struct number (from MMAP2 events) → index + 1 */
	struct world_file *v;
	size_t n, cap;
	struct world_mapping *maps, *shown;
	size_t nmaps, maps_cap, shown_cap;
	struct world_vma *iter;
	bool no_iter, too_many;
	unsigned serial;
	uint64_t fresh_until; /* ms: maps hold all processes until then; 0: stale */
	pid_t fresh_pid;      /* maps hold this process; 0: all processes, or stale */
};

static struct world_files *files_of(struct world *w)
{
	struct world_files *f = w->files;

	if (f)
		return f;
	f = arena_new_of(w->arena, struct world_files);
	if (!f)
		return NULL;
	f->by_id = hash_new();
	f->by_number = hash_new();
	if (!f->by_id || !f->by_number) {
		world_files_free(f);
		return NULL;
	}
	return w->files = f;
}

void world_files_free(struct world_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		usdt_file_close(f->v[i].usdt);
		world_symbols_free(f->v[i].symbols);
		if (f->v[i].fd >= 0)
			close(f->v[i].fd);
	}
	hash_free(f->by_id, NULL);
	hash_free(f->by_number, NULL);
	world_vma_close(f->iter);
	free(f->maps);
	free(f->shown);
	f->by_id = f->by_number = NULL;
	f->iter = NULL;
	f->maps = f->shown = NULL;
	f->n = 0;
}

/* ---- Files by identity ------------------------------------------------------ */

struct number { /* a hash key: no padding */
	uint64_t ino;
	uint32_t dev, generation;
};

static int file_of(struct world *w, const struct world_inode *id)
{
	struct world_files *f = w->files;
	uintptr_t index = (uintptr_t)hash_get(f->by_id, id, sizeof(*id));
	struct number number = { id->ino, id->dev, id->generation };
	struct world_file *file;

	if (index)
		return (int)index - 1;
	file = ARENA_PUSH(w->arena, f->v, f->n, f->cap);
	if (!file)
		return -ENOMEM;
	*file = (struct world_file){ .id = *id, .fd = -1, .path = "", .base = "" };
	if (hash_set(f->by_id, id, sizeof(*id), (void *)(uintptr_t)f->n, NULL) ||
	    hash_set(f->by_number, &number, sizeof(number), (void *)(uintptr_t)f->n, NULL)) {
		f->n--;
		return -ENOMEM;
	}
	return (int)f->n - 1;
}

static bool map_add(void *arg, const struct rt_vma_row *row)
{
	struct world *w = arg;
	struct world_files *f = w->files;
	struct world_inode id = { row->inode, row->ino, row->dev, row->generation };
	int file = file_of(w, &id);
	struct world_mapping *map;

	if (file < 0)
		return false;
	map = GROW_PUSH(f->maps, f->nmaps, f->maps_cap);
	if (!map)
		return false;
	*map = (struct world_mapping){ .pid = (pid_t)row->pid,
				       .tid = (pid_t)row->tid,
				       .file = file,
				       .start = row->start,
				       .end = row->end,
				       .off = row->off };
	if (f->v[file].fd < 0)
		f->v[file].where = *map;
	return true;
}

/* ---- Without the iterator ------------------------------------------------------ */

struct maps {
	struct world *w;
	pid_t pid, tid;
	bool failed;
};

static bool maps_line(void *arg, const struct usdt_maps_line *l)
{
	struct maps *m = arg;

	if (l->executable && l->inode)
		m->failed = !map_add(m->w, &(struct rt_vma_row){ .pid = (uint32_t)m->pid,
								 .tid = (uint32_t)m->tid,
								 .start = l->start,
								 .end = l->end,
								 .off = l->offset,
								 .dev = (uint32_t)l->device,
								 .ino = l->inode });
	return !m->failed;
}

/* A process that has ended has no mappings: no error. */
static int maps_read(struct world *w, pid_t pid, pid_t tid)
{
	struct maps m = { .w = w, .pid = pid, .tid = tid };

	usdt_maps_each(tid, maps_line, &m);
	return m.failed ? -ENOMEM : 0;
}

struct look {
	struct world *w;
	pid_t pid;
	int err;
};

/* The iterator over a process reads through its first thread. Kernel 6.1 shows nothing once that
 * thread has ended: threads_any then tries the other threads. */
static bool look_at_thread(void *arg, pid_t tid)
{
	struct look *l = arg;
	size_t had = l->w->files->nmaps;

	if (l->w->files->iter)
		l->err = world_vma_read(l->w->files->iter, l->pid, tid == l->pid ? 0 : tid, map_add,
					l->w);
	else
		l->err = maps_read(l->w, l->pid, tid);
	return l->err || l->w->files->nmaps > had;
}

static int look_at(struct world *w, pid_t pid)
{
	struct look l = { .w = w, .pid = pid };

	threads_any(pid, look_at_thread, &l);
	return l.err;
}

static int look_at_each(struct world *w)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	uint64_t pid;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (e = readdir(proc)))
		if (text_u64(e->d_name, &pid))
			err = look_at(w, (pid_t)pid);
	closedir(proc);
	return err;
}

/* ---- Looking -------------------------------------------------------------------- */

static int look(struct world *w, pid_t pid)
{
	struct world_files *f = w->files;

	f->nmaps = 0;
	f->serial++;
	if (!f->iter && !f->no_iter) {
		f->iter = kern_has(KERN_F_iter_vma) ? world_vma_open(true) : NULL;
		f->no_iter = !f->iter;
	}
	if (pid)
		return look_at(w, pid);
	/* An iterator over all processes gives ids of the initial pid namespace: in another
	 * namespace each process is read by itself. */
	return f->iter && !kern_pidns().ino ? world_vma_read(f->iter, 0, 0, map_add, w) :
					      look_at_each(w);
}

static bool is_fresh(const struct world *w, pid_t pid)
{
	const struct world_files *f = w->files;

	if (f->fresh_until && (w->watch || f->fresh_until > kern_now_ms()))
		return true;
	return pid && f->fresh_pid == pid;
}

const struct world_mapping *world_mappings(struct world *w, pid_t pid, size_t *n)
{
	struct world_files *f = files_of(w);

	*n = 0;
	if (!f)
		return NULL;
	if (!is_fresh(w, pid)) {
		f->fresh_until = 0;
		f->fresh_pid = 0;
		if (look(w, pid))
			return NULL;
		f->fresh_pid = pid;
		f->fresh_until = pid ? 0 : kern_now_ms() + FRESH_MS;
	}
	if (!pid || f->fresh_pid == pid) {
		*n = f->nmaps;
		return f->maps;
	}
	if (f->shown_cap < f->nmaps) {
		free(f->shown);
		f->shown = reallocarray(NULL, f->nmaps, sizeof(*f->shown));
		f->shown_cap = f->shown ? f->nmaps : 0;
		if (!f->shown)
			return NULL;
	}
	for (size_t i = 0; i < f->nmaps; i++)
		if (f->maps[i].pid == pid)
			f->shown[(*n)++] = f->maps[i];
	return f->shown;
}

void world_files_stale(struct world *w)
{
	if (w->files) {
		w->files->fresh_until = 0;
		w->files->fresh_pid = 0;
	}
}

unsigned world_files_serial(const struct world *w)
{
	return w->files ? w->files->serial : 0;
}

size_t world_files_count(const struct world *w)
{
	return w->files ? w->files->n : 0;
}

bool world_file_waits(const struct world *w, int file)
{
	return !w->files->v[file].read && w->files->v[file].fd < 0;
}

bool world_files_known(const struct world *w, uint32_t dev, uint64_t ino, uint32_t generation)
{
	/* /proc/PID/maps has no generations: without the iterator all are 0. */
	struct number number = { ino, dev, w->files && w->files->iter ? generation : 0 };
	uintptr_t index = w->files ? (uintptr_t)hash_get(w->files->by_number, &number,
							 sizeof(number)) :
				     0;

	return index && !world_file_waits(w, (int)index - 1);
}

/* ---- Opening ---------------------------------------------------------------------- */

static int fd_through(const struct world_mapping *m, char *link, size_t size)
{
	snprintf(link, size, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)m->tid, m->start,
		 m->end);
	/* O_NONBLOCK: opening a device file must not wait. */
	return open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

struct self {
	uint64_t start;
	struct world_inode id;
	bool found;
};

static bool self_row(void *arg, const struct rt_vma_row *row)
{
	struct self *s = arg;

	if (row->start == s->start) {
		s->id = (struct world_inode){ row->inode, row->ino, row->dev, row->generation };
		s->found = true;
	}
	return true;
}

/* The iterator shows inodes of mapped files only: maps the file, and reads our own mappings. */
static int identify(int fd, struct world_inode *id)
{
	struct world_vma *it = world_vma_open(false);
	void *map = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
	struct self s = { .start = (uintptr_t)map };
	int err = map == MAP_FAILED ? -errno :
		  it		    ? world_vma_read(it, getpid(), 0, self_row, &s) :
				      -ENOSYS;

	if (map != MAP_FAILED)
		munmap(map, 1);
	world_vma_close(it);
	*id = s.id;
	return err ? err : s.found ? 0 : -ENOENT;
}

struct named {
	const struct world_mapping *mapping;
	const struct world_inode *want;
	int fd;
};

static bool named_line(void *arg, const struct usdt_maps_line *l)
{
	struct named *n = arg;
	struct world_inode id = { 0 };

	if (l->start != n->mapping->start || *l->path != '/')
		return true;
	n->fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (n->fd >= 0 &&
	    (identify(n->fd, &id) || id.address != n->want->address || id.ino != n->want->ino)) {
		close(n->fd);
		n->fd = -1;
	}
	return false;
}

/* map_files needs privileges. Without them opens the path in maps, if it still names that file. */
static int fd_by_name(const struct world_mapping *m, const struct world_inode *want)
{
	struct named n = { .mapping = m, .want = want, .fd = -1 };

	usdt_maps_each(m->tid, named_line, &n);
	return n.fd;
}

/* A memfd has no path: looks for a descriptor that the process still holds (libusdt holds it). */
static int fd_by_descriptor(const struct world_mapping *m, const struct world_inode *want)
{
	char path[64];
	int fd = -1;
	struct dirent *e;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)m->tid);
	fds = opendir(path);
	while (fds && fd < 0 && (e = readdir(fds))) {
		struct world_inode id = { 0 };
		struct stat st;

		/* fstatat first, because opening some devices has effects. */
		if (fstatat(dirfd(fds), e->d_name, &st, 0) || !S_ISREG(st.st_mode) ||
		    st.st_ino != want->ino)
			continue;
		fd = openat(dirfd(fds), e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && (identify(fd, &id) || id.address != want->address)) {
			close(fd);
			fd = -1;
		}
	}
	if (fds)
		closedir(fds);
	return fd;
}

static void name_it(struct world *w, struct world_file *file, const char *link)
{
	char path[4096];
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	usdt_maps_undelete(path);
	file->path = arena_strdup(w->arena, path);
	if (!file->path)
		file->path = "";
	file->base = text_base(file->path);
}

static int file_open(struct world *w, struct world_file *file)
{
	struct world_files *f = w->files;
	char link[96];
	int fd;

	if (file->fd >= 0)
		return file->fd;
	fd = fd_through(&file->where, link, sizeof(link));
	/* The process of file->where may have ended: try the other processes that map the file. */
	for (size_t i = 0; fd < 0 && i < f->nmaps; i++)
		if (f->maps[i].file == file - f->v && f->maps[i].pid != file->where.pid)
			fd = fd_through(&f->maps[i], link, sizeof(link));
	if (fd < 0 && errno == EPERM) {
		fd = fd_by_name(&file->where, &file->id);
		if (fd < 0)
			fd = fd_by_descriptor(&file->where, &file->id);
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	}
	if (fd < 0)
		return -errno;
	name_it(w, file, link);
	return file->fd = fd;
}

int world_file_open(struct world *w, int file)
{
	if (!w->files || file < 0 || (size_t)file >= w->files->n)
		return -EBADF;
	return file_open(w, &w->files->v[file]);
}

/* Warns once a file: without the warning, probes lost to damage would be missed silently. */
static void damage_tell(struct world *w, struct world_file *f, const char *damage)
{
	if (!f->told)
		diag_warn(w->diag, NOWHERE, "%s: %s: probes may be missing", f->path, damage);
	f->told = true;
}

static void complain(struct world *w, struct world_file *f, int err)
{
	size_t bad = f->usdt ? usdt_file_nbad(f->usdt) : 0;
	const char *damage = f->usdt	     ? usdt_file_damage(f->usdt) :
			     err == -EBADMSG ? WORLD_BAD_HEADERS :
					       NULL;
	bool too_many = err == -EMFILE || err == -ENFILE, said = w->files->too_many;

	w->files->too_many |= too_many;
	if (too_many && !said) {
		diag_warn(w->diag, NOWHERE, "%s: the probes of some are left out", strerror(-err));
		diag_hint(w->diag, "raise the limit: ulimit -n");
	}
	if (too_many)
		return;
	if (bad) {
		diag_warn(w->diag, NOWHERE, "%s: %zu damaged probe note%s left out", f->path, bad,
			  bad == 1 ? "" : "s");
	} else if (damage) {
		damage_tell(w, f, damage);
	} else if (err && err != -ENOEXEC) { /* a file that is no ELF file has no probes */
		diag_warn(w->diag, NOWHERE, "cannot read the probes of %s: %s", f->path,
			  strerror(-err));
	}
}

struct usdt_file *world_file_usdt(struct world *w, int file)
{
	struct world_file *f;
	int fd, err;

	if (!w->files || file < 0 || (size_t)file >= w->files->n)
		return NULL;
	f = &w->files->v[file];
	if (f->read)
		return f->usdt;
	fd = world_file_open(w, file);
	f->read = fd >= 0 ||
		  (fd != -ENOENT && fd != -ESRCH); /* the process has ended; another may map it */
	if (fd < 0) {
		complain(w, f, fd == -EMFILE || fd == -ENFILE ? fd : 0);
		return NULL;
	}
	err = usdt_file_open_fd(fd, f->path, &f->usdt);
	if (err)
		f->usdt = NULL;
	complain(w, f, err);
	if (f->usdt && usdt_file_nprobes(f->usdt))
		return f->usdt;
	usdt_file_close(f->usdt);
	f->usdt = NULL;
	close(f->fd); /* files without probes, hundreds, must not use up the descriptors */
	f->fd = -1;
	return NULL;
}

struct world_symbols *world_file_symbols(struct world *w, int file)
{
	int fd = world_file_open(w, file);
	struct world_file *f = fd < 0 ? NULL : &w->files->v[file];
	const char *damage;

	if (!f || f->symbols)
		return f ? f->symbols : NULL;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	f->symbols = fd < 0 ? NULL : world_symbols_new(fd);
	damage = f->symbols ? world_symbols_damage(f->symbols) : NULL;
	if (damage)
		damage_tell(w, f, damage);
	return f->symbols;
}

static const char *known_path(struct world *w, int file)
{
	if (!w->files || file < 0 || (size_t)file >= w->files->n)
		return "";
	if (!*w->files->v[file].path)
		world_file_open(w, file);
	return w->files->v[file].path;
}

const char *world_file_base(struct world *w, int file)
{
	return *known_path(w, file) ? w->files->v[file].base : "";
}

const char *world_file_path(struct world *w, int file)
{
	return known_path(w, file);
}

/* ---- A file that we open ------------------------------------------------------------ */

int world_files_by_path(struct world *w, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), file;
	struct world_inode id = { 0 };
	struct world_file *f;
	char link[32];
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!files_of(w) || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	if (w->files->no_iter || !kern_has(KERN_F_iter_vma) || identify(fd, &id))
		id = (struct world_inode){ .ino = st.st_ino,
					   .dev = major(st.st_dev) << 20 | minor(st.st_dev) };
	file = file_of(w, &id);
	f = file < 0 ? NULL : &w->files->v[file];
	if (!f || f->fd >= 0) {
		close(fd);
		return file;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	name_it(w, f, link);
	f->fd = fd;
	return file;
}
