/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/inner.h: what the files of aggs/ share.
 *   table.c   the tables, from new to free   rows.c    rows by key
 *   drain.c   counts from maps               value.c   the value of a row's words
 *   key.c     components of keys             merge.c   rows whose symbols are printed alike
 *   order.c   the order of rows
 */
#ifndef CONSUMER_AGGS_INNER_H
#define CONSUMER_AGGS_INNER_H

#include "consumer/aggs/aggs.h"
#include "base/hash.h"
#include "ebpf/ebpf.h"
#include "ebpf/rings.h"

#define CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

struct agg_table {
	const struct agg_desc *desc;
	struct hash *rows;
	struct hash *names; /* rows by name; NULL: keys have no symbols */
	size_t nfresh;	    /* rows without a name yet */
};

/* One CC_M_AGG map: the hashes for one class of keys and values. */
struct agg_class {
	int outer, prog;
	struct cc_map desc;
	int *maps; /* as in `outer`: by CPU, then swapped-out hashes by CPU; -1: no hash */
};

struct aggs {
	struct cc *cc;
	uint32_t ncpu;
	struct agg_table *tables; /* by d_agg.id */
	size_t ntables;
	uint64_t *cells;	   /* mapped */
	size_t cells_bytes, block; /* words of a CPU */
	struct agg_class *classes;
	size_t nclasses;
	struct ebpf_rings ring; /* drain programs write to it; n 0: no class yet */
	unsigned char *buf;	/* RT_DRAIN_RING bytes */
};

/* ---- rows.c ----------------------------------------------------------------- */

/* The row of a key, made if it is new; NULL: no memory. */
struct agg_row *aggs_row(struct agg_table *t, const unsigned char *key, size_t len);

void aggs_row_drop(struct agg_table *t, struct agg_row *row);
void aggs_row_free(void *row);

/* ---- key.c, merge.c ------------------------------------------------------------- */

/* aggs_key_values without the text of symbols. ends[i + 1]: where component i ends in the key. */
bool aggs_key_parts(struct rec_value *v, size_t *ends, const struct agg_row *r);
bool aggs_has_symbols(const struct agg_desc *desc);

/* ---- drain.c ------------------------------------------------------------------ */

void aggs_maps_close(struct aggs *a); /* hashes, programs, ring, mapping */

/* ---- value.c ------------------------------------------------------------------ */

/* Adds word `i` of a drained value. */
void aggs_word_add(struct agg_row *row, uint32_t i, uint64_t v);
/* Compares values: < 0, 0, > 0. */
int aggs_value_cmp(const struct agg_row *a, const struct agg_row *b);
uint64_t aggs_sqrt128(unsigned __int128 v);

#endif
