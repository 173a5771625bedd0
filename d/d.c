/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/d.c: a compile from its beginning to its end, and its errors.
 * In:   an arena, a diag, the options.
 * Out:  struct d with the names that every program knows.
 * Owns: the hash tables of names, until d_free; the rest is the arena's.
 */
#include "d/inner.h"
#include "d/lex.h"

#include <string.h>

struct arena *d_arena(struct d *d)
{
	return d->arena;
}

static struct d_ident *enter_row(struct d *d, enum d_idkind kind, const struct d_row *row, size_t i)
{
	struct d_ident *id = d_ident_enter(d, row->name, kind, NOWHERE);

	if (!id)
		return NULL;
	id->row = row;
	id->number = (int64_t)i;
	id->attr = d_attr_of_row(row);
	return id;
}

static bool enter_calls(struct d *d, enum d_idkind kind, const struct d_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!enter_row(d, kind, &rows[i], i))
			return false;
	return true;
}

/* Types of builtins are looked up at their first use, because a kernel type makes us read BTF. */
static bool enter_builtins(struct d *d)
{
	for (size_t i = 0; i < D_NBUILTINS; i++) {
		struct d_ident *id = enter_row(d, D_ID_VAR, &d_var_rows[i], i);

		if (!id || !(id->var = arena_new_of(d->arena, struct d_var)))
			return false;
		*id->var = (struct d_var){ .scope = D_V_BUILTIN,
					   .name = d_var_rows[i].name,
					   .id = (int)i };
	}
	return enter_calls(d, D_ID_SUBR, d_subr_rows, D_NSUBRS) &&
	       enter_calls(d, D_ID_ACTION, d_action_rows, D_NACTIONS) &&
	       enter_calls(d, D_ID_AGGFUNC, d_aggfunc_rows, D_NAGGFUNCS);
}

static bool enter_vars(struct d *d)
{
	for (size_t i = 0; i < d->config.nvars; i++) {
		const char *name = d->config.vars[i];
		struct d_ident *id = d_ident_enter(d, name, D_ID_VAR, NOWHERE);

		if (!id || !(id->var = arena_new_of(d->arena, struct d_var)))
			return false;
		*id->var = (struct d_var){ .scope = D_V_GLOBAL,
					   .name = name,
					   .type = d_base(d, D_INT64) };
	}
	return true;
}

void d_free(struct d *d)
{
	if (!d)
		return;
	hash_free(d->tags, NULL);
	hash_free(d->typedefs, NULL);
	hash_free(d->idents, NULL);
	hash_free(d->self_vars, NULL);
	hash_free(d->this_vars, NULL);
	hash_free(d->agg_names, NULL);
	if (d->front) {
		hash_free(d->front->assigned, NULL);
		hash_free(d->front->waiting_names, NULL);
		hash_free(d->front->opaque, NULL);
	}
	d->tags = d->typedefs = d->idents = d->self_vars = d->this_vars = d->agg_names = NULL;
	d->front = NULL;
}

static bool make_tables(struct d *d)
{
	d->tags = hash_new();
	d->typedefs = hash_new();
	d->idents = hash_new();
	d->self_vars = hash_new();
	d->this_vars = hash_new();
	d->agg_names = hash_new();
	d->front = arena_new_of(d->arena, struct d_front);
	if (!d->front || !d->tags || !d->typedefs || !d->idents || !d->self_vars || !d->this_vars ||
	    !d->agg_names)
		return false;
	d->front->assigned = hash_new();
	d->front->waiting_names = hash_new();
	d->front->opaque = hash_new();
	if (d->config.argc > 0)
		d->front->arg_used = arena_array(d->arena, bool, (size_t)d->config.argc);
	return d->front->assigned && d->front->waiting_names && d->front->opaque &&
	       (d->config.argc <= 0 || d->front->arg_used);
}

void d_set_options(struct d *d, const struct d_options *opt)
{
	d->config.opt = *opt;
	for (size_t i = 0; i < COUNT(d->base); i++)
		if (d->base[i] && d->base[i]->kind == D_T_STRING)
			d->base[i]->size = opt->strsize;
}

struct d *d_new(struct arena *a, struct diag *diag, const struct d_config *config)
{
	struct d *d = arena_new_of(a, struct d);

	if (d) {
		d->arena = a;
		d->diag = diag;
		d->config = *config;
		if (make_tables(d) && d_types_init(d) && enter_builtins(d) && enter_vars(d))
			return d;
		d_free(d);
	}
	diag_error(diag, NOWHERE, NULL, "out of memory");
	return NULL;
}
