/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/usdt/elfmake.h: makes a small ELF file in memory. A test may spoil any
 * field before elf_fd writes the file to a descriptor.
 */
#ifndef TESTS_ELFMAKE_H
#define TESTS_ELFMAKE_H

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE_OFF 0x1000
#define CODE_ADDR 0x401000
#define DATA_OFF 0x2000
#define DATA_ADDR 0x603000
#define BASE_ADDR 0x402000

/* Sections: 0 null, 1 .note.stapsdt, 2 .stapsdt.base, 3 .shstrtab, 4 .symtab, 5 .strtab */
struct elf_image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3]; /* code, data, notes */
	Elf64_Shdr sh[6];
	Elf64_Sym syms[10];
	char shstrtab[64], strtab[32];
	unsigned char notes[0xb00];
	size_t notes_len;
};

static inline void elf_note(struct elf_image *e, const char *owner, uint32_t type, const void *desc,
			    size_t len)
{
	uint32_t head[3] = { (uint32_t)strlen(owner) + 1, (uint32_t)len, type };
	unsigned char *to = e->notes + e->notes_len;

	memcpy(to, head, 12);
	memcpy(to + 12, owner, head[0]);
	to += 12 + ((head[0] + 3) & ~3u);
	memcpy(to, desc, len);
	to += (len + 3) & ~(size_t)3;
	e->notes_len = (size_t)(to - e->notes);
}

static inline void elf_site(struct elf_image *e, uint64_t pc, uint64_t base, uint64_t sem,
			    const char *strings, size_t strings_len)
{
	unsigned char desc[256];

	memcpy(desc, &pc, 8);
	memcpy(desc + 8, &base, 8);
	memcpy(desc + 16, &sem, 8);
	memcpy(desc + 24, strings, strings_len);
	elf_note(e, "stapsdt", 3, desc, 24 + strings_len);
}
#define ELF_SITE(e, pc, base, sem, strings) elf_site(e, pc, base, sem, strings, sizeof(strings))

static inline void elf_begin_image(struct elf_image *e)
{
	static const char names[] = "\0.note.stapsdt\0.stapsdt.base\0.shstrtab\0.symtab\0.strtab";

	memset(e, 0, sizeof(*e));
	memcpy(e->eh.e_ident, ELFMAG "\2\1\1", 7);
	e->eh.e_type = ET_EXEC;
	e->eh.e_machine = EM_X86_64;
	e->eh.e_version = 1;
	e->eh.e_ehsize = sizeof(e->eh);
	e->eh.e_phoff = offsetof(struct elf_image, ph);
	e->eh.e_phentsize = sizeof(e->ph[0]);
	e->eh.e_phnum = 3;
	e->eh.e_shoff = offsetof(struct elf_image, sh);
	e->eh.e_shentsize = sizeof(e->sh[0]);
	e->eh.e_shnum = 6;
	e->eh.e_shstrndx = 3;
	e->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_flags = PF_R | PF_X,
				 .p_offset = CODE_OFF,
				 .p_vaddr = CODE_ADDR,
				 .p_filesz = 0x1000,
				 .p_memsz = 0x1000 };
	e->ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_flags = PF_R | PF_W,
				 .p_offset = DATA_OFF,
				 .p_vaddr = DATA_ADDR,
				 .p_filesz = 0x100,
				 .p_memsz = 0x200 };
	e->ph[2] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(struct elf_image, notes) };
	memcpy(e->shstrtab, names, sizeof(names));
	e->sh[1] = (Elf64_Shdr){ .sh_name = 1,
				 .sh_type = SHT_NOTE,
				 .sh_offset = offsetof(struct elf_image, notes) };
	e->sh[2] = (Elf64_Shdr){
		.sh_name = 15, .sh_type = SHT_PROGBITS, .sh_addr = BASE_ADDR, .sh_size = 1
	};
	e->sh[3] = (Elf64_Shdr){ .sh_name = 29,
				 .sh_type = SHT_STRTAB,
				 .sh_offset = offsetof(struct elf_image, shstrtab),
				 .sh_size = sizeof(e->shstrtab) };
	e->sh[4] = (Elf64_Shdr){ .sh_name = 39,
				 .sh_type = SHT_SYMTAB,
				 .sh_link = 5,
				 .sh_offset = offsetof(struct elf_image, syms),
				 .sh_size = sizeof(e->syms),
				 .sh_entsize = sizeof(Elf64_Sym) };
	e->sh[5] = (Elf64_Shdr){ .sh_name = 47,
				 .sh_type = SHT_STRTAB,
				 .sh_offset = offsetof(struct elf_image, strtab),
				 .sh_size = sizeof(e->strtab) };
	memcpy(e->strtab, "\0handle\0g\0bare", 14);
	e->syms[1] = (Elf64_Sym){ .st_name = 1,
				  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
				  .st_shndx = 1,
				  .st_value = CODE_ADDR + 0x10,
				  .st_size = 0x40 };
	e->syms[2] = (Elf64_Sym){ .st_name = 8,
				  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
				  .st_shndx = 1,
				  .st_value = DATA_ADDR + 8,
				  .st_size = 8 };
	e->syms[3] = (Elf64_Sym){ .st_name = 10,
				  .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
				  .st_shndx = 1,
				  .st_value = CODE_ADDR + 0x100 };
}

/* Sets the sizes in the headers to the notes added so far. */
static inline void elf_end_notes(struct elf_image *e)
{
	e->sh[1].sh_size = e->ph[2].p_filesz = e->notes_len;
}

/* A descriptor of the first `len` bytes of the file (SIZE_MAX: all). */
static inline int elf_fd(const struct elf_image *e, size_t len)
{
	static unsigned char bytes[0x2100];
	int fd = memfd_create("elf", MFD_CLOEXEC);

	memset(bytes, 0x90, sizeof(bytes));
	memcpy(bytes, e, sizeof(*e));
	if (len > sizeof(bytes))
		len = sizeof(bytes);
	if (fd >= 0 && write(fd, bytes, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif
