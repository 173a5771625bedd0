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

/* file: where to print; the caller owns it. */
struct out *out_new(FILE *file, const struct out_options *opt);
void out_free(struct out *o);

/* Carries out one action of a record; call it for the actions in their order. Actions that the
 * kernel or the run carries out print nothing. 0; -errno: the output cannot be written, or the
 * action failed; -ENOTSUP: this version lacks the action. */
int out_action(struct out *o, const struct rec_desc *desc, const struct rec_action *act,
	       const struct rt_rec *rec, struct aggs *aggs);
/* The default output: "CPU     ID                    FUNCTION:NAME" once, a head before the actions
 * of a record, and the line's end after them. With -F the head is indented. Quiet: only -F's. */
int out_record_begin(struct out *o, const struct rec_desc *desc, const struct rt_rec *rec, int cpu,
		     const struct out_probe *probe);
int out_record_end(struct out *o);
/* At exit: prints the aggregations that printa has not printed, as DTrace does. */
int out_aggs_print(struct out *o, struct aggs *aggs);
int out_flush(struct out *o);
/* An aggs_symbol_fn; the argument is a struct out. */
void out_key_symbol(void *out, const struct rec_value *v, char *buf, size_t size);

/* ---- Symbols -------------------------------------------------------------- */

/* The mappings that name user addresses; borrowed. */
void out_set_history(struct out *o, struct world_history *h);

/* "module`symbol+0x10" or 0xaddr into buf. */
void out_ksym(char *buf, size_t size, uint64_t addr, enum d_symbol how);
void out_usym(const struct world_history *h, char *buf, size_t size, const struct rt_owner *owner,
	      uint64_t addr, uint64_t time, enum d_symbol how);

#endif
