#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""args[n]->member reads structs in the program's memory by the declaration in the script."""
import os
import re
import sys

from lib import DTRACE, FOLDER, HERE, dtrace, each, main, must

INCLUDE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "include")

# The kernel has a struct req too (drivers/base/devtmpfs.c), with other members.
STRUCTS = """
struct inner { int depth; struct inner *next; };
union both { int whole; unsigned char bytes[4]; };
struct pair { short few; struct inner *in; };
struct req {
	int id;
	char *name;
	struct inner *in;
	union both u;
	short arr[4];
	struct inner held;
	char text[16];
	struct inner *many[2];
	struct pair pairs[2];
	struct inner **table;
};
typedef struct req req_t;
"""
PROVIDER = """
provider app {
	probe req(struct req *r);
	probe named(const req_t *r, int n) : (int n, const req_t *r);
};
"""
PROGRAM = """
#include <stdint.h>
%s
#include "members.h"
struct inner last = { -8, 0 }, first = { 7, &last }, *table[3] = { &last, &first, (struct inner *)0x3000 };
struct req good = { .id = -42, .name = "hello", .in = &first, .u = { 0x01020384 }, .arr = { 1, -2, 3, -4 },
		    .held = { 5, &first }, .text = "words", .many = { &last, &first },
		    .pairs = { { 1, &first }, { -2, &last } }, .table = table };
struct req bad = { .id = 1, .name = (char *)0x2000, .in = (struct inner *)0x1000 };
int main(void)
{
	APP_REQ(&good);
	APP_NAMED(&good, 3);
	APP_REQ(&bad);
	APP_REQ((struct req *)0x10);
	return 0;
}
"""


def path(name):
    return os.path.join(FOLDER, name)


def app():
    out = path("members")
    if not os.path.exists(out):
        for name, text in (("members.d", STRUCTS + PROVIDER), ("members.c", PROGRAM % STRUCTS)):
            with open(path(name), "w") as f:
                f.write(text)
        must(DTRACE, "-h", "-s", path("members.d"), "-o", path("members.h"))
        must("gcc", "-O1", "-I", FOLDER, "-o", out, path("members.c"))
    return out


def run(text, structs=STRUCTS):
    with open(path("script.d"), "w") as f:
        f.write(structs + text)
    return dtrace("-q", "-c", app(), "-s", path("script.d"))


def printed(fmt, values, probe="req"):
    """The output of a clause for the first firing, which has good pointers."""
    p = run('app$target:::%s { printf("%s\\n", %s); exit(0); }' % (probe, fmt, ", ".join(values)))
    assert p.returncode == 0 and not p.stderr, (p.returncode, p.stderr, p.stdout)
    return p.stdout.split("\n")[0].split()


def test_members_of_each_kind():
    assert printed("%d %s %s %s", ("args[0]->id", "copyinstr((uintptr_t)args[0]->name)", "stringof(args[0]->name)",
                                   "stringof(args[0]->text)")) == ["-42", "hello", "hello", "words"]
    assert printed("%x %d %d %d", ("args[0]->u.whole", "args[0]->u.bytes[0]", "args[0]->u.bytes[3]",
                                   "(char)args[0]->u.bytes[0]")) == ["1020384", "132", "1", "-124"]
    assert printed("%d %d %d", ("args[0]->arr[1]", "args[0]->arr[3]", "*(args[0]->arr + 2)")) == ["-2", "-4", "3"]


def test_pointers_are_followed_in_the_programs_memory():
    assert printed("%d %d %d %d", ("args[0]->in->depth", "args[0]->in->next->depth", "(*args[0]->in).depth",
                                   "args[0]->in->next->next == 0")) == ["7", "-8", "7", "1"]
    assert printed("%d %d %d", ("args[0]->held.depth", "args[0]->held.next->depth",
                                "args[0]->held.next->next->depth")) == ["5", "7", "-8"]
    assert printed("%d %d %d %d", ("args[0]->many[0]->depth", "args[0]->many[1]->depth", "args[0]->pairs[1].few",
                                   "args[0]->pairs[1].in->depth")) == ["-8", "7", "-2", "-8"]
    assert printed("%d %d %d", ("args[0]->table[1]->depth", "args[0]->table[1]->next->depth",
                                "(*args[0]->table)->depth")) == ["7", "-8", "-8"]
    assert printed("%d %c", ("(&args[0]->held)->next->depth", "args[0]->name[1]")) == ["7", "e"]


def test_kept_in_variables():
    p = run("this struct req *r; app$target:::req { this->r = args[0]; self->in = args[0]->in; in = args[0]->held.next; }"
            " app$target:::req { printf(\"%d %d %d\\n\", ((userland struct req *)this->r)->id, self->in->depth,"
            " in->next->depth); exit(0); }")
    assert p.stdout.split("\n")[0] == "-42 7 -8" and not p.stderr, (p.stdout, p.stderr)


def test_mapped_arguments_and_typedefs():
    assert printed("%d %d %s", ("args[0]", "args[1]->in->depth", "stringof(args[1]->text)"), "named") == ["3", "7", "words"]


def errors(expression):
    """(kind, address) of each ERROR in the last two firings, which have bad pointers."""
    p = run('app$target:::req /n++ > 0/ { trace(%s); } ERROR { printf(" error %%d %%x ", arg4, arg5); }' % expression)
    found = re.findall(r" error (\d+) (\w+) ", p.stdout)
    assert p.returncode == 0 and p.stderr.count("invalid address") == len(found), (p.stdout, p.stderr)
    return found


def test_a_bad_pointer_is_an_error_with_its_address():
    assert errors("args[0]->in->depth") == [("1", "1000"), ("1", "20")]
    assert errors("args[0]->in->next->depth") == [("1", "1008"), ("1", "20")]
    assert errors("stringof(args[0]->name)") == [("1", "2000"), ("1", "18")]
    assert errors("args[0]->arr[2]") == [("1", "30")]
    assert errors("args[0]->id") == [("1", "10")]
    p = run('app$target:::req /!n++/ { trace(args[0]->table[2]->depth); } ERROR { printf("%d %x\\n", arg4, arg5); }')
    assert p.stdout.split() == ["1", "3000"], (p.stdout, p.stderr)


def test_the_kernels_struct_of_that_name_is_another():
    p = run("app$target:::req { trace(args[0]->id); }", structs="")
    assert p.returncode == 1 and "struct req is not known in full: no member id" in p.stderr, p.stderr
    assert "declare it in the script" in p.stderr, p.stderr
    p = run("app$target:::req { printf(\"%d\", args[0] == 0x10); }", structs="")
    assert p.returncode == 0 and p.stdout == "001", (p.stdout, p.stderr)


def test_bit_fields_are_refused():
    p = run("app$target:::req { trace(args[0]->few); }", structs="struct req { int id; unsigned few : 3; };\n")
    assert p.returncode == 1 and "bit-fields are not available" in p.stderr, p.stderr


STORES = """
#include <usdt/sdt.h>
struct r { int id, state; };
static int work(int n)
{
	struct r r;		/* nobody but the probe sees it */
	r.id = n;
	r.state = 1;
	USDT_PROBE1(stores, hit, &r);
	r.state = 2;
	USDT_PROBE2(stores, hit, &r, n);
	r.state = 3;
	return n;
}
void pass(struct r *r);
void pass(struct r *r)
{
	r->state = 1;
	USDT_PROBE1(stores, hit, r);
	r->state = 2;
	USDT_PROBE1(stores, hit, r);
	r->state = 3;
}
int main(void)
{
	static struct r x = { 9, 0 };
	pass(&x);
	return work(7) - 7;
}
"""


def test_what_a_pointer_points_at_is_stored_by_then():
    source = os.path.join(FOLDER, "stores.c")
    with open(source, "w") as f:
        f.write(STORES)

    def stored(build):
        compiler, level = build
        app = os.path.join(FOLDER, "stores-%s%s" % build)
        must(compiler, level, "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", "c++" if "+" in compiler else "c",
             "-I", INCLUDE, source, "-o", app)
        p = dtrace("-qn", 'struct r { int id, state; }; stores$target:::hit { this->r = (struct r *)copyin(arg0, 8);'
                   ' printf("%d %d, ", this->r->id, this->r->state); }', "-c", app)
        assert (p.stdout.strip(), p.stderr) == ("9 1, 9 2, 7 1, 7 2,", ""), (build, p)

    each(stored, [(compiler, level) for compiler in ("gcc", "clang", "g++", "clang++")
                  for level in ("-O0", "-O1", "-O2", "-O3")])


main(sys.modules[__name__])
