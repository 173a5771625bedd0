/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/job.c: one run of dtrace -h or -G, from script to file.
 * In:   struct gen_job.
 * Out:  a file that is written whole or not at all: beside its place, then
 *       renamed. What is not a regular file (/dev/stdout, a pipe) is written
 *       to directly.
 * Owns: the compile's arena, the temporary file while it is written.
 */
#include "provider/inner.h"

#include "base/cpp.h"
#include "base/hash.h"
#include "usdt/usdt.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output {
	const char *path;	/* NULL: standard output */
	const char *temp;	/* NULL: written directly */
	int fd;
};

static void fail(struct diag *diag, const char *what, const char *path, int err)
{
	diag_error(diag, NOWHERE, NULL, "failed to %s %s: %s", what, path, strerror(err));
}

/* foo.d -> foo.h or foo.o, in this directory, wherever the script is. */
static const char *output_path(struct arena *a, const struct gen_job *job, struct diag *diag)
{
	const char *base = strrchr(job->script, '/'), *dot;

	if (job->output)
		return job->output;
	if (!strcmp(job->script, "-")) {
		diag_error(diag, NOWHERE, NULL, "-o is needed with a script from standard input");
		return NULL;
	}
	base = base ? base + 1 : job->script;
	dot = strrchr(base, '.');
	return arena_printf(a, "%.*s.%c", (int)(dot && dot > base ? dot - base : (int)strlen(base)),
			    base, job->header ? 'h' : 'o');
}

static bool output_open(struct output *o, struct arena *a, const char *path, struct diag *diag)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
	struct stat st;

	*o = (struct output){ .path = path, .fd = -1 };
	if (!strcmp(path, "-")) {
		o->path = NULL;
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		path = "standard output";
	} else if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
	} else {
		o->temp = arena_printf(a, "%.*s.%s.%ld.tmp", (int)dir, path, path + dir, (long)getpid());
		if (o->temp)
			o->fd = open(o->temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	}
	if (o->fd < 0)
		fail(diag, "create", path, errno);
	return o->fd >= 0;
}

/* Ends the output: keeps it if ok, else leaves no trace. */
static bool output_close(struct output *o, bool ok, struct diag *diag)
{
	if (close(o->fd) && ok) {
		fail(diag, "write", o->path ? o->path : "standard output", errno);
		ok = false;
	}
	if (o->temp && ok && rename(o->temp, o->path)) {
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

static struct gen_machine machine_of(const struct gen_job *job)
{
	const char *cc = getenv("CC");
	int bits = job->bits;

	if (!bits)
		bits = env_has("CFLAGS", "-m32") || env_has("CC", "-m32") ? 32 : (int)sizeof(long) * 8;
	if (cc && !strncmp(cc + (strrchr(cc, '/') ? strrchr(cc, '/') - cc + 1 : 0), "aarch64-", 8))
		return (struct gen_machine){ EM_AARCH64, 64 };
#ifdef __aarch64__
	return (struct gen_machine){ EM_AARCH64, 64 };
#else
	return (struct gen_machine){ bits == 32 ? EM_386 : EM_X86_64, (unsigned)bits };
#endif
}

/* ---- The objects of -G ---- */

static bool declared(const struct d_provider *prov, const char *name)
{
	for (size_t i = 0; i < prov->nprobes; i++)
		if (!strcmp(prov->probes[i].name, name))
			return true;
	return false;
}

static bool check_object(const struct d_prog *prog, const char *path, struct diag *diag)
{
	struct usdt_file *f;
	int err = usdt_file_open(path, &f);
	bool ok = true;

	if (err == -ENOEXEC)
		return true;	/* libtool's .lo is a text, an archive is its maker's affair */
	if (err) {
		fail(diag, "open", path, -err);
		return false;
	}
	for (size_t i = 0; i < usdt_file_nprobes(f); i++) {
		const struct usdt_probe *p = usdt_file_probe(f, i);

		for (size_t k = 0; k < prog->nproviders; k++)
			if (!strcmp(prog->providers[k].name, usdt_probe_provider(p)) &&
			    !declared(&prog->providers[k], usdt_probe_note_name(p))) {
				diag_error(diag, NOWHERE, NULL,
					   "%s uses a probe that provider %s does not declare: %s", path,
					   usdt_probe_provider(p), usdt_probe_note_name(p));
				ok = false;
			}
	}
	usdt_file_close(f);
	return ok;
}

/* ---- The job ---- */

static bool generate(const struct gen_job *job, struct d *d, const struct d_prog *prog,
		     const char *path, struct diag *diag)
{
	const char *slash = strrchr(path, '/');
	struct gen_header_options opt = { .source = job->script, .sys_sdt = job->sys_sdt,
					  .guard = strcmp(path, "-") ? slash ? slash + 1 : path : "" };
	struct output out;
	FILE *file = NULL;
	bool ok;

	if (!output_open(&out, d_arena(d), path, diag))
		return false;
	if (job->header) {
		int fd = fcntl(out.fd, F_DUPFD_CLOEXEC, 3);

		file = fd < 0 ? NULL : fdopen(fd, "w");
		ok = file && gen_header(d, prog, &opt, file, diag);
		if (file && fclose(file))
			ok = false;
		else if (!file && fd >= 0)
			close(fd);
		if (!ok && !diag->errors)
			fail(diag, "write", path, errno);
	} else {
		ok = gen_object(d, prog, machine_of(job), out.fd, diag);
	}
	return output_close(&out, ok, diag);
}

int gen_main_job(const struct gen_job *job, struct diag *diag)
{
	struct arena *a = arena_new();
	struct d_config config = job->config ? *job->config : (struct d_config){ 0 };
	const char *path = a ? output_path(a, job, diag) : NULL;
	const struct d_prog *prog = NULL;
	struct text *text = NULL;
	struct d *d = NULL;
	bool ok = path;

	config.providers = true;
	if (ok && job->preprocess) {
		text = cpp_read(a, job->script, job->cpp_args, job->ncpp_args, diag);
	} else if (ok) {
		text = text_read(a, job->script);
		if (!text)
			fail(diag, "open", job->script, errno);
	}
	if (text)
		d = d_new(a, diag, &config);
	if (d && d_parse(d, text, 0))
		prog = d_check(d);
	ok = prog && gen_check(d, prog, diag);
	for (size_t i = 0; ok && !job->header && i < job->nobjects; i++)
		ok = check_object(prog, job->objects[i], diag);
	ok = ok && generate(job, d, prog, path, diag);
	if (!ok && !diag->errors)
		diag_error(diag, NOWHERE, NULL, "no memory");
	d_free(d);
	arena_free(a);
	return ok ? 0 : -1;
}
