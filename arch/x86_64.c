/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/x86_64.c: registers and instructions of x86-64 and i386.
 * In:   the words of struct pt_regs (x86_64.def); bytes of code.
 * Out:  the tables and functions of arch.h.
 * Owns: nothing.
 */
#include "arch/arch.h"

#include <string.h>
#ifdef __x86_64__
#include <assert.h>
#include <sys/user.h>

#define ARCH_REG(id, ...)                                                     \
	static_assert(offsetof(struct user_regs_struct, id) == ARCH_X86_##id, \
		      "order of x86_64.def");
#define ARCH_WORD(id) ARCH_REG(id)
#include "arch/x86_64.def"
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	struct arch_reg reg;
} registers[] = {
#define ARCH_REG(id, r32, r16, r8, high)                                           \
	{ #id, { ARCH_X86_##id, 0, 8 } }, { r32, { ARCH_X86_##id, 0, 4 } },        \
		{ r16, { ARCH_X86_##id, 0, 2 } }, { r8, { ARCH_X86_##id, 0, 1 } }, \
		{ high, { ARCH_X86_##id, 8, 1 } },
#define ARCH_WORD(id)
#include "arch/x86_64.def"
};

bool arch_x86_reg(const char *name, size_t len, struct arch_reg *reg)
{
	for (size_t i = 0; i < COUNT(registers) && len; i++)
		if (!strncmp(registers[i].name, name, len) && !registers[i].name[len]) {
			*reg = registers[i].reg;
			return true;
		}
	return false;
}

bool arch_i386_upper(const struct arch_reg *lower, struct arch_reg *upper)
{
	static const int16_t order[] = { ARCH_X86_rax, ARCH_X86_rdx, ARCH_X86_rcx, ARCH_X86_rbx,
					 ARCH_X86_rsi, ARCH_X86_rdi, ARCH_X86_rbp };

	for (size_t i = 0; lower->width == 4 && i + 1 < COUNT(order); i++)
		if (order[i] == lower->offset) {
			*upper = (struct arch_reg){ .offset = order[i + 1], .width = 4 };
			return true;
		}
	return false;
}

bool arch_x86_is_nop(const uint8_t code[16])
{
	size_t at = 0;

	while (at < 14 && (code[at] == 0x66 || code[at] == 0x2e))
		at++;
	return code[at] == 0x90 || (code[at] == 0x0f && code[at + 1] == 0x1f);
}

static size_t skip(const uint8_t *code, size_t n, size_t at, const char *bytes, size_t len)
{
	return n - at >= len && !memcmp(code + at, bytes, len) ? at + len : at;
}

enum arch_frame arch_x86_frame(const uint8_t *code, size_t n, uint64_t offset)
{
	size_t pushed, begun = skip(code, n, 0, "\xf3\x0f\x1e\xfa", 4); /* endbr64 */

	if (!begun)
		begun = skip(code, n, 0, "\xf3\x0f\x1e\xfb", 4); /* endbr32 */

	if (offset <= begun)
		return ARCH_FRAME_NONE;
	pushed = skip(code, n, begun, "\x55", 1); /* push %rbp */
	return pushed > begun && offset == pushed ? ARCH_FRAME_PUSHED : ARCH_FRAME_SET;
}

const int16_t arch_x86_call[] = { ARCH_X86_rdi, ARCH_X86_rsi, ARCH_X86_rdx,
				  ARCH_X86_rcx, ARCH_X86_r8,  ARCH_X86_r9 };
const int16_t arch_x86_syscall[] = { ARCH_X86_rdi, ARCH_X86_rsi, ARCH_X86_rdx,
				     ARCH_X86_r10, ARCH_X86_r8,	 ARCH_X86_r9 };
const int16_t arch_i386_syscall[] = { ARCH_X86_rbx, ARCH_X86_rcx, ARCH_X86_rdx,
				      ARCH_X86_rsi, ARCH_X86_rdi, ARCH_X86_rbp };
