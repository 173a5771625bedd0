/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/elf.c: the headers of an ELF file.
 * In:   a descriptor, read by position.
 * Out:  segments and sections in the file's arena; file offsets for addresses and back.
 * Owns: nothing.
 *
 * Own code rather than libelf: a hostile file must take bounded time and
 * memory, and the bytes must not change under us (libelf maps files). Both
 * classes and byte orders go through one cursor.
 */
#include "usdt/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first damage is kept: one reason is enough for the user. */
void usdt_elf_damaged(struct usdt_file *f, const char *what)
{
	if (!f->damage)
		f->damage = what;
}

bool usdt_elf_holds(const struct usdt_file *f, uint64_t offset, uint64_t size)
{
	return offset <= f->size && size <= f->size - offset;
}

char *usdt_elf_copy(const struct usdt_file *f, struct arena *a, uint64_t offset, uint64_t size)
{
	char *buf;
	size_t got = 0;

	if (!usdt_elf_holds(f, offset, size) || size > USDT_MAX_SYMBOL_BYTES) {
		errno = EBADMSG;
		return NULL;
	}
	buf = arena_alloc(a, (size_t)size + 1); /* + 1: ends every string table with a NUL */
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

const void *usdt_elf_bytes(const struct usdt_file *f, uint64_t offset, uint64_t size)
{
	return usdt_elf_copy(f, f->arena, offset, size);
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

/* If there are many sections, the first one holds their number and the index of their names. */
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

/* The section names; NULL: the file has no names. */
static const char *section_names(struct usdt_file *f, const char *bytes, size_t n, size_t entsize,
				 uint32_t strndx, uint64_t *size)
{
	const char *names = NULL;
	struct usdt_section s;
	uint32_t name;

	*size = 0;
	if (strndx == SHN_UNDEF)
		return NULL;
	if (strndx >= n) { /* the number of sections may be too small, which loses probes */
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

const struct usdt_section *usdt_elf_symbol_names(const struct usdt_file *f,
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

/* Symbols are read late, but usdt_file_damage must say with the probes whether they can be read. */
static void check_symbols(struct usdt_file *f)
{
	const struct usdt_section *names;

	for (size_t i = 0; i < f->nsections; i++) {
		const struct usdt_section *s = &f->sections[i];

		if ((s->type == SHT_SYMTAB || s->type == SHT_DYNSYM) &&
		    (!(names = usdt_elf_symbol_names(f, s)) || s->size > USDT_MAX_SYMBOL_BYTES ||
		     names->size > USDT_MAX_SYMBOL_BYTES))
			f->symbols_damage = USDT_BAD_SYMBOLS;
	}
}

/*
 * A file without section headers has its probes in PT_NOTE segments. Unreadable
 * headers count as no headers, and as damage, because sys/sdt.h's notes are in
 * sections only. The only error is -ENOMEM.
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

/* ---- Notes -------------------------------------------------------------------------- */

bool usdt_elf_note(struct usdt_notes *notes, struct usdt_note *n)
{
	struct cursor *c = &notes->c;
	uint32_t descsz;

	if (!cur_left(c))
		return false;
	n->owner_len = cur_u32(c);
	descsz = cur_u32(c);
	n->type = cur_u32(c);
	n->owner = cur_bytes(c, n->owner_len);
	cur_align(c, notes->start, 4);
	n->desc = cur_bytes(c, descsz);
	n->len = descsz;
	if (c->bad) /* the bytes behind a cut note cannot be split into notes */
		return false;
	n->offset = notes->offset + (uint64_t)(n->desc - notes->start);
	if (cur_left(c))
		cur_align(c, notes->start, 4);
	return true;
}

/* The build id's note is among the first, and small. The only error is -ENOMEM. */
static int read_build_id(struct usdt_file *f, uint64_t offset, uint64_t size)
{
	enum { LARGEST = 1 << 16 };
	struct usdt_notes notes = { .offset = offset };
	struct usdt_note n;

	if (f->build_id || size > LARGEST || !usdt_elf_holds(f, offset, size))
		return 0;
	notes.start = usdt_elf_bytes(f, offset, size);
	if (!notes.start)
		return errno == ENOMEM ? -ENOMEM : 0;
	notes.c = usdt_elf_cursor(f, notes.start, (size_t)size);
	while (!f->build_id && usdt_elf_note(&notes, &n))
		if (n.type == NT_GNU_BUILD_ID && n.owner_len == 4 && !memcmp(n.owner, "GNU", 4)) {
			f->build_id = (const uint8_t *)n.desc;
			f->build_id_len = n.len;
		}
	return 0;
}

static int find_build_id(struct usdt_file *f)
{
	int err = 0;

	for (size_t i = 0; i < f->nsections && !err; i++)
		if (f->sections[i].type == SHT_NOTE)
			err = read_build_id(f, f->sections[i].offset, f->sections[i].size);
	for (size_t i = 0; i < f->nnote_segments && !f->nsections && !err; i++)
		err = read_build_id(f, f->note_segments[i].offset, f->note_segments[i].filesz);
	return err;
}

/* ---- Headers ------------------------------------------------------------------------ */

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
	if (!err)
		err = read_sections(f, shoff, shnum, shentsize, shstrndx);
	return err ? err : find_build_id(f);
}

const struct usdt_section *usdt_elf_section(const struct usdt_file *f, const char *name)
{
	for (size_t i = 0; i < f->nsections; i++)
		if (!strcmp(f->sections[i].name, name))
			return &f->sections[i];
	return NULL;
}

/* ---- Places --------------------------------------------------------------------- */

/* Segments rounded to pages may share a page of the file at different addresses: code wins. */
int usdt_file_bias(const struct usdt_file *f, uint64_t start, uint64_t offset, uint64_t *bias)
{
	for (int exec = 1; exec >= 0; exec--)
		for (size_t i = 0; i < f->nsegments; i++) {
			const struct usdt_segment *s = &f->segments[i];
			uint64_t page = s->offset & ~UINT64_C(0xfff); /* the loader rounds down */

			if (s->exec == exec && offset >= page &&
			    offset - page < s->filesz + s->offset - page) {
				*bias = start - (s->address - s->offset + offset);
				return 0;
			}
		}
	return -ENOENT;
}

int usdt_file_offset(const struct usdt_file *f, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct usdt_segment *s = &f->segments[i];

		if (address - s->address < s->filesz) {
			*offset = address - s->address + s->offset;
			return 0;
		}
	}
	return -ENOENT;
}

int usdt_file_address(const struct usdt_file *f, uint64_t offset, uint64_t *address)
{
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct usdt_segment *s = &f->segments[i];

		if (offset - s->offset < s->filesz) {
			*address = offset - s->offset + s->address;
			return 0;
		}
	}
	return -ENOENT;
}
