/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/inner.h: the interface between the files of libusdt-read.
 *
 *	elf.c     headers, segments, sections: from a descriptor by pread, never
 *	          by mmap, because a file that shrinks under us must be an error
 *	          and not a SIGBUS
 *	debug.c   the separate debug file of a file
 *	symbols.c functions and variables
 *	types.c   the type note
 *	arg.c     one argument's text -> place
 *	note.c    notes -> probes and sites
 *	file.c    the public face of files
 *	maps.c    lines of /proc/PID/maps
 *	proc.c    the files of a process
 *	system.c  the files of all processes
 *	loader.c  where a process that starts can be stopped
 *
 * Each file calls only those above it.
 */
#ifndef USDT_INNER_H
#define USDT_INNER_H

#include "usdt/usdt.h"

#include "arch/operand.h"
#include "base/arena.h"
#include "base/cursor.h"
#include "base/hash.h"

#include <elf.h>

/* Limits on the bytes read for one file. Real files stay far below: postgres has 10 KB of notes. */
#define USDT_MAX_SEGMENTS 1170		 /* the kernel takes no more (64 KiB of headers) */
#define USDT_MAX_NOTE_BYTES (16u << 20)	 /* of one file, in all */
#define USDT_MAX_SYMBOL_BYTES (1u << 30) /* one symbol or string table */
#define USDT_BAD_SYMBOLS "its symbols cannot be read"

struct usdt_segment { /* PT_LOAD */
	uint64_t offset, address, filesz, memsz;
	bool exec, write;
};

struct usdt_section {
	const char *name;
	uint32_t type, link, info;
	uint64_t flags, address, offset, size, entsize;
};

struct usdt_symbol {
	uint64_t address, size;
	const char *name;
	uint8_t type;	 /* STT_* */
	uint8_t rank;	 /* of the names of an address the lowest is shown */
	bool ambiguous;	 /* another address has this name too (statics of several files) */
	bool twin;	 /* another address has this name in this source file, too */
	uint32_t source; /* a local symbol's source file, by its place in the table; 0: unknown */
	uint32_t order;	 /* a function's place among the functions of the table */
};

struct usdt_site {
	const struct usdt_probe *probe;
	uint64_t address, offset, sem_address, sem_offset;
	const char *args_text;
	struct usdt_arg *args;
	size_t nargs;
};

struct usdt_probe {
	struct usdt_file *file;
	const char *provider, *name, *note_name;
	struct usdt_site **sites;
	size_t nsites, cap;
	const struct usdt_types *types;
};

struct usdt_types {
	const char *provider, *probe;
	size_t nargs, nxargs;
	const char **args, **arg_names, **xargs, **xarg_names;
	uint8_t *map;
	uint8_t attr[5][3];
};

struct usdt_file {
	struct arena *arena;
	const char *name;
	int fd; /* ours */
	uint64_t size;
	bool is64, swap;
	uint16_t machine, type;
	struct usdt_segment *segments;
	size_t nsegments;
	struct usdt_segment *note_segments; /* PT_NOTE, in the file or beyond its end */
	size_t nnote_segments;
	struct usdt_section *sections;
	size_t nsections;	       /* 0: no section headers, or unreadable */
	struct usdt_symbol *functions; /* by address */
	size_t nfunctions;
	struct usdt_symbol *variables; /* and other names of places; in no order */
	size_t nvariables;
	struct hash *symbols_by_name; /* NULL: not asked for yet */
	struct hash *statics;	      /* ambiguous local symbols by source and name; or NULL */
	bool symbols_read;
	const uint8_t *build_id;
	size_t build_id_len;
	struct usdt_probe **probes;
	size_t nprobes, probes_cap;
	size_t nbad;
	const char *damage;	    /* the first damage that may lose probes; NULL: none */
	const char *symbols_damage; /* damage that may lose functions */
	bool is_symbols_only;	    /* its descriptor is closed when its symbols have been read */
};

/* elf.c */
int usdt_elf_read(struct usdt_file *f); /* headers; f->fd and f->arena are set */
void usdt_elf_damaged(struct usdt_file *f, const char *what);
bool usdt_elf_holds(const struct usdt_file *f, uint64_t offset, uint64_t size);
/* Copies size bytes at offset into the arena. NULL with errno: EBADMSG (too short), ENOMEM. */
const void *usdt_elf_bytes(const struct usdt_file *f, uint64_t offset, uint64_t size);
char *usdt_elf_copy(const struct usdt_file *f, struct arena *a, uint64_t offset, uint64_t size);
const struct usdt_section *usdt_elf_section(const struct usdt_file *f, const char *name);
struct cursor usdt_elf_cursor(const struct usdt_file *f, const void *bytes, size_t len);
uint64_t usdt_elf_word(const struct usdt_file *f, struct cursor *c); /* 4 or 8 bytes */
/* The strings of a table of symbols; NULL: the table is damaged. */
const struct usdt_section *usdt_elf_symbol_names(const struct usdt_file *f,
						 const struct usdt_section *table);
struct usdt_note {
	const char *owner, *desc;
	size_t owner_len, len; /* owner_len: with its NUL */
	uint32_t type;
	uint64_t offset; /* of desc in the file */
};
/* Notes in the file's bytes from `offset` on. */
struct usdt_notes {
	struct cursor c; /* bad: the last note was cut */
	const char *start;
	uint64_t offset;
};
bool usdt_elf_note(struct usdt_notes *notes, struct usdt_note *n); /* false: no further one */

/* debug.c: opens the separate debug file with f's symbols; -1: no such file. The descriptor is
 * yours. */
int usdt_debug_open(const struct usdt_file *f);

/* symbols.c */
void usdt_symbols_free(struct usdt_file *f);
const struct usdt_symbol *usdt_symbols_function(struct usdt_file *f, uint64_t address);
/* The address of the symbol that code at `site` (0: unknown) means by the name. 0; -ENOENT: no such
 * symbol; -EEXIST: several symbols have the name, and the site does not tell which is meant. */
int usdt_symbols_address(struct usdt_file *f, const char *name, size_t len, uint64_t site,
			 uint64_t *address);

/* note.c */
int usdt_notes_read(struct usdt_file *f);

/* types.c: reads the descriptor of one type note; NULL: malformed, or no memory. */
struct usdt_types *usdt_types_parse(struct arena *a, const void *desc, size_t len);

/* arg.c */
struct usdt_arg_context {
	struct arena *arena;
	uint16_t machine;
	/* Looks up a symbol, as usdt_symbols_address does. NULL: the file has no symbols. */
	int (*symbol)(void *ctx, const char *name, size_t len, uint64_t *address);
	/* What the operand note says of argument i; NULL: no note. The pointer may be NULL too. */
	const struct arch_known *(*operand)(void *ctx, size_t i);
	void *ctx;
};
/* Splits and parses a note's whole argument string. -ENOMEM or 0. */
int usdt_args_parse(const struct usdt_arg_context *cx, const char *text, struct usdt_arg **args,
		    size_t *nargs);

#endif
