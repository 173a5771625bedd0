/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/refuse.c: reports what this version cannot compile, at its place.
 * In:   checked clauses.
 * Out:  diagnostics with the tag D_UNSUPPORTED.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static bool refuse(struct cc *cc, struct loc at,
							 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_verror(cc->diag, at, D_UNSUPPORTED, fmt, ap);
	va_end(ap);
	return false;
}

bool cc_refuse_lacking(struct cc *cc, struct loc at, const struct d_row *row, const char *parens)
{
	if (row->has)
		return true;
	refuse(cc, at, "%s%s is not available in this version", row->name, parens);
	return false;
}

static bool call_ok(struct cc *cc, const struct d_expr *e)
{
	return cc_refuse_lacking(
		cc, e->loc, e->is_action ? &d_action_rows[e->func] : &d_subr_rows[e->func], "()");
}

static bool type_ok(struct cc *cc, const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);

	if (t && t->kind == D_T_FLOAT && t->size > 8)
		return refuse(
			cc, e->loc,
			"floating-point values of more than 64 bits are not available in this version");
	if (t && t->kind == D_T_INT && t->size > 8)
		return refuse(cc, e->loc,
			      "integers of more than 64 bits are not available in this version");
	return true;
}

static bool is_struct(const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);

	return t && (t->kind == D_T_STRUCT || t->kind == D_T_UNION);
}

/* True if this kid may be a struct: the node uses its place, not its value. */
static bool takes_place(const struct d_expr *e, size_t kid)
{
	return e->kind == D_E_MEMBER || e->kind == D_E_ADDR || (e->kind == D_E_ASSIGN && !kid);
}

static bool var_ok(struct cc *cc, const struct d_expr *e)
{
	if (e->var->scope == D_V_BUILTIN)
		return cc_refuse_lacking(cc, e->loc, &d_var_rows[e->var->id], "");
	if (!d_resolve(e->var->type))
		return true;
	if (!cc_is_aggregate(e->var->type))
		return true;
	if (d_resolve(e->var->type)->size > CC_MAX_AGGREGATE)
		return refuse(
			cc, e->loc,
			"variables of more than a megabyte are not available in this version");
	if ((e->var->scope != D_V_GLOBAL || e->var->assoc) &&
	    d_resolve(e->var->type)->size > CC_MAX_LOCAL)
		return refuse(
			cc, e->loc,
			"thread-local, clause-local and associative variables of more than 32 KB are not available in this version");
	return true;
}

static bool is_var(const struct d_expr *e)
{
	return (e->kind == D_E_VAR || (e->kind == D_E_INDEX && e->kids[0]->var)) &&
	       (e->kind == D_E_VAR ? e : e->kids[0])->var->scope != D_V_BUILTIN;
}

static bool assigns(const struct d_expr *e)
{
	return e->kind == D_E_ASSIGN ||
	       (e->kind == D_E_UNARY && (e->op == D_OP_PREINC || e->op == D_OP_PREDEC ||
					 e->op == D_OP_POSTINC || e->op == D_OP_POSTDEC));
}

/* A program may assign to variables, to parts of arrays and structs, and to numbers in memory. Only
 * the store itself knows whether memory is the program's own. */
static bool target_ok(struct cc *cc, const struct d_expr *e, const struct d_expr *to)
{
	if (to->kind == D_E_AGG || (is_var(to) && !cc_aggregate_of(to)))
		return true;
	if (cc_aggregate_of(to)) {
		if (is_struct(to) && d_is_integer(e->kids[1]->type))
			return true; /* `x = 0` */
		if (is_struct(to))
			return refuse(
				cc, to->loc,
				"structs and unions by value are not available in this version");
		/* eBPF has no atomic operation on unaligned numbers */
		return (e->kind == D_E_ASSIGN && e->op == D_OP_ASSIGN) || cc_is_aligned(to) ||
		       refuse(cc, e->loc,
			      "operations on members that are not aligned are not available in this version");
	}
	if (is_struct(to) || !cc_is_memory(to))
		return refuse(cc, to->loc,
			      "structs and unions by value are not available in this version");
	return !d_is_string(to->type) ||
	       refuse(cc, to->loc,
		      "assignments of strings to memory are not available in this version");
}

static bool is_float(const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);

	return t && t->kind == D_T_FLOAT;
}

/* A float is its bits: a program can read, assign and print it. eBPF cannot compute with it. */
static bool takes_float(const struct d_expr *e)
{
	return e->kind == D_E_COMMA || (e->kind == D_E_ASSIGN && e->op == D_OP_ASSIGN) ||
	       (e->kind == D_E_CALL && e->is_action && d_action_rows[e->func].takes_floats);
}

static bool no_float(struct cc *cc, const struct d_expr *e)
{
	return !is_float(e) ||
	       refuse(cc, e->loc,
		      "floating-point values other than to assign and to print are not available in this version");
}

/* Refuses a key that is always too long. A key that may be too long is tested when it is made: then
 * it is a drop. */
static bool key_fits(struct cc *cc, const struct d_expr *e, bool serial)
{
	size_t first = e->kind == D_E_INDEX ? 1 : 0;
	uint64_t bytes = sizeof(struct rt_key) + 8u * serial;

	for (size_t i = first; i < e->nkids; i++)
		bytes += cc_key_least(e->kids[i]->type);
	if (bytes <= RT_KEY_CLASS_MAX)
		return true;
	diag_error(cc->diag, e->loc, D_PROTO_LEN,
		   "%zu keys have at least %llu bytes; there is room for %d", e->nkids - first,
		   (unsigned long long)bytes, RT_KEY_CLASS_MAX);
	return false;
}

static void frames_said(struct cc *cc, const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);

	if (t->kind == D_T_STACK && t->nelem > CC_FRAMES_MAX)
		diag_warn(cc->diag, e->loc, "the kernel gives at most %d frames of a stack",
			  CC_FRAMES_MAX);
}

static bool node_ok(struct cc *cc, const struct d_expr *e, bool place)
{
	if (e->kind == D_E_MEMBER && e->member && e->member->bit_size)
		return refuse(cc, e->loc, "bit-fields are not available in this version");
	if (!place && e->kind != D_E_AGG &&
	    (is_struct(e) || (e->kind == D_E_ASSIGN && cc_is_aggregate(e->type))))
		return refuse(cc, e->loc,
			      "structs and unions by value are not available in this version");
	if (e->kind == D_E_CALL && !call_ok(cc, e))
		return false;
	if (e->kind == D_E_CALL)
		frames_said(cc, e);
	if (e->kind == D_E_INDEX && e->kids[0]->var->scope != D_V_BUILTIN &&
	    !key_fits(cc, e, e->kids[0]->var->scope == D_V_SELF))
		return false;
	if (e->kind == D_E_VAR && !var_ok(cc, e))
		return false;
	if (assigns(e) && !target_ok(cc, e, e->kids[0]))
		return false;
	return type_ok(cc, e);
}

static bool expr_ok(struct cc *cc, const struct d_expr *e, bool place)
{
	if (!e)
		return true;
	if (!node_ok(cc, e, place) || (is_float(e) && e->kind == D_E_CAST && !no_float(cc, e)))
		return false;
	for (size_t i = 0; i < e->nkids; i++) {
		if (e->kind == D_E_INDEX && i == 0 && e->kids[0]->var) {
			if (!var_ok(cc, e->kids[0]))
				return false;
			continue;
		}
		if (!expr_ok(cc, e->kids[i], takes_place(e, i)) ||
		    (!takes_float(e) && !no_float(cc, e->kids[i])))
			return false;
	}
	return true;
}

static bool value_ok(struct cc *cc, const struct d_expr *e)
{
	return expr_ok(cc, e, false) && (!e || no_float(cc, e));
}

static bool stmt_ok(struct cc *cc, const struct d_stmt *s)
{
	bool frees = s->kind == D_S_EXPR && s->expr->kind == D_E_ASSIGN; /* `x = 0` has no value */
	bool ok = s->kind == D_S_IF ? value_ok(cc, s->expr) :
				      s->kind == D_S_AGG || expr_ok(cc, s->expr, frees);

	if (s->kind == D_S_AGG) {
		if (!cc_refuse_lacking(cc, s->loc, &d_aggfunc_rows[s->aggfunc], "()"))
			return false;
		ok = key_fits(cc, s->target, false);
		for (size_t i = 0; i < s->target->nkids; i++)
			ok &= value_ok(cc, s->target->kids[i]);
		for (size_t i = 0; i < s->nargs; i++)
			ok &= value_ok(cc, s->args[i]);
	}
	for (size_t i = 0; i < s->nthen; i++)
		ok &= stmt_ok(cc, s->then[i]);
	for (size_t i = 0; i < s->nelse; i++)
		ok &= stmt_ok(cc, s->otherwise[i]);
	return ok;
}

bool cc_refuse_clause(struct cc *cc, const struct d_clause *c)
{
	bool ok = value_ok(cc, c->pred);

	for (size_t i = 0; i < c->nbody; i++)
		ok &= stmt_ok(cc, c->body[i]);
	return ok;
}
