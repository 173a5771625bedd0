/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/cmd.h: the command line, parsed.
 */
#ifndef CMD_H
#define CMD_H

#include "base/arena.h"
#include "base/diag.h"

#include <sys/types.h>

enum { EXIT_USAGE = 2 };

struct cmd_text {
	char spec; /* 's' a file, or P m f n i */
	const char *arg;
};

struct cmd {
	struct arena *arena;
	struct diag *diag;
	bool list, check_only, header, object, verbose, version, cpp;
	const char *output;
	bool depend, depend_only, depend_phony;	 /* -MD, -M, -MP with -h and -G */
	const char *depend_file, *depend_target; /* -MF, -MT */
	int bits;				 /* -32, -64 and -m32, -m64 with -G; 0: not given */
	struct cmd_text *texts;			 /* -s, -n, -P …, in order */
	size_t ntexts, texts_cap;
	const char **commands; /* -c */
	size_t ncommands, commands_cap;
	pid_t *pids; /* -p */
	size_t npids, pids_cap;
	struct cmd_option {
		const char *name, *value;
	} * options; /* -x and its short forms */
	size_t noptions, options_cap;
	const char **cpp_args; /* -D -U -I -H, as cpp takes them */
	size_t ncpp, cpp_cap;
	const char **args; /* positional: objects of -G, or $1 … */
	size_t nargs, args_cap;
};

/* 0, or the exit status after a message. */
int cmd_parse(struct cmd *c, int argc, char **argv);
int cmd_generate(const struct cmd *c); /* -h, -G */
int cmd_trace(const struct cmd *c);    /* everything else */

#endif
