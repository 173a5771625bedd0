/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/space.c: the probes of a process's memory, and the breakpoints
 * on them.
 * In:   the files that the process has mapped.
 * Out:  stops, by address; semaphores raised.
 * Owns: each space its stops; the world its open files.
 *
 * A probe's site is a nop, so its breakpoint can stay: the thread goes on
 * behind the nop, and no other thread can pass the site unseen.
 */
#include "cmd/usdt-check/check.h"

#include "usdt/loader.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Spaces ------------------------------------------------------------------- */

struct space *space_new(void)
{
	struct space *s = calloc(1, sizeof(*s));

	if (s)
		s->refs = 1;
	return s;
}

void space_drop(struct space *s)
{
	if (!s || --s->refs)
		return;
	free(s->stops);
	free(s->objects);
	free(s);
}

static void *copied(const void *from, size_t n, size_t size)
{
	void *to = n ? malloc(n * size) : NULL;

	return to ? memcpy(to, from, n * size) : NULL;
}

struct space *space_copy(const struct space *s)
{
	struct space *c = space_new();

	if (!c)
		return NULL;
	c->stops = copied(s->stops, s->nstops, sizeof(*s->stops));
	c->nstops = c->cap = c->stops ? s->nstops : 0;
	c->objects = copied(s->objects, s->nobjects, sizeof(*s->objects));
	c->nobjects = c->objects_cap = c->objects ? s->nobjects : 0;
	if (c->nstops == s->nstops && c->nobjects == s->nobjects)
		return c;
	space_drop(c);
	return NULL;
}

static bool stop_push(struct space *s, const struct stop *stop)
{
	struct stop *slot = GROW_PUSH(s->stops, s->nstops, s->cap);

	if (slot)
		*slot = *stop;
	return slot;
}

static bool object_push(struct space *s, struct object_id id)
{
	struct object_id *slot = GROW_PUSH(s->objects, s->nobjects, s->objects_cap);

	if (slot)
		*slot = id;
	return slot;
}

static int by_address(const void *a, const void *b)
{
	const struct stop *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* The first stop at that address: two probes may share a nop. */
struct stop *space_at(struct space *s, uint64_t address)
{
	struct stop key = { .address = address }, *found;

	found = s->nstops ? bsearch(&key, s->stops, s->nstops, sizeof(key), by_address) : NULL;
	while (found && found > s->stops && found[-1].address == address)
		found--;
	return found;
}

/* ---- Breakpoints ------------------------------------------------------------------ */

/* Length of the nop at b: prefixes, then 90 or 0f 1f with an operand; 0: another instruction. */
static uint8_t nop_length(const uint8_t *b, size_t n)
{
	size_t at = 0;
	uint8_t mod, rm;

	while (at < n && (b[at] == 0x66 || b[at] == 0x2e))
		at++;
	if (at < n && b[at] == 0x90)
		return (uint8_t)(at + 1);
	if (at + 4 > n || b[at] != 0x0f || b[at + 1] != 0x1f)
		return 0;
	mod = b[at + 2] >> 6;
	rm = b[at + 2] & 7;
	at += 3;
	if (mod != 3 && rm == 4)
		at++; /* SIB */
	at += mod == 1 ? 1 : mod == 2 || (mod == 0 && rm == 5) ? 4 : 0;
	return at <= n ? (uint8_t)at : 0;
}

static bool stop_set(struct space *s, pid_t pid, struct stop stop)
{
	static const uint8_t int3 = 0xcc;
	const struct stop *same = NULL;
	uint8_t code[16] = { 0 };

	for (size_t i = 0; i < s->nstops && !same; i++)
		if (s->stops[i].address == stop.address)
			same = &s->stops[i];
	if (same) {
		stop.was = same->was;
		stop.skip = same->skip;
		return stop_push(s, &stop);
	}
	/* Near the end of a page fewer bytes can be read; they are enough for a short nop. */
	for (size_t n = sizeof(code); n && !memory_read(pid, stop.address, code, n); n /= 2)
		;
	stop.was = code[0];
	stop.skip = nop_length(code, sizeof(code));
	return memory_write(pid, stop.address, &int3, 1) && stop_push(s, &stop);
}

/* For dtrace the kernel counts a semaphore's tracers. Here usdt-check must do it. */
static void semaphore_raise(pid_t pid, uint64_t address)
{
	uint16_t n = 0;

	if (memory_read(pid, address, &n, sizeof(n)) && !n) {
		n = 1;
		memory_write(pid, address, &n, sizeof(n));
	}
}

/* ---- Files -------------------------------------------------------------------------- */

/* Warns about damage, because probes that it hides would be missed silently. */
static void complain(struct world *w, const struct usdt_object *o, const struct usdt_file *file,
		     int err)
{
	const char *damage = file	     ? usdt_file_damage(file) :
			     err == -EBADMSG ? "its ELF headers are damaged" :
					       NULL;
	size_t bad = file ? usdt_file_nbad(file) : 0;

	if (bad)
		diag_warn(w->claims->diag, NOWHERE, "%s: %zu damaged probe note%s left out",
			  usdt_object_path(o), bad, bad == 1 ? "" : "s");
	else if (damage)
		diag_warn(w->claims->diag, NOWHERE, "%s: %s: probes may be missing",
			  usdt_object_path(o), damage);
}

static struct usdt_file *file_of(struct world *w, const struct usdt_object *o)
{
	uint64_t key[2] = { usdt_object_device(o), usdt_object_inode(o) };
	struct usdt_file *file = hash_get(w->files, key, sizeof(key)), **slot;
	int err;

	if (file)
		return file;
	err = usdt_object_open(o, &file);
	complain(w, o, file, err);
	if (err)
		return NULL;
	slot = ARENA_PUSH(w->arena, w->open, w->nopen, w->open_cap);
	if (slot && !hash_set(w->files, key, sizeof(key), file, NULL)) {
		*slot = file;
		return file;
	}
	usdt_file_close(file);
	return NULL;
}

static bool claims_find(struct world *w, struct probe *p, pid_t pid)
{
	for (size_t i = 0; i < w->claims->n; i++) {
		struct claim **slot;

		if (!claim_matches(&w->claims->v[i], p, pid))
			continue;
		slot = ARENA_PUSH(w->arena, p->claims, p->nclaims, p->cap);
		if (!slot)
			return false;
		*slot = &w->claims->v[i];
	}
	return true;
}

/* The module as dtrace shows it. A memfd, which holds run-time probes, is always "(deleted)". */
static const char *module_of(struct arena *a, const char *path)
{
	static const char deleted[] = " (deleted)";
	const char *base = text_base(path);
	size_t n = strlen(base), less = sizeof(deleted) - 1;

	return arena_strndup(a, base, n > less && !strcmp(base + n - less, deleted) ? n - less : n);
}

static struct probe *probe_of(struct world *w, const struct usdt_object *o,
			      const struct usdt_probe *up, const struct usdt_site *site, pid_t pid)
{
	struct probe *p, key = { .prov = usdt_probe_provider(up),
				 .name = usdt_probe_name(up),
				 .mod = module_of(w->arena, usdt_object_path(o)),
				 .func = usdt_site_function(site) };
	const char *id = key.mod ? arena_printf(w->arena, "%s:%s:%s:%s", key.prov, key.mod,
						key.func, key.name) :
				   NULL;

	p = id ? hash_get_str(w->probes, id) : NULL;
	if (p || !id)
		return p;
	p = arena_dup(w->arena, &key, sizeof(key));
	return p && claims_find(w, p, pid) && !hash_set_str(w->probes, id, p) ? p : NULL;
}

/* ---- Scanning -------------------------------------------------------------------------- */

static int site_watch(struct space *s, struct world *w, pid_t pid, const struct usdt_object *o,
		      const struct usdt_probe *up, const struct usdt_site *site, uint64_t bias)
{
	struct probe *p = probe_of(w, o, up, site, pid);
	uint64_t sem = usdt_site_semaphore_address(site);

	if (!p)
		return -ENOMEM;
	if (!p->nclaims && !w->all)
		return 0;
	if (!stop_set(s, pid,
		      (struct stop){ .address = usdt_site_address(site) + bias,
				     .object = usdt_object_start(o),
				     .point = { p, usdt_probe_types(up), site } })) {
		w->nbad++;
		for (size_t i = 0; i < p->nclaims; i++)
			p->claims[i]->nunwatched++;
	} else if (sem)
		semaphore_raise(pid, sem + bias);
	return 0;
}

static int object_read(struct space *s, struct world *w, pid_t pid, const struct usdt_object *o)
{
	struct usdt_file *file = file_of(w, o);
	uint64_t bias;
	int err = 0;

	if (!file || (usdt_file_machine(file) != EM_X86_64 && usdt_file_machine(file) != EM_386) ||
	    usdt_file_bias(file, usdt_object_start(o), usdt_object_offset(o), &bias))
		return 0;
	for (size_t i = 0; !err && i < usdt_file_nprobes(file); i++) {
		const struct usdt_probe *up = usdt_file_probe(file, i);

		for (size_t k = 0; !err && k < usdt_probe_nsites(up); k++)
			err = site_watch(s, w, pid, o, up, usdt_probe_site(up, k), bias);
	}
	return err;
}

static bool same(struct object_id a, struct object_id b)
{
	return a.start == b.start && a.inode == b.inode && a.device == b.device;
}

static struct object_id id_of(const struct usdt_object *o)
{
	return (struct object_id){ usdt_object_start(o), usdt_object_inode(o),
				   usdt_object_device(o) };
}

/* Forgets the stops of unmapped objects: another file may be mapped at their addresses next. */
static void gone_forget(struct space *s, const struct usdt_proc *proc)
{
	for (size_t i = 0; i < s->nobjects; i++) {
		size_t left = 0, k = 0;

		while (k < usdt_proc_nobjects(proc) &&
		       !same(s->objects[i], id_of(usdt_proc_object(proc, k))))
			k++;
		if (k < usdt_proc_nobjects(proc))
			continue;
		for (size_t j = 0; j < s->nstops; j++)
			if (s->stops[j].object != s->objects[i].start)
				s->stops[left++] = s->stops[j];
		s->nstops = left;
		s->objects[i--] = s->objects[--s->nobjects];
	}
}

static bool known(const struct space *s, struct object_id id)
{
	for (size_t i = 0; i < s->nobjects; i++)
		if (same(s->objects[i], id))
			return true;
	return false;
}

int space_scan(struct space *s, struct world *w, pid_t pid)
{
	struct usdt_proc *proc;
	int err = usdt_proc_open(pid, &proc);

	if (err)
		return err;
	gone_forget(s, proc);
	for (size_t i = 0; !err && i < usdt_proc_nobjects(proc); i++) {
		const struct usdt_object *o = usdt_proc_object(proc, i);

		if (known(s, id_of(o)))
			continue;
		err = object_push(s, id_of(o)) ? object_read(s, w, pid, o) : -ENOMEM;
	}
	usdt_proc_close(proc);
	qsort(s->stops, s->nstops, sizeof(*s->stops), by_address);
	return err;
}

/* ---- The loader ------------------------------------------------------------------------- */

/* Stops the process when the loader's list of mapped objects changes, before constructors run. A
 * static program has no loader: that is no error. */
int space_loader(struct space *s, pid_t pid)
{
	struct usdt_place brk;
	uint64_t state;
	int err = usdt_loader_find(pid, &brk, &state);

	if (err)
		return err == -ENOENT ? 0 : err;
	close(brk.fd);
	return stop_set(s, pid, (struct stop){ .address = brk.address, .object = brk.object }) ?
		       0 :
		       -EIO;
}

void world_close(struct world *w)
{
	for (size_t i = 0; i < w->nopen; i++)
		usdt_file_close(w->open[i]);
	hash_free(w->files, NULL);
	hash_free(w->probes, NULL);
}
