/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/aggs.h: the consumer's table of aggregations: drained, kept by key, ordered.
 *
 * Programs count in maps. aggs_drain takes the counts since the last drain, by atomic exchange, and
 * adds them to the table. clear, trunc and normalize change only the table, so they lose no hit.
 * Call aggs_drain before them and before printing.
 *
 *   cells   aggregations without keys: a block of words for each CPU, mapped
 *   hashes  a hash for each CPU, behind an array of maps. Only programs read a hash
 *           (cc_drain_load), because any other access makes the kernel skip programs. A hash that
 *           is more than half full is replaced by an empty hash. The next drain drains the old hash
 *           once more, when no program holds it any longer.
 */
#ifndef CONSUMER_AGGS_H
#define CONSUMER_AGGS_H

#include "consumer/compile/compile.h"

struct aggs;

struct agg_row {
	const struct agg_desc *desc;
	unsigned char *key; /* components as ebpf/abi.h lays them out, struct rt_key not
				 * included; NULL: the aggregation has no keys */
	size_t key_len;	    /* with the zeros that fill the key up to its class */
	unsigned char
		*name; /* the key with its symbols as text; NULL: no symbols, or not merged yet */
	size_t name_len;
	uint64_t *words; /* as ebpf/abi.h says; word 0, hits, is 0 after a clear */
	int64_t normal;	 /* values are printed divided by this; 1 */
};

/* Borrows cc and prog. NULL: no memory. */
struct aggs *aggs_new(struct cc *cc, const struct d_prog *prog, uint32_t ncpu);
void aggs_free(struct aggs *a); /* closes hashes and programs; NULL accepted */

/* Maps the cells: `m` is CC_MAP_CELLS, whose map is made (m->fd). 0 or -errno. */
int aggs_cells(struct aggs *a, const struct cc_map *m);
/* `m` is a CC_M_AGG map with its entries. Makes a hash for each CPU, the program that drains them,
 * and the array of maps. Returns the array's descriptor, for the caller to close, or -errno. */
int aggs_map_make(struct aggs *a, struct cc_map *m);

/* Takes all counts. An error leaves counts in the maps. 0 or the first -errno. */
int aggs_drain(struct aggs *a);

/* ---- Symbols in keys --------------------------------------------------------------------- */

enum { AGGS_SYMBOL = 512 }; /* a symbol's text, NUL included */
/* Writes the text of a KSYM or USYM. */
typedef void aggs_symbol_fn(void *arg, const struct rec_value *v, char *buf, size_t size);
/* Have rows been drained since the last merge that have symbols in their keys? */
bool aggs_unmerged(const struct aggs *a);
/* Merges rows whose keys are printed alike. Call it after each drain. 0 or -errno. */
int aggs_merge(struct aggs *a, aggs_symbol_fn *symbol, void *arg);

/* ---- The table: by aggregation (d_agg.id) ----------------------------------------------- */

size_t aggs_count(const struct aggs *a, int agg); /* rows */
/* `size_t at = 0; while ((row = aggs_next(a, agg, &at)))`: in the order in which keys were first
 * drained. Borrowed until the next drain or change. */
struct agg_row *aggs_next(const struct aggs *a, int agg, size_t *at);
/* NULL: there is no aggregation of that number. */
const struct agg_desc *aggs_desc(const struct aggs *a, int agg);

void aggs_clear(struct aggs *a, int agg); /* values become zero, keys stay */
/* Keeps the n largest rows, by their printed values (n < 0: the -n smallest; 0: no row). -ENOMEM:
 * nothing has changed. */
int aggs_trunc(struct aggs *a, int agg, int64_t n);
void aggs_normalize(struct aggs *a, int agg, int64_t factor); /* 1: denormalize */

/* ---- Rows ---------------------------------------------------------------------------------- */

/* Reads the components of a row's key into v[0..nkeys). If the row is merged, a symbol's `bytes`
 * are its text. False: the key is too short, or no memory. */
bool aggs_key_values(struct rec_value *v, const struct agg_row *r);
bool aggs_is_distribution(const struct agg_desc *desc);
int64_t aggs_number(const struct agg_row *r); /* 0: a distribution */
/* The hits in bucket i of a distribution (the first is 0), divided by the normal. */
int64_t aggs_bucket(const struct agg_row *r, size_t i);

struct aggs_order {
	bool by_key, reverse;
	size_t key_pos, value_pos; /* the component, the column that is compared first */
};
/* Sorts lines of `width` rows: a column for each aggregation. All rows of a line have its key. */
void aggs_sort(struct agg_row *rows, size_t nlines, size_t width, const struct aggs_order *order);

#endif
