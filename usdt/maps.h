/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/maps.h: lines of /proc/PID/maps, read by one function for all. Of
 * libusdt-read, for our own programs: not installed.
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
/* Changes the line. false: it is none of maps. */
bool usdt_maps_line(char *line, struct usdt_maps_line *out);
/* Takes away the " (deleted)" that the kernel puts behind the path of a removed file. */
void usdt_maps_undelete(char *path);

#endif
