/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/keep.c: bufpolicy=ring: the last records of each CPU, kept until the end.
 * In:   records as they are drained.
 * Out:  the records that the buffer of their CPU still holds, oldest first.
 * Owns: a buffer of bufsize bytes for each CPU, allocated as it fills up.
 *
 * The consumer keeps the records, not the kernel. A program that overwrites the oldest record would
 * have to tell the reader, and programs that it interrupted, which records are whole. Here every
 * record is whole.
 */
#include "consumer/run/inner.h"

#include <stdlib.h>
#include <string.h>

struct kept {
	struct kept *next;
	uint32_t len;
	struct rt_rec rec[]; /* len bytes */
};
struct lane { /* the records of a CPU */
	struct kept *first, **end;
	uint64_t bytes;
};
struct keep {
	uint64_t size;
	uint32_t n;
	struct lane lane[];
};

struct keep *run_keep_new(uint32_t ncpu, uint64_t size)
{
	struct keep *k = calloc(1, sizeof(*k) + ncpu * sizeof(k->lane[0]));

	if (!k)
		return NULL;
	k->size = size;
	k->n = ncpu;
	for (uint32_t i = 0; i < ncpu; i++)
		k->lane[i].end = &k->lane[i].first;
	return k;
}

static void oldest_drop(struct lane *l)
{
	struct kept *old = l->first;

	l->first = old->next;
	if (!l->first)
		l->end = &l->first;
	l->bytes -= old->len;
	free(old);
}

bool run_keep_add(struct keep *k, int cpu, const struct rt_rec *rec, uint32_t len)
{
	struct lane *l = &k->lane[cpu];
	struct kept *new = len <= k->size ? malloc(sizeof(*new) + len) : NULL;

	if (!new)
		return false;
	while (l->bytes + len > k->size)
		oldest_drop(l);
	new->next = NULL;
	new->len = len;
	memcpy(new->rec, rec, len);
	*l->end = new;
	l->end = &new->next;
	l->bytes += len;
	return true;
}

bool run_keep_drain(struct keep *k, bool temporal, ebpf_rings_fn *fn, void *arg)
{
	for (;;) {
		int best = -1;
		bool go_on;

		for (uint32_t i = 0; i < k->n; i++)
			if (k->lane[i].first &&
			    (best < 0 || (temporal && k->lane[i].first->rec->time <
							      k->lane[best].first->rec->time)))
				best = (int)i;
		if (best < 0)
			return true;
		go_on = fn(arg, best, k->lane[best].first->rec, k->lane[best].first->len);
		oldest_drop(&k->lane[best]);
		if (!go_on)
			return false;
	}
}

uint64_t run_keep_oldest(const struct keep *k)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < k->n; i++)
		if (k->lane[i].first && k->lane[i].first->rec->time < oldest)
			oldest = k->lane[i].first->rec->time;
	return oldest;
}

void run_keep_free(struct keep *k)
{
	for (uint32_t i = 0; k && i < k->n; i++)
		while (k->lane[i].first)
			oldest_drop(&k->lane[i]);
	free(k);
}
