#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names of probes with any bytes: the text that -l prints for a probe traces the probe. The name of
a program's provider ends with the process id."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

from lib import DTRACE, FOLDER, HERE, dtrace, main, must, traced

# These tests may run twice at a time: each run has its own provider name.
NAME = "nm" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
TOP = os.path.join(HERE, "..", "..")

# C11 and Rust identifiers may have any letters; notes may hold any bytes.
ODD = ("größe", "ß", "日本", "a$b", "$target", "a*b", "[a]", "a%sb", "a;b", "with blank", "a:b", 'quo"te', "-dash", "plain")


def filled(name):
    return name.encode().ljust(16, b"x")


def odd_program():
    """A program that fires each probe of ODD with its number, from a function of its own."""
    numbers = range(len(ODD))
    text = ["#include <usdt/sdt.h>"]
    text += ["static __attribute__((noinline)) void f%d(void) { USDT_PROBE1(%s, n%015d, %d); }" % (i, NAME, i, i)
             for i in numbers]
    text.append("int main(void) { %s return 0; }" % " ".join("f%d();" % i for i in numbers))
    source, out = os.path.join(FOLDER, "odd.c"), os.path.join(FOLDER, "odd")
    with open(source, "w") as f:
        f.write("\n".join(text))
    must("gcc", "-O1", "-I", os.path.join(TOP, "include"), "-o", out, source)
    with open(out, "rb") as f:
        data = f.read()
    for i, name in enumerate(ODD):
        old = b"n%015d\0" % i
        assert old in data
        data = data.replace(old, filled(name) + b"\0")
    with open(out, "wb") as f:
        f.write(data)
    return out


def test_a_probe_of_any_name_is_traced():
    """All probes at once; and each by the name that -l prints."""
    app = odd_program()
    out = traced(NAME + '$target::: { printf("%d\\n", arg0); }', app)
    assert out.split() == [str(i) for i in range(len(ODD))], out
    lines = must(DTRACE, "-l", "-n", NAME + "$target:::", "-c", app).rstrip("\n").split("\n")[1:]
    assert len(lines) == len(ODD), lines
    for line in lines:
        function, name = re.search(r" odd +f(\d+) (.*)$", line).groups()
        out = traced('%s$target:::%s { printf("%%d %%s", arg0, probename); }' % (NAME, name), app)
        assert out == "%s %s" % (function, filled(ODD[int(function)]).decode()), (line, out)


LOOP = """
#include <usdt/sdt.h>
#include <unistd.h>
int main(void) { for (;;) { USDT_PROBE1(NAME, beat__on, 1); usleep(1000); } }
"""


@contextlib.contextmanager
def loops(n):
    """n processes that fire until the end of the `with`; their ids."""
    source, out = os.path.join(FOLDER, "loop.c"), os.path.join(FOLDER, "loop")
    if not os.path.exists(out):
        with open(source, "w") as f:
            f.write(LOOP.replace("NAME", NAME))
        must("gcc", "-O1", "-I", os.path.join(TOP, "include"), "-o", out, source)
    started = [subprocess.Popen([out], stdin=subprocess.DEVNULL) for _ in range(n)]
    try:
        yield [p.pid for p in started]
    finally:
        for p in started:
            p.kill()
            p.wait()


def rows(*args):
    """(id, provider) of each of our probes that -l prints."""
    out = must(DTRACE, "-l", *args)
    return re.findall(r"^ *(\d+) +(%s\d*) +loop +main beat-on$" % NAME, out, re.M)


def providers_seen(description):
    out = must(DTRACE, "-qn", description + ' { @[probeprov] = count(); } tick-300ms { exit(0); }')
    return {name for name, n in re.findall(r"^ +(\S+) +(\d+)$", out, re.M)}


def test_a_programs_provider_bears_the_id_of_its_process():
    with loops(2) as pids:
        ours = {"%s%d" % (NAME, p) for p in pids}
        first = str(pids[0])
        for pattern, named in (("*", ours), ("[0-9]*", ours), ("?*", ours), ("*[0-9]", ours), ("*[!x]", ours), (first, {NAME + first}),
                               ("*" + first[1:], {NAME + first}), (first + "*", {NAME + first}),
                               ("?" * len(first), {p for p in ours if len(p) == len(NAME + first)})):
            assert {p for _, p in rows("-n", NAME + pattern + ":::")} == named, pattern
            assert providers_seen(NAME + pattern + ":::beat-on") == named, pattern
        assert providers_seen('%s*:::beat-on /probeprov == "%s%s"/' % (NAME, NAME, first)) == {NAME + first}


def test_a_name_without_the_process_is_no_providers():
    with loops(1):
        p = dtrace("-n", NAME + ":::beat-on { }")
        assert p.returncode == 1 and "does not match any probes" in p.stderr and \
            "hint: providers of programs are named with the process's id: %s* are" % NAME in p.stderr, p.stderr
        p = dtrace("-n", NAME + "*:::beat__on { }")
        assert p.returncode == 1 and p.stderr.endswith(
            "hint: two underscores of a declaration are a hyphen in the probe's name: beat-on\n"), p.stderr


def test_a_process_that_a_pattern_names_comes_later():
    """Its file is mapped already by a process that the pattern does not name."""
    with loops(1) as before:
        last = str(before[0])[-1]
        d = subprocess.Popen([DTRACE, "-qZn", 'BEGIN { printf("ready\\n"); } %s*[!%s]:::beat-on { @[probeprov] = count(); }'
                              % (NAME, last)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert d.stdout.readline() == "ready\n"
            with loops(4) as pids:
                time.sleep(1)
                d.send_signal(signal.SIGINT)
                out, err = d.communicate(timeout=60)
        finally:
            d.kill()
        seen = set(re.findall(r"^ +(\S+) +\d+$", out, re.M))
        assert seen == {"%s%d" % (NAME, p) for p in pids if str(p)[-1] != last} and not err, (seen, pids, last, err)


def test_an_id_names_the_same_probe_in_every_list():
    with loops(2) as pids:
        whole = rows()
        assert len(whole) == 2 and {p for _, p in whole} == {"%s%d" % (NAME, p) for p in pids}, whole
        with loops(3):	# other processes start and end meanwhile
            for number, provider in whole:
                assert (number, provider) in rows("-n", NAME + "*:::beat-on") + rows("-f", "main")
                assert rows("-i", number) == [(number, provider)]
                out = must(DTRACE, "-qi", number + " { @[probeprov, id] = count(); }", "-n", "tick-300ms { exit(0); }")
                assert re.findall(r"(\S+) +(\d+) +\d+$", out, re.M) == [(provider, number)], out
    p = dtrace("-i", whole[0][0])	# a process that has ended
    assert p.returncode == 1 and "does not match any probes" in p.stderr, p.stderr


main(sys.modules[__name__])
