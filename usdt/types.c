/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/types.c: reads the probe-type note (docs/type-note.md).
 * In:   a note's descriptor, untrusted.
 * Out:  struct usdt_types in the arena; strings are copies.
 * Owns: nothing.
 */
#include "usdt/inner.h"

#include <string.h>

#define NATTR 15 /* name, data and class of provider, module, function, name, args */

static bool read_pairs(struct arena *a, struct cursor *c, size_t n, const char ***types,
		       const char ***names)
{
	*types = arena_array(a, const char *, n ? n : 1);
	*names = arena_array(a, const char *, n ? n : 1);
	if (!*types || !*names)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *type = cur_str(c), *name = cur_str(c);

		if (c->bad)
			return false;
		(*types)[i] = arena_strdup(a, type);
		(*names)[i] = arena_strdup(a, name);
		if (!(*types)[i] || !(*names)[i])
			return false;
	}
	return true;
}

struct usdt_types *usdt_types_parse(struct arena *a, const void *desc, size_t len)
{
	struct cursor c = cur_init(desc, len);
	struct usdt_types *t = arena_new_of(a, struct usdt_types);
	const uint8_t *map, *attr;
	const char *provider, *probe;
	uint8_t version, nattr;

	if (!t)
		return NULL;
	version = cur_u8(&c);
	t->nargs = cur_u8(&c);
	t->nxargs = cur_u8(&c);
	nattr = cur_u8(&c);
	attr = cur_bytes(&c, nattr);
	map = cur_bytes(&c, t->nxargs);
	provider = cur_str(&c);
	probe = cur_str(&c);
	/* Later versions only append. */
	if (c.bad || version < 1 || nattr < NATTR || !*provider || !*probe)
		return NULL;
	memcpy(t->attr, attr, NATTR);
	for (size_t i = 0; i < t->nxargs; i++)
		if (map[i] >= t->nargs)
			return NULL;
	t->map = arena_dup(a, map, t->nxargs ? t->nxargs : 1);
	t->provider = arena_strdup(a, provider);
	t->probe = arena_strdup(a, probe);
	if (!t->map || !t->provider || !t->probe ||
	    !read_pairs(a, &c, t->nargs, &t->args, &t->arg_names) ||
	    !read_pairs(a, &c, t->nxargs, &t->xargs, &t->xarg_names))
		return NULL;
	return t;
}

size_t usdt_types_nargs(const struct usdt_types *t)
{
	return t->nargs;
}

const char *usdt_types_arg(const struct usdt_types *t, size_t i)
{
	return i < t->nargs ? t->args[i] : NULL;
}

const char *usdt_types_arg_name(const struct usdt_types *t, size_t i)
{
	return i < t->nargs ? t->arg_names[i] : NULL;
}

size_t usdt_types_nxargs(const struct usdt_types *t)
{
	return t->nxargs;
}

const char *usdt_types_xarg(const struct usdt_types *t, size_t i)
{
	return i < t->nxargs ? t->xargs[i] : NULL;
}

const char *usdt_types_xarg_name(const struct usdt_types *t, size_t i)
{
	return i < t->nxargs ? t->xarg_names[i] : NULL;
}

size_t usdt_types_map(const struct usdt_types *t, size_t i)
{
	return i < t->nxargs ? t->map[i] : 0;
}

unsigned usdt_types_attribute(const struct usdt_types *t, unsigned which, unsigned what)
{
	return which < 5 && what < 3 ? t->attr[which][what] : 0;
}

/* ---- args[] ------------------------------------------------------------------- */

static const char *type_by_size(const struct usdt_arg *a)
{
	static const char *const names[2][4] = {
		{ "uint8_t", "uint16_t", "uint32_t", "uint64_t" },
		{ "int8_t", "int16_t", "int32_t", "int64_t" },
	};

	if (a->is_float)
		return a->size == 4 ? "float" : a->size == 8 ? "double" : "long double";
	for (int i = 0; i < 4; i++)
		if (a->size == 1 << i)
			return names[a->is_signed][i];
	return "int64_t";
}

/* If sizes or signs differ between sites, args[i] is argi: 64 bits, extended as each site says. */
static const char *type_by_sites(const struct usdt_probe *p, size_t i)
{
	const char *type = type_by_size(&p->sites[0]->args[i]);

	for (size_t k = 1; k < p->nsites; k++)
		if (i < p->sites[k]->nargs && strcmp(type, type_by_size(&p->sites[k]->args[i])))
			return "int64_t";
	return type;
}

size_t usdt_probe_nargs(const struct usdt_probe *p)
{
	return p->types ? p->types->nxargs : p->sites[0]->nargs;
}

const char *usdt_probe_arg_type(const struct usdt_probe *p, size_t i)
{
	if (i >= usdt_probe_nargs(p))
		return NULL;
	return p->types ? p->types->xargs[i] : type_by_sites(p, i);
}

const char *usdt_probe_arg_name(const struct usdt_probe *p, size_t i)
{
	if (i >= usdt_probe_nargs(p))
		return NULL;
	return p->types ? p->types->xarg_names[i] : "";
}
