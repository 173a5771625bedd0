/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/trace/args.c: fires probes with arguments of every width and sign, in registers, on the
 * stack, in memory behind an index, in globals and as constants. Prints a line of the passed values
 * for each firing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "args.h"

#ifdef __cplusplus
extern "C" {
#endif
int volatile sink;
int table[16] = { 3, -5, 7, -11, 13 };
static short shorts[8] = { -1, 300, -32768, 32767 };
signed char bytes[8] = { -128, 127, 0, -1 };
long long wide = -0x123456789abcdefLL;
static unsigned count = 0xfffffff0u;
struct pair {
	int x;
	char pad[60];
	int y;
} pairs[4] = { { 1, "", -2 }, { 3, "", -4 }, { 5, "", -6 } };

__attribute__((noinline)) void ints(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e,
				    uint32_t f, int64_t g, uint64_t h, const char *i,
				    unsigned char j)
{
	VALS_INTS(a, b, c, d, e, f, g, h, (char *)i, j);
	printf("ints %d %d %d %d %d %u %lld %llu %s %d\n", a, b, c, d, e, f, (long long)g,
	       (unsigned long long)h, i, j);
}

__attribute__((noinline)) void mem(int n)
{
	volatile int local = n * 3 - 100;

	VALS_MEM(table[n], shorts[n & 3], bytes[n & 3], wide, count, local);
	printf("mem %d %d %d %lld %u %d\n", table[n], shorts[n & 3], bytes[n & 3], wide, count,
	       n * 3 - 100);
	VALS_MEM(pairs[n & 1].y, (short)pairs[n & 1].x, (signed char)n, (long long)n << 40, 7u, -n);
	printf("mem %d %d %d %lld %u %d\n", pairs[n & 1].y, (short)pairs[n & 1].x, (signed char)n,
	       (long long)n << 40, 7u, -n);
}

__attribute__((noinline)) void reals(double a, float b)
{
	volatile double c = a * 0.1 - 3e10; /* volatile, because x87 registers hold more bits */
	volatile float d = -b / 3;

	VALS_REALS(a, b, c, d);
	printf("reals %.9f %.9f %.9f %.9f\n", a, b, c, d);
	VALS_REALS(-2.75, 1.5f, 1e15 / 3,
		   0.1f); /* constants in memory that has no symbol outside the compiler */
	printf("reals %.9f %.9f %.9f %.9f\n", -2.75, 1.5f, 1e15 / 3, 0.1f);
}

static inline __attribute__((always_inline)) void one(int a, int b)
{
	if (VALS_MANY_ENABLED())
		VALS_MANY(a, b);
	sink += a;
}

#define SIX(n)             \
	one(n, i);         \
	one(n + 1, i * 2); \
	one(n + 2, sink);  \
	one(n + 3, -1);    \
	one(n + 4, i - n); \
	one(n + 5, n);
__attribute__((noinline)) void inlined(int i)
{
	sink = 0;
	SIX(0) SIX(6) SIX(12) SIX(18) SIX(24) SIX(30)
}
int vals_run(void);
int vals_run(void)
{
	for (int k = 0; k < 50; k++) {
		uint64_t r = (uint64_t)k * 0x9e3779b97f4a7c15ull;

		ints((int8_t)r, (uint8_t)(r >> 8), (int16_t)(r >> 16), (uint16_t)(r >> 24),
		     (int32_t)(r >> 30), (uint32_t)(r >> 7), (int64_t)r, r * 7,
		     k & 1 ? "odd" : "even", (unsigned char)(r >> 40));
		mem(k & 15);
		reals((double)(int64_t)r / 1e10, (float)k * 0.7f);
		VALS_KONST(-1, -5000000000ll, 4000000000u, 'x');
		printf("konst %d %lld %u %d\n", -1, -5000000000ll, 4000000000u, 'x');
	}
	for (int k = 0; k < 10; k++)
		inlined(k);
	return 0;
}
#ifdef __cplusplus
}
#endif

#ifndef LIBRARY
int main(void)
{
	return vals_run();
}
#endif
