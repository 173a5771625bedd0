/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/ksym.c: kernel addresses as module`symbol+0x10.
 * In:   /proc/kallsyms, read once, when first asked.
 * Out:  text.
 * Owns: the table, for the rest of the process's life: the kernel is one.
 */
#include "consumer/output/inner.h"

#include "base/grow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct ksym {
	uint64_t addr;
	const char *name, *mod;
};

static struct { /* written by load() and name_all() alone, each under its once */
	pthread_once_t once, named_once;
	char *text;	   /* names and modules point into it */
	struct ksym *syms; /* by address */
	size_t n;
	const struct ksym **named; /* by name; made when first asked for one */
	bool hidden;		   /* looked for and not there */
} kernel = { .once = PTHREAD_ONCE_INIT, .named_once = PTHREAD_ONCE_INIT };

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n = 0, cap = 1 << 20, got;
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

static int by_addr(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* "ffffffff81000000 T name", and "\t[module]" for those of modules. */
static bool parse(char *line, struct ksym *k)
{
	char *type, *name, *mod;

	k->addr = strtoull(line, &type, 16);
	if (type[0] != ' ' || !type[1] || type[2] != ' ' || !strchr("tTwW", type[1]) || !k->addr)
		return false;
	name = type + 3;
	mod = strpbrk(name, "\t ");
	k->name = name;
	k->mod = "vmlinux";
	if (mod) {
		*mod++ = '\0';
		mod += strspn(mod, "\t [");
		mod[strcspn(mod, "]")] = '\0';
		k->mod = mod;
	}
	return true;
}

/* Without the right to see them all addresses are zero: then there are no symbols. */
static void load(void)
{
	size_t cap = 0;
	struct ksym *slot;

	kernel.text = read_all("/proc/kallsyms");
	for (char *line = kernel.text, *next; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		slot = GROW_PUSH(kernel.syms, kernel.n, cap);
		if (!slot)
			break;
		kernel.n -= !parse(line, slot);
	}
	__atomic_store_n(&kernel.hidden, !kernel.n, __ATOMIC_RELAXED);
	if (kernel.n)
		qsort(kernel.syms, kernel.n, sizeof(*kernel.syms), by_addr);
}

/* The last symbol that begins at or before addr; of several at one address, the first. */
static const struct ksym *find(uint64_t addr)
{
	size_t lo = 0, hi;

	pthread_once(&kernel.once, load);
	hi = kernel.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (kernel.syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Nothing lies in user land, and nothing far behind the last symbol. */
	if (!lo || addr >> 63 == 0 || (lo == kernel.n && addr - kernel.syms[lo - 1].addr > 1 << 20))
		return NULL;
	for (lo--; lo && kernel.syms[lo - 1].addr == kernel.syms[lo].addr; lo--)
		;
	return &kernel.syms[lo];
}

bool out_ksyms_hidden(void)
{
	return __atomic_load_n(&kernel.hidden, __ATOMIC_RELAXED);
}

static int by_name(const void *a, const void *b)
{
	const struct ksym *x = *(const struct ksym *const *)a, *y = *(const struct ksym *const *)b;

	return strcmp(x->name, y->name);
}

/* As many as tracepoints may be asked for, two each. */
static void name_all(void)
{
	pthread_once(&kernel.once, load);
	kernel.named = calloc(kernel.n + 1, sizeof(const struct ksym *));
	for (size_t i = 0; kernel.named && i < kernel.n; i++)
		kernel.named[i] = &kernel.syms[i];
	if (kernel.named)
		qsort(kernel.named, kernel.n, sizeof(const struct ksym *), by_name);
}

bool out_ksym_range(const char *name, uint64_t *start, uint32_t *size)
{
	const struct ksym wanted = { .name = name }, *key = &wanted, *const * found, *next;

	pthread_once(&kernel.named_once, name_all);
	found = kernel.named ? bsearch(&key, kernel.named, kernel.n, sizeof(const struct ksym *),
				       by_name) :
			       NULL;
	if (!found)
		return false;
	for (next = *found; next < kernel.syms + kernel.n && next->addr == (*found)->addr; next++)
		;
	if (next == kernel.syms + kernel.n)
		return false;
	*start = (*found)->addr;
	*size = (uint32_t)(next->addr - *start);
	return true;
}

void out_ksym(char *buf, size_t size, uint64_t addr, enum d_symbol how)
{
	const struct ksym *k = find(addr);

	if (!k)
		snprintf(buf, size, "0x%llx", (unsigned long long)addr);
	else if (how == D_SYM_MODULE)
		snprintf(buf, size, "%s", k->mod);
	else if (how == D_SYM_FUNCTION || addr == k->addr)
		snprintf(buf, size, "%s`%s", k->mod, k->name);
	else
		snprintf(buf, size, "%s`%s+0x%llx", k->mod, k->name,
			 (unsigned long long)(addr - k->addr));
}
