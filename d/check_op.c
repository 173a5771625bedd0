/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_op.c: checks operators (guide: chp-typeopexpr, chp-pointers,
 * chp-strings).
 * In:   raw UNARY, BINARY, ASSIGN, COND and CAST nodes.
 * Out:  typed nodes: both sides have the type of the operation, pointer
 *       arithmetic is scaled, constants are folded.
 * Owns: nothing; all is in the arena.
 */
#include "d/check.h"

#include <string.h>

static const char *const op_text[] = {
#define D_OP(id, text) [D_OP_##id] = text,
#include "d/ops.def"
};

static struct d_expr *incompatible(struct chk *c, const struct d_expr *e, const struct d_expr *a,
				   const struct d_expr *b)
{
	d_error(c->d, e->loc, D_OP_INCOMPAT, "operands of %s have incompatible types: %s and %s",
		op_text[e->op], c_name(c, a->type), c_name(c, b->type));
	return NULL;
}

static struct d_expr *typed(struct chk *c, struct d_expr *e, struct d_expr *a, struct d_expr *b,
			    struct d_type *t)
{
	if (!a || !b || !t)
		return NULL;
	e->kids[0] = a;
	e->kids[1] = b;
	e->type = t;
	return c_fold(c, e);
}

static struct d_expr *needs(struct chk *c, const struct d_expr *e, const struct d_expr *k,
			    const struct diag_tag *tag, const char *what)
{
	d_error(c->d, k->loc, tag, "operator %s needs %s, not a value of type %s", op_text[e->op],
		what, c_name(c, k->type));
	return NULL;
}

/* ---- Binary ---------------------------------------------------------------- */

static struct d_expr *make_binary(struct chk *c, enum d_op op, struct d_expr *a, struct d_expr *b,
				  struct d_type *t, struct loc at)
{
	struct d_expr *e = d_expr_new(c->d, D_E_BINARY, at, 2);

	if (!e)
		return NULL;
	e->op = op;
	return typed(c, e, a, b, t);
}

static bool element_size(struct chk *c, const struct d_expr *p, uint64_t *size)
{
	struct d_type *to = d_resolve(p->type)->to;

	d_complete(c->d, to);
	*size = d_resolve(to)->size;
	if (*size)
		return true;
	if (d_resolve(to)->kind == D_T_VOID || d_resolve(to)->kind == D_T_FUNC)
		d_error(c->d, p->loc, D_OP_VFPTR, "a pointer to %s has no arithmetic",
			c_name(c, to));
	else
		d_error(c->d, p->loc, D_OP_INCOMPLETE,
			"%s is not known in full: its pointers have no arithmetic", c_name(c, to));
	if (to->is_unknown)
		c_hint_declare(c);
	return false;
}

static struct d_expr *scaled(struct chk *c, struct d_expr *i, uint64_t size)
{
	struct d_type *l = d_base(c->d, D_LONG);

	i = c_cast(c, c_promote(c, i), l);
	if (!i || size == 1)
		return i;
	return make_binary(c, D_OP_MUL, i, c_int(c, size, l, i->loc), l, i->loc);
}

static struct d_expr *pointer_op(struct chk *c, struct d_expr *e)
{
	struct d_expr *a = c_decay(c, e->kids[0]), *b = c_decay(c, e->kids[1]), *p;
	struct d_type *l = d_base(c->d, D_LONG);
	uint64_t size;

	if (!a || !b)
		return NULL;
	if (e->op == D_OP_SUB && d_is_pointer(a->type) && d_is_pointer(b->type)) {
		if (!c_same_pointers(a->type, b->type))
			return incompatible(c, e, a, b);
		if (!element_size(c, a, &size))
			return NULL;
		e = typed(c, e, c_cast(c, a, l), c_cast(c, b, l), l);
		if (!e || size == 1)
			return e;
		return make_binary(c, D_OP_DIV, e, c_int(c, size, l, e->loc), l, e->loc);
	}
	p = d_is_pointer(a->type) ? a : b;
	if (p == b) {
		if (e->op == D_OP_SUB)
			return incompatible(c, e, a, b);
		b = a;
	}
	if (!d_is_integer(b->type))
		return incompatible(c, e, a, e->kids[1]);
	if (!element_size(c, p, &size))
		return NULL;
	return typed(c, e, p, scaled(c, b, size), p->type);
}

static struct d_expr *arith(struct chk *c, struct d_expr *e)
{
	struct d_expr *a = e->kids[0], *b = e->kids[1];
	struct d_type *t;

	if ((e->op == D_OP_ADD || e->op == D_OP_SUB) &&
	    (d_is_pointer(a->type) || d_is_pointer(b->type)))
		return pointer_op(c, e);
	if (!c_is_arith(a->type) || !c_is_arith(b->type)) {
		bool strings = c_is_strlike(a->type) || c_is_strlike(b->type);

		incompatible(c, e, a, b);
		if (strings && e->op == D_OP_ADD)
			diag_hint(c->d->diag, "strings are joined by strjoin()");
		return NULL;
	}
	t = c_arith_type(c, a->type, b->type);
	return typed(c, e, c_cast(c, a, t), c_cast(c, b, t), t);
}

static struct d_expr *integers(struct chk *c, struct d_expr *e)
{
	struct d_expr *a = e->kids[0], *b = e->kids[1];
	struct d_type *t;

	if (!d_is_integer(a->type))
		return needs(c, e, a, D_OP_INT, "integers");
	if (!d_is_integer(b->type))
		return needs(c, e, b, D_OP_INT, "integers");
	if (e->op == D_OP_SHL || e->op == D_OP_SHR) { /* each side is promoted by itself */
		a = c_promote(c, a);
		return a ? typed(c, e, a, c_cast(c, b, a->type), a->type) : NULL;
	}
	t = c_arith_type(c, a->type, b->type);
	return typed(c, e, c_cast(c, a, t), c_cast(c, b, t), t);
}

static struct d_expr *division(struct chk *c, struct d_expr *e)
{
	struct d_expr *b = e->kids[1];

	if (c_is_const(b) && !b->ival && d_is_integer(e->kids[0]->type)) {
		d_error(c->d, e->loc, D_DIV_ZERO, "division by zero");
		return NULL;
	}
	return e->op == D_OP_MOD ? integers(c, e) : arith(c, e);
}

/* Is it 0 or NULL? */
static bool is_null(const struct d_expr *e)
{
	if (e->kind == D_E_CAST && d_is_pointer(e->type))
		e = e->kids[0];
	return e->kind == D_E_INT && !e->ival;
}

static struct d_expr *empty_string(struct chk *c, struct loc at)
{
	struct d_expr *e = d_expr_new(c->d, D_E_STRING, at, 0);

	if (e) {
		e->str = "";
		e->type = d_base(c->d, D_STRING);
	}
	return e;
}

static struct d_expr *comparison(struct chk *c, struct d_expr *e)
{
	struct d_expr *a = e->kids[0], *b = e->kids[1];
	struct d_type *i = d_base(c->d, D_INT), *t;

	if (d_is_string(a->type) && is_null(b)) /* `self->path != NULL`: was it set? */
		b = empty_string(c, b->loc);
	else if (d_is_string(b->type) && is_null(a))
		a = empty_string(c, a->loc);
	if (!a || !b)
		return NULL;
	if ((d_is_string(a->type) || d_is_string(b->type)) && c_is_strlike(a->type) &&
	    c_is_strlike(b->type))
		return typed(c, e, c_to_string(c, a), c_to_string(c, b), i);
	if (c_is_arith(a->type) && c_is_arith(b->type)) {
		t = c_arith_type(c, a->type, b->type);
		return typed(c, e, c_cast(c, a, t), c_cast(c, b, t), i);
	}
	if ((d_is_pointer(a->type) && d_is_integer(b->type)) ||
	    (d_is_integer(a->type) && d_is_pointer(b->type)) || c_same_pointers(a->type, b->type)) {
		t = d_base(c->d, D_ULONG);
		return typed(c, e, c_cast(c, c_decay(c, a), t), c_cast(c, c_decay(c, b), t), i);
	}
	incompatible(c, e, a, b);
	if (d_is_string(a->type) != d_is_string(b->type))
		diag_hint(
			c->d->diag,
			"a string is compared with a string or a char *; copyinstr() reads one from a user address");
	return NULL;
}

static struct d_expr *logical(struct chk *c, struct d_expr *e)
{
	for (int i = 0; i < 2; i++)
		if (!c_is_scalar(e->kids[i]->type))
			return needs(c, e, e->kids[i], D_OP_SCALAR, "integers or pointers");
	return typed(c, e, c_decay(c, e->kids[0]), c_decay(c, e->kids[1]), d_base(c->d, D_INT));
}

static struct d_expr *(*const by_op[D_NOPS])(struct chk *c, struct d_expr *e) = {
	[D_OP_ADD] = arith,	[D_OP_SUB] = arith,	[D_OP_MUL] = arith,
	[D_OP_DIV] = division,	[D_OP_MOD] = division,	[D_OP_AND] = integers,
	[D_OP_OR] = integers,	[D_OP_XOR] = integers,	[D_OP_SHL] = integers,
	[D_OP_SHR] = integers,	[D_OP_EQ] = comparison, [D_OP_NE] = comparison,
	[D_OP_LT] = comparison, [D_OP_LE] = comparison, [D_OP_GT] = comparison,
	[D_OP_GE] = comparison, [D_OP_LAND] = logical,	[D_OP_LOR] = logical,
	[D_OP_LXOR] = logical,
};

static struct d_expr *kernel_enumerator(struct chk *c, const struct d_enumerator *e,
					struct d_type *t, const struct d_expr *name)
{
	c_attr(c, c_attr_kernel, name->loc, "enumerator", e->name);
	return c_int(c, (uint64_t)e->value, t, name->loc);
}

/* In `args[2] == UIO_WRITE` the right side may name enumerators of the left side's type. */
static void enumerator(struct chk *c, struct d_expr *e)
{
	const struct d_type *t = e->kids[0] ? d_resolve(e->kids[0]->type) : NULL;
	struct d_expr *k = e->kids[1];

	if (!t || t->kind != D_T_ENUM || !k || k->kind != D_E_IDENT || k->ident_mod ||
	    hash_get_str(c->d->idents, k->str))
		return;
	d_complete(c->d, e->kids[0]->type);
	for (size_t i = 0; i < t->nenumerators; i++)
		if (!strcmp(t->enumerators[i].name, k->str))
			e->kids[1] = kernel_enumerator(c, &t->enumerators[i], e->kids[0]->type, k);
}

struct d_expr *c_binary(struct chk *c, struct d_expr *e)
{
	e->kids[0] = c_value(c, e->kids[0]);
	if (by_op[e->op] == comparison)
		enumerator(c, e);
	e->kids[1] = c_value(c, e->kids[1]);
	return e->kids[0] && e->kids[1] ? by_op[e->op](c, e) : NULL;
}

/* ---- Unary ----------------------------------------------------------------- */

/* A new variable in `x++` or `x += 1` is an int64_t. */
static struct d_expr *counter(struct chk *c, struct d_expr *e)
{
	return e ? c_target(c, e, c_int(c, 0, d_base(c->d, D_INT64), e->loc)) : NULL;
}

static struct d_expr *step(struct chk *c, struct d_expr *e)
{
	struct d_expr *k = counter(c, e->kids[0]);
	const struct d_type *t;
	uint64_t size = 1;

	if (!k)
		return NULL;
	t = d_resolve(k->type);
	if (!d_is_integer(t) && t->kind != D_T_PTR)
		return needs(c, e, k, D_OP_SCALAR, "an integer or pointer variable");
	if (t->kind == D_T_PTR && !element_size(c, k, &size))
		return NULL;
	e->kids[0] = k;
	e->type = k->type;
	e->ival = size; /* the amount of one step */
	return e;
}

struct d_expr *c_unary(struct chk *c, struct d_expr *e)
{
	struct d_expr *k;

	if (e->op == D_OP_PREINC || e->op == D_OP_PREDEC || e->op == D_OP_POSTINC ||
	    e->op == D_OP_POSTDEC)
		return step(c, e);
	if (!c_kids_done(c, e))
		return NULL;
	k = e->kids[0];
	if (e->op == D_OP_NOT) {
		if (!c_is_scalar(k->type))
			return needs(c, e, k, D_OP_SCALAR, "an integer or a pointer");
		e->kids[0] = c_decay(c, k);
		e->type = d_base(c->d, D_INT);
	} else {
		if (e->op == D_OP_BITNOT && !d_is_integer(k->type))
			return needs(c, e, k, D_OP_INT, "an integer");
		if (!c_is_arith(k->type))
			return needs(c, e, k, D_OP_ARITH, "a number");
		e->kids[0] = c_promote(c, k);
		if (!e->kids[0])
			return NULL;
		e->type = e->kids[0]->type;
	}
	return e->kids[0] ? c_fold(c, e) : NULL;
}

/* ---- Assignment ------------------------------------------------------------ */

static struct d_expr *assign_incompatible(struct chk *c, struct d_expr *e, struct d_expr *to,
					  struct d_expr *value)
{
	d_error(c->d, e->loc, D_OP_INCOMPAT, "a value of type %s cannot be assigned to %s",
		c_name(c, value->type), c_name(c, to->type));
	if (d_is_string(to->type) && d_is_integer(value->type))
		diag_hint(
			c->d->diag,
			"copyinstr() reads a string from a user address, lltostr() makes one of a number");
	return NULL;
}

static bool mentions(const struct d_expr *e, const struct d_expr *name)
{
	if (!e)
		return false;
	if (e->kind == D_E_IDENT && e->ident_scope == name->ident_scope && !e->ident_mod &&
	    !strcmp(e->str, name->str))
		return true;
	for (size_t i = 0; i < e->nkids; i++)
		if (mentions(e->kids[i], name))
			return true;
	return false;
}

/* In `max[k] = arg0 > max[k] ? arg0 : max[k]` a new max holds numbers. false: reported. */
static bool self_reference(struct chk *c, const struct d_expr *e)
{
	const struct d_expr *to = e->kids[0];
	const struct hash *h;

	if (!to || to->kind != D_E_INDEX || to->kids[0]->kind != D_E_IDENT ||
	    to->kids[0]->ident_mod)
		return true;
	h = to->kids[0]->ident_scope == D_V_SELF ? c->d->self_vars :
	    to->kids[0]->ident_scope == D_V_THIS ? c->d->this_vars :
						   c->d->idents;
	if (hash_get_str(h, to->kids[0]->str) || !mentions(e->kids[1], to->kids[0]))
		return true;
	return counter(c, d_expr_clone(c->d, to)) != NULL;
}

static bool freed(const struct d_expr *to)
{
	bool dynamic = to->kind == D_E_INDEX || (to->kind == D_E_VAR && to->var->scope == D_V_SELF);

	return !c_is_scalar(to->type) || (dynamic && d_resolve(to->type)->kind == D_T_ARRAY);
}

static struct d_expr *whole_array(struct chk *c, const struct d_expr *e, const struct d_expr *to)
{
	d_error(c->d, e->loc, D_OP_LVAL, "an array is not assigned as a whole: %s",
		c_name(c, to->type));
	return NULL;
}

static struct d_expr *plain_assign(struct chk *c, struct d_expr *e)
{
	struct d_expr *value, *to, *cast;

	if (!self_reference(c, e))
		return NULL;
	value = c_value(c, e->kids[1]);
	to = c_target(c, e->kids[0], value);
	if (!to || !value)
		return NULL;
	if (is_null(value) && d_is_string(to->type))
		cast = empty_string(c, value->loc); /* `s = 0` frees a string */
	else if (is_null(value) && freed(to))
		cast = value; /* 0 frees an array or a struct too */
	else if (d_resolve(to->type)->kind == D_T_ARRAY)
		return whole_array(c, e, to);
	else
		cast = c_convert(c, value, to->type);
	if (!cast)
		return assign_incompatible(c, e, to, value);
	return c_pointer_kept(c, to, cast) ? typed(c, e, to, cast, to->type) : NULL;
}

static struct d_expr *compound(struct chk *c, struct d_expr *e)
{
	struct d_expr *value = c_value(c, e->kids[1]), *to;
	const struct d_type *t;
	uint64_t size;

	to = counter(c, e->kids[0]);
	if (!to || !value)
		return NULL;
	t = d_resolve(to->type);
	if (t->kind == D_T_PTR && (e->op == D_OP_ADD || e->op == D_OP_SUB) &&
	    d_is_integer(value->type))
		return element_size(c, to, &size) ?
			       typed(c, e, to, scaled(c, value, size), to->type) :
			       NULL;
	if (!c_is_arith(t) || !c_is_arith(value->type))
		return assign_incompatible(c, e, to, value);
	if ((t->kind == D_T_FLOAT || !d_is_integer(value->type)) &&
	    (e->op == D_OP_MOD || by_op[e->op] == integers))
		return needs(c, e, d_is_integer(value->type) ? to : value, D_OP_INT, "integers");
	if ((e->op == D_OP_DIV || e->op == D_OP_MOD) && c_is_const(value) && !value->ival) {
		d_error(c->d, e->loc, D_DIV_ZERO, "division by zero");
		return NULL;
	}
	/* kids[1] has the type of the operation; the result has the variable's type */
	if (e->op == D_OP_SHL || e->op == D_OP_SHR)
		value = c_promote(c, value);
	else
		value = c_cast(c, value, c_arith_type(c, t, value->type));
	return typed(c, e, to, value, to->type);
}

static struct d_expr *agg_misplaced(struct chk *c, const struct d_expr *e)
{
	d_error(c->d, e->loc, D_OP_ACT,
		"an aggregation is assigned only by a statement of its own");
	return NULL;
}

struct d_expr *c_assign(struct chk *c, struct d_expr *e)
{
	if (e->kids[0] && e->kids[0]->kind == D_E_AGG)
		return agg_misplaced(c, e);
	if (c->constant) {
		d_error(c->d, e->loc, D_OP_INT, "an assignment is no constant");
		return NULL;
	}
	return e->op == D_OP_ASSIGN || e->op == D_OP_NONE ? plain_assign(c, e) : compound(c, e);
}

/* ---- ?: and casts ---------------------------------------------------------- */

struct d_expr *c_cond(struct chk *c, struct d_expr *e)
{
	struct d_expr *a, *b;
	struct d_type *t = NULL;

	if (!c_kids_done(c, e))
		return NULL;
	if (!c_is_scalar(e->kids[0]->type)) {
		d_error(c->d, e->kids[0]->loc, D_OP_SCALAR,
			"the condition of ?: must be an integer or a pointer, not %s",
			c_name(c, e->kids[0]->type));
		return NULL;
	}
	a = e->kids[1];
	b = e->kids[2];
	if (c_is_arith(a->type) && c_is_arith(b->type)) {
		t = c_arith_type(c, a->type, b->type);
	} else if ((d_is_string(a->type) || d_is_string(b->type)) && c_is_strlike(a->type) &&
		   c_is_strlike(b->type)) {
		t = d_base(c->d, D_STRING);
	} else if (d_is_pointer(a->type) &&
		   (d_is_integer(b->type) || c_same_pointers(a->type, b->type))) {
		a = c_decay(c, a);
		t = a ? a->type : NULL;
	} else if (d_is_integer(a->type) && d_is_pointer(b->type)) {
		b = c_decay(c, b);
		t = b ? b->type : NULL;
	} else if (d_same_type(a->type, b->type)) {
		t = a->type;
	} else {
		d_error(c->d, e->loc, D_OP_INCOMPAT,
			"the two results of ?: have incompatible types: %s and %s",
			c_name(c, a->type), c_name(c, b->type));
		return NULL;
	}
	e->kids[0] = c_decay(c, e->kids[0]);
	e->kids[1] = c_cast(c, c_decay(c, a), t);
	e->kids[2] = c_cast(c, c_decay(c, b), t);
	e->type = t;
	return e->kids[0] && e->kids[1] && e->kids[2] ? c_fold(c, e) : NULL;
}

static bool cast_ok(const struct d_type *from, const struct d_type *to)
{
	bool address = d_is_integer(from) || d_is_pointer(from);

	if (to->kind == D_T_STRING)
		return address || d_is_string(from);
	if (to->kind == D_T_PTR)
		return address;
	if (c_is_arith(to))
		return c_is_arith(from) || (d_is_integer(to) && address);
	return d_same_type(from, to);
}

struct d_expr *c_cast_expr(struct chk *c, struct d_expr *e)
{
	struct d_expr *k = c_value(c, e->kids[0]);
	const struct d_type *to = d_resolve(e->type);

	if (!k || !to)
		return NULL;
	c_attr_type(c, e->type, e->loc);
	if (to->kind == D_T_VOID || !cast_ok(k->type, to)) {
		d_error(c->d, e->loc, D_CAST_INVAL, "a value of type %s cannot be cast to %s",
			c_name(c, k->type), c_name(c, e->type));
		return NULL;
	}
	e->kids[0] = to->kind == D_T_STRING ? k : c_decay(c, k);
	return e->kids[0] ? c_fold(c, e) : NULL;
}
