/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/grow.h: growable arrays on the heap, for data that lives shorter than an
 * arena or loses elements: `type *v; size_t n, cap;`, all 0 at first.
 * GROW_PUSH(v, n, cap) yields a pointer to a new element, to be filled. Without
 * memory it yields NULL and leaves v, n and cap as they were. The owner frees
 * v.
 */
#ifndef BASE_GROW_H
#define BASE_GROW_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for one more element. pv: the address of v. false: no memory. */
bool grow_more(void *pv, size_t n, size_t *cap, size_t elem);
#define GROW_PUSH(v, n, cap) \
	((n) < (cap) || grow_more(&(v), (n), &(cap), sizeof(*(v))) ? &(v)[(n)++] : NULL)

#endif
