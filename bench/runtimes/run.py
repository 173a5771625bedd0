#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measures a probe that nobody traces in each installed interpreter: ns a call, and ratios.

Usage: bench/runtimes/run.py [VERSION …|ruby]. Each number is the least of 40 slices, less an empty
loop. The subjects take turns, slice by slice. "function" and "object" do nothing (empty.c).
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "runtimes"))
sys.dont_write_bytecode = True
from interpreters import build_python, build_ruby, pythons  # noqa: E402

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


RUBY = r"""
require "usdt"
require "./empty"
shop = USDT::Provider.new("bench")
probes = [["", shop.probe("none")], ["i, s", shop.probe("two", Integer, String)],
          ["i, s, 1.5, i", shop.probe("four", Integer, String, Float, Integer)]]
shop.enable
def made(body)
  eval("lambda { |f, s, n| c = Process::CLOCK_PROCESS_CPUTIME_ID; i = 0; t = Process.clock_gettime(c, :nanosecond);"\
       " while i < n; #{body}; i += 1; end; Process.clock_gettime(c, :nanosecond) - t }")
end
N = 100000
probes.each do |args, probe|
  subjects = [[made(""), nil], [made("f.empty(#{args})"), Empty.new], [made("f.fire(#{args})"), probe]]
  best = [1 << 62] * 3
  40.times { subjects.each_with_index { |(l, f), i| best[i] = [best[i], l.call(f, "x", N)].min } }
  puts [args.count(",") + (args.empty? ? 0 : 1), *best[1..].map { |b| (b - best[0]).to_f / N }].join(" ")
end
"""


def ruby(folder):
    os.mkdir(folder)
    env = dict(os.environ, GEM_HOME=os.path.join(folder, "gems"))
    build_ruby(folder, env)
    include = subprocess.check_output(["ruby", "-rrbconfig", "-e", "puts RbConfig::CONFIG.values_at('rubyhdrdir',"
                                       " 'rubyarchhdrdir').map { |d| '-I' + d }"], text=True).split()
    subprocess.check_call(["gcc", "-O2", "-shared", "-fPIC", "-DFOR_RUBY", *include, os.path.join(HERE, "empty.c"),
                           "-o", os.path.join(folder, "empty.so")])
    version = subprocess.check_output(["ruby", "-e", "print RUBY_VERSION"], text=True)
    for line in subprocess.check_output(["ruby", "-e", RUBY], text=True, env=env, cwd=folder).splitlines():
        n, method, fire = [float(x) for x in line.split()]
        print("Ruby %-10s %d arguments  method %5.1f  fire %5.1f = %.2f methods" % (version, n, method, fire, fire / method),
              flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for version, exe in pythons()[0].items():
            if not sys.argv[1:] or re.match("|".join(map(re.escape, sys.argv[1:])), version):
                python(version, exe, os.path.join(folder, version))
        if shutil.which("ruby") and (not sys.argv[1:] or "ruby" in sys.argv[1:]):
            ruby(os.path.join(folder, "ruby"))


main()
