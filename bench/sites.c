/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/sites.c: what a probe's site costs, off and on.
 *
 *	sites PASSES [on]
 *
 * One program a form: -DFORM=BARE, a site; GUARDED, a site behind its semaphore; MADE, libusdt's
 * usdt_fire(). -DUSDT_PLAIN_NOP: one nop a site; -DSYSTEMTAP: <sys/sdt.h>'s. Off, it passes 8 sites
 * a turn of a loop that has nothing else to do, so that no other work hides them; on, one. Prints
 * "ns-empty N ns-a-pass N": the loop alone, and with its sites, both for a pass: of 1,000 slices
 * that which others on the machine disturbed least. on: waits until somebody looks, if the form can
 * tell.
 */
#define BARE 1
#define GUARDED 2
#define MADE 3

#if FORM == MADE
#include "usdt/usdt.h"
static struct usdt_point *hit;
#define SITE(i) usdt_fire(hit, i)
#elif defined SYSTEMTAP
#if FORM == GUARDED
#define _SDT_HAS_SEMAPHORES 1
__extension__ unsigned short bench_hit_semaphore __attribute__((section(".probes")));
#define SITE(i)                                               \
	do {                                                  \
		if (__builtin_expect(bench_hit_semaphore, 0)) \
			DTRACE_PROBE1(bench, hit, i);         \
	} while (0)
#else
#define SITE(i) DTRACE_PROBE1(bench, hit, i)
#endif
#include <sys/sdt.h>
#else
#include "usdt/sdt.h"
#if FORM == GUARDED
USDT_SEMAPHORE(bench, hit);
#define SITE(i)                                         \
	do {                                            \
		if (USDT_ENABLED(bench, hit))           \
			USDT_SEM_PROBE1(bench, hit, i); \
	} while (0)
#else
#define SITE(i) USDT_PROBE1(bench, hit, i)
#endif
#endif

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TURN 8
#define SLICES 1000
#define PASS(what)                                   \
	__asm__ volatile("" : "+r"(i) : : "memory"); \
	what;
#define EIGHT(what) \
	PASS(what) PASS(what) PASS(what) PASS(what) PASS(what) PASS(what) PASS(what) PASS(what)
/* Each with its loop at the start of a cache line. */
#define LOOP(name, body)                                                    \
	__attribute__((noinline, aligned(64))) static void name(long turns) \
	{                                                                   \
		for (long i = 0; i < turns; i++) {                          \
			body                                                \
		}                                                           \
	}
LOOP(empty, EIGHT((void)0))
LOOP(sites, EIGHT(SITE(i)))
LOOP(site, PASS(SITE(i)))

static double slice(void (*loop)(long), long turns, int passes)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	loop(turns);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       ((double)turns * passes);
}

int main(int argc, char **argv)
{
	long passes = (argc > 1 ? atol(argv[1]) : 1000000) / SLICES;
	int on = argc > 2;
	double alone = 1e9, pass = 1e9, ns;

#if FORM == MADE
	struct usdt_provider *bench;

	if (usdt_provider_new("bench", &bench) || usdt_provider_add(bench, "hit", "long i", &hit) ||
	    usdt_provider_enable(bench))
		return 1;
	while (on && !usdt_point_is_enabled(hit))
		usleep(1000);
#endif
	for (int i = 0; i < SLICES; i++) {
		ns = slice(empty, passes / TURN, TURN);
		alone = ns < alone ? ns : alone;
		ns = on ? slice(site, passes, 1) : slice(sites, passes / TURN, TURN);
		pass = ns < pass ? ns : pass;
	}
	fprintf(stderr, "ns-empty %.4f ns-a-pass %.4f\n", alone, pass);
	return 0;
}
