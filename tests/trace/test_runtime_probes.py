#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Probes made at run time: each firing counts, with the passed values, also for other tracers."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from lib import DTRACE, FOLDER, HERE, Skip, bpf_state, dtrace, main, must, numbers, settled, sh

TOP = os.path.join(HERE, "..", "..")
# These tests may run twice at a time: each run has its own provider name.
NAME = "rt" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
LIMIT = 60


def app(static=False, name="runtime", source=os.path.join(HERE, "runtime.c")):
    """Compiles a program together with libusdt's sources."""
    out = os.path.join(FOLDER, name + ("-static" if static else ""))
    if not os.path.exists(out):
        must("gcc", "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-fno-omit-frame-pointer", "-Wall", "-Werror",
             "-I", TOP, "-I", os.path.join(TOP, "include"), "-o", out, source,
             *[os.path.join(TOP, "usdt", f + ".c") for f in ("image", "proto", "provider", "region")],
             *(["-static"] if static else []), "-pthread")
    return out


def traced(program, *args):
    """stdout of a run with -c, where dtrace attaches before the first hit: no hit may be missed."""
    p = dtrace("-q", "-Z", "-c", " ".join((app(),) + args), "-n", program.replace("rt$", "rtapp$"), timeout=LIMIT)
    assert p.returncode == 0 and not p.stderr, (p.returncode, p.stderr, p.stdout)
    return p.stdout


def words(out):
    return sorted(l.split() for l in out.split("\n") if l.strip())


@contextlib.contextmanager
def process(*args, static=False, **kw):
    """A program that waits at its gate: the process, and a function that opens the gate and
    waits for the end."""
    gate = os.path.join(FOLDER, "gate%d" % process.n)
    process.n += 1
    p = subprocess.Popen((app(static), "-P", NAME, "-w", gate) + args, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True, **kw)

    def go():
        open(gate, "w").close()
        assert p.wait(LIMIT) == 0, p.returncode
    try:
        assert p.stdout.readline() == "ready\n"
        yield p, go
    finally:
        if p.poll() is None:
            p.kill()
        p.communicate()


process.n = 0


@contextlib.contextmanager
def tracing(*args, program, before=()):
    """A dtrace that has attached; done() ends dtrace and returns its output after 'go'."""
    d = subprocess.Popen((*before, DTRACE, "-q", *args, "-n", 'BEGIN { printf("go\\n"); } ' + program),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def done():
        if d.poll() is None:
            d.send_signal(signal.SIGINT)
        out, err = d.communicate(timeout=LIMIT)
        assert d.returncode == 0 and not err, (d.returncode, err, out)
        return out
    try:
        line = d.stdout.readline()
        assert line == "go\n", line + d.communicate()[1]
        yield d, done
    finally:
        if d.poll() is None:
            d.kill()
        d.communicate()


# ---- Counts ---------------------------------------------------------------------------------

def test_threads_are_counted_exactly():
    out = traced('rt$target:::hit { @[copyinstr(arg1)] = count(); @sum = sum(arg0); }'
                 ' END { printa("%s %@d\\n", @); printa("%@d\\n", @sum); }', "-t", "16", "-n", "9000", "count")
    assert words(out) == [["%d" % (16 * 9000 * 8999 // 2)], ["one", "48000"], ["two", "48000"],
                          ["zero", "48000"]], out


def test_a_running_process():
    for static in (False, True):
        with process("-t", "4", "count", static=static) as (p, go):
            with tracing("-p", str(p.pid), program=NAME + '$target:::hit { @ = count(); }'
                         ' END { printa("%@d\\n", @); }') as (_, done):
                go()
                assert numbers(done()) == [4000], static


def test_whole_system_before_and_after_attach():
    """Two programs exist before dtrace. A third starts later: dtrace has attached once it sees
    `settle`."""
    with process("count") as (a, go_a), process("-n", "500", "count") as (b, go_b):
        with tracing(program=NAME + '*:::settle /!seen[pid]++/ { printf("seen %%d\\n", pid); }'
                     ' %s*:::hit { @[pid] = count(); } END { printa("hits %%d %%@d\\n", @); }' % NAME) as (d, done):
            go_a()
            go_b()
            with process("-n", "700", "count") as (c, go_c):
                while d.stdout.readline() != "seen %d\n" % c.pid:
                    assert d.poll() is None
                go_c()
                out = done()
        hits = sorted(re.findall(r"^hits (\d+) (\d+)$", out, re.M))
        want = sorted([(str(a.pid), "1000"), (str(b.pid), "500"), (str(c.pid), "700")])
        assert hits == want, (hits, want)


def test_another_process_is_not_counted():
    with process("count") as (a, go_a), process("count") as (_, go_b):
        with tracing("-p", str(a.pid), program=NAME + '$target:::hit { @[pid] = count(); }'
                     ' END { printa("%d %@d\\n", @); }') as (_, done):
            go_a()
            go_b()
            assert words(done()) == [[str(a.pid), "1000"]]


def test_thousands():
    out = traced('rt$target:::probe-* { @ = count(); @sum = sum(arg0); @n[probename] = count(); }'
                 ' END { printa("%@d\\n", @); printa("%@d\\n", @sum); trunc(@n, 0); }', "-n", "5000", "many")
    assert numbers(out) == [5000, 5000 * 4999 // 2], out


def test_lives_and_toggles():
    """Each enable makes a new object; hits of a disabled provider do not count."""
    count = 'rt$target:::hit { @ = count(); } END { printa("%@d\\n", @); }'
    assert numbers(traced(count, "-c", "150", "-n", "40", "lives")) == [6000]
    assert numbers(traced(count, "-c", "150", "-n", "40", "toggle")) == [6000]


def test_points_come_and_go_and_lose_no_hit_of_others():
    out = traced('rt$target:::brief, rt$target:::other, rt$target:::hit'
                 ' { @[probename] = count(); } END { printa("%s %@d\\n", @); }', "-c", "60", "-n", "50", "come-and-go")
    assert words(out) == [["brief", "60"], ["hit", "6000"], ["other", "60"]], out


def test_forks():
    """The first child frees the inherited provider; the parent's stays. The second child fires
    300."""
    with process("-n", "300", "forks") as (p, go):
        with tracing(program=NAME + '*:::hit { @[pid] = count(); } END { printa("%d %@d\\n", @); }') as (_, done):
            go()
            child = numbers(p.stdout.read())[0]
            assert words(done()) == sorted([[str(child), "300"], [str(p.pid), "600"]])


def test_a_storm_breaks_nothing():
    """16 threads fire while the provider is enabled and disabled 200 times under a tracer."""
    with process("-t", "16", "-n", "4000", "-c", "200", "storm") as (p, go):
        with tracing("-p", str(p.pid), program=NAME + '$target:::hit { @ = count(); @low = min(arg0); @high = max(arg0);'
                     ' @key[copyinstr(arg1)] = count(); } END { printa("%@d %@d %@d\\n", @, @low, @high);'
                     ' printa("%s\\n", @key); }') as (_, done):
            go()
            out = done()
    keys = [l[0] for l in words(out) if len(l) == 1]
    n, low, high = [int(w) for l in words(out) if len(l) == 3 for w in l]
    assert 0 < n <= 16 * 4000 and 0 <= low <= high < 4000, out
    assert set(keys) <= {"zero", "one", "two"}, out


def test_the_example():
    """The example does what its comment says."""
    source = os.path.join(TOP, "examples", "runtime", "hello.c")
    with open(source) as f:
        program = re.search(r"-n '(.*)'$", f.read(), re.M).group(1)
    p = dtrace("-q", "-Z", "-c", app(name="hello", source=source), "-n", program, timeout=LIMIT)
    assert (p.returncode, p.stdout, p.stderr) == (0, "0 world1 world2 world", ""), (p.stdout, p.stderr)


# ---- Values -----------------------------------------------------------------------------------

def test_integers_of_each_width_and_sign():
    out = traced('rt$target:::ints, rt$target:::more { printf("%d %d %d %d %d %d %d %d %d %d\\n",'
                 ' arg0, arg1, arg2, arg3, arg4, arg5, arg6, arg7, arg8, arg9); }', "types")
    assert out.split("\n")[:2] == [
        "-128 255 -32768 65535 -2147483648 4294967295 -1 -1 120 1",
        "-9223372036854775808 2147483648 -2 -3 -1 -2 -3 -4 254 65534"], out


def test_typed_arguments_and_the_last_ones():
    """args[] of a running process have the types of the prototype."""
    with process("types") as (p, go):
        with tracing("-p", str(p.pid), program=NAME + '$target:::more { printf("%d %u %d %u\\n", args[3], args[9],'
                     ' args[10], args[11]); } ' + NAME + '$target:::request { printf("%d %d\\n", args[1],'
                     ' *(int *)copyin(arg0, 4)); } ' + NAME + '$target::main:strings'
                     ' { printf("main %s\\n", copyinstr((uintptr_t)args[0])); }') as (_, done):
            go()
            out = done()
    assert words(out) == [["-3", "65534", "4294967294", "18446744073709551614"], ["42", "42"], ["main", "hello"]], out


def test_strings_floats_and_doubles_bit_for_bit():
    out = traced('rt$target::main:strings { printf("[%s] [%s] [%s] %x\\n", copyinstr(arg0), copyinstr(arg1),'
                 ' copyinstr(arg2), arg3); } rt$target:::reals { printf("%x %x %d %x %x %s %x %x\\n",'
                 ' arg0, arg1, arg2, arg3, arg4, copyinstr(arg5), arg6, arg7); }', "types")
    assert out.split("\n")[:2] == [
        "400a000000000000 bf000000 7 7149f2ca bfd5555555555555 txt 1a56e1fc2f8f359 3dcccccd",
        "[hello] [] [/index.html] 0"], out


def test_stack_leads_to_the_code_that_fires():
    out = traced('rt$target:::request { ustack(3); }', "types")
    frames = re.findall(r"(\S+`\w+)\+0x", out)
    assert frames == ["rtapp`request", "runtime`serve", "runtime`types"], out
    out = traced('rt$target:::ints { ustack(2); usym(ucaller); }', "types")    # many
    frames = re.findall(r"(\S+`\w+)", out)
    assert frames == ["rtapp`ints", "runtime`types", "runtime`types"], out


# ---- Listing, names -----------------------------------------------------------------------------

def test_listed_names_work():
    with process("count") as (p, go):
        listed = must(DTRACE, "-l", "-n", NAME + "*:::")
        rows = [l.split() for l in listed.split("\n")[1:] if l]
        provider = "%s%d" % (NAME, p.pid)
        assert [r[1:] for r in rows] == [[provider, NAME, "hit", "hit"], [provider, NAME, "settle", "settle"]], listed
        full = ":".join(rows[0][1:])
        with tracing("-p", str(p.pid), program=full + '{ @ = count(); } END { printa("%@d\\n", @); }') as (_, done):
            go()
            assert numbers(done()) == [1000]


def test_listed_types_and_names():
    with process("types") as (_, _):
        p = must(DTRACE, "-lv", "-n", NAME + "*:::request")
        assert re.search(r"args\[0\]: struct request \*\n\s+args\[1\]: int\n", p), p


def test_many_files_with_few_descriptors():
    """150 providers under a soft limit of 64 descriptors; a command gets the original limit."""
    few = ("sh", "-c", 'ulimit -Sn 64; exec "$@"', "sh")
    with process("-c", "150", "providers") as (p, go):
        with tracing("-p", str(p.pid), before=few,
                     program=NAME + '$target:::hit { @ = count(); } END { printa("%@d\\n", @); }') as (_, done):
            go()
            assert numbers(done()) == [150]
    out = must(*few, DTRACE, "-q", "-c", "prlimit --nofile --output SOFT --noheadings", "-n", "BEGIN { }")
    assert numbers(out) == [64], out


# ---- Ends ---------------------------------------------------------------------------------------

def semaphores(pid):
    """The semaphores of the process that are not 0. A point is 16 bytes and begins with its
    semaphore."""
    with open("/proc/%d/maps" % pid) as f:
        lines = [l for l in f if "/memfd:usdt:" in l and " rw-p " in l]
    found = []
    with open("/proc/%d/mem" % pid, "rb") as f:
        for l in lines:
            start, end = (int(x, 16) for x in l.split()[0].split("-"))
            f.seek(start + 256)
            data = f.read(end - start - 256)
            found += [data[i] | data[i + 1] << 8 for i in range(0, len(data), 16)]
    return [n for n in found if n]


def test_semaphores_are_counted_and_fall_back():
    before = bpf_state()
    with process("count") as (p, _):
        assert semaphores(p.pid) == []
        with tracing("-p", str(p.pid), program=NAME + '$target:::hit { @ = count(); }') as (d, _):
            assert semaphores(p.pid) == [1]
            with tracing(program=NAME + '*::: { @ = count(); }') as (_, done):
                assert semaphores(p.pid) == [1, 1]	# the kernel counts probed sites, not tracers
                done()
            assert semaphores(p.pid) == [1]
            d.kill()
            d.wait()
            end = time.time() + 5
            while semaphores(p.pid) and time.time() < end:
                time.sleep(0.01)
            assert semaphores(p.pid) == []
    now = settled(before)
    assert all(now[k] <= before[k] for k in before), (before, now)


def test_two_capabilities_are_enough():
    """Without the right to use map_files, dtrace reads the object through the program's
    descriptor."""
    os.chmod(FOLDER, 0o755)
    only = "-all,+bpf,+perfmon"
    p = sh("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=" + only,
           "--ambient-caps=" + only, "--bounding-set=" + only, DTRACE, "-q", "-Z", "-c", app() + " -n 70 count",
           "-n", "rtapp$target:::hit { @ = count(); }", timeout=LIMIT)
    assert (p.returncode, p.stdout.split(), p.stderr) == (0, ["70"], ""), (p.stdout, p.stderr)


# ---- Other tools --------------------------------------------------------------------------------

def tool(*names):
    for n in names:
        if shutil.which(n):
            return shutil.which(n)
    raise Skip("no " + names[0])


def test_tplist_lists():
    tplist = tool("tplist-bpfcc", "tplist")
    with process("types") as (p, _):
        out = must(tplist, "-p", str(p.pid), "-vv", NAME + "*")
    found = re.findall(r"^%s:(\S+)" % NAME, out, re.M)
    assert sorted(found) == ["ints", "more", "reals", "request", "settle", "strings"], out
    more = out[out.index(NAME + ":more"):]
    want = ["8 signed", "4 unsigned", "8 signed", "4 signed", "1 signed", "2 signed", "4 signed", "8 signed",
            "1 unsigned", "2 unsigned", "4 unsigned", "8 unsigned"]
    assert re.findall(r"argument #\d+ (\d signed|\d unsigned)", more)[:12] == want, out


def test_bpftrace_counts():
    tool("bpftrace")
    with process("-n", "2000", "count") as (p, go):
        b = subprocess.Popen(["bpftrace", "-p", str(p.pid), "-e", 'BEGIN { printf("go\\n"); }'
                              ' usdt:*:%s:hit { @n = count(); @s = sum(arg0); @k[str(arg1)] = count(); }' % NAME],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            while b.stdout.readline() not in ("go\n", ""):
                pass
            end = time.time() + 20
            while not semaphores(p.pid) and time.time() < end:
                time.sleep(0.05)
            go()
            if b.poll() is None:
                b.send_signal(signal.SIGINT)
            out, err = b.communicate(timeout=LIMIT)
        finally:
            if b.poll() is None:
                b.kill()
    assert "@n: 2000\n" in out and "@s: 1999000\n" in out and "@k[zero]: 667\n" in out, (out, err)


def test_readelf_reads_the_object():
    with process("types") as (p, _):
        fds = "/proc/%d/fd" % p.pid
        fd = [f for f in os.listdir(fds) if os.readlink(os.path.join(fds, f)).startswith("/memfd:usdt:" + NAME)]
        out = must("readelf", "-nS", "--wide", os.path.join(fds, fd[0]))
    assert out.count("NT_STAPSDT") == 6 and "Provider: " + NAME in out, out


main(sys.modules[__name__])
