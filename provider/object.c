/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/object.c: dtrace -G.
 * In:   checked provider declarations, the machine.
 * Out:  a relocatable object: the semaphores in .probes, as global hidden
 *       symbols (as in SystemTap's object; headers refer to them), and the type
 *       notes in a COMDAT group that has the name of the header's group. No
 *       code, no relocations.
 * Owns: nothing. The same declarations give the same bytes.
 */
#include "provider/inner.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

enum {
	SEC_NULL,
	SEC_PROBES,
	SEC_GROUP,
	SEC_TYPES,
	SEC_STACK,
	SEC_SYMTAB,
	SEC_STRTAB,
	SEC_SHSTRTAB
};

static const char section_names[] =
	"\0.probes\0.group\0.note.usdtkit.types\0.note.GNU-stack\0.symtab\0.strtab\0.shstrtab";

struct object {
	struct d *d;
	Elf *elf;
	bool is64;
	uint8_t *notes, *symbols;
	char *strings;
	uint32_t group[2]; /* GRP_COMDAT and its one member */
	size_t notes_len, nsymbols, strings_len;
};

/* Appends to a copy of the buffer; old copies stay in the arena. */
static bool append(struct object *o, uint8_t **buf, size_t *len, const void *bytes, size_t n)
{
	uint8_t *more = arena_alloc(d_arena(o->d), *len + n + 4);

	if (!more)
		return false;
	if (*len)
		memcpy(more, *buf, *len);
	memcpy(more + *len, bytes, n);
	*buf = more;
	*len += n;
	return true;
}

static bool add_note(struct object *o, const struct d_provider *prov, const struct d_probe_decl *p)
{
	size_t len;
	const uint8_t *desc = gen_note(o->d, prov, p, &len);
	uint32_t head[3] = { 8, (uint32_t)len, 1 };

	if (!desc || !append(o, &o->notes, &o->notes_len, head, sizeof(head)) ||
	    !append(o, &o->notes, &o->notes_len, "usdtkit", 8) ||
	    !append(o, &o->notes, &o->notes_len, desc, len))
		return false;
	return append(o, &o->notes, &o->notes_len, "\0\0\0", -len & 3);
}

static bool add_symbol(struct object *o, const char *name, unsigned info, unsigned other,
		       uint16_t section, uint64_t value, uint64_t size)
{
	size_t at = o->strings_len, used;
	uint8_t *strings = (uint8_t *)o->strings;

	if (!append(o, &strings, &o->strings_len, name, strlen(name) + 1))
		return false;
	o->strings = (char *)strings;
	used = o->nsymbols * (o->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
	o->nsymbols++;
	if (o->is64) {
		Elf64_Sym s = { .st_name = (uint32_t)at,
				.st_info = (uint8_t)info,
				.st_other = (uint8_t)other,
				.st_shndx = section,
				.st_value = value,
				.st_size = size };

		return append(o, &o->symbols, &used, &s, sizeof(s));
	} else {
		Elf32_Sym s = { .st_name = (uint32_t)at,
				.st_info = (uint8_t)info,
				.st_other = (uint8_t)other,
				.st_shndx = section,
				.st_value = (uint32_t)value,
				.st_size = (uint32_t)size };

		return append(o, &o->symbols, &used, &s, sizeof(s));
	}
}

/* Fills notes, symbols and strings. *n counts the semaphores. */
static bool collect(struct object *o, const struct d_prog *prog, size_t *n)
{
	char identity[17], signature[64];

	if (!gen_identity(o->d, prog, identity))
		return false;
	snprintf(signature, sizeof(signature), "usdtkit.types.%s", identity);
	if (!add_symbol(o, "", 0, 0, SHN_UNDEF, 0, 0) ||
	    !add_symbol(o, signature, ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), STV_DEFAULT, SEC_GROUP,
			0, 0))
		return false;
	for (size_t i = 0; i < prog->nproviders; i++)
		for (size_t k = 0; k < prog->providers[i].nprobes; k++) {
			const struct d_probe_decl *p = &prog->providers[i].probes[k];
			const char *sem = gen_semaphore(d_arena(o->d), &prog->providers[i], p);

			if (!sem || !add_note(o, &prog->providers[i], p) ||
			    !add_symbol(o, sem, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), STV_HIDDEN,
					SEC_PROBES, 2 * *n, 2))
				return false;
			++*n;
		}
	return true;
}

static bool section(struct object *o, size_t name_at, GElf_Shdr shdr, void *bytes, size_t len,
		    Elf_Type type)
{
	Elf_Scn *scn = elf_newscn(o->elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;

	if (!data)
		return false;
	*data = (Elf_Data){ .d_buf = bytes,
			    .d_size = len,
			    .d_align = shdr.sh_addralign,
			    .d_type = type,
			    .d_version = EV_CURRENT };
	shdr.sh_name = (uint32_t)name_at;
	return gelf_update_shdr(scn, &shdr);
}

static size_t name_at(const char *name)
{
	size_t at = 1;

	while (strcmp(section_names + at, name))
		at += strlen(section_names + at) + 1;
	return at;
}

static bool sections(struct object *o, size_t nsemaphores)
{
	size_t symsize = o->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	void *zeros = arena_alloc(d_arena(o->d), nsemaphores * 2 + 1);
	const struct {
		const char *name;
		GElf_Shdr shdr;
		void *bytes;
		size_t len;
		Elf_Type type;
	} rows[] = {
		/* in the order of SEC_ */
		{ ".probes",
		  { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_WRITE, .sh_addralign = 2 },
		  zeros,
		  nsemaphores * 2,
		  ELF_T_BYTE },
		{ ".group",
		  { .sh_type = SHT_GROUP,
		    .sh_link = SEC_SYMTAB,
		    .sh_info = 1,
		    .sh_entsize = 4,
		    .sh_addralign = 4 },
		  o->group,
		  sizeof(o->group),
		  ELF_T_WORD },
		{ ".note.usdtkit.types",
		  { .sh_type = SHT_NOTE, .sh_flags = SHF_GROUP, .sh_addralign = 4 },
		  o->notes,
		  o->notes_len,
		  ELF_T_BYTE },
		{ ".note.GNU-stack",
		  { .sh_type = SHT_PROGBITS, .sh_addralign = 1 },
		  NULL,
		  0,
		  ELF_T_BYTE },
		{ ".symtab",
		  { .sh_type = SHT_SYMTAB,
		    .sh_link = SEC_STRTAB,
		    .sh_info = 2,
		    .sh_entsize = symsize,
		    .sh_addralign = o->is64 ? 8 : 4 },
		  o->symbols,
		  o->nsymbols * symsize,
		  ELF_T_SYM },
		{ ".strtab",
		  { .sh_type = SHT_STRTAB, .sh_addralign = 1 },
		  o->strings,
		  o->strings_len,
		  ELF_T_BYTE },
		{ ".shstrtab",
		  { .sh_type = SHT_STRTAB, .sh_addralign = 1 },
		  arena_dup(d_arena(o->d), section_names, sizeof(section_names)),
		  sizeof(section_names),
		  ELF_T_BYTE },
	};

	if (!zeros)
		return false;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (!section(o, name_at(rows[i].name), rows[i].shdr, rows[i].bytes, rows[i].len,
			     rows[i].type))
			return false;
	return true;
}

static bool write_object(struct object *o, const struct d_prog *prog, struct gen_machine m)
{
	size_t nsemaphores = 0;
	GElf_Ehdr eh;

	if (!collect(o, prog, &nsemaphores) ||
	    !gelf_newehdr(o->elf, o->is64 ? ELFCLASS64 : ELFCLASS32) || !gelf_getehdr(o->elf, &eh))
		return false;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_type = ET_REL;
	eh.e_machine = m.machine;
	eh.e_version = EV_CURRENT;
	eh.e_shstrndx = SEC_SHSTRTAB;
	return gelf_update_ehdr(o->elf, &eh) && sections(o, nsemaphores) &&
	       elf_update(o->elf, ELF_C_WRITE) > 0;
}

const char *gen_machine_name(uint16_t machine)
{
	return machine == EM_X86_64  ? "x86-64" :
	       machine == EM_386     ? "i386" :
	       machine == EM_AARCH64 ? "aarch64" :
				       "another machine";
}

bool gen_object(struct d *d, const struct d_prog *prog, struct gen_machine machine, int fd,
		const char *path, struct diag *diag)
{
	struct object o = { .d = d,
			    .is64 = machine.bits == 64,
			    .group = { GRP_COMDAT, SEC_TYPES } };
	bool ok;

	if (!gen_check(d, prog, diag))
		return false;
	elf_version(EV_CURRENT);
	errno = 0; /* on a full disk libelf only says 'write error' */
	o.elf = elf_begin(fd, ELF_C_WRITE, NULL);
	ok = o.elf && write_object(&o, prog, machine);
	if (!ok)
		diag_error(diag, NOWHERE, NULL, "failed to write %s: %s", path,
			   errno ? strerror(errno) : elf_errmsg(-1));
	if (o.elf)
		elf_end(o.elf);
	return ok;
}
