/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/generate.c: -h and -G, the client of provider/.
 */
#include "cmd/dtrace/cmd.h"
#include "provider/provider.h"

#include <stdlib.h>
#include <string.h>

static const char *script_of(const struct cmd *c)
{
	const char *script = NULL;

	for (size_t i = 0; i < c->ntexts; i++)
		if (c->texts[i].spec == 's')
			script = c->texts[i].arg;
	return script;
}

/* Options of DTrace's that mean nothing here (lazyload, nolibs …) pass; what is no option warns. */
static bool sys_sdt_asked(const struct cmd *c)
{
	for (size_t i = 0; i < c->noptions; i++)
		if (!strcmp(c->options[i].name, "sys_sdt"))
			return true;
	return false;
}

int cmd_generate(const struct cmd *c)
{
	struct gen_job job = {
		.header = c->header, .script = script_of(c), .output = c->output,
		.objects = c->args, .nobjects = c->nargs, .preprocess = c->cpp,
		.cpp_args = c->cpp_args, .ncpp_args = c->ncpp, .sys_sdt = sys_sdt_asked(c),
		.bits = c->bits,
	};

	if (c->header && c->object) {
		diag_error(c->diag, NOWHERE, NULL, "-h and -G are two jobs: give one of them");
		return EXIT_USAGE;
	}
	if (!job.script) {
		diag_error(c->diag, NOWHERE, NULL, "%s needs a provider file: -s file.d",
			   c->header ? "-h" : "-G");
		return EXIT_USAGE;
	}
	if (!strcmp(job.script, "/dev/stdin"))
		job.script = "-";
	return gen_main_job(&job, c->diag) ? EXIT_FAILURE : EXIT_SUCCESS;
}
