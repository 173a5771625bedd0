/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/rec.c: a clause's record: what is in it, and how it is filled and sent.
 * In:   actions.
 * Out:  struct rec_desc; instructions that build the record in the slot and output it.
 * Owns: nothing; all is the arena's.
 */
#include "consumer/compile/inner.h"

#include <stddef.h>

/* ---- Layout ------------------------------------------------------------------------ */

struct layout {
	struct cc *cc;
	struct rec_desc *r;
	size_t cap;
	uint32_t tails; /* most bytes behind the fixed part */
};

static enum d_symbol symbol_of(const struct d_expr *e)
{
	while (e->kind == D_E_CAST || e->kind == D_E_COMMA)
		e = e->kids[e->nkids - 1];
	return e->kind == D_E_CALL && e->is_action ? d_action_rows[e->func].symbol : D_SYM_PLACE;
}

static uint32_t fixed_size(const struct rec_field *f)
{
	static const uint32_t fixed[] = {
#define REC_KIND(id, value, fixed, least) [REC_##id] = (uint32_t)(fixed),
#include "consumer/kinds.def"
	};

	return fixed[f->kind] ? fixed[f->kind] : (f->size + 7) & ~7u;
}

/* Adds a field to the action: the value of e. */
static void field_layout(struct layout *l, struct rec_action *a, const struct d_expr *e)
{
	struct rec_field *f = &a->fields[a->nfields++];
	const struct d_type *t = d_resolve(e->type);

	*f = (struct rec_field){ .kind = cc_key_kind(e->type),
				 .off = l->r->size,
				 .type = e->type,
				 .size = (uint32_t)t->size,
				 .symbol = symbol_of(e),
				 .expr = e };
	if (f->kind == REC_STACK || f->kind == REC_USTACK) {
		f->frames = cc_stack_frames(l->cc, e->type);
		l->tails += 8 * f->frames;
	}
	if (f->kind == REC_STRING)
		l->tails += l->cc->str_cell + 8;
	if (f->kind == REC_USYM || f->kind == REC_USTACK)
		l->cc->uses_usyms = true;
	l->r->size += fixed_size(f);
}

/* layout_ID: adds what the record holds of an action. */
typedef void layout_fn(struct layout *l, struct rec_action *a, const struct d_expr *e);

static void layout_args(struct layout *l, struct rec_action *a, const struct d_expr *e)
{
	for (size_t i = 0; i < e->nkids; i++)
		if (e->kids[i]->kind == D_E_AGG) /* trace(@a) */
			a->aggs[a->naggs++] = e->kids[i]->agg;
		else
			field_layout(l, a, e->kids[i]);
}

/* The record does not hold the format, kids[0]: the consumer has it. */
static void layout_format(struct layout *l, struct rec_action *a, const struct d_expr *e)
{
	for (size_t i = 1; i < e->nkids; i++)
		field_layout(l, a, e->kids[i]);
}

/* Aggregations, and a number beside them: a constant needs no room in the record. */
static void layout_aggs(struct layout *l, struct rec_action *a, const struct d_expr *e)
{
	for (size_t i = e->format ? 1 : 0; i < e->nkids; i++) {
		const struct d_expr *k = e->kids[i];

		if (k->kind == D_E_AGG) {
			a->aggs[a->naggs++] = k->agg;
		} else if (k->kind == D_E_INT) {
			a->number = (int64_t)k->ival;
			a->has_number = true;
		} else {
			field_layout(l, a, k);
		}
	}
}

/* The action itself is the value: a stack, a symbol. */
static void layout_self(struct layout *l, struct rec_action *a, const struct d_expr *e)
{
	field_layout(l, a, e);
}

/* Never called: cc_refuse_clause() has refused the row. */
static void layout_lacking(struct layout *l, struct rec_action *a, const struct d_expr *e)
{
	l->cc->failed |= !cc_refuse_lacking(l->cc, a->loc, &d_action_rows[e->func], "()");
}

#define layout_printf layout_format
#define layout_printa layout_aggs
#define layout_trace layout_args
#define layout_stack layout_self
#define layout_ustack layout_self
#define layout_exit layout_args
#define layout_clear layout_aggs
#define layout_trunc layout_aggs
#define layout_normalize layout_aggs
#define layout_denormalize layout_aggs
#define layout_sym layout_self
#define layout_mod layout_self
#define layout_func layout_self
#define layout_uaddr layout_self
#define layout_usym layout_self
#define layout_umod layout_self
#define layout_ufunc layout_self

static layout_fn *const layouts[D_NACTIONS] = {
#define D_ACTION(id, has, proto, ...) [D_ACT_##id] = D_IF_##has(layout_##id, layout_lacking),
#include "d/builtins.def"
};

static bool action_layout(struct layout *l, const struct d_stmt *s, bool inside)
{
	const struct d_expr *e = s->expr;
	struct rec_action *a = ARENA_PUSH(l->cc->arena, l->r->actions, l->r->nactions, l->cap);

	if (!a)
		return false;
	*a = (struct rec_action){
		.act = (enum d_action)e->func, .loc = s->loc, .format = e->format, .present = -1
	};
	a->fields = arena_array(l->cc->arena, struct rec_field, e->nkids + 1);
	a->aggs = arena_array(l->cc->arena, const struct d_agg *, e->nkids + 1);
	if (!a->fields || !a->aggs)
		return false;
	if (inside) {
		a->present = (int)l->r->size;
		l->r->size += 8;
	}
	layouts[e->func](l, a, e);
	l->r->any = true;
	return !l->cc->failed;
}

static bool stmts_layout(struct layout *l, struct d_stmt **s, size_t n, bool inside)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i]->kind == D_S_ACTION && !action_layout(l, s[i], inside))
			return false;
		if (s[i]->kind == D_S_IF && (!stmts_layout(l, s[i]->then, s[i]->nthen, true) ||
					     !stmts_layout(l, s[i]->otherwise, s[i]->nelse, true)))
			return false;
	}
	return true;
}

bool cc_rec_layout(struct cc *cc, const struct d_clause *c, struct rec_desc *r)
{
	struct layout l = { .cc = cc, .r = r };

	*r = (struct rec_desc){ .clause = c,
				.size = sizeof(struct rt_rec),
				.default_action = !c->nbody,
				.any = !c->nbody };
	if (!stmts_layout(&l, c->body, c->nbody, false))
		return false;
	if (r->any && r->size + l.tails > cc->rec_max)
		cc->rec_max = r->size + l.tails;
	return true;
}

/* ---- Filling -------------------------------------------------------------------------- */

/* The offset where an action's fields end. */
static uint32_t fields_end(const struct rec_desc *r, size_t action)
{
	for (size_t i = action + 1; i < r->nactions; i++) {
		if (r->actions[i].present >= 0)
			return (uint32_t)r->actions[i].present;
		if (r->actions[i].nfields)
			return r->actions[i].fields[0].off;
	}
	return r->size;
}

/* Clears the fields of actions inside an if: they are sent even if the action does not run. */
static void clear_absent(struct gen *g)
{
	const struct rec_desc *r = g->rec;

	for (size_t i = 0; i < r->nactions; i++) {
		uint32_t begin = (uint32_t)r->actions[i].present;

		if (r->actions[i].present < 0)
			continue;
		while (i + 1 < r->nactions && r->actions[i + 1].present >= 0)
			i++;
		g_clear(g, g->cc->rec_off + begin, fields_end(r, i) - begin);
	}
}

void g_rec_begin(struct gen *g)
{
	struct cc_func *f = g->f;

	if (!g->rec->any)
		return;
	cc_imm(f, R0, g->rec->size);
	cc_store(f, BPF_DW, R_FP, g->tail, R0);
	clear_absent(g);
}

/* r0: the new tail; a fault if it is negative. */
static void new_tail(struct gen *g)
{
	int fine = cc_label_new(g->f);

	cc_jump_imm(g->f, BPF_JSGE, R0, 0, fine);
	g_fault(g, RT_FLT_NOSCRATCH, -1);
	cc_label_here(g->f, fine);
	cc_store(g->f, BPF_DW, R_FP, g->tail, R0);
}

static void record_INT(struct gen *g, const struct rec_field *fl, const struct d_expr *e,
		       uint32_t at)
{
	(void)fl;
	g_number(g, e);
	g_slot_store(g, BPF_DW, at, R0);
}

static void record_STRING(struct gen *g, const struct rec_field *fl, const struct d_expr *e,
			  uint32_t at)
{
	struct cc_func *f = g->f;
	uint32_t src = g_string(g, e);

	(void)at;
	g_slot(g, R1, 0);
	cc_imm(f, R2, g->cc->rec_off);
	cc_imm(f, R3, fl->off);
	cc_imm(f, R4, src);
	cc_load(f, BPF_DW, R5, R_FP, g->tail);
	cc_routine(f, "rt_rec_str");
	new_tail(g);
}

static void record_BYTES(struct gen *g, const struct rec_field *fl, const struct d_expr *e,
			 uint32_t at)
{
	if (fl->size & 7) { /* the bytes between this field and the next */
		cc_imm(g->f, R0, 0);
		g_slot_store(g, BPF_DW, at + (fl->size & ~7u), R0);
	}
	g_load_bytes(g, e, at);
}

static void record_STACK(struct gen *g, const struct rec_field *fl, const struct d_expr *e,
			 uint32_t at)
{
	struct cc_func *f = g->f;
	uint32_t room = g_room(g, 8 * cc_stack_frames(g->cc, e->type));

	g_stack(g, e->type, room);
	cc_mov(f, R5, R0);
	cc_load(f, BPF_DW, R3, R_FP, g->tail);
	cc_alu_imm(f, BPF_LSH, R3, 32);
	cc_alu_imm(f, BPF_OR, R3, (int32_t)fl->off);
	g_slot(g, R1, 0);
	cc_imm(f, R2, g->cc->rec_off);
	cc_imm(f, R4, room);
	cc_routine(f, "rt_rec_bytes");
	new_tail(g);
	if (fl->kind == REC_USTACK)
		g_owner(g, at + 8);
}

static void record_USYM(struct gen *g, const struct rec_field *fl, const struct d_expr *e,
			uint32_t at)
{
	record_INT(g, fl, e, at);
	g_owner(g, at + 8);
}

#define record_KSYM record_INT
#define record_USTACK record_STACK

static void (*const put[])(struct gen *g, const struct rec_field *fl, const struct d_expr *e,
			   uint32_t at) = {
#define REC_KIND(id, value, fixed, least) [REC_##id] = record_##id,
#include "consumer/kinds.def"
};

/* emit_ID: what an action does when its clause runs. */
typedef void emit_fn(struct gen *g, const struct rec_action *a);

static void emit_fields(struct gen *g, const struct rec_action *a)
{
	for (size_t i = 0; i < a->nfields; i++) {
		const struct rec_field *fl = &a->fields[i];

		put[fl->kind](g, fl, fl->expr, g->cc->rec_off + fl->off);
	}
}

/* The status goes to the state, where it cannot be dropped. No clause starts from then on. */
static void emit_exit(struct gen *g, const struct rec_action *a)
{
	struct cc_func *f = g->f;

	emit_fields(g, a); /* r0: the status */
	cc_map_value(f, R2, CC_MAP_STATE, 0);
	cc_store(f, BPF_W, R2, offsetof(struct rt_state, exit_status), R0);
	cc_store_imm(f, BPF_W, R2, offsetof(struct rt_state, exiting), 1);
	for (int from = RT_WARMUP; from <= RT_ACTIVE; from++) {
		cc_imm(f, R0, from);
		cc_imm(f, R1, RT_DRAINING);
		cc_atomic_cmpxchg(f, BPF_W, R2, offsetof(struct rt_state, life), R1);
	}
}

/* Never called: layout_lacking() has failed. */
static void emit_lacking(struct gen *g, const struct rec_action *a)
{
	g->cc->failed |= !cc_refuse_lacking(g->cc, a->loc, &d_action_rows[a->act], "()");
}

#define emit_printf emit_fields
#define emit_printa emit_fields
#define emit_trace emit_fields
#define emit_stack emit_fields
#define emit_ustack emit_fields
#define emit_clear emit_fields
#define emit_trunc emit_fields
#define emit_normalize emit_fields
#define emit_denormalize emit_fields
#define emit_sym emit_fields
#define emit_mod emit_fields
#define emit_func emit_fields
#define emit_uaddr emit_fields
#define emit_usym emit_fields
#define emit_umod emit_fields
#define emit_ufunc emit_fields

static emit_fn *const emits[D_NACTIONS] = {
#define D_ACTION(id, has, proto, ...) [D_ACT_##id] = D_IF_##has(emit_##id, emit_lacking),
#include "d/builtins.def"
};

void g_rec_action(struct gen *g, const struct d_stmt *s)
{
	const struct rec_action *a = &g->rec->actions[g->next_action++];

	emits[s->expr->func](g, a);
	if (a->present >= 0) {
		cc_imm(g->f, R0, 1);
		g_slot_store(g, BPF_DW, g->cc->rec_off + (uint32_t)a->present, R0);
	}
}

/* ---- Sending ---------------------------------------------------------------------------- */

/* This CPU makes no further record, even if one would fit; the consumer ends tracing. */
static void filled(struct gen *g)
{
	struct cc_func *f = g->f;

	g_cpu(g);
	cc_store_imm(f, BPF_DW, R2, offsetof(struct rt_cpu, filled), 1);
	cc_map_value(f, R2, CC_MAP_STATE, 0);
	cc_store_imm(f, BPF_W, R2, offsetof(struct rt_state, filled), 1);
}

/*
 * r2: data, r3: length. The consumer is woken when the buffer's first quarter fills up and by
 * exit(), not at each record.
 */
void g_ring(struct gen *g)
{
	struct cc_func *f = g->f;
	int cpu = g_push(g, 24), data = cpu + 8, len = cpu + 16;
	int drop = cc_label_new(f), end = cc_label_new(f), quiet = cc_label_new(f),
	    go = cc_label_new(f);
	int32_t quarter = (int32_t)(g->cc->opt.ringsize / 4);

	cc_store(f, BPF_DW, R_FP, data, R2);
	cc_store(f, BPF_DW, R_FP, len, R3);
	if (g->cc->opt.fill) {
		g_cpu(g);
		cc_load(f, BPF_DW, R0, R2, offsetof(struct rt_cpu, filled));
		cc_jump_imm(f, BPF_JNE, R0, 0, end);
	}
	g_map_row(g, CC_MAP_RINGS, offsetof(struct rt_fire, cpu), cpu, drop);
	cc_mov(f, R_PTR, R0);
	cc_mov(f, R1, R0);
	cc_imm(f, R2, BPF_RB_AVAIL_DATA);
	cc_helper(f, BPF_FUNC_ringbuf_query);
	cc_load(f, BPF_DW, R3, R_FP, len);
	cc_imm(f, R4, BPF_RB_NO_WAKEUP);
	cc_jump_imm(f, BPF_JGE, R0, quarter, quiet);
	cc_alu(f, BPF_ADD, R0, R3);
	cc_alu_imm(f, BPF_ADD, R0, BPF_RINGBUF_HDR_SZ); /* else no record may be seen to cross */
	cc_jump_imm(f, BPF_JLT, R0, quarter, go);
	cc_imm(f, R4, BPF_RB_FORCE_WAKEUP);
	cc_jump(f, go);
	cc_label_here(f, quiet);
	cc_label_here(f, go);
	if (g->cc->has_exit) {
		int stay = cc_label_new(f);

		cc_map_value(f, R1, CC_MAP_STATE, 0);
		cc_load(f, BPF_W, R1, R1, offsetof(struct rt_state, exiting));
		cc_jump_imm(f, BPF_JEQ, R1, 0, stay);
		cc_imm(f, R4, BPF_RB_FORCE_WAKEUP);
		cc_label_here(f, stay);
	}
	cc_mov(f, R1, R_PTR);
	cc_load(f, BPF_DW, R2, R_FP, data);
	cc_helper(f, BPF_FUNC_ringbuf_output);
	g_pop(g, 24);
	cc_jump_imm(f, BPF_JEQ, R0, 0, end);
	cc_label_here(f, drop);
	if (g->cc->opt.fill)
		filled(g);
	else
		g_drop(g, RT_DROP_PRINCIPAL);
	cc_label_here(f, end);
}

void g_rec_end(struct gen *g)
{
	struct cc_func *f = g->f;

	if (!g->rec->any)
		return;
	cc_mov(f, R1, R_FIRE);
	g_slot(g, R2, 0);
	cc_load(f, BPF_DW, R3, R_FP, g->tail);
	cc_imm(f, R4, g->clause->index);
	cc_call(f, g->set->send_func);
}

/* Fills the record's header. r3: the length, r4: the clause. */
static void header_fill(struct gen *g)
{
	struct cc_func *f = g->f;
	uint32_t at = g->cc->rec_off;

	g_slot_store(g, BPF_W, at + offsetof(struct rt_rec, len), R3);
	g_slot_store(g, BPF_W, at + offsetof(struct rt_rec, clause), R4);
	cc_imm(f, R0, 0);
	g_slot_store(g, BPF_W, at + offsetof(struct rt_rec, spec), R0);
	cc_load(f, BPF_W, R0, R_FIRE, offsetof(struct rt_fire, probe));
	g_slot_store(g, BPF_W, at + offsetof(struct rt_rec, probe), R0);
	g_time(g);
	g_slot_store(g, BPF_DW, at + offsetof(struct rt_rec, time), R0);
}

/*
 * send(fire, slot, length, clause), which all clauses of a program share. The kernel's work on a
 * program grows with its length times the look-ups in it: with this code in each clause, a thousand
 * clauses took 2 s to load.
 */
int g_send_func(struct cc *cc, struct cc_func_set *set)
{
	struct cc_func **place = ARENA_PUSH(cc->arena, set->funcs, set->nfuncs, set->cap);
	struct cc_func *f = cc_func_new(cc->arena, "send");
	struct gen g = { .cc = cc, .set = set, .unit = &set->unit, .f = f };
	int fits, out, len;

	if (!place || !f)
		return -ENOMEM;
	*place = f;
	set->send_func = (int)set->nfuncs - 1;
	f->params = "fsnn";
	fits = cc_label_new(f);
	out = cc_label_new(f);
	len = g_push(&g, 8);
	cc_mov(f, R_FIRE, R1);
	cc_mov(f, R_SLOT, R2);
	cc_jump_imm(f, BPF_JEQ, R_FIRE, 0, out);
	cc_jump_imm(f, BPF_JEQ, R_SLOT, 0, out);
	cc_store(f, BPF_DW, R_FP, len, R3);
	header_fill(&g);
	cc_load(f, BPF_DW, R3, R_FP, len);
	cc_jump_imm(f, BPF_JLE, R3, (int32_t)cc->rec_max, fits);
	g_drop(&g, RT_DROP_PRINCIPAL);
	cc_jump(f, out);
	cc_label_here(f, fits);
	g_slot(&g, R2, cc->rec_off);
	g_ring(&g);
	cc_label_here(f, out);
	cc_imm(f, R0, 0);
	cc_exit(f);
	return cc_func_end(f);
}
