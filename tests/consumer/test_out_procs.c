/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols of the kernel and of processes, also after they have ended. */
#include "tests/consumer/outtest.h"

#include "consumer/providers/providers.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buf[OUT_SYM];

static const char *usym(struct procs *p, pid_t pid, uint64_t start, uint64_t addr, uint64_t time,
			enum d_symbol how)
{
	struct rt_owner who = { (uint32_t)pid, (uint32_t)pid, start };

	out_usym(p, buf, sizeof(buf), &who, addr, time, how);
	return buf;
}

__attribute__((noinline)) void landmark(void);
void landmark(void)
{
	__asm__ volatile("nop; nop; nop; nop");
}

static void own_functions_have_module_name_and_offset(void **state)
{
	struct procs *p = procs_new();
	uint64_t at = (uint64_t)(uintptr_t)landmark;
	const char *s;

	(void)state;
	procs_scan(p, getpid(), 1);
	s = usym(p, getpid(), 0, at, 2, D_SYM_PLACE);
	assert_non_null(strstr(s, "test_out_procs`landmark"));
	assert_null(strchr(s, '+'));
	assert_non_null(strstr(usym(p, getpid(), 0, at + 2, 2, D_SYM_PLACE), "`landmark+0x2"));
	assert_null(strchr(usym(p, getpid(), 0, at + 2, 2, D_SYM_FUNCTION), '+'));
	assert_null(strchr(usym(p, getpid(), 0, at + 2, 2, D_SYM_MODULE), '`'));
	assert_string_equal(usym(p, getpid(), 0, 0x10, 2, D_SYM_PLACE), "0x10");
	assert_string_equal(usym(p, 1 << 30, 0, 0x20, 2, D_SYM_PLACE), "0x20");
	procs_free(p);
}

static void libraries_have_the_names_that_programs_call(void **state)
{
	struct procs *p = procs_new();

	(void)state;
	procs_scan(p, getpid(), 1);
	assert_non_null(strstr(usym(p, getpid(), 0, (uint64_t)(uintptr_t)getauxval, 2, D_SYM_PLACE),
			       "libc.so.6`getauxval"));
	procs_free(p);
}

static void the_vdso_is_known(void **state)
{
	struct procs *p = procs_new();
	uint64_t base = getauxval(AT_SYSINFO_EHDR);
	bool found = false;

	(void)state;
	procs_scan(p, getpid(), 1);
	for (uint64_t at = base; base && at < base + 4096 && !found; at += 16)
		found = strstr(usym(p, getpid(), 0, at, 2, D_SYM_FUNCTION),
			       "[vdso]`__vdso_clock_gettime") ||
			strstr(buf, "[vdso]`clock_gettime");
	assert_true(!base || found);
	procs_free(p);
}

static void a_process_that_has_ended_is_still_known(void **state)
{
	struct procs *p = procs_new();
	pid_t pid = fork();
	uint64_t at = (uint64_t)(uintptr_t)landmark + 1;

	(void)state;
	if (!pid)
		for (;;)
			pause();
	procs_scan(p, pid, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXIT, .pid = pid, .time = 5 });
	assert_non_null(strstr(usym(p, pid, 0, at, 9, D_SYM_PLACE), "`landmark+0x1"));
	procs_free(p);
}

/* Where landmark's page of the executable would be if it were mapped at `addr`. */
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

static void names_of(struct procs *p, pid_t pid, uint64_t start, uint64_t time, const char *want)
{
	assert_string_equal(usym(p, pid, start, 0x10010, time, D_SYM_MODULE), want);
}

static void exec_replaces_mappings_from_its_time_on(void **state)
{
	struct procs *p = procs_new();
	struct world_event a = mmap_event(77, 0x10000, 10, "/none/first"),
			   b = mmap_event(77, 0x10000, 21, "/none/second");

	(void)state;
	procs_feed(p, &a);
	procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXEC, .pid = 77, .time = 20 });
	procs_feed(p, &b);
	names_of(p, 77, 0, 15, "first");
	names_of(p, 77, 0, 25, "second");
	names_of(p, 77, 0, UINT64_MAX, "second");
	names_of(p, 77, 0, 5, "first"); /* an event read after its record */
	procs_free(p);
}

static void a_child_has_its_parents_mappings_but_not_those_before_exec(void **state)
{
	struct procs *p = procs_new();
	struct world_event a = mmap_event(77, 0x10000, 10, "/none/first"),
			   b = mmap_event(77, 0x900000, 21, "/none/second");

	(void)state;
	procs_feed(p, &a);
	procs_feed(p, &(struct world_event){
			      .kind = WORLD_EV_FORK, .pid = 78, .ppid = 77, .time = 15 });
	procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXEC, .pid = 77, .time = 20 });
	procs_feed(p, &b);
	procs_feed(p, &(struct world_event){
			      .kind = WORLD_EV_FORK, .pid = 79, .ppid = 77, .time = 30 });
	names_of(p, 78, 0, 16, "first");
	names_of(p, 79, 0, 31, "0x10010");
	procs_free(p);
}

static void a_pid_used_again_is_told_apart(void **state)
{
	struct procs *p = procs_new();
	struct timespec mono, boot;
	uint64_t offset, s = 1000000000;
	struct world_event a = mmap_event(77, 0x10000, 11 * s, "/none/first"),
			   b = mmap_event(77, 0x10000, 51 * s, "/none/second");

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	offset = (uint64_t)(boot.tv_sec - mono.tv_sec) * s;
	procs_feed(p, &(struct world_event){
			      .kind = WORLD_EV_FORK, .pid = 77, .ppid = 1, .time = 10 * s });
	procs_feed(p, &a);
	procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXIT, .pid = 77, .time = 20 * s });
	procs_feed(p, &(struct world_event){
			      .kind = WORLD_EV_FORK, .pid = 77, .ppid = 1, .time = 50 * s });
	procs_feed(p, &b);
	names_of(p, 77, 10 * s + offset, 90 * s, "first");
	names_of(p, 77, 50 * s + offset, 90 * s, "second");
	names_of(p, 77, 0, 15 * s, "first");
	names_of(p, 77, 0, 60 * s, "second");
	procs_free(p);
}

static bool is_the_needed_one(void *arg, pid_t pid)
{
	return pid == *(const pid_t *)arg;
}

/* A build host: each process is forked, execs a program that was just linked, and ends. */
static void short_life(struct procs *p, pid_t pid, uint64_t time)
{
	char path[32];
	struct world_event m = mmap_event(pid, 0x10000, time + 3, path);

	procs_feed(p, &(struct world_event){
			      .kind = WORLD_EV_FORK, .pid = pid, .ppid = 1, .time = time });
	procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXEC, .pid = pid, .time = time + 2 });
	snprintf(path, sizeof(path), "/none/prog%d", (int)pid);
	m.ino = (uint64_t)pid;
	procs_feed(p, &m);
	for (int i = 0; i < 14; i++) {
		m = mmap_event(pid, 0x800000 + (uint64_t)i * 0x200000, time + 4, "/none/lib");
		procs_feed(p, &m);
	}
	procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXIT, .pid = pid, .time = time + 9 });
}

static void short_lives_cost_no_memory_for_ever(void **state)
{
	enum { LIVES = 100000, EACH = 1000, FIRST = 1 << 23 }; /* above any pid of this machine */
	struct procs *p = procs_new();
	pid_t needed = FIRST + 10;
	size_t before = mallinfo2().uordblks, most = 0;
	char want[32];

	(void)state;
	for (pid_t i = 0; i < LIVES; i++) {
		short_life(p, FIRST + i, 100 + (uint64_t)i * 10);
		if (i % EACH == EACH - 1) {
			size_t now = mallinfo2().uordblks - before;

			most = now > most ? now : most;
			procs_forget(p, (uint64_t)i * 10, is_the_needed_one, &needed);
			assert_true(procs_ended(p) < 20);
		}
	}
	assert_true(most < 4 << 20);
	names_of(p, needed, 0, UINT64_MAX, "prog8388618");
	snprintf(want, sizeof(want), "prog%d", FIRST + LIVES - 1); /* its records may still come */
	names_of(p, FIRST + LIVES - 1, 0, UINT64_MAX, want);
	names_of(p, FIRST + LIVES / 2, 0, UINT64_MAX, "0x10010");
	procs_free(p);
}

static bool none_is_needed(void *arg, pid_t pid)
{
	(void)arg;
	(void)pid;
	return false;
}

/* Its own: the exec of a shell's child again and again, a runtime that maps and unmaps code. */
static void a_long_life_keeps_what_is_mapped(void **state)
{
	struct procs *p = procs_new();
	size_t before = mallinfo2().uordblks;

	(void)state;
	for (uint64_t i = 1; i < 100000; i++) {
		struct world_event m = mmap_event(getpid(), 0x10000, i * 10, "/none/first"),
				   n = mmap_event(getpid(), 0x800000, i * 10, "//anon");

		if (i % 100 == 0)
			procs_feed(p, &(struct world_event){ .kind = WORLD_EV_EXEC,
							     .pid = getpid(),
							     .time = i * 10 - 1 });
		procs_feed(p, &m);
		procs_feed(p, &n);
		if (i % 1000 == 0)
			procs_forget(p, i * 10, none_is_needed, NULL);
	}
	assert_true(mallinfo2().uordblks - before < 1 << 18);
	names_of(p, getpid(), 0, UINT64_MAX, "first");
	procs_free(p);
}

static void anonymous_code_is_an_address(void **state)
{
	struct procs *p = procs_new();
	struct world_event a = mmap_event(77, 0x10000, 10, "//anon");

	(void)state;
	procs_feed(p, &a);
	assert_string_equal(usym(p, 77, 0, 0x10010, 11, D_SYM_PLACE), "0x10010");
	procs_free(p);
}

static void kernel_functions_have_module_name_and_offset(void **state)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256], name[128] = "";
	uint64_t addr = 0;

	(void)state;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*c %127s", &addr, name) == 2 &&
		    !strcmp(name, "vfs_read"))
			break;
	if (f)
		fclose(f);
	if (strcmp(name, "vfs_read") || !addr)
		skip();
	out_ksym(buf, sizeof(buf), addr + 4, D_SYM_PLACE);
	assert_string_equal(buf, "vmlinux`vfs_read+0x4");
	out_ksym(buf, sizeof(buf), addr, D_SYM_PLACE);
	assert_string_equal(buf, "vmlinux`vfs_read");
	out_ksym(buf, sizeof(buf), addr + 4, D_SYM_FUNCTION);
	assert_string_equal(buf, "vmlinux`vfs_read");
	out_ksym(buf, sizeof(buf), addr + 4, D_SYM_MODULE);
	assert_string_equal(buf, "vmlinux");
	out_ksym(buf, sizeof(buf), 0x1234, D_SYM_PLACE);
	assert_string_equal(buf, "0x1234");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_functions_have_module_name_and_offset),
		cmocka_unit_test(libraries_have_the_names_that_programs_call),
		cmocka_unit_test(the_vdso_is_known),
		cmocka_unit_test(a_process_that_has_ended_is_still_known),
		cmocka_unit_test(exec_replaces_mappings_from_its_time_on),
		cmocka_unit_test(a_child_has_its_parents_mappings_but_not_those_before_exec),
		cmocka_unit_test(a_pid_used_again_is_told_apart),
		cmocka_unit_test(short_lives_cost_no_memory_for_ever),
		cmocka_unit_test(a_long_life_keeps_what_is_mapped),
		cmocka_unit_test(anonymous_code_is_an_address),
		cmocka_unit_test(kernel_functions_have_module_name_and_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
