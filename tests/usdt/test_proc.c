/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/usdt/test_proc.c: the files that this process has mapped. */
#include "usdt/usdt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

static const struct usdt_object *find(const struct usdt_proc *proc, const char *path)
{
	for (size_t i = 0; i < usdt_proc_nobjects(proc); i++)
		if (!strcmp(usdt_object_path(usdt_proc_object(proc, i)), path))
			return usdt_proc_object(proc, i);
	return NULL;
}

static void our_program_is_there_with_its_bias(void **state)
{
	char self[4096] = "";
	struct usdt_proc *proc;
	struct usdt_file *f;
	const struct usdt_object *o;
	uint64_t bias, offset;
	struct stat st;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(usdt_proc_open(getpid(), &proc), 0);
	assert_true(usdt_proc_nobjects(proc) >= 3); /* this program, libc, the loader */
	o = find(proc, self);
	assert_non_null(o);
	assert_int_equal(stat(self, &st), 0);
	assert_int_equal(usdt_object_inode(o), st.st_ino);
	assert_true(usdt_object_start(o) <= (uintptr_t)our_program_is_there_with_its_bias);
	assert_true(usdt_object_end(o) > (uintptr_t)our_program_is_there_with_its_bias);
	assert_int_equal(usdt_object_open(o, &f), 0);
	assert_int_equal(usdt_file_bias(f, usdt_object_start(o), usdt_object_offset(o), &bias), 0);
	/* The address of our function minus the bias is in the file's code. */
	assert_int_equal(
		usdt_file_offset(f, (uintptr_t)our_program_is_there_with_its_bias - bias, &offset),
		0);
	assert_true(offset >= usdt_object_offset(o));
	usdt_file_close(f);
	usdt_proc_close(proc);
}

static void each_file_is_given_once(void **state)
{
	struct usdt_proc *proc;

	(void)state;
	assert_int_equal(usdt_proc_open(getpid(), &proc), 0);
	for (size_t i = 0; i < usdt_proc_nobjects(proc); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(usdt_object_path(usdt_proc_object(proc, i)),
						usdt_object_path(usdt_proc_object(proc, k)));
	usdt_proc_close(proc);
}

/* A mapped copy of our program stays readable when removed. Its name has a newline. */
static void deleted_files_are_opened(void **state)
{
	char name[] = "/tmp/usdt proc\nXXXXXX", deleted[64];
	int in = open("/proc/self/exe", O_RDONLY), out = mkstemp(name);
	const struct usdt_object *o;
	struct usdt_proc *proc;
	struct usdt_file *f;
	char buf[4096];
	ssize_t n;
	void *map;

	(void)state;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, out, 0);
	assert_true(map != MAP_FAILED);
	close(out);
	unlink(name);
	assert_int_equal(usdt_proc_open(getpid(), &proc), 0);
	snprintf(deleted, sizeof(deleted), "%s (deleted)", name);
	o = find(proc, deleted);
	assert_non_null(o);
	assert_int_equal(usdt_object_start(o), (uintptr_t)map);
	assert_int_equal(usdt_object_open(o, &f), 0);
	assert_int_equal(usdt_file_bits(f), sizeof(void *) * 8);
	usdt_file_close(f);
	munmap(map, 4096);
	/* Without the mapping the file cannot be opened. */
	assert_int_equal(usdt_object_open(o, &f), -ENOENT);
	assert_null(f);
	usdt_proc_close(proc);
}

static void no_such_process(void **state)
{
	struct usdt_proc *proc;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(usdt_proc_open(pid, &proc), -ESRCH);
	assert_null(proc);
	assert_int_equal(usdt_proc_open(0, &proc), -ESRCH);
	assert_int_equal(usdt_proc_open(-1, &proc), -ESRCH);
	usdt_proc_close(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_program_is_there_with_its_bias),
		cmocka_unit_test(each_file_is_given_once),
		cmocka_unit_test(deleted_files_are_opened),
		cmocka_unit_test(no_such_process),
	};

	return cmocka_run_group_tests_name("usdt/proc", tests, NULL, NULL);
}
