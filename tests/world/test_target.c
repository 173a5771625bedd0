/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/world/test_target.c: commands stopped at evaltime, and grabbed processes. */
#include "tests/world/victim.h"

#include <errno.h>
#include <poll.h>

/* The SIGCHLD that makes the fd readable interrupts poll too: poll again. */
static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	while ((n = poll(&p, 1, 10000)) < 0 && errno == EINTR)
		;
	assert_int_equal(n, 1);
}

/* Lets the command run to its end; returns the number of stops at new objects. */
static int run_out(struct world_target *t, int *status)
{
	int stops = 0;

	world_target_continue(t);
	for (;;) {
		enum world_target_state state;

		wait_readable(world_target_fd(t));
		state = world_target_event(t, status);
		if (state == WORLD_TARGET_EXITED)
			return stops;
		if (state == WORLD_TARGET_STOPPED) {
			stops++;
			world_target_continue(t);
		}
	}
}

/* The process has mapped a file of that name, and the file has probes. */
static bool has_probes(struct world *w, pid_t pid, const char *base)
{
	int file = victim_mapped(w, pid, base);
	const struct usdt_file *usdt = file < 0 ? NULL : world_file_usdt(w, file);

	return usdt && usdt_file_nprobes(usdt);
}

static int run_command(const char *command, const char *evaltime, int *stops)
{
	struct world *w = world_new(victim_diag());
	struct world_target *t = world_target_create(w, command, evaltime);
	int status = -1;

	assert_non_null(t);
	*stops = run_out(t, &status);
	world_target_free(t);
	world_free(w);
	return status;
}

static void commands_run_and_their_status_is_known(void **state)
{
	static const char *const when[] = { "exec", "preinit", "postinit", "main" };
	int stops;

	(void)state;
	for (size_t i = 0; i < COUNT(when); i++)
		assert_int_equal(run_command("sh -c 'exit 3'", when[i], &stops), 3 << 8);
	assert_int_equal(run_command("sh -c 'kill -9 $$'", "preinit", &stops), SIGKILL);
	assert_int_equal(
		run_command("sh -c \"trap 'exit 5' USR1; kill -USR1 $$\"", "preinit", &stops),
		5 << 8);
}

/* The constructor would end the process: the stop comes before, with all objects mapped. */
static void constructors_have_not_run(void **state)
{
	const char *app = victim_build(
		"ctorx", "",
		"#include <sys/sdt.h>\n#include <unistd.h>\n"
		"__attribute__((constructor)) static void c(void) { DTRACE_PROBE(ctorx, c); _exit(4); }\n"
		"int main(void) { return 0; }\n");
	struct world *w = world_new(victim_diag());
	struct world_target *t = world_target_create(w, app, "preinit");
	int status;

	(void)state;
	assert_non_null(t);
	assert_true(has_probes(w, t->pid, "ctorx"));
	run_out(t, &status);
	assert_int_equal(status, 4 << 8);
	world_target_free(t);
	t = world_target_create(w, app, "main");
	assert_null(t);
	assert_non_null(strstr(said, "it ended before main"));
	world_free(w);
}

static void dlopen_stops_before_constructors(void **state)
{
	char text[512];
	const char *
		lib = victim_build(
		       "libdlx.so", "-shared -fPIC",
		       "#include <sys/sdt.h>\n"
		       "__attribute__((constructor)) static void c(void) { DTRACE_PROBE(dlx, c); }\n"),
	       *app;
	struct world *w = world_new(victim_diag());
	struct world_target *t;
	enum world_target_state event;
	int status;

	(void)state;
	snprintf(text, sizeof(text),
		 "#include <dlfcn.h>\n"
		 "int main(void) { return dlopen(\"%s\", RTLD_NOW) ? 6 : 1; }\n",
		 lib);
	app = victim_build("dlappx", "-ldl", text);
	t = world_target_create(w, app, "preinit");
	assert_non_null(t);
	assert_false(has_probes(w, t->pid, "libdlx.so"));
	world_target_continue(t);
	do {
		wait_readable(world_target_fd(t));
		event = world_target_event(t, &status);
	} while (event == WORLD_TARGET_RUNS);
	assert_int_equal(event, WORLD_TARGET_STOPPED);
	assert_true(has_probes(w, t->pid, "libdlx.so"));
	run_out(t, &status);
	assert_int_equal(status, 6 << 8);
	world_target_free(t);
	world_free(w);
}

static void what_cannot_start_says_why(void **state)
{
	struct world *w = world_new(victim_diag());

	(void)state;
	assert_null(world_target_create(w, "/nonexistent/x y", "preinit"));
	assert_string_equal(
		said, "dtrace: failed to execute /nonexistent/x: No such file or directory\n");
	assert_null(world_target_create(w, "true 'x", "preinit"));
	assert_null(world_target_create(w, "true", "never"));
	assert_null(world_target_grab(w, 999999999));
	assert_non_null(
		strstr(said, "dtrace: failed to grab process 999999999: No such process\n"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
	world_free(w);
}

static void freeing_ends_it(void **state)
{
	struct world *w = world_new(victim_diag());
	struct world_target *t = world_target_create(w, "sh -c 'exit 9'", "preinit");
	int status;
	pid_t pid = t->pid;

	(void)state;
	world_target_free(t);
	assert_int_equal(waitpid(pid, &status, 0), -1); /* world_target_free waited for it */
	assert_int_equal(kill(pid, 0), -1);
	world_free(w);
}

/* Kills the tracer while its child is stopped, and again while the child runs to a dlopen. */
static void a_dead_tracer_frees_its_child(void **state)
{
	char mark[96], cmd[200];

	(void)state;
	for (int go = 0; go < 2; go++) {
		pid_t pid;

		snprintf(mark, sizeof(mark), "%s/mark%d", victim_dir, go);
		snprintf(
			cmd, sizeof(cmd),
			"python3 -c 'import time;time.sleep(.3);import ctypes,sqlite3;open(\"%s\",\"w\")'",
			mark);
		pid = fork();
		if (!pid) {
			struct world_target *t = world_target_create(world_new(victim_diag()), cmd,
								     "preinit");

			if (go)
				world_target_continue(t);
			raise(SIGKILL);
		}
		waitpid(pid, NULL, 0);
		for (int i = 0; i < 100 && access(mark, F_OK); i++)
			usleep(50000);
		assert_int_equal(access(mark, F_OK), 0);
	}
}

static void a_grabbed_process_tells_its_end(void **state)
{
	struct world *w = world_new(victim_diag());
	struct world_target *t;
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		pause();
		_exit(0);
	}
	t = world_target_grab(w, pid);
	assert_non_null(t);
	assert_int_equal(world_target_event(t, &status), 0);
	kill(pid, SIGKILL);
	wait_readable(world_target_fd(t));
	assert_int_equal(world_target_event(t, &status), 1);
	waitpid(pid, NULL, 0);
	world_target_free(t);
	world_free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_run_and_their_status_is_known),
		cmocka_unit_test(constructors_have_not_run),
		cmocka_unit_test(dlopen_stops_before_constructors),
		cmocka_unit_test(what_cannot_start_says_why),
		cmocka_unit_test(freeing_ends_it),
		cmocka_unit_test(a_dead_tracer_frees_its_child),
		cmocka_unit_test(a_grabbed_process_tells_its_end),
	};

	return cmocka_run_group_tests_name("world/target", tests, victim_setup, victim_teardown);
}
