/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/output/inner.h: what the files of output/ share.
 *   put.c     the buffer, padded text, integers      printf.c  formats
 *   value.c   fields and keys to values              record.c  heads of lines, trace(), actions
 *   stack.c   stacks and symbols as text             dist.c    values of aggregations
 *   aggs.c    rows of aggregations                   table.c   printa and its kin on the table
 *   file.c    freopen, ftruncate, system
 *   ksym.c    symbols of the kernel                  usym.c    symbols of processes
 */
#ifndef CONSUMER_OUTPUT_INNER_H
#define CONSUMER_OUTPUT_INNER_H

#include "base/arena.h"
#include "consumer/output/output.h"

enum { OUT_BUF = 64 << 10, OUT_SYM = 512 }; /* a symbol's text, NUL included */

/* -F: the indent of a CPU and the probe that fired there last. */
struct out_flow {
	int indent;
	bool any;
	uint32_t last_probe;
	const struct rec_desc *last_desc;
};

struct out {
	FILE *file; /* the caller's */
	struct out_options opt;
	char *buf; /* OUT_BUF bytes, len of them not written yet */
	size_t len;
	int err; /* the first failure to write, -errno; nothing is printed after it */
	bool headed;
	struct out_flow *flow; /* by CPU */
	size_t nflow;
	struct rec_value *values; /* of the action being printed */
	size_t values_cap;
	bool *printed; /* aggregations that printa printed, by id */
	size_t nprinted;
	struct world_history *history; /* borrowed */
	uint64_t
		time; /* of the record at hand: user addresses are shown with the symbols of that time */
	int saved_fd;  /* where the file went before the first freopen; -1: no freopen yet */
	char *capture; /* the text of system and freopen, while `capturing`: not for the file */
	size_t capture_len, capture_cap;
	bool capturing;
};

static inline int64_t out_opt(const int64_t *option)
{
	return option ? *option : 0;
}

/* ---- put.c ---------------------------------------------------------------- */

void out_put(struct out *o, const char *s, size_t n);
void out_puts(struct out *o, const char *s);
void out_fill(struct out *o, char c, size_t n);
static inline void out_putc(struct out *o, char c)
{
	if (o->len < OUT_BUF && !o->capturing && !o->err)
		o->buf[o->len++] = c;
	else
		out_put(o, &c, 1);
}
/* Text that a process or a file chose, printed without control bytes. */
void out_put_printable(struct out *o, const char *s, size_t n);
/* width < 0: left-aligned. */
void out_put_wide(struct out *o, const char *s, size_t n, int64_t width);
void out_put_int(struct out *o, int64_t v, int width);
void out_put_uint(struct out *o, uint64_t v, int width);
/* Writes the decimal digits of v before `end`; returns the first digit. */
char *out_digits(uint64_t v, char *end);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- value.c --------------------------------------------------------------- */

/* False: the record is too short for the field (a bug of the record's maker). */
bool out_value_field(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec);
/* Room for n values in o->values; false: no memory. */
bool out_values_room(struct out *o, size_t n);

/* ---- stack.c ---------------------------------------------------------------- */

/* A line for each frame, indented; `conv`: %k's width for each, or NULL. */
void out_put_stack(struct out *o, const struct rec_value *v, const struct d_conv *conv, int indent);
/* The symbol of an address, printable; owner NULL: an address of the kernel. */
void out_addr_text(struct out *o, const struct rt_owner *owner, uint64_t addr, enum d_symbol how,
		   char buf[OUT_SYM]);
/* The symbol of a KSYM or USYM, printable. */
void out_sym_text(struct out *o, const struct rec_value *v, char buf[OUT_SYM]);
void out_put_place(struct out *o,
		   const struct rec_value *v); /* a stack or a symbol, without a format */

/* ---- aggregations -------------------------------------------------------------- */

/* bars.c: add all counts that share a scale, then print each. */
struct out_bars {
	long double total;
	bool positive, negative; /* there are such counts */
};
void out_bars_add(const struct out *o, struct out_bars *b, int64_t count);
void out_put_bars_head(struct out *o, int width, const char *column);
/* A bar, then the number `shown` and the line's end. */
void out_put_bar(struct out *o, const struct out_bars *b, int64_t count, int64_t shown);

/* packed.c: -x agghist and -x aggpack, without a format. */
enum out_picture { OUT_PLAIN, OUT_HISTOGRAM, OUT_PACKED };
struct out_scale {
	enum out_picture picture;
	struct out_bars bars; /* HISTOGRAM */
	size_t first, last;   /* PACKED: buckets */
};
/* The scale that all rows of an aggregation share. */
struct out_scale out_scale(const struct out *o, const struct agg_row *rows, size_t n);
/* key_width: the width of the keys before a row's value; 0: no keys. */
void out_put_scale_head(struct out *o, const struct out_scale *s, const struct agg_row *r,
			int key_width);
void out_put_scaled(struct out *o, const struct out_scale *s, const struct agg_row *r);

/* dist.c: the least value of quantize's bucket. */
int64_t out_quantize_value(size_t bucket);

/* dist.c: prints the value: a number, or a bar for each bucket. */
void out_put_agg(struct out *o, const struct agg_row *r);

/* aggs.c: the order of rows that the options ask for. */
struct aggs_order out_order(const struct out *o);
/* Sorts and prints lines of `width` rows: a row for each aggregation. */
int out_lines_print(struct out *o, const struct d_format *f, struct agg_row *rows, size_t nlines,
		    size_t width);

/* ---- printf.c ---------------------------------------------------------------- */

/* values in the order of the format's conversions (* included); rows: what %@ shows, in order. */
int out_format(struct out *o, const struct d_format *f, const struct rec_value *values, size_t n,
	       const struct agg_row *rows, size_t nrows);
/* Formats the values of a record by the action's format: printf, system and freopen. */
int out_act_format(struct out *o, const struct rec_action *act, const struct rt_rec *rec);

/* ---- actions, by d/builtins.def ------------------------------------------------ */

typedef int out_action_fn(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
			  struct aggs *aggs);
out_action_fn out_act_printa, out_act_clear, out_act_trunc, out_act_normalize, out_act_denormalize;
out_action_fn out_act_system, out_act_freopen, out_act_ftruncate;

#endif
