/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/element.c: elements of associative arrays.
 * In:   an lvalue whose key is made.
 * Out:  instructions that look the element up, make it, replace it or free it.
 * Owns: nothing.
 *
 * An element is the value of a hash, one hash for each class of keys and size of values.
 */
#include "consumer/compile/inner.h"

void g_element_key(struct gen *g, const struct d_expr *e, struct lvalue *lv, int room)
{
	const struct d_var *v = lv->var;

	lv->is_element = true;
	lv->cell = lv->inside ? cc_var_size(v->type) : d_is_string(v->type) ? g->cc->str_cell : 8;
	lv->key = g_key(g, v->scope == D_V_SELF ? g->cc->self_off[v->id] : g->cc->global_off[v->id],
			v->scope == D_V_SELF, e->kids + 1, e->nkids - 1, room);
}

void g_element_call(struct gen *g, const struct lvalue *lv, const struct element_change *c)
{
	const struct key *k = &lv->key;
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	for (uint32_t size = k->lo; size <= k->hi; size *= 2) {
		int next = cc_label_new(f), map = cc_class_map(g->cc, CC_M_DYN, size, lv->cell);

		if (k->lo != k->hi) {
			cc_load(f, BPF_DW, R1, R_FP, k->klass);
			cc_jump_imm(f, BPF_JNE, R1, (int32_t)size, next);
		}
		cc_map(f, R1, map);
		g_key_ptr(g, k, R2);
		if (c->helper == BPF_FUNC_map_update_elem) {
			if (c->zeros) {
				g_zeros(g, R3, lv->cell);
			} else {
				cc_mov(f, R3, c->reg);
				cc_alu_imm(f, BPF_ADD, R3, c->off);
			}
			cc_imm(f, R4, c->flags);
		}
		cc_helper(f, c->helper);
		if (c->helper != BPF_FUNC_map_lookup_elem)
			g_extend(g, 4, true); /* before 6.4 an int, whose upper half is 0 */
		cc_jump(f, end);
		cc_label_here(f, next);
	}
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
}

enum { CHANGE_TRIES = 8 };

/* Makes, replaces or frees an element. It is no error if an element to make exists already
 * (BPF_NOEXIST) or an element to free is missing. A busy map (EBUSY, since 6.15 EDEADLK and
 * ETIMEDOUT) is tried again, then counted as a busy drop. A full map (E2BIG) is not tried again. */
void g_element_change(struct gen *g, const struct lvalue *lv, const struct element_change *c,
		      int full)
{
	struct cc_func *f = g->f;
	int tries = g_push(g, 8), again = cc_label_new(f), done = cc_label_new(f);

	cc_store_imm(f, BPF_DW, R_FP, tries, CHANGE_TRIES);
	cc_label_here(f, again);
	g_element_call(g, lv, c);
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
