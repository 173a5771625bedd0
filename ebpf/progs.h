/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/progs.h: the library's whole programs, and what they leave for their callers.
 *
 * embed.py reads the prototypes here, as it does those of rt.h. Each comment says the kind of the
 * program, and the names that the caller of ebpf_load must know besides FIELDs, which may be any
 * member of the kernel's structures.
 */
#ifndef EBPF_PROGS_H
#define EBPF_PROGS_H

#include "ebpf/abi.h"

/* ---- What this kernel can (kernel/features.c) ------------------------------------------------ */

#ifdef __bpf__
/* Any kind: does nothing. */
int64_t rt_prog_nothing(void *ctx);
/* Asks for its attachment's cookie. */
int64_t rt_prog_cookie(void *ctx);
#endif

/* ---- A thread stopped at a uprobe (world/stops.c) -------------------------------------------- */

#ifdef __bpf__
/* Sends the thread NUMBER(signal) or, if the thread blocks that, NUMBER(other_signal). */
int64_t rt_prog_stop(void *ctx);
/* Sends NUMBER(signal): for kernels in lockdown, which have no helper that reads their memory. */
int64_t rt_prog_stop_plain(void *ctx);
#endif

/* ---- Mappings of files (world/vma.c) --------------------------------------------------------- */

struct rt_vma_row {
	uint64_t inode, ino; /* of the file's inode: address, number */
	uint64_t start, end, off;
	uint32_t pid, dev, generation;
	uint32_t tid; /* a thread with these mappings: the process's first may have ended */
};
RT_ASSERT(sizeof(struct rt_vma_row) == 56);

struct iter_task_vma; /* the kernel's struct bpf_iter__task_vma */
#ifdef __bpf__
/* iter/task_vma: writes a row for each mapping of a file; if NUMBER(executable_only), of those that
 * are executable. */
int64_t rt_prog_task_vma(struct iter_task_vma *ctx);
#endif

/* ---- Time on CPU (consumer/run/vtime.c) ------------------------------------------------------ */

#ifdef __bpf__
/* A raw tracepoint's program at sched_switch, which keeps rt_cpu.switched and rt_self.cpu_time.
 * VALUE(cpus), MAP(self), NUMBER(cpu_mask). */
int64_t rt_prog_vtime(void *ctx);
#endif

/* ---- Draining a hash of an aggregation (consumer/aggs/drain.c) ------------------------------- */

/*
 * The program exchanges the words of each key with hits for zeros, and writes to the ring buffer,
 * one after the other, in records of any length:
 *   up to RT_DRAIN_DENSE words:  uint32_t key_size, words; the words; the key
 *   more:                        uint32_t key_size, RT_DRAIN_SPARSE; pairs of uint64_t (index,
 *                                word) of those that are not zero; RT_DRAIN_END, 0; the key
 * A key that does not fit is left as it is, and so are all keys behind it: `more` is RT_DRAIN_AGAIN
 * then. Once the ring buffer is empty, a run with the same `seen` goes on there.
 */
enum { RT_DRAIN_DENSE = 8, RT_DRAIN_WORDS_MAX = 1700, RT_DRAIN_RING = 1 << 18 };
#define RT_DRAIN_SPARSE 0xfffffffeu
#define RT_DRAIN_END (~0ull)
enum rt_drain_more {
	RT_DRAIN_DONE,
	RT_DRAIN_AGAIN,
	RT_DRAIN_LOST, /* a key could not be written although it fits */
};
struct rt_drain_run {
	uint64_t hash; /* index in the array of hashes */
	uint64_t seen; /* keys dealt with, whatever their values; 0 at first */
	uint64_t more; /* out: enum rt_drain_more */
};
/* The most bytes of the ring buffer that a key and its words take, with the headers of records. */
#define RT_DRAIN_ROOM(bytes) (8 + ((bytes) + 7) / 8 * 8)
#define RT_DRAIN_MOST(key_size, words)                                       \
	(RT_DRAIN_ROOM(key_size) + ((words) <= RT_DRAIN_DENSE ?              \
					    RT_DRAIN_ROOM(8 + 8 * (words)) : \
					    RT_DRAIN_ROOM(8) + ((words) + 1) * RT_DRAIN_ROOM(16)))

#ifdef __bpf__
/* A sleepable syscall program, run by BPF_PROG_TEST_RUN. MAP(hashes), the array of the hashes;
 * MAP(drained), a ring buffer of RT_DRAIN_RING bytes; NUMBER(key_size), NUMBER(words). */
int64_t rt_prog_drain(struct rt_drain_run *ctx);
#endif

#endif
