/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/usdt_args.c: arguments of statically defined probes.
 * In:   operands of a site, as usdt/ has parsed them; the type notes of a probe.
 * Out:  where a site has its arguments, why an argument cannot be read, types, and the provider's
 *       attributes of stability.
 * Owns: nothing; results are in the caller's arena.
 */
#include "arch/arch.h"
#include "consumer/providers/inner.h"

#include <string.h>

/* ---- Places ----------------------------------------------------------------- */

static void reg_arg(struct cc_arg *to, const struct usdt_arg *from)
{
	to->kind = CC_A_REG;
	to->base = from->base.offset;
	to->shift = from->base.shift;
}

static void pair_arg(struct cc_arg *to, const struct usdt_arg *from)
{
	to->kind = CC_A_PAIR;
	to->base = from->base.offset;
	to->index = from->index.offset;
}

/* A symbol's address moves with the file, so it is computed from the instruction pointer, which is
 * the site's address when the probe fires. Returns NULL, or why the argument cannot be read. */
static const char *mem_arg(struct cc_arg *to, const struct usdt_arg *from,
			   const struct usdt_site *site)
{
	to->kind = CC_A_UMEM;
	to->base = from->base.offset;
	to->index = from->index.offset;
	to->scale = from->scale ? from->scale : 1;
	to->narrow = (from->base.offset >= 0  ? from->base.width :
		      from->index.offset >= 0 ? from->index.width :
						8) < 8;
	if (from->index.offset >= 0 && from->index.is_signed && from->index.width < 8)
		return "a signed index of 32 bits";
	if (!from->is_address)
		return NULL;
	to->disp = from->disp - (int64_t)usdt_site_address(site);
	if (to->base >= 0 && to->index >= 0)
		/* struct cc_arg has room for two registers */
		return "an address that moves with its file, beside two registers";
	if (to->base < 0) {
		to->base = ARCH_X86_rip;
	} else {
		to->index = ARCH_X86_rip;
		to->scale = 1;
	}
	return NULL;
}

/* Fills `to`, whose bytes are zero. Returns NULL, or why the argument cannot be read. */
static const char *arg_of(struct cc_arg *to, const struct usdt_arg *from,
			  const struct usdt_site *site)
{
	to->size = from->size;
	to->is_signed = from->is_signed;
	to->is_float = from->is_float;
	to->disp = from->disp;
	if (from->kind != USDT_ARG_BAD && from->size != 1 && from->size != 2 && from->size != 4 &&
	    from->size != 8)
		return "wider than 64 bits";
	switch (from->kind) {
	case USDT_ARG_CONST:
		to->kind = CC_A_CONST;
		return from->is_address ? "an address that moves with its file" : NULL;
	case USDT_ARG_REG: reg_arg(to, from); return NULL;
	case USDT_ARG_PAIR: pair_arg(to, from); return NULL;
	case USDT_ARG_MEM: return mem_arg(to, from, site);
	case USDT_ARG_BAD: break;
	}
	return from->why;
}

static bool bad_arg(struct arena *a, struct prov_site *to, size_t i, const struct usdt_arg *from,
		    const char *why)
{
	if (!to->why)
		to->why = arena_array(a, const char *, COUNT(to->args.arg));
	if (!to->why)
		return false;
	to->args.arg[i].kind = CC_A_BAD;
	to->why[i] = arena_printf(a, "%s (%s)", why, from->text);
	return to->why[i];
}

bool prov_usdt_args(struct arena *a, struct prov_site *to, const struct usdt_site *site)
{
	size_t n = usdt_site_nargs(site);

	memset(&to->args, 0, sizeof(to->args));
	for (size_t i = 0; i < COUNT(to->args.arg); i++) {
		struct cc_arg *arg = &to->args.arg[i];
		const struct usdt_arg *from = i < n ? usdt_site_arg(site, i) : NULL;
		const char *why;

		arg->base = arg->index = -1;
		why = from ? arg_of(arg, from, site) : NULL;
		if (why && !bad_arg(a, to, i, from, why))
			return false;
	}
	return true;
}

/* Attributes from the provider's pragmas, as the type note has them. A number out of range gives
 * the least stable attribute. */
static bool attrs_set(struct arena *a, struct prov_probe *p, const struct usdt_types *types)
{
	struct d_attr *attr = arena_array(a, struct d_attr, D_NPARTS);

	for (unsigned i = 0; attr && i < D_NPARTS; i++) {
		unsigned name = usdt_types_attribute(types, i, 0);
		unsigned data = usdt_types_attribute(types, i, 1);
		unsigned class = usdt_types_attribute(types, i, 2);

		attr[i].name = name > D_STANDARD ? D_INTERNAL : (uint8_t)name;
		attr[i].data = data > D_STANDARD ? D_INTERNAL : (uint8_t)data;
		attr[i].class = class > D_COMMON ? D_UNKNOWN : (uint8_t) class;
	}
	p->attr = attr;
	return attr;
}

bool prov_usdt_types(struct arena *a, struct prov_probe *p, const struct usdt_probe *probe)
{
	const struct usdt_types *types = usdt_probe_types(probe);
	uint8_t *map;

	p->nargs = usdt_probe_nargs(probe);
	p->arg_types = arena_array(a, const char *, p->nargs + 1);
	p->arg_names = arena_array(a, const char *, p->nargs + 1);
	map = arena_alloc(a, p->nargs + 1);
	if (!p->arg_types || !p->arg_names || !map || (types && !attrs_set(a, p, types)))
		return false;
	for (size_t i = 0; i < p->nargs; i++) {
		const char *name = usdt_probe_arg_name(probe, i);

		p->arg_types[i] = arena_strdup(a, usdt_probe_arg_type(probe, i));
		p->arg_names[i] = *name ? arena_strdup(a, name) : NULL;
		map[i] = (uint8_t)(types ? usdt_types_map(types, i) : i);
		if (map[i] != i)
			p->arg_map = map;
	}
	return true;
}

const char *prov_usdt_types_text(struct arena *a, const struct usdt_probe *probe)
{
	const struct usdt_types *types = usdt_probe_types(probe);
	const char *text = "";

	for (size_t i = 0; text && i < usdt_probe_nargs(probe); i++)
		text = arena_printf(a, "%s%zu %s;", text, types ? usdt_types_map(types, i) : i,
				    usdt_probe_arg_type(probe, i));
	return text;
}
