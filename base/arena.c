/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/arena.c: a list of blocks with bump allocation. Each block has twice the
 * size of the one before it, up to a limit.
 * Owns: the blocks, until arena_free.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGN) unsigned char bytes[];
};

struct arena {
	struct block *blocks; /* the newest first; only the newest has room */
	size_t next_size;
	bool failed;
};

static unsigned long fail_countdown;

void arena_fail_at(unsigned long n)
{
	fail_countdown = n;
}

struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->next_size = FIRST_BLOCK;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

bool arena_failed(const struct arena *a)
{
	return a->failed;
}

static bool block_add(struct arena *a, size_t least)
{
	size_t size = least > a->next_size ? least : a->next_size;
	struct block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return false;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	if (a->next_size < LARGEST_BLOCK)
		a->next_size *= 2;
	return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	if (fail_countdown && !--fail_countdown)
		goto failed;
	if (size > SIZE_MAX / 2)
		goto failed;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if ((!a->blocks || a->blocks->size - a->blocks->used < size) && !block_add(a, size))
		goto failed;
	p = a->blocks->bytes + a->blocks->used;
	a->blocks->used += size;
	return p;
failed:
	a->failed = true;
	return NULL;
}

void *arena_dup(struct arena *a, const void *bytes, size_t size)
{
	void *p = arena_alloc(a, size);

	if (p && size)
		memcpy(p, bytes, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = arena_alloc(a, len + 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

bool arena_more(struct arena *a, void *pv, size_t n, size_t *cap, size_t elem)
{
	size_t more = *cap ? *cap * 2 : 8;
	/* SIZE_MAX fails like any allocation without memory, and sets the arena's flag. */
	void *p = arena_alloc(a, more > SIZE_MAX / 2 / elem ? SIZE_MAX : more * elem), *v;

	if (!p)
		return false;
	memcpy(&v, pv, sizeof(v)); /* not by a cast: v's type is the caller's */
	if (n)
		memcpy(p, v, n * elem);
	memcpy(pv, &p, sizeof(p));
	*cap = more;
	return true;
}
