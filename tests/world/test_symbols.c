/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/world/test_symbols.c: functions of a file, from the file itself or its debug file. */
#include "tests/world/victim.h"

#define PROGRAM                                                                      \
	"static volatile int sink;\n"                                                \
	"static __attribute__((noinline)) int hidden(int n) { return sink += n; }\n" \
	"int main(void) { return hidden(1) + hidden(2); }\n"

static struct world_symbols *symbols_of(const char *path)
{
	return world_symbols_new(open(path, O_RDONLY | O_CLOEXEC));
}

struct sought {
	const char *name;
	uint64_t offset; /* 0: not found */
};

static bool seek(void *arg, const struct usdt_function *f)
{
	struct sought *s = arg;

	if (strcmp(f->name, s->name) != 0)
		return true;
	s->offset = f->offset;
	return false;
}

/* The file offset of the function; 0: not found. */
static uint64_t offset_of(const char *path, const char *name)
{
	struct world_symbols *s = symbols_of(path);
	struct sought sought = { .name = name };
	uint64_t distance = 9;
	const char *found;

	assert_non_null(s);
	assert_int_equal(world_symbols_each(s, seek, &sought), 0);
	if (sought.offset) { /* world_symbols_find must agree */
		found = world_symbols_find(s, sought.offset + 1, &distance);
		assert_non_null(found);
		assert_string_equal(found, name);
		assert_int_equal(distance, 1);
	}
	world_symbols_free(s);
	return sought.offset;
}

/* Runs a shell script with the path in $f. */
static void run(const char *script, const char *path)
{
	assert_int_equal(setenv("f", path, 1), 0);
	assert_int_equal(system(script), 0);
}

static void own_symbols_come_first(void **state)
{
	const char *path = victim_build("own", "", PROGRAM);

	(void)state;
	assert_true(offset_of(path, "hidden"));
	assert_true(offset_of(path, "main"));
}

static void a_debug_link_leads_to_symbols(void **state)
{
	const char *path = victim_build("linked", "-Wl,--build-id=none", PROGRAM);
	uint64_t offset = offset_of(path, "hidden");

	(void)state;
	run("objcopy --only-keep-debug $f $f.debug && strip -s $f", path);
	assert_int_equal(offset_of(path, "hidden"), 0);
	run("objcopy --add-gnu-debuglink=$f.debug $f", path);
	assert_int_equal(offset_of(path, "hidden"), offset);
	run("printf x >>$f.debug", path); /* changes the checksum */
	assert_int_equal(offset_of(path, "hidden"), 0);
}

static void a_file_that_is_no_program_has_none(void **state)
{
	struct world_symbols *s = world_symbols_new(-1);
	struct sought sought = { .name = "main" };
	uint64_t distance;

	(void)state;
	assert_non_null(s);
	assert_null(world_symbols_find(s, 0x1000, &distance));
	assert_int_equal(world_symbols_each(s, seek, &sought), 0);
	world_symbols_free(s);
	assert_int_equal(offset_of("/etc/passwd", "main"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_symbols_come_first),
		cmocka_unit_test(a_debug_link_leads_to_symbols),
		cmocka_unit_test(a_file_that_is_no_program_has_none),
	};

	return cmocka_run_group_tests_name("world/symbols", tests, victim_setup, victim_teardown);
}
