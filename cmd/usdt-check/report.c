/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/report.c: the result, as text or TAP.
 * In:   the claims after the program's end, the probes and their firings.
 * Out:  printable lines, whatever names the program's files have; whether all
 *       claims hold.
 * Owns: nothing.
 */
#include "cmd/usdt-check/check.h"

#include <string.h>
#include <sys/wait.h>

static const char *ending(const struct run *r, char *out, size_t size)
{
	if (r->timed_out)
		snprintf(out, size, "was killed after %u s", r->timeout);
	else if (WIFSIGNALED(r->status))
		snprintf(out, size, "was killed by signal %d (%s)", WTERMSIG(r->status),
			 strsignal(WTERMSIG(r->status)));
	else
		snprintf(out, size, "exited with status %d", WEXITSTATUS(r->status));
	return out;
}

static bool program_ok(const struct run *r)
{
	return !r->timed_out && WIFEXITED(r->status) && !WEXITSTATUS(r->status);
}

static void probes_list(FILE *out, const struct world *w)
{
	size_t at = 0;
	void *value;
	bool any = false;

	while (hash_next(w->probes, &at, NULL, NULL, &value)) {
		const struct probe *p = value;

		if (!p->fired && !p->nclaims && !w->all)
			continue;
		if (!any)
			fprintf(out, "%10s  PROBE\n", "FIRED");
		any = true;
		fprintf(out, "%10llu  %s:%s:%s:%s\n", (unsigned long long)p->fired,
			text_printable(w->arena, p->prov), text_printable(w->arena, p->mod),
			text_printable(w->arena, p->func), text_printable(w->arena, p->name));
	}
	if (!any)
		fprintf(out, "no probe was found\n");
}

static const char *printable_remark(struct world *w, const struct claim *c)
{
	const char *remark = claim_remark(w->claims, c);

	return remark ? text_printable(w->arena, remark) : NULL;
}

static void tap(FILE *out, struct world *w, const struct run *r, char **argv, const char *end)
{
	fprintf(out, "TAP version 13\n1..%zu\n", w->claims->n + 1);
	fprintf(out, "%s 1 - %s %s\n", program_ok(r) ? "ok" : "not ok",
		text_printable(w->arena, argv[0]), end);
	for (size_t i = 0; i < w->claims->n; i++) {
		const struct claim *c = &w->claims->v[i];
		const char *remark = printable_remark(w, c);

		fprintf(out, "%s %zu - %s", c->why ? "not ok" : "ok", i + 2,
			text_printable(w->arena, c->text));
		if (!c->why && !claim_was_checked(c))
			fprintf(out, " # SKIP %s\n", remark);
		else
			fprintf(out, "\n");
		if (c->why)
			fprintf(out, "# %s\n", text_printable(w->arena, c->why));
		if (remark)
			fprintf(out, "# %s\n", remark);
	}
}

static void people(FILE *out, struct world *w, char **argv, const char *end, size_t nfailed)
{
	size_t nunchecked = 0;

	fprintf(out, "usdt-check: %s %s\n", text_printable(w->arena, argv[0]), end);
	probes_list(out, w);
	for (size_t i = 0; i < w->claims->n; i++) {
		const struct claim *c = &w->claims->v[i];
		const char *remark = printable_remark(w, c);
		bool unchecked = !c->why && !claim_was_checked(c);

		nunchecked += unchecked;
		fprintf(out, "%s  %s\n",
			c->why	  ? "FAILED" :
			unchecked ? "NOT CHECKED" :
				    "ok    ",
			text_printable(w->arena, c->text));
		if (c->why)
			fprintf(out, "        %s\n", text_printable(w->arena, c->why));
		if (remark)
			fprintf(out, "        warning: %s\n", remark);
	}
	if (nunchecked)
		fprintf(out, "%zu asserted, %zu failed, %zu not checked\n", w->claims->n, nfailed,
			nunchecked);
	else if (w->claims->n)
		fprintf(out, "%zu asserted, %zu failed\n", w->claims->n, nfailed);
}

bool report(FILE *out, struct world *w, const struct run *r, char **argv, bool as_tap)
{
	char end[96];
	size_t nfailed = 0;

	for (size_t i = 0; i < w->claims->n; i++)
		nfailed += !claim_holds(w->claims, &w->claims->v[i]);
	ending(r, end, sizeof(end));
	if (as_tap)
		tap(out, w, r, argv, end);
	else
		people(out, w, argv, end, nfailed);
	return !nfailed && program_ok(r);
}
