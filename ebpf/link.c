/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/link.c: links functions to an image that the kernel takes.
 * In:   a set of functions, the library's table, what names stand for.
 * Out:  one array of instructions: the functions that the first one reaches, each once, with calls,
 *       maps and numbers filled in; BTF that lets each function be verified by itself.
 * Owns: an image's BTF fd, until ebpf_image_close. Its arrays are the arena's.
 */
#include "config.h"

#include "ebpf/ebpf.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FUNCS = 256 }; /* the kernel's limit for a program */

/* One function in the image. */
struct part {
	const struct ebpf_func *func;
	bool reached;
	size_t start;
};
struct linker {
	struct arena *arena;
	const struct ebpf_names *names;
	struct ebpf_image *image;
	struct part *parts; /* the set's, in its order; then the library's as they are reached */
	size_t nset, nparts, cap;
	int err;
};

__attribute__((format(printf, 3, 4))) static void fail(struct linker *l, int err, const char *fmt,
						       ...)
{
	va_list ap;

	if (l->err)
		return;
	l->err = err;
	va_start(ap, fmt);
	vsnprintf(l->image->why, sizeof(l->image->why), fmt, ap);
	va_end(ap);
}

/* ---- Which functions --------------------------------------------------------------------- */

static int routine_cmp(const void *name, const void *routine)
{
	return strcmp(name, ((const struct ebpf_func *)routine)->name);
}

const struct ebpf_func *ebpf_routine(const char *name)
{
	return bsearch(name, ebpf_library, ebpf_nlibrary, sizeof(ebpf_library[0]), routine_cmp);
}

static bool is_function(const struct ebpf_reloc *r)
{
	return r->kind == EBPF_CALL || r->kind == EBPF_CALLBACK;
}

/* The index of the part that a call or a callback names. A function of the library becomes a part
 * when it is first named. -1: failed. */
static int part_of(struct linker *l, const struct ebpf_reloc *r)
{
	const struct ebpf_func *f;
	struct part *p;

	if (!r->name) {
		assert(r->id >= 0 && (size_t)r->id < l->nset);
		return r->id;
	}
	for (size_t i = l->nset; i < l->nparts; i++)
		if (!strcmp(l->parts[i].func->name, r->name))
			return (int)i;
	f = ebpf_routine(r->name);
	if (!f) {
		fail(l, -ENOENT, "internal error: no library routine is called %s", r->name);
		return -1;
	}
	p = ARENA_PUSH(l->arena, l->parts, l->nparts, l->cap);
	if (!p) {
		l->err = -ENOMEM;
		return -1;
	}
	*p = (struct part){ .func = f };
	return (int)l->nparts - 1;
}

/* The kernel refuses a program with a function that nothing calls. */
static void reach(struct linker *l, int part)
{
	const struct ebpf_func *f;

	if (part < 0 || l->parts[part].reached)
		return;
	l->parts[part].reached = true;
	f = l->parts[part].func;
	for (uint32_t i = 0; i < f->nrelocs; i++)
		if (is_function(&f->relocs[i]))
			reach(l, part_of(l, &f->relocs[i]));
}

static int collect(struct linker *l, const struct ebpf_func *funcs, size_t n)
{
	struct ebpf_image *image = l->image;
	size_t nfuncs = 0;

	for (size_t i = 0; i < n; i++) {
		struct part *p = ARENA_PUSH(l->arena, l->parts, l->nparts, l->cap);

		if (!p)
			return -ENOMEM;
		*p = (struct part){ .func = &funcs[i] };
	}
	assert(l->parts); /* a set has at least one function */
	l->nset = n;
	reach(l, 0);
	for (size_t i = 0; i < l->nparts; i++)
		if (l->parts[i].reached) {
			l->parts[i].start = image->ninsns;
			image->ninsns += l->parts[i].func->ninsns;
			nfuncs++;
		}
	if (nfuncs > MAX_FUNCS)
		fail(l, -E2BIG, "%zu functions, the kernel takes %d", nfuncs, MAX_FUNCS);
	image->insns = arena_array(l->arena, struct bpf_insn, image->ninsns);
	if (!l->err && !image->insns)
		return -ENOMEM;
	for (size_t i = 0; !l->err && i < l->nparts; i++)
		if (l->parts[i].reached)
			memcpy(image->insns + l->parts[i].start, l->parts[i].func->insns,
			       l->parts[i].func->ninsns * sizeof(struct bpf_insn));
	return l->err;
}

/* ---- Relocations -------------------------------------------------------------------------- */

static void put_number(struct linker *l, size_t at, const struct ebpf_reloc *r)
{
	struct bpf_insn *i = &l->image->insns[at];
	const struct ebpf_names *names = l->names;
	uint64_t v;

	if (!names || !names->number || !names->number(names->arg, r->name, &v)) {
		if (strchr(r->name, '.'))
			fail(l, -ENOENT, "the kernel's types have no %s", r->name);
		else
			fail(l, -ENOENT, "internal error: no number is called %s", r->name);
		return;
	}
	v += (uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32;
	i[0].imm = (int32_t)(uint32_t)v;
	i[1].imm = (int32_t)(uint32_t)(v >> 32);
}

static void put_map(struct linker *l, size_t at, const struct ebpf_reloc *r)
{
	struct bpf_insn *i = &l->image->insns[at];
	const struct ebpf_names *names = l->names;
	int fd = names && names->map ? names->map(names->arg, r->name, r->id) : -1;

	if (fd < 0) {
		fail(l, -EBADF, "internal error: map %s was not made", r->name ? r->name : "?");
		return;
	}
	i[0].src_reg = r->kind == EBPF_VALUE ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
	i[0].imm = fd;
}

static void put_function(struct linker *l, size_t at, const struct ebpf_reloc *r)
{
	int part = part_of(l, r);

	if (part < 0)
		return;
	l->image->insns[at].src_reg = r->kind == EBPF_CALL ? BPF_PSEUDO_CALL : BPF_PSEUDO_FUNC;
	l->image->insns[at].imm = (int32_t)l->parts[part].start - (int32_t)at - 1;
}

static void (*const put[])(struct linker *l, size_t at, const struct ebpf_reloc *r) = {
	[EBPF_NUMBER] = put_number, [EBPF_MAP] = put_map,	    [EBPF_VALUE] = put_map,
	[EBPF_CALL] = put_function, [EBPF_CALLBACK] = put_function,
};

static int resolve(struct linker *l)
{
	for (size_t i = 0; i < l->nparts; i++) {
		const struct part *p = &l->parts[i];

		for (uint32_t k = 0; p->reached && k < p->func->nrelocs; k++)
			put[p->func->relocs[k].kind](l, p->start + p->func->relocs[k].insn,
						     &p->func->relocs[k]);
	}
	return l->err;
}

/* ---- BTF ----------------------------------------------------------------------------------- */

struct types {
	int number, ctx, fire, slot;
};

/* The kernel compares the name of a context's type, not its contents. Some of the names are
 * typedefs in the kernel's headers. For these, kernels before 6.8 want a struct of the name, later
 * kernels accept the typedef: the type is a typedef of a struct with the same name. */
static int pointer_to_struct(struct btf *btf, const char *name, uint32_t size, bool is_typedef)
{
	int t = btf__add_struct(btf, name, size);

	if (t > 0 && is_typedef)
		t = btf__add_typedef(btf, name, t);
	return t > 0 ? btf__add_ptr(btf, t) : t;
}

/* A static function needs its name alone: the verifier finds the parameters at each call. */
static int add_func(struct btf *btf, const struct types *t, const struct ebpf_func *f)
{
	int proto = btf__add_func_proto(btf, t->number), err = 0;

	for (const char *c = f->params; proto > 0 && !f->is_static && *c && !err; c++)
		err = btf__add_func_param(btf, "a",
					  *c == 'c' ? t->ctx :
					  *c == 'f' ? t->fire :
					  *c == 's' ? t->slot :
						      t->number);
	return proto <= 0 || err ?
		       -ENOMEM :
		       btf__add_func(btf, f->name, f->is_static ? BTF_FUNC_STATIC : BTF_FUNC_GLOBAL,
				     proto);
}

static int add_types(struct linker *l, struct btf *btf)
{
	struct ebpf_image *image = l->image;
	const struct ebpf_kind *kind = &image->kind;
	struct types t = {
		.number = btf__add_int(btf, "long", 8, BTF_INT_SIGNED),
		.ctx = pointer_to_struct(btf, kind->ctx ? kind->ctx : "none", 8,
					 kind->ctx_is_typedef),
		.fire = pointer_to_struct(btf, "rt_fire", sizeof(struct rt_fire), false),
		.slot = pointer_to_struct(btf, "rt_scratch", kind->slot_size ? kind->slot_size : 1,
					  false),
	};

	if (t.number <= 0 || t.ctx <= 0 || t.fire <= 0 || t.slot <= 0)
		return -ENOMEM;
	for (size_t i = 0; i < l->nparts; i++) {
		int id;

		if (!l->parts[i].reached)
			continue;
		id = add_func(btf, &t, l->parts[i].func);
		if (id <= 0)
			return -ENOMEM;
		image->func_info[image->nfunc_info++] = (struct bpf_func_info){
			.insn_off = (uint32_t)l->parts[i].start, .type_id = (uint32_t)id
		};
	}
	return 0;
}

/* libbpf assembles the types; only their bytes are used. */
static int describe(struct linker *l)
{
	struct ebpf_image *image = l->image;
	struct btf *btf = btf__new_empty();
	const void *raw;
	uint32_t size;
	int err = -ENOMEM;

	image->func_info = arena_array(l->arena, struct bpf_func_info, l->nparts);
	if (image->func_info && btf)
		err = add_types(l, btf);
	if (!err) {
		raw = btf__raw_data(btf, &size);
		image->btf_fd = raw ? bpf_btf_load(raw, size, NULL) : -ENOMEM;
		err = image->btf_fd < 0 ? image->btf_fd : 0;
	}
	btf__free(btf);
	return err;
}

/* ---- Entry points ---------------------------------------------------------------------------- */

int ebpf_link(struct arena *a, const struct ebpf_func *funcs, size_t n,
	      const struct ebpf_kind *kind, const struct ebpf_names *names,
	      struct ebpf_image *image)
{
	struct linker l = { .arena = a, .names = names, .image = image };
	int err;

	*image = (struct ebpf_image){ .kind = *kind, .btf_fd = -1 };
	err = collect(&l, funcs, n);
	if (!err)
		err = resolve(&l);
	if (!err && l.nparts > 1)
		err = describe(&l);
	if (err && !*image->why)
		snprintf(image->why, sizeof(image->why), "%s", strerror(-err));
	return err;
}

void ebpf_image_close(struct ebpf_image *image)
{
	if (image->btf_fd >= 0)
		close(image->btf_fd);
	image->btf_fd = -1;
}

void ebpf_maps(const struct ebpf_func *f, void (*fn)(void *arg, const char *name), void *arg)
{
	for (uint32_t i = 0; i < f->nrelocs; i++) {
		const struct ebpf_reloc *r = &f->relocs[i];

		if (is_function(r) && r->name)
			ebpf_maps(ebpf_routine(r->name), fn, arg);
		else if (r->name && (r->kind == EBPF_MAP || r->kind == EBPF_VALUE))
			fn(arg, r->name);
	}
}
