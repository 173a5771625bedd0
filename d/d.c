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

bool d_is_header(const char *name, size_t len)
{
	return len > 2 && !memcmp(name + len - 2, ".h", 2);
}

/*
 * C headers that a provider file includes may hold more than D knows. The program that uses them is
 * checked where it uses them.
 */
bool d_in_header(const struct d *d, struct loc at)
{
	struct place where = d->config.providers ? text_place(at) : (struct place){ 0 };

	return where.name && d_is_header(where.name, where.name_len);
}

void d_error(struct d *d, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
{
	va_list ap;

	if (d_in_header(d, at))
		return;
	d->failed = true;
	va_start(ap, fmt);
	diag_verror(d->diag, at, tag, fmt, ap);
	va_end(ap);
}

struct arena *d_arena(struct d *d)
{
	return d->arena;
}

struct d_ident *d_ident_enter(struct d *d, const char *name, enum d_idkind kind, struct loc at)
{
	struct d_ident *id = arena_new_of(d->arena, struct d_ident);

	if (!id)
		return NULL;
	id->kind = kind;
	id->loc = at;
	d_ident_waited(d, name, id);
	return hash_set_str(d->idents, name, id) ? NULL : id;
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

/* Types of builtins are looked up at their first use: a kernel type costs reading its BTF. */
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

/* An array has no type of its own: an element has one, and the checker knows it. */
struct d_type *d_builtin_type(struct d *d, struct d_var *v)
{
	if (!v->type && v->scope == D_V_BUILTIN && !d_var_rows[v->id].is_array)
		v->type = d_parse_type_name(d, d_var_rows[v->id].proto);
	return v->type;
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
