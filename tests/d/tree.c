/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/tree.c: see tree.h.
 * In:   checked programs.
 * Out:  text in the compile's arena.
 * Owns: nothing.
 */
#include "tests/d/tree.h"
#include "d/inner.h"

#include <string.h>

static const char *const op_text[] = {
#define D_OP(id, text) [D_OP_##id] = text,
#include "d/ops.def"
};

static struct arena *ar(struct d *d)
{
	return d_arena(d);
}

static const char *list(struct d *d, struct d_expr *const *k, size_t n, const char *sep)
{
	const char *s = "";

	for (size_t i = 0; i < n; i++)
		s = arena_printf(ar(d), "%s%s%s", s, i ? sep : "", tree_expr(d, k[i]));
	return s;
}

static const char *var_name(struct d *d, const struct d_var *v)
{
	return arena_printf(ar(d), "%s%s",
			    v->scope == D_V_SELF ? "self->" :
			    v->scope == D_V_THIS ? "this->" :
						   "",
			    v->name);
}

static const char *op_name(const struct d_expr *e)
{
	switch (e->op) {
	case D_OP_POSTINC: return "post++";
	case D_OP_POSTDEC: return "post--";
	default: return op_text[e->op];
	}
}

const char *tree_expr(struct d *d, const struct d_expr *e)
{
	const char *t, *kids;

	if (!e)
		return "-";
	t = e->type ? d_type_name(d, e->type) : "?";
	kids = list(d, e->kids, e->nkids, " ");
	switch (e->kind) {
	case D_E_INT: return arena_printf(ar(d), "%lld", (long long)e->ival);
	case D_E_FLOAT: return arena_printf(ar(d), "%g", e->fval);
	case D_E_STRING: return arena_printf(ar(d), "\"%.*s\"", (int)strcspn(e->str, "\n"), e->str);
	case D_E_VAR: return var_name(d, e->var);
	case D_E_INDEX:
		if (e->nkids == 1)
			return arena_printf(ar(d), "args[%llu]", (unsigned long long)e->ival);
		return arena_printf(ar(d), "%s[%s]", var_name(d, e->kids[0]->var),
				    list(d, e->kids + 1, e->nkids - 1, ", "));
	case D_E_AGG:
		return arena_printf(ar(d), "@%s[%s]", e->agg ? e->agg->name : "?",
				    list(d, e->kids, e->nkids, ", "));
	case D_E_CALL:
		return arena_printf(ar(d), "%s(%s)",
				    (e->is_action ? d_action_rows : d_subr_rows)[e->func].name,
				    list(d, e->kids, e->nkids, ", "));
	case D_E_KSYM: return arena_printf(ar(d), "`%llx", (unsigned long long)e->ival);
	case D_E_ASSIGN:
		return arena_printf(ar(d), "(%s%s:%s %s)",
				    e->op == D_OP_ASSIGN ? "" : op_text[e->op], "=", t, kids);
	case D_E_MEMBER:
		return arena_printf(ar(d), "(.%s@%llu:%s %s)", e->member->name,
				    (unsigned long long)e->bit_off, t, kids);
	default: {
		const char *name = e->kind == D_E_CAST				 ? "cast" :
				   e->kind == D_E_COND				 ? "?" :
				   e->kind == D_E_COMMA				 ? "," :
				   e->kind == D_E_DEREF				 ? "deref" :
				   e->kind == D_E_ADDR				 ? "addr" :
				   e->kind == D_E_ELEM				 ? "elem" :
				   e->kind == D_E_UNARY || e->kind == D_E_BINARY ? op_name(e) :
										   "unknown";
		return arena_printf(ar(d), "(%s:%s %s)", name, t, kids);
	}
	}
}

static const char *stmts(struct d *d, struct d_stmt *const *s, size_t n);

static const char *stmt(struct d *d, const struct d_stmt *s)
{
	switch (s->kind) {
	case D_S_AGG:
		return arena_printf(ar(d), "%s = %s(%s);", tree_expr(d, s->target),
				    d_aggfunc_rows[s->aggfunc].name,
				    list(d, s->args, s->nargs, ", "));
	case D_S_IF:
		return arena_printf(ar(d), "if (%s) {%s } else {%s }", tree_expr(d, s->expr),
				    stmts(d, s->then, s->nthen), stmts(d, s->otherwise, s->nelse));
	default: return arena_printf(ar(d), "%s;", tree_expr(d, s->expr));
	}
}

static const char *stmts(struct d *d, struct d_stmt *const *s, size_t n)
{
	const char *out = "";

	for (size_t i = 0; i < n; i++)
		out = arena_printf(ar(d), "%s %s", out, stmt(d, s[i]));
	return out;
}

const char *tree_prog(struct d *d, const struct d_prog *p)
{
	const char *out = "";

	for (size_t i = 0; i < p->nclauses; i++) {
		const struct d_clause *c = p->clauses[i];

		out = arena_printf(ar(d), "%s%s", out, i ? " | " : "");
		if (c->pred)
			out = arena_printf(ar(d), "%s/%s/ ", out, tree_expr(d, c->pred));
		out = arena_printf(ar(d), "%s{%s }", out, stmts(d, c->body, c->nbody));
	}
	return out;
}

/* ---- A world ------------------------------------------------------------------- */

enum { TASK = 1, LIST, UIO }; /* origins */

static struct d_type *world_type(void *ctx, struct d *d, enum d_kind kind, const char *name)
{
	static const struct {
		enum d_kind kind;
		const char *name;
		uint64_t origin;
	} known[] = {
		{ D_T_STRUCT, "task_struct", TASK },
		{ D_T_STRUCT, "list_head", LIST },
		{ D_T_ENUM, "uio_rw", UIO },
	};
	struct d_type *t = NULL;

	(void)ctx;
	for (size_t i = 0; i < COUNT(known); i++)
		if (known[i].kind == kind && !strcmp(known[i].name, name) &&
		    (t = arena_new_of(ar(d), struct d_type))) {
			t->kind = kind;
			t->name = known[i].name;
			t->origin = known[i].origin;
			t->align = 1;
		}
	return t;
}

static bool world_complete(void *ctx, struct d *d, struct d_type *t)
{
	struct d_type *task = t->origin == TASK ? d_ptr_to(d, t) : NULL;

	(void)ctx;
	if (t->origin == TASK) {
		const struct d_member m[] = {
			{ .name = "pid", .type = d_base(d, D_INT), .bit_off = 0 },
			{ .name = "comm",
			  .type = d_array_of(d, d_base(d, D_CHAR), 16),
			  .bit_off = 32 },
			{ .name = "parent", .type = task, .bit_off = 192 },
			{ .name = "flag",
			  .type = d_base(d, D_UINT),
			  .bit_off = 256,
			  .bit_size = 3 },
			{ .name = "name", .type = d_ptr_to(d, d_base(d, D_CHAR)), .bit_off = 320 },
		};
		t->members = arena_dup(ar(d), m, sizeof(m));
		t->nmembers = t->members ? COUNT(m) : 0;
		t->size = 48;
	} else if (t->origin == UIO) {
		const struct d_enumerator e[] = { { "UIO_READ", 0 }, { "UIO_WRITE", 1 } };

		t->enumerators = arena_dup(ar(d), e, sizeof(e));
		t->nenumerators = t->enumerators ? COUNT(e) : 0;
		t->size = t->align = 4;
	} else {
		return false;
	}
	return true;
}

static bool world_args(void *ctx, struct d *d, const struct d_pdesc *pd, struct d_args *out)
{
	struct d_type *task = d_tag_find(d, D_T_STRUCT, "task_struct");

	(void)ctx;
	out->types = arena_array(ar(d), struct d_type *, 2);
	if (!out->types || !strcmp(pd->name, "absent"))
		return false;
	if (!strcmp(pd->name, "one")) {
		out->n = 2;
		out->types[0] = d_base(d, D_INT);
		out->types[1] = d_ptr_to(d, d_base(d, D_CHAR));
	} else if (!strcmp(pd->name, "two")) {
		out->n = 2;
		out->types[0] = d_ptr_to(d, task);
		out->types[1] = d_tag_find(d, D_T_ENUM, "uio_rw");
	} else if (!strcmp(pd->name, "odd")) {
		out->unstable = "int and char *";
	}
	return true;
}

static bool world_symbol(void *ctx, struct d *d, const char *mod, const char *name,
			 struct d_type **type, uint64_t *addr)
{
	(void)ctx;
	(void)mod;
	*type = d_base(d, D_ULONG);
	*addr = 0x1000;
	return !strcmp(name, "cpu_total");
}

const struct d_names tree_names = {
	.args = world_args, .type = world_type, .complete = world_complete, .symbol = world_symbol
};
