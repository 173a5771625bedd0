/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/forget.c: forgets the histories of ended processes that later output cannot name.
 * In:   the history of mappings, the aggregations' keys, the records kept.
 * Out:  a history of bounded size.
 * Owns: nothing.
 *
 * A record names its process at a time. Records up to the last drain have been printed, except
 * those that bufpolicy=ring keeps. A key names a process without a time, as long as the key is in
 * the table. As in garbage collection, the next sweep comes when there are twice as many histories
 * as the last sweep left. bufpolicy=fill prints only at the end, so nothing is forgotten there.
 */
#include "consumer/run/inner.h"

#include <stdlib.h>

enum { FEW = 1024 };

/* So long after a process has ended, the programs that ran in it have added all their hits. */
static const uint64_t settled_ns = 2000000000;

static bool pids_of_row(struct hash *pids, const struct agg_row *row, struct rec_value *values)
{
	if (!aggs_key_values(values, row))
		return true;
	for (size_t i = 0; i < row->desc->nkeys; i++) {
		uint32_t pid = values[i].owner.pid;

		if ((values[i].kind == REC_USTACK || values[i].kind == REC_USYM) &&
		    hash_set(pids, &pid, sizeof(pid), pids, NULL))
			return false;
	}
	return true;
}

static bool pids_of_agg(struct hash *pids, const struct aggs *a, int agg)
{
	const struct agg_desc *desc = aggs_desc(a, agg);
	struct rec_value *values = calloc(desc->nkeys + 1, sizeof(*values));
	const struct agg_row *row;
	bool ok = values, any = false;
	size_t at = 0;

	for (size_t i = 0; i < desc->nkeys; i++)
		any |= desc->kinds[i] == REC_USTACK || desc->kinds[i] == REC_USYM;
	while (ok && any && (row = aggs_next(a, agg, &at)))
		ok = pids_of_row(pids, row, values);
	free(values);
	return ok;
}

/* The processes that keys name; NULL: no memory. */
static struct hash *pids_in_keys(const struct aggs *a)
{
	struct hash *pids = hash_new();
	bool ok = pids;

	for (int agg = 0; ok && aggs_desc(a, agg); agg++)
		ok = pids_of_agg(pids, a, agg);
	if (ok)
		return pids;
	hash_free(pids, NULL);
	return NULL;
}

static bool is_needed(void *arg, pid_t pid)
{
	uint32_t key = (uint32_t)pid;

	return hash_get(arg, &key, sizeof(key));
}

void run_forget(struct run *r, uint64_t drained)
{
	uint64_t slack = settled_ns + 2 * (uint64_t)r->opts.value[RUN_OPT_aggrate], until;
	struct hash *pids;

	if (!r->history || r->opts.value[RUN_OPT_bufpolicy] == RUN_FILL ||
	    world_history_ended(r->history) < FEW || world_history_ended(r->history) < r->forget_at)
		return;
	until = drained < slack ? 0 : drained - slack;
	if (r->keep && run_keep_oldest(r->keep) < until)
		until = run_keep_oldest(r->keep);
	pids = pids_in_keys(r->aggs);
	if (!pids)
		return;
	world_history_forget(r->history, until, is_needed, pids);
	r->forget_at = 2 * world_history_ended(r->history);
	hash_free(pids, NULL);
}
