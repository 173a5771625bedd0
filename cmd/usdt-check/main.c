/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/main.c: usdt-check [options] [--] program [argument …] runs a
 * program and asserts which of its probes fired, how often and with which
 * values. It needs no root and no eBPF: the program runs under ptrace.
 */
#include "cmd/usdt-check/check.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: usdt-check [-at] [-e ASSERTION] [-f FILE] [-o FILE] [-T SECONDS] [--] PROGRAM [ARGUMENT …]\n"
	"  -e ASSERTION  as 'app:::hit count==3 && arg0==7'; several are allowed\n"
	"  -f FILE       assertions, one a line; # begins a comment\n"
	"  -a            list every probe of the program, fired or not\n"
	"  -t, --tap     report in TAP, on standard output\n"
	"  -o FILE       the report goes to FILE\n"
	"  -T SECONDS    kill the program after so long\n"
	"Status: 0 all that is asserted holds and the program exits with 0; 1 not; 2 wrong usage.\n";

struct options {
	bool all, tap;
	const char *output;
	unsigned timeout;
	struct asserted {
		char kind;
		const char *arg;
	} * asserted;
	size_t n, cap;
};

static bool timeout_read(struct options *o, const char *arg)
{
	uint64_t n;

	if (!text_u64(arg, &n) || !n || n > 86400)
		return false;
	o->timeout = (unsigned)n;
	return true;
}

static int options_read(struct options *o, struct arena *a, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "tap", no_argument, NULL, 't' },
		{ "expect", required_argument, NULL, 'e' },
		{ "file", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct asserted *slot;
	int c;

	while ((c = getopt_long(argc, argv, "+ate:f:o:T:h", longs, NULL)) >= 0) {
		switch (c) {
		case 'a': o->all = true; break;
		case 't': o->tap = true; break;
		case 'o': o->output = optarg; break;
		case 'e':
		case 'f':
			slot = ARENA_PUSH(a, o->asserted, o->n, o->cap);
			if (!slot)
				return CHECK_USAGE;
			*slot = (struct asserted){ (char)c, optarg };
			break;
		case 'T':
			if (timeout_read(o, optarg))
				break;
			fprintf(stderr, "usdt-check: -T takes seconds, 1 to 86400, not %s\n",
				optarg);
			return CHECK_USAGE;
		case 'h': fputs(usage, stdout); exit(CHECK_OK);
		default: fputs(usage, stderr); return CHECK_USAGE;
		}
	}
	if (argv[optind])
		return CHECK_OK;
	fputs(usage, stderr);
	return CHECK_USAGE;
}

static bool claims_read(const struct options *o, struct claims *claims, pid_t pid)
{
	bool ok = true;

	for (size_t i = 0; i < o->n; i++)
		ok &= o->asserted[i].kind == 'f' ?
			      claims_file(claims, o->asserted[i].arg, pid) :
			      claims_add(claims, o->asserted[i].arg, "-e", pid);
	return ok;
}

static int check(const struct options *o, struct world *w, char **argv)
{
	struct diag *diag = w->claims->diag;
	struct run r = { .world = w, .timeout = o->timeout };
	FILE *out = o->output ? fopen(o->output, "we") : o->tap ? stdout : stderr;
	int err, status = CHECK_USAGE;

	if (!out) {
		diag_error(diag, NOWHERE, NULL, "failed to open %s: %s", o->output,
			   strerror(errno));
		return status;
	}
	err = run_start(&r, argv);
	if (!err && !claims_read(o, w->claims, r.child))
		run_kill(&r);
	else if (!err)
		err = run_program(&r);
	if (err)
		diag_error(diag, NOWHERE, NULL, "failed to run %s: %s", argv[0], strerror(-err));
	if (!diag->errors)
		status = report(out, w, &r, argv, o->tap) ? CHECK_OK : CHECK_FAILED;
	if (w->nbad)
		diag_note(diag, "%zu sites could not be watched", w->nbad);
	if (o->output ? fclose(out) : fflush(out)) {
		diag_error(diag, NOWHERE, NULL, "failed to write the report: %s", strerror(errno));
		status = CHECK_USAGE;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct diag diag = {
		.who = "usdt-check", .limit = 10, .sink = diag_to_file, .arg = stderr
	};
	struct claims claims = { .arena = a, .diag = &diag };
	struct options o = { 0 };
	struct world w = {
		.arena = a, .claims = &claims, .files = hash_new(), .probes = hash_new()
	};
	int status = a && w.files && w.probes ? options_read(&o, a, argc, argv) : CHECK_USAGE;

	if (status == CHECK_OK) {
		w.all = o.all || !o.n;
		status = check(&o, &w, argv + optind);
	}
	world_close(&w);
	arena_free(a);
	return status;
}
