/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/hash.h: a table from byte strings to pointers. The table owns copies of
 * its keys and never the values. Iteration is in order of insertion, so that
 * output made from a table is the same in every run.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash;

struct hash *hash_new(void);				    /* NULL: no memory */
void hash_free(struct hash *h, void (*free_value)(void *)); /* h and free_value may be NULL */
size_t hash_count(const struct hash *h);

void *hash_get(const struct hash *h, const void *key, size_t len); /* NULL: no such key */
/* Adds or replaces. *old: the value before, or NULL; old may be NULL. 0 or -ENOMEM. */
int hash_set(struct hash *h, const void *key, size_t len, void *value, void **old);
void *hash_remove(struct hash *h, const void *key, size_t len); /* returns the value */

void *hash_get_str(const struct hash *h, const char *key);
int hash_set_str(struct hash *h, const char *key, void *value);

/* `size_t at = 0; while (hash_next(h, &at, &key, &len, &value))`. The loop may remove the current
 * entry. key, len and value may be NULL. */
bool hash_next(const struct hash *h, size_t *at, const void **key, size_t *len, void **value);

uint64_t hash_bytes(const void *bytes, size_t len);

#endif
