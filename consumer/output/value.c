/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/value.c: fields of records and components of keys as values, so
 * that printing asks only once what each kind is.
 * In:   bytes laid out as ebpf/abi.h says. Out: values that point into them.
 * Owns: nothing but out's array of values.
 */
#include "consumer/output/inner.h"

#include <stdlib.h>
#include <string.h>

static uint64_t word_at(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void set_type(struct out_value *v, const struct d_type *type, uint32_t size)
{
	const struct d_type *t = type ? d_resolve(type) : NULL;

	v->type = t;
	v->size = size ? size : t && t->size && t->size <= 8 ? (uint32_t)t->size : 8;
	v->is_signed = t ? t->is_signed : true;
}

/* ---- Records ------------------------------------------------------------- */

static bool var_at(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec,
		   size_t unit)
{
	struct rt_var var;

	memcpy(&var, (const char *)rec + f->off, sizeof(var));
	if (var.off > rec->len || var.len > rec->len - var.off)
		return false;
	v->bytes = (const char *)rec + var.off;
	v->len = var.len / unit;
	return true;
}

static bool field_int(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	set_type(v, f->type, f->size);
	v->i = word_at((const char *)rec + f->off);
	return true;
}

static bool field_string(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	return var_at(v, f, rec, 1);
}

static bool field_bytes(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	v->type = f->type ? d_resolve(f->type) : NULL;
	v->bytes = (const char *)rec + f->off;
	v->len = f->size;
	return f->size <= rec->len - f->off;
}

static bool field_stack(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	return var_at(v, f, rec, 8);
}

static bool field_ustack(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	memcpy(&v->owner, (const char *)rec + f->off + sizeof(struct rt_var), sizeof(v->owner));
	return var_at(v, f, rec, 8);
}

static bool field_ksym(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	v->i = word_at((const char *)rec + f->off);
	return true;
}

static bool field_usym(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	memcpy(&v->owner, (const char *)rec + f->off + 8, sizeof(v->owner));
	return field_ksym(v, f, rec);
}

static const struct {
	uint32_t size; /* of the fixed part */
	bool (*read)(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec);
} fields[] = {
	[REC_INT] = { 8, field_int },
	[REC_STRING] = { sizeof(struct rt_var), field_string },
	[REC_BYTES] = { 0, field_bytes },
	[REC_STACK] = { sizeof(struct rt_var), field_stack },
	[REC_USTACK] = { sizeof(struct rt_var) + sizeof(struct rt_owner), field_ustack },
	[REC_KSYM] = { 8, field_ksym },
	[REC_USYM] = { 8 + sizeof(struct rt_owner), field_usym },
};

bool out_value_field(struct out_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	if (f->off > rec->len || fields[f->kind].size > rec->len - f->off)
		return false;
	*v = (struct out_value){ .kind = f->kind, .sym = f->sym };
	return fields[f->kind].read(v, f, rec);
}

bool out_values_room(struct out *o, size_t n)
{
	struct out_value *p;

	if (n <= o->values_cap)
		return true;
	p = realloc(o->values, n * sizeof(*p));
	if (!p)
		return false;
	o->values = p;
	o->values_cap = n;
	return true;
}

/* ---- Keys ------------------------------------------------------------------ */

/* The next n words of the key; NULL: it ends before. */
static const unsigned char *words(const unsigned char **at, const unsigned char *end, uint64_t n)
{
	const unsigned char *p = *at;

	if (n > (uint64_t)(end - p) / 8)
		return NULL;
	*at = p + n * 8;
	return p;
}

static bool key_word(struct out_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *p = words(at, end, 1);

	v->i = p ? word_at(p) : 0;
	return p != NULL;
}

static bool key_string(struct out_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *nul = memchr(*at, 0, (size_t)(end - *at));

	if (!nul)
		return false;
	v->bytes = (const char *)*at;
	v->len = (size_t)(nul - *at);
	return words(at, end, v->len / 8 + 1) != NULL;
}

static bool key_stack(struct out_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *n = words(at, end, 1), *p = n ? words(at, end, word_at(n)) : NULL;

	v->bytes = (const char *)p;
	v->len = p ? word_at(n) : 0;
	return p != NULL;
}

static bool key_pid(struct out_value *v, const unsigned char **at, const unsigned char *end)
{
	const unsigned char *pid = words(at, end, 1);

	v->owner.pid = pid ? (uint32_t)word_at(pid) : 0;
	return pid != NULL;
}

static bool key_ustack(struct out_value *v, const unsigned char **at, const unsigned char *end)
{
	return key_pid(v, at, end) && key_stack(v, at, end);
}

static bool key_usym(struct out_value *v, const unsigned char **at, const unsigned char *end)
{
	return key_pid(v, at, end) && key_word(v, at, end);
}

static bool (*const key_readers[])(struct out_value *v, const unsigned char **at,
				   const unsigned char *end) = {
	[REC_INT] = key_word,	   [REC_STRING] = key_string, [REC_STACK] = key_stack,
	[REC_USTACK] = key_ustack, [REC_KSYM] = key_word,     [REC_USYM] = key_usym,
};

bool out_value_keys(struct out_value *v, const struct agg_desc *desc, const unsigned char *key,
		    size_t len)
{
	const unsigned char *at = key, *end = key ? key + len : NULL;

	if (desc->nkeys && !key)
		return false;
	for (size_t i = 0; i < desc->nkeys; i++) {
		enum rec_kind kind = desc->kinds[i];

		v[i] = (struct out_value){ .kind = kind };
		if (desc->syms)
			v[i].sym = desc->syms[i];
		if (kind == REC_INT)
			set_type(&v[i], i < desc->agg->nkeys ? desc->agg->keys[i] : NULL, 0);
		if (kind == REC_BYTES || !key_readers[kind](&v[i], &at, end))
			return false;
	}
	return true;
}
