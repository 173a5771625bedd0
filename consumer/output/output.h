/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/output/output.h: records and aggregations to text, as the
 * guide's chp-fmt, chp-aggs and chp-actsub print them.
 */
#ifndef CONSUMER_OUTPUT_H
#define CONSUMER_OUTPUT_H

#include "consumer/records.h"
#include "consumer/aggs/aggs.h"
#include "world/world.h"

#include <stdio.h>

struct out;

struct out_options { /* pointers into run's option values: setopt changes them live */
	const int64_t *quiet, *flowindent, *rawbytes, *stackindent;
	const int64_t *aggsortkey, *aggsortkeypos, *aggsortpos, *aggsortrev, *aggzoom, *aggpack,
		*agghist;
};
struct out_probe {
	uint32_t id;
	const char *func, *name;
	const char *enter, *leave; /* -F's arrows, blanks included; NULL: " -> " and " <- " */
};

/* file: where to print; owned by the caller until freopen(). */
struct out *out_new(FILE *file, const struct out_options *opt);
void out_free(struct out *o);

/* One action of a record, in order; run calls it for those that print or act on aggregations'
 * tables (printf, trace, tracemem, printa, stack, ustack, sym …, clear, trunc, normalize,
 * denormalize, system, freopen). 0; -EPIPE and its kin when the output is gone; -ENOTSUP. */
int out_action(struct out *o, const struct rec_desc *desc, const struct rec_action *act,
	       const struct rt_rec *rec, struct aggs *aggs);
/* "CPU     ID                    FUNCTION:NAME" once, then the line's head for a record (before
 * its actions) and its end: the default output; -F's indenting. Nothing when quiet. */
int out_record_begin(struct out *o, const struct rec_desc *desc, const struct rt_rec *rec, int cpu,
		     const struct out_probe *probe);
int out_record_end(struct out *o);
/* All aggregations not printed yet by printa, at exit, as DTrace does. */
int out_aggs_print(struct out *o, struct aggs *aggs);
int out_flush(struct out *o);
/* An aggs_symbol_fn; the argument is a struct out. */
void out_key_symbol(void *out, const struct rec_value *v, char *buf, size_t size);

/* ---- Symbols -------------------------------------------------------------- */

/* Whose mappings name user addresses; borrowed. */
void out_set_history(struct out *o, struct world_history *h);

/* "module`symbol+0x10" or 0xaddr into buf. */
void out_ksym(char *buf, size_t size, uint64_t addr, enum d_symbol how);
void out_usym(const struct world_history *h, char *buf, size_t size, const struct rt_owner *owner,
	      uint64_t addr, uint64_t time, enum d_symbol how);

#endif
