#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""SystemTap reads our probes: their names, sites, semaphores and arguments.

Only stap's front half runs, up to the C text of its module. That needs no kernel headers: a build
folder with three small files satisfies stap.
"""
import os
import re
import shutil
import subprocess
import sys

from lib import DTRACE, FOLDER, HERE, M32, Skip, build_app, main, must, sh

TOP = os.path.join(HERE, "..", "..")
# DWARF's numbers of registers, which SystemTap uses.
NUMBERS = {name: n for n, names in enumerate((
    "rax eax ax al", "rdx edx dx dl", "rcx ecx cx cl", "rbx ebx bx bl", "rsi esi si sil", "rdi edi di dil",
    "rbp ebp bp bpl", "rsp esp sp spl", *("r%d r%dd r%dw r%db" % (n, n, n, n) for n in range(8, 16))))
    for name in names.split()}
# On x86-64 our site is a 1-byte nop and a 10-byte nop.
NOPS = bytes.fromhex("90662e0f1f840000000000")


def path(*names):
    return os.path.join(FOLDER, *names)


def kernel():
    folder = path("kernel")
    if not os.path.exists(folder):
        os.makedirs(path("kernel", "include", "config"))
        for name, text in ((".config", "CONFIG_TRACEPOINTS=y\nCONFIG_ARCH_SUPPORTS_UPROBES=y\nCONFIG_UPROBES=y\n"),
                           ("Module.symvers", ""), ("include/config/kernel.release", os.uname().release + "\n")):
            with open(path("kernel", name), "w") as f:
                f.write(text)
    return folder


def stap(*args):
    if not shutil.which("stap"):
        raise Skip("no stap (systemtap)")
    p = sh("stap", "-r", kernel(), *args, env=dict(os.environ, SYSTEMTAP_DIR=path("systemtap")))
    assert p.returncode == 0, p.stdout + p.stderr
    return p.stdout


def listed(file):
    """{mark: number of arguments that SystemTap sees}"""
    marks = re.findall(r'^process\(".*?"\)\.mark\("(\w+)"\)(.*)$', stap("-L", 'process("%s").mark("*")' % file), re.M)
    return {name: len(re.findall(r"\$arg\d+:long", args)) for name, args in marks}


def args_app(name, cc, *flags):
    header = path("args.h")
    if not os.path.exists(header):
        must(DTRACE, "-h", "-s", os.path.join(HERE, "args.d"), "-o", header)
    language = "c++" if cc.endswith("++") else "c"
    must(cc, *flags, "-I", FOLDER, "-x", language, os.path.join(HERE, "args.c"), "-o", path(name))
    return path(name)


def notes(file, mark):
    """The argument texts of the sites of a mark, in the order of the file."""
    return re.findall(r"Name: %s\n.*\n +Arguments: (.*?) *$" % mark, must("readelf", "-nW", file), re.M)


def test_marks_are_listed_with_their_arguments():
    want = {"ints": 10, "mem": 6, "konst": 4, "reals": 4, "many": 2}
    for cc, *flags in (("gcc", "-O0"), ("gcc", "-O2", "-s"), ("g++", "-O2", "-static"), ("clang", "-O2"),
                       ("clang++", "-O1", "-no-pie", "-fno-pie"), ("gcc", "-O2", *M32)):
        if shutil.which(cc):
            assert listed(args_app("vals", cc, *flags)) == want, (cc, flags)


def test_sites_and_semaphores_are_where_ours_are():
    app = build_app()
    text = stap("-p3", "-e", 'probe process("%s").mark("*") { printf("%%d\\n", $arg1) }' % app)
    found = re.findall(r"\.offset=\(loff_t\)(0x\w+)ULL, (?:\.sdt_sem_offset=\(loff_t\)(0x\w+)ULL)?", text)
    sites = must("readelf", "-nW", app).count("Provider: app")
    assert len(found) == len({offset for offset, _ in found}) == sites, found
    with open(app, "rb") as f:
        data = f.read()
    assert all(data[int(offset, 16):].startswith(NOPS) for offset, _ in found), found
    # For a position-independent program SystemTap gives addresses of semaphores, not offsets.
    names = re.findall(r"^(\w+) . app_\w+_semaphore$", must("nm", app), re.M)
    assert {int(s, 16) for _, s in found} == {int(n, 16) for n in names}, (found, names)


def test_arguments_are_fetched_from_the_registers_that_the_notes_name():
    """Registers of arguments, and of addresses (the base before the index)."""
    for flags in (("-O0",), ("-O2",)):
        app, seen = args_app("vals", "gcc", *flags), 0
        for mark, n in (("ints", 10), ("mem", 6)):
            program = 'probe process("%s").mark("%s") { printf("%s\\n", %s) }' % (
                app, mark, " ".join(["%d"] * n), ", ".join("$arg%d" % (i + 1) for i in range(n)))
            bodies = re.findall(r"^{ printf.*", stap("-v", "-p2", "-e", program), re.M)
            texts = notes(app, mark)
            assert len(bodies) == len(texts) > 0, (bodies, texts)
            for body, text in zip(bodies, texts):
                want = [NUMBERS[r] for r in re.findall(r"%(\w+)", text)]
                assert [int(r) for r in re.findall(r"u_fetch_register\((\d+)\)", body)] == want, (text, body)
                seen += len(want)
        assert seen > 10, seen


def test_probes_made_at_run_time_are_listed():
    app = path("runtime")
    must("gcc", "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-I", TOP, "-I", os.path.join(TOP, "include"), "-o", app,
         os.path.join(HERE, "runtime.c"),
         *[os.path.join(TOP, "usdt", f + ".c") for f in ("image", "proto", "provider", "region")], "-pthread")
    p = subprocess.Popen((app, "-w", path("gate"), "types"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "ready\n"
        fds = "/proc/%d/fd" % p.pid
        fd, = [os.path.join(fds, f) for f in os.listdir(fds) if "memfd:usdt" in os.readlink(os.path.join(fds, f))]
        assert listed(fd) == {"ints": 10, "more": 12, "reals": 8, "request": 2, "settle": 0, "strings": 4}
    finally:
        p.kill()
        p.communicate()


main(sys.modules[__name__])
