#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""runtimes/ruby under Debian's Ruby: probes arrive as fired, without other effects."""
import os
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "trace"))
from lib import DTRACE, FOLDER, Skip, dtrace, main, must, numbers, sh  # noqa: E402
from interpreters import RUBY, build_ruby  # noqa: E402

NAME = "rb" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
RUBY_ENV = dict(os.environ, GEM_HOME=os.path.join(FOLDER, "gems"), LC_ALL="C.UTF-8")
COUNT = 'shop*:::order { @[copyinstr(arg1)] = count(); } END { printa("%s %@d\\n", @); }'


def need_ruby():
    if not shutil.which("ruby"):
        raise Skip("no ruby")
    if must("ruby", "-rrbconfig", "-e", "print File.exist?(RbConfig::CONFIG['rubyhdrdir'] + '/ruby.h')") != "true":
        raise Skip("no headers of Ruby (Debian: ruby-dev)")


def traced(mode, program):
    """The output of dtrace -c for that mode."""
    need_ruby()
    p = dtrace("-q", "-Z", "-c", "ruby %s/probes.rb %s %s" % (HERE, NAME, mode), "-n", program.replace("shop", NAME),
               env=RUBY_ENV)
    assert p.returncode == 0 and not p.stderr, (p.returncode, p.stderr, p.stdout)
    return p.stdout


def words(out):
    return sorted(l.split() for l in out.split("\n") if l.strip())


# ---- The gem -------------------------------------------------------------------------------

def test_builds_without_a_warning():
    """gem build and gem install work, and change no file of the tree."""
    need_ruby()
    before = sorted(os.listdir(os.path.join(RUBY, "ext", "usdt")))
    out = build_ruby(FOLDER, RUBY_ENV)
    assert "warning" not in out, out
    assert sorted(os.listdir(os.path.join(RUBY, "ext", "usdt"))) == before
    listed = must("gem", "list", "--local", env=RUBY_ENV)
    assert re.search(r"^usdt \(0\.1\.0\)$", listed, re.M), listed


def test_without_tracer():
    need_ruby()
    p = sh("ruby", "-W", os.path.join(HERE, "unit_ruby.rb"), env=RUBY_ENV)
    assert p.returncode == 0 and not p.stderr and re.match(r"\d\d\d checks\n$", p.stdout), (p.stderr, p.stdout)


# ---- Under a tracer --------------------------------------------------------------------------

def test_values_arrive():
    lines = traced("values", 'shop$target:::every { printf("%d [%s] %x %d %d %d %u %x %d %x\\n", arg0, copyinstr(arg1),'
                   ' arg2, arg3, arg4, arg5, arg6, arg7, arg8, arg9); }'
                   ' shop$target::Shop.sell:sold, shop$target:::order { printf("%d %s\\n", arg0, copyinstr(arg1)); }')
    assert lines.split("\n")[:5] == [
        "-9223372036854775808 [gr\u00fc\u00df \u20ac] 3ff8000000000000 1 -128 65535 18446744073709551615 3dcccccd -1 100000000",
        "7 [] 4008000000000000 0 -1 65535 18446744073709551615 40000000 -2147483648 0",
        "0 [a] fff0000000000000 1 0 0 0 7f800000 0 0", "7 seven", "8 eight"], lines


def test_counts_from_the_first_line():
    assert words(traced("count", COUNT)) == [["one", "333"], ["two", "333"], ["zero", "334"]]


def test_threads():
    out = traced("threads", 'shop$target:::order { @ = count(); @sum = sum(arg0); @t[tid] = count(); }'
                 ' END { printa("%@d\\n", @); printa("%@d\\n", @sum); printa("%@d\\n", @t); }')
    assert numbers(out) == [8000, 8 * 499500] + [1000] * 8, out


def test_errors_are_raised_and_fire_nothing():
    out = traced("errors", 'shop$target:::order { printf("%d %s\\n", arg0, copyinstr(arg1)); }')
    assert words(out) == [["7", "caught"]], out


def test_forks():
    out = traced("forks", 'shop*:::order { @[pid == $target ? "parent" : "child", copyinstr(arg1) == "mine"]'
                 ' = count(); } END { printa("%s %d %@d\\n", @); }')
    assert words(out) == [["child", "0", "300"], ["child", "1", "7"], ["parent", "0", "400"]], out


def test_hidden_and_shown():
    out = traced("toggles", 'shop$target:::order { @ = count(); } END { printa("%@d\\n", @); }')
    assert numbers(out) == [400], out


def test_reload():
    out = traced("reload", COUNT)
    assert words(out) == [["again", "5"], ["one", "10"], ["two", "9"], ["zero", "11"]], out


def test_probes_and_providers_that_go():
    out = traced("dropped", COUNT + ' shop$target:::sold { printf("sold %s\\n", copyinstr(arg1)); }')
    assert words(out) == [["brief", "30"], ["one", "3"], ["sold", "there"], ["two", "3"], ["zero", "4"]], out


def test_the_end_of_the_program():
    for mode, hits in (("leaves", 500), ("dies", 502)):
        out = traced(mode, 'shop$target:::order { @ = count(); } END { printa("%@d\\n", @); }')
        assert numbers(out) == [hits], (mode, out)


def test_enabled_while_a_tracer_looks():
    """`enabled?` follows a tracer that ends or is killed; args[] and dtrace -lv know the types."""
    need_ruby()
    app = subprocess.Popen(["ruby", os.path.join(HERE, "probes.rb"), NAME, "flips"], env=RUBY_ENV,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert app.stdout.readline() == "off\n"
        listed = must(DTRACE, "-lv", "-n", NAME + "*:::sold")
        assert re.search(r"args\[0\]: int32_t\n\s+args\[1\]: string\n", listed), listed
        for how in (signal.SIGINT, signal.SIGKILL):
            d = subprocess.Popen((DTRACE, "-q", "-p", str(app.pid), "-n", "shop$target:::order { } shop$target:::sold"
                                  ' { printf("%d %s\\n", args[0], stringof(args[1])); }'.replace("shop", NAME)),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                assert app.stdout.readline() == "on\n"
                assert d.stdout.readline() == "7 seven\n"
                d.send_signal(how)
                assert app.stdout.readline() == "off\n"
            finally:
                d.kill()
                d.communicate()
        assert app.wait(60) == 0
    finally:
        app.kill()
        app.communicate()


main(sys.modules[__name__])
