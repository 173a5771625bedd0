/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/layout.c: places the members of structs and unions, and writes types as
 * text.
 * In:   members with their types, in order; bit-field widths.
 * Out:  offsets, size and alignment as gcc gives them for LP64; names.
 * Owns: nothing; all is in the arena.
 */
#include "d/inner.h"

#include <string.h>

#define MAX_BITS (UINT64_C(1) << 40)

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return to ? (n + to - 1) / to * to : n;
}

static bool is_sou(const struct d_type *t)
{
	return t && (t->kind == D_T_STRUCT || t->kind == D_T_UNION);
}

bool d_complete(struct d *d, struct d_type *t)
{
	struct d_type *real = (struct d_type *)d_resolve(t);
	const struct d_names *names = d->config.names;

	if (!real)
		return false;
	if (!real->complete && real->origin && names && names->complete)
		real->complete = names->complete(names->ctx, d, real);
	if (!real->complete && !real->size)
		return false;
	for (; t != real; t = t->base ? t->base : t->to) { /* qualified copies and typedefs */
		t->size = real->size;
		t->align = t->aligned ? t->aligned : real->align;
	}
	return real->complete;
}

static const struct d_member *find_in(struct d *d, struct d_type *t, const char *name,
				      uint64_t *bit_off, int depth)
{
	const struct d_type *real = d_resolve(t);

	if (!is_sou(real) || depth > 64 || !d_complete(d, t))
		return NULL;
	for (size_t i = 0; i < real->nmembers; i++) {
		const struct d_member *m = &real->members[i], *in;
		uint64_t off = 0;

		if (m->name) {
			if (strcmp(m->name, name))
				continue;
			*bit_off = m->bit_off;
			return m;
		}
		in = find_in(d, m->type, name, &off, depth + 1);
		if (in) {
			*bit_off = m->bit_off + off;
			return in;
		}
	}
	return NULL;
}

const struct d_member *d_member_find(struct d *d, struct d_type *t, const char *name,
				     uint64_t *bit_off)
{
	uint64_t ignored;

	return find_in(d, t, name, bit_off ? bit_off : &ignored, 0);
}

/* ---- Layout ----------------------------------------------------------------- */

static bool member_ok(struct d *d, struct d_member *m, bool last, bool in_header)
{
	const struct d_type *t = d_resolve(m->type);
	const char *name = m->name ? m->name : "(unnamed)";

	if (!t)
		return false;
	if (t->kind == D_T_VOID || t->kind == D_T_FUNC) {
		d_error(d, m->loc, D_DECL_VOIDOBJ, "cannot have member %s of type %s", name,
			d_type_name(d, m->type));
		return false;
	}
	if (t->kind == D_T_STACK) {
		d_error(d, m->loc, D_DECL_DYNOBJ, "cannot have member %s of dynamic type %s", name,
			d_type_name(d, m->type));
		return false;
	}
	if (!d_complete(d, m->type) && !t->size && t->kind != D_T_ARRAY) {
		d_error(d, m->loc, D_DECL_INCOMPLETE, "member %s is of incomplete type %s", name,
			d_type_name(d, m->type));
		return false;
	}
	if (t->kind == D_T_ARRAY && !t->nelem && !last && !in_header) {
		d_error(d, m->loc, D_DECL_ARRNULL, "member %s: array without a size", name);
		return false;
	}
	if (m->bit_size && t->kind != D_T_INT && t->kind != D_T_ENUM) {
		d_error(d, m->loc, D_DECL_BFTYPE,
			"bit-field %s is of type %s, not of an integer type", name,
			d_type_name(d, m->type));
		return false;
	}
	if (m->bit_size > t->size * 8) {
		d_error(d, m->loc, D_DECL_BFSIZE, "bit-field %s of %u bits is wider than %s", name,
			m->bit_size, d_type_name(d, m->type));
		return false;
	}
	return true;
}

static bool names_differ(struct d *d, const struct d_type *t, const struct d_member *m, size_t i)
{
	for (size_t j = 0; m[i].name && j < i; j++)
		if (m[j].name && !strcmp(m[i].name, m[j].name)) {
			d_error(d, m[i].loc, D_DECL_IDRED, "member %s is declared twice in %s",
				m[i].name, d_type_name(d, t));
			return false;
		}
	return true;
}

uint32_t d_align_of(const struct d_type *t)
{
	uint32_t align = 0;

	for (; t->base || t->kind == D_T_TYPEDEF; t = t->base ? t->base : t->to)
		if (t->kind == D_T_TYPEDEF && t->aligned && !align)
			align = t->aligned;
	return align ? align : t->align ? t->align : 1;
}

/* The member's alignment in bits, from its type, its attributes and those of the whole struct. */
static uint64_t member_align(const struct d_member *m, struct d_packing packing)
{
	uint32_t align = m->packed || packing.packed ? 1 : d_align_of(m->type);

	if (m->aligned > align)
		align = m->aligned;
	if (packing.most && align > packing.most)
		align = packing.most;
	return (uint64_t)align * 8;
}

/* Places one member at or after bit `at`; returns the bit after it. */
static uint64_t place(struct d_type *t, struct d_member *m, uint64_t at, struct d_packing packing)
{
	const struct d_type *mt = d_resolve(m->type);
	uint64_t unit = mt->size * 8, align = member_align(m, packing);
	bool bits = m->bit_size || (!m->name && !is_sou(mt));
	bool packed = m->packed || packing.packed;

	if (bits && !m->bit_size) { /* `int : 0` ends a unit */
		m->bit_off = round_up(at, (uint64_t)d_align_of(m->type) * 8);
		return m->bit_off;
	}
	if (!bits || m->aligned ||
	    (!packed && (at % align + m->bit_size + align - 1) / align > unit / align))
		at = round_up(at, align);
	m->bit_off = at;
	if ((m->name || !bits) &&
	    align / 8 > t->align) /* unnamed bit-fields do not align the whole */
		t->align = (uint32_t)(align / 8);
	return at + (bits ? m->bit_size : unit);
}

bool d_type_layout(struct d *d, struct d_type *t, struct d_member *m, size_t n,
		   struct d_packing packing, struct loc at)
{
	uint64_t bit = 0, most = 0;
	bool ok = true;

	if (!t)
		return false;
	if (t->complete) {
		d_error(d, at, D_DECL_TYPERED, "type redeclared: %s", d_type_name(d, t));
		return false;
	}
	t->align = 1;
	for (size_t i = 0; i < n; i++) {
		if (!member_ok(d, &m[i], i + 1 == n, packing.in_header) ||
		    !names_differ(d, t, m, i)) {
			ok = false;
			continue;
		}
		bit = place(t, &m[i], t->kind == D_T_UNION ? 0 : bit, packing);
		most = bit > most ? bit : most;
		if (most > MAX_BITS) {
			d_error(d, m[i].loc, D_DECL_ARRBIG, "%s is too big", d_type_name(d, t));
			return false;
		}
	}
	if (!ok)
		return false;
	if (packing.aligned > t->align)
		t->align = packing.aligned;
	t->size = round_up(round_up(most, 8) / 8, t->align);
	t->members = m;
	t->nmembers = n;
	t->complete = true;
	return true;
}

/* ---- Names ------------------------------------------------------------------ */

static const char *quals(const struct d_type *t)
{
	return t->is_const    ? t->is_volatile ? "const volatile " : "const " :
	       t->is_volatile ? "volatile " :
				"";
}

static const char *leaf_name(struct d *d, const struct d_type *t)
{
	const char *word = t->kind == D_T_STRUCT ? "struct " :
			   t->kind == D_T_UNION	 ? "union " :
			   t->kind == D_T_ENUM	 ? "enum " :
						   "";

	return arena_printf(d->arena, "%s%s%s", quals(t), word, t->name ? t->name : "(anon)");
}

static const char *param_names(struct d *d, const struct d_type *t)
{
	const char *s = "";

	for (size_t i = 0; s && i < t->nparams; i++)
		s = arena_printf(d->arena, "%s%s%s", s, i ? ", " : "",
				 d_type_name(d, t->params[i]));
	if (s && t->variadic)
		s = arena_printf(d->arena, "%s%s...", s, t->nparams ? ", " : "");
	return s ? s : "";
}

/* Grows the declarator outwards: pointers to the left, arrays and functions to the right. */
const char *d_type_name(struct d *d, const struct d_type *t)
{
	const char *decl = "", *leaf;

	for (; t; t = t->to) {
		if (t->kind == D_T_PTR) {
			bool tight = t->to && (t->to->kind == D_T_ARRAY || t->to->kind == D_T_FUNC);
			const char *q = t->is_const ? "const " : "";

			decl = tight ? arena_printf(d->arena, "(*%s%s)", q, decl) :
				       arena_printf(d->arena, "*%s%s", q, decl);
		} else if (t->kind == D_T_ARRAY && t->nelem) {
			decl = arena_printf(d->arena, "%s[%llu]", decl,
					    (unsigned long long)t->nelem);
		} else if (t->kind == D_T_ARRAY) {
			decl = arena_printf(d->arena, "%s[]", decl);
		} else if (t->kind == D_T_FUNC) {
			decl = arena_printf(d->arena, "%s(%s)", decl, param_names(d, t));
		} else {
			break;
		}
		if (!decl)
			return "?";
	}
	leaf = t ? leaf_name(d, t) : "?";
	if (leaf && *decl)
		leaf = arena_printf(d->arena, "%s %s", leaf, decl);
	return leaf ? leaf : "?";
}
