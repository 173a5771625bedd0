/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/attach.c: sites → links, by kind of context.
 * In:   a loaded program, its sites, a cookie for each site.
 * Out:  links in a list. A site that the kernel refuses gets a warning; the
 *       other sites are still attached.
 * Owns: nothing; struct prov_links owns the descriptors until its close.
 *
 * User-land sites are attached in bulk: one uprobe_multi link for each pair of
 * file and process. Kernels before 6.6 need a perf event and a link for each
 * site. Closing such a link waits for the kernel, so links.c closes them with
 * several threads: 49 instead of 90 ms a site on 6.1 (emulated). Half of the
 * wait is under one lock of the kernel; on 6.18, where only tests attach so,
 * all of it is. The program counts how often the kernel skipped it
 * (recursion_misses), and its owner reads that count; links have no counts.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Clocks ----------------------------------------------------------------------- */

/*
 * The clock is created disabled and starts when all probes are attached: 100,000 ticks a second on
 * a busy processor would stretch the remaining work to seconds.
 */
static int clock_on(const struct prov_site *s, int cpu, int prog, uint64_t cookie,
		    struct prov_links *links)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = s->period_ns,
		.disabled = 1,
	};
	int event = kern_perf_open(&attr, -1, cpu), fd, err;

	if (event < 0)
		return event;
	fd = prov_perf_link(event, prog, cookie);
	err = fd < 0 ? fd : prov_clock_keep(links, event, s->period_ns);
	if (!err)
		return prov_link_keep(links, fd, 0);
	close(event);
	if (fd >= 0)
		close(fd);
	return err;
}

/* A profile clock runs on every CPU that is online, a tick clock on the first of them. */
static int attach_clock(const struct prov_site *s, int prog, uint64_t cookie,
			struct prov_links *links)
{
	int err = -ENODEV, done = 0;

	for (int cpu = 0; cpu < (int)kern_cpus(); cpu++) {
		err = clock_on(s, cpu, prog, cookie, links);
		if (!err && ++done && s->one_cpu)
			break;
		if (err && err != -ENODEV) /* ENODEV: the CPU is off */
			return err;
	}
	return done ? 0 : err;
}

/* ---- User land --------------------------------------------------------------------- */

/* Sites of one file and one process, which are attached together. */
struct batch {
	struct prov_env *env;
	const struct prov_attach *what;
	struct prov_links *links;
	char path[32];
	uint64_t *offsets, *refs, *cookies;
	const size_t *index; /* each site's index in what->sites */
	pid_t pid;	     /* the sites' process; 0: all */
	pid_t by;	     /* the process that the kernel filters by; 0: no filter */
	size_t attached, refused;
	int err;
};

static bool gone(struct batch *b, int err)
{
	return err == -ESRCH && b->pid;
}

enum { NOTSUPP = 524 }; /* the kernel's ENOTSUPP: it cannot step over the instruction */

static const char *error_text(int err)
{
	return err == -NOTSUPP ? "Instruction cannot be probed" : strerror(-err);
}

static void refuse(struct batch *b, size_t i, int err)
{
	const char *path = world_file_path(b->env->world, b->what->sites[b->index[i]]->file);

	b->refused++;
	b->err = err;
	if (gone(b, err))
		return;
	diag_warn(b->env->diag, NOWHERE, "the kernel refuses a probe at offset 0x%llx of %s: %s",
		  (unsigned long long)b->offsets[i], *path ? path : "a file", error_text(err));
	/* Two uprobes of one site must name the same semaphore, or the kernel says EINVAL. */
	if (err == -EINVAL && b->refs[i])
		diag_hint(b->env->diag, "another tracer may hold the site without its semaphore");
}

/* Does the error concern one site alone, so that the other sites are worth a try? */
static bool of_one_site(int err)
{
	static const int errs[] = {
		EINVAL, EOPNOTSUPP, NOTSUPP, EIO, EBUSY, EEXIST, E2BIG, ENOMEM
	};

	for (size_t i = 0; i < COUNT(errs); i++)
		if (err == -errs[i])
			return true;
	return false;
}

static void multi_range(struct batch *b, size_t from, size_t to)
{
	enum { HOPELESS = 64 }; /* so many refusals and no success: the sites are not the cause */
	bool refs = false;
	int fd;

	if (from == to || (b->err && !of_one_site(b->err)) ||
	    (!b->attached && b->refused >= HOPELESS))
		return;
	for (size_t i = from; i < to; i++)
		refs |= b->refs[i];
	fd = kern_uprobe_multi(b->what->prog, b->path, b->offsets + from,
			       refs ? b->refs + from : NULL, b->cookies + from,
			       (uint32_t)(to - from), b->by);
	if (fd >= 0) {
		fd = prov_link_keep(b->links, fd, b->pid);
		if (!fd)
			b->attached += to - from;
		else
			b->err = fd;
	} else if (to - from == 1 || !of_one_site(fd)) {
		refuse(b, from, fd);
	} else {
		multi_range(b, from, from + (to - from) / 2);
		multi_range(b, from + (to - from) / 2, to);
	}
}

static int perf_one(struct batch *b, size_t i)
{
	int fd = kern_uprobe_open(b->path, b->offsets[i], b->refs[i], b->by);

	return fd < 0 ? fd : prov_perf_attach(fd, b->what->prog, b->cookies[i], b->links, b->pid);
}

static void perf_all(struct batch *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = perf_one(b, i);

		if (!err)
			b->attached++;
		else
			refuse(b, i, err);
		if (gone(b, err) || err == -ENOENT) /* the kernel has no such events */
			return;
	}
}

static void batch_attach(struct batch *b, size_t n, prov_open_fn *open_file)
{
	struct prov_site *const *sites = b->what->sites;
	int fd = open_file(b->env->world, sites[b->index[0]]->file);

	b->err = 0;
	b->refused = 0;
	b->pid = sites[b->index[0]]->pid;
	/* The kernel filters by the memory of the process's first thread, which is gone when that
	 * thread has ended. The program tests the process id itself. */
	b->by = b->pid && !world_first_thread_ended(b->pid) ? b->pid : 0;
	for (size_t i = 0; i < n; i++) {
		b->offsets[i] = sites[b->index[i]]->off;
		b->refs[i] = sites[b->index[i]]->ref_ctr;
		b->cookies[i] = b->what->cookies[b->index[i]];
	}
	if (fd < 0) {
		b->err = fd;
		diag_warn(b->env->diag, NOWHERE, "cannot open a file to trace: %s", strerror(-fd));
		return;
	}
	snprintf(b->path, sizeof(b->path), "/proc/self/fd/%d", fd);
	if (b->what->multi)
		multi_range(b, 0, n);
	else
		perf_all(b, n);
	if (gone(b, b->err))
		b->err = 0; /* the process has ended: its end is reported elsewhere */
}

struct order {
	int file;
	pid_t pid;
	size_t index;
};

static int order_cmp(const void *l, const void *r)
{
	const struct order *a = l, *b = r;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static int attach_user(struct prov_env *env, const struct prov_attach *what,
		       struct prov_links *links, prov_open_fn *open_file)
{
	struct batch b = { .env = env, .what = what, .links = links };
	size_t n = what->nsites, to;
	struct order *order = calloc(n, sizeof(*order));
	size_t *index = calloc(n, sizeof(*index));
	int err = 0;

	b.offsets = calloc(n, sizeof(*b.offsets));
	b.refs = calloc(n, sizeof(*b.refs));
	b.cookies = calloc(n, sizeof(*b.cookies));
	if (!order || !index || !b.offsets || !b.refs || !b.cookies) {
		err = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = (struct order){ what->sites[i]->file, what->sites[i]->pid, i };
	qsort(order, n, sizeof(*order), order_cmp);
	for (size_t i = 0; i < n; i++)
		index[i] = order[i].index;
	for (size_t i = 0; i < n; i = to) {
		for (to = i + 1;
		     to < n && order[to].file == order[i].file && order[to].pid == order[i].pid;
		     to++)
			;
		b.index = index + i;
		batch_attach(&b, to - i, open_file);
		err = b.err ? b.err : err;
	}
	if (b.attached)
		err = 0;
out:
	free(order);
	free(index);
	free(b.offsets);
	free(b.refs);
	free(b.cookies);
	return err;
}

/* ---- By kind of context ------------------------------------------------------------------ */

/* Reports that no site could be attached. */
static int report(struct prov_env *env, int err)
{
	if (err)
		diag_error(env->diag, NOWHERE, NULL, "cannot attach: %s", error_text(err));
	return err;
}

/* The refused sites are for all processes, and each got a warning: a file of the system that cannot
 * be traced does not fail the rest. */
static bool others_refused(const struct prov_attach *what, int err)
{
	bool others = of_one_site(err);

	for (size_t i = 0; others && i < what->nsites; i++)
		others = !what->sites[i]->pid;
	return others;
}

static int attach_uprobe(struct prov_env *env, const struct prov_attach *what,
			 struct prov_links *links, prov_open_fn *open_file)
{
	int err = attach_user(env, what, links, open_file);

	if (!err || others_refused(what, err))
		return 0;
	report(env, err);
	/* Linux 6.16 and its stable kernels want more than CAP_PERFMON for these events. */
	if (err == -EACCES && !what->multi)
		diag_hint(env->diag, "without uprobe_multi links (Linux 6.6) probes in user land "
				     "need CAP_SYS_ADMIN");
	return err;
}

/* Attaches site by site; fails only if no site could be attached. */
static int attach_each(struct prov_env *env, const struct prov_attach *what,
		       struct prov_links *links, const char *name,
		       int (*one)(const struct prov_site *s, int prog, uint64_t cookie,
				  struct prov_links *links))
{
	int err, last = 0;
	size_t done = 0;

	for (size_t i = 0; i < what->nsites; i++) {
		const struct prov_site *s = what->sites[i];

		err = one(s, what->prog, what->cookies[i], links);
		if (!err) {
			done++;
			continue;
		}
		last = err;
		diag_warn(env->diag, NOWHERE, "cannot attach to %s%s%s: %s", name,
			  s->tracepoint ? " " : "", s->tracepoint ? s->tracepoint : "",
			  strerror(-err));
	}
	return done ? 0 : report(env, last);
}

static int raw_one(const struct prov_site *s, int prog, uint64_t cookie, struct prov_links *links)
{
	int fd = bpf_raw_tracepoint_open(s->tracepoint, prog);

	(void)cookie;
	if (fd < 0)
		return fd;
	prov_links_raw(links);
	return prov_link_keep(links, fd, 0);
}

static int attach_rawtp(struct prov_env *env, const struct prov_attach *what,
			struct prov_links *links, prov_open_fn *open_file)
{
	(void)open_file;
	return attach_each(env, what, links, "tracepoint", raw_one);
}

static int attach_perf(struct prov_env *env, const struct prov_attach *what,
		       struct prov_links *links, prov_open_fn *open_file)
{
	(void)open_file;
	return attach_each(env, what, links, "a clock", attach_clock);
}

/* No provider has sites of this kind yet. */
static int attach_kprobe(struct prov_env *env, const struct prov_attach *what,
			 struct prov_links *links, prov_open_fn *open_file)
{
	(void)what;
	(void)links;
	(void)open_file;
	return report(env, -EOPNOTSUPP);
}

/* The run room fires these probes itself: nothing is attached. */
static int attach_test(struct prov_env *env, const struct prov_attach *what,
		       struct prov_links *links, prov_open_fn *open_file)
{
	(void)env;
	(void)what;
	(void)links;
	(void)open_file;
	return 0;
}

/* ---- All kinds ------------------------------------------------------------------------- */

static int (*const attach[CC_NCTX])(struct prov_env *env, const struct prov_attach *what,
				    struct prov_links *links, prov_open_fn *open_file) = {
#define CC_CTX(id, lower, ...) [CC_CTX_##id] = attach_##lower,
#include "consumer/compile/contexts.def"
};

int prov_attach_with(struct prov_env *env, const struct prov_attach *what, struct prov_links *links,
		     prov_open_fn *open_file)
{
	return what->nsites ? attach[what->ctx](env, what, links, open_file) : 0;
}

int prov_attach(struct prov_env *env, const struct prov_attach *what, struct prov_links *links)
{
	return prov_attach_with(env, what, links, world_file_open);
}
