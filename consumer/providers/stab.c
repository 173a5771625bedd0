/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/stab.c: how stable a probe is (guide: chp-stab).
 * In:   a probe, its provider's row of attrs.def or its own attributes.
 * Out:  the published attributes; the least stable attributes of the name's parts.
 * Owns: nothing.
 */
#include "consumer/providers/inner.h"

#define ATTRS(prov, ...) const struct d_attr prov_attrs_##prov[D_NPARTS] = { __VA_ARGS__ };
#include "consumer/providers/attrs.def"

const struct d_attr *prov_attrs(const struct prov_probe *p)
{
	static const struct d_attr nothing_said[D_NPARTS] = {
		{ D_PRIVATE, D_PRIVATE, D_UNKNOWN }, { D_PRIVATE, D_PRIVATE, D_UNKNOWN },
		{ D_PRIVATE, D_PRIVATE, D_UNKNOWN }, { D_PRIVATE, D_PRIVATE, D_UNKNOWN },
		{ D_PRIVATE, D_PRIVATE, D_UNKNOWN },
	};

	if (p->attr)
		return p->attr;
	return p->owner->attrs ? p->owner->attrs : nothing_said;
}

struct d_attr prov_probe_attr(const struct prov_probe *p)
{
	const struct d_attr *of = prov_attrs(p);
	const char *const parts[] = { p->prov, p->mod, p->func, p->name };
	struct d_attr a = of[D_OF_PROVIDER];

	for (int i = D_OF_MODULE; i <= D_OF_NAME; i++)
		if (*parts[i])
			a = d_attr_min(a, of[i]);
	return a;
}
