/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/list.c: prints probes and programs without tracing: -l, and the
 * reports of -v (guide: chp-dtrace1M, chp-stab).
 * In:   an enabling's texts, checked; the providers.
 * Out:  lines of text in DTrace's layout. Names are quoted as a description must write them, for
 *       some are no C names.
 * Owns: nothing.
 */
#include "consumer/run/inner.h"

#include <errno.h>
#include <string.h>

static void attr_show(FILE *out, const char *title, struct d_attr a)
{
	fprintf(out,
		"\n\t%s\n\t\tIdentifier Names: %s\n\t\tData Semantics:   %s\n"
		"\t\tDependency Class: %s\n",
		title, d_stability_names[a.name], d_stability_names[a.data],
		d_class_names[a.class]);
}

static const char *arg_type(const struct prov_probe *p, size_t i)
{
	return p->arg_types && p->arg_types[i] ? p->arg_types[i] : "int64_t";
}

static void probe_show(struct run *r, struct d_attr desc, struct d_attr args,
		       const struct prov_probe *p)
{
	FILE *out = r->out_file;

	attr_show(out, "Probe Description Attributes", desc);
	attr_show(out, "Argument Attributes", args);
	fprintf(out, "\n\tArgument Types\n");
	for (size_t i = 0; p && i < p->nargs; i++)
		fprintf(out, "\t\targs[%zu]: %s\n", i, text_printable(r->arena, arg_type(p, i)));
	if (!p || !p->nargs)
		fprintf(out, "\t\tNone\n");
}

/* ---- -l --------------------------------------------------------------------------- */

struct finding {
	struct hash *seen;
	prov_found *found;
	void *arg;
	bool stopped;
};

static bool found_once(void *arg, struct prov_probe *p)
{
	struct finding *f = arg;

	if (hash_get(f->seen, &p, sizeof(p)))
		return true;
	f->stopped = hash_set(f->seen, &p, sizeof(p), p, NULL) || !f->found(f->arg, p);
	return !f->stopped;
}

static bool find_described(struct run *r, struct finding *f)
{
	for (size_t i = 0; i < r->prog->nclauses; i++) {
		const struct d_clause *c = r->prog->clauses[i];

		for (size_t k = 0; k < c->npdescs && !f->stopped; k++) {
			int n = prov_match(r->env, &c->pdescs[k], found_once, f);

			if (n < 0)
				return false;
			if (!n)
				prov_none(r->env, &c->pdescs[k]);
		}
	}
	return true;
}

bool run_probes(struct run *r, prov_found *found, void *arg)
{
	static const struct d_pdesc everything = {
		.prov = "", .mod = "", .func = "", .name = "", .text = ":::"
	};
	struct finding f = { .seen = hash_new(), .found = found, .arg = arg };
	bool ok = f.seen && (!r->ntexts || run_front_end(r));

	r->env->naming = PROV_EACH;
	if (ok)
		ok = r->ntexts ? find_described(r, &f) :
				 prov_match(r->env, &everything, found_once, &f) >= 0;
	r->env->naming = PROV_ENABLE;
	hash_free(f.seen, NULL);
	return ok;
}

struct listing {
	struct run *r;
	FILE *out;
	bool verbose, headed;
	int err; /* why no more can be written; EPIPE: nobody reads */
};

static void list_head(struct listing *l)
{
	if (!l->headed)
		fprintf(l->out, "%5s %10s %17s %33s %s\n", "ID", "PROVIDER", "MODULE", "FUNCTION",
			"NAME");
	l->headed = true;
}

static bool list_one(void *arg, struct prov_probe *p)
{
	struct listing *l = arg;
	struct arena *a = l->r->arena;

	list_head(l);
	if (fprintf(l->out, "%5u %10s %17s %33s %s\n", p->id, d_pdesc_quoted(a, p->prov, true),
		    d_pdesc_quoted(a, p->mod, false), d_pdesc_quoted(a, p->func, false),
		    d_pdesc_quoted(a, p->name, false)) < 0) {
		l->err = errno;
		return false;
	}
	if (l->verbose) {
		prov_types(l->r->env, p);
		probe_show(l->r, prov_probe_attr(p), prov_attrs(p)[D_OF_ARGS], p);
		if (p->owner->sites_show)
			p->owner->sites_show(l->out, p);
		fputc('\n', l->out);
	}
	return true;
}

bool run_list(struct run *r, bool verbose)
{
	struct listing l = { .r = r, .out = r->out_file, .verbose = verbose };
	bool ok = run_probes(r, list_one, &l);

	if (ok)
		list_head(&l);
	if (!l.err && fflush(l.out))
		l.err = errno;
	if (l.err && l.err != EPIPE)
		diag_error(r->diag, NOWHERE, NULL, "cannot write the output: %s", strerror(l.err));
	return ok;
}

/* ---- -v --------------------------------------------------------------------------- */

struct typing {
	struct prov_env *env;
	struct prov_probe *first;
	bool differ;
};

static bool typed(void *arg, struct prov_probe *p)
{
	struct typing *t = arg;

	prov_types(t->env, p);
	if (!t->first)
		t->first = p;
	t->differ = p->nargs != t->first->nargs;
	for (size_t i = 0; !t->differ && i < p->nargs; i++)
		t->differ = strcmp(arg_type(p, i), arg_type(t->first, i));
	return !t->differ;
}

/* If the probes have different arguments, no arguments are shown: a clause could not use them. */
static void pdesc_show(struct run *r, const struct d_pdesc *pd)
{
	struct typing t = { .env = r->env };

	fprintf(r->out_file, "\n%s:%s:%s:%s\n", pd->prov, pd->mod, pd->func, pd->name);
	prov_match(r->env, pd, typed, &t);
	probe_show(r, pd->attr, pd->args_attr, t.differ ? NULL : t.first);
	fputc('\n', r->out_file);
}

static void text_report(struct run *r, const struct run_text *t, bool probes)
{
	struct d_attr desc = { D_STANDARD, D_STANDARD, D_COMMON }, stmt = desc;
	bool any = false;

	for (size_t i = 0; i < r->prog->nclauses; i++) {
		const struct d_clause *c = r->prog->clauses[i];

		if (c->loc.text != t->text)
			continue;
		any = true;
		stmt = d_attr_min(stmt, c->attr);
		for (size_t k = 0; k < c->npdescs; k++)
			desc = d_attr_min(desc, c->pdescs[k].attr);
	}
	fprintf(r->out_file, "\nStability attributes for %s %s:\n",
		t->spec ? "description" : "script", t->spec ? t->shown : t->text->name);
	attr_show(r->out_file, "Minimum Probe Description Attributes", any ? desc : d_attr_default);
	attr_show(r->out_file, "Minimum Statement Attributes", any ? stmt : d_attr_default);
	for (size_t i = 0; probes && i < r->prog->nclauses; i++)
		for (size_t k = 0;
		     r->prog->clauses[i]->loc.text == t->text && k < r->prog->clauses[i]->npdescs;
		     k++)
			pdesc_show(r, &r->prog->clauses[i]->pdescs[k]);
	if (!probes)
		fputc('\n', r->out_file);
}

void run_report(struct run *r, bool probes)
{
	for (size_t i = 0; r->opts.value[RUN_OPT_verbose] && i < r->ntexts; i++)
		text_report(r, &r->texts[i], probes);
	run_written(r, fflush(r->out_file) ? -errno : 0);
}
