/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/work.c: go, work, stop (rules 5 to 8 of docs/architecture.md).
 * In:   a compiled enabling.
 * Out:  printed lines; the exit status.
 * Owns: nothing; the run owns all.
 */
#include "consumer/run/inner.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Draining --------------------------------------------------------------- */

/* Says once why kernel addresses are printed as numbers. */
static void ksyms_tell(struct run *r)
{
	if (r->ksyms_told || !kern_symbols_hidden())
		return;
	r->ksyms_told = true;
	diag_warn(r->diag, NOWHERE,
		  "the kernel hides its symbols: addresses are printed as numbers");
	diag_hint(r->diag, "it shows them with CAP_SYSLOG, and kernel.kptr_restrict below 2");
}

/* Loads and attaches programs for probes that have appeared. */
static bool newcomers(struct run *r)
{
	run_units_renew(r);
	return run_units_load(r) && run_units_attach(r);
}

/* Reads the watch first, so that mappings from before the drain are known when its stacks are
 * printed: a library is mapped before its first hit, but the event may wake us later. */
static bool drain(struct run *r, bool all)
{
	uint64_t until = all ? UINT64_MAX : kern_now();
	bool temporal = r->opts.value[RUN_OPT_temporal];

	if (r->output_gone || !r->rings.ring)
		return false;
	if (!run_policy(r)->drained && !all)
		return true; /* the buffer is to fill up */
	if (r->history && !all && (world_watch_read(r->world), !newcomers(r)))
		r->failed = true;
	ebpf_rings_drain(&r->rings, until, temporal, r->keep ? run_record_keep : run_record_print,
			 r);
	if (r->keep && all)
		run_keep_drain(r->keep, temporal, run_record_print, r);
	return run_written(r, out_flush(r->out));
}

/* ---- Clock ---------------------------------------------------------------------- */

static void wall_renew(struct run *r)
{
	r->state->wall_offset = kern_wall_offset();
}

/* ---- Go -------------------------------------------------------------------------- */

static void matched_say(struct run *r)
{
	if (r->opts.value[RUN_OPT_quiet])
		return;
	for (size_t i = 0; i < r->ntexts; i++) {
		const struct text *t = r->texts[i].text;
		size_t n = r->texts[i].matches;
		const char *s = n == 1 ? "" : "s";

		if (r->texts[i].spec)
			diag_note(r->diag, "description '%s' matched %zu probe%s",
				  r->texts[i].shown, n, s);
		else
			diag_note(r->diag, "script '%s' matched %zu probe%s", t->name, n, s);
	}
	if (r->opts.value[RUN_OPT_bufsize] > RUN_RING_MAX && !r->opts.value[RUN_OPT_quietresize])
		diag_note(r->diag, "buffer size lowered to %dg", RUN_RING_MAX >> 30);
}

static bool poll_add(struct run *r, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

/* Edge-triggered: a ring that holds data is always 'readable'; only wake-ups matter. */
static bool poll_setup(struct run *r)
{
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0)
		return false;
	for (uint32_t i = 0; i < r->rings.n; i++)
		if (!poll_add(r, r->rings.ring[i].fd, EPOLLIN | EPOLLET))
			return false;
	if (r->stop_fd >= 0 && !poll_add(r, r->stop_fd, EPOLLIN))
		return false;
	for (size_t i = 0; i < r->world->ntargets; i++)
		if (world_target_fd(r->world->targets[i]) >= 0 &&
		    !poll_add(r, world_target_fd(r->world->targets[i]), EPOLLIN))
			return false;
	return world_watch_fd(r->world) < 0 || poll_add(r, world_watch_fd(r->world), EPOLLIN);
}

static void active_set(struct run *r)
{
	uint32_t warmup = RT_WARMUP;

	/* BEGIN's program does this at its end. This call does it if there is no BEGIN. */
	__atomic_compare_exchange_n(&r->state->life, &warmup, RT_ACTIVE, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
}

bool run_go(struct run *r)
{
	uint64_t now;
	int err;

	if (r->ntexts && !r->prog->nclauses && !r->opts.value[RUN_OPT_empty]) {
		diag_error(r->diag, NOWHERE, D_EMPTY,
			   "the program has no clauses: nothing to trace");
		return false;
	}
	r->links = prov_links_new();
	if (!r->links || !run_units_load(r))
		return false;
	if (cc_uses_usyms(r->cc)) {
		r->history = world_history_new();
		out_set_history(r->out, r->history);
	}
	if (r->history)
		world_history_scan_all(r->history, kern_now());
	wall_renew(r);
	if (!run_units_attach(r) || !poll_setup(r))
		return false;
	matched_say(r);
	run_report(r, false);
	r->going = true;
	if (!run_units_fire(r, false))
		return false;
	active_set(r);
	err = prov_links_start(r->links);
	if (err) {
		diag_error(r->diag, NOWHERE, NULL, "cannot start a clock: %s", strerror(-err));
		return false;
	}
	for (size_t i = 0; i < r->world->ntargets; i++)
		if (world_target_continue(r->world->targets[i]) == 0)
			r->live_targets++;
	now = kern_now();
	r->next_switch = now + (uint64_t)r->opts.value[RUN_OPT_switchrate];
	r->next_agg = now + (uint64_t)r->opts.value[RUN_OPT_aggrate];
	r->next_status = now + (uint64_t)r->opts.value[RUN_OPT_statusrate];
	return true;
}

/* ---- Work -------------------------------------------------------------------------- */

static struct world_target *target_of(struct run *r, int fd)
{
	for (size_t i = 0; i < r->world->ntargets; i++)
		if (world_target_fd(r->world->targets[i]) == fd)
			return r->world->targets[i];
	return NULL;
}

/* DTrace's words. Only the parent of a process learns its status: for -p the status is 0. */
static void ended_say(struct run *r, pid_t pid, int status)
{
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	if (name)
		diag_note(r->diag, "pid %d terminated by SIG%s", (int)pid, name);
	else if (WIFSIGNALED(status))
		diag_note(r->diag, "pid %d terminated by signal %d", (int)pid, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		diag_note(r->diag, "pid %d exited with status %d", (int)pid, WEXITSTATUS(status));
	else
		diag_note(r->diag, "pid %d has exited", (int)pid);
}

static bool target_event(struct run *r, struct world_target *t)
{
	int status = 0;
	enum world_target_state state = world_target_event(t, &status);

	if (state == WORLD_TARGET_STOPPED) {
		world_watch_read(r->world);
		newcomers(r);
		world_target_continue(t);
	} else if (state == WORLD_TARGET_EXITED && !t->gone) {
		t->gone = true;
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, world_target_fd(t), NULL);
		r->live_targets--;
		if (!r->opts.value[RUN_OPT_quiet])
			ended_say(r, t->pid, status);
	}
	return r->live_targets > 0;
}

int run_timeout(const struct run *r)
{
	uint64_t now = kern_now(), next = r->next_switch;

	next = r->next_agg < next ? r->next_agg : next;
	next = r->next_status < next ? r->next_status : next;
	if (run_units_ending(r))
		return 1;
	return next <= now ? 0 : (int)((next - now) / 1000000 + 1);
}

static bool due(uint64_t *next, uint64_t now, int64_t rate)
{
	if (*next > now)
		return false;
	*next = now + (uint64_t)rate;
	return true;
}

/* Records up to time `drained` have been printed. */
static void periodic(struct run *r, uint64_t drained)
{
	uint64_t now = kern_now();

	due(&r->next_switch, now, r->opts.value[RUN_OPT_switchrate]);
	if (due(&r->next_agg, now, r->opts.value[RUN_OPT_aggrate])) {
		run_aggs_drain(r);
		run_forget(r, drained);
	}
	if (due(&r->next_status, now, r->opts.value[RUN_OPT_statusrate])) {
		wall_renew(r);
		run_units_missed(r);
		run_drops_report(r);
	}
}

static bool exiting(const struct run *r)
{
	return __atomic_load_n(&r->state->exiting, __ATOMIC_ACQUIRE);
}

enum run_result run_work(struct run *r, int ms)
{
	struct epoll_event ev[16];
	bool ended = false;
	uint64_t drained;
	int n, next = run_timeout(r);

	if (exiting(r))
		return RUN_DONE;
	n = epoll_wait(r->epoll, ev, COUNT(ev), ms < 0 || ms > next ? next : ms);
	if (n < 0 && errno != EINTR)
		return RUN_ERROR;
	if (exiting(r)) /* run_stop does the rest, when nothing fires any more */
		return RUN_DONE;
	for (int i = 0; i < n; i++) {
		struct world_target *t = target_of(r, ev[i].data.fd);

		if (ev[i].data.fd == r->stop_fd)
			ended = true;
		else if (t)
			ended |= !target_event(r, t);
		else if (ev[i].data.fd == world_watch_fd(r->world) &&
			 (world_watch_read(r->world), !newcomers(r)))
			r->failed = true;
	}
	if (run_units_ending(r) && !newcomers(r))
		r->failed = true;
	drained = kern_now();
	if (!drain(r, false))
		return RUN_DONE;
	ksyms_tell(r);
	periodic(r, drained);
	return ended || exiting(r) || r->output_gone || r->state->filled ? RUN_DONE : RUN_OKAY;
}

/* ---- Stop --------------------------------------------------------------------------- */

/* Empties full buffers, because END needs room for its records. */
static void room_for_end(struct run *r)
{
	drain(r, true);
	for (uint32_t i = 0; i < kern_cpus(); i++)
		r->cpus[i].filled = 0;
}

bool run_stop(struct run *r)
{
	if (!r->going || r->stopped)
		return true;
	r->stopped = true;
	__atomic_store_n(&r->state->life, RT_DRAINING, __ATOMIC_SEQ_CST);
	/* First, because a fast clock leaves little processor time. Waits for running programs. */
	prov_links_close(r->links);
	r->links = NULL;
	run_units_missed(r);
	if (world_watch_fd(r->world) >= 0)
		world_watch_read(r->world);
	if (r->state->filled)
		room_for_end(r);
	run_units_fire(r, true);
	if (r->state->exiting)
		r->status = r->state->exit_status;
	if (!r->output_gone && drain(r, true)) {
		run_aggs_drain(r);
		if (run_written(r, out_aggs_print(r->out, r->aggs)))
			run_written(r, out_flush(r->out));
	}
	ksyms_tell(r);
	run_drops_report(r);
	__atomic_store_n(&r->state->life, RT_ENDED, __ATOMIC_SEQ_CST);
	return true;
}

int run_status(const struct run *r)
{
	return r->failed || r->diag->errors ? 1 : r->status;
}
