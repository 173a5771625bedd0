/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/rt.h: the run-time library of compiled programs.
 *
 * Each routine is a global BPF function, verified by itself: its arguments are numbers, the scratch
 * slot (struct rt_scratch *), the firing (struct rt_fire *) and the program's context (any other
 * pointer). The slot's size is known when a program is loaded (NUMBER(slot_size)). Each routine
 * tests every offset against it: an offset or a length that does not fit gives RT_EROOM, and never
 * a refused program. All offsets are in bytes from the slot's start, multiples of 8.
 *
 * embed.py reads this file too: every function of rt.c that is not static is listed here. A caller
 * puts the arguments in r1..r5 and finds the result, an unknown number to the verifier, in r0.
 *
 * What the caller grants:
 *   slot    ends in RT_SLOT_PAD bytes that belong to no room (slot size = rooms + pad), because the
 *           verifier adds the largest offset to the largest length of a copy.
 *   string  RT_STR_ROOM(strsize) bytes (struct rt_str). A destination is no source, unless the
 *           routine allows it.
 *
 * Errors are negative: -EFAULT (-14) for an address that cannot be read, RT_EROOM (-7, E2BIG).
 */
#ifndef EBPF_RT_H
#define EBPF_RT_H

#include "ebpf/abi.h"

enum { RT_EROOM = -7, RT_EFAULT = -14, RT_SLOT_PAD = 256 };

struct rt_scratch;

#ifdef __bpf__

/* A scratch slot of this CPU (struct rt_cpu.scratch): 0..RT_SLOTS-1, or -1 if all are taken.
 * Given back by an atomic AND of ~(1 << slot) to the same word. */
int64_t rt_scratch_claim(uint64_t cpu);

/* ---- Strings ---------------------------------------------------------------------------- */

/* Copies the user string at addr to the string dst, at most max bytes before its NUL (and <
 * strsize). The length, or -EFAULT: dst is then the empty string. _sleep (sleepable programs only)
 * faults absent pages in; rt_copyinstr fails on them. */
int64_t rt_copyinstr(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max);
int64_t rt_copyinstr_sleep(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max);
/* A part of rt_copyinstr_sleep: copies the next bytes of a string, to the next multiple of 256 or
 * at most `left`. Their number; bit 32: the string ends with them. */
int64_t rt_user_piece(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t left);
/* rt_copyinstr from kernel memory. */
int64_t rt_kstr(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max);
/* rt_copyinstr from the slot itself, at any offset; all of its max bytes must be in the slot. */
int64_t rt_slot_str(struct rt_scratch *s, uint64_t dst, uint64_t src, uint64_t max);
/* Writes zeros behind the string, to strsize rounded up to 8: a map's value takes all these bytes.
 * 0 or RT_EROOM. */
int64_t rt_str_pad(struct rt_scratch *s, uint64_t str);
/* Ends a string whose bytes a helper put at dst + 8: sets the length (cut to strsize - 1), NUL and
 * zeros. Returns the length. For map values that hold strings: bpf_probe_read_kernel_str to dst + 8
 * with size strsize returns n; len is n - 1. */
int64_t rt_str_end(struct rt_scratch *s, uint64_t dst, uint64_t len);
/* Like C's: < 0, 0, > 0 by the first differing byte (unsigned). RT_EROOM cannot be told from
 * "less": offsets are the compiler's own. */
int64_t rt_strcmp(struct rt_scratch *s, uint64_t a, uint64_t b);
/* a followed by b, cut to strsize - 1. Returns the length. */
int64_t rt_strjoin(struct rt_scratch *s, uint64_t dst, uint64_t a, uint64_t b);
/* The string dst, followed by n in decimal, cut to strsize - 1. n has 8 digits at most: a process's
 * id. Returns the length. */
int64_t rt_str_number(struct rt_scratch *s, uint64_t dst, uint64_t n);
/* DTrace's substr: pos < 0 counts from the end; len < 0 leaves -len bytes off the end; no len:
 * INT64_MAX. Returns the length. */
int64_t rt_substr(struct rt_scratch *s, uint64_t dst, uint64_t src, int64_t pos, int64_t len);
/* dst may be src. Returns the length. */
int64_t rt_strcpy(struct rt_scratch *s, uint64_t dst, uint64_t src);
/* String globals: strsize bytes, rounded up to 8, at goff in the map `globals`: bytes and NUL, no
 * length, so that a reader that meets a writer still gets a string. Returns the length. */
int64_t rt_gstr_load(struct rt_scratch *s, uint64_t dst, uint64_t goff);
int64_t rt_gstr_store(struct rt_scratch *s, uint64_t src, uint64_t goff);

/* ---- Bytes ------------------------------------------------------------------------------- */

/* Copies len bytes (any number) at addr to dst (any offset). 0, -EFAULT (dst is lost), RT_EROOM. */
int64_t rt_copyin(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len);
int64_t rt_copyin_sleep(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len);
int64_t rt_kread(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len);
/* Copies inside the slot, without overlap; any offsets, any length. 0 or RT_EROOM. */
int64_t rt_copy(struct rt_scratch *s, uint64_t dst, uint64_t src, uint64_t len);

/* Copies len bytes at addr to the next piece of the struct rt_heap at `heap`, which has `room`
 * bytes. The piece's offset in these bytes, -EFAULT, or RT_EROOM. */
int64_t rt_heap_copyin(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
		       uint64_t len);
int64_t rt_heap_copyin_sleep(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
			     uint64_t len);

/* ---- Arguments --------------------------------------------------------------------------- */

struct rt_regs; /* the context of a probe in user land */
/* Reads the argument at a struct rt_place, which is given in two words: `where` is the first. 0:
 * the value is in fire->err[4], which is free until a fault. Else enum rt_fault, and err[4] holds
 * the fault's value. Sleepable programs only: absent pages are faulted in. */
int64_t rt_arg(struct rt_regs *ctx, struct rt_fire *fire, uint64_t where, int64_t disp);

/* ---- Stacks -------------------------------------------------------------------------------- */

/* Writes return addresses, found along frame pointers from fp on, to the `room` bytes at off. A
 * program's words have `word` bytes. Returns the number of bytes; the walk ends where user memory
 * cannot be read. */
int64_t rt_frames(struct rt_scratch *s, uint64_t off, uint64_t room, uint64_t fp, uint64_t word);

/* ---- Records ------------------------------------------------------------------------------ */

/* Appends a variable-length field to the record at rec: the bytes go to rec + tail, padded with
 * zeros to 8; struct rt_var goes to rec + field (an offset in the record). Returns the new tail,
 * or RT_EROOM. rt_rec_str: the string src, its NUL included. rt_rec_bytes: len bytes at src. */
int64_t rt_rec_str(struct rt_scratch *s, uint64_t rec, uint64_t field, uint64_t src, uint64_t tail);
/* field: low 32 bits the field's offset, high 32 bits the tail (there are five arguments only). */
int64_t rt_rec_bytes(struct rt_scratch *s, uint64_t rec, uint64_t field, uint64_t src,
		     uint64_t len);

/* ---- Keys --------------------------------------------------------------------------------- */

/* Copies the string src to off, with NUL and zeros to 8. The offset after it, or RT_EROOM. */
int64_t rt_key_str(struct rt_scratch *s, uint64_t off, uint64_t src);
/* Fills the key at off, of len bytes (a multiple of 8), with zeros up to its class. Returns the
 * class in bytes (a power of two, RT_KEY_CLASS_MIN..MAX), or RT_EROOM if the key is longer. */
int64_t rt_key_fill(struct rt_scratch *s, uint64_t off, uint64_t len);

/* ---- Buckets ------------------------------------------------------------------------------ */

/* The bucket of v, 0..RT_QUANTIZE_BUCKETS-1; the bucket's word is 1 + that. */
int64_t rt_quantize_bucket(int64_t v);
/* The bucket of v. 0: below base; 1..levels; levels + 1: limit or above; levels = (limit - base) /
 * step. The bucket's word is 1 + that. */
int64_t rt_lquantize_bucket(int64_t v, int64_t base, int64_t limit, int64_t step);

#endif
#endif
