/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/aggs_fake.h: a small table of aggregations with the functions
 * that consumer/output calls, in place of consumer/aggs.
 */
#ifndef AGGS_FAKE_H
#define AGGS_FAKE_H

#include "consumer/aggs/aggs.h"

#include <string.h>

struct aggs {
	size_t n;
	struct {
		struct agg_desc desc;
		struct d_agg agg;
		struct agg_row rows[8];
		uint64_t words[8][140];
		uint64_t keys[8][16];
		size_t nrows;
	} t[4];
	int trunced;
	int64_t kept;
};

size_t aggs_count(const struct aggs *a, int agg)
{
	return a->t[agg].nrows;
}

struct agg_row *aggs_next(const struct aggs *a, int agg, size_t *at)
{
	return *at < a->t[agg].nrows ? (struct agg_row *)&a->t[agg].rows[(*at)++] : NULL;
}

const struct agg_desc *aggs_desc(const struct aggs *a, int agg)
{
	return (size_t)agg < a->n ? &a->t[agg].desc : NULL;
}

void aggs_clear(struct aggs *a, int agg)
{
	memset(a->t[agg].words, 0, sizeof(a->t[agg].words));
}

int aggs_trunc(struct aggs *a, int agg, int64_t n)
{
	a->trunced = agg;
	a->kept = n;
	return 0;
}

void aggs_normalize(struct aggs *a, int agg, int64_t factor)
{
	for (size_t i = 0; i < a->t[agg].nrows; i++)
		a->t[agg].rows[i].normal = factor;
}

#endif
