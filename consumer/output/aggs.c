/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/aggs.c: rows of aggregations to text, with a format or without.
 * In:   rows of one aggregation, or lines of several joined by key.
 * Out:  text, sorted as the options say.
 * Owns: nothing; the rows are the caller's and are reordered.
 */
#include "consumer/output/inner.h"

#include <errno.h>
#include <string.h>

struct aggs_order out_order(const struct out *o)
{
	int64_t key = out_opt(o->opt.aggsortkeypos), value = out_opt(o->opt.aggsortpos);

	return (struct aggs_order){ .by_key = out_opt(o->opt.aggsortkey),
				    .reverse = out_opt(o->opt.aggsortrev),
				    .key_pos = key > 0 ? (size_t)key : 0,
				    .value_pos = value > 0 ? (size_t)value : 0 };
}

/* A key's component, as wide as DTrace prints it without a format. */
static void put_key(struct out *o, const struct rec_value *v)
{
	static const int widths[] = { [1] = 3, [2] = 5, [4] = 8, [8] = 16 };

	switch (v->kind) {
	case REC_INT: {
		int w = v->size < COUNT(widths) && widths[v->size] ? widths[v->size] : 16;

		out_putc(o, ' ');
		if (v->is_signed)
			out_put_int(o, (int64_t)v->i, w);
		else
			out_put_uint(o, v->i, w);
		break;
	}
	case REC_STRING:
	case REC_BYTES:
		out_puts(o, "  ");
		out_put_wide(o, v->bytes, v->len, -50);
		break;
	default: out_put_place(o, v);
	}
}

/* A key, then the values of its `width` rows. */
static int line_print(struct out *o, const struct d_format *f, const struct agg_row *rows,
		      size_t width)
{
	const struct agg_desc *desc = rows[0].desc;

	if (!out_values_room(o, desc->nkeys))
		return -ENOMEM;
	if (!aggs_key_values(o->values, &rows[0]))
		return -EBADMSG;
	if (f)
		return out_format(o, f, o->values, desc->nkeys, rows, width);
	for (size_t i = 0; i < desc->nkeys; i++)
		put_key(o, &o->values[i]);
	for (size_t i = 0; i < width; i++)
		out_put_agg(o, &rows[i]);
	out_putc(o, '\n');
	return o->err;
}

int out_lines_print(struct out *o, const struct d_format *f, struct agg_row *rows, size_t nlines,
		    size_t width)
{
	struct aggs_order order = out_order(o);
	int err = 0;

	aggs_sort(rows, nlines, width, &order);
	for (size_t i = 0; !err && i < nlines; i++)
		err = line_print(o, f, rows + i * width, width);
	return err;
}
