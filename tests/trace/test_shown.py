#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names that others chose (files, functions) must not control the terminal or forge a line."""
import os
import re
import subprocess
import sys
import time

from lib import DTRACE, FOLDER, EMULATED, dtrace, main, must, sh

CHECK = os.path.join(os.path.dirname(DTRACE), "usdt-check")
# These tests may run twice at a time: each run has its own provider name.
NAME = "sh" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
PROGRAM = r"""
#include "%(name)s.h"
#include <unistd.h>
__attribute__((noinline)) void under_a_line(int n)
{
	%(upper)s_HIT(n, (void *)under_a_line);
	__asm__ volatile("");
}
int main(int argc, char **argv)
{
	(void)argv;
	do {
		under_a_line(7);
		usleep(argc > 1 ? 10000 : 0);
	} while (argc > 1);
	return 0;
}
"""
FILE = "o\x1b[31md\nroot: größe"
SHOWN_FILE = "o?[31md?root: größe"
FUNCTION, SHOWN_FUNCTION = b"under\x1b\n\xffline", "under???line"
LIMIT = 400 if EMULATED else 60


def built():
    """A program whose file and function have odd names."""
    path = os.path.join(FOLDER, FILE)
    if os.path.exists(path):
        return path
    plain = os.path.join(FOLDER, "plain")
    with open(plain + ".d", "w") as f:
        f.write("provider %s { probe hit(int n, void *function); };" % NAME)
    must(DTRACE, "-h", "-s", plain + ".d", "-o", os.path.join(FOLDER, NAME + ".h"))
    with open(plain + ".c", "w") as f:
        f.write(PROGRAM % {"name": NAME, "upper": NAME.upper()})
    must("gcc", "-O1", "-I", FOLDER, "-o", plain, plain + ".c")
    with open(plain, "rb") as f:
        image = f.read()
    name = b"under_a_line"
    assert image.count(name) and len(FUNCTION) == len(name)
    with open(path, "wb") as f:
        f.write(image.replace(name, FUNCTION))
    os.chmod(path, 0o755)
    return path


def raw(text):
    """Characters that dtrace's lines must not hold."""
    return re.findall("[\0-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]", text)


def run(program, *args):
    """Runs the program by a link, because -c splits its argument at blanks."""
    link = os.path.join(FOLDER, "link")
    if not os.path.exists(link):
        os.symlink(built(), link)
    p = dtrace(*args, "-c", link, "-n", program, timeout=LIMIT, errors="surrogateescape")
    assert not raw(p.stdout + p.stderr), p.stdout + p.stderr
    return p


def test_heads_of_lines():
    for args in ((), ("-F",)):
        p = run("%s$target:::hit { trace(arg0); }" % NAME, *args)
        assert SHOWN_FUNCTION + ":hit" in p.stdout and "root:" not in p.stdout, p.stdout


def test_stacks_and_symbols():
    p = run("%s$target:::hit { ustack(1); ufunc(arg1); usym(arg1); umod(arg1); uaddr(arg1);"
            " @[ustack(1)] = count(); @u[ufunc(arg1)] = count(); @m[umod(arg1)] = count(); }" % NAME, "-q")
    assert not p.stderr, p.stderr
    module = r"o\?\[31md(\?|\\012)root: größe"
    frames = len(re.findall(module + "`" + re.escape(SHOWN_FUNCTION), p.stdout))
    assert frames == 6 and len(re.findall(module, p.stdout)) == 8, p.stdout


def test_run_time_errors():
    p = run("%s$target:::hit { trace(*(int *)copyin(8, 4)); }" % NAME, "-q")
    assert "%s:%s:hit): invalid address" % (SHOWN_FILE, SHOWN_FUNCTION) in p.stderr, p.stderr
    assert all(l.startswith("dtrace: ") for l in p.stderr.splitlines()), p.stderr


def test_traced_strings_are_data():
    """A string that the D program itself prints is not changed, as in DTrace."""
    link = os.path.join(FOLDER, "data")
    os.symlink(built(), link)
    p = dtrace("-q", "-c", link, "-n", '%s$target:::hit { printf("%%s|", probemod); trace(probemod); }' % NAME, timeout=LIMIT)
    assert p.stdout == "%s|%s" % (FILE, FILE), p.stdout


def test_listing_and_warnings():
    path = built()
    with open(path, "rb") as f:
        image = f.read()
    broken = os.path.join(FOLDER, "bad" + FILE)
    note = image.index(b"stapsdt\0")
    with open(broken, "wb") as f:
        f.write(image[:note - 8] + b"\xff\xff\xff\x7f" + image[note - 4:])	# the note's length
    os.chmod(broken, 0o755)
    for program, texts in ((path, ["%s " % SHOWN_FUNCTION]), (broken, ["bad" + SHOWN_FILE])):
        p = subprocess.Popen([program, "on"])
        try:
            time.sleep(0.3)
            out = dtrace("-lv", "-P", "%s%d" % (NAME, p.pid), timeout=LIMIT, errors="surrogateescape")
        finally:
            p.kill()
            p.wait()
        shown = out.stdout + out.stderr
        assert not raw(shown), shown
        for text in texts:
            assert text in shown, shown
        assert not re.search(r"^root:", shown, re.M), shown


def test_usdt_check():
    p = sh(CHECK, "-a", "-e", "%s:::hit arg0==8" % NAME, "--", built(), timeout=LIMIT, errors="surrogateescape")
    assert p.returncode == 1 and not raw(p.stderr), p.stderr
    assert "%s:%s:%s:hit" % (NAME, SHOWN_FILE, SHOWN_FUNCTION) in p.stderr, p.stderr


def test_a_binary_as_a_script():
    p = dtrace("-s", built(), errors="surrogateescape")
    assert p.returncode == 1 and not raw(p.stderr), p.stderr
    assert "?ELF" in p.stderr, p.stderr


main(sys.modules[__name__])
