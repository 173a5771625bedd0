/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/var.c: the user's variables: where each lives, read, assigned, counted.
 * In:   VAR and INDEX nodes as values and as the left sides of assignments.
 * Out:  instructions.
 * Owns: nothing.
 *
 *   global   8 bytes of a direct map; strings: strsize bytes behind     all changes atomic
 *   self->   a field of the thread's storage
 *   this->   a field of the slot
 *   x[k]     a hash's value
 *   arrays and structs: as they lie in C, in the same places; see own.c
 */
#include "consumer/compile/inner.h"

/* A variable's place while it is used. */
struct where {
	struct key key; /* associative only */
	bool has_key;
	uint32_t value; /* bytes of an element */
	const struct d_var *var;
	const struct d_type *type; /* of what is there */
	const struct d_expr *own;  /* what lies in an array or struct as in C, or one as a whole */
	struct own_off off;	   /* of it */
	int size;		   /* of an access: BPF_DW; of own: as in C, or a word around it */
	uint32_t mask;		   /* of one or two bytes in a word; else 0 */
};

static const struct d_var *var_of(const struct d_expr *e)
{
	return e->kind == D_E_INDEX ? e->kids[0]->var : e->var;
}

void g_self(struct gen *g, bool create)
{
	struct cc_func *f = g->f;

	g->cc->maps[CC_MAP_SELF].used = true;
	cc_helper(f, BPF_FUNC_get_current_task_btf);
	cc_mov(f, R2, R0);
	cc_map(f, R1, CC_MAP_SELF);
	cc_imm(f, R3, 0);
	cc_imm(f, R4, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	cc_helper(f, BPF_FUNC_task_storage_get);
}

/* What an element becomes: the value at reg + off, or zeros; never for lookups and deletions. */
struct change {
	int helper, reg, off, flags;
	bool zeros;
};

/* Calls a map helper for the class that the key has. r0: result, or 0 for a class that cannot be. */
static void by_class(struct gen *g, const struct where *p, const struct change *c)
{
	const struct key *k = &p->key;
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	for (uint32_t size = k->lo; size <= k->hi; size *= 2) {
		int next = cc_label_new(f), map = cc_class_map(g->cc, CC_M_DYN, size, p->value);

		if (k->lo != k->hi) {
			cc_load(f, BPF_DW, R1, R_FP, k->klass);
			cc_jump_imm(f, BPF_JNE, R1, (int32_t)size, next);
		}
		cc_map(f, R1, map);
		g_key_ptr(g, k, R2);
		if (c->helper == BPF_FUNC_map_update_elem) {
			if (c->zeros) {
				g_zeros(g, R3, p->value);
			} else {
				cc_mov(f, R3, c->reg);
				cc_alu_imm(f, BPF_ADD, R3, c->off);
			}
			cc_imm(f, R4, c->flags);
		}
		cc_helper(f, c->helper);
		if (c->helper != BPF_FUNC_map_lookup_elem)
			g_extend(g, 4, true); /* an int before 6.4, with nothing above it */
		cc_jump(f, end);
		cc_label_here(f, next);
	}
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
}

enum { CHANGE_TRIES = 8 };

/* An element made, replaced or freed; one that is there already (BPF_NOEXIST), or is not, is fine.
 * A map that is busy (EBUSY, since 6.15 EDEADLK and ETIMEDOUT) is tried again before it is a drop
 * of its own; a full one is not. */
static void element_change(struct gen *g, const struct where *p, const struct change *c, int full)
{
	struct cc_func *f = g->f;
	int tries = g_push(g, 8), again = cc_label_new(f), done = cc_label_new(f);

	cc_store_imm(f, BPF_DW, R_FP, tries, CHANGE_TRIES);
	cc_label_here(f, again);
	by_class(g, p, c);
	cc_jump_imm(f, BPF_JEQ, R0, 0, done);
	cc_jump_imm(f, BPF_JEQ, R0, c->helper == BPF_FUNC_map_delete_elem ? -ENOENT : -EEXIST,
		    done);
	cc_jump_imm(f, BPF_JEQ, R0, -E2BIG, full);
	cc_load(f, BPF_DW, R1, R_FP, tries);
	cc_alu_imm(f, BPF_SUB, R1, 1);
	cc_store(f, BPF_DW, R_FP, tries, R1);
	cc_jump_imm(f, BPF_JNE, R1, 0, again);
	cc_jump_imm(f, BPF_JEQ, R0, -ENOMEM, full);
	g_drop(g, RT_DROP_BUSY);
	cc_label_here(f, done);
	g_pop(g, 8);
}

static void key_make(struct gen *g, const struct d_expr *e, struct where *p, int room)
{
	const struct d_var *v = p->var;

	p->has_key = true;
	p->value = p->own ? var_size(v->type) : d_is_string(v->type) ? g->cc->str_cell : 8;
	p->key = g_key(g, v->scope == D_V_SELF ? g->cc->self_off[v->id] : g->cc->global_off[v->id],
		       v->scope == D_V_SELF, e->kids + 1, e->nkids - 1, room);
}

/* r9 = a scalar's 8 bytes, a string's, or where an array or struct begins, and `known` bytes more;
 * `none` if it is not there. */
static void find_var(struct gen *g, const struct where *p, bool create, int none)
{
	const struct d_var *v = p->var;
	struct cc_func *f = g->f;
	uint32_t known = p->off.known;

	if (p->has_key) {
		by_class(g, p, &(struct change){ .helper = BPF_FUNC_map_lookup_elem });
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
		g->cc->maps[CC_MAP_GLOBALS].used = true;
		cc_map_value(f, R_PTR, CC_MAP_GLOBALS, g->cc->global_off[v->id] + known);
		return;
	}
	if (known)
		cc_alu_imm(f, BPF_ADD, R_PTR, (int32_t)known);
}

static void find(struct gen *g, const struct where *p, bool create, int none)
{
	find_var(g, p, create, none);
	if (p->off.varies) {
		cc_load(g->f, BPF_DW, R0, R_FP, p->off.at);
		cc_alu(g->f, BPF_ADD, R_PTR, R0);
	}
}

/* What is assigned or read, not changed by an operation. */
static struct where place_of(struct gen *g, const struct d_expr *e, int room)
{
	const struct d_var *own = own_var(e);
	const struct d_expr *name = own ? own_name(e) : e;
	struct where p = { .var = own ? own : var_of(e), .type = e->type, .size = BPF_DW };

	if (own) {
		p.own = e;
		p.size = g_access(d_resolve(e->type)->size);
	}
	if (name->kind == D_E_INDEX)
		key_make(g, name, &p, room);
	if (own)
		p.off = g_own_off(g, e);
	return p;
}

/* eBPF has no atomic operation on less than four bytes: those of one or two are part of a word. */
static struct where place_to_change(struct gen *g, const struct d_expr *e, int room)
{
	struct where p = place_of(g, e, room);

	if (p.own && (p.size == BPF_B || p.size == BPF_H)) {
		p.mask = p.size == BPF_B ? 0xff : 0xffff;
		p.size = BPF_W;
		g_own_word(g, &p.off);
	}
	return p;
}

static void place_free(struct gen *g, const struct where *p)
{
	if (p->own)
		g_own_free(g, &p->off);
	if (p->has_key)
		key_free(g, &p->key);
}

/* The verifier follows pointers into maps; one that was read back from memory is a number to it,
 * which D may add to and compare as it likes, and which probe_read follows. What is not there is
 * zeros. */
void g_own_addr(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int at = g_push(g, 16), none = cc_label_new(f), have = cc_label_new(f);
	struct where p = place_of(g, e, none);

	if (p.var->scope == D_V_THIS) {
		g_own_address(g, g->cc->this_off[p.var->id] + p.off.known);
		if (p.off.varies) {
			cc_load(f, BPF_DW, R1, R_FP, p.off.at);
			cc_alu(f, BPF_ADD, R0, R1);
		}
		place_free(g, &p);
		g_pop(g, 16);
		return;
	}
	find(g, &p, true, none);
	cc_jump(f, have);
	cc_label_here(f, none);
	g_zeros(g, R_PTR, var_size(p.type));
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
	place_free(g, &p);
	g_pop(g, 16);
}

void g_var_load(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int none = cc_label_new(f), end = cc_label_new(f);
	struct where p = place_of(g, e, none);

	find(g, &p, false, none);
	cc_load(f, p.size, R0, R_PTR, 0);
	g_norm(g, e->type);
	cc_jump(f, end);
	cc_label_here(f, none);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	place_free(g, &p);
}

/* ---- Numbers -------------------------------------------------------------------- */

/* Makes an element of the 8 bytes at fp + value, an array or struct of zeros, and leaves its place in
 * r9. Another may make it at the same time and count in it: it is not made anew. */
static void create_element(struct gen *g, struct where *p, int value, int drop)
{
	int missing = cc_label_new(g->f), end = cc_label_new(g->f);

	find(g, p, true, missing);
	cc_jump(g->f, end);
	cc_label_here(g->f, missing);
	if (p->has_key) {
		element_change(g, p,
			       &(struct change){ BPF_FUNC_map_update_elem, R_FP, value, BPF_NOEXIST,
						 p->own != NULL },
			       drop);
		find(g, p, true, drop);
	} else {
		cc_jump(g->f, drop);
	}
	cc_label_here(g->f, end);
}

static bool never_zero(const struct d_expr *e)
{
	return e->kind == D_E_INT && e->ival;
}

static void plain_assign(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int value, drop = cc_label_new(f), end = cc_label_new(f), gone = cc_label_new(f);
	struct where p;

	g_number(g, e->kids[1]);
	value = g_push(g, 8);
	cc_store(f, BPF_DW, R_FP, value, R0);
	p = place_of(g, e->kids[0], drop);
	if (p.has_key && !p.own) {
		int missing = cc_label_new(f);

		cc_load(f, BPF_DW, R0, R_FP, value);
		if (!never_zero(e->kids[1]))
			cc_jump_imm(f, BPF_JEQ, R0, 0, gone);
		find(g, &p, true, missing);
		cc_load(f, BPF_DW, R0, R_FP, value);
		cc_store(f, BPF_DW, R_PTR, 0, R0);
		cc_jump(f, end);
		cc_label_here(f, missing);
		element_change(
			g, &p,
			&(struct change){ BPF_FUNC_map_update_elem, R_FP, value, BPF_ANY, false },
			drop);
		cc_jump(f, end);
		cc_label_here(f, gone);
		element_change(g, &p, &(struct change){ .helper = BPF_FUNC_map_delete_elem }, drop);
		cc_jump(f, end);
	} else {
		create_element(g, &p, value, drop);
		cc_load(f, BPF_DW, R0, R_FP, value);
		cc_store(f, p.size, R_PTR, 0, R0);
		cc_jump(f, end);
		cc_label_here(f, gone);
	}
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_label_here(f, end);
	cc_load(f, BPF_DW, R0, R_FP, value);
	place_free(g, &p);
	g_pop(g, 8);
}

/* Operations that the processor has as one: r0 = the value before. A variable's bits above its type
 * may be anything, but for a _Bool, which every bit makes true. */
static bool fetch_op(struct gen *g, enum d_op op, const struct where *p, int rhs)
{
	static const int ops[D_NOPS] = {
		[D_OP_SUB] = BPF_ADD, [D_OP_AND] = BPF_AND, [D_OP_OR] = BPF_OR, [D_OP_XOR] = BPF_XOR
	};
	struct cc_func *f = g->f;

	if ((op != D_OP_ADD && op != D_OP_SUB && !ops[op]) || d_resolve(p->type)->is_bool ||
	    p->size != BPF_DW)
		return false;
	cc_load(f, BPF_DW, R0, R_FP, rhs);
	if (op == D_OP_SUB)
		cc_alu_imm(f, BPF_NEG, R0, 0);
	cc_atomic_fetch(f, ops[op], R_PTR, 0, R0);
	return true;
}

enum { EXCHANGE_TRIES = 32 };

/* r0 = the value in the word r0. */
static void out_of_word(struct gen *g, const struct where *p)
{
	struct cc_func *f = g->f;

	if (!p->mask)
		return;
	g_own_shift(g, &p->off, R1);
	cc_alu(f, BPF_RSH, R0, R1);
	cc_alu_imm(f, BPF_AND, R0, (int32_t)p->mask);
}

/* r4 = the word fp + old with the value r0 in it. */
static void into_word(struct gen *g, const struct where *p, int old)
{
	struct cc_func *f = g->f;

	cc_mov(f, R4, R0);
	if (!p->mask)
		return;
	g_own_shift(g, &p->off, R1);
	cc_alu_imm(f, BPF_AND, R4, (int32_t)p->mask);
	cc_alu(f, BPF_LSH, R4, R1);
	cc_imm(f, R2, p->mask);
	cc_alu(f, BPF_LSH, R2, R1);
	cc_alu_imm(f, BPF_XOR, R2, -1);
	cc_load(f, BPF_DW, R1, R_FP, old);
	cc_alu(f, BPF_AND, R1, R2);
	cc_alu(f, BPF_OR, R4, R1);
}

/* Any operation, done in the type `as`: tried until no one else has changed the variable, or what
 * shares a word with it, in between. r0 = the new value, r3 = the old one. */
static void exchange_loop(struct gen *g, enum d_op op, const struct where *p, int rhs,
			  const struct d_type *as)
{
	struct cc_func *f = g->f;
	int old = g_push(g, 24), tries = old + 8, value = old + 16;
	int again = cc_label_new(f), done = cc_label_new(f);
	const struct d_type *t = p->type;

	cc_store_imm(f, BPF_DW, R_FP, tries, EXCHANGE_TRIES);
	cc_label_here(f, again);
	cc_load(f, p->size, R0, R_PTR, 0);
	cc_store(f, BPF_DW, R_FP, old, R0);
	out_of_word(g, p);
	g_norm(g, t);
	g_norm(g, as);
	cc_load(f, BPF_DW, R1, R_FP, rhs);
	g_arith(g, op, as);
	g_norm(g, as);
	g_norm(g, t);
	cc_store(f, BPF_DW, R_FP, value, R0);
	into_word(g, p, old);
	cc_load(f, BPF_DW, R0, R_FP, old);
	cc_mov(f, R3, R0);
	cc_atomic_cmpxchg(f, p->size, R_PTR, 0, R4);
	cc_jump_if(f, BPF_JEQ, R0, R3, done);
	cc_load(f, BPF_DW, R1, R_FP, tries);
	cc_alu_imm(f, BPF_SUB, R1, 1);
	cc_store(f, BPF_DW, R_FP, tries, R1);
	cc_jump_imm(f, BPF_JNE, R1, 0, again);
	g_drop(g, RT_DROP_BUSY);
	cc_store_imm(f, BPF_DW, R_FP, value, 0);
	cc_label_here(f, done);
	cc_load(f, BPF_DW, R0, R_FP, old);
	out_of_word(g, p);
	cc_mov(f, R3, R0);
	cc_load(f, BPF_DW, R0, R_FP, value);
	g_pop(g, 24);
}

const struct d_type *g_op_type(struct gen *g, const struct d_expr *e)
{
	if (e->op != D_OP_SHL && e->op != D_OP_SHR)
		return e->kids[1]->type;
	return d_resolve(e->type)->size < 4 ? d_base(g->cc->d, D_INT) :
					      e->type; /* the variable's */
}

/* r0: the value, or 0 from `drop` on, where there was no room for the variable. */
static void place_end(struct gen *g, const struct where *p, int drop)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	cc_jump(f, end);
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	place_free(g, p);
}

static void compound(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int rhs, zero, drop = cc_label_new(f);
	struct where p;

	g_number(g, e->kids[1]);
	rhs = g_push(g, 16);
	zero = rhs + 8;
	cc_store(f, BPF_DW, R_FP, rhs, R0);
	cc_store_imm(f, BPF_DW, R_FP, zero, 0);
	p = place_to_change(g, e->kids[0], drop);
	create_element(g, &p, zero, drop);
	if (fetch_op(g, e->op, &p, rhs)) {
		cc_load(f, BPF_DW, R1, R_FP, rhs);
		g_arith(g, e->op, e->type);
		g_norm(g, e->type);
	} else {
		exchange_loop(g, e->op, &p, rhs, g_op_type(g, e));
	}
	place_end(g, &p, drop);
	g_pop(g, 16);
}

/* `x = 0` of an array or a struct: an element is freed, others become zeros. */
static void free_own(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f), drop = cc_label_new(f);
	uint32_t size = (uint32_t)d_resolve(e->type)->size;
	struct where p = place_of(g, e, end);

	if (e->kind == D_E_INDEX) {
		element_change(g, &p, &(struct change){ .helper = BPF_FUNC_map_delete_elem }, drop);
	} else {
		find(g, &p, false, end);
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
	place_free(g, &p);
}

void g_assign(struct gen *g, const struct d_expr *e)
{
	if (is_memory(e->kids[0]))
		g_poke(g, e);
	else if (is_whole(e->type))
		free_own(g, e->kids[0]);
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
	struct where p;

	cc_store_imm(f, BPF_DW, R_FP, zero, 0);
	p = place_to_change(g, e->kids[0], drop);
	create_element(g, &p, zero, drop);
	cc_imm(f, R0, by);
	if (d_resolve(e->type)->is_bool || p.size != BPF_DW) {
		cc_store(f, BPF_DW, R_FP, zero, R0);
		exchange_loop(g, D_OP_ADD, &p, zero, d_base(g->cc->d, D_LONG));
		if (before)
			cc_mov(f, R0, R3);
	} else {
		cc_atomic_fetch(f, BPF_ADD, R_PTR, 0, R0);
		cc_imm(f, R1, by);
		if (!before)
			cc_alu(f, BPF_ADD, R0, R1);
	}
	g_norm(g, e->type);
	place_end(g, &p, drop);
	g_pop(g, 8);
}

/* ---- Strings -------------------------------------------------------------------- */

static void routine(struct gen *g, const char *name, uint32_t a, uint32_t b)
{
	g_slot(g, R1, 0);
	cc_imm(g->f, R2, a);
	cc_imm(g->f, R3, b);
	cc_routine(g->f, name);
}

/* Members and elements have the size that strings had when they were declared. */
static uint32_t string_size(const struct gen *g, const struct where *p)
{
	uint64_t size = p->own ? d_resolve(p->type)->size : g->cc->opt.strsize;

	return size < g->cc->opt.strsize ? (uint32_t)size : g->cc->opt.strsize;
}

/* From the bytes at r9 to a string of the slot. */
static void load_bytes(struct gen *g, const struct where *p, uint32_t at, int none)
{
	struct cc_func *f = g->f;

	g_slot(g, R1, at + 8);
	cc_imm(f, R2, string_size(g, p));
	cc_mov(f, R3, R_PTR);
	cc_helper(f, BPF_FUNC_probe_read_kernel_str);
	cc_jump_imm(f, BPF_JSLE, R0, 0, none);
	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_SUB, R3, 1);
}

struct value g_var_string(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_var *v = own_var(e) ? NULL : var_of(e);
	int none = cc_label_new(f), end = cc_label_new(f);
	struct where p;
	uint32_t at;

	if (v && !v->assoc && v->scope == D_V_THIS) {
		g->scratch = true;
		return value_string(g->cc->this_off[v->id]);
	}
	at = g_str_room(g);
	if (v && !v->assoc && v->scope == D_V_GLOBAL) {
		g->cc->maps[CC_MAP_GLOBALS].used = true;
		routine(g, "rt_gstr_load", at, g->cc->global_off[v->id]);
		return value_string(at);
	}
	p = place_of(g, e, none);
	find(g, &p, false, none);
	load_bytes(g, &p, at, none);
	cc_jump(f, end);
	cc_label_here(f, none);
	cc_imm(f, R3, 0);
	cc_label_here(f, end);
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_routine(f, "rt_str_end");
	place_free(g, &p);
	return value_string(at);
}

static void store_bytes(struct gen *g, const struct where *p, uint32_t src)
{
	cc_mov(g->f, R1, R_PTR);
	cc_imm(g->f, R2, string_size(g, p));
	g_slot(g, R3, src + 8);
	cc_helper(g->f, BPF_FUNC_probe_read_kernel_str);
}

static void assign_element(struct gen *g, const struct d_expr *e, struct where *p, uint32_t src,
			   int drop, int end)
{
	struct cc_func *f = g->f;
	int missing = cc_label_new(f), gone = cc_label_new(f);

	*p = place_of(g, e, drop);
	if (p->own) {
		create_element(g, p, 0, drop);
		store_bytes(g, p, src);
		cc_jump(f, end);
		return;
	}
	if (p->has_key) { /* the empty string frees */
		g_slot(g, R1, src);
		cc_load(f, BPF_DW, R1, R1, 0);
		cc_jump_imm(f, BPF_JEQ, R1, 0, gone);
	}
	find(g, p, true, p->has_key ? missing : drop);
	store_bytes(g, p, src);
	cc_jump(f, end);
	cc_label_here(f, missing);
	if (p->has_key) {
		g_slot(g, R1, 0); /* all of the room goes to the map */
		cc_imm(f, R2, src);
		cc_routine(f, "rt_str_pad");
		element_change(g, p,
			       &(struct change){ BPF_FUNC_map_update_elem, R_SLOT, (int)src + 8,
						 BPF_ANY, false },
			       drop);
		cc_jump(f, end);
	}
	cc_label_here(f, gone);
	if (p->has_key) {
		element_change(g, p, &(struct change){ .helper = BPF_FUNC_map_delete_elem }, drop);
		cc_jump(f, end);
	}
}

struct value g_assign_string(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	const struct d_var *v = own_var(e->kids[0]) ? NULL : var_of(e->kids[0]);
	uint32_t src = g_string(g, e->kids[1]);
	int drop, end;
	struct where p;

	if (v && !v->assoc && v->scope == D_V_THIS) {
		routine(g, "rt_strcpy", g->cc->this_off[v->id], src);
		return value_string(src);
	}
	if (v && !v->assoc && v->scope == D_V_GLOBAL) {
		g->cc->maps[CC_MAP_GLOBALS].used = true;
		routine(g, "rt_gstr_store", src, g->cc->global_off[v->id]);
		return value_string(src);
	}
	drop = cc_label_new(f);
	end = cc_label_new(f);
	assign_element(g, e->kids[0], &p, src, drop, end);
	cc_label_here(f, drop);
	g_drop(g, RT_DROP_DYNVAR);
	cc_label_here(f, end);
	place_free(g, &p);
	return value_string(src);
}
