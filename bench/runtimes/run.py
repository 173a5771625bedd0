#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a probe that nobody looks at costs in each interpreter that is here: ns a call, and ratios.

Usage: bench/runtimes/run.py [VERSION …]. Each number is the least of 40 slices, less an empty loop; the
slices of what is compared take turns. "function" and "object" do nothing (empty.c).
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "runtimes"))
sys.dont_write_bytecode = True
from interpreters import build_python, pythons  # noqa: E402

PYTHON = r"""
import time
import empty, usdt
shop = usdt.Provider("bench")
probes = {"": shop.probe("none"), "i, 'x'": shop.probe("two", int, str), "i, 'x', 1.5, i": shop.probe("four", int, str, float, int)}
shop.enable()
SOURCE = '''
def loop(f, times):
    start = clock()
    for i in times: %s
    return clock() - start
'''
def made(body):
    names = {"clock": time.process_time_ns}
    exec(SOURCE % body, names)
    return names["loop"]
N = 100000
for args, probe in probes.items():
    call, nothing = made("f(%s)" % args), made("pass")
    subjects = (nothing, None), (call, empty.empty), (call, empty.object), (call, probe), (call, probe.fire)
    best = [1 << 62] * len(subjects)
    for _ in range(40):
        for i, (loop, f) in enumerate(subjects):
            best[i] = min(best[i], loop(f, range(N)))
    print(args.count(",") + bool(args), *[(b - best[0]) / N for b in best[1:]])
"""


def python(version, exe, folder):
    os.mkdir(folder)
    build_python(exe, folder)
    include = subprocess.check_output([exe, "-c", "import sysconfig; print(sysconfig.get_path('include'))"], text=True)
    subprocess.check_call(["gcc", "-O2", "-shared", "-fPIC", "-I", include.strip(), os.path.join(HERE, "empty.c"),
                           "-o", os.path.join(folder, "empty.so")])
    out = subprocess.check_output([exe, "-c", PYTHON], text=True, env=dict(os.environ, PYTHONPATH=folder))
    for line in out.splitlines():
        n, function, thing, probe, fire = [float(x) for x in line.split()]
        print("Python %-8s %d arguments  function %5.1f  object %5.1f  probe() %5.1f = %.2f objects, %.2f functions  "
              "fire() %5.1f = %.2f functions" % (version, n, function, thing, probe, probe / thing, probe / function, fire,
                                                 fire / function), flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for version, exe in pythons()[0].items():
            if not sys.argv[1:] or re.match("|".join(map(re.escape, sys.argv[1:])), version):
                python(version, exe, os.path.join(folder, version))


main()
