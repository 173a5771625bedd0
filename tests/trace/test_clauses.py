#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Hundreds of clauses on a probe: all run in order, and a fault ends only its own clause."""
import os
import re
import sys

from lib import EMULATED, FOLDER, build_app, dtrace, main


def script(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def in_turn(n, faults=()):
    """Each clause prints its number, and the number of clauses that ran before."""
    text = ["int x, zero;"]
    for i in range(n):
        text.append('BEGIN { printf("%d %%d\\n", %sx); x++; }' % (i, "1 / zero + " if i in faults else ""))
    p = dtrace("-q", "-s", script("turn.d", "\n".join(text + [
        'ERROR { printf("fault\\n"); }', "BEGIN { exit(0); }"])))
    assert p.returncode == 0, p.stderr
    out, seen = [], 0
    for i in range(n):
        out.append("fault" if i in faults else "%d %d" % (i, seen))
        seen += i not in faults
    assert p.stdout.split("\n")[:-1] == out, (n, p.stdout[:200])
    assert len(re.findall("divide-by-zero in action #1\n", p.stderr)) == len(faults), p.stderr[:300]


def test_as_many_as_functions_and_one_more():
    for n in (159, 160, 161, 320):
        in_turn(n)


def test_a_thousand_in_order():
    in_turn(320 if EMULATED else 1000)   # more clauses than a program has functions


def test_faults_end_their_own_clause_only():
    """Faults in the first and last clauses, in neighbours within a function, and in all clauses."""
    n = 320 if EMULATED else 1000
    in_turn(n, {0, 6, 7, 8, 9, 10, 11, 12, 13, 14, n // 2, n - 2, n - 1})
    in_turn(320, set(range(320)))


def test_a_thousand_are_exact_with_16_threads():
    """Clauses with strings that fault pages in, thread-local variables and faults, all at once."""
    each = ['{ @a = count(); }', '{ @s[copyinstr(arg1)] = count(); }', '{ self->n++; @n = sum(1); }',
            '/copyinstr(arg1) == "nothing"/ { @never = count(); }', '{ @f = count(); trace(*(int *)8); }',
            '{ this->s = copyinstr(arg1); @l = sum(strlen(this->s)); }', '{ g++; }', '{ g += 2; }']
    text = "int g;\n" + "".join("app$target:::hit %s\n" % each[i % 8] for i in range(1000))
    text += 'ERROR { @e = count(); }\nEND { printa("a%@d", @a); printa(" %s %@d", @s); printa(" n%@d", @n);' \
            ' printa(" f%@d", @f); printa(" l%@d", @l); printa(" e%@d", @e); printf(" g%d\\n", g); }\n'
    p = dtrace("-q", "-x", "bufsize=16m", "-s", script("exact.d", text), "-c",
               build_app() + " -t 16 -n 25 -f -k 1")
    hits = 16 * 25
    want = "a%d key0.xxx %d n%d f%d l%d e%d g%d\n" % (
        125 * hits, 125 * hits, 125 * hits, 125 * hits, 8 * 125 * hits, 125 * hits, 375 * hits)
    assert p.returncode == 0 and p.stdout == want, (p.stdout, want, p.stderr[-300:])


def test_too_many_are_refused_in_a_line():
    text = "int x;\n" + "BEGIN { x++; }\n" * 20000
    path = script("many.d", text)
    p = dtrace("-q", "-s", path)
    assert p.returncode == 1 and p.stderr == (
        "%s:20001:1: too many clauses for one probe: the kernel cannot take the 20000 of dtrace:::BEGIN together\n"
        "BEGIN { x++; }\n^~~~~\n" % path +
        "hint: let fewer clauses share a probe, or make them shorter\n"), p.stderr[:500]


def test_one_that_is_too_long_is_refused_in_a_line():
    """A clause that is too long for a function of ours, and a clause too long for the kernel."""
    for n, statement, words in ((9000, "x += 10 / (x + 1);", "this clause is too long"),
                                (30000, "m[x] = strlen(execname);", "this clause is too long for the kernel")):
        if EMULATED and n > 9000:
            continue
        path = script("long.d", "int x, m[int];\nBEGIN\n{\n" + "\t%s\n" % statement * n + "}\n")
        p = dtrace("-q", "-s", path)
        assert p.returncode == 1 and p.stderr == (
            "%s:2:1: %s\nBEGIN\n^~~~~\nhint: make several clauses of it\n" % (path, words)), p.stderr[:500]


main(sys.modules[__name__])
