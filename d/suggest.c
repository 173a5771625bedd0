/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/suggest.c: hints "did you mean …?"
 * In:   a name that is unknown.
 * Out:  a hint with the most similar known name, if one is similar enough.
 * Owns: nothing.
 */
#include "d/check.h"

#include <string.h>

#define LONGEST 63

/* The edit distance; an exchange of two neighbours counts as one edit. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][LONGEST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *cur = row[i % 3], *last = row[(i - 1) % 3], *older = row[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = cur[j - 1] + 1 < best ? cur[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    older[j - 2] + 1 < best)
				best = older[j - 2] + 1;
			cur[j] = best;
		}
	}
	return row[n % 3][m];
}

static bool fits(const struct d_ident *id, bool call)
{
	bool is_call = id->kind == D_ID_SUBR || id->kind == D_ID_ACTION || id->kind == D_ID_AGGFUNC;

	return call == is_call;
}

void c_suggest(struct chk *c, const char *name, enum d_scope scope, bool call)
{
	const struct hash *h = scope == D_V_SELF ? c->d->self_vars :
			       scope == D_V_THIS ? c->d->this_vars :
						   c->d->idents;
	unsigned best = strlen(name) < 6 ? 2 : 3; /* a distance must be below this */
	const char *found = NULL;
	const void *key;
	void *value;
	size_t at = 0, len;

	while (hash_next(h, &at, &key, &len, &value)) {
		char *known = h == c->d->idents && !fits(value, call) ?
				      NULL :
				      arena_strndup(c->d->arena, key, len);
		unsigned n = known ? distance(name, known) : LONGEST;

		if (n && n < best && n < strlen(name)) {
			best = n;
			found = known;
		}
	}
	if (found)
		diag_hint(c->d->diag, "did you mean %s%s%s?",
			  scope == D_V_SELF ? "self->" :
			  scope == D_V_THIS ? "this->" :
					      "",
			  found, call ? "()" : "");
}
