/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/vtime.c: the program at sched_switch that keeps vtimestamp, if a
 * clause reads it (rule 10 of docs/architecture.md).
 * Owns: the program's descriptor, r->vtime_prog; its link is in r->links.
 */
#include "consumer/run/inner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Call before maps are made: the program uses some of them. */
void run_vtime_plan(struct run *r)
{
	if (cc_uses_vtimestamp(r->cc))
		cc_vtime_plan(r->cc);
}

bool run_vtime_attach(struct run *r)
{
	static struct prov_site site = {
		.ctx = CC_CTX_RAWTP, .tracepoint = "sched_switch", .sys_abi = -1, .sys_nr = -1
	};
	struct prov_site *sites[] = { &site };
	struct prov_attach what = {
		.ctx = CC_CTX_RAWTP, .sites = sites, .cookies = (uint64_t[]){ 0 }, .nsites = 1
	};

	if (!cc_uses_vtimestamp(r->cc) || r->vtime_prog >= 0)
		return true;
	r->vtime_prog = cc_vtime_load(r->cc);
	if (r->vtime_prog < 0) {
		diag_error(r->diag, NOWHERE, NULL, "cannot keep vtimestamp: %s",
			   strerror(-r->vtime_prog));
		return false;
	}
	for (uint32_t cpu = 0; cpu < kern_cpus(); cpu++)
		r->cpus[cpu].switched = kern_now();
	what.prog = r->vtime_prog;
	return prov_attach(r->env, &what, r->links) == 0;
}

void run_vtime_close(struct run *r)
{
	if (r->vtime_prog >= 0)
		close(r->vtime_prog);
	r->vtime_prog = -1;
}
