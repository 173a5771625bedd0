/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/tags.c: reads struct, union and enum (guide: chp-structs, chp-types).
 * In:   tokens from the keyword on.
 * Out:  types of type.c with their members; tags and enumerators entered in d.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <limits.h>
#include <string.h>

struct members {
	struct d_member *v;
	size_t n, cap;
};

/* Reads `: width`. A width of zero closes the unit: a member without name and width (layout.c). */
static bool bit_field(struct d_parser *p, struct d_member *m)
{
	const struct d_type *t = d_resolve(m->type);
	struct loc at = p->tok.loc;
	int64_t width;

	if (!d_parse_const(p, &width))
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
	struct d_declarator decl = { .loc = p->tok.loc,
				     .type = specs->type,
				     .attrs = specs->attrs };
	struct d_member *m;
	bool bits;

	if (p->tok.kind != ':' && p->tok.kind != ';' && !d_parse_declarator(p, specs, &decl))
		return false;
	if (decl.assoc || d_resolve(decl.type)->kind == D_T_FUNC) {
		d_perror(p, decl.loc, D_DECL_DYNOBJ,
			 decl.assoc ? "a member cannot be an associative array" :
				      "a member cannot be a function");
		return false;
	}
	if (d_resolve(decl.type)->kind == D_T_VOID) {
		d_perror(p, decl.loc, D_DECL_VOIDOBJ, "cannot declare a void member");
		return false;
	}
	if (!(m = ARENA_PUSH(p->d->arena, out->v, out->n, out->cap)))
		return d_nomem(p);
	*m = (struct d_member){ .name = decl.name, .type = decl.type, .loc = decl.loc };
	bits = d_accept(p, ':');
	if (bits && (!bit_field(p, m) || !d_parse_attributes(p, &decl.attrs)))
		return false;
	m->packed = decl.attrs.packed;
	m->aligned = decl.attrs.aligned;
	if (!bits && !m->name &&
	    !(specs->defines &&
	      (d_resolve(m->type)->kind == D_T_STRUCT || d_resolve(m->type)->kind == D_T_UNION))) {
		d_perror(p, decl.loc, D_DECL_MNAME, "a member's name is missing");
		return false;
	}
	return !p->bad;
}

static bool member_list(struct d_parser *p, struct members *out)
{
	struct d_specs specs;

	while (!p->bad && p->tok.kind != '}') {
		if (p->tok.kind == D_KW__Static_assert) {
			d_next(p);
			if (!d_skip_parens(p) || !d_expect(p, ';', "';'"))
				return false;
			continue;
		}
		if (p->in_header && d_accept(p, ';'))
			continue;
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

/* The type of a tag. A definition makes a new type; a reference may find a kernel type. */
static struct d_type *tagged(struct d_parser *p, enum d_kind kind, const char *tag, bool defines,
			     struct loc at)
{
	struct d_type *t = NULL;

	if (!tag) {
		t = arena_new_of(p->d->arena, struct d_type);
		if (t)
			t->kind = kind;
	} else if (!defines) {
		t = d_tag_find(p->d, kind, d_without_module(tag));
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

/* In a C header D's own words may be tags and enumerators. */
static bool at_name(const struct d_parser *p)
{
	return p->tok.kind == D_TK_IDENT || (p->in_header && p->tok.kind >= D_KW_auto);
}

/* Reads the tag of struct X or struct X { … }, or none of struct { … }. */
static struct d_type *tag_head(struct d_parser *p, enum d_kind kind, struct loc *at,
			       struct d_cattrs *attrs)
{
	const char *tag = NULL;

	*at = p->tok.loc;
	d_next(p);
	if (!d_parse_attributes(p, attrs))
		return NULL;
	if (at_name(p)) {
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
	bool params = p->in_params, ok;
	struct members list = { 0 };
	struct d_cattrs attrs = { 0 };
	struct d_packing packing;
	struct loc at;

	out->type = tag_head(p, kind, &at, &attrs);
	out->defines = true;
	if (!out->type)
		return false;
	if (!d_accept(p, '{'))
		return !p->bad;
	p->in_params = false;
	packing = (struct d_packing){ .most = p->most_aligned, .in_header = p->in_header };
	ok = d_enter(p) && member_list(p, &list);
	d_leave(p);
	p->in_params = params;
	if (!ok || p->bad || !d_parse_attributes(p, &attrs))
		return false;
	packing.packed = attrs.packed;
	packing.aligned = attrs.aligned;
	if (d_type_layout(p->d, out->type, list.v, list.n, packing, at))
		return true;
	p->bad = true;
	p->d->front->errors++;
	return false;
}

/* C compilers give an enumerator beyond int a wider type. D refuses it outside of headers. */
static bool enumerator_fits(struct d_parser *p, const char *name, int64_t value, struct loc at)
{
	if (p->in_header || (value <= INT_MAX && value >= INT_MIN))
		return true;
	d_perror(p, at, D_DECL_ENOFLOW, "enumerator %s does not fit in an int", name);
	return false;
}

static struct d_type *enumerator_type(struct d *d, struct d_type *t, int64_t value)
{
	if (value <= INT_MAX && value >= INT_MIN)
		return t;
	return d_base(d, value > 0 && value <= UINT_MAX ? D_UINT : D_LONG);
}

static bool enumerator(struct d_parser *p, struct d_type *t, int64_t *value, size_t *cap)
{
	const char *name = p->tok.str;
	struct loc at = p->tok.loc;
	struct d_cattrs ignored = { 0 };
	struct d_enumerator *e;
	struct d_ident *id;

	if (!at_name(p)) {
		d_syntax(p, "an enumerator's name");
		return false;
	}
	d_next(p);
	if (!d_parse_attributes(p, &ignored))
		return false;
	if (d_accept(p, '=') && !d_parse_const(p, value))
		return false;
	if (!enumerator_fits(p, name, *value, at))
		return false;
	if ((id = hash_get_str(p->d->idents, name)) && !p->in_header) {
		d_perror(p, at, D_DECL_IDRED, "identifier redeclared: %s", name);
		return false;
	}
	if (!p->bad && !id) { /* a name that D has already stays D's */
		if (!(id = d_ident_enter(p->d, name, D_ID_ENUMERATOR, at)))
			return d_nomem(p);
		id->type = enumerator_type(p->d, t, *value);
		id->number = *value;
	}
	if (p->bad || !(e = ARENA_PUSH(p->d->arena, t->enumerators, t->nenumerators, *cap)))
		return p->bad ? false : (bool)d_nomem(p);
	*e = (struct d_enumerator){ name, *value };
	*value = (int64_t)((uint64_t)*value + 1);
	return true;
}

/* Sizes the enum as gcc does: unsigned if a value needs that and none is negative, long if the
 * values need it; a packed enum is as small as the values allow. */
static void enum_layout(struct d_type *t, bool packed)
{
	int64_t least = 0, most = 0;

	for (size_t i = 0; i < t->nenumerators; i++) {
		least = t->enumerators[i].value < least ? t->enumerators[i].value : least;
		most = t->enumerators[i].value > most ? t->enumerators[i].value : most;
	}
	t->is_signed = least < 0 || (most <= INT_MAX && !packed);
	t->size = most > (t->is_signed ? INT_MAX : UINT_MAX) || least < INT_MIN ? 8 : 4;
	for (uint32_t n = 2; packed && n; n--) /* 2 bytes, 1 byte */
		if (t->is_signed ? least >= -(1 << (8 * n - 1)) && most < 1 << (8 * n - 1) :
				   most < 1 << (8 * n))
			t->size = n;
	t->align = (uint32_t)t->size;
}

static bool enum_specifier(struct d_parser *p, struct d_specs *out)
{
	struct d_cattrs attrs = { 0 };
	struct d_type *t;
	int64_t value = 0;
	struct loc at;
	size_t cap = 0;

	t = out->type = tag_head(p, D_T_ENUM, &at, &attrs);
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
	if (!d_expect(p, '}', "'}'") || !d_parse_attributes(p, &attrs))
		return false;
	enum_layout(t, attrs.packed);
	t->complete = true;
	return true;
}

bool d_parse_tagged(struct d_parser *p, struct d_specs *out)
{
	return p->tok.kind == D_KW_enum ? enum_specifier(p, out) : struct_specifier(p, out);
}
