/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/offset.c: the kernel's types, unless a test has switched them off,
 * and offsets of members by path.
 * In:   "task_struct.thread_info.status".
 * Out:  bytes from the start of the struct.
 */
#include "kernel/inner.h"

#include <errno.h>
#include <linux/btf.h>
#include <string.h>

const struct kern_btf *kern_btf(void)
{
	if (kern_has(KERN_F_btf))
		return kern_btf_read();
	errno = ENOENT;
	return NULL;
}

int kern_offset(const char *path, uint64_t *offset)
{
	const struct kern_btf *k = kern_btf();
	size_t len = strcspn(path, ".");
	char name[64];
	uint32_t id;

	if (!k)
		return -errno;
	if (len >= sizeof(name) || !path[len])
		return -EINVAL;
	memcpy(name, path, len);
	name[len] = '\0';
	id = kern_btf_find(k, BTF_KIND_STRUCT, name);
	return id && kern_btf_offset(k, id, path + len + 1, offset) ? 0 : -ENOENT;
}
