/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel/inner.h: what the files of kernel/ share. */
#ifndef KERNEL_INNER_H
#define KERNEL_INNER_H

#include "base/arena.h"
#include "kernel/kernel.h"

/* kern_btf for features.c, which looks features up in BTF: ignores what tests switch off. */
const struct kern_btf *kern_btf_read(void);

/* For tests: a reader of a copy of these bytes. NULL with errno set. */
struct kern_btf *kern_btf_of(const void *bytes, size_t size);
void kern_btf_free(struct kern_btf *btf); /* NULL accepted */

#endif
