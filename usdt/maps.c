/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/maps.c: the mappings of a process, as /proc shows them.
 * In:   /proc/PID/maps.
 * Out:  its lines.
 * Owns: nothing.
 */
#include "usdt/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* maps writes a newline in a path as \012 and escapes no other byte (seq_path). */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (!strncmp(s, "\\012", 4)) {
			*to++ = '\n';
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* Splits the line in place. false: the text is no line of maps. */
static bool line_read(char *line, struct usdt_maps_line *out)
{
	unsigned major, minor;
	char perms[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &out->start,
		   &out->end, perms, &out->offset, &major, &minor, &out->inode, &path) < 7)
		return false;
	path += (int)strspn(line + path, " ");
	line[strcspn(line, "\n")] = '\0';
	out->path = line + path;
	out->executable = perms[2] == 'x';
	out->device = (uint64_t)major << 20 | minor;
	unescape(out->path);
	return true;
}

void usdt_maps_undelete(char *path)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(path), end = sizeof(deleted) - 1;

	if (len > end && !strcmp(path + len - end, deleted))
		path[len - end] = '\0';
}

int usdt_maps_each(int pid, usdt_maps_fn *fn, void *arg)
{
	char path[64], *text = NULL;
	struct usdt_maps_line line;
	size_t cap = 0;
	bool go = true;
	int err = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (go && getline(&text, &cap, maps) > 0)
		if (line_read(text, &line))
			go = fn(arg, &line);
	if (go && ferror(maps))
		err = errno ? -errno : -EIO;
	free(text);
	fclose(maps);
	return err;
}
