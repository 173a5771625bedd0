/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/inner.h: what the files of world/ share. Each file calls only those
 * above it:
 *   process.c  what /proc says of a process
 *   symbols.c  functions of a file
 *   vma.c      the kernel's list of mappings (vma.h)
 *   files.c    files, and what is mapped now
 *   watch.c    what processes map, fork, exec and end with from now on
 *   history.c  what was mapped where, and when
 *   threads.c stops.c target.c command.c  -c and -p (target.h)
 *   world.c    makes and frees all of that
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
	uint32_t generation; /* with the rest, tells a freed and reused inode from the old one */
};

void world_files_free(struct world_files *files); /* NULL is accepted */
/* Has a file with this device, number and generation been seen that does not wait to be opened? */
bool world_files_known(const struct world *w, uint32_t dev, uint64_t ino, uint32_t generation);
#define WORLD_BAD_HEADERS "its ELF headers are damaged" /* for -EBADMSG of libusdt-read */
/* What of the file's symbols is damaged; NULL: nothing, or it is no ELF file. */
const char *world_symbols_damage(struct world_symbols *s);
void world_watch_close(struct world_watch *watch); /* NULL is accepted */

struct world_stat { /* of /proc/PID/stat */
	char state;
	unsigned flags;
	int threads;
	uint64_t start; /* boot time, ns, as coarse as the kernel's ticks */
};
bool world_stat_read(pid_t pid, struct world_stat *s); /* false: there is no such process */
bool world_is_kernel_thread(pid_t pid);

#endif
