/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/usdt/sites.c: arguments of every sort, with our macros or those of sys/sdt.h. */
#ifdef OURS
#include <usdt/sdt.h>
#define P0 USDT_PROBE
#define P1 USDT_PROBE1
#define P2 USDT_PROBE2
#define P3 USDT_PROBE3
#define P6 USDT_PROBE6
#define P12 USDT_PROBE12
#else
#include <sys/sdt.h>
#define P0 DTRACE_PROBE
#define P1 DTRACE_PROBE1
#define P2 DTRACE_PROBE2
#define P3 DTRACE_PROBE3
#define P6 DTRACE_PROBE6
#define P12 DTRACE_PROBE12
#endif

struct obj {
	int a;
	char name[16];
};
enum colour { RED, GREEN };
static int counter = 5;
static struct obj table[4];
short s_glob = -3;
int run(int argc, char **argv, double d, float f)
{
	char c = (char)argc;
	signed char sc = -1;
	unsigned char uc = 200;
	short s = -2;
	unsigned short us = 7;
	const int ci = 9;
	volatile long vl = 12;
	unsigned u = 3;
	long l = -4;
	unsigned long ul = 5;
	long long ll = -6;
	unsigned long long ull = 7;
	enum colour e = GREEN;
	char buf[8] = "abc";
	const char *cp = "x";
	float fl = f;
	static const unsigned char arr[3] = { 1, 2, 3 };
	P0(app, none);
	P1(app, one, argc);
	P12(app, twelve, c, sc, uc, s, us, u, l, ul, ci, vl, e, argc);
	P6(app, mix__dash, buf, cp, argv, argv[0], d, fl);
	P6(app, mem, counter, table[argc].a, table[2].name, s_glob, arr[argc], &table[argc]);
	P6(app, consts, 1, -1, 0xffffffffu, 'x', 0L, "lit");
#ifdef __LP64__
	P3(app, ll, ll, ull, (long long)argc);
#endif
	for (int i = 0; i < argc; i++)
		P2(app, loop, i, argv[i]);
	return (int)vl + counter++;
}
int main(int argc, char **argv)
{
	return run(argc, argv, argc * 1.5, (float)argc) == 1000;
}
