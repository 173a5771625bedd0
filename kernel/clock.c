/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/clock.c: clocks. Programs, side-band events and the consumer all
 * count in CLOCK_MONOTONIC; other clocks are offsets from CLOCK_MONOTONIC.
 */
#include "kernel/inner.h"

#include <time.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

static int64_t read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * (int64_t)NS_PER_S + ts.tv_nsec;
}

uint64_t kern_now(void)
{
	return (uint64_t)read_ns(CLOCK_MONOTONIC);
}

uint64_t kern_now_ms(void)
{
	return kern_now() / NS_PER_MS;
}

int64_t kern_wall_offset(void)
{
	int64_t now = read_ns(CLOCK_MONOTONIC);

	return read_ns(CLOCK_REALTIME) - now;
}

int64_t kern_boot_offset(void)
{
	int64_t now = read_ns(CLOCK_MONOTONIC);

	return read_ns(CLOCK_BOOTTIME) - now;
}
