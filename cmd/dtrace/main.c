/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/main.c: the dtrace command.
 */
#include "cmd/dtrace/cmd.h"
#include "usdt/consumer.h"

#include "config.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	struct diag diag = { .who = "dtrace", .limit = 10, .sink = diag_to_file, .arg = stderr };
	struct cmd c = { .arena = arena_new(), .diag = &diag };
	int status;

	if (!c.arena)
		return EXIT_FAILURE;
	status = cmd_parse(&c, argc, argv);
	if (status)
		goto out;
	if (c.version)
		printf("dtrace: %s (D %s)\n", PACKAGE_STRING, usdt_consumer_language());
	else if (c.header || c.object)
		status = cmd_generate(&c);
	else
		status = cmd_trace(&c);
out:
	arena_free(c.arena);
	return status;
}
