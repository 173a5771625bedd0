#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measures the cost of a probe's site, off and on, by form, in one run on this machine.

Usage: sites.py BUILD-FOLDER (or: make bench-sites). Needs root. The peer is <sys/sdt.h> of
systemtap-sdt-dev, if it is installed. off: nanoseconds a pass, less the same loop without sites.
The loop does nothing else; real code hides much of the cost. on: nanoseconds a hit, with dtrace's
`@ = count()` at the site; the floor is a program of two instructions at the site. The programs take
turns, ROUNDS times. Off, the least counts, because other work shares the machine. On, the median
counts, because a site of any form is a quarter faster in some runs, and more often if the code that
goes on is not beside it, as behind a guard. Ratios are to SystemTap's form with the same guard.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(os.path.dirname(HERE), "include")
ROUNDS = 8
PASSES, HITS = 100000000, 200000
WORK = tempfile.mkdtemp(prefix="usdtkit-bench-")
FORMS = [  # name, how it is compiled, name of its peer
    ("<sys/sdt.h>: nop", ["-DFORM=BARE", "-DSYSTEMTAP"], "<sys/sdt.h>: nop"),
    ("default: nop, nop of 10 bytes", ["-DFORM=BARE"], "<sys/sdt.h>: nop"),
    ("USDT_PLAIN_NOP: nop", ["-DFORM=BARE", "-DUSDT_PLAIN_NOP"], "<sys/sdt.h>: nop"),
    ("<sys/sdt.h>, semaphore", ["-DFORM=GUARDED", "-DSYSTEMTAP"], "<sys/sdt.h>, semaphore"),
    ("default, semaphore", ["-DFORM=GUARDED"], "<sys/sdt.h>, semaphore"),
    ("USDT_PLAIN_NOP, semaphore", ["-DFORM=GUARDED", "-DUSDT_PLAIN_NOP"], "<sys/sdt.h>, semaphore"),
    ("libusdt: usdt_fire()", ["-DFORM=MADE"], "<sys/sdt.h>, semaphore"),
]


def build():
    """The programs that compile on this machine, by the form's name."""
    programs = {}
    for i, (name, flags, _) in enumerate(FORMS):
        out = os.path.join(WORK, "sites%d" % i)
        libs = [os.path.join(BUILD, ".libs", "libusdt.so"), "-Wl,-rpath," + os.path.join(BUILD, ".libs")]
        p = subprocess.run(["gcc", "-O2", "-falign-loops=64", "-I", INCLUDE, *flags, "-o", out,
                            os.path.join(HERE, "sites.c"), *(libs if "MADE" in flags[0] else [])],
                           stderr=subprocess.PIPE, text=True)
        if p.returncode == 0:
            programs[name] = out
        elif "sys/sdt.h" in p.stderr:
            print("%s: not installed (systemtap-sdt-dev)" % name)
        else:
            sys.exit(p.stderr)
    return programs


def passes(text):
    m = re.search(r"ns-empty ([\d.]+) ns-a-pass ([\d.]+)", text)
    return float(m.group(1)), float(m.group(2))


def traced(program):
    """ns a hit under dtrace, which must have seen every hit."""
    p = subprocess.run([os.path.join(BUILD, "dtrace"), "-qZ", "-c", "%s %d on" % (program, HITS), "-n",
                        'bench$target:::hit { @ = count(); } END { printa("hits %@d\\n", @); }'],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if "hits %d\n" % HITS not in p.stdout:
        sys.exit("%s: %s%s" % (program, p.stdout, p.stderr))
    return passes(p.stderr)[1]


def floor(program):
    p = subprocess.run([os.path.join(BUILD, "bench", "floor"), program, program, str(HITS), "on"],
                       stderr=subprocess.PIPE, text=True)
    return passes(p.stderr)[1]


def main():
    programs = build()
    alone, off, on, bottom = [], {}, {}, {}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            empty, ns = passes(subprocess.run([program, str(PASSES)], stderr=subprocess.PIPE, text=True).stderr)
            alone.append(empty)
            off.setdefault(name, []).append(ns)
            on.setdefault(name, []).append(traced(program))
            if "nop" in name:   # the floor raises no semaphore
                bottom.setdefault(name, []).append(floor(program))
    ratio = lambda a, b, f: "%.2f" % (f(a) / f(b)) if a in programs and b in programs and f(b) > 0 else "-"
    cost = lambda name: min(off[name]) - min(alone)
    hit = lambda name: statistics.median(on[name])
    print("%-30s %8s %7s %8s %7s %8s %7s" % ("", "off, ns", "/peer", "on, ns", "/peer", "floor", "/floor"))
    for name, _, peer in FORMS:
        if name not in programs:
            continue
        bottom_ns = statistics.median(bottom[name]) if name in bottom else None
        print("%-30s %8.2f %7s %8.0f %7s %8s %7s" % (
            name, cost(name), ratio(name, peer, cost), hit(name), ratio(name, peer, hit),
            "%.0f" % bottom_ns if bottom_ns else "-", "%.2f" % (hit(name) / bottom_ns) if bottom_ns else "-"))
    print("the loop alone: %.2f ns a pass" % min(alone))
    shutil.rmtree(WORK, ignore_errors=True)


main()
