#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Pointers into processes, and into the kernel, stay such in variables, casts, arrays and
inlines."""
import os
import sys

from lib import DTRACE, FOLDER, dtrace, each, main, must

STRUCT = "struct node { int depth; struct node *in; char name[8]; char *desc; int arr[3]; };"
SOURCE = STRUCT + r"""
#include "uptr.h"
int main(void)
{
	struct node b = { 2, 0, "inner", "the inner", { 7, 8, 9 } }, a = { 1, &b, "outer", "the outer", { 4, 5, 6 } };
	int i = 42;

	UPTR_ENT(&a, &i);
	UPTR_RET(0);
	return 0;
}
"""
# (declarations, the body of the clause, its output)
ROWS = [
    ("", "q = args[0]; printf(\"%d\", q->depth);", "1"),
    ("struct node *q;", "q = args[0]; printf(\"%d\", q->depth);", "1"),
    ("self struct node *q;", "self->q = args[0]; printf(\"%d\", self->q->depth);", "1"),
    ("this struct node *q;", "this->q = args[0]; printf(\"%d\", this->q->in->depth);", "2"),
    ("struct node *m[int];", "m[1] = args[0]; printf(\"%d\", m[1]->depth);", "1"),
    ("struct node *m[2];", "m[1] = args[0]; printf(\"%d\", m[1]->in->arr[2]);", "9"),
    ("struct box { int n; struct node *p; }; struct box b;", "b.p = args[0]; printf(\"%d\", b.p->in->depth);", "2"),
    ("struct node *q, *r;", "q = args[0]; r = q; q = r->in; printf(\"%d\", q->depth);", "2"),
    ("int *q;", "q = args[1]; printf(\"%d\", *q);", "42"),
    ("void *q;", "q = args[0]; printf(\"%d\", ((struct node *)q)->depth);", "1"),
    ("", "printf(\"%d\", ((struct node *)args[0])->depth);", "1"),
    ("", "printf(\"%d\", *(int *)(void *)args[0]);", "1"),
    ("", "printf(\"%d\", ((struct node *)((uintptr_t)args[0] + 0))->depth);", "1"),
    ("", "this->k = args[0]->name; printf(\"%s\", stringof(this->k));", "outer"),
    ("char *k;", "k = args[0]->in->desc; printf(\"%s\", stringof(k));", "the inner"),
    ("char *k;", "k = args[0]->desc + 4; printf(\"%s %c\", stringof(k), *k);", "outer o"),
    ("", "this->a = args[0]->arr; printf(\"%d %d\", this->a[1], *(this->a + 2));", "5 6"),
    ("int *a;", "a = &args[0]->arr[1]; a++; printf(\"%d\", *a);", "6"),
    ("struct node *q;", "q = args[0]->depth == 1 ? args[0]->in : NULL; printf(\"%d\", q->depth);", "2"),
    ("inline int dep[struct node *n] = n->depth;", "printf(\"%d\", dep[args[0]]);", "1"),
    ("inline struct node *nx[struct node *n] = n->in;", "printf(\"%s\", stringof(nx[args[0]]->name));", "inner"),
    ("userland struct node *q;", "q = args[0]; printf(\"%d\", q->depth);", "1"),
    # Pointers into the kernel stay such.
    ("struct task_struct *t;", "t = curthread; printf(\"%d\", t->tgid == pid);", "1"),
    ("struct task_struct *t;", "t = (struct task_struct *)curthread; printf(\"%d\", t->group_leader->pid == pid);", "1"),
    ("struct box { struct task_struct *t; struct node *p; }; struct box b, c;",
     "b.p = args[0]; c.t = curthread; printf(\"%d %d\", b.p->depth, c.t->tgid == pid);", "1 1"),
]


def program():
    out = os.path.join(FOLDER, "uptr")
    with open(out + ".d", "w") as f:
        f.write("provider uptr { probe ent(struct node *n, int *ip); probe ret(int x); };")
    must(DTRACE, "-h", "-s", out + ".d", "-o", out + ".h")
    with open(out + ".c", "w") as f:
        f.write(SOURCE)
    must("gcc", "-O0", "-I", FOLDER, "-o", out, out + ".c")
    return out


def test_ways_of_a_pointer():
    app, wrong = program(), []

    def one(row):
        p = dtrace("-q", "-c", app, "-n", "%s %s uptr$target:::ent { %s }" % (STRUCT, row[0], row[1]))
        if p.stdout != row[2] or p.stderr:
            wrong.append((row, p.stdout, p.stderr))
    each(one, ROWS)
    assert not wrong, wrong


def test_a_clause_before_the_assignment():
    p = dtrace("-q", "-c", program(), "-n", STRUCT + "self struct node *q, *r; uptr$target:::ret { printf(\"%d %d\", self->q->depth, self->r->in->depth); }"
               " uptr$target:::ent { self->r = self->q; } uptr$target:::ent { self->q = args[0]; self->r = self->q; }")
    assert p.stdout == "1 2" and not p.stderr, p.stdout + p.stderr


def test_a_type_that_only_the_program_knows():
    out = os.path.join(FOLDER, "uncn")
    with open(out + ".d", "w") as f:
        f.write("typedef struct conn { int fd; } conn_t; provider uncn { probe p(conn_t *c, struct conn *s); };")
    must(DTRACE, "-h", "-s", out + ".d", "-o", out + ".h")
    with open(out + ".c", "w") as f:
        f.write('typedef struct conn { int fd; } conn_t;\n#include "uncn.h"\n'
                "int main(void) { conn_t c = { 11 }; UNCN_P(&c, &c); return 0; }\n")
    must("gcc", "-I", FOLDER, "-o", out, out + ".c")

    def run(program):
        return dtrace("-q", "-c", out, "-n", program)
    for use in "args[0]->fd", "*args[0]", "(int)(args[0] + 1)", "args[0][1]":
        p = run("uncn$target:::p { trace(%s); }" % use)
        assert p.returncode == 1 and "conn_t" in p.stderr, p.stderr
        assert "hint: declare it in the script" in p.stderr, p.stderr
    # With a declaration the member is read; and any other pointer type takes the argument.
    p = run("typedef struct conn { int fd; } conn_t; uncn$target:::p { trace(args[0]->fd); }")
    assert p.stdout == "11" and not p.stderr, p.stderr
    p = run("struct mine { int fd; }; struct mine *m; uncn$target:::p { m = args[0]; trace(m->fd); }")
    assert p.stdout == "11" and not p.stderr, p.stderr


main(sys.modules[__name__])
