/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/units.c: probes → units → programs → links.
 * In:   the enabling's probes with their clauses and sites.
 * Out:  one loaded program for each set of clauses, kind of context and
 *       place of arguments (design rules 2 and 9), attached in bulk.
 * Owns: programs and system call tables, until run_units_close.
 *
 * Probes that appear while tracing go the same way: their sites join a unit
 * that is loaded already, if one fits, else make a new one.
 */
#include "consumer/run/inner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Grouping ------------------------------------------------------------- */

/* What makes two sites one unit, as bytes. Zero-filled: compared whole. */
struct key_head {
	enum cc_ctx ctx;
	pid_t pid;
	uint32_t own; /* index + 1 of the probe whose unit is its own; 0: shared */
	bool sys_return;
	uint64_t period_ns;
	struct cc_args args;
	char tracepoint[64];
	size_t nclauses;
};

static bool is_syscall(const struct prov_site *s)
{
	return s->ctx == CC_CTX_RAWTP && s->sys_nr >= 0;
}

static const char *key_make(struct run *r, uint32_t probe, const struct prov_site *s, size_t *len)
{
	const struct run_probe *p = &r->probes[probe];
	uint32_t used = cc_args_used(r->cc, p->clauses, p->nclauses);
	size_t bytes = sizeof(struct key_head) + p->nclauses * sizeof(*p->clauses);
	struct key_head *k = arena_alloc(r->arena, bytes);
	static const uint8_t none[sizeof(s->args.map)];
	bool mapped = memcmp(s->args.map, none, sizeof(none)); /* args[n] may be any of them */

	if (!k)
		return NULL;
	k->ctx = s->ctx;
	k->pid = s->pid;
	k->nclauses = p->nclauses;
	for (size_t i = 0; i < COUNT(k->args.arg); i++)
		if (used & 1u << i || mapped)
			k->args.arg[i] = s->args.arg[i];
	memcpy(k->args.map, s->args.map, sizeof(k->args.map));
	if (s->tracepoint)
		snprintf(k->tracepoint, sizeof(k->tracepoint), "%s", s->tracepoint);
	if (is_syscall(s))
		k->sys_return = s->sys_return;
	else if (!cc_contexts[s->ctx].cookies)
		k->own = probe + 1;
	k->period_ns = s->period_ns;
	memcpy(k + 1, p->clauses, p->nclauses * sizeof(*p->clauses));
	*len = bytes;
	return (const char *)k;
}

static struct run_unit *unit_new(struct run *r, uint32_t probe, const struct prov_site *s,
				 const char *key, size_t len)
{
	struct run_unit *u = arena_new_of(r->arena, struct run_unit);
	struct run_unit **slot = ARENA_PUSH(r->arena, r->units, r->nunits, r->units_cap);
	const struct key_head *k = (const void *)key;

	if (!u || !slot || hash_set(r->unit_by_key, key, len, u, NULL))
		return NULL;
	*slot = u;
	u->prog = u->table_fd = -1;
	u->cc = (struct cc_unit){
		.ctx = s->ctx,
		.tracepoint = *k->tracepoint ? k->tracepoint : NULL,
		.probe = probe,
		.pid = s->pid,
		.args = &k->args,
		.table = -1,
		.multi = cc_contexts[s->ctx].bulk && prov_has(PROV_F_UPROBE_MULTI),
		.select = is_syscall(s)		      ? CC_SELECT_SYSCALL :
			  cc_contexts[s->ctx].cookies ? CC_SELECT_COOKIE :
							CC_SELECT_STATIC,
		.sys_return = k->sys_return,
		.clauses = (const int *)(k + 1),
		.nclauses = k->nclauses,
		.period_ns = s->period_ns,
		.begin = r->probes[probe].probe->role == PROV_BEGIN,
		.end = r->probes[probe].probe->role == PROV_END,
	};
	return u;
}

static bool unit_add(struct run *r, uint32_t probe, struct prov_site *s)
{
	size_t len = 0;
	const char *key = key_make(r, probe, s, &len);
	struct run_unit *u = key ? hash_get(r->unit_by_key, key, len) : NULL;
	struct prov_site **site;
	uint64_t *cookie;

	if (key && !u)
		u = unit_new(r, probe, s, key, len);
	if (!u)
		return false;
	site = ARENA_PUSH(r->arena, u->sites, u->nsites, u->sites_cap);
	cookie = ARENA_PUSH(r->arena, u->cookies, u->ncookies, u->cookies_cap);
	if (!site || !cookie)
		return false;
	*site = s;
	*cookie = probe;
	return true;
}

static bool group(struct run *r)
{
	for (uint32_t i = 0; i < r->nprobes; i++) {
		struct run_probe *p = &r->probes[i];

		if (p->loaded)
			continue;
		p->loaded = true;
		/* No unit: its clauses are functions of every program that can fault. */
		if (p->probe->role == PROV_ERROR) {
			cc_set_error_clauses(r->cc, p->clauses, p->nclauses, i);
			continue;
		}
		for (size_t k = 0; k < p->probe->nsites; k++)
			if (!unit_add(r, i, &p->probe->sites[k]))
				return false;
	}
	return true;
}

/* ---- System call tables ----------------------------------------------------- */

enum { TABLE_BYTES = 2 * CC_SYSCALLS * sizeof(uint32_t) };

static bool table_make(struct run_unit *u)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *p;

	u->table_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "syscalls", 4, TABLE_BYTES, 1, &opts);
	if (u->table_fd < 0)
		return false;
	p = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, u->table_fd, 0);
	if (p == MAP_FAILED)
		return false;
	u->table = p;
	u->cc.table = u->table_fd;
	for (size_t i = 0; i < u->nsites; i++)
		u->table[u->sites[i]->sys_abi * CC_SYSCALLS + u->sites[i]->sys_nr] =
			(uint32_t)u->cookies[i] + 1;
	return true;
}

/* ---- Loading ------------------------------------------------------------------ */

static bool unit_plan(struct run *r, struct run_unit *u)
{
	int err;

	if (u->cc.select == CC_SELECT_SYSCALL && !table_make(u)) {
		diag_error(r->diag, NOWHERE, NULL, "cannot make a system call table: %s",
			   strerror(errno));
		return false;
	}
	err = cc_plan(r->cc, &u->cc, &u->set);
	if (err && !r->diag->errors)
		diag_error(r->diag, NOWHERE, NULL, "cannot compile: %s", strerror(-err));
	return !err;
}

/* The kernel has a limit on what it verifies; all else would be a bug of ours. */
static void refused(struct run *r, const struct run_unit *u, char *log)
{
	const struct prov_probe *p = r->probes[u->cookies[0]].probe;
	char *end;

	if (u->prog == -E2BIG || strstr(log, "too complex")) {
		diag_error(r->diag, NOWHERE, NULL,
			   "the %zu clauses of %s:%s:%s:%s are too long together for the kernel",
			   u->cc.nclauses, p->prov, p->mod, p->func, p->name);
		diag_hint(r->diag, "let fewer clauses share a probe, or make them shorter");
		return;
	}
	diag_error(r->diag, NOWHERE, NULL, "the kernel refused the program for %s:%s:%s:%s: %s",
		   p->prov, p->mod, p->func, p->name, strerror(-u->prog));
	if (u->prog == -EMFILE || u->prog == -ENFILE || u->prog == -ENOMEM)
		return; /* no fault of the program's */
	if (getenv("USDTKIT_VERIFIER_LOG")) {
		diag_hint(r->diag, "%s", log);
		return;
	}
	/* The verifier's reason is near its end, before the statistics. */
	end = strstr(log, "\nprocessed ");
	if (end)
		*end = '\0';
	end = strrchr(log, '\n');
	diag_hint(r->diag, "this is a bug of ours; the verifier says: %s", end ? end + 1 : log);
}

static bool unit_load(struct run *r, struct run_unit *u)
{
	const struct prov_probe *p = r->probes[u->cookies[0]].probe;
	static const size_t log_size = 1 << 20;
	char *log = calloc(1, log_size), name[16];
	struct cc_image image;
	int err = log ? cc_link(r->cc, u->set, &image) : -ENOMEM;

	if (err) {
		if (!r->diag->errors)
			diag_error(r->diag, NOWHERE, NULL, "cannot link a program: %s",
				   strerror(-err));
		free(log);
		return false;
	}
	snprintf(name, sizeof(name), "d_%s", p->name);
	for (char *c = name; *c; c++)
		*c = *c == '-' || *c == ':' ? '_' : *c;
	u->prog = cc_image_load(&image, name, log, log_size);
	if (u->prog < 0)
		refused(r, u, log);
	cc_image_close(&image);
	free(log);
	return u->prog >= 0;
}

static void probes_fill(struct run *r)
{
	size_t n;
	struct cc_map *map = &cc_maps(r->cc, &n)[CC_MAP_PROBES];
	struct rt_probe row;

	if (map->fd < 0)
		return;
	for (uint32_t i = (uint32_t)r->probes_told; i < r->nprobes && i < map->entries; i++) {
		const struct prov_probe *p = r->probes[i].probe;

		memset(&row, 0, sizeof(row));
		row.id = p->id;
		snprintf(row.prov, sizeof(row.prov), "%s", p->prov);
		snprintf(row.mod, sizeof(row.mod), "%s", p->mod);
		snprintf(row.func, sizeof(row.func), "%s", p->func);
		snprintf(row.name, sizeof(row.name), "%s", p->name);
		bpf_map_update_elem(map->fd, &i, &row, BPF_ANY);
	}
	r->probes_told = r->nprobes;
}

/*
 * Units that come later share the maps that are made now: each clause is compiled once as the
 * most demanding unit would, so that scratch slots are large enough and no map is missing.
 */
static bool rehearse(struct run *r)
{
	static const struct cc_args args = { .arg = {
						     [0 ... 9] = { .kind = CC_A_UMEM,
								   .size = 8,
								   .index = -1 },
					     } };
	struct cc_func_set *set;

	for (int i = 0; i < (int)r->prog->nclauses; i++) {
		struct cc_unit u = { .ctx = CC_CTX_UPROBE,
				     .select = CC_SELECT_COOKIE,
				     .args = &args,
				     .table = -1,
				     .clauses = &i,
				     .nclauses = 1 };

		if (cc_plan(r->cc, &u, &set))
			return false;
	}
	return true;
}

bool run_units_load(struct run *r)
{
	size_t first = r->nunits_loaded;

	if (!group(r)) {
		diag_error(r->diag, NOWHERE, NULL, "no memory");
		return false;
	}
	for (size_t i = first; i < r->nunits; i++)
		if (!unit_plan(r, r->units[i]))
			return false;
	if (!r->state && (world_watch_fd(r->world) >= 0 || r->world->ntargets) && !rehearse(r)) {
		diag_error(r->diag, NOWHERE, NULL, "no memory");
		return false;
	}
	/* With room for those that appear later. */
	cc_set_probes_room(r->cc, (uint32_t)r->nprobes * 2 + 1024);
	if (!run_vtime_plan(r) || !run_maps_make(r))
		return false;
	probes_fill(r);
	for (size_t i = first; i < r->nunits; i++)
		if (!unit_load(r, r->units[i]))
			return false;
	r->nunits_loaded = r->nunits;
	return true;
}

/* ---- Attaching ------------------------------------------------------------------ */

static bool unit_attach(struct run *r, struct run_unit *u)
{
	struct prov_attach what = {
		.ctx = u->cc.ctx,
		.prog = u->prog,
		.multi = u->cc.multi,
		.sites = u->sites + u->attached,
		.cookies = u->cookies + u->attached,
		.nsites = u->nsites - u->attached,
	};

	if (!what.nsites)
		return true;
	if (u->cc.select == CC_SELECT_SYSCALL) { /* one attachment serves all numbers */
		if (u->attached)
			return true;
		what.nsites = 1;
	}
	if (prov_attach(r->env, &what, r->links))
		return false;
	u->attached = u->nsites;
	return true;
}

bool run_units_attach(struct run *r)
{
	if (!run_vtime_attach(r))
		return false;
	for (size_t i = 0; i < r->nunits; i++)
		if (!unit_attach(r, r->units[i]))
			return false;
	return true;
}

static bool is_traced_alone(const struct run *r, pid_t pid)
{
	for (size_t i = 0; i < r->nunits; i++)
		if (r->units[i]->cc.pid == pid)
			return true;
	return false;
}

void run_units_life(struct run *r, const struct world_event *ev)
{
	struct life *life = NULL;

	for (size_t i = 0; i < r->nlives; i++)
		if (r->lives[i].pid == ev->pid)
			life = &r->lives[i];
	if (life && ev->kind == WORLD_EV_EXEC)
		life->renewed = true;
	else if (life && ev->kind == WORLD_EV_FORK)
		*life = r->lives[--r->nlives]; /* another process by that number */
	else if (!life && ev->kind == WORLD_EV_EXIT && is_traced_alone(r, ev->pid) &&
		 (life = ARENA_PUSH(r->arena, r->lives, r->nlives, r->lives_cap)))
		/* Perf events have no hit of the other threads from then on. */
		*life = (struct life){ .pid = ev->pid, .ending = !prov_has(PROV_F_UPROBE_MULTI) };
}

bool run_units_ending(const struct run *r)
{
	for (size_t i = 0; i < r->nlives; i++)
		if (r->lives[i].ending)
			return true;
	return false;
}

/* The kernel tells of a thread's end a moment before the end can be seen. */
static void life_settle(struct life *life)
{
	if (world_first_thread_ended(life->pid))
		life->renewed = true;
	else if (world_has_ended(life->pid))
		life->ending = false;
}

/* First the old ones go, for their programs would still see the hits of the new. */
void run_units_renew(struct run *r)
{
	for (size_t i = r->nlives; i > 0; i--) {
		struct life *life = &r->lives[i - 1];

		if (life->ending)
			life_settle(life);
		if (!life->renewed)
			continue;
		prov_links_drop(r->links, life->pid);
		for (size_t k = 0; k < r->nunits; k++)
			if (r->units[k]->cc.pid == life->pid)
				r->units[k]->attached = 0;
		*life = r->lives[--r->nlives];
	}
}

bool run_units_fire(struct run *r, bool end)
{
	uint64_t ctx[12] = { 0 }; /* what a raw tracepoint's test run must be given */

	for (size_t i = 0; i < r->nunits; i++) {
		struct run_unit *u = r->units[i];
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ctx, .ctx_size_in = sizeof(ctx));

		if (end ? !u->cc.end : !u->cc.begin)
			continue;
		if (bpf_prog_test_run_opts(u->prog, &opts)) {
			diag_error(r->diag, NOWHERE, NULL, "cannot fire %s: %s",
				   end ? "END" : "BEGIN", strerror(errno));
			return false;
		}
	}
	return true;
}

void run_units_missed(struct run *r)
{
	for (size_t i = 0; i < r->nunits; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		struct run_unit *u = r->units[i];

		if (u->prog < 0 || bpf_obj_get_info_by_fd(u->prog, &info, &len))
			continue;
		r->kernel_missed += info.recursion_misses - u->missed;
		u->missed = info.recursion_misses;
	}
}

void run_units_close(struct run *r)
{
	for (size_t i = 0; i < r->nunits; i++) {
		struct run_unit *u = r->units[i];

		if (u->prog >= 0)
			close(u->prog);
		if (u->table)
			munmap(u->table, TABLE_BYTES);
		if (u->table_fd >= 0)
			close(u->table_fd);
	}
	r->nunits = r->nunits_loaded = 0;
}
