/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel/inner.h: what the files of kernel/ share. */
#ifndef KERNEL_INNER_H
#define KERNEL_INNER_H

#include "base/arena.h"
#include "kernel/kernel.h"

/* For the features that the BTF tells of: kern_btf, whatever is switched off. */
const struct kern_btf *kern_btf_read(void);

/* Tests: a reader of other bytes than the kernel's. They are copied. NULL with errno set. */
struct kern_btf *kern_btf_of(const void *bytes, size_t size);
void kern_btf_free(struct kern_btf *btf); /* NULL accepted */

#endif
