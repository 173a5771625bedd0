/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/format.c: parses printf formats (guide: chp-fmt).
 * In:   a format's bytes, escapes undone.
 * Out:  conversions, each with the text before it; text behind the last one is
 *       a conversion without verb.
 * Owns: nothing; all is in the arena.
 */
#include "d/inner.h"

#include <ctype.h>
#include <string.h>

#define MAX_WIDTH 65536	 /* wider than any terminal; keeps int arithmetic safe */
#define POINTER_WIDTH 16 /* of `?`: hexadecimal digits of an address */

struct reader {
	struct d *d;
	const char *s, *end;
	struct loc at;
};

static bool refuse(struct reader *r, const struct diag_tag *tag, const char *from, const char *what)
{
	int n = (int)(r->s - from) + (r->s < r->end);

	d_error(r->d, r->at, tag, "%s in conversion %.*s", what, n, from);
	return false;
}

static bool flag(struct reader *r, struct d_conv *c)
{
	switch (r->s < r->end ? *r->s : 0) {
	case '-': c->minus = true; break;
	case '+': c->plus = true; break;
	case ' ': c->space = true; break;
	case '#': c->alt = true; break;
	case '0': c->zero = true; break;
	case '\'': c->quote = true; break;
	default: return false;
	}
	r->s++;
	return true;
}

static int number(struct reader *r)
{
	int n = 0;

	for (; r->s < r->end && isdigit((unsigned char)*r->s); r->s++)
		n = n > MAX_WIDTH ? n : n * 10 + (*r->s - '0');
	return n;
}

static bool take(struct reader *r, char c)
{
	if (r->s == r->end || *r->s != c)
		return false;
	r->s++;
	return true;
}

static bool width_and_precision(struct reader *r, struct d_conv *c, const char *from)
{
	if (take(r, '*'))
		c->star_width = true;
	else if (take(r, '?'))
		c->width = POINTER_WIDTH;
	else
		c->width = number(r);
	if (take(r, '.')) {
		if (take(r, '*'))
			c->star_prec = true;
		else
			c->prec = number(r);
	}
	if (c->width > MAX_WIDTH || c->prec > MAX_WIDTH)
		return refuse(r, D_SYNTAX, from, "width or precision is too big");
	return true;
}

/* Reads the size letters; hh becomes H and ll becomes q. */
static void size_prefix(struct reader *r, struct d_conv *c)
{
	while (r->s < r->end && *r->s && strchr("hlLzjtqw", *r->s)) {
		c->length = c->length == *r->s ? (*r->s == 'h' ? 'H' :
						  *r->s == 'l' ? 'q' :
								 *r->s) :
						 *r->s;
		r->s++;
	}
}

/* Reads the part behind the @ of %@16d, which formats the aggregation's value. */
static bool of_aggregation(struct reader *r, struct d_conv *c, const char *from)
{
	while (flag(r, c))
		;
	if (r->s < r->end && (isdigit((unsigned char)*r->s) || *r->s == '.') &&
	    !width_and_precision(r, c, from))
		return false;
	size_prefix(r, c);
	c->agg_verb = r->s < r->end ? *r->s++ : 'd';
	return true;
}

static bool conversion(struct reader *r, struct d_conv *c)
{
	static const char verbs[] = "acCdeEfgGikopsSTuxXyY@A%";
	const char *from = r->s++;

	c->loc = r->at;
	c->prec = -1;
	while (flag(r, c))
		;
	if (!width_and_precision(r, c, from))
		return false;
	size_prefix(r, c);
	if (r->s == r->end)
		return refuse(r, D_SYNTAX, from, "missing conversion character");
	if (*r->s == '$')
		return refuse(r, D_SYNTAX, from, "%n$ is not supported: found");
	if (!*r->s || !strchr(verbs, *r->s))
		return refuse(r, D_SYNTAX, from, "unknown conversion character");
	c->verb = *r->s++;
	return c->verb != '@' || of_aggregation(r, c, from);
}

const struct d_format *d_format_parse(struct d *d, const char *s, size_t len, struct loc at)
{
	struct d_format *f = arena_new_of(d->arena, struct d_format);
	struct reader r = { d, s, s + len, at };
	size_t cap = 0;

	while (f && r.s < r.end) {
		const char *start = r.s, *pct = memchr(r.s, '%', (size_t)(r.end - r.s));
		struct d_conv *c = ARENA_PUSH(d->arena, f->convs, f->nconvs, cap);

		if (!c) {
			f = NULL;
			break;
		}
		r.s = pct ? pct : r.end;
		c->text = start;
		c->text_len = (size_t)(r.s - start);
		c->prec = -1;
		c->loc = at;
		if (pct && !conversion(&r, c))
			return NULL;
	}
	if (!f)
		d_error(d, NOWHERE, NULL, "out of memory");
	return f;
}
