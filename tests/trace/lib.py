# SPDX-License-Identifier: BSD-2-Clause
"""Shared by the tracing tests: a folder, compiled programs, runs of dtrace, and the runner.

Usage of a test file: test_x.py DTRACE [NAME …]; each function test_* is a test. A test fails by an
AssertionError, and skips by Skip(why). Ends with 'N passed, N failed, N skipped'.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
DTRACE = os.path.abspath(sys.argv[1])
FOLDER = tempfile.mkdtemp(prefix="usdtkit-test-")


# gcc-12-multilib has no asm/; gcc-multilib has it, but conflicts with cross compilers.
M32 = ("-m32", "-idirafter", "/usr/include/x86_64-linux-gnu")


# A guest of tests/vm/run has an emulated processor, some twenty times slower.
with open("/proc/cpuinfo") as _f:
    EMULATED = "QEMU" in _f.read()


def preempts():
    """True if this kernel preempts its own code. With PREEMPT_DYNAMIC the boot option decides."""
    try:
        with open("/sys/kernel/debug/sched/preempt") as f:
            return "(full)" in f.read()
    except OSError:
        return " PREEMPT " in os.uname().version


PREEMPTS = preempts()


class Skip(Exception):
    pass


def sh(*args, **kw):
    kw.setdefault("timeout", 600 if EMULATED else 120)
    return subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **kw)


_RUNS_32 = []


def runs_32():
    """True if gcc can build 32-bit programs, and this kernel and machine can run them."""
    if not _RUNS_32:
        path = os.path.join(FOLDER, "runs-32")
        built = subprocess.run(("gcc", *M32, "-x", "c", "-", "-o", path), input="int main(void) { return 0; }",
                               text=True, stderr=subprocess.DEVNULL)
        try:
            _RUNS_32.append(built.returncode == 0 and subprocess.run([path]).returncode == 0)
        except OSError:
            _RUNS_32.append(False)
    return _RUNS_32[0]


def need_32():
    if not runs_32():
        raise Skip("no 32-bit programs here: gcc makes none, or the kernel runs none")


def must(*args, **kw):
    p = sh(*args, **kw)
    assert p.returncode == 0, "%s: status %d\n%s%s" % (" ".join(args), p.returncode, p.stdout, p.stderr)
    return p.stdout


def each(function, items):
    """Calls function for each item, 4 at a time: such calls mostly wait for the kernel."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in pool.map(function, items):
            pass


def build_app(name="app", cc="gcc", flags=("-O2",), source=None):
    """Builds app.c (or source), with a header made by the dtrace under test; the program's path."""
    provider = os.path.splitext(source or "app.c")[0]
    header = os.path.join(FOLDER, os.path.basename(provider) + ".h")
    if not os.path.exists(header):
        must(DTRACE, "-h", "-s", os.path.join(HERE, provider + ".d"), "-o", header)
    out = os.path.join(FOLDER, name)
    if not os.path.exists(out):
        must(cc, *flags, "-I", FOLDER, "-o", out, os.path.join(HERE, source or "app.c"), "-pthread")
    return out


def dtrace(*args, **kw):
    return sh(DTRACE, *args, **kw)


def traced(program, command, *args):
    """stdout of `dtrace -q ARGS -c COMMAND -n PROGRAM`, which must succeed with an empty stderr."""
    p = dtrace("-q", *args, "-c", command, "-n", program)
    assert p.returncode == 0 and not p.stderr, "status %d: %s\n%s" % (p.returncode, p.stderr, p.stdout)
    return p.stdout


def numbers(text):
    return [int(n) for n in re.findall(r"-?\d+", text)]


def bpf_list(kind):
    """Ids of the programs, maps or links in the kernel."""
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    if not os.path.exists(bpftool):
        raise Skip("no bpftool")
    return {int(n) for n in re.findall(r"^(\d+):", must(bpftool, kind, "list"), re.M)}


def bpf_state():
    """Numbers of programs, maps and links in the kernel: a run must not change them."""
    return {kind: len(bpf_list(kind)) for kind in ("prog", "map", "link")}


def settled(before, seconds=150 if EMULATED else 30):
    """Waits for the state `before`: the kernel frees programs and maps after a delay."""
    end = time.time() + seconds
    while time.time() < end:
        now = bpf_state()
        if all(now[k] <= before[k] for k in before):
            return now
        time.sleep(0.1)
    return bpf_state()


def main(module):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    wanted = sys.argv[2:]
    for name, test in list(vars(module).items()):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        start = time.time()
        try:
            test()
            word, why = "passed", ""
        except Skip as e:
            word, why = "skipped", str(e)
        except (AssertionError, subprocess.TimeoutExpired) as e:
            word, why = "failed", "%s\n%s" % (str(e)[:2000], "".join(traceback.format_tb(e.__traceback__)))
        count[word] += 1
        print("%s %s (%.1f s) %s" % (word, name, time.time() - start, why), flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    sys.exit(count["failed"] > 0)
