/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/outtest.h: an output into memory, formats, and records made
 * by hand.
 */
#ifndef OUTTEST_H
#define OUTTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "consumer/output/inner.h"
#include "tests/consumer/aggs_fake.h"

#include <stdlib.h>
#include <string.h>

struct fix {
	struct arena *arena;
	struct diag diag;
	struct d_config config;
	struct d *d;
	char *text;
	size_t len;
	FILE *file;
	int64_t quiet, flow, raw, indent, key, keypos, pos, rev, zoom;
	struct out *out;
	char rec[4096]; /* the record; `end` bytes are used */
	uint32_t end;
	struct rec_field fields[16];
	size_t nfields;
};

static inline struct fix *fix_new(void)
{
	struct fix *x = calloc(1, sizeof(*x));
	struct out_options opt = { .quiet = &x->quiet,
				   .flowindent = &x->flow,
				   .rawbytes = &x->raw,
				   .stackindent = &x->indent,
				   .aggsortkey = &x->key,
				   .aggsortkeypos = &x->keypos,
				   .aggsortpos = &x->pos,
				   .aggsortrev = &x->rev,
				   .aggzoom = &x->zoom };

	x->arena = arena_new();
	x->config.opt.strsize = 256;
	x->d = d_new(x->arena, &x->diag, &x->config);
	x->indent = 14;
	x->file = open_memstream(&x->text, &x->len);
	x->out = out_new(x->file, &opt);
	x->end = sizeof(struct rt_rec) + 16 * 24;
	return x;
}

static inline void fix_free(struct fix *x)
{
	out_free(x->out);
	fclose(x->file);
	free(x->text);
	d_free(x->d);
	arena_free(x->arena);
	free(x);
}

/* Compares the text printed since the last call. */
static inline void expect(struct fix *x, const char *want)
{
	assert_int_equal(out_flush(x->out), 0);
	assert_string_equal(x->text ? x->text : "", want);
	rewind(x->file);
	x->text[0] = '\0';
	memset(x->text, 0, x->len);
}

static inline const struct d_format *format(struct fix *x, const char *s)
{
	const struct d_format *f = d_format_parse(x->d, s, strlen(s), NOWHERE);

	assert_non_null(f);
	return f;
}

/* ---- Records ---- */

static inline struct rec_field *field(struct fix *x, enum rec_kind kind, enum d_basetype type)
{
	struct rec_field *f = &x->fields[x->nfields];

	*f = (struct rec_field){ .kind = kind,
				 .type = d_base(x->d, type),
				 .off = (uint32_t)(sizeof(struct rt_rec) + 24 * x->nfields) };
	x->nfields++;
	return f;
}

static inline void add_int(struct fix *x, enum d_basetype type, int64_t v)
{
	struct rec_field *f = field(x, REC_INT, type);

	f->size = (uint32_t)f->type->size;
	memcpy(x->rec + f->off, &v, sizeof(v));
}

static inline void add_var(struct fix *x, struct rec_field *f, const void *bytes, size_t n)
{
	struct rt_var var = { x->end, (uint32_t)n };

	memcpy(x->rec + f->off, &var, sizeof(var));
	memcpy(x->rec + x->end, bytes, n);
	x->rec[x->end + n] = '\0';
	x->end += (uint32_t)((n + 8) & ~7u);
}

static inline void add_str(struct fix *x, const char *s)
{
	add_var(x, field(x, REC_STRING, D_STRING), s, strlen(s));
}

static inline const struct rt_rec *record(struct fix *x)
{
	struct rt_rec *r = (struct rt_rec *)x->rec;

	r->len = x->end;
	return r;
}

static inline int act(struct fix *x, enum d_action which, const char *fmt)
{
	struct rec_action a = { .act = which,
				.fields = x->fields,
				.nfields = x->nfields,
				.present = -1,
				.format = fmt ? format(x, fmt) : NULL };
	struct rec_desc desc = { .actions = &a, .nactions = 1, .any = true };
	int err = out_action(x->out, &desc, &a, record(x), NULL);

	x->nfields = 0;
	x->end = sizeof(struct rt_rec) + 16 * 24;
	return err;
}

#endif
