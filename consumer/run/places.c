/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/places.c: one program for sites whose arguments are at different places.
 * In:   a unit; sites that may join it.
 * Out:  for each operand that the clauses read: the place, if all sites share it; else a column of
 *       the unit's table of places. A site's attach cookie names its row.
 * Owns: tables, until run_places_close.
 *
 * A place that all sites share is compiled in, because that is fastest. The plan of the unit
 * settles which operands go by the table. A site that is found later joins the unit if it differs
 * only in those operands and the table has room for its row. Otherwise group.c makes another unit,
 * whose operands all go by the table.
 */
#include "consumer/run/inner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The operand as the program reads it. */
static struct cc_arg operand(const struct prov_site *s, size_t i)
{
	size_t n = i - CC_ARG;
	struct cc_arg a;

	if (i == CC_CALLER)
		return s->args.caller;
	if (i >= CC_TYPED)
		n = s->args.map[i - CC_TYPED] ? s->args.map[i - CC_TYPED] - 1u : i - CC_TYPED;
	a = s->args.arg[n];
	if (a.kind == CC_A_BAD)
		a.disp = (int64_t)n + 1;
	return a;
}

static bool same(const struct cc_arg *a, const struct cc_arg *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == CC_A_NONE)
		return true;
	if (a->kind == CC_A_CONST || a->kind == CC_A_BAD)
		return a->disp == b->disp;
	return a->size == b->size && a->is_signed == b->is_signed && a->narrow == b->narrow &&
	       a->shift == b->shift && a->scale == b->scale && a->base == b->base &&
	       a->index == b->index && a->disp == b->disp;
}

static bool has(uint64_t operands, size_t i)
{
	return operands >> i & 1;
}

/* The routine that reads a place by the table may sleep, so the program must be allowed to. */
static bool may_have_table(const struct run_unit *u)
{
	return cc_contexts[u->cc.ctx].cookies && cc_contexts[u->cc.ctx].sleeps;
}

static bool is_placed(const struct cc_arg *a)
{
	struct rt_place place;

	return cc_place(a, &place);
}

/* ---- Rows ------------------------------------------------------------------------- */

/* The site's row of the table. false: an operand's place does not fit into a row. */
static bool row_make(const struct run_unit *u, const struct prov_site *s,
		     struct rt_place row[CC_NOPERANDS])
{
	size_t n = 0;

	for (size_t i = 0; i < CC_NOPERANDS; i++) {
		struct cc_arg a = operand(s, i);

		if (has(u->differ, i) && !cc_place(&a, &row[n++]))
			return false;
	}
	return true;
}

/* The index of the row with these bytes, which may be new. false: no room or no memory. */
static bool row_set(struct run_places *p, const struct rt_place *row, uint32_t *index)
{
	uintptr_t have = (uintptr_t)hash_get(p->index, row, p->row_size);

	if (!have && p->n == p->room)
		return false;
	if (!have) {
		memcpy(p->rows + (size_t)p->n * p->row_size, row, p->row_size);
		have = ++p->n;
		if (hash_set(p->index, row, p->row_size, (void *)have, NULL))
			return false;
	}
	*index = (uint32_t)have - 1;
	return true;
}

static int table_make(struct run_unit *u)
{
	enum { SPARE = 256, MOST = 1 << 28 }; /* bytes: the verifier adds no larger offset */
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct run_places *p = &u->places;
	void *rows;

	p->row_size = (uint32_t)(__builtin_popcountll(u->differ) * (int)sizeof(struct rt_place));
	for (p->room = 1; p->room < 2 * u->nsites + SPARE; p->room *= 2)
		if ((uint64_t)p->room * p->row_size > MOST)
			return -E2BIG;
	p->index = hash_new();
	if (!p->index)
		return -ENOMEM;
	p->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "places", 4, p->room * p->row_size, 1, &opts);
	if (p->fd < 0)
		return p->fd;
	rows = mmap(NULL, (size_t)p->room * p->row_size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd,
		    0);
	if (rows == MAP_FAILED)
		return -errno;
	p->rows = rows;
	u->cc.places = p->fd;
	u->cc.nplaces = p->room;
	u->cc.place_size = p->row_size;
	return 0;
}

/* ---- Entry points ------------------------------------------------------------------- */

bool run_places_take(const struct run_unit *u, const struct prov_site *s)
{
	bool open = !u->set && may_have_table(u);
	struct rt_place row[CC_NOPERANDS];

	for (size_t i = 0; i < CC_NOPERANDS; i++) {
		struct cc_arg a = operand(s, i);

		if (!has(u->used, i) || has(u->differ, i) || same(&a, &u->args.at[i]))
			continue;
		if (!open || !is_placed(&a) || !is_placed(&u->args.at[i]))
			return false;
	}
	if (!u->set || !u->differ)
		return true;
	return row_make(u, s, row) &&
	       (u->places.n < u->places.room || hash_get(u->places.index, row, u->places.row_size));
}

void run_places_first(struct run_unit *u, const struct prov_site *s, bool by_table)
{
	for (size_t i = 0; i < CC_NOPERANDS; i++) {
		if (!has(u->used, i))
			continue;
		u->args.at[i] = operand(s, i);
		if (by_table && may_have_table(u) && is_placed(&u->args.at[i]))
			u->differ |= 1ull << i;
	}
}

bool run_places_join(struct run_unit *u, const struct prov_site *s, uint64_t *cookie)
{
	struct rt_place row[CC_NOPERANDS];
	uint32_t index;

	if (u->set && u->differ) {
		if (!row_make(u, s, row) || !row_set(&u->places, row, &index))
			return false;
		*cookie |= RT_COOKIE(0, index);
		return true;
	}
	for (size_t i = 0; i < CC_NOPERANDS; i++) {
		struct cc_arg a = operand(s, i);

		if (has(u->used, i) && !same(&a, &u->args.at[i]))
			u->differ |= 1ull << i;
	}
	return true;
}

int run_places_settle(struct run_unit *u)
{
	struct rt_place row[CC_NOPERANDS];
	int err = u->differ ? table_make(u) : 0, at = 0;

	for (size_t i = 0; !err && u->differ && i < u->nsites; i++) {
		uint32_t index;

		if (!row_make(u, u->sites[i], row) || !row_set(&u->places, row, &index))
			err = -ENOMEM;
		else
			u->cookies[i] |= RT_COOKIE(0, index);
	}
	for (size_t i = 0; i < CC_NOPERANDS; i++)
		if (has(u->differ, i))
			u->args.at[i] = (struct cc_arg){
				.kind = CC_A_PLACE,
				.disp = at++ * (int)sizeof(struct rt_place),
			};
	return err;
}

void run_places_close(struct run_unit *u)
{
	if (u->places.rows)
		munmap(u->places.rows, (size_t)u->places.room * u->places.row_size);
	if (u->places.fd >= 0)
		close(u->places.fd);
	hash_free(u->places.index, NULL);
}
