/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/drain.c: the program that empties an aggregation's hash; progs.h says what it writes.
 * In:   struct rt_drain_run; the hashes, the ring, the sizes of a key and its value by name.
 * Out:  clang's object, from which embed.py makes a table.
 * Owns: nothing.
 *
 * The program walks a hash by bpf_for_each_map_elem, which holds no lock. While bpf(2) looks at a
 * hash, the kernel skips programs that count in it. (An iterator, iter/bpf_map_elem, lets them run
 * too, but kernels that are locked down refuse it.) Words that were exchanged cannot be read again,
 * so the program first tests whether the most that it may write for a key fits, and stops if it
 * does not. The next run passes over the keys that this run dealt with: a hash that is only added
 * to never moves a key forward.
 */
#include "ebpf/bpf.h"
#include "ebpf/progs.h"

HELPER(void *, map_lookup_elem, 1, void *map, const void *key);
HELPER(long, ringbuf_output, 130, void *ring, const void *data, uint64_t size, uint64_t flags);
HELPER(uint64_t, ringbuf_query, 134, void *ring, uint64_t flags);
HELPER(long, loop, 181, uint32_t n, void *fn, void *arg, uint64_t flags);
HELPER(long, for_each_map_elem, 164, void *map, void *fn, void *arg, uint64_t flags);

enum { RB_NO_WAKEUP = 1, RB_AVAIL_DATA = 0 };

struct walk {
	uint64_t skip, seen, more;
};
struct pair {
	uint64_t index, word;
};

INLINE long output(const void *data, uint64_t size)
{
	return ringbuf_output(MAP(drained), data, size, RB_NO_WAKEUP);
}

INLINE uint64_t head(uint64_t kind)
{
	return NUMBER(key_size) | kind << 32;
}

/* Writes all words in one record. Not 0: the output failed. */
INLINE long dense(uint64_t *value)
{
	uint64_t out[1 + RT_DRAIN_DENSE], words = NUMBER(words);

	out[0] = head(words);
	for (uint64_t i = 0; i < RT_DRAIN_DENSE && i < words; i++)
		out[1 + i] = atomic_swap(&value[i], 0);
	return output(out, 8 + 8 * words);
}

/* The verifier checks the body of a kernel's loop once, however many words there are. A call of the
 * body deals with several words, which makes zeros as cheap as in a loop of ours. */
enum { EACH = 8 };
struct words {
	uint64_t *value;
	long lost;
};

static long take_words(uint64_t nth, struct words *w)
{
	uint64_t words = NUMBER(words);

	for (uint64_t k = 0; k < EACH; k++) {
		uint64_t i = nth * EACH + k;
		struct pair pair = { i, 0 };

		OPAQUE(i);
		if (i >= words)
			return 1;
		if (!w->value[i])
			continue;
		pair.word = atomic_swap(&w->value[i], 0);
		w->lost |= output(&pair, sizeof(pair));
	}
	return 0;
}

INLINE long sparse(uint64_t *value)
{
	uint64_t first = head(RT_DRAIN_SPARSE);
	struct pair end = { RT_DRAIN_END, 0 };
	struct words words = { value, output(&first, sizeof(first)) };

	loop((NUMBER(words) + EACH - 1) / EACH, take_words, &words, 0);
	return words.lost | output(&end, sizeof(end));
}

/* Drains a key. 1: the walk ends here. */
static long take(void *map, const void *key, uint64_t *value, struct walk *walk)
{
	uint64_t most = RT_DRAIN_MOST(NUMBER(key_size), NUMBER(words));
	long lost;

	(void)map;
	if (walk->seen < walk->skip || !value[0]) {
		walk->seen++;
		return 0;
	}
	/* A ring buffer never fills to its last byte. */
	if (ringbuf_query(MAP(drained), RB_AVAIL_DATA) > RT_DRAIN_RING - 8 - most) {
		walk->more = RT_DRAIN_AGAIN;
		return 1;
	}
	lost = NUMBER(words) <= RT_DRAIN_DENSE ? dense(value) : sparse(value);
	lost |= output(key, NUMBER(key_size));
	if (lost) { /* against all rules: the key's words are gone, which the caller reports */
		walk->more = RT_DRAIN_LOST;
		return 1;
	}
	walk->seen++;
	return 0;
}

int64_t rt_prog_drain(struct rt_drain_run *ctx)
{
	struct walk walk = { ctx->seen, 0, RT_DRAIN_DONE };
	uint32_t which = ctx->hash;
	void *hash = map_lookup_elem(MAP(hashes), &which);

	if (hash)
		for_each_map_elem(hash, take, &walk, 0);
	ctx->seen = walk.seen;
	ctx->more = walk.more;
	return 0;
}
