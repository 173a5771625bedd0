/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/aggs.c: rows of aggregations to text, with a format or without.
 * In:   rows of one aggregation, or lines of several joined by key.
 * Out:  text, sorted as the options say.
 * Owns: nothing; the caller owns the rows, which are reordered.
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

/* An integer's width follows its size. Others have 16 columns, in lines of agghist and aggpack. */
static int key_width(const struct rec_value *v)
{
	static const int widths[] = { [1] = 3, [2] = 5, [4] = 8, [8] = 16 };

	return v->kind == REC_INT && v->size < COUNT(widths) && widths[v->size] ? widths[v->size] :
										  16;
}

/* A key's component, as wide as DTrace prints it without a format. */
static void put_key(struct out *o, const struct rec_value *v, enum out_picture picture)
{
	switch (v->kind) {
	case REC_INT:
		out_putc(o, ' ');
		if (v->is_signed)
			out_put_int(o, (int64_t)v->i, key_width(v));
		else
			out_put_uint(o, v->i, key_width(v));
		break;
	case REC_STRING:
	case REC_BYTES:
		out_puts(o, picture == OUT_PLAIN ? "  " : " ");
		out_put_wide(o, v->bytes, v->len, picture == OUT_PLAIN ? -50 : key_width(v));
		break;
	default: out_put_place(o, v);
	}
}

static int key_values(struct out *o, const struct agg_row *row)
{
	if (!out_values_room(o, row->desc->nkeys))
		return -ENOMEM;
	return aggs_key_values(o->values, row) ? 0 : -EBADMSG;
}

/* A key, then the values of its `width` rows. */
static int line_print(struct out *o, const struct d_format *f, const struct out_scale *scale,
		      const struct agg_row *rows, size_t width)
{
	const struct agg_desc *desc = rows[0].desc;
	int err = key_values(o, &rows[0]);

	if (err)
		return err;
	if (f)
		return out_format(o, f, o->values, desc->nkeys, rows, width);
	for (size_t i = 0; i < desc->nkeys; i++)
		put_key(o, &o->values[i], scale->picture);
	if (scale->picture != OUT_PLAIN) {
		out_put_scaled(o, scale, &rows[0]);
		return o->err;
	}
	for (size_t i = 0; i < width; i++)
		out_put_agg(o, &rows[i]);
	out_putc(o, '\n');
	return o->err;
}

static int head_print(struct out *o, const struct out_scale *scale, const struct agg_row *row)
{
	int err = key_values(o, row), width = 0;

	for (size_t i = 0; !err && i < row->desc->nkeys; i++)
		width += key_width(&o->values[i]) + 1;
	if (!err)
		out_put_scale_head(o, scale, row, width);
	return err;
}

int out_lines_print(struct out *o, const struct d_format *f, struct agg_row *rows, size_t nlines,
		    size_t width)
{
	struct aggs_order order = out_order(o);
	struct out_scale scale = { .picture = OUT_PLAIN };
	int err = 0;

	if (!f && width == 1)
		scale = out_scale(o, rows, nlines);
	aggs_sort(rows, nlines, width, &order);
	if (scale.picture != OUT_PLAIN)
		err = head_print(o, &scale, &rows[0]);
	for (size_t i = 0; !err && i < nlines; i++)
		err = line_print(o, f, &scale, rows + i * width, width);
	return err;
}
