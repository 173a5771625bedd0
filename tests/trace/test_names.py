#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names of probes: whatever bytes they have, what -l prints of a probe traces it; the provider of a program bears
the process's id."""
import os
import re
import sys

from lib import DTRACE, FOLDER, HERE, main, must, traced

# Others may run these tests too: the provider has a name of its own.
NAME = "nm" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
TOP = os.path.join(HERE, "..", "..")

# C11 and Rust identifiers may have any letters; notes may hold anything.
ODD = ("größe", "ß", "日本", "a$b", "$target", "a*b", "[a]", "a%sb", "a;b", "with blank", "a:b", 'quo"te', "-dash", "plain")


def filled(name):
    return name.encode().ljust(16, b"x")


def odd_program():
    """Fires each of ODD with its number, each from a function of its own."""
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
    """All at once; and each by what -l prints of it."""
    app = odd_program()
    out = traced(NAME + '$target::: { printf("%d\\n", arg0); }', app)
    assert out.split() == [str(i) for i in range(len(ODD))], out
    lines = must(DTRACE, "-l", "-n", NAME + "$target:::", "-c", app).rstrip("\n").split("\n")[1:]
    assert len(lines) == len(ODD), lines
    for line in lines:
        function, name = re.search(r" odd +f(\d+) (.*)$", line).groups()
        out = traced('%s$target:::%s { printf("%%d %%s", arg0, probename); }' % (NAME, name), app)
        assert out == "%s %s" % (function, filled(ODD[int(function)]).decode()), (line, out)


main(sys.modules[__name__])
