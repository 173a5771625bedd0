/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/main.c: the dtrace command.
 */
#include "cmd/dtrace/cmd.h"
#include "usdt/consumer.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opens /dev/null for closed standard descriptors, so that no file or map of ours gets their
 * numbers: messages would be written to that file. Using the descriptors still fails, and a command
 * gets them closed. */
static void descriptors_keep(void)
{
	static const int mode[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < (int)COUNT(mode); fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd] | O_CLOEXEC) < 0)
			return;
}

static int version(struct diag *diag)
{
	printf("dtrace: %s (D %s)\n", PACKAGE_STRING, usdt_consumer_language());
	if (!fflush(stdout))
		return 0;
	diag_error(diag, NOWHERE, NULL, "cannot write the output: %s", strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct diag diag = { .who = "dtrace", .limit = 10, .sink = diag_to_file, .arg = stderr };
	struct cmd c = { .arena = arena_new(), .diag = &diag };
	int status;

	if (!c.arena)
		return EXIT_FAILURE;
	descriptors_keep();
	status = cmd_parse(&c, argc, argv);
	if (status)
		goto out;
	if (c.version)
		status = version(&diag);
	else if (c.header || c.object)
		status = cmd_generate(&c);
	else
		status = cmd_trace(&c);
out:
	arena_free(c.arena);
	return status;
}
