/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_tree.c: questions about expressions that several files of the checker
 * ask.
 * In:   raw and typed trees.
 * Out:  answers; c_kids_done checks the kids of a node.
 * Owns: nothing.
 */
#include "d/check.h"

#include <string.h>

bool c_is_lvalue(const struct d_expr *e)
{
	switch (e->kind) {
	case D_E_VAR:
	case D_E_INDEX:
	case D_E_ELEM:
	case D_E_DEREF:
	case D_E_KSYM: return true;
	case D_E_MEMBER: return c_is_lvalue(e->kids[0]);
	default: return false;
	}
}

/* Checks all kids even after an error, so that several errors are reported at once. */
struct d_expr *c_kids_done(struct chk *c, struct d_expr *e)
{
	bool ok = true;

	for (size_t i = 0; i < e->nkids; i++) {
		e->kids[i] = c_value(c, e->kids[i]);
		ok &= e->kids[i] != NULL;
	}
	return ok ? e : NULL;
}

void c_hint_declare(struct chk *c)
{
	diag_hint(c->d->diag, "declare it in the script, as the program's source does");
}

bool c_uses_args_within(struct d *d, const struct d_expr *e, unsigned *budget)
{
	const struct d_ident *id;

	if (!e)
		return false;
	if (e->kind == D_E_IDENT && !e->ident_mod && e->str && e->ident_scope != D_V_SELF &&
	    e->ident_scope != D_V_THIS) {
		if (!strcmp(e->str, "args"))
			return true;
		id = hash_get_str(d->idents, e->str);
		if (id && id->kind == D_ID_INLINE) {
			if (!*budget)
				return true;
			--*budget;
			return c_uses_args_within(d, id->value, budget);
		}
	}
	for (size_t i = 0; i < e->nkids; i++)
		if (c_uses_args_within(d, e->kids[i], budget))
			return true;
	return false;
}

bool c_uses_args(struct d *d, const struct d_expr *e)
{
	unsigned budget = C_INLINES_MAX;

	return c_uses_args_within(d, e, &budget);
}

bool c_any_expr(struct d_stmt *const *body, size_t n, bool (*fn)(void *arg, const struct d_expr *e),
		void *arg)
{
	for (size_t i = 0; i < n; i++)
		if (fn(arg, body[i]->expr) || c_any_expr(body[i]->then, body[i]->nthen, fn, arg) ||
		    c_any_expr(body[i]->otherwise, body[i]->nelse, fn, arg))
			return true;
	return false;
}
