/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/diag.h: the one error voice.
 *
 * With a place:    file:line:column: what is wrong     (with errtags: [D_TAG] before)
 *                  the source line
 *                      ^~~~
 *                  hint: what to do
 * Without:         dtrace: what is wrong
 *
 * A message is one line, whatever its arguments hold: what is not printable in them is shown as '?'.
 *
 * A diag collects messages, prints nothing itself and gives them to its
 * sink in the order in which they were reported; the command's sink is
 * stderr. After `limit` errors the rest are counted only. Who wants more than
 * the text sets `tell` instead of the sink.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* What kind of error a message is, for who looks it up. An object, not a string: a name that is
 * misspelt does not build. */
struct diag_tag {
	const char *name;
};

enum diag_kind { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE, DIAG_HINT };

struct diag_message { /* all borrowed until tell returns */
	enum diag_kind kind;
	const char *text; /* as a sink is given it */
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
	bool hushed; /* the last message was beyond the limit, so its hint is not shown */
};

/* tag may be NULL. Messages have no newline and no full stop at the end. */
void diag_error(struct diag *d, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_verror(struct diag *d, struct loc at, const struct diag_tag *tag, const char *fmt,
		 va_list ap) __attribute__((format(printf, 4, 0)));
void diag_warn(struct diag *d, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A report that is neither: "dtrace: 5 drops on CPU 0"; no place, no prefix but `who`. */
void diag_note(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Belongs to the message before it. */
void diag_hint(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define NOWHERE ((struct loc){ NULL, 0, 0 })

/* A sink that writes to a FILE given as arg. */
void diag_to_file(void *file, const char *text, size_t len);

#endif
