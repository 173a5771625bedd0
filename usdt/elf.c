/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/elf.c: the parts of an ELF file that probes need.
 * In:   a descriptor, read by position.
 * Out:  segments, sections, symbols in the file's arena.
 * Owns: nothing.
 *
 * Own code rather than libelf's: a hostile file must cost bounded time and
 * memory, and what is read must not change under us (libelf maps files).
 * Both classes and byte orders go through one cursor.
 */
#include "usdt/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAME 4096 /* of a symbol that is looked up: a bound on hashing hostile tables */

/* Of several kinds of damage one is told. */
void usdt_elf_damaged(struct usdt_file *f, const char *what)
{
	if (!f->damage)
		f->damage = what;
}

bool usdt_elf_holds(const struct usdt_file *f, uint64_t offset, uint64_t size)
{
	return offset <= f->size && size <= f->size - offset;
}

const void *usdt_elf_bytes(struct usdt_file *f, uint64_t offset, uint64_t size)
{
	char *buf;
	size_t got = 0;

	if (!usdt_elf_holds(f, offset, size) || size > USDT_MAX_SYMBOL_BYTES) {
		errno = EBADMSG;
		return NULL;
	}
	buf = arena_alloc(f->arena, (size_t)size + 1); /* + 1: ends every string table with a NUL */
	if (!buf) {
		errno = ENOMEM;
		return NULL;
	}
	while (got < size) {
		ssize_t n = pread(f->fd, buf + got, (size_t)size - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!n)
				errno = EBADMSG;
			return NULL;
		}
		got += (size_t)n;
	}
	return buf;
}

struct cursor usdt_elf_cursor(const struct usdt_file *f, const void *bytes, size_t len)
{
	struct cursor c = cur_init(bytes, len);

	c.swap = f->swap;
	return c;
}

uint64_t usdt_elf_word(const struct usdt_file *f, struct cursor *c)
{
	return f->is64 ? cur_u64(c) : cur_u32(c);
}

static int read_segments(struct usdt_file *f, uint64_t offset, size_t n, size_t entsize)
{
	const char *bytes;

	if (!n)
		return 0;
	if (n > USDT_MAX_SEGMENTS || entsize != (f->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return -EBADMSG;
	bytes = usdt_elf_bytes(f, offset, n * entsize);
	if (!bytes)
		return -errno;
	f->segments = arena_array(f->arena, struct usdt_segment, n);
	f->note_segments = arena_array(f->arena, struct usdt_segment, n);
	if (!f->segments || !f->note_segments)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct cursor c = usdt_elf_cursor(f, bytes + i * entsize, entsize);
		struct usdt_segment s;
		uint32_t type = cur_u32(&c), flags = f->is64 ? cur_u32(&c) : 0;

		s.offset = usdt_elf_word(f, &c);
		s.address = usdt_elf_word(f, &c);
		usdt_elf_word(f, &c);
		s.filesz = usdt_elf_word(f, &c);
		s.memsz = usdt_elf_word(f, &c);
		if (!f->is64)
			flags = cur_u32(&c);
		s.exec = flags & PF_X;
		s.write = flags & PF_W;
		if (type == PT_LOAD && usdt_elf_holds(f, s.offset, s.filesz))
			f->segments[f->nsegments++] = s;
		else if (type == PT_NOTE)
			f->note_segments[f->nnote_segments++] = s;
	}
	return 0;
}

static struct usdt_section section_at(const struct usdt_file *f, const char *bytes, uint32_t *name)
{
	struct cursor c = usdt_elf_cursor(f, bytes,
					  f->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
	struct usdt_section s = { 0 };

	*name = cur_u32(&c);
	s.type = cur_u32(&c);
	s.flags = usdt_elf_word(f, &c);
	s.address = usdt_elf_word(f, &c);
	s.offset = usdt_elf_word(f, &c);
	s.size = usdt_elf_word(f, &c);
	s.link = cur_u32(&c);
	s.info = cur_u32(&c);
	usdt_elf_word(f, &c);
	s.entsize = usdt_elf_word(f, &c);
	return s;
}

static const char bad_sections[] = "its section headers are damaged";

/* The count and the place of the names, which are in the first section if there are many. */
static int count_sections(struct usdt_file *f, uint64_t offset, size_t entsize, size_t *n,
			  uint32_t *strndx)
{
	struct usdt_section first;
	const char *bytes;
	uint32_t name;

	if (*n && *strndx != SHN_XINDEX)
		return 0;
	bytes = usdt_elf_bytes(f, offset, entsize);
	if (!bytes)
		return -errno;
	first = section_at(f, bytes, &name);
	if (!*n)
		*n = (size_t)first.size;
	if (*strndx == SHN_XINDEX)
		*strndx = first.link;
	return 0;
}

/* Names of sections; NULL: there are none. */
static const char *section_names(struct usdt_file *f, const char *bytes, size_t n, size_t entsize,
				 uint32_t strndx, uint64_t *size)
{
	const char *names = NULL;
	struct usdt_section s;
	uint32_t name;

	*size = 0;
	if (strndx == SHN_UNDEF)
		return NULL;
	if (strndx >= n) { /* sections that are counted no more may hold probes */
		usdt_elf_damaged(f, bad_sections);
		return NULL;
	}
	s = section_at(f, bytes + strndx * entsize, &name);
	if (s.type == SHT_STRTAB)
		names = usdt_elf_bytes(f, s.offset, s.size);
	if (!names)
		usdt_elf_damaged(f, "the names of its sections cannot be read");
	*size = s.size;
	return names;
}

/* The strings of a table of symbols; NULL: the table is damaged. */
static const struct usdt_section *symbol_names(const struct usdt_file *f,
					       const struct usdt_section *table)
{
	const struct usdt_section *names = table->link < f->nsections ? &f->sections[table->link] :
									NULL;

	return names && names->type == SHT_STRTAB &&
			       usdt_elf_holds(f, table->offset, table->size) &&
			       usdt_elf_holds(f, names->offset, names->size) ?
		       names :
		       NULL;
}

/* Symbols are read when they are asked for, but whether they can be is told with the probes. */
static void check_symbols(struct usdt_file *f)
{
	for (size_t i = 0; i < f->nsections; i++) {
		const struct usdt_section *s = &f->sections[i];

		if ((s->type == SHT_SYMTAB || s->type == SHT_DYNSYM) && !symbol_names(f, s))
			f->symbols_damage = "its symbols cannot be read";
	}
}

/*
 * Probes of a file without section headers are in its segments of notes. Headers that cannot be
 * read count as none, and are damage: sys/sdt.h's notes are in sections only. Memory is the only
 * failure.
 */
static int read_sections(struct usdt_file *f, uint64_t offset, size_t n, size_t entsize,
			 uint32_t strndx)
{
	const char *bytes, *names;
	uint64_t names_size = 0;
	uint32_t name;
	int err = -EBADMSG;

	if (!offset && !n)
		return 0;
	if (offset && entsize == (f->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)))
		err = count_sections(f, offset, entsize, &n, &strndx);
	if (err || !n || n > f->size / entsize) {
		usdt_elf_damaged(f, bad_sections);
		return err == -ENOMEM ? err : 0;
	}
	bytes = usdt_elf_bytes(f, offset, n * entsize);
	if (!bytes || section_at(f, bytes, &name).type != SHT_NULL) {
		usdt_elf_damaged(f, bad_sections);
		return !bytes && errno == ENOMEM ? -ENOMEM : 0;
	}
	f->sections = arena_array(f->arena, struct usdt_section, n);
	if (!f->sections)
		return -ENOMEM;
	names = section_names(f, bytes, n, entsize, strndx, &names_size);
	for (size_t i = 0; i < n; i++) {
		struct usdt_section s = section_at(f, bytes + i * entsize, &name);

		s.name = names && name < names_size ? names + name : "";
		f->sections[i] = s;
	}
	f->nsections = n;
	check_symbols(f);
	return 0;
}

static int read_ident(struct usdt_file *f)
{
	struct stat st;
	const unsigned char *ident;

	if (fstat(f->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOEXEC;
	f->size = (uint64_t)st.st_size;
	ident = usdt_elf_bytes(f, 0, SELFMAG);
	if (!ident || memcmp(ident, ELFMAG, SELFMAG))
		return ident || errno == EBADMSG ? -ENOEXEC : -errno;
	ident = usdt_elf_bytes(f, 0, EI_NIDENT);
	if (!ident)
		return -errno;
	if ((ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32) ||
	    (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB))
		return -EBADMSG;
	f->is64 = ident[EI_CLASS] == ELFCLASS64;
	f->swap = (ident[EI_DATA] == ELFDATA2MSB) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	return 0;
}

int usdt_elf_read(struct usdt_file *f)
{
	const void *bytes;
	struct cursor c;
	uint64_t phoff, shoff;
	size_t phentsize, phnum, shentsize, shnum, head;
	uint32_t shstrndx;
	int err = read_ident(f);

	if (err)
		return err;
	head = f->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	bytes = usdt_elf_bytes(f, 0, head);
	if (!bytes)
		return -errno;
	c = usdt_elf_cursor(f, bytes, head);
	cur_bytes(&c, EI_NIDENT);
	f->type = cur_u16(&c);
	f->machine = cur_u16(&c);
	cur_u32(&c);	      /* version */
	usdt_elf_word(f, &c); /* entry */
	phoff = usdt_elf_word(f, &c);
	shoff = usdt_elf_word(f, &c);
	cur_u32(&c); /* flags */
	cur_u16(&c); /* size of this header */
	phentsize = cur_u16(&c);
	phnum = cur_u16(&c);
	shentsize = cur_u16(&c);
	shnum = cur_u16(&c);
	shstrndx = cur_u16(&c);
	if (f->type == ET_CORE)
		return -ENOEXEC;
	if (f->type != ET_EXEC && f->type != ET_DYN && f->type != ET_REL)
		return -EBADMSG;
	err = f->type == ET_REL ? 0 : read_segments(f, phoff, phnum, phentsize);
	return err ? err : read_sections(f, shoff, shnum, shentsize, shstrndx);
}

const struct usdt_section *usdt_elf_section(const struct usdt_file *f, const char *name)
{
	for (size_t i = 0; i < f->nsections; i++)
		if (!strcmp(f->sections[i].name, name))
			return &f->sections[i];
	return NULL;
}

/* ---- Symbols ---------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct usdt_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name); /* place in one string table */
}

static bool wanted_symbol(unsigned type, uint16_t shndx)
{
	return shndx != SHN_UNDEF && shndx != SHN_ABS && shndx != SHN_COMMON &&
	       (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE ||
		type == STT_GNU_IFUNC);
}

static int read_symbol_table(struct usdt_file *f, const struct usdt_section *table)
{
	static const uint8_t ranks[] = { [STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1 };
	size_t entsize = f->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	size_t n = (size_t)(table->size / entsize);
	const struct usdt_section *strtab = symbol_names(f, table);
	const char *bytes, *strings;
	uint32_t source = 0;

	if (!strtab)
		return 0;
	bytes = usdt_elf_bytes(f, table->offset, n * entsize);
	strings = bytes ? usdt_elf_bytes(f, strtab->offset, strtab->size) : NULL;
	if (!strings)
		return errno == ENOMEM ? -ENOMEM : 0;
	f->symbols = arena_array(f->arena, struct usdt_symbol, n);
	if (!f->symbols)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct cursor c = usdt_elf_cursor(f, bytes + i * entsize, entsize);
		struct usdt_symbol s = { 0 };
		uint32_t name = cur_u32(&c);
		uint8_t info, bind;
		uint16_t shndx;

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
		bind = info >> 4;
		s.type = info & 0xf;
		/* Linkers keep the local symbols of an object together, behind its source's name. */
		source += s.type == STT_FILE;
		if (!wanted_symbol(s.type, shndx) || name >= strtab->size || !strings[name])
			continue;
		s.name = strings + name;
		s.rank = bind < COUNT(ranks) ? ranks[bind] : 2;
		s.source = bind == STB_LOCAL ? source : 0;
		f->symbols[f->nsymbols++] = s;
	}
	qsort(f->symbols, f->nsymbols, sizeof(*f->symbols), by_address);
	return 0;
}

/* Once; a file without symbols has 0. */
static int symbols_read(struct usdt_file *f)
{
	static const uint32_t types[] = { SHT_SYMTAB, SHT_DYNSYM };

	if (f->symbols_read)
		return 0;
	f->symbols_read = true;
	for (size_t t = 0; t < COUNT(types); t++)
		for (size_t i = 0; i < f->nsections; i++) {
			int err;

			if (f->sections[i].type != types[t])
				continue;
			err = read_symbol_table(f, &f->sections[i]);
			if (err || f->nsymbols)
				return err;
		}
	return 0;
}

/*
 * The function that holds the address. A symbol without a size (assembly)
 * holds what follows it up to the next one.
 */
const struct usdt_symbol *usdt_elf_function_at(struct usdt_file *f, uint64_t address)
{
	const struct usdt_symbol *nearest = NULL;
	size_t lo = 0, hi;
	unsigned steps = 0;

	if (symbols_read(f) || !f->nsymbols)
		return NULL;
	hi = f->nsymbols;
	while (lo < hi) { /* the first symbol after the address */
		size_t mid = lo + (hi - lo) / 2;

		if (f->symbols[mid].address <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Nested symbols (.cold parts, aliases) are few: look back over some, not over all. */
	for (size_t i = lo; i-- > 0 && steps < 64; steps++) {
		const struct usdt_symbol *s = &f->symbols[i];

		if (s->type != STT_FUNC && s->type != STT_GNU_IFUNC)
			continue;
		if (address - s->address < s->size) {
			/* Of several names for one address the best ranked comes first. */
			while (i > 0 && f->symbols[i - 1].address == s->address &&
			       f->symbols[i - 1].type == s->type &&
			       f->symbols[i - 1].size == s->size)
				s = &f->symbols[--i];
			return s;
		}
		if (!nearest)
			nearest = s;
	}
	return nearest && !nearest->size ? nearest : NULL;
}

/* A table in which a symbol is missing would give another of its name: there is none then. */
static bool no_index(struct hash *h)
{
	hash_free(h, NULL);
	return false;
}

/* For arguments like `counter+8(%rip)`: few files need it, so the table is made late. */
static bool names_index(struct usdt_file *f)
{
	struct hash *names;

	if (f->symbols_by_name)
		return true;
	names = hash_new();
	for (size_t i = 0; names && i < f->nsymbols; i++) {
		struct usdt_symbol *s = &f->symbols[i], *first;
		size_t n = strnlen(s->name, MAX_NAME);

		if (n == MAX_NAME)
			continue;
		first = hash_get(names, s->name, n);
		if (first)
			first->ambiguous |= first->address != s->address;
		else if (hash_set(names, s->name, n, s, NULL))
			return no_index(names);
	}
	f->symbols_by_name = names;
	return names;
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

static bool statics_index(struct usdt_file *f)
{
	struct static_key key;
	struct hash *statics;

	if (f->statics)
		return true;
	statics = hash_new();
	for (size_t i = 0; statics && i < f->nsymbols; i++) {
		struct usdt_symbol *s = &f->symbols[i], *first;
		size_t n = strnlen(s->name, MAX_NAME), len;

		if (!s->source || n == MAX_NAME)
			continue;
		first = hash_get(f->symbols_by_name, s->name, n);
		if (!first || !first->ambiguous)
			continue;
		len = static_key(&key, s->source, s->name, n);
		first = hash_get(statics, &key, len);
		if (first)
			first->twin |= first->address != s->address;
		else if (hash_set(statics, &key, len, s, NULL))
			return no_index(statics);
	}
	f->statics = statics;
	return statics;
}

/* A static function sees its own source file's variables. Of a global one no table tells where it
 * comes from. */
static const struct usdt_symbol *static_of(struct usdt_file *f, const char *name, size_t len,
					   uint64_t site)
{
	const struct usdt_symbol *func = site ? usdt_elf_function_at(f, site) : NULL, *found;
	struct static_key key;

	if (!func || !func->source || len >= MAX_NAME || !statics_index(f))
		return NULL;
	found = hash_get(f->statics, &key, static_key(&key, func->source, name, len));
	return found && !found->twin ? found : NULL;
}

int usdt_elf_symbol(struct usdt_file *f, const char *name, size_t len, uint64_t site,
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
