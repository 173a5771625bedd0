/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/tables.c: the rows of contexts.def and maps.def, and the maps of one program.
 * In:   what the program is known to need.
 * Out:  facts of contexts; the list of maps, with their sizes.
 * Owns: nothing; the list is in struct cc.
 */
#include "consumer/compile/inner.h"
#include "ebpf/rt.h"
#include "kernel/kernel.h"

#include <stdio.h>

const struct cc_context cc_contexts[CC_NCTX] = {
#define CC_CTX(id, lower, type, ...) [CC_CTX_##id] = { #lower, BPF_PROG_TYPE_##type, __VA_ARGS__ },
#include "consumer/compile/contexts.def"
};

/* ---- Maps ------------------------------------------------------------------------------ */

/* size_NAME: computes a map's sizes from its row and what is known by now. */
#define CC_MAP(id, name, kind, value, entries_, always)                \
	static void size_##name(const struct cc *cc, struct cc_map *m) \
	{                                                              \
		(void)cc;                                              \
		m->value_size = (uint32_t)(value);                     \
		m->entries = (uint32_t)(entries_);                     \
	}
#include "consumer/compile/maps.def"

static const struct {
	const char *name;
	enum cc_mapkind kind;
	bool always;
	void (*size)(const struct cc *cc, struct cc_map *m);
} fixed[CC_NFIXEDMAPS] = {
#define CC_MAP(id, name, kind, value, entries, always) \
	[CC_MAP_##id] = { #name, CC_M_##kind, always, size_##name },
#include "consumer/compile/maps.def"
};

void cc_maps_layout(struct cc *cc)
{
	for (size_t i = 0; i < CC_NFIXEDMAPS; i++) {
		struct cc_map *m = &cc->maps[i];

		*m = (struct cc_map){
			.kind = fixed[i].kind, .key_size = 4, .used = fixed[i].always, .fd = -1
		};
		snprintf(m->name, sizeof(m->name), "%s", fixed[i].name);
	}
	cc->nmaps = CC_NFIXEDMAPS;
}

struct cc_map *cc_maps(struct cc *cc, size_t *n)
{
	for (size_t i = 0; i < CC_NFIXEDMAPS; i++) {
		struct cc_map *m = &cc->maps[i];

		if (m->fd >= 0)
			continue;
		fixed[i].size(cc, m);
		if (!m->value_size)
			m->value_size = 8; /* empty: the kernel makes no map of empty values */
	}
	*n = cc->nmaps;
	return cc->maps;
}

int cc_map_by_name(const char *name)
{
	for (int i = 0; i < CC_NFIXEDMAPS; i++)
		if (!strcmp(fixed[i].name, name))
			return i;
	return -1;
}

int cc_class_map(struct cc *cc, enum cc_mapkind kind, uint32_t key_class, uint32_t value_size)
{
	struct cc_map *m;

	for (size_t i = CC_NFIXEDMAPS; i < cc->nmaps; i++) {
		m = &cc->maps[i];
		if (m->kind == kind && m->key_size == key_class && m->value_size == value_size)
			return (int)i;
	}
	if (cc->nmaps == CC_MAXMAPS) {
		if (!cc->failed)
			diag_error(cc->diag, NOWHERE, NULL, "more than %d sorts of keys and values",
				   CC_MAXMAPS - CC_NFIXEDMAPS);
		cc->failed = true;
		return CC_MAP_ZERO;
	}
	m = &cc->maps[cc->nmaps];
	*m = (struct cc_map){ .kind = kind,
			      .key_size = key_class,
			      .value_size = value_size,
			      .used = true,
			      .fd = -1 };
	snprintf(m->name, sizeof(m->name), "%s_%u_%u", kind == CC_M_AGG ? "agg" : "dyn",
		 (unsigned)key_class % 10000, (unsigned)value_size % 100000);
	return (int)cc->nmaps++;
}
