/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/world/test_history.c: files at addresses at times, also of processes that have ended. */
#include "ebpf/abi.h"
#include "world/world.h"

#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct world_place place;

static bool find(const struct world_history *h, pid_t pid, uint64_t start, uint64_t addr,
		 uint64_t time)
{
	struct rt_owner who = { (uint32_t)pid, (uint32_t)pid, start };

	return world_history_find(h, &who, addr, time, &place);
}

__attribute__((noinline)) void landmark(void);
void landmark(void)
{
	__asm__ volatile("nop; nop; nop; nop");
}

static void a_process_that_has_ended_is_still_known(void **state)
{
	struct world_history *h = world_history_new();
	pid_t pid = fork();
	uint64_t at = (uint64_t)(uintptr_t)landmark + 1, distance;

	(void)state;
	if (!pid)
		for (;;)
			pause();
	world_history_scan_all(h, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	world_history_feed(h,
			   &(struct world_event){ .kind = WORLD_EV_EXIT, .pid = pid, .time = 5 });
	assert_true(find(h, pid, 0, at, 9));
	assert_non_null(strstr(place.module, "test_history"));
	assert_string_equal(world_symbols_find(place.symbols, place.offset, &distance), "landmark");
	assert_int_equal(distance, 1);
	world_history_free(h);
}

/* An event: the process maps the file `path` at `addr`. */
static struct world_event mmap_event(pid_t pid, uint64_t addr, uint64_t time, const char *path)
{
	return (struct world_event){ .kind = WORLD_EV_MMAP,
				     .pid = pid,
				     .addr = addr,
				     .len = 0x100000,
				     .pgoff = 0,
				     .time = time,
				     .path = path,
				     .ino = 1 };
}

static void names_of(struct world_history *h, pid_t pid, uint64_t start, uint64_t time,
		     const char *want)
{
	if (!want) {
		assert_false(find(h, pid, start, 0x10010, time));
		return;
	}
	assert_true(find(h, pid, start, 0x10010, time));
	assert_string_equal(place.module, want);
}

static void exec_replaces_mappings_from_its_time_on(void **state)
{
	struct world_history *h = world_history_new();
	struct world_event a = mmap_event(77, 0x10000, 10, "/none/first"),
			   b = mmap_event(77, 0x10000, 21, "/none/second");

	(void)state;
	world_history_feed(h, &a);
	world_history_feed(h,
			   &(struct world_event){ .kind = WORLD_EV_EXEC, .pid = 77, .time = 20 });
	world_history_feed(h, &b);
	names_of(h, 77, 0, 15, "first");
	names_of(h, 77, 0, 25, "second");
	names_of(h, 77, 0, UINT64_MAX, "second");
	names_of(h, 77, 0, 5, "first"); /* the event was read after the record */
	world_history_free(h);
}

static void a_child_has_its_parents_mappings_but_not_those_before_exec(void **state)
{
	struct world_history *h = world_history_new();
	struct world_event a = mmap_event(77, 0x10000, 10, "/none/first"),
			   b = mmap_event(77, 0x900000, 21, "/none/second");

	(void)state;
	world_history_feed(h, &a);
	world_history_feed(h, &(struct world_event){
				      .kind = WORLD_EV_FORK, .pid = 78, .ppid = 77, .time = 15 });
	world_history_feed(h,
			   &(struct world_event){ .kind = WORLD_EV_EXEC, .pid = 77, .time = 20 });
	world_history_feed(h, &b);
	world_history_feed(h, &(struct world_event){
				      .kind = WORLD_EV_FORK, .pid = 79, .ppid = 77, .time = 30 });
	names_of(h, 78, 0, 16, "first");
	names_of(h, 79, 0, 31, NULL);
	world_history_free(h);
}

static void a_pid_used_again_is_told_apart(void **state)
{
	struct world_history *h = world_history_new();
	struct timespec mono, boot;
	uint64_t offset, s = 1000000000;
	struct world_event a = mmap_event(77, 0x10000, 11 * s, "/none/first"),
			   b = mmap_event(77, 0x10000, 51 * s, "/none/second");

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	offset = (uint64_t)(boot.tv_sec - mono.tv_sec) * s;
	world_history_feed(h,
			   &(struct world_event){
				   .kind = WORLD_EV_FORK, .pid = 77, .ppid = 1, .time = 10 * s });
	world_history_feed(h, &a);
	world_history_feed(
		h, &(struct world_event){ .kind = WORLD_EV_EXIT, .pid = 77, .time = 20 * s });
	world_history_feed(h,
			   &(struct world_event){
				   .kind = WORLD_EV_FORK, .pid = 77, .ppid = 1, .time = 50 * s });
	world_history_feed(h, &b);
	names_of(h, 77, 10 * s + offset, 90 * s, "first");
	names_of(h, 77, 50 * s + offset, 90 * s, "second");
	names_of(h, 77, 0, 15 * s, "first");
	names_of(h, 77, 0, 60 * s, "second");
	world_history_free(h);
}

static bool is_the_needed_one(void *arg, pid_t pid)
{
	return pid == *(const pid_t *)arg;
}

/* As on a build host: a process is forked, execs a new program, and ends. */
static void short_life(struct world_history *h, pid_t pid, uint64_t time)
{
	char path[32];
	struct world_event m = mmap_event(pid, 0x10000, time + 3, path);

	world_history_feed(h, &(struct world_event){
				      .kind = WORLD_EV_FORK, .pid = pid, .ppid = 1, .time = time });
	world_history_feed(
		h, &(struct world_event){ .kind = WORLD_EV_EXEC, .pid = pid, .time = time + 2 });
	snprintf(path, sizeof(path), "/none/prog%d", (int)pid);
	m.ino = (uint64_t)pid;
	world_history_feed(h, &m);
	for (int i = 0; i < 14; i++) {
		m = mmap_event(pid, 0x800000 + (uint64_t)i * 0x200000, time + 4, "/none/lib");
		world_history_feed(h, &m);
	}
	world_history_feed(
		h, &(struct world_event){ .kind = WORLD_EV_EXIT, .pid = pid, .time = time + 9 });
}

static void short_lives_cost_no_memory_for_ever(void **state)
{
	enum { LIVES = 100000, EACH = 1000, FIRST = 1 << 23 }; /* FIRST: above any real pid */
	struct world_history *h = world_history_new();
	pid_t needed = FIRST + 10;
	size_t before = mallinfo2().uordblks, most = 0;
	char want[32];

	(void)state;
	for (pid_t i = 0; i < LIVES; i++) {
		short_life(h, FIRST + i, 100 + (uint64_t)i * 10);
		if (i % EACH == EACH - 1) {
			size_t now = mallinfo2().uordblks - before;

			most = now > most ? now : most;
			world_history_forget(h, (uint64_t)i * 10, is_the_needed_one, &needed);
			assert_true(world_history_ended(h) < 20);
		}
	}
	assert_true(most < 4 << 20);
	names_of(h, needed, 0, UINT64_MAX, "prog8388618");
	snprintf(want, sizeof(want), "prog%d", FIRST + LIVES - 1); /* records may still come */
	names_of(h, FIRST + LIVES - 1, 0, UINT64_MAX, want);
	names_of(h, FIRST + LIVES / 2, 0, UINT64_MAX, NULL);
	world_history_free(h);
}

static bool none_is_needed(void *arg, pid_t pid)
{
	(void)arg;
	(void)pid;
	return false;
}

/* A process that execs or maps code again and again keeps only its present mappings. */
static void a_long_life_keeps_what_is_mapped(void **state)
{
	struct world_history *h = world_history_new();
	size_t before = mallinfo2().uordblks;

	(void)state;
	for (uint64_t i = 1; i < 100000; i++) {
		struct world_event m = mmap_event(getpid(), 0x10000, i * 10, "/none/first"),
				   n = mmap_event(getpid(), 0x800000, i * 10, "//anon");

		if (i % 100 == 0)
			world_history_feed(h, &(struct world_event){ .kind = WORLD_EV_EXEC,
								     .pid = getpid(),
								     .time = i * 10 - 1 });
		world_history_feed(h, &m);
		world_history_feed(h, &n);
		if (i % 1000 == 0)
			world_history_forget(h, i * 10, none_is_needed, NULL);
	}
	assert_true(mallinfo2().uordblks - before < 1 << 18);
	names_of(h, getpid(), 0, UINT64_MAX, "first");
	world_history_free(h);
}

static void anonymous_code_is_of_no_file(void **state)
{
	struct world_history *h = world_history_new();
	struct world_event a = mmap_event(77, 0x10000, 10, "//anon");

	(void)state;
	world_history_feed(h, &a);
	names_of(h, 77, 0, 11, NULL);
	assert_false(find(NULL, 77, 0, 0x10010, 11));
	world_history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_has_ended_is_still_known),
		cmocka_unit_test(exec_replaces_mappings_from_its_time_on),
		cmocka_unit_test(a_child_has_its_parents_mappings_but_not_those_before_exec),
		cmocka_unit_test(a_pid_used_again_is_told_apart),
		cmocka_unit_test(short_lives_cost_no_memory_for_ever),
		cmocka_unit_test(a_long_life_keeps_what_is_mapped),
		cmocka_unit_test(anonymous_code_is_of_no_file),
	};

	return cmocka_run_group_tests_name("world/history", tests, NULL, NULL);
}
