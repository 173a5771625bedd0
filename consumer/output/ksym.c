/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/output/ksym.c: kernel addresses as module`symbol+0x10.
 * In:   an address, and which part of the name is wanted.
 * Out:  text.
 * Owns: nothing.
 */
#include "consumer/output/inner.h"
#include "kernel/kernel.h"

void out_ksym(char *buf, size_t size, uint64_t addr, enum d_symbol how)
{
	struct kern_symbol s;

	if (!kern_symbol_at(addr, &s))
		snprintf(buf, size, "0x%llx", (unsigned long long)addr);
	else if (how == D_SYM_MODULE)
		snprintf(buf, size, "%s", s.module);
	else if (how == D_SYM_FUNCTION || addr == s.address)
		snprintf(buf, size, "%s`%s", s.module, s.name);
	else
		snprintf(buf, size, "%s`%s+0x%llx", s.module, s.name,
			 (unsigned long long)(addr - s.address));
}
