#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Symbols as keys of aggregations: addresses shown as the same symbol share a row, however
printed."""
import os
import re
import sys

from lib import DTRACE, FOLDER, dtrace, main, must

SOURCE = r"""
#include "symk.h"
#define CODE __asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop")
__attribute__((noinline)) void often(void) { CODE; }
__attribute__((noinline)) void once(void) { CODE; }
__attribute__((noinline)) void twice(void) { CODE; }
int main(void)
{
	for (int i = 0; i < 6; i++)
		SYMK_HIT((char *)often + i, i % 2);
	for (int i = 0; i < 4; i++)
		SYMK_HIT((char *)once, 1);
	for (int i = 0; i < 5; i++)
		SYMK_HIT((char *)twice + i % 2, 0);
	return 0;
}
"""
WANT = [("once", 4), ("twice", 5), ("often", 6)]


def run(program, *args):
    out = os.path.join(FOLDER, "symk")
    if not os.path.exists(out):
        with open(out + ".d", "w") as f:
            f.write("provider symk { probe hit(void *address, int odd); };")
        must(DTRACE, "-h", "-s", out + ".d", "-o", out + ".h")
        with open(out + ".c", "w") as f:
            f.write(SOURCE)
        must("gcc", "-O1", "-I", FOLDER, "-o", out, out + ".c")
    p = dtrace("-q", *args, "-c", out, "-n", program)
    assert p.returncode == 0 and not p.stderr, p.stderr
    return p.stdout


def rows(text):
    """[(function, count …)] in the order of the lines."""
    return [(m[0],) + tuple(int(n) for n in m[1].split()) for m in re.findall(r"symk`(\w+)((?: +-?\d+)+)", text)]


def test_every_way_of_printing():
    for symbol in "ufunc", "usym":
        count = "symk$target:::hit { @a[%s(arg0)] = count(); @b[%s(arg0)] = sum(arg1); }" % (symbol, symbol)
        assert rows(run(count)) == WANT + [("twice", 0), ("often", 3), ("once", 4)], symbol
        assert rows(run(count + ' END { printa("%A %@d\\n", @a); trunc(@b); }')) == WANT, symbol
        assert rows(run(count + ' END { printa("%-20A %@d %@d\\n", @a, @b); }')) == \
            [("once", 4, 4), ("twice", 5, 0), ("often", 6, 3)], symbol


def test_trunc_normalize_and_clear():
    count = "symk$target:::hit { @[ufunc(arg0)] = count(); }"
    assert rows(run(count + " END { trunc(@, 1); }")) == WANT[2:]
    assert rows(run(count + " END { trunc(@, -2); }")) == WANT[:2]
    assert rows(run(count + " END { normalize(@, 2); }")) == [("once", 2), ("twice", 2), ("often", 3)]
    assert sorted(rows(run(count + " END { clear(@); }"))) == [("often", 0), ("once", 0), ("twice", 0)]


def test_other_components_stay_apart():
    out = run('symk$target:::hit { @[arg1, ufunc(arg0), "x"] = count(); }')
    assert re.findall(r"(\d+) +symk`(\w+) +x +(\d+)", out) == [("0", "often", "3"), ("1", "often", "3"), ("1", "once", "4"),
                                                              ("0", "twice", "5")], out


def test_modules_minima_and_bars():
    out = run("symk$target:::hit { @m[umod(arg0)] = count(); @l[ufunc(arg0)] = min(arg1 + 7); @q[ufunc(arg0)] = quantize(arg1); }")
    assert re.findall(r"symk +(\d+)\n", out) == ["15"], out
    assert sorted(rows(out))[:3] == [("often", 7), ("once", 8), ("twice", 7)], out
    assert out.count("Distribution") == 3, out


def test_the_kernels():
    if not any(line.split()[0].strip("0") for line in open("/proc/kallsyms").readlines()[:1000]):
        return
    with open("/proc/kallsyms") as f:
        address = next(line.split()[0] for line in f if line.split()[1:3] == ["T", "schedule"])
    program = ("BEGIN { this->a = 0x%s; @f[func(this->a)] = count(); @f[func(this->a + 1)] = count();"
               " @m[mod(this->a)] = count(); @m[mod(this->a + 1)] = count(); exit(0); }" % address)
    p = dtrace("-q", "-n", program)
    assert re.findall(r"(\S+) +(\d+)", p.stdout) == [("vmlinux`schedule", "2"), ("vmlinux", "2")], p.stdout + p.stderr


main(sys.modules[__name__])
