/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/symbols.c: the symbols of a file, from .symtab, else from its separate
 * debug file, else from .dynsym. The only reader of ELF symbols: it serves the
 * functions and operands of probes, stacks, and pid probes.
 * In:   symbol tables, read at the first lookup.
 * Out:  functions by address and by name, variables by name.
 * Owns: the tables of names, until usdt_symbols_free. Symbols are in the
 *       file's arena.
 */
#include "usdt/inner.h"
#include "usdt/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAME 4096 /* longer names are not looked up: a bound on hashing hostile tables */

/* ---- Reading ---------------------------------------------------------------- */

static bool is_function(const struct usdt_symbol *s)
{
	return s->type == STT_FUNC || s->type == STT_GNU_IFUNC;
}

/* Names that programs use come before internal ones: first names that are not local, then names
 * with few underscores, then names that are not weak. */
static uint8_t rank_of(uint8_t bind, const char *name)
{
	size_t underscores = 0;

	while (underscores < 15 && name[underscores] == '_')
		underscores++;
	return (uint8_t)((bind == STB_LOCAL ? 64 : 0) + underscores * 2 + (bind == STB_WEAK));
}

static int by_address(const void *a, const void *b)
{
	enum { LOOKED_AT = 256 }; /* a bound on comparing hostile names */
	const struct usdt_symbol *x = a, *y = b;
	int c;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	c = strncmp(x->name, y->name, LOOKED_AT);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static bool is_wanted(unsigned type, uint16_t shndx)
{
	return shndx != SHN_UNDEF && shndx != SHN_ABS && shndx != SHN_COMMON &&
	       (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE ||
		type == STT_GNU_IFUNC);
}

/* The name without its version: name@@GLIBC_2.17. NULL: there is no name. Names may overlap, so a search
 * without a bound takes hours in a hostile table. */
static const char *name_at(char *strings, uint64_t size, uint32_t at)
{
	char *version;

	if (at >= size || !strings[at] || strings[at] == '@')
		return NULL;
	version = memchr(strings + at, '@', strnlen(strings + at, MAX_NAME));
	if (version)
		*version = '\0';
	return strings + at;
}

static struct usdt_symbol symbol_at(const struct usdt_file *f, struct cursor c, char *strings,
				    uint64_t size, uint8_t *bind)
{
	struct usdt_symbol s = { 0 };
	uint32_t name = cur_u32(&c);
	uint16_t shndx;
	uint8_t info;

	if (!f->is64) {
		s.address = cur_u32(&c);
		s.size = cur_u32(&c);
	}
	info = cur_u8(&c);
	cur_u8(&c);
	shndx = cur_u16(&c);
	if (f->is64) {
		s.address = cur_u64(&c);
		s.size = cur_u64(&c);
	}
	*bind = info >> 4;
	s.type = info & 0xf;
	if (is_wanted(s.type, shndx))
		s.name = name_at(strings, size, name);
	if (s.name)
		s.rank = rank_of(*bind, s.name);
	return s;
}

/* One array holds both kinds: functions from the front, variables from the back. */
static void symbols_fill(struct usdt_file *f, const char *bytes, size_t n, size_t entsize,
			 char *strings, uint64_t size)
{
	struct usdt_symbol *back = f->functions + n;
	uint32_t source = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t bind;
		struct usdt_symbol s = symbol_at(
			f, usdt_elf_cursor(f, bytes + i * entsize, entsize), strings, size, &bind);

		/* Linkers keep an object's local symbols behind the name of its source file. */
		source += s.type == STT_FILE;
		s.source = bind == STB_LOCAL ? source : 0;
		s.order = (uint32_t)f->nfunctions;
		if (s.name && is_function(&s))
			f->functions[f->nfunctions++] = s;
		else if (s.name)
			*--back = s;
	}
	f->variables = back;
	f->nvariables = (size_t)(f->functions + n - back);
	qsort(f->functions, f->nfunctions, sizeof(*f->functions), by_address);
}

/* The table of `from`, which is the file itself or its debug file, as symbols of f. */
static int table_read(struct usdt_file *f, const struct usdt_file *from,
		      const struct usdt_section *table)
{
	const struct usdt_section *names = usdt_elf_symbol_names(from, table);
	size_t entsize = f->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	size_t n = (size_t)(table->size / entsize);
	struct arena *a;
	const char *bytes;
	char *strings;
	int err = 0;

	if (!names || !n || n > UINT32_MAX)
		return 0;
	a = arena_new(); /* for the table's bytes, which are not needed after this */
	if (!a)
		return -ENOMEM;
	bytes = usdt_elf_copy(from, a, table->offset, n * entsize);
	strings = bytes ? usdt_elf_copy(from, f->arena, names->offset, names->size) : NULL;
	f->functions = strings ? arena_array(f->arena, struct usdt_symbol, n) : NULL;
	if (f->functions)
		symbols_fill(f, bytes, n, entsize, strings, names->size);
	else if (strings || errno == ENOMEM)
		err = -ENOMEM;
	else
		f->symbols_damage = USDT_BAD_SYMBOLS;
	arena_free(a);
	return err;
}

static int tables_read(struct usdt_file *f, const struct usdt_file *from, uint32_t type)
{
	int err = 0;

	for (size_t i = 0; i < from->nsections && !err && !f->nfunctions; i++)
		if (from->sections[i].type == type)
			err = table_read(f, from, &from->sections[i]);
	return err;
}

static int debug_read(struct usdt_file *f)
{
	struct usdt_file debug = { .arena = f->arena, .fd = usdt_debug_open(f) };
	int err;

	if (debug.fd < 0)
		return 0;
	err = usdt_elf_read(&debug);
	if (!err && debug.is64 == f->is64 && debug.swap == f->swap)
		err = tables_read(f, &debug, SHT_SYMTAB);
	close(debug.fd);
	return err == -ENOMEM ? err : 0;
}

/* Reads the symbols once, also if the file turns out to have none. */
static int symbols_read(struct usdt_file *f)
{
	int err;

	if (f->symbols_read)
		return 0;
	err = tables_read(f, f, SHT_SYMTAB);
	if (!err && !f->nfunctions)
		err = debug_read(f);
	if (!err && !f->nfunctions)
		err = tables_read(f, f, SHT_DYNSYM);
	f->symbols_read = !err;
	/* Symbols of many libraries are kept: a descriptor each would use up the process's. */
	if (!err && f->is_symbols_only) {
		close(f->fd);
		f->fd = -1;
	}
	return err;
}

void usdt_symbols_free(struct usdt_file *f)
{
	hash_free(f->symbols_by_name, NULL);
	hash_free(f->statics, NULL);
	f->symbols_by_name = f->statics = NULL;
}

/* ---- Functions -------------------------------------------------------------- */

/* The best name of symbol i: the first of those with its address and size, in order of rank. */
static const struct usdt_symbol *best_name(const struct usdt_file *f, size_t i)
{
	const struct usdt_symbol *v = f->functions;

	while (i > 0 && v[i - 1].address == v[i].address && v[i - 1].size == v[i].size)
		i--;
	return &v[i];
}

/*
 * The function that holds the address. A symbol without a size (assembly)
 * reaches up to the next symbol.
 */
const struct usdt_symbol *usdt_symbols_function(struct usdt_file *f, uint64_t address)
{
	enum { STEPS = 64 }; /* nested symbols (.cold parts, aliases) are few */
	size_t lo = 0, hi;

	if (symbols_read(f) || !f->nfunctions)
		return NULL;
	hi = f->nfunctions;
	while (lo < hi) { /* the first symbol after the address */
		size_t mid = lo + (hi - lo) / 2;

		if (f->functions[mid].address <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo, steps = 0; i-- > 0 && steps < STEPS; steps++)
		if (address - f->functions[i].address < f->functions[i].size)
			return best_name(f, i);
	return lo && !f->functions[lo - 1].size ? best_name(f, lo - 1) : NULL;
}

const char *usdt_symbols_damage(const struct usdt_file *f)
{
	return f->damage ? f->damage : f->symbols_damage;
}

const char *usdt_symbols_at(struct usdt_file *f, uint64_t offset, uint64_t *distance)
{
	const struct usdt_symbol *s = NULL;
	uint64_t address;

	if (!usdt_file_address(f, offset, &address))
		s = usdt_symbols_function(f, address);
	if (!s)
		return NULL;
	*distance = address - s->address;
	return s->name;
}

/* false: fn asks to stop. */
static bool function_give(const struct usdt_file *f, const struct usdt_symbol *s,
			  usdt_function_fn *fn, void *arg)
{
	for (size_t k = 0; k < f->nsegments; k++) {
		uint64_t in = s->address - f->segments[k].address;
		struct usdt_function function = { .name = s->name,
						  .offset = in + f->segments[k].offset,
						  .is_chosen = s->type == STT_GNU_IFUNC };

		if (f->segments[k].exec && in < f->segments[k].filesz && function.offset)
			return fn(arg, &function);
	}
	return true;
}

int usdt_symbols_each(struct usdt_file *f, usdt_function_fn *fn, void *arg)
{
	const struct usdt_symbol **by_order;
	int err = symbols_read(f);

	if (err)
		return err;
	by_order = calloc(f->nfunctions + 1, sizeof(*by_order));
	if (!by_order)
		return -ENOMEM;
	for (size_t i = 0; i < f->nfunctions; i++)
		by_order[f->functions[i].order] = &f->functions[i];
	for (size_t i = 0; i < f->nfunctions && function_give(f, by_order[i], fn, arg); i++)
		;
	free(by_order);
	return 0;
}

/* ---- Names ------------------------------------------------------------------- */

/* Drops a table that is incomplete: without all symbols an ambiguous name would look unique. */
static bool no_index(struct hash *h)
{
	hash_free(h, NULL);
	return false;
}

static bool name_add(struct hash *names, struct usdt_symbol *s)
{
	size_t n = strnlen(s->name, MAX_NAME);
	struct usdt_symbol *first = n < MAX_NAME ? hash_get(names, s->name, n) : NULL;

	if (first)
		first->ambiguous |= first->address != s->address;
	return first || n == MAX_NAME || !hash_set(names, s->name, n, s, NULL);
}

/* Few files have arguments like `counter+8(%rip)`, which need the table: it is made late. */
static bool names_index(struct usdt_file *f)
{
	struct hash *names;
	bool ok;

	if (f->symbols_by_name)
		return true;
	names = hash_new();
	ok = names;
	for (size_t i = 0; ok && i < f->nfunctions; i++)
		ok = name_add(names, &f->functions[i]);
	for (size_t i = 0; ok && i < f->nvariables; i++)
		ok = name_add(names, &f->variables[i]);
	if (!ok)
		return no_index(names);
	f->symbols_by_name = names;
	return true;
}

struct static_key { /* the name follows */
	uint32_t source;
	char name[MAX_NAME];
};

static size_t static_key(struct static_key *key, uint32_t source, const char *name, size_t len)
{
	key->source = source;
	memcpy(key->name, name, len);
	return offsetof(struct static_key, name) + len;
}

static bool static_add(struct usdt_file *f, struct hash *statics, struct usdt_symbol *s)
{
	size_t n = strnlen(s->name, MAX_NAME), len;
	struct static_key key;
	const struct usdt_symbol *any;
	struct usdt_symbol *first;

	if (!s->source || n == MAX_NAME)
		return true;
	any = hash_get(f->symbols_by_name, s->name, n);
	if (!any || !any->ambiguous)
		return true;
	len = static_key(&key, s->source, s->name, n);
	first = hash_get(statics, &key, len);
	if (first)
		first->twin |= first->address != s->address;
	return first || !hash_set(statics, &key, len, s, NULL);
}

static bool statics_index(struct usdt_file *f)
{
	struct hash *statics;
	bool ok;

	if (f->statics)
		return true;
	statics = hash_new();
	ok = statics;
	for (size_t i = 0; ok && i < f->nfunctions; i++)
		ok = static_add(f, statics, &f->functions[i]);
	for (size_t i = 0; ok && i < f->nvariables; i++)
		ok = static_add(f, statics, &f->variables[i]);
	if (!ok)
		return no_index(statics);
	f->statics = statics;
	return true;
}

/* A static function sees its own source file's variables. No table tells which source file a
 * global function comes from. */
static const struct usdt_symbol *static_of(struct usdt_file *f, const char *name, size_t len,
					   uint64_t site)
{
	const struct usdt_symbol *func = site ? usdt_symbols_function(f, site) : NULL, *found;
	struct static_key key;

	if (!func || !func->source || len >= MAX_NAME || !statics_index(f))
		return NULL;
	found = hash_get(f->statics, &key, static_key(&key, func->source, name, len));
	return found && !found->twin ? found : NULL;
}

int usdt_symbols_address(struct usdt_file *f, const char *name, size_t len, uint64_t site,
			 uint64_t *address)
{
	const struct usdt_symbol *found;

	if (symbols_read(f) || !names_index(f))
		return -ENOENT;
	found = hash_get(f->symbols_by_name, name, len);
	if (!found)
		return -ENOENT;
	if (found->ambiguous)
		found = static_of(f, name, len, site);
	if (!found)
		return -EEXIST;
	*address = found->address;
	return 0;
}
