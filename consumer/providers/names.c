/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/names.c: the front end's questions about the world
 * (struct d_names), answered from the providers and the kernel's BTF.
 * In:   names of types and symbols; descriptions whose args[] are used.
 * Out:  types, addresses, attributes of stability.
 * Owns: nothing; the compile owns the types.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct name_source { /* prov_names' context */
	struct prov_env *env;
	struct d_names names;
	struct kernel_types types;
};

static struct d_type *world_type(void *ctx, struct d *d, enum d_kind kind, const char *name)
{
	struct name_source *w = ctx;

	return prov_type_named(&w->types, d, kind, name);
}

static bool world_complete(void *ctx, struct d *d, struct d_type *t)
{
	struct name_source *w = ctx;

	return prov_type_complete(&w->types, d, t);
}

/* ---- args[] ------------------------------------------------------------------------- */

struct asking {
	struct name_source *w;
	struct d *d;
	struct d_args *out;
	const struct prov_probe *first;
	bool failed;
};

static struct d_type *arg_type(struct asking *a, const struct prov_probe *p, size_t i)
{
	if (p->arg_btf && p->arg_btf[i] && prov_types_ready(&a->w->types, a->d)) {
		struct d_type *t = prov_type_of(&a->w->types, p->arg_btf[i]);

		if (t)
			return t;
	}
	return prov_type_by_text(&a->w->types, a->d, p->arg_types ? p->arg_types[i] : NULL,
				 p->owner->user_memory);
}

/* The type that the sites have, if args[i] is a translation of it; else NULL. */
static struct d_type *native_type(struct asking *a, const struct prov_probe *p, size_t i)
{
	return p->native_types && p->native_types[i] ?
		       prov_type_by_text(&a->w->types, a->d, p->native_types[i],
					 p->owner->user_memory) :
		       NULL;
}

static bool first_args(struct asking *a, const struct prov_probe *p)
{
	struct d_args *out = a->out;

	a->first = p;
	out->n = p->nargs;
	out->names = p->arg_names;
	out->types = arena_array(d_arena(a->d), struct d_type *, p->nargs + 1);
	out->native = arena_array(d_arena(a->d), struct d_type *, p->nargs + 1);
	for (size_t i = 0; out->types && out->native && i < p->nargs; i++) {
		out->types[i] = arg_type(a, p, i);
		out->native[i] = native_type(a, p, i);
		if (!out->types[i])
			return false;
	}
	return out->types && out->native;
}

static const char *probe_text(struct asking *a, const struct prov_probe *p)
{
	return arena_printf(d_arena(a->d), "%s:%s:%s:%s", p->prov, p->mod, p->func, p->name);
}

static bool same_args(struct asking *a, const struct prov_probe *p)
{
	bool same = p->nargs == a->out->n;

	for (size_t i = 0; same && i < p->nargs; i++) {
		struct d_type *t = arg_type(a, p, i), *native = native_type(a, p, i);

		same = t && d_same_type(t, a->out->types[i]) && !native == !a->out->native[i] &&
		       (!native || d_same_type(native, a->out->native[i]));
	}
	return same;
}

static bool args_of(void *arg, struct prov_probe *p)
{
	struct asking *a = arg;

	prov_types(a->w->env, p);
	if (!a->first) {
		a->failed = !first_args(a, p);
		return !a->failed;
	}
	if (same_args(a, p))
		return true;
	a->out->unstable = arena_printf(d_arena(a->d), "those of %s and %s differ",
					probe_text(a, a->first), probe_text(a, p));
	return false;
}

static bool world_args(void *ctx, struct d *d, const struct d_pdesc *pd, struct d_args *out)
{
	struct asking a = { .w = ctx, .d = d, .out = out };

	memset(out, 0, sizeof(*out));
	return prov_match(a.w->env, pd, args_of, &a) > 0 && a.first && !a.failed;
}

bool prov_same_args(struct prov_env *env, struct d *d, struct prov_probe *p, struct prov_probe *q)
{
	struct name_source w = { .env = env };
	struct d_args args = { 0 };
	struct asking a = { .w = &w, .d = d, .out = &args };

	prov_types(env, p);
	prov_types(env, q);
	return first_args(&a, p) && same_args(&a, q);
}

/* ---- Symbols -------------------------------------------------------------------------- */

/* BTF has types of functions and of few variables. Other variables are found without a type. */
static bool world_symbol(void *ctx, struct d *d, const char *mod, const char *name,
			 struct d_type **type, uint64_t *addr)
{
	struct name_source *w = ctx;
	struct kern_symbol symbol;
	uint32_t id = 0;

	if (!kern_symbol_named(mod, name, &symbol))
		return false;
	*addr = symbol.address;
	if (prov_types_ready(&w->types, d))
		id = kern_btf_find(w->types.btf, symbol.is_function ? BTF_KIND_FUNC : BTF_KIND_VAR,
				   name);
	*type = id ? prov_type_of(&w->types, id) : NULL;
	return true;
}

/* ---- Stability, and what exists ------------------------------------------------------- */

struct least {
	struct d_attr *attr;
	bool any;
};

static bool lower(void *arg, struct prov_probe *p)
{
	const struct d_attr *of = prov_attrs(p);
	struct least *l = arg;

	for (int i = 0; i < D_NPARTS; i++)
		l->attr[i] = l->any ? d_attr_min(l->attr[i], of[i]) : of[i];
	l->any = true;
	return true;
}

static bool pdesc_attrs(struct prov_env *env, const struct d_pdesc *pd, struct d_attr out[D_NPARTS])
{
	struct least l = { .attr = out };

	return prov_match(env, pd, lower, &l) > 0;
}

static bool any(void *arg, struct prov_probe *p)
{
	(void)arg;
	(void)p;
	return false;
}

static bool exists(struct prov_env *env, const char *kind, const char *name)
{
	struct d_pdesc pd = { .mod = "", .func = "", .name = "", .prov = name, .text = name };
	char path[300];
	int n;

	if (!strcmp(kind, "provider"))
		return prov_match(env, &pd, any, NULL) > 0;
	n = snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !strcmp(name, "vmlinux") ||
	       (n > 0 && (size_t)n < sizeof(path) && !strchr(name, '/') && *name != '.' &&
		!access(path, F_OK));
}

static const char *world_why_none(void *ctx, const struct d_pdesc *pd)
{
	struct name_source *w = ctx;

	return prov_why_none(w->env, pd);
}

static bool world_attrs(void *ctx, const struct d_pdesc *pd, struct d_attr out[D_NPARTS])
{
	struct name_source *w = ctx;

	return pdesc_attrs(w->env, pd, out);
}

static bool world_exists(void *ctx, const char *kind, const char *name)
{
	struct name_source *w = ctx;

	return exists(w->env, kind, name);
}

const struct d_names *prov_names(struct prov_env *env)
{
	struct name_source *w = arena_new_of(env->arena, struct name_source);

	if (!w)
		return NULL;
	w->env = env;
	w->names = (struct d_names){ .ctx = w,
				     .args = world_args,
				     .why_none = world_why_none,
				     .attrs = world_attrs,
				     .exists = world_exists,
				     .type = world_type,
				     .complete = world_complete,
				     .symbol = world_symbol };
	return &w->names;
}
