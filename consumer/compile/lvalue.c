/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/lvalue.c: finds and reads lvalues, and takes their addresses: variables, their
 * members and elements, memory behind pointers.
 * In:   expressions of the kinds that d/ekinds.def calls lvalues.
 * Out:  struct lvalue; instructions that find the lvalue, and leave its value or its address.
 * Owns: nothing.
 *
 *   global   8 bytes of a direct map; strings: strsize bytes behind     all changes atomic
 *   self->   a field of the thread's storage
 *   this->   a field of the slot
 *   x[k]     a hash's value: element.c
 *   arrays and structs: as they lie in C, in the same places: aggregate.c
 *   *p       memory.c
 */
#include "consumer/compile/inner.h"

#include <assert.h>

/* ---- Variables ---------------------------------------------------------------------------- */

/* r9 = the variable's address plus the offset's known part; to none if it does not exist. */
static void find_var(struct gen *g, const struct lvalue *lv, bool create, int none)
{
	const struct d_var *v = lv->var;
	struct cc_func *f = g->f;
	uint32_t known = lv->off.known;

	assert(v); /* memory behind a pointer is found elsewhere */
	if (lv->is_element) {
		g_element_call(g, lv,
			       &(struct element_change){ .helper = BPF_FUNC_map_lookup_elem });
		cc_jump_imm(f, BPF_JEQ, R0, 0, none);
		cc_mov(f, R_PTR, R0);
	} else if (v->scope == D_V_SELF) {
		g_self(g, create);
		cc_jump_imm(f, BPF_JEQ, R0, 0, none);
		cc_mov(f, R_PTR, R0);
		known += g->cc->self_off[v->id];
	} else if (v->scope == D_V_THIS) {
		g_slot(g, R_PTR, g->cc->this_off[v->id] + known);
		return;
	} else {
		cc_map_value(f, R_PTR, CC_MAP_GLOBALS, g->cc->global_off[v->id] + known);
		return;
	}
	if (known)
		cc_alu_imm(f, BPF_ADD, R_PTR, (int32_t)known);
}

void g_lvalue_find(struct gen *g, const struct lvalue *lv, bool create, int none)
{
	find_var(g, lv, create, none);
	if (lv->off.varies) {
		cc_load(g->f, BPF_DW, R0, R_FP, lv->off.at);
		cc_alu(g->f, BPF_ADD, R_PTR, R0);
	}
}

/* The lvalue of a variable, of an associative array's element, or of a part of either. */
static struct lvalue variable_lvalue(struct gen *g, const struct d_expr *e, int none)
{
	const struct d_var *whole = cc_aggregate_of(e);
	const struct d_expr *name = whole ? cc_aggregate_name(e) : e;
	struct lvalue lv = { .var = whole ? whole : cc_lvalue_var(e),
			     .type = e->type,
			     .size = BPF_DW };

	if (whole) {
		lv.inside = true;
		lv.size = g_access(d_resolve(e->type)->size);
	}
	if (name->kind == D_E_INDEX)
		g_element_key(g, name, &lv, none);
	if (whole)
		lv.off = g_offset(g, e);
	return lv;
}

/* r0 = the variable's address. The verifier limits what a program does with a pointer into a map.
 * Read back from memory, the pointer is a number to the verifier: D may add to it and compare it,
 * and probe_read takes it. A variable that does not exist has the address of zeros. */
static void variable_address(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int at = g_push(g, 16), none = cc_label_new(f), have = cc_label_new(f);
	struct lvalue lv = variable_lvalue(g, e, none);

	if (lv.var->scope == D_V_THIS) {
		g_own_address(g, g->cc->this_off[lv.var->id] + lv.off.known);
		if (lv.off.varies) {
			cc_load(f, BPF_DW, R1, R_FP, lv.off.at);
			cc_alu(f, BPF_ADD, R0, R1);
		}
		g_lvalue_free(g, &lv);
		g_pop(g, 16);
		return;
	}
	g_lvalue_find(g, &lv, true, none);
	cc_jump(f, have);
	cc_label_here(f, none);
	g_zeros(g, R_PTR, cc_var_size(lv.type));
	cc_label_here(f, have);
	cc_store(f, BPF_DW, R_FP, at, R_PTR);
	cc_store_imm(f, BPF_DW, R_FP, at + 8, 0);
	cc_mov(f, R1, R_FP);
	cc_alu_imm(f, BPF_ADD, R1, at + 8);
	cc_imm(f, R2, 8);
	cc_mov(f, R3, R_FP);
	cc_alu_imm(f, BPF_ADD, R3, at);
	cc_helper(f, BPF_FUNC_probe_read_kernel);
	cc_load(f, BPF_DW, R0, R_FP, at + 8);
	g_lvalue_free(g, &lv);
	g_pop(g, 16);
}

/* ---- Memory: r0 is the address ------------------------------------------------------------- */

static struct memory address_DEREF(struct gen *g, const struct d_expr *e, bool stays)
{
	return g_pointee(g, e->kids[0], stays);
}

static struct memory address_ELEM(struct gen *g, const struct d_expr *e, bool stays)
{
	struct cc_func *f = g->f;
	const struct d_expr *base = e->kids[0];
	struct memory m = d_resolve(base->type)->kind == D_T_ARRAY ?
				  g_lvalue_memory(g, base, stays) :
				  g_pointee(g, base, stays);
	struct held held = g_hold(g);

	g_number(g, e->kids[1]);
	cc_imm(f, R1, (int64_t)d_resolve(e->type)->size);
	cc_alu(f, BPF_MUL, R0, R1);
	cc_mov(f, R1, R0);
	g_release(g, &held);
	cc_alu(f, BPF_ADD, R0, R1);
	return m;
}

static struct memory address_MEMBER(struct gen *g, const struct d_expr *e, bool stays)
{
	struct memory m = g_lvalue_memory(g, e->kids[0], stays);

	cc_imm(g->f, R1, (int64_t)(e->bit_off / 8));
	cc_alu(g->f, BPF_ADD, R0, R1);
	return m;
}

static struct memory address_KSYM(struct gen *g, const struct d_expr *e, bool stays)
{
	(void)stays;
	cc_imm(g->f, R0, (int64_t)e->ival);
	return (struct memory){ .user = false };
}

static struct memory address_VAR(struct gen *g, const struct d_expr *e, bool stays)
{
	struct memory m = { .user = false };

	(void)stays;
	variable_address(g, e);
	m.own = cc_aggregate_of(e)->scope == D_V_THIS;
	return m;
}

/* For args[n] of an array or string type, the argument is its address. */
static struct memory address_INDEX(struct gen *g, const struct d_expr *e, bool stays)
{
	if (e->kids[0]->var->scope != D_V_BUILTIN)
		return address_VAR(g, e, stays);
	g_typed_arg(g, (unsigned)e->ival);
	return (struct memory){ .user = d_is_user(e) || (d_is_string(e->type) &&
							 cc_contexts[g->unit->ctx].user_args) };
}

static struct memory address_COMMA(struct gen *g, const struct d_expr *e, bool stays)
{
	for (size_t i = 0; i + 1 < e->nkids; i++)
		g_value(g, e->kids[i]);
	return g_lvalue_memory(g, e->kids[e->nkids - 1], stays);
}

struct memory g_lvalue_memory(struct gen *g, const struct d_expr *e, bool stays)
{
	static struct memory (*const by_kind[D_NEKINDS])(struct gen * g, const struct d_expr *e,
							 bool stays) = {
#define D_EKIND(id)
#define D_LVALUE(id) [D_E_##id] = address_##id,
#include "d/ekinds.def"
	};

	if (cc_aggregate_of(e))
		return address_VAR(g, e, stays);
	assert(by_kind[e->kind]);
	return by_kind[e->kind](g, e, stays);
}

struct lvalue g_lvalue(struct gen *g, const struct d_expr *e, int none)
{
	struct lvalue lv = { .type = e->type };

	if (!cc_is_memory(e))
		return variable_lvalue(g, e, none);
	lv.memory = g_lvalue_memory(g, e, true);
	lv.address = g_push(g, 8);
	cc_store(g->f, BPF_DW, R_FP, lv.address, R0);
	return lv;
}

void g_lvalue_free(struct gen *g, const struct lvalue *lv)
{
	if (lv->address)
		g_pop(g, 8);
	g_memory_free(g, &lv->memory);
	if (lv->inside)
		g_offset_free(g, &lv->off);
	if (lv->is_element)
		g_key_free(g, &lv->key);
}

void g_address(struct gen *g, const struct d_expr *e)
{
	struct memory m = g_lvalue_memory(g, e, true);

	g_memory_free(g, &m);
}

/* ---- Values --------------------------------------------------------------------------------- */

static void load_variable(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int none = cc_label_new(f), end = cc_label_new(f);
	struct lvalue lv = variable_lvalue(g, e, none);

	g_lvalue_find(g, &lv, false, none);
	cc_load(f, lv.size, R0, R_PTR, 0);
	g_norm(g, e->type);
	cc_jump(f, end);
	cc_label_here(f, none);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	g_lvalue_free(g, &lv);
}

/* A string in an array or struct has the size that strings had at its declaration. */
uint32_t g_lvalue_string_size(const struct gen *g, const struct lvalue *lv)
{
	uint64_t size = lv->inside ? d_resolve(lv->type)->size : g->cc->opt.strsize;

	return size < g->cc->opt.strsize ? (uint32_t)size : g->cc->opt.strsize;
}

/* Reads the bytes at r9 to the string at slot + at. r3 = its length. */
static void load_string_bytes(struct gen *g, const struct lvalue *lv, uint32_t at, int none)
{
	struct cc_func *f = g->f;

	g_slot(g, R1, at + 8);
	cc_imm(f, R2, g_lvalue_string_size(g, lv));
	cc_mov(f, R3, R_PTR);
	cc_helper(f, BPF_FUNC_probe_read_kernel_str);
	cc_jump_imm(f, BPF_JSLE, R0, 0, none);
	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_SUB, R3, 1);
}

static struct value load_string_variable(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_var *v = cc_aggregate_of(e) ? NULL : cc_lvalue_var(e);
	int none = cc_label_new(f), end = cc_label_new(f);
	struct lvalue lv;
	uint32_t at;

	if (v && !v->assoc && v->scope == D_V_THIS) {
		g->scratch = true;
		return value_string(g->cc->this_off[v->id]);
	}
	at = g_str_room(g);
	if (v && !v->assoc && v->scope == D_V_GLOBAL) {
		g_slot_routine(g, "rt_gstr_load", at, g->cc->global_off[v->id]);
		return value_string(at);
	}
	lv = variable_lvalue(g, e, none);
	g_lvalue_find(g, &lv, false, none);
	load_string_bytes(g, &lv, at, none);
	cc_jump(f, end);
	cc_label_here(f, none);
	cc_imm(f, R3, 0);
	cc_label_here(f, end);
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_routine(f, "rt_str_end");
	g_lvalue_free(g, &lv);
	return value_string(at);
}

static struct value load_number(struct gen *g, const struct d_expr *e)
{
	const struct d_type *t = d_resolve(e->type);
	struct memory m;

	if (!cc_is_memory(e)) {
		load_variable(g, e);
		return value_number();
	}
	m = g_lvalue_memory(g, e, false);
	if (t->kind != D_T_FUNC) /* a function's value is its address */
		g_memory_number(g, &m, (uint32_t)t->size, cc_type_signed(t));
	g_memory_free(g, &m);
	return value_number();
}

static struct value load_string(struct gen *g, const struct d_expr *e)
{
	struct memory m;
	uint32_t at;

	if (!cc_is_memory(e))
		return load_string_variable(g, e);
	m = g_lvalue_memory(g, e, false);
	at = g_str_room(g);
	g_memory_string(g, &m, UINT64_MAX, at);
	g_memory_free(g, &m);
	return value_string(at);
}

void g_load_bytes(struct gen *g, const struct d_expr *e, uint32_t at)
{
	struct memory m = g_lvalue_memory(g, e, false);

	g_memory_bytes(g, &m, (uint32_t)d_resolve(e->type)->size, at);
	g_memory_free(g, &m);
}

static struct value load_bytes(struct gen *g, const struct d_expr *e)
{
	uint32_t size = (uint32_t)d_resolve(e->type)->size, at = g_room(g, size);

	g_load_bytes(g, e, at);
	return value_bytes(at, size);
}

struct value g_load(struct gen *g, const struct d_expr *e)
{
	static struct value (*const by_kind[])(struct gen * g, const struct d_expr *e) = {
		[VALUE_NUMBER] = load_number,
		[VALUE_STRING] = load_string,
		[VALUE_BYTES] = load_bytes,
	};

	return by_kind[cc_value_kind(e->type)](g, e);
}
