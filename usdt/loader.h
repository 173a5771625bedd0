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
 * What the dynamic loader calls whenever its list of mapped objects is
 * complete, or about to change, before the constructors of new ones run.
 * *state: address of the loader's 32-bit word that is 0 if it is complete;
 * 0: unknown.
 * 0 or -errno; -ENOENT: nothing loads this program, or the loader's symbols
 * are not there. The same of the other.
 */
int usdt_loader_find(int pid, struct usdt_place *place, uint64_t *state);
/* The executable's function of that name; NULL, or not to be found: its entry. */
int usdt_start_find(int pid, const char *name, struct usdt_place *place);

#endif
