/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/const.c: makes and copies nodes; folds constants.
 * In:   typed nodes whose kids are constants.
 * Out:  D_E_INT nodes with C's values (two's complement, types' widths).
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

struct d_expr *d_expr_new(struct d *d, enum d_ekind kind, struct loc at, size_t nkids)
{
	struct d_expr *e = arena_new_of(d->arena, struct d_expr);

	if (!e)
		return NULL;
	e->kind = kind;
	e->loc = at;
	e->nkids = nkids;
	if (nkids && !(e->kids = arena_array(d->arena, struct d_expr *, nkids)))
		return NULL;
	return e;
}

struct d_expr *d_expr_clone(struct d *d, const struct d_expr *e)
{
	struct d_expr *copy = e ? arena_dup(d->arena, e, sizeof(*e)) : NULL;

	if (!copy || !e->nkids)
		return copy;
	copy->kids = arena_array(d->arena, struct d_expr *, e->nkids);
	if (!copy->kids)
		return NULL;
	for (size_t i = 0; i < e->nkids; i++) {
		copy->kids[i] = d_expr_clone(d, e->kids[i]);
		if (e->kids[i] && !copy->kids[i])
			return NULL;
	}
	return copy;
}

/* v as a value of the integer type, sign- or zero-extended from the type's width to 64 bits. */
static uint64_t norm(const struct d_type *t, uint64_t v)
{
	unsigned shift;

	t = d_resolve(t);
	if (!t || !t->size || t->size >= 8)
		return v;
	if (t->is_bool)
		return v != 0;
	shift = 64 - 8 * (unsigned)t->size;
	return t->is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

struct d_expr *c_int(struct chk *c, uint64_t value, struct d_type *t, struct loc at)
{
	struct d_expr *e = d_expr_new(c->d, D_E_INT, at, 0);

	if (e) {
		e->type = t;
		e->ival = norm(t, value);
	}
	return e;
}

bool c_is_const(const struct d_expr *e)
{
	return e && e->kind == D_E_INT;
}

static bool is_signed(const struct d_type *t)
{
	t = d_resolve(t);
	return t && t->is_signed;
}

static uint64_t shifted(enum d_op op, uint64_t a, uint64_t n, bool sign, unsigned bits)
{
	n &= bits - 1; /* as the machine takes the count */
	if (op == D_OP_SHL)
		return a << n;
	return sign ? (uint64_t)((int64_t)a >> n) : a >> n;
}

static uint64_t divided(enum d_op op, uint64_t a, uint64_t b, bool sign)
{
	if (!sign)
		return op == D_OP_DIV ? a / b : a % b;
	if ((int64_t)b == -1) /* the smallest number divided by -1 overflows */
		return op == D_OP_DIV ? -a : 0;
	return (uint64_t)(op == D_OP_DIV ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
}

static uint64_t compared(enum d_op op, uint64_t a, uint64_t b, bool sign)
{
	bool less = sign ? (int64_t)a < (int64_t)b : a < b;

	switch (op) {
	case D_OP_EQ: return a == b;
	case D_OP_NE: return a != b;
	case D_OP_LT: return less;
	case D_OP_LE: return less || a == b;
	case D_OP_GT: return !less && a != b;
	default: return !less;
	}
}

/* The value of e from the values of its kids, before it is normalised to the type of e. */
static bool binary_value(const struct d_expr *e, uint64_t a, uint64_t b, uint64_t *v)
{
	const struct d_type *t = d_resolve(e->kids[0]->type);

	switch (e->op) {
	case D_OP_ADD: *v = a + b; break;
	case D_OP_SUB: *v = a - b; break;
	case D_OP_MUL: *v = a * b; break;
	case D_OP_DIV:
	case D_OP_MOD:
		if (!b)
			return false;
		*v = divided(e->op, a, b, is_signed(t));
		break;
	case D_OP_AND: *v = a & b; break;
	case D_OP_OR: *v = a | b; break;
	case D_OP_XOR: *v = a ^ b; break;
	case D_OP_SHL:
	case D_OP_SHR: *v = shifted(e->op, a, b, is_signed(t), t->size == 8 ? 64 : 32); break;
	case D_OP_LAND: *v = a && b; break;
	case D_OP_LOR: *v = a || b; break;
	case D_OP_LXOR: *v = !a != !b; break;
	default: *v = compared(e->op, a, b, is_signed(t)); break;
	}
	return true;
}

static bool unary_value(const struct d_expr *e, uint64_t a, uint64_t *v)
{
	switch (e->op) {
	case D_OP_NEG: *v = -a; return true;
	case D_OP_PLUS: *v = a; return true;
	case D_OP_BITNOT: *v = ~a; return true;
	case D_OP_NOT: *v = !a; return true;
	default: return false;
	}
}

bool d_value(const struct d_expr *e, const uint64_t *kids, uint64_t *v)
{
	bool can = true;

	if (e->kind == D_E_CAST)
		*v = kids[0];
	else if (e->kind == D_E_UNARY)
		can = unary_value(e, kids[0], v);
	else
		can = e->kind == D_E_BINARY && binary_value(e, kids[0], kids[1], v);
	if (can)
		*v = norm(e->type, *v);
	return can;
}

/* Folds -1.5, (float)0.1 and (double)3: the kid becomes the result. */
static bool real_fold(const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type), *from = d_resolve(e->kids[0]->type);
	struct d_expr *kid = e->kids[0];

	if (!t || t->kind != D_T_FLOAT || (kid->kind != D_E_FLOAT && kid->kind != D_E_INT))
		return false;
	if (e->kind != D_E_CAST && (e->kind != D_E_UNARY || e->op != D_OP_NEG))
		return false;
	if (kid->kind == D_E_INT)
		kid->fval = from->is_signed ? (double)(int64_t)kid->ival : (double)kid->ival;
	if (e->kind == D_E_UNARY)
		kid->fval = -kid->fval;
	kid->kind = D_E_FLOAT;
	kid->type = e->type;
	return true;
}

struct d_expr *c_fold(struct chk *c, struct d_expr *e)
{
	uint64_t v, kids[2] = { 0 };

	if (e && e->nkids == 1 && e->kids[0] && real_fold(e))
		return e->kids[0];
	if (!e || !e->nkids || !c_is_const(e->kids[0]))
		return e;
	if (e->kind == D_E_COND) {
		struct d_expr *chosen = e->kids[0]->ival ? e->kids[1] : e->kids[2];

		return c_is_const(e->kids[1]) && c_is_const(e->kids[2]) ? chosen : e;
	}
	if (!d_is_integer(e->type) || e->nkids > 2 || (e->nkids == 2 && !c_is_const(e->kids[1])))
		return e;
	for (size_t i = 0; i < e->nkids; i++)
		kids[i] = e->kids[i]->ival;
	return d_value(e, kids, &v) ? c_int(c, v, e->type, e->loc) : e;
}

bool d_const_int(struct d *d, struct d_expr *raw, int64_t *value)
{
	struct chk c = { .d = d, .constant = true };
	struct loc at = raw ? raw->loc : NOWHERE;
	struct d_expr *e = c_expr(&c, raw);

	if (!e)
		return false;
	if (!c_is_const(e) || !d_is_integer(e->type)) {
		d_error(d, at, D_OP_INT, "an integer constant is required here");
		return false;
	}
	*value = (int64_t)e->ival;
	return true;
}
