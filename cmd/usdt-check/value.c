/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/value.c: evaluates D expressions on a firing.
 * In:   a checked tree; registers and memory of a stopped thread.
 * Out:  the expression's value.
 * Owns: nothing; strings are in struct eval.
 */
#include "cmd/usdt-check/check.h"

#include <string.h>

/* ---- Arguments ------------------------------------------------------------- */

static uint64_t extended(uint64_t v, unsigned size, bool sign)
{
	unsigned shift = size < 8 ? 64 - 8 * size : 0;

	return sign ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

static uint64_t reg(const struct firing *f, const struct usdt_reg *r)
{
	uint64_t v;

	/* user_regs_struct begins as pt_regs does. */
	memcpy(&v, (const char *)f->regs + r->offset, sizeof(v));
	return extended(v >> r->shift, r->width, r->is_signed);
}

static uint64_t address(const struct firing *f, const struct usdt_arg *a)
{
	uint64_t at = (uint64_t)a->disp;

	if (a->base.offset >= 0)
		at += reg(f, &a->base);
	if (a->index.offset >= 0)
		at += reg(f, &a->index) * a->scale;
	if (a->is_address) /* rip is the address of the site */
		at += f->regs->rip - usdt_site_address(f->site);
	if (a->base.offset >= 0 ? a->base.width == 4 : a->index.offset >= 0 && a->index.width == 4)
		at = (uint32_t)at;
	return at;
}

/* The value of argument n; false: it cannot be read, and *why says why. */
static bool firing_arg(const struct firing *f, size_t n, uint64_t *value, const char **why)
{
	const struct usdt_arg *a = usdt_site_arg(f->site, n);

	*value = 0;
	*why = "the probe has fewer arguments";
	if (!a)
		return false;
	switch (a->kind) {
	case USDT_ARG_CONST:
		*value = a->is_address ? address(f, a) : (uint64_t)a->disp;
		return true;
	case USDT_ARG_REG: *value = extended(reg(f, &a->base), a->size, a->is_signed); return true;
	case USDT_ARG_PAIR: *value = reg(f, &a->base) | reg(f, &a->index) << 32; return true;
	case USDT_ARG_MEM:
		if (a->size <= sizeof(*value) &&
		    memory_read(f->pid, address(f, a), value, a->size)) {
			*value = extended(*value, a->size, a->is_signed);
			return true;
		}
		*why = a->size > sizeof(*value) ? "wider than 64 bits" :
						  "in memory that is not there";
		return false;
	default: *why = a->why ? a->why : "a place that is not understood"; return false;
	}
}

/* Shows the value as the program has it: a float as a number, a large integer in hex. */
static int arg_show(const struct usdt_arg *a, uint64_t v, char *out, size_t size)
{
	double number;
	float narrow;

	if (a->is_float && a->size == sizeof(number)) {
		memcpy(&number, &v, sizeof(number));
		return snprintf(out, size, "%g", number);
	}
	if (a->is_float && a->size == sizeof(narrow)) {
		memcpy(&narrow, &v, sizeof(narrow));
		return snprintf(out, size, "%g", (double)narrow);
	}
	return snprintf(out, size,
			(int64_t)v > 0xffffff || (int64_t)v < -0xffffff ? "0x%llx" : "%lld",
			(long long)v);
}

void firing_show(const struct firing *f, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < usdt_site_nargs(f->site) && at < size; i++) {
		const char *why;
		uint64_t v;

		at += (size_t)snprintf(out + at, size - at, "%sarg%zu=", i ? " " : "", i);
		if (at >= size)
			break;
		if (firing_arg(f, i, &v, &why))
			at += (size_t)arg_show(usdt_site_arg(f->site, i), v, out + at, size - at);
		else
			at += (size_t)snprintf(out + at, size - at, "? (%s)", why);
	}
}

/* ---- Strings ------------------------------------------------------------------ */

static bool failed(struct eval *v, const char *why)
{
	v->why = why;
	return false;
}

/* Reads page by page, because the page behind the string may not be mapped. */
static bool string_read(struct eval *v, uint64_t from, const char **s)
{
	char *to;
	size_t n = 0;

	if (v->nstr == COUNT(v->str))
		return failed(v, "too many strings in one condition");
	to = v->str[v->nstr++];
	while (n < CHECK_STR - 1) {
		size_t more = 4096 - (from + n) % 4096;

		more = more < CHECK_STR - 1 - n ? more : CHECK_STR - 1 - n;
		if (!memory_read(v->f->pid, from + n, to + n, more))
			return failed(v, "a string's address is not there");
		if (memchr(to + n, 0, more))
			break;
		n += more;
	}
	to[CHECK_STR - 1] = '\0';
	*s = to;
	return true;
}

/* ---- Expressions ---------------------------------------------------------------- */

/* Reads argument n; as: "argN" or "args[N]", its name in the message. The message has the operand
 * that the note gives. */
static bool argument(struct eval *v, size_t n, const char *as, uint64_t *value)
{
	const struct usdt_arg *a = usdt_site_arg(v->f->site, n);
	const char *why;

	if (firing_arg(v->f, n, value, &why))
		return true;
	if (a)
		snprintf(v->text, sizeof(v->text), "%s cannot be read: %s (%s)", as, why, a->text);
	else
		snprintf(v->text, sizeof(v->text), "%s cannot be read: %s", as, why);
	return failed(v, v->text);
}

/* Reads args[n], which the provider's declaration may map to another argument than the n-th. */
static bool typed_argument(struct eval *v, size_t n, uint64_t *value)
{
	const struct usdt_types *types = v->f->types;
	size_t at = !types ? n : n < usdt_types_nxargs(types) ? usdt_types_map(types, n) : SIZE_MAX;
	char as[32];

	snprintf(as, sizeof(as), "args[%zu]", n);
	if (!argument(v, at, as, value))
		return false;
	if (!usdt_site_arg(v->f->site, at)->is_float)
		return true;
	snprintf(v->text, sizeof(v->text), "%s is a floating-point number: arg%zu has its bits", as,
		 at);
	return failed(v, v->text);
}

static bool eval_pid(struct eval *v, const struct d_var *var, struct value *out)
{
	(void)var;
	out->i = (uint64_t)v->f->pid;
	return true;
}

static bool eval_tid(struct eval *v, const struct d_var *var, struct value *out)
{
	(void)var;
	out->i = (uint64_t)v->f->tid;
	return true;
}

static bool eval_prov(struct eval *v, const struct d_var *var, struct value *out)
{
	(void)var;
	out->s = v->f->probe->prov;
	return true;
}

static bool eval_mod(struct eval *v, const struct d_var *var, struct value *out)
{
	(void)var;
	out->s = v->f->probe->mod;
	return true;
}

static bool eval_func(struct eval *v, const struct d_var *var, struct value *out)
{
	(void)var;
	out->s = v->f->probe->func;
	return true;
}

static bool eval_name(struct eval *v, const struct d_var *var, struct value *out)
{
	(void)var;
	out->s = v->f->probe->name;
	return true;
}

static bool eval_arg(struct eval *v, const struct d_var *var, struct value *out)
{
	return argument(v, (size_t)(var->id - D_BUILTIN_arg0), var->name, &out->i);
}

/* The variables that a condition may name: those whose values a stopped thread shows. */
static bool (*const variables[D_NBUILTINS])(struct eval *v, const struct d_var *var,
					    struct value *out) = {
	[D_BUILTIN_pid] = eval_pid,	   [D_BUILTIN_tid] = eval_tid,
	[D_BUILTIN_probeprov] = eval_prov, [D_BUILTIN_probemod] = eval_mod,
	[D_BUILTIN_probefunc] = eval_func, [D_BUILTIN_probename] = eval_name,
	[D_BUILTIN_arg0] = eval_arg,	   [D_BUILTIN_arg1] = eval_arg,
	[D_BUILTIN_arg2] = eval_arg,	   [D_BUILTIN_arg3] = eval_arg,
	[D_BUILTIN_arg4] = eval_arg,	   [D_BUILTIN_arg5] = eval_arg,
	[D_BUILTIN_arg6] = eval_arg,	   [D_BUILTIN_arg7] = eval_arg,
	[D_BUILTIN_arg8] = eval_arg,	   [D_BUILTIN_arg9] = eval_arg,
};

static bool variable(struct eval *v, const struct d_var *var, struct value *out)
{
	if (var->scope == D_V_GLOBAL) { /* `count` is the only global variable */
		out->i = v->count;
		return true;
	}
	return v->f ? variables[var->id](v, var, out) : failed(v, "there is no firing to ask");
}

static bool eval_strlen(struct eval *v, const struct d_expr *e, struct value *out)
{
	struct value arg = { 0 };

	if (!value_eval(v, e->kids[0], &arg))
		return false;
	out->i = arg.s ? strlen(arg.s) : 0;
	return true;
}

static bool eval_copyinstr(struct eval *v, const struct d_expr *e, struct value *out)
{
	struct value arg = { 0 };

	return value_eval(v, e->kids[0], &arg) && string_read(v, arg.i, &out->s);
}

/* The subroutines that a condition may call, with one argument. */
static bool (*const calls[D_NSUBRS])(struct eval *v, const struct d_expr *e, struct value *out) = {
	[D_SUBR_strlen] = eval_strlen,
	[D_SUBR_copyinstr] = eval_copyinstr,
};

static bool compared(enum d_op op, int c)
{
	switch (op) {
	case D_OP_EQ: return c == 0;
	case D_OP_NE: return c != 0;
	case D_OP_LT: return c < 0;
	case D_OP_LE: return c <= 0;
	case D_OP_GT: return c > 0;
	default: return c >= 0;
	}
}

/* && and || evaluate the right side only if the left side does not decide. */
static bool logical(struct eval *v, const struct d_expr *e, struct value *out)
{
	struct value kid = { 0 };

	if (!value_eval(v, e->kids[0], &kid))
		return false;
	out->i = kid.i != 0;
	if (out->i == (e->op == D_OP_LOR))
		return true;
	if (!value_eval(v, e->kids[1], &kid))
		return false;
	out->i = kid.i != 0;
	return true;
}

static bool operation(struct eval *v, const struct d_expr *e, struct value *out)
{
	struct value kid[2] = { 0 };
	uint64_t k[2] = { 0 };

	for (size_t i = 0; i < e->nkids; i++) {
		if (!value_eval(v, e->kids[i], &kid[i]))
			return false;
		k[i] = kid[i].i;
	}
	if (kid[0].s && e->nkids == 2) {
		out->i = compared(e->op, strcmp(kid[0].s, kid[1].s));
		return true;
	}
	if (e->kind == D_E_CAST && d_is_string(e->type)) {
		out->s = kid[0].s;
		return kid[0].s || string_read(v, k[0], &out->s);
	}
	return d_value(e, k, &out->i) || failed(v, "division by zero");
}

bool value_eval(struct eval *v, const struct d_expr *e, struct value *out)
{
	*out = (struct value){ 0 };
	switch (e->kind) {
	case D_E_INT: out->i = e->ival; return true;
	case D_E_STRING: out->s = e->str; return true;
	case D_E_VAR: return variable(v, e->var, out);
	case D_E_INDEX: /* args[n] */
		return v->f ? typed_argument(v, e->ival, &out->i) :
			      failed(v, "there is no firing to ask");
	case D_E_CALL: return calls[e->func](v, e, out);
	case D_E_COND:
		return value_eval(v, e->kids[0], out) &&
		       value_eval(v, e->kids[out->i ? 1 : 2], out);
	default:
		if (e->kind == D_E_BINARY && (e->op == D_OP_LAND || e->op == D_OP_LOR))
			return logical(v, e, out);
		return operation(v, e, out);
	}
}

/* ---- Allowed expressions --------------------------------------------------------------- */

static bool known_variable(const struct d_var *var)
{
	return var->scope == D_V_BUILTIN ? variables[var->id] != NULL : var->scope == D_V_GLOBAL;
}

static bool known(const struct d_expr *e)
{
	switch (e->kind) {
	case D_E_INT:
	case D_E_STRING:
	case D_E_BINARY:
	case D_E_COND: return true;
	case D_E_CAST:
		return d_is_integer(e->type) || d_is_string(e->type) || d_is_pointer(e->type);
	case D_E_UNARY:
		return e->op == D_OP_NEG || e->op == D_OP_PLUS || e->op == D_OP_BITNOT ||
		       e->op == D_OP_NOT;
	case D_E_VAR: return known_variable(e->var);
	case D_E_INDEX:
		return e->kids[0]->var && e->kids[0]->var->scope == D_V_BUILTIN &&
		       e->kids[0]->var->id == D_BUILTIN_args;
	case D_E_CALL: return !e->is_action && e->nkids == 1 && calls[e->func];
	default: return false;
	}
}

bool value_check(struct diag *diag, const struct d_expr *e, bool *of_count, bool *of_firing)
{
	if (!known(e)) {
		diag_error(diag, e->loc, NULL, "this cannot be asserted");
		diag_hint(
			diag,
			"there are count, arg0 … arg9, args[], pid, tid, probeprov, probemod, probefunc, probename, copyinstr(), strlen() and D's operators");
		return false;
	}
	if (e->kind == D_E_INDEX) {
		*of_firing = true;
		return true;
	}
	if (e->kind == D_E_VAR)
		*(e->var->scope == D_V_GLOBAL ? of_count : of_firing) = true;
	for (size_t i = 0; i < e->nkids; i++)
		if (!value_check(diag, e->kids[i], of_count, of_firing))
			return false;
	return true;
}
