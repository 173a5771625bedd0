/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/arena.h: memory that lives as long as one job (a compile, a scan).
 * arena_free frees all allocations of an arena at once. Allocations are zeroed,
 * aligned to 16 bytes and must not be freed singly. Failure: an allocation that
 * fails returns NULL and sets a flag that stays (arena_failed), so that a long
 * job may test once at its end.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct arena;

struct arena *arena_new(void);	  /* NULL: no memory */
void arena_free(struct arena *a); /* NULL is accepted */
bool arena_failed(const struct arena *a);

void *arena_alloc(struct arena *a, size_t size);
void *arena_dup(struct arena *a, const void *bytes, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

/*
 * Growable arrays inside an arena: `type *v; size_t n, cap;`, all 0 at first.
 * ARENA_PUSH(arena, v, n, cap) yields a pointer to a new zeroed element.
 * Without memory it yields NULL and leaves v, n and cap as they were. Old
 * copies of the array stay in the arena until arena_free. pv: the address of v.
 */
bool arena_more(struct arena *a, void *pv, size_t n, size_t *cap, size_t elem);
#define ARENA_PUSH(a, v, n, cap) \
	((n) < (cap) || arena_more((a), &(v), (n), &(cap), sizeof(*(v))) ? &(v)[(n)++] : NULL)

/*
 * For tests: the Nth allocation from now on fails, counted over all arenas,
 * whether it needs a new block or not. 0: no allocation fails on purpose.
 */
void arena_fail_at(unsigned long n);

#endif
