/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/symbols.c: the functions of a file that is, or was, mapped.
 * In:   a descriptor taken while the file was mapped, read at the first question.
 * Out:  file offset → function.
 * Owns: the descriptor until the first question; from then on the usdt_file.
 */
#include "world/inner.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

struct world_symbols {
	int fd; /* -1: no file, or the file was read */
	bool is_vdso;
	struct usdt_file *file; /* NULL: not read yet, or not readable */
	const char *damage;
};

struct world_symbols *world_symbols_new(int fd)
{
	struct world_symbols *s = calloc(1, sizeof(*s));

	if (!s) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	s->fd = fd;
	return s;
}

struct world_symbols *world_symbols_new_vdso(void)
{
	struct world_symbols *s = world_symbols_new(-1);

	if (s)
		s->is_vdso = true;
	return s;
}

void world_symbols_free(struct world_symbols *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	usdt_file_close(s->file);
	free(s);
}

/* ---- Reading --------------------------------------------------------------- */

/* Copies the vdso, which is no file, into a memfd: from the ELF header to the end of the section
 * headers, which come last. */
static int vdso_open(void)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;
	Elf64_Ehdr eh;
	size_t size;

	if (fd < 0)
		return -1;
	memcpy(&eh, image, sizeof(eh));
	size = eh.e_shoff + (size_t)eh.e_shnum * eh.e_shentsize;
	if (write(fd, image, size) == (ssize_t)size)
		return fd;
	close(fd);
	return -1;
}

/* NULL: the file has no symbols that can be read. */
static struct usdt_file *file_of(struct world_symbols *s)
{
	int err;

	if (s->is_vdso && s->fd < 0 && !s->file)
		s->fd = vdso_open();
	if (s->fd < 0)
		return s->file;
	err = usdt_symbols_open(s->fd, &s->file);
	s->damage = err == -EBADMSG ? WORLD_BAD_HEADERS : err ? NULL : usdt_symbols_damage(s->file);
	close(s->fd);
	s->fd = -1;
	s->is_vdso = false;
	return s->file;
}

/* ---- Finding ------------------------------------------------------------------ */

const char *world_symbols_find(struct world_symbols *s, uint64_t file_off, uint64_t *distance)
{
	struct usdt_file *file = file_of(s);

	return file ? usdt_symbols_at(file, file_off, distance) : NULL;
}

bool world_symbols_32bit(struct world_symbols *s)
{
	const struct usdt_file *file = file_of(s);

	return file && usdt_file_bits(file) == 32;
}

int world_symbols_each(struct world_symbols *s, usdt_function_fn *fn, void *arg)
{
	struct usdt_file *file = file_of(s);

	return file ? usdt_symbols_each(file, fn, arg) : 0;
}

const char *world_symbols_damage(struct world_symbols *s)
{
	file_of(s);
	return s->damage;
}
