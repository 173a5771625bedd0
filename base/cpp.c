/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/cpp.c: runs the C preprocessor, without a shell.
 * In:   a text; $CPP (split at blanks), else cc, gcc or clang with -E.
 * Out:  the preprocessed text, with the line markers that text_place reads.
 * Owns: three memory files and the child, all gone at return.
 *
 * Input and output are memory files, not pipes: neither side can wait for
 * the other, whatever the sizes.
 */
#include "base/cpp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Reads a whole memory file; adds a NUL. */
static char *slurp(struct arena *a, int fd, size_t *len)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *s = size < 0 ? NULL : arena_alloc(a, (size_t)size + 1);

	*len = 0;
	while (s && *len < (size_t)size) {
		ssize_t n = pread(fd, s + *len, (size_t)size - *len, (off_t)*len);

		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	return s;
}

/* The command line: the words of $CPP or `cc -E`, our options, the caller's. NULL: no memory. */
static char **command(struct arena *a, const char *name, const char *const *args, size_t n)
{
	/*
	 * -std=c99: in gnu mode `linux` and `unix` are macros, and D scripts use such words.
	 * _DEFAULT_SOURCE makes headers declare as much as in gnu mode.
	 */
	static const char *const ours[] = { "-x", "c", "-std=c99", "-D_DEFAULT_SOURCE=1",
					    "-D__SUNW_D=1" };
	const char *env = getenv("CPP"), *slash = name ? strrchr(name, '/') : NULL;
	char *words = arena_strdup(a, env && *env ? env : "cc -E"), *word, *save;
	char **argv = words ? arena_array(a, char *, n + strlen(words) + COUNT(ours) + 8) : NULL;
	size_t k = 0;

	if (!argv)
		return NULL;
	for (word = strtok_r(words, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
		argv[k++] = word;
	for (size_t i = 0; i < COUNT(ours); i++)
		argv[k++] = arena_strdup(a, ours[i]);
	/* The text comes by standard input: name the folder of its includes in quotes. */
	argv[k++] = arena_strdup(a, "-iquote");
	argv[k++] = slash ? arena_strndup(a, name, (size_t)(slash - name) + 1) :
			    arena_strdup(a, ".");
	for (size_t i = 0; i < n; i++)
		argv[k++] = arena_strdup(a, args[i]);
	argv[k++] = arena_strdup(a, "-");
	for (size_t i = 0; i < k; i++)
		if (!argv[i])
			return NULL;
	return argv;
}

static void child(char **argv, int in, int out, int err)
{
	static const char *const others[] = { "gcc", "clang" };
	char *const first = argv[0];

	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	execvp(first, argv);
	for (size_t i = 0; i < COUNT(others) && !strcmp(first, "cc"); i++)
		execvp(others[i], argv);
	_exit(127);
}

/* Reports the preprocessor's first message with "error", else its first line. */
static void complain(struct diag *diag, const char *name, char *err, int status)
{
	char *line, *save, *best = NULL;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		diag_error(diag, NOWHERE, NULL, "no C preprocessor found (cc, gcc, clang or $CPP)");
		return;
	}
	for (line = strtok_r(err, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!best || (strstr(line, "error") && !strstr(best, "error")))
			best = line;
	diag_error(diag, NOWHERE, NULL, "failed to preprocess %s: %s", name,
		   best ? best : "the preprocessor died");
}

/* -H: prints the paths of headers, one a line. cc writes them between its messages, behind a dot
 * for each level. */
static void headers(char *err, const char *const *args, size_t n)
{
	char *line, *save;
	bool wanted = false;

	for (size_t i = 0; i < n; i++)
		wanted |= !strcmp(args[i], "-H");
	for (line = wanted ? strtok_r(err, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (*line == '.' && line[strspn(line, ".")] == ' ')
			fprintf(stderr, "%s\n", line + strspn(line, ".") + 1);
}

static bool run(char **argv, int in, int out, int err, int *status)
{
	pid_t pid = fork();

	if (!pid)
		child(argv, in, out, err);
	if (pid < 0)
		return false;
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

struct text *cpp_text(struct arena *a, const struct text *in, const char *const *args, size_t n,
		      struct diag *diag)
{
	const char *name = in->name ? in->name : "<text>", *body = in->bytes;
	int fds[3] = { -1, -1, -1 }, status = 0;
	unsigned line = 1;
	size_t len, complaints_len;
	char **argv, *head, *bytes, *complaints;
	struct text *t = NULL;

	if (!strncmp(body, "#!", 2)) {
		body += strcspn(body, "\n");
		body += *body == '\n';
		line = 2;
	}
	head = arena_printf(a, "# %u \"%s\"\n", line, name);
	argv = command(a, name, args, n);
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = memfd_create("cpp", MFD_CLOEXEC);
	if (!head || !argv || fds[0] < 0 || fds[1] < 0 || fds[2] < 0 ||
	    !write_all(fds[0], head, strlen(head)) ||
	    !write_all(fds[0], body, in->len - (size_t)(body - in->bytes)) ||
	    lseek(fds[0], 0, SEEK_SET) < 0 || !run(argv, fds[0], fds[1], fds[2], &status)) {
		diag_error(diag, NOWHERE, NULL, "failed to preprocess %s: %s", name,
			   strerror(errno));
		goto out;
	}
	bytes = slurp(a, fds[1], &len);
	complaints = slurp(a, fds[2], &complaints_len);
	if (status && complaints)
		complain(diag, name, complaints, status);
	else if (!status && bytes)
		t = text_new(a, name, bytes, len);
	if (t && complaints)
		headers(complaints, args, n);
	if ((!status && !t) || !complaints)
		diag_error(diag, NOWHERE, NULL, "failed to preprocess %s: no memory", name);
out:
	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return t;
}

struct text *cpp_read(struct arena *a, const char *path, const char *const *args, size_t n,
		      struct diag *diag)
{
	struct text *in = text_read(a, path);

	if (!in) {
		diag_error(diag, NOWHERE, NULL, "failed to open %s: %s", path, strerror(errno));
		return NULL;
	}
	return cpp_text(a, in, args, n, diag);
}
