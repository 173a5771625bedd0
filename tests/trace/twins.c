/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/twins.c: compiled twice, as PART one and two, each with statics of the same names, and
 * with probes by our header or (THEIRS) by SystemTap's. Prints what it passes, a line a firing.
 */
#ifdef THEIRS
#include <sys/sdt.h>
#define FIRE DTRACE_PROBE4
#define FIRE1 DTRACE_PROBE1
#else
#include <usdt/sdt.h>
#define FIRE USDT_PROBE4
#define FIRE1 USDT_PROBE1
#endif
#include <stdio.h>

void one(int n);
void two(int n);

#ifdef MAIN
long exported = -77; /* in .dynsym, with -rdynamic */

int main(void)
{
	for (int n = -3; n < 4; n++) {
		one(n);
		two(n * 2);
		FIRE1(twins, exported, exported);
	}
	return 0;
}
#else
static int count;
static short table[16];

#ifdef FIRE_INLINED
#define INLINING always_inline
#else
#define INLINING noinline
#endif
static inline __attribute__((INLINING)) void fire(int n)
{
	static int calls;

	/* n is less than 0 too: in 32 bits, the sum of the address carries */
	FIRE(twins, hit, count, table[n + 8], calls, (long long)n * 0x123456789ll);
	calls = n;
}

void PART(int n)
{
	static int calls; /* the same as that of fire() */

	count = n * 5 + (int)sizeof(__func__);
	table[n + 8] = (short)(n * 7 - __func__[0]);
	printf("%d %d %d %lld\n", count, table[n + 8], calls, (long long)n * 0x123456789ll);
	fflush(stdout);
	calls = n;
	fire(n);
}
#endif
