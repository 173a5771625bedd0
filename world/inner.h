/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/inner.h: declarations that the files of world/ share. Each file calls
 * only the files above it:
 *   process.c  state and start of a process, from /proc
 *   symbols.c  functions of a file
 *   vma.c      the kernel's list of file mappings (vma.h)
 *   files.c    files, and which processes map them now
 *   watch.c    events: mmap, fork, exec and exit of all processes from now on
 *   history.c  which file a process had mapped at an address, and when
 *   threads.c stops.c target.c command.c  -c and -p (target.h)
 *   world.c    makes and frees the world
 */
#ifndef WORLD_INNER_H
#define WORLD_INNER_H

#include "base/arena.h"
#include "kernel/kernel.h"
#include "world/world.h"

struct world_inode { /* a key: no padding */
	uint64_t
		address; /* 0: this kernel has no iterator, and device and number tell files apart */
	uint64_t ino;
	uint32_t dev;	     /* major << 20 | minor */
	uint32_t generation; /* differs once the kernel has reused the inode for another file */
};

void world_files_free(struct world_files *files); /* NULL is accepted */
/* A file with this device, number and generation was seen, and does not wait to be opened. */
bool world_files_known(const struct world *w, uint32_t dev, uint64_t ino, uint32_t generation);
#define WORLD_BAD_HEADERS "its ELF headers are damaged" /* for -EBADMSG of libusdt-read */
/* The damage to the file's symbols, as text; NULL: no damage, or the file is no ELF file. */
const char *world_symbols_damage(struct world_symbols *s);
void world_watch_close(struct world_watch *watch); /* NULL is accepted */

struct world_stat { /* fields of /proc/PID/stat */
	char state;
	unsigned flags;
	int threads;
	uint64_t start; /* boot time, ns, as coarse as the kernel's ticks */
};
bool world_stat_read(pid_t pid, struct world_stat *s); /* false: there is no such process */
bool world_is_kernel_thread(pid_t pid);

#endif
