/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/generate.c: runs -h and -G, as the client of provider/.
 * In:   struct cmd.
 * Out:  a header or an object; the exit status.
 * Owns: nothing.
 */
#include "cmd/dtrace/cmd.h"
#include "provider/provider.h"

#include <stdlib.h>
#include <string.h>

/* The files of -s, in order; false: no memory. */
static bool scripts(const struct cmd *c, struct gen_job *job)
{
	const char **files = arena_array(c->arena, const char *, c->ntexts + 1);

	for (size_t i = 0; files && i < c->ntexts; i++)
		if (c->texts[i].spec == 's')
			files[job->nscripts++] = strcmp(c->texts[i].arg, "/dev/stdin") ?
							 c->texts[i].arg :
							 "-";
	job->scripts = files;
	return files;
}

/* Options of tracing, which builds pass to -h and -G all the same. */
static const char *const others[] = {
#define RUN_OPT(name, kind, value, range, help) #name,
#include "consumer/options.def"
	"linkmode",
	"linktype",
	"stdc",
	"unodefs",
};

/* Projects pass options of other DTraces, so an unknown option is only a warning. */
static void options(const struct cmd *c, struct gen_job *job)
{
	for (size_t i = 0; i < c->noptions; i++) {
		const char *name = c->options[i].name;
		bool known = false;

		job->sys_sdt |= !strcmp(name, "sys_sdt");
		job->preprocess |= !strcmp(name, "cpp");
		c->diag->errtags |= !strcmp(name, "errtags");
		for (size_t k = 0; k < COUNT(others); k++)
			known |= !strcmp(name, others[k]);
		if (!known && strcmp(name, "sys_sdt"))
			diag_warn(c->diag, NOWHERE, "unknown option: -x %s", name);
	}
}

int cmd_generate(const struct cmd *c)
{
	struct gen_job job = {
		.header = c->header,
		.output = c->output,
		.objects = c->args,
		.nobjects = c->nargs,
		.preprocess = c->cpp,
		.cpp_args = c->cpp_args,
		.ncpp_args = c->ncpp,
		.bits = c->bits,
		.depend = { c->depend, c->depend_only, c->depend_phony, c->depend_file,
			    c->depend_target },
	};

	options(c, &job);
	if (c->header && c->object) {
		diag_error(c->diag, NOWHERE, NULL, "-h and -G are two jobs: give one of them");
		return EXIT_USAGE;
	}
	if (!scripts(c, &job))
		return EXIT_FAILURE;
	if (!job.nscripts) {
		diag_error(c->diag, NOWHERE, NULL, "%s needs a provider file: -s file.d",
			   c->header ? "-h" : "-G");
		return EXIT_USAGE;
	}
	if (job.output && !strcmp(job.output, "/dev/stdout")) /* no file can be renamed to it */
		job.output = "-";
	return gen_main_job(&job, c->diag) ? EXIT_FAILURE : EXIT_SUCCESS;
}
