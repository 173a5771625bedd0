/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/note.c: the notes of a file, as probes with their sites.
 * In:   note sections (or, without section headers, PT_NOTE segments).
 * Out:  probes, sites and types in the file's arena.
 * Owns: hash tables, while the file is scanned.
 *
 * A note of sys/sdt.h has owner "stapsdt", type 3 and holds the address of
 * the site, the address that _.stapsdt.base had at link time, the address
 * of the semaphore, and three strings. Prelinking moves sections but does
 * not know of these addresses: the distance that the base has moved is added
 * to them.
 */
#include "usdt/inner.h"
#include "arch/arch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define STAPSDT_TYPE 3
#define TYPES_TYPE 1   /* docs/type-note.md */
#define OPERAND_TYPE 2 /* docs/operand-note.md */

struct scan {
	struct usdt_file *f;
	struct hash *probes;   /* provider NUL name -> struct usdt_probe */
	struct hash *types;    /* the same key -> struct typed */
	struct hash *operands; /* struct operand_key -> struct arch_known */
	uint64_t budget;       /* note bytes that may still be read */
	const struct usdt_section *base;
};

struct typed {			  /* the type note of one probe */
	struct usdt_types *types; /* NULL: the probe's notes differ */
	const void *desc;
	size_t len;
};

struct operand_key {
	uint64_t site, arg;
};

static void *key_of(struct arena *a, const char *provider, const char *name, size_t *len)
{
	size_t p = strlen(provider) + 1, n = strlen(name);
	char *key = arena_alloc(a, p + n);

	if (key) {
		memcpy(key, provider, p);
		memcpy(key + p, name, n); // NOLINT(bugprone-not-null-terminated-result): bytes
		*len = p + n;
	}
	return key;
}

/* C names cannot hold a dash, so notes have a__b for the probe that DTrace shows as a-b. */
static char *probe_name(struct arena *a, const char *note_name)
{
	char *s = arena_strdup(a, note_name), *to = s;

	if (!s)
		return NULL;
	for (const char *from = s; *from;) {
		if (from[0] == '_' && from[1] == '_') {
			*to++ = '-';
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return s;
}

static struct usdt_probe *probe_for(struct scan *sc, const char *provider, const char *name)
{
	struct arena *a = sc->f->arena;
	struct usdt_probe *p, **slot;
	size_t len = 0;
	void *key = key_of(a, provider, name, &len);

	if (!key)
		return NULL;
	p = hash_get(sc->probes, key, len);
	if (p)
		return p;
	p = arena_new_of(a, struct usdt_probe);
	if (!p)
		return NULL;
	*p = (struct usdt_probe){ .file = sc->f,
				  .provider = arena_strdup(a, provider),
				  .note_name = arena_strdup(a, name),
				  .name = probe_name(a, name) };
	if (!p->provider || !p->note_name || !p->name || hash_set(sc->probes, key, len, p, NULL))
		return NULL;
	slot = ARENA_PUSH(a, sc->f->probes, sc->f->nprobes, sc->f->probes_cap);
	if (!slot)
		return NULL;
	*slot = p;
	return p;
}

struct parsing { /* the arguments of a site */
	const struct scan *sc;
	const struct usdt_site *site;
};

static int find_symbol(void *ctx, const char *name, size_t len, uint64_t *address)
{
	const struct parsing *p = ctx;

	return usdt_symbols_address(p->sc->f, name, len, p->site->address, address);
}

static const struct arch_known *find_operand(void *ctx, size_t i)
{
	const struct parsing *p = ctx;
	struct operand_key key = { .site = p->site->address, .arg = i };

	return hash_get(p->sc->operands, &key, sizeof(key));
}

static bool is_nop(const struct usdt_file *f, uint64_t offset)
{
	uint8_t code[16] = { 0 };

	if (pread(f->fd, code, sizeof(code), (off_t)offset) <= 0)
		return false;
	if (f->machine == EM_AARCH64)
		return arch_arm_is_nop(code);
	return (f->machine != EM_X86_64 && f->machine != EM_386) || arch_x86_is_nop(code);
}

/* The kernel counts only semaphores in writable data that the file backs. With another semaphore a
 * probe that the program guards does not fire, so this counts as damage. */
static void place_semaphore(struct usdt_file *f, struct usdt_site *s)
{
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct usdt_segment *seg = &f->segments[i];

		if (seg->write && s->sem_address - seg->address < seg->filesz) {
			s->sem_offset = s->sem_address - seg->address + seg->offset;
			return;
		}
	}
	usdt_elf_damaged(f, "a semaphore is not in its data");
}

/* Sets the site's file offset; false: the site is not in code that the file holds. */
static bool place_site(struct usdt_file *f, struct usdt_site *s)
{
	if (f->type == ET_REL)
		return true; /* the linker has not placed the site yet; only names are of use */
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct usdt_segment *seg = &f->segments[i];

		if (seg->exec && s->address - seg->address < seg->filesz) {
			s->offset = s->address - seg->address + seg->offset;
			break;
		}
	}
	if (!s->offset)
		return false;
	if (s->sem_address)
		place_semaphore(f, s);
	return !(s->sem_offset & 1); /* the kernel refuses a semaphore at an odd offset */
}

/* 0, -ENOMEM, or -EINVAL for a note that makes no sense. */
static int read_site(struct scan *sc, const struct usdt_note *n)
{
	struct usdt_file *f = sc->f;
	struct cursor c = usdt_elf_cursor(f, n->desc, n->len);
	struct usdt_site *site, **slot;
	struct usdt_probe *p;
	const char *provider, *name, *args;
	uint64_t base, moved;
	bool is_discarding, is_certain;

	site = arena_new_of(f->arena, struct usdt_site);
	if (!site)
		return -ENOMEM;
	site->address = usdt_elf_word(f, &c);
	base = usdt_elf_word(f, &c);
	site->sem_address = usdt_elf_word(f, &c);
	provider = cur_str(&c);
	name = cur_str(&c);
	args = cur_str(&c);
	if (c.bad || !*provider || !*name)
		return -EINVAL;
	moved = sc->base && base ? sc->base->address - base : 0;
	if (f->type == ET_REL)
		site->address = site->sem_address = 0; /* the addresses are in relocations */
	else
		site->address += moved;
	if (site->sem_address)
		site->sem_address += moved;
	if (!f->is64) {
		site->address = (uint32_t)site->address;
		site->sem_address = (uint32_t)site->sem_address;
	}
	/*
	 * lld keeps the note of a function that it discards (--gc-sections). The note's address is
	 * then a small number, which may lie in other code, and its base is 0. A base that has
	 * moved may be damaged. In both states the site counts only if a nop is there.
	 */
	is_discarding = !base && f->type != ET_REL;
	is_certain = f->type == ET_REL || (base && !moved);
	if (!place_site(f, site) || (!is_certain && !is_nop(f, site->offset)))
		return is_discarding ? 0 : -EINVAL;
	p = probe_for(sc, provider, name);
	slot = p ? ARENA_PUSH(f->arena, p->sites, p->nsites, p->cap) : NULL;
	if (!slot)
		return -ENOMEM;
	site->probe = p;
	site->args_text = arena_strdup(f->arena, args);
	*slot = site;
	return site->args_text ? 0 : -ENOMEM;
}

/*
 * The note holds the site as a distance from the note's descriptor, the
 * argument's number, the form, and the bytes that the form defines.
 */
static int read_operand(struct scan *sc, const struct usdt_note *n)
{
	struct usdt_file *f = sc->f;
	struct cursor c = usdt_elf_cursor(f, n->desc, n->len);
	int64_t distance = (int32_t)cur_u32(&c);
	struct operand_key key = { .arg = cur_u8(&c) };
	struct arch_known *o = arena_new_of(f->arena, struct arch_known), *other;
	enum { FORM_INSTRUCTION = 1, FORM_PAIR = 2 }; /* other forms are of later versions */
	unsigned form = cur_u8(&c);

	if (!o)
		return -ENOMEM;
	if (f->type == ET_REL)
		return 0; /* the linker has not completed the displacement */
	if (c.bad || usdt_file_address(f, n->offset, &key.site))
		return -EINVAL;
	o->next = key.site + n->len;
	key.site += (uint64_t)distance;
	o->is_pair = form == FORM_PAIR;
	if (form == FORM_INSTRUCTION) { /* its last four bytes are the displacement */
		cur_bytes(&c, n->len > 10 ? n->len - 10 : 0);
		o->disp = (int32_t)cur_u32(&c);
	}
	if (c.bad || (form != FORM_INSTRUCTION && form != FORM_PAIR))
		return c.bad ? -EINVAL : 0;
	other = hash_get(sc->operands, &key, sizeof(key));
	if (!other)
		return hash_set(sc->operands, &key, sizeof(key), o, NULL);
	/* The linker merged two functions of the same code, so two sites have one address. */
	other->clash |= other->is_pair != o->is_pair || other->disp != o->disp;
	other->clash_rip |= other->is_pair != o->is_pair ||
			    other->next + (uint64_t)other->disp != o->next + (uint64_t)o->disp;
	return 0;
}

static int parse_args(const struct scan *sc, struct usdt_site *site)
{
	struct parsing parsing = { .sc = sc, .site = site };
	struct usdt_arg_context cx = { .arena = sc->f->arena,
				       .machine = sc->f->machine,
				       .symbol = find_symbol,
				       .operand = find_operand,
				       .ctx = &parsing };

	int err = usdt_args_parse(&cx, site->args_text, &site->args, &site->nargs);

	/* Nothing moves an ET_EXEC file, so its addresses are plain numbers. That holds beside two
	 * registers too, where the operand has no room for the site's address. */
	for (size_t i = 0; !err && sc->f->type == ET_EXEC && i < site->nargs; i++)
		if (site->args[i].kind == USDT_ARG_CONST ||
		    (site->args[i].base.offset >= 0 && site->args[i].index.offset >= 0))
			site->args[i].is_address = false;
	return err;
}

static int read_types(struct scan *sc, const struct usdt_note *n)
{
	struct usdt_types *t = usdt_types_parse(sc->f->arena, n->desc, n->len);
	struct typed *typed;
	size_t key_len = 0;
	void *key;

	if (!t)
		return arena_failed(sc->f->arena) ? -ENOMEM : 0;
	key = key_of(sc->f->arena, t->provider, t->probe, &key_len);
	if (!key)
		return -ENOMEM;
	typed = hash_get(sc->types, key, key_len);
	/* A link without de-duplication leaves one copy of the note per object. If objects declare
	 * the probe differently, nothing tells which sites belong to which declaration. */
	if (typed) {
		if (typed->len != n->len || memcmp(typed->desc, n->desc, n->len))
			typed->types = NULL;
		return 0;
	}
	typed = arena_new_of(sc->f->arena, struct typed);
	if (!typed)
		return -ENOMEM;
	*typed = (struct typed){ t, n->desc, n->len };
	return hash_set(sc->types, key, key_len, typed, NULL);
}

/* ---- Notes of a section ----------------------------------------------------------- */

static int note_other(struct scan *sc, const struct usdt_note *n)
{
	(void)sc;
	(void)n;
	return 0;
}

/* 0, -ENOMEM, or -EINVAL for a note that makes no sense. */
typedef int note_fn(struct scan *sc, const struct usdt_note *n);

/* The reader of a note. NULL: an unknown note among the probes' notes, so a damaged one. */
static note_fn *reader_of(const struct usdt_note *n, bool is_probes)
{
	static const struct {
		const char *owner;
		uint32_t type;
		note_fn *read;
	} rows[] = {
		{ "stapsdt", STAPSDT_TYPE, read_site },
		{ "usdtkit", TYPES_TYPE, read_types },
		{ "usdtkit", OPERAND_TYPE, read_operand },
		{ "GNU", NT_GNU_BUILD_ID, note_other },
	};
	bool is_later = false; /* of a later version */

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (n->owner_len != strlen(rows[i].owner) + 1 ||
		    memcmp(n->owner, rows[i].owner, n->owner_len))
			continue;
		if (n->type == rows[i].type)
			return rows[i].read;
		is_later = rows[i].read != read_site;
	}
	return is_probes && !is_later ? NULL : note_other;
}

static int read_notes(struct scan *sc, uint64_t offset, uint64_t size, bool is_probes)
{
	struct usdt_file *f = sc->f;
	struct usdt_notes notes = { .offset = offset };
	struct usdt_note n;

	if (!usdt_elf_holds(f, offset, size)) {
		usdt_elf_damaged(f, "notes lie beyond its end");
		return 0;
	}
	if (size > sc->budget)
		return -EFBIG;
	sc->budget -= size;
	notes.start = usdt_elf_bytes(f, offset, size);
	if (!notes.start)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (is_probes && !size)
		usdt_elf_damaged(f, "its section of probes is empty");
	notes.c = usdt_elf_cursor(f, notes.start, (size_t)size);
	while (usdt_elf_note(&notes, &n)) {
		note_fn *read = reader_of(&n, is_probes);
		int err = read ? read(sc, &n) : -EINVAL;

		if (err == -EINVAL)
			f->nbad++;
		else if (err)
			return err;
	}
	f->nbad += notes.c.bad;
	return 0;
}

/* libusdt's notes do not tag floats; their type notes tell. */
static void floats_by_type(struct usdt_probe *p)
{
	static const struct {
		const char *type;
		uint8_t size;
	} floats[] = {
		{ "float", 4 },
		{ "double", 8 },
		{ "const float", 4 },
		{ "const double", 8 },
	};

	for (size_t s = 0; p->types && s < p->nsites; s++)
		for (size_t i = 0; i < p->sites[s]->nargs && i < p->types->nargs; i++)
			for (size_t k = 0; k < COUNT(floats); k++)
				if (!strcmp(p->types->args[i], floats[k].type) &&
				    p->sites[s]->args[i].size == floats[k].size)
					p->sites[s]->args[i].is_float = true;
}

static int scan_all(struct scan *sc)
{
	struct usdt_file *f = sc->f;
	int err = 0;

	for (size_t i = 0; i < f->nsections && !err; i++) {
		const struct usdt_section *s = &f->sections[i];
		bool is_probes = !strcmp(s->name, ".note.stapsdt");

		if (is_probes && s->type == SHT_NOBITS)
			usdt_elf_damaged(f, "its section of probes is not in the file");
		else if (is_probes || s->type == SHT_NOTE)
			err = read_notes(sc, s->offset, s->size, is_probes);
	}
	for (size_t i = 0; i < f->nnote_segments && !f->nsections && !err; i++)
		err = read_notes(sc, f->note_segments[i].offset, f->note_segments[i].filesz, false);
	for (size_t i = 0; i < f->nprobes && !err; i++) {
		struct usdt_probe *p = f->probes[i];
		const struct typed *typed;
		size_t len = 0;
		void *key = key_of(f->arena, p->provider, p->note_name, &len);

		for (size_t k = 0; k < p->nsites && !err; k++) /* operand notes are all read now */
			err = parse_args(sc, p->sites[k]);
		if (err)
			break;
		if (!key) {
			err = -ENOMEM;
			break;
		}
		typed = hash_get(sc->types, key, len);
		p->types = typed ? typed->types : NULL;
		floats_by_type(p);
	}
	return err;
}

int usdt_notes_read(struct usdt_file *f)
{
	struct scan sc = { .f = f,
			   .probes = hash_new(),
			   .types = hash_new(),
			   .operands = hash_new(),
			   .budget = USDT_MAX_NOTE_BYTES,
			   .base = usdt_elf_section(f, ".stapsdt.base") };
	int err = sc.probes && sc.types && sc.operands ? scan_all(&sc) : -ENOMEM;

	hash_free(sc.probes, NULL);
	hash_free(sc.types, NULL);
	hash_free(sc.operands, NULL);
	return err ? err : arena_failed(f->arena) ? -ENOMEM : 0;
}
