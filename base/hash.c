/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/hash.c: open addressing over an array of entries in insertion order.
 * Owns: the entries and copies of the keys.
 */
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t hash;
	void *value;
	size_t len;
	char *key; /* NULL: removed */
};

struct hash {
	struct entry *entries;
	size_t n, cap, live;
	uint32_t *slots; /* index + 1 of an entry; 0: free */
	size_t nslots;	 /* a power of two, at least twice cap */
};

uint64_t hash_bytes(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t h = 0xcbf29ce484222325u ^ len;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3u;
	h ^= h >> 32;
	return h * 0x9e3779b97f4a7c15u;
}

struct hash *hash_new(void)
{
	return calloc(1, sizeof(struct hash));
}

void hash_free(struct hash *h, void (*free_value)(void *))
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++) {
		if (h->entries[i].key && free_value)
			free_value(h->entries[i].value);
		free(h->entries[i].key);
	}
	free(h->entries);
	free(h->slots);
	free(h);
}

size_t hash_count(const struct hash *h)
{
	return h->live;
}

static struct entry *find(const struct hash *h, const void *key, size_t len, uint64_t hash)
{
	if (!h->nslots)
		return NULL;
	for (size_t i = hash & (h->nslots - 1); h->slots[i]; i = (i + 1) & (h->nslots - 1)) {
		struct entry *e = &h->entries[h->slots[i] - 1];

		if (e->key && e->hash == hash && e->len == len && !memcmp(e->key, key, len))
			return e;
	}
	return NULL;
}

static void slot_put(struct hash *h, size_t index)
{
	size_t i = h->entries[index].hash & (h->nslots - 1);

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): make_room puts new slots in place of those it frees */
	while (h->slots[i])
		i = (i + 1) & (h->nslots - 1);
	h->slots[i] = (uint32_t)index + 1;
}

/* Makes room for an entry: drops removed ones, and doubles the table if more than half live. */
static int make_room(struct hash *h)
{
	size_t cap = h->cap;
	struct entry *entries;
	uint32_t *slots;
	size_t n = 0;

	if (h->n < h->cap)
		return 0;
	if (!cap || h->live > cap / 2)
		cap = cap ? cap * 2 : 8;
	entries = calloc(cap, sizeof(*entries));
	slots = calloc(cap * 2, sizeof(*slots));
	if (!entries || !slots) {
		free(entries);
		free(slots);
		return -ENOMEM;
	}
	for (size_t i = 0; i < h->n; i++)
		if (h->entries[i].key)
			entries[n++] = h->entries[i];
	free(h->entries);
	free(h->slots);
	*h = (struct hash){
		.entries = entries, .n = n, .cap = cap, .live = n, .slots = slots, .nslots = cap * 2
	};
	for (size_t i = 0; i < n; i++)
		slot_put(h, i);
	return 0;
}

void *hash_get(const struct hash *h, const void *key, size_t len)
{
	struct entry *e = find(h, key, len, hash_bytes(key, len));

	return e ? e->value : NULL;
}

int hash_set(struct hash *h, const void *key, size_t len, void *value, void **old)
{
	uint64_t hash = hash_bytes(key, len);
	struct entry *e = find(h, key, len, hash);
	char *copy;
	int err;

	if (old)
		*old = e ? e->value : NULL;
	if (e) {
		e->value = value;
		return 0;
	}
	err = make_room(h);
	if (err)
		return err;
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, key, len);
	h->entries[h->n] = (struct entry){ .hash = hash, .value = value, .len = len, .key = copy };
	slot_put(h, h->n++);
	h->live++;
	return 0;
}

void *hash_remove(struct hash *h, const void *key, size_t len)
{
	struct entry *e = find(h, key, len, hash_bytes(key, len));
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	free(e->key);
	e->key = NULL;
	h->live--;
	return value;
}

void *hash_get_str(const struct hash *h, const char *key)
{
	return hash_get(h, key, strlen(key));
}

int hash_set_str(struct hash *h, const char *key, void *value)
{
	return hash_set(h, key, strlen(key), value, NULL);
}

bool hash_next(const struct hash *h, size_t *at, const void **key, size_t *len, void **value)
{
	while (*at < h->n && !h->entries[*at].key)
		++*at;
	if (*at >= h->n)
		return false;
	if (key)
		*key = h->entries[*at].key;
	if (len)
		*len = h->entries[*at].len;
	if (value)
		*value = h->entries[*at].value;
	++*at;
	return true;
}
