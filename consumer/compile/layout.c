/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/layout.c: where everything of a program lives.
 * In:   the checked program, options, the kernel's offsets.
 * Out:  struct cc: offsets of variables, records, aggregations, the list of maps.
 * Owns: nothing; all is the arena's.
 */
#include "consumer/compile/inner.h"
#include "ebpf/rt.h"

#include <stdio.h>

/* ---- Variables --------------------------------------------------------------------------- */

/* The room for copyin() is the CPU's buffer divided by its slots: in DTrace, too, scratch space
 * comes out of the principal buffer. */
static uint32_t copyin_room(const struct cc_options *opt)
{
	uint32_t room = opt->ringsize / RT_SLOTS, least = opt->strsize > 1024 ? opt->strsize : 1024;

	room = room > CC_COPYIN_MAX ? CC_COPYIN_MAX : room;
	return ((room < least ? least : room) + 8 + 7) & ~7u;
}

static bool heaps_layout(struct cc *cc)
{
	uint32_t most = 0;

	cc->copyin_room = copyin_room(&cc->opt);
	for (size_t i = 0; i < cc->prog->nclauses; i++) {
		uint32_t room = cc_heap_room(cc, cc->prog->clauses[i]);

		most = room > most ? room : most;
	}
	cc->heap_off = cc->rec_off + cc->rec_max;
	cc->rooms_off = cc->heap_off + (most ? most + (uint32_t)sizeof(struct rt_heap) : 0);
	return true;
}

static uint32_t *offsets(struct cc *cc, struct d_var **vars, size_t n, uint32_t at, uint32_t string,
			 uint32_t *size)
{
	uint32_t *off = arena_array(cc->arena, uint32_t, n + 1);

	if (!off)
		return NULL;
	for (int strings = 0; strings < 2; strings++) /* numbers first */
		for (size_t i = 0; i < n; i++) {
			bool is_string = vars[i]->type && d_is_string(vars[i]->type);

			if (vars[i]->assoc || is_string != strings)
				continue;
			off[i] = at;
			at += is_string ? string : cc_var_size(vars[i]->type);
		}
	*size = at;
	return off;
}

/* Associative arrays share maps. Each array's keys have its id, which off[] holds for an offset. */
static void assoc_ids(struct d_var **vars, size_t n, uint32_t *off, uint32_t first)
{
	for (size_t i = 0; i < n; i++)
		if (vars[i]->assoc)
			off[i] = first + (uint32_t)i;
}

/* The kernel limits a thread's storage to 64 KB, with a header of its own. */
static bool self_fits(struct cc *cc)
{
	enum { SELF_MAX = 65024 };
	const struct d_prog *p = cc->prog;

	for (size_t i = 0; cc->self_size > SELF_MAX && i < p->nselfs; i++) {
		const struct d_var *v = p->selfs[i];
		uint32_t size = v->assoc			? 0 :
				v->type && d_is_string(v->type) ? cc->str_cell :
								  cc_var_size(v->type);

		if (!size || cc->self_off[i] + size <= SELF_MAX)
			continue;
		diag_error(cc->diag, v->loc, D_PROG_LEN,
			   "thread-local variables are too large together "
			   "with self->%s: there is room for %d bytes",
			   v->name, SELF_MAX);
		diag_hint(cc->diag,
			  "a string takes strsize bytes; associative arrays do not count");
		return false;
	}
	return true;
}

/* The offset where the clause-local strings begin, behind all other variables. */
static uint32_t this_strings(const struct cc *cc)
{
	uint32_t at = cc->this_size;

	for (size_t i = 0; i < cc->prog->nthises; i++) {
		const struct d_var *v = cc->prog->thises[i];

		if (v->type && d_is_string(v->type) && cc->this_off[i] < at)
			at = cc->this_off[i];
	}
	return at;
}

static bool vars_layout(struct cc *cc)
{
	const struct d_prog *p = cc->prog;

	cc->global_off = offsets(cc, p->globals, p->nglobals, 0, cc->str_cell, &cc->globals_size);
	cc->self_off = offsets(cc, p->selfs, p->nselfs, sizeof(struct rt_self), cc->str_cell,
			       &cc->self_size);
	cc->this_off = offsets(cc, p->thises, p->nthises, 0, cc->str_room, &cc->this_size);
	if (!cc->global_off || !cc->self_off || !cc->this_off || !self_fits(cc))
		return false;
	for (size_t i = 0; i < p->nthises; i++) {
		const struct d_type *t = p->thises[i]->type;

		if (t && cc_is_aggregate(t))
			cc->this_plain = this_strings(cc);
	}
	assoc_ids(p->globals, p->nglobals, cc->global_off, 0);
	assoc_ids(p->selfs, p->nselfs, cc->self_off, (uint32_t)p->nglobals);
	return true;
}

/* ---- Aggregations ------------------------------------------------------------------------ */

/* A value with a key is drained as a whole, which must fit into the drain's ring buffer. */
static bool agg_fits(struct cc *cc, const struct d_agg *a)
{
	if (!a->nkeys || cc_agg_words(a) <= RT_DRAIN_WORDS_MAX)
		return true;
	diag_error(
		cc->diag, a->loc, D_LQUANT_STEPSMALL,
		"@%s has keys: lquantize() can have at most %d steps from base to limit then, not %u",
		a->name, RT_DRAIN_WORDS_MAX - 3, (unsigned)cc_agg_words(a) - 3);
	return false;
}

static bool agg_layout(struct cc *cc, const struct d_agg *a, struct agg_desc *d)
{
	if (!agg_fits(cc, a))
		return false;
	*d = (struct agg_desc){ .agg = a, .nkeys = a->nkeys, .words = cc_agg_words(a) };
	d->kinds = arena_array(cc->arena, enum rec_kind, a->nkeys + 1);
	d->symbols = arena_array(cc->arena, enum d_symbol, a->nkeys + 1);
	if (!d->kinds || !d->symbols)
		return false;
	for (size_t i = 0; i < a->nkeys; i++) {
		d->kinds[i] = cc_key_kind(a->keys[i]);
		if (d->kinds[i] == REC_USYM || d->kinds[i] == REC_USTACK)
			cc->uses_usyms = true;
	}
	if (8 * d->words > cc->zero_size)
		cc->zero_size = 8 * d->words;
	if (!a->nkeys) {
		d->cell = cc->cells_block / 8;
		cc->cells_block += 8 * d->words;
	}
	return true;
}

/* The statement tells how a key's address is shown (sym, mod, func …), not the key's type. */
static void key_symbols(struct cc *cc, struct d_stmt **s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		key_symbols(cc, s[i]->then, s[i]->nthen);
		key_symbols(cc, s[i]->otherwise, s[i]->nelse);
		if (s[i]->kind != D_S_AGG)
			continue;
		for (size_t k = 0; k < s[i]->target->nkids; k++) {
			const struct d_expr *e = s[i]->target->kids[k];

			if (e->kind == D_E_CALL && e->is_action)
				cc->aggs[s[i]->target->agg->id].symbols[k] =
					d_action_rows[e->func].symbol;
		}
	}
}

static bool aggs_layout(struct cc *cc)
{
	const struct d_prog *p = cc->prog;

	cc->aggs = arena_array(cc->arena, struct agg_desc, p->naggs + 1);
	for (size_t i = 0; cc->aggs && i < p->naggs; i++)
		if (!agg_layout(cc, p->aggs[i], &cc->aggs[i]))
			return false;
	for (size_t i = 0; cc->aggs && i < p->nclauses; i++)
		key_symbols(cc, p->clauses[i]->body, p->clauses[i]->nbody);
	return cc->aggs;
}

/* ---- The whole --------------------------------------------------------------------------- */

static bool recs_layout(struct cc *cc)
{
	const struct d_prog *p = cc->prog;

	cc->recs = arena_array(cc->arena, struct rec_desc, p->nclauses + 1);
	for (size_t i = 0; cc->recs && i < p->nclauses; i++)
		if (!cc_rec_layout(cc, p->clauses[i], &cc->recs[i]))
			return false;
	return cc->recs;
}

static bool clauses_ok(struct cc *cc)
{
	bool ok = true;

	for (size_t i = 0; i < cc->prog->nclauses; i++)
		ok &= cc_refuse_clause(cc, cc->prog->clauses[i]);
	return ok;
}

struct cc *cc_new(struct arena *a, struct diag *diag, struct d *d, const struct d_prog *prog,
		  const struct cc_options *opt)
{
	struct cc *cc = arena_new_of(a, struct cc);

	if (!cc)
		return NULL;
	*cc = (struct cc){
		.arena = a, .diag = diag, .d = d, .prog = prog, .opt = *opt, .ncpu2 = 1
	};
	while (cc->ncpu2 < opt->ncpu)
		cc->ncpu2 *= 2;
	cc->str_room = RT_STR_ROOM(opt->strsize);
	cc->str_cell = (opt->strsize + 7) & ~7u;
	cc->zero_size = 8;
	cc->rec_max = sizeof(struct rt_rec);
	if (!clauses_ok(cc) || !vars_layout(cc) || !aggs_layout(cc) || !recs_layout(cc))
		return NULL;
	for (size_t i = 0; i < prog->nclauses; i++)
		for (size_t k = 0; k < cc->recs[i].nactions; k++)
			cc->has_exit |= d_action_rows[cc->recs[i].actions[k].act].exits;
	cc->rec_off = cc->this_size;
	cc->rec_max = (cc->rec_max + 7) & ~7u;
	if (!heaps_layout(cc))
		return NULL;
	cc->slot_size = cc->rooms_off + RT_SLOT_PAD;
	cc_maps_layout(cc);
	return cc;
}

void cc_set_error_clauses(struct cc *cc, const int *clauses, size_t n, uint32_t probe)
{
	cc->error_clauses = clauses;
	cc->nerror_clauses = n;
	cc->error_probe = probe;
}

void cc_set_probes_room(struct cc *cc, uint32_t n)
{
	cc->probes_room = n;
}

const struct rec_desc *cc_record(const struct cc *cc, int clause)
{
	return &cc->recs[clause];
}

const struct agg_desc *cc_agg(const struct cc *cc, int agg)
{
	return &cc->aggs[agg];
}

bool cc_uses_vtimestamp(const struct cc *cc)
{
	return cc->uses_vtimestamp;
}

bool cc_uses_usyms(const struct cc *cc)
{
	return cc->uses_usyms;
}
