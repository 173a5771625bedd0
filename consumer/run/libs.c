/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/libs.c: D libraries, the *.d of -L's folders (guide: chp-dtrace1M, chp-xlate).
 * In:   -x libdir's folders, in their order; without -x nolibs.
 * Out:  their declarations in r->d, before the program's.
 * Owns: nothing; the arena owns the texts.
 *
 * A library comes after the libraries that its lines `#pragma D depends_on library NAME` name, else
 * in the order of file names. A library that depends on a missing provider or module is left out.
 */
#include "consumer/run/inner.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lib {
	const char *name;
	const struct text *text;
	enum { NEW, BUSY, DONE } state;
};
struct libs {
	struct run *r;
	struct lib *v;
	size_t n, cap;
};

static int library(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 2 && !strcmp(e->d_name + n - 2, ".d");
}

static bool folder_read(struct libs *l, const char *folder)
{
	struct arena *a = l->r->arena;
	struct dirent **names;
	int n = scandir(folder, &names, library, alphasort);
	bool ok = n >= 0;

	if (!ok)
		diag_error(l->r->diag, NOWHERE, NULL, "failed to open the library folder %s: %s",
			   folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(a, "%s/%s", folder, names[i]->d_name);
		const char *name = arena_strdup(a, names[i]->d_name);
		const struct text *text = path && name ? text_read(a, path) : NULL;
		struct lib *lib = text ? ARENA_PUSH(a, l->v, l->n, l->cap) : NULL;

		if (lib)
			*lib = (struct lib){ .name = name, .text = text };
		else if (ok)
			diag_error(l->r->diag, NOWHERE, NULL, "failed to open %s: %s",
				   path ? path : "?", strerror(errno));
		ok = ok && lib;
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return ok;
}

static bool lib_parse(struct libs *l, struct lib *lib);

/* The library that `by` depends on; NULL: an error was reported. */
static struct lib *named(struct libs *l, const struct lib *by, const struct d_dependency *on)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, on->name))
			continue;
		if (l->v[i].state != BUSY)
			return &l->v[i];
		diag_error(l->r->diag, NOWHERE, D_PRAGMA_DEPEND,
			   "library %s depends on %s, which depends on it", by->text->name,
			   on->name);
		return NULL;
	}
	diag_error(l->r->diag, NOWHERE, D_PRAGMA_DEPEND,
		   "library %s depends on %s, which is not there", by->text->name, on->name);
	return NULL;
}

/* Parses the libraries that `lib` depends on. *here: the providers and modules that it depends on
 * exist. false: after an error. */
static bool needs(struct libs *l, const struct lib *lib, bool *here)
{
	const struct d_names *names = prov_names(l->r->env);
	struct d_dependency on;
	uint32_t at = 0;

	*here = true;
	while (names && d_dependency_next(l->r->d, lib->text, &at, &on)) {
		struct lib *other;

		if (strcmp(on.kind, "library")) {
			*here &= names->exists(names->ctx, on.kind, on.name);
			continue;
		}
		other = named(l, lib, &on);
		if (!other || !lib_parse(l, other))
			return false;
	}
	return names;
}

static bool lib_parse(struct libs *l, struct lib *lib)
{
	bool here;

	if (lib->state == DONE)
		return true;
	lib->state = BUSY;
	if (!needs(l, lib, &here) || (here && !d_parse_library(l->r->d, lib->text)))
		return false;
	lib->state = DONE;
	return true;
}

bool run_libraries(struct run *r)
{
	struct libs l = { .r = r };

	if (r->opts.value[RUN_OPT_nolibs])
		return true;
	for (size_t i = 0; i < r->nlibdirs; i++)
		if (!folder_read(&l, r->libdirs[i]))
			return false;
	for (size_t i = 0; i < l.n; i++)
		if (!lib_parse(&l, &l.v[i]))
			return false;
	return true;
}
