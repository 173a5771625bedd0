/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/symbols.c: addresses of the kernel's symbols.
 * In:   /proc/kallsyms, read line by line when a script names one.
 * Out:  an address; 0 if there is none, or the kernel hides them
 *       (kernel.kptr_restrict) from this process.
 */
#include "consumer/providers/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "vmlinux", "genunix" (what Solaris' scripts say) and no module are the kernel proper. */
static bool module_matches(const char *want, const char *is)
{
	if (!*is)
		return !want || !*want || !strcmp(want, "vmlinux") || !strcmp(want, "genunix");
	return !want || !*want || !strcmp(want, is);
}

uint64_t ksym_address(const char *mod, const char *name, bool *is_func)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	uint64_t addr = 0;
	char *line = NULL;
	size_t cap = 0;

	while (f && !addr && getline(&line, &cap, f) > 0) {
		unsigned long long at;
		char type, sym[512], in[64] = "";

		/* 200,000 lines: only those that hold the name are taken apart */
		if (!strstr(line, name) ||
		    sscanf(line, "%llx %c %511s [%63[^]]", &at, &type, sym, in) < 3 ||
		    strcmp(sym, name) || !module_matches(mod, in))
			continue;
		addr = at;
		*is_func = strchr("tTwW", type);
	}
	free(line);
	if (f)
		fclose(f);
	return addr;
}
