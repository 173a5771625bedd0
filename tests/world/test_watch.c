/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/world/test_watch.c: events of a process, and looks at processes that map files. */
#include "tests/world/victim.h"

#include <poll.h>

struct life {
	pid_t pid;
	uint64_t last;
	bool in_order;
	int fork, exec, exit, mmap;
};

static void event(void *arg, const struct world_event *ev)
{
	struct life *l = arg;

	l->in_order &= ev->time >= l->last;
	l->last = ev->time;
	if (ev->pid != l->pid && ev->kind != WORLD_EV_FORK)
		return;
	l->fork += ev->kind == WORLD_EV_FORK && ev->ppid == getpid();
	l->exec += ev->kind == WORLD_EV_EXEC && !strcmp(ev->path, "true");
	l->mmap += ev->kind == WORLD_EV_MMAP && strstr(ev->path, "libc") != NULL;
	l->exit += ev->kind == WORLD_EV_EXIT;
}

static void a_life_is_told_in_order(void **state)
{
	struct diag *diag = victim_diag();
	struct world *w = world_new(diag);
	struct life l = { .in_order = true };

	(void)state;
	assert_int_equal(world_watch_open(w), 0);
	world_watch_events(w, event, &l);
	l.pid = fork();
	if (!l.pid) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	waitpid(l.pid, NULL, 0);
	assert_int_equal(poll(&(struct pollfd){ world_watch_fd(w), POLLIN, 0 }, 1, 5000), 1);
	assert_int_equal(world_watch_read(w), 0);
	assert_true(l.in_order);
	assert_true(l.fork >= 1);
	assert_int_equal(l.exec, 1);
	assert_int_equal(l.exit, 1);
	assert_true(l.mmap >= 1);
	world_free(w);
}

struct follower {
	struct world *w;
	pid_t pid;
	int looks, found;
};

static bool wants(void *arg, pid_t pid, bool known)
{
	const struct follower *f = arg;

	return pid == f->pid && !known;
}

static int looked(void *arg, const struct world_look *look)
{
	struct follower *f = arg;

	f->looks++;
	for (size_t i = 0; i < look->npids; i++)
		f->found += look->pids[i] == f->pid &&
			    victim_mapped(f->w, f->pid, "libfollowed.so") >= 0;
	return 0;
}

/* Two processes call dlopen; the follower wants only the second. */
static void a_follower_is_told_of_the_files_that_it_wants(void **state)
{
	const char *lib = victim_build("libfollowed.so", "-shared -fPIC", "void f(void) { }\n"),
		   *app;
	struct diag *diag = victim_diag();
	struct world *w = world_new(diag);
	struct follower f = { .w = w };
	char text[512], c;
	FILE *out[2];
	int in[2];
	pid_t pid[2];

	(void)state;
	snprintf(text, sizeof(text),
		 "#include <dlfcn.h>\n#include <stdio.h>\n"
		 "int main(void) { puts(\"up\"); fflush(stdout); getchar(); dlopen(\"%s\", 2);\n"
		 "puts(\"in\"); fflush(stdout); getchar(); return 0; }\n",
		 lib);
	app = victim_build("follower", "-ldl", text);
	for (int i = 0; i < 2; i++)
		pid[i] = victim_run(app, NULL, &out[i], &in[i]);
	f.pid = pid[1];
	assert_int_equal(world_watch_open(w), 0);
	world_watch_files(w, &(struct world_follower){ wants, looked, &f });
	assert_int_equal(world_watch_read(w), 0); /* the first look is at all processes */
	assert_int_equal(f.looks, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(in[i], "\n", 1), 1);
		assert_int_equal(fread(&c, 1, 1, out[i]), 1);
		assert_int_equal(world_watch_read(w), 0);
		assert_int_equal(f.found, i);
	}
	for (int i = 0; i < 2; i++)
		victim_end(pid[i], out[i], in[i]);
	world_free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_is_told_in_order),
		cmocka_unit_test(a_follower_is_told_of_the_files_that_it_wants),
	};

	return cmocka_run_group_tests_name("world/watch", tests, victim_setup, victim_teardown);
}
