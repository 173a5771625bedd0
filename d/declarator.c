/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/declarator.c: declarators, also abstract ones: pointers, arrays, functions, D's associative
 * arrays (guide: chp-types).
 * In:   tokens behind the specifiers; the type that the specifiers name.
 * Out:  struct d_declarator: name and type.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <limits.h>
#include <string.h>

#define MAX_MODS 64 /* pointers, arrays and functions in one declarator */

struct mod { /* one step from the base type to the declared one */
	enum { M_PTR, M_ARRAY, M_FUNC, M_ASSOC } kind;
	bool is_const, is_volatile;
	uint64_t n;
	struct d_params params;
	struct loc loc;
	struct mod *next; /* the step that follows this one */
};

static struct mod *mod_new(struct d_parser *p, int kind, unsigned *count)
{
	struct mod *m = arena_new_of(p->d->arena, struct mod);

	if (!m)
		return d_nomem(p);
	if (++*count > MAX_MODS) {
		d_perror(p, p->tok.loc, D_SYNTAX, "declarator is too complex");
		return NULL;
	}
	m->kind = kind;
	m->loc = p->tok.loc;
	return m;
}

static bool param(struct d_parser *p, struct d_params *out)
{
	struct d_declarator decl;
	struct d_specs specs;
	struct d_param *slot;

	if (!d_parse_specs(p, &specs))
		return false;
	if (specs.class != D_C_NONE && specs.class != D_C_REGISTER) {
		d_perror(p, specs.loc, D_DECL_PARMCLASS,
			 "inappropriate storage class for parameter");
		return false;
	}
	if (!d_parse_declarator(p, &specs, &decl))
		return false;
	if (decl.assoc) {
		d_perror(p, decl.loc, D_DECL_DYNOBJ, "a parameter cannot be an associative array");
		return false;
	}
	if (!(slot = ARENA_PUSH(p->d->arena, out->v, out->n, out->cap)))
		return d_nomem(p);
	*slot = (struct d_param){ decl.type, decl.name, d_since(p, specs.loc) };
	return true;
}

/* As in C, arrays and functions become pointers and `(void)` means no parameters. */
static bool params_finish(struct d_parser *p, struct d_params *out)
{
	for (size_t i = 0; i < out->n; i++) {
		struct d_param *a = &out->v[i];
		const struct d_type *t = d_resolve(a->type);

		if (t->kind == D_T_VOID && (out->n > 1 || out->variadic || a->name)) {
			d_perror(
				p, a->loc, a->name ? D_DECL_PROTO_NAME : D_DECL_PROTO_VOID,
				a->name ?
					"void parameter may not have a name" :
					"void must be the sole parameter in a function declaration");
			return false;
		}
		if (t->kind == D_T_VOID)
			out->n = 0;
		else if (t->kind == D_T_ARRAY)
			a->type = t->is_user ? d_user_ptr_to(p->d, t->to) : d_ptr_to(p->d, t->to);
		else if (t->kind == D_T_FUNC)
			a->type = d_ptr_to(p->d, a->type);
		if (!a->type)
			return d_nomem(p);
	}
	return true;
}

static bool params_list(struct d_parser *p, struct d_params *out, int close, const char *what)
{
	if (p->tok.kind != (enum d_tok)close) {
		do {
			if (d_accept(p, D_TK_ELLIPSIS)) {
				out->variadic = true;
				break;
			}
			if (!param(p, out))
				return false;
		} while (d_accept(p, ','));
	}
	return d_expect(p, close, what) && params_finish(p, out);
}

bool d_parse_params(struct d_parser *p, struct d_params *out)
{
	bool nested = p->in_params, ok;

	*out = (struct d_params){ 0 };
	p->in_params = true;
	ok = params_list(p, out, ')', "')'");
	p->in_params = nested;
	return ok;
}

/* `[n]`, `[]` or D's `[type, type]`; the token is past the `[`. */
static bool array_suffix(struct d_parser *p, struct mod *m)
{
	struct loc at = p->tok.loc;
	int64_t n;

	if (p->tok.kind == ']')
		return d_expect(p, ']', "']'");
	if (p->in_params && p->in_header)
		return d_skip_index(p); /* `int v[static n]` is a pointer */
	if (d_at_type(p) && p->tok.kind != D_KW___extension__) {
		m->kind = M_ASSOC;
		if (!params_list(p, &m->params, ']', "']'"))
			return false;
		if (!m->params.variadic && m->params.n)
			return true;
		d_perror(p, m->loc, D_DECL_PROTO_TYPE, "invalid type in an array's tuple");
		return false;
	}
	if (!d_parse_const(p, &n) || !d_expect(p, ']', "']'"))
		return false;
	if (n <= 0 && !(p->in_header && !n)) {
		d_perror(p, at, D_DECL_ARRSUB,
			 "a positive integer constant is needed as array dimension");
		return false;
	}
	if (n > INT_MAX) {
		d_perror(p, at, D_DECL_ARRBIG, "array dimension is too big");
		return false;
	}
	m->n = (uint64_t)n;
	return true;
}

static struct mod *pointers(struct d_parser *p, struct mod **last, unsigned *count)
{
	struct mod *first = NULL, **tail = &first, *m;
	struct d_cattrs of_pointer = { 0 };

	*last = NULL;
	while (!p->bad && p->tok.kind == '*') {
		if (!(m = mod_new(p, M_PTR, count)))
			return NULL;
		for (d_next(p);; d_next(p)) {
			if (p->tok.kind == D_KW_const)
				m->is_const = true;
			else if (p->tok.kind == D_KW_volatile)
				m->is_volatile = true;
			else if (p->tok.kind != D_KW_restrict && p->tok.kind != D_KW__Atomic)
				break;
		}
		if (!d_parse_attributes(p, &of_pointer))
			return NULL;
		*tail = *last = m;
		tail = &m->next;
	}
	return first;
}

/* Does the current `(` hold a declarator and not parameters? The next word decides. */
static bool is_nested(struct d_parser *p)
{
	uint32_t at = d_peek_space(p->text, p->pos), end = at;
	const char *s = p->text->bytes;
	char *name;
	bool type;

	if (s[at] == '*' || s[at] == '(' || s[at] == '[')
		return true;
	while (d_is_ident_char(s[end]))
		end++;
	if (end == at)
		return false;
	if (d_keyword(s + at, end - at) != D_TK_IDENT)
		return false;
	name = arena_strndup(p->d->arena, s + at, end - at);
	if (!name)
		return d_nomem(p);
	type = d_typedef_find(p->d, d_without_module(name)) != NULL;
	return !type;
}

/* Lists the steps in their order: pointers, suffixes from the right, the nested declarator. */
static bool mods(struct d_parser *p, struct d_declarator *out, struct mod **list, unsigned *count)
{
	struct mod *last, *first, *suffixes = NULL, *m, *nested = NULL;
	bool ok = d_enter(p);

	first = ok ? pointers(p, &last, count) : NULL;
	if (ok && p->tok.kind == '(' && is_nested(p)) {
		d_next(p);
		ok = mods(p, out, &nested, count) && d_expect(p, ')', "')'");
	} else if (ok && (p->tok.kind == D_TK_IDENT || d_keyword_as_name(p, ",)["))) {
		out->name = p->tok.str;
		out->loc = p->tok.loc;
		d_next(p);
	}
	while (ok && !p->bad && (p->tok.kind == '[' || p->tok.kind == '(')) {
		bool func = p->tok.kind == '(';

		if (!(m = mod_new(p, func ? M_FUNC : M_ARRAY, count)))
			break;
		d_next(p);
		ok = func ? d_parse_params(p, &m->params) : array_suffix(p, m);
		m->next = suffixes;
		suffixes = m;
	}
	d_leave(p);
	if (p->bad || !ok)
		return false;
	for (m = suffixes; m && m->next; m = m->next)
		;
	if (m)
		m->next = nested;
	else
		suffixes = nested;
	if (first)
		last->next = suffixes;
	*list = first ? first : suffixes;
	return true;
}

static bool assoc(struct d_parser *p, const struct mod *m, struct d_declarator *out)
{
	if (m->next || out->assoc) {
		d_perror(p, m->loc, D_DECL_DYNOBJ,
			 "an associative array is a variable's, not part of a type");
		return false;
	}
	out->assoc = true;
	out->nkeys = m->params.n;
	out->keys = arena_array(p->d->arena, struct d_type *, m->params.n);
	out->key_names = arena_array(p->d->arena, const char *, m->params.n);
	if (!out->keys || !out->key_names)
		return d_nomem(p);
	for (size_t i = 0; i < m->params.n; i++) {
		out->keys[i] = m->params.v[i].type;
		out->key_names[i] = m->params.v[i].name;
	}
	return true;
}

static struct d_type *function(struct d_parser *p, struct d_type *result, const struct mod *m)
{
	enum d_kind kind = d_resolve(result)->kind;
	struct d_type **types = arena_array(p->d->arena, struct d_type *, m->params.n + 1);

	if (kind == D_T_FUNC || kind == D_T_ARRAY) {
		d_perror(p, m->loc, D_DECL_COMBO,
			 "a function cannot return a function or an array");
		return NULL;
	}
	if (!types)
		return d_nomem(p);
	for (size_t i = 0; i < m->params.n; i++)
		types[i] = m->params.v[i].type;
	return d_func_type(p->d, result, types, m->params.n, m->params.variadic);
}

static struct d_type *array(struct d_parser *p, struct d_type *elem, const struct mod *m)
{
	const struct d_type *t = d_resolve(elem);
	uint64_t bytes;

	if (t->kind == D_T_FUNC || t->kind == D_T_VOID) {
		d_perror(p, m->loc, D_DECL_COMBO,
			 t->kind == D_T_FUNC ? "an array cannot have functions as elements" :
					       "an array cannot have void as elements");
		return NULL;
	}
	if (__builtin_mul_overflow(t->size, m->n, &bytes) || bytes > INT_MAX) {
		d_perror(p, m->loc, D_DECL_ARRBIG, "array dimension is too big");
		return NULL;
	}
	return d_array_of(p->d, elem, m->n);
}

bool d_parse_declarator(struct d_parser *p, const struct d_specs *specs, struct d_declarator *out)
{
	struct mod *list = NULL;
	struct d_type *t = specs->type;
	unsigned count = 0;

	*out = (struct d_declarator){ .loc = p->tok.loc, .attrs = specs->attrs };
	if (!mods(p, out, &list, &count) || !d_parse_attributes(p, &out->attrs))
		return false;
	t = d_with_attributes(p->d, t, &out->attrs);
	for (struct mod *m = list; m && t; m = m->next) {
		switch (m->kind) {
		case M_PTR:
			t = specs->userland ? d_user_ptr_to(p->d, t) : d_ptr_to(p->d, t);
			if (t && (m->is_const || m->is_volatile))
				t = d_qualified(p->d, t, m->is_const, m->is_volatile, false);
			break;
		case M_ARRAY: t = array(p, t, m); break;
		case M_FUNC: t = function(p, t, m); break;
		case M_ASSOC:
			if (!assoc(p, m, out))
				return false;
			break;
		}
	}
	if (!t && !p->bad)
		d_nomem(p);
	out->type = t;
	return !p->bad;
}

struct d_type *d_type_name_parse(struct d_parser *p)
{
	struct d_declarator decl;
	struct d_specs specs;

	if (!d_parse_specs(p, &specs))
		return NULL;
	if (specs.class != D_C_NONE) {
		d_perror(p, specs.loc, D_DECL_CLASS, "a type name has no storage class");
		return NULL;
	}
	if (!d_parse_declarator(p, &specs, &decl))
		return NULL;
	if (decl.name || decl.assoc) {
		d_perror(p, decl.loc, D_SYNTAX, "syntax error: expected a type without a name");
		return NULL;
	}
	return decl.type;
}

struct d_type *d_parse_type_name(struct d *d, const char *s)
{
	struct text text = { .name = NULL, .bytes = s, .len = strlen(s) };
	static const uint32_t first_line;
	struct d_parser p = { .d = d, .text = &text, .quiet = true };
	struct d_type *t;

	text.lines = &first_line;
	text.nlines = 1;
	d_next(&p);
	t = d_type_name_parse(&p);
	return p.bad || p.tok.kind != D_TK_EOF ? NULL : t;
}

/* A built-in array has no type of its own; the checker knows the types of its elements. */
struct d_type *d_builtin_type(struct d *d, struct d_var *v)
{
	if (!v->type && v->scope == D_V_BUILTIN && !d_var_rows[v->id].is_array)
		v->type = d_parse_type_name(d, d_var_rows[v->id].proto);
	return v->type;
}
