/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/world/victim.h: programs that the tests compile and run, and a world to look at them. */
#ifndef TESTS_WORLD_VICTIM_H
#define TESTS_WORLD_VICTIM_H

#include "world/world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char victim_dir[64];

static inline int victim_setup(void **state)
{
	(void)state;
	snprintf(victim_dir, sizeof(victim_dir), "/tmp/usdt-victim-XXXXXX");
	return mkdtemp(victim_dir) ? 0 : -1;
}

static inline int victim_teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", victim_dir);
	return system(cmd);
}

/* Compiles a C text to victim_dir/name; its path, which stays valid for 7 more calls. */
static inline const char *victim_build(const char *name, const char *flags, const char *text)
{
	static char paths[8][128];
	static int next;
	char cmd[512], *path = paths[next++ % 8];
	FILE *cc;

	snprintf(path, sizeof(paths[0]), "%s/%s", victim_dir, name);
	snprintf(cmd, sizeof(cmd), "cc -O1 -g -x c - -o %s -I%s/include %s", path,
		 getenv("srcdir") ? getenv("srcdir") : ".", flags);
	cc = popen(cmd, "w");
	assert_non_null(cc);
	fputs(text, cc);
	assert_int_equal(pclose(cc), 0);
	return path;
}

/* Starts a program, and waits for its first line. *in: its stdin; *out: its stdout. */
static inline pid_t victim_run(const char *path, const char *arg, FILE **out, int *in)
{
	int to[2], from[2];
	char line[64];
	pid_t pid;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execl(path, path, arg, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	*in = to[1];
	*out = fdopen(from[0], "r");
	assert_non_null(fgets(line, sizeof(line), *out));
	return pid;
}

static inline int victim_end(pid_t pid, FILE *out, int in)
{
	int status = -1;

	close(in);
	waitpid(pid, &status, 0);
	fclose(out);
	return status;
}

/* ---- Worlds ------------------------------------------------------------------ */

static char said[4096];

static inline void say(void *arg, const char *text, size_t len)
{
	size_t have = strlen(said);

	(void)arg;
	if (have + len < sizeof(said))
		memcpy(said + have, text, len);
}

static inline struct diag *victim_diag(void)
{
	static struct diag diag;

	memset(said, 0, sizeof(said));
	diag = (struct diag){ .who = "dtrace", .sink = say };
	return &diag;
}

/* The file of that base name that the process has mapped; -1: not mapped. */
static inline int victim_mapped(struct world *w, pid_t pid, const char *base)
{
	size_t n;
	const struct world_mapping *maps = world_mappings(w, pid, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(world_file_base(w, maps[i].file), base))
			return maps[i].file;
	return -1;
}

#endif
