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

struct pair {
	pid_t pid;
	int file;
};

struct wanted {
	struct d_pdesc pd;
	prov_found *found;
	void *arg;
	const struct prov *prov;
	bool all;	   /* pd may name the probes of all processes */
	size_t next;	   /* files with a lower index are done for all processes */
	bool by_process;   /* pd may name the probes of single processes */
	struct pair *done; /* a process and a file that it maps: done */
	size_t ndone, cap;
};

struct prov_later {
	struct wanted *wanted;
	size_t nwanted, cap;
	int *files; /* scratch: the files to match with one description */
	size_t nfiles, files_cap;
	pid_t *pids; /* scratch: the processes that one description may name */
	size_t npids, pids_cap;
};

/* ---- A description ------------------------------------------------------------------ */

struct giving {
	struct prov_env *env;
	struct wanted *to;
};

static bool found_with_id(void *arg, struct prov_probe *p)
{
	struct giving *g = arg;

	prov_give_id(g->env, p);
	return g->to->found(g->to->arg, p);
}

static int wanted_match(struct prov_env *env, struct wanted *d, pid_t pid)
{
	const struct prov_later *l = env->later;

	struct giving g = { env, d };

	return d->prov->match_files(env, &d->pd, l->files, l->nfiles, pid, found_with_id, &g);
}

static bool is_done(const struct wanted *d, pid_t pid, int file)
{
	for (size_t i = 0; i < d->ndone; i++)
		if (d->done[i].pid == pid && d->done[i].file == file)
			return true;
	return false;
}

static int done_push(struct prov_env *env, struct wanted *d, pid_t pid, int file)
{
	struct pair *slot = ARENA_PUSH(env->arena, d->done, d->ndone, d->cap);

	if (slot)
		*slot = (struct pair){ pid, file };
	return slot ? 0 : -ENOMEM;
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

/* Matches the process's files that are new to the description. !match: marks them as done only. */
static int wanted_of_process(struct prov_env *env, struct wanted *d, pid_t pid, bool match)
{
	struct prov_later *l = env->later;
	size_t n;
	const struct world_mapping *maps = world_mappings(env->world, pid, &n);
	int err = 0;

	l->nfiles = 0;
	for (size_t i = 0; i < n && !err; i++)
		if (!is_done(d, pid, maps[i].file) && !holds(l->files, l->nfiles, maps[i].file) &&
		    !file_push(l, maps[i].file))
			err = -ENOMEM;
	if (match && !err)
		err = wanted_match(env, d, pid);
	for (size_t i = 0; i < l->nfiles && !err; i++)
		if (!world_file_waits(env->world, l->files[i]))
			err = done_push(env, d, pid, l->files[i]);
	return err;
}

static int pid_push(struct prov_later *l, const struct wanted *d, pid_t pid)
{
	pid_t *slot;

	if ((l->npids && l->pids[l->npids - 1] == pid) || !d->prov->by_process(&d->pd, pid))
		return 0;
	slot = GROW_PUSH(l->pids, l->npids, l->pids_cap);
	if (slot)
		*slot = pid;
	return slot ? 0 : -ENOMEM;
}

/* Each process of the look that the description may name. look NULL: all processes, whose files are
 * only marked as done. */
static int wanted_of_each(struct prov_env *env, struct wanted *d, const struct world_look *look)
{
	struct prov_later *l = env->later;
	const struct world_mapping *maps;
	size_t n = 0;
	int err = 0;

	l->npids = 0;
	if (!look || look->all) {
		maps = world_mappings(env->world, 0, &n);
		for (size_t i = 0; i < n && !err; i++)
			err = pid_push(l, d, maps[i].pid);
	} else {
		for (size_t i = 0; i < look->npids && !err; i++)
			err = pid_push(l, d, look->pids[i]);
	}
	for (size_t i = 0; i < l->npids && !err; i++)
		err = wanted_of_process(env, d, l->pids[i], look);
	return err;
}

/* Matches files that waited to be opened, and files that are new to the description. */
static int wanted_of_all(struct prov_env *env, struct wanted *d, const struct world_look *look)
{
	struct prov_later *l = env->later;
	int err = 0;

	l->nfiles = 0;
	for (size_t i = 0; i < look->nagain && !err; i++)
		err = file_push(l, look->again[i]) ? 0 : -ENOMEM;
	for (; d->next < world_files_count(env->world) && !err; d->next++)
		err = file_push(l, (int)d->next) ? 0 : -ENOMEM;
	return err || !l->nfiles ? err : wanted_match(env, d, 0);
}

/* ---- All descriptions ------------------------------------------------------------------ */

static bool later_wants(void *arg, pid_t pid, bool known)
{
	const struct prov_env *env = arg;
	const struct prov_later *l = env->later;

	for (size_t i = 0; i < l->nwanted; i++) {
		const struct wanted *d = &l->wanted[i];

		if ((d->all && !known) || (d->by_process && d->prov->by_process(&d->pd, pid)))
			return true;
	}
	return false;
}

static int later_looked(void *arg, const struct world_look *look)
{
	struct prov_env *env = arg;
	struct prov_later *l = env->later;
	int err = 0;

	for (size_t i = 0; i < l->nwanted && !err; i++) {
		struct wanted *d = &l->wanted[i];

		if (d->all)
			err = wanted_of_all(env, d, look);
		if (d->by_process && !err)
			err = wanted_of_each(env, d, look);
	}
	return err;
}

int prov_watch_for(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
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
			      .all = !*pd->prov || text_is_glob(pd->prov),
			      .by_process = prov->by_process(pd, 0),
			      .next = world_files_count(env->world) };
	return d->by_process ? wanted_of_each(env, d, NULL) : 0;
}

void prov_later_close(struct prov_later *later)
{
	if (!later)
		return;
	free(later->files);
	free(later->pids);
}
