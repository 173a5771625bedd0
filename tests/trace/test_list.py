#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dtrace -l prints a description that finds the probe again, whatever bytes its name has."""
import collections
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time

from lib import DTRACE, FOLDER, HERE, EMULATED, build_app, dtrace, main, must

TOP = os.path.join(HERE, "..", "..")
# These tests may run twice at a time: each run has its own provider name.
NAME = "ls" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
LIMIT = 400 if EMULATED else 60
WIDTHS = (5, 10, 17, 33)	# ID, PROVIDER, MODULE, FUNCTION; NAME takes the rest

# Names that linkers, other languages and attackers make. A file's name cannot have the /.
ODD = ("with space", "a,b", "a/b", "{}", "{ exit(0)", "a:b", "ns::f", "$1", "$pid", "x*", "?q", "[a-c]", "[!x", "back\\slash",
       "\\", 'quo"te', "it's", "#tag;", "größe", "~+=&^%()<>", "tab\there", "new\nline", "esc\x1b[0m", "-dash", ".dot",
       "f@VER", "`q", "!n", "main.(*T).f", "type:.eq.[3]int", "a|b", "BEGIN", "_ZN2ns1fEv", "operator<<", "f.part.0")
LENGTH = 16	# of a placeholder; a shorter name is filled with x, once behind and once before
FILLED = [fill(name.encode(), LENGTH, b"x") for name in ODD for fill in (bytes.ljust, bytes.rjust)]
OURS = ("io", "tcp", "profile", "syscall", "sdt", "dtrace", "app1")	# not pid1234


def path(name):
    return os.path.join(FOLDER, name)


def parse(line):
    """The five columns of a line, which may be empty. A backslash marks a blank inside a column."""
    parts, at = [], 0
    for width in WIDTHS:
        if not line[at:at + width].strip():
            parts.append("")
            at += width + 1
            continue
        found = re.compile(r" *((?:\\.|[^\\\s])+) ").match(line, at)
        assert found, line
        parts.append(found.group(1))
        at = found.end()
    return parts + [line[at:]]


def listed(*args):
    """{(provider, module, function, name): number of probes}"""
    p = dtrace("-l", *args, timeout=LIMIT, errors="surrogateescape")
    # Warnings about files of others are allowed.
    odd = [l for l in p.stderr.split("\n") if l and (not l.startswith("dtrace: warning: ") or FOLDER in l)]
    assert p.returncode == 0 and not odd, odd[:10]
    lines = p.stdout.split("\n")
    assert parse(lines[0]) == ["ID", "PROVIDER", "MODULE", "FUNCTION", "NAME"] and lines[-1] == "", lines[0]
    return collections.Counter(tuple(parse(line)[1:]) for line in lines[1:-1])


def script(text):
    with open(path("names.d"), "w", errors="surrogateescape") as f:
        f.write(text)
    return "-s", path("names.d")


def described(k, found):
    """Number of the probes found that a description matches; an empty part matches all."""
    return sum(n for other, n in found.items() if all(a in ("", b) for a, b in zip(k, other)))


def works(chosen, found):
    """The descriptions of the chosen probes, used together: -l lists the same probes again.
    Enabled, each matches some probe, and their sum is right: so each matches no other probe."""
    names = [":".join(k) for k in chosen]
    again = listed(*script("".join(n + " { }\n" for n in names)))
    assert set(again) >= set(chosen) and all(found[k] == again[k] for k in again), sorted(set(again) ^ set(chosen))[:10]
    p = dtrace(*script(",\n".join(names) + " { }\nBEGIN { exit(0); }\n"), timeout=LIMIT, errors="surrogateescape")
    n = 1 + sum(described(k, found) for k in chosen)
    assert p.returncode == 0 and "matched %d probes\n" % n in p.stderr, (n, p.stderr[:1000])


@contextlib.contextmanager
def running(*args):
    p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline()
        yield p
    finally:
        p.kill()
        p.communicate()


def mapper():
    out = path("maps")
    if not os.path.exists(out):
        must("gcc", "-O1", "-o", out, os.path.join(HERE, "maps.c"))
    return out


def odd_file():
    """A file of probes with each odd name as provider, function and probe name. The odd names
    replace placeholders of the same length."""
    places = [(kind, i) for kind in "pfn" for i in range(len(FILLED))]
    functions = {"p": "void okp%d(void) { USDT_PROBE(p%015d, NAME); }", "n": "void okn%d(void) { USDT_PROBE(NAME, n%015d); }"}
    text = ["#include <usdt/sdt.h>"]
    for kind, i in places:
        text.append("void f%015d(void) { USDT_PROBE(NAME, ok); }" % i if kind == "f" else functions[kind] % (i, i))
    for provider in OURS:
        text.append("void %s_(void) { USDT_PROBE(%s, %s); }" % (provider, provider, NAME))
    with open(path("odd.c"), "w") as f:
        f.write("\n".join(text).replace("NAME", NAME) + "\n")
    must("gcc", "-O1", "-shared", "-fPIC", "-I", os.path.join(TOP, "include"), "-o", path("odd.so"), path("odd.c"))
    with open(path("odd.so"), "rb") as f:
        data = f.read()
    for kind, i in places:
        old = b"%c%015d\0" % (ord(kind), i)
        assert old in data
        data = data.replace(old, FILLED[i] + b"\0")
    return data


def host_folder():
    folder = path("host")
    os.mkdir(folder)
    for top in ("/usr/lib/x86_64-linux-gnu", "/usr/bin"):
        for name in os.listdir(top):
            if os.path.isfile(os.path.join(top, name)) and not os.path.exists(os.path.join(folder, name)):
                os.symlink(os.path.join(top, name), os.path.join(folder, name))
    return folder


def odd_folder():
    app, folder = build_app(), path("odd")
    os.mkdir(folder)
    with open(os.path.join(folder, "odd.so"), "wb") as f:
        f.write(odd_file())
    for name in ODD:
        if "/" not in name:
            shutil.copy(app, os.path.join(folder, NAME + name))
    return folder


def test_probes_of_the_kernel():
    """The descriptions of all probes are listed, and some are enabled."""
    found = listed("-P", "dtrace", "-P", "profile", "-P", "syscall", "-P", "sdt")
    assert len(found) > 100 and set(found.values()) == {1}, len(found)
    again = listed(*script("".join(":".join(k) + " { }\n" for k in found)))
    assert again == found, sorted(set(again) ^ set(found))[:10]
    works(list(found)[::23], found)
    for k in list(found)[::97]:
        assert listed("-n", ":".join(k)) == {k: 1}, k


def test_probes_of_all_that_is_mapped():
    """Every library and program of this host, and files with odd names. Takes less than a second
    when files are cached (not asserted)."""
    host, odd = host_folder(), odd_folder()
    files = set(os.listdir(host))
    with running(mapper(), host, odd) as p:
        took = []
        for _ in range(4):
            start = time.monotonic()
            found = listed()
            took.append(time.monotonic() - start)
        ours = {k: n for k, n in found.items() if any(NAME in part for part in k)}
        # odd.so has a probe for each function; each copy of the app has two probes.
        assert sum(ours.values()) == 3 * len(FILLED) + len(OURS) + 2 * (len(os.listdir(odd)) - 1), ours
        # Only probes of our files: other processes come and go.
        works([k for k in found if k in ours or k[1] in files and k[0].endswith(str(p.pid))], found)
        for k in list(ours)[::13]:
            assert listed("-n", ":".join(k)) == {k: 1}, k
    print("%d files, %d probes: first %.2f s, then %.2f s" % (len(files), sum(found.values()), took[0], min(took)))


main(sys.modules[__name__])
