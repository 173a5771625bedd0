/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/provider.c: parses provider X { probe a__b(int, char *) : (string s); };
 * (guide: chp-usdt).
 * In:   tokens, at the word provider.
 * Out:  d->providers.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <ctype.h>
#include <string.h>

#define MAX_NAME 63 /* of a provider's name with the process id behind it */
#define MAX_PID 10
#define MAX_ARGS 32

static bool is_wide(const struct d_type *t)
{
	t = d_resolve(t);
	return (t->kind == D_T_FLOAT || t->is_opaque) && t->size > 8;
}

/* Notes and their readers know arguments of at most 8 bytes. */
static bool can_be_passed(struct d_parser *p, const struct d_param *arg)
{
	const struct d_type *t = d_resolve(arg->type);
	bool wide = is_wide(t);

	if (!wide && t->kind != D_T_STRUCT && t->kind != D_T_UNION)
		return true;
	d_perror(
		p, arg->loc, D_DECL_PROTO_TYPE,
		wide ? "a probe cannot have an argument of type %s: it has more than 8 bytes" :
		       "a probe cannot have an argument of type %s: it is no number and no pointer",
		d_type_name(p->d, arg->type));
	diag_hint(p->d->diag, "pass a pointer to it");
	return false;
}

/* Native names must differ, because translated arguments are mapped by name. A translated list may
 * have a name twice: the native argument then has two translations. */
static bool names_differ(struct d_parser *p, const struct d_params *in)
{
	for (size_t i = 0; i < in->n; i++)
		for (size_t k = 0; in->v[i].name && k < i; k++)
			if (in->v[k].name && !strcmp(in->v[i].name, in->v[k].name)) {
				d_perror(p, in->v[i].loc, D_DECL_IDRED,
					 "two arguments of the probe have this name: %s",
					 in->v[i].name);
				return false;
			}
	return true;
}

static bool native(struct d_parser *p, const struct d_params *in, struct d_probe_decl *out)
{
	struct arena *a = p->d->arena;

	for (size_t i = 0; i < in->n; i++)
		if (!can_be_passed(p, &in->v[i]))
			return false;
	if (!names_differ(p, in))
		return false;
	out->nargs = in->n;
	out->args = arena_array(a, struct d_type *, in->n + 1);
	out->arg_names = arena_array(a, const char *, in->n + 1);
	if (!out->args || !out->arg_names)
		return d_nomem(p);
	for (size_t i = 0; i < in->n; i++) {
		out->args[i] = in->v[i].type;
		out->arg_names[i] = in->v[i].name;
	}
	out->xargs = out->args;
	out->xarg_names = out->arg_names;
	out->nxargs = in->n;
	out->xmap = arena_alloc(a, in->n + 1);
	if (!out->xmap)
		return d_nomem(p);
	for (size_t i = 0; i < in->n; i++)
		out->xmap[i] = (uint8_t)i;
	return true;
}

/* Finds the native argument of a translated one: the one of the same name, else the only one, else
 * the one at the same place. */
static bool source(struct d_parser *p, const struct d_param *x, size_t place,
		   const struct d_probe_decl *decl, uint8_t *from)
{
	for (size_t i = 0; x->name && i < decl->nargs; i++)
		if (decl->arg_names[i] && !strcmp(decl->arg_names[i], x->name)) {
			*from = (uint8_t)i;
			return true;
		}
	if (decl->nargs == 1)
		place = 0;
	*from = (uint8_t)place;
	if (x->name && place < decl->nargs)
		diag_warn(p->d->diag, x->loc,
			  "no argument of the probe has this name: %s: argument %zu is meant",
			  x->name, place);
	else if (x->name)
		d_perror(p, x->loc, D_DECL_PROTO_FORM, "no argument of the probe has this name: %s",
			 x->name);
	else if (place >= decl->nargs)
		d_perror(p, x->loc, D_DECL_PROTO_FORM,
			 "the probe has no argument %zu to be mapped here", place + 1);
	return place < decl->nargs;
}

static bool translated(struct d_parser *p, const struct d_params *in, struct d_probe_decl *out)
{
	struct arena *a = p->d->arena;

	out->nxargs = in->n;
	out->xargs = arena_array(a, struct d_type *, in->n + 1);
	out->xarg_names = arena_array(a, const char *, in->n + 1);
	out->xmap = arena_alloc(a, in->n + 1);
	if (!out->xargs || !out->xarg_names || !out->xmap)
		return d_nomem(p);
	for (size_t i = 0; i < in->n; i++) {
		if (!source(p, &in->v[i], i, out, &out->xmap[i]))
			return false;
		out->xargs[i] = in->v[i].type;
		out->xarg_names[i] = in->v[i].name;
	}
	return true;
}

static bool arguments(struct d_parser *p, struct d_params *out)
{
	struct loc at = p->tok.loc;

	if (!d_expect(p, '(', "'('") || !d_parse_params(p, out))
		return false;
	if (out->variadic) {
		d_perror(p, at, D_DECL_PROTO_VARARGS, "a probe cannot have variable arguments");
		return false;
	}
	if (out->n > MAX_ARGS) {
		d_perror(p, at, D_PROV_PRARGLEN, "a probe has at most %d arguments", MAX_ARGS);
		return false;
	}
	return true;
}

/* DTrace requires the ';'. SystemTap's dtrace does not, so some projects lack it. */
static bool semicolon(struct d_parser *p, const char *wanted, bool may_lack)
{
	if (p->bad || p->tok.kind == ';' || !may_lack || !p->d->config.providers)
		return d_expect(p, ';', wanted);
	diag_warn(p->d->diag, d_loc(p, p->prev_end, p->prev_end), "';' is missing here");
	return true;
}

static bool probe(struct d_parser *p, struct d_provider *prov, size_t *cap, struct hash *seen)
{
	struct d_probe_decl *decl = ARENA_PUSH(p->d->arena, prov->probes, prov->nprobes, *cap);
	struct d_params params;

	if (!decl)
		return d_nomem(p);
	if (!d_expect(p, D_KW_probe, "'probe' or '}'"))
		return false;
	decl->name = p->tok.str;
	decl->loc = p->tok.loc;
	if ((p->tok.kind != D_TK_IDENT && !d_keyword_as_name(p, "(")) || strchr(decl->name, '`')) {
		d_syntax(p, "a probe's name");
		return false;
	}
	if (hash_get_str(seen, decl->name)) {
		d_perror(p, decl->loc, D_PROV_PRDUP, "probe redeclared: %s", decl->name);
		return false;
	}
	if (hash_set_str(seen, decl->name, prov))
		return d_nomem(p);
	d_next(p);
	if (!arguments(p, &params) || !native(p, &params, decl))
		return false;
	if (d_accept(p, ':') && (!arguments(p, &params) || !translated(p, &params, decl)))
		return false;
	return semicolon(p, "';' or ':'", p->tok.kind == D_KW_probe || p->tok.kind == '}');
}

static bool name_ok(struct d_parser *p)
{
	size_t n = p->tok.len;

	if ((p->tok.kind != D_TK_IDENT && !d_keyword_as_name(p, "{")) || strchr(p->tok.str, '`')) {
		d_syntax(p, "a provider's name");
		return false;
	}
	if (n > MAX_NAME - MAX_PID)
		d_perror(p, p->tok.loc, D_PROV_BADNAME,
			 "provider name is longer than %d characters", MAX_NAME - MAX_PID);
	else if (isdigit((unsigned char)p->tok.str[n - 1]))
		d_perror(p, p->tok.loc, D_PROV_BADNAME,
			 "provider name may not end with a digit: a process-ID follows it");
	for (size_t i = 0; !p->bad && i < p->d->nproviders; i++)
		if (!strcmp(p->d->providers[i].name, p->tok.str))
			d_perror(p, p->tok.loc, D_PROV_INCOMPAT, "provider redeclared: %s",
				 p->tok.str);
	return !p->bad;
}

void d_parse_provider(struct d_parser *p)
{
	static const struct d_attr unstated = { D_PRIVATE, D_PRIVATE, D_UNKNOWN };
	struct d_provider prov = { 0 }, *slot;
	struct hash *seen;
	size_t cap = 0;
	bool ok;

	p->in_provider = true;
	d_next(p);
	if (p->bad || !name_ok(p))
		return;
	prov.name = p->tok.str;
	prov.loc = p->tok.loc;
	for (size_t i = 0; i < COUNT(prov.attr); i++)
		prov.attr[i] = unstated;
	d_next(p);
	if (!d_expect(p, '{', "'{'"))
		return;
	seen = hash_new();
	ok = seen || d_nomem(p);
	while (ok && p->tok.kind != '}')
		ok = probe(p, &prov, &cap, seen);
	hash_free(seen, NULL);
	if (!ok || !d_expect(p, '}', "'}'"))
		return;
	/* Stops at the ';': a clause may follow, and other rules read its words. */
	if (p->tok.kind != ';') {
		if (!p->d->config.providers) {
			d_syntax(p, "';'");
			return;
		}
		diag_warn(p->d->diag, d_loc(p, p->prev_end, p->prev_end), "';' is missing here");
		p->pos = p->tok.loc.off;
	}
	slot = ARENA_PUSH(p->d->arena, p->d->providers, p->d->nproviders, p->d->providers_cap);
	if (slot)
		*slot = prov;
	else
		d_nomem(p);
}

/* A pragma may come before its provider. Pragmas about unknown providers are ignored. */
bool d_providers_finish(struct d *d)
{
	struct d_front *f = d->front;
	struct hash *names = f->nattrs ? hash_new() : NULL;
	struct d_provider *prov;
	bool ok = names || !f->nattrs;

	for (size_t i = 0; f->nattrs && ok && i < d->nproviders; i++)
		ok = !hash_set_str(names, d->providers[i].name, &d->providers[i]);
	for (size_t i = 0; ok && i < f->nattrs; i++)
		if ((prov = hash_get_str(names, f->attrs[i].provider)))
			prov->attr[f->attrs[i].which] = f->attrs[i].attr;
	hash_free(names, NULL);
	return ok;
}
