#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traced processes that open and close libraries with probes."""
import contextlib
import os
import re
import signal
import subprocess
import sys

from lib import DTRACE, EMULATED, FOLDER, HERE, bpf_state, dtrace, main, must, settled

TOP = os.path.join(HERE, "..", "..")
# These tests may run twice at a time: each run has its own provider name.
NAME = "lib" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
LIMIT = 400 if EMULATED else 60

# -DWHO=a: libraries a, b, … differ only in the name of the function (and by -DPAD, in its address).
LIBRARY = """
#include <usdt/sdt.h>
USDT_SEMAPHORE(%(name)s, hit);
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#ifdef PAD
__attribute__((used, aligned(64))) static void pad(void) { __asm__ volatile(".fill 192, 1, 0x90"); }
#endif
__attribute__((noinline)) static void JOIN(fire_, WHO)(long n)
{
	for (long i = 0; i < n; i++)
		USDT_SEM_PROBE1(%(name)s, hit, i);
}
void (*fire)(long) = JOIN(fire_, WHO);
const volatile unsigned short *semaphore = &%(name)s_hit_semaphore;
""" % {"name": NAME}


def path(name):
    return os.path.join(FOLDER, name)


def library(who, *flags, name=None):
    out = path(name or "lib%s.so" % who)
    if not os.path.exists(out):
        with open(path("library.c"), "w") as f:
            f.write(LIBRARY)
        must("gcc", "-O1", "-fno-omit-frame-pointer", "-shared", "-fPIC", "-I", os.path.join(TOP, "include"), "-DWHO=" + who,
             *flags, "-o", out, path("library.c"))
    return out


def reopen():
    out = path("reopen")
    if not os.path.exists(out):
        must("gcc", "-O1", "-D_GNU_SOURCE", "-o", out, os.path.join(HERE, "reopen.c"), "-ldl")
    return out


def gate():
    gate.n += 1
    return path("gate%d" % gate.n)


gate.n = 0


class Program:
    """reopen, stopped at its first step '@'; go() lets it run to its next '@', or to its end."""

    def __init__(self, *steps):
        self.gates = [gate() for s in steps if s == "@"]
        gates = iter(self.gates)
        self.p = subprocess.Popen([reopen()] + ["@" + next(gates) if s == "@" else str(s) for s in steps],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.out = []
        self.read()

    def read(self):
        for line in self.p.stdout:
            if line == "ready\n":
                return
            self.out.append(line.split())
        assert self.p.wait(LIMIT) == 0, self.p.returncode

    def go(self):
        open(self.gates.pop(0), "w").close()
        self.read()

    def close(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()


@contextlib.contextmanager
def program(*steps):
    p = Program(*steps)
    try:
        yield p
    finally:
        p.close()


@contextlib.contextmanager
def tracing(*args):
    """A dtrace that has attached. done() ends dtrace and returns its output after 'go'. An empty
    line stands where dtrace noticed the signal, unless the process has ended first."""
    d = subprocess.Popen([DTRACE, "-q", *args[:-1], "-n", 'BEGIN { printf("go\\n"); } ' + args[-1]],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def done(warned=""):
        if d.poll() is None:
            d.send_signal(signal.SIGINT)
        out, err = d.communicate(timeout=LIMIT)
        assert d.returncode == 0 and (warned in err if warned else not err), (d.returncode, err, out)
        return out
    try:
        line = d.stdout.readline()
        assert line == "go\n", line + d.communicate()[1]
        yield done
    finally:
        if d.poll() is None:
            d.kill()
        d.communicate()


def rows(out):
    return sorted(l.split() for l in out.split("\n") if l.strip())


def command(steps, text):
    """Runs reopen with these steps under -c; the output of dtrace and the output of reopen, kept
    apart by -o."""
    out = path("out")
    if os.path.exists(out):
        os.unlink(out)  # -o appends
    p = dtrace("-q", "-Z", "-o", out, "-c", " ".join(str(s) for s in steps), "-n", text)
    assert p.returncode == 0 and not p.stderr, p.stderr
    with open(out) as f:
        return f.read(), rows(p.stdout)


# A line for each firing, with its value: no firing is lost or comes twice.
COUNT = '%s:::hit { printf("hit %%s %%s %%d\\n", probemod, probefunc, arg0); }'
# A line for each tenth firing, with the function that the stack names.
STACKS = '%s:::hit /arg0 %% 10 == 0/ { printf("at %%s", probemod); ustack(1); }'


def hits(out):
    """{(module, function): {value: number of firings}}"""
    seen = {}
    for module, func, value in re.findall(r"^hit (\S+) (\S+) (\d+)$", out, re.M):
        values = seen.setdefault((module, func), {})
        values[int(value)] = values.get(int(value), 0) + 1
    return seen


def of(*counts):
    """The part of hits() for these numbers of firings, one number for each call of fire."""
    return {v: sum(n > v for n in counts) for v in range(max(counts))}


def stacks(out):
    """{(module of the probe, module and function of the stack): number of firings}"""
    seen = {}
    for module, frame in re.findall(r"^at (\S+)\n\s+(\S+?)(?:\+0x\w+)?$", out, re.M):
        seen[module, frame] = seen.get((module, frame), 0) + 1
    return seen


def told(p, what):
    return [r[1] for r in p.out if r[0] == what]


# ---- Come and go --------------------------------------------------------------------------------

def test_a_command_opens_closes_and_opens_again():
    a, b = library("a"), library("b")
    steps = ["+" + a, 1000, "?", "-", "+" + a, 200, "-", "+" + b, 30, "?", "-", "/", "+" + a, 50, "?"]
    out, got = command([reopen()] + steps, COUNT % (NAME + "$target"))
    places = [tuple(r) for r in got if r[-1].startswith("0x")]
    assert len(places) == 4 and len(set(places)) == 3 and len({at for _, at in places}) == 2, places
    assert hits(out) == {("liba.so", "fire_a"): of(1000, 200, 50), ("libb.so", "fire_b"): of(30)}, out
    assert got.count(["semaphore", "1"]) == 3, got


def ways(p):
    """Ways to trace a running process: dtrace's options, and the provider in the description."""
    return ((("-p", str(p.p.pid)), NAME + "$target"), ((), NAME + "*"))


def test_a_process_opens_closes_and_opens_again():
    """A reopened library is exact without a wait; a new library waits for its semaphore (!)."""
    a, b = library("a"), library("b")
    for way in range(2):
        with program("+" + a, "@", 1000, "-", "+" + a, 200, "-", "+" + b, "!", 30, "?", "-", "/", "+" + a, 50, "?",
                     "-", "+" + b, 7, "@", "?", "-", "+" + a, "?") as p:
            args, provider = ways(p)[way]
            with tracing(*args, COUNT % provider) as done:
                p.go()
                out = done()
            p.go()
            assert hits(out) == {("liba.so", "fire_a"): of(1000, 200, 50),
                                 ("libb.so", "fire_b"): of(30, 7)}, (way, out)
            assert told(p, "semaphore") == ["1", "1", "0", "0"], p.out
            assert len(set(told(p, "liba.so"))) > 1 and set(told(p, "liba.so")) & set(told(p, "libb.so")), p.out


def test_the_consumer_ends_while_the_library_is_away():
    a = library("a")
    for way in range(2):
        for how in (signal.SIGINT, signal.SIGKILL):
            with program("+" + a, "@", 10, "-", "@", "+" + a, "?", 10) as p:
                args, provider = ways(p)[way]
                with tracing(*args, COUNT % provider) as done:
                    p.go()
                    if how == signal.SIGINT:
                        assert hits(done()) == {("liba.so", "fire_a"): of(10)}
                p.go()
                assert told(p, "semaphore") == ["0"], p.out


def test_stacks_name_the_library_of_then():
    """Two libraries at the same address in turn; then the first library at another address."""
    a, b = library("a"), library("b")
    steps = ("-", "+" + b, "!", 30, "-", "/", "+" + a, 20)
    expected = {("liba.so", "liba.so`fire_a"): 6, ("libb.so", "libb.so`fire_b"): 3}
    for way in range(2):
        with program("+" + a, "@", 40, *steps) as p:
            args, provider = ways(p)[way]
            with tracing(*args, STACKS % provider) as done:
                p.go()
                out = done()
            assert stacks(out) == expected and told(p, "liba.so")[0] == told(p, "libb.so")[0], (way, p.out, out)
    out, _ = command([reopen(), "+" + a, 40] + [s for s in steps if s != "!"], STACKS % (NAME + "$target"))
    assert stacks(out) == expected, out


def test_another_file_by_the_name_of_the_first():
    """As in an upgrade, two files are named liba.so: stacks name the function of the file mapped
    then."""
    new = library("c", "-DPAD", name="new.so")
    for way in range(3):
        a = library("a", name="liba%d.so" % way)
        fresh = path("new%d.so" % way)
        os.link(new, fresh)
        steps = ("-", ">%s=%s" % (fresh, a), "+" + a, "!", 30)
        text = COUNT + STACKS
        if way == 2:
            out, _ = command([reopen(), "+" + a, 40] + list(steps), text % (NAME + "$target", NAME + "$target"))
        else:
            with program("+" + a, "@", 40, *steps) as p:
                args, provider = ways(p)[way]
                with tracing(*args, text % (provider, provider)) as done:
                    p.go()
                    out = done()
        name = os.path.basename(a)
        assert hits(out) == {(name, "fire_a"): of(40), (name, "fire_c"): of(30)}, (way, out)
        assert stacks(out) == {(name, name + "`fire_a"): 4, (name, name + "`fire_c"): 3}, (way, out)


STORM = """
#include <dlfcn.h>
#include <pthread.h>
static char **paths;
static void *work(void *arg)
{
	long k = (long)arg;

	for (int r = 0; r < 20; r++) {
		void *h = dlopen(paths[k & 1], RTLD_NOW);
		void (**fire)(long) = dlsym(h, "fire");

		(*fire)(50);
		dlclose(h);
	}
	return arg;
}
int main(int argc, char **argv)
{
	pthread_t t[8];

	paths = argv + 1;
	for (long i = 0; argc == 3 && i < 8; i++)
		pthread_create(&t[i], 0, work, (void *)i);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], 0);
	return 0;
}
"""


def test_threads_open_and_close_two_libraries():
    out = path("storm")
    with open(out + ".c", "w") as f:
        f.write(STORM)
    must("gcc", "-O1", "-o", out, out + ".c", "-pthread", "-ldl")
    before = bpf_state()
    for provider in (NAME + "$target", NAME + "*"):
        seen, _ = command([out, library("a"), library("b")], COUNT % provider)
        assert hits(seen) == {("liba.so", "fire_a"): of(*[50] * 80),
                                  ("libb.so", "fire_b"): of(*[50] * 80)}, seen[:500]
    now = settled(before)
    assert all(now[k] <= before[k] for k in before), (before, now)


# ---- Two providers of one name --------------------------------------------------------------------

TWO = """
#include "%(who)s.h"
#include <string.h>
static void only_%(who)s(long i) { %(up)s_ONLY_%(WHO)s(i); }
__attribute__((noinline)) static void fire_%(who)s(long n)
{
	static char words[1000][8];

	for (long i = 0; i < n; i++) {
		strcpy(words[i], "word-0");
		words[i][5] = (char)('0' + i %% 10);
		%(up)s_BOTH(%(value)s);
		only_%(who)s(i);
	}
}
void (*fire)(long) = fire_%(who)s;
const volatile unsigned short *semaphore = &%(name)s_both_semaphore;
"""
TYPES = {"x": ("int count", "(int)-i"), "y": ("char *word", "words[i]"), "z": ("short few", "(short)i")}


def declared(who):
    """A library that declares probe both(…) with its own type, and a probe that no other has."""
    out = path("lib%s.so" % who)
    if not os.path.exists(out):
        type_, value = TYPES[who]
        with open(path(who + ".d"), "w") as f:
            f.write("provider %s { probe both(%s); probe only__%s(long); };\n" % (NAME, type_, who))
        must(DTRACE, "-h", "-s", path(who + ".d"), "-o", path(who + ".h"))
        with open(path(who + ".c"), "w") as f:
            f.write(TWO % {"who": who, "WHO": who.upper(), "name": NAME, "up": NAME.upper(), "value": value})
        must("gcc", "-O1", "-shared", "-fPIC", "-I", FOLDER, "-o", out, path(who + ".c"))
    return out


def listed(p, *args):
    out = must(DTRACE, "-l", *args, "-n", "%s%d:::" % (NAME, p.p.pid))
    return [tuple(l.split()[1:]) for l in out.split("\n")[1:] if l]


def test_each_is_listed_once_in_its_module():
    with program("+" + declared("x"), "+" + declared("y"), "@") as p:
        own = "%s%d" % (NAME, p.p.pid)
        assert listed(p) == [(own, "libx.so", "fire_x", "both"), (own, "libx.so", "fire_x", "only-x"),
                             (own, "liby.so", "fire_y", "both"), (own, "liby.so", "fire_y", "only-y")], listed(p)
        verbose = must(DTRACE, "-lv", "-n", own + ":::both")
        assert re.findall(r"(lib.\.so)|args\[0\]: (.*)", verbose) == [
            ("libx.so", ""), ("", "int"), ("liby.so", ""), ("", "char *")], verbose


def test_each_is_counted_in_its_module():
    with program("+" + declared("x"), "@", 40, "+" + declared("y"), "!", 60) as p:
        with tracing("-p", str(p.p.pid), '%s$target::: { printf("%%s %%s\\n", probemod, probename); }' % NAME) as done:
            p.go()
            out = rows(done())
    assert {(r[0], r[1]): out.count(r) for r in out} == {
        ("libx.so", "both"): 40, ("libx.so", "only-x"): 40, ("liby.so", "both"): 60, ("liby.so", "only-y"): 60}, out


X_VALUES = '%s$target:libx.so::both { printf("x %%d\\n", args[0]); }'
Y_VALUES = '%s$target:liby.so::both { printf("y %%s\\n", copyinstr((uintptr_t)args[0])); }'


def test_arguments_have_the_types_of_their_module():
    """In two clauses of a program, and in a clause with two descriptions."""
    with program("+" + declared("x"), "+" + declared("y"), "@", 3, "-", 3) as p:
        with tracing("-p", str(p.p.pid), (X_VALUES + Y_VALUES) % (NAME, NAME) +
                     ' %s$target:libx.so::both, %s$target:liby.so::both { printf("size %%d\\n", sizeof(args[0])); }'
                     % (NAME, NAME)) as done:
            p.go()
            out = done()
    assert sorted(l for l in out.split("\n") if l) == ["size 4"] * 3 + ["size 8"] * 3 + [
        "x -1", "x -2", "x 0", "y word-0", "y word-1", "y word-2"], out


def test_one_clause_for_types_that_differ_is_refused():
    with program("+" + declared("x"), "+" + declared("y"), "@") as p:
        q = dtrace("-p", str(p.p.pid), "-n", NAME + "$target:::both { trace(args[0]); }")
        assert q.returncode == 1 and "args[] differs between the probes of" in q.stderr, q.stderr
        assert "libx.so:fire_x:both and" in q.stderr and "liby.so:fire_y:both differ" in q.stderr, q.stderr


def test_types_of_a_library_that_comes_later():
    """A clause compiled for types of libx.so is not run for liby.so, with a warning; other clauses
    are."""
    text = ('%s:::both { printf("x %%d\\n", args[0]); } %s:::both { printf("any %%s\\n", probemod); }')
    expected = sorted(["any libx.so"] * 3 + ["any liby.so"] * 5 + ["x 0", "x -1", "x -2"])
    for args, provider in (((), NAME + "*"), (("-p",), NAME + "$target")):
        with program("+" + declared("x"), "@", 3, "+" + declared("y"), "!", 5) as p:
            with tracing(*args, *[str(p.p.pid) for a in args], text % (provider, provider)) as done:
                p.go()
                out = done(warned="args[] of %s" % NAME)
        assert sorted(l for l in out.split("\n") if l) == expected, out
    q = dtrace("-q", "-c", "%s +%s 3 +%s 5" % (reopen(), declared("x"), declared("y")), "-n",
               text % (NAME + "$target", NAME + "$target"))
    assert q.returncode == 1 and "args[] is not known" in q.stderr, q.stderr


def test_same_module_other_types():
    """Two files of the same name in two folders, with functions of the same name, have two
    probes."""
    x, z = declared("x"), declared("z")
    os.makedirs(path("other"), exist_ok=True)
    other = os.path.join(path("other"), "libx.so")
    if not os.path.exists(other):
        with open(path("z.c")) as f, open(path("zx.c"), "w") as g:
            g.write(f.read().replace("fire_z", "fire_x"))
        must("gcc", "-O1", "-shared", "-fPIC", "-I", FOLDER, "-o", other, path("zx.c"))
    assert os.path.exists(z)
    with program("+" + x, "+" + other, "@") as p:
        rows_ = [r for r in listed(p) if r[3] == "both"]
        assert len(rows_) == 2 and len(set(rows_)) == 1, rows_
        q = dtrace("-p", str(p.p.pid), "-n", NAME + "$target:libx.so::both { trace(args[0]); }")
        assert q.returncode == 1 and "differ" in q.stderr, q.stderr


MADE = """
#include <usdt/sdt.h>
#include <usdt/usdt.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct usdt_provider *p;
	struct usdt_point *both;

	if (usdt_provider_new("%(name)s", &p) || usdt_provider_add(p, "both", "const char *word", &both) ||
	    usdt_provider_enable(p))
		return 3;
	puts("ready");
	fflush(stdout);
	while (argc > 1 && access(argv[1], F_OK))
		usleep(1000);
	for (int i = 0; i < 4; i++) {
		USDT_PROBE1(%(name)s, both, -i);
		usdt_fire(both, "made");
	}
	return 0;
}
""" % {"name": NAME}


def test_one_made_at_run_time_and_one_built_in():
    out, go = path("made"), gate()
    with open(out + ".c", "w") as f:
        f.write(MADE)
    must("gcc", "-O1", "-D_GNU_SOURCE", "-I", TOP, "-I", os.path.join(TOP, "include"), "-o", out, out + ".c",
         *[os.path.join(TOP, "usdt", f + ".c") for f in ("image", "proto", "provider", "region")], "-pthread")
    p = subprocess.Popen([out, go], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "ready\n"
        listed_ = must(DTRACE, "-l", "-n", "%s%d:::" % (NAME, p.pid))
        assert [l.split()[2:] for l in listed_.split("\n")[1:] if l] == [
            [NAME, "both", "both"], ["made", "main", "both"]], listed_
        with tracing("-p", str(p.pid), '%s$target:made::both { printf("built %%d\\n", args[0]); }'
                     ' %s$target:%s::both { printf("%%s\\n", copyinstr((uintptr_t)args[0])); }'
                     % (NAME, NAME, NAME)) as done:
            open(go, "w").close()
            assert p.wait(LIMIT) == 0
            assert rows(done()) == sorted([["built", str(-i)] for i in range(4)] + [["made"]] * 4)
    finally:
        if p.poll() is None:
            p.kill()
        p.communicate()


main(sys.modules[__name__])
