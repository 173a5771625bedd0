/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/dtrace/args.c: parses dtrace(1M)'s options, and those that builds give to
 * SystemTap's dtrace (docs: chp-dtrace1M; flags in the wild: -k -m64 -fPIC).
 * In:   the command line.
 * Out:  struct cmd, in its arena.
 * Owns: nothing; strings are argv's.
 */
#include "cmd/dtrace/cmd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: dtrace [-32|-64] [-CeFGhHlqvVwZ] [-b bufsz] [-c cmd] [-D name[=def]]\n"
	"       [-I path] [-L path] [-o output] [-p pid] [-s script] [-U name]\n"
	"       [-x opt[=val]] [-X a|c|s|t] [-P provider [[predicate] action]]\n"
	"       [-m [provider:]module …] [-f [[provider:]module:]func …]\n"
	"       [-n [[[provider:]module:]func:]name …] [-i probe-id …] [args …]\n";

static int no_memory(struct cmd *c)
{
	diag_error(c->diag, NOWHERE, NULL, "no memory");
	return EXIT_FAILURE;
}

static int add_option(struct cmd *c, const char *name, const char *value)
{
	struct cmd_option *o = ARENA_PUSH(c->arena, c->options, c->noptions, c->options_cap);

	if (!o)
		return no_memory(c);
	*o = (struct cmd_option){ name, value };
	return 0;
}

static int add_text(struct cmd *c, int spec, const char *arg)
{
	struct cmd_text *t = ARENA_PUSH(c->arena, c->texts, c->ntexts, c->texts_cap);

	if (!t)
		return no_memory(c);
	*t = (struct cmd_text){ (char)spec, arg };
	return 0;
}

static int add_cpp(struct cmd *c, char letter, const char *arg)
{
	const char **slot = ARENA_PUSH(c->arena, c->cpp_args, c->ncpp, c->cpp_cap);

	if (!slot)
		return no_memory(c);
	*slot = arena_printf(c->arena, "-%c%s", letter, arg ? arg : "");
	return *slot ? 0 : no_memory(c);
}

static int add_pid(struct cmd *c, const char *arg)
{
	pid_t *slot = ARENA_PUSH(c->arena, c->pids, c->npids, c->pids_cap);
	uint64_t pid;

	if (!slot)
		return no_memory(c);
	arg += strspn(arg, " "); /* scripts that build the word write `dtrace '-p 12'` */
	if (!text_u64(arg, &pid) || !pid || pid > INT32_MAX) {
		diag_error(c->diag, NOWHERE, NULL, "-p: invalid process id: %s", arg);
		return EXIT_USAGE;
	}
	*slot = (pid_t)pid;
	return 0;
}

static int add_string(struct cmd *c, const char ***v, size_t *n, size_t *cap, const char *arg)
{
	const char **slot = ARENA_PUSH(c->arena, *v, *n, *cap);

	if (!slot)
		return no_memory(c);
	*slot = arg;
	return 0;
}

/* -X: the value of __STDC__ for the preprocessor. */
static int conformance(struct cmd *c, const char *arg)
{
	static const struct {
		char letter;
		const char *value;
	} modes[] = {
		{ 'a', "__STDC__=0" },
		{ 't', "__STDC__=0" },
		{ 'c', "__STDC__=1" },
		{ 's', NULL },
	};

	for (size_t i = 0; i < COUNT(modes); i++) {
		if (arg[0] != modes[i].letter || arg[1])
			continue;
		if (add_cpp(c, 'U', "__STDC__"))
			return EXIT_FAILURE;
		return modes[i].value ? add_cpp(c, 'D', modes[i].value) : 0;
	}
	diag_error(c->diag, NOWHERE, NULL, "-X: a, c, s or t, not %s", arg);
	return EXIT_USAGE;
}

static int dash_x(struct cmd *c, const char *arg)
{
	const char *eq = strchr(arg, '=');

	if (!eq)
		return add_option(c, arg, NULL);
	return add_option(c, arena_strndup(c->arena, arg, (size_t)(eq - arg)), eq + 1);
}

static int refuse(struct cmd *c, int letter)
{
	diag_error(c->diag, NOWHERE, NULL, "-%c is not available in this version", letter);
	return EXIT_USAGE;
}

static int one(struct cmd *c, int letter, const char *arg)
{
	switch (letter) {
	case 'P':
	case 'm':
	case 'f':
	case 'n':
	case 'i':
	case 's': return add_text(c, letter, arg);
	case 'D':
	case 'U':
	case 'I': return add_cpp(c, (char)letter, arg);
	case 'H': return add_cpp(c, 'H', NULL);
	case 'C': c->cpp = true; return 0;
	case 'F': return add_option(c, "flowindent", NULL);
	case 'G': c->object = true; return 0;
	case 'L': return add_option(c, "libdir", arg);
	case 'V': c->version = true; return 0;
	case 'X': return conformance(c, arg);
	case 'Z': return add_option(c, "zdefs", NULL);
	case 'b': return add_option(c, "bufsize", arg);
	case 'c': return add_string(c, &c->commands, &c->ncommands, &c->commands_cap, arg);
	case 'e': c->check_only = true; return 0;
	case 'h': c->header = true; return 0;
	case 'l': c->list = true; return 0;
	case 'o': c->output = arg; return 0;
	case 'p': return add_pid(c, arg);
	case 'q': return add_option(c, "quiet", NULL);
	case 'v': c->verbose = true; return 0;
	case 'w': return add_option(c, "destructive", NULL);
	case 'x': return dash_x(c, arg);
	case 'a':
	case 'A':
	case 'S': return refuse(c, letter);
	default: fputs(usage, stderr); return EXIT_USAGE;
	}
}

/* Takes -32, -64 and the flags of compilers and SystemTap's dtrace, which getopt cannot parse. */
static bool model_flag(struct cmd *c, const char *arg, bool generator)
{
	static const struct {
		const char *flag;
		bool generators_only;
		int bits;
	} flags[] = {
		{ "-32", false, 32 },	       { "-64", false, 64 }, { "-m32", true, 32 },
		{ "-m64", true, 64 },	       { "-k", true, 0 },    { "-fPIC", true, 0 },
		{ "-fpic", true, 0 },	       { "-fPIE", true, 0 }, { "--types", true, 0 },
		{ "--no-pyparsing", true, 0 },
	};

	for (size_t i = 0; i < COUNT(flags); i++) {
		if (strcmp(arg, flags[i].flag) || (flags[i].generators_only && !generator))
			continue;
		if (flags[i].bits)
			c->bits = flags[i].bits;
		return true;
	}
	return false;
}

/* Takes compilers' options for dependencies. Returns the number of words; -1: a word is missing. */
static int depend_flag(struct cmd *c, char **argv)
{
	const char *arg = argv[0], **value;
	bool only = !strcmp(arg, "-M") || !strcmp(arg, "-MM");

	if (only || !strcmp(arg, "-MD") || !strcmp(arg, "-MMD") || !strcmp(arg, "-MP")) {
		c->depend |= strcmp(arg, "-MP") != 0;
		c->depend_only |= only;
		c->depend_phony |= !strcmp(arg, "-MP");
		return 1;
	}
	if (strncmp(arg, "-M", 2) || !arg[2] || !strchr("FTQ", arg[2]))
		return 0;
	value = arg[2] == 'F' ? &c->depend_file : &c->depend_target;
	*value = arg[3] ? arg + 3 : argv[1];
	if (*value)
		return arg[3] ? 1 : 2;
	diag_error(c->diag, NOWHERE, NULL, "%s needs a name", arg);
	return -1;
}

static bool is_generator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-G") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int cmd_parse(struct cmd *c, int argc, char **argv)
{
	bool generator = is_generator(argc, argv);
	int n = 1, letter, status = 0;

	if (argc == 1) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	for (int i = 1; i < argc; i++) {
		int taken = generator ? depend_flag(c, argv + i) : 0;

		if (taken < 0)
			return EXIT_USAGE;
		if (taken)
			i += taken - 1;
		else if (!model_flag(c, argv[i], generator))
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	opterr = 1;
	status = conformance(c, "a"); /* the guide's default (chp-dtrace1M) */
	while (!status &&
	       (letter = getopt(n, argv, "aAb:c:CD:ef:FGhHi:I:lL:m:n:o:p:P:qs:SU:vVwx:X:Z")) != -1)
		status = one(c, letter, optarg);
	for (int i = optind; !status && i < n; i++)
		status = add_string(c, &c->args, &c->nargs, &c->args_cap, argv[i]);
	/* D's long and pointers have the kernel's size. */
	if (!status && !generator && c->bits == 32) {
		diag_error(c->diag, NOWHERE, NULL,
			   "-32 is not available in this version but with -G");
		return EXIT_USAGE;
	}
	return status;
}
