/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/usdt.c: statically defined probes of applications.
 * In:   a description; the files that processes have mapped.
 * Out:  probes. Each process has its own provider, whose name ends in the
 *       process id: python1234. A description that names all processes, now and
 *       later (python*), gives one probe for all of them, so that a file is
 *       attached once. Any other description gives one probe for each process.
 * Owns: the probes that it made, in the environment's arena, and their tables,
 *       until close.
 *
 * provider:module:function:name and the types of the arguments make a probe.
 * It gathers all its sites of one look at the world, whatever file they are in.
 * A file that appears later makes a new probe with the same id, because the
 * programs of the first probe are loaded by then.
 */
#include "consumer/providers/inner.h"

#include "base/hash.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT = PROV_ROW_usdt };

struct made {		     /* a probe of ours; the hash's value */
	struct prov_probe p; /* first, because found gets its address */
	unsigned serial;     /* the look at the world whose sites it gathers */
	unsigned mark;	     /* the last match that gave the probe */
	size_t sites_cap;
};

struct set { /* the probes made of a struct usdt_probe: a probe for each function of its sites */
	struct made **v;
	size_t n, cap;
};

struct usdt_state {
	struct hash *by_name; /* pid, prov, mod, func, name, types → newest struct made */
	struct hash *sets;    /* struct set_key → struct set */
	unsigned mark;
};

struct set_key { /* no padding */
	const struct usdt_probe *probe;
	int file;
	pid_t pid;
};

struct matching {
	struct prov_env *env;
	const struct d_pdesc *pd;
	struct made **v;
	size_t n, cap;
	pid_t pid; /* the process whose probes are made; 0: probes for all processes */
	int err;
};

/* ---- Descriptions ----------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_pattern(const struct d_pdesc *pd)
{
	return !*pd->prov || text_is_glob(pd->prov);
}

/* Every provider's name ends in a process id, and so in a digit. */
static bool usdt_wants(struct prov_env *env, const struct d_pdesc *pd)
{
	(void)env;
	return !pd->id && (is_pattern(pd) || is_digit(pd->prov[strlen(pd->prov) - 1]));
}

static bool is_named(const char *pattern, const char *base, uint64_t pid)
{
	char name[256];
	int n = snprintf(name, sizeof(name), "%s%" PRIu64, base, pid);

	return n > 0 && (size_t)n < sizeof(name) && text_glob(pattern, name);
}

/*
 * Does the pattern match the base followed by every process id? A pattern takes each digit of a
 * number for itself, so it is enough to try the numbers whose digits are all the same, in every
 * length. No number begins with 0, so zeros follow a 1.
 */
static bool names_all(const char *pattern, const char *base)
{
	enum { LONGEST = 7 }; /* the kernel's ids are below 2^22 */

	if (!is_named(pattern, base, 1))
		return false;
	for (int digit = 0; digit < 10; digit++) {
		uint64_t pid = digit ? (uint64_t)digit : 1;

		for (int len = 1; len <= LONGEST; len++, pid = pid * 10 + (uint64_t)digit)
			if (!is_named(pattern, base, pid))
				return false;
	}
	return true;
}

/* python1234 names one process. python* names all: no digit of an id is before its star. */
static bool usdt_by_process(const struct d_pdesc *pd, pid_t pid)
{
	size_t len = strlen(pd->prov), digits;
	char text[24];

	if (!len)
		return false;
	if (is_pattern(pd))
		return len > 1 && (pd->prov[len - 1] != '*' || is_digit(pd->prov[len - 2]) ||
				   strchr("?]*\\", pd->prov[len - 2]));
	snprintf(text, sizeof(text), "%d", (int)pid);
	digits = strlen(text);
	return !pid || (len > digits && !strcmp(pd->prov + len - digits, text));
}

/* ---- Probes ----------------------------------------------------------------------- */

static struct usdt_state *state_of(struct prov_env *env)
{
	struct usdt_state *s = env->priv[SLOT];

	if (s)
		return s;
	s = arena_new_of(env->arena, struct usdt_state);
	if (!s)
		return NULL;
	s->by_name = hash_new();
	s->sets = hash_new();
	env->priv[SLOT] = s;
	return s->by_name && s->sets ? s : NULL;
}

static struct made *made_for(struct matching *m, const struct usdt_probe *probe, int file,
			     const char *func, const char *types)
{
	struct arena *a = m->env->arena;
	struct usdt_state *s = m->env->priv[SLOT];
	unsigned serial = world_files_serial(m->env->world);
	const char *prov = m->pid ? arena_printf(a, "%s%d", usdt_probe_provider(probe),
						 (int)m->pid) :
				    arena_strdup(a, usdt_probe_provider(probe));
	const char *mod = world_file_base(m->env->world, file);
	char *key = prov ? arena_printf(a, "%d:%s:%s:%s:%s:%s", (int)m->pid, prov, mod, func,
					usdt_probe_name(probe), types) :
			   NULL;
	struct made *old = key ? hash_get_str(s->by_name, key) : NULL, *p;

	if (!key || (old && old->serial == serial))
		return old;
	p = arena_new_of(a, struct made);
	if (!p || hash_set_str(s->by_name, key, p))
		return NULL;
	p->serial = serial;
	p->p = (struct prov_probe){ .owner = &prov_usdt,
				    .prov = prov,
				    .mod = mod,
				    .func = arena_strdup(a, func),
				    .name = arena_strdup(a, usdt_probe_name(probe)),
				    .by_process = !m->pid,
				    .id = prov_id_of(PROV_ROW_usdt, key),
				    .ordinal = PROV_DYNAMIC };
	return p->p.func && p->p.name && prov_usdt_types(a, &p->p, probe) ? p : NULL;
}

static bool site_add(struct matching *m, const struct usdt_probe *probe, size_t i, int file,
		     const char *types, struct set *set)
{
	const struct usdt_site *site = usdt_probe_site(probe, i);
	struct made *p = made_for(m, probe, file, usdt_site_function(site), types), **slot;
	struct prov_site *to = p ? ARENA_PUSH(m->env->arena, p->p.sites, p->p.nsites,
					      p->sites_cap) :
				   NULL;

	if (!to)
		return false;
	to->ctx = CC_CTX_UPROBE;
	to->file = file;
	to->off = usdt_site_offset(site);
	to->ref_ctr = usdt_site_semaphore_offset(site);
	to->pid = m->pid;
	to->sys_nr = to->sys_abi = -1;
	if (!prov_usdt_args(m->env->arena, to, site))
		return false;
	for (size_t k = 0; p->p.arg_map && k < p->p.nargs && k < COUNT(to->args.map); k++)
		to->args.map[k] = (uint8_t)(p->p.arg_map[k] + 1);
	for (size_t k = 0; k < set->n; k++)
		if (set->v[k] == p)
			return true;
	slot = ARENA_PUSH(m->env->arena, set->v, set->n, set->cap);
	if (slot)
		*slot = p;
	return slot != NULL;
}

/* The set of a file's probe (and process) is made once: every description gets the same probes. */
static const struct set *set_of(struct matching *m, const struct usdt_probe *probe, int file)
{
	struct usdt_state *s = m->env->priv[SLOT];
	struct set_key key = { probe, file, m->pid };
	struct set *set = hash_get(s->sets, &key, sizeof(key));
	const char *types;

	if (set)
		return set;
	types = prov_usdt_types_text(m->env->arena, probe);
	set = types ? arena_new_of(m->env->arena, struct set) : NULL;
	for (size_t i = 0; set && i < usdt_probe_nsites(probe); i++)
		if (!site_add(m, probe, i, file, types, set))
			set = NULL;
	return set && !hash_set(s->sets, &key, sizeof(key), set, NULL) ? set : NULL;
}

/* ---- Matching ------------------------------------------------------------------------ */

static bool machine_is_ours(const struct usdt_file *f)
{
	return usdt_file_machine(f) == EM_X86_64 || usdt_file_machine(f) == EM_386;
}

static void take(struct matching *m, const struct set *set)
{
	struct usdt_state *s = m->env->priv[SLOT];

	for (size_t i = 0; i < set->n; i++) {
		struct made *p = set->v[i], **slot;

		if (p->mark == s->mark || !text_glob(m->pd->func, p->p.func))
			continue;
		p->mark = s->mark;
		slot = ARENA_PUSH(m->env->arena, m->v, m->n, m->cap);
		if (!slot)
			m->err = -ENOMEM;
		else
			*slot = p;
	}
}

static bool wants_probe(const struct matching *m, const char *base)
{
	const char *pattern = m->pd->prov;

	switch (m->env->naming) {
	case PROV_BOTH: return true;
	case PROV_EACH: return m->pid && is_named(pattern, base, (uint64_t)m->pid);
	case PROV_ENABLE: break;
	}
	if (!m->pid)
		return names_all(pattern, base);
	return is_named(pattern, base, (uint64_t)m->pid) && !names_all(pattern, base);
}

static void match_file(struct matching *m, int file)
{
	const struct usdt_file *f = world_file_usdt(m->env->world, file);

	if (!f || !machine_is_ours(f) ||
	    !text_glob(m->pd->mod, world_file_base(m->env->world, file)))
		return;
	for (size_t i = 0; i < usdt_file_nprobes(f) && !m->err; i++) {
		const struct usdt_probe *probe = usdt_file_probe(f, i);
		const struct set *set;

		if (!text_glob(m->pd->name, usdt_probe_name(probe)) ||
		    !wants_probe(m, usdt_probe_provider(probe)))
			continue;
		set = set_of(m, probe, file);
		if (set)
			take(m, set);
		else
			m->err = -ENOMEM;
	}
}

static int by_name(const void *va, const void *vb)
{
	const struct prov_probe *a = &(*(struct made *const *)va)->p;
	const struct prov_probe *b = &(*(struct made *const *)vb)->p;
	int c = strcmp(a->prov, b->prov);

	c = c ? c : strcmp(a->mod, b->mod);
	c = c ? c : strcmp(a->func, b->func);
	return c ? c : strcmp(a->name, b->name);
}

static int give(struct matching *m, prov_found *found, void *arg)
{
	if (m->err)
		return m->err;
	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), by_name);
	for (size_t i = 0; i < m->n; i++) {
		if (!found(arg, &m->v[i]->p))
			break;
	}
	return 0;
}

static bool matching_init(struct matching *m, struct prov_env *env, const struct d_pdesc *pd)
{
	struct usdt_state *s = state_of(env);

	*m = (struct matching){ .env = env, .pd = pd };
	if (s)
		s->mark++;
	return s;
}

/* Probes for all processes: each file once, in the order in which the mappings have them. */
static int match_wide(struct matching *m)
{
	size_t n, count;
	const struct world_mapping *maps = world_mappings(m->env->world, 0, &n);
	bool *done;

	count = world_files_count(m->env->world);
	done = calloc(count + 1, sizeof(*done));
	if (!done)
		return -ENOMEM;
	m->pid = 0;
	for (size_t i = 0; i < n; i++) {
		if (!done[maps[i].file])
			match_file(m, maps[i].file);
		done[maps[i].file] = true;
	}
	free(done);
	return m->err;
}

/* Probes of single processes: of one process, or of each process (pid 0). */
static int match_each(struct matching *m, pid_t pid)
{
	size_t n;
	const struct world_mapping *maps = world_mappings(m->env->world, pid, &n);

	for (size_t i = 0; i < n && !m->err; i++) {
		if (i && maps[i].pid == maps[i - 1].pid && maps[i].file == maps[i - 1].file)
			continue;
		m->pid = maps[i].pid;
		match_file(m, maps[i].file);
	}
	return m->err;
}

/* The process id may begin at any last digit: http21234 is http2 in 1234, or http in 21234. */
static int match_named(struct matching *m)
{
	const char *name = m->pd->prov, *end = name + strlen(name);
	uint64_t pid;

	for (const char *s = end; s > name + 1 && is_digit(s[-1]) && !m->err; s--)
		if (s[-1] != '0' && text_u64(s - 1, &pid) && pid <= INT32_MAX &&
		    (!kill((pid_t)pid, 0) || errno != ESRCH))
			match_each(m, (pid_t)pid);
	return m->err;
}

static int usdt_match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct matching m;
	int err = 0;

	if (!matching_init(&m, env, pd))
		return -ENOMEM;
	if (!is_pattern(pd))
		err = match_named(&m);
	else if (env->naming != PROV_EACH)
		err = match_wide(&m);
	if (!err && is_pattern(pd) && (env->naming != PROV_ENABLE || usdt_by_process(pd, 0)))
		err = match_each(&m, 0);
	return err ? err : give(&m, found, arg);
}

static int usdt_match_files(struct prov_env *env, const struct d_pdesc *pd, const int *files,
			    size_t n, pid_t pid, prov_found *found, void *arg)
{
	struct matching m;

	if (!matching_init(&m, env, pd))
		return -ENOMEM;
	m.pid = pid;
	for (size_t i = 0; i < n; i++)
		match_file(&m, files[i]);
	return give(&m, found, arg);
}

/* Does a mapped file have a provider of that name? The name is without a process id. */
static bool is_base(struct prov_env *env, const char *name)
{
	size_t n;
	const struct world_mapping *maps = world_mappings(env->world, 0, &n);

	for (size_t i = 0; i < n; i++) {
		const struct usdt_file *f = world_file_usdt(env->world, maps[i].file);

		for (size_t k = 0; f && k < usdt_file_nprobes(f); k++)
			if (!strcmp(usdt_probe_provider(usdt_file_probe(f, k)), name))
				return true;
	}
	return false;
}

static const char *usdt_why_none(struct prov_env *env, const struct d_pdesc *pd)
{
	const char *digits = pd->prov + strlen(pd->prov);
	pid_t pid = prov_pdesc_pid(pd);

	if (*pd->prov && !is_pattern(pd) && is_base(env, pd->prov))
		return arena_printf(env->arena,
				    "providers of programs are named with the process's id: "
				    "%s* are those of all processes",
				    pd->prov);
	while (digits > pd->prov && is_digit(digits[-1]))
		digits--;
	if (!usdt_wants(env, pd) || is_pattern(pd) || digits == pd->prov || !*digits)
		return NULL;
	if (!pid)
		return arena_printf(env->arena, "there is no process %s", digits);
	return world_has_ended(pid) ? arena_printf(env->arena, "process %d has ended", (int)pid) :
				      NULL;
}

/* A probe has several sites if its call was inlined, or if several files have the same name. */
static void sites_show(FILE *out, const struct prov_probe *p)
{
	fprintf(out, "\n\tProbe Sites\n\t\tNumber of Sites:  %zu\n", p->nsites);
}

static void usdt_close(struct prov_env *env)
{
	struct usdt_state *s = env->priv[SLOT];

	if (!s)
		return;
	hash_free(s->by_name, NULL);
	hash_free(s->sets, NULL);
	env->priv[SLOT] = NULL;
}

const struct prov prov_usdt = { .name = "usdt",
				.user_memory = true,
				.wants = usdt_wants,
				.match = usdt_match,
				.close = usdt_close,
				.why_none = usdt_why_none,
				.sites_show = sites_show,
				.match_files = usdt_match_files,
				.by_process = usdt_by_process };
