/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/stab.c: how stable a probe is (guide: chp-stab).
 * In:   a probe, its provider's row of attrs.def or its own attributes.
 * Out:  what the provider publishes; the least of a description; what exists.
 * Owns: nothing.
 */
#include "consumer/providers/inner.h"

#include <string.h>
#include <unistd.h>

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

bool prov_pdesc_attrs(struct prov_env *env, const struct d_pdesc *pd, struct d_attr out[D_NPARTS])
{
	struct least l = { .attr = out };

	return prov_match(env, pd, lower, &l) > 0;
}

static bool first(void *arg, struct prov_probe *p)
{
	(void)arg;
	(void)p;
	return false;
}

bool prov_exists(struct prov_env *env, const char *kind, const char *name)
{
	struct d_pdesc pd = { .mod = "", .func = "", .name = "", .prov = name, .text = name };
	char path[300];
	int n;

	if (!strcmp(kind, "provider"))
		return prov_match(env, &pd, first, NULL) > 0;
	n = snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !strcmp(name, "vmlinux") ||
	       (n > 0 && (size_t)n < sizeof(path) && !strchr(name, '/') && *name != '.' &&
		!access(path, F_OK));
}
