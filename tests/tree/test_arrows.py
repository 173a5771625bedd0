#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Arrows between rooms point one way: who may include whose headers.

Usage: test_arrows.py [TOP]. Reads the #include "…" lines of every .c and .h file of the rooms.
Without TOP it first proves, on lines made up here, that it can fail.
"""
import fnmatch
import os
import re
import sys

BASE = ["base/*.h"]
CONTRACTS = ["ebpf/abi.h", "ebpf/*.def", "consumer/records.h", "consumer/*.def"]
# Room: what it may include besides its own files and config.h. `!` takes back. First match of a
# file's path names its room, so the inner rooms come first.
ROOMS = [
    ("base/", []),
    ("include/usdt/", []),
    ("d/", BASE),
    ("usdt/", BASE + ["usdt/usdt.h"]),
    ("provider/", BASE + ["d/d.h", "usdt/usdt.h", "usdt/sdt.h"]),
    ("ebpf/", CONTRACTS),
    ("consumer/compile/", BASE + CONTRACTS +
     ["d/d.h", "d/*.def", "ebpf/rt.h", "ebpf/table.h"]),
    ("consumer/providers/", BASE + CONTRACTS +
     ["d/d.h", "usdt/usdt.h", "world/world.h", "consumer/compile/compile.h", "consumer/compile/*.def"]),
    ("consumer/aggs/", BASE + CONTRACTS +
     ["d/d.h", "d/*.def", "ebpf/rings.h", "consumer/compile/compile.h"]),
    ("consumer/output/", BASE + CONTRACTS +
     ["d/d.h", "d/*.def", "usdt/usdt.h", "consumer/aggs/aggs.h", "consumer/providers/providers.h"]),
    ("consumer/run/", BASE + CONTRACTS +
     ["d/d.h", "d/*.def", "usdt/usdt.h", "usdt/consumer.h", "consumer/compile/compile.h",
      "consumer/compile/*.def", "consumer/providers/providers.h", "consumer/providers/*.def", "consumer/aggs/aggs.h",
      "consumer/output/output.h", "ebpf/rings.h"]),
    ("consumer/", CONTRACTS + ["d/d.h"]),
    ("cmd/usdt-check/", BASE + ["d/d.h", "usdt/usdt.h", "usdt/loader.h"]),
    ("cmd/", BASE + ["usdt/consumer.h", "consumer/options.def", "provider/provider.h"]),
    ("runtimes/", ["usdt/usdt.h", "usdt/sdt.h"]),
    ("examples/", ["usdt/usdt.h", "usdt/consumer.h", "usdt/sdt.h"]),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def room_of(path):
    return next((r for r in ROOMS if path.startswith(r[0])), None)


def beside(room, path, inc):
    """Is `inc` a file of the room that holds `path`: by its whole path, or without a folder?"""
    if "/" not in inc:
        return True
    # include/usdt/usdt.h is "usdt/usdt.h" to all, and no file of the room usdt/.
    return inc.startswith(room) and room_of(inc)[0] == room


def why_not(path, inc):
    """Why this file may not include that; None: it may."""
    room, may = room_of(path)
    if inc == "config.h" or beside(room, path, inc):
        return None
    if os.path.basename(inc) == "inner.h":
        return "inner.h is its room's alone"
    if any(fnmatch.fnmatchcase(inc, p) and inc.count("/") == p.count("/") for p in may):
        return None
    return "%s may not know of it" % room


def sources(top):
    for room, _ in ROOMS:
        for folder, dirs, files in os.walk(os.path.join(top, room)):
            dirs.sort()
            for f in sorted(files):
                path = os.path.relpath(os.path.join(folder, f), top)
                if re.search(r"\.(c|h|def)$", f) and room_of(path)[0] == room:
                    yield path


def check(top):
    seen, bad = 0, []
    for path in sources(top):
        seen += 1
        with open(os.path.join(top, path), encoding="utf-8") as f:
            text = f.read()
        for m in INCLUDE.finditer(text):
            reason = why_not(path, m.group(1))
            if reason:
                line = text.count("\n", 0, m.start()) + 1
                bad.append('%s:%d: #include "%s": %s' % (path, line, m.group(1), reason))
    return seen, bad


def self_test():
    forbidden = [("base/a.c", "d/d.h"), ("d/a.c", "usdt/usdt.h"), ("d/a.c", "ebpf/abi.h"),
                 ("usdt/a.c", "d/d.h"), ("provider/a.c", "d/inner.h"),
                 ("provider/a.c", "consumer/run/run.h"), ("consumer/compile/a.c", "usdt/usdt.h"),
                 ("consumer/providers/a.c", "consumer/compile/inner.h"),
                 ("consumer/output/a.c", "consumer/run/run.h"), ("consumer/aggs/a.c", "consumer/output/output.h"),
                 ("consumer/run/a.c", "consumer/output/inner.h"),
                 ("ebpf/abi.h", "consumer/run/run.h"), ("cmd/dtrace/a.c", "d/d.h"),
                 ("cmd/dtrace/a.c", "consumer/compile/compile.h"), ("cmd/dtrace/a.c", "consumer/run/run.h"), ("runtimes/a.c", "base/hash.h")]
    allowed = [("d/a.c", "base/hash.h"), ("usdt/a.c", "usdt/inner.h"), ("d/a.c", "d/inner.h"),
               ("provider/a.c", "d/d.h"), ("consumer/run/a.c", "consumer/run/inner.h"),
               ("consumer/run/a.c", "consumer/providers/providers.h"), ("base/a.c", "config.h"),
               ("cmd/dtrace/a.c", "provider/provider.h"), ("cmd/dtrace/a.c", "usdt/consumer.h"), ("ebpf/rt.c", "ebpf/abi.h")]
    wrong = [p for p in forbidden if not why_not(*p)] + [p for p in allowed if why_not(*p)]
    for p in wrong:
        print("self test: %s including %s" % p)
    return not wrong


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ok = self_test() if len(sys.argv) < 2 else True
    seen, bad = check(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../.."))
    for line in bad:
        print(line)
    print("%d files, %d arrows that point the wrong way" % (seen, len(bad)))
    sys.exit(not ok or seen == 0 or bool(bad))


main()
