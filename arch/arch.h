/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/arch.h: facts of machines: registers by their names in operands, where the kernel saves
 * them, where calls pass arguments, and the instructions that probe sites are made of.
 *
 *   x86_64.def, x86_64.c   x86-64, and i386 as a 64-bit kernel runs it
 *   aarch64.c              aarch64: its files are read, its processes are not traced
 */
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a saved register. offset: of the register's word in struct pt_regs, -1: no register.
 * The part is the low `width` bytes of the word shifted right by `shift` bits. */
struct arch_reg {
	int16_t offset;
	uint8_t shift, width;
};

/* ---- x86-64 (x86_64.c) ---------------------------------------------------------------- */

/* ARCH_X86_rdi: the offset of rdi's word in struct pt_regs. */
enum arch_x86_word {
#define ARCH_REG(id, ...) ARCH_X86_WORD_##id,
#define ARCH_WORD(id) ARCH_X86_WORD_##id,
#include "arch/x86_64.def"
};
enum arch_x86_offset {
#define ARCH_REG(id, ...) ARCH_X86_##id = 8 * ARCH_X86_WORD_##id,
#define ARCH_WORD(id) ARCH_X86_##id = 8 * ARCH_X86_WORD_##id,
#include "arch/x86_64.def"
};

/* The register that an operand names without its %: "rdi", "ah". */
bool arch_x86_reg(const char *name, size_t len, struct arch_reg *reg);
/* gcc keeps a 64-bit value of i386 in two registers. Finds the upper half's register by the lower
 * half's; false: gcc pairs no register with it. */
bool arch_i386_upper(const struct arch_reg *lower, struct arch_reg *upper);
bool arch_x86_is_nop(const uint8_t code[16]); /* of any length: prefixes, then 90 or 0f 1f */

enum { ARCH_X86_CALL_REGS = 6 };
extern const int16_t arch_x86_call[ARCH_X86_CALL_REGS];	   /* arguments of functions */
extern const int16_t arch_x86_syscall[ARCH_X86_CALL_REGS]; /* of system calls */
extern const int16_t arch_i386_syscall[ARCH_X86_CALL_REGS];

/* Where a function's return address is at the instruction `offset` bytes after the first. */
enum arch_frame {
	ARCH_FRAME_NONE,   /* at (%rsp): nothing is pushed yet */
	ARCH_FRAME_PUSHED, /* at 8(%rsp): %rbp is pushed and still the caller's */
	ARCH_FRAME_SET,	   /* at 8(%rbp), if the function keeps a frame */
};
/* code: the function's first n bytes, as they were compiled. */
enum arch_frame arch_x86_frame(const uint8_t *code, size_t n, uint64_t offset);

/* ---- aarch64 (aarch64.c) ----------------------------------------------------------------- */

/* The register that an operand names: "x4", "w0", "sp". Offsets are in struct user_pt_regs. */
enum arch_arm {
	ARCH_ARM_UNKNOWN,
	ARCH_ARM_REG,
	ARCH_ARM_ZERO,	/* xzr, wzr */
	ARCH_ARM_FLOAT, /* v0, d0 … */
};
enum arch_arm arch_arm_reg(const char *name, size_t len, struct arch_reg *reg);
bool arch_arm_is_nop(const uint8_t code[16]);

#endif
