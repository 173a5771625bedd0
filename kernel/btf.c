/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/btf.c: a reader of the kernel's raw BTF.
 * In:   /sys/kernel/btf/vmlinux, some 5 MB.
 * Out:  types by number and by name, offsets of members, types as C text.
 * Owns: the bytes and an index of where each type begins.
 *
 * One pass builds the index. A type is decoded when it is asked for, so that a
 * script without kernel types pays for the pass alone. Names and ids are
 * checked where they are used, because another file may be mounted over the
 * kernel's.
 */
#include "kernel/inner.h"

#include "base/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct kern_btf {
	unsigned char *bytes;
	size_t size;
	bool mapped; /* by mmap; else malloc-ed */
	const unsigned char *types, *types_end;
	const char *strs;
	uint32_t strs_len;
	uint32_t *at; /* by id: offset in types; at[0] is unused */
	uint32_t n;
};

/* Bytes that follow struct btf_type: `fixed`, and `each` for each of vlen elements. */
static const struct {
	uint8_t fixed, each;
} tail[] = {
	[BTF_KIND_INT] = { 4, 0 },	[BTF_KIND_ARRAY] = { 12, 0 },
	[BTF_KIND_STRUCT] = { 0, 12 },	[BTF_KIND_UNION] = { 0, 12 },
	[BTF_KIND_ENUM] = { 0, 8 },	[BTF_KIND_FUNC_PROTO] = { 0, 8 },
	[BTF_KIND_VAR] = { 4, 0 },	[BTF_KIND_DATASEC] = { 0, 12 },
	[BTF_KIND_DECL_TAG] = { 4, 0 }, [BTF_KIND_ENUM64] = { 0, 12 },
};
enum { HEAD = 12 }; /* struct btf_type */

static size_t tail_size(uint32_t info)
{
	uint32_t kind = BTF_INFO_KIND(info);

	return kind < COUNT(tail) ?
		       tail[kind].fixed + (size_t)tail[kind].each * BTF_INFO_VLEN(info) :
		       0;
}

/* ---- Opening ------------------------------------------------------------------ */

/* Maps the file if the kernel can (6.16 and later), else reads it. */
static int bytes_get(struct kern_btf *k, int fd)
{
	struct stat st;
	size_t done = 0;
	void *p;

	if (fstat(fd, &st))
		return -errno;
	k->size = (size_t)st.st_size;
	if (!k->size)
		return -EINVAL;
	p = mmap(NULL, k->size, PROT_READ, MAP_PRIVATE, fd, 0);
	k->mapped = p != MAP_FAILED;
	k->bytes = k->mapped ? p : malloc(k->size);
	if (!k->bytes)
		return -ENOMEM;
	while (!k->mapped && done < k->size) {
		ssize_t got = read(fd, k->bytes + done, k->size - done);

		if (got <= 0)
			return got ? -errno : -EINVAL;
		done += (size_t)got;
	}
	return 0;
}

static int sections_find(struct kern_btf *k)
{
	struct cursor c = cur_init(k->bytes, k->size);
	uint32_t hdr_len, type_off, type_len, str_off;
	size_t room;

	if (cur_u16(&c) != BTF_MAGIC || cur_u8(&c) != BTF_VERSION)
		return -EINVAL;
	cur_u8(&c);
	hdr_len = cur_u32(&c);
	type_off = cur_u32(&c);
	type_len = cur_u32(&c);
	str_off = cur_u32(&c);
	k->strs_len = cur_u32(&c);
	if (c.bad || hdr_len > k->size)
		return -EINVAL;
	room = k->size - hdr_len;
	if (type_off > room || type_len > room - type_off || str_off > room ||
	    k->strs_len > room - str_off || !k->strs_len)
		return -EINVAL;
	k->types = k->bytes + hdr_len + type_off;
	k->types_end = k->types + type_len;
	k->strs = (const char *)k->bytes + hdr_len + str_off;
	return k->strs[k->strs_len - 1] ? -EINVAL : 0;
}

static int index_build(struct kern_btf *k)
{
	/* No type is shorter than its head. */
	size_t most = (size_t)(k->types_end - k->types) / HEAD + 1;
	const unsigned char *p = k->types;
	uint32_t n = 1, *fit;

	k->at = malloc(most * sizeof(*k->at));
	if (!k->at)
		return -ENOMEM;
	while ((size_t)(k->types_end - p) >= HEAD) {
		uint32_t info;
		size_t len;

		memcpy(&info, p + 4, sizeof(info));
		if (BTF_INFO_KIND(info) > BTF_KIND_ENUM64)
			return -EINVAL; /* a kind of unknown length */
		len = HEAD + tail_size(info);
		if (len > (size_t)(k->types_end - p))
			return -EINVAL;
		k->at[n++] = (uint32_t)(p - k->types);
		p += len;
	}
	k->n = n;
	fit = realloc(k->at, n * sizeof(*k->at));
	k->at = fit ? fit : k->at;
	return 0;
}

static int index_all(struct kern_btf *k)
{
	int err = sections_find(k);

	return err ? err : index_build(k);
}

void kern_btf_free(struct kern_btf *k)
{
	if (!k)
		return;
	if (k->mapped)
		munmap(k->bytes, k->size);
	else
		free(k->bytes);
	free(k->at);
	free(k);
}

/* Returns the reader. After an error: frees the reader, sets errno and returns NULL. */
static struct kern_btf *made(struct kern_btf *k, int err)
{
	if (!err)
		return k;
	kern_btf_free(k);
	errno = -err;
	return NULL;
}

struct kern_btf *kern_btf_of(const void *bytes, size_t size)
{
	struct kern_btf *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->bytes = malloc(size + 1);
	k->size = size;
	if (!k->bytes)
		return made(k, -ENOMEM);
	memcpy(k->bytes, bytes, size);
	return made(k, index_all(k));
}

static struct kern_btf *file_read(const char *path)
{
	struct kern_btf *k = calloc(1, sizeof(*k));
	int err, fd;

	if (!k)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : bytes_get(k, fd);
	if (fd >= 0)
		close(fd);
	return made(k, err ? err : index_all(k));
}

/* A failure is not kept, because descriptors or memory may be free at the next call. */
const struct kern_btf *kern_btf_read(void)
{
	static struct kern_btf *vmlinux;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct kern_btf *k = __atomic_load_n(&vmlinux, __ATOMIC_ACQUIRE);

	if (k)
		return k;
	pthread_mutex_lock(&lock);
	k = vmlinux ? vmlinux : file_read("/sys/kernel/btf/vmlinux");
	__atomic_store_n(&vmlinux, k, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
	return k;
}

/* ---- Types ---------------------------------------------------------------------- */

uint32_t kern_btf_count(const struct kern_btf *k)
{
	return k->n;
}

const char *kern_btf_str(const struct kern_btf *k, uint32_t off)
{
	return off < k->strs_len ? k->strs + off : "";
}

bool kern_btf_type(const struct kern_btf *k, uint32_t id, struct kern_type *out)
{
	uint32_t word[3];

	memset(out, 0, sizeof(*out));
	out->name = "";
	if (!id || id >= k->n)
		return false;
	memcpy(word, k->types + k->at[id], sizeof(word));
	out->name = kern_btf_str(k, word[0]);
	out->kind = BTF_INFO_KIND(word[1]);
	out->vlen = BTF_INFO_VLEN(word[1]);
	out->flag = BTF_INFO_KFLAG(word[1]);
	out->ref = word[2];
	out->more = k->types + k->at[id] + HEAD;
	return true;
}

uint32_t kern_btf_find(const struct kern_btf *k, uint32_t kind, const char *name)
{
	for (uint32_t id = 1; id < k->n; id++) {
		uint32_t word[2];

		memcpy(word, k->types + k->at[id], sizeof(word));
		if (BTF_INFO_KIND(word[1]) == kind && !strcmp(kern_btf_str(k, word[0]), name))
			return id;
	}
	return 0;
}

static bool is_alias(uint32_t kind)
{
	return kind == BTF_KIND_TYPEDEF || kind == BTF_KIND_CONST || kind == BTF_KIND_VOLATILE ||
	       kind == BTF_KIND_RESTRICT || kind == BTF_KIND_TYPE_TAG;
}

uint32_t kern_btf_resolve(const struct kern_btf *k, uint32_t id)
{
	struct kern_type t;

	for (int depth = 0; depth < 64 && kern_btf_type(k, id, &t) && is_alias(t.kind); depth++)
		id = t.ref;
	return id;
}

uint32_t kern_btf_param(const struct kern_btf *k, const struct kern_type *proto, uint32_t i,
			const char **name)
{
	uint32_t word[2] = { 0, 0 };

	if (i < proto->vlen)
		memcpy(word, proto->more + 8 * (size_t)i, sizeof(word));
	if (name)
		*name = kern_btf_str(k, word[0]);
	return word[1];
}

/* ---- Members ---------------------------------------------------------------------- */

enum { MAX_NEST = 32 }; /* anonymous members inside anonymous members */

/* Finds a member of the struct, or of its anonymous members, and adds its offset to *bits. */
static bool member_find(const struct kern_btf *k, uint32_t id, const char *name, size_t len,
			uint64_t *bits, uint32_t *type, int depth)
{
	struct kern_type t;
	uint32_t word[3];

	if (depth > MAX_NEST || !kern_btf_type(k, kern_btf_resolve(k, id), &t) ||
	    (t.kind != BTF_KIND_STRUCT && t.kind != BTF_KIND_UNION))
		return false;
	for (uint32_t i = 0; i < t.vlen; i++) {
		const char *m;
		uint64_t off;

		memcpy(word, t.more + 12 * (size_t)i, sizeof(word));
		m = kern_btf_str(k, word[0]);
		off = t.flag ? BTF_MEMBER_BIT_OFFSET(word[2]) : word[2];
		if (!strncmp(m, name, len) && !m[len]) {
			*bits += off;
			*type = word[1];
			return true;
		}
		if (!*m && member_find(k, word[1], name, len, bits, type, depth + 1)) {
			*bits += off;
			return true;
		}
	}
	return false;
}

bool kern_btf_offset(const struct kern_btf *k, uint32_t struct_id, const char *path,
		     uint64_t *offset)
{
	uint64_t bits = 0;

	while (*path) {
		size_t len = strcspn(path, ".");

		if (!member_find(k, struct_id, path, len, &bits, &struct_id, 0))
			return false;
		path += len + (path[len] == '.');
	}
	*offset = bits / 8;
	return true;
}

/* ---- As text ------------------------------------------------------------------------ */

static const char *text_of(const struct kern_btf *k, struct arena *a, uint32_t id, int depth)
{
	struct kern_type t;
	uint32_t array[3];
	const char *s;

	if (!id || depth > MAX_NEST || !kern_btf_type(k, id, &t))
		return "void";
	switch (t.kind) {
	case BTF_KIND_PTR:
		s = text_of(k, a, t.ref, depth + 1);
		return s ? arena_printf(a, "%s%s*", s, *s && s[strlen(s) - 1] == '*' ? "" : " ") :
			   NULL;
	case BTF_KIND_ARRAY:
		memcpy(array, t.more, sizeof(array));
		s = text_of(k, a, array[0], depth + 1);
		return s ? arena_printf(a, "%s [%u]", s, array[2]) : NULL;
	case BTF_KIND_STRUCT:
	case BTF_KIND_FWD:
		if (t.kind == BTF_KIND_FWD && t.flag)
			return arena_printf(a, "union %s", t.name);
		return arena_printf(a, "struct %s", *t.name ? t.name : "{...}");
	case BTF_KIND_UNION: return arena_printf(a, "union %s", *t.name ? t.name : "{...}");
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: return *t.name ? arena_printf(a, "enum %s", t.name) : "int";
	case BTF_KIND_CONST:
		s = text_of(k, a, t.ref, depth + 1);
		return s ? arena_printf(a, *s && s[strlen(s) - 1] == '*' ? "%s const" : "const %s",
					s) :
			   NULL;
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG: return text_of(k, a, t.ref, depth + 1);
	case BTF_KIND_FUNC_PROTO: return "void"; /* a pointer to a function is shown as void * */
	default: return t.name;
	}
}

const char *kern_btf_text(const struct kern_btf *k, struct arena *a, uint32_t id)
{
	return text_of(k, a, id, 0);
}
