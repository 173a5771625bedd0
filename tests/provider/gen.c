/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/provider/gen.c: gen_main_job from a command line, for test_gen.sh. */
#include "provider/provider.h"

#include <string.h>

int main(int argc, char **argv)
{
	const char *objects[64], *cpp_args[64];
	struct diag diag = { .who = "dtrace", .sink = diag_to_file, .arg = stderr };
	const char *scripts[8];
	struct gen_job job = { .scripts = scripts, .objects = objects, .cpp_args = cpp_args };

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h"))
			job.header = true;
		else if (!strcmp(argv[i], "-s") && i + 1 < argc && job.nscripts < 8)
			scripts[job.nscripts++] = argv[++i];
		else if (!strcmp(argv[i], "-o") && i + 1 < argc)
			job.output = argv[++i];
		else if (!strcmp(argv[i], "-C"))
			job.preprocess = true;
		else if (!strcmp(argv[i], "-xsdt"))
			job.sys_sdt = true;
		else if (!strcmp(argv[i], "-32"))
			job.bits = 32;
		else if (argv[i][0] == '-' && job.ncpp_args < 64)
			cpp_args[job.ncpp_args++] = argv[i];
		else if (job.nobjects < 64)
			objects[job.nobjects++] = argv[i];
	}
	/* Without -h the job is -G. The word -G becomes a cpp argument, unused without -C. */
	return gen_main_job(&job, &diag) ? 1 : 0;
}
