/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/inner.h: what the compiler's files share.
 *
 *   emit.c    instructions, labels, relocations     layout.c  cc_new: variables, records, keys, maps
 *   unit.c    cc_plan: main and its clauses         clause.c  statements and actions
 *   expr.c    values     string.c  strings          var.c     variables, associative arrays
 *   key.c     tuples     agg.c     aggregations     rec.c     records
 *   builtin.c built-in variables                    refuse.c  what this version has not
 *   link.c    functions to an image                 drain.c   the drain programs
 */
#ifndef CONSUMER_COMPILE_INNER_H
#define CONSUMER_COMPILE_INNER_H

#include "consumer/compile/compile.h"
#include "consumer/compile/emit.h"

#include <errno.h>
#include <string.h>

/* One program before it is linked. funcs[0] is main; then the clauses' functions, the error
 * clauses' functions and helpers of the unit; CC_R_CALL's targets index this array. */
struct cc_func_set {
	struct cc_unit unit;		/* a copy; its clauses and args too */
	struct cc_func **funcs;
	size_t nfuncs, cap;
	bool scratch;			/* some function takes the slot (nparams 3) */
	int fault_func;			/* index of the function that records a fault; -1: none */
};

enum { CC_MAXMAPS = 128 };

struct cc {
	struct arena *arena;
	struct diag *diag;
	struct d *d;
	const struct d_prog *prog;
	struct cc_options opt;
	struct cc_kernel kernel;
	struct cc_map maps[CC_MAXMAPS];	/* by id: CC_NFIXEDMAPS fixed ones, then classes */
	size_t nmaps;
	uint32_t ncpu2;			/* opt.ncpu rounded up to a power of two */
	uint32_t str_room;		/* RT_STR_ROOM(strsize) */
	uint32_t str_cell;		/* a string global's or self's bytes: strsize rounded up to 8 */

	/* Offsets by variable id. */
	uint32_t *global_off, *self_off, *this_off;
	uint32_t globals_size, self_size, this_size;
	uint32_t cells_block;		/* bytes of a CPU's block in `cells` */
	uint32_t slot_size;		/* of scratch, RT_SLOT_PAD included: final after the last cc_plan */
	uint32_t rec_off, rec_max;	/* the record's place in a slot, and its largest size */
	uint32_t zero_size;		/* bytes of CC_MAP_ZERO */

	struct rec_desc *recs;		/* by clause */
	struct agg_desc *aggs;		/* by aggregation */
	bool uses_usyms, uses_vtimestamp, uses_probes;

	const int *error_clauses;
	size_t nerror_clauses;
	uint32_t error_probe;
	bool failed;			/* an error was reported */
};

/* The class map for keys of class bytes and values of value_size; made when first asked. -1: too many. */
int cc_class_map(struct cc *cc, enum cc_mapkind kind, uint32_t key_class, uint32_t value_size);

struct cc_func *cc_func_new(struct arena *a, const char *name);

#endif
