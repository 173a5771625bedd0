/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/drops.c: reports lost events, once a statusrate and at the end
 * (rule 5 of docs/architecture.md). In: the counters that programs add to. Out: diag lines.
 */
#include "consumer/run/inner.h"

static const struct {
	const char *words;
	bool per_cpu;
} kinds[] = {
#define RT_DROP(id, words, per_cpu) { words, per_cpu },
#include "ebpf/drops.def"
};

/* Words come from drops.def, with one %s for the plural. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void say(struct run *r, size_t kind, uint64_t n, int cpu)
{
	char words[128];

	snprintf(words, sizeof(words), kinds[kind].words, n == 1 ? "" : "s");
	if (cpu < 0)
		diag_note(r->diag, "%llu %s", (unsigned long long)n, words);
	else
		diag_note(r->diag, "%llu %s on CPU %d", (unsigned long long)n, words, cpu);
}
#pragma GCC diagnostic pop

void run_drops_report(struct run *r)
{
	if (!r->cpus)
		return;
	for (size_t kind = 0; kind < COUNT(kinds); kind++) {
		uint64_t sum = 0;

		for (uint32_t cpu = 0; cpu < kern_cpus(); cpu++) {
			uint64_t *said = &r->reported_cpu[cpu * RT_NDROPS + kind];
			uint64_t now = __atomic_load_n(&r->cpus[cpu].drops[kind], __ATOMIC_RELAXED);
			uint64_t n = now - *said;

			*said = now;
			if (n && kinds[kind].per_cpu)
				say(r, kind, n, (int)cpu);
			sum += n;
		}
		if (kind == RT_DROP_KERNEL) {
			sum += r->kernel_missed;
			r->kernel_missed = 0;
		}
		if (sum && !kinds[kind].per_cpu)
			say(r, kind, sum, -1);
	}
}
