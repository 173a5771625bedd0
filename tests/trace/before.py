# SPDX-License-Identifier: BSD-2-Clause
"""Proves that a run left nothing behind.

before = Before(); …; before.again() fails unless the state is as before: the kernel's BPF
programs, maps and links, our temporary folder, and our children (orphans become our children). The
kernel never gives an id of a BPF object twice: so each object that the run made must be gone, even
while other programs load and free objects.
"""
import ctypes
import glob
import os
import re
import subprocess
import time

from lib import FOLDER, bpf_list, dtrace

TMP = os.path.join(FOLDER, "tmp")
SUBREAPER = 36
LIMIT = 30

os.makedirs(TMP, exist_ok=True)
os.environ["TMPDIR"] = TMP
ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def bpf_ids():
    return {(kind, n) for kind in ("prog", "map", "link") for n in bpf_list(kind)}


def held_by_processes():
    """BPF objects that processes hold by an fd: other users' objects, as our processes have
    ended."""
    ids = set()
    for path in glob.glob("/proc/[0-9]*/fdinfo/*"):
        try:
            with open(path) as f:
                ids |= {(k, int(n)) for k, n in re.findall(r"^(prog|map|link)_id:\t(\d+)$", f.read(), re.M)}
        except OSError:
            pass
    return ids


def children():
    """Pids of our children, without those that have ended but were not waited for."""
    with open("/proc/self/task/%d/children" % os.getpid()) as f:
        return {int(pid) for pid in f.read().split() if process_state(pid) not in "ZX"}


def process_state(pid):
    try:
        with open("/proc/%s/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


class Running:
    """A process that is killed at the end of the `with`, also after an exception."""
    def __init__(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        self.p = subprocess.Popen(args, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, **kw)

    def __enter__(self):
        return self.p

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
            self.p.communicate(timeout=LIMIT)


def until(what, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


class Before:
    def __init__(self):
        self.bpf, self.files, self.children = bpf_ids(), set(os.listdir(TMP)), children()

    def again(self, seconds=LIMIT):
        new = bpf_ids() - self.bpf
        end = time.time() + seconds
        while new:
            new &= bpf_ids()
            if time.time() > end:
                new -= held_by_processes()
                # an object without an fd (a map in a map) may belong to another tracer
                assert not new or (held_by_processes() and time.time() < end + 4 * LIMIT), ("left behind", new)
            time.sleep(0.05 if new else 0)
        assert set(os.listdir(TMP)) == self.files, (self.files, os.listdir(TMP))
        until(lambda: children() == self.children, 5)
        assert children() == self.children, ("children", self.children, children())


def says(status, message, *args, out=None, **kw):
    """Runs dtrace ARGS: checks status, all of stderr, and that nothing is left. Returns stdout."""
    before = Before()
    kw.setdefault("timeout", LIMIT)
    p = dtrace(*args, **kw)
    assert (p.returncode, p.stderr) == (status, message), (p.returncode, p.stderr, p.stdout[:500])
    assert out is None or p.stdout == out, p.stdout[:1000]
    before.again()
    return p.stdout


def caret(place, what, line, column, length=1):
    """A message with its place, the source line, and the marks under that line."""
    margin = re.sub(r"[^\t]", " ", line[:column - 1])
    return "%s:%d: %s\n%s\n%s^%s\n" % (place, column, what, line, margin, "~" * (length - 1))


def none_matches(text, hint=None, spec="n"):
    """The error of dtrace -n TEXT when its first description matches no probes."""
    pd = re.split(r"[ {/]", text)[0]
    return caret("-%s:1" % spec, "probe description %s does not match any probes" % pd, text, 1,
                 len(pd)) + ("hint: %s\n" % hint if hint else "")
