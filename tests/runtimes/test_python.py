#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""runtimes/python under each installed CPython: probes arrive as fired, without other effects."""
import os
import re
import signal
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "trace"))
from lib import DTRACE, FOLDER, Skip, dtrace, each, main, must, numbers, sh  # noqa: E402
from interpreters import PYTHON, build_python, pythons  # noqa: E402

# These tests may run twice at a time: each run has its own provider name.
NAME = "py" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
FOUND, LEFT_OUT = pythons()


def place(version):
    return os.path.join(FOLDER, version)


def env(version):
    return dict(os.environ, PYTHONPATH=place(version), PYTHONDONTWRITEBYTECODE="1")


def every(test):
    """Calls test(version, path) for each interpreter; a failure names the version."""
    if not FOUND:
        raise Skip("no CPython with headers")

    def one(item):
        try:
            test(*item)
        except AssertionError as e:
            raise AssertionError("Python %s: %s" % (item[0], e)) from e
    each(one, FOUND.items())


def name(version):
    """The provider's name: interpreters run side by side, so each has its own. No digit at the end."""
    return NAME + "v" + version.replace(".", "_") + "x"


def traced(version, mode, program):
    """The output of dtrace -c for that mode."""
    p = dtrace("-q", "-Z", "-c", "%s %s/probes.py %s %s" % (FOUND[version], HERE, name(version), mode), "-n",
               program.replace("shop", name(version)), env=env(version), errors="backslashreplace")
    assert p.returncode == 0 and not p.stderr, (p.returncode, p.stderr, p.stdout)
    return p.stdout


def words(out):
    return sorted(l.split() for l in out.split("\n") if l.strip())


COUNT = 'shop*:::order { @[copyinstr(arg1)] = count(); } END { printa("%s %@d\\n", @); }'
SOLD = [["one", "333"], ["two", "333"], ["zero", "334"]]


# ---- The package ---------------------------------------------------------------------------

def test_builds_without_a_warning():
    for version, python in FOUND.items():       # in sequence, to run few compilers at a time
        os.mkdir(place(version))
        build_python(python, place(version))
    for why in LEFT_OUT:
        print("SKIP", why)


def test_without_tracer():
    def one(version, python):
        p = sh(python, os.path.join(HERE, "unit_python.py"), env=env(version))
        assert p.returncode == 0 and re.search(r"^Ran 2\d tests", p.stderr, re.M), p.stderr
    every(one)


def test_pip_installs_it():
    """Installs offline, from the folder and from a source archive outside the tree."""
    with_pip = {v: p for v, p in FOUND.items() if sh(p, "-m", "pip", "--version").returncode == 0}
    if not with_pip:
        raise Skip("no interpreter with pip")
    # The source archive is written outside the tree.
    version, python = sorted(with_pip.items(), key=lambda i: [int(n) for n in i[0].split(".")])[-1]
    archive = os.path.join(FOLDER, must(python, "-B", "-c", "import sys; sys.path.insert(0, %r); import backend;"
                                        " print(backend.build_sdist(%r))" % (PYTHON, FOLDER)).strip())
    with tarfile.open(archive) as t:
        names = t.getnames()
    assert "usdt-0.1.0/libusdt/usdt/provider.c" in names and "usdt-0.1.0/PKG-INFO" in names, names
    for python, source in ((with_pip.get("3.11.2", python), PYTHON), (python, archive)):
        to = os.path.join(FOLDER, "pip", os.path.basename(source))
        must(python, "-m", "pip", "install", "--no-index", "-q", "--target", to, source, cwd="/")
        out = must(python, "-c", "import usdt; print(usdt.__file__); p = usdt.Provider('a').probe('b', int);"
                   " p.provider.enable(); p(1)", env=dict(os.environ, PYTHONPATH=to), cwd="/")
        assert out == to + "/usdt/__init__.py\n", out
        listed = must(python, "-m", "pip", "list", "--path", to)
        assert re.search(r"^usdt +0\.1\.0$", listed, re.M), listed


# ---- Under a tracer ----------------------------------------------------------------------------

def test_values_arrive():
    def one(version, _):
        lines = traced(version, "values", 'shop$target:::every { printf("%d [%s] [%s] %x %d %d %d %u %x %d\\n", arg0,'
                       ' copyinstr(arg1), copyinstr(arg2), arg3, arg4, arg5, arg6, arg7, arg8, arg9); }'
                       ' shop$target::Shop.sell:sold, shop$target:::order { printf("%d %s\\n", arg0, copyinstr(arg1)); }')
        assert lines.split("\n")[:5] == [
            "-9223372036854775808 [gr\u00fc\u00df \u20ac] [raw] 3ff8000000000000 1 -128 65535 18446744073709551615"
            " 3dcccccd -1",
            "7 [\\xff\\x80] [] 4008000000000000 0 -1 65535 18446744073709551615 40000000 -2147483648",
            "0 [\\ud800!] [a] fff0000000000000 1 0 0 0 7f800000 0",
            "7 seven", "8 eight"], lines
    every(one)


def test_types_and_names_are_known():
    """dtrace -lv shows function and types of a running program, and args[] has these types."""
    def one(version, _):
        with process(version, "flips") as app:
            listed = must(DTRACE, "-lv", "-n", name(version) + "*:::sold")
            assert re.search(r"Shop\.sell\s+sold\n", listed), listed
            assert re.search(r"args\[0\]: int32_t\n\s+args\[1\]: string\n", listed), listed
            shop = name(version) + "$target"
            d = tracer(app, shop + ":::order { } " + shop + ':::sold { printf("%d %s ", args[0], stringof(args[1])); } ' +
                       shop + ':::every { printf("%d %x %s", args[9], (uintptr_t)args[10], stringof(args[11])); exit(0); }')
            out, err = d.communicate(timeout=60)
            assert re.match("(7 seven )+-1 100000000 last$", out) and not err, (out, err)
    every(one)


def test_counts_from_the_first_line():
    def one(version, _):
        out = traced(version, "count", COUNT)
        assert words(out) == SOLD, out
    every(one)


def test_threads():
    def one(version, _):
        out = traced(version, "threads", 'shop$target:::order { @ = count(); @sum = sum(arg0); @t[tid] = count(); }'
                     ' END { printa("%@d\\n", @); printa("%@d\\n", @sum); printa("%@d\\n", @t); }')
        assert numbers(out) == [8000, 8 * 499500] + [1000] * 8, out
    every(one)


def test_errors_are_raised_and_fire_nothing():
    def one(version, _):
        out = traced(version, "errors", 'shop$target:::order { printf("%d %s\\n", arg0, copyinstr(arg1)); }')
        assert words(out) == [["14", "caught"]], out
    every(one)


def test_forks():
    """Parent and children fire inherited probes; a child also makes its own."""
    def one(version, _):
        out = traced(version, "forks", 'shop*:::order { @[pid == $target ? "parent" : "child", copyinstr(arg1) == "mine"]'
                     ' = count(); } END { printa("%s %d %@d\\n", @); }')
        assert words(out) == [["child", "0", "300"], ["child", "1", "7"], ["parent", "0", "400"]], out
    every(one)


def test_hidden_and_shown():
    def one(version, _):
        out = traced(version, "toggles", 'shop$target:::order { @ = count(); } END { printa("%@d\\n", @); }')
        assert numbers(out) == [400], out
    every(one)


def test_reload():
    def one(version, _):
        out = traced(version, "reload", COUNT)
        sold = [["again", "5"], ["fresh", "1"], ["one", "10"], ["two", "9"], ["zero", "12"]]
        assert sorted(words(out)) == sorted(sold), out
    every(one)


def test_probes_and_providers_that_go():
    def one(version, _):
        out = traced(version, "dropped", COUNT + ' shop$target:::sold { printf("sold %s\\n", copyinstr(arg1)); }')
        assert words(out) == [["brief", "30"], ["one", "3"], ["sold", "there"], ["two", "3"], ["zero", "4"]], out
    every(one)


def test_the_end_of_the_program():
    def one(version, _):
        out = traced(version, "leaves", 'shop$target:::order { @ = count(); } END { printa("%@d\\n", @); }')
        assert numbers(out) == [500], out
        out = traced(version, "dies", 'shop$target:::order { @ = count(); @l[arg0] = count(); }'
                     ' END { trunc(@l, 0); printa("%@d\\n", @); }')
        assert numbers(out) == [502], out
    every(one)


# ---- A running program ---------------------------------------------------------------------------

class process:
    """A program that runs the mode; line() waits for a line of its output."""

    def __init__(self, version, mode):
        self.p = subprocess.Popen([FOUND[version], os.path.join(HERE, "probes.py"), name(version), mode],
                                  env=env(version), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.line("off")

    def line(self, want):
        got = self.p.stdout.readline()
        assert got == want + "\n", (got, want)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()


def tracer(app, program):
    return subprocess.Popen((DTRACE, "-q", "-p", str(app.p.pid), "-n", program), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_enabled_while_a_tracer_looks():
    """`enabled` becomes false after a tracer ends, and after a tracer is killed."""
    def one(version, _):
        with process(version, "flips") as app:
            for how in (signal.SIGINT, signal.SIGKILL):
                d = tracer(app, name(version) + "$target:::order { }")
                try:
                    app.line("on")
                    d.send_signal(how)
                    app.line("off")
                finally:
                    d.kill()
                    d.communicate()
            assert app.p.wait(60) == 0
    every(one)


main(sys.modules[__name__])
