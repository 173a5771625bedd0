/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/sites.c: measures the cost of a probe's site, off and on.
 *
 *	sites PASSES [on]
 *
 * -DFORM selects the form of the site: BARE, a site; GUARDED, a site behind its semaphore; MADE,
 * libusdt's usdt_fire(). -DUSDT_PLAIN_NOP: one nop a site. -DSYSTEMTAP: the site of <sys/sdt.h>.
 * Off, a turn of the loop passes 8 sites and does nothing else, so that no other work hides their
 * cost. On, a turn passes one site. Prints "ns-empty N ns-a-pass N": a pass of the loop without and
 * with sites, each from the slice of 1,000 that other work on the machine disturbed least. With
 * `on`, MADE waits until a consumer enables the probe.
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
/* Each loop is a function that starts at a cache line, so that alignment makes no difference. */
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
