/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/kernel/test_host.c: clocks, the host, descriptors, trace events. */
#include "kernel/kernel.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { MS = 1000000, S = 1000 * MS };

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(clock, &ts), 0);
	return ts.tv_sec * (int64_t)S + ts.tv_nsec;
}

static void clocks_agree(void **state)
{
	int64_t before = clock_ns(CLOCK_MONOTONIC), now = (int64_t)kern_now();

	(void)state;
	assert_true(now >= before && now - before < S);
	assert_true((int64_t)kern_now_ms() >= now / MS);
	assert_true((int64_t)kern_now_ms() - now / MS < 1000);
	assert_in_range(clock_ns(CLOCK_REALTIME) - (int64_t)kern_now() - kern_wall_offset() + S, 0,
			2 * S);
	assert_in_range(clock_ns(CLOCK_BOOTTIME) - (int64_t)kern_now() - kern_boot_offset() + S, 0,
			2 * S);
	assert_true(kern_boot_offset() > -MS);
}

static void the_host_is_known(void **state)
{
	(void)state;
	assert_true(kern_version() > 0x020000);
	assert_true(kern_cpus() >= (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(kern_cpus(), kern_cpus());
}

static void the_initial_pid_namespace_is_0(void **state)
{
	struct kern_pidns ns = kern_pidns();
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	assert_int_equal(ns.ino, st.st_ino == 0xeffffffcu ? 0 : st.st_ino);
	assert_int_equal(ns.dev, ns.ino ? (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev) : 0);
}

static rlim_t soft(void)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	return l.rlim_cur;
}

static void the_limit_is_raised_while_somebody_wants_it(void **state)
{
	struct rlimit l;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = l.rlim_max / 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	kern_limit_raise();
	kern_limit_raise();
	assert_int_equal(soft(), l.rlim_max);
	kern_limit_restore();
	assert_int_equal(soft(), l.rlim_max);
	kern_limit_restore();
	assert_int_equal(soft(), l.rlim_cur);
}

static void trace_events_are_a_folder(void **state)
{
	int fd = kern_events_open();
	struct stat st;

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(fstatat(fd, "sched", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_agree),
		cmocka_unit_test(the_host_is_known),
		cmocka_unit_test(the_initial_pid_namespace_is_0),
		cmocka_unit_test(the_limit_is_raised_while_somebody_wants_it),
		cmocka_unit_test(trace_events_are_a_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
