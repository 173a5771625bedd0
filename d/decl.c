/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/decl.c: C's declarations as D has them: specifiers, declarators (also
 * abstract ones), structs, unions and enums (guide: chp-types, chp-structs).
 * In:  tokens. Out: types of type.c; tags and enumerators entered in d.
 */
#include "d/lex.h"

#include <limits.h>
#include <string.h>

#define MAX_MODS 64 /* pointers, arrays and functions in one declarator */

/* ---- specifiers ----------------------------------------------------------- */

struct words { /* of a base type, in any order */
	int is_short, is_long, is_signed, is_unsigned;
	enum d_tok base; /* D_KW_char …; 0: none yet */
};

static const char *without_module(const char *name)
{
	const char *tick = strrchr(name, '`');

	return tick ? tick + 1 : name;
}

/* `name *)` can only be a type, known or not: `(conn_t *)x`, `int a[conn_t *]` are errors about conn_t. */
static bool stars_follow(const struct d_parser *p)
{
	const char *s = p->text->bytes;
	uint32_t at = d_peek_space(p->text, p->pos);
	bool star = s[at] == '*';

	while (s[at] == '*')
		at = d_peek_space(p->text, at + 1);
	return star && (s[at] == ')' || s[at] == ']' || s[at] == ',');
}

bool d_at_type(struct d_parser *p)
{
	struct d *d = p->d;

	if (p->bad)
		return false;
	if (p->tok.kind != D_TK_IDENT)
		return d_keyword_flag(p->tok.kind) == D_KF_TYPE;
	if (stars_follow(p))
		return true;
	if (hash_get_str(d->idents, p->tok.str) || hash_get_str(d->front->assigned, p->tok.str))
		return false;
	return d_typedef_find(d, without_module(p->tok.str)) != NULL;
}

static bool words_bad(struct d_parser *p, struct loc at, const struct diag_tag *tag,
		      const char *what)
{
	d_perror(p, at, tag, "%s", what);
	return false;
}

static bool words_type(struct d_parser *p, const struct words *w, struct d_specs *out)
{
	bool ints = !w->base || w->base == D_KW_int, sign = w->is_signed || w->is_unsigned;
	enum d_basetype t = D_INT;

	if (w->is_signed + w->is_unsigned > 1 || w->is_short > 1 || (w->is_short && w->is_long) ||
	    w->is_long > 2)
		return words_bad(p, out->loc, D_DECL_COMBO, "invalid type combination");
	if (sign && !ints && w->base != D_KW_char)
		return words_bad(p, out->loc, D_DECL_SIGNINT,
				 "signed and unsigned are for integer types only");
	if (w->base == D_KW_char && (w->is_short || w->is_long))
		return words_bad(p, out->loc, D_DECL_CHARATTR, "char cannot be short or long");
	if (w->base == D_KW_void && (w->is_short || w->is_long))
		return words_bad(p, out->loc, D_DECL_VOIDATTR, "void cannot be short or long");
	if ((w->is_short || w->is_long) && !ints && !(w->base == D_KW_double && w->is_long == 1))
		return words_bad(p, out->loc, D_DECL_LONGINT,
				 "short and long are for arithmetic types only");
	switch ((int)w->base) {
	case D_KW_void: t = D_VOID; break;
	case D_KW_char: t = w->is_unsigned ? D_UCHAR : D_CHAR; break;
	case D_KW_float: t = D_FLOAT; break;
	case D_KW_double: t = w->is_long ? D_LONGDOUBLE : D_DOUBLE; break;
	case D_KW_string: t = D_STRING; break;
	default:
		t = w->is_short	    ? (w->is_unsigned ? D_USHORT : D_SHORT) :
		    w->is_long == 2 ? (w->is_unsigned ? D_ULONGLONG : D_LONGLONG) :
		    w->is_long	    ? (w->is_unsigned ? D_ULONG : D_LONG) :
		    w->is_unsigned  ? D_UINT :
				      D_INT;
	}
	out->type = d_base(p->d, t);
	return true;
}

static bool struct_specifier(struct d_parser *p, struct d_specs *out);
static bool enum_specifier(struct d_parser *p, struct d_specs *out);

/*
 * Of a probe's argument nothing but the type's name is needed, and projects leave it to C to
 * know it. It is not entered as a typedef, for the text may still declare it further below.
 */
static struct d_type *opaque_type(struct d_parser *p, const char *name)
{
	struct hash *known = p->d->front->opaque;
	struct d_type *t = hash_get_str(known, name), *of = d_base(p->d, D_LONG);

	if (t || p->quiet)
		return t;
	t = arena_new_of(p->d->arena, struct d_type);
	if (!t || hash_set_str(known, name, t))
		return d_nomem(p);
	*t = (struct d_type){
		.kind = D_T_TYPEDEF, .name = name, .to = of, .size = of->size, .align = of->align
	};
	if (!p->d->failed) /* else its declaration may be what failed */
		diag_warn(p->d->diag, p->tok.loc, "there is no type '%s' here: its name is kept",
			  name);
	return t;
}

static bool typedef_specifier(struct d_parser *p, struct d_specs *out)
{
	const char *name = without_module(p->tok.str);

	out->type = d_typedef_find(p->d, name);
	if (!out->type && p->in_provider && !strchr(p->tok.str, '`'))
		out->type = opaque_type(p, name);
	if (!out->type) {
		d_perror(p, p->tok.loc, D_TYPE_ERR, "there is no type '%s'", p->tok.str);
		return false;
	}
	d_next(p);
	return true;
}

static bool class_specifier(struct d_parser *p, struct d_specs *out)
{
	static const struct {
		enum d_tok tok;
		enum d_class class;
	} classes[] = {
		{ D_KW_auto, D_C_AUTO },       { D_KW_register, D_C_REGISTER },
		{ D_KW_static, D_C_STATIC },   { D_KW_extern, D_C_EXTERN },
		{ D_KW_typedef, D_C_TYPEDEF }, { D_KW_self, D_C_SELF },
		{ D_KW_this, D_C_THIS },
	};

	for (size_t i = 0; i < COUNT(classes); i++)
		if (p->tok.kind == classes[i].tok) {
			if (out->class != D_C_NONE)
				d_perror(p, p->tok.loc, D_DECL_CLASS,
					 "only one storage class allowed in declaration");
			out->class = classes[i].class;
			d_next(p);
			return true;
		}
	return false;
}

/* A qualifier or a word of a base type; false: neither, nothing taken. */
static bool word(struct d_parser *p, struct words *w, bool *c, bool *v, bool *userland)
{
	switch ((int)p->tok.kind) {
	case D_KW_const: *c = true; break;
	case D_KW_volatile: *v = true; break;
	case D_KW_restrict: break;
	case D_KW_userland: *userland = true; break;
	case D_KW_short: w->is_short++; break;
	case D_KW_long: w->is_long++; break;
	case D_KW_signed: w->is_signed++; break;
	case D_KW_unsigned: w->is_unsigned++; break;
	case D_KW_void:
	case D_KW_char:
	case D_KW_int:
	case D_KW_float:
	case D_KW_double:
	case D_KW_string:
		if (w->base)
			return false;
		w->base = p->tok.kind;
		break;
	default: return false;
	}
	d_next(p);
	return true;
}

bool d_parse_specs(struct d_parser *p, struct d_specs *out)
{
	struct words w = { 0 };
	bool c = false, v = false, any = false, ok = true;

	*out = (struct d_specs){ .loc = p->tok.loc };
	while (!p->bad && ok) {
		bool has_type = out->type || w.base || w.is_short || w.is_long || w.is_signed ||
				w.is_unsigned;

		if (has_type && d_keyword_flag(p->tok.kind) != D_KF_TYPE &&
		    d_keyword_as_name(p, ",)["))
			break; /* `int this` */
		if (word(p, &w, &c, &v, &out->userland) || class_specifier(p, out)) {
			any = true;
		} else if (has_type) {
			break;
		} else if (p->tok.kind == D_KW_struct || p->tok.kind == D_KW_union) {
			ok = struct_specifier(p, out);
		} else if (p->tok.kind == D_KW_enum) {
			ok = enum_specifier(p, out);
		} else if (p->tok.kind == D_TK_IDENT) {
			ok = typedef_specifier(p, out);
		} else {
			break;
		}
	}
	out->loc = d_since(p, out->loc);
	if (p->bad || !ok)
		return false;
	if (out->type && (w.base || w.is_short || w.is_long || w.is_signed || w.is_unsigned))
		return words_bad(p, out->loc, D_DECL_COMBO, "invalid type combination");
	if (!out->type && (w.base || w.is_short || w.is_long || w.is_signed || w.is_unsigned)) {
		if (!words_type(p, &w, out))
			return false;
	} else if (!out->type) {
		d_syntax(p, any || p->in_provider ? "a type" : "a declaration");
		return false;
	}
	if (c || v || out->userland)
		out->type = d_qualified(p->d, out->type, c, v, out->userland);
	return out->type || d_nomem(p);
}

/* ---- declarators ---------------------------------------------------------- */

struct mod { /* one step from the base type to the declared one */
	enum { M_PTR, M_ARRAY, M_FUNC, M_ASSOC } kind;
	bool is_const, is_volatile;
	uint64_t n;
	struct d_params params;
	struct loc loc;
	struct mod *next; /* is applied after this one */
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

/* As in C, arrays and functions are passed as pointers; `(void)` is no parameter. */
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
	*out = (struct d_params){ 0 };
	return params_list(p, out, ')', "')'");
}

/* `[n]`, `[]` or D's `[type, type]`; the token is past the `[`. */
static bool array_suffix(struct d_parser *p, struct mod *m)
{
	struct d_expr *e;
	int64_t n;

	if (p->tok.kind == ']')
		return d_expect(p, ']', "']'");
	if (d_at_type(p)) {
		m->kind = M_ASSOC;
		if (!params_list(p, &m->params, ']', "']'"))
			return false;
		if (!m->params.variadic && m->params.n)
			return true;
		d_perror(p, m->loc, D_DECL_PROTO_TYPE, "invalid type in an array's tuple");
		return false;
	}
	e = d_parse_cond(p);
	if (!e || !d_expect(p, ']', "']'"))
		return false;
	if (!d_const_int(p->d, e, &n)) {
		p->bad = true;
		p->d->front->errors++;
		return false;
	}
	if (n <= 0 || n > INT_MAX) {
		d_perror(p, e->loc, n > 0 ? D_DECL_ARRBIG : D_DECL_ARRSUB,
			 n > 0 ? "array dimension is too big" :
				 "a positive integer constant is needed as array dimension");
		return false;
	}
	m->n = (uint64_t)n;
	return true;
}

static struct mod *pointers(struct d_parser *p, struct mod **last, unsigned *count)
{
	struct mod *first = NULL, **tail = &first, *m;

	*last = NULL;
	while (!p->bad && p->tok.kind == '*') {
		if (!(m = mod_new(p, M_PTR, count)))
			return NULL;
		for (d_next(p);; d_next(p)) {
			if (p->tok.kind == D_KW_const)
				m->is_const = true;
			else if (p->tok.kind == D_KW_volatile)
				m->is_volatile = true;
			else if (p->tok.kind != D_KW_restrict)
				break;
		}
		*tail = *last = m;
		tail = &m->next;
	}
	return first;
}

/* Whether the `(` at hand holds a declarator and not parameters: decided by what follows it. */
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
	type = d_typedef_find(p->d, without_module(name)) != NULL;
	return !type;
}

/* In the order in which they apply: pointers, suffixes from the right, then what is nested. */
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
		d_perror(p, m->loc, D_DECL_COMBO, "an array cannot have %s as elements",
			 t->kind == D_T_FUNC ? "functions" : "void");
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

	*out = (struct d_declarator){ .loc = p->tok.loc };
	if (!mods(p, out, &list, &count))
		return false;
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

/* ---- struct, union, enum -------------------------------------------------- */

struct members {
	struct d_member *v;
	size_t n, cap;
};

static bool const_value(struct d_parser *p, int64_t *v)
{
	struct d_expr *e = d_parse_cond(p);

	if (!e)
		return false;
	if (d_const_int(p->d, e, v))
		return true;
	p->bad = true;
	p->d->front->errors++;
	return false;
}

/* `: width`. A zero width closes the unit: a member without name and width (see type.c). */
static bool bit_field(struct d_parser *p, struct d_member *m)
{
	const struct d_type *t = d_resolve(m->type);
	struct loc at = p->tok.loc;
	int64_t width;

	if (!const_value(p, &width))
		return false;
	if (!d_is_integer(m->type)) {
		d_perror(p, m->loc, D_DECL_BFTYPE, "a bit-field must be of an integer type");
		return false;
	}
	if (width < 0 || width > (int64_t)t->size * 8 || (!width && m->name)) {
		d_perror(p, at, D_DECL_BFSIZE, "invalid width of a bit-field: %lld",
			 (long long)width);
		return false;
	}
	m->bit_size = (uint32_t)width;
	return true;
}

static bool member_declarator(struct d_parser *p, const struct d_specs *specs, struct members *out)
{
	struct d_declarator decl = { .loc = p->tok.loc, .type = specs->type };
	struct d_member *m;

	if (p->tok.kind != ':' && p->tok.kind != ';' && !d_parse_declarator(p, specs, &decl))
		return false;
	if (decl.assoc || d_resolve(decl.type)->kind == D_T_FUNC) {
		d_perror(p, decl.loc, D_DECL_DYNOBJ, "a member cannot be %s",
			 decl.assoc ? "an associative array" : "a function");
		return false;
	}
	if (d_resolve(decl.type)->kind == D_T_VOID) {
		d_perror(p, decl.loc, D_DECL_VOIDOBJ, "cannot declare a void member");
		return false;
	}
	if (!(m = ARENA_PUSH(p->d->arena, out->v, out->n, out->cap)))
		return d_nomem(p);
	*m = (struct d_member){ .name = decl.name, .type = decl.type, .loc = decl.loc };
	if (d_accept(p, ':'))
		return bit_field(p, m);
	if (!m->name && !(specs->defines && (d_resolve(m->type)->kind == D_T_STRUCT ||
					     d_resolve(m->type)->kind == D_T_UNION))) {
		d_perror(p, decl.loc, D_DECL_MNAME, "a member's name is missing");
		return false;
	}
	return !p->bad;
}

static bool member_list(struct d_parser *p, struct members *out)
{
	struct d_specs specs;

	while (!p->bad && p->tok.kind != '}') {
		if (!d_parse_specs(p, &specs))
			return false;
		if (specs.class != D_C_NONE) {
			d_perror(p, specs.loc, D_DECL_CLASS, "a member has no storage class");
			return false;
		}
		do {
			if (!member_declarator(p, &specs, out))
				return false;
		} while (d_accept(p, ','));
		if (!d_expect(p, ';', "';'"))
			return false;
	}
	return d_expect(p, '}', "'}'");
}

/* Tag and what is known of it: a definition makes D's own, a reference finds the kernel's. */
static struct d_type *tagged(struct d_parser *p, enum d_kind kind, const char *tag, bool defines,
			     struct loc at)
{
	struct d_type *t = NULL;

	if (!tag) {
		t = arena_new_of(p->d->arena, struct d_type);
		if (t)
			t->kind = kind;
	} else if (!defines) {
		t = d_tag_find(p->d, kind, without_module(tag));
	}
	if (!t && tag)
		t = d_tag_declare(p->d, kind, tag, at);
	if (!t)
		return d_nomem(p);
	if (defines && t->complete) {
		d_perror(p, at, D_DECL_TYPERED, "type redeclared: %s %s",
			 kind == D_T_ENUM  ? "enum" :
			 kind == D_T_UNION ? "union" :
					     "struct",
			 tag);
		return NULL;
	}
	return t;
}

/* struct X, struct X { … }, struct { … }: the token after the keyword decides. */
static struct d_type *tag_head(struct d_parser *p, enum d_kind kind, struct loc *at)
{
	const char *tag = NULL;

	*at = p->tok.loc;
	d_next(p);
	if (p->tok.kind == D_TK_IDENT) {
		tag = p->tok.str;
		*at = p->tok.loc;
		d_next(p);
	}
	if (!tag && p->tok.kind != '{') {
		d_syntax(p, "a tag or '{'");
		return NULL;
	}
	return p->bad ? NULL : tagged(p, kind, tag, p->tok.kind == '{', *at);
}

static bool struct_specifier(struct d_parser *p, struct d_specs *out)
{
	enum d_kind kind = p->tok.kind == D_KW_struct ? D_T_STRUCT : D_T_UNION;
	struct members list = { 0 };
	struct loc at;
	bool ok;

	out->type = tag_head(p, kind, &at);
	out->defines = true;
	if (!out->type)
		return false;
	if (!d_accept(p, '{'))
		return !p->bad;
	ok = d_enter(p) && member_list(p, &list);
	d_leave(p);
	if (!ok || p->bad)
		return false;
	if (d_type_layout(p->d, out->type, list.v, list.n, at))
		return true;
	p->bad = true;
	p->d->front->errors++;
	return false;
}

static bool enumerator(struct d_parser *p, struct d_type *t, int64_t *value, size_t *cap)
{
	const char *name = p->tok.str;
	struct loc at = p->tok.loc;
	struct d_enumerator *e;
	struct d_ident *id;

	if (p->tok.kind != D_TK_IDENT) {
		d_syntax(p, "an enumerator's name");
		return false;
	}
	d_next(p);
	if (d_accept(p, '=') && !const_value(p, value))
		return false;
	if (*value > INT_MAX || *value < INT_MIN) {
		d_perror(p, at, D_DECL_ENOFLOW, "enumerator %s does not fit in an int", name);
		return false;
	}
	if (hash_get_str(p->d->idents, name)) {
		d_perror(p, at, D_DECL_IDRED, "identifier redeclared: %s", name);
		return false;
	}
	if (p->bad || !(id = d_ident_enter(p->d, name, D_ID_ENUMERATOR, at)) ||
	    !(e = ARENA_PUSH(p->d->arena, t->enumerators, t->nenumerators, *cap)))
		return p->bad ? false : (bool)d_nomem(p);
	id->type = t;
	id->number = *value;
	*e = (struct d_enumerator){ name, *value };
	++*value;
	return true;
}

static bool enum_specifier(struct d_parser *p, struct d_specs *out)
{
	struct d_type *t;
	int64_t value = 0;
	struct loc at;
	size_t cap = 0;

	t = out->type = tag_head(p, D_T_ENUM, &at);
	out->defines = true;
	if (!t || !d_accept(p, '{'))
		return t && !p->bad;
	t->size = t->align = sizeof(int);
	t->is_signed = true;
	do {
		if (p->tok.kind == '}' && t->nenumerators)
			break;
		if (!enumerator(p, t, &value, &cap))
			return false;
	} while (d_accept(p, ','));
	t->complete = true;
	return d_expect(p, '}', "'}'");
}
