#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dtrace -lv and -v print the stability and types that provider.d declares."""
import os
import re
import subprocess
import sys

from lib import DTRACE, FOLDER, dtrace, main, must

PROVIDER = """
#pragma D attributes Evolving/Evolving/Common provider %s provider
#pragma D attributes Private/Private/Unknown provider %s module
#pragma D attributes Obsolete/External/CPU provider %s function
#pragma D attributes Stable/Evolving/Group provider %s name
#pragma D attributes Standard/Stable/Platform provider %s args
provider %s {
	probe query__receive(int id, char *text, struct query *q);
	probe mapped(int a, char *b) : (string b);
};
"""

PROGRAM = """
#include "NAME.h"
#include <stdio.h>
static inline __attribute__((always_inline)) void receive(int i)
{
	UP_QUERY_RECEIVE(i, "q", 0);
}
int main(void)
{
	receive(6);
	receive(7);
	receive(8);
	UP_MAPPED(1, "b");
	puts("up");
	fflush(stdout);
	getchar();
	return 0;
}
"""


def build(name, pragmas):
    provider = PROVIDER.replace("%s", name)
    if not pragmas:
        provider = "\n".join(l for l in provider.split("\n") if not l.startswith("#"))
    base = os.path.join(FOLDER, name)
    with open(base + ".d", "w") as f:
        f.write("struct query;\n" + provider)
    with open(base + ".src.c", "w") as f:
        f.write("struct query;\n" + PROGRAM.replace("NAME", name).replace("UP", name.upper()))
    must(DTRACE, "-h", "-s", base + ".d", "-o", base + ".h")
    must("gcc", "-O1", "-I", FOLDER, "-o", base, base + ".src.c")
    return base


class Running:
    """The program, which runs until the end of the `with`; __enter__ returns its pid."""
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.p = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.p.stdout.readline() == "up\n"
        return self.p.pid

    def __exit__(self, *_):
        self.p.communicate("\n", timeout=20)


def attributes(title, name, data, cls):
    return ("\n\t%s\n\t\tIdentifier Names: %s\n\t\tData Semantics:   %s\n\t\tDependency Class: %s\n"
            % (title, name, data, cls))


def described(out, probe):
    """The text of -lv below the line of a probe."""
    m = re.search(r"^ *\d+ .* %s *\n(.*?)(?=^ *\d+ |\Z)" % probe, out, re.M | re.S)
    assert m, out
    return m.group(1)


def test_lv_prints_attributes_types_and_sites():
    with Running(build("withattrs", True)) as pid:
        out = must(DTRACE, "-lv", "-P", "withattrs%d" % pid)
    want = (attributes("Probe Description Attributes", "Private", "Private", "Unknown") +
            attributes("Argument Attributes", "Standard", "Stable", "Platform") + "\n\tArgument Types\n")
    got = described(out, "query-receive")
    assert got == (want + "\t\targs[0]: int\n\t\targs[1]: char *\n\t\targs[2]: struct query *\n"
                   "\n\tProbe Sites\n\t\tNumber of Sites:  3\n\n"), got
    got = described(out, "mapped")
    assert got == want + "\t\targs[0]: string\n\n\tProbe Sites\n\t\tNumber of Sites:  1\n\n", got


def test_without_pragmas_all_is_private():
    with Running(build("noattrs", False)) as pid:
        out = must(DTRACE, "-lv", "-n", "noattrs%d:::mapped" % pid)
    assert described(out, "mapped").startswith(
        attributes("Probe Description Attributes", "Private", "Private", "Unknown") +
        attributes("Argument Attributes", "Private", "Private", "Unknown")), out


def test_a_program_is_as_stable_as_the_providers_parts_that_it_names():
    with Running(build("withattrs", True)) as pid:
        out = must(DTRACE, "-ev", "-n", "withattrs%d:::query-receive { trace(args[0]); }" % pid)
        assert attributes("Minimum Probe Description Attributes", "Evolving", "Evolving", "Group") in out, out
        assert attributes("Minimum Statement Attributes", "Stable", "Stable", "Platform") in out, out
        assert "\t\targs[2]: struct query *\n" in out, out
        out = must(DTRACE, "-ev", "-n", "withattrs%d::main:query-receive { trace(probename); }" % pid)
        assert attributes("Minimum Probe Description Attributes", "Obsolete", "External", "CPU") in out, out
        assert attributes("Minimum Statement Attributes", "Stable", "Evolving", "Group") in out, out
        p = dtrace("-e", "-x", "amin=Evolving/Evolving/Common", "-n",
                   "withattrs%d:::query-receive { trace(args[0]); }" % pid)
        assert p.returncode == 1 and "query-receive (Evolving/Evolving/Group)" in p.stderr, p.stderr


def test_pid_probes():
    with Running(build("noattrs", False)) as pid:
        out = must(DTRACE, "-ev", "-n", "pid%d::main:entry" % pid)
    assert attributes("Minimum Probe Description Attributes", "Private", "Private", "Unknown") in out, out


main(sys.modules[__name__])
