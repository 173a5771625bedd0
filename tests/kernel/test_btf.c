/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/kernel/test_btf.c: types of the running kernel, of BTF made by hand, and of damaged BTF. */
#include "kernel/inner.h"

#include <errno.h>
#include <linux/btf.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- The running kernel ------------------------------------------------------------ */

static int has_btf(void **state)
{
	(void)state;
	unsetenv("USDTKIT_WITHOUT");
	return kern_btf() ? 0 : -1;
}

static void offsets_by_path(void **state)
{
	uint64_t pid = 0, tgid = 0, status = 1;

	(void)state;
	assert_int_equal(kern_offset("task_struct.pid", &pid), 0);
	assert_int_equal(kern_offset("task_struct.tgid", &tgid), 0);
	assert_int_equal(tgid, pid + 4);
	assert_int_equal(kern_offset("task_struct.thread_info.status", &status), 0);
	assert_true(status < pid);
}

/* struct page has its fields in unions without a name. */
static void members_of_anonymous_members_are_found(void **state)
{
	uint64_t off = 0;

	(void)state;
	assert_int_equal(kern_offset("page.mapping", &off), 0);
	assert_true(off >= 8);
}

static void a_path_that_is_not_there_is_an_error(void **state)
{
	uint64_t off;

	(void)state;
	assert_int_equal(kern_offset("task_struct.no_such_member", &off), -ENOENT);
	assert_int_equal(kern_offset("no_such_struct.pid", &off), -ENOENT);
	assert_int_equal(kern_offset("task_struct.pid.member_of_an_int", &off), -ENOENT);
	assert_int_equal(kern_offset("task_struct", &off), -EINVAL);
}

static void *btf_of_a_thread(void *arg)
{
	(void)arg;
	return (void *)kern_btf();
}

static void every_thread_gets_the_same_reader(void **state)
{
	pthread_t thread[8];
	void *got;

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, btf_of_a_thread, NULL), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(thread[i], &got), 0);
		assert_ptr_equal(got, kern_btf());
	}
}

static void switched_off_there_is_none(void **state)
{
	uint64_t off;

	(void)state;
	setenv("USDTKIT_WITHOUT", "btf", 1);
	assert_null(kern_btf());
	assert_int_equal(errno, ENOENT);
	assert_int_equal(kern_offset("task_struct.pid", &off), -ENOENT);
	unsetenv("USDTKIT_WITHOUT");
	assert_non_null(kern_btf());
}

static void types_as_text(void **state)
{
	const struct kern_btf *btf = kern_btf();
	struct arena *a = arena_new();
	struct kern_type proto;
	const char *name;
	uint32_t id;

	(void)state;
	id = kern_btf_find(btf, BTF_KIND_FUNC, "vfs_read");
	assert_true(kern_btf_type(btf, id, &proto) && kern_btf_type(btf, proto.ref, &proto));
	assert_int_equal(proto.kind, BTF_KIND_FUNC_PROTO);
	assert_string_equal(kern_btf_text(btf, a, kern_btf_param(btf, &proto, 0, &name)),
			    "struct file *");
	assert_string_equal(name, "file");
	assert_string_equal(kern_btf_text(btf, a, kern_btf_param(btf, &proto, 1, NULL)), "char *");
	assert_int_equal(kern_btf_param(btf, &proto, 99, &name), 0);
	assert_string_equal(name, "");
	arena_free(a);
}

/* ---- Made bytes ---------------------------------------------------------------------- */

static const char strings[] = "\0int\0point\0x\0y\0alias";
enum { STR_INT = 1, STR_POINT = 5, STR_X = 11, STR_Y = 13, STR_ALIAS = 15 };

struct made {
	struct btf_header head;
	uint32_t integer[4];
	uint32_t point[9];
	uint32_t alias[3];
	char strings[sizeof(strings)];
};

/* Without the padding that the compiler adds. */
enum { SIZE = offsetof(struct made, strings) + sizeof(strings) };

#define INFO(kind, vlen) ((uint32_t)(kind) << 24 | (vlen))

/* int; struct point { int x; int y; }; typedef struct point alias; */
static struct made made(void)
{
	struct made m = {
		.head = { .magic = BTF_MAGIC,
			  .version = BTF_VERSION,
			  .hdr_len = sizeof(m.head),
			  .type_len = offsetof(struct made, strings) - sizeof(m.head),
			  .str_off = offsetof(struct made, strings) - sizeof(m.head),
			  .str_len = sizeof(strings) },
		.integer = { STR_INT, INFO(BTF_KIND_INT, 0), 4, BTF_INT_SIGNED << 24 | 32 },
		.point = { STR_POINT, INFO(BTF_KIND_STRUCT, 2), 8, STR_X, 1, 0, STR_Y, 1, 32 },
		.alias = { STR_ALIAS, INFO(BTF_KIND_TYPEDEF, 0), 2 },
	};

	memcpy(m.strings, strings, sizeof(strings));
	return m;
}

static void made_bytes_are_read(void **state)
{
	struct made m = made();
	struct kern_btf *btf = kern_btf_of(&m, SIZE);
	uint64_t off;

	(void)state;
	assert_non_null(btf);
	assert_int_equal(kern_btf_count(btf), 4);
	assert_int_equal(kern_btf_find(btf, BTF_KIND_TYPEDEF, "alias"), 3);
	assert_int_equal(kern_btf_resolve(btf, 3), 2);
	assert_true(kern_btf_offset(btf, 3, "y", &off));
	assert_int_equal(off, 4);
	assert_false(kern_btf_offset(btf, 2, "z", &off));
	kern_btf_free(btf);
}

/* BTF cut at any byte is refused, or read without going past the end. */
static void cut_bytes_are_refused(void **state)
{
	struct made m = made();

	(void)state;
	for (size_t size = 0; size < SIZE; size++) {
		errno = 0;
		assert_null(kern_btf_of(&m, size));
		assert_int_equal(errno, EINVAL);
	}
}

static void damaged_bytes_are_refused_or_read_within(void **state)
{
	struct arena *a = arena_new();
	size_t refused = 0;

	(void)state;
	for (size_t at = 0; at < SIZE; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct made m = made();
			struct kern_type t;
			struct kern_btf *btf;
			uint64_t off;

			((unsigned char *)&m)[at] ^= (unsigned char)(1u << bit);
			btf = kern_btf_of(&m, SIZE);
			refused += !btf;
			for (uint32_t id = 0; btf && id < kern_btf_count(btf) + 1; id++) {
				kern_btf_type(btf, id, &t);
				kern_btf_offset(btf, id, "x", &off);
				kern_btf_text(btf, a, id);
			}
			kern_btf_free(btf);
		}
	assert_true(refused > 100);
	arena_free(a);
}

/* A typedef of itself must not make the reader loop. */
static void circles_end(void **state)
{
	struct arena *a = arena_new();
	struct made m = made();
	struct kern_btf *btf;
	uint64_t off;

	(void)state;
	m.alias[2] = 3;
	btf = kern_btf_of(&m, SIZE);
	assert_non_null(btf);
	kern_btf_resolve(btf, 3);
	assert_false(kern_btf_offset(btf, 3, "x", &off));
	m.alias[1] = INFO(BTF_KIND_PTR, 0);
	kern_btf_free(btf);
	btf = kern_btf_of(&m, SIZE);
	assert_non_null(kern_btf_text(btf, a, 3));
	kern_btf_free(btf);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest kernels[] = {
		cmocka_unit_test(offsets_by_path),
		cmocka_unit_test(members_of_anonymous_members_are_found),
		cmocka_unit_test(a_path_that_is_not_there_is_an_error),
		cmocka_unit_test(every_thread_gets_the_same_reader),
		cmocka_unit_test(switched_off_there_is_none),
		cmocka_unit_test(types_as_text),
	};
	static const struct CMUnitTest bytes[] = {
		cmocka_unit_test(made_bytes_are_read),
		cmocka_unit_test(cut_bytes_are_refused),
		cmocka_unit_test(damaged_bytes_are_refused_or_read_within),
		cmocka_unit_test(circles_end),
	};
	int failed = cmocka_run_group_tests(bytes, NULL, NULL);

	if (has_btf(NULL)) {
		print_message("skipped: this kernel has no BTF\n");
		return failed;
	}
	return failed + cmocka_run_group_tests(kernels, NULL, NULL);
}
