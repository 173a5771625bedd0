/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/diag.h: composes all error messages.
 *
 * With a place:    file:line:column: what is wrong     (with errtags: [D_TAG] before)
 *                  the source line
 *                      ^~~~
 *                  hint: what to do
 * Without:         dtrace: what is wrong
 *
 * A message is one line: an unprintable character of its arguments is shown as
 * '?'.
 *
 * A diag prints nothing itself. It gives each message to its sink at once; the
 * command's sink is stderr. After `limit` errors further ones are only counted.
 * A client that needs more than the text sets `tell` instead of the sink.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* The kind of an error, which users can look up in the guide. Tags are objects, not strings, so
 * that a misspelt tag does not build. */
struct diag_tag {
	const char *name;
};

enum diag_kind { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE, DIAG_HINT };

struct diag_message { /* all borrowed until tell returns */
	enum diag_kind kind;
	const char *text; /* as the sink gets it */
	const char *what; /* the message alone, no newline */
	const char *tag;  /* NULL: none */
	struct place place;
};

struct diag {
	const char *who;	   /* prefix of messages without a place: "dtrace" */
	bool errtags;		   /* -x errtags: show [D_TAG] */
	unsigned errors, warnings; /* reported so far */
	unsigned limit;		   /* errors shown; 0: all */
	void (*sink)(void *arg, const char *text, size_t len); /* whole lines; NULL: dropped */
	void (*tell)(void *arg, const struct diag_message *m);
	void *arg;
	bool hushed; /* the last message was not shown, so its hint is not either */
};

/* tag may be NULL. Messages have no newline and no full stop at the end. */
void diag_error(struct diag *d, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_verror(struct diag *d, struct loc at, const struct diag_tag *tag, const char *fmt,
		 va_list ap) __attribute__((format(printf, 4, 0)));
void diag_warn(struct diag *d, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Reports a fact without a place, with no prefix but `who`: "dtrace: 5 drops on CPU 0". */
void diag_note(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a hint to the message before it. */
void diag_hint(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define NOWHERE ((struct loc){ NULL, 0, 0 })

/* A sink that writes to a FILE given as arg. */
void diag_to_file(void *file, const char *text, size_t len);

#endif
