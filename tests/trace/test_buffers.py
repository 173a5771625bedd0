#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bufpolicy=fill and ring (chp-buf): exactly which records stay, and when tracing ends."""
import collections
import re
import sys

from lib import build_app, dtrace, main, numbers

EACH = 'app$target:::hit { printf("%d\\n", x++); } '


def run(policy, size, program, command, status=0, *args):
    p = dtrace("-q", "-x", "bufpolicy=" + policy, "-b", size, *args, "-c", command, "-n", "int x; " + program,
               timeout=60)
    assert p.returncode == status and not p.stderr, (p.returncode, p.stderr)
    return p.stdout


def test_ring_keeps_the_last():
    for size, threads in (("4k", 1), ("64k", 1), ("4k", 16), ("64k", 16)):
        seen = numbers(run("ring", size, EACH, "taskset -c 0 %s -n 4800 -t %d" % (build_app(), threads), 0, "-Z"))
        total = 4800 * threads
        assert 0 < len(seen) <= int(size[:-1]) * 1024 // 24, len(seen)
        assert len(seen) == int(size[:-1]) * 1024 // 32 and sorted(seen) == list(range(total - len(seen), total)), (
            size, threads, len(seen), seen[:3], seen[-3:])
        assert threads > 1 or seen == sorted(seen)


def test_ring_that_is_large_enough_keeps_all_whole():
    out = run("ring", "16m", 'app$target:::hit { printf("%d %s.\\n", arg0, copyinstr(arg1)); }',
              build_app() + " -t 16 -n 200 -f -l 40")
    lines = collections.Counter(re.sub(r"x+\.$", ".", l) for l in out.strip().split("\n"))
    assert sum(lines.values()) == 3200 and all(re.fullmatch(r"\d+ key[0-3]\.{2}", l) for l in lines), lines


def test_ring_prints_at_the_end_with_ends_own_records_last():
    out = run("ring", "4k", EACH + 'END { printf("end %d\\n", x); }', build_app() + " -n 1000")
    assert out.endswith("999\nend 1000\n") and "0\n1\n2\n" not in out, out[-100:]


def test_fill_keeps_the_first_and_ends():
    """A full buffer ends tracing, which ends the command: else it would run for ever."""
    out = run("fill", "4k", EACH + 'END { printf("end\\n"); }', "taskset -c 0 %s -n 100000000" % build_app(),
              0, "-Z")
    lines = out.strip().split("\n")
    assert lines[-1] == "end" and len(lines) > 50, lines[-3:]
    assert lines[:-1] == [str(i) for i in range(len(lines) - 1)], lines[:3]
    assert len(lines) - 1 <= 4096 // 32, len(lines)


def test_fill_that_does_not_fill_is_as_switch():
    assert numbers(run("fill", "4m", EACH, build_app() + " -n 3000")) == list(range(3000))


def test_exit_ends_both():
    for policy in ("fill", "ring"):
        out = run(policy, "4k", EACH + "app$target:::hit /x == 5/ { exit(4); }", build_app() + " -n 100000", 4)
        assert numbers(out) == list(range(5)), out


def test_end_must_fit():
    text = "END { " + "trace(1); " * 600 + "}"
    p = dtrace("-x", "bufpolicy=fill", "-b", "4k", "-n", text)
    assert p.returncode == 1 and p.stderr == "dtrace: END enablings exceed size of principal buffer\n", p.stderr
    p = dtrace("-x", "bufpolicy=ling", "-n", "BEGIN { }")
    assert p.returncode == 1 and "failed to set option -x bufpolicy: Invalid value for specified option" in p.stderr, p.stderr


main(sys.modules[__name__])
