/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/link.c: loads sets of functions, and programs of the library, into the kernel.
 * In:   a set (jumps resolved), maps with their descriptors.
 * Out:  programs. This file says what names in them stand for; ebpf/ links and loads.
 * Owns: nothing.
 */
#include "config.h"

#include "consumer/compile/inner.h"
#include "kernel/kernel.h"

#include <stdio.h>

/* ---- Names ---------------------------------------------------------------------------------- */

static bool number(void *arg, const char *name, uint64_t *v)
{
	const struct cc *cc = arg;
	const struct {
		const char *name;
		uint64_t v;
	} numbers[] = {
		{ "slot_size", cc->slot_size },
		{ "strsize", cc->opt.strsize },
		{ "globals_size", cc->maps[CC_MAP_GLOBALS].value_size },
		{ "cpu_mask", cc->ncpu2 - 1 },
	};

	for (size_t i = 0; i < COUNT(numbers); i++)
		if (!strcmp(numbers[i].name, name)) {
			*v = numbers[i].v;
			return true;
		}
	return kern_offset(name, v) == 0;
}

static int map(void *arg, const char *name, int id)
{
	const struct cc *cc = arg;

	if (name)
		id = cc_map_by_name(name);
	return id < 0 || (size_t)id >= cc->nmaps ? -1 : cc->maps[id].fd;
}

/* ---- Maps that are used ---------------------------------------------------------------------- */

static void use_map(void *arg, const char *name)
{
	struct cc *cc = arg;
	int id = cc_map_by_name(name);

	if (id >= 0)
		cc->maps[id].used = true;
}

void cc_use_routine(struct cc *cc, const char *name)
{
	ebpf_maps(ebpf_routine(name), use_map, cc);
}

void cc_use(struct cc *cc, const struct cc_func *f)
{
	for (size_t i = 0; i < f->nrelocs; i++) {
		const struct ebpf_reloc *r = &f->relocs[i];

		if (r->kind == EBPF_MAP || r->kind == EBPF_VALUE)
			cc->maps[r->id].used = true;
		else if (r->name)
			cc_use_routine(cc, r->name);
	}
}

/* ---- Entry points ---------------------------------------------------------------------------- */

/* Where the set's first clause is in the script. */
static struct loc place(const struct cc *cc, const struct cc_func_set *set)
{
	return set->unit.nclauses ? cc->prog->clauses[set->unit.clauses[0]]->loc : NOWHERE;
}

int cc_set_load(struct cc *cc, const struct cc_func_set *set, const char *name, char *log,
		size_t log_size)
{
	const struct cc_context *ctx = &cc_contexts[set->unit.ctx];
	const struct ebpf_names names = { cc, number, map };
	const struct ebpf_kind kind = { .type = ctx->type,
					.attach = set->unit.multi ? ctx->bulk : ctx->attach,
					.attach_btf_id = ctx->by_btf ? set->unit.btf_id : 0,
					.flags = ctx->sleeps ? BPF_F_SLEEPABLE : 0,
					.ctx = ctx->arg,
					.ctx_is_typedef = ctx->is_typedef,
					.slot_size = cc->slot_size };
	struct ebpf_func *funcs = arena_array(cc->arena, struct ebpf_func, set->nfuncs);
	struct ebpf_image image;
	int err;

	if (!funcs)
		return -ENOMEM;
	for (size_t i = 0; i < set->nfuncs; i++)
		funcs[i] = cc_func_view(set->funcs[i]);
	err = ebpf_link(cc->arena, funcs, set->nfuncs, &kind, &names, &image);
	if (!err)
		err = ebpf_image_load(&image, name, log, log_size);
	else if (err == -ENOENT) /* the script needs a member that this kernel lacks */
		diag_error(cc->diag, place(cc, set), NULL, "%s", image.why);
	else if (log_size)
		snprintf(log, log_size, "%s", image.why);
	ebpf_image_close(&image);
	return err;
}

/* The program at sched_switch, which is a raw tracepoint. */
int cc_vtime_load(struct cc *cc)
{
	const struct cc_context *ctx = &cc_contexts[CC_CTX_RAWTP];
	const struct ebpf_names names = { cc, number, map };

	return ebpf_load("rt_prog_vtime",
			 &(struct ebpf_kind){ .type = ctx->type, .attach = ctx->attach }, &names,
			 NULL, 0);
}

/* What the names in a drain program stand for. */
struct drain {
	const struct cc_map *map;
	int hashes, ring;
};

static bool drain_number(void *arg, const char *name, uint64_t *v)
{
	const struct drain *d = arg;
	bool key = !strcmp(name, "key_size");

	*v = key ? d->map->key_size : d->map->value_size / 8;
	return key || !strcmp(name, "words");
}

static int drain_map(void *arg, const char *name, int id)
{
	const struct drain *d = arg;

	(void)id;
	return !strcmp(name, "hashes") ? d->hashes : !strcmp(name, "drained") ? d->ring : -1;
}

int cc_drain_load(const struct cc_map *map, int hashes, int ring)
{
	struct drain d = { map, hashes, ring };
	const struct ebpf_names names = { &d, drain_number, drain_map };

	if (map->value_size / 8 > RT_DRAIN_WORDS_MAX ||
	    RT_DRAIN_MOST(map->key_size, map->value_size / 8) > RT_DRAIN_RING / 2)
		return -E2BIG;
	return ebpf_load(
		"rt_prog_drain",
		&(struct ebpf_kind){ .type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE },
		&names, NULL, 0);
}
