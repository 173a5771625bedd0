/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/rings.h: the consumer's side of BPF ring buffers, one a CPU: the records of clauses, and
 * what the programs that drain aggregations write.
 */
#ifndef EBPF_RINGS_H
#define EBPF_RINGS_H

#include "ebpf/abi.h"

#include <stdbool.h>
#include <stddef.h>

struct ebpf_ring {
	int fd;
	void *consumer;	      /* mapped page: position */
	const void *producer; /* mapped pages: position, then the data twice */
	uint64_t mask;
};
struct ebpf_rings {
	struct ebpf_ring *ring; /* by CPU */
	uint32_t n;
};

/* Takes over the descriptors of `n` rings of `size` bytes. False: ebpf_rings_close closes what was
 * opened; without memory (rings->ring is NULL) the descriptors are still the caller's. */
bool ebpf_rings_open(struct ebpf_rings *rings, const int *fds, uint32_t n, uint32_t size);
void ebpf_rings_close(struct ebpf_rings *rings);

typedef bool ebpf_rings_fn(void *arg, int cpu, const struct rt_rec *rec, uint32_t len);
/* Hands over records up to time `until` and consumes them, merged by time (temporal) or CPU by CPU.
 * False: fn stopped it, or there was no memory. */
bool ebpf_rings_drain(struct ebpf_rings *rings, uint64_t until, bool temporal, ebpf_rings_fn *fn,
		      void *arg);
/* Takes all records that fit into buf, one after the other. The number of bytes. */
size_t ebpf_ring_take(struct ebpf_ring *ring, unsigned char *buf, size_t size);

#endif
