/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/stab.c: stability attributes: their words and order, the attributes of
 * built-in names, and pragmas that set a name's (guide: chp-stab).
 * In:   text; identifiers as they are entered.
 * Out:  struct d_attr: indices of the words below, the least stable first.
 * Owns: nothing; pragmas that wait for their name are in the arena.
 */
#include "d/lex.h"

#include <string.h>

const char *const d_stability_names[] = { "Internal", "Private", "Obsolete", "External", "Unstable",
					  "Evolving", "Stable",	 "Standard", NULL };
const char *const d_class_names[] = {
	"Unknown", "CPU", "Platform", "Group", "ISA", "Common", NULL
};

const struct d_attr d_attr_default = { D_STABLE, D_STABLE, D_COMMON };

struct d_attr d_attr_min(struct d_attr a, struct d_attr b)
{
	return (struct d_attr){ a.name < b.name ? a.name : b.name,
				a.data < b.data ? a.data : b.data,
				a.class < b.class ? a.class : b.class };
}

bool d_attr_below(struct d_attr a, struct d_attr least)
{
	return a.name < least.name || a.data < least.data || a.class < least.class;
}

const char *d_attr_text(struct arena *arena, struct d_attr a)
{
	const char *s = arena_printf(arena, "%s/%s/%s", d_stability_names[a.name],
				     d_stability_names[a.data], d_class_names[a.class]);

	return s ? s : "";
}

/* The index of the word before the next `/`, in upper or lower case; -1: no such word. */
static int word(const char **at, const char *const *names)
{
	size_t n = strcspn(*at, "/");
	const char *s = *at;

	*at += n + (s[n] == '/');
	for (int i = 0; names[i]; i++)
		if (strlen(names[i]) == n && !strncasecmp(names[i], s, n))
			return i;
	return -1;
}

bool d_attr_parse(const char *s, struct d_attr *out)
{
	uint8_t *const parts[] = { &out->name, &out->data, &out->class };

	if (!s || !*s || s[strlen(s) - 1] == '/')
		return false;
	*out = (struct d_attr){ D_STANDARD, D_STANDARD, D_COMMON };
	for (size_t i = 0; i < COUNT(parts) && *s; i++) {
		int found = word(&s, i < 2 ? d_stability_names : d_class_names);

		if (found < 0)
			return false;
		*parts[i] = (uint8_t)found;
	}
	return !*s;
}

/* ---- Names that every program knows ------------------------------------------ */

/* Published attributes are not known here: check_stab.c asks providers for them. */
struct d_attr d_attr_of_row(const struct d_row *row)
{
	static const struct d_attr evolving = { D_EVOLVING, D_EVOLVING, D_COMMON },
				   private_data = { D_STABLE, D_PRIVATE, D_COMMON };

	return row->stability == D_ROW_EVOLVING	    ? evolving :
	       row->stability == D_ROW_PRIVATE_DATA ? private_data :
						      d_attr_default;
}

/* ---- Pragmas about a name ------------------------------------------------------ */

/*
 * A `#pragma D attributes` or `binding` before its name. A name may be made as
 * late as when its clause is checked.
 */
struct d_waiting {
	const char *name, *pragma;
	struct loc loc;
	const struct d_attr *attr; /* NULL: a binding, which changes no attribute */
	bool used;
	struct d_waiting *same, *next; /* next of the same name; next of all */
};

static void apply(struct d_ident *id, const struct d_attr *attr)
{
	if (attr) {
		id->attr = *attr;
		id->attr_set = true;
	}
}

bool d_ident_pragma(struct d *d, const char *name, const char *pragma, const struct d_attr *attr,
		    struct loc at)
{
	struct d_ident *id = hash_get_str(d->idents, name);
	struct d_front *f = d->front;
	struct d_waiting *w;

	if (id && !id->loc.text) {
		d_error(d, at, D_PRAGMA_SCOPE, "#pragma D %s: %s is not the program's own", pragma,
			name);
		return false;
	}
	if (id) {
		apply(id, attr);
		return true;
	}
	w = arena_new_of(d->arena, struct d_waiting);
	if (!w)
		return false;
	*w = (struct d_waiting){ .name = name,
				 .pragma = pragma,
				 .loc = at,
				 .next = f->waiting,
				 .same = hash_get_str(f->waiting_names, name) };
	w->attr = attr ? arena_dup(d->arena, attr, sizeof(*attr)) : NULL;
	if (attr && !w->attr)
		return false;
	f->waiting = w;
	return !hash_set_str(f->waiting_names, name, w);
}

void d_ident_waited(struct d *d, const char *name, struct d_ident *id)
{
	const struct d_attr *attr = NULL;

	id->attr = d_attr_default;
	for (struct d_waiting *w = hash_get_str(d->front->waiting_names, name); w; w = w->same) {
		w->used = true;
		attr = attr ? attr : w->attr; /* the last pragma counts */
	}
	apply(id, attr);
}

void d_pragmas_unused(struct d *d)
{
	for (const struct d_waiting *w = d->front->waiting; w; w = w->next)
		if (!w->used)
			d_error(d, w->loc, D_PRAGMA_UNUSED, "#pragma D %s: no such name: %s",
				w->pragma, w->name);
}
