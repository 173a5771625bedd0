#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dtrace and usdt-check read operands of every kind: hand-written operands, with registers that we
set, and operands that compilers choose. An operand that cannot be read is an error that shows the
operand, and never another value."""
import collections
import os
import re
import shutil
import sys

from lib import DTRACE, FOLDER, HERE, M32, Skip, dtrace, main, must, need_32, runs_32, sh

CHECK = os.path.join(os.path.dirname(DTRACE), "usdt-check")
INCLUDE = os.path.join(HERE, "..", "..", "include")

# A site with a hand-written note: the instructions before the site, and the operands.
RAW = r"""
#define SITE(name, set, args) \
	__attribute__((noinline)) static void name(void) \
	{ \
		__asm__ volatile(set "\n990:\tnop\n" \
			"\t.pushsection .note.stapsdt,\"\",\"note\"\n\t.balign 4\n" \
			"\t.4byte 992f-991f,994f-993f,3\n991:\t.asciz \"stapsdt\"\n992:\t.balign 4\n" \
			"993:\t" WORD " 990b,0,0\n\t.asciz \"raw\"\n\t.asciz \"" #name "\"\n\t.asciz \"" args "\"\n" \
			"994:\t.balign 4\n\t.popsection\n" : : : CLOBBERS, "memory"); \
	}
#ifdef __i386__
#define WORD ".4byte"
#define CLOBBERS "eax", "edx", "esi"
#else
#define WORD ".8byte"
#define CLOBBERS "rax", "rcx", "rsi", "r9", "r13"
#endif
long long value[2] __attribute__((aligned(8))) = { 0x1122334455667788ll, -2 };
%s
int main(void) { %s return 0; }
"""
BIG = "movabs $0x1122334455667788,%rax"
VALUE = "lea value(%rip),%rsi"
# (instructions, operand, the value or the reason of the error)
X86_64 = (
    (BIG, "8@%rax", 0x1122334455667788), (BIG, "-4@%eax", 0x55667788), (BIG, "2@%ax", 0x7788), (BIG, "-1@%al", -120),
    (BIG, "1@%al", 0x88), (BIG, "1@%ah", 0x77), (BIG, "%rax", 0x1122334455667788), (BIG, "8f@%rax", 0x1122334455667788),
    ("mov $-3,%r9d", "-1@%r9b", -3), ("mov $-3,%r9d", "4@%r9d", 0xfffffffd), ("mov $-3,%r9d", "-4@%r9", -3),
    ("", "8@$-5", -5), ("", "-4@$-5", -5), ("", "2@$-1", 0xffff), ("", "4@$0x10", 16),
    ("", "8@value(%rip)", 0x1122334455667788), ("", "-2@value+2(%rip)", 0x5566), ("", "-8@value+8", -2),
    (VALUE, "8@(%rsi)", 0x1122334455667788), (VALUE + "; mov $2,%eax", "2@-4(%rsi,%rax,4)", 0x3344),
    (VALUE + "; shr $3,%rsi", "1@7(,%rsi,8)", 0x11),
    ("mov $8,%eax", "8@(%rax)", "in memory that is not there"), (VALUE, "16f@(%rsi)", "wider than 64 bits"),
    ("", "8f@%xmm0", "in a floating-point register, which the kernel does not show"),
    ("", "4@nowhere(%rip)", "unknown symbol (stripped file?)"), ("", "8@%fs:16", "relative to a segment register"),
    ("", "4@16(%rip)", "relative to the instruction pointer without a symbol"), ("", "3@%eax", "size is not 1, 2, 4 or 8"))
# For -no-pie programs, which lie in the lowest 2 GB. The sums carry out of 32 bits.
LOW = X86_64 + (
    ("mov $value,%eax; sub $0x7ffffff0,%eax", "8@0x7ffffff0(%eax)", 0x1122334455667788),
    ("mov $value,%eax; sub $0x7ffffff0,%eax", "2@0x7ffffff2(,%eax,1)", 0x5566),
    ("mov $value,%eax; bts $40,%rax", "8@(%eax)", 0x1122334455667788),
    ("mov $1,%ecx; mov $0,%eax", "-8@value(%rax,%rcx,8)", -2), ("mov $1,%ecx", "-8@value(,%rcx,8)", -2))
I386 = (
    ("mov $0x55667788,%eax", "4@%eax", 0x55667788), ("mov $0x55667788,%eax", "-1@%al", -120),
    ("mov $0x55667788,%eax", "1@%ah", 0x77), ("mov $0x55667788,%esi", "2@%esi", 0x7788), ("", "-8@$-5", -5),
    ("mov $value,%esi", "4@4(%esi)", 0x11223344), ("mov $value-8,%esi; mov $2,%edx", "8@(%esi,%edx,4)", 0x1122334455667788),
    ("mov $value-0x7ffffff0,%esi", "4@0x7ffffff0(%esi)", 0x55667788), ("mov $-4,%edx", "2@value+4(%edx)", 0x7788),
    ("mov $value,%esi; mov $-1,%edx", "8@8(%esi,%edx,8)", 0x1122334455667788), ("mov $-1,%edx", "4@value+4(,%edx,4)", 0x55667788),
    ("", "4@value", 0x55667788), ("", "-8@%eax", "wider than its register"), ("", "4@%gs:0", "relative to a segment register"))


def path(name):
    return os.path.join(FOLDER, name)


def check(app, *claims):
    args = [a for c in claims for a in ("-e", c)]
    return sh(CHECK, *args, app)


def raw(rows, *flags):
    """A program with a probe raw:::rN for each row. arg1 is N, and can be read whatever arg0 is."""
    text = "".join('SITE(r%d, "%s", "%s -4@$%d")\n' % (i, s.replace("%", "%%"), a.replace("%", "%%"), i)
                   for i, (s, a, _) in enumerate(rows))
    with open(path("raw.c"), "w") as f:
        f.write(RAW.replace("%s", text, 1).replace("%s", "".join("r%d(); " % i for i in range(len(rows)))))
    must("gcc", "-O1", *flags, "-o", path("raw"), path("raw.c"))
    return path("raw")


def both_read(rows, *flags):
    app = raw(rows, *flags)
    good = {i: want for i, (_, _, want) in enumerate(rows) if isinstance(want, int)}
    bad = {i: (operand, why) for i, (_, operand, why) in enumerate(rows) if isinstance(why, str)}
    p = check(app, *["raw:::r%d count==1 && arg0==%d && arg1==%d" % (i, want, i) for i, want in good.items()],
              *["raw:::r%d count==1 && arg1==%d" % (i, i) for i in bad])
    assert p.returncode == 0, (flags, p.stderr)
    p = check(app, *["raw:::r%d arg0==0" % i for i in bad], *["raw:::r%d args[0]!=0" % i for i in bad],
              *["raw:::r%d arg1==-1" % i for i in bad])
    for i, (operand, why) in bad.items():
        for claim, text in (("arg0==0", "arg0 cannot be read: %s (%s)" % (why, operand)),
                            ("args[0]!=0", "args[0] cannot be read: %s (%s)" % (why, operand)),
                            ("arg1==-1", "arg1==-1 does not hold: arg0=? (%s) arg1=%d" % (why, i))):
            assert "FAILED  raw:::r%d %s\n        firing 1: %s\n" % (i, claim, text) in p.stderr, (flags, i, p.stderr)
    p = dtrace("-q", "-c", app, "-n", 'raw$target::: { printf("%s %d\\n", probename, arg1); } raw$target:::'
               ' { printf("%s is %d\\n", probename, (int64_t)arg0); } dtrace:::ERROR { @ = count(); }'
               ' END { printa("errors %@d\\n", @); }')
    assert p.returncode == 0, p.stderr
    assert sorted(re.findall(r"^r(\d+) (-?\d+)$", p.stdout, re.M)) == sorted((str(i), str(i)) for i in range(len(rows)))
    assert {int(i): int(v) for i, v in re.findall(r"^r(\d+) is (-?\d+)$", p.stdout, re.M)} == good, (flags, p.stdout)
    assert not bad or "errors %d\n" % len(bad) in p.stdout, (flags, p.stdout, p.stderr[:500])
    for i, (operand, why) in bad.items():
        if "that is not there" not in why:
            assert ":r%d): arg0 cannot be read: %s (%s) in action #1\n" % (i, why, operand) in p.stderr, (flags, i, p.stderr)


def test_hand_written_operands():
    both_read(X86_64, "-fPIE", "-pie")
    both_read(LOW, "-fno-pie", "-no-pie")


def test_hand_written_operands_in_32_bits():
    need_32()
    both_read(I386, "-fno-pie", "-no-pie", *M32)


def test_addresses_that_move_with_their_file():
    """Addresses as numbers, and beside two registers: a note may have them, though no known
    compiler writes them. dtrace cannot read them in a file that moves; else they are just
    numbers."""
    sets = VALUE + "; mov $0,%ecx; mov $1,%eax"
    rows = ((sets, "8@$value 8@%rsi", 0), (sets, "-8@value(%rcx,%rax,8) -8@$-2", 0))
    script = 'raw$target::: { trace(arg0 == arg1); } dtrace:::ERROR { printf("no"); }'
    why = ("arg0 cannot be read: an address that moves with its file (8@$value)",
           "arg0 cannot be read: an address that moves with its file, beside two registers (-8@value(%rcx,%rax,8))")
    for flags, seen in ((("-fPIE", "-pie"), "no no"), (("-fno-pie", "-no-pie"), "1 1")):
        p = check(raw(rows, *flags), "raw:::r0 count==1 && arg0==arg1", "raw:::r1 count==1 && arg0==arg1")
        assert p.returncode == 0, (flags, p.stderr)
        p = dtrace("-q", "-c", path("raw"), "-n", script)
        assert re.findall(r"no|\d", p.stdout) == seen.split(), (flags, p.stdout, p.stderr)
        assert all((w in p.stderr) == ("no" in seen) for w in why), (flags, p.stderr)


# ---- usdt-check on what compilers choose (dtrace: test_args.py) -----------------------------------

def said(app, provider, kinds, names):
    """The values that the program prints, as claims of usdt-check: a count for each distinct
    line."""
    lines = collections.Counter(must(app).splitlines())
    total, claims = collections.Counter(), []
    for line, n in lines.items():
        name, *words = line.split() if names else ["hit"] + line.split()
        total[name] += n
        if name in kinds:
            conds = ['copyinstr(arg%d)=="%s"' % (i, w) if not re.match(r"-?\d", w) else "arg%d==%s" % (i, w)
                     for i, w in enumerate(words)]
            claims.append("%s:::%s /%s/ { count==%d; }" % (provider, name, " && ".join(conds), n))
    return claims + ["%s:::%s count==%d" % (provider, name, n) for name, n in total.items()]


def agrees(app, claims, what):
    p = check(app, *claims)
    assert p.returncode == 0 and "%d asserted, 0 failed\n" % len(claims) in p.stderr, \
        (what, [l for l in p.stderr.splitlines() if "FAILED" in l or l.startswith("   ")][:8])


def test_arguments_where_compilers_leave_them():
    if not os.path.exists(path("args.h")):
        must(DTRACE, "-h", "-s", os.path.join(HERE, "args.d"), "-o", path("args.h"))
    builds = [("gcc", "-O0"), ("gcc", "-O2"), ("gcc", "-O3", "-static"), ("clang", "-O0"), ("clang", "-O2"),
              ("gcc", "-O2", "-no-pie", "-fno-pie"), ("g++", "-O2")]
    if runs_32():
        builds += [("gcc", "-O0", *M32), ("gcc", "-O2", *M32), ("gcc", "-O2", "-no-pie", "-fno-pie", *M32)]
    for cc, *flags in builds:
        if not shutil.which(cc):
            continue
        app = path("vals")
        must(cc, *flags, "-I", FOLDER, "-x", "c++" if cc.endswith("++") else "c", os.path.join(HERE, "args.c"), "-o", app)
        claims = said(app, "vals", ("ints", "mem", "konst"), True)
        for strip in (False, True):
            if strip:
                must("strip", app)
            agrees(app, claims + ["vals:::many count==360 && arg0>=0"], (cc, flags, strip))


def twins(header, *flags):
    app, parts = path("twins"), [path("one.o"), path("two.o")]
    source = ("gcc", *flags, "-D" + header, "-I", INCLUDE, "-idirafter", M32[-1], os.path.join(HERE, "twins.c"))
    for part in parts:
        must(*source, "-DPART=" + os.path.basename(part)[:-2], "-c", "-o", part)
    must("gcc", *flags, "-DMAIN", "-D" + header, "-I", INCLUDE, "-idirafter", M32[-1], "-rdynamic",
         os.path.join(HERE, "twins.c"), *parts, "-o", app)
    return app


def test_variables_of_one_name_and_pairs_of_registers():
    for flags in ((), ("-fno-pie", "-no-pie")) + ((M32, ("-fno-pie", "-no-pie", *M32)) if runs_32() else ()):
        for level in ("-O0", "-O2"):
            app = twins("OURS", level, *flags)
            claims = said(app, "twins", ("hit",), False)
            for strip in (False, True):
                if strip:
                    must("strip", app)
                agrees(app, claims + ["twins:::exported count==7 && arg0==-77"], (flags, level, strip))


def test_what_only_our_header_keeps_is_an_error_with_systemtaps():
    if sh("gcc", "-include", "sys/sdt.h", "-x", "c", "-E", "/dev/null").returncode:
        raise Skip("no sys/sdt.h")
    claims = ("twins:::hit count==14 && arg3!=1", "twins:::exported count==7 && arg0==-77")
    for inlined, why in ((False, None), (True, "several symbols of that name"), (True, "unknown symbol (stripped file?)")):
        app = twins("THEIRS", "-O2", *(["-DFIRE_INLINED"] if inlined else []))
        if not why:	# the static function of the sites tells the source file, and so the variables
            agrees(app, said(app, "twins", ("hit",), False), why)
            continue
        if "stripped" in why:
            must("strip", app)
        p = check(app, "twins:::hit arg0==1", *claims)
        assert p.returncode == 1 and re.search(r"firing 1: arg0 cannot be read: %s \(-4@count\(%%rip\)\)\n" % re.escape(why),
                                               p.stderr) and "3 asserted, 1 failed" in p.stderr, p.stderr
        p = dtrace("-qc", app, "-n", 'twins$target:::hit { printf("%d", arg0); }')
        assert len(re.findall(r"twins:(?:one|two)?:hit\): arg0 cannot be read: %s \(-4@count\(%%rip\)\) in action #1\n"
                              % re.escape(why), p.stderr)) == 14 and p.returncode == 0, p.stderr
    if runs_32():
        app = twins("THEIRS", "-O2", "-fno-pie", "-no-pie", *M32)
        p = check(app, "twins:::hit arg3==1")
        assert p.returncode == 1 and re.search(r"arg3 cannot be read: wider than its register \(-8@%e\w\w\)\n", p.stderr), p.stderr


# Members and elements at constant offsets, behind an index, constants in memory, thread-local
# variables, and as many variables as a probe may have arguments.
KEPT = """
#include <usdt/sdt.h>
#include "shared.h"
static struct { int pad[3]; short few; long long wide; } record = { { 1, 2, 3 }, -4, 1LL << 40 };
static int table[8] = { 10, 11, 12, 13, 14, 15, 16, 17 };
static __thread int local = 99;
static signed char v0 = 1, v1, v2 = 3, v3, v4 = 5, v5, v6 = 7, v7, v8 = 9, v9, v10 = -11, v11;
__attribute__((noinline)) static void fire(int n)
{
	USDT_PROBE6(kept, offsets, record.pad[1], record.few, record.wide, table[7], table[n + 1], table[n - 1]);
	USDT_PROBE2(kept, thread, local, n);
	USDT_PROBE2(kept, reals, 1.5, 2.5f);
	USDT_PROBE12(kept, many, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11);
}
int main(int argc, char **argv)
{
	(void)argv;
	record.pad[1] += argc - 1;
	record.few = (short)(record.few * argc);
	record.wide *= argc;
	table[argc] += argc;
	local *= argc;
	v1 = v3 = v5 = v7 = v9 = v11 = (signed char)argc;
	v0 = v2 = v4 = v6 = v8 = v10 = (signed char)-argc;
	fire(argc + 1);
	CALLS = argc;
	return called(1) + other(2) < 2;
}
"""
SHARED = """
#ifdef __cplusplus
struct total { static int calls; };
#define CALLS total::calls
inline
#else
static int calls;
#define CALLS calls
static
#endif
__attribute__((noinline)) int called(int n)
{
	USDT_PROBE2(kept, called, CALLS, n);
	return n;
}
int other(int n);
"""
OTHER = """
#include <usdt/sdt.h>
#include "shared.h"
#ifdef __cplusplus
int total::calls;
#endif
int other(int n)
{
	CALLS += 10;
	return called(n);
}
"""


def kept(cc, *flags):
    """Two files with the same function: in C++ shared by a COMDAT group, in C one function for
    each."""
    for name, text in (("shared.h", SHARED), ("kept.c", KEPT), ("other.c", OTHER)):
        with open(path(name), "w") as f:
            f.write(text)
    must(cc, *flags, "-I", INCLUDE, *(("-x", "c++") if cc.endswith("++") else ()), path("kept.c"), path("other.c"), "-o", path("kept"))
    return path("kept")


def test_what_the_header_keeps():
    claims = ["reals count==1 && arg0==0x3ff8000000000000 && arg1==0x40200000",
              "offsets count==1 && arg0==2 && arg1==-4 && arg2==0x10000000000 && arg3==17 && arg4==13 && arg5==12",
              "thread count==1 && arg1==2",
              "many count==1 && " + " && ".join("arg%d==%d" % (i, i % 2 * 2 - 1) for i in range(10)) + " && args[10]==-1 && "
              "args[11]==1"]
    builds = [(cc, *flags) for cc in ("gcc", "g++") for flags in (
        ("-O0",), ("-O2",), ("-O2", "-fno-pie", "-no-pie"), ("-Os", "-fPIC"), ("-O1", "-static"),
        ("-O2", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"), ("-O2", "-flto"))]
    builds += [("clang", "-O2"), ("clang++", "-O0"), ("gcc", "-O2", "-fuse-ld=lld"), ("gcc", "-O2", "-fuse-ld=gold")]
    if runs_32():
        builds += [("gcc", level, *pic, *M32) for level in ("-O0", "-O2") for pic in ((), ("-fno-pie", "-no-pie"))]
        builds += [("g++", "-O2", *M32)]
    for cc, *flags in builds:
        if not shutil.which(cc) or any(f[9:10] and not shutil.which("ld." + f[9:]) for f in flags if f.startswith("-fuse-ld")):
            continue
        app = kept(cc, *flags)
        calls = ["called count==2", "called /arg1==1/ { arg0==1; }",
                 "called /arg1==2/ { arg0==%d; }" % (11 if cc.endswith("++") else 10)]
        for strip in (False, True):
            if strip:
                must("strip", app)
            agrees(app, ["kept:::" + c for c in claims + calls], (cc, flags, strip))
            # A thread-local variable gives its value, or an error.
            p = check(app, "kept:::thread arg0==99")
            assert p.returncode == 0 or re.search(
                r"firing 1: arg0 cannot be read: (relative to a segment register|needs a relocation, not an address|"
                r"unknown symbol \(stripped file\?\)) \(", p.stderr), (cc, flags, p.stderr)


def test_notes_are_where_they_are_needed_alone():
    """Registers, stack and constants need no operand note; a pair of registers, in 32 bits,
    does."""
    with open(path("plain.c"), "w") as f:
        f.write("#include <usdt/sdt.h>\nint main(int argc, char **argv)\n{\n\tvolatile long long x = argc;\n"
                "\tUSDT_PROBE5(p, n, argc, argv, 7, x, x + 1LL);\n\treturn 0;\n}\n")
    for flags in (("-O0",), ("-O2",)) + ((("-O2", *M32),) if runs_32() else ()):
        must("gcc", *flags, "-I", INCLUDE, "-o", path("plain"), path("plain.c"))
        text = must("readelf", "-nSW", path("plain"))
        pairs = len(re.findall(r"-8@%e", text))
        assert (pairs > 0) == ("-m32" in flags) == (".note.usdtkit.operands" in text), (flags, text)
        assert text.count("usdtkit  ") == pairs, (flags, text)


# ---- Declared arguments and floats ----------------------------------------------------------------

MAPPED = "provider mapped { probe hit(int number, char *word) : (char *word, int number, int number); };\n"
USES = """
#include "mapped.h"
#include <usdt/sdt.h>
int main(int argc, char **argv)
{
	double half = argc / 2.0;
	float quarter = argc / 4.0f;

	(void)argv;
	for (int i = 0; i < 3; i++)
		MAPPED_HIT(i + 7, "word");
	USDT_PROBE3(reals, hit, half, quarter, argc);
	return 0;
}
"""


def uses(*flags):
    for name, text in (("mapped.d", MAPPED), ("uses.c", USES)):
        with open(path(name), "w") as f:
            f.write(text)
    must(DTRACE, "-h", "-s", path("mapped.d"), "-o", path("mapped.h"))
    must("gcc", *flags, "-I", FOLDER, "-I", INCLUDE, path("uses.c"), "-o", path("uses"))
    return path("uses")


def test_args_are_what_the_provider_declares():
    app = uses("-O2")
    p = check(app, 'mapped:::hit count==3 && copyinstr(args[0])=="word" && args[1]==arg0 && args[2]==arg0 && arg0>=7',
              'mapped:::hit /args[1]==8/ { count==1; copyinstr(arg1)=="word"; }')
    assert p.returncode == 0, p.stderr
    p = check(app, "mapped:::hit args[3]==0", "mapped:::hit arg2==0", "reals:::hit args[3]==0")
    assert p.returncode == 1 and p.stderr.count("cannot be read: the probe has fewer arguments\n") == 3, p.stderr


def test_floats_are_shown_and_not_taken_for_integers():
    for flags in (("-O0",), ("-O2",)) + ((("-O0", *M32), ("-O2", *M32)) if runs_32() else ()):
        app = uses(*flags)
        p = check(app, "reals:::hit count==1 && arg2==1 && arg0==0x3fe0000000000000 && arg1==0x3e800000")
        assert p.returncode == 0, (flags, p.stderr)
        p = check(app, "reals:::hit arg2==2", "reals:::hit args[0]==0", "reals:::hit args[1]!=0", "reals:::hit args[2]==1")
        for text in ("arg2==2 does not hold: arg0=0.5 arg1=0.25 arg2=1\n",
                     "args[0] is a floating-point number: arg0 has its bits\n",
                     "args[1] is a floating-point number: arg1 has its bits\n", "ok      reals:::hit args[2]==1\n"):
            assert text in p.stderr, (flags, p.stderr)


main(sys.modules[__name__])
