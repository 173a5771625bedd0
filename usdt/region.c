/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/region.c: an address range that holds probes (live.h), and the memfd
 * that makes them visible.
 * In:   the probes that were added to the region.
 * Out:  slots whose addresses stay; a mapping that tracers take for a shared
 *       library's.
 * Owns: the range, the descriptor, the added probes.
 *
 * Uprobes need code in a private, executable mapping of a file, and semaphores
 * in a private, writable mapping of the same file.
 *
 * A thread may be about to call a stub while another hides the region. So the
 * code half of a region that was once visible holds stubs until the end: those
 * of the file, or the same bytes in anonymous memory. One mapping replaces the
 * other in one step. A thread that hits a breakpoint in between runs the
 * instruction that is there now.
 *
 * The descriptor stays open while the region is visible because bcc (and with
 * it bpftrace) reads a memfd through /proc/PID/fd.
 */
#include "usdt/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* kernel 6.3; where vm.memfd_noexec is on, it must be asked for */
#endif

struct usdt_region *usdt_region_new(size_t half)
{
	struct usdt_region *r = calloc(1, sizeof(*r));
	size_t cap = (half - USDT_LIVE_HEAD) / USDT_LIVE_STEP;
	void *base = MAP_FAILED;

	if (r) {
		r->made = calloc(cap, sizeof(*r->made));
		base = mmap(NULL, 2 * half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (!r || !r->made || base == MAP_FAILED ||
	    mprotect((char *)base + half, half, PROT_READ | PROT_WRITE)) {
		if (base != MAP_FAILED)
			munmap(base, 2 * half);
		free(r ? r->made : NULL);
		free(r);
		errno = ENOMEM;
		return NULL;
	}
	r->base = base;
	r->half = half;
	r->cap = cap;
	r->fd = -1;
	return r;
}

/* A program may close all descriptors and open others: close ours only if it still is our file. */
static void close_ours(struct usdt_region *r)
{
	struct stat st;

	if (r->fd >= 0 && !fstat(r->fd, &st) && st.st_dev == r->dev && st.st_ino == r->ino)
		close(r->fd);
	r->fd = -1;
	r->ino = 0;
}

void usdt_made_free(struct usdt_made *made)
{
	if (!made)
		return;
	usdt_proto_free(&made->proto);
	free(made->function);
	free(made->name);
	free(made);
}

void usdt_region_free(struct usdt_region *r)
{
	if (!r)
		return;
	close_ours(r);
	munmap(r->base, 2 * r->half);
	for (size_t i = 0; i < r->n; i++)
		usdt_made_free(r->made[i]);
	free(r->made);
	free(r);
}

struct usdt_point *usdt_region_slot(const struct usdt_region *r, size_t i)
{
	return (void *)(r->base + r->half + USDT_LIVE_HEAD + i * USDT_LIVE_STEP);
}

bool usdt_region_holds(const struct usdt_region *r, const struct usdt_point *p, size_t *i)
{
	uintptr_t at = (uintptr_t)p - (uintptr_t)usdt_region_slot(r, 0);

	*i = at / USDT_LIVE_STEP;
	return (uintptr_t)p >= (uintptr_t)usdt_region_slot(r, 0) && !(at % USDT_LIVE_STEP) &&
	       *i < r->n && r->made[*i];
}

bool usdt_region_visible(const struct usdt_region *r)
{
	return r->ino;
}

/* ---- Showing ------------------------------------------------------------------------ */

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The object, whole and sealed; a descriptor or -errno. */
static int object_make(const struct usdt_region *r, const char *provider)
{
	enum { FLAGS = MFD_CLOEXEC | MFD_ALLOW_SEALING };
	char name[16 + USDT_LIVE_PROVIDER];
	uint8_t *bytes;
	size_t len;
	int fd, err;

	bytes = usdt_image_make(provider, r->made, r->n, r->half, &len);
	if (!bytes)
		return -errno;
	snprintf(name, sizeof(name), "usdt:%s", provider);
	fd = memfd_create(name, FLAGS | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, FLAGS);
	err = fd < 0 ? -errno : write_all(fd, bytes, len);
	free(bytes);
	if (!err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		err = -errno;
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* The code is mapped first, because slots lead to it. */
int usdt_region_show(struct usdt_region *r, const char *provider)
{
	enum { CODE = PROT_READ | PROT_EXEC, DATA = PROT_READ | PROT_WRITE };
	enum { OVER = MAP_PRIVATE | MAP_FIXED };
	int fd = object_make(r, provider), err;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || mmap(r->base, r->half, CODE, OVER, fd, 0) == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	r->fd = fd;
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	if (mmap(r->base + r->half, r->half, DATA, OVER, fd, (off_t)r->half) == MAP_FAILED) {
		err = -errno;
		usdt_region_hide(r);
		return err;
	}
	return 0;
}

/* ---- Hiding ------------------------------------------------------------------------- */

/* Prepares all mappings first, so that a failure leaves the region as it was. */
int usdt_region_hide(struct usdt_region *r)
{
	void *blank = mmap(NULL, r->half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	void *data = r->base + r->half;
	int err = 0;

	if (blank == MAP_FAILED)
		return -ENOMEM;
	usdt_image_stubs(blank, r->half);
	if (mprotect(blank, r->half, PROT_READ | PROT_EXEC) ||
	    mmap(data, r->half, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED) {
		err = -errno;
		munmap(blank, r->half);
		return err;
	}
	__builtin___clear_cache((char *)blank, (char *)blank + r->half);
	if (mremap(blank, r->half, r->half, MREMAP_MAYMOVE | MREMAP_FIXED, r->base) == MAP_FAILED) {
		err = -errno; /* no probe fires any more; tracers still see the file */
		munmap(blank, r->half);
		return err;
	}
	close_ours(r);
	return 0;
}
