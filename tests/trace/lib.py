# SPDX-License-Identifier: BSD-2-Clause
"""What the tracing tests share: a folder, a compiled program, dtrace runs, a runner.

Usage of a test file: test_x.py DTRACE [NAME …]; each function test_* is a test. A test fails by an
AssertionError, skips by raising Skip(why). Ends with 'N passed, N failed, N skipped'.
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


# gcc-12-multilib alone, without the gcc-multilib that cross compilers conflict with, has no asm/.
M32 = ("-m32", "-idirafter", "/usr/include/x86_64-linux-gnu")


# In tests/vm/run's guest: an emulated processor, some twenty times slower.
with open("/proc/cpuinfo") as _f:
    EMULATED = "QEMU" in _f.read()


def preempts():
    """Does this kernel preempt its own code? PREEMPT_DYNAMIC says how it was booted."""
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
    """Kernels may be built, and machines set up, without 32-bit programs; so may compilers."""
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
    """Calls it with each item, some at a time: such calls wait for the kernel more than they compute."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in pool.map(function, items):
            pass


def build_app(name="app", cc="gcc", flags=("-O2",), source=None):
    """The program of app.c (or source) with its header made by the dtrace under test."""
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
    """stdout of `dtrace -q ARGS -c COMMAND -n PROGRAM`; nothing on stderr is accepted."""
    p = dtrace("-q", *args, "-c", command, "-n", program)
    assert p.returncode == 0 and not p.stderr, "status %d: %s\n%s" % (p.returncode, p.stderr, p.stdout)
    return p.stdout


def numbers(text):
    return [int(n) for n in re.findall(r"-?\d+", text)]


def bpf_list(kind):
    """The ids of the programs, maps or links that the kernel holds."""
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    if not os.path.exists(bpftool):
        raise Skip("no bpftool")
    return {int(n) for n in re.findall(r"^(\d+):", must(bpftool, kind, "list"), re.M)}


def bpf_state():
    """How many programs, maps and links the kernel holds: must be as before after a run."""
    return {kind: len(bpf_list(kind)) for kind in ("prog", "map", "link")}


def settled(before, seconds=150 if EMULATED else 30):
    """The kernel frees programs and maps a little later than the last close."""
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
