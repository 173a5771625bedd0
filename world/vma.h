/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/vma.h: file mappings as the kernel has them: an
 * iter/task_vma program, written here as instructions, with offsets from
 * the running kernel's BTF.
 */
#ifndef WORLD_VMA_H
#define WORLD_VMA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vma_row {	     /* also what the program writes */
	uint64_t inode, ino; /* of the file's inode: address, number */
	uint64_t start, end, off;
	uint32_t pid, dev, generation,
		tid; /* tid: a thread that has them: the first may have ended */
};

struct vma_iter;
/* NULL: the kernel has no such iterator, or does not let us (errno). */
struct vma_iter *vma_iter_open(bool executable_only);
void vma_iter_close(struct vma_iter *it); /* NULL is accepted */
typedef bool vma_row_fn(void *arg, const struct vma_row *row);
/* fn for each file mapping of a process (0: all), as one of its threads has it (0: whichever); it
 * stops by false. 0 or -errno; no process or thread with this id: 0, and no row. */
int vma_iter_read(struct vma_iter *it, pid_t pid, pid_t tid, vma_row_fn *fn, void *arg);

#endif
