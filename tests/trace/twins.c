/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/twins.c: compiled as PART one and as PART two, so that both objects have statics of
 * the same names; with probes by our header or (THEIRS) SystemTap's. Prints a line of the passed
 * values for each firing.
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

	/* a negative n makes the sum of the address carry in 32 bits */
	FIRE(twins, hit, count, table[n + 8], calls, (long long)n * 0x123456789ll);
	calls = n;
}

void PART(int n)
{
	static int calls; /* a second static of the name, with the value of fire's */

	count = n * 5 + (int)sizeof(__func__);
	table[n + 8] = (short)(n * 7 - __func__[0]);
	printf("%d %d %d %lld\n", count, table[n + 8], calls, (long long)n * 0x123456789ll);
	fflush(stdout);
	calls = n;
	fire(n);
}
#endif
