/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/proc.c: the files that a process has mapped for execution.
 * In:   a pid.
 * Out:  objects, in the arena of struct usdt_proc; descriptors of their files.
 * Owns: nothing else. /proc/PID/maps is read once, when the process is opened.
 *
 * A file is opened through /proc/PID/map_files, which leads to the mapped inode
 * itself, also if the file was deleted or is of another mount namespace.
 * Without the privilege for that, the file is opened by its path, if the path
 * still leads to that inode; a memfd is opened through the process's
 * descriptors.
 */
#include "usdt/inner.h"
#include "usdt/maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct usdt_object {
	int pid;
	const char *path;
	uint64_t start, end, offset, device, inode;
};

struct usdt_proc {
	struct arena *arena;
	struct usdt_object *objects;
	size_t nobjects, cap;
};

static bool known(const struct usdt_proc *p, const struct usdt_object *o)
{
	for (size_t i = p->nobjects; i-- > 0;) /* parts of one file are neighbours */
		if (p->objects[i].inode == o->inode && p->objects[i].device == o->device &&
		    !strcmp(p->objects[i].path, o->path))
			return true;
	return false;
}

struct reading {
	struct usdt_proc *p;
	int pid;
	bool failed;
};

static bool object_add(void *arg, const struct usdt_maps_line *l)
{
	struct reading *r = arg;
	struct usdt_proc *p = r->p;
	struct usdt_object o = { .pid = r->pid,
				 .path = l->path,
				 .start = l->start,
				 .end = l->end,
				 .offset = l->offset,
				 .device = l->device,
				 .inode = l->inode };
	struct usdt_object *slot;

	if (!l->executable || *l->path != '/' || !l->inode || known(p, &o))
		return true;
	o.path = arena_strdup(p->arena, o.path);
	slot = o.path ? ARENA_PUSH(p->arena, p->objects, p->nobjects, p->cap) : NULL;
	if (slot)
		*slot = o;
	r->failed = !slot;
	return slot;
}

static int maps_read(struct usdt_proc *p, int pid)
{
	struct reading r = { .p = p, .pid = pid };
	int err = pid > 0 ? usdt_maps_each(pid, object_add, &r) : -ENOENT;

	if (err == -ENOENT)
		return -ESRCH;
	return r.failed ? -ENOMEM : err;
}

int usdt_proc_open(int pid, struct usdt_proc **proc)
{
	struct arena *a = arena_new();
	struct usdt_proc *p = a ? arena_new_of(a, struct usdt_proc) : NULL;
	int err;

	*proc = NULL;
	if (!p) {
		arena_free(a);
		return -ENOMEM;
	}
	p->arena = a;
	err = maps_read(p, pid);
	if (err) {
		arena_free(a);
		return err;
	}
	*proc = p;
	return 0;
}

void usdt_proc_close(struct usdt_proc *p)
{
	if (p)
		arena_free(p->arena);
}

size_t usdt_proc_nobjects(const struct usdt_proc *p)
{
	return p->nobjects;
}

const struct usdt_object *usdt_proc_object(const struct usdt_proc *p, size_t i)
{
	return i < p->nobjects ? &p->objects[i] : NULL;
}

const char *usdt_object_path(const struct usdt_object *o)
{
	return o->path;
}

uint64_t usdt_object_device(const struct usdt_object *o)
{
	return o->device;
}

uint64_t usdt_object_inode(const struct usdt_object *o)
{
	return o->inode;
}

uint64_t usdt_object_start(const struct usdt_object *o)
{
	return o->start;
}

uint64_t usdt_object_end(const struct usdt_object *o)
{
	return o->end;
}

uint64_t usdt_object_offset(const struct usdt_object *o)
{
	return o->offset;
}

/* map_files needs CAP_CHECKPOINT_RESTORE, even for the caller's own processes. A path counts if its
 * file has the mapping's inode number. Devices are not compared: they differ on overlayfs and
 * btrfs. */
static int open_by_path(const struct usdt_object *o)
{
	char path[4200];
	struct stat st;
	int fd, n = snprintf(path, sizeof(path), "/proc/%d/root%s", o->pid, o->path);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && st.st_ino == o->inode)
		return fd;
	close(fd);
	return -ESTALE;
}

/* A memfd has no path, but the process that made it may hold it open, as libusdt does. */
static int open_by_descriptor(const struct usdt_object *o)
{
	char path[64];
	struct dirent *e;
	int fd = -EPERM;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", o->pid);
	fds = opendir(path);
	while (fds && fd < 0 && (e = readdir(fds))) {
		struct stat st;

		/* Check before opening: opening a device may have side effects. */
		if (fstatat(dirfd(fds), e->d_name, &st, 0) || st.st_ino != o->inode ||
		    !S_ISREG(st.st_mode) ||
		    ((uint64_t)major(st.st_dev) << 20 | (uint64_t)minor(st.st_dev)) != o->device)
			continue;
		fd = openat(dirfd(fds), e->d_name, O_RDONLY | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fds)
		closedir(fds);
	return fd;
}

int usdt_object_open_fd(const struct usdt_object *o)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, o->pid, o->start,
		 o->end);
	/* O_NONBLOCK: a device file must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		return strncmp(o->path, "/memfd:", 7) ? open_by_path(o) : open_by_descriptor(o);
	return fd < 0 ? -errno : fd;
}

int usdt_object_open(const struct usdt_object *o, struct usdt_file **file)
{
	int fd = usdt_object_open_fd(o), err;

	*file = NULL;
	if (fd < 0)
		return fd;
	err = usdt_file_open_fd(fd, o->path, file);
	close(fd);
	return err;
}
