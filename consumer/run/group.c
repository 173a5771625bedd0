/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/group.c: sites → units.
 * In:   probes whose sites are in no unit yet.
 * Out:  units: the sites that one program can serve, each with a cookie. A site joins an existing
 *       unit, even a loaded one, if their keys are equal and places.c finds that the unit's
 *       program can read the site's arguments.
 * Owns: nothing; the run owns the units.
 */
#include "consumer/run/inner.h"

#include <stdio.h>
#include <string.h>

/* What the sites of a unit have in common. Compared as bytes: padding is zero. */
struct key {
	enum cc_ctx ctx;
	pid_t pid;
	uint32_t probe; /* index + 1 of a probe that shares no program; 0: any probe */
	bool sys_return;
	uint64_t period_ns;
	struct cc_condition when;
	char tracepoint[64];
	size_t nclauses;
	int clauses[];
};

static bool is_syscall(const struct prov_site *s)
{
	return s->sys_nr >= 0;
}

/* A program finds its probe by the attach cookie or the system call's number. A program that has
 * neither serves one probe. */
static bool shares_program(const struct prov_site *s)
{
	return is_syscall(s) || cc_contexts[s->ctx].cookies;
}

/* Copies member by member, so that the padding stays 0. */
static void condition_copy(struct cc_condition *to, const struct cc_condition *from)
{
	const struct cc_arg *a = &from->operand;

	to->test = from->test;
	to->value = from->value;
	to->operand.kind = a->kind;
	to->operand.size = a->size;
	to->operand.is_signed = a->is_signed;
	to->operand.is_float = a->is_float;
	to->operand.narrow = a->narrow;
	to->operand.shift = a->shift;
	to->operand.scale = a->scale;
	to->operand.base = a->base;
	to->operand.index = a->index;
	to->operand.disp = a->disp;
}

static struct key *key_make(struct run *r, uint32_t probe, const struct prov_site *s, size_t *len)
{
	const struct run_probe *p = &r->probes[probe];
	struct key *k;

	*len = sizeof(*k) + p->nclauses * sizeof(*p->clauses);
	k = arena_alloc(r->arena, *len);
	if (!k)
		return NULL;
	k->ctx = s->ctx;
	k->pid = s->pid;
	k->probe = shares_program(s) ? 0 : probe + 1;
	k->sys_return = s->sys_return;
	k->period_ns = s->period_ns;
	condition_copy(&k->when, &s->when);
	if (s->tracepoint)
		snprintf(k->tracepoint, sizeof(k->tracepoint), "%s", s->tracepoint);
	k->nclauses = p->nclauses;
	memcpy(k->clauses, p->clauses, p->nclauses * sizeof(*p->clauses));
	return k;
}

static struct run_unit *unit_new(struct run *r, uint32_t probe, const struct prov_site *s,
				 const struct key *k)
{
	struct run_unit *u = arena_new_of(r->arena, struct run_unit);
	struct run_unit **slot = ARENA_PUSH(r->arena, r->units, r->nunits, r->units_cap);

	if (!u || !slot)
		return NULL;
	*slot = u;
	u->prog = u->table_fd = u->places.fd = -1;
	u->used = cc_args_used(r->cc, k->clauses, k->nclauses);
	u->cc = (struct cc_unit){
		.ctx = s->ctx,
		.tracepoint = s->tracepoint,
		.probe = probe,
		.pid = s->pid,
		.when = s->when,
		.args = &u->args,
		.table = -1,
		.places = -1,
		.multi = cc_contexts[s->ctx].bulk && kern_has(KERN_F_uprobe_multi),
		.select = is_syscall(s)	    ? CC_SELECT_SYSCALL :
			  shares_program(s) ? CC_SELECT_COOKIE :
					      CC_SELECT_STATIC,
		.sys_return = s->sys_return,
		.clauses = k->clauses,
		.nclauses = k->nclauses,
		.period_ns = s->period_ns,
		.begin = r->probes[probe].probe->role == PROV_BEGIN,
		.end = r->probes[probe].probe->role == PROV_END,
	};
	return u;
}

/* The first unit of the site's key that takes the site. If no unit does, a new unit. */
static struct run_unit *unit_for(struct run *r, uint32_t probe, const struct prov_site *s)
{
	size_t len = 0;
	const struct key *key = key_make(r, probe, s, &len);
	struct run_unit *u = key ? hash_get(r->unit_by_key, key, len) : NULL, *last = NULL;

	for (; u && !run_places_take(u, s); u = u->next)
		last = u;
	if (u || !key)
		return u;
	u = unit_new(r, probe, s, key);
	if (!u || (!last && hash_set(r->unit_by_key, key, len, u, NULL)))
		return NULL;
	if (last)
		last->next = u;
	/* A second unit of one key: more sites with other places may come, so it uses a table. */
	run_places_first(u, s, last != NULL);
	return u;
}

static bool site_add(struct run *r, uint32_t probe, struct prov_site *s)
{
	struct run_unit *u = unit_for(r, probe, s);
	struct prov_site **site;
	uint64_t *cookie;

	if (!u)
		return false;
	site = ARENA_PUSH(r->arena, u->sites, u->nsites, u->sites_cap);
	cookie = ARENA_PUSH(r->arena, u->cookies, u->ncookies, u->cookies_cap);
	if (!site || !cookie)
		return false;
	*site = s;
	*cookie = RT_COOKIE(probe, 0);
	return run_places_join(u, s, cookie);
}

/* Reads symbols, so it is done only if a clause uses the caller. */
static void find_frames(struct run *r, const struct run_probe *p)
{
	if (!(cc_args_used(r->cc, p->clauses, p->nclauses) >> CC_CALLER & 1))
		return;
	for (size_t k = 0; k < p->probe->nsites; k++)
		prov_site_frame(r->env, &p->probe->sites[k]);
}

bool run_group(struct run *r)
{
	for (uint32_t i = 0; i < r->nprobes; i++) {
		struct run_probe *p = &r->probes[i];

		if (p->loaded)
			continue;
		p->loaded = true;
		/* ERROR has no unit: its clauses are functions of every program that can fault. */
		if (p->probe->role == PROV_ERROR) {
			cc_set_error_clauses(r->cc, p->clauses, p->nclauses, i);
			continue;
		}
		find_frames(r, p);
		for (size_t k = 0; k < p->probe->nsites; k++)
			if (!site_add(r, i, &p->probe->sites[k]))
				return false;
	}
	return true;
}
