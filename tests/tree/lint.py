#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""clang-tidy (.clang-tidy) and cppcheck over the tree. Usage: lint.py BUILD [CACHE].

BUILD is a folder that was configured and built (for config.h and generated files). CACHE (default
BUILD/../lint) remembers files without errors, by a hash of their bytes and of the included files of
the tree, so that a second run checks only changed files. cppcheck.suppress lists false reports of
cppcheck, with reasons. First both tools must find the errors in BROKEN.
Ends with 'N passed, N failed, N skipped'.
"""
import concurrent.futures
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
ROOMS = "arch base usdt d provider ebpf kernel world consumer cmd runtimes".split()
BPF_C = {"ebpf/rt.c", "ebpf/progs.c", "ebpf/drain.c"}  # compiled for the kernel, with other flags
TIDY, CPPCHECK = "clang-tidy-14", "cppcheck"
RULES = [".clang-tidy", "tests/tree/lint.py", "tests/tree/cppcheck.xml", "tests/tree/cppcheck.suppress"]
# The headers of interpreters are system headers, which are not checked.
INTERPRETER = {"runtimes/python/ext": ["-isystem" + sysconfig.get_path("include")],
               "runtimes/ruby/ext/usdt": ["-isystem" + d for d in glob.glob("/usr/include/ruby-*") + glob.glob(
                   "/usr/include/*/ruby-*")]}
# Both tools must report this file: a pointer may be NULL, and memory is freed twice.
BROKEN = """#include <stdlib.h>

int broken(int n)
{
	char *p = malloc(3), *q = n ? p : NULL;

	free(p);
	free(p);
	return q[0];
}
"""


def run(*argv):
    p = subprocess.run(argv, cwd=TOP, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def flags(path, build):
    if path in BPF_C:
        return ["-target", "bpf", "-I."]
    return ["-std=gnu11", "-I.", "-Iinclude", "-I" + build, "-D_GNU_SOURCE", "-DHAVE_CONFIG_H"] + INTERPRETER.get(
        os.path.dirname(path), [])


def key(path, build):
    """A hash of the file, its includes of the tree, and the rules; None: the file does not
    compile."""
    status, deps, _ = run("clang-14", "-MM", *flags(path, build), path)
    if status:
        return None
    h = hashlib.sha256()
    for f in sorted(set(deps.replace("\\\n", " ").split()[1:])) + RULES:
        with open(os.path.join(TOP, f), "rb") as bytes_of:
            h.update(f.encode() + b"\0" + bytes_of.read())
    return h.hexdigest()


def tidy(path, build):
    status, out, err = run(TIDY, "--quiet", "--config-file=" + os.path.join(TOP, ".clang-tidy"), path, "--",
                           *flags(path, build))
    return out.strip() or (err.strip() if status else "")


def cppcheck(path, build):
    if path in BPF_C:
        return ""
    status, out, err = run(CPPCHECK, "-q", "--error-exitcode=1", "--enable=warning", "--inline-suppr", "--std=c11",
                           "--library=posix", "--library=gnu", "--library=tests/tree/cppcheck.xml",
                           "--suppressions-list=tests/tree/cppcheck.suppress", *[f for f in flags(path, build)[1:] if not f.startswith("-isystem")], path)
    return (err + out).strip() if status else ""


def look(path, build, cache):
    """The errors in the file, as text; "": no errors."""
    k = key(path, build)
    kept = os.path.join(cache, k) if k else None
    if kept and os.path.exists(kept):
        return ""
    found = "\n".join(f for f in (tidy(path, build), cppcheck(path, build)) if f)
    if kept and not found:
        open(kept, "w").close()
    return found


def can_fail(build):
    """(name of the tool, its reports on BROKEN) for both tools."""
    with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
        f.write(BROKEN)
        f.flush()
        return [(TIDY, tidy(f.name, build)), (CPPCHECK, cppcheck(f.name, build))]


def main():
    build = os.path.abspath(sys.argv[1])
    cache = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(build, "../lint"))
    missing = [t for t in (TIDY, CPPCHECK) if not shutil.which(t)]
    if missing:
        print("SKIP %s is not here\n0 passed, 0 failed, 1 skipped" % " and ".join(missing))
        return 0
    os.makedirs(cache, exist_ok=True)
    paths = sorted(os.path.relpath(p, TOP) for r in ROOMS for p in glob.glob("%s/%s/**/*.c" % (TOP, r), recursive=True))
    failed = 0
    for tool, said in can_fail(build):
        if "free" not in said:
            failed += 1
            print("FAIL %s: finds nothing wrong with memory that is freed twice\n%s" % (tool, said))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, found in zip(paths, pool.map(lambda p: look(p, build, cache), paths)):
            if found:
                failed += 1
                print("FAIL %s\n%s" % (path, found), flush=True)
    print("%d passed, %d failed, 0 skipped" % (len(paths) + 2 - failed, failed))
    return 1 if failed or not paths else 0


sys.exit(main())
