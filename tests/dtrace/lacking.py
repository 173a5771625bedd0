#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dtrace refuses each LACKS row of d/builtins.def: with its name, at its place, with D_UNSUPPORTED,
and before it traces. The programs are made from the prototypes of the rows.

Usage: lacking.py DTRACE [NAME …]. Ends with 'N passed, N failed, N skipped'.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tree"))
import rows

# An argument for each mark of a prototype; other words are C types.
VALUES = {"@": "arg0", "ptr": "arg0", "int": "1", "str": '"a"', "lit": "8", "text": '"quiet"', "fmt": '"x"'}


def arguments(row):
    words = row.proto[row.proto.index("(") + 1:-1].split(",")
    words = [w.strip() for w in words if w.strip() and w.strip()[0] not in "[."]
    return ", ".join(VALUES.get(w, "1") for w in words)


def program(row):
    """A clause that uses the row, and the column of the row's name."""
    if row.kind == "AGGFUNC":
        # its parameters depend on each other
        return "BEGIN { @a = %s(%s); }" % (row.id, "arg0, 10, 0, 2, 10"), 9
    if row.kind == "ACTION" or (row.kind == "SUBR" and row.proto.startswith("void(")):
        return "BEGIN { %s(%s); }" % (row.id, arguments(row)), 9
    use = {"SUBR": lambda: "%s(%s)" % (row.id, arguments(row)), "VAR": lambda: row.id,
           "ARRAY": lambda: row.id + "[1]", "TRANSLATED": lambda: row.id}[row.kind]()
    return "BEGIN { trace(%s); }" % use, 15


def check(dtrace, row):
    """The error, or None."""
    text, column = program(row)
    p = subprocess.run([dtrace, "-x", "errtags", "-w", "-e", "-n", text], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    said = p.stderr.decode(errors="replace")
    want = "-n:1:%d: [D_UNSUPPORTED] %s is not available in this version\n" % (column, row.called)
    if p.returncode == 1 and said.startswith(want):
        return None
    return "%s: status %d, said: %s" % (text, p.returncode, said)


def main():
    dtrace = os.path.abspath(sys.argv[1])
    wanted = [r for r in rows.lacking() if not sys.argv[2:] or r.id in sys.argv[2:]]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        bad = list(pool.map(lambda r: check(dtrace, r), wanted))
    for row, why in zip(wanted, bad):
        if why:
            print("FAIL %s: %s" % (row.id, re.sub(r"\n(?=.)", "\n  ", why)))
    print("%d passed, %d failed, 0 skipped" % (bad.count(None), len(bad) - bad.count(None)))
    sys.exit(any(bad) or not bad)


main()
