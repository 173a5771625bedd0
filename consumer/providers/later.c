/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/later.c: probes of files that processes map while we
 * trace.
 * In:   descriptions; the world's looks at processes.
 * Out:  probes, each found once for a description.
 * Owns: the descriptions, in the environment's arena, and a list of files,
 *       until prov_later_close.
 */
#include "consumer/providers/inner.h"

#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>

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

struct prov_later {
	struct wanted *wanted;
	size_t nwanted, cap;
	int *files; /* of the description that is being matched */
	size_t nfiles, files_cap;
};

/* ---- A description ------------------------------------------------------------------ */

static int wanted_match(struct prov_env *env, struct wanted *d)
{
	const struct prov_later *l = env->later;

	return d->prov->match_files(env, &d->pd, l->files, l->nfiles, d->pid, d->found, d->arg);
}

static bool holds(const int *files, size_t n, int file)
{
	for (size_t i = 0; i < n; i++)
		if (files[i] == file)
			return true;
	return false;
}

static bool file_push(struct prov_later *l, int file)
{
	int *slot = GROW_PUSH(l->files, l->nfiles, l->files_cap);

	if (slot)
		*slot = file;
	return slot;
}

static int done_push(struct prov_env *env, struct wanted *d, int file)
{
	int *slot = ARENA_PUSH(env->arena, d->done, d->ndone, d->cap);

	if (slot)
		*slot = file;
	return slot ? 0 : -ENOMEM;
}

/* Files that the description's process has mapped and that are new to the description. */
static int wanted_of_process(struct prov_env *env, struct wanted *d, bool match)
{
	struct prov_later *l = env->later;
	size_t n;
	const struct world_mapping *maps = world_mappings(env->world, d->pid, &n);
	int err = 0;

	l->nfiles = 0;
	for (size_t i = 0; i < n && !err; i++)
		if (!holds(d->done, d->ndone, maps[i].file) &&
		    !holds(l->files, l->nfiles, maps[i].file) && !file_push(l, maps[i].file))
			err = -ENOMEM;
	if (match && !err)
		err = wanted_match(env, d);
	for (size_t i = 0; i < l->nfiles && !err; i++)
		if (!world_file_waits(env->world, l->files[i]))
			err = done_push(env, d, l->files[i]);
	return err;
}

/* Files that waited until now, and those that are new to the description. */
static int wanted_of_all(struct prov_env *env, struct wanted *d, const struct world_look *look)
{
	struct prov_later *l = env->later;
	int err = 0;

	l->nfiles = 0;
	for (size_t i = 0; i < look->nagain && !err; i++)
		err = file_push(l, look->again[i]) ? 0 : -ENOMEM;
	for (; d->next < world_files_count(env->world) && !err; d->next++)
		err = file_push(l, (int)d->next) ? 0 : -ENOMEM;
	return err || !l->nfiles ? err : wanted_match(env, d);
}

/* ---- All of them ---------------------------------------------------------------------- */

static bool later_wants(void *arg, pid_t pid, bool known)
{
	const struct prov_env *env = arg;
	const struct prov_later *l = env->later;

	for (size_t i = 0; i < l->nwanted; i++)
		if (l->wanted[i].pid ? l->wanted[i].pid == pid : !known)
			return true;
	return false;
}

static bool looked_at(const struct world_look *look, pid_t pid)
{
	for (size_t i = 0; i < look->npids; i++)
		if (look->pids[i] == pid)
			return true;
	return look->all;
}

static int later_looked(void *arg, const struct world_look *look)
{
	struct prov_env *env = arg;
	struct prov_later *l = env->later;
	int err = 0;

	for (size_t i = 0; i < l->nwanted && !err; i++) {
		struct wanted *d = &l->wanted[i];

		if (!d->pid)
			err = wanted_of_all(env, d, look);
		else if (looked_at(look, d->pid))
			err = wanted_of_process(env, d, true);
	}
	return err;
}

int prov_watch_for(struct prov_env *env, const struct d_pdesc *pd, const struct prov_probe *first,
		   prov_found *found, void *arg)
{
	const struct prov *prov = prov_later(env, pd);
	struct prov_later *l = env->later;
	struct wanted *d;
	int err;

	if (!prov)
		return 0;
	err = world_watch_open(env->world);
	if (err)
		return err;
	if (!l) {
		l = env->later = arena_new_of(env->arena, struct prov_later);
		if (!l)
			return -ENOMEM;
		world_watch_files(env->world, &(struct world_follower){ .wants = later_wants,
									.looked = later_looked,
									.arg = env });
	}
	d = ARENA_PUSH(env->arena, l->wanted, l->nwanted, l->cap);
	if (!d)
		return -ENOMEM;
	*d = (struct wanted){ .pd = *pd,
			      .found = found,
			      .arg = arg,
			      .prov = prov,
			      .pid = prov->process(env, pd, first),
			      .next = world_files_count(env->world) };
	return d->pid ? wanted_of_process(env, d, false) : 0;
}

void prov_later_close(struct prov_later *later)
{
	if (later)
		free(later->files);
}
