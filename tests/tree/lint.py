#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""clang-tidy (.clang-tidy) and cppcheck over the tree. Usage: lint.py BUILD [CACHE].

BUILD is a configured folder that was built (for config.h and generated files). What a file with all
that it includes was found to be is kept in CACHE (BUILD/../lint), by a hash of those bytes, so that
a second run looks only at what has changed. Ends with 'N passed, N failed, N skipped'.
"""
import concurrent.futures
import glob
import hashlib
import os
import shutil
import subprocess
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
ROOMS = "arch base usdt d provider kernel world consumer cmd".split()
# What cppcheck gets wrong here: it does not know that memcpy hands a pointer on, that mmap takes -1,
# that a descriptor is returned by `fd < 0 ? … : fd`, LIBBPF_OPTS, and fclose(out) before `errno`.
WRONG = ("memleak resourceLeak invalidFunctionArg leakReturnValNotUsed unknownMacro useClosedFile "
         "nullPointerArithmetic missingIncludeSystem").split()


def run(*argv):
    p = subprocess.run(argv, cwd=TOP, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def flags(build):
    return ["-std=gnu11", "-I.", "-Iinclude", "-I" + build, "-D_GNU_SOURCE", "-DHAVE_CONFIG_H"]


def key(path, build):
    """A hash of the file, what it includes of the tree, and the rules; None: it does not compile."""
    status, deps, _ = run("gcc", "-MM", *flags(build), path)
    if status:
        return None
    h = hashlib.sha256()
    for f in sorted(set(deps.replace("\\\n", " ").split()[1:])) + [".clang-tidy", "tests/tree/lint.py"]:
        with open(os.path.join(TOP, f), "rb") as bytes_of:
            h.update(f.encode() + b"\0" + bytes_of.read())
    return h.hexdigest()


def tidy(path, build):
    status, out, err = run("clang-tidy-14", "--quiet", path, "--", *flags(build))
    return out.strip() if status or "warning:" in out or "error:" in out else ""


def cppcheck(path, build):
    _, _, err = run("cppcheck", "-q", "--enable=warning", "--inline-suppr", "--std=c11", "--library=posix",
                    *["--suppress=" + w for w in WRONG], *flags(build)[1:], path)
    return err.strip()


def look(path, build, cache):
    """What is wrong with the file, as text; "" if nothing is."""
    k = key(path, build)
    kept = os.path.join(cache, k) if k else None
    if kept and os.path.exists(kept):
        return ""
    found = "\n".join(f for f in (tidy(path, build), cppcheck(path, build)) if f)
    if kept and not found:
        open(kept, "w").close()
    return found


def main():
    build = os.path.abspath(sys.argv[1])
    cache = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(build, "../lint"))
    if not shutil.which("clang-tidy-14") or not shutil.which("cppcheck"):
        print("SKIP clang-tidy-14 and cppcheck are not here\n0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs(cache, exist_ok=True)
    paths = sorted(os.path.relpath(p, TOP) for r in ROOMS for p in glob.glob("%s/%s/**/*.c" % (TOP, r), recursive=True))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, found in zip(paths, pool.map(lambda p: look(p, build, cache), paths)):
            if found:
                failed += 1
                print("FAIL %s\n%s" % (path, found))
    print("%d passed, %d failed, 0 skipped" % (len(paths) - failed, failed))
    return 1 if failed or not paths else 0


sys.exit(main())
