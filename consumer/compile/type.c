/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/type.c: facts of types and expressions, for which no instruction is made.
 * In:   checked types and trees.
 * Out:  kinds, sizes, variables.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

/* ---- Types ------------------------------------------------------------------------------ */

enum rec_kind cc_key_kind(const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);

	switch (r->kind) {
	case D_T_STRING: return REC_STRING;
	case D_T_STACK: return r->is_user || t->is_user ? REC_USTACK : REC_STACK;
	case D_T_USYM: return REC_USYM;
	case D_T_KSYM: return REC_KSYM;
	case D_T_ARRAY:
	case D_T_STRUCT:
	case D_T_UNION: return REC_BYTES;
	default: return REC_INT;
	}
}

uint32_t cc_key_least(const struct d_type *t)
{
	static const uint32_t least[] = {
#define REC_KIND(id, value, fixed, least) [REC_##id] = least,
#include "consumer/kinds.def"
	};

	return least[cc_key_kind(t)];
}

enum value_kind cc_value_kind(const struct d_type *t)
{
	static const enum value_kind kinds[] = {
#define REC_KIND(id, value, fixed, least) [REC_##id] = VALUE_##value,
#include "consumer/kinds.def"
	};

	return kinds[cc_key_kind(t)];
}

bool cc_type_signed(const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);

	return (r->kind == D_T_INT || r->kind == D_T_ENUM) && r->is_signed;
}

bool cc_is_aggregate(const struct d_type *type)
{
	const struct d_type *t = d_resolve(type);

	return t && (t->kind == D_T_ARRAY || t->kind == D_T_STRUCT || t->kind == D_T_UNION);
}

/* A number takes a word; arrays and structs lie as in C. */
uint32_t cc_var_size(const struct d_type *t)
{
	const struct d_type *r = d_resolve(t);

	return cc_is_aggregate(t) && r->size <= CC_MAX_AGGREGATE ? (uint32_t)(r->size + 7) & ~7u :
								   8;
}

uint32_t cc_stack_frames(const struct cc *cc, const struct d_type *t)
{
	uint64_t n = d_resolve(t)->nelem;

	if (!n)
		n = cc_key_kind(t) == REC_USTACK ? cc->opt.ustackframes : cc->opt.stackframes;
	return n > CC_FRAMES_MAX ? CC_FRAMES_MAX : (uint32_t)n;
}

/* ---- Expressions ------------------------------------------------------------------------ */

const struct d_expr *cc_aggregate_name(const struct d_expr *e)
{
	while (e->kind == D_E_MEMBER ||
	       (e->kind == D_E_ELEM && d_resolve(e->kids[0]->type)->kind == D_T_ARRAY))
		e = e->kids[0];
	return e;
}

const struct d_var *cc_aggregate_of(const struct d_expr *e)
{
	const struct d_expr *name = cc_aggregate_name(e);
	const struct d_var *v = name->kind == D_E_INDEX ? name->kids[0]->var : name->var;

	if ((name->kind != D_E_VAR && name->kind != D_E_INDEX) || v->scope == D_V_BUILTIN)
		return NULL;
	return cc_is_aggregate(v->type) ? v : NULL;
}

bool cc_is_aligned(const struct d_expr *e)
{
	uint64_t size = d_resolve(e->type)->size, sum = 0;

	for (; e->kind == D_E_MEMBER || e->kind == D_E_ELEM; e = e->kids[0])
		sum |= e->kind == D_E_MEMBER ? e->bit_off / 8 : d_resolve(e->type)->size;
	return sum % size == 0;
}

const struct d_var *cc_lvalue_var(const struct d_expr *e)
{
	return e->kind == D_E_INDEX ? e->kids[0]->var : e->var;
}

bool cc_is_memory(const struct d_expr *e)
{
	return !cc_aggregate_of(e) &&
	       (e->kind == D_E_DEREF || e->kind == D_E_ELEM || e->kind == D_E_MEMBER ||
		e->kind == D_E_KSYM ||
		(e->kind == D_E_INDEX && e->kids[0]->var->scope == D_V_BUILTIN));
}
