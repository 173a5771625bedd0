/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/usdt/test_arg.c: argument strings, and how each is read, or why refused. */
#include "usdt/inner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *text;
	/* "size[s|f] KIND …" as show() writes, or the reason why the text is bad */
	const char *want;
};

static int symbol(void *ctx, const char *name, size_t len, uint64_t *address)
{
	(void)ctx;
	*address = 0x4000;
	if (len == 3 && !memcmp(name, "two", 3))
		return -EEXIST;
	return len == 3 && !memcmp(name, "g.0", 3) ? 0 : -ENOENT;
}

static void show(char *out, size_t size, const struct usdt_arg *a)
{
	int n;

	if (a->kind == USDT_ARG_BAD) {
		snprintf(out, size, "%s", a->why);
		return;
	}
	n = snprintf(out, size, "%u%s%s ", a->size, a->is_signed ? "s" : "",
		     a->is_float ? "f" : "");
	out += n;
	size -= (size_t)n;
	if (a->kind == USDT_ARG_CONST)
		snprintf(out, size, "$%lld%s", (long long)a->disp, a->is_address ? " address" : "");
	else if (a->kind == USDT_ARG_REG)
		snprintf(out, size, "r%d>>%u/%u", a->base.offset, a->base.shift, a->base.width);
	else
		snprintf(out, size, "[r%d/%u + r%d/%u%s * %u + %lld%s]", a->base.offset,
			 a->base.width, a->index.offset, a->index.width,
			 a->index.is_signed ? "s" : "", a->scale, (long long)a->disp,
			 a->is_address ? " address" : "");
}

static void run(uint16_t machine, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new();
		struct usdt_arg_context cx = { .arena = a, .machine = machine, .symbol = symbol };
		struct usdt_arg *args;
		size_t nargs;
		char got[160];

		assert_int_equal(usdt_args_parse(&cx, rows[i].text, &args, &nargs), 0);
		if (nargs != 1)
			fail_msg("%s: %zu arguments", rows[i].text, nargs);
		show(got, sizeof(got), &args[0]);
		if (strcmp(got, rows[i].want))
			fail_msg("%s: got '%s', want '%s'", rows[i].text, got, rows[i].want);
		assert_string_equal(args[0].text, rows[i].text);
		arena_free(a);
	}
}

static void x86_64_operands(void **state)
{
	static const struct row rows[] = {
		{ "-4@%edi", "4s r112>>0/4" },
		{ "8@%rax", "8 r80>>0/8" },
		{ "-1@%dil", "1s r112>>0/1" },
		{ "1@%ah", "1 r80>>8/1" },
		{ "1@%bh", "1 r40>>8/1" },
		{ "1@%ch", "1 r88>>8/1" },
		{ "1@%dh", "1 r96>>8/1" },
		{ "2@%r15w", "2 r0>>0/2" },
		{ "-1@%r8b", "1s r72>>0/1" },
		{ "4@%r9d", "4 r64>>0/4" },
		{ "8@%r10", "8 r56>>0/8" },
		{ "8@%r11", "8 r48>>0/8" },
		{ "8@%r12", "8 r24>>0/8" },
		{ "8@%r13", "8 r16>>0/8" },
		{ "8@%r14", "8 r8>>0/8" },
		{ "8@%rsp", "8 r152>>0/8" },
		{ "8@%rbp", "8 r32>>0/8" },
		{ "2@%si", "2 r104>>0/2" },
		{ "8@%rdx", "8 r96>>0/8" },
		{ "%rax", "8 r80>>0/8" },
		{ "8@%eax", "8 r80>>0/8" },
		{ "8f@%rax", "8f r80>>0/8" },
		{ "-1@%ebx", "1s r40>>0/4" },
		{ "-4@$7", "4s $7" },
		{ "-4@$-1", "4s $-1" },
		{ "4@$-1", "4 $4294967295" },
		{ "8@$0xff", "8 $255" },
		{ "-1@$255", "1s $-1" },
		{ "1@$0xff", "1 $255" },
		{ "8@$18446744073709551615", "8 $-1" },
		{ "-8@$-9223372036854775808", "8s $-9223372036854775808" },
		{ "2@$010", "2 $8" },
		{ "8@$g.0+8", "8 $16392 address" },
		{ "8@8(%rbp)", "8 [r32/8 + r-1/0 * 1 + 8]" },
		{ "-4@-68(%rbp)", "4s [r32/8 + r-1/0 * 1 + -68]" },
		{ "1@-96(%rbp,%rax,8)", "1 [r32/8 + r80/8 * 8 + -96]" },
		{ "4@(%rdi)", "4 [r112/8 + r-1/0 * 1 + 0]" },
		{ "8@(,%rbx,8)", "8 [r-1/0 + r40/8 * 8 + 0]" },
		{ "8@16(,%rbx,4)", "8 [r-1/0 + r40/8 * 4 + 16]" },
		{ "8@(%rax,%rbx)", "8 [r80/8 + r40/8 * 1 + 0]" },
		{ "8@0x10+8-4(%rax)", "8 [r80/8 + r-1/0 * 1 + 20]" },
		{ "-4@g.0(%rip)", "4s [r-1/0 + r-1/0 * 1 + 16384 address]" },
		{ "-4@g.0+4(%rip)", "4s [r-1/0 + r-1/0 * 1 + 16388 address]" },
		{ "-4@4+g.0(%rip)", "4s [r-1/0 + r-1/0 * 1 + 16388 address]" },
		{ "-4@g.0-4(%rip)", "4s [r-1/0 + r-1/0 * 1 + 16380 address]" },
		{ "4@g.0(,%rax,4)", "4 [r-1/0 + r80/8 * 4 + 16384 address]" },
		{ "4@g.0+8", "4 [r-1/0 + r-1/0 * 1 + 16392 address]" },
		{ "8@(%r13d)", "8 [r16/4 + r-1/0 * 1 + 0]" },
		/* refused */
		{ "4@h(%rip)", "unknown symbol (stripped file?)" },
		{ "4@two+4(%rip)", "several symbols of that name" },
		{ "4@8(%rip)", "relative to the instruction pointer without a symbol" },
		{ "8@g.0@GOTPCREL(%rip)", "needs a relocation, not an address" },
		{ "8@%fs:0", "relative to a segment register" },
		{ "8f@%xmm0", "in a floating-point register, which the kernel does not show" },
		{ "8@%foo", "unknown register" },
		{ "8@%", "unknown register" },
		{ "3@%eax", "size is not 1, 2, 4 or 8" },
		{ "0@%eax", "size is not 1, 2, 4 or 8" },
		{ "4@", "malformed expression" },
		{ "4@(%rax", "malformed address" },
		{ "4@(%rax,%rbx,3)", "scale is not 1, 2, 4 or 8" },
		{ "4@(%ax)", "address in a register too narrow" },
		{ "4@%eax)", "malformed operand" },
		{ "4@$", "malformed expression" },
		{ "8@$18446744073709551616", "malformed number" },
		{ "8@$12abc", "malformed number" },
		{ "8@g.0-g.0(%rip)", "difference or sum of symbols" },
		{ "2@%ah", "wider than its register" },
		{ "8@(%rax,%rip)", "malformed address" },
		{ "99999999999@%rax", "malformed operand" },
		{ "@", "malformed expression" },
		{ "4@*%rax", "malformed operand" },
	};

	(void)state;
	run(EM_X86_64, rows, COUNT(rows));
}

/* Texts by gcc 12 and clang 14 for <sys/sdt.h> under -masm=intel: all are bad arguments. */
static void intel_syntax_is_refused(void **state)
{
	static const char *const texts[] = {
		"-4@DWORD PTR -20[rbp]",
		"-8@QWORD PTR [rsp+8]",
		"8f@QWORD PTR .LC1[rip]",
		"-4@eax",
		"-1@dl",
		"8@r10",
		"-4@7",
		"-4@-3",
		"-4@4096",
		"-4@DWORD PTR g.0[rip+20]",
		"8@OFFSET FLAT:g.0",
		"-4@[rbp - 48]",
		"8f@[rip + offset .LCPI1_0]",
		"8@offset g.0",
		"-4@DWORD PTR [rdi+rcx*4]",
		"8@QWORD PTR fs:g.0@tpoff",
	};
	static const uint16_t machines[] = { EM_X86_64, EM_386 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts) * COUNT(machines); i++) {
		struct arena *a = arena_new();
		struct usdt_arg_context cx = { .arena = a,
					       .machine = machines[i % 2],
					       .symbol = symbol };
		struct usdt_arg *args;
		size_t n;
		char text[160];

		snprintf(text, sizeof(text), "8@%%rsi %s 4@$3", texts[i / 2]);
		assert_int_equal(usdt_args_parse(&cx, text, &args, &n), 0);
		if (n != 3 || strcmp(args[1].text, texts[i / 2]) || args[1].kind != USDT_ARG_BAD ||
		    !strstr(args[1].why, "-masm=intel") || args[2].kind != USDT_ARG_CONST)
			fail_msg("%s: %zu arguments, %s", text, n, n > 1 ? args[1].text : "");
		arena_free(a);
	}
}

static void i386_operands(void **state)
{
	static const struct row rows[] = {
		{ "-4@%eax", "4s r80>>0/4" },
		{ "-4@8(%ebp)", "4s [r32/4 + r-1/0 * 1 + 8]" },
		{ "1@%ah", "1 r80>>8/1" },
		{ "2@%esi", "2 r104>>0/4" },
		{ "4@-4(%esp,%ecx,4)", "4 [r152/4 + r88/4 * 4 + -4]" },
		{ "-8@%eax", "wider than its register" },
		{ "%eax", "4 r80>>0/4" },
	};

	(void)state;
	run(EM_386, rows, COUNT(rows));
}

static void aarch64_operands(void **state)
{
	static const struct row rows[] = {
		{ "-8@x4", "8s r32>>0/8" },
		{ "-4@w30", "4s r240>>0/4" },
		{ "8@sp", "8 r248>>0/8" },
		{ "4@5", "4 $5" },
		{ "-4@-1", "4s $-1" },
		{ "4@xzr", "4 $0" },
		{ "4@#7", "4 $7" },
		{ "-4@[sp, 96]", "4s [r248/8 + r-1/0 * 1 + 96]" },
		{ "-4@[sp,-4]", "4s [r248/8 + r-1/0 * 1 + -4]" },
		{ "8@[x0]", "8 [r0/8 + r-1/0 * 1 + 0]" },
		{ "8@[x1, #16]", "8 [r8/8 + r-1/0 * 1 + 16]" },
		{ "8@[x0, x2, lsl 3]", "8 [r0/8 + r16/8 * 8 + 0]" },
		{ "4@[x0, w2, sxtw 2]", "4 [r0/8 + r16/4s * 4 + 0]" },
		{ "4@[x0, w2, uxtw]", "4 [r0/8 + r16/4 * 1 + 0]" },
		{ "4@[x0, x3]", "4 [r0/8 + r24/8 * 1 + 0]" },
		{ "8f@d0", "in a floating-point register, which the kernel does not show" },
		{ "8@[x0, :lo12:g]", "needs a relocation, not an address" },
		{ "8@[x0", "malformed address" },
		{ "8@[x0, 8]!", "malformed address" },
		{ "8@x31", "unknown register" },
		{ "8@x007", "unknown register" },
		{ "8@", "unknown register" },
		{ "8@[xzr]", "malformed address" },
	};

	(void)state;
	run(EM_AARCH64, rows, COUNT(rows));
}

static void other_machines_say_so(void **state)
{
	static const struct row rows[] = { { "8@r3", "arguments of this machine are not known" } };

	(void)state;
	run(EM_PPC64, rows, COUNT(rows));
}

static void arguments_are_split_at_blanks_outside_brackets(void **state)
{
	struct arena *a = arena_new();
	struct usdt_arg_context cx = { .arena = a, .machine = EM_AARCH64 };
	struct usdt_arg *args;
	size_t n;

	(void)state;
	assert_int_equal(usdt_args_parse(&cx, "  4@[sp, 12]  -8@x3 4@5 ", &args, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(args[0].text, "4@[sp, 12]");
	assert_string_equal(args[2].text, "4@5");
	cx.machine = EM_X86_64;
	/* A bad argument does not hurt its neighbours. */
	assert_int_equal(usdt_args_parse(&cx, "-4@%edi 4@?? 8@$1", &args, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(args[1].kind, USDT_ARG_BAD);
	assert_int_equal(args[2].kind, USDT_ARG_CONST);
	assert_int_equal(usdt_args_parse(&cx, "", &args, &n), 0);
	assert_int_equal(n, 0);
	arena_free(a);
}

static void many_arguments_are_cut_at_the_limit(void **state)
{
	struct arena *a = arena_new();
	struct usdt_arg_context cx = { .arena = a, .machine = EM_X86_64 };
	struct usdt_arg *args;
	char text[6 * 100 + 1];
	size_t n;

	(void)state;
	for (int i = 0; i < 100; i++)
		memcpy(text + 6 * i, "4@%eax ", 6);
	text[600] = '\0';
	for (int i = 0; i < 100; i++)
		text[6 * i + 5] = ' ';
	assert_int_equal(usdt_args_parse(&cx, text, &args, &n), 0);
	assert_int_equal(n, USDT_MAX_ARGS);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_64_operands),
		cmocka_unit_test(intel_syntax_is_refused),
		cmocka_unit_test(i386_operands),
		cmocka_unit_test(aarch64_operands),
		cmocka_unit_test(other_machines_say_so),
		cmocka_unit_test(arguments_are_split_at_blanks_outside_brackets),
		cmocka_unit_test(many_arguments_are_cut_at_the_limit),
	};

	return cmocka_run_group_tests_name("usdt/arg", tests, NULL, NULL);
}
