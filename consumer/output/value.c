/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/value.c: reads fields of records as values, so that only this file knows the layout of
 * each kind of field.
 * In:   bytes laid out as ebpf/abi.h says. Out: values that point into them.
 * Owns: only the array of values in struct out.
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

static bool var_at(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec,
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

static bool field_int(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	rec_value_type(v, f->type, f->size);
	v->i = word_at((const char *)rec + f->off);
	return true;
}

static bool field_string(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	return var_at(v, f, rec, 1);
}

static bool field_bytes(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	v->type = f->type ? d_resolve(f->type) : NULL;
	v->bytes = (const char *)rec + f->off;
	v->len = f->size;
	return f->size <= rec->len - f->off;
}

static bool field_stack(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	return var_at(v, f, rec, 8);
}

static bool field_ustack(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	memcpy(&v->owner, (const char *)rec + f->off + sizeof(struct rt_var), sizeof(v->owner));
	return var_at(v, f, rec, 8);
}

static bool field_ksym(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	v->i = word_at((const char *)rec + f->off);
	return true;
}

static bool field_usym(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	memcpy(&v->owner, (const char *)rec + f->off + 8, sizeof(v->owner));
	return field_ksym(v, f, rec);
}

static const struct {
	uint32_t size; /* of the fixed part */
	bool (*read)(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec);
} fields[] = {
	[REC_INT] = { 8, field_int },
	[REC_STRING] = { sizeof(struct rt_var), field_string },
	[REC_BYTES] = { 0, field_bytes },
	[REC_STACK] = { sizeof(struct rt_var), field_stack },
	[REC_USTACK] = { sizeof(struct rt_var) + sizeof(struct rt_owner), field_ustack },
	[REC_KSYM] = { 8, field_ksym },
	[REC_USYM] = { 8 + sizeof(struct rt_owner), field_usym },
};

bool out_value_field(struct rec_value *v, const struct rec_field *f, const struct rt_rec *rec)
{
	if (f->off > rec->len || fields[f->kind].size > rec->len - f->off)
		return false;
	*v = (struct rec_value){ .kind = f->kind, .symbol = f->symbol };
	return fields[f->kind].read(v, f, rec);
}

bool out_values_room(struct out *o, size_t n)
{
	struct rec_value *p;

	if (n <= o->values_cap)
		return true;
	p = realloc(o->values, n * sizeof(*p));
	if (!p)
		return false;
	o->values = p;
	o->values_cap = n;
	return true;
}
