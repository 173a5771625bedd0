/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/image.c: probes as an ELF shared object.
 * In:   a provider's name, its probes by slot, the size of a half (live.h).
 * Out:  the file's bytes, the caller's.
 * Owns: nothing.
 *
 * A stub is called as a C function: of six 64-bit integers, or of the address
 * of the caller's array if there are more arguments. So the machine's calling
 * convention says where each argument is at the nop. A float or double is
 * passed as its bits. The caller keeps nothing in its red zone, because it
 * makes a call.
 *
 *	file     0: ELF header, program headers, .stapsdt.base, .text
 *	      half: .probes, the slots with their semaphores
 *	  2 * half: the part that is not mapped: notes, symbols, names, section headers
 *
 * Addresses are file offsets.
 */
#include "usdt/live.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The machine ---------------------------------------------------------------- */

#if defined __x86_64__ && defined __LP64__
enum { MACHINE = EM_X86_64 };
#define MEMORY "%zu(%%rdi)"
static const char *const registers[] = { "%rdi", "%rsi", "%rdx", "%rcx", "%r8", "%r9" };
static const uint8_t stub[USDT_LIVE_STEP] = {
	0xf3, 0x0f, 0x1e, 0xfa,				   /* endbr64 */
	0x90, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, /* the site: as sdt.h's */
	0xc3,						   /* ret */
};
#elif defined __aarch64__ && defined __LP64__ && defined __AARCH64EL__
enum { MACHINE = EM_AARCH64 };
#define MEMORY "[x0, %zu]"
static const char *const registers[] = { "x0", "x1", "x2", "x3", "x4", "x5" };
static const uint8_t stub[USDT_LIVE_STEP] = {
	0x5f, 0x24, 0x03, 0xd5, /* bti c */
	0x1f, 0x20, 0x03, 0xd5, /* nop: the site */
	0xc0, 0x03, 0x5f, 0xd6, /* ret */
	0x1f, 0x20, 0x03, 0xd5,
};
#else
enum { MACHINE = EM_NONE };
#define MEMORY "%zu"
static const char *const registers[USDT_LIVE_FEW];
static const uint8_t stub[USDT_LIVE_STEP];
#endif

void usdt_image_stubs(uint8_t *code, size_t half)
{
	for (size_t at = USDT_LIVE_HEAD; at < half; at += USDT_LIVE_STEP)
		memcpy(code + at, stub, USDT_LIVE_STEP);
}

/* ---- Bytes that grow ---------------------------------------------------------------- */

struct bytes {
	uint8_t *p;
	size_t len, cap;
	bool failed;
};

static void put(struct bytes *b, const void *from, size_t n)
{
	if (!n)
		return;
	if (b->failed || b->len + n > b->cap) {
		size_t cap = 2 * (b->len + n) + 4096;
		uint8_t *more = b->failed ? NULL : realloc(b->p, cap);

		b->failed = !more;
		if (b->failed)
			return;
		b->p = more;
		b->cap = cap;
	}
	memcpy(b->p + b->len, from, n);
	b->len += n;
}

static void put_str(struct bytes *b, const char *s)
{
	put(b, s, strlen(s) + 1);
}

static void put_u8(struct bytes *b, size_t v)
{
	put(b, &(uint8_t){ (uint8_t)v }, 1);
}

static void align(struct bytes *b, size_t to)
{
	while (!b->failed && b->len % to)
		put_u8(b, 0);
}

/* ---- Notes ------------------------------------------------------------------------- */

struct making {
	struct bytes file, strings;
	const char *provider;
	struct usdt_made *const *made;
	size_t n, half;
};

/* Writes a note's head and owner. Returns where the descriptor begins, for note_end. */
static size_t note_begin(struct bytes *b, const char *owner, uint32_t type)
{
	uint32_t head[3] = { 8, 0, type };

	put(b, head, sizeof(head));
	put_str(b, owner);
	return b->len;
}

static void note_end(struct bytes *b, size_t desc)
{
	uint32_t len = (uint32_t)(b->len - desc);

	if (!b->failed)
		memcpy(b->p + desc - 16, &len, sizeof(len));
	align(b, 4);
}

static uint64_t slot_address(const struct making *m, size_t i)
{
	return m->half + USDT_LIVE_HEAD + i * USDT_LIVE_STEP;
}

static uint64_t stub_address(size_t i)
{
	return USDT_LIVE_HEAD + i * USDT_LIVE_STEP;
}

/*
 * Arguments are where usdt_point_fire leaves them: up to USDT_LIVE_FEW in registers; more than that
 * all in the caller's array, whose address is in the first register.
 *
 * A float has no f after its size; the type note makes up for that. bcc 0.26 (bpftrace 0.17) does
 * not know the f, drops the argument and takes the next one in its place.
 */
static void site_note(struct making *m, size_t i)
{
	const struct usdt_made *made = m->made[i];
	uint64_t addresses[3] = { stub_address(i) + USDT_LIVE_SITE, USDT_LIVE_HEAD - 1,
				  slot_address(m, i) };
	size_t desc = note_begin(&m->file, "stapsdt", 3);
	char arg[64];

	put(&m->file, addresses, sizeof(addresses));
	put_str(&m->file, m->provider);
	put_str(&m->file, made->name);
	for (size_t k = 0; k < made->proto.n; k++) {
		const struct usdt_param *p = &made->proto.param[k];
		int n = snprintf(arg, sizeof(arg), "%s%s%u@", k ? " " : "", p->is_signed ? "-" : "",
				 p->size);

		put(&m->file, arg, (size_t)n);
		if (made->proto.n <= USDT_LIVE_FEW)
			n = snprintf(arg, sizeof(arg), "%s", registers[k]);
		else
			n = snprintf(arg, sizeof(arg), MEMORY, 8 * k);
		put(&m->file, arg, (size_t)n);
	}
	put_u8(&m->file, 0);
	note_end(&m->file, desc);
}

/* See docs/type-note.md. The stability is as in a provider.d without #pragma D attributes. */
static void types_note(struct making *m, size_t i)
{
	static const uint8_t unstated[3] = { 4, 4, 0 };
	const struct usdt_proto *proto = &m->made[i]->proto;
	size_t desc = note_begin(&m->file, "usdtkit", 1);

	put_u8(&m->file, 1);
	put_u8(&m->file, proto->n);
	put_u8(&m->file, proto->n);
	put_u8(&m->file, 5 * sizeof(unstated));
	for (int k = 0; k < 5; k++)
		put(&m->file, unstated, sizeof(unstated));
	for (size_t k = 0; k < proto->n; k++)
		put_u8(&m->file, k);
	put_str(&m->file, m->provider);
	put_str(&m->file, m->made[i]->name);
	for (int pass = 0; pass < 2; pass++) /* native arguments, then args[]: the same */
		for (size_t k = 0; k < proto->n; k++) {
			put_str(&m->file, proto->param[k].type);
			put_str(&m->file, proto->param[k].name);
		}
	note_end(&m->file, desc);
}

static void notes(struct making *m, void (*note)(struct making *, size_t))
{
	for (size_t i = 0; i < m->n; i++)
		if (m->made[i])
			note(m, i);
}

/* ---- The file ------------------------------------------------------------------------- */

enum section { NONE, BASE, TEXT, PROBES, NOTES, TYPES, SYMBOLS, STRINGS, NSECTIONS };

static uint32_t name_at(struct making *m, const char *name)
{
	uint32_t at = (uint32_t)m->strings.len;

	put_str(&m->strings, name);
	return at;
}

static void code_and_slots(struct making *m)
{
	uint8_t *p = calloc(2, m->half);

	m->file.p = p;
	m->file.failed = !p;
	if (!p)
		return;
	m->file.len = m->file.cap = 2 * m->half;
	for (size_t i = 0; i < m->n; i++) {
		struct usdt_point slot = { 0 };

		if (!m->made[i])
			continue;
		slot.site = (uint32_t)(m->half | m->made[i]->proto.n);
		memcpy(p + stub_address(i), stub, sizeof(stub));
		memcpy(p + slot_address(m, i), &slot, sizeof(slot));
	}
}

static void symbols(struct making *m)
{
	Elf64_Sym s = { 0 };

	put(&m->file, &s, sizeof(s));
	for (size_t i = 0; i < m->n; i++) {
		if (!m->made[i])
			continue;
		s = (Elf64_Sym){ .st_name = name_at(m, m->made[i]->function),
				 .st_shndx = TEXT,
				 .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
				 .st_value = stub_address(i),
				 .st_size = USDT_LIVE_STEP };
		put(&m->file, &s, sizeof(s));
	}
}

static void headers(struct making *m, uint64_t sections)
{
	const Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = MACHINE,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_shoff = sections,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = NSECTIONS,
		.e_shstrndx = STRINGS,
	};
	const Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_filesz = m->half,
		  .p_memsz = m->half,
		  .p_align = 4096 },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_offset = m->half,
		  .p_vaddr = m->half,
		  .p_paddr = m->half,
		  .p_filesz = m->half,
		  .p_memsz = m->half,
		  .p_align = 4096 },
		{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16 },
	};

	_Static_assert(sizeof(eh) + sizeof(ph) < USDT_LIVE_HEAD, "and the byte of .stapsdt.base");
	memcpy(m->file.p, &eh, sizeof(eh));
	memcpy(m->file.p + sizeof(eh), ph, sizeof(ph));
}

struct place {
	uint64_t at, size; /* from NOTES on */
	uint32_t name;
};

static void section_headers(struct making *m, const struct place *place)
{
	const uint64_t used = m->n * USDT_LIVE_STEP;
	Elf64_Shdr sh[NSECTIONS] = {
		[BASE] = { .sh_type = SHT_PROGBITS,
			   .sh_flags = SHF_ALLOC,
			   .sh_size = 1,
			   .sh_offset = USDT_LIVE_HEAD - 1,
			   .sh_addralign = 1 },
		[TEXT] = { .sh_type = SHT_PROGBITS,
			   .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
			   .sh_offset = USDT_LIVE_HEAD,
			   .sh_size = used,
			   .sh_addralign = 16 },
		[PROBES] = { .sh_type = SHT_PROGBITS,
			     .sh_flags = SHF_ALLOC | SHF_WRITE,
			     .sh_offset = slot_address(m, 0),
			     .sh_size = used,
			     .sh_addralign = 16 },
		[NOTES] = { .sh_type = SHT_NOTE, .sh_addralign = 4 },
		[TYPES] = { .sh_type = SHT_NOTE, .sh_addralign = 4 },
		[SYMBOLS] = { .sh_type = SHT_SYMTAB,
			      .sh_link = STRINGS,
			      .sh_addralign = 8,
			      .sh_entsize = sizeof(Elf64_Sym) },
		[STRINGS] = { .sh_type = SHT_STRTAB, .sh_addralign = 1 },
	};

	for (int i = NONE + 1; i < NSECTIONS; i++) {
		sh[i].sh_name = place[i].name;
		if (sh[i].sh_flags & SHF_ALLOC)
			sh[i].sh_addr = sh[i].sh_offset;
		if (i >= NOTES) {
			sh[i].sh_offset = place[i].at;
			sh[i].sh_size = place[i].size;
		}
	}
	sh[SYMBOLS].sh_info = (uint32_t)(sh[SYMBOLS].sh_size / sizeof(Elf64_Sym)); /* all local */
	put(&m->file, sh, sizeof(sh));
}

static void whole(struct making *m)
{
	static const char *const section_names[] = {
		"",	   ".stapsdt.base", ".text",
		".probes", ".note.stapsdt", ".note.usdtkit.types",
		".symtab", ".strtab"
	};
	struct place place[NSECTIONS];

	for (int i = 0; i < NSECTIONS; i++)
		place[i].name = name_at(m, section_names[i]);
	code_and_slots(m);
	for (int i = NOTES; i < NSECTIONS; i++) {
		align(&m->file, 8);
		place[i].at = m->file.len;
		if (i == NOTES || i == TYPES)
			notes(m, i == NOTES ? site_note : types_note);
		else if (i == SYMBOLS)
			symbols(m);
		else
			put(&m->file, m->strings.p, m->strings.len);
		place[i].size = m->file.len - place[i].at;
	}
	align(&m->file, 8);
	if (m->file.failed || m->strings.failed)
		return;
	headers(m, m->file.len);
	section_headers(m, place);
}

uint8_t *usdt_image_make(const char *provider, struct usdt_made *const *made, size_t n, size_t half,
			 size_t *len)
{
	struct making m = { .provider = provider, .made = made, .n = n, .half = half };

	if (MACHINE == EM_NONE) {
		errno = ENOTSUP;
		return NULL;
	}
	whole(&m);
	free(m.strings.p);
	if (m.file.failed || m.strings.failed) {
		free(m.file.p);
		errno = ENOMEM;
		return NULL;
	}
	*len = m.file.len;
	return m.file.p;
}
