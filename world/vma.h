/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/vma.h: file mappings of processes, listed by an iterator program in
 * the kernel (iter/task_vma).
 */
#ifndef WORLD_VMA_H
#define WORLD_VMA_H

#include "ebpf/progs.h"

#include <stdbool.h>
#include <sys/types.h>

struct world_vma;
/* NULL: the kernel has no such iterator, or refuses this process the iterator (errno). */
struct world_vma *world_vma_open(bool executable_only);
void world_vma_close(struct world_vma *v); /* NULL is accepted */
typedef bool world_vma_fn(void *arg, const struct rt_vma_row *row);
/* Calls fn for each file mapping of process pid (0: of all processes), seen through thread tid (0:
 * any thread), until fn returns false. 0 or -errno. A process or thread that does not exist has no
 * rows, and is no error. */
int world_vma_read(struct world_vma *v, pid_t pid, pid_t tid, world_vma_fn *fn, void *arg);

#endif
