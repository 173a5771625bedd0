/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/d.c: the life of one compile.
 * In:   an arena, a diag and the options.
 * Out:  struct d with its tables, in which the builtin names stand already.
 * Owns: the hash tables, until d_free. All else is the arena's.
 */
#include "d/inner.h"

#include <string.h>

#define DEFAULT_STRSIZE 256

void d_free(struct d *d)
{
	if (!d)
		return;
	struct hash **all[] = { &d->tags, &d->typedefs, &d->idents, &d->self_vars, &d->this_vars,
				&d->agg_names };
	for (size_t i = 0; i < COUNT(all); i++) {
		hash_free(*all[i], NULL);
		*all[i] = NULL;
	}
}

static bool tables_new(struct d *d)
{
	struct hash **all[] = { &d->tags, &d->typedefs, &d->idents, &d->self_vars, &d->this_vars,
				&d->agg_names };

	for (size_t i = 0; i < COUNT(all); i++) {
		*all[i] = hash_new();
		if (!*all[i])
			return false;
	}
	return true;
}

struct d *d_new(struct arena *a, struct diag *diag, const struct d_config *config)
{
	struct d *d = arena_new_of(a, struct d);

	if (d) {
		d->arena = a;
		d->diag = diag;
		if (config)
			d->config = *config;
		if (!d->config.strsize)
			d->config.strsize = DEFAULT_STRSIZE;
		if (tables_new(d) && d_types_init(d) && d_builtins_init(d))
			return d;
	}
	d_free(d);
	diag_error(diag, NOWHERE, NULL, "no memory for the D compiler's tables");
	return NULL;
}

struct arena *d_arena(struct d *d)
{
	return d->arena;
}

void d_error(struct d *d, struct loc at, const char *tag, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_verror(d->diag, at, tag, fmt, ap);
	va_end(ap);
	d->failed = true;
}
