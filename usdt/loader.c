/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/loader.c: places where a process that is being started can be stopped.
 * In:   a pid; its auxiliary vector, mappings and the files behind them.
 * Out:  the function that the loader calls, the start of the program.
 * Owns: nothing; the descriptor of a place is the caller's.
 */
#include "usdt/inner.h"
#include "usdt/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ssize_t proc_read(int pid, const char *name, void *to, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, to, size);
	if (fd >= 0)
		close(fd);
	return n;
}

/* The auxiliary vector is pairs of words of the program's size. */
static bool auxv(int pid, uint64_t type, uint64_t *value)
{
	unsigned char ident[EI_NIDENT], buf[4096];
	bool is32 = proc_read(pid, "exe", ident, sizeof(ident)) == sizeof(ident) &&
		    ident[EI_CLASS] == ELFCLASS32;
	size_t word = is32 ? 4 : 8;
	ssize_t n = proc_read(pid, "auxv", buf, sizeof(buf));

	for (size_t at = 0; n > 0 && at + 2 * word <= (size_t)n; at += 2 * word) {
		uint64_t key = 0;

		*value = 0;
		memcpy(&key, buf + at, word);
		memcpy(value, buf + at + word, word);
		if (key == type && *value)
			return true;
	}
	return false;
}

/* A mapped file of a process, read for its symbols. */
struct image {
	struct usdt_proc *proc;
	const struct usdt_object *object;
	struct usdt_file *file;
	int fd;
	uint64_t bias;
};

static void image_close(struct image *im)
{
	usdt_file_close(im->file);
	usdt_proc_close(im->proc);
	if (im->fd >= 0)
		close(im->fd);
}

/* Opens the file whose code is the first at or behind the address. The address need not be in code:
 * the loader's base is the start of its file, which may be mapped without execute permission. */
static int image_open(int pid, uint64_t address, struct image *im)
{
	int err;

	*im = (struct image){ .fd = -1 };
	err = usdt_proc_open(pid, &im->proc);
	if (err)
		return err;
	for (size_t i = 0; i < usdt_proc_nobjects(im->proc); i++) {
		const struct usdt_object *o = usdt_proc_object(im->proc, i);

		if (usdt_object_end(o) > address &&
		    (!im->object || usdt_object_start(o) < usdt_object_start(im->object)))
			im->object = o;
	}
	if (!im->object)
		return -ENOENT;
	im->fd = usdt_object_open_fd(im->object);
	err = im->fd < 0 ? im->fd : usdt_file_open_fd(im->fd, NULL, &im->file);
	return err ? err :
		     usdt_file_bias(im->file, usdt_object_start(im->object),
				    usdt_object_offset(im->object), &im->bias);
}

static bool symbol(const struct image *im, const char *name, uint64_t *address)
{
	if (usdt_symbols_address(im->file, name, strlen(name), 0, address))
		return false;
	*address += im->bias;
	return true;
}

/* Moves the image's descriptor into the place. */
static int place_at(struct image *im, uint64_t address, struct usdt_place *place)
{
	int err = usdt_file_offset(im->file, address - im->bias, &place->offset);

	if (err)
		return err;
	place->address = address;
	place->object = usdt_object_start(im->object);
	place->fd = im->fd;
	im->fd = -1;
	return 0;
}

/* struct r_debug holds an int version, pointers to the list and to r_brk, then the state. */
int usdt_loader_find(int pid, struct usdt_place *place, uint64_t *state)
{
	struct image im = { .fd = -1 };
	uint64_t base, at;
	int err = auxv(pid, AT_BASE, &base) ? image_open(pid, base, &im) : -ENOENT;

	*place = (struct usdt_place){ .fd = -1 };
	*state = 0;
	if (!err && symbol(&im, "_r_debug", &at))
		*state = at + (usdt_file_bits(im.file) == 64 ? 24 : 12);
	if (!err)
		err = symbol(&im, "_dl_debug_state", &at) ? place_at(&im, at, place) : -ENOENT;
	image_close(&im);
	return err;
}

int usdt_start_find(int pid, const char *name, struct usdt_place *place)
{
	struct image im = { .fd = -1 };
	uint64_t at;
	int err = auxv(pid, AT_ENTRY, &at) ? image_open(pid, at, &im) : -ENOENT;

	*place = (struct usdt_place){ .fd = -1 };
	if (!err && name)
		symbol(&im, name, &at);
	if (!err)
		err = place_at(&im, at, place);
	image_close(&im);
	return err;
}
