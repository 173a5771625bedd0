/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/printf.c: prints values by a format (guide: chp-fmt).
 * In:   a parsed format, values in the order of its conversions, rows for %@.
 * Out:  text. The common conversions go straight into the buffer; only
 *       floating point uses the C library's printf.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define NANOSEC 1000000000ull

typedef void conv_fn(struct out *o, const struct d_conv *c, const struct rec_value *v);

static int64_t wide(const struct d_conv *c)
{
	return c->minus ? -(int64_t)c->width : c->width;
}

static void text(struct out *o, const struct d_conv *c, const char *s, size_t n)
{
	if (c->prec >= 0 && n > (size_t)c->prec)
		n = (size_t)c->prec;
	out_put_wide(o, s, n, wide(c));
}

/* ---- Integers ----------------------------------------------------------- */

/* Prints n digits, padded. The prefix (a sign or 0x) goes before the zeros that pad the digits. */
static void number(struct out *o, const struct d_conv *c, const char *prefix, const char *digits,
		   size_t n)
{
	size_t before = strlen(prefix),
	       zeros = c->prec > 0 && n < (size_t)c->prec ? (size_t)c->prec - n : 0,
	       all = before + zeros + n, width = (size_t)c->width;

	if (c->zero && !c->minus && c->prec < 0 && width > all) {
		zeros = width - before - n;
		all = width;
	}
	if (!c->minus && width > all)
		out_fill(o, ' ', width - all);
	out_put(o, prefix, before);
	out_fill(o, '0', zeros);
	out_put(o, digits, n);
	if (c->minus && width > all)
		out_fill(o, ' ', width - all);
}

static uint64_t magnitude(const struct rec_value *v)
{
	return v->size < 8 ? v->i & ((1ull << v->size * 8) - 1) : v->i;
}

/* A size letter makes %d signed for every type of argument, as in C. */
static void conv_decimal(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	char buf[24], *end = buf + sizeof(buf), *s;
	bool negative = (v->is_signed || c->length) && (int64_t)v->i < 0;
	const char *sign = negative ? "-" : c->plus ? "+" : c->space ? " " : "";

	s = out_digits(negative ? 0 - v->i : v->i, end);
	if (!*sign && !c->width && c->prec <= 0)
		out_put(o, s, (size_t)(end - s));
	else
		number(o, c, sign, s, (size_t)(end - s));
}

static void conv_unsigned(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	char buf[24], *end = buf + sizeof(buf), *s = out_digits(magnitude(v), end);

	number(o, c, "", s, (size_t)(end - s));
}

static void radix(struct out *o, const struct d_conv *c, const struct rec_value *v, unsigned bits,
		  const char *digits, const char *prefix)
{
	uint64_t n = magnitude(v), mask = (1u << bits) - 1;
	char buf[24], *end = buf + sizeof(buf), *s = end;

	do {
		*--s = digits[n & mask];
		n >>= bits;
	} while (n);
	number(o, c, c->alt && magnitude(v) ? prefix : "", s, (size_t)(end - s));
}

/* The 0 that # adds counts as a digit, so # adds no 0 if the precision adds zeros. */
static void conv_octal(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	struct d_conv own = *c;
	int digits = 1;

	for (uint64_t n = magnitude(v); n >>= 3;)
		digits++;
	own.alt = c->alt && c->prec <= digits;
	radix(o, &own, v, 3, "01234567", "0");
}

static void conv_hex(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	radix(o, c, v, 4, "0123456789abcdef", "0x");
}

static void conv_hex_upper(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	radix(o, c, v, 4, "0123456789ABCDEF", "0X");
}

/* ---- Characters and strings ------------------------------------------------ */

/* A wide character (%wc, %lc) in UTF-8. Returns the bytes used of to[4]; 0: no such character. */
static size_t utf8(uint64_t ch, char to[4])
{
	size_t n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : ch < 0x110000 ? 4 : 0;

	for (size_t i = n; i-- > 1; ch >>= 6)
		to[i] = (char)(0x80 | (ch & 0x3f));
	if (n)
		to[0] = (char)(n == 1 ? ch : (0xf00u >> n & 0xf0) | ch);
	return n;
}

static void conv_char(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	bool is_wide = c->length == 'w' || c->length == 'l';
	int64_t pad = wide(c);
	char to[4] = { (char)v->i };
	size_t n = is_wide ? utf8(magnitude(v), to) : 1;

	/* the width counts columns, not bytes */
	if (pad > 1)
		out_fill(o, ' ', (size_t)pad - 1);
	out_put(o, to, n);
	if (pad < -1)
		out_fill(o, ' ', (size_t)-pad - 1);
}

/* %ws, %ls: the characters before a zero. Precision and width count characters, not bytes. */
static void wide_text(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	size_t most = c->prec >= 0 ? (size_t)c->prec : SIZE_MAX, n = 0;
	uint32_t ch = 0;
	char to[4];

	while (n < most && 4 * n + 4 <= v->len && (memcpy(&ch, v->bytes + 4 * n, 4), ch))
		n++;
	if (!c->minus && (size_t)c->width > n)
		out_fill(o, ' ', (size_t)c->width - n);
	for (size_t i = 0; i < n; i++) {
		memcpy(&ch, v->bytes + 4 * i, 4);
		out_put(o, to, utf8(ch, to));
	}
	if (c->minus && (size_t)c->width > n)
		out_fill(o, ' ', (size_t)c->width - n);
}

static void conv_string(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	const char *nul = v->kind == REC_BYTES ? memchr(v->bytes, 0, v->len) : NULL;
	char sym[OUT_SYM];

	if (v->kind == REC_KSYM || v->kind == REC_USYM) {
		out_sym_text(o, v, sym);
		text(o, c, sym, strlen(sym));
	} else if (v->kind == REC_BYTES && (c->length == 'w' || c->length == 'l')) {
		wide_text(o, c, v);
	} else if (v->kind == REC_STRING || v->kind == REC_BYTES) {
		text(o, c, v->bytes, nul ? (size_t)(nul - v->bytes) : v->len);
	} else {
		conv_decimal(o, c, v);
	}
}

/* Writes a character as C writes it in a string. Returns the bytes used of to[4]. */
static size_t escape(char ch, char to[4])
{
	static const char plain[] = "\0\a\b\f\n\r\t\v\"\\", named[] = "0abfnrtv\"\\";
	const char *at = memchr(plain, ch, sizeof(plain) - 1);
	unsigned char u = (unsigned char)ch;

	if (!at && u >= ' ' && u <= '~') {
		to[0] = ch;
		return 1;
	}
	to[0] = '\\';
	if (at) {
		to[1] = named[at - plain];
		return 2;
	}
	to[1] = (char)('0' + (u >> 6));
	to[2] = (char)('0' + (u >> 3 & 7));
	to[3] = (char)('0' + (u & 7));
	return 4;
}

static void conv_escaped(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	size_t total = 0, n = v->len, w = (size_t)c->width;
	char to[4];

	if (v->kind == REC_BYTES && memchr(v->bytes, 0, n))
		n = strlen(v->bytes);
	for (size_t i = 0; i < n; i++)
		total += escape(v->bytes[i], to);
	if (c->prec >= 0 && total > (size_t)c->prec)
		total = (size_t)c->prec;
	if (!c->minus && w > total)
		out_fill(o, ' ', w - total);
	for (size_t i = 0, left = total; i < n && left; i++) {
		size_t part = escape(v->bytes[i], to);

		part = part < left ? part : left;
		out_put(o, to, part);
		left -= part;
	}
	if (c->minus && w > total)
		out_fill(o, ' ', w - total);
}

static void conv_escaped_char(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	char to[4];
	size_t n = escape((char)v->i, to);

	text(o, c, to, n);
}

/* ---- Floating point ------------------------------------------------------------ */

static double as_double(const struct rec_value *v)
{
	double d;
	float f;
	uint32_t bits = (uint32_t)v->i;

	if (!v->type || v->type->kind != D_T_FLOAT)
		return v->is_signed ? (double)(int64_t)v->i : (double)v->i;
	if (v->size == sizeof(f)) {
		memcpy(&f, &bits, sizeof(f));
		return (double)f;
	}
	memcpy(&d, &v->i, sizeof(d));
	return d;
}

/* D has the flags of C's printf, so they are passed on unchanged. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void conv_float(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	const struct {
		bool on;
		char letter;
	} flags[] = {
		{ c->plus, '+' }, { c->space, ' ' },  { c->alt, '#' },
		{ c->zero, '0' }, { c->quote, '\'' },
	};
	double d = as_double(v);
	int width = c->minus ? -c->width : c->width, prec = c->prec < 0 ? 6 : c->prec;
	char fmt[16], *f = fmt;

	*f++ = '%';
	for (size_t i = 0; i < COUNT(flags); i++)
		if (flags[i].on)
			*f++ = flags[i].letter;
	memcpy(f, "*.*", 3);
	f[3] = c->verb;
	f[4] = '\0';
	out_printf(o, fmt, width, prec, d);
}
#pragma GCC diagnostic pop

/* ---- Symbols, stacks, times ------------------------------------------------------- */

static void conv_address(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	char sym[OUT_SYM];

	if (v->kind == REC_KSYM || v->kind == REC_USYM)
		out_sym_text(o, v, sym);
	else if (c->verb == 'A') /* a user address; a number has no owner */
		out_addr_text(o, &v->owner, v->i, D_SYM_PLACE, sym);
	else
		out_addr_text(o, NULL, v->i, D_SYM_PLACE, sym);
	text(o, c, sym, strlen(sym));
}

static void conv_stack(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	struct d_conv frame = *c;

	if (v->kind != REC_STACK && v->kind != REC_USTACK) {
		conv_string(o, c, v);
		return;
	}
	if (c->minus)
		frame.width = 0; /* with `-` the width is the indent */
	out_put_stack(o, v, &frame, c->minus ? c->width : 0);
}

static void conv_time(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	time_t sec = (time_t)(v->i / NANOSEC);
	struct tm tm;
	char buf[64];
	size_t n;

	localtime_r(&sec, &tm);
	n = strftime(buf, sizeof(buf), c->verb == 'T' ? "%a, %d %b %G %T %Z" : "%Y %b %e %T", &tm);
	text(o, c, buf, n);
}

static conv_fn *const by_verb[128] = {
	['d'] = conv_decimal, ['i'] = conv_decimal, ['u'] = conv_unsigned,
	['o'] = conv_octal,   ['x'] = conv_hex,	    ['X'] = conv_hex_upper,
	['p'] = conv_hex,     ['c'] = conv_char,    ['C'] = conv_escaped_char,
	['s'] = conv_string,  ['S'] = conv_escaped, ['e'] = conv_float,
	['E'] = conv_float,   ['f'] = conv_float,   ['F'] = conv_float,
	['g'] = conv_float,   ['G'] = conv_float,   ['a'] = conv_address,
	['A'] = conv_address, ['k'] = conv_stack,   ['Y'] = conv_time,
	['y'] = conv_time,    ['T'] = conv_time,
};

/* If the verb cannot read the value's kind, another conversion prints the value: numbers have no
 * bytes, and bytes have no number. */
static void convert(struct out *o, const struct d_conv *c, const struct rec_value *v)
{
	conv_fn *fn = (unsigned char)c->verb < COUNT(by_verb) ? by_verb[(unsigned char)c->verb] :
								NULL;
	bool bytes = v->kind == REC_STRING || v->kind == REC_BYTES;

	if (v->kind == REC_STACK || v->kind == REC_USTACK)
		fn = conv_stack;
	else if (bytes && c->verb != 'S')
		fn = conv_string;
	else if (!bytes && c->verb == 'S')
		fn = conv_string;
	else if ((v->kind == REC_KSYM || v->kind == REC_USYM) && !strchr("duoxXpi", c->verb))
		fn = conv_address;
	if (fn)
		fn(o, c, v);
}

/* ---- Aggregations ---------------------------------------------------------------- */

static void convert_agg(struct out *o, const struct d_conv *c, const struct agg_row *row)
{
	struct rec_value v = { .kind = REC_INT, .size = 8, .is_signed = true };
	struct d_conv number = *c;

	if (aggs_is_distribution(row->desc)) {
		out_put_agg(o, row);
		return;
	}
	v.i = (uint64_t)aggs_number(row);
	number.verb = c->agg_verb;
	convert(o, &number, &v);
}

/* ---- Formats ----------------------------------------------------------------------- */

struct args {
	const struct rec_value *next;
	size_t left;
};

static const struct rec_value *take(struct args *a)
{
	if (!a->left)
		return NULL;
	a->left--;
	return a->next++;
}

/* Widths and precisions given as arguments; a negative width is left-aligned. */
static bool stars(struct d_conv *c, struct args *a)
{
	const struct rec_value *v;

	if (c->star_width) {
		if (!(v = take(a)))
			return false;
		int64_t w = (int64_t)v->i;

		w = w > INT16_MAX ? INT16_MAX : w < -INT16_MAX ? -INT16_MAX : w;
		c->minus |= w < 0;
		c->width = (int)(w < 0 ? -w : w);
	}
	if (c->star_prec) {
		if (!(v = take(a)))
			return false;
		c->prec = (int64_t)v->i > INT16_MAX ? INT16_MAX :
			  (int64_t)v->i < 0	    ? -1 :
						      (int)v->i;
	}
	return true;
}

int out_format(struct out *o, const struct d_format *f, const struct rec_value *values, size_t n,
	       const struct agg_row *rows, size_t nrows)
{
	struct args a = { values, n };

	for (size_t i = 0; i < f->nconvs; i++) {
		const struct d_conv *c = &f->convs[i];
		const struct rec_value *v;
		struct d_conv own;

		out_put(o, c->text, c->text_len);
		if (!c->verb)
			continue;
		if (c->verb == '%') {
			out_putc(o, '%');
			continue;
		}
		if (c->verb == '@') {
			if (!nrows)
				return -EINVAL;
			convert_agg(o, c, rows);
			if (nrows > 1) { /* the last row serves all further %@ */
				rows++;
				nrows--;
			}
			continue;
		}
		if (c->star_width || c->star_prec) {
			own = *c;
			if (!stars(&own, &a))
				return -EINVAL;
			c = &own;
		}
		if (!(v = take(&a)))
			return -EINVAL;
		convert(o, c, v);
	}
	return o->err;
}

int out_act_format(struct out *o, const struct rec_action *act, const struct rt_rec *rec)
{
	if (!act->format)
		return -EINVAL;
	if (!out_values_room(o, act->nfields))
		return -ENOMEM;
	for (size_t i = 0; i < act->nfields; i++)
		if (!out_value_field(&o->values[i], &act->fields[i], rec))
			return -EBADMSG;
	return out_format(o, act->format, o->values, act->nfields, NULL, 0);
}
