#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Nothing is lost silently: with far too little room, hits = records seen + reported drops."""
import re
import sys

from lib import EMULATED, build_app, dtrace, main

HITS = 4000 if EMULATED else 20000
THREADS = 4


def drops(err, kind="drop"):
    """The sum of drops of a kind on stderr, which may hold no other lines."""
    found = [re.match(r"dtrace: (\d+) %ss?( on CPU \d+)?$" % kind, l) for l in err.split("\n") if l]
    assert all(found), err[:500]
    return sum(int(m.group(1)) for m in found)


def run(text, *args, threads=THREADS, hits=HITS, flags=""):
    p = dtrace("-q", *args, "-c", "%s -t %d -n %d %s" % (build_app(), threads, hits, flags), "-n", text)
    assert p.returncode == 0, p.stderr[:500]
    return p


# The record of a hit, and a regular expression for such a record in the output.
RECORDS = {
    "a number": ("trace(arg0); printf(\"\\n\");", r"^\d+$"),
    "a string": ('printf("s %s\\n", copyinstr(arg1));', r"^s key\d"),
    "several": ('printf("%d %s %d %s %d\\n", arg0, execname, pid, probefunc, tid);', r"^\d+ app \d+ work \d+$"),
    "a user stack": ('printf("u\\n"); ustack(4);', r"^u$"),
    "numbers of any size": ("trace(arg0 < 50 ? copyinstr(arg1) : \"\"); printf(\"|\\n\");", r"\|$"),
}


def test_records_and_drops_are_the_hits():
    for what, (actions, pattern) in RECORDS.items():
        p = run("app$target:::hit { %s }" % actions, "-b", "4k")
        seen = len(re.findall(pattern, p.stdout, re.M))
        lost = drops(p.stderr)
        assert lost and seen and seen + lost == THREADS * HITS, (what, seen, lost)


def test_each_clause_is_a_record():
    p = run('app$target:::hit { printf("one\\n"); } app$target:::hit /arg0 & 1/ { printf("two\\n"); }'
            " app$target:::hit { @ = count(); } app$target:::hit { n++; }"
            ' END { printf("n %d\\n", n); printa("count %@d\\n", @); }', "-b", "4k")
    one, two = (len(re.findall("^%s$" % w, p.stdout, re.M)) for w in ("one", "two"))
    assert one and two and one + two + drops(p.stderr) == THREADS * HITS * 3 // 2, (one, two, p.stderr[:300])
    # A dropped record does not affect variables and aggregations.
    assert re.search(r"^n %d$" % (THREADS * HITS), p.stdout, re.M), p.stdout[-100:]
    assert re.search(r"^count %d$" % (THREADS * HITS), p.stdout, re.M), p.stdout[-100:]


def test_without_order_of_time_and_with_rare_reads():
    for option in ("temporal=0", "switchrate=30s"):
        p = run('app$target:::hit { printf("r\\n"); }', "-b", "8k", "-x", option)
        seen = p.stdout.count("r\n")
        assert seen and seen + drops(p.stderr) == THREADS * HITS, (option, seen, p.stderr[:300])


def test_strings_whose_reading_faults():
    """A record is built before room in the buffer is taken: a hit that sleeps holds no room."""
    p = run('app$target:::hit { printf("s %s\\n", copyinstr(arg1)); }', "-b", "4k", threads=16, hits=HITS // 4,
            flags="-f")
    seen = len(re.findall(r"^s key\d.xxx$", p.stdout, re.M))
    assert seen and seen + drops(p.stderr) == 4 * HITS, (seen, p.stderr[:300])


def test_keys_that_find_no_room():
    p = run('app$target:::hit { @[x++] = count(); } END { printa("k %d %@d\\n", @); }', "-x", "aggsize=16k")
    counts = [int(n) for n in re.findall(r"^k \d+ (\d+)$", p.stdout, re.M)]
    lost = drops(p.stderr, "aggregation drop")
    assert lost and set(counts) == {1} and len(counts) + lost == THREADS * HITS, (len(counts), lost)


def test_array_elements_that_find_no_room():
    p = run('app$target:::hit { a[x++] = 1; } app$target:::hit { @ = count(); } END { printa("%@d\\n", @); }',
            "-x", "dynvarsize=64k")
    assert int(p.stdout) == THREADS * HITS, p.stdout
    assert 0 < drops(p.stderr, "dynamic variable drop") < THREADS * HITS, p.stderr[:300]


def test_elements_and_drops_are_the_assignments():
    p = run('app$target:::hit { this->k = ++x; a[this->k] = 1; @ = sum(a[this->k]); } END { printa("%@d\\n", @); }',
            "-x", "dynvarsize=64k")
    kept, lost = int(p.stdout), drops(p.stderr, "dynamic variable drop")
    assert kept and lost and kept + lost == THREADS * HITS, (kept, lost)


def test_end_prints_though_the_buffer_is_full():
    p = run('app$target:::hit { printf("r\\n"); } END { printf("end\\n"); }', "-b", "4k")
    assert p.stdout.endswith("end\n") and drops(p.stderr), p.stdout[-50:]


def test_ticks_that_do_not_come():
    """Two rates at once, with drops for each. The work of the faster rate takes longer than its
    period."""
    fast, slow = (1000, 1800) if EMULATED else (50, 90)
    one = "tick-%(us)dus { n%(us)d++; t%(us)d = timestamp; } tick-%(us)dus /!f%(us)d/ { f%(us)d = t%(us)d; }"
    p = dtrace("-q", "-n", " ".join(one % {"us": us} for us in (fast, slow)) +
               " tick-%dus { %s }" % (fast, " ".join('@[%d, "key"] = quantize(timestamp);' % i for i in range(50))) +
               " tick-500ms { exit(0); } END { clear(@); trunc(@);" +
               ' printf("%%d %%d %%d %%d", n%d, t%d - f%d, n%d, t%d - f%d); }' % ((fast,) * 3 + (slow,) * 3))
    assert p.returncode == 0, p.stderr[:500]
    told = re.findall(r"^dtrace: (\d+) (profile drops? \(interrupts missed\)|busy-map drops?) on CPU \d+$", p.stderr, re.M)
    assert len(told) == len(p.stderr.splitlines()), p.stderr[:500]
    lost = sum(int(n) for n, what in told if "profile" in what)
    n, span, m, slow_span = (int(w) for w in p.stdout.split())
    due = span / fast / 1000 + slow_span / slow / 1000 + 2
    assert lost and abs(n + m + lost - due) < 0.02 * due + 5, (n, m, lost, due)


main(sys.modules[__name__])
