/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/symbols.h: the functions of a file. Of libusdt-read, for our own
 * programs: not installed.
 */
#ifndef USDT_SYMBOLS_H
#define USDT_SYMBOLS_H

#include "usdt/usdt.h"

/* As usdt_file_open_fd, for functions only: the file's probes are not read. */
int usdt_symbols_open(int fd, struct usdt_file **file);
/* What is damaged, so that functions may be missing; NULL: nothing. */
const char *usdt_symbols_damage(const struct usdt_file *file);

/* The function that holds an offset in the file: its name, borrowed, and the offset's distance from
 * its start. NULL: no function holds the offset. */
const char *usdt_symbols_at(struct usdt_file *file, uint64_t offset, uint64_t *distance);

struct usdt_function {
	const char *name; /* borrowed */
	uint64_t offset;  /* in the file */
	bool is_chosen;	  /* an ifunc: the loader chooses the code that the name stands for */
};
/* Calls fn for each function, in the order of the symbol table, until fn returns false. 0 or
 * -ENOMEM. */
typedef bool usdt_function_fn(void *arg, const struct usdt_function *function);
int usdt_symbols_each(struct usdt_file *file, usdt_function_fn *fn, void *arg);

#endif
