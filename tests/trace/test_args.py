# SPDX-License-Identifier: BSD-2-Clause
"""dtrace prints the argument values that the program passed, however it was compiled."""
import difflib
import os
import sys
import tempfile

from lib import DTRACE, FOLDER, HERE, M32, Skip, each, main, must, need_32, runs_32, sh

SCRIPT = """
vals$target:::ints { printf("ints %d %d %d %d %d %u %d %u %s %d\\n", args[0], args[1], args[2],
	args[3], args[4], args[5], args[6], args[7], copyinstr((uintptr_t)args[8]), args[9]); }
vals$target:::mem { printf("mem %d %d %d %d %u %d\\n", args[0], args[1], args[2], args[3], args[4],
	args[5]); }
vals$target:::konst { printf("konst %d %d %u %d\\n", args[0], args[1], args[2], args[3]); }
vals$target:::reals { printf("reals %.9f %.9f %.9f %.9f\\n", args[0], args[1], args[2], args[3]); }
vals$target:::many { @n = count(); @s = sum(args[0]); }
END { printa("many %@d ", @n); printa("%@d\\n", @s); }
"""
LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os")
INCLUDE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "include")
LOADER = "int vals_run(void);\nint main(void) { return vals_run(); }\n"


def path(name):
    return os.path.join(FOLDER, name)


def prepared():
    if os.path.exists(path("vals.d")):
        return
    with open(path("vals.d"), "w") as f:
        f.write(SCRIPT)
    with open(path("loader.c"), "w") as f:
        f.write(LOADER)
    must(DTRACE, "-h", "-s", os.path.join(HERE, "args.d"), "-o", path("args.h"))
    must(DTRACE, "-G", "-s", os.path.join(HERE, "args.d"), "-o", path("argsd.o"))
    must(DTRACE, "-G", "-32", "-s", os.path.join(HERE, "args.d"), "-o", path("argsd32.o"))


def built(folder, compiler, *flags):
    """Compiles args.c as C or C++ with the probe object, as a program or as library and program.
    Returns the program, and the file that holds the probes."""
    language = "c++" if compiler.endswith("++") else "c"
    glue = path("argsd32.o" if "-m32" in flags else "argsd.o")
    source = ("-x", language, os.path.join(HERE, "args.c"), "-x", "none", glue)
    app, library = os.path.join(folder, "vals"), os.path.join(folder, "libvals.so")
    if "-shared" not in flags:
        must(compiler, *flags, "-I", FOLDER, *source, "-o", app)
        return app, app
    must(compiler, *flags, "-fPIC", "-DLIBRARY", "-I", FOLDER, *source, "-o", library)
    must("gcc", path("loader.c"), "-L", folder, "-lvals", "-Wl,-rpath," + folder, "-o", app)
    return app, library


def traced(app, what, *program):
    """dtrace's errors and its printed lines, without the program's own output."""
    out = app + ".out"
    if os.path.exists(out):
        os.unlink(out)  # -o appends
    p = sh(DTRACE, "-q", *(program or ("-s", path("vals.d"))), "-c", app, "-o", out)
    assert p.returncode == 0, "%s: %s" % (what, p.stderr[:300])
    with open(out) as f:
        return p.stderr, [line for line in f.read().splitlines() if line]


def one_agrees(build):
    """Values agree in the file as built, and in the stripped file."""
    compiler, *flags = build
    app, holder = built(tempfile.mkdtemp(dir=FOLDER), compiler, *flags)
    for strip in (False, True):
        what = "%s %s%s" % (compiler, " ".join(flags), " stripped" * strip)
        if strip:
            must("strip", holder)
        expected = must(app).splitlines() + ["many 360 6300"]
        errors, seen = traced(app, what)
        assert len(expected) == 301 and not errors, "%s: %s" % (what, errors[:300])
        assert seen == expected, "%s\n%s" % (what, "\n".join(
            list(difflib.unified_diff(expected, seen, n=0, lineterm=""))[:12]))


def agree(*builds):
    """Each build is a string: a compiler and its flags."""
    prepared()
    builds = [b.split() for b in builds]
    for compiler in {b[0] for b in builds}:
        if sh("which", compiler).returncode:
            raise Skip("no " + compiler)
    each(one_agrees, builds)


def every_level(compiler, levels=LEVELS):
    agree(*("%s %s" % (compiler, level) for level in levels))


def test_gcc():
    every_level("gcc")


def test_clang():
    every_level("clang", ("-O0", "-O2"))


def test_gxx():
    every_level("g++", ("-O0", "-O2"))


def test_clangxx():
    every_level("clang++")


def test_position_dependent():
    agree("gcc -O2 -no-pie -fno-pie", "clang -O2 -no-pie -fno-pie")


def test_static():
    agree("gcc -O2 -static", "gcc -O2 -static-pie -fPIE")


def test_shared_library():
    agree("gcc -O2 -shared", "clang++ -O1 -shared")


def test_link_time_optimisation():
    agree("gcc -O2 -flto")


def test_without_frame_pointers_and_with_other_code_models():
    agree("gcc -O2 -fomit-frame-pointer -march=x86-64-v3",
          "gcc -O2 -fno-omit-frame-pointer -fcf-protection=full -fstack-protector-all",
          "gcc -O2 -mcmodel=large -no-pie -fno-pie")


def test_32_bit():
    need_32()
    agree(*(build + " " + " ".join(M32) for build in (
        "gcc -O0", "gcc -O1", "gcc -O2", "gcc -O3", "clang -O2", "gcc -O2 -fno-pie -no-pie")))


def twins(header, *flags):
    app, *parts = (os.path.join(tempfile.mkdtemp(dir=FOLDER), name) for name in ("twins", "one.o", "two.o"))
    compile_it = ("gcc", *flags, "-D" + header, "-I", INCLUDE, "-idirafter", M32[-1])
    source = os.path.join(HERE, "twins.c")
    for part in parts:
        must(*compile_it, "-DPART=" + os.path.basename(part)[:-2], "-c", source, "-o", part)
    must(*compile_it, "-DMAIN", "-rdynamic", source, *parts, "-o", app)
    return app


TWINS = ((), ("-fno-pie", "-no-pie")) + ((M32, ("-fno-pie", "-no-pie", *M32)) if runs_32() else ())


def test_variables_of_one_name_in_several_files_are_told_apart():
    """Also stripped. 32 bits: 64-bit values in register pairs, sums of addresses that carry."""
    program = 'twins$target:::hit { printf("%d %d %d %d\\n", arg0, arg1, arg2, arg3); }'

    def told_apart(flags):
        app = twins("OURS", *flags)
        for strip in (False, True):
            what = "%s%s" % (" ".join(flags), " stripped" * strip)
            if strip:
                must("strip", app)
            errors, seen = traced(app, what, "-n", program)
            assert seen == must(app).splitlines() and not errors, "%s: %s %s" % (what, seen, errors[:300])

    each(told_apart, [(level, *flags) for flags in TWINS for level in ("-O0", "-O2")])


def test_an_operand_that_cannot_be_had_fails_alone():
    """SystemTap's header keeps only the name of a variable, which is useless after strip."""
    if sh("gcc", "-include", "sys/sdt.h", "-x", "c", "-E", "/dev/null").returncode:
        raise Skip("no sys/sdt.h")
    program = ("twins$target:::hit { @n = count(); @a = sum(arg3); } twins$target:::hit /arg0 == 0/ { @never"
               " = count(); } twins$target:::exported { @x = sum(arg0); } dtrace:::ERROR { @e = count(); }"
               ' END { printa("%@d ", @n); printa("%@d ", @x); printa("%@d ", @e); printa("%@d", @a); }')
    for flags in TWINS[:2]:
        app = twins("THEIRS", "-O2", *flags)
        sums = sum(int(line.split()[3]) for line in must(app).splitlines())
        # The function of the sites is static: its source file tells the right variables.
        errors, seen = traced(app, "operands", "-n", program)
        assert (seen, errors) == (["14 -539 %d" % sums], ""), (flags, seen, errors[:300])
        must("strip", app)
        errors, seen = traced(app, "operands without names", "-n", program)
        assert seen == ["14 -539 14 %d" % sums], (flags, seen, errors[:300])
        assert errors.count("arg0 cannot be read: unknown symbol (stripped file?) ") == 14, errors[:300]
        assert errors.count(" in predicate") == 14, errors[:300]
    if runs_32():
        app = twins("THEIRS", "-O2", *TWINS[3])
        errors, seen = traced(app, "a pair without a note", "-n", program.replace("arg0 == 0", "arg3 == 0"))
        assert seen == ["14 -539 28 "] and errors.count("arg3 cannot be read: ") == 28, (seen, errors[:300])


main(sys.modules[__name__])
