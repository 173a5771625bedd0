/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/hit.c: fires app:::hit N times, with a string of LENGTH bytes. Prints "ns-a-hit LEAST
 * MEAN". LEAST is from the slice of some milliseconds that other work on the machine disturbed
 * least. MEAN is from all hits.
 */
#include "hit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char key[4096];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	enum { SLICE = 5000 };
	long n = argc > 1 ? atol(argv[1]) : 1000000;
	int length = argc > 2 ? atoi(argv[2]) : 8;
	double start, from, to, least = 1e18;

	memset(key, 'k', (size_t)length);
	start = to = now();
	for (long i = 0; i < n; i++) {
		APP_HIT(i & 1023, key);
		if (i % SLICE != SLICE - 1)
			continue;
		from = to;
		to = now();
		least = to - from < least ? to - from : least;
	}
	fprintf(stderr, "ns-a-hit %.1f %.1f\n", least / SLICE, (now() - start) / (double)n);
	return 0;
}
