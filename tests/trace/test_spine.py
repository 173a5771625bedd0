#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""From provider.d to a printed aggregation: exact counts from 1 and 16 threads."""
import os
import sys

from lib import EMULATED, Skip, bpf_state, build_app, dtrace, main, numbers, settled, traced

HITS = 2000


def lines(out):
    return [l for l in out.split("\n") if l.strip()]


def keyed(out):
    return {l.split()[0]: int(l.split()[-1]) for l in lines(out)}


def test_printed_and_counted():
    app = build_app()
    out = traced('app$target:::hit { @[copyinstr(arg1)] = count(); printf("%d\\n", arg0); }',
                 app + " -n 1000")
    rows = lines(out)
    printed = [int(r) for r in rows if len(r.split()) == 1 and r.strip().isdigit()]
    assert printed[:1000] == [i % 100 for i in range(1000)], out[:300]
    counts = dict((r.split()[0], int(r.split()[1])) for r in rows if len(r.split()) == 2)
    assert counts == {"key%d.xxx" % i: 250 for i in range(4)}, counts


def exact(threads):
    """A short test of exact counts; test_exact.py is the full test."""
    app = build_app()
    n = threads * HITS
    out = traced('int x; app$target:::hit { @c = count(); @s = sum(arg0); @k[copyinstr(arg1)] = count();'
                 ' @q = quantize(arg0); x++; }'
                 ' END { printf("x=%d\\n", x); printa("c=%@d\\n", @c); printa("s=%@d\\n", @s);'
                 ' printa("k=%s %@d\\n", @k); printa(@q); }',
                 "%s -t %d -n %d" % (app, threads, HITS))
    value = lambda p: sum(int(l.split()[-1].split("=")[-1]) for l in lines(out) if l.startswith(p))
    assert value("x=") == n, out
    assert value("c=") == n, out
    assert value("s=") == threads * sum(i % 100 for i in range(HITS)), out
    assert value("k=") == n, out
    assert sum(int(l.split()[-1]) for l in lines(out) if "|" in l) == n, out


def test_exact_1_thread():
    exact(1)


def test_exact_16_threads():
    exact(16)


def test_elements_that_two_cpus_make_at_once():
    app = build_app()
    for _ in range(2):	# a faulty build fails in half of the runs
        out = traced("app$target:::hit { this->k = n++; @[x[this->k >> 3]++] = count(); }",
                     app + " -t 2 -n 100000", "-x", "dynvarsize=128m")
        assert numbers(out) == [n for k in range(8) for n in (k, 25000)], out


def test_small_buffers_drop_and_say_so():
    app = build_app()
    p = dtrace("-q", "-b", "8k", "-c", "%s -t 4 -n 20000" % app,
               "-n", 'app$target:::hit { printf("%d %s\\n", arg0, copyinstr(arg1)); }')
    printed = len([l for l in lines(p.stdout) if len(l.split()) == 2])
    dropped = sum(numbers(l)[0] for l in lines(p.stderr) if " drop" in l)
    assert dropped > 0, p.stderr
    assert printed + dropped == 80000, (printed, dropped)


def test_one_busy_cpu_drops_nothing_at_default_sizes():
    if EMULATED:
        raise Skip("an emulated consumer is slower than the program that it reads from")
    # Hits fill several buffers within a switchrate: a buffer that is a quarter full wakes the
    # consumer.
    for length in range(8, 72, 8):
        # A moment without CPU for the consumer may cause drops once, but not three times.
        for _ in range(3):
            p = dtrace("-q", "-c", "%s -n 150000 -l %d" % (build_app(), length),
                       "-n", 'app$target:::hit { printf("%d %s\\n", arg0, copyinstr(arg1)); }')
            if "drop" not in p.stderr:
                break
        load = os.getloadavg()[0]
        if "drop" in p.stderr and load > 2 * os.cpu_count():
            raise Skip("others keep the consumer from the CPU: the load is %.0f" % load)
        assert p.returncode == 0 and not p.stderr and p.stdout.count("\n") == 150000, (length, p.stderr)


def test_mapped_arguments():
    out = traced('map$target:::swapped { printf("%s %d %d\\n", copyinstr((uintptr_t)args[0]), args[1], arg0); }',
                 build_app("map", source="map.c"))
    assert lines(out) == ["text %d %d" % (i, i) for i in range(3)], out
    out = traced('map$target:::words { printf("%s %d\\n", args[0], args[1]); }', build_app("map", source="map.c"))
    assert lines(out) == ["word 5"], out


def test_nothing_is_left_behind():
    before = bpf_state()
    traced('app$target:::hit { @[copyinstr(arg1)] = count(); }', build_app() + " -n 10")
    now = settled(before)
    assert all(now[k] <= before[k] for k in before), (before, now)	# <: others may free


main(sys.modules[__name__])
