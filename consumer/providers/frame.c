/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/frame.c: where a site in user land finds the return address of its function.
 * In:   a site; the symbols and the first instructions of its file.
 * Out:  the site's operand `caller`.
 * Owns: nothing.
 *
 * Until a function has made its frame, the frame pointer belongs to its caller, and a walk along
 * frame pointers misses the caller. The return address is then at the stack pointer, or one word
 * above it.
 */
#include "arch/arch.h"
#include "consumer/providers/inner.h"
#include "world/world.h"

#include <string.h>
#include <unistd.h>

enum { CODE = 16 }; /* bytes of a function that tell how it begins */

/* ARCH_FRAME_SET also if the function is unknown: frame pointers are then trusted. */
static enum arch_frame frame_at(struct prov_env *env, const struct prov_site *s,
				struct world_symbols *symbols)
{
	uint64_t distance = 0;
	const char *function = world_symbols_find(symbols, s->off, &distance);
	int fd = function ? world_file_open(env->world, s->file) : -1;
	uint8_t code[CODE] = { 0 };
	ssize_t n = fd < 0 ? -1 : pread(fd, code, sizeof(code), (off_t)(s->off - distance));

	/* Nothing calls _start: its stack pointer points to argc, not to a return address. */
	if (n < 0 || !strcmp(function, "_start"))
		return ARCH_FRAME_SET;
	return arch_x86_frame(code, (size_t)n, distance);
}

void prov_site_frame(struct prov_env *env, struct prov_site *s)
{
	struct world_symbols *symbols = s->ctx == CC_CTX_UPROBE ?
						world_file_symbols(env->world, s->file) :
						NULL;
	enum arch_frame frame = ARCH_FRAME_SET;
	uint8_t word;

	if (symbols)
		frame = s->at_entry ? ARCH_FRAME_NONE : frame_at(env, s, symbols);
	if (frame == ARCH_FRAME_SET)
		return;
	word = world_symbols_32bit(symbols) ? 4 : 8;
	s->args.caller = (struct cc_arg){
		.kind = CC_A_UMEM,
		.size = word,
		.base = ARCH_X86_rsp,
		.index = -1,
		.disp = frame == ARCH_FRAME_PUSHED ? word : 0,
	};
}
