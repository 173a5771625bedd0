/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/debug.c: finds the separate debug file of a stripped file, which has its
 * .symtab.
 * In:   the file's build id, else its section .gnu_debuglink.
 * Out:  a descriptor.
 * Owns: nothing.
 *
 * The name of the debug file is the build id, under /usr/lib/debug/.build-id.
 * Else .gnu_debuglink has a name and a checksum: the debug file is beside the
 * file, in .debug beside it, or in the file's folder below /usr/lib/debug, and
 * counts if its bytes have that checksum. These are gdb's places, in gdb's
 * order.
 */
#include "usdt/inner.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_ROOT "/usr/lib/debug"
#define MAX_BYTES (UINT64_C(1) << 30) /* of a debug file whose checksum is taken */

static int file_open(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */

	if (fd >= 0 && !fstat(fd, st) && S_ISREG(st->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- By build id ---------------------------------------------------------------------- */

static int open_by_build_id(const struct usdt_file *f)
{
	enum { LONGEST = 64 };
	char path[sizeof(DEBUG_ROOT "/.build-id/") + 2 * LONGEST + sizeof("/.debug")];
	struct stat st;
	int n;

	if (f->build_id_len < 2 || f->build_id_len > LONGEST)
		return -1;
	n = snprintf(path, sizeof(path), DEBUG_ROOT "/.build-id/%02x/", f->build_id[0]);
	for (size_t i = 1; i < f->build_id_len; i++)
		n += snprintf(path + n, sizeof(path) - (size_t)n, "%02x", f->build_id[i]);
	snprintf(path + n, sizeof(path) - (size_t)n, ".debug");
	return file_open(path, &st);
}

/* ---- By debug link -------------------------------------------------------------------- */

enum { LANES = 8 };

/* table[k] has the CRC-32 of each byte with k zero bytes behind it. */
static void crc_table(uint32_t table[LANES][256])
{
	static const uint32_t polynomial = 0xedb88320;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ polynomial : c >> 1;
		table[0][i] = c;
	}
	for (int k = 1; k < LANES; k++)
		for (uint32_t i = 0; i < 256; i++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
}

/* Takes eight bytes at a time, because debug files are large. */
static uint32_t crc_add(uint32_t table[LANES][256], uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n >= LANES; p += LANES, n -= LANES) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
				      (uint32_t)p[3] << 24);

		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^
		      table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^ table[3][p[4]] ^
		      table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; n; p++, n--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

/* No more than `size` bytes are read, because the file's owner may let the file grow meanwhile. */
static bool has_checksum(int fd, uint64_t size, uint32_t want)
{
	uint32_t table[LANES][256], crc = 0xffffffff;
	uint8_t buf[1 << 16];
	uint64_t at = 0;
	ssize_t n;

	crc_table(table);
	while (at < size && (n = pread(fd, buf, sizeof(buf), (off_t)at)) > 0) {
		crc = crc_add(table, crc, buf, (size_t)n);
		at += (uint64_t)n;
	}
	return at == size && ~crc == want;
}

struct link {
	const char *name;
	uint32_t checksum;
};

/* The section holds the debug file's name with a NUL, padded to four bytes, then the checksum. */
static bool link_read(const struct usdt_file *f, struct link *link)
{
	const struct usdt_section *s = usdt_elf_section(f, ".gnu_debuglink");
	const void *bytes = s && s->size <= PATH_MAX ? usdt_elf_bytes(f, s->offset, s->size) : NULL;
	struct cursor c;

	if (!bytes)
		return false;
	c = usdt_elf_cursor(f, bytes, (size_t)s->size);
	link->name = cur_str(&c);
	cur_align(&c, bytes, 4);
	link->checksum = cur_u32(&c);
	return !c.bad && *link->name && !strchr(link->name, '/');
}

static int try_link(const char *path, uint32_t checksum)
{
	struct stat st;
	int fd = file_open(path, &st);

	if (fd < 0)
		return -1;
	if ((uint64_t)st.st_size <= MAX_BYTES && has_checksum(fd, (uint64_t)st.st_size, checksum))
		return fd;
	close(fd);
	return -1;
}

static int open_by_link(const struct usdt_file *f)
{
	static const struct {
		const char *root, *below;
	} places[] = { { "", "" }, { "", "/.debug" }, { DEBUG_ROOT, "" } };
	char self[32], own[PATH_MAX], path[3 * PATH_MAX];
	struct link link;
	const char *slash;
	ssize_t n;
	int fd = -1;

	if (!link_read(f, &link))
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	n = readlink(self, own, sizeof(own) - 1);
	own[n > 0 ? n : 0] = '\0';
	slash = strrchr(own, '/');
	for (size_t i = 0; slash && fd < 0 && i < COUNT(places); i++) {
		int len = snprintf(path, sizeof(path), "%s%.*s%s/%s", places[i].root,
				   (int)(slash - own), own, places[i].below, link.name);

		if (len > 0 && len < PATH_MAX)
			fd = try_link(path, link.checksum);
	}
	return fd;
}

int usdt_debug_open(const struct usdt_file *f)
{
	int fd = open_by_build_id(f);

	return fd >= 0 ? fd : open_by_link(f);
}
