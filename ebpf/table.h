/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/table.h: the library's routines as embed.py's table holds
 * them, for cc_link. What each does: rt.h.
 */
#ifndef EBPF_TABLE_H
#define EBPF_TABLE_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

enum rt_link_kind {
	RT_L_HOLE, /* ld_imm64: a number known when loading, plus the instruction's own */
	RT_L_MAP,  /* ld_imm64: the address of a direct map's value */
	RT_L_CALL, /* another routine */
};
struct rt_link {
	uint32_t insn;
	enum rt_link_kind kind;
	const char *name;
};
struct rt_routine {
	const char *name;
	const char *params; /* a letter each: c the context, f the firing, s the slot, i a number */
	const struct bpf_insn *insns;
	uint32_t ninsns;
	const struct rt_link *links;
	uint32_t nlinks;
};
extern const struct rt_routine rt_routines[]; /* sorted by name */
extern const size_t rt_nroutines;

#endif
