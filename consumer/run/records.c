/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/records.c: carries out the actions of records.
 * In:   records, in their order.
 * Out:  printed lines, errors, drained and changed aggregations.
 * Owns: nothing.
 *
 * printf, printa, clear and their kin act in the order of the records, so
 * aggregations are drained right before each action that names one.
 */
#include "consumer/run/inner.h"

#include <errno.h>
#include <string.h>

bool run_written(struct run *r, int err)
{
	if (!err || r->output_gone)
		return !r->output_gone;
	r->output_gone = true;
	if (err != -EPIPE)
		diag_error(r->diag, NOWHERE, NULL, "cannot write the output: %s", strerror(-err));
	return false;
}

static const struct {
	const char *words;
	bool shows_address;
} faults[] = {
#define RT_FAULT(id, words, shows_address) { words, shows_address },
#include "ebpf/faults.def"
};

static void error_print(struct run *r, const struct rt_rec *rec, uint32_t len)
{
	const struct rt_err *e = (const void *)(rec + 1);
	const char *what = faults[RT_FLT_UNKNOWN].words, *why = NULL;
	const struct prov_probe *p;
	char value[512] = "", where[24] = "predicate", pc[24] = "";

	if (len < sizeof(*rec) + sizeof(*e) || rec->probe >= r->nprobes)
		return;
	p = r->probes[rec->probe].probe;
	if (e->fault < RT_NFAULTS)
		what = faults[e->fault].words;
	if (e->fault == RT_FLT_ILLOP && e->value)
		why = prov_why_bad(p, (unsigned)e->value - 1);
	if (why) {
		snprintf(value, sizeof(value), "arg%u cannot be read: %s", (unsigned)e->value - 1,
			 why);
		what = "";
	}
	if (e->fault < RT_NFAULTS && faults[e->fault].shows_address)
		snprintf(value, sizeof(value), " (0x%llx)", (unsigned long long)e->value);
	if (e->fault == RT_FLT_NOSCRATCH && (int64_t)e->value > 0)
		snprintf(value, sizeof(value), " (%lld bytes asked for; -x bufsize gives more)",
			 (long long)e->value);
	else if (e->fault == RT_FLT_NOSCRATCH && e->value)
		snprintf(value, sizeof(value), " (%lld bytes asked for: a size cannot be negative)",
			 (long long)e->value);
	if (e->action)
		snprintf(where, sizeof(where), "action #%u", e->action);
	if (e->pc != UINT32_MAX)
		snprintf(pc, sizeof(pc), " at BPF pc %u", e->pc);
	diag_note(r->diag, "error on enabled probe ID %u (ID %u: %s:%s:%s:%s): %s%s in %s%s",
		  e->epid, p->id, p->prov, p->mod, p->func, p->name, what, value, where, pc);
}

void run_aggs_drain(struct run *r)
{
	int err = aggs_drain(r->aggs);

	if (!err && aggs_unmerged(r->aggs)) {
		if (r->history)
			world_watch_read(r->world); /* mappings from before these hits */
		err = aggs_merge(r->aggs, out_key_symbol, r->out);
	}
	if (err && !r->aggs_told)
		diag_error(r->diag, NOWHERE, NULL, "cannot read all aggregations: %s",
			   strerror(-err));
	r->aggs_told |= err;
}

/* Drains once for each firing, so that clear takes away exactly what printa of the same firing has
 * shown. Hits in between stay for the next firing. */
static void firing_drain(struct run *r, int cpu, uint64_t time)
{
	if (r->drained_time == time && r->drained_cpu == cpu)
		return;
	run_aggs_drain(r);
	r->drained_time = time;
	r->drained_cpu = cpu;
}

static bool actions_do(struct run *r, const struct rec_desc *desc, const struct rt_rec *rec,
		       int cpu)
{
	for (size_t i = 0; i < desc->nactions; i++) {
		const struct rec_action *act = &desc->actions[i];

		if (act->present >= 0 && !((const char *)rec)[act->present])
			continue;
		if (act->naggs)
			firing_drain(r, cpu, rec->time);
		if (!run_written(r, out_action(r->out, desc, act, rec, r->aggs)))
			return false;
	}
	return true;
}

bool run_record_print(void *arg, int cpu, const struct rt_rec *rec, uint32_t len)
{
	struct run *r = arg;
	const struct rec_desc *desc;
	const struct prov_probe *p;
	struct out_probe op;

	if (len < sizeof(*rec))
		return true;
	if (rec->clause & RT_REC_ERROR) {
		out_flush(r->out); /* stdout and stderr in the order of events */
		error_print(r, rec, len);
		return true;
	}
	desc = cc_record(r->cc, (int)rec->clause);
	if (!desc || rec->probe >= r->nprobes)
		return true;
	p = r->probes[rec->probe].probe;
	op = (struct out_probe){
		.id = p->id,
		.func = p->func,
		.name = p->name,
		.enter = p->owner->enter,
		.leave = p->owner->leave,
	};
	out_record_begin(r->out, desc, rec, cpu, &op);
	return actions_do(r, desc, rec, cpu) && run_written(r, out_record_end(r->out));
}

bool run_record_keep(void *arg, int cpu, const struct rt_rec *rec, uint32_t len)
{
	struct run *r = arg;

	if (!run_keep_add(r->keep, cpu, rec, len))
		__atomic_fetch_add(&r->cpus[cpu].drops[RT_DROP_PRINCIPAL], 1, __ATOMIC_RELAXED);
	return true;
}
