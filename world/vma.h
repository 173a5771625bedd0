/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/vma.h: mappings of files as the kernel has them, by an iterator
 * program (iter/task_vma).
 */
#ifndef WORLD_VMA_H
#define WORLD_VMA_H

#include "ebpf/progs.h"

#include <stdbool.h>
#include <sys/types.h>

struct world_vma;
/* NULL: the kernel has no such iterator, or does not let this process use it (errno). */
struct world_vma *world_vma_open(bool executable_only);
void world_vma_close(struct world_vma *v); /* NULL is accepted */
typedef bool world_vma_fn(void *arg, const struct rt_vma_row *row);
/* Calls fn for each mapping of a file in a process (0: in all of them), as one thread of the process
 * has it (0: any thread), until fn returns false. 0 or -errno. A process or thread that does not
 * exist has no rows, and is no error. */
int world_vma_read(struct world_vma *v, pid_t pid, pid_t tid, world_vma_fn *fn, void *arg);

#endif
