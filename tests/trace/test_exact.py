#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""N hits give N: every aggregating function and kind of variable, in every kind of race.

Usage: test_exact.py DTRACE [--plain] [RUN …]. A run is a single dtrace, whose clause does each
subject EACH times for each hit; each subject of a run is a test. Prints a line for each run, with a
column for each subject:

  ok        exact
  12/34     12 too few (or too many) of 34
  -         with --plain: a plain load and store cannot lose here (CAN below)

--plain: DTRACE was built with plain loads and stores instead of atomics. Each subject that can lose
counts must lose some, else its test proves nothing: a run is repeated up to TRIES times until then.
"""
import os
import re
import shutil
import subprocess
import sys

PLAIN = "--plain" in sys.argv
if PLAIN:
    sys.argv.remove("--plain")

from lib import EMULATED, FOLDER, PREEMPTS, build_app, dtrace, numbers  # noqa: E402 (it reads sys.argv)

EACH = 8
TRIES = 40	# mostly 1 or 2 are needed; on a busy host and in an emulated guest a few need more than 8
CPUS = os.cpu_count()


# Racers that change the same memory as a hit at the same time; a run has a set of racers.
#   threads    16 threads, so that 2 CPUs race
#   preempted  16 threads on a kernel that preempts BPF programs: 2 programs race in a CPU's memory
#   interrupt  profile-RATE interrupts a program
#   drain      the consumer drains aggregations during the hits
#
# CAN: racers by which each subject could lose, if a load and a store changed the subject. Each CPU
# has its own aggregations, so threads on 2 CPUs cannot race there; without preemption, interrupts
# and drains can. A self-> variable belongs to a thread, so only an interrupt of that thread can
# race. A lost maximum shows only if it was the last of its key: min and max are tested with
# interrupts alone. A single thread without other racers cannot lose: such runs are for the atomic
# build only.
#
# While a task on a preemptible kernel is in the middle of making its task storage, the kernel
# refuses storage to other tasks on that CPU, and a retry does not help. dtrace reports dynamic
# variable drops: such a run proves nothing about subjects that use self->.
AGG = {"preempted", "interrupt", "drain"}
CAN = {
    "count": AGG, "sum": AGG, "keyed": AGG, "quantize": AGG, "lquantize": AGG, "avg": AGG,
    "stddev": AGG, "x++": {"threads", "interrupt"}, "x+=": {"threads", "interrupt"},
    "c[]++": {"threads", "interrupt"}, "s[]+=": {"threads", "interrupt"},
    "self->": {"interrupt"}, "min": {"interrupt"}, "max": {"interrupt"},
}

# Interrupts of an emulator are too rare to hit each subject within minutes. The subjects of a set
# in KINDS are changed by the same instructions: on an emulator one subject of each set must lose.
SHARED = {"x++", "x+=", "c[]++", "s[]+="}
KINDS = (set(CAN) - SHARED - {"self->"}, SHARED)

# name: threads, flags of app.c (-f: the string of each hit faults), racers besides threads.
RUNS = {}
for threads in (1, 16):
    for name, flags, racers in (("calm", "", set()), ("fault", "-f", set()),
                                ("interrupt", "", {"interrupt"})):
        RUNS["%s-%d" % (name, threads)] = threads, flags, racers
        RUNS["%s-%d-printing" % (name, threads)] = threads, flags, racers | {"drain"}


def racers_of(run):
    threads, _, racers = RUNS[run]
    return racers | ({"threads"} if threads > 1 and CPUS > 1 else set()) | (
        {"preempted"} if threads > 1 and PREEMPTS else set())


def hits_a_thread(threads, flags, racers):
    n = 4000 if "-f" in flags else 16000
    if threads == 1:
        n *= 8
    return n // (8 if PLAIN else 64) if EMULATED else n


# Higher rates make more races, but an emulated processor could not keep up.
RATE, TICK, DRAIN = (199, "1s", "200ms") if EMULATED else (4999, "100ms", "1ms")
KEY = 5		# the key of min and max is the number of the hit >> KEY
SHIFT = 30	# large values, so that a single hit changes avg and stddev
CLEARED = ("count", "sum", "keyed", "quantize", "lquantize")


def program(hits, racers):
    """The D program: the statements of a hit, of an interrupt, and of END."""
    one = ("@count = count(); @sum = sum(arg0 + 1); @keyed[copyinstr(arg1)] = count();"
           " @quantize = quantize(arg0); @lquantize = lquantize(arg0, 0, 100, 10);"
           " @avg = avg(arg0 << %d); @stddev = stddev(arg0 << %d); x++; y += 3; self->n++;"
           " c[1]++; s[arg0 & 1] += 3;" % (SHIFT, SHIFT))
    least = "@max[tid, self->i >> %d] = max(%d * self->i + %d); @min[tid, self->i >> %d] = min(-(%d * self->i + %d));"
    text = ("self int64_t i, n, q, done; int x, y; unsigned char c[3]; unsigned short s[2]; int64_t %s;"
            % ", ".join("p%d" % c for c in range(CPUS)))
    text += "app$target:::hit { self->i = self->i + 1; %s" % (one * EACH)
    if "interrupt" in racers:
        text += "".join(least % (KEY, EACH, j, KEY, EACH, j) for j in range(EACH))
    text += "} app$target:::hit /self->i == %d/ { self->done = 1; @self = sum(self->n - self->q); }" % hits
    if "interrupt" in racers:
        # A variable for each CPU counts interrupts: no race, so exact in every build.
        text += "".join(" profile-%d /cpu == %d/ { p%d = p%d + 1; }" % (RATE, c, c, c) for c in range(CPUS))
        text += (' profile-%d { @count = count(); @sum = sum(1); @keyed["key0.xxx"] = count(); @quantize = quantize(64);'
                 " @lquantize = lquantize(0, 0, 100, 10); @avg = avg(0); @stddev = stddev(0); x++; y += 3;"
                 " c[1]++; s[0] += 3; }" % RATE +
                 " profile-%d /pid == $target && self->i && !self->done/ { self->n++; self->q = self->q + 1;"
                 " @max[tid, self->i >> %d] = max(1000000000); @min[tid, self->i >> %d] = min(-1000000000);"
                 " @irq[tid, self->i >> %d] = count(); }" % (RATE, KEY, KEY, KEY))
    taken = ('printa("count %@d\\n", @count); printa("sum %@d\\n", @sum); printa("keyed %s %@d\\n", @keyed);'
             ' printf("quantize\\n"); printa(@quantize); printf("lquantize\\n"); printa(@lquantize);')
    if "drain" in racers:
        text += (" tick-%s { %s %s printa(@avg); printa(@stddev); }"
                 % (TICK, taken, " ".join("clear(@%s);" % c for c in CLEARED)))
    text += (' END { printf("p %s\\n", %s); printf("x++ %%d\\nx+= %%d\\n", x, y);'
             ' printf("c[]++ %%d\\ns[]+= %%d\\n", c[1] | c[0] << 8 | c[2] << 16, (s[0] + s[1]) & 0xffff); %s printa("avg %%@d\\n", @avg);'
             ' printa("stddev %%@d\\n", @stddev); printa("self-> %%@d\\n", @self);'
             % (" ".join(["%d"] * CPUS), ", ".join("p%d" % c for c in range(CPUS)), taken))
    if "interrupt" in racers:
        text += ' printa("extreme %d %d %@d %@d %@d\\n", @max, @min, @irq);'
    return text + " }"


def root(v):
    n = int(v ** 0.5)
    while n * n > v:
        n -= 1
    while (n + 1) * (n + 1) <= v:
        n += 1
    return n


def distribution(out, name):
    """The sum of all counts in all printed distributions of that name."""
    total, ours = 0, False
    for l in out.split("\n"):
        if re.match(r"l?quantize$", l):
            ours = l == name
        elif ours and "|" in l:
            total += int(l.split()[-1])
        elif l and not l.startswith(" "):
            ours = False
    return total


def extremes(out, hits):
    """Numbers of keys with a wrong maximum and minimum; number of keys that an interrupt wrote."""
    bad, written = {"max": 0, "min": 0}, 0
    for chunk, most, least, irq in re.findall(r"^extreme \d+ (\d+) (-?\d+) (-?\d+) (\d+)$", out, re.M):
        last = min((int(chunk) << KEY) + (1 << KEY) - 1, hits)
        want = 1000000000 if int(irq) else EACH * last + EACH - 1
        written += int(irq) > 0
        bad["max"] += int(most) != want
        bad["min"] += int(least) != -want
    return bad, written


def run_once(run):
    """{subject: (got, wanted)} of a run."""
    threads, flags, racers = RUNS[run]
    hits = hits_a_thread(threads, flags, racers)
    p = dtrace("-q", "-x", "aggrate=%s" % (DRAIN if "drain" in racers else "1s"), "-x", "dynvarsize=16m",
               "-c", "%s -t %d -n %d %s" % (build_app(), threads, hits, flags), "-n", program(hits, racers))
    # Profile drops are allowed: the kernel missed interrupts, which concerns no hit of the program.
    told = [l for l in p.stderr.split("\n") if l and "profile drop" not in l]
    refused = PREEMPTS and any("dynamic variable drop" in l for l in told)
    assert p.returncode == 0 and (not told or refused), p.stderr[:400]
    out = p.stdout
    each = lambda name: sum(int(l.split()[-1]) for l in out.split("\n") if l.startswith(name + " "))
    ticks = sum(numbers(re.search(r"^p .*", out, re.M).group())) if "interrupt" in racers else 0
    assert "interrupt" not in racers or ticks > (10 if EMULATED else 100), ticks
    n = threads * hits * EACH
    values = [i % 100 for i in range(hits)]
    total, squares = (threads * EACH * sum(v ** e << SHIFT * e for v in values) for e in (1, 2))
    mean = total // (n + ticks)
    got = {
        "count": (each("count"), n + ticks), "keyed": (each("keyed"), n + ticks),
        "sum": (each("sum"), n + threads * EACH * sum(values) + ticks),
        "quantize": (distribution(out, "quantize"), n + ticks),
        "lquantize": (distribution(out, "lquantize"), n + ticks),
        "avg": (each("avg"), mean), "stddev": (each("stddev"), root(squares // (n + ticks) - mean * mean)),
        "x++": (each("x++"), n + ticks), "x+=": (each("x+="), 3 * (n + ticks)),
        # 1 and 2 bytes overflow, but not into their neighbours
        "c[]++": (each("c[]++"), (n + ticks) % 256), "s[]+=": (each("s[]+="), 3 * (n + ticks) % 65536),
        "self->": (each("self->"), n),
    }
    rows = set(re.findall(r"^keyed (\S+)", out, re.M))
    assert rows == {"key%d.xxx" % i for i in range(4)}, rows
    if "interrupt" in racers and not refused:
        bad, written = extremes(out, hits)
        keys = threads * ((hits >> KEY) + 1)
        assert len(re.findall("^extreme", out, re.M)) <= keys and written > (5 if EMULATED else 50), written
        got.update({s: (written - b, written) for s, b in bad.items()})
    if refused:
        got = {s: v for s, v in got.items() if s not in ("self->", "min", "max")}
    return got


def shown(got, wanted):
    return "ok" if got == wanted else "%d/%d" % (wanted - got, wanted)


def check_exact(run):
    got = run_once(run)
    bad = [s for s, (have, want) in got.items() if have != want]
    return {s: shown(*v) for s, v in got.items()}, len(got) - len(bad), bad


def check_plain(run):
    can = {s for s in CAN if CAN[s] & racers_of(run)}
    must = [kind & can for kind in KINDS if kind & can] if EMULATED else [{s} for s in sorted(can)]
    cells = {}
    for _ in range(TRIES if must else 0):
        for s, (have, want) in run_once(run).items():
            if s in can and have != want:
                cells.setdefault(s, shown(have, want))
        if all(kind & set(cells) for kind in must):
            break
    bad = [" and ".join(sorted(kind)) for kind in must if not kind & set(cells)]
    for s in CAN:
        cells.setdefault(s, "EXACT" if s in can else "-")
    return cells, len(must) - len(bad), bad


def main():
    wanted = sys.argv[2:]
    passed = failed = 0
    print("%-22s" % "" + " ".join("%-11s" % s for s in CAN))
    for run in RUNS:
        if wanted and run not in wanted:
            continue
        try:
            cells, good, bad = (check_plain if PLAIN else check_exact)(run)
        except (AssertionError, subprocess.TimeoutExpired) as e:
            cells, good, bad = {}, 0, ["%s: %s" % (type(e).__name__, e)]
        print("%-22s" % run + " ".join("%-11s" % cells.get(s, "") for s in CAN), flush=True)
        passed, failed = passed + good, failed + len(bad)
        if bad:
            print("FAIL %s: %s %s" % (run, "proves nothing about" if PLAIN else "not exact:", ", ".join(bad)))
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    sys.exit(failed > 0)


main()
