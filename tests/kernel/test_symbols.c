/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/kernel/test_symbols.c: the kernel's symbols, compared with the lines of /proc/kallsyms. */
#include "kernel/kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The first line of that name: its address, type and module ("" for the kernel proper). */
static unsigned long long line_of(const char *name, char *type, char module[64])
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long at = 0, found = 0;
	char line[1024], is[512], mod[64];

	while (f && !found && fgets(line, sizeof(line), f)) {
		mod[0] = '\0';
		if (sscanf(line, "%llx %c %511s [%63[^]]", &at, type, is, mod) >= 3 &&
		    !strcmp(is, name)) {
			found = at;
			strcpy(module, mod);
		}
	}
	if (f)
		fclose(f);
	return found;
}

static void a_function_by_name_and_by_address(void **state)
{
	char type, module[64];
	unsigned long long at = line_of("vfs_read", &type, module);
	struct kern_symbol s, again;

	(void)state;
	if (!at) {
		assert_false(kern_symbol_named(NULL, "vfs_read", &s));
		assert_true(kern_symbols_hidden());
		skip();
	}
	assert_true(kern_symbol_named(NULL, "vfs_read", &s));
	assert_int_equal(s.address, at);
	assert_true(s.is_function);
	assert_string_equal(s.name, "vfs_read");
	assert_string_equal(s.module, "vmlinux");
	assert_in_range(s.size, 16, 1 << 16);
	assert_true(kern_symbol_at(at + s.size - 1, &again));
	assert_int_equal(again.address, at);
	assert_int_equal(again.size, s.size);
	assert_true(kern_symbol_at(at + s.size, &again));
	assert_int_equal(again.address, at + s.size);
	assert_false(kern_symbols_hidden());
}

/* The name of some variable in kallsyms; "": kallsyms shows no variables. */
static void some_variable(char name[512])
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[1024], type;

	name[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*x %c %511s", &type, name) == 2 && strchr("BbDd", type))
			break;
		else
			name[0] = '\0';
	if (f)
		fclose(f);
}

static void data_is_found_by_name_alone(void **state)
{
	char type = 0, module[64], name[512];
	unsigned long long at;
	struct kern_symbol s;

	(void)state;
	some_variable(name);
	at = *name ? line_of(name, &type, module) : 0;
	if (!at)
		skip();
	assert_true(kern_symbol_named("", name, &s));
	assert_int_equal(s.address, at);
	assert_false(s.is_function);
	assert_int_equal(s.size, 0);
	assert_true(!kern_symbol_at(at, &s) || strcmp(s.name, name));
}

static void modules_are_told_apart(void **state)
{
	struct kern_symbol s;

	(void)state;
	if (!kern_symbol_named(NULL, "schedule", &s))
		skip();
	assert_true(kern_symbol_named("vmlinux", "schedule", &s));
	assert_true(kern_symbol_named("genunix", "schedule", &s));
	assert_false(kern_symbol_named("no_such_module", "schedule", &s));
	assert_false(kern_symbol_named(NULL, "no_such_symbol", &s));
	assert_false(kern_symbol_named(NULL, "", &s));
}

/* The first in the file, so that a name with several symbols always gives the same address. */
static void of_several_the_first_is_found(void **state)
{
	static const char *const names[] = { "__func__.0", "cleanup_module", "t_start", "c_start" };
	struct kern_symbol s;
	char type, module[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned long long at = line_of(names[i], &type, module);

		assert_int_equal(kern_symbol_named(NULL, names[i], &s), at != 0);
		if (at)
			assert_int_equal(s.address, at);
	}
}

static void user_land_and_nowhere_have_none(void **state)
{
	struct kern_symbol s;

	(void)state;
	assert_false(kern_symbol_at(0, &s));
	assert_false(kern_symbol_at(0x400000, &s));
	assert_false(kern_symbol_at(UINT64_MAX, &s));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_by_name_and_by_address),
		cmocka_unit_test(data_is_found_by_name_alone),
		cmocka_unit_test(modules_are_told_apart),
		cmocka_unit_test(of_several_the_first_is_found),
		cmocka_unit_test(user_land_and_nowhere_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
