/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/specs.c: reads the specifiers of a declaration: base types, names of
 * typedefs, storage classes, qualifiers (guide: chp-types). Structs, unions and
 * enums are in tags.c.
 * In:   tokens.
 * Out:  struct d_specs.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <string.h>

struct words { /* the words of a base type, in any order */
	int is_short, is_long, is_signed, is_unsigned, is_complex;
	enum d_tok base; /* D_KW_char …; 0: none yet */
};

static bool any_word(const struct words *w)
{
	return w->base || w->is_short || w->is_long || w->is_signed || w->is_unsigned;
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
	if (sign && !ints && w->base != D_KW_char && w->base != D_KW___int128)
		return words_bad(p, out->loc, D_DECL_SIGNINT,
				 "signed and unsigned are for integer types only");
	if (w->base == D_KW_char && (w->is_short || w->is_long))
		return words_bad(p, out->loc, D_DECL_CHARATTR, "char cannot be short or long");
	if (w->base == D_KW_void && (w->is_short || w->is_long))
		return words_bad(p, out->loc, D_DECL_VOIDATTR, "void cannot be short or long");
	if ((w->is_short || w->is_long) && !ints && !(w->base == D_KW_double && w->is_long == 1))
		return words_bad(p, out->loc, D_DECL_LONGINT,
				 "short and long are for arithmetic types only");
	if (w->base == D_KW___int128) {
		out->type = d_opaque(p->d, w->is_unsigned ? "unsigned __int128" : "__int128", 16,
				     16);
		return out->type || d_nomem(p);
	}
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

/*
 * For a probe's argument the name of the type is enough, and projects leave its
 * declaration to C. The name is not entered as a typedef, because the text may
 * still declare it below.
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
	if (!p->d->failed) /* after a failure the type's declaration may be what failed */
		diag_warn(p->d->diag, p->tok.loc, "there is no type '%s' here: its name is kept",
			  name);
	return t;
}

static bool typedef_specifier(struct d_parser *p, struct d_specs *out)
{
	const char *name = d_without_module(p->tok.str);

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

/* Qualifiers, which stand beside any type. */
struct quals {
	bool is_const, is_volatile;
};

static bool qualifier(struct d_parser *p, struct quals *q, struct d_specs *out)
{
	switch ((int)p->tok.kind) {
	case D_KW_const: q->is_const = true; break;
	case D_KW_volatile: q->is_volatile = true; break;
	case D_KW_restrict: break;
	case D_KW_userland: out->userland = true; break;
	default: return false;
	}
	d_next(p);
	return true;
}

/* Reads a word that C headers put among the specifiers; *ok is false after an error. */
static bool c_word(struct d_parser *p, struct d_specs *out, bool *ok)
{
	switch ((int)p->tok.kind) {
	case D_KW__Atomic:
		if (p->text->bytes[d_peek_space(p->text, p->pos)] == '(')
			return false; /* _Atomic(type) */
		d_next(p);
		break;
	case D_KW_inline: /* inline of a function, behind other words */
	case D_KW__Noreturn:
	case D_KW__Thread_local: d_next(p); break;
	case D_KW__Alignas: *ok = d_parse_alignas(p, &out->attrs); break;
	case D_KW___attribute__:
	case D_KW___extension__: *ok = d_parse_attributes(p, &out->attrs); break;
	default: return false;
	}
	return true;
}

/* Reads a word of a base type; false: the token is another one and stays. */
static bool word(struct d_parser *p, struct words *w)
{
	switch ((int)p->tok.kind) {
	case D_KW_short: w->is_short++; break;
	case D_KW_long: w->is_long++; break;
	case D_KW_signed: w->is_signed++; break;
	case D_KW_unsigned: w->is_unsigned++; break;
	case D_KW__Complex: w->is_complex++; break;
	case D_KW_void:
	case D_KW_char:
	case D_KW_int:
	case D_KW_float:
	case D_KW_double:
	case D_KW_string:
	case D_KW___int128:
		if (w->base)
			return false;
		w->base = p->tok.kind;
		break;
	default: return false;
	}
	d_next(p);
	return true;
}

/* Reads a specifier that names a whole type. */
static bool whole_type(struct d_parser *p, struct d_specs *out)
{
	switch ((int)p->tok.kind) {
	case D_KW_struct:
	case D_KW_union:
	case D_KW_enum: return d_parse_tagged(p, out);
	case D_KW__Atomic:
	case D_KW___typeof__: out->type = d_parse_typeof(p); return out->type;
	default: return typedef_specifier(p, out);
	}
}

static bool begins_whole_type(enum d_tok tok)
{
	return tok == D_KW_struct || tok == D_KW_union || tok == D_KW_enum || tok == D_TK_IDENT ||
	       tok == D_KW__Atomic || tok == D_KW___typeof__;
}

/* Behind a type D's own words may be names: `int this`, and in a header `char *string`. */
static bool is_name(struct d_parser *p)
{
	bool of_type = d_keyword_flag(p->tok.kind) == D_KF_TYPE && p->tok.kind != D_KW_string &&
		       p->tok.kind != D_KW_userland;

	return !of_type && (p->in_header || d_keyword_flag(p->tok.kind) != D_KF_TYPE) &&
	       d_keyword_as_name(p, ",)[");
}

/* Makes the type of the words. `float _Complex` becomes opaque, because D has no such type. */
static bool specs_type(struct d_parser *p, const struct words *w, bool any, struct d_specs *out)
{
	if (out->type && any_word(w))
		return words_bad(p, out->loc, D_DECL_COMBO, "invalid type combination");
	if (any_word(w) && !words_type(p, w, out))
		return false;
	if (w->is_complex) {
		const struct d_type *of = out->type ? d_resolve(out->type) : d_base(p->d, D_DOUBLE);

		out->type = d_opaque(p->d, "_Complex", 2 * of->size, of->align);
	} else if (!out->type) {
		d_syntax(p, any || p->in_provider ? "a type" : "a declaration");
		return false;
	}
	return true;
}

bool d_parse_specs(struct d_parser *p, struct d_specs *out)
{
	struct words w = { 0 };
	struct quals q = { 0 };
	bool any = false, ok = true;

	*out = (struct d_specs){ .loc = p->tok.loc };
	while (!p->bad && ok) {
		bool has_type = out->type || any_word(&w);

		if (has_type && is_name(p))
			break;
		if (qualifier(p, &q, out) || word(p, &w) || class_specifier(p, out))
			any = true;
		else if (c_word(p, out, &ok))
			continue;
		else if (has_type || !begins_whole_type(p->tok.kind))
			break;
		else
			ok = whole_type(p, out);
	}
	out->loc = d_since(p, out->loc);
	if (p->bad || !ok || !specs_type(p, &w, any, out))
		return false;
	if (q.is_const || q.is_volatile || out->userland)
		out->type = d_qualified(p->d, out->type, q.is_const, q.is_volatile, out->userland);
	return out->type || d_nomem(p);
}
