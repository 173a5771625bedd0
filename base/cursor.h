/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/cursor.h: reads untrusted bytes without casts. A read past the end
 * returns zero, sets `bad` and moves the cursor to the end, so a parser may
 * read a whole header and test once.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const unsigned char *at, *end; /* borrowed */
	bool bad;
	bool swap; /* the bytes are of the other endianness */
};

static inline struct cursor cur_init(const void *bytes, size_t len)
{
	return (struct cursor){ .at = bytes, .end = (const unsigned char *)bytes + len };
}

static inline size_t cur_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* Returns the next n bytes and moves past them; NULL (and bad) if fewer are left. */
static inline const void *cur_bytes(struct cursor *c, size_t n)
{
	const void *p = c->at;

	if (c->bad || cur_left(c) < n) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += n;
	return p;
}

#define CUR_READER(bits)                                           \
	static inline uint##bits##_t cur_u##bits(struct cursor *c) \
	{                                                          \
		uint##bits##_t v = 0;                              \
		const void *p = cur_bytes(c, sizeof(v));           \
		if (p)                                             \
			memcpy(&v, p, sizeof(v));                  \
		return c->swap ? __builtin_bswap##bits(v) : v;     \
	}
CUR_READER(16)
CUR_READER(32)
CUR_READER(64)
#undef CUR_READER

static inline uint8_t cur_u8(struct cursor *c)
{
	const unsigned char *p = cur_bytes(c, 1);

	return p ? *p : 0;
}

/* Returns the next string and moves past its NUL; NULL (and bad) if no NUL follows. */
static inline const char *cur_str(struct cursor *c)
{
	const unsigned char *nul = c->bad ? NULL : memchr(c->at, 0, cur_left(c));

	return nul ? cur_bytes(c, (size_t)(nul - c->at) + 1) : cur_bytes(c, SIZE_MAX);
}

/* Skips to the next multiple of `align` counted from `start`. */
static inline void cur_align(struct cursor *c, const void *start, size_t align)
{
	size_t off = (size_t)(c->at - (const unsigned char *)start) % align;

	if (off && !c->bad)
		cur_bytes(c, align - off);
}

#endif
