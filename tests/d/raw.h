/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/raw.h: texts through d_parse, and what came of them as
 * S-expressions: claims about trees in one line.
 * In:  a D text. Out: `tree` (clauses) and `errors` of a struct raw.
 */
#ifndef TESTS_D_RAW_H
#define TESTS_D_RAW_H

#include "d/lex.h"

struct raw {
	struct arena *arena;
	struct diag diag;
	struct d *d;
	char *tree;   /* clauses, separated by blanks */
	char *errors; /* as a person sees them, with tags */
	size_t errors_len;
	bool ok;
};

/* config NULL: none. spec as d_parse's. raw_close frees all, also after failures. */
void raw_open(struct raw *r, const struct d_config *config);
bool raw_parse(struct raw *r, const char *text, size_t len, char spec);
void raw_close(struct raw *r);
/* One expression as the text of a tree; the errors if it has some. Static memory. */
const char *raw_expr(const char *text);

#endif
