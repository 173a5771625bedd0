/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/tree.h: shows checked programs as text, and has a small world of
 * names, for the tests of the checker.
 *   (+:int x 1)   an operation, its type and its operands; (cast:long e)
 *   self->x[k]    a variable, an associative array's element
 */
#ifndef TESTS_D_TREE_H
#define TESTS_D_TREE_H

#include "d/d.h"

/* All clauses, `/pred/ { statement; … }`, a line for each; arena memory. */
const char *tree_prog(struct d *d, const struct d_prog *p);
const char *tree_expr(struct d *d, const struct d_expr *e);

/*
 * A world with struct task_struct, enum uio_rw, `cpu_total and the probes
 * sdt:::one (int, char *), sdt:::two (struct task_struct *), sdt:::odd (they
 * disagree), sdt:::none.
 */
extern const struct d_names tree_names;

#endif
