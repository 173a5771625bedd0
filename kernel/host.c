/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/host.c: the kernel's version, its processors, and the pid namespace
 * of this process.
 */
#include "kernel/inner.h"

#include <linux/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

uint32_t kern_version(void)
{
	unsigned v[3] = { 0, 0, 0 };
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u.%u", &v[0], &v[1], &v[2]) < 2)
		return 0;
	return KERNEL_VERSION(v[0], v[1], v[2] > 255 ? 255 : v[2]);
}

/* /sys/devices/system/cpu/possible ends in the highest number: "0-3", "0,2-7". */
static uint32_t cpus_read(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	char line[256] = "";
	const char *last;

	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
	}
	last = line + strlen(line);
	while (last > line && !strchr("-,", last[-1]))
		last--;
	if (*last >= '0' && *last <= '9')
		return (uint32_t)strtoul(last, NULL, 10) + 1;
	return (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
}

uint32_t kern_cpus(void)
{
	static uint32_t known; /* threads that race read the same file */
	uint32_t n = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (!n) {
		n = cpus_read();
		__atomic_store_n(&known, n, __ATOMIC_RELAXED);
	}
	return n;
}

/* The kernel packs a device as 12 bits of major and 20 of minor. */
struct kern_pidns kern_pidns(void)
{
	enum { PROC_PID_INIT_INO = 0xeffffffcu }; /* of the initial namespace, on every kernel */
	struct kern_pidns ns = { 0, 0 };
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) || st.st_ino == PROC_PID_INIT_INO)
		return ns;
	ns.dev = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	ns.ino = st.st_ino;
	return ns;
}
