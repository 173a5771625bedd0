/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/rings.c: the consumer's side of a BPF ring buffer a CPU.
 * In:   the rings' descriptors.
 * Out:  records, in order of time over all CPUs, straight from the mapped
 *       pages (the kernel maps the data twice, so that no record is split).
 * Owns: the mappings and the descriptors.
 *
 * Layout (linux/bpf.h, kernel/bpf/ringbuf.c): a page with the consumer's
 * position, a page with the producer's, the data. Each record has a header
 * of 8 bytes: length with a busy and a discard bit, and a page offset.
 */
#include "ebpf/rings.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct head { /* the next record of a ring */
	const struct rt_rec *rec;
	uint32_t len;
	uint64_t time; /* never earlier than the record before it in this ring */
	uint64_t next; /* consumer position after it */
};

bool ebpf_rings_open(struct ebpf_rings *rings, const int *fds, uint32_t n, uint32_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	rings->ring = calloc(n, sizeof(*rings->ring));
	if (!rings->ring)
		return false;
	rings->n = n;
	for (uint32_t i = 0; i < n; i++)
		rings->ring[i] = (struct ebpf_ring){ .fd = fds[i], .mask = size - 1 };
	for (uint32_t i = 0; i < n; i++) {
		struct ebpf_ring *ring = &rings->ring[i];
		void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);

		if (p == MAP_FAILED)
			return false;
		ring->consumer = p;
		p = mmap(NULL, page + 2 * (size_t)size, PROT_READ, MAP_SHARED, fds[i], (off_t)page);
		if (p == MAP_FAILED)
			return false;
		ring->producer = p;
	}
	return true;
}

void ebpf_rings_close(struct ebpf_rings *rings)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (uint32_t i = 0; i < rings->n; i++) {
		struct ebpf_ring *ring = &rings->ring[i];

		if (ring->consumer)
			munmap(ring->consumer, page);
		if (ring->producer)
			munmap((void *)(uintptr_t)ring->producer, page + 2 * (ring->mask + 1));
		close(ring->fd);
	}
	free(rings->ring);
	*rings = (struct ebpf_rings){ 0 };
}

/* A record is busy from its reservation to its commit: a moment, unless the program was preempted
 * in between. Then the records behind it wait for the next drain. */
static uint32_t header_wait(const uint32_t *header)
{
	uint32_t len = 0;

	for (int i = 0; i < 1000; i++) {
		len = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		if (!(len & BPF_RINGBUF_BUSY_BIT))
			break;
	}
	return len;
}

/* The data of the next record at *pos; *pos is moved behind the record. NULL: no record is ready.
 * *busy: a record is being written. */
static const void *record_next(const struct ebpf_ring *ring, uint64_t *pos, uint32_t *len,
			       bool *busy)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t end = __atomic_load_n((const uint64_t *)ring->producer, __ATOMIC_ACQUIRE);
	const unsigned char *data = (const unsigned char *)ring->producer + page;

	while (*pos < end) {
		const uint32_t *header = (const uint32_t *)(data + (*pos & ring->mask));
		uint32_t word = header_wait(header);

		*len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (word & BPF_RINGBUF_BUSY_BIT) {
			*busy = true;
			return NULL;
		}
		*pos += (*len + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
		if (!(word & BPF_RINGBUF_DISCARD_BIT))
			return (const unsigned char *)header + BPF_RINGBUF_HDR_SZ;
	}
	return NULL;
}

static bool head_read(const struct ebpf_ring *ring, uint64_t pos, uint64_t last, struct head *h,
		      bool *busy)
{
	*h = (struct head){ .next = pos };
	h->rec = record_next(ring, &h->next, &h->len, busy);
	if (h->rec)
		h->time = h->rec->time > last ? h->rec->time : last;
	return h->rec;
}

static void consumed(struct ebpf_ring *ring, uint64_t pos)
{
	__atomic_store_n((uint64_t *)ring->consumer, pos, __ATOMIC_RELEASE);
}

/* The ring whose head is the oldest (temporal), or the first ring with a head. */
static int oldest(const struct head *heads, const bool *ready, uint32_t n, bool temporal)
{
	int best = -1;

	for (uint32_t i = 0; i < n; i++) {
		if (!ready[i])
			continue;
		if (best < 0 || (temporal && heads[i].time < heads[best].time))
			best = (int)i;
	}
	return best;
}

bool ebpf_rings_drain(struct ebpf_rings *rings, uint64_t until, bool temporal, ebpf_rings_fn *fn,
		      void *arg)
{
	struct head *heads = calloc(rings->n, sizeof(*heads));
	bool *ready = calloc(rings->n, sizeof(*ready));
	bool busy = false, go_on = heads && ready;

	for (uint32_t i = 0; go_on && i < rings->n; i++) {
		uint64_t pos = *(uint64_t *)rings->ring[i].consumer;

		ready[i] = head_read(&rings->ring[i], pos, 0, &heads[i], &busy);
	}
	/* A busy record comes before later records: all wait for the next drain. */
	while (go_on && !(busy && temporal)) {
		int i = oldest(heads, ready, rings->n, temporal);
		struct head h;

		if (i < 0)
			break;
		h = heads[i];
		if (h.time > until) {
			ready[i] = false; /* came after the drain began */
			continue;
		}
		go_on = fn(arg, i, h.rec, h.len);
		consumed(&rings->ring[i], h.next);
		ready[i] = head_read(&rings->ring[i], h.next, h.time, &heads[i], &busy);
	}
	free(heads);
	free(ready);
	return go_on;
}

size_t ebpf_ring_take(struct ebpf_ring *ring, unsigned char *buf, size_t size)
{
	uint64_t pos = *(uint64_t *)ring->consumer;
	bool busy = false;
	const void *data;
	size_t n = 0;
	uint32_t len;

	while ((data = record_next(ring, &pos, &len, &busy)) && len <= size - n) {
		memcpy(buf + n, data, len);
		consumed(ring, pos);
		n += len;
	}
	return n;
}
