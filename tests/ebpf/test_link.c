/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/ebpf/test_link.c: the linker and the loader, with made.c as the
 * library, embedded by embed.py.
 */
#include "ebpf/ebpf.h"
#include "base/grow.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- What the programs' names stand for ------------------------------------------------ */

static int counts, cells;
static const char *unknown; /* a name that the callbacks do not know */

static bool number(void *arg, const char *name, uint64_t *value)
{
	static const struct {
		const char *name;
		uint64_t value;
	} known[] = { { "more", 1000 }, { "task_struct.signal.count", 72 } };

	(void)arg;
	for (size_t i = 0; i < COUNT(known); i++)
		if (!strcmp(known[i].name, name) && !(unknown && !strcmp(unknown, name))) {
			*value = known[i].value;
			return true;
		}
	return false;
}

static int map(void *arg, const char *name, int id)
{
	(void)arg;
	if (!name)
		return id == 7 ? counts : -1;
	return unknown && !strcmp(unknown, name) ? -1 :
	       !strcmp(name, "counts")		 ? counts :
	       !strcmp(name, "cells")		 ? cells :
						   -1;
}

static const struct ebpf_names names = { .number = number, .map = map };
static const struct ebpf_kind kind = { .type = BPF_PROG_TYPE_RAW_TRACEPOINT,
				       .ctx = "bpf_raw_tracepoint_args" };

static char log_text[1 << 16];

static int load(const char *program)
{
	log_text[0] = '\0';
	return ebpf_load(program, &kind, &names, log_text, sizeof(log_text));
}

static int64_t run(const char *program, uint64_t a, uint64_t b)
{
	uint64_t args[] = { a, b };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	int prog = load(program);

	if (prog < 0)
		fail_msg("%s: %s: %s", program, strerror(-prog), log_text);
	assert_int_equal(bpf_prog_test_run_opts(prog, &opts), 0);
	close(prog);
	return (int32_t)opts.retval;
}

static int maps_make(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, mapped, .map_flags = BPF_F_MMAPABLE);

	(void)state;
	counts = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counts", 4, 8, 4, NULL);
	cells = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cells", 4, 64, 1, &mapped);
	return counts < 0 || cells < 0;
}

static int maps_close(void **state)
{
	(void)state;
	unknown = NULL;
	return close(counts) | close(cells);
}

/* ---- Programs in BPF C --------------------------------------------------------------------- */

static void a_context_is_taken_and_handed_on(void **state)
{
	(void)state;
	assert_int_equal(run("rt_prog_context", 20, 3), 1023);
}

static void maps_are_used_by_name(void **state)
{
	uint64_t *mapped;

	(void)state;
	assert_int_equal(run("rt_prog_maps", 5, 2), 5);
	assert_int_equal(run("rt_prog_maps", 7, 2), 12);
	assert_int_equal(run("rt_prog_maps", 7, 9), -1); /* no such element */
	mapped = mmap(NULL, 64, PROT_READ, MAP_SHARED, cells, 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	assert_int_equal(mapped[2], 12);
	assert_int_equal(mapped[1], 0);
	munmap(mapped, 64);
	assert_int_equal(run("rt_prog_by_routine", 0, 2), 12);
	assert_int_equal(run("rt_prog_by_routine", 0, 4), -1);
}

static void helpers_call_functions_back(void **state)
{
	(void)state;
	assert_int_equal(run("rt_prog_loop", 1000, 0), 499500);
	run("rt_prog_maps", 5, 0);
	run("rt_prog_maps", 6, 3);
	assert_int_equal(run("rt_prog_each", 0, 0), 11);
}

static void members_have_the_offsets_of_the_running_kernel(void **state)
{
	(void)state;
	assert_int_equal(run("rt_prog_field", 0, 0), 72);
}

static void put_name(void *arg, const char *name)
{
	char *all = arg;

	strcat(strcat(all, name), " ");
}

static void maps_of_routines_are_a_programs_too(void **state)
{
	char all[64] = "";

	(void)state;
	ebpf_maps(ebpf_routine("rt_prog_by_routine"), put_name, all);
	assert_string_equal(all, "counts ");
	all[0] = '\0';
	ebpf_maps(ebpf_routine("rt_prog_maps"), put_name, all);
	assert_string_equal(all, "counts cells ");
	all[0] = '\0';
	ebpf_maps(ebpf_routine("rt_prog_loop"), put_name, all);
	assert_string_equal(all, "");
}

static void the_kernel_sees_a_name_that_it_takes(void **state)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int prog = load("rt_prog_context");

	(void)state;
	assert_true(prog >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(prog, &info, &size), 0);
	assert_string_equal(info.name, "context");
	close(prog);
}

/* ---- Failures, each with a sentence --------------------------------------------------------- */

static void fails(const char *program, int err, const char *why)
{
	int prog = load(program);

	if (prog != err)
		fail_msg("%s: %d: %s", program, prog, log_text);
	if (strcmp(log_text, why))
		fail_msg("%s: %s", program, log_text);
}

static void what_nobody_knows_is_named(void **state)
{
	(void)state;
	fails("rt_prog_none", -ENOENT, "internal error: no program is called rt_prog_none");
	unknown = "more";
	fails("rt_prog_context", -ENOENT, "internal error: no number is called more");
	unknown = "task_struct.signal.count";
	fails("rt_prog_field", -ENOENT, "the kernel's types have no task_struct.signal.count");
	unknown = "counts";
	fails("rt_prog_by_routine", -EBADF, "internal error: map counts was not made");
	unknown = "cells";
	fails("rt_prog_maps", -EBADF, "internal error: map cells was not made");
	unknown = NULL;
	assert_int_equal(ebpf_load("rt_prog_maps", &kind, NULL, log_text, sizeof(log_text)),
			 -EBADF);
	assert_int_equal(ebpf_load("rt_prog_none", &kind, NULL, NULL, 0), -ENOENT);
}

static void the_verifier_says_why(void **state)
{
	(void)state;
	assert_int_equal(load("rt_prog_refused"), -EACCES);
	assert_non_null(strstr(log_text, "map_value_or_null"));
	assert_int_equal(ebpf_load("rt_prog_refused", &kind, &names, NULL, 0), -EACCES);
}

/* ---- Sets of functions, as the compiler makes them ---------------------------------------------- */

static const struct bpf_insn calls[] = {
	{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};
static const struct bpf_insn wide[] = {
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_0, .imm = 5 },
	{ .imm = 1 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int link_set(const struct ebpf_func *funcs, size_t n, struct arena *a,
		    struct ebpf_image *image)
{
	return ebpf_link(a, funcs, n, &kind, &names, image);
}

static void what_nothing_calls_is_left_out(void **state)
{
	struct arena *a = arena_new();
	const struct ebpf_reloc to_2 = { .insn = 0, .kind = EBPF_CALL, .id = 2 };
	const struct ebpf_reloc to_self = { .insn = 0, .kind = EBPF_CALL, .name = "rt_none" };
	const struct ebpf_func funcs[] = {
		{ .name = "a",
		  .params = "c",
		  .insns = calls,
		  .ninsns = 3,
		  .relocs = &to_2,
		  .nrelocs = 1 },
		{ .name = "b",
		  .params = "",
		  .insns = calls,
		  .ninsns = 3,
		  .relocs = &to_self,
		  .nrelocs = 1 },
		{ .name = "c", .params = "", .insns = wide, .ninsns = 3 },
	};
	struct ebpf_image image;

	(void)state;
	assert_int_equal(link_set(funcs, 3, a, &image), 0);
	assert_int_equal(image.ninsns, 6);
	assert_int_equal(image.nfunc_info, 2);
	assert_int_equal(image.insns[0].imm, 2); /* c has taken the place of b */
	assert_int_equal(image.func_info[1].insn_off, 3);
	ebpf_image_close(&image);
	assert_int_equal(link_set(funcs + 1, 1, a, &image), -ENOENT);
	assert_string_equal(image.why, "internal error: no library routine is called rt_none");
	ebpf_image_close(&image);
	arena_free(a);
}

static void names_and_ids_fill_instructions(void **state)
{
	struct arena *a = arena_new();
	const struct ebpf_reloc relocs[] = {
		{ .insn = 0, .kind = EBPF_NUMBER, .name = "more" },
		{ .insn = 0, .kind = EBPF_MAP, .id = 7 },
		{ .insn = 0, .kind = EBPF_VALUE, .id = 7 },
		{ .insn = 0, .kind = EBPF_MAP, .id = 8 },
	};
	struct ebpf_func f = {
		.name = "f", .params = "c", .insns = wide, .ninsns = 3, .nrelocs = 1
	};
	struct ebpf_image image;

	(void)state;
	f.relocs = &relocs[0];
	assert_int_equal(link_set(&f, 1, a, &image), 0);
	assert_int_equal(image.insns[0].imm, 1005); /* 1000 added to the 64-bit constant 5 */
	assert_int_equal(image.insns[1].imm, 1);
	f.relocs = &relocs[1];
	assert_int_equal(link_set(&f, 1, a, &image), 0);
	assert_int_equal(image.insns[0].src_reg, BPF_PSEUDO_MAP_FD);
	assert_int_equal(image.insns[0].imm, counts);
	f.relocs = &relocs[2];
	assert_int_equal(link_set(&f, 1, a, &image), 0);
	assert_int_equal(image.insns[0].src_reg, BPF_PSEUDO_MAP_VALUE);
	assert_int_equal(image.insns[1].imm, 1); /* the offset in the value */
	f.relocs = &relocs[3];
	assert_int_equal(link_set(&f, 1, a, &image), -EBADF);
	arena_free(a);
}

static void functions_are_too_many(void **state)
{
	enum { MOST = 256 };
	static struct ebpf_func funcs[MOST + 1];
	static struct ebpf_reloc relocs[MOST + 1];
	struct arena *a = arena_new();
	struct ebpf_image image;

	(void)state;
	for (int i = 0; i <= MOST; i++) { /* function i calls function i + 1 */
		relocs[i] = (struct ebpf_reloc){ .kind = EBPF_CALL, .id = i + 1 };
		funcs[i] = (struct ebpf_func){ .name = "f",
					       .params = "",
					       .insns = calls,
					       .ninsns = 3,
					       .relocs = &relocs[i],
					       .nrelocs = 1 };
	}
	funcs[MOST - 1].nrelocs = 0;
	assert_int_equal(link_set(funcs, MOST + 1, a, &image), 0);
	ebpf_image_close(&image);
	funcs[MOST - 1].nrelocs = 1;
	funcs[MOST].nrelocs = 0;
	assert_int_equal(link_set(funcs, MOST + 1, a, &image), -E2BIG);
	assert_string_equal(image.why, "257 functions, the kernel takes 256");
	arena_free(a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, maps_make, maps_close)
	const struct CMUnitTest tests[] = {
		TEST(a_context_is_taken_and_handed_on),
		TEST(maps_are_used_by_name),
		TEST(helpers_call_functions_back),
		TEST(members_have_the_offsets_of_the_running_kernel),
		TEST(maps_of_routines_are_a_programs_too),
		TEST(the_kernel_sees_a_name_that_it_takes),
		TEST(what_nobody_knows_is_named),
		TEST(the_verifier_says_why),
		TEST(what_nothing_calls_is_left_out),
		TEST(names_and_ids_fill_instructions),
		TEST(functions_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
