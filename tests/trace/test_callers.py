# SPDX-License-Identifier: BSD-2-Clause
"""ucaller and ustack at the first instructions of a function, which has no frame yet."""
import os
import re
import sys

from lib import DTRACE, FOLDER, HERE, dtrace, main, must

INCLUDE = os.path.join(HERE, "..", "..", "include")

# mid and frame call leaf; top calls mid and frame; again calls itself; tail is entered by a jump.
CALLS = r"""
#define OUT __attribute__((noinline, noclone)) void
#define STAYS __asm__ volatile("" : : : "memory")
OUT leaf(int i) { __asm__ volatile("" : : "r"(i) : "memory"); }
OUT frame(int i) { volatile char b[64]; b[0] = (char)i; leaf(b[0]); STAYS; }
OUT mid(int i) { leaf(i); STAYS; }
OUT again(int n) { if (n) again(n - 1); STAYS; }
OUT tail(int i) { __asm__ volatile("" : : "r"(i) : "memory"); }
OUT jumps(int i) { tail(i); }
OUT top(int i) { mid(i); frame(i + 1); again(3); jumps(i); STAYS; }
int main(void) { top(1); return 0; }
"""
BUILDS = (("-O0",), ("-O1",), ("-O2",), ("-O1", "-fno-omit-frame-pointer"), ("-O0", "-fcf-protection=full"),
          ("-O2", "-fcf-protection=full"), ("-O2", "-fcf-protection=full", "-fno-omit-frame-pointer"),
          ("-O1", "-static"), ("-O0", "-fno-pie", "-no-pie"))


def path(name):
    return os.path.join(FOLDER, name)


def built(name, text, *flags):
    with open(path(name + ".c"), "w") as f:
        f.write(text)
    must("gcc", *flags, "-I", INCLUDE, "-I", FOLDER, "-o", path(name), path(name + ".c"))
    return path(name)


def lines(app, script, *args):
    p = dtrace("-q", *args, "-c", app, "-n", script)
    assert p.returncode == 0 and not p.stderr, (p.returncode, p.stderr, p.stdout[-300:])
    return p.stdout.splitlines()


def probes(*functions):
    return ", ".join("pid$target:a.out:%s:entry" % f for f in functions)


def test_the_caller_at_a_functions_entry():
    for flags in BUILDS:
        app = built("calls", CALLS, *flags)
        script = probes("leaf", "frame", "mid", "again", "tail") + ' { printf("%s ", probefunc); usym(ucaller); printf("\\n"); }'
        got = [re.sub(r"\S*`", "", " ".join(l.split())) for l in lines(app, script)]
        # Optimised, jumps() only jumps to tail: tail's caller is then top.
        jumper = "top" if flags[0] == "-O2" else "jumps"
        assert [re.sub(r"\+0x\w+$", "", l) for l in got] == \
            ["mid top", "leaf mid", "frame top", "leaf frame", "again top", "again again", "again again", "again again",
             "tail " + jumper], (flags, got)


def stacks(app, script, *args):
    """The functions of each stack, innermost first."""
    out = "\n".join(l.strip() for l in lines(app, script, *args))
    return [[re.sub(r"^.*`|\+0x\w+$", "", l) for l in s.split("\n")] for s in out.strip().split("\n\n")]


def test_the_whole_stack_at_a_functions_entry():
    """In builds where every function has a frame, the stack shows each caller once."""
    for flags in BUILDS:
        if not ("-O0" in flags or "-fno-omit-frame-pointer" in flags):
            continue
        app = built("calls", CALLS, *flags)
        got = [s[:s.index("main") + 1] for s in stacks(app, probes("leaf", "again") + " { ustack(); }")]
        assert got == [["leaf", "mid", "top", "main"], ["leaf", "frame", "top", "main"]] + \
            [["again"] * n + ["top", "main"] for n in range(1, 5)], (flags, got)
        for n in (1, 2, 3):
            short = stacks(app, probes("leaf") + " { ustack(%d); }" % n)
            assert short == [["leaf", "mid", "top"][:n], ["leaf", "frame", "top"][:n]], (flags, n, short)
        keys = lines(app, probes("leaf") + " { @[ustack(2)] = count(); }")
        assert sum("leaf" in l for l in keys) == 2 and [l for l in keys if "mid" in l] and [l for l in keys if "frame" in l], keys


def test_malloc_that_main_calls():
    """main calls malloc of libc through the PLT."""
    text = ("#include <stdlib.h>\nint main(void)\n{\n\tchar *p[10];\n\tfor (int i = 0; i < 10; i++)\n\t\tp[i] = malloc(1000 + i);\n"
            "\treturn p[9] == p[0];\n}\n")
    for flags in (("-O0",), ("-O1",), ("-O0", "-fno-plt"), ("-O0", "-fcf-protection=full", "-Wl,-z,now")):
        app = built("mal", text, *flags)
        got = " ".join(lines(app, "pid$target:libc.so*:malloc:entry /arg0 >= 1000 && arg0 < 1010/ { @[ufunc(ucaller)] = count(); }"))
        assert got.split() == ["mal`main", "10"], (flags, got)


# Sites at the first instruction, after endbr64, after push %rbp, and with the frame complete.
SITES = r"""
.macro SITE
990:	nop
	.pushsection .note.stapsdt,"","note"
	.balign 4
	.4byte 992f-991f,994f-993f,3
991:	.asciz "stapsdt"
992:	.balign 4
993:	.8byte 990b,0,0
	.asciz "at"
	.asciz "hit"
	.byte 0
994:	.balign 4
	.popsection
.endm
.macro FUNCTION name, before:vararg
	.globl \name
	.type \name,@function
\name:
.endm
.text
FUNCTION first
	SITE
	push %rbp; mov %rsp,%rbp; pop %rbp; ret
	.size first,.-first
FUNCTION marked
	endbr64
	SITE
	push %rbp; mov %rsp,%rbp; pop %rbp; ret
	.size marked,.-marked
FUNCTION pushed
	push %rbp
	SITE
	mov %rsp,%rbp; pop %rbp; ret
	.size pushed,.-pushed
FUNCTION framed
	endbr64
	push %rbp; mov %rsp,%rbp
	SITE
	pop %rbp; ret
	.size framed,.-framed
.section .note.GNU-stack,"",@progbits
"""
CALLERS = "".join("void %s(void);\n__attribute__((noinline)) void by_%s(void)\n{\n\t%s();\n\t__asm__ volatile(\"\");\n}\n" % (f, f, f)
                  for f in ("first", "marked", "pushed", "framed")) + \
    "int main(void)\n{\n\tby_first();\n\tby_marked();\n\tby_pushed();\n\tby_framed();\n\treturn 0;\n}\n"


def test_sites_of_one_probe_at_and_behind_the_entry():
    with open(path("sites.s"), "w") as f:
        f.write(SITES)
    app = built("at", CALLERS, "-O0", path("sites.s"))
    got = stacks(app, "at$target:::hit { ustack(); }")
    assert [s[:3] for s in got] == [[f, "by_" + f, "main"] for f in ("first", "marked", "pushed", "framed")], got
    got = " ".join(lines(app, "at$target:::hit { @[ufunc(ucaller)] = count(); }")).split()
    assert sorted(got) == sorted(["at`by_" + f for f in ("first", "marked", "pushed", "framed")] + ["1"] * 4), got


def test_what_nothing_called_has_no_caller():
    """At _start the top of the stack holds argc, which is no return address."""
    app = built("calls", CALLS, "-O0", "-static")
    got = lines(app, 'pid$target:a.out:_start:entry { printf("%d\\n", ucaller < 4096 && ucaller != 0); }', "-x", "evaltime=exec")
    assert got == ["0"], got


main(sys.modules[__name__])
