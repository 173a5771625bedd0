#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every error tag of d/errtags.def is used, and its row says when. (Unknown tags do not compile.)
Ends with 'N passed, N failed, N skipped'."""
import os
import re
import sys

import rows

ROOMS = ("d", "provider", "kernel", "world", "consumer", "cmd")


def main():
    with open(os.path.join(rows.TOP, "d/errtags.def"), encoding="utf-8") as f:
        tags = re.findall(r'^D_TAG\((D_[A-Z0-9_]+), "[^"]+"\)$', f.read(), re.M)
    used = set()
    for room in ROOMS:
        for folder, _, files in os.walk(os.path.join(rows.TOP, room)):
            for name in files:
                if name.endswith((".c", ".h", ".def")) and name != "errtags.def":
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        used.update(re.findall(r"\bD_[A-Z0-9_]+\b", f.read()))
    bad = [t for t in tags if t not in used]
    for tag in bad:
        print("FAIL %s: no error has this tag" % tag)
    print("%d passed, %d failed, 0 skipped" % (len(tags) - len(bad), len(bad)))
    return bool(bad) or len(tags) < 100


sys.exit(main())
