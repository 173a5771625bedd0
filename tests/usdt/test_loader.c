/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/usdt/test_loader.c: finds r_brk, r_state and the start of this process. */
#include "usdt/loader.h"

#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cmocka.h>

int main(void); /* usdt_start_find looks for main */

/* The bytes of the file at the place are the bytes in memory. */
static void same_code(const struct usdt_place *p)
{
	unsigned char file[8];

	assert_int_equal(pread(p->fd, file, sizeof(file), (off_t)p->offset), sizeof(file));
	assert_memory_equal(file, (const void *)(uintptr_t)p->address, sizeof(file));
	assert_true(p->object <= p->address);
	close(p->fd);
}

/* The loader's own r_debug; the symbol _r_debug may be a copy in the program. */
static const struct r_debug *debug(void)
{
	for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_DEBUG)
			return (const struct r_debug *)d->d_un.d_ptr;
	return NULL;
}

static void loader_is_where_the_loader_says(void **state)
{
	struct usdt_place p;
	const struct r_debug *r = debug();
	uint64_t word;

	(void)state;
	assert_non_null(r);
	assert_int_equal(usdt_loader_find(getpid(), &p, &word), 0);
	assert_int_equal(p.address, r->r_brk);
	assert_int_equal(word, (uintptr_t)&r->r_state);
	same_code(&p);
}

static void start_is_the_function_or_the_entry(void **state)
{
	struct usdt_place p;

	(void)state;
	assert_int_equal(usdt_start_find(getpid(), "main", &p), 0);
	assert_int_equal(p.address, (uintptr_t)main);
	same_code(&p);
	assert_int_equal(usdt_start_find(getpid(), NULL, &p), 0);
	assert_int_equal(p.address, getauxval(AT_ENTRY));
	same_code(&p);
	assert_int_equal(usdt_start_find(getpid(), "no_such_function", &p), 0);
	assert_int_equal(p.address, getauxval(AT_ENTRY));
	close(p.fd);
}

static void nothing_is_found_of_no_process(void **state)
{
	struct usdt_place p;
	uint64_t word;

	(void)state;
	assert_int_equal(usdt_loader_find(1 << 22, &p, &word), -ENOENT);
	assert_int_equal(p.fd, -1);
	assert_int_equal(usdt_start_find(1 << 22, "main", &p), -ENOENT);
	assert_int_equal(p.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loader_is_where_the_loader_says),
		cmocka_unit_test(start_is_the_function_or_the_entry),
		cmocka_unit_test(nothing_is_found_of_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
