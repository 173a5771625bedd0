#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The pid provider: functions of a process, by each kind of name in the guide."""
import os
import re
import subprocess
import sys

from before import Before, Running, none_matches, says, until
from lib import DTRACE, FOLDER, M32, Skip, dtrace, main, must, need_32, numbers, sh, traced

FUNCTIONS = r"""
#include <stdlib.h>
#include <unistd.h>
volatile int sink;
__attribute__((noinline)) int odd(int n) { sink += n; return n & 1; }
__attribute__((noinline)) long ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	sink += a + b + c + d + e + f + g + h + i;
	return j;
}
extern int alias(int) __attribute__((alias("odd")));
extern void refused(void);
__asm__(".text\n.globl refused\n.type refused, @function\nrefused: lock addl $0, (%" SP ")\nret\n.size refused, .-refused");
int main(int argc, char **argv)
{
	int sum = 0;
	char c;
	if (argc > 1 && read(0, &c, 1) != 1)
		return 2;
	for (int i = 0; i < 300; i++)
		sum += odd(i);
	for (int i = 0; i < 80; i++)
		sum += getppid() < 0;
	refused();
	ten(-1, 2, -3, 4, -5, 6, -7, 8, -9, 2147483647);
	return sum != 150;
}
"""


def functions(name="functions", *flags):
    out = os.path.join(FOLDER, name)
    if not os.path.exists(out):
        with open(out + ".src.c", "w") as f:
            f.write(FUNCTIONS.replace('SP', '"esp"' if "-m32" in flags else '"rsp"'))
        if "-m32" in flags:
            need_32()
        must("gcc", "-O1", "-o", out, out + ".src.c", *flags)
    return out


def counted(prog, *descriptions):
    out = traced(",".join(descriptions) + ' { @[probemod, probefunc] = count(); }'
                 ' END { printa("%s %s %@d\\n", @); }', prog)
    return sorted(tuple(l.split()) for l in out.split("\n") if l.strip())


def test_every_name_of_a_module():
    prog, libc = functions(), "libc.so.6"
    for mod in ("a.out", "functions", "func*", ""):
        assert counted(prog, "pid$target:%s:odd:entry" % mod) == [("functions", "odd", "300")], mod
    for mod in ("libc", "libc.so", "libc.so.6", "libc*", "[l]ibc.so.?"):
        assert counted(prog, "pid$target:%s:getppid:entry" % mod) == [(libc, "getppid", "80")], mod


def test_half_a_name_is_no_module():
    prog = functions()
    for mod in ("lib", "libc.s", "libc.so.", "libc.so.6.1", "unctions", "nosuch"):
        text = "pid$target:%s:getppid:entry { }" % mod
        before = Before()
        p = sh(DTRACE, "-qc", prog, "-n", text)
        pid = numbers(p.stderr.split("hint:")[1])[0]
        assert (p.returncode, p.stderr) == (
            1, none_matches(text, "process %d has mapped no file %s" % (pid, mod))), p.stderr
        before.again()


def test_a_symbol_that_there_is_not():
    text = "pid$target:a.out:nosuch:entry { }"
    says(1, none_matches(text), "-qc", functions(), "-n", text)


def test_functions_by_glob():
    got = counted(functions(), "pid$target:a.out:o[cd]d:entry", "pid$target:a.out:t?n:entry")
    assert got == [("functions", "odd", "300"), ("functions", "ten", "1")], got


def test_two_names_of_a_function():
    """A given name is the name shown; a glob takes each function once."""
    prog = functions()
    assert counted(prog, "pid$target:a.out:alias:entry") == [("functions", "alias", "300")]
    got = counted(prog, "pid$target:a.out:[ao][ld][id]*:entry")
    assert len(got) == 1 and got[0][2] == "300", got


def test_all_functions_but_one_that_cannot_be_probed():
    prog = functions()
    off = int(next(l.split()[0] for l in must("nm", prog).split("\n") if l.endswith(" refused")), 16)
    warning = ("dtrace: warning: the kernel refuses a probe at offset 0x%x of %s: Instruction cannot be probed\n"
               % (off, prog))
    out = says(0, warning, "-qc", prog, "-n", 'pid$target:a.out::entry { @[probefunc] = count(); }'
               ' END { printa("%s %@d\\n", @); }')
    got = dict(l.split() for l in out.split("\n") if l.strip())
    assert got["odd"] == "300" and got["main"] == got["_start"] == got["ten"] == "1", got
    assert "refused" not in got
    says(1, warning + "dtrace: cannot attach: Instruction cannot be probed\n",
         "-qc", prog, "-n", "pid$target:a.out:refused:entry { }", out="")


def check_ten(prog):
    names = " ".join("%d" for _ in range(10))
    out = traced('pid$target:a.out:ten:entry { printf("%s\\n", %s); }'
                 % (names, ", ".join("arg%d" % i for i in range(10))), prog)
    assert numbers(out) == [-1, 2, -3, 4, -5, 6, -7, 8, -9, 2147483647], out


def test_arguments_in_registers_and_on_the_stack():
    check_ten(functions())


def test_32_bit_program():
    prog = functions("functions32", *M32)
    check_ten(prog)
    assert counted(prog, "pid$target:a.out:odd:entry", "pid$target:libc:getppid:entry") == [
        ("functions32", "odd", "300"), ("libc.so.6", "getppid", "80")]
    out = traced('pid$target:a.out:odd:entry { @ = sum(arg0); } END { printa("%@d\\n", @); }', prog)
    assert numbers(out) == [sum(range(300))], out


def test_addresses_fixed_at_link_time():
    for name, flags in (("nopie", ("-no-pie",)), ("static", ("-static",)), ("staticpie", ("-static-pie",)),
                        ("high", ("-no-pie", "-Wl,-Ttext-segment=0x7000000")),
                        ("packed", ("-no-pie", "-Wl,-z,noseparate-code"))):
        assert counted(functions(name, *flags), "pid$target:a.out:odd:entry") == [(name, "odd", "300")], name


def test_a_stripped_program():
    """Only symbols for the dynamic linker are left: a program has none, unless -rdynamic."""
    prog = functions("stripped", "-s")
    text = "pid$target:a.out:odd:entry { }"
    says(1, none_matches(text, "a.out has no symbols"), "-qc", prog, "-n", text)
    assert counted(prog, "pid$target:libc:getppid:entry") == [("libc.so.6", "getppid", "80")]
    exports = functions("exports", "-rdynamic", "-s")
    assert counted(exports, "pid$target:a.out:odd:entry") == [("exports", "odd", "300")]


def test_a_program_with_a_separate_debug_file():
    """A static function that only the debug file, found by build id, names; stacks name it too."""
    whole = functions("debugged", "-g", "-Wl,--build-id=sha1")
    bare = os.path.join(FOLDER, "debugged-bare")
    build_id = re.search(r"Build ID: (\w+)", must("readelf", "-n", whole)).group(1)
    folder = "/usr/lib/debug/.build-id/" + build_id[:2]
    path = "%s/%s.debug" % (folder, build_id[2:])
    fresh = not os.path.exists(folder)
    os.makedirs(folder, exist_ok=True)
    try:
        must("objcopy", "--only-keep-debug", whole, path)
        must("objcopy", "--strip-all", whole, bare)
        assert counted(bare, "pid$target:a.out:odd:entry") == [("debugged-bare", "odd", "300")]
    finally:
        os.unlink(path)
        if fresh:
            os.rmdir(folder)


def test_a_function_that_the_loader_chooses():
    text = "pid$target:libc:strlen:entry { }"
    says(1, none_matches(text, "strlen is chosen among several by the loader: name the one that it took"),
         "-qc", functions(), "-n", text)


def test_offsets_and_returns_are_refused_by_name():
    for name in ("return", "4", "0", "a"):
        text = "pid$target:a.out:odd:%s { }" % name
        pd = text[:-4]
        says(1, "-n:1:1: pid probes are function entries: %s cannot be traced; name it entry\n%s\n^%s\n"
             % (name, text, "~" * (len(pd) - 1)), "-qc", functions(), "-n", text)
    text = "pid$target:a.out:odd: { }"
    says(1, "-n:1:1: pid probes are function entries: every instruction cannot be traced; name it entry\n%s\n^%s\n"
         % (text, "~" * (len(text) - 5)), "-qc", functions(), "-n", text)


def test_a_process_must_be_named():
    for prov in ("pid", "pid*", "pid?123"):
        text = prov + ":a.out:main:entry { }"
        says(1, none_matches(text, "pid probes are a process's: pid1234, or pid$target with -c or -p"), "-n", text)
    text = "pid999999:a.out:main:entry { }"
    says(1, "-n:1:1: failed to grab process 999999: No such process\n%s\n^%s\n" % (text, "~" * 25), "-n", text)


def test_a_process_by_its_number_and_by_p():
    for grab in (False, True):
        before = Before()
        with Running(functions(), "wait", stdin=subprocess.PIPE) as a:
            assert until(lambda: os.path.basename(os.readlink("/proc/%d/exe" % a.pid)) == "functions")
            with Running(DTRACE, "-q", *(["-p", str(a.pid)] if grab else []), "-n", 'BEGIN { printf("ready\\n"); }'
                         ' pid%d:a.out:odd:entry { @ = count(); } END { printa("%%@d", @); }' % a.pid) as d:
                assert d.stdout.readline() == "ready\n"
                a.communicate("x")
                if not grab:
                    d.terminate()
                out, err = d.communicate(timeout=20)
                assert (d.returncode, out, err) == (0, "300" if grab else "\n300", ""), (out, err)
        before.again()


def test_ids_and_lists():
    prog = functions()
    out = must(DTRACE, "-l", "-c", prog, "-n", "pid$target:a.out:odd:entry,pid$target:a.out:[ot][de][dn]:entry")
    rows = [l.split() for l in out.split("\n")[1:] if l]
    assert [r[2:] for r in rows] == [["functions", "odd", "entry"], ["functions", "ten", "entry"]], out
    assert rows[1][0] != rows[0][0], out	# ids are hashes of names, in any order
    assert rows[0][1] == rows[1][1] and rows[0][1].startswith("pid"), out


def test_an_id_names_the_function_in_a_later_command():
    with Running(functions(), "wait", stdin=subprocess.PIPE) as a:
        assert until(lambda: os.path.basename(os.readlink("/proc/%d/exe" % a.pid)) == "functions")
        row = must(DTRACE, "-l", "-n", "pid%d:a.out:odd:entry" % a.pid).split("\n")[1]
        assert must(DTRACE, "-l", "-i", row.split()[0]).split("\n")[1] == row
        with Running(DTRACE, "-q", "-i", row.split()[0] + " { @ = count(); }", "-n",
                     'BEGIN { printf("ready\\n"); } END { printa("%@d", @); }') as d:
            assert d.stdout.readline() == "ready\n"
            a.communicate("x")
            d.terminate()
            out, err = d.communicate(timeout=20)
    assert (d.returncode, out, err) == (0, "\n300", ""), (out, err)
    gone = dtrace("-l", "-i", row.split()[0])
    assert gone.returncode == 1 and "does not match any probes" in gone.stderr, gone.stderr


main(sys.modules[__name__])
