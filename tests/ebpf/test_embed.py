#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py refuses BPF C that the linker could not resolve; BPF C includes no kernel headers."""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
CLANG = os.environ.get("BPF_CLANG") or "clang"
FLAGS = ["-target", "bpf", "-mcpu=v3", "-O2", "-fno-inline", "-I", TOP]
HEADER = "int64_t rt_f(uint64_t n);\n"


def embed(source, header=HEADER, objects=("one",)):
    """The exit status, messages and table of embed.py for this BPF C."""
    with tempfile.TemporaryDirectory() as d:
        files = [os.path.join(d, "made.h")]
        with open(files[0], "w") as f:
            f.write(header)
        for name in objects:
            path = os.path.join(d, name)
            with open(path + ".c", "w") as f:
                f.write('#include "ebpf/bpf.h"\n#include "%s"\n%s' % (files[0], source))
            subprocess.run([CLANG] + FLAGS + ["-c", path + ".c", "-o", path + ".o"], check=True)
            files.append(path + ".o")
        out = os.path.join(d, "table.c")
        p = subprocess.run([sys.executable, os.path.join(TOP, "ebpf/embed.py"), out] + files,
                           capture_output=True, text=True)
        table = ""
        if os.path.exists(out):
            with open(out) as f:
                table = f.read()
        return p.returncode, p.stderr.replace(d + "/", ""), table


def refused(why, *args, **kwargs):
    status, words, table = embed(*args, **kwargs)
    assert status == 1 and re.search(why, words) and not table, (why, status, words)


def test_what_it_takes():
    status, words, table = embed("""
        static long back(uint64_t i, void *p) { (void)i; (void)p; return 0; }
        HELPER(long, loop, 181, uint32_t n, void *fn, void *arg, uint64_t flags);
        int64_t rt_f(uint64_t n) { return loop(n, back, 0, 0) + NUMBER(some) + FIELD(a.b.c) + (long)MAP(m) + (long)VALUE(v); }
        """)
    assert status == 0 and not words, words
    for row in ('EBPF_CALLBACK, "back"', 'EBPF_NUMBER, "some"', 'EBPF_NUMBER, "a.b.c"', 'EBPF_MAP, "m"',
                'EBPF_VALUE, "v"', '{ "rt_f", "n", false,', '{ "back", "", true,'):
        assert row in table, (row, table)


def test_parameters_by_their_types():
    """A prototype may take several lines."""
    table = embed("int64_t rt_f(struct c *c, struct rt_fire *f, struct rt_scratch *s, uint64_t n) {"
                  " return (long)c + (long)f + (long)s + n; }",
                  "struct c; struct rt_scratch;\nint64_t rt_f(struct c *c, struct rt_fire *f,\n"
                  "\t     struct rt_scratch *s, uint64_t n);\n")[2]
    assert '{ "rt_f", "cfsn", false,' in table, table


def test_what_it_refuses():
    for what, source in (("g", "long g; int64_t rt_f(uint64_t n) { return g += n; }"),
                         ("data|\\S*str\\S*", 'HELPER(long, print, 6, const char *, uint32_t);'
                          'int64_t rt_f(uint64_t n) { return print("text with a length", n); }'),
                         ("other", "int64_t rt_f(uint64_t n) { return n + NAMED(other); }")):
        refused(r"^embed\.py: \S*one\.o: rt_f refers to (%s), which is no function, NUMBER, " % what, source)
    refused("two functions are called rt_f", "int64_t rt_f(uint64_t n) { return n; }", objects=("one", "two"))
    refused("rt_f is only in a header", "int64_t rt_g(uint64_t n) { return n; }", HEADER + "int64_t rt_g(uint64_t n);\n")
    refused("rt_g is only in an object", "int64_t rt_g(uint64_t n); int64_t rt_g(uint64_t n) { return n; }"
            "int64_t rt_f(uint64_t n) { return n; }")


def test_no_header_of_a_kernel():
    """The built code is the same on every machine: member offsets come from the running kernel."""
    for name in sorted(os.listdir(os.path.join(TOP, "ebpf"))):
        path = os.path.join(TOP, "ebpf", name)
        with open(path) as f:
            if not name.endswith(".c") or '"ebpf/bpf.h"' not in f.read():
                continue
        p = subprocess.run([CLANG] + FLAGS + ["-M", path], capture_output=True, text=True, check=True)
        foreign = [f for f in re.split(r"[\s\\]+", p.stdout)[1:] if f and "/ebpf/" not in f]
        assert not foreign, (name, foreign)


def main():
    bad = 0
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith("test_")]
    for name, test in tests:
        try:
            test()
            print("passed " + name)
        except AssertionError as e:
            bad += 1
            print("failed %s: %s" % (name, e))
    print("%d passed, %d failed, 0 skipped" % (len(tests) - bad, bad))
    return bad != 0


sys.exit(main())
