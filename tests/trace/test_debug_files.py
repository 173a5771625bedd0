#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Functions named only by a debug file: pid probes, probefunc, stacks and symbols agree."""
import os
import re
import shutil
import sys

from lib import DTRACE, FOLDER, build_app, main, must, sh, traced

PROGRAM = """
#include "app.h"
#include <unistd.h>
static volatile long sink;
static __attribute__((noinline)) long inner(long n)
{
	APP_HIT(n, "x");
	return n + sink + getppid();
}
static __attribute__((noinline)) long outer(long n)
{
	return inner(n) * 3 + sink;
}
int main(void)
{
	for (volatile int i = 0; i < 3; i++)
		sink = outer(i);
	return 0;
}
"""


def whole(name, *flags):
    """A program with its symbols. Another name or other flags make another program."""
    build_app()
    out = os.path.join(FOLDER, name)
    with open(out + ".c", "w") as f:
        f.write(PROGRAM)
    must("gcc", "-g", "-O1", "-fno-omit-frame-pointer", "-I", FOLDER, "-o", out, out + ".c", *flags)
    return out


def seen(prog):
    """The function names that probefunc, stacks, symbols and pid probes find in the program."""
    app = os.path.basename(prog)
    out = traced("app$target:::hit { @f[probefunc] = count(); @s[ustack(2)] = count(); @u[usym(ucaller)] = count(); }"
                 ' END { printa("func %s %@d\\n", @f); printa("stack %k %@d\\n", @s); printa("sym %A %@d\\n", @u); }',
                 prog)
    entry = sh(DTRACE, "-qc", prog, "-n", "pid$target:a.out:inner:entry { @ = count(); }")
    return {
        "func": re.search(r"func (\w*) ", out).group(1) if re.search(r"func (\w+) ", out) else "",
        "stack": re.findall(r"%s`(\w+)" % re.escape(app), out.split("stack", 1)[1].split("sym", 1)[0]),
        "sym": re.findall(r"sym %s`(\w+) " % re.escape(app), out),
        "entry": (entry.returncode, entry.stdout.split()),
    }


ALL = {"func": "inner", "stack": ["inner", "outer"], "sym": ["outer"], "entry": (0, ["3"])}


def nothing(found):
    return not found["func"] and found["entry"][0] == 1 and not {"inner", "outer"} & set(found["stack"] + found["sym"])


def test_by_build_id():
    prog = whole("by-id", "-Wl,--build-id=sha1")
    build_id = re.search(r"Build ID: (\w+)", must("readelf", "-n", prog)).group(1)
    folder = "/usr/lib/debug/.build-id/" + build_id[:2]
    path, fresh = "%s/%s.debug" % (folder, build_id[2:]), not os.path.exists(folder)
    assert seen(prog) == ALL, seen(prog)
    os.makedirs(folder, exist_ok=True)
    try:
        must("objcopy", "--only-keep-debug", prog, path)
        must("strip", "-s", prog)
        assert seen(prog) == ALL, seen(prog)
    finally:
        os.unlink(path)
        if fresh:
            os.rmdir(folder)
    assert nothing(seen(prog)), seen(prog)


def linked(name, *flags):
    """A stripped program with a debug link, and its debug file in the same folder."""
    prog = whole(name, "-Wl,--build-id=none", *flags)
    debug = prog + ".debug"
    must("objcopy", "--only-keep-debug", prog, debug)
    must("strip", "-s", prog)
    must("objcopy", "--add-gnu-debuglink=" + debug, prog)
    return prog, debug


def test_by_debug_link():
    prog, debug = linked("by-link")
    beside, below = os.path.join(FOLDER, ".debug"), "/usr/lib/debug" + FOLDER
    for folder in (FOLDER, beside, below):
        os.makedirs(folder, exist_ok=True)
        try:
            path = shutil.move(debug, os.path.join(folder, "at")) if folder == FOLDER else debug
            os.rename(path, os.path.join(folder, os.path.basename(prog) + ".debug"))
            debug = os.path.join(folder, os.path.basename(prog) + ".debug")
            assert seen(prog) == ALL, (folder, seen(prog))
        finally:
            debug = shutil.move(debug, os.path.join(FOLDER, "kept"))
    shutil.rmtree(below)
    assert nothing(seen(prog)), seen(prog)


def test_a_debug_file_of_another_build_does_not_count():
    prog, debug = linked("another")
    with open(debug, "r+b") as f:
        f.seek(-1, os.SEEK_END)
        last = f.read(1)[0]
        f.seek(-1, os.SEEK_END)
        f.write(bytes([last ^ 1]))
    assert nothing(seen(prog)), seen(prog)


def test_what_a_link_may_name():
    """A debug link that names a FIFO or a folder gives nothing, and holds nobody."""
    prog, debug = linked("names")
    os.unlink(debug)
    for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir)):
        make(debug)
        assert nothing(seen(prog)), seen(prog)
        remove(debug)


main(sys.modules[__name__])
