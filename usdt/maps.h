/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/maps.h: the only reader of /proc/PID/maps. Of libusdt-read, for our own
 * programs: not installed.
 */
#ifndef USDT_MAPS_H
#define USDT_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct usdt_maps_line {
	uint64_t start, end, offset, device, inode; /* device: major << 20 | minor */
	bool executable;
	char *path; /* in the line, as it was mapped; "" for memory without a name */
};
/* Calls fn for each line of a process's or thread's maps until fn returns false. 0 or -errno. */
typedef bool usdt_maps_fn(void *arg, const struct usdt_maps_line *line);
int usdt_maps_each(int pid, usdt_maps_fn *fn, void *arg);
/* Removes the " (deleted)" that the kernel puts behind the path of a removed file. */
void usdt_maps_undelete(char *path);

#endif
