/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/bars.c: the bars of distributions and of -x agghist.
 * In:   counts, which may be negative, and the total that they are parts of.
 * Out:  text.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#define BAR 40
#define ZOOM_MAX 0.95L /* with aggzoom the largest bucket fills this part of the bar */

void out_bars_add(const struct out *o, struct out_bars *b, int64_t n)
{
	long double size = n < 0 ? -(long double)n : (long double)n;

	b->positive |= n > 0;
	b->negative |= n < 0;
	if (!out_opt(o->opt.aggzoom))
		b->total += size;
	else if (size / ZOOM_MAX > b->total)
		b->total = size / ZOOM_MAX;
}

void out_put_bars_head(struct out *o, int width, const char *column)
{
	out_printf(o, "\n%*s %41s %-9s\n", width, column,
		   "------------- Distribution -------------", "count");
}

void out_put_bar(struct out *o, const struct out_bars *b, int64_t count, int64_t shown)
{
	size_t len = b->positive && b->negative ? BAR / 2 : BAR, depth = 0;
	long double size = count < 0 ? -(long double)count : (long double)count;

	if (b->total > 0)
		depth = (size_t)(size * (long double)len / b->total + 0.5L);
	if (depth > len)
		depth = len;
	if (!b->negative) {
		out_putc(o, '|');
		out_fill(o, '@', depth);
		out_fill(o, ' ', len - depth);
	} else if (!b->positive) {
		out_fill(o, ' ', len - depth);
		out_fill(o, '@', depth);
		out_putc(o, '|');
	} else if (count <= 0) {
		out_fill(o, ' ', len - depth);
		out_fill(o, '@', depth);
		out_putc(o, '|');
		out_fill(o, ' ', len);
	} else {
		out_fill(o, ' ', len);
		out_putc(o, '|');
		out_fill(o, '@', depth);
		out_fill(o, ' ', len - depth);
	}
	out_putc(o, ' ');
	out_put_int(o, shown, -9);
	out_putc(o, '\n');
}
