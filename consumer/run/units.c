/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/units.c: units → programs → links.
 * In:   units, which group.c makes of the sites of probes.
 * Out:  a loaded program for each unit, attached in bulk.
 * Owns: programs and system call tables, until run_units_close.
 *
 * Probes that appear while tracing go the same way: their sites join loaded units or make new
 * units.
 */
#include "consumer/run/inner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static struct loc last_clause(const struct run *r, const struct run_unit *u)
{
	size_t n = u->cc.nclauses;

	return n ? r->prog->clauses[u->cc.clauses[n - 1]]->loc : NOWHERE;
}

static bool unit_plan(struct run *r, struct run_unit *u)
{
	int err;

	if (u->cc.select == CC_SELECT_SYSCALL && !table_make(u)) {
		diag_error(r->diag, NOWHERE, NULL, "cannot make a system call table: %s",
			   strerror(errno));
		return false;
	}
	err = run_places_settle(u);
	if (!err)
		err = cc_plan(r->cc, &u->cc, &u->set);
	if (err && !r->diag->errors)
		diag_error(r->diag, last_clause(r, u), NULL, "cannot compile: %s", strerror(-err));
	return !err;
}

static void too_long(struct run *r, const struct run_unit *u)
{
	const struct prov_probe *p = r->probes[u->cc.probe].probe;
	size_t n = u->cc.nclauses;
	struct loc last = last_clause(r, u);

	if (n < 2) {
		diag_error(r->diag, last, D_PROG_LEN, "this clause is too long for the kernel");
		diag_hint(r->diag, "make several clauses of it");
		return;
	}
	diag_error(
		r->diag, last, D_PROG_LEN,
		"too many clauses for one probe: the kernel cannot take the %zu of %s:%s:%s:%s together",
		n, p->prov, p->mod, p->func, p->name);
	diag_hint(r->diag, "let fewer clauses share a probe, or make them shorter");
}

/* Reports a refusal. A program may be too long for the verifier; other refusals are bugs here. */
static void refused(struct run *r, const struct run_unit *u, char *log)
{
	const struct prov_probe *p = r->probes[u->cc.probe].probe;
	char *end;

	if (u->prog == -E2BIG || strstr(log, "too complex")) {
		too_long(r, u);
		return;
	}
	diag_error(r->diag, NOWHERE, NULL, "the kernel refused the program for %s:%s:%s:%s: %s",
		   p->prov, p->mod, p->func, p->name, strerror(-u->prog));
	if (u->prog == -EMFILE || u->prog == -ENFILE || u->prog == -ENOMEM)
		return; /* resources are short: the program is not at fault */
	if (getenv("USDTKIT_VERIFIER_LOG")) {
		for (char *line, *rest = log; (line = strsep(&rest, "\n"));)
			diag_hint(r->diag, "%s", line);
		return;
	}
	/* The verifier's reason is near the end of the log, before the statistics. */
	end = strstr(log, "\nprocessed ");
	if (end)
		*end = '\0';
	end = strrchr(log, '\n');
	diag_hint(r->diag, "this is a bug of ours; the verifier says: %s", end ? end + 1 : log);
}

static bool unit_load(struct run *r, struct run_unit *u)
{
	const struct prov_probe *p = r->probes[u->cc.probe].probe;
	static const size_t log_size = 1 << 20;
	char *log = calloc(1, log_size), name[16];
	unsigned errors = r->diag->errors;

	if (!log) {
		diag_error(r->diag, NOWHERE, NULL, "no memory");
		return false;
	}
	snprintf(name, sizeof(name), "d_%s", p->name);
	u->prog = cc_set_load(r->cc, u->set, name, log, log_size);
	if (u->prog < 0 && r->diag->errors == errors)
		refused(r, u, log);
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
		row.by_process = p->by_process;
		snprintf(row.prov, sizeof(row.prov), "%s", p->prov);
		snprintf(row.mod, sizeof(row.mod), "%s", p->mod);
		snprintf(row.func, sizeof(row.func), "%s", p->func);
		snprintf(row.name, sizeof(row.name), "%s", p->name);
		bpf_map_update_elem(map->fd, &i, &row, BPF_ANY);
	}
	r->probes_told = r->nprobes;
}

/*
 * Units that come later share the maps that are made now. Each clause is therefore compiled once
 * for the most demanding unit, so that scratch slots are large enough and no map is missing.
 */
static bool rehearse(struct run *r)
{
	static const struct cc_args args = {
		.at = { [0 ... CC_NOPERANDS - 1] = { .kind = CC_A_UMEM, .size = 8, .index = -1 } },
	};
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

	if (!run_group(r)) {
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
	/* Leaves room for probes that appear later. */
	cc_set_probes_room(r->cc, (uint32_t)r->nprobes * 2 + 1024);
	run_vtime_plan(r);
	if (!run_maps_make(r))
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

bool run_units_fire(struct run *r, bool end)
{
	uint64_t ctx[12] = { 0 }; /* the arguments that a raw tracepoint's test run needs */

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
		run_places_close(u);
	}
	r->nunits = r->nunits_loaded = 0;
}
