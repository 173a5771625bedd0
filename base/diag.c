/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/diag.c: composes messages. Each goes to the sink in one call, so that
 * lines of several threads or processes do not mix.
 */
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

/*
 * Hands the text to the client and frees it. The message alone is from `begin`
 * to `end`. It is made printable, because others may have chosen the names and
 * paths in it.
 */
static void emit(struct diag *d, struct diag_message m, char *text, size_t len, long begin,
		 long end)
{
	char *what;

	text_make_printable(text, (size_t)end);
	what = d->tell ? strndup(text + begin, (size_t)(end - begin)) : NULL;

	m.text = text;
	m.what = what;
	if (what)
		d->tell(d->arg, &m);
	else if (d->sink)
		d->sink(d->arg, text, len);
	free(what);
	free(text);
}

/* Does this byte begin a character? In UTF-8 the bytes 10xxxxxx continue one. */
static bool begins(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* A printable copy of the source line; tabs stay. NULL: no memory. */
static char *source_line(const char *start, size_t n)
{
	char *line = malloc(n + 1);

	if (!line)
		return NULL;
	memcpy(line, start, n);
	for (size_t i = 0, tab; i < n; i = tab + 1) {
		const char *at = memchr(line + i, '\t', n - i);

		tab = at ? (size_t)(at - line) : n;
		text_make_printable(line + i, tab - i);
	}
	return line;
}

/* Prints the source line and a caret under the place. Tabs stay tabs so that the caret lines up. */
static void show_source(FILE *f, const struct place *p, uint32_t len)
{
	size_t col = p->column - 1, end = p->len - (p->len && p->start[p->len - 1] == '\r');
	char *line = source_line(p->start, end);

	if (!line)
		return;
	fwrite(line, 1, end, f);
	fputc('\n', f);
	for (size_t i = 0; i < col; i++)
		if (i >= end || begins(line[i]))
			fputc(i < end && line[i] == '\t' ? '\t' : ' ', f);
	fputc('^', f);
	for (size_t i = 1; i < len && col + i < end; i++)
		if (begins(line[col + i]))
			fputc('~', f);
	fputc('\n', f);
	free(line);
}

__attribute__((format(printf, 5, 0))) static void report(struct diag *d, struct loc at,
							 const struct diag_tag *tag,
							 enum diag_kind kind, const char *fmt,
							 va_list ap)
{
	struct diag_message m = { .kind = kind,
				  .tag = tag ? tag->name : NULL,
				  .place = text_place(at) };
	const struct place *p = &m.place;
	char *text = NULL;
	size_t len = 0;
	long begin, end;
	FILE *f = open_memstream(&text, &len);

	d->hushed = !f;
	if (!f)
		return;
	if (kind == DIAG_HINT)
		fputs("hint: ", f);
	else if (p->name)
		fprintf(f, "%.*s:%u:%u: ", (int)p->name_len, p->name, p->line, p->column);
	else if (d->who)
		fprintf(f, "%s: ", d->who);
	if (d->errtags && m.tag)
		fprintf(f, "[%s] ", m.tag);
	if (kind == DIAG_WARNING)
		fputs("warning: ", f);
	begin = ftell(f);
	vfprintf(f, fmt, ap);
	end = ftell(f);
	fputc('\n', f);
	if (p->name && p->start)
		show_source(f, p, at.len);
	if (fclose(f) == 0)
		emit(d, m, text, len, begin, end);
	else
		free(text);
}

void diag_verror(struct diag *d, struct loc at, const struct diag_tag *tag, const char *fmt,
		 va_list ap)
{
	d->errors++;
	if (!d->limit || d->errors <= d->limit)
		report(d, at, tag, DIAG_ERROR, fmt, ap);
	else
		d->hushed = true;
}

void diag_error(struct diag *d, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_verror(d, at, tag, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diag *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	d->warnings++;
	va_start(ap, fmt);
	report(d, at, NULL, DIAG_WARNING, fmt, ap);
	va_end(ap);
}

void diag_note(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, NOWHERE, NULL, DIAG_NOTE, fmt, ap);
	va_end(ap);
}

void diag_hint(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	if (d->hushed)
		return;
	va_start(ap, fmt);
	report(d, NOWHERE, NULL, DIAG_HINT, fmt, ap);
	va_end(ap);
}

void diag_to_file(void *file, const char *text, size_t len)
{
	FILE *f = file;

	fwrite(text, 1, len, f);
	fflush(f);
}
