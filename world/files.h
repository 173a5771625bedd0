/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/files.h: the files that processes have mapped, as
 * procs.c gives them to the providers of user-land probes and to watch.c.
 *
 * A file is the kernel's inode (design rule 11): its address as a task_vma
 * iterator reads it, with number, device and generation, which tell a freed
 * and reused inode from the old one. Files have an index for life; a file
 * is opened and read when somebody asks, once.
 */
#ifndef WORLD_FILES_H
#define WORLD_FILES_H

#include "consumer/providers/inner.h"
#include "usdt/usdt.h"

struct prov_inode {	  /* a key: no padding */
	uint64_t address; /* 0: this kernel has no iterator; device and number must do */
	uint64_t ino;
	uint32_t dev; /* major << 20 | minor */
	uint32_t generation;
};

struct prov_mapping {
	pid_t pid, tid; /* tid: by which /proc shows it */
	int file;
	uint64_t start, end, off; /* off: bytes into the file */
};

/*
 * What is mapped executable now: by process `pid`, or by all (0). A recent answer is used
 * again until prov_files_stale. n through *n; borrowed until the next call.
 */
const struct prov_mapping *prov_mappings(struct prov_env *env, pid_t pid, size_t *n);
/* A process was started, or has mapped something: look again. */
void prov_files_stale(struct prov_env *env);
/* Grows by 1 with each look at the world. */
unsigned prov_files_serial(const struct prov_env *env);

/* Number of files seen; indexes are below it. */
size_t prov_files_count(const struct prov_env *env);
/* Whoever mapped it may have ended before it could be opened: it waits for the next that does. */
bool prov_file_waits(const struct prov_env *env, int file);
/* Has a file with this device, number and generation been seen, and does not wait? */
bool prov_files_known(const struct prov_env *env, uint32_t dev, uint64_t ino, uint32_t generation);
/* The file that path names, whether mapped or not; -errno. */
int prov_files_by_path(struct prov_env *env, const char *path);
/* Its probes; NULL: it has none, or cannot be read. Borrowed until the environment goes. */
struct usdt_file *prov_file_usdt(struct prov_env *env, int file);
/* "libruby-3.1.so.3.1"; the name under which it is mapped, whole. "" until opened. */
const char *prov_file_base(struct prov_env *env, int file);
const char *prov_file_path(struct prov_env *env, int file);

/* The process that a description's provider part names by its last digits; 0: none. */
pid_t prov_pdesc_pid(const struct d_pdesc *pd);

#endif
