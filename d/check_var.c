/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_var.c: resolves names and indexes (guide: chp-variables).
 * In:   raw IDENT and INDEX nodes.
 * Out:  VAR, INDEX, ELEM, KSYM nodes, constants; variables that a first
 *       assignment makes.
 * Owns: nothing; variables are the program's.
 */
#include "d/check.h"

#include <string.h>

static const char *scope_word(enum d_scope s)
{
	return s == D_V_SELF ? "self->" : s == D_V_THIS ? "this->" : "";
}

static struct d_var *var_find(struct chk *c, const struct d_expr *e)
{
	struct d_ident *id;

	if (e->ident_scope == D_V_SELF)
		return hash_get_str(c->d->self_vars, e->str);
	if (e->ident_scope == D_V_THIS)
		return hash_get_str(c->d->this_vars, e->str);
	id = hash_get_str(c->d->idents, e->str);
	return id && id->kind == D_ID_VAR ? id->var : NULL;
}

static bool var_list(struct chk *c, struct d_var *v)
{
	struct d_prog *p = c->prog;
	struct d_var **slot;

	if (v->scope == D_V_SELF)
		slot = ARENA_PUSH(c->d->arena, p->selfs, p->nselfs, c->selfs_cap);
	else if (v->scope == D_V_THIS)
		slot = ARENA_PUSH(c->d->arena, p->thises, p->nthises, c->thises_cap);
	else
		slot = ARENA_PUSH(c->d->arena, p->globals, p->nglobals, c->globals_cap);
	if (!slot)
		return false;
	*slot = v;
	v->id = (int)((v->scope == D_V_SELF ? p->nselfs :
		       v->scope == D_V_THIS ? p->nthises :
					      p->nglobals) -
		      1);
	return true;
}

bool c_vars_declared(struct chk *c)
{
	struct hash *tables[] = { c->d->idents, c->d->self_vars, c->d->this_vars };

	for (size_t i = 0; i < COUNT(tables); i++) {
		size_t at = 0;
		void *value;

		while (hash_next(tables[i], &at, NULL, NULL, &value)) {
			struct d_ident *id = i ? NULL : value;
			struct d_var *v = i ? value : id->kind == D_ID_VAR ? id->var : NULL;

			if (v && v->scope != D_V_BUILTIN && !var_list(c, v))
				return false;
		}
	}
	return true;
}

static struct d_var *var_make(struct chk *c, const struct d_expr *e, struct d_type *t)
{
	struct d_var *v = arena_new_of(c->d->arena, struct d_var);
	struct hash *h = e->ident_scope == D_V_SELF ? c->d->self_vars : c->d->this_vars;
	struct d_ident *id;

	if (!v || !c->prog)
		return NULL;
	*v = (struct d_var){ .scope = e->ident_scope == D_V_BUILTIN ? D_V_GLOBAL : e->ident_scope,
			     .name = e->str,
			     .type = t,
			     .loc = e->loc };
	if (v->scope == D_V_GLOBAL) {
		id = d_ident_enter(c->d, e->str, D_ID_VAR, e->loc);
		if (!id)
			return NULL;
		id->var = v;
	} else if (hash_set_str(h, e->str, v)) {
		return NULL;
	}
	return var_list(c, v) ? v : NULL;
}

/* Is it a variable of the guide that needs a translator? */
static bool is_translated(const char *name)
{
	static const char *const names[] = {
#define D_TRANSLATED(id, ...) #id,
#include "d/builtins.def"
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static struct d_expr *undefined(struct chk *c, const struct d_expr *e)
{
	if (e->ident_scope == D_V_SELF || e->ident_scope == D_V_THIS)
		d_error(c->d, e->loc, D_VAR_UNDEF, "%s%s has not been declared or assigned before",
			scope_word(e->ident_scope), e->str);
	else if (is_translated(e->str))
		d_error(c->d, e->loc, D_UNSUPPORTED, "%s is not available in this version", e->str);
	else
		d_error(c->d, e->loc, D_IDENT_UNDEF, "unknown name: %s", e->str);
	c_suggest(c, e->str, e->ident_scope, false);
	return NULL;
}

static struct d_expr *var_node(struct chk *c, struct d_expr *e, struct d_var *v)
{
	e->kind = D_E_VAR;
	e->var = v;
	c_attr_var(c, v, e->loc);
	e->type = v->scope == D_V_BUILTIN ? d_builtin_type(c->d, v) : v->type;
	if (!e->type && v->scope == D_V_BUILTIN)
		d_error(c->d, e->loc, D_VAR_UNSUP, "the type of %s is not known here", v->name);
	return e->type ? e : NULL; /* NULL, not reported: its assignment had an error */
}

static struct d_expr *kernel_symbol(struct chk *c, struct d_expr *e)
{
	const struct d_names *names = c->d->config.names;
	struct d_type *t = NULL;
	uint64_t addr = 0;

	if (!names || !names->symbol ||
	    !names->symbol(names->ctx, c->d, e->ident_mod, e->str, &t, &addr)) {
		d_error(c->d, e->loc, D_IDENT_UNDEF, "no kernel symbol %s`%s", e->ident_mod,
			e->str);
		return NULL;
	}
	if (!t) {
		d_error(c->d, e->loc, D_SYM_NOTYPES, "kernel symbol %s`%s has no type",
			e->ident_mod, e->str);
		return NULL;
	}
	c_attr(c, c_attr_kernel, e->loc, "kernel symbol", e->str);
	e->kind = D_E_KSYM;
	e->type = t;
	e->ival = addr;
	return e;
}

static struct d_expr *global_ident(struct chk *c, struct d_expr *e)
{
	struct d_ident *id = hash_get_str(c->d->idents, e->str);

	if (!id) {
		struct d_expr *known = c_std_name(c, e);

		return known ? known : undefined(c, e);
	}
	switch (id->kind) {
	case D_ID_INLINE: return c_inlined(c, e, id, NULL, 0);
	case D_ID_ENUMERATOR:
		c_attr_ident(c, id, e->loc, "enumerator", e->str);
		return c_int(c, (uint64_t)id->number, id->type ? id->type : d_base(c->d, D_INT),
			     e->loc);
	case D_ID_SUBR:
	case D_ID_ACTION:
	case D_ID_AGGFUNC:
		d_error(c->d, e->loc, D_IDENT_BADREF, "%s is a function: call it as %s()", e->str,
			e->str);
		return NULL;
	default: return e;
	}
}

struct d_expr *c_ident(struct chk *c, struct d_expr *e)
{
	struct d_var *v;

	if (e->ident_mod)
		return kernel_symbol(c, e);
	if (e->ident_scope == D_V_GLOBAL || e->ident_scope == D_V_BUILTIN) {
		struct d_expr *found = global_ident(c, e);

		if (found != e)
			return found;
	}
	v = var_find(c, e);
	if (!v)
		return undefined(c, e);
	if (c->constant) {
		d_error(c->d, e->loc, D_OP_INT, "%s is a variable; a constant is required here",
			e->str);
		return NULL;
	}
	if (v->assoc || (v->scope == D_V_BUILTIN && d_var_rows[v->id].is_array)) {
		d_error(c->d, e->loc, D_ARR_BADREF, "%s%s is an array: it needs an index",
			scope_word(v->scope), e->str);
		return NULL;
	}
	return var_node(c, e, v);
}

/* ---- Indexing ---------------------------------------------------------------- */

/* Gives the same hint as a description without args[] gets. */
static void args_of_none(struct chk *c, struct loc at)
{
	const struct d_names *names = c->d->config.names;
	const char *why = names->why_none ? names->why_none(names->ctx, c->pdesc) : NULL;

	d_error(c->d, at, D_ARGS_NONE, "args[] is not known: no probe matches %s",
		c->pdesc->text ? c->pdesc->text : "");
	if (why)
		diag_hint(c->d->diag, "%s", why);
}

static bool args_known(struct chk *c, struct loc at)
{
	const struct d_names *names = c->d->config.names;

	if (!c->pdesc || !names || !names->args) {
		d_error(c->d, at, D_ARGS_NONE, "args[] is not known here");
		return false;
	}
	if (!c->args_asked) {
		c->args_asked = true;
		c->args_ok = names->args(names->ctx, c->d, c->pdesc, &c->args);
		if (!c->args_ok)
			args_of_none(c, at);
		else if (c->args.unstable)
			d_error(c->d, at, D_ARGS_MULTI,
				"args[] differs between the probes of %s: %s",
				c->pdesc->text ? c->pdesc->text : "", c->args.unstable);
		else
			return true;
		c->args_ok = false;
	}
	return c->args_ok;
}

/* Makes args[i], which is read in the native type, the type that the provider declares. Only
 * integers convert without a translator. */
static struct d_expr *translated(struct chk *c, struct d_expr *e, struct d_type *to)
{
	struct d_type *native = c->args.native ? c->args.native[e->ival] : NULL;

	e->type = native ? native : to;
	if (!native || d_same_type(native, to))
		return e;
	if (d_is_integer(native) && d_is_integer(to))
		return c_cast(c, e, to);
	d_error(c->d, e->loc, D_XLATE_NONE,
		"args[%llu] is a translation of %s to %s: translators are not supported",
		(unsigned long long)e->ival, c_name(c, native), c_name(c, to));
	return NULL;
}

static struct d_expr *index_args(struct chk *c, struct d_expr *e, struct d_var *v)
{
	struct loc at = e->loc;
	struct d_expr *i = e->nkids == 2 ? c_value(c, e->kids[1]) : NULL;

	if (e->nkids != 2) {
		d_error(c->d, at, D_ARGS_IDX, "args[] takes one index");
		return NULL;
	}
	c_attr_var(c, v, at);
	if (!i || !args_known(c, at))
		return NULL;
	if (!c_is_const(i)) {
		d_error(c->d, i->loc, D_ARGS_IDX,
			"the index of args[] must be an integer constant");
		return NULL;
	}
	if (!c->args.n) {
		d_error(c->d, at, D_ARGS_NONE, "the probes of %s have no args[]", c->pdesc->text);
		return NULL;
	}
	if (i->ival >= c->args.n) {
		d_error(c->d, i->loc, D_ARGS_IDX,
			"index %lld is out of range: %s has args[0] to args[%zu]",
			(long long)i->ival, c->pdesc->text, c->args.n - 1);
		return NULL;
	}
	if (!c->args.types[i->ival]) {
		d_error(c->d, at, D_ARGS_TYPE, "the type of args[%llu] is not known",
			(unsigned long long)i->ival);
		return NULL;
	}
	e->kids[0]->kind = D_E_VAR;
	e->kids[0]->var = v;
	e->nkids = 1;
	e->ival = i->ival;
	return translated(c, e, c->args.types[i->ival]);
}

static struct d_expr *index_uregs(struct chk *c, struct d_expr *e, struct d_var *v)
{
	struct d_expr *i = e->nkids == 2 ? c_value(c, e->kids[1]) : NULL;

	if (e->nkids != 2 || (i && !d_is_integer(i->type))) {
		d_error(c->d, e->loc, D_REGS_IDX, "uregs[] takes one integer index");
		return NULL;
	}
	if (!i)
		return NULL;
	c_attr_var(c, v, e->loc);
	e->kids[0]->kind = D_E_VAR;
	e->kids[0]->var = v;
	e->kids[1] = c_cast(c, i, d_base(c->d, D_INT));
	e->type = d_base(c->d, D_UINT64);
	return e->kids[1] ? e : NULL;
}

static struct d_expr *assoc_index(struct chk *c, struct d_expr *e, struct d_var *v)
{
	bool known = v->keys != NULL || v->nkeys;
	const char *what = arena_printf(c->d->arena, "%s%s[]", scope_word(v->scope), v->name);

	if (!what ||
	    !c_tuple(c, e->kids + 1, e->nkids - 1, &v->keys, &v->nkeys, what, e->loc, &known))
		return NULL;
	c_attr_var(c, v, e->loc);
	e->kids[0]->kind = D_E_VAR;
	e->kids[0]->var = v;
	e->type = v->type;
	return e->type ? e : NULL;
}

static struct d_expr *element(struct chk *c, struct d_expr *e)
{
	struct d_expr *base = c_value(c, e->kids[0]), *i = c_value(c, e->kids[1]);
	const struct d_type *t;

	if (!base || !i)
		return NULL;
	t = d_resolve(base->type);
	if (e->nkids == 2 && d_is_string(t)) {
		d_error(c->d, e->loc, D_UNSUPPORTED,
			"the characters of a string are not available in this version");
		return NULL;
	}
	if (e->nkids != 2 || !d_is_pointer(t)) {
		d_error(c->d, e->loc, D_ARR_BADREF, "a value of type %s cannot be indexed%s",
			c_name(c, base->type), e->nkids != 2 ? " by several keys" : "");
		return NULL;
	}
	if (!d_is_integer(i->type)) {
		d_error(c->d, i->loc, D_OP_INT, "an index must be an integer, not %s",
			c_name(c, i->type));
		return NULL;
	}
	if (t->kind == D_T_ARRAY && t->nelem && c_is_const(i) && i->ival >= t->nelem) {
		d_error(c->d, i->loc, D_ARR_BOUNDS, "index %lld is outside of %s",
			(long long)i->ival, c_name(c, base->type));
		return NULL;
	}
	if (t->to->is_unknown || (!d_complete(c->d, t->to) && !d_resolve(t->to)->size)) {
		d_error(c->d, e->loc,
			d_resolve(t->to)->kind == D_T_VOID ? D_DEREF_VOID : D_OP_INCOMPLETE,
			"an element of %s cannot be read", c_name(c, base->type));
		if (t->to->is_unknown)
			c_hint_declare(c);
		return NULL;
	}
	e->kind = D_E_ELEM;
	e->kids[0] = base;
	e->kids[1] = c_cast(c, c_promote(c, i), d_base(c->d, D_LONG));
	e->type = t->to;
	return e->kids[1] ? c_of_user(c, e) : NULL;
}

static struct d_expr *index_value(struct chk *c, struct d_expr *e, struct d_var *v)
{
	(void)v;
	return element(c, e);
}

/* Handlers of built-in variables with an index. */
static struct d_expr *(*const indexes[D_NBUILTINS])(struct chk *c, struct d_expr *e,
						    struct d_var *v) = {
#define D_VAR(id, has, type, ...) [D_BUILTIN_##id] = index_value,
#define D_ARRAY(id, has, type, ...) [D_BUILTIN_##id] = index_##id,
#include "d/builtins.def"
};

struct d_expr *c_index(struct chk *c, struct d_expr *e)
{
	struct d_expr *base = e->kids[0];
	bool named = base && base->kind == D_E_IDENT && !base->ident_mod;
	struct d_var *v = named ? var_find(c, base) : NULL;
	struct d_ident *id = named && base->ident_scope != D_V_SELF &&
					     base->ident_scope != D_V_THIS ?
				     hash_get_str(c->d->idents, base->str) :
				     NULL;

	if (e->nkids < 2)
		return NULL;
	if (id && id->kind == D_ID_INLINE && id->nparams)
		return c_inlined(c, base, id, e->kids + 1, e->nkids - 1);
	if (v && !c->constant) {
		if (v->scope == D_V_BUILTIN)
			return indexes[v->id](c, e, v);
		if (v->assoc)
			return assoc_index(c, e, v);
	}
	return element(c, e);
}

/* ---- Assignment's left side --------------------------------------------------- */

static struct d_type *stored_type(struct chk *c, struct d_expr *value, struct loc at)
{
	const struct d_type *t;

	if (!value)
		return NULL;
	t = d_resolve(value->type);
	if (t->kind == D_T_STACK || t->kind == D_T_USYM || t->kind == D_T_KSYM) {
		d_error(c->d, at, D_OP_DYN, "a value of type %s cannot be kept in a variable",
			c_name(c, value->type));
		return NULL;
	}
	if (t->kind == D_T_ARRAY)
		return d_ptr_to(c->d, t->to);
	return value->type->is_const ? (struct d_type *)value->type->base : value->type;
}

static struct d_expr *new_target(struct chk *c, struct d_expr *e, struct d_expr *name,
				 struct d_expr *value)
{
	struct d_var *v;

	if (name != e && name->ident_scope == D_V_THIS) {
		d_error(c->d, e->loc, D_ARR_LOCAL, "this->%s cannot be an associative array",
			name->str);
		return NULL;
	}
	v = var_make(c, name,
		     c_widened(c, name, stored_type(c, value, value ? value->loc : e->loc)));
	if (!v)
		return NULL;
	v->assoc = name != e;
	v->assigned = true;
	return v->assoc ? assoc_index(c, e, v) : var_node(c, e, v);
}

static bool writable(struct chk *c, const struct d_expr *e, struct d_var *v)
{
	v->assigned = true;
	if (v->scope == D_V_BUILTIN) {
		d_error(c->d, e->loc, D_OP_WRITE, "built-in variable %s cannot be written",
			v->name);
		return false;
	}
	if (v->type && v->type->is_const) {
		d_error(c->d, e->loc, D_OP_WRITE, "%s%s is const and cannot be written",
			scope_word(v->scope), v->name);
		return false;
	}
	return true;
}

struct d_expr *c_target(struct chk *c, struct d_expr *e, struct d_expr *value)
{
	struct d_expr *name = e && e->kind == D_E_INDEX ? e->kids[0] : e;

	if (!e)
		return NULL;
	if (name && name->kind == D_E_IDENT && !name->ident_mod) {
		struct d_var *v = var_find(c, name);
		bool other = (name->ident_scope == D_V_GLOBAL ||
			      name->ident_scope == D_V_BUILTIN) &&
			     hash_get_str(c->d->idents, name->str);

		if (v && !writable(c, e, v))
			return NULL;
		if (!v && !other)
			return new_target(c, e, name, value);
		if (!v) {
			d_error(c->d, e->loc, D_OP_LVAL,
				"%s is not a variable and cannot be assigned", name->str);
			return NULL;
		}
	}
	e = c_expr(c, e);
	if (e && !c_is_lvalue(e)) {
		d_error(c->d, e->loc, D_OP_LVAL, "this cannot be assigned to");
		return NULL;
	}
	if (e && (e->kind == D_E_KSYM || e->type->is_const)) {
		d_error(c->d, e->loc, D_OP_WRITE, "%s cannot be written",
			e->kind == D_E_KSYM ? "a kernel variable" : c_name(c, e->type));
		return NULL;
	}
	return e;
}
