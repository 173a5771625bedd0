/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/file.c: libusdt-read's public face for files, probes and sites.
 * In:   a path or a descriptor.
 * Out:  struct usdt_file, with all that was read from it.
 * Owns: the file's arena, its descriptor (a copy of the caller's) and its
 *       tables of symbol names, until usdt_file_close.
 */
#include "usdt/inner.h"
#include "usdt/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* fd is ours from here on. */
static int file_open(int fd, const char *name, bool with_probes, struct usdt_file **file)
{
	struct arena *a = arena_new();
	struct usdt_file *f = a ? arena_new_of(a, struct usdt_file) : NULL;
	int err = -ENOMEM;

	if (f) {
		f->arena = a;
		f->fd = fd;
		f->is_symbols_only = !with_probes;
		f->name = arena_strdup(a, name ? name : "");
		err = f->name ? usdt_elf_read(f) : -ENOMEM;
		if (!err && with_probes)
			err = usdt_notes_read(f);
		if (!err) {
			*file = f;
			return 0;
		}
		usdt_symbols_free(f);
	}
	close(fd);
	arena_free(a);
	return err;
}

int usdt_file_open(const char *path, struct usdt_file **file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */

	*file = NULL;
	return fd < 0 ? -errno : file_open(fd, path, true, file);
}

int usdt_file_open_fd(int fd, const char *name, struct usdt_file **file)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	*file = NULL;
	return copy < 0 ? -errno : file_open(copy, name, true, file);
}

int usdt_symbols_open(int fd, struct usdt_file **file)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	*file = NULL;
	return copy < 0 ? -errno : file_open(copy, NULL, false, file);
}

void usdt_file_close(struct usdt_file *f)
{
	if (!f)
		return;
	usdt_symbols_free(f);
	if (f->fd >= 0)
		close(f->fd);
	arena_free(f->arena);
}

const char *usdt_file_name(const struct usdt_file *f)
{
	return f->name;
}

const uint8_t *usdt_file_build_id(const struct usdt_file *f, size_t *len)
{
	*len = f->build_id_len;
	return f->build_id;
}

unsigned usdt_file_machine(const struct usdt_file *f)
{
	return f->machine;
}

unsigned usdt_file_bits(const struct usdt_file *f)
{
	return f->is64 ? 64 : 32;
}

bool usdt_file_relocatable(const struct usdt_file *f)
{
	return f->type == ET_REL;
}

size_t usdt_file_nbad(const struct usdt_file *f)
{
	return f->nbad;
}

const char *usdt_file_damage(const struct usdt_file *f)
{
	return f->damage ? f->damage : f->nprobes ? f->symbols_damage : NULL;
}

size_t usdt_file_nprobes(const struct usdt_file *f)
{
	return f->nprobes;
}

const struct usdt_probe *usdt_file_probe(const struct usdt_file *f, size_t i)
{
	return i < f->nprobes ? f->probes[i] : NULL;
}

const char *usdt_probe_provider(const struct usdt_probe *p)
{
	return p->provider;
}

const char *usdt_probe_name(const struct usdt_probe *p)
{
	return p->name;
}

const char *usdt_probe_note_name(const struct usdt_probe *p)
{
	return p->note_name;
}

size_t usdt_probe_nsites(const struct usdt_probe *p)
{
	return p->nsites;
}

const struct usdt_site *usdt_probe_site(const struct usdt_probe *p, size_t i)
{
	return i < p->nsites ? p->sites[i] : NULL;
}

const struct usdt_types *usdt_probe_types(const struct usdt_probe *p)
{
	return p->types;
}

uint64_t usdt_site_offset(const struct usdt_site *s)
{
	return s->offset;
}

uint64_t usdt_site_address(const struct usdt_site *s)
{
	return s->address;
}

uint64_t usdt_site_semaphore_offset(const struct usdt_site *s)
{
	return s->sem_offset;
}

uint64_t usdt_site_semaphore_address(const struct usdt_site *s)
{
	return s->sem_address;
}

const char *usdt_site_function(const struct usdt_site *s)
{
	const struct usdt_symbol *sym;

	if (s->probe->file->type == ET_REL)
		return "";
	sym = usdt_symbols_function(s->probe->file, s->address);
	return sym ? sym->name : "";
}

const char *usdt_site_args_text(const struct usdt_site *s)
{
	return s->args_text;
}

size_t usdt_site_nargs(const struct usdt_site *s)
{
	return s->nargs;
}

const struct usdt_arg *usdt_site_arg(const struct usdt_site *s, size_t i)
{
	return i < s->nargs ? &s->args[i] : NULL;
}

unsigned usdt_read_version(void)
{
	return USDT_VERSION;
}
