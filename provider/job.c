/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/job.c: one run of dtrace -h or -G, from script to file.
 * In:   struct gen_job.
 * Out:  a file that is written whole or not at all: a temporary file in the
 *       same folder, then renamed. A symbolic link stays and its target is
 *       written, as compilers do; a file keeps its mode. An output that is no
 *       regular file (a pipe, a device) is written directly.
 * Owns: the compile's arena, the temporary file while it is written.
 */
#include "provider/inner.h"

#include "base/cpp.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40 /* the kernel's limit */

struct output {
	const char *path;   /* as it was given; NULL: standard output */
	const char *target; /* the path with links followed */
	const char *temp;   /* NULL: target is written directly */
	int fd;
};

static void fail(struct diag *diag, const char *what, const char *path, int err)
{
	diag_error(diag, NOWHERE, NULL, "failed to %s %s: %s", what, path, strerror(err));
}

/* foo.d -> foo.h or foo.o, in this directory, wherever the script is. */
static const char *output_path(struct arena *a, const struct gen_job *job, struct diag *diag)
{
	const char *script = job->scripts[0], *base = strrchr(script, '/'), *dot;

	if (job->output)
		return job->output;
	if (!strcmp(script, "-")) {
		diag_error(diag, NOWHERE, NULL, "-o is needed with a script from standard input");
		return NULL;
	}
	base = base ? base + 1 : script;
	dot = strrchr(base, '.');
	return arena_printf(a, "%.*s.%c", (int)(dot && dot > base ? dot - base : (int)strlen(base)),
			    base, job->header ? 'h' : 'o');
}

/* The path of the file behind any symbolic links; the file need not exist yet. NULL: errno. */
static const char *follow(struct arena *a, const char *path)
{
	char to[PATH_MAX];

	for (int links = 0; links < MAX_LINKS; links++) {
		ssize_t n = readlink(path, to, sizeof(to));
		const char *slash = strrchr(path, '/');

		if (n < 0)
			return path; /* no link, or no such file */
		if ((size_t)n == sizeof(to)) {
			errno = ENAMETOOLONG;
			return NULL;
		}
		path = *to == '/' || !slash ? arena_strndup(a, to, (size_t)n) :
					      arena_printf(a, "%.*s%.*s", (int)(slash - path) + 1,
							   path, (int)n, to);
		if (!path)
			return NULL;
	}
	errno = ELOOP;
	return NULL;
}

/* Opens a new temporary file. Pid namespaces may give two processes one pid, so a number
 * follows. */
static void temp_open(struct output *o, struct arena *a)
{
	const char *path = o->target, *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;

	errno = EEXIST;
	for (unsigned i = 0; o->fd < 0 && errno == EEXIST && i < 10000; i++) {
		o->temp = arena_printf(a, "%.*s.%s.%ld.%u.tmp", (int)dir, path, path + dir,
				       (long)getpid(), i);
		o->fd = o->temp ? open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
	}
}

static bool output_open(struct output *o, struct arena *a, const char *path, struct diag *diag)
{
	struct stat st;
	bool is_there;

	*o = (struct output){ .path = path, .fd = -1 };
	if (!strcmp(path, "-")) {
		o->path = NULL;
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		path = "standard output";
	} else if ((is_there = !stat(path, &st)) && !S_ISREG(st.st_mode)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
	} else if ((o->target = follow(a, path))) {
		temp_open(o, a);
		if (o->fd >= 0 && is_there && fchmod(o->fd, st.st_mode & 0777)) {
			fail(diag, "set the mode of", path, errno);
			close(o->fd);
			unlink(o->temp);
			return false;
		}
	}
	if (o->fd < 0)
		fail(diag, "create", path, errno);
	return o->fd >= 0;
}

/* Closes the output: keeps the file if ok, else removes it. */
static bool output_close(struct output *o, bool ok, struct diag *diag)
{
	if (close(o->fd) && ok) {
		fail(diag, "write", o->path ? o->path : "standard output", errno);
		ok = false;
	}
	if (o->temp && ok && rename(o->temp, o->target)) {
		fail(diag, "create", o->path, errno);
		ok = false;
	}
	if (o->temp && !ok)
		unlink(o->temp);
	return ok;
}

/* ---- The machine of -G ---- */

static bool env_has(const char *var, const char *word)
{
	const char *s = getenv(var);
	size_t len = strlen(word);

	for (; s && *s; s += strcspn(s, " \t\n"), s += strspn(s, " \t\n"))
		if (!strncmp(s, word, len) && (!s[len] || strchr(" \t\n", s[len])))
			return true;
	return false;
}

/* The machine that $CC, $CFLAGS and -32/-64 name; fields left 0 are taken from the objects. */
static struct gen_machine machine_said(const struct gen_job *job)
{
	const char *cc = getenv("CC"), *slash = cc ? strrchr(cc, '/') : NULL;

	if (cc && !strncmp(slash ? slash + 1 : cc, "aarch64-", 8))
		return (struct gen_machine){ EM_AARCH64, 64 };
	if (job->bits == 32 || (!job->bits && (env_has("CFLAGS", "-m32") || env_has("CC", "-m32"))))
		return (struct gen_machine){ EM_386, 32 };
	return (struct gen_machine){ 0, (unsigned)job->bits };
}

static struct gen_machine machine_or_ours(struct gen_machine m)
{
#ifdef __aarch64__
	static const uint16_t ours = EM_AARCH64;
#else
	static const uint16_t ours = EM_X86_64;
#endif
	return (struct gen_machine){ m.machine ? m.machine : ours, m.bits ? m.bits : 64 };
}

/* ---- The job ---- */

/* Writes one output into a FILE. */
struct writer {
	bool (*write)(const struct writer *w, FILE *out, struct diag *diag);
	const struct gen_job *job;
	struct arena *arena;
	struct d *d;
	const struct d_prog *prog;
	struct text **texts; /* as many as the job has scripts */
	const char *path;    /* of the header or object */
};

static bool write_header(const struct writer *w, FILE *out, struct diag *diag)
{
	const char *slash = strrchr(w->path, '/');
	struct gen_header_options opt = { .source = gen_script_names(w->arena, w->job),
					  .sys_sdt = w->job->sys_sdt,
					  .guard = strcmp(w->path, "-") ?
							   slash ? slash + 1 : w->path :
							   "" };

	return gen_header(w->d, w->prog, &opt, out, diag);
}

static bool write_depend(const struct writer *w, FILE *out, struct diag *diag)
{
	(void)diag;
	return gen_depend(w->arena, w->job, w->texts, w->path, out);
}

static bool write_file(const struct writer *w, const char *path, struct diag *diag)
{
	struct output out;
	FILE *file;
	int fd;
	bool ok;

	if (!output_open(&out, w->arena, path, diag))
		return false;
	fd = fcntl(out.fd, F_DUPFD_CLOEXEC, 3);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	ok = file && w->write(w, file, diag);
	if (file && fclose(file))
		ok = false;
	else if (!file && fd >= 0)
		close(fd);
	if (!ok && !diag->errors)
		fail(diag, "write", path, errno);
	return output_close(&out, ok, diag);
}

static bool make_object(struct writer *w, struct diag *diag)
{
	struct gen_machine machine = machine_said(w->job);
	struct output out;

	if (!gen_scan(w->arena, w->prog, w->job, w->path, &machine, diag))
		return false;
	if (w->job->depend.only)
		return true;
	if (!output_open(&out, w->arena, w->path, diag))
		return false;
	return output_close(
		&out, gen_object(w->d, w->prog, machine_or_ours(machine), out.fd, w->path, diag),
		diag);
}

static bool generate(struct writer *w, struct diag *diag)
{
	const struct gen_depend *dep = &w->job->depend;
	const char *beside = dep->only ? "-" : arena_printf(w->arena, "%s.d", w->path);

	w->write = write_header;
	if (w->job->header ? !dep->only && !write_file(w, w->path, diag) : !make_object(w, diag))
		return false;
	w->write = write_depend;
	return !dep->wanted || write_file(w, dep->file ? dep->file : beside, diag);
}

static struct text *read_script(struct arena *a, const struct gen_job *job, const char *script,
				struct diag *diag)
{
	struct text *t;

	if (job->preprocess)
		return cpp_read(a, script, job->cpp_args, job->ncpp_args, diag);
	t = text_read(a, script);
	if (!t)
		fail(diag, "open", script, errno);
	return t ? gen_text_clean(a, t) : NULL;
}

/* All scripts are one program, so that a provider declared in two scripts is an error. */
static bool compile(struct writer *w, const struct d_config *config, struct diag *diag)
{
	const struct gen_job *job = w->job;

	w->texts = arena_array(w->arena, struct text *, job->nscripts);
	w->d = w->texts ? d_new(w->arena, diag, config) : NULL;
	for (size_t i = 0; w->d && i < job->nscripts; i++) {
		w->texts[i] = read_script(w->arena, job, job->scripts[i], diag);
		if (!w->texts[i] || !d_parse(w->d, w->texts[i], 0))
			return false;
	}
	w->prog = w->d ? d_check(w->d) : NULL;
	return w->prog;
}

int gen_main_job(const struct gen_job *job, struct diag *diag)
{
	struct arena *a = arena_new();
	struct d_config config = job->config ? *job->config : (struct d_config){ 0 };
	struct writer w = { .job = job, .arena = a, .path = a ? output_path(a, job, diag) : NULL };
	bool ok;

	config.providers = true;
	ok = w.path && compile(&w, &config, diag) && gen_check(w.d, w.prog, diag) &&
	     generate(&w, diag);
	if (!ok && !diag->errors)
		diag_error(diag, NOWHERE, NULL, "no memory");
	d_free(w.d);
	arena_free(a);
	return ok ? 0 : -1;
}
