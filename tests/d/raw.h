/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/raw.h: parses D texts, and gives their trees as S-expressions, so
 * that a test can claim a tree in a line.
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
	char *errors; /* messages with tags */
	size_t errors_len;
	bool ok;
};

/* config NULL: defaults. spec: as for d_parse. raw_close frees all, also after failures. */
void raw_open(struct raw *r, const struct d_config *config);
bool raw_parse(struct raw *r, const char *text, size_t len, char spec);
void raw_close(struct raw *r);
/* The tree of an expression as text, or the errors in the expression. Static memory. */
const char *raw_expr(const char *text);

#endif
