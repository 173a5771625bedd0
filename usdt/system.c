/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/system.c: the files with probes that any process has mapped.
 * In:   /proc, once.
 * Out:  those files, each with the processes that map it.
 * Owns: the files, until usdt_system_close.
 *
 * A file is identified by the device and inode that maps shows. Each file is
 * opened once, through the first process that allows it.
 */
#include "usdt/inner.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct mapped {
	struct usdt_file *file; /* NULL: not opened, or without probes */
	bool read;
	int *pids;
	size_t npids, cap;
};

struct usdt_system {
	struct arena *arena;
	struct hash *by_id;    /* struct id -> struct mapped, all files */
	struct mapped **files; /* those with probes */
	size_t nfiles, cap;
	size_t nhidden, ndamaged;
};

struct id { /* a key: no padding */
	uint64_t device, inode;
};

static struct mapped *mapped_for(struct usdt_system *s, const struct usdt_object *o)
{
	struct id *key = arena_new_of(s->arena, struct id);
	struct mapped *m;

	if (!key)
		return NULL;
	*key = (struct id){ usdt_object_device(o), usdt_object_inode(o) };
	m = hash_get(s->by_id, key, sizeof(*key));
	if (m)
		return m;
	m = arena_new_of(s->arena, struct mapped);
	return m && !hash_set(s->by_id, key, sizeof(*key), m, NULL) ? m : NULL;
}

/* Returns 0, also if the file cannot be opened here, or an error that would fail for every file. */
static int read_file(struct usdt_system *s, struct mapped *m, const struct usdt_object *o)
{
	int err = usdt_object_open(o, &m->file);
	struct mapped **slot;

	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return err;
	m->read = !err || err == -ENOEXEC || err == -EBADMSG;
	s->ndamaged += err == -EBADMSG || (!err && !usdt_file_nprobes(m->file) &&
					   (usdt_file_damage(m->file) || usdt_file_nbad(m->file)));
	if (!err && usdt_file_nprobes(m->file)) {
		slot = ARENA_PUSH(s->arena, s->files, s->nfiles, s->cap);
		if (slot) {
			*slot = m;
			return 0;
		}
		err = -ENOMEM;
	}
	usdt_file_close(m->file);
	m->file = NULL;
	return err == -ENOMEM ? err : 0;
}

static int look_at(struct usdt_system *s, int pid)
{
	struct usdt_proc *proc;
	int err = usdt_proc_open(pid, &proc);

	s->nhidden += err == -EACCES || err == -EPERM;
	if (err)
		return err == -ENOMEM || err == -EMFILE || err == -ENFILE ? err : 0;
	for (size_t i = 0; i < usdt_proc_nobjects(proc) && !err; i++) {
		const struct usdt_object *o = usdt_proc_object(proc, i);
		struct mapped *m = mapped_for(s, o);
		int *slot;

		err = m ? 0 : -ENOMEM;
		if (m && !m->read)
			err = read_file(s, m, o);
		if (err || (m->read && !m->file))
			continue;
		if (m->npids && m->pids[m->npids - 1] == pid)
			continue; /* the process maps the file under two names */
		slot = ARENA_PUSH(s->arena, m->pids, m->npids, m->cap);
		if (slot)
			*slot = pid;
		else
			err = -ENOMEM;
	}
	usdt_proc_close(proc);
	return err;
}

int usdt_system_open(struct usdt_system **system)
{
	struct arena *a = arena_new();
	struct usdt_system *s = a ? arena_new_of(a, struct usdt_system) : NULL;
	struct dirent *e;
	int err = 0;
	DIR *proc;

	*system = NULL;
	if (!s) {
		arena_free(a);
		return -ENOMEM;
	}
	s->arena = a;
	s->by_id = hash_new();
	proc = opendir("/proc");
	if (!s->by_id || !proc)
		err = s->by_id ? -errno : -ENOMEM;
	while (proc && !err && (e = readdir(proc))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (!*end && pid > 0)
			err = look_at(s, (int)pid);
	}
	if (proc)
		closedir(proc);
	if (err)
		usdt_system_close(s);
	else
		*system = s;
	return err;
}

void usdt_system_close(struct usdt_system *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nfiles; i++)
		usdt_file_close(s->files[i]->file);
	hash_free(s->by_id, NULL);
	arena_free(s->arena);
}

size_t usdt_system_nfiles(const struct usdt_system *s)
{
	return s->nfiles;
}

const struct usdt_file *usdt_system_file(const struct usdt_system *s, size_t i)
{
	return i < s->nfiles ? s->files[i]->file : NULL;
}

size_t usdt_system_npids(const struct usdt_system *s, size_t i)
{
	return i < s->nfiles ? s->files[i]->npids : 0;
}

int usdt_system_pid(const struct usdt_system *s, size_t i, size_t k)
{
	return k < usdt_system_npids(s, i) ? s->files[i]->pids[k] : 0;
}

size_t usdt_system_nhidden(const struct usdt_system *s)
{
	return s->nhidden;
}

size_t usdt_system_ndamaged(const struct usdt_system *s)
{
	return s->ndamaged;
}
