/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/text.h: source texts; finds the file, line and column of a byte in them.
 * Small helpers for strings.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct text {
	const char
		*name; /* as the user knows it: a path, "-n", "<stdin>"; NULL: no place to show */
	const char *bytes; /* NUL-terminated */
	size_t len;
	const uint32_t *lines; /* offset at which line i+1 starts */
	size_t nlines;
};

/* A part of a text; {NULL, 0, 0} is nowhere. */
struct loc {
	const struct text *text;
	uint32_t off, len; /* in bytes; len 0: a point */
};

struct place {
	const char *name; /* borrowed, name_len bytes, no NUL; NULL: nowhere */
	size_t name_len;
	uint32_t line, column; /* from 1; 0: unknown. Column counts bytes */
	const char *start;     /* of the source line, borrowed; NULL: no source line */
	size_t len;	       /* of the source line, without its newline */
};

/*
 * Copies bytes into the arena and finds their lines; NULL: no memory. Lines of
 * the form `# 12 "file.d" …` and `#line 12 "file.d"`, as cpp writes them,
 * change the file and line that text_place gives for the lines behind them.
 */
struct text *text_new(struct arena *a, const char *name, const char *bytes, size_t len);
/* Reads a whole file ("-": standard input), without a byte order mark. NULL with errno set. */
struct text *text_read(struct arena *a, const char *path);
struct place text_place(struct loc at);

/* Reads a decimal number; false: s is empty, has another character, or overflows. */
bool text_u64(const char *s, uint64_t *value);
/* The nanoseconds in "ms", "msec", "h" …, in upper or lower case; false: not a unit of time. */
bool text_time_unit(const char *s, uint64_t *ns);
const char *text_time_unit_name(size_t i); /* NULL behind the last */
/* Matches dtrace(1M)'s patterns: * ? [abc] [a-z] [!abc] \x; an empty pattern matches all. */
bool text_glob(const char *pattern, const char *s);
bool text_is_glob(const char *pattern);
/*
 * Names, paths and symbols that others chose must neither drive a terminal nor
 * forge a line of output. So each byte of a control character or a character
 * that changes the direction of writing, and each byte that is not UTF-8,
 * becomes '?'.
 */
bool text_is_printable(const char *s, size_t n);
void text_make_printable(char *s, size_t n);
/* Returns s if it is printable, else a printable copy in the arena (NULL: no memory). */
const char *text_printable(struct arena *a, const char *s);
/* The last component of a path, which is the file's module. For a memfd ("/memfd:usdt:app") it is
 * the part behind the last colon, because a probe description cannot hold colons. */
const char *text_base(const char *path);

#endif
