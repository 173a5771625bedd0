/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/text.h: a source text and the way from a byte in it to file, line
 * and column; small helpers for strings.
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

/* A place in a text; {NULL, 0} is nowhere. */
struct loc {
	const struct text *text;
	uint32_t off, len; /* bytes; len 0: a point */
};

struct place {
	const char *name; /* borrowed, name_len bytes, no NUL; NULL: nowhere */
	size_t name_len;
	uint32_t line, column; /* from 1; 0: unknown. Column counts bytes */
	const char *start;     /* of the source line, borrowed; NULL if there is none */
	size_t len;	       /* of that line, without its newline */
};

/*
 * Copies bytes into the arena and maps its lines; NULL: no memory. Lines of
 * the form `# 12 "file.d" …` and `#line 12 "file.d"`, as cpp writes them,
 * move the places that text_place gives of what follows.
 */
struct text *text_new(struct arena *a, const char *name, const char *bytes, size_t len);
/* Reads a whole file ("-": standard input) without its UTF-8 byte order mark. NULL with errno set. */
struct text *text_read(struct arena *a, const char *path);
struct place text_place(struct loc at);

/* Whole string, decimal: false when s is empty, has another character, or overflows. */
bool text_u64(const char *s, uint64_t *value);
/* "ms", "msec", "h" … → its nanoseconds; false: no unit of time. Letters of either case. */
bool text_time_unit(const char *s, uint64_t *ns);
const char *text_time_unit_name(size_t i); /* NULL: there are no more */
/* glob of the kind dtrace(1M) knows: * ? [abc] [a-z] [!abc] \x; an empty pattern matches all. */
bool text_glob(const char *pattern, const char *s);
bool text_is_glob(const char *pattern);
/*
 * What others chose (names, paths, symbols) is shown so that it neither drives a terminal nor forges
 * a line: bytes of control characters, of characters that turn the direction of writing, and bytes
 * that are no UTF-8 become '?', each of them.
 */
bool text_is_printable(const char *s, size_t n);
void text_make_printable(char *s, size_t n);
/* s, or a copy in the arena with '?' (NULL: no memory). */
const char *text_printable(struct arena *a, const char *s);
/* Of a path, its last component: the module that a file is shown as. A memfd ("/memfd:usdt:app")
 * is what follows the last colon, which could not stand in a probe description. */
const char *text_base(const char *path);

#endif
