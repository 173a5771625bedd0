/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/symbols.c: the kernel's symbols, by name and by address.
 * In:   /proc/kallsyms, read once, when first asked: the symbols of a module
 *       that is loaded later are not known.
 * Out:  struct kern_symbol.
 * Owns: the text of that file, the table of symbols, and the two indexes.
 *
 * The kernel writes 120,000 lines and more in some 50 ms. The index by name is
 * made when the first name is looked up, because printing addresses does not
 * need it.
 */
#include "base/grow.h"
#include "base/hash.h"
#include "kernel/inner.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct symbol { /* name and module are offsets in the text; module 0: the kernel proper */
	uint64_t address;
	uint32_t name, module;
	bool is_function;
};

static struct { /* written only within pthread_once */
	pthread_once_t read, named;
	char *text;
	struct symbol *symbols; /* in the file's order */
	size_t nsymbols, cap;
	uint32_t *functions; /* indexes of symbols, by address */
	size_t nfunctions, functions_cap;
	uint32_t *slots; /* by name: index + 1; a power of two in number, linear probing */
	size_t nslots;
	bool hidden;
} table = { .read = PTHREAD_ONCE_INIT, .named = PTHREAD_ONCE_INIT };

/* ---- Reading ----------------------------------------------------------------------- */

/* A file of /proc does not tell its size, so the buffer grows. */
static char *text_read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n = 0, cap = 8 << 20, got;
	char *s = f ? malloc(cap) : NULL;

	while (s && (got = fread(s + n, 1, cap - n - 1, f)) > 0) {
		n += got;
		if (cap - n - 1 == 0) {
			char *p = realloc(s, cap *= 2);

			if (!p)
				free(s);
			s = p;
		}
	}
	if (s)
		s[n] = '\0';
	if (f)
		fclose(f);
	return s;
}

/* "ffffffff81000000 T name", with "\t[module]" behind the name of a module's symbol. False: another
 * line, or the address is zero, as all addresses are without the right to see them. */
static bool line_parse(char *line, struct symbol *s)
{
	char *type, *module;

	s->address = strtoull(line, &type, 16);
	if (type[0] != ' ' || !type[1] || type[2] != ' ' || !s->address)
		return false;
	s->is_function = strchr("tTwW", type[1]);
	s->name = (uint32_t)(type + 3 - table.text);
	s->module = 0;
	module = strpbrk(type + 3, "\t ");
	if (module) {
		*module++ = '\0';
		module += strspn(module, "\t [");
		module[strcspn(module, "]")] = '\0';
		s->module = (uint32_t)(module - table.text);
	}
	return true;
}

/* Functions at one address keep the file's order. */
static int by_address(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	uint64_t x = table.symbols[i].address, y = table.symbols[k].address;

	return x != y ? (x < y ? -1 : 1) : i < k ? -1 : i > k;
}

static bool line_add(char *line)
{
	struct symbol *s = GROW_PUSH(table.symbols, table.nsymbols, table.cap);
	uint32_t *function;

	if (!s)
		return false;
	if (!line_parse(line, s)) {
		table.nsymbols--;
		return true;
	}
	if (!s->is_function)
		return true;
	function = GROW_PUSH(table.functions, table.nfunctions, table.functions_cap);
	if (function)
		*function = (uint32_t)(s - table.symbols);
	return function;
}

static void read_once(void)
{
	table.text = text_read_all("/proc/kallsyms");
	for (char *line = table.text, *next; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!line_add(line))
			break;
	}
	if (table.nfunctions)
		qsort(table.functions, table.nfunctions, sizeof(*table.functions), by_address);
	__atomic_store_n(&table.hidden, !table.nsymbols, __ATOMIC_RELAXED);
}

bool kern_symbols_hidden(void)
{
	return __atomic_load_n(&table.hidden, __ATOMIC_RELAXED);
}

static void symbol_fill(size_t i, struct kern_symbol *out)
{
	const struct symbol *s = &table.symbols[i];

	*out = (struct kern_symbol){ .address = s->address,
				     .is_function = s->is_function,
				     .name = table.text + s->name,
				     .module = s->module ? table.text + s->module : "vmlinux" };
}

/* ---- By address ----------------------------------------------------------------------- */

static uint64_t function_address(size_t i)
{
	return table.symbols[table.functions[i]].address;
}

/* How many functions begin at or before the address. */
static size_t functions_until(uint64_t address)
{
	size_t lo = 0, hi = table.nfunctions;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (function_address(mid) <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* 0: the last function, whose end is not known. */
static uint64_t function_size(uint64_t address)
{
	size_t next = functions_until(address);

	return next < table.nfunctions ? function_address(next) - address : 0;
}

bool kern_symbol_at(uint64_t address, struct kern_symbol *out)
{
	enum { LAST_MOST = 1 << 20 }; /* so far behind its start the last function has ended */
	size_t n, i;

	pthread_once(&table.read, read_once);
	n = functions_until(address);
	if (!n || address >> 63 == 0 ||
	    (n == table.nfunctions && address - function_address(n - 1) > LAST_MOST))
		return false;
	for (i = n - 1; i && function_address(i - 1) == function_address(n - 1); i--)
		;
	symbol_fill(table.functions[i], out);
	out->size = function_size(out->address);
	return true;
}

/* ---- By name --------------------------------------------------------------------------- */

static size_t slot_of(const char *name)
{
	return hash_bytes(name, strlen(name)) & (table.nslots - 1);
}

static void name_once(void)
{
	pthread_once(&table.read, read_once);
	for (table.nslots = 16; table.nslots < 2 * table.nsymbols; table.nslots *= 2)
		;
	table.slots = calloc(table.nslots, sizeof(*table.slots));
	for (size_t i = 0; table.slots && i < table.nsymbols; i++) {
		size_t slot = slot_of(table.text + table.symbols[i].name);

		while (table.slots[slot])
			slot = (slot + 1) & (table.nslots - 1);
		table.slots[slot] = (uint32_t)i + 1;
	}
}

static bool module_matches(const char *want, const struct symbol *s)
{
	if (!want || !*want)
		return true;
	if (!s->module)
		return !strcmp(want, "vmlinux") || !strcmp(want, "genunix");
	return !strcmp(want, table.text + s->module);
}

/* Names were inserted in the file's order, so of equal names the first is found first. */
bool kern_symbol_named(const char *module, const char *name, struct kern_symbol *out)
{
	uint32_t i;

	pthread_once(&table.named, name_once);
	if (!table.slots)
		return false;
	for (size_t slot = slot_of(name); (i = table.slots[slot]);
	     slot = (slot + 1) & (table.nslots - 1)) {
		const struct symbol *s = &table.symbols[i - 1];

		if (strcmp(table.text + s->name, name) || !module_matches(module, s))
			continue;
		symbol_fill(i - 1, out);
		out->size = s->is_function ? function_size(s->address) : 0;
		return true;
	}
	return false;
}
