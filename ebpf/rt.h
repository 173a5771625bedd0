/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/rt.h: the run-time library of compiled programs.
 *
 * Each routine is a global BPF function, verified by itself: its arguments are numbers, the scratch
 * slot (struct rt_scratch *), the firing (struct rt_fire *) and the program's context (any other
 * pointer). The slot's size is known when a program is loaded (NUMBER(slot_size)), so every offset
 * is tested here against it; an offset or a length that does not fit gives RT_EROOM, and never a
 * refused program. All offsets are in bytes from the slot's start, multiples of 8.
 *
 * embed.py reads this file too: every function of rt.c that is not static is listed here. A caller
 * puts the arguments in r1..r5 and finds the result, an unknown number to the verifier, in r0.
 *
 * What the caller grants:
 *   slot    ends in RT_SLOT_PAD bytes that are in nobody's room (slot size = rooms + pad): the
 *           verifier adds the largest offset to the largest length of a copy.
 *   string  RT_STR_ROOM(strsize) bytes (struct rt_str). A destination is no source, unless said.
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

/* User string at addr to the string dst, at most max bytes before its NUL (and < strsize).
 * The length, or -EFAULT: dst is then the empty string. _sleep (sleepable programs only) faults
 * absent pages in; the other one fails on them. */
int64_t rt_copyinstr(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max);
int64_t rt_copyinstr_sleep(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max);
/* A part of rt_copyinstr_sleep: the next bytes of a string, to the next multiple of 256 or at most
 * `left`. Their number; bit 32: the string ends with them. */
int64_t rt_user_piece(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t left);
/* The same from kernel memory. */
int64_t rt_kstr(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max);
/* The same from the slot itself, at any offset: nothing behind max bytes is kept. */
int64_t rt_slot_str(struct rt_scratch *s, uint64_t dst, uint64_t src, uint64_t max);
/* Zeros behind the string at `at`, to strsize rounded up to 8: it is copied as a whole, to a map's
 * value. 0 or RT_EROOM. */
int64_t rt_str_pad(struct rt_scratch *s, uint64_t str);
/* dst's bytes were put there by a helper (dst + 8): sets the length (cut to strsize - 1), NUL and
 * zeros. Returns the length. For map values that hold strings: bpf_probe_read_kernel_str to
 * dst + 8 with size strsize returns n; len is n - 1. */
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
/* String globals: strsize bytes, rounded up to 8, at goff in the map `globals`: bytes and NUL,
 * without a length, so that a reader that meets a writer still gets a string. Returns the length. */
int64_t rt_gstr_load(struct rt_scratch *s, uint64_t dst, uint64_t goff);
int64_t rt_gstr_store(struct rt_scratch *s, uint64_t src, uint64_t goff);

/* ---- Bytes ------------------------------------------------------------------------------- */

/* len bytes (any number) to dst, any offset. 0, -EFAULT (dst: unspecified) or RT_EROOM. */
int64_t rt_copyin(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len);
int64_t rt_copyin_sleep(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len);
int64_t rt_kread(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len);
/* Inside the slot, without overlap; any offsets, any length. 0 or RT_EROOM. */
int64_t rt_copy(struct rt_scratch *s, uint64_t dst, uint64_t src, uint64_t len);

/* len bytes at addr become the next piece of the struct rt_heap at `heap`, whose bytes are `room`.
 * Where it begins in them, -EFAULT, or RT_EROOM. */
int64_t rt_heap_copyin(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
		       uint64_t len);
int64_t rt_heap_copyin_sleep(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
			     uint64_t len);

/* ---- Arguments --------------------------------------------------------------------------- */

struct rt_regs; /* the context of a probe in user land */
/* An argument by its place, a struct rt_place in two words: where is the first of them. 0: the value
 * is in fire->err[4], which nobody reads before a fault. Else enum rt_fault, and there the fault's
 * value. Sleepable programs only: absent pages are faulted in. */
int64_t rt_arg(struct rt_regs *ctx, struct rt_fire *fire, uint64_t where, int64_t disp);

/* ---- Stacks -------------------------------------------------------------------------------- */

/* Return addresses along frame pointers, from fp on, to the `room` bytes at off; a program's words
 * have `word` bytes. How many bytes there are then; the walk ends where user memory is not there. */
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

/* The string src goes to off, with NUL and zeros to 8. Returns the offset after it, or RT_EROOM. */
int64_t rt_key_str(struct rt_scratch *s, uint64_t off, uint64_t src);
/* The key at off has len bytes (a multiple of 8): zeros up to its class. Returns the class in bytes
 * (a power of two, RT_KEY_CLASS_MIN..MAX), or RT_EROOM if it is longer. */
int64_t rt_key_fill(struct rt_scratch *s, uint64_t off, uint64_t len);

/* ---- Buckets ------------------------------------------------------------------------------ */

/* 0..RT_QUANTIZE_BUCKETS-1; its word is 1 + that. */
int64_t rt_quantize_bucket(int64_t v);
/* 0: below base; 1..levels; levels + 1: limit or above; levels = (limit - base) / step; its word
 * is 1 + that. */
int64_t rt_lquantize_bucket(int64_t v, int64_t base, int64_t limit, int64_t step);

#endif
#endif
