/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/symbols.c: function symbols of ELF files, from .symtab, else from the
 * separate debug file that the build id names, else from .dynsym.
 * In:   a descriptor taken while the file was mapped, read at the first question.
 * Out:  file offset → function.
 * Owns: the descriptor until then; afterwards names and a sorted table.
 */
#include "world/inner.h"

#include "base/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

struct sym {
	uint64_t addr, size;
	char *name;
	unsigned rank;	/* of several names of one address the lowest is shown */
	bool is_chosen; /* STT_GNU_IFUNC */
	size_t order;	/* in the symbol table */
};
struct segment {
	uint64_t off, size, addr;
	bool exec;
};

struct world_symbols {
	int fd; /* -1: none, or read already */
	bool vdso, loaded, is32;
	struct sym *syms;
	size_t n, cap;
	struct segment *segs;
	size_t nsegs;
};

struct world_symbols *world_symbols_new(int fd)
{
	struct world_symbols *f = calloc(1, sizeof(*f));

	if (!f) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	f->fd = fd;
	return f;
}

struct world_symbols *world_symbols_new_vdso(void)
{
	struct world_symbols *f = world_symbols_new(-1);

	if (f)
		f->vdso = true;
	return f;
}

void world_symbols_free(struct world_symbols *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	for (size_t i = 0; i < f->n; i++)
		free(f->syms[i].name);
	free(f->syms);
	free(f->segs);
	free(f);
}

/* ---- Reading --------------------------------------------------------------- */

/* Names that programs use before internal ones: not local, few underscores, not weak. */
static unsigned rank_of(const GElf_Sym *s, const char *name)
{
	int bind = GELF_ST_BIND(s->st_info);

	return (bind == STB_LOCAL) * 64u + (unsigned)strspn(name, "_") % 16 * 2 +
	       (bind == STB_WEAK);
}

static void add(struct world_symbols *f, const GElf_Sym *s, const char *name)
{
	struct sym *slot = GROW_PUSH(f->syms, f->n, f->cap);

	if (!slot)
		return;
	/* without its version: name@@GLIBC_2.17 */
	*slot = (struct sym){ s->st_value,
			      s->st_size,
			      strndup(name, strcspn(name, "@")),
			      rank_of(s, name),
			      GELF_ST_TYPE(s->st_info) == STT_GNU_IFUNC,
			      f->n - 1 };
	f->n -= !slot->name;
}

static void read_section(struct world_symbols *f, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sh->sh_entsize : 0;
	GElf_Sym s;

	for (size_t i = 0; i < n && i < INT32_MAX; i++) {
		const char *name;
		int type;

		if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF || !s.st_value)
			continue;
		type = GELF_ST_TYPE(s.st_info);
		name = elf_strptr(elf, sh->sh_link, s.st_name);
		if ((type == STT_FUNC || type == STT_GNU_IFUNC) && name && *name)
			add(f, &s, name);
	}
}

static bool read_symbols(struct world_symbols *f, Elf *elf, GElf_Word type)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == type)
			read_section(f, elf, scn, &sh);
	return f->n > 0;
}

static void read_segments(struct world_symbols *f, Elf *elf)
{
	size_t n = 0;
	GElf_Phdr ph;

	if (elf_getphdrnum(elf, &n) || !n || n > 4096 || !(f->segs = calloc(n, sizeof(*f->segs))))
		return;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD)
			f->segs[f->nsegs++] = (struct segment){ ph.p_offset, ph.p_filesz,
								ph.p_vaddr, ph.p_flags & PF_X };
}

/* "/usr/lib/debug/.build-id/ab/cdef….debug" of an object; false: it has no build id. */
static bool debug_path(Elf *elf, char *path, size_t size)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		size_t off = 0, name, desc;
		GElf_Nhdr nh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_NOTE ||
		    !(data = elf_getdata(scn, NULL)))
			continue;
		while ((off = gelf_getnote(data, off, &nh, &name, &desc)) > 0) {
			const unsigned char *id = (const unsigned char *)data->d_buf + desc;
			int n;

			if (nh.n_type != NT_GNU_BUILD_ID || nh.n_namesz != 4 || nh.n_descsz < 2 ||
			    nh.n_descsz > 64 || memcmp((const char *)data->d_buf + name, "GNU", 4))
				continue;
			n = snprintf(path, size, "/usr/lib/debug/.build-id/%02x/", id[0]);
			for (size_t i = 1; i < nh.n_descsz; i++)
				n += snprintf(path + n, size - (size_t)n, "%02x", id[i]);
			snprintf(path + n, size - (size_t)n, ".debug");
			return true;
		}
	}
	return false;
}

static bool read_debug_file(struct world_symbols *f, Elf *elf)
{
	char path[256];
	int fd = debug_path(elf, path, sizeof(path)) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	Elf *debug = fd >= 0 ? elf_begin(fd, ELF_C_READ_MMAP, NULL) : NULL;
	bool found = debug && elf_kind(debug) == ELF_K_ELF && read_symbols(f, debug, SHT_SYMTAB);

	elf_end(debug);
	if (fd >= 0)
		close(fd);
	return found;
}

static int by_addr(const void *a, const void *b)
{
	const struct sym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void read_elf(struct world_symbols *f, Elf *elf)
{
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		read_segments(f, elf);
		f->is32 = gelf_getclass(elf) == ELFCLASS32;
		if (!read_symbols(f, elf, SHT_SYMTAB) && !read_debug_file(f, elf))
			read_symbols(f, elf, SHT_DYNSYM);
		if (f->n)
			qsort(f->syms, f->n, sizeof(*f->syms), by_addr);
	}
	elf_end(elf);
}

/* From its header to the end of its section headers, which it has at its end. */
static void read_vdso(struct world_symbols *f)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	Elf64_Ehdr eh;

	if (!image)
		return;
	memcpy(&eh, image, sizeof(eh));
	read_elf(f, elf_memory(image, eh.e_shoff + (size_t)eh.e_shnum * eh.e_shentsize));
}

static void load(struct world_symbols *f)
{
	f->loaded = true;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return;
	if (f->vdso)
		read_vdso(f);
	if (f->fd < 0)
		return;
	read_elf(f, elf_begin(f->fd, ELF_C_READ_MMAP, NULL));
	close(f->fd);
	f->fd = -1;
}

/* ---- Finding ------------------------------------------------------------------ */

const char *world_symbols_find(struct world_symbols *f, uint64_t file_off, uint64_t *distance)
{
	uint64_t addr = 0;
	size_t lo = 0, hi, i;

	if (!f->loaded)
		load(f);
	for (i = 0; i < f->nsegs; i++)
		if (file_off - f->segs[i].off < f->segs[i].size)
			addr = file_off - f->segs[i].off + f->segs[i].addr;
	hi = addr ? f->n : 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* The nearest one that reaches so far; one without size reaches to its successor. */
	for (size_t back = 0; lo && back < 16; back++) {
		const struct sym *s = &f->syms[--lo];

		if (addr - s->addr >= s->size && (s->size || back))
			continue;
		while (lo && f->syms[lo - 1].addr == s->addr && f->syms[lo - 1].size == s->size)
			s = &f->syms[--lo];
		*distance = addr - s->addr;
		return s->name;
	}
	return NULL;
}

bool world_symbols_32bit(struct world_symbols *f)
{
	if (!f->loaded)
		load(f);
	return f->is32;
}

static bool function_give(const struct world_symbols *f, const struct sym *s, world_function_fn *fn,
			  void *arg)
{
	for (size_t k = 0; k < f->nsegs; k++) {
		uint64_t in = s->addr - f->segs[k].addr;
		struct world_function function = { .name = s->name,
						   .offset = in + f->segs[k].off,
						   .is_chosen = s->is_chosen };

		if (f->segs[k].exec && in < f->segs[k].size)
			return fn(arg, &function);
	}
	return true;
}

int world_symbols_each(struct world_symbols *f, world_function_fn *fn, void *arg)
{
	size_t *place;

	if (!f->loaded)
		load(f);
	place = calloc(f->n + 1, sizeof(*place));
	if (!place)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		place[f->syms[i].order] = i;
	for (size_t i = 0; i < f->n && function_give(f, &f->syms[place[i]], fn, arg); i++)
		;
	free(place);
	return 0;
}
