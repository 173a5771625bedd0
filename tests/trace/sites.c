/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/sites.c: a site must not change a leaf function's registers, flags or red zone.
 *
 *	long NAME(long n)
 *
 * Fires sites:::leaf n times with known values in all general registers, the flags, the red zone
 * and the vector registers, and compares afterwards; and sites:::compiled, where the compiler keeps
 * live values there. Returns the number of passes that found a change. test_sites.py compiles this
 * file for each compiler, level and form of site with another NAME, and links all into one program.
 */
#include <usdt/sdt.h>

#include <stdint.h>
#include <stdlib.h>

long NAME(long n);

/* static, because each object has its own; used, because only asm names them. */
#define FOR_ASM __attribute__((used)) static volatile
FOR_ASM uint64_t gpr[15], zone[16], flags, vec[32];

#define ZONE(n) "movq $0x5a0000" #n ", -8*(" #n "-9)(%rsp)\n\t"
#define KEEP(reg, n) "movq %" reg ", gpr+8*" #n "(%rip)\n\t"
#define WORD(n) "movq -8*(" #n "-9)(%rsp), %rax\n\tmovq %rax, zone+8*(" #n "-10)(%rip)\n\t"
#define VEC(n) "movq %rax, %xmm" #n "\n\tpunpcklqdq %xmm" #n ", %xmm" #n "\n\t"
#define VECKEEP(n) "movdqu %xmm" #n ", vec+16*" #n "(%rip)\n\t"
#define EACH_WORD(X) \
	X(10)        \
	X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25)
#define EACH_VEC(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/*
 * The compiler adds no code to a naked function, so the site stands between code that sets and code
 * that reads. The site is the text of USDT_PROBE(sites, leaf): clang takes only asm there.
 */
__attribute__((naked, noinline)) static void leaf(void)
{
	__asm__ volatile(
		"pushq %rbx\n\tpushq %rbp\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
		"pushq $0x8d5\n\tpopfq\n\t" /* CF PF AF ZF SF OF */
		"movq $0x77777777, %rax\n\t" EACH_VEC(VEC) EACH_WORD(
			ZONE) "movq $101, %rax\n\tmovq $102, %rbx\n\tmovq $103, %rcx\n\tmovq $104, %rdx\n\t"
			      "movq $105, %rsi\n\tmovq $106, %rdi\n\tmovq $107, %rbp\n\tmovq $108, %r8\n\t"
			      "movq $109, %r9\n\tmovq $110, %r10\n\tmovq $111, %r11\n\tmovq $112, %r12\n\t"
			      "movq $113, %r13\n\tmovq $114, %r14\n\tmovq $115, %r15");
	__asm__ volatile(USDT_NOTE_("sites", "leaf", "0", "", ""));
	__asm__ volatile(
		KEEP("rax", 0) KEEP("rbx", 1) KEEP("rcx", 2) KEEP("rdx", 3) KEEP("rsi", 4) KEEP(
			"rdi", 5) KEEP("rbp", 6) KEEP("r8", 7) KEEP("r9",
								    8) KEEP("r10",
									    9) KEEP("r11",
										    10) KEEP("r12",
											     11)
			KEEP("r13", 12) KEEP("r14", 13) KEEP("r15", 14) EACH_WORD(WORD) EACH_VEC(
				VECKEEP) "pushfq\n\tpopq flags(%rip)\n\t"
					 "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbp\n\tpopq %rbx\n\tret");
}

static int same(void)
{
	for (unsigned i = 0; i < 15; i++)
		if (gpr[i] != 101 + i)
			return 0;
	for (unsigned i = 10; i < 26; i++) /* ZONE appends 2 decimal digits to 0x5a0000 */
		if (zone[i - 10] != 0x5a000000 + i / 10 * 16 + i % 10)
			return 0;
	for (unsigned i = 0; i < 32; i++)
		if (vec[i] != 0x77777777)
			return 0;
	return (flags & 0x8d5) == 0x8d5;
}

/* By itself the compiler puts the array of a leaf function into the red zone. */
__attribute__((noinline)) static unsigned compiled(unsigned n)
{
	volatile unsigned kept[8];

	for (unsigned i = 0; i < 8; i++)
		kept[i] = n * 31 + i;
	USDT_PROBE1(sites, compiled, n);
	n = 0;
	for (unsigned i = 0; i < 8; i++)
		n += kept[i];
	return n;
}

long NAME(long n)
{
	long changed = 0;

	for (long i = 0; i < n; i++) {
		leaf();
		changed += !same() || compiled((unsigned)i) != (unsigned)i * 31 * 8 + 28;
	}
	return changed;
}
