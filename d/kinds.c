/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/kinds.c: answers what kind a type has, through typedefs and qualifiers, and
 * whether two types are the same.
 * In:   types.
 * Out:  answers.
 * Owns: nothing.
 */
#include "d/inner.h"

const struct d_type *d_resolve(const struct d_type *t)
{
	while (t && (t->base || t->kind == D_T_TYPEDEF))
		t = t->base ? t->base : t->to;
	return t;
}

bool d_is_integer(const struct d_type *t)
{
	t = d_resolve(t);
	return t && (t->kind == D_T_INT || t->kind == D_T_ENUM);
}

bool d_is_pointer(const struct d_type *t)
{
	t = d_resolve(t);
	return t && (t->kind == D_T_PTR || t->kind == D_T_ARRAY);
}

bool d_is_string(const struct d_type *t)
{
	t = d_resolve(t);
	return t && t->kind == D_T_STRING;
}

bool d_is_char_array(const struct d_type *t)
{
	t = d_resolve(t);
	if (!t || t->kind != D_T_ARRAY)
		return false;
	t = d_resolve(t->to);
	return t && t->kind == D_T_INT && t->size == 1 && !t->is_bool;
}

static bool same_params(const struct d_type *a, const struct d_type *b)
{
	if (a->nparams != b->nparams || a->variadic != b->variadic)
		return false;
	for (size_t i = 0; i < a->nparams; i++)
		if (!d_same_type(a->params[i], b->params[i]))
			return false;
	return true;
}

bool d_same_type(const struct d_type *a, const struct d_type *b)
{
	a = d_resolve(a);
	b = d_resolve(b);
	if (a == b)
		return true;
	if (!a || !b || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case D_T_VOID:
	case D_T_STRING:
	case D_T_USYM:
	case D_T_KSYM: return true;
	case D_T_STACK: return a->is_user == b->is_user;
	case D_T_INT:
	case D_T_FLOAT:
		return a->size == b->size && a->is_signed == b->is_signed &&
		       a->is_char == b->is_char && a->is_bool == b->is_bool;
	case D_T_PTR: return d_same_type(a->to, b->to);
	case D_T_ARRAY: return a->nelem == b->nelem && d_same_type(a->to, b->to);
	case D_T_FUNC: return d_same_type(a->to, b->to) && same_params(a, b);
	default: /* struct, union, enum: two copies of one type of the source are the same */
		return a->origin && a->origin == b->origin;
	}
}
