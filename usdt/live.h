/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/live.h: the interface between the files of libusdt (probes made at run
 * time). They use libc only, nothing of base/: interpreters load this library.
 *
 *	proto.c    "int id, char *url" -> sizes, signs, types, names
 *	image.c    probes -> the bytes of an ELF shared object
 *	region.c   an address range that holds probes; the object in it
 *	provider.c the public face
 *
 * A region is two halves of equal size, code and data:
 *
 *	base                    base + half
 *	| ELF headers | stubs   | (unused)  | slots |
 *	              ^ HEAD                ^ HEAD
 *
 * Stub i and slot i are `half` apart, 16 bytes each. The slot is the public
 * struct usdt_point and keeps its address as long as the point lives. While the
 * provider is visible both halves are private mappings of one sealed memfd,
 * which is an ordinary ELF file with notes. While it is hidden the data half is
 * anonymous memory, all zero.
 */
#ifndef USDT_LIVE_H
#define USDT_LIVE_H

#include "usdt/usdt.h"

enum {
	USDT_LIVE_HEAD = 256,	 /* ELF headers before the first stub */
	USDT_LIVE_STEP = 16,	 /* bytes of a stub, and of a slot */
	USDT_LIVE_SITE = 4,	 /* offset of the nop in its stub: a landing pad is before it */
	USDT_LIVE_NAME = 127,	 /* a probe's or function's name; the guide has the limits */
	USDT_LIVE_PROVIDER = 53, /* 63 with a process id */
	USDT_LIVE_FEW = 6,	 /* up to so many arguments are in registers, on any machine */
};

struct usdt_param {
	const char *type, *name; /* normalised; name "" if it has none */
	uint8_t size;
	bool is_signed, is_float;
};

struct usdt_proto {
	struct usdt_param param[USDT_POINT_ARGS];
	size_t n;
	char *text; /* holds the strings; free() */
};

/* A probe as it was added. */
struct usdt_made {
	char *function, *name; /* as notes have them: a__b */
	struct usdt_proto proto;
};

void usdt_made_free(struct usdt_made *made); /* region.c; NULL accepted */

/* proto.c: 0, -EINVAL, -E2BIG (more than USDT_POINT_ARGS), -ENOMEM. NULL text: no arguments. */
int usdt_proto_parse(const char *text, struct usdt_proto *proto);
void usdt_proto_free(struct usdt_proto *proto);
bool usdt_proto_same(const struct usdt_proto *a, const struct usdt_proto *b);

/* image.c: made[i] is slot i's probe, NULL if it was removed. The bytes are yours (free). NULL with
 * errno set: ENOMEM, or ENOTSUP on a machine that image.c does not know. */
uint8_t *usdt_image_make(const char *provider, struct usdt_made *const *made, size_t n, size_t half,
			 size_t *len);
void usdt_image_stubs(uint8_t *code, size_t half); /* fills a code half with stubs */

/* region.c */
struct usdt_region {
	struct usdt_region *next;
	struct usdt_made **made; /* by slot */
	size_t n, cap, live;	 /* slots taken; slots in all; probes not removed */
	char *base;
	size_t half;
	bool fresh;	   /* made visible by the enable under way */
	int fd;		   /* the object's, while visible; else -1 */
	uint64_t dev, ino; /* the object: fd may be reused by the program */
};
struct usdt_region *usdt_region_new(size_t half); /* NULL with errno set */
void usdt_region_free(struct usdt_region *r);	  /* frees its points too; NULL accepted */
struct usdt_point *usdt_region_slot(const struct usdt_region *r, size_t i);
bool usdt_region_holds(const struct usdt_region *r, const struct usdt_point *p, size_t *i);
bool usdt_region_visible(const struct usdt_region *r);
int usdt_region_show(struct usdt_region *r, const char *provider);
int usdt_region_hide(struct usdt_region *r);

#endif
