/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/put.c: text into a large buffer, and from there to the file.
 * In:   bytes and integers. Out: the file's text; err keeps the first failure.
 * Owns: the buffer; the caller owns the file.
 */
#include "consumer/output/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void flush_buffer(struct out *o)
{
	if (o->len && !o->err && fwrite(o->buf, 1, o->len, o->file) != o->len)
		o->err = -(errno ? errno : EIO);
	o->len = 0;
}

int out_flush(struct out *o)
{
	flush_buffer(o);
	if (!o->err && fflush(o->file))
		o->err = -(errno ? errno : EIO);
	return o->err;
}

static void capture(struct out *o, const char *s, size_t n)
{
	if (o->capture_len + n + 1 > o->capture_cap) {
		size_t cap = (o->capture_len + n + 1) * 2;
		char *p = realloc(o->capture, cap);

		if (!p) {
			o->err = -ENOMEM;
			return;
		}
		o->capture = p;
		o->capture_cap = cap;
	}
	memcpy(o->capture + o->capture_len, s, n);
	o->capture_len += n;
	o->capture[o->capture_len] = '\0';
}

void out_put(struct out *o, const char *s, size_t n)
{
	if (o->err)
		return;
	if (o->capturing) {
		capture(o, s, n);
		return;
	}
	while (n > OUT_BUF - o->len) {
		size_t part = OUT_BUF - o->len;

		memcpy(o->buf + o->len, s, part);
		o->len += part;
		s += part;
		n -= part;
		flush_buffer(o);
	}
	memcpy(o->buf + o->len, s, n);
	o->len += n;
}

void out_puts(struct out *o, const char *s)
{
	out_put(o, s, strlen(s));
}

void out_put_printable(struct out *o, const char *s, size_t n)
{
	char *copy;

	if (text_is_printable(s, n)) {
		out_put(o, s, n);
		return;
	}
	copy = strndup(s, n);
	if (copy) {
		text_make_printable(copy, n);
		out_put(o, copy, n);
	} else {
		o->err = o->err ? o->err : -ENOMEM;
	}
	free(copy);
}

void out_fill(struct out *o, char c, size_t n)
{
	char run[64];

	memset(run, c, n < sizeof(run) ? n : sizeof(run));
	for (; n > sizeof(run); n -= sizeof(run))
		out_put(o, run, sizeof(run));
	out_put(o, run, n);
}

void out_put_wide(struct out *o, const char *s, size_t n, int64_t width)
{
	size_t w = (size_t)(width < 0 ? -width : width), pad = w > n ? w - n : 0;

	if (pad && width > 0)
		out_fill(o, ' ', pad);
	out_put(o, s, n);
	if (pad && width < 0)
		out_fill(o, ' ', pad);
}

char *out_digits(uint64_t v, char *end)
{
	static const char pairs[201] =
		"0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
		"4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
		"828384858687888990919293949596979899";

	for (; v >= 100; v /= 100)
		memcpy(end -= 2, &pairs[v % 100 * 2], 2);
	if (v >= 10)
		memcpy(end -= 2, &pairs[v * 2], 2);
	else
		*--end = (char)('0' + v);
	return end;
}

void out_put_uint(struct out *o, uint64_t v, int width)
{
	char buf[24], *end = buf + sizeof(buf), *s = out_digits(v, end);

	out_put_wide(o, s, (size_t)(end - s), width);
}

void out_put_int(struct out *o, int64_t v, int width)
{
	char buf[24], *end = buf + sizeof(buf), *s;

	s = out_digits(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, end);
	if (v < 0)
		*--s = '-';
	out_put_wide(o, s, (size_t)(end - s), width);
}

void out_printf(struct out *o, const char *fmt, ...)
{
	char small[256], *s = small;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		va_start(ap, fmt);
		n = vasprintf(&s, fmt, ap);
		va_end(ap);
	}
	if (n < 0) {
		o->err = o->err ? o->err : -ENOMEM;
		return;
	}
	out_put(o, s, (size_t)n);
	if (s != small)
		free(s);
}

struct out *out_new(FILE *file, const struct out_options *opt)
{
	struct out *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->file = file;
	o->opt = *opt;
	o->saved_fd = -1;
	o->buf = malloc(OUT_BUF);
	if (!o->buf) {
		free(o);
		return NULL;
	}
	return o;
}

void out_set_history(struct out *o, struct world_history *h)
{
	o->history = h;
}
