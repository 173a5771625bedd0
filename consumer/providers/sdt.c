/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/sdt.c: the kernel's tracepoints, sdt:SYSTEM::NAME (guide:
 * chp-sdt). SYSTEM is the tracepoint's folder in tracefs, or vmlinux if the
 * folder is not known.
 * In:   the typedefs btf_trace_NAME of the kernel's BTF. Each tracepoint has
 *       such a typedef; its prototype gives the types of the arguments, but no
 *       names.
 * Out:  probes whose site is the raw tracepoint.
 * Owns: the list of tracepoints, in the environment's arena, and the table of
 *       systems, until close.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "btf_trace_";

struct row {
	const char *name;
	uint32_t proto; /* BTF id of the FUNC_PROTO */
	struct prov_probe *probe;
};

struct own {
	struct row *rows; /* by name */
	size_t n, cap;
	struct hash *systems; /* tracepoint → its system; NULL until a system is needed */
};

static int row_cmp(const void *l, const void *r)
{
	return strcmp(((const struct row *)l)->name, ((const struct row *)r)->name);
}

/* The prototype behind a typedef of a pointer to a function; 0: the typedef is something else. */
static uint32_t proto_of(const struct kern_btf *k, uint32_t typedef_ref)
{
	struct kern_type t;

	if (!kern_btf_type(k, typedef_ref, &t) || t.kind != BTF_KIND_PTR)
		return 0;
	typedef_ref = t.ref;
	return kern_btf_type(k, typedef_ref, &t) && t.kind == BTF_KIND_FUNC_PROTO ? typedef_ref : 0;
}

static bool rows_find(struct prov_env *env, struct own *own)
{
	const struct kern_btf *k = kern_btf();
	size_t same = 0;

	for (uint32_t id = 1; k && id < kern_btf_count(k); id++) {
		struct kern_type t;
		struct row *row;
		uint32_t proto;

		if (!kern_btf_type(k, id, &t) || t.kind != BTF_KIND_TYPEDEF ||
		    strncmp(t.name, prefix, sizeof(prefix) - 1))
			continue;
		proto = proto_of(k, t.ref);
		if (!proto)
			continue;
		row = ARENA_PUSH(env->arena, own->rows, own->n, own->cap);
		if (!row)
			return false;
		row->name = t.name + sizeof(prefix) - 1;
		row->proto = proto;
	}
	if (own->n)
		qsort(own->rows, own->n, sizeof(*own->rows), row_cmp);
	for (size_t i = 0; i < own->n; i++)
		if (!same || strcmp(own->rows[same - 1].name, own->rows[i].name))
			own->rows[same++] = own->rows[i];
	own->n = same;
	return true;
}

static struct own *own_get(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_sdt];

	if (own)
		return own;
	own = arena_new_of(env->arena, struct own);
	return own && rows_find(env, own) ? env->priv[PROV_ROW_sdt] = own : NULL;
}

/* ---- Systems ------------------------------------------------------------------- */

static void system_read(struct prov_env *env, struct own *own, int events, const char *name)
{
	int fd = openat(events, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	char *system = dir ? arena_strdup(env->arena, name) : NULL;
	struct dirent *e;

	while (system && (e = readdir(dir)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
		    hash_set_str(own->systems, e->d_name, system))
			break;
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static void systems_read(struct prov_env *env, struct own *own)
{
	int events = kern_events_open();
	DIR *dir = events >= 0 ? fdopendir(events) : NULL;
	struct dirent *e;

	own->systems = hash_new();
	while (own->systems && dir && (e = readdir(dir)))
		/* system calls are events without tracepoints of their own */
		if (e->d_type == DT_DIR && e->d_name[0] != '.' && strcmp(e->d_name, "syscalls"))
			system_read(env, own, dirfd(dir), e->d_name);
	if (dir)
		closedir(dir);
	else if (events >= 0)
		close(events);
}

static const char *system_of(struct prov_env *env, struct own *own, const char *name)
{
	const char *system;

	if (!own->systems)
		systems_read(env, own);
	system = own->systems ? hash_get_str(own->systems, name) : NULL;
	return system ? system : "vmlinux";
}

/* ---- Probes -------------------------------------------------------------------- */

/* The kernel passes every argument as 64 bits and zero-extends smaller arguments. The prototype
 * tells their real size and sign. */
static struct cc_arg arg_at(const struct kern_btf *k, uint32_t i, uint32_t id)
{
	struct cc_arg a = { .kind = CC_A_REG, .size = 8, .base = (int16_t)(8 * i), .index = -1 };
	struct kern_type t;
	uint32_t data = 0;

	if (!kern_btf_type(k, kern_btf_resolve(k, id), &t))
		return a;
	if (t.kind == BTF_KIND_INT)
		memcpy(&data, t.more, sizeof(data));
	else if (t.kind != BTF_KIND_ENUM)
		return a;
	a.is_signed = t.kind == BTF_KIND_ENUM ? t.flag : BTF_INT_ENCODING(data) & BTF_INT_SIGNED;
	if (t.ref && t.ref < 8)
		a.size = (uint8_t)t.ref;
	return a;
}

static bool args_fill(struct prov_env *env, struct prov_probe *p, uint32_t proto)
{
	const struct kern_btf *k = kern_btf();
	struct kern_type t;

	if (!kern_btf_type(k, proto, &t) || !t.vlen)
		return true;
	p->nargs = t.vlen - 1; /* the first is the tracepoint's own data */
	p->arg_btf = arena_array(env->arena, uint32_t, t.vlen);
	if (!p->arg_btf)
		return false;
	for (uint32_t i = 0; i < p->nargs; i++) {
		p->arg_btf[i] = kern_btf_param(k, &t, i + 1, NULL);
		if (i < COUNT(p->sites[0].args.arg))
			p->sites[0].args.arg[i] = arg_at(k, i, p->arg_btf[i]);
	}
	return true;
}

static struct prov_probe *probe(struct prov_env *env, struct own *own, size_t i)
{
	struct row *row = &own->rows[i];
	struct prov_probe *p = row->probe;

	if (p)
		return p;
	p = prov_probe_new(env, &prov_sdt, "sdt", system_of(env, own, row->name), "", row->name, 1);
	if (!p)
		return NULL;
	p->ordinal = (uint32_t)i;
	p->sites[0].ctx = CC_CTX_RAWTP;
	p->sites[0].tracepoint = row->name;
	return args_fill(env, p, row->proto) ? row->probe = p : NULL;
}

/* A tracepoint's name is a C name, without hyphens: most descriptions of other probes end here. */
static bool wants(struct prov_env *env, const struct d_pdesc *pd)
{
	(void)env;
	return text_glob(pd->prov, "sdt") && text_glob(pd->func, "") &&
	       (text_is_glob(pd->name) || !strchr(pd->name, '-'));
}

static int match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct own *own = wants(env, pd) ? own_get(env) : NULL;

	if (!own)
		return 0;
	for (size_t i = 0; i < own->n; i++) {
		struct prov_probe *p;

		if (!text_glob(pd->name, own->rows[i].name))
			continue;
		p = probe(env, own, i);
		if (!p)
			return -ENOMEM;
		if (text_glob(pd->mod, p->mod) && !found(arg, p))
			break;
	}
	return 0;
}

static size_t count(struct prov_env *env)
{
	struct own *own = own_get(env);

	return own ? own->n : 0;
}

static void types(struct prov_env *env, struct prov_probe *p)
{
	p->arg_types = arena_array(env->arena, const char *, p->nargs);
	for (size_t i = 0; p->arg_types && i < p->nargs; i++)
		p->arg_types[i] = kern_btf_text(kern_btf(), env->arena, p->arg_btf[i]);
}

static void close_all(struct prov_env *env)
{
	struct own *own = env->priv[PROV_ROW_sdt];

	if (own)
		hash_free(own->systems, NULL);
	env->priv[PROV_ROW_sdt] = NULL;
}

const struct prov prov_sdt = { .name = "sdt",
			       .attrs = prov_attrs_sdt,
			       .wants = wants,
			       .match = match,
			       .count = count,
			       .close = close_all,
			       .types = types };
