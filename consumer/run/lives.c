/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/lives.c: keeps processes that are traced alone attached after their first thread.
 * In:   events of processes.
 * Out:  units to attach again: the process goes on without its first thread, or another thread's
 *       exec has renewed it.
 * Owns: nothing; the run owns the list.
 */
#include "consumer/run/inner.h"

static bool is_traced_alone(const struct run *r, pid_t pid)
{
	for (size_t i = 0; i < r->nunits; i++)
		if (r->units[i]->cc.pid == pid)
			return true;
	return false;
}

static void life_change(struct run *r, const struct world_event *ev)
{
	struct life *life = NULL;

	for (size_t i = 0; i < r->nlives; i++)
		if (r->lives[i].pid == ev->pid)
			life = &r->lives[i];
	if (life && ev->kind == WORLD_EV_EXEC)
		life->renewed = true;
	else if (life && ev->kind == WORLD_EV_FORK)
		*life = r->lives[--r->nlives]; /* a new process has this id */
	else if (!life && ev->kind == WORLD_EV_EXIT && is_traced_alone(r, ev->pid) &&
		 (life = ARENA_PUSH(r->arena, r->lives, r->nlives, r->lives_cap)))
		/* From now on perf events miss the hits of the other threads. */
		*life = (struct life){ .pid = ev->pid, .ending = !kern_has(KERN_F_uprobe_multi) };
}

bool run_units_ending(const struct run *r)
{
	for (size_t i = 0; i < r->nlives; i++)
		if (r->lives[i].ending)
			return true;
	return false;
}

/* The kernel reports a thread's end a moment before the end can be seen. */
static void life_settle(struct life *life)
{
	if (world_first_thread_ended(life->pid))
		life->renewed = true;
	else if (world_has_ended(life->pid))
		life->ending = false;
}

/* Drops the old links before new links are attached, because both would count a hit. */
void run_units_renew(struct run *r)
{
	for (size_t i = r->nlives; i > 0; i--) {
		struct life *life = &r->lives[i - 1];

		if (life->ending)
			life_settle(life);
		if (!life->renewed)
			continue;
		prov_links_drop(r->links, life->pid);
		for (size_t k = 0; k < r->nunits; k++)
			if (r->units[k]->cc.pid == life->pid)
				r->units[k]->attached = 0;
		*life = r->lives[--r->nlives];
	}
}

void run_mapping_event(void *arg, const struct world_event *ev)
{
	struct run *r = arg;

	life_change(r, ev);
	if (r->history)
		world_history_feed(r->history, ev);
}
