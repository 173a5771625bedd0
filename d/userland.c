/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/userland.c: tells whether a pointer leads to kernel memory or to the memory
 * of the traced process.
 * In:   checked trees. User pointers come from a provider's types, from `userland` in a
 *       declaration, and from addresses of places in user memory.
 * Out:  d_is_user, d_points_to_user; d_var.user: a pointer kept in the variable, or in a member or
 *       an element of it, is a user pointer.
 * Owns: nothing; the list of assignments is in the arena.
 *
 * A declaration `struct node *q` does not name user land. So a variable is a
 * user pointer if a value assigned to it anywhere in the program is. Casts, ?:
 * and arithmetic follow their operands.
 */
#include "d/check.h"

static bool typed_user(const struct d_expr *e)
{
	return e->type->is_user || d_resolve(e->type)->is_user;
}

bool d_is_user(const struct d_expr *e)
{
	switch (e->kind) {
	case D_E_DEREF: return d_points_to_user(e->kids[0]);
	case D_E_ELEM:
		return d_resolve(e->kids[0]->type)->kind == D_T_PTR ? d_points_to_user(e->kids[0]) :
								      d_is_user(e->kids[0]);
	case D_E_MEMBER: return d_is_user(e->kids[0]);
	default: return typed_user(e);
	}
}

/* The variable that holds an lvalue; NULL: a pointer leads to the lvalue. */
static struct d_var *root(const struct d_expr *e)
{
	while (e->kind == D_E_MEMBER ||
	       (e->kind == D_E_ELEM && d_resolve(e->kids[0]->type)->kind == D_T_ARRAY))
		e = e->kids[0];
	if (e->kind == D_E_INDEX)
		e = e->kids[0];
	return e->kind == D_E_VAR && e->var->scope != D_V_BUILTIN ? e->var : NULL;
}

bool d_points_to_user(const struct d_expr *e)
{
	const struct d_expr *const *k = (const struct d_expr *const *)e->kids;

	if (typed_user(e))
		return true;
	switch (e->kind) {
	case D_E_VAR:
	case D_E_INDEX:
	case D_E_MEMBER:
	case D_E_ELEM:
	case D_E_DEREF: {
		const struct d_var *v = root(e);

		if (v) /* an array in a variable decays to a pointer into the variable */
			return v->user && d_resolve(e->type)->kind == D_T_PTR;
		return d_is_pointer(e->type) && d_is_user(e);
	}
	case D_E_CAST:
	case D_E_UNARY: return d_points_to_user(k[0]);
	case D_E_ADDR: return k[0]->kind != D_E_KSYM && d_is_user(k[0]);
	case D_E_COND: return d_points_to_user(k[1]) || d_points_to_user(k[2]);
	case D_E_COMMA: return d_points_to_user(k[e->nkids - 1]);
	case D_E_ASSIGN: return d_points_to_user(k[0]) || d_points_to_user(k[1]);
	case D_E_BINARY:
		return (e->op == D_OP_ADD || e->op == D_OP_SUB) &&
		       (d_points_to_user(k[0]) || d_points_to_user(k[1]));
	default: return false;
	}
}

/* A pointer that lies in user memory leads to user memory, whatever its declaration says. */
struct d_expr *c_of_user(struct chk *c, struct d_expr *e)
{
	if (d_is_user(e) && d_is_pointer(d_resolve(e->type)) && !e->type->is_user)
		e->type = d_qualified(c->d, e->type, false, false, true);
	return e->type ? e : NULL;
}

bool c_pointer_kept(struct chk *c, const struct d_expr *to, const struct d_expr *value)
{
	struct c_kept *slot;

	if (!d_is_pointer(to->type) || !root(to))
		return true;
	slot = ARENA_PUSH(c->d->arena, c->kept, c->nkept, c->kept_cap);
	if (slot)
		*slot = (struct c_kept){ root(to), value };
	return slot;
}

/* Repeats until nothing changes, because a variable may be assigned from another one that gets its
 * user pointer later in the program. */
void c_user_variables(struct chk *c)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < c->nkept; i++)
			if (!c->kept[i].var->user && d_points_to_user(c->kept[i].value))
				more = c->kept[i].var->user = true;
	}
}
