/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/loader.h: where a process that starts can be stopped before its
 * probes fire. Of libusdt-read, for our own programs: not installed.
 */
#ifndef USDT_LOADER_H
#define USDT_LOADER_H

#include "usdt/usdt.h"

struct usdt_place {		  /* in the code of a process */
	int fd;			  /* of the file that holds it; yours, -1: none */
	uint64_t address, offset; /* in the process; in the file */
	uint64_t object;	  /* start of the mapping */
};

/*
 * Finds the function that the dynamic loader calls when its list of mapped
 * objects is about to change and when the list is complete again, before the
 * constructors of new objects run. *state: the address of the loader's 32-bit
 * word that is 0 while the list is complete; 0: unknown. Returns 0 or -errno;
 * -ENOENT: the program has no loader, or the loader's symbols are missing.
 */
int usdt_loader_find(int pid, struct usdt_place *place, uint64_t *state);
/* Finds the executable's function of that name, or its entry point if name is NULL or there is no
 * such function. Returns as usdt_loader_find does. */
int usdt_start_find(int pid, const char *name, struct usdt_place *place);

#endif
