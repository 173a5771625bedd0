#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares the kernel's floor, dtrace and bpftrace in one run on this machine.

Usage: run.py BUILD-FOLDER (or: make bench). Needs root and bpftrace. Every row is measured ROUNDS
times; the tools take turns, and the least is shown, because other work shares the machine. The cost
of a hit comes from the least disturbed slice of a run. For printf it comes from the whole run,
because the tool must take records away meanwhile. A tool that loses events is faster for it: dtrace
runs at its default sizes, bpftrace with buffers that hold a whole run, and the row says how many
events a tool lost all the same.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
DTRACE = os.path.join(BUILD, "dtrace")
FLOOR = os.path.join(BUILD, "bench", "floor")
ROUNDS = 15
SITES = 3000
BPFTRACE = ["env", "BPFTRACE_STRLEN=200", "BPFTRACE_PERF_RB_PAGES=32768", "bpftrace"]  # 128 MB a CPU
WORK = tempfile.mkdtemp(prefix="usdtkit-bench-")
HIT = os.path.join(WORK, "hit")


def build():
    subprocess.check_call([DTRACE, "-h", "-s", os.path.join(HERE, "hit.d"), "-o", os.path.join(WORK, "hit.h")])
    subprocess.check_call(["gcc", "-O2", "-I", WORK, "-o", HIT, os.path.join(HERE, "hit.c")])


def build_many(sites, *flags):
    """A program with many sites of one probe. Sites differ in their constant, unless -DSAME."""
    out = os.path.join(WORK, "many%d%s" % (sites, "".join(flags)))
    subprocess.check_call(["gcc", "-O2", "-DSITES=%d" % sites, *flags, "-o", out, os.path.join(HERE, "many.c")])
    return out


def places():
    """Compares arguments whose place differs among sites with arguments at a compiled-in place."""
    differ, same, many = build_many(8), build_many(8, "-DSAME"), build_many(SITES)
    script = lambda program, passes, what: [DTRACE, "-q", "-c", "%s %d" % (program, passes), "-n",
                                            "bench$target:::many { @ = %s; }" % what]
    hits = [[ns(script(program, 20000, "sum(arg0)"), False)[0] for program in (same, differ)] for _ in range(ROUNDS)]
    row("sum(arg0), a place a site", *[min(h) for h in zip(*hits)], None, "ns", "<= 1.05 of a compiled-in place")
    ends = [[start_up(script(many, 1, what))[0] * 1000 for what in ("count()", "sum(arg0)")] for _ in range(ROUNDS)]
    row("start to end, %d such sites" % SITES, *[min(e) for e in zip(*ends)], None, "ms", "<= 1.20 of count()")


def ns(args, whole):
    p = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    m = re.search(r"ns-a-hit ([\d.]+) ([\d.]+)", p.stderr + p.stdout)
    return (float(m.group(1 + whole)) if m else None), p


def lost(p):
    """How many events a tool says it lost: dtrace's drops, bpftrace's 'Lost N events'."""
    return sum(int(n) for n in re.findall(r"^(?:dtrace: )?(\d+)[^\n]* drops?\b", p.stderr, re.M)) + \
        sum(int(n) for n in re.findall(r"^Lost (\d+) events", p.stdout + p.stderr, re.M))


def start_up(args):
    """Seconds to the end of the process and its peak resident KiB."""
    start = time.time()
    p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(p.pid, 0)
    return time.time() - start, usage.ru_maxrss


def least(f, *args):
    return min(f(*args) for _ in range(ROUNDS))


def row(name, floor, ours, theirs, unit, aim):
    ratio = lambda a, b: "%.2f" % (a / b) if a and b else "-"
    show = lambda v: "%.1f" % v if v else "-"
    print("%-34s %9s %9s %9s %-4s %8s %8s   %s" % (
        name, show(floor), show(ours), show(theirs), unit, ratio(ours, floor), ratio(ours, theirs), aim), flush=True)


def main():
    build()
    n = "150000"
    print("%-34s %9s %9s %9s %-4s %8s %8s   %s" % (
        "", "floor", "dtrace", "bpftrace", "", "/floor", "/bpftr.", "aim"))
    ours = min(start_up([DTRACE, "-qn", "BEGIN { exit(0); }"]) for _ in range(ROUNDS))
    mem_ours = start_up([DTRACE, "-qn", "BEGIN { exit(0); }"])[1]
    theirs = min(start_up(["bpftrace", "-e", "BEGIN { exit(); }"]) for _ in range(ROUNDS))
    row("start to end, empty program", None, ours[0] * 1000, theirs[0] * 1000, "ms", "<= 0.20 of bpftrace")
    row("resident memory", None, mem_ours / 1024, theirs[1] / 1024, "MB", "<= 0.25 of bpftrace")
    probe = "usdt:%s:app:hit" % HIT
    cases = [
        ("count()", "8", '@ = count();', '@ = count();', "<= 1.08 of the floor"),
        ("count() by string, 8 bytes", "8", '@[copyinstr(arg1)] = count();', '@[str(arg1)] = count();', "< bpftrace"),
        ("count() by string, 200 bytes", "200", '@[copyinstr(arg1)] = count();', '@[str(arg1)] = count();', "< bpftrace"),
        ("quantize(arg0)", "8", '@ = quantize(arg0);', '@ = hist(arg0);', "< bpftrace"),
        ('printf("%d %s\\n")', "8", 'printf("%d %s\\n", arg0, copyinstr(arg1));',
         'printf("%d %s\\n", arg0, str(arg1));', "<= 0.25 of bpftrace, no drop"),
    ]
    for name, length, d, bt, aim in cases:
        floor, mine, other, losses = [], [], [], {}
        whole = name.startswith("printf")
        for _ in range(ROUNDS):
            floor.append(ns([FLOOR, HIT, HIT, n, length], whole)[0])
            for tool, costs, args in (
                    ("dtrace", mine, [DTRACE, "-q", "-c", " ".join([HIT, n, length]), "-n", "app$target:::hit { %s }" % d]),
                    ("bpftrace", other, BPFTRACE + ["-e", "%s { %s }" % (probe, bt), "-c", " ".join([HIT, n, length])])):
                v, p = ns(args, whole)
                costs.append(v)
                if lost(p):
                    losses[tool] = losses.get(tool, 0) + lost(p)
        values = [min([v for v in vs if v], default=None) for vs in (floor, mine, other)]
        row(name, *values, "ns", aim + "".join("; %s LOST %d" % l for l in losses.items()))
    places()
    shutil.rmtree(WORK, ignore_errors=True)


main()
