/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/bpf.h: what files in BPF C share. For clang's BPF target alone.
 *
 * Names that are filled in when a program is linked:
 *   NUMBER(strsize)           a number that the caller of ebpf_link supplies
 *   FIELD(task_struct.tgid)   a member's offset in a structure of the running kernel
 *   MAP(scratch)              a map, as helpers take one
 *   VALUE(cpus)               the address of a direct map's bytes
 * They are opaque to clang and known to the verifier. A static function is handed to a helper that
 * calls back (bpf_loop, for_each_map_elem) by its name, as in C.
 *
 * The verifier checks a function that is not static by itself: of the arguments it knows only the
 * types in the prototype (rt.h). It checks a static function at each call, with that call's
 * arguments.
 */
#ifndef EBPF_BPF_H
#define EBPF_BPF_H

#include "ebpf/abi.h"

#define INLINE static inline __attribute__((always_inline))
#define HELPER(ret, name, id, ...) static ret (*const name)(__VA_ARGS__) = (void *)id
#define OPAQUE(v) asm volatile("" : "+r"(v))

#define NAMED(name)                                  \
	({                                           \
		uint64_t v_;                         \
		asm("%0 = " #name " ll" : "=r"(v_)); \
		v_;                                  \
	})
#define NUMBER(name) NAMED(rt_number_##name)
#define FIELD(path) NAMED(rt_field_##path)
#define MAP(name) ((void *)NAMED(rt_map_##name))
#define VALUE(name) ((void *)NAMED(rt_value_##name))

/* ---- Shared memory is changed through these; --enable-plain-stores makes them wrong -------- */

#ifndef PLAIN_STORES

INLINE void atomic_add(uint64_t *at, uint64_t v)
{
	__sync_fetch_and_add(at, v);
}

INLINE uint64_t atomic_or(uint64_t *at, uint64_t bits)
{
	return __sync_fetch_and_or(at, bits);
}

INLINE uint64_t atomic_swap(uint64_t *at, uint64_t v)
{
	return __sync_lock_test_and_set(at, v);
}

#else

/* A load with a gap before the store, for another CPU to write in: emit.c has the same. */
INLINE uint64_t plain_load(uint64_t *at)
{
	uint64_t v = *(volatile uint64_t *)at;

	asm volatile("%0 /= 1; if %0 != 1 goto +0; %0 /= 1" : "+r"(v));
	return v;
}

INLINE void atomic_add(uint64_t *at, uint64_t v)
{
	*(volatile uint64_t *)at = plain_load(at) + v;
}

INLINE uint64_t atomic_or(uint64_t *at, uint64_t bits)
{
	uint64_t old = plain_load(at);

	*(volatile uint64_t *)at = old | bits;
	return old;
}

INLINE uint64_t atomic_swap(uint64_t *at, uint64_t v)
{
	uint64_t old = plain_load(at);

	*(volatile uint64_t *)at = v;
	return old;
}

#endif
#endif
