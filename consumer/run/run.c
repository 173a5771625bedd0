/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/run.c: open, texts, compile, close.
 * In:   options, texts, targets.
 * Out:  a compiled enabling, with its probes matched.
 * Owns: everything that an enabling has; run_close releases all of it.
 */
#include "consumer/run/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run *run_open(struct diag *diag, FILE *out)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->arena = arena_new();
	r->probe_index = hash_new();
	r->unit_by_key = hash_new();
	r->world = world_new(diag);
	r->env = r->world ? prov_env_new(diag, r->world) : NULL;
	r->diag = diag;
	r->out_file = out;
	r->epoll = r->stop_fd = r->vtime_prog = -1;
	run_opts_init(&r->opts);
	if (!r->arena || !r->probe_index || !r->unit_by_key || !r->env) {
		run_close(r);
		return NULL;
	}
	return r;
}

void run_close(struct run *r)
{
	if (!r)
		return;
	if (r->links)
		prov_links_close(r->links);
	run_units_close(r);
	run_vtime_close(r);
	run_maps_close(r);
	run_keep_free(r->keep);
	aggs_free(r->aggs);
	out_free(r->out);
	world_history_free(r->history);
	if (r->epoll >= 0)
		close(r->epoll);
	d_free(r->d);
	prov_env_free(r->env);
	world_free(r->world);
	hash_free(r->probe_index, NULL);
	hash_free(r->unit_by_key, NULL);
	free(r->reported_cpu);
	arena_free(r->arena);
	free(r);
}

const char *run_language(void)
{
	return D_VERSION;
}

struct arena *run_arena(struct run *r)
{
	return r->arena;
}

void run_output(struct run *r, FILE *out)
{
	r->out_file = out;
}

void run_args(struct run *r, int argc, const char *const *argv)
{
	r->argc = argc;
	r->argv = argv;
}

void run_stop_on(struct run *r, int fd)
{
	r->stop_fd = r->world->stop_fd = fd;
}

static bool target_add(struct run *r, struct world_target *t)
{
	struct world_target **slot;

	if (!t)
		return false; /* reported */
	slot = ARENA_PUSH(r->arena, r->world->targets, r->world->ntargets, r->world->targets_cap);
	if (!slot) {
		world_target_free(t);
		return false;
	}
	*slot = t;
	return true;
}

bool run_command(struct run *r, const char *command)
{
	const char *evaltime = r->opts.text[RUN_OPT_evaltime];

	return target_add(r,
			  world_target_create(r->world, command, evaltime ? evaltime : "preinit"));
}

bool run_grab(struct run *r, pid_t pid)
{
	return target_add(r, world_target_grab(r->world, pid));
}

/* "probe { actions }" is shown without its predicate and actions, as DTrace shows -n's. */
static const char *shown(struct run *r, const struct text *text)
{
	size_t n = strcspn(text->bytes, "/{\n");

	while (n && strchr(" \t", text->bytes[n - 1]))
		n--;
	return arena_strndup(r->arena, text->bytes, n);
}

bool run_text(struct run *r, const struct text *text, char spec)
{
	struct run_text *t = ARENA_PUSH(r->arena, r->texts, r->ntexts, r->texts_cap);

	if (!t)
		return false;
	*t = (struct run_text){ .text = text, .spec = spec, .shown = shown(r, text) };
	return t->shown;
}

/* ---- Compile ----------------------------------------------------------------- */

static const struct d_macro *macros_make(struct run *r, size_t *n)
{
	const struct {
		const char *name;
		long value;
	} own[] = {
		{ "pid", getpid() },	   { "ppid", getppid() },
		{ "uid", (long)getuid() }, { "euid", (long)geteuid() },
		{ "gid", (long)getgid() }, { "egid", (long)getegid() },
		{ "pgid", getpgid(0) },	   { "sid", getsid(0) },
		{ "projid", 0 },	   { "taskid", 0 },
		{ "zoneid", 0 },
	};
	struct d_macro *m = arena_array(r->arena, struct d_macro, COUNT(own) + 1);

	if (!m)
		return NULL;
	*n = 0;
	for (size_t i = 0; i < COUNT(own); i++)
		m[(*n)++] = (struct d_macro){ own[i].name,
					      arena_printf(r->arena, "%ld", own[i].value) };
	if (r->world->ntargets)
		m[(*n)++] = (struct d_macro){
			"target", arena_printf(r->arena, "%d", (int)r->world->targets[0]->pid)
		};
	return m;
}

static struct d_options front_end_options(const struct run *r)
{
	return (struct d_options){
		.defaultargs = r->opts.value[RUN_OPT_defaultargs],
		.argref_ok = r->opts.value[RUN_OPT_argref],
		.destructive = r->opts.value[RUN_OPT_destructive],
		.strsize = (size_t)r->opts.value[RUN_OPT_strsize],
	};
}

static bool pragma_option(void *ctx, const char *name, const char *value, struct loc at)
{
	struct run *r = ctx;
	struct d_options opt;

	if (!run_option(r, name, value, at))
		return false;
	opt = front_end_options(r);
	d_set_options(r->d, &opt);
	return true;
}

/* Texts → checked program. */
bool run_front_end(struct run *r)
{
	struct d_config config = {
		.names = prov_names(r->env),
		.argc = r->argc,
		.argv = r->argv,
		.opt = front_end_options(r),
		.option = pragma_option,
		.option_ctx = r,
	};
	struct d_attr least;
	bool ok;

	config.macros = macros_make(r, &config.nmacros);
	r->d = config.macros ? d_new(r->arena, r->diag, &config) : NULL;
	if (!r->d)
		return false;
	ok = run_libraries(r);
	for (size_t i = 0; i < r->ntexts; i++)
		ok &= d_parse(r->d, r->texts[i].text, r->texts[i].spec);
	if (run_opts_amin(&r->opts, &least))
		d_stability(r->d, &least);
	else if (r->opts.value[RUN_OPT_verbose])
		d_stability(r->d, NULL);
	r->prog = ok ? d_check(r->d) : NULL;
	return r->prog;
}

static bool refused_options(struct run *r)
{
	static const struct {
		enum run_optid id;
		const char *name;
		int64_t off;
	} none[] = {
		{ RUN_OPT_grabanon, "grabanon", 0 }, { RUN_OPT_zone, "zone", 0 },
		{ RUN_OPT_cpppath, "cpppath", 0 },   { RUN_OPT_pspec, "pspec", 0 },
		{ RUN_OPT_cpu, "cpu", -1 },
	};

	for (size_t i = 0; i < COUNT(none); i++) {
		if (r->opts.value[none[i].id] == none[i].off && !r->opts.text[none[i].id])
			continue;
		diag_error(r->diag, NOWHERE, NULL, "option %s is not available in this version",
			   none[i].name);
		return true;
	}
	return false;
}

static bool kernel_function(const char *name, struct cc_range *at)
{
	struct kern_symbol symbol;

	if (!kern_symbol_named(NULL, name, &symbol) || !symbol.size)
		return false;
	*at = (struct cc_range){ .start = symbol.address, .size = (uint32_t)symbol.size };
	return true;
}

static bool back_end(struct run *r)
{
	const char *resize = r->opts.text[RUN_OPT_bufresize];
	const struct kern_pidns ns = kern_pidns();

	if (r->opts.value[RUN_OPT_bufsize] > RUN_RING_MAX && resize && !strcmp(resize, "manual")) {
		diag_error(r->diag, NOWHERE, NULL, "bufsize: at most %dg can be had a CPU",
			   RUN_RING_MAX >> 30);
		return false;
	}
	r->cc_opts = (struct cc_options){
		.strsize = (uint32_t)r->opts.value[RUN_OPT_strsize],
		.stackframes = (uint32_t)r->opts.value[RUN_OPT_stackframes],
		.ustackframes = (uint32_t)r->opts.value[RUN_OPT_ustackframes],
		.ncpu = kern_cpus(),
		.ringsize = run_ring_size(r),
		.fill = run_policy(r)->ends_when_full,
		.pid = getpid(),
		.pidns_dev = ns.dev,
		.pidns_ino = ns.ino,
		.function = kernel_function,
	};
	if (!kern_btf()) {
		diag_error(r->diag, NOWHERE, NULL,
			   "cannot read the kernel's types (/sys/kernel/btf)");
		return false;
	}
	r->cc = cc_new(r->arena, r->diag, r->d, r->prog, &r->cc_opts);
	return r->cc;
}

static bool printer(struct run *r)
{
	const int64_t *v = r->opts.value;
	struct out_options o = {
		.quiet = &v[RUN_OPT_quiet],
		.flowindent = &v[RUN_OPT_flowindent],
		.rawbytes = &v[RUN_OPT_rawbytes],
		.stackindent = &v[RUN_OPT_stackindent],
		.aggsortkey = &v[RUN_OPT_aggsortkey],
		.aggsortkeypos = &v[RUN_OPT_aggsortkeypos],
		.aggsortpos = &v[RUN_OPT_aggsortpos],
		.aggsortrev = &v[RUN_OPT_aggsortrev],
		.aggzoom = &v[RUN_OPT_aggzoom],
		.aggpack = &v[RUN_OPT_aggpack],
		.agghist = &v[RUN_OPT_agghist],
	};

	r->out = out_new(r->out_file, &o);
	r->aggs = aggs_new(r->cc, r->prog, kern_cpus());
	r->reported_cpu = calloc(kern_cpus(), RT_NDROPS * sizeof(*r->reported_cpu));
	if (run_policy(r)->keeps_last)
		r->keep = run_keep_new(kern_cpus(), (uint64_t)v[RUN_OPT_bufsize]);
	return r->out && r->aggs && r->reported_cpu && (r->keep || !run_policy(r)->keeps_last);
}

/* With bufpolicy=fill the buffer must have room for END's records. */
static bool end_fits(struct run *r)
{
	int64_t bytes = 0;

	if (!run_policy(r)->ends_when_full)
		return true;
	for (size_t i = 0; i < r->nprobes; i++)
		for (size_t k = 0;
		     r->probes[i].probe->role == PROV_END && k < r->probes[i].nclauses; k++) {
			const struct rec_desc *desc = cc_record(r->cc, r->probes[i].clauses[k]);

			if (desc->any)
				bytes += desc->size;
		}
	if (bytes > r->opts.value[RUN_OPT_bufsize])
		diag_error(r->diag, NOWHERE, NULL, "END enablings exceed size of principal buffer");
	return bytes <= r->opts.value[RUN_OPT_bufsize];
}

/* May a file that is mapped later bring probes that the program asks for? */
static bool wants_later(struct run *r)
{
	for (size_t i = 0; i < r->prog->nclauses; i++)
		for (size_t k = 0; k < r->prog->clauses[i]->npdescs; k++)
			if (prov_later(r->env, &r->prog->clauses[i]->pdescs[k]))
				return true;
	return false;
}

bool run_compile(struct run *r)
{
	const char *why;

	if (!run_front_end(r) || refused_options(r))
		return false;
	why = kern_why_not(r->arena);
	if (why) {
		diag_error(r->diag, NOWHERE, NULL, "%s", why);
		return false;
	}
	if (!back_end(r))
		return false;
	if (!printer(r)) {
		diag_error(r->diag, NOWHERE, NULL, "no memory");
		return false;
	}
	/* Watching starts before the first look, so that no file falls in between. */
	if ((wants_later(r) || cc_uses_usyms(r->cc)) && world_watch_open(r->world))
		return false; /* reported */
	if (world_watch_fd(r->world) >= 0)
		world_watch_events(r->world, run_mapping_event, r);
	return run_match(r) && end_fits(r);
}
