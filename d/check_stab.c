/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check_stab.c: computes the stability of a program while it is checked. A
 * clause has the lowest attributes of all names in it (guide: chp-stab).
 * In:   the names, types and calls that the checker meets; the attributes that
 *       providers publish, through names->attrs.
 * Out:  attributes of clauses and descriptions; errors where they are below
 *       the minimum of d_stability.
 * Owns: nothing.
 */
#include "d/check.h"

#include <assert.h>
#include <string.h>

const struct d_attr c_attr_kernel = { D_PRIVATE, D_PRIVATE, D_UNKNOWN };
/* Attributes of a description that may match probes of providers that do not exist yet. */
static const struct d_attr open_attr = { D_UNSTABLE, D_UNSTABLE, D_COMMON };

void d_stability(struct d *d, const struct d_attr *least)
{
	d->attrs_wanted = true;
	d->least = least ? arena_dup(d->arena, least, sizeof(*least)) : NULL;
}

void c_attr(struct chk *c, struct d_attr a, struct loc at, const char *what, const char *name)
{
	if (c->attr_quiet || !c->pdesc)
		return;
	c->attr = d_attr_min(c->attr, a);
	if (c->d->least && d_attr_below(a, *c->d->least))
		d_error(c->d, at, D_ATTR_MIN, "attributes of %s %s (%s) are below the minimum, %s",
			what, name, d_attr_text(c->d->arena, a),
			d_attr_text(c->d->arena, *c->d->least));
}

void c_attr_ident(struct chk *c, const struct d_ident *id, struct loc at, const char *what,
		  const char *name)
{
	c_attr(c, id->attr, at, what, name);
}

static_assert(D_PUBLISHED_ARGS - D_PUBLISHED_PROVIDER == D_OF_ARGS - D_OF_PROVIDER,
	      "enum d_row_stability follows enum d_attr_part");

void c_attr_var(struct chk *c, const struct d_var *v, struct loc at)
{
	const struct d_ident *id = v->scope == D_V_SELF || v->scope == D_V_THIS ?
					   NULL :
					   hash_get_str(c->d->idents, v->name);
	struct d_attr a = id ? id->attr : d_attr_default;

	if (id && id->row && id->row->stability >= D_PUBLISHED_PROVIDER && c->publishes)
		a = c->published[id->row->stability - D_PUBLISHED_PROVIDER];
	c_attr(c, a, at, v->assoc ? "array" : "variable", v->name);
}

/* Types that the program declares do not count. Pointers count as the types they point to. */
void c_attr_type(struct chk *c, const struct d_type *t, struct loc at)
{
	while (t && !t->origin && (t->base || t->kind == D_T_PTR || t->kind == D_T_ARRAY))
		t = t->base ? t->base : t->to;
	if (t && t->origin)
		c_attr(c, c_attr_kernel, at, "type", d_type_name(c->d, t));
}

/* ---- Descriptions ---------------------------------------------------------------- */

static struct d_attr described(const struct d_pdesc *pd, const struct d_attr published[D_NPARTS])
{
	struct d_attr a = published[D_OF_PROVIDER];

	for (int part = D_OF_MODULE; part <= D_OF_NAME; part++)
		if (pd->given[part])
			a = d_attr_min(a, published[part]);
	return a;
}

static void published_by(struct chk *c, const struct d_pdesc *pd, struct d_attr out[D_NPARTS])
{
	const struct d_names *names = c->d->config.names;

	if (pd->given[D_OF_PROVIDER] && names && names->attrs && names->attrs(names->ctx, pd, out))
		return;
	for (int i = 0; i < D_NPARTS; i++)
		out[i] = open_attr;
}

void c_attr_begin(struct chk *c, struct d_clause *cl)
{
	struct d_attr one[D_NPARTS];

	c->attr = d_attr_default;
	c->attr_quiet = 0;
	c->publishes = false;
	for (size_t i = 0; c->d->attrs_wanted && i < cl->npdescs; i++) {
		struct d_pdesc *pd = &cl->pdescs[i];

		published_by(c, pd, one);
		pd->attr = described(pd, one);
		pd->args_attr = one[D_OF_ARGS];
		c_attr(c, pd->attr, pd->loc, "probe description", pd->text);
		for (int part = 0; part < D_NPARTS; part++)
			c->published[part] = i ? d_attr_min(c->published[part], one[part]) :
						 one[part];
		c->publishes = true;
	}
	c->attr = d_attr_default; /* c_attr lowered it for descriptions; statements start anew */
	if (c->d->least)
		c_attr(c, c->attr, cl->loc, "the language", "D");
}
