/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/usdt/test_system.c: finds a provider of our own among the files that the whole system has
 * mapped. Linked with both shared libraries, as other programs are.
 */
#include "usdt/usdt.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char name[64];

/* *at: the index of our provider's file. There must be at most one. */
static bool find(const struct usdt_system *s, size_t *at)
{
	size_t found = 0;

	for (size_t i = 0; i < usdt_system_nfiles(s); i++) {
		const struct usdt_file *f = usdt_system_file(s, i);

		assert_true(usdt_file_nprobes(f) > 0);
		assert_true(usdt_system_npids(s, i) > 0);
		if (strcmp(usdt_probe_provider(usdt_file_probe(f, 0)), name))
			continue;
		*at = i;
		found++;
	}
	assert_true(found < 2);
	return found;
}

static bool has_pid(const struct usdt_system *s, size_t at, int pid)
{
	size_t n = 0;

	for (size_t k = 0; k < usdt_system_npids(s, at); k++)
		n += usdt_system_pid(s, at, k) == pid;
	assert_true(n < 2);
	return n;
}

static void a_file_is_given_once_with_all_its_processes(void **state)
{
	struct usdt_provider *p;
	struct usdt_point *point;
	struct usdt_system *s;
	const struct usdt_probe *probe;
	size_t at = 0;
	pid_t child;

	(void)state;
	snprintf(name, sizeof(name), "system%dx", (int)getpid());
	assert_int_equal(usdt_provider_new(name, &p), 0);
	assert_int_equal(usdt_provider_add(p, "request-start", "int id, const char *", &point), 0);
	assert_int_equal(usdt_system_open(&s), 0);
	assert_false(find(s, &at));
	usdt_system_close(s);
	assert_int_equal(usdt_provider_enable(p), 0);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	assert_int_equal(usdt_system_open(&s), 0);
	assert_true(find(s, &at));
	assert_int_equal(usdt_system_npids(s, at), 2);
	assert_true(has_pid(s, at, getpid()) && has_pid(s, at, child));
	probe = usdt_file_probe(usdt_system_file(s, at), 0);
	assert_string_equal(usdt_probe_name(probe), "request-start");
	assert_int_equal(usdt_probe_nargs(probe), 2);
	assert_string_equal(usdt_probe_arg_type(probe, 0), "int");
	assert_string_equal(usdt_probe_arg_name(probe, 0), "id");
	assert_string_equal(usdt_probe_arg_type(probe, 1), "const char *");
	assert_string_equal(usdt_probe_arg_name(probe, 1), "");
	assert_null(usdt_probe_arg_type(probe, 2));
	assert_null(usdt_system_file(s, usdt_system_nfiles(s)));
	assert_int_equal(usdt_system_npids(s, usdt_system_nfiles(s)), 0);
	usdt_system_close(s);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	usdt_provider_free(p);
	usdt_system_close(NULL);
}

static void without_rights_others_are_counted_as_hidden(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (getuid())
		skip();
	child = fork();
	if (!child) {
		struct usdt_system *s;

		if (setgid(65534) || setuid(65534) || usdt_system_open(&s))
			_exit(1);
		_exit(usdt_system_nhidden(s) ? 0 : 2); /* at least process 1 is hidden */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void the_libraries_are_those_of_the_header(void **state)
{
	(void)state;
	assert_int_equal(usdt_version(), USDT_VERSION);
	assert_int_equal(usdt_read_version(), USDT_VERSION);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_given_once_with_all_its_processes),
		cmocka_unit_test(without_rights_others_are_counted_as_hidden),
		cmocka_unit_test(the_libraries_are_those_of_the_header),
	};

	return cmocka_run_group_tests_name("usdt/system", tests, NULL, NULL);
}
