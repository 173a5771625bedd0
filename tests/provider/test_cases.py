#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Provider files with their messages and probes, from the *.cases beside this script.

A block begins with `== the claim`; then comes the text of f.d, without lines of these kinds:
  !! -C             more options for `dtrace -h -s f.d -o f.h`
  -- 1:5: message   a message about f.d; all must come, in order; `-- dtrace: …`, `-- inc.h:1:1: …`
  ++ app:a [int|x]  a probe and its types in the notes of the compiled header

A text without ++ lines must fail and leave no file behind. The header of any other text compiles as
C and as C++, and the object of -G links with the result.

Usage: test_cases.py [BUILD]. Ends with 'N passed, N failed, N skipped'.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")
DTRACE = os.path.join(BUILD, "dtrace")
DUMP = os.path.join(BUILD, "tests/usdt/dump")
UNSTATED = "1/1/0"     # attributes that no pragma gives: Private/Private/Unknown
INC = "typedef struct inner { int deep; } inner_t;\n#define WORD long\n#define LONGEST long long\n"


def cases(path):
    case = None
    for line in open(path):
        if line.startswith("== "):
            if case:
                yield case
            case = {"name": line[3:].strip(), "text": "", "args": [], "says": [], "probes": []}
        elif case is None or line.startswith("%% "):    # a remark
            continue
        elif line.startswith("!! "):
            case["args"] += line[3:].split()
        elif line.startswith("-- "):
            case["says"].append(line[3:].strip())
        elif line.startswith("++ "):
            case["probes"].append(line[3:].strip())
        else:
            case["text"] += line
    yield case


def run(argv, cwd):
    p = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
    return p.returncode, p.stdout.decode(errors="replace")


def program(header):
    """A C program that fires every probe of a header, and calls every is-enabled macro."""
    macros = dict(m for m in re.findall(r"^#define (\w+)\((.*)\) \\$", header, re.M)
                  if not m[0].startswith("USDT_"))
    lines = ['#include "f.h"', "int main(void)", "{"]
    for name, params in macros.items():
        if name.endswith("_ENABLED") and not params:
            lines.append("\tif (%s()) return 1;" % name)
        else:
            lines.append("\t%s(%s);" % (name, ", ".join("0" for p in params.split(",") if p)))
    return "\n".join(lines + ["\treturn 0;", "}", ""])


def compiled(where, lang):
    """The probes in the compiled program; or the error."""
    cc = {"c": ["gcc", "-std=c99", "-xc"], "c++": ["g++", "-xc++"]}[lang]
    status, out = run(cc + ["-O1", "-Wall", "-Wextra", "-Werror", "m.c", "-xnone", "f.o", "-o", "m"], where)
    if status or run(["./m"], where)[0]:
        return ["%s: %s" % (lang, out)]
    probes = {}
    for line in run([DUMP, "m"], where)[1].splitlines():
        m = re.match(r"(\w+):\w*:(\S+) off=", line)
        if m:
            name = m.group(1) + ":" + m.group(2)
            probes.setdefault(name, "")
        elif line.startswith("  types"):
            native, _, rest = line[7:].partition(" -> ")
            native = native.replace(" ->", "")
            args, _, attr = (" " + rest).partition(" attr ")
            plain = re.sub(r"=\d+\]", "]", args.strip())
            in_order = re.findall(r"=(\d+)\]", args) == [str(i) for i in range(args.count("="))]
            types = native.strip()
            if plain != types or not in_order:
                types += " -> " + args.strip()
            if set(attr.split()) - {UNSTATED}:
                types += " " + attr.strip()
            probes[name] = types.strip()
    return sorted(("%s %s" % i).strip() for i in probes.items())


def wrong(case, where):
    """The first difference from the block; None: no difference."""
    with open(where + "/f.d", "w") as f:
        f.write(case["text"].rstrip("\n") + "\n" if case["text"].strip() else case["text"].strip("\n"))
    with open(where + "/inc.h", "w") as f:
        f.write(INC)
    args = ["-x", "errtags"] + case["args"] + ["-s", "f.d", "-o"]
    status, out = run([DTRACE, "-h"] + args + ["f.h"], where)
    says = [re.sub(r"^f\.d:(?=\d)", "", line) for line in out.splitlines()
            if re.match(r"[\w.]+:\d+:|dtrace: ", line)]
    if says != case["says"]:
        return "it says\n  " + "\n  ".join(says)
    if not case["probes"]:
        left = sorted(set(os.listdir(where)) - {"f.d", "inc.h"})
        return "status %d, files %s" % (status, left) if status != 1 or left else None
    if status or run([DTRACE, "-G"] + args + ["f.o"], where)[0]:
        return "status %d: %s" % (status, out)
    with open(where + "/m.c", "w") as f:
        f.write(program(open(where + "/f.h").read()))
    for lang in ("c", "c++"):
        got = compiled(where, lang)
        if got != sorted(case["probes"]):
            return "%s has\n  %s" % (lang, "\n  ".join(got))
    return None


def check(case):
    where = tempfile.mkdtemp(prefix="usdtkit-cases.")
    try:
        return wrong(case, where)
    except subprocess.TimeoutExpired as e:
        return str(e)
    finally:
        shutil.rmtree(where)


def main():
    passed = failed = 0
    for path in sorted(glob.glob(HERE + "/*.cases")):
        all_cases = list(cases(path))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for case, why in zip(all_cases, pool.map(check, all_cases)):
                if why is None:
                    passed += 1
                else:
                    failed += 1
                    print("FAIL %s: %s: %s" % (os.path.basename(path), case["name"], why))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed != 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
