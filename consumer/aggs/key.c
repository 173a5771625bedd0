/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/aggs/key.c: components of keys as values.
 * In:   bytes laid out as ebpf/abi.h says. Out: values that point into them.
 * Owns: nothing.
 */
#include "consumer/aggs/inner.h"

#include <stdlib.h>
#include <string.h>

static uint64_t word_at(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The next n words of the key; NULL: the key is shorter. */
static const unsigned char *words(const unsigned char **at, const unsigned char *end, uint64_t n)
{
	const unsigned char *p = *at;

	if (n > (uint64_t)(end - p) / 8)
		return NULL;
	*at = p + n * 8;
	return p;
}

static bool key_word(struct rec_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *p = words(at, end, 1);

	v->i = p ? word_at(p) : 0;
	return p != NULL;
}

static bool key_string(struct rec_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *nul = memchr(*at, 0, (size_t)(end - *at));

	if (!nul)
		return false;
	v->bytes = (const char *)*at;
	v->len = (size_t)(nul - *at);
	return words(at, end, v->len / 8 + 1) != NULL;
}

static bool key_stack(struct rec_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *n = words(at, end, 1), *p = n ? words(at, end, word_at(n)) : NULL;

	v->bytes = (const char *)p;
	v->len = p ? word_at(n) : 0;
	return p != NULL;
}

static bool key_pid(struct rec_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *pid = words(at, end, 1);

	v->owner.pid = pid ? (uint32_t)word_at(pid) : 0;
	return pid != NULL;
}

static bool key_ustack(struct rec_value *v, const unsigned char **at, const unsigned char *end)
{
	return key_pid(v, at, end) && key_stack(v, at, end);
}

static bool key_usym(struct rec_value *v, const unsigned char **at, const unsigned char *end)
{
	return key_pid(v, at, end) && key_word(v, at, end);
}

static bool (*const key_readers[])(struct rec_value *v, const unsigned char **at,
				   const unsigned char *end) = {
	[REC_INT] = key_word,	   [REC_STRING] = key_string, [REC_STACK] = key_stack,
	[REC_USTACK] = key_ustack, [REC_KSYM] = key_word,     [REC_USYM] = key_usym,
};

bool aggs_key_parts(struct rec_value *v, size_t *ends, const struct agg_row *r)
{
	const struct agg_desc *desc = r->desc;
	const unsigned char *at = r->key, *end = at ? at + r->key_len : NULL;

	if (desc->nkeys && !at)
		return false;
	ends[0] = 0;
	for (size_t i = 0; i < desc->nkeys; i++) {
		enum rec_kind kind = desc->kinds[i];

		v[i] = (struct rec_value){ .kind = kind };
		if (desc->symbols)
			v[i].symbol = desc->symbols[i];
		if (kind == REC_INT)
			rec_value_type(&v[i], i < desc->agg->nkeys ? desc->agg->keys[i] : NULL, 0);
		if (kind == REC_BYTES || !key_readers[kind](&v[i], &at, end))
			return false;
		ends[i + 1] = (size_t)(at - r->key);
	}
	return true;
}

bool aggs_key_values(struct rec_value *v, const struct agg_row *r)
{
	size_t few[16], n = r->desc->nkeys, *ends = few;
	const unsigned char *name = r->name;
	bool ok;

	if (n >= COUNT(few) && !(ends = calloc(n + 1, sizeof(*ends))))
		return false;
	ok = aggs_key_parts(v, ends, r);
	for (size_t i = 0; ok && name && i < n; i++) {
		if (v[i].kind == REC_KSYM || v[i].kind == REC_USYM) {
			v[i].bytes = (const char *)name;
			v[i].len = strlen(v[i].bytes);
			name += v[i].len + 1;
		} else {
			name += ends[i + 1] - ends[i];
		}
	}
	if (ends != few)
		free(ends);
	return ok;
}
