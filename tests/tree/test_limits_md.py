#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the tables in docs/limits.md agree with the rows of d/builtins.def; -i writes them.
Ends with 'N passed, N failed, N skipped'."""
import os
import re
import sys

import rows

PATH = os.path.join(rows.TOP, "docs/limits.md")
TABLES = {"actions": ("ACTION",), "subroutines": ("SUBR",), "variables": ("VAR", "ARRAY", "TRANSLATED"),
          "aggregating functions": ("AGGFUNC",)}


def table(kinds):
    out = ["| name | what it is in DTrace |", "| --- | --- |"]
    for row in rows.lacking():
        if row.kind in kinds:
            out.append("| `%s` | %s |" % (row.called, row.text("what")))
            if not row.text("what"):
                raise SystemExit("%s lacks .what" % row.id)
    return "\n".join(out) + "\n"


def main():
    with open(PATH, encoding="utf-8") as f:
        text = f.read()
    new, stale = text, []
    for name, kinds in TABLES.items():
        place = re.compile(r"(<!-- rows: %s -->\n).*?(<!-- end -->)" % name, re.S)
        if not place.search(text):
            stale.append(name)
        new = place.sub(lambda m: m.group(1) + table(kinds) + m.group(2), new)
        if new != text and name not in stale and place.search(new).group(0) != place.search(text).group(0):
            stale.append(name)
    if sys.argv[1:] == ["-i"]:
        with open(PATH, "w", encoding="utf-8") as f:
            f.write(new)
        return 0
    for name in stale:
        print("FAIL docs/limits.md: %s: not as d/builtins.def says; tests/tree/test_limits_md.py -i mends it" % name)
    print("%d passed, %d failed, 0 skipped" % (len(TABLES) - len(stale), len(stale)))
    return len(stale) > 0


sys.exit(main())
