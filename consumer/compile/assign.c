/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/assign.c: assignments: =, op= and steps, of variables and through pointers.
 * In:   ASSIGN nodes; UNARY ones that step.
 * Out:  instructions that change the left side and leave the expression's value.
 * Owns: nothing.
 *
 * Variables are changed atomically. Pointers can change the clause's own memory only, which no
 * other firing uses; any other address is a fault.
 */
#include "consumer/compile/inner.h"

/* ---- Numbers -------------------------------------------------------------------- */

/* r9 = the address of the variable or element. A missing element is made from the 8 bytes at fp +
 * value, an array or struct from zeros. Another thread may have made it and counted in it
 * meanwhile: BPF_NOEXIST keeps that element. */
static void element_create(struct gen *g, struct lvalue *lv, int value, int drop)
{
	int missing = cc_label_new(g->f), end = cc_label_new(g->f);

	g_lvalue_find(g, lv, true, missing);
	cc_jump(g->f, end);
	cc_label_here(g->f, missing);
	if (lv->is_element) {
		g_element_change(g, lv,
				 &(struct element_change){ BPF_FUNC_map_update_elem, R_FP, value,
							   BPF_NOEXIST, lv->inside },
				 drop);
		g_lvalue_find(g, lv, true, drop);
	} else {
		cc_jump(g->f, drop);
	}
	cc_label_here(g->f, end);
}

/* eBPF has no atomic operation on one or two bytes: the word around them is changed instead. */
static struct lvalue lvalue_to_change(struct gen *g, const struct d_expr *e, int room)
{
	struct lvalue lv = g_lvalue(g, e, room);

	if (lv.inside && (lv.size == BPF_B || lv.size == BPF_H)) {
		lv.mask = lv.size == BPF_B ? 0xff : 0xffff;
		lv.size = BPF_W;
		g_offset_word(g, &lv.off);
	}
	return lv;
}

static bool never_zero(const struct d_expr *e)
{
	return e->kind == D_E_INT && e->ival;
}

static void plain_assign(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int value, drop = cc_label_new(f), end = cc_label_new(f), gone = cc_label_new(f);
	struct lvalue lv;

	g_number(g, e->kids[1]);
	value = g_push(g, 8);
	cc_store(f, BPF_DW, R_FP, value, R0);
	lv = g_lvalue(g, e->kids[0], drop);
	if (!lv.var) {
		cc_load(f, BPF_DW, R0, R_FP, value);
		g_memory_store(g, lv.address, (uint32_t)d_resolve(lv.type)->size);
		cc_jump(f, end);
	} else if (lv.is_element && !lv.inside) {
		int missing = cc_label_new(f);

		cc_load(f, BPF_DW, R0, R_FP, value);
		if (!never_zero(e->kids[1]))
			cc_jump_imm(f, BPF_JEQ, R0, 0, gone);
		g_lvalue_find(g, &lv, true, missing);
		cc_load(f, BPF_DW, R0, R_FP, value);
		cc_store(f, BPF_DW, R_PTR, 0, R0);
		cc_jump(f, end);
		cc_label_here(f, missing);
		g_element_change(g, &lv,
				 &(struct element_change){ BPF_FUNC_map_update_elem, R_FP, value,
							   BPF_ANY, false },
				 drop);
		cc_jump(f, end);
		cc_label_here(f, gone);
		g_element_change(g, &lv,
				 &(struct element_change){ .helper = BPF_FUNC_map_delete_elem },
				 drop);
		cc_jump(f, end);
	} else {
		element_create(g, &lv, value, drop);
		cc_load(f, BPF_DW, R0, R_FP, value);
		cc_store(f, lv.size, R_PTR, 0, R0);
		cc_jump(f, end);
		cc_label_here(f, gone);
	}
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_label_here(f, end);
	cc_load(f, BPF_DW, R0, R_FP, value);
	g_lvalue_free(g, &lv);
	g_pop(g, 8);
}

/* Operations for which the processor has an atomic instruction: r0 = the value before. The bits
 * above the variable's type may then be anything. A _Bool is left out, because any of those bits
 * would make it true. */
static bool fetch_op(struct gen *g, enum d_op op, const struct lvalue *lv, int rhs)
{
	static const int ops[D_NOPS] = {
		[D_OP_SUB] = BPF_ADD, [D_OP_AND] = BPF_AND, [D_OP_OR] = BPF_OR, [D_OP_XOR] = BPF_XOR
	};
	struct cc_func *f = g->f;

	if (!lv->var || (op != D_OP_ADD && op != D_OP_SUB && !ops[op]) ||
	    d_resolve(lv->type)->is_bool || lv->size != BPF_DW)
		return false;
	cc_load(f, BPF_DW, R0, R_FP, rhs);
	if (op == D_OP_SUB)
		cc_alu_imm(f, BPF_NEG, R0, 0);
	cc_atomic_fetch(f, ops[op], R_PTR, 0, R0);
	return true;
}

enum { EXCHANGE_TRIES = 32 };

/* r0 = the lvalue's bits of the word r0. */
static void out_of_word(struct gen *g, const struct lvalue *lv)
{
	struct cc_func *f = g->f;

	if (!lv->mask)
		return;
	g_offset_shift(g, &lv->off, R1);
	cc_alu(f, BPF_RSH, R0, R1);
	cc_alu_imm(f, BPF_AND, R0, (int32_t)lv->mask);
}

/* r4 = the word at fp + old, with r0 in the lvalue's bits. */
static void into_word(struct gen *g, const struct lvalue *lv, int old)
{
	struct cc_func *f = g->f;

	cc_mov(f, R4, R0);
	if (!lv->mask)
		return;
	g_offset_shift(g, &lv->off, R1);
	cc_alu_imm(f, BPF_AND, R4, (int32_t)lv->mask);
	cc_alu(f, BPF_LSH, R4, R1);
	cc_imm(f, R2, lv->mask);
	cc_alu(f, BPF_LSH, R2, R1);
	cc_alu_imm(f, BPF_XOR, R2, -1);
	cc_load(f, BPF_DW, R1, R_FP, old);
	cc_alu(f, BPF_AND, R1, R2);
	cc_alu(f, BPF_OR, R4, R1);
}

/* Any operation, in the type `as`. It is tried again if another thread changed the word meanwhile.
 * r0 = the new value, r3 = the old value. */
static void exchange_loop(struct gen *g, enum d_op op, const struct lvalue *lv, int rhs,
			  const struct d_type *as)
{
	struct cc_func *f = g->f;
	int old = g_push(g, 24), tries = old + 8, value = old + 16;
	int again = cc_label_new(f), done = cc_label_new(f);
	const struct d_type *t = lv->type;

	cc_store_imm(f, BPF_DW, R_FP, tries, EXCHANGE_TRIES);
	cc_label_here(f, again);
	cc_load(f, lv->size, R0, R_PTR, 0);
	cc_store(f, BPF_DW, R_FP, old, R0);
	out_of_word(g, lv);
	g_norm(g, t);
	g_norm(g, as);
	cc_load(f, BPF_DW, R1, R_FP, rhs);
	g_arith(g, op, as);
	g_norm(g, as);
	g_norm(g, t);
	cc_store(f, BPF_DW, R_FP, value, R0);
	into_word(g, lv, old);
	cc_load(f, BPF_DW, R0, R_FP, old);
	cc_mov(f, R3, R0);
	cc_atomic_cmpxchg(f, lv->size, R_PTR, 0, R4);
	cc_jump_if(f, BPF_JEQ, R0, R3, done);
	g_try_again(g, tries, again);
	cc_store_imm(f, BPF_DW, R_FP, value, 0);
	cc_label_here(f, done);
	cc_load(f, BPF_DW, R0, R_FP, old);
	out_of_word(g, lv);
	cc_mov(f, R3, R0);
	cc_load(f, BPF_DW, R0, R_FP, value);
	g_pop(g, 24);
}

/* The same in the clause's own memory, which no other firing changes. */
static void change_memory(struct gen *g, enum d_op op, const struct lvalue *lv, int rhs,
			  const struct d_type *as)
{
	struct cc_func *f = g->f;
	int old = g_push(g, 16), value = old + 8;
	uint32_t size = (uint32_t)d_resolve(lv->type)->size;

	cc_load(f, BPF_DW, R0, R_FP, lv->address);
	g_memory_number(g, &lv->memory, size, cc_type_signed(lv->type));
	g_norm(g, lv->type);
	cc_store(f, BPF_DW, R_FP, old, R0);
	g_norm(g, as);
	cc_load(f, BPF_DW, R1, R_FP, rhs);
	g_arith(g, op, as);
	g_norm(g, as);
	g_norm(g, lv->type);
	cc_store(f, BPF_DW, R_FP, value, R0);
	g_memory_store(g, lv->address, size);
	cc_load(f, BPF_DW, R3, R_FP, old);
	cc_load(f, BPF_DW, R0, R_FP, value);
	g_pop(g, 16);
}

/* r0 = the new value, r3 = the old value. r9: a variable's address. */
static void change(struct gen *g, enum d_op op, const struct lvalue *lv, int rhs,
		   const struct d_type *as)
{
	if (lv->var)
		exchange_loop(g, op, lv, rhs, as);
	else
		change_memory(g, op, lv, rhs, as);
}

/* The type in which an `op=` computes. */
static const struct d_type *op_type(struct gen *g, const struct d_expr *e)
{
	if (e->op != D_OP_SHL && e->op != D_OP_SHR)
		return e->kids[1]->type;
	return d_resolve(e->type)->size < 4 ? d_base(g->cc->d, D_INT) :
					      e->type; /* the variable's type */
}

/* Ends an assignment. r0: its value; 0 at `drop`, where there was no room for the variable. */
static void lvalue_end(struct gen *g, const struct lvalue *lv, int drop)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	cc_jump(f, end);
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	g_lvalue_free(g, lv);
}

static void compound(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int rhs, zero, drop = cc_label_new(f);
	struct lvalue lv;

	g_number(g, e->kids[1]);
	rhs = g_push(g, 16);
	zero = rhs + 8;
	cc_store(f, BPF_DW, R_FP, rhs, R0);
	cc_store_imm(f, BPF_DW, R_FP, zero, 0);
	lv = lvalue_to_change(g, e->kids[0], drop);
	if (lv.var)
		element_create(g, &lv, zero, drop);
	if (fetch_op(g, e->op, &lv, rhs)) {
		cc_load(f, BPF_DW, R1, R_FP, rhs);
		g_arith(g, e->op, e->type);
		g_norm(g, e->type);
	} else {
		change(g, e->op, &lv, rhs, op_type(g, e));
	}
	lvalue_end(g, &lv, drop);
	g_pop(g, 16);
}

/* `x = 0` for an array or struct: frees an array's element, clears any other variable. */
static void free_aggregate(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f), drop = cc_label_new(f);
	uint32_t size = (uint32_t)d_resolve(e->type)->size;
	struct lvalue lv = g_lvalue(g, e, end);

	if (e->kind == D_E_INDEX) {
		g_element_change(g, &lv,
				 &(struct element_change){ .helper = BPF_FUNC_map_delete_elem },
				 drop);
	} else {
		g_lvalue_find(g, &lv, false, end);
		cc_mov(f, R1, R_PTR);
		cc_imm(f, R2, size);
		g_zeros(g, R3, (size + 7) & ~7u);
		cc_helper(f, BPF_FUNC_probe_read_kernel);
	}
	cc_jump(f, end);
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_label_here(f, end);
	cc_imm(f, R0, 0);
	g_lvalue_free(g, &lv);
}

void g_assign(struct gen *g, const struct d_expr *e)
{
	if (cc_is_aggregate(e->type))
		free_aggregate(g, e->kids[0]);
	else if (e->op == D_OP_ASSIGN || e->op == D_OP_NONE)
		plain_assign(g, e);
	else
		compound(g, e);
}

void g_step(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int zero = g_push(g, 8), drop = cc_label_new(f);
	bool down = e->op == D_OP_PREDEC || e->op == D_OP_POSTDEC;
	bool before = e->op == D_OP_POSTINC || e->op == D_OP_POSTDEC;
	int64_t by = down ? -(int64_t)e->ival : (int64_t)e->ival;
	struct lvalue lv;

	cc_store_imm(f, BPF_DW, R_FP, zero, 0);
	lv = lvalue_to_change(g, e->kids[0], drop);
	if (lv.var)
		element_create(g, &lv, zero, drop);
	cc_imm(f, R0, by);
	if (!lv.var || d_resolve(e->type)->is_bool || lv.size != BPF_DW) {
		cc_store(f, BPF_DW, R_FP, zero, R0);
		change(g, D_OP_ADD, &lv, zero, d_base(g->cc->d, D_LONG));
		if (before)
			cc_mov(f, R0, R3);
	} else {
		cc_atomic_fetch(f, BPF_ADD, R_PTR, 0, R0);
		cc_imm(f, R1, by);
		if (!before)
			cc_alu(f, BPF_ADD, R0, R1);
	}
	g_norm(g, e->type);
	lvalue_end(g, &lv, drop);
	g_pop(g, 8);
}

/* ---- Strings -------------------------------------------------------------------- */

static void store_bytes(struct gen *g, const struct lvalue *lv, uint32_t src)
{
	cc_mov(g->f, R1, R_PTR);
	cc_imm(g->f, R2, g_lvalue_string_size(g, lv));
	g_slot(g, R3, src + 8);
	cc_helper(g->f, BPF_FUNC_probe_read_kernel_str);
}

static void assign_element(struct gen *g, const struct d_expr *e, struct lvalue *lv, uint32_t src,
			   int drop, int end)
{
	struct cc_func *f = g->f;
	int missing = cc_label_new(f), gone = cc_label_new(f);

	*lv = g_lvalue(g, e, drop);
	if (lv->inside) {
		element_create(g, lv, 0, drop);
		store_bytes(g, lv, src);
		cc_jump(f, end);
		return;
	}
	if (lv->is_element) { /* the empty string frees the element */
		g_slot(g, R1, src);
		cc_load(f, BPF_DW, R1, R1, 0);
		cc_jump_imm(f, BPF_JEQ, R1, 0, gone);
	}
	g_lvalue_find(g, lv, true, lv->is_element ? missing : drop);
	store_bytes(g, lv, src);
	cc_jump(f, end);
	cc_label_here(f, missing);
	if (lv->is_element) {
		g_slot(g, R1, 0); /* the map copies the whole room */
		cc_imm(f, R2, src);
		cc_routine(f, "rt_str_pad");
		g_element_change(g, lv,
				 &(struct element_change){ BPF_FUNC_map_update_elem, R_SLOT,
							   (int)src + 8, BPF_ANY, false },
				 drop);
		cc_jump(f, end);
	}
	cc_label_here(f, gone);
	if (lv->is_element) {
		g_element_change(g, lv,
				 &(struct element_change){ .helper = BPF_FUNC_map_delete_elem },
				 drop);
		cc_jump(f, end);
	}
}

struct value g_assign_string(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_var *v = cc_aggregate_of(e->kids[0]) ? NULL : cc_lvalue_var(e->kids[0]);
	uint32_t src = g_string(g, e->kids[1]);
	int drop, end;
	struct lvalue lv;

	if (v && !v->assoc && v->scope == D_V_THIS) {
		g_slot_routine(g, "rt_strcpy", g->cc->this_off[v->id], src);
		return value_string(src);
	}
	if (v && !v->assoc && v->scope == D_V_GLOBAL) {
		g_slot_routine(g, "rt_gstr_store", src, g->cc->global_off[v->id]);
		return value_string(src);
	}
	drop = cc_label_new(f);
	end = cc_label_new(f);
	assign_element(g, e->kids[0], &lv, src, drop, end);
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_label_here(f, end);
	g_lvalue_free(g, &lv);
	return value_string(src);
}
