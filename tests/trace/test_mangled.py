#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Truncated files, and files with mangled notes and headers, started or mapped by a process.

For each file dtrace ends in time, with the right status and messages, and leaves nothing behind.
The probes of a sound file beside the mangled files are found.
"""
import os
import re
import struct
import sys

from before import Before, Running, none_matches, says
from lib import DTRACE, FOLDER, HERE, M32, Skip, build_app, dtrace, each, main, must, need_32, sh

COUNT = "app$target:::hit { @ = count(); }"
LIMIT = 60
WORDS = (0, 1, 0xffffffff)
NONE = re.escape(none_matches(COUNT))
DAMAGED = r"dtrace: warning: \S+: \d+ damaged probe notes? left out\n"
LOST = r"dtrace: warning: \S+: [\w ]+: probes may be missing\n"
REFUSED = (r"(dtrace: warning: the kernel refuses a probe at offset 0x[0-9a-f]+ of \S+: "
           r"(Invalid argument|Input/output error|Instruction cannot be probed)\n"
           r"(hint: another tracer may hold the site without its semaphore\n)?)+")


def image(bits=64):
    if bits == 64:
        path = build_app()
    else:
        need_32()
        path = build_app("app32", flags=("-O2",) + tuple(M32))
    with open(path, "rb") as f:
        return f.read()


def put(folder, name, data):
    os.makedirs(os.path.join(FOLDER, folder), exist_ok=True)
    path = os.path.join(FOLDER, folder, name)
    if os.path.exists(path):
        os.unlink(path)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    return path


def changed(data, at, value, size=4):
    return data[:at] + (value % (1 << 8 * size)).to_bytes(size, "little") + data[at + size:]


# ---- Started ----------------------------------------------------------------

def started(path, allowed, status=(0, 1)):
    p = dtrace("-q", "-c", path + " -n 1", "-n", COUNT, timeout=LIMIT)
    others = r"dtrace: warning: .*/started/(?!%s:).*\n(hint: .*\n)?" % os.path.basename(path)
    err = re.sub(others, "", p.stderr)	# of other files, which run at the same time
    what = path, p.returncode, p.stderr
    assert p.returncode in status and bool(re.search(NONE, err)) == (p.returncode == 1), what
    assert re.fullmatch(allowed, err), what


def test_truncated_program():
    for bits in (64, 32):
        path = put("started", "truncated", image(bits)[:3000])
        says(1, "dtrace: failed to execute %s: Exec format error\n" % path, "-c", path, "-n", COUNT)


def mangle_notes(bits):
    """Changes a word of a note at a time: sizes and type, owner, addresses, strings."""
    data, word = image(bits), bits // 8
    start = data.find(b"stapsdt\0")
    assert start > 0
    parts = (
        ((-12, -8), DAMAGED + NONE),			# sizes: later notes cannot be found
        ((-4, 0, 4), DAMAGED),	# type and owner: no longer a probe note
        (range(8, 8 + 2 * word, 4), "(%s)?(%s)?" % (DAMAGED, REFUSED)),	# site, base
        (range(8 + 2 * word, 8 + 3 * word, 4), "(%s|%s)?" % (DAMAGED, LOST)),	# semaphore
        (range(8 + 3 * word, 8 + 3 * word + 24, 4), "(%s)?" % DAMAGED))	# provider, name, arguments
    before = Before()
    # All files are written first: a process forked meanwhile would hold an open file, which then
    # cannot be started (ETXTBSY).
    each(lambda job: started(*job),
         [(put("started", "note%d_%x" % (at, value), changed(data, start + at, value)), allowed)
          for offsets, allowed in parts for at in offsets for value in WORDS])
    before.again()


def test_mangled_notes():
    mangle_notes(64)


def test_mangled_notes_of_a_32_bit_program():
    mangle_notes(32)


# ---- Mapped -----------------------------------------------------------------

def fields(data):
    """Offset and size of each field of the ELF header, program headers and section headers."""
    wide = data[4] == 2
    w = 8 if wide else 4
    at = 16
    for size in (2, 2, 4, w, w, w, 4, 2, 2, 2, 2, 2, 2):
        yield at, size
        at += size
    phoff, shoff = struct.unpack_from("<QQ" if wide else "<II", data, 32 if wide else 28)
    phnum, _, shnum, _ = struct.unpack_from("<HHHH", data, 56 if wide else 44)
    ph = (4, 4, 8, 8, 8, 8, 8, 8) if wide else (4,) * 8
    sh = (4, 4, 8, 8, 8, 8, 4, 4, 8, 8) if wide else (4,) * 10
    for off, n, sizes in ((phoff, phnum, ph), (shoff, shnum, sh)):
        for i in range(n):
            at = off + i * sum(sizes)
            for size in sizes:
                yield at, size
                at += size


def mangled_folder(bits):
    """A folder of some hundred files, each with a wrong field, and a sound file."""
    name = "mapped%d" % bits
    if os.path.exists(os.path.join(FOLDER, name, "sound")):
        return os.path.join(FOLDER, name)
    data = image(bits)
    for at, size in fields(data):
        for value in (0, -1, len(data) - 1):
            put(name, "f%d_%x" % (at, value & 0xffffffff), changed(data, at, value, size))
    for cut in (1, 4, 15, 16, 51, 52, 63, 64, 100, 500, 1000, 4096, len(data) // 2, len(data) - 1):
        put(name, "cut%d" % cut, data[:cut])
    for i in range(16):
        put(name, "ident%d" % i, changed(data, i, 0xff, 1))
    put(name, "sound", data)
    return os.path.join(FOLDER, name)


class Maps(Running):
    def __init__(self, *folders, before=()):
        path = os.path.join(FOLDER, "maps")
        if not os.path.exists(path):
            must("gcc", "-O1", "-o", path, os.path.join(HERE, "maps.c"))
        super().__init__(path, *before, *folders)
        self.n = 0 if before else int(self.p.stdout.readline())


# Any file may be named: other programs with a provider app may run on this machine.
WARNINGS = "(%s|%s|%s|%s)*" % (DAMAGED, LOST, REFUSED, r"dtrace: warning: cannot read the probes of \S+: [\w ]+\n")


def mapped(bits):
    folder = mangled_folder(bits)
    with Maps(folder) as m:
        pid = str(m.pid)
        before = Before()

        def warned(*what):
            p = dtrace(*what, timeout=LIMIT, errors="replace")
            assert p.returncode == 0 and re.fullmatch(WARNINGS, p.stderr), (what, p.returncode, p.stderr[:2000])
            return p.stdout

        def listed(what):
            out = warned(*what)
            assert re.search(r" app\d* +sound +main start-work", out), (what, out[:500])
            assert re.search(r" app\d* +sound +work hit", out), (what, out[:500])

        each(listed, (("-l", "-P", "app" + pid), ("-l", "-m", "app*:sound"), ("-lv", "-P", "app" + pid),
                      ("-l", "-p", pid, "-n", "app$target:::hit,app$target:::start-work")))
        each(lambda what: warned("-q", *what, "-n", "BEGIN { exit(0); }"),
             (("-n", "app%s:::hit { }" % pid), ("-p", pid, "-n", "app$target:::hit { }"),
              ("-n", "app*:[fisc]*::hit { }"), ("-n", "app*:[fisc]*::hit { @[ustack()] = count(); }"),
              ("-p", pid, "-n", "pid$target:sound:work:entry { }"), ("-p", pid, "-n", "pid$target::main:entry { }")))
        assert m.poll() is None
        before.again()


def test_mangled_files_of_a_process():
    mapped(64)


def test_mangled_32_bit_files_of_a_process():
    mapped(32)


def test_mangled_files_that_appear_while_tracing():
    folder, go = mangled_folder(64), os.path.join(FOLDER, "go")
    before = Before()
    with Maps(folder, before=("-w", go)) as m:
        with Running(DTRACE, "-qZ", "-n", 'BEGIN { printf("ready\\n"); } app%d:::hit,pid%d::work:entry { }'
                     ' app*:[fisc]*::hit { } END { printf("end\\n"); }' % (m.pid, m.pid)) as d:
            assert d.stdout.readline() == "ready\n"
            open(go, "w").close()
            assert int(m.stdout.readline()) > 500
            p = dtrace("-qn", "tick-500ms { exit(0); }")	# long enough to read the files
            assert p.returncode == 0 and d.poll() is None
            d.terminate()
            out, err = d.communicate(timeout=LIMIT)
            odd = re.sub(WARNINGS, "", err)	# lines other than WARNINGS
            assert (d.returncode, out, odd) == (0, "\nend\n", ""), (d.returncode, out, odd[:2000])
    os.unlink(go)
    before.again()


main(sys.modules[__name__])
