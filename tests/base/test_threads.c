/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_threads.c: the first thread, then the others, until one will do. */
#include "base/threads.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	pid_t tid[64];
	size_t n, enough;
};

static bool see(void *arg, pid_t tid)
{
	struct seen *s = arg;

	s->tid[s->n++] = tid;
	return s->n == s->enough;
}

static void *wait_for_end(void *gate)
{
	char c;

	return read(*(int *)gate, &c, 1) ? gate : NULL;
}

static void every_thread_until_one_will_do(void **state)
{
	pthread_t t[3];
	int gate[2];

	(void)state;
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, wait_for_end, &gate[0]), 0);
	for (size_t enough = 0; enough < 5; enough++) {
		struct seen s = { .enough = enough };

		assert_int_equal(threads_any(getpid(), see, &s), enough > 0);
		assert_int_equal(s.n, enough ? enough : 4);
		assert_int_equal(s.tid[0], getpid());
		for (size_t i = 1; i < s.n; i++)
			assert_int_not_equal(s.tid[i], getpid());
	}
	close(gate[1]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	close(gate[0]);
}

static void of_no_process_the_number_alone(void **state)
{
	struct seen s = { .enough = 0 };

	(void)state;
	assert_false(threads_any(INT32_MAX, see, &s));
	assert_int_equal(s.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_thread_until_one_will_do),
		cmocka_unit_test(of_no_process_the_number_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
