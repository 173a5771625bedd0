/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/pid.c: pid1234:module:function:entry, the functions of
 * one process.
 * In:   a description; the files that the process has mapped, their symbols.
 * Out:  a probe for each function, at its first instruction.
 * Owns: the probes that it made, in the environment's arena, and their table,
 *       until close.
 */
#include "arch/arch.h"
#include "consumer/providers/inner.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct own {
	struct hash *made; /* file, address and name → the probe */
	/* What the last match saw, for why_none. */
	size_t modules, symbols;
	bool chosen; /* the loader chooses the function of that name (IFUNC) */
};

struct matching {
	struct prov_env *env;
	struct own *own;
	const struct d_pdesc *pd;
	prov_found *found;
	void *arg;
	pid_t pid;
	int file;
	const char *mod;
	bool is_glob;
	struct hash *seen; /* offsets given: a pattern gives a function once, by one name */
	struct world_symbols *symbols;
	int err;
};

static bool pid_wants(struct prov_env *env, const struct d_pdesc *pd)
{
	(void)env;
	return !pd->id && !strncmp(pd->prov, "pid", 3) && pd->prov[3] &&
	       strspn(pd->prov + 3, "0123456789") == strlen(pd->prov + 3);
}

static bool pid_claims(const struct d_pdesc *pd)
{
	return pid_wants(NULL, pd) && prov_pdesc_pid(pd);
}

static bool pid_by_process(const struct d_pdesc *pd, pid_t pid)
{
	return !pid || prov_pdesc_pid(pd) == pid;
}

/* Arguments are in registers, then above the return address on the stack. 32-bit programs have all
 * of them on the stack. */
static void args_set(struct cc_arg arg[10], int word)
{
	int nregs = word == 8 ? ARCH_X86_CALL_REGS : 0;

	for (int i = 0; i < 10; i++)
		arg[i] = (struct cc_arg){ .size = (uint8_t)word,
					  .is_signed = true,
					  .index = -1,
					  .scale = 1,
					  .kind = i < nregs ? CC_A_REG : CC_A_UMEM,
					  .base = i < nregs ? arch_x86_call[i] : ARCH_X86_rsp,
					  .disp = i < nregs ? 0 : word * (i - nregs + 1) };
}

/* Every description that names the function gets the same probe. */
static struct prov_probe *probe_for(struct matching *m, const char *func, uint64_t off)
{
	struct arena *a = m->env->arena;
	struct hash *made = m->own->made;
	char *key = arena_printf(a, "%d:%d:%" PRIx64 ":%s", (int)m->pid, m->file, off, func);
	struct prov_probe *p = key ? hash_get_str(made, key) : NULL;

	if (p || !key)
		return p;
	p = prov_probe_new(m->env, &prov_pid, arena_printf(a, "pid%d", (int)m->pid), m->mod,
			   arena_strdup(a, func), "entry", 1);
	if (!p || !p->prov || !p->func || hash_set_str(made, key, p))
		return NULL;
	p->sites[0].ctx = CC_CTX_UPROBE;
	p->sites[0].file = m->file;
	p->sites[0].off = off;
	p->sites[0].pid = m->pid;
	/* Nothing calls _start, so it has no return address. */
	p->sites[0].at_entry = strcmp(func, "_start");
	args_set(p->sites[0].args.arg, world_symbols_32bit(m->symbols) ? 4 : 8);
	return p;
}

static bool take(void *arg, const struct usdt_function *f)
{
	struct matching *m = arg;
	uint64_t off = f->offset;
	struct prov_probe *p;

	m->own->symbols++;
	if (f->is_chosen) {
		m->own->chosen |= !strcmp(f->name, m->pd->func);
		return true;
	}
	if (!text_glob(m->pd->func, f->name) ||
	    (m->is_glob && hash_get(m->seen, &off, sizeof(off))))
		return true;
	p = probe_for(m, f->name, off);
	if (!p || hash_set(m->seen, &off, sizeof(off), p, NULL)) {
		m->err = -ENOMEM;
		return false;
	}
	return m->found(m->arg, p);
}

static bool is_executable(pid_t pid, const char *path)
{
	char link[64], exe[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	return n > 0 && (size_t)n == strlen(path) && !memcmp(exe, path, (size_t)n);
}

/* A description may write libc.so or libc for libc.so.6 (guide: chp-pid). */
static bool is_module(const char *want, const char *base)
{
	size_t len = strlen(want);
	const char *rest = base + len;

	if (text_glob(want, base))
		return true;
	if (strncmp(want, base, len))
		return false;
	if (!strncmp(rest, ".so", 3))
		return !rest[3] || rest[3] == '.';
	return len > 3 && !strcmp(want + len - 3, ".so") && *rest == '.';
}

static struct own *own_get(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_pid];

	if (own)
		return own;
	own = arena_new_of(env->arena, struct own);
	if (own)
		own->made = hash_new();
	return own && own->made ? env->priv[PROV_ROW_pid] = own : NULL;
}

static int pid_match_file(struct prov_env *env, const struct d_pdesc *pd, int file, pid_t pid,
			  prov_found *found, void *arg)
{
	struct matching m = { .env = env,
			      .pd = pd,
			      .found = found,
			      .arg = arg,
			      .pid = pid,
			      .file = file,
			      .is_glob = !*pd->func || text_is_glob(pd->func),
			      .own = own_get(env) };
	int err;

	m.mod = world_file_base(env->world, file);
	if (!m.own)
		return -ENOMEM;
	if (world_file_open(env->world, file) < 0 ||
	    !(is_module(pd->mod, m.mod) ||
	      (!strcmp(pd->mod, "a.out") && is_executable(pid, world_file_path(env->world, file)))))
		return 0;
	m.own->modules++;
	m.symbols = world_file_symbols(env->world, file);
	if (!m.symbols)
		return 0;
	m.seen = hash_new();
	if (!m.seen)
		return -ENOMEM;
	err = world_symbols_each(m.symbols, take, &m);
	hash_free(m.seen, NULL);
	return err ? err : m.err;
}

static int pid_match_files(struct prov_env *env, const struct d_pdesc *pd, const int *files,
			   size_t n, pid_t pid, prov_found *found, void *arg)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = pid_match_file(env, pd, files[i], pid, found, arg);
	return err;
}

static int pid_match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	pid_t pid = prov_pdesc_pid(pd);
	const struct world_mapping *maps;
	struct own *own = own_get(env);
	size_t n;
	int err = 0;

	if (strcmp(pd->name, "entry")) {
		diag_error(env->diag, pd->loc, D_PDESC_INVAL,
			   "pid probes are function entries: %s cannot be traced; name it entry",
			   *pd->name ? pd->name : "every instruction");
		return -EOPNOTSUPP;
	}
	if (!pid) {
		diag_error(env->diag, pd->loc, D_PROC_GRAB, "failed to grab process %s: %s",
			   pd->prov + 3, strerror(ESRCH));
		return -ESRCH;
	}
	if (!own)
		return -ENOMEM;
	own->modules = own->symbols = 0;
	own->chosen = false;
	maps = world_mappings(env->world, pid, &n);
	for (size_t i = 0; i < n && !err; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= maps[k].file == maps[i].file;
		if (!again)
			err = pid_match_file(env, pd, maps[i].file, pid, found, arg);
	}
	return err;
}

/* ---- By id ---------------------------------------------------------------------- */

struct by_id {
	uint32_t id;
	pid_t pid;
	const char *mod;
	const char *func; /* has the id; NULL: not found yet */
};

static bool has_id(void *arg, const struct usdt_function *f)
{
	struct by_id *s = arg;
	char what[4096];
	int n = snprintf(what, sizeof(what), "pid%d:%s:%s:entry", (int)s->pid, s->mod, f->name);

	if (!f->is_chosen && (size_t)n < sizeof(what) && prov_id_of(PROV_ROW_pid, what) == s->id)
		s->func = f->name;
	return !s->func;
}

/* A hash has no inverse, so the id is that of some function in some process: all are tried, also
 * after a hit, because two functions may have one id. */
static int pid_match_id(struct prov_env *env, uint32_t id, prov_found *found, void *arg)
{
	size_t n;
	const struct world_mapping *maps = world_mappings(env->world, 0, &n);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		struct by_id s = { .id = id, .pid = maps[i].pid };
		struct d_pdesc pd = { .name = "entry" };
		struct world_symbols *symbols;
		bool again = false;

		for (size_t k = i; k-- > 0 && maps[k].pid == s.pid;)
			again |= maps[k].file == maps[i].file;
		if (again || world_file_open(env->world, maps[i].file) < 0 ||
		    !(symbols = world_file_symbols(env->world, maps[i].file)))
			continue;
		s.mod = world_file_base(env->world, maps[i].file);
		err = world_symbols_each(symbols, has_id, &s);
		if (err || !s.func)
			continue;
		pd.mod = s.mod;
		pd.func = s.func;
		pd.prov = arena_printf(env->arena, "pid%d", (int)s.pid);
		pd.text = pd.prov ? arena_printf(env->arena, "%s:%s:%s:entry", pd.prov, pd.mod,
						 pd.func) :
				    NULL;
		err = pd.text ? pid_match_file(env, &pd, maps[i].file, s.pid, found, arg) : -ENOMEM;
	}
	return err;
}

static const char *pid_why_none(struct prov_env *env, const struct d_pdesc *pd)
{
	const struct own *own = env->priv[PROV_ROW_pid];

	if (strncmp(pd->prov, "pid", 3))
		return NULL;
	if (!pid_wants(env, pd))
		return !pd->prov[3] || text_is_glob(pd->prov) ?
			       "pid probes are a process's: pid1234, or pid$target with -c or -p" :
			       NULL;
	if (!own || !own->modules)
		return arena_printf(env->arena, "process %s has mapped no file %s", pd->prov + 3,
				    pd->mod);
	if (!own->symbols)
		return arena_printf(env->arena, "%s has no symbols",
				    *pd->mod ? pd->mod : "what it has mapped");
	if (own->chosen)
		return arena_printf(env->arena,
				    "%s is chosen among several by the loader: name the "
				    "one that it took",
				    pd->func);
	return NULL;
}

static void pid_close(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_pid];

	if (own)
		hash_free(own->made, NULL);
	env->priv[PROV_ROW_pid] = NULL;
}

const struct prov prov_pid = { .name = "pid",
			       .attrs = prov_attrs_pid,
			       .user_memory = true,
			       .wants = pid_wants,
			       .claims = pid_claims,
			       .match = pid_match,
			       .close = pid_close,
			       .why_none = pid_why_none,
			       .match_files = pid_match_files,
			       .by_process = pid_by_process,
			       .match_id = pid_match_id };
