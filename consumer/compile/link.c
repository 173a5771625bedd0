/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/link.c: functions to an image the kernel takes.
 * In:   a set of functions (jumps resolved), the library's table, maps with their fds.
 * Out:  one array of instructions: the set's functions in their order, then the routines that are
 *       used, each once; calls, maps and holes filled in; BTF that lets every function be verified
 *       by itself; the program type that its context needs.
 * Owns: an image's BTF fd, until cc_image_close. Its arrays are the arena's.
 */
#include "config.h"

#include "ebpf/rt.h"
#include "ebpf/table.h"
#include "consumer/compile/inner.h"
#include "kernel/kernel.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_FUNCS = 256 };

/* One function in the image. */
struct part {
	const char *name;
	const char *params; /* c ctx, f fire, s slot, i a number */
	const struct bpf_insn *insns;
	size_t n, start;	    /* n 0: nothing calls it, it is left out */
	const struct cc_func *func; /* one of these two */
	const struct rt_routine *routine;
};
struct linker {
	struct cc *cc;
	const struct cc_func_set *set;
	struct part *parts;
	size_t nparts, cap;
	struct bpf_insn *insns;
	int err;
};

/* ---- What contexts demand ---------------------------------------------------------------- */

const struct cc_context cc_contexts[CC_NCTX] = {
#define CC_CTX(id, lower, type, ...) [CC_CTX_##id] = { #lower, BPF_PROG_TYPE_##type, __VA_ARGS__ },
#include "consumer/compile/contexts.def"
};

/* ---- Which functions --------------------------------------------------------------------- */

static int routine_cmp(const void *name, const void *routine)
{
	return strcmp(name, ((const struct rt_routine *)routine)->name);
}

static int fail(struct linker *l, int err, const char *what, const char *name)
{
	if (!l->err)
		diag_error(l->cc->diag, NOWHERE, NULL, "internal error: %s '%s'", what, name);
	l->err = l->err ? l->err : err;
	return -1;
}

/* The index of a routine's part; it is added when first used, with what it calls. */
static int routine_part(struct linker *l, const char *name)
{
	const struct rt_routine *r;
	struct part *p;
	int index;

	for (size_t i = 0; i < l->nparts; i++)
		if (l->parts[i].routine && !strcmp(l->parts[i].name, name))
			return (int)i;
	r = bsearch(name, rt_routines, rt_nroutines, sizeof(*r), routine_cmp);
	if (!r)
		return fail(l, -ENOENT, "no library routine", name);
	p = ARENA_PUSH(l->cc->arena, l->parts, l->nparts, l->cap);
	if (!p)
		return fail(l, -ENOMEM, "no memory for", name);
	index = (int)l->nparts - 1;
	*p = (struct part){ .name = r->name,
			    .params = r->params,
			    .insns = r->insns,
			    .n = r->ninsns,
			    .routine = r };
	for (uint32_t i = 0; i < r->nlinks; i++)
		if (r->links[i].kind == RT_L_CALL)
			routine_part(l, r->links[i].name);
	return index;
}

/* What is called from function i on. Nothing calls `send` when the only clause that records ends in
 * a fault, always; the kernel takes no function that nothing calls. */
static void mark_called(const struct cc_func_set *set, size_t i, bool *called)
{
	const struct cc_func *f = set->funcs[i];

	if (called[i])
		return;
	called[i] = true;
	for (size_t j = 0; j < f->nrelocs; j++)
		if (f->relocs[j].kind == CC_R_CALL)
			mark_called(set, (size_t)f->relocs[j].target, called);
}

static int collect(struct linker *l)
{
	bool *called = arena_array(l->cc->arena, bool, l->set->nfuncs);
	size_t n = 0;

	if (!called)
		return -ENOMEM;
	mark_called(l->set, 0, called);
	for (size_t i = 0; i < l->set->nfuncs; i++) {
		const struct cc_func *f = l->set->funcs[i];
		struct part *p = ARENA_PUSH(l->cc->arena, l->parts, l->nparts, l->cap);

		if (!p)
			return -ENOMEM;
		*p = (struct part){ .name = f->name,
				    .params = f->params,
				    .insns = f->insns,
				    .n = called[i] ? f->n : 0,
				    .func = f };
	}
	for (size_t i = 0; i < l->set->nfuncs; i++)
		for (size_t j = 0; called[i] && j < l->set->funcs[i]->nrelocs; j++)
			if (l->set->funcs[i]->relocs[j].kind == CC_R_ROUTINE)
				routine_part(l, l->set->funcs[i]->relocs[j].name);
	if (l->err)
		return l->err;
	if (l->nparts > MAX_FUNCS) {
		diag_error(l->cc->diag, NOWHERE, NULL,
			   "too many clauses for one probe: %zu functions, the kernel takes %d",
			   l->nparts, MAX_FUNCS);
		return -E2BIG;
	}
	for (size_t i = 0; i < l->nparts; i++) {
		l->parts[i].start = n;
		n += l->parts[i].n;
	}
	l->insns = arena_array(l->cc->arena, struct bpf_insn, n);
	if (!l->insns)
		return -ENOMEM;
	for (size_t i = 0; i < l->nparts; i++)
		memcpy(l->insns + l->parts[i].start, l->parts[i].insns,
		       l->parts[i].n * sizeof(struct bpf_insn));
	return 0;
}

/* ---- Relocations -------------------------------------------------------------------------- */

static bool hole(const struct cc *cc, const char *name, uint64_t *v)
{
	const struct {
		const char *name;
		uint64_t v;
	} holes[] = {
		{ "rt_hole_slot_size", cc->slot_size },
		{ "rt_hole_strsize", cc->opt.strsize },
		{ "rt_hole_globals_size", cc->maps[CC_MAP_GLOBALS].value_size },
		{ "rt_hole_cpu_mask", cc->ncpu2 - 1 },
#define CC_HOLE(id, path) { "rt_hole_" #id, cc->kernel.id },
#include "consumer/compile/holes.def"
	};

	for (size_t i = 0; i < COUNT(holes); i++)
		if (!strcmp(holes[i].name, name)) {
			*v = holes[i].v;
			return true;
		}
	return false;
}

static void put_hole(struct linker *l, size_t at, const char *name)
{
	struct bpf_insn *i = &l->insns[at];
	uint64_t v;

	if (!hole(l->cc, name, &v)) {
		fail(l, -ENOENT, "no number is called", name);
		return;
	}
	v += (uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32;
	i[0].imm = (int32_t)(uint32_t)v;
	i[1].imm = (int32_t)(uint32_t)(v >> 32);
}

static void put_map(struct linker *l, size_t at, int map, bool value, uint32_t addend)
{
	struct bpf_insn *i = &l->insns[at];

	if (map < 0 || (size_t)map >= l->cc->nmaps || l->cc->maps[map].fd < 0) {
		fail(l, -EBADF, "a map was not made:",
		     map < 0 || (size_t)map >= l->cc->nmaps ? "?" : l->cc->maps[map].name);
		return;
	}
	i[0].src_reg = value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
	i[0].imm = l->cc->maps[map].fd;
	i[1].imm = value ? (int32_t)addend : 0;
}

static void put_call(struct linker *l, size_t at, int part)
{
	if (part < 0)
		return;
	l->insns[at].src_reg = BPF_PSEUDO_CALL;
	l->insns[at].imm = (int32_t)l->parts[part].start - (int32_t)at - 1;
}

static void resolve_func(struct linker *l, const struct part *p)
{
	for (size_t i = 0; i < p->func->nrelocs; i++) {
		const struct cc_reloc *r = &p->func->relocs[i];
		size_t at = p->start + r->insn;

		switch (r->kind) {
		case CC_R_MAP:
		case CC_R_MAP_VALUE:
			put_map(l, at, r->target, r->kind == CC_R_MAP_VALUE, r->addend);
			break;
		case CC_R_CALL:
			assert(r->target >= 0 && (size_t)r->target < l->set->nfuncs);
			put_call(l, at, r->target);
			break;
		case CC_R_ROUTINE: put_call(l, at, routine_part(l, r->name)); break;
		case CC_R_HOLE: put_hole(l, at, r->name); break;
		case CC_R_KFUNC:
			fail(l, -ENOTSUP, "kernel functions are not linked:", r->name);
			break;
		}
	}
}

static int map_by_name(const char *name)
{
	static const char prefix[] = "rt_map_";

	return strncmp(name, prefix, strlen(prefix)) ? -1 : cc_map_by_name(name + strlen(prefix));
}

static void resolve_routine(struct linker *l, const struct part *p)
{
	for (uint32_t i = 0; i < p->routine->nlinks; i++) {
		const struct rt_link *k = &p->routine->links[i];
		size_t at = p->start + k->insn;

		switch (k->kind) {
		case RT_L_HOLE: put_hole(l, at, k->name); break;
		case RT_L_MAP: put_map(l, at, map_by_name(k->name), true, 0); break;
		case RT_L_CALL: put_call(l, at, routine_part(l, k->name)); break;
		}
	}
}

/* ---- BTF ----------------------------------------------------------------------------------- */

struct types {
	int number, ctx, fire, slot;
};

/* The kernel compares the name of a context's type, not its contents. Kernels before 6.8 want a
 * struct that is called what is a typedef in their headers; later ones accept the typedef, so the
 * type is both. */
static int pointer_to_struct(struct btf *btf, const char *name, uint32_t size, bool alias)
{
	int t = btf__add_struct(btf, name, size);

	if (t > 0 && alias)
		t = btf__add_typedef(btf, name, t);
	return t > 0 ? btf__add_ptr(btf, t) : t;
}

static int add_func(struct btf *btf, const struct types *t, const struct part *p)
{
	int proto = btf__add_func_proto(btf, t->number), err = 0;

	for (const char *c = p->params; proto > 0 && *c && !err; c++)
		err = btf__add_func_param(btf, "a",
					  *c == 'c' ? t->ctx :
					  *c == 'f' ? t->fire :
					  *c == 's' ? t->slot :
						      t->number);
	return proto <= 0 || err ? -ENOMEM : btf__add_func(btf, p->name, BTF_FUNC_GLOBAL, proto);
}

/* The library's BTF, in memory only, for its raw bytes. */
static int add_types(struct linker *l, struct btf *btf, struct bpf_func_info *info, uint32_t *n)
{
	const struct cc_context *ctx = &cc_contexts[l->set->unit.ctx];
	struct types t = {
		.number = btf__add_int(btf, "long", 8, BTF_INT_SIGNED),
		.ctx = pointer_to_struct(btf, ctx->arg, 8, ctx->is_typedef),
		.fire = pointer_to_struct(btf, "rt_fire", sizeof(struct rt_fire), false),
		.slot = pointer_to_struct(btf, "rt_scratch", l->cc->slot_size + !l->cc->slot_size,
					  false),
	};

	if (t.number <= 0 || t.ctx <= 0 || t.fire <= 0 || t.slot <= 0)
		return -ENOMEM;
	for (size_t i = 0; i < l->nparts; i++) {
		int id = l->parts[i].n ? add_func(btf, &t, &l->parts[i]) : 0;

		if (!l->parts[i].n)
			continue;
		if (id <= 0)
			return -ENOMEM;
		info[*n].insn_off = (uint32_t)l->parts[i].start;
		info[(*n)++].type_id = (uint32_t)id;
	}
	return 0;
}

static int make_btf(struct linker *l, struct cc_image *image)
{
	struct bpf_func_info *info = arena_array(l->cc->arena, struct bpf_func_info, l->nparts);
	struct btf *btf = btf__new_empty();
	const void *raw;
	uint32_t size;
	int err = -ENOMEM;

	if (info && btf)
		err = add_types(l, btf, info, &image->nfunc_info);
	if (!err) {
		raw = btf__raw_data(btf, &size);
		image->btf_fd = raw ? bpf_btf_load(raw, size, NULL) : -ENOMEM;
		err = image->btf_fd < 0 ? image->btf_fd : 0;
	}
	btf__free(btf);
	image->func_info = info;
	return err;
}

/* ---- Entry points ---------------------------------------------------------------------------- */

int cc_link(struct cc *cc, const struct cc_func_set *set, struct cc_image *image)
{
	const struct cc_context *ctx = &cc_contexts[set->unit.ctx];
	struct linker l = { .cc = cc, .set = set };
	const struct part *last;
	int err;

	*image = (struct cc_image){ .btf_fd = -1 };
	err = collect(&l);
	if (err)
		return err;
	for (size_t i = 0; i < l.nparts; i++)
		if (!l.parts[i].n)
			continue;
		else if (l.parts[i].func)
			resolve_func(&l, &l.parts[i]);
		else
			resolve_routine(&l, &l.parts[i]);
	if (l.err)
		return l.err;
	assert(l.parts); /* a program has a part at least */
	last = &l.parts[l.nparts - 1];
	image->insns = l.insns;
	image->ninsns = last->start + last->n;
	image->type = ctx->type;
	image->flags = ctx->sleeps ? BPF_F_SLEEPABLE : 0;
	image->expected_attach_type = set->unit.multi ? ctx->bulk : ctx->attach;
	image->attach_btf_id = ctx->by_btf ? set->unit.btf_id : 0;
	return make_btf(&l, image);
}

void cc_image_close(struct cc_image *image)
{
	if (image->btf_fd >= 0)
		close(image->btf_fd);
	image->btf_fd = -1;
}

/* The kernel takes 15 letters, digits, underscores and dots for a name, of ASCII alone: those of
 * probes may hold any byte. */
static void kernel_name(char out[BPF_OBJ_NAME_LEN], const char *name)
{
	static const char takes[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
	size_t n = strnlen(name, BPF_OBJ_NAME_LEN - 1);

	for (size_t i = 0; i < n; i++)
		out[i] = strchr(takes, name[i]) ? name[i] : '_';
	out[n] = '\0';
}

/* GPL: the helpers that read memory ask for it; the instructions are both. */
int cc_image_load(const struct cc_image *image, const char *shown, char *log, size_t log_size)
{
	char name[BPF_OBJ_NAME_LEN];
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)image->expected_attach_type,
		    .prog_flags = image->flags, .attach_btf_id = image->attach_btf_id,
		    .prog_btf_fd = image->btf_fd < 0 ? 0 : (uint32_t)image->btf_fd,
		    .func_info = image->nfunc_info ? image->func_info : NULL,
		    .func_info_cnt = image->nfunc_info,
		    .func_info_rec_size = image->nfunc_info ? sizeof(struct bpf_func_info) : 0);
	int fd, again;

	kernel_name(name, shown);
	fd = bpf_prog_load(image->type, name, "Dual BSD/GPL", image->insns, image->ninsns, &opts);
	if (fd >= 0 || !log_size)
		return fd;
	log[0] = '\0';
	opts.log_buf = log;
	opts.log_size = (uint32_t)log_size;
	opts.log_level = 1;
	/* A log that does not fit is an error of its own: the first one counts. */
	again = bpf_prog_load(image->type, name, "Dual BSD/GPL", image->insns, image->ninsns,
			      &opts);
	return again >= 0 ? again : fd;
}
