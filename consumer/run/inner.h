/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/inner.h: what the files of run/ share.
 *   options.c  the options' table        enabling.c  descriptions → probes with their clauses
 *   group.c    probes → units             units.c     units → programs → links
 *   places.c   where sites of one unit have their arguments
 *   lives.c    processes traced alone     maps.c      the maps that programs use
 *   keep.c     bufpolicy=ring: the last records        work.c   go, work, stop
 *   records.c  the actions of records     drops.c     reports of lost events
 *   vtime.c    the program of vtimestamp  list.c      -l, and -v's reports
 *   forget.c   histories of ended processes are dropped
 *   libs.c     -L's libraries
 *   client.c   the public face, usdt/consumer.h
 */
#ifndef CONSUMER_RUN_INNER_H
#define CONSUMER_RUN_INNER_H

#include "base/arena.h"
#include "base/hash.h"
#include "consumer/compile/compile.h"
#include "consumer/output/output.h"
#include "consumer/providers/providers.h"
#include "consumer/aggs/aggs.h"
#include "consumer/run/run.h"
#include "ebpf/rings.h"
#include "kernel/kernel.h"

enum run_optid {
#define RUN_OPT(name, kind, value, range, help) RUN_OPT_##name,
#include "consumer/options.def"
	RUN_NOPTS
};

enum run_policyid { /* -x bufpolicy */
#define RUN_POLICY(id, name, ...) RUN_##id,
#include "consumer/policies.def"
		    RUN_NPOLICIES
};
struct run_policy {
	const char *name;
	bool drained;	     /* buffers are drained while tracing; else at the end */
	bool ends_when_full; /* a full buffer ends tracing and is not a drop */
	bool keeps_last;     /* bufsize bytes of the last records are printed, at the end */
};
extern const struct run_policy run_policies[RUN_NPOLICIES];

struct run_opts {
	int64_t value[RUN_NOPTS];
	const char *text[RUN_NOPTS]; /* STR options */
	bool set[RUN_NOPTS];
};
void run_opts_init(struct run_opts *o);

/* A probe and the indices of its clauses in program order: an entry for each description that the
 * probe matches. */
struct run_probe {
	struct prov_probe *probe;
	int *clauses;
	size_t nclauses, clauses_cap;
	bool loaded; /* its sites are in units */
};

/* A table of places: a row for each distinct set of places that sites of a unit have. */
struct run_places {
	int fd;
	unsigned char *rows;	    /* mapped: `room` rows of `row_size` bytes */
	uint32_t n, room, row_size; /* n rows are taken */
	struct hash *index;	    /* a row's bytes → its index + 1 */
};

/* One kernel program and the sites that it is attached to. */
struct run_unit {
	struct cc_unit cc;
	struct cc_func_set *set; /* NULL: the unit is not planned yet */
	struct run_unit *next;	 /* of the same key, for sites that this unit does not take */
	struct cc_args args;	 /* the places that all sites share */
	uint64_t used, differ;	 /* bits of operands: clauses read them; sites differ in them */
	struct run_places places;
	struct prov_site **sites;
	uint64_t *cookies;
	size_t nsites, sites_cap, ncookies, cookies_cap;
	size_t attached; /* so many sites are attached, from the first on */
	int prog;
	uint32_t *table; /* SYSCALL: mapped */
	int table_fd;
	uint64_t missed; /* recursion_misses already reported */
};

struct run_text {
	const struct text *text;
	char spec;
	const char *shown; /* in 'matched N probes' */
	size_t matches;
};

struct run {
	struct arena *arena;
	struct diag *diag;
	FILE *out_file;
	struct run_opts opts;
	const char **libdirs; /* -L, -x libdir */
	size_t nlibdirs, libdirs_cap;
	struct world *world;
	struct prov_env *env;
	int argc;
	const char *const *argv;
	struct run_text *texts;
	size_t ntexts, texts_cap;
	struct d *d;
	struct d_prog *prog;
	struct cc *cc;
	struct cc_options cc_opts;
	struct run_probe *probes; /* the enabling's table: rt_rec.probe is its index */
	size_t nprobes, probes_cap;
	struct hash *probe_index; /* prov_probe * → index + 1 */
	struct run_unit **units;
	size_t nunits, units_cap, nunits_loaded;
	size_t probes_told; /* the probes map has so many probes */
	struct hash *unit_by_key;
	int vtime_prog;
	struct prov_links *links;
	/* Processes whose first thread ends. ending: the end cannot be seen yet. renewed: the units
	 * must be attached again. */
	struct life {
		pid_t pid;
		bool ending, renewed;
	} * lives;
	size_t nlives, lives_cap;
	struct rt_state *state; /* mapped */
	struct rt_cpu *cpus;	/* mapped, one a CPU */
	size_t mapped_cpus;	/* bytes */
	struct ebpf_rings rings;
	struct keep *keep; /* bufpolicy=ring */
	struct aggs *aggs;
	struct out *out;
	struct world_history *history;
	int epoll, stop_fd;
	uint64_t next_switch, next_agg, next_status; /* monotonic, ns */
	uint64_t *reported_cpu;			     /* drops reported so far: [cpu][RT_NDROPS] */
	uint64_t kernel_missed;
	size_t forget_at;      /* forget some when so many ended processes are remembered */
	uint64_t drained_time; /* the firing for which aggregations were last drained */
	int drained_cpu;
	size_t live_targets;
	bool going, stopped, failed, output_gone, ksyms_told, aggs_told;
	int status;
};

static inline const struct run_policy *run_policy(const struct run *r)
{
	return &run_policies[r->opts.value[RUN_OPT_bufpolicy]];
}

bool run_opts_amin(const struct run_opts *o, struct d_attr *out); /* false: amin is not set */

/* run.c: texts → r->prog */
bool run_front_end(struct run *r);

/* libs.c: the libraries, into r->d. */
bool run_libraries(struct run *r);

/* enabling.c */
bool run_match(struct run *r);

/* maps.c: makes every map that is used and not made yet; run_maps_close closes all maps. */
bool run_maps_make(struct run *r);
void run_maps_close(struct run *r);
enum { RUN_RING_MAX = 1 << 30 };
uint32_t run_ring_size(const struct run *r); /* bytes of a CPU's ring, from bufsize */

/* group.c: puts the sites of new probes into units. false: no memory. */
bool run_group(struct run *r);

/* places.c: can the unit's program, when it is planned, read the site's arguments? */
bool run_places_take(const struct run_unit *u, const struct prov_site *s);
/* The unit's first site. by_table: all operands that can go by the table do, for sites to come. */
void run_places_first(struct run_unit *u, const struct prov_site *s, bool by_table);
/* The site joins the unit; its row goes into the cookie, now or when the table is made. */
bool run_places_join(struct run_unit *u, const struct prov_site *s, uint64_t *cookie);
int run_places_settle(struct run_unit *u); /* makes the table, before the plan; 0 or -errno */
void run_places_close(struct run_unit *u);

/* units.c: groups, compiles and loads new units; then attaches new sites. */
bool run_units_load(struct run *r);
bool run_units_attach(struct run *r);
bool run_units_fire(struct run *r, bool end); /* BEGIN or END by test run */
void run_units_missed(struct run *r); /* firings that the kernel skipped, into kernel_missed */
void run_units_close(struct run *r);

/* lives.c: processes that are traced alone. Their links end with the first thread, but other
 * threads may go on, and an exec by one of them makes a new first thread. */
void run_mapping_event(void *arg,
		       const struct world_event *ev); /* a world_event_fn; arg is the run */
bool run_units_ending(const struct run *r);	      /* true: call run_units_renew again soon */
void run_units_renew(struct run *r);

/* vtime.c */
void run_vtime_plan(struct run *r);
bool run_vtime_attach(struct run *r);
void run_vtime_close(struct run *r);

/* keep.c: the last `size` bytes of records of each CPU. add is false if the record is larger, or
 * there is no memory. */
struct keep *run_keep_new(uint32_t ncpu, uint64_t size);
bool run_keep_add(struct keep *k, int cpu, const struct rt_rec *rec, uint32_t len);
bool run_keep_drain(struct keep *k, bool temporal, ebpf_rings_fn *fn,
		    void *arg); /* as ebpf_rings_drain */
uint64_t run_keep_oldest(
	const struct keep *k);	    /* the time of the oldest record; UINT64_MAX: none */
void run_keep_free(struct keep *k); /* NULL is accepted */

/* forget.c: records up to time `drained` are printed, and aggregations have been drained since. */
void run_forget(struct run *r, uint64_t drained);

/* drops.c */
void run_drops_report(struct run *r);

/* records.c: ebpf_rings_fn; arg is the run. */
bool run_record_print(void *arg, int cpu, const struct rt_rec *rec, uint32_t len);
bool run_record_keep(void *arg, int cpu, const struct rt_rec *rec, uint32_t len);
/* Values that could not be read stay in the maps for the next drain, or are lost at the end. */
void run_aggs_drain(struct run *r);
/* Takes the result of a write: 0 or -errno. An error ends tracing and is reported, unless the
 * reader has gone. false: write nothing more. */
bool run_written(struct run *r, int err);

#endif
