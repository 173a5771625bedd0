/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/usdt/test_made.c: providers and points made at run time, seen by the
 * process itself and by libusdt-read. tests/trace/test_runtime_probes.py tests
 * them with a tracer; fires.c tests their arguments.
 *
 * Allocations and system calls of the library go through __wrap_ functions
 * here (see local.mk): call number `fail_at` fails.
 */
#include "usdt/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static long fail_at, calls; /* 0: no call fails */

static bool fails_now(void)
{
	bool now = fail_at && ++calls == fail_at;

	if (now)
		errno = ENOMEM;
	return now;
}

#define WRAP(type, name, failure, params, args)                    \
	type __real_##name params;                                 \
	type __wrap_##name params;                                 \
	type __wrap_##name params                                  \
	{                                                          \
		return fails_now() ? failure : __real_##name args; \
	}
WRAP(void *, malloc, NULL, (size_t n), (n))
WRAP(void *, calloc, NULL, (size_t n, size_t of), (n, of))
WRAP(void *, realloc, NULL, (void *p, size_t n), (p, n))
WRAP(char *, strdup, NULL, (const char *s), (s))
WRAP(char *, strndup, NULL, (const char *s, size_t n), (s, n))
WRAP(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
WRAP(ssize_t, write, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(int, mprotect, -1, (void *p, size_t n, int prot), (p, n, prot))
WRAP(void *, mmap, MAP_FAILED, (void *p, size_t n, int prot, int flags, int fd, off_t at),
     (p, n, prot, flags, fd, at))

/* ---- Prototypes ------------------------------------------------------------------------ */

static void prototypes_say_size_sign_type_and_name(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "void", "" },
		{ " ( ", NULL },
		{ "int", "-4 int|" },
		{ "int id, const char *url", "-4 int|id, 8 const char *|url" },
		{ "unsigned  long\tlong x", "8 unsigned long long|x" },
		{ "long", "-8 long|" },
		{ "short int", "-2 short int|" },
		{ "unsigned short", "2 unsigned short|" },
		{ "signed char c", "-1 signed char|c" },
		{ "unsigned char", "1 unsigned char|" },
		{ "unsigned", "4 unsigned|" },
		{ "unsigned u", "4 unsigned|u" },
		{ "long unsigned int", "8 long unsigned int|" },
		{ "_Bool b,bool", "1 _Bool|b, 1 bool|" },
		{ "float,double d", "4f float|, 8f double|d" },
		{ "int const x", "-4 int const|x" },
		{ "uint8_t,int16_t a", "1 uint8_t|, -2 int16_t|a" },
		{ "size_t", "8 size_t|" },
		{ "pid_t p, mode_t", "-4 pid_t|p, 4 mode_t|" },
		{ "enum e v", "-4 enum e|v" },
		{ "string s", "8 string|s" },
		{ "void*", "8 void *|" },
		{ "void **p", "8 void **|p" },
		{ "struct a*b", "8 struct a *|b" },
		{ "my_t *x", "8 my_t *|x" },
		{ "const struct a *const *q", "8 const struct a *const *|q" },
		{ "char buf[16]", "8 char *|buf" },
		{ "int v[]", "8 int *|v" },
		{ "char *argv[]", "8 char **|argv" },
		{ "int *restrict p", "8 int *restrict|p" },
		{ "long double", NULL },
		{ "short double", NULL },
		{ "unsigned float", NULL },
		{ "signed unsigned", NULL },
		{ "struct a", NULL },
		{ "struct a x", NULL },
		{ "struct *", NULL },
		{ "my_t x", NULL },
		{ "int,", NULL },
		{ ",int", NULL },
		{ "int x y", NULL },
		{ "int int", NULL },
		{ "void v", NULL },
		{ "int, void", NULL },
		{ "void, int", NULL },
		{ "int (*f)(int)", NULL },
		{ "int ...", NULL },
		{ "*", NULL },
		{ "int x[2][3]", NULL },
		{ "int x[2", NULL },
		{ "42", NULL },
		{ "const", NULL },
		{ "int x-y", NULL },
		{ "int\1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct usdt_proto p;
		char got[512] = "", one[256];
		int err = usdt_proto_parse(cases[i].text, &p);

		if (err != (cases[i].want ? 0 : -EINVAL))
			fail_msg("'%s' gives %d", cases[i].text, err);
		for (size_t k = 0; k < p.n; k++) {
			snprintf(one, sizeof(one), "%s%s%u%s %s|%s", k ? ", " : "",
				 p.param[k].is_signed ? "-" : "", p.param[k].size,
				 p.param[k].is_float ? "f" : "", p.param[k].type, p.param[k].name);
			strcat(got, one);
		}
		if (cases[i].want)
			assert_string_equal(got, cases[i].want);
		usdt_proto_free(&p);
	}
}

/* ---- What the process shows --------------------------------------------------------------- */

static size_t mappings(const char *what)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[1024];
	size_t n = 0;

	while (fgets(line, sizeof(line), maps))
		n += strstr(line, what) != NULL;
	fclose(maps);
	return n;
}

enum { FEW = 8 }; /* mappings that the allocator may add */

static size_t descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* The descriptor of the memfd of provider `name`; -1: not open. */
static int object_fd(const char *name)
{
	char path[64], to[256], want[128];

	snprintf(want, sizeof(want), "/memfd:usdt:%s (deleted)", name);
	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n < 0)
			continue;
		to[n] = '\0';
		if (!strcmp(to, want))
			return fd;
	}
	return -1;
}

static struct usdt_provider *with_points(const char *name, size_t n, struct usdt_point **points)
{
	struct usdt_provider *p;
	char probe[32];

	assert_int_equal(usdt_provider_new(name, &p), 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(probe, sizeof(probe), "p%zu", i);
		assert_int_equal(usdt_provider_add(p, probe, "int n, const char *s", &points[i]),
				 0);
	}
	return p;
}

static void an_object_is_seen_from_enable_to_disable(void **state)
{
	size_t fds = descriptors();
	struct usdt_point *point;
	struct usdt_provider *p = with_points("seen", 1, &point);

	(void)state;
	assert_int_equal(mappings("usdt:seen"), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(usdt_provider_enable(p), 0);
		assert_int_equal(mappings("/memfd:usdt:seen (deleted)"), 2);
		assert_int_equal(descriptors(), fds + 1);
		assert_int_equal(usdt_provider_enable(p), 0); /* enabled already */
		assert_int_equal(mappings("usdt:seen"), 2);
		assert_int_equal(usdt_provider_disable(p), 0);
		assert_int_equal(usdt_provider_disable(p), 0);
		assert_int_equal(mappings("usdt:seen"), 0);
		assert_int_equal(descriptors(), fds);
	}
	assert_int_equal(usdt_provider_enable(p), 0);
	assert_int_equal(fcntl(object_fd("seen"), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(object_fd("seen"), F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	usdt_provider_free(p);
	assert_int_equal(mappings("usdt:seen"), 0);
	assert_int_equal(descriptors(), fds);
}

static void readers_find_probes_types_and_semaphores(void **state)
{
	struct usdt_point *a, *b, *gone;
	struct usdt_provider *p;
	const struct usdt_probe *probe;
	const struct usdt_types *t;
	struct usdt_file *f;
	uint64_t offset;

	(void)state;
	assert_int_equal(usdt_provider_new("app", &p), 0);
	assert_int_equal(usdt_provider_add(p, "Server.run:request-start", "int id, string", &a), 0);
	assert_int_equal(usdt_provider_add(p, "gone", NULL, &gone), 0);
	assert_int_equal(usdt_provider_add(p, "stop", "double d", &b), 0);
	assert_int_equal(usdt_provider_add(p, "main:stop", "double d", &b), 0);
	assert_int_equal(usdt_provider_remove(p, gone), 0);
	assert_int_equal(usdt_provider_enable(p), 0);
	assert_int_equal(usdt_file_open_fd(object_fd("app"), "x", &f), 0);
	assert_int_equal(usdt_file_nbad(f), 0);
	assert_int_equal(usdt_file_nprobes(f), 2);
	probe = usdt_file_probe(f, 0);
	assert_string_equal(usdt_probe_provider(probe), "app");
	assert_string_equal(usdt_probe_name(probe), "request-start");
	assert_string_equal(usdt_probe_note_name(probe), "request__start");
	assert_int_equal(usdt_probe_nsites(probe), 1);
	assert_string_equal(usdt_site_function(usdt_probe_site(probe, 0)), "Server.run");
	/* The semaphore in the file is the point's semaphore in memory. */
	assert_int_equal(usdt_file_offset(f, usdt_site_semaphore_address(usdt_probe_site(probe, 0)),
					  &offset),
			 0);
	assert_int_equal(offset, usdt_site_semaphore_offset(usdt_probe_site(probe, 0)));
	assert_int_equal(offset % 4096, (uintptr_t)a % 4096);
	t = usdt_probe_types(probe);
	assert_int_equal(usdt_types_nargs(t), 2);
	assert_string_equal(usdt_types_arg(t, 0), "int");
	assert_string_equal(usdt_types_arg_name(t, 0), "id");
	assert_string_equal(usdt_types_xarg(t, 1), "string");
	assert_string_equal(usdt_types_xarg_name(t, 1), "");
	assert_int_equal(usdt_types_attribute(t, 3, 0), 4);
	probe = usdt_file_probe(f, 1);
	assert_string_equal(usdt_probe_name(probe), "stop");
	assert_int_equal(usdt_probe_nsites(probe), 2);
	assert_string_equal(usdt_site_function(usdt_probe_site(probe, 0)), "stop");
	assert_string_equal(usdt_site_function(usdt_probe_site(probe, 1)), "main");
	assert_true(usdt_site_arg(usdt_probe_site(probe, 1), 0)->is_float);
	usdt_file_close(f);
	usdt_provider_free(p);
}

/* ---- What is refused ------------------------------------------------------------------------ */

static void names_that_are_none_are_refused(void **state)
{
	static const char *const providers[] = {
		NULL,  "",    "1a",
		"a1",  "a-b", "a b",
		"a:b", "é",   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};
	static const char *const probes[] = { NULL, "",	     "1",     "-a", "a b", "a:",
					      ":a", "a:b c", "f g:a", "a*", "a:b:" };
	struct usdt_provider *p;
	struct usdt_point *point;
	char wide[200];

	(void)state;
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		assert_int_equal(usdt_provider_new(providers[i], &p), -EINVAL);
		assert_null(p);
	}
	assert_int_equal(usdt_provider_new("app", &p), 0);
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		assert_int_equal(usdt_provider_add(p, probes[i], NULL, &point), -EINVAL);
		assert_null(point);
	}
	memset(wide, 'a', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	assert_int_equal(usdt_provider_add(p, wide, NULL, &point), -EINVAL);
	assert_int_equal(usdt_provider_add(p, "a", "foo", &point), -EINVAL);
	assert_int_equal(usdt_provider_add(
				 p, "a", "int,int,int,int,int,int,int,int,int,int,int,int", &point),
			 0);
	assert_int_equal(usdt_provider_add(p, "b",
					   "int,int,int,int,int,int,int,int,int,int,int,int,int",
					   &point),
			 -E2BIG);
	assert_int_equal(usdt_provider_add(p, "a", NULL, &point), -EEXIST);
	assert_int_equal(usdt_provider_add(p, "main:a", "int", &point), -EINVAL); /* another type */
	assert_int_equal(usdt_provider_add(p, "b", NULL, &point), 0);
	assert_int_equal(usdt_provider_remove(p, point), 0);
	assert_int_equal(usdt_provider_remove(p, point), -ENOENT);
	assert_int_equal(usdt_provider_add(p, "b", "int", &point), 0);
	usdt_provider_free(p);
	usdt_provider_free(NULL);
}

static void without_descriptors_enable_fails_and_can_be_tried_again(void **state)
{
	struct rlimit was, none;
	struct usdt_point *point;
	struct usdt_provider *p = with_points("nofd", 1, &point);

	(void)state;
	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(usdt_provider_enable(p), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(mappings("usdt:nofd"), 0);
	assert_int_equal(usdt_provider_enable(p), 0);
	assert_int_equal(mappings("usdt:nofd"), 2);
	usdt_provider_free(p);
}

/* The steps below, of which call number `fail_at` fails: an error, and nothing stays changed. */
static int steps(void)
{
	struct usdt_provider *p = NULL;
	struct usdt_point *a = NULL, *b = NULL;
	int err = usdt_provider_new("frail", &p);

	if (!err)
		err = usdt_provider_add(p, "f:a", "int x", &a);
	if (!err)
		err = usdt_provider_enable(p);
	if (!err)
		err = usdt_provider_add(p, "b", "char *", &b);
	if (!err)
		err = usdt_provider_enable(p);
	if (!err)
		err = usdt_provider_disable(p);
	fail_at = 0;
	if (a)
		usdt_point_fire(a, &(uint64_t){ 1 });
	usdt_provider_free(p);
	return err;
}

static void every_failure_is_an_error_that_leaves_nothing(void **state)
{
	size_t fds = descriptors(), maps = mappings(""), failures = 0;
	int err;

	(void)state;
	for (long n = 1;; n++) {
		calls = 0;
		fail_at = n;
		err = steps();
		assert_int_equal(mappings("frail"), 0);
		assert_int_equal(descriptors(), fds);
		if (calls < n)
			break;
		/* No call is optional: each failure must be an error. */
		assert_int_equal(err, -ENOMEM);
		failures++;
	}
	assert_int_equal(err, 0);
	assert_true(failures > 20);
	assert_true(mappings("") <= maps + FEW);
}

/* ---- Many --------------------------------------------------------------------------------- */

static void thousands_of_points_are_a_few_objects(void **state)
{
	enum { N = 5000 };
	struct usdt_point **points = calloc(N, sizeof(*points));
	struct usdt_provider *p = with_points("many", N, points);
	struct usdt_proc *proc;
	size_t found = 0;

	(void)state;
	assert_int_equal(usdt_provider_enable(p), 0);
	assert_true(mappings("usdt:many") <= 8);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(points[i]->semaphore, 0);
		points[i]->semaphore = (uint16_t)(i % 7 + 1);
	}
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(points[i]->semaphore, i % 7 + 1);
		usdt_fire(points[i], (int)i, "x");
	}
	assert_int_equal(usdt_proc_open(getpid(), &proc), 0);
	for (size_t i = 0; i < usdt_proc_nobjects(proc); i++) {
		const struct usdt_object *o = usdt_proc_object(proc, i);
		struct usdt_file *f;

		if (strcmp(usdt_object_path(o), "/memfd:usdt:many (deleted)"))
			continue;
		assert_int_equal(usdt_object_open(o, &f), 0);
		assert_int_equal(usdt_file_nbad(f), 0);
		found += usdt_file_nprobes(f);
		usdt_file_close(f);
	}
	usdt_proc_close(proc);
	assert_int_equal(found, N);
	usdt_provider_free(p);
	free(points);
}

static void a_hundred_thousand_lives_leave_nothing(void **state)
{
	enum { N = 100000 };
	size_t fds = descriptors(), maps = 0, used = 0;
	struct usdt_point *points[2];

	(void)state;
	for (int i = 0; i < N; i++) {
		struct usdt_provider *p = with_points("brief", 2, points);

		assert_int_equal(usdt_provider_enable(p), 0);
		usdt_point_fire(points[1], (uint64_t[]){ 1, 0 });
		if (i & 1)
			assert_int_equal(usdt_provider_disable(p), 0);
		usdt_provider_free(p);
		if (i == 100) { /* things allocated once are allocated by now */
			maps = mappings("");
			used = mallinfo2().uordblks;
		}
	}
	assert_int_equal(descriptors(), fds);
	assert_int_equal(mappings("brief"), 0);
	assert_true(mappings("") <= maps + FEW);
	assert_true(mallinfo2().uordblks <= used + 4096);
}

static void points_come_and_go_in_a_provider_that_stays(void **state)
{
	struct usdt_point *stays, *p1, *p2;
	struct usdt_provider *p = with_points("stays", 1, &stays);
	size_t maps = 0;

	(void)state;
	assert_int_equal(usdt_provider_enable(p), 0);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(usdt_provider_add(p, "one", "int", &p1), 0);
		assert_int_equal(usdt_provider_add(p, "two", "int", &p2), 0);
		assert_int_equal(usdt_provider_enable(p), 0);
		assert_int_equal(usdt_provider_remove(p, p1), 0);
		usdt_point_fire(p2, &(uint64_t){ 1 });
		assert_int_equal(mappings("usdt:stays"), 4); /* p2 keeps the mappings */
		assert_int_equal(usdt_provider_remove(p, p2), 0);
		assert_int_equal(mappings("usdt:stays"), 2);
		if (i == 10)
			maps = mappings("");
	}
	assert_true(mappings("") <= maps + FEW);
	usdt_provider_free(p);
}

/* ---- Threads, forks, descriptors ------------------------------------------------------------ */

static struct usdt_point *shared[4];
static struct usdt_provider *flicker;
static bool stop;

static void *firing(void *arg)
{
	const uint64_t args[2] = { 1, 0 };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		for (int i = 0; i < 4; i++)
			usdt_point_fire(shared[i], args);
	return arg;
}

static void *flickering(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (usdt_provider_enable(flicker) || usdt_provider_disable(flicker))
			abort();
	}
	return arg;
}

static void threads_fire_while_others_enable_and_disable(void **state)
{
	pthread_t threads[6];

	(void)state;
	flicker = with_points("flicker", 4, shared);
	stop = false;
	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, i < 4 ? firing : flickering, NULL);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(usdt_provider_enable(flicker), 0);
		assert_int_equal(usdt_provider_disable(flicker), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	usdt_provider_free(flicker);
	assert_int_equal(mappings("flicker"), 0);
}

/* Another thread may hold the lock at the time of fork: the child must find the lock free. */
static void a_forked_child_has_its_own_and_is_not_locked_out(void **state)
{
	pthread_t thread;
	struct usdt_point *mine;
	struct usdt_provider *p = with_points("mine", 1, &mine);

	(void)state;
	assert_int_equal(usdt_provider_enable(p), 0);
	flicker = with_points("flicker", 4, shared);
	stop = false;
	pthread_create(&thread, NULL, flickering, NULL);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			alarm(20);
			usdt_point_fire(mine, (uint64_t[]){ 1, 0 });
			if (mappings("usdt:mine") != 2 || usdt_provider_disable(p) ||
			    mappings("usdt:mine") || usdt_provider_enable(p) ||
			    mappings("usdt:mine") != 2)
				_exit(1);
			usdt_provider_free(p);
			_exit(mappings("usdt:mine") != 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(mappings("usdt:mine"), 2);
	usdt_point_fire(mine, (uint64_t[]){ 1, 0 });
	usdt_provider_free(flicker);
	usdt_provider_free(p);
}

static void a_descriptor_that_became_another_file_is_left_open(void **state)
{
	struct usdt_point *point;
	struct usdt_provider *p = with_points("closed", 1, &point);
	int fd, other;

	(void)state;
	assert_int_equal(usdt_provider_enable(p), 0);
	fd = object_fd("closed");
	close(fd); /* as a program that becomes a daemon does */
	other = open("/dev/null", O_RDONLY);
	assert_int_equal(other, fd);
	usdt_point_fire(point, (uint64_t[]){ 1, 0 });
	usdt_provider_free(p);
	assert_true(fcntl(other, F_GETFD) >= 0);
	close(other);
}

static void two_providers_of_one_name_live_side_by_side(void **state)
{
	struct usdt_point *a, *b;
	struct usdt_provider *one = with_points("same", 1, &a), *two = with_points("same", 1, &b);

	(void)state;
	assert_int_equal(usdt_provider_enable(one), 0);
	assert_int_equal(usdt_provider_enable(two), 0);
	assert_int_equal(mappings("usdt:same"), 4);
	usdt_provider_free(one);
	assert_int_equal(mappings("usdt:same"), 2);
	usdt_point_fire(b, (uint64_t[]){ 1, 0 });
	usdt_provider_free(two);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(prototypes_say_size_sign_type_and_name),
		cmocka_unit_test(an_object_is_seen_from_enable_to_disable),
		cmocka_unit_test(readers_find_probes_types_and_semaphores),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(without_descriptors_enable_fails_and_can_be_tried_again),
		cmocka_unit_test(every_failure_is_an_error_that_leaves_nothing),
		cmocka_unit_test(thousands_of_points_are_a_few_objects),
		cmocka_unit_test(a_hundred_thousand_lives_leave_nothing),
		cmocka_unit_test(points_come_and_go_in_a_provider_that_stays),
		cmocka_unit_test(threads_fire_while_others_enable_and_disable),
		cmocka_unit_test(a_forked_child_has_its_own_and_is_not_locked_out),
		cmocka_unit_test(a_descriptor_that_became_another_file_is_left_open),
		cmocka_unit_test(two_providers_of_one_name_live_side_by_side),
	};

	return cmocka_run_group_tests_name("usdt/made", tests, NULL, NULL);
}
