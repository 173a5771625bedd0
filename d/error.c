/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/error.c: errors of a compile and of its parser, with their places.
 * In:   a place, a tag, a message.
 * Out:  the diag's report, unless the place is in a header of C that a provider file includes.
 * Owns: nothing.
 */
#include "d/lex.h"

#include <string.h>

bool d_is_header(const char *name, size_t len)
{
	return len > 2 && !memcmp(name + len - 2, ".h", 2);
}

/*
 * C headers that a provider file includes may hold text that D does not know.
 * Errors in them are dropped; a use of a missing name is an error where it
 * stands.
 */
bool d_in_header(const struct d *d, struct loc at)
{
	struct place where = d->config.providers ? text_place(at) : (struct place){ 0 };

	return where.name && d_is_header(where.name, where.name_len);
}

void d_error(struct d *d, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
{
	va_list ap;

	if (d_in_header(d, at))
		return;
	d->failed = true;
	va_start(ap, fmt);
	diag_verror(d->diag, at, tag, fmt, ap);
	va_end(ap);
}

struct loc d_loc(const struct d_parser *p, uint32_t from, uint32_t to)
{
	return (struct loc){ p->text, from, to > from ? to - from : 0 };
}

void d_perror(struct d_parser *p, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (p->bad)
		return;
	p->bad = true;
	if (p->quiet || d_in_header(p->d, at))
		return;
	va_start(ap, fmt);
	text = arena_vprintf(p->d->arena, fmt, ap);
	va_end(ap);
	p->d->front->errors++;
	d_error(p->d, at, tag, "%s", text ? text : "out of memory");
}

void *d_nomem(struct d_parser *p)
{
	p->bad = true;
	if (!p->d->front->nomem)
		d_error(p->d, NOWHERE, NULL, "out of memory");
	p->d->front->nomem = true;
	return NULL;
}
