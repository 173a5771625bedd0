/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/usdt/test_note.c: reads probes from ELF files, well-formed and damaged. */
#include "usdt/inner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/usdt/elfmake.h"

static int open_image(struct elf_image *e, struct usdt_file **f)
{
	int fd, err;

	elf_end_notes(e);
	fd = elf_fd(e, SIZE_MAX);
	assert_true(fd >= 0);
	err = usdt_file_open_fd(fd, "image", f);
	close(fd);
	return err;
}

static struct usdt_file *must_open(struct elf_image *e)
{
	struct usdt_file *f;

	assert_int_equal(open_image(e, &f), 0);
	return f;
}

/* Two sites of app:hit__slow and one of app:done, with a semaphore. */
static void three_sites(struct elf_image *e)
{
	elf_begin_image(e);
	ELF_SITE(e, CODE_ADDR + 0x20, BASE_ADDR, DATA_ADDR + 0x10,
		 "app\0hit__slow\0-4@%edi 8@g(%rip)");
	ELF_SITE(e, CODE_ADDR + 0x30, BASE_ADDR, 0, "app\0done\0");
	ELF_SITE(e, CODE_ADDR + 0x108, BASE_ADDR, DATA_ADDR + 0x10, "app\0hit__slow\0-4@$1 8@$2");
}

static void probes_hold_all_their_sites(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_probe *p;
	const struct usdt_site *s;

	(void)state;
	three_sites(&e);
	f = must_open(&e);
	assert_string_equal(usdt_file_name(f), "image");
	assert_int_equal(usdt_file_machine(f), EM_X86_64);
	assert_int_equal(usdt_file_bits(f), 64);
	assert_int_equal(usdt_file_nbad(f), 0);
	assert_int_equal(usdt_file_nprobes(f), 2);
	assert_null(usdt_file_probe(f, 2));
	p = usdt_file_probe(f, 0);
	assert_string_equal(usdt_probe_provider(p), "app");
	assert_string_equal(usdt_probe_name(p), "hit-slow");
	assert_string_equal(usdt_probe_note_name(p), "hit__slow");
	assert_null(usdt_probe_types(p));
	assert_int_equal(usdt_probe_nsites(p), 2);
	s = usdt_probe_site(p, 0);
	assert_int_equal(usdt_site_offset(s), CODE_OFF + 0x20);
	assert_int_equal(usdt_site_address(s), CODE_ADDR + 0x20);
	assert_int_equal(usdt_site_semaphore_offset(s), DATA_OFF + 0x10);
	assert_int_equal(usdt_site_semaphore_address(s), DATA_ADDR + 0x10);
	assert_string_equal(usdt_site_function(s), "handle");
	assert_int_equal(usdt_site_nargs(s), 2);
	assert_int_equal(usdt_site_arg(s, 1)->kind, USDT_ARG_MEM);
	assert_true(usdt_site_arg(s, 1)->is_address);
	assert_int_equal(usdt_site_arg(s, 1)->disp, DATA_ADDR + 8);
	assert_null(usdt_site_arg(s, 2));
	/* a function without a size extends to the next symbol */
	assert_string_equal(usdt_site_function(usdt_probe_site(p, 1)), "bare");
	s = usdt_probe_site(usdt_file_probe(f, 1), 0);
	assert_int_equal(usdt_site_semaphore_offset(s), 0);
	assert_int_equal(usdt_site_nargs(s), 0);
	assert_string_equal(usdt_site_args_text(s), "");
	usdt_file_close(f);
}

static void prelinked_files_are_adjusted_by_their_base(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_site *s;

	(void)state;
	elf_begin_image(&e);
	/* Notes made when all addresses were 0x100000 lower. */
	ELF_SITE(&e, CODE_ADDR + 0x20 - 0x100000, BASE_ADDR - 0x100000, DATA_ADDR + 0x10 - 0x100000,
		 "app\0hit\0");
	f = must_open(&e);
	s = usdt_probe_site(usdt_file_probe(f, 0), 0);
	assert_int_equal(usdt_site_address(s), CODE_ADDR + 0x20);
	assert_int_equal(usdt_site_semaphore_offset(s), DATA_OFF + 0x10);
	usdt_file_close(f);
}

static void files_without_sections_give_the_notes_of_their_segments(void **state)
{
	struct elf_image e;
	struct usdt_file *f;

	(void)state;
	three_sites(&e);
	e.eh.e_shoff = 0;
	e.eh.e_shnum = 0;
	f = must_open(&e);
	assert_int_equal(usdt_file_nprobes(f), 2);
	assert_int_equal(usdt_site_offset(usdt_probe_site(usdt_file_probe(f, 0), 0)),
			 CODE_OFF + 0x20);
	assert_string_equal(usdt_site_function(usdt_probe_site(usdt_file_probe(f, 0), 0)), "");
	assert_int_equal(usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 1)->kind,
			 USDT_ARG_BAD);
	usdt_file_close(f);
}

static void stripped_files_lose_functions_and_symbol_arguments_only(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_site *s;

	(void)state;
	three_sites(&e);
	e.sh[4].sh_type = SHT_NULL;
	f = must_open(&e);
	s = usdt_probe_site(usdt_file_probe(f, 0), 0);
	assert_string_equal(usdt_site_function(s), "");
	assert_int_equal(usdt_site_arg(s, 0)->kind, USDT_ARG_REG);
	assert_int_equal(usdt_site_arg(s, 1)->kind, USDT_ARG_BAD);
	assert_string_equal(usdt_site_arg(s, 1)->why, "unknown symbol (stripped file?)");
	usdt_file_close(f);
}

#define NOTES_ADDR 0x400000

/* Adds a note of docs/operand-note.md for argument `arg` of a site: `len` bytes of an instruction,
 * with disp at their end. `notes`: the address of the image. Returns the address that %rip stands
 * for. */
static uint64_t elf_operand_at(struct elf_image *e, uint64_t notes, uint64_t site, uint8_t arg,
			       uint8_t form, int32_t disp, size_t len)
{
	uint64_t here = notes + offsetof(struct elf_image, notes) + e->notes_len + 20;
	int32_t distance = (int32_t)(site - here);
	unsigned char desc[32] = { 0 };

	memcpy(desc, &distance, 4);
	desc[4] = arg;
	desc[5] = form;
	if (len >= 4)
		memcpy(desc + 6 + len - 4, &disp, 4);
	elf_note(e, "usdtkit", 2, desc, 6 + len);
	e->ph[2].p_type = PT_LOAD;
	e->ph[2].p_vaddr = notes + e->ph[2].p_offset;
	return here + 6 + len;
}

static uint64_t elf_operand(struct elf_image *e, uint64_t site, uint8_t arg, uint8_t form,
			    int32_t disp, size_t len)
{
	return elf_operand_at(e, NOTES_ADDR, site, arg, form, disp, len);
}

static void operands_are_known_without_symbols(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_site *s;
	const struct usdt_arg *a;
	uint64_t end;

	(void)state;
	elf_begin_image(&e);
	end = elf_operand(&e, CODE_ADDR + 0x20, 0, 1, -8, 7);
	elf_operand(&e, CODE_ADDR + 0x20, 1, 1, 0x1234, 8);
	elf_operand(&e, CODE_ADDR + 0x20, 2, 1, 0x1234, 8);
	elf_operand(&e, CODE_ADDR + 0x20, 2, 1, 0x1238, 8); /* contradicts the line above */
	elf_operand(&e, CODE_ADDR + 0x20, 3, 3, 0, 7);	    /* a form of a later version */
	elf_operand(&e, CODE_ADDR + 0x20, 4, 1, 0x1234, 3); /* too short: bad */
	elf_operand(&e, CODE_ADDR + 0x20, 5, 1, 0x1234, 8); /* the text names no symbol */
	ELF_SITE(&e, CODE_ADDR + 0x20, BASE_ADDR, 0,
		 "app\0hit\0-4@4+h(%rip) 8@h+4(%rax,%rbx,4) 8@h(,%rax,4)"
		 " 8@h(%rip) 8@h(%rip) 8@%rdi");
	f = must_open(&e);
	assert_int_equal(usdt_file_nbad(f), 1);
	s = usdt_probe_site(usdt_file_probe(f, 0), 0);
	a = usdt_site_arg(s, 0);
	assert_int_equal(a->kind, USDT_ARG_MEM);
	assert_true(a->is_address && a->base.offset == -1);
	assert_int_equal(a->disp, end - 8);
	a = usdt_site_arg(s, 1);
	assert_int_equal(a->kind, USDT_ARG_MEM);
	assert_true(!a->is_address && a->base.offset == 80 && a->index.offset == 40);
	assert_int_equal(a->disp, 0x1234);
	assert_string_equal(usdt_site_arg(s, 2)->why,
			    "several variables at one site (code was merged)");
	assert_string_equal(usdt_site_arg(s, 3)->why, "unknown symbol (stripped file?)");
	assert_string_equal(usdt_site_arg(s, 4)->why, "unknown symbol (stripped file?)");
	assert_int_equal(usdt_site_arg(s, 5)->kind, USDT_ARG_REG);
	usdt_file_close(f);
}

static void a_name_of_several_variables_is_of_none(void **state)
{
	struct elf_image e;
	struct usdt_file *f;

	(void)state;
	three_sites(&e);
	e.syms[3].st_name = e.syms[2].st_name;
	f = must_open(&e);
	assert_string_equal(usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 1)->why,
			    "several symbols of that name");
	usdt_file_close(f);
}

static Elf64_Sym local(uint32_t name, unsigned char type, uint64_t at, uint64_t size)
{
	return (Elf64_Sym){ .st_name = name,
			    .st_info = ELF64_ST_INFO(STB_LOCAL, type),
			    .st_shndx = type == STT_FILE ? SHN_ABS : 1,
			    .st_value = at,
			    .st_size = size };
}

/* Two source files with a variable g each; a static function of the second, then a global one. */
static void a_static_function_sees_its_own_files_variables(void **state)
{
	enum { HANDLE = 1, G = 8, BARE = 10 };
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_arg *a;

	(void)state;
	elf_begin_image(&e);
	e.syms[3] = local(HANDLE, STT_FILE, 0, 0);
	e.syms[4] = local(G, STT_OBJECT, DATA_ADDR + 16, 4);
	e.syms[5] = local(HANDLE, STT_FILE, 0, 0);
	e.syms[6] = local(G, STT_OBJECT, DATA_ADDR + 24, 4);
	e.syms[7] = local(BARE, STT_FUNC, CODE_ADDR + 0x200, 0x40);
	ELF_SITE(&e, CODE_ADDR + 0x220, BASE_ADDR, 0, "app\0static\0004@g(%rip)");
	ELF_SITE(&e, CODE_ADDR + 0x20, BASE_ADDR, 0, "app\0global\0004@g(%rip)");
	f = must_open(&e);
	a = usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 0);
	assert_int_equal(a->kind, USDT_ARG_MEM);
	assert_int_equal(a->disp, DATA_ADDR + 24);
	a = usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 1), 0), 0);
	assert_string_equal(a->why, "several symbols of that name");
	usdt_file_close(f);
	e.syms[8] = local(G, STT_OBJECT, DATA_ADDR + 32, 4); /* a second G in the same file */
	f = must_open(&e);
	a = usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 0);
	assert_string_equal(a->why, "several symbols of that name");
	usdt_file_close(f);
}

/* The note lies before its site, or far behind. */
static void distances_have_a_sign(void **state)
{
	static const uint64_t notes[] = { NOTES_ADDR, 0x70000000 };

	(void)state;
	for (size_t i = 0; i < COUNT(notes); i++) {
		struct elf_image e;
		struct usdt_file *f;
		uint64_t rip;

		elf_begin_image(&e);
		rip = elf_operand_at(&e, notes[i], CODE_ADDR + 0x20, 0, 1, -0x100, 7);
		ELF_SITE(&e, CODE_ADDR + 0x20, BASE_ADDR, 0, "app\0hit\0-4@h(%rip)");
		f = must_open(&e);
		assert_int_equal(usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 0)->disp,
				 rip - 0x100);
		usdt_file_close(f);
	}
}

/* --icf=all merges functions of the same code: the notes of all belong to one site. */
static void notes_of_merged_code_must_agree(void **state)
{
	static const char merged[] = "several variables at one site (code was merged)";
	const uint64_t site = CODE_ADDR + 0x20;
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_site *s;
	uint64_t rip[2];

	(void)state;
	elf_begin_image(&e);
	/* Arguments 0 and 1: relative to %rip. 2 to 5: absolute. 6: half of a pair, or not. */
	rip[0] = elf_operand(&e, site, 0, 1, 0x1000, 7);
	rip[1] = rip[0] + 36;
	assert_int_equal(elf_operand(&e, site, 0, 1, (int32_t)(0x1000 + rip[0] - rip[1]), 7),
			 rip[1]);
	elf_operand(&e, site, 1, 1, 0x1000, 7);
	elf_operand(&e, site, 1, 1, 0x1000, 7);
	elf_operand(&e, site, 2, 1, 0x1000, 7);
	elf_operand(&e, site, 2, 1, 0x1000, 7);
	elf_operand(&e, site, 3, 1, 0x1000, 7);
	elf_operand(&e, site, 3, 1, 0x1000 - 36, 7);
	elf_operand(&e, site, 4, 1, 0, 7);
	elf_operand(&e, site, 4, 2, 0, 7);
	elf_operand(&e, site, 5, 1, 0x1000, 7);
	elf_operand(&e, site, 5, 1, 0x1004, 7);
	elf_operand(&e, site, 6, 2, 0, 7);
	elf_operand(&e, site, 6, 1, 0, 7);
	ELF_SITE(&e, site, BASE_ADDR, 0,
		 "app\0hit\0004@h(%rip) 4@h(%rip) 4@h(,%rax,4) 4@h(%rbx) 4@h 4@h 8@%eax");
	f = must_open(&e);
	s = usdt_probe_site(usdt_file_probe(f, 0), 0);
	assert_null(usdt_site_arg(s, 0)->why);
	assert_int_equal(usdt_site_arg(s, 0)->disp, rip[0] + 0x1000);
	assert_string_equal(usdt_site_arg(s, 1)->why, merged);
	assert_null(usdt_site_arg(s, 2)->why);
	assert_int_equal(usdt_site_arg(s, 2)->disp, 0x1000);
	for (size_t i = 3; i < 6; i++)
		assert_string_equal(usdt_site_arg(s, i)->why, merged);
	assert_null(usdt_site_arg(s, 6)->why); /* the low half of %rax */
	usdt_file_close(f);
	e.eh.e_machine = EM_386;
	f = must_open(&e);
	assert_string_equal(usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 6)->why,
			    merged);
	usdt_file_close(f);
}

static void notes_that_cannot_be_placed_are_bad(void **state)
{
	struct elf_image e;
	struct usdt_file *f;

	(void)state;
	elf_begin_image(&e);
	elf_operand(&e, CODE_ADDR + 0x20, 0, 1, 8, 7);
	e.ph[2].p_type = PT_NOTE; /* notes that are not loaded have no address */
	ELF_SITE(&e, CODE_ADDR + 0x20, BASE_ADDR, 0, "app\0hit\0004@h(%rip)");
	f = must_open(&e);
	assert_int_equal(usdt_file_nbad(f), 1);
	assert_string_equal(usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 0)->why,
			    "unknown symbol (stripped file?)");
	usdt_file_close(f);
	e.eh.e_type = ET_REL; /* an object's notes have none either, and are not bad */
	f = must_open(&e);
	assert_int_equal(usdt_file_nbad(f), 0);
	assert_string_equal(usdt_site_args_text(usdt_probe_site(usdt_file_probe(f, 0), 0)),
			    "4@h(%rip)");
	usdt_file_close(f);
}

/* An address needs a bias only if the file can move; two registers leave no room for a bias. */
static void addresses_of_files_that_do_not_move_are_numbers(void **state)
{
	static const struct {
		uint16_t type;
		bool is_address[4];
	} rows[] = {
		{ ET_EXEC, { true, true, false, false } },
		{ ET_DYN, { true, true, true, true } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct elf_image e;
		struct usdt_file *f;
		const struct usdt_site *s;

		elf_begin_image(&e);
		e.eh.e_type = rows[i].type;
		ELF_SITE(&e, CODE_ADDR + 0x20, BASE_ADDR, 0,
			 "app\0hit\0004@g(%rip) 4@g(,%rax,4) 4@g(%rbx,%rax,4) 8@$g");
		f = must_open(&e);
		s = usdt_probe_site(usdt_file_probe(f, 0), 0);
		for (size_t k = 0; k < 4; k++) {
			assert_int_equal(usdt_site_arg(s, k)->is_address, rows[i].is_address[k]);
			assert_int_equal(usdt_site_arg(s, k)->disp, DATA_ADDR + 8);
		}
		usdt_file_close(f);
	}
}

static void pairs_of_registers_are_in_gccs_order(void **state)
{
	static const struct {
		const char *text;
		uint8_t form;
		int16_t low, high;
	} rows[] = {
		{ "-8@%eax", 2, 80, 96 },
		{ "8@%edx", 2, 96, 88 },
		{ "8f@%ecx", 2, 88, 40 },
		{ "-8@%ebx", 2, 40, 104 },
		{ "-8@%esi", 2, 104, 112 },
		{ "8@%edi", 2, 112, 32 },
		/* no next register, no 32-bit register, wrong sizes, no note of a pair */
		{ "8@%ebp", 2, 0, 0 },
		{ "8@%esp", 2, 0, 0 },
		{ "8@%cx", 2, 0, 0 },
		{ "12f@%ecx", 2, 0, 0 },
		{ "16f@%eax", 2, 0, 0 },
		{ "8@%ecx", 1, 0, 0 },
		{ "8@%ecx", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct elf_image e;
		struct usdt_file *f;
		const struct usdt_arg *a;
		char strings[32] = "app\0hit";

		elf_begin_image(&e);
		e.eh.e_machine =
			EM_386; /* of 64 bits, which no compiler makes; arguments do not mind */
		if (rows[i].form)
			elf_operand(&e, CODE_ADDR + 0x20, 0, rows[i].form, 0, 7);
		strcpy(strings + 8, rows[i].text);
		elf_site(&e, CODE_ADDR + 0x20, BASE_ADDR, 0, strings, 8 + strlen(rows[i].text) + 1);
		f = must_open(&e);
		a = usdt_site_arg(usdt_probe_site(usdt_file_probe(f, 0), 0), 0);
		if (rows[i].high) {
			assert_int_equal(a->kind, USDT_ARG_PAIR);
			assert_int_equal(a->base.offset, rows[i].low);
			assert_int_equal(a->index.offset, rows[i].high);
			assert_int_equal(a->index.width, 4);
		} else {
			assert_string_equal(a->why, "wider than its register");
		}
		usdt_file_close(f);
	}
}

static void semaphores_beyond_the_file_have_no_offset(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_site *s;

	(void)state;
	elf_begin_image(&e);
	ELF_SITE(&e, CODE_ADDR, BASE_ADDR, DATA_ADDR + 0x180, "app\0hit\0");
	f = must_open(&e);
	s = usdt_probe_site(usdt_file_probe(f, 0), 0);
	assert_int_equal(usdt_site_semaphore_address(s), DATA_ADDR + 0x180);
	assert_int_equal(usdt_site_semaphore_offset(s), 0);
	usdt_file_close(f);
}

static void malformed_notes_fail_alone(void **state)
{
	struct elf_image e;
	struct usdt_file *f;

	(void)state;
	elf_begin_image(&e);
	elf_note(&e, "stapsdt", 3, "short", 6);
	elf_note(&e, "stapsdt", 2, "of another type", 16);
	ELF_SITE(&e, DATA_ADDR, BASE_ADDR, 0, "app\0not__in__code\0");
	ELF_SITE(&e, CODE_ADDR, BASE_ADDR, 0, "\0no_provider\0");
	elf_site(&e, CODE_ADDR, BASE_ADDR, 0, "app\0open", 8); /* the name has no NUL */
	ELF_SITE(&e, CODE_ADDR + 4, BASE_ADDR, 0, "app\0good\0-4@%edi");
	f = must_open(&e);
	assert_int_equal(usdt_file_nprobes(f), 1);
	assert_string_equal(usdt_probe_name(usdt_file_probe(f, 0)), "good");
	assert_int_equal(usdt_file_nbad(f), 5);
	usdt_file_close(f);
}

/* lld leaves notes of discarded functions, with addresses near 0. */
static void notes_of_discarded_functions_are_ignored(void **state)
{
	struct elf_image e;
	struct usdt_file *f;

	(void)state;
	elf_begin_image(&e);
	e.ph[0].p_offset = e.ph[0].p_vaddr = 0; /* --no-rosegment: it holds the headers */
	e.ph[0].p_filesz = e.ph[0].p_memsz = 0x2000;
	ELF_SITE(&e, 4, 0, 0, "app\0discarded\0-4@%edi");
	ELF_SITE(&e, offsetof(struct elf_image, strtab) + 2, 0, 0, "app\0discarded\0-4@%edi");
	ELF_SITE(&e, 0x7000, 0, 0, "app\0discarded\0-4@%edi");
	ELF_SITE(&e, CODE_OFF, 0, 0, "app\0good\0-4@%edi");
	ELF_SITE(&e, 0x7000, BASE_ADDR, 0, "app\0damaged\0-4@%edi");
	f = must_open(&e);
	assert_int_equal(usdt_file_nprobes(f), 1);
	assert_string_equal(usdt_probe_name(usdt_file_probe(f, 0)), "good");
	assert_int_equal(usdt_file_nbad(f), 1);
	usdt_file_close(f);
}

static void a_note_longer_than_its_section_ends_the_scan(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	uint32_t huge = 0xfffffff0;

	(void)state;
	three_sites(&e);
	memcpy(e.notes + e.notes_len, &huge, 4);
	e.notes_len += 12;
	f = must_open(&e);
	assert_int_equal(usdt_file_nprobes(f), 2);
	assert_int_equal(usdt_file_nbad(f), 1);
	usdt_file_close(f);
}

/* Linked objects may declare a probe differently: no note tells which declaration a site has. */
static void types_that_contradict_each_other_do_not_count(void **state)
{
	static const char one[] = "\1\1\1\17"
				  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				  "\0"
				  "app\0done\0int\0a\0int\0a";
	static const char two[] = "\1\1\1\17"
				  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				  "\0"
				  "app\0done\0char *\0a\0char *\0a";
	struct elf_image e;
	struct usdt_file *f;

	(void)state;
	three_sites(&e);
	elf_note(&e, "usdtkit", 1, one, sizeof(one));
	elf_note(&e, "usdtkit", 1, two, sizeof(two));
	elf_note(&e, "usdtkit", 1, one, sizeof(one));
	ELF_SITE(&e, CODE_ADDR + 0x20, BASE_ADDR, 0, "app\0mixed\0-4@%edi -4@%esi");
	ELF_SITE(&e, CODE_ADDR + 0x30, BASE_ADDR, 0, "app\0mixed\08@%rdi -4@%esi");
	f = must_open(&e);
	assert_null(usdt_probe_types(usdt_file_probe(f, 1)));
	assert_string_equal(usdt_probe_name(usdt_file_probe(f, 2)), "mixed");
	assert_string_equal(usdt_probe_arg_type(usdt_file_probe(f, 2), 0), "int64_t");
	assert_string_equal(usdt_probe_arg_type(usdt_file_probe(f, 2), 1), "int32_t");
	usdt_file_close(f);
}

static void types_are_read_once_and_found_by_name(void **state)
{
	static const char types[] = "\1\2\1\17"
				    "\5\5\5\0\0\0\0\0\0\5\5\5\5\5\5"
				    "\1"
				    "app\0done\0int\0code\0struct req *\0\0string\0url";
	struct elf_image e;
	struct usdt_file *f;
	const struct usdt_types *t;

	(void)state;
	three_sites(&e);
	elf_note(&e, "usdtkit", 1, types, sizeof(types));
	elf_note(&e, "usdtkit", 1, types, sizeof(types));
	elf_note(&e, "usdtkit", 1, types, sizeof(types) - 8); /* truncated: not counted as a site */
	f = must_open(&e);
	assert_null(usdt_probe_types(usdt_file_probe(f, 0)));
	/* Probe 0 has no types: its first site gives sizes and signs. Probe 1 has types. */
	assert_int_equal(usdt_probe_nargs(usdt_file_probe(f, 0)), 2);
	assert_string_equal(usdt_probe_arg_type(usdt_file_probe(f, 0), 0), "int32_t");
	assert_string_equal(usdt_probe_arg_type(usdt_file_probe(f, 0), 1), "uint64_t");
	assert_string_equal(usdt_probe_arg_name(usdt_file_probe(f, 0), 0), "");
	assert_null(usdt_probe_arg_type(usdt_file_probe(f, 0), 2));
	assert_int_equal(usdt_probe_nargs(usdt_file_probe(f, 1)), 1);
	assert_string_equal(usdt_probe_arg_type(usdt_file_probe(f, 1), 0), "string");
	assert_string_equal(usdt_probe_arg_name(usdt_file_probe(f, 1), 0), "url");
	t = usdt_probe_types(usdt_file_probe(f, 1));
	assert_non_null(t);
	assert_int_equal(usdt_types_nargs(t), 2);
	assert_string_equal(usdt_types_arg(t, 0), "int");
	assert_string_equal(usdt_types_arg_name(t, 0), "code");
	assert_string_equal(usdt_types_arg(t, 1), "struct req *");
	assert_string_equal(usdt_types_arg_name(t, 1), "");
	assert_null(usdt_types_arg(t, 2));
	assert_int_equal(usdt_types_nxargs(t), 1);
	assert_string_equal(usdt_types_xarg(t, 0), "string");
	assert_string_equal(usdt_types_xarg_name(t, 0), "url");
	assert_int_equal(usdt_types_map(t, 0), 1);
	assert_int_equal(usdt_types_attribute(t, 0, 0), 5);
	assert_int_equal(usdt_types_attribute(t, 1, 0), 0);
	assert_int_equal(usdt_types_attribute(t, 5, 0), 0);
	usdt_file_close(f);
}

static void a_map_to_no_argument_is_refused(void **state)
{
	static const char types[] = "\1\1\1\17"
				    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				    "\1"
				    "app\0done\0int\0code\0int\0x";
	struct arena *a = arena_new();

	(void)state;
	assert_null(usdt_types_parse(a, types, sizeof(types)));
	assert_false(arena_failed(a));
	arena_free(a);
}

static void the_build_id_is_given(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	size_t len;
	const uint8_t *id;

	(void)state;
	three_sites(&e);
	elf_note(&e, "GNU", NT_GNU_BUILD_ID, "0123456789abcdef0123", 20);
	f = must_open(&e);
	id = usdt_file_build_id(f, &len);
	assert_int_equal(len, 20);
	assert_memory_equal(id, "0123456789abcdef0123", 20);
	usdt_file_close(f);
}

static void addresses_and_offsets_convert_by_segments(void **state)
{
	struct elf_image e;
	struct usdt_file *f;
	uint64_t v;

	(void)state;
	three_sites(&e);
	f = must_open(&e);
	assert_int_equal(usdt_file_offset(f, DATA_ADDR + 1, &v), 0);
	assert_int_equal(v, DATA_OFF + 1);
	assert_int_equal(usdt_file_address(f, CODE_OFF + 2, &v), 0);
	assert_int_equal(v, CODE_ADDR + 2);
	assert_int_equal(usdt_file_offset(f, 1, &v), -ENOENT);
	assert_int_equal(usdt_file_address(f, 0x5000, &v), -ENOENT);
	assert_int_equal(usdt_file_bias(f, 0x7f0000001000, CODE_OFF, &v), 0);
	assert_int_equal(v, 0x7f0000001000 - CODE_ADDR);
	assert_int_equal(usdt_file_bias(f, 0x7f0000001000, 0x5000, &v), -ENOENT);
	usdt_file_close(f);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	struct usdt_file *f;
	struct elf_image e;
	int fd = memfd_create("text", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(usdt_file_open_fd(fd, NULL, &f), -ENOEXEC); /* empty */
	assert_null(f);
	assert_int_equal(write(fd, "#!/bin/sh and much more than a header has bytes", 47), 47);
	assert_int_equal(usdt_file_open_fd(fd, NULL, &f), -ENOEXEC);
	close(fd);
	assert_int_equal(usdt_file_open("/nonexistent", &f), -ENOENT);
	assert_int_equal(usdt_file_open("/", &f), -EISDIR);
	assert_int_equal(usdt_file_open("/dev/zero", &f), -ENOEXEC);
	assert_int_equal(usdt_file_open_fd(-1, NULL, &f), -EBADF);
	three_sites(&e);
	e.eh.e_type = ET_CORE;
	assert_int_equal(open_image(&e, &f), -ENOEXEC);
	three_sites(&e);
	e.eh.e_phnum = 0xffff;
	assert_int_equal(open_image(&e, &f), -EBADMSG);
	usdt_file_close(NULL);
}

/* The reader gives the text of the first damage that it met. */
static void damage_is_told(void **state)
{
#define AT(field) offsetof(struct elf_image, field), sizeof(((struct elf_image *)0)->field)
	static const struct {
		size_t at, size;
		uint64_t value;
		const char *damage;
		int err;
	} rows[] = {
		{ AT(eh.e_shoff), 1 << 20, "its section headers are damaged", 0 },
		{ AT(eh.e_shoff), 64, "its section headers are damaged", 0 },
		{ AT(eh.e_shnum), 65000, "its section headers are damaged", 0 },
		{ AT(eh.e_shnum), 3, "its section headers are damaged", 0 },
		{ AT(eh.e_shnum), 0, "its section headers are damaged", 0 },
		{ AT(eh.e_shentsize), 63, "its section headers are damaged", 0 },
		{ AT(eh.e_shstrndx), 6, "its section headers are damaged", 0 },
		{ AT(eh.e_shstrndx), 4, "the names of its sections cannot be read", 0 },
		{ AT(sh[3].sh_offset), 1 << 20, "the names of its sections cannot be read", 0 },
		{ AT(sh[1].sh_offset), 1 << 20, "notes lie beyond its end", 0 },
		{ AT(sh[1].sh_size), UINT64_MAX, "notes lie beyond its end", 0 },
		{ AT(sh[1].sh_size), 0, "its section of probes is empty", 0 },
		{ AT(sh[1].sh_type), SHT_NOBITS, "its section of probes is not in the file", 0 },
		{ AT(sh[4].sh_link), 6, "its symbols cannot be read", 0 },
		{ AT(sh[4].sh_offset), 1 << 20, "its symbols cannot be read", 0 },
		{ AT(sh[5].sh_size), 1 << 20, "its symbols cannot be read", 0 },
		{ AT(ph[1].p_flags), PF_R, "a semaphore is not in its data", 0 },
		{ AT(sh[1].sh_type), SHT_PROGBITS, NULL, 0 }, /* the section is found by name */
		{ AT(eh.e_phoff), 1 << 20, NULL, -EBADMSG },
		{ AT(eh.e_phentsize), 1, NULL, -EBADMSG },
		{ AT(eh.e_type), 77, NULL, -EBADMSG },
		{ AT(eh.e_ident[EI_CLASS]), 3, NULL, -EBADMSG },
		{ AT(eh.e_ident[EI_DATA]), ELFDATA2MSB, NULL, -EBADMSG },
		{ AT(eh.e_ident[EI_MAG1]), 0, NULL, -ENOEXEC },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct usdt_file *f;
		struct elf_image e;
		int fd;

		three_sites(&e);
		elf_end_notes(&e);
		memcpy((char *)&e + rows[i].at, &rows[i].value, rows[i].size);
		fd = elf_fd(&e, SIZE_MAX);
		assert_int_equal(usdt_file_open_fd(fd, "image", &f), rows[i].err);
		close(fd);
		if (rows[i].err)
			continue;
		if (rows[i].damage)
			assert_string_equal(usdt_file_damage(f), rows[i].damage);
		else
			assert_null(usdt_file_damage(f));
		assert_int_equal(usdt_file_nbad(f), 0);
		usdt_file_close(f);
	}
}

/* Each header byte is set to extremes: no crash, no hang; a file that opens can be walked. */
static void every_spoiled_byte_is_survived(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct elf_image good, e;

	(void)state;
	three_sites(&good);
	elf_end_notes(&good);
	for (size_t at = 0; at < offsetof(struct elf_image, notes) + good.notes_len; at++)
		for (size_t v = 0; v < COUNT(values); v++) {
			struct usdt_file *f;
			int fd;

			e = good;
			((unsigned char *)&e)[at] = values[v];
			fd = elf_fd(&e, SIZE_MAX);
			if (usdt_file_open_fd(fd, NULL, &f) == 0) {
				for (size_t i = 0; i < usdt_file_nprobes(f); i++)
					usdt_site_function(
						usdt_probe_site(usdt_file_probe(f, i), 0));
				usdt_file_close(f);
			}
			close(fd);
		}
}

static void every_truncation_is_survived(void **state)
{
	struct elf_image e;

	(void)state;
	three_sites(&e);
	elf_end_notes(&e);
	for (size_t len = 0; len < 0x2100; len += len < sizeof(e) ? 1 : 64) {
		struct usdt_file *f;
		int fd = elf_fd(&e, len);

		if (usdt_file_open_fd(fd, NULL, &f) == 0)
			usdt_file_close(f);
		close(fd);
	}
}

static void every_failing_allocation_is_reported(void **state)
{
	struct elf_image e;
	struct usdt_file *f = NULL;
	unsigned long n = 0;
	int err;

	(void)state;
	three_sites(&e);
	do {
		arena_fail_at(++n);
		err = open_image(&e, &f);
		if (err)
			assert_int_equal(err, -ENOMEM);
	} while (err && n < 10000);
	arena_fail_at(0);
	assert_int_equal(err, 0);
	assert_true(n > 20);
	assert_int_equal(usdt_file_nprobes(f), 2);
	usdt_file_close(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_hold_all_their_sites),
		cmocka_unit_test(prelinked_files_are_adjusted_by_their_base),
		cmocka_unit_test(files_without_sections_give_the_notes_of_their_segments),
		cmocka_unit_test(stripped_files_lose_functions_and_symbol_arguments_only),
		cmocka_unit_test(operands_are_known_without_symbols),
		cmocka_unit_test(a_static_function_sees_its_own_files_variables),
		cmocka_unit_test(a_name_of_several_variables_is_of_none),
		cmocka_unit_test(distances_have_a_sign),
		cmocka_unit_test(notes_of_merged_code_must_agree),
		cmocka_unit_test(notes_that_cannot_be_placed_are_bad),
		cmocka_unit_test(addresses_of_files_that_do_not_move_are_numbers),
		cmocka_unit_test(pairs_of_registers_are_in_gccs_order),
		cmocka_unit_test(semaphores_beyond_the_file_have_no_offset),
		cmocka_unit_test(malformed_notes_fail_alone),
		cmocka_unit_test(notes_of_discarded_functions_are_ignored),
		cmocka_unit_test(a_note_longer_than_its_section_ends_the_scan),
		cmocka_unit_test(types_are_read_once_and_found_by_name),
		cmocka_unit_test(types_that_contradict_each_other_do_not_count),
		cmocka_unit_test(a_map_to_no_argument_is_refused),
		cmocka_unit_test(the_build_id_is_given),
		cmocka_unit_test(addresses_and_offsets_convert_by_segments),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(every_spoiled_byte_is_survived),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(every_failing_allocation_is_reported),
	};

	return cmocka_run_group_tests_name("usdt/note", tests, NULL, NULL);
}
