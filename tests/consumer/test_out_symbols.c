/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/test_out_symbols.c: addresses of the kernel and of processes as text. */
#include "tests/consumer/outtest.h"

#include <inttypes.h>
#include <sys/auxv.h>
#include <unistd.h>

static char buf[OUT_SYM];

static const char *usym(struct world_history *h, pid_t pid, uint64_t start, uint64_t addr,
			uint64_t time, enum d_symbol how)
{
	struct rt_owner who = { (uint32_t)pid, (uint32_t)pid, start };

	out_usym(h, buf, sizeof(buf), &who, addr, time, how);
	return buf;
}

__attribute__((noinline)) void landmark(void);
void landmark(void)
{
	__asm__ volatile("nop; nop; nop; nop");
}

static void own_functions_have_module_name_and_offset(void **state)
{
	struct world_history *h = world_history_new();
	uint64_t at = (uint64_t)(uintptr_t)landmark;
	const char *s;

	(void)state;
	world_history_scan_all(h, 1);
	s = usym(h, getpid(), 0, at, 2, D_SYM_PLACE);
	assert_non_null(strstr(s, "test_out_symbols`landmark"));
	assert_null(strchr(s, '+'));
	assert_non_null(strstr(usym(h, getpid(), 0, at + 2, 2, D_SYM_PLACE), "`landmark+0x2"));
	assert_null(strchr(usym(h, getpid(), 0, at + 2, 2, D_SYM_FUNCTION), '+'));
	assert_null(strchr(usym(h, getpid(), 0, at + 2, 2, D_SYM_MODULE), '`'));
	assert_string_equal(usym(h, getpid(), 0, 0x10, 2, D_SYM_PLACE), "0x10");
	assert_string_equal(usym(h, 1 << 30, 0, 0x20, 2, D_SYM_PLACE), "0x20");
	world_history_free(h);
}

static void libraries_have_the_names_that_programs_call(void **state)
{
	struct world_history *h = world_history_new();

	(void)state;
	world_history_scan_all(h, 1);
	assert_non_null(strstr(usym(h, getpid(), 0, (uint64_t)(uintptr_t)getauxval, 2, D_SYM_PLACE),
			       "libc.so.6`getauxval"));
	world_history_free(h);
}

static void the_vdso_is_known(void **state)
{
	struct world_history *h = world_history_new();
	uint64_t base = getauxval(AT_SYSINFO_EHDR);
	bool found = false;

	(void)state;
	world_history_scan_all(h, 1);
	for (uint64_t at = base; base && at < base + 4096 && !found; at += 16)
		found = strstr(usym(h, getpid(), 0, at, 2, D_SYM_FUNCTION),
			       "[vdso]`__vdso_clock_gettime") ||
			strstr(buf, "[vdso]`clock_gettime");
	assert_true(!base || found);
	world_history_free(h);
}

static void an_address_of_no_file_is_a_number(void **state)
{
	struct world_history *h = world_history_new();

	(void)state;
	world_history_feed(h, &(struct world_event){ .kind = WORLD_EV_MMAP,
						     .pid = 77,
						     .addr = 0x10000,
						     .len = 0x100000,
						     .time = 10,
						     .path = "//anon" });
	assert_string_equal(usym(h, 77, 0, 0x10010, 11, D_SYM_PLACE), "0x10010");
	world_history_free(h);
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
		cmocka_unit_test(an_address_of_no_file_is_a_number),
		cmocka_unit_test(kernel_functions_have_module_name_and_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
