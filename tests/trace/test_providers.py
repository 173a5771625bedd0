#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Probes of each provider fire at the right time, exactly as often, with the right values."""
import os
import re
import subprocess
import sys

from lib import DTRACE, FOLDER, M32, Skip, build_app, dtrace, main, must, need_32, numbers, sh, traced


def words(out):
    return sorted(l.split() for l in out.split("\n") if l.strip())


def compiled(name, text, *flags):
    out = os.path.join(FOLDER, name)
    source = out + ".src.c"
    if not os.path.exists(out):
        with open(source, "w") as f:
            f.write(text)
        must("gcc", "-O1", "-I", FOLDER, "-o", out, source, *flags)
    return out


CALLS = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1000, failed = 0;
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 37; i++)
		failed += syscall(SYS_close, 12345) == -1 && errno == EBADF;
	return failed != 37;
}
"""


def test_syscalls_are_counted_exactly():
    calls = compiled("calls", CALLS)
    out = traced('syscall::getppid:entry,syscall::getppid:return /pid == $target/ { @[probename] = count(); }'
                 ' END { printa("%s %@d\\n", @); }', calls + " 20000")
    assert words(out) == [["entry", "20000"], ["return", "20000"]], out


def test_syscall_that_fails():
    calls = compiled("calls", CALLS)
    out = traced('syscall::close:entry /pid == $target && arg0 == 12345/ { self->in = 1; }'
                 ' syscall::close:return /self->in/ { self->in = 0;'
                 ' @[(int)arg0, (int)arg1, errno] = count(); } END { printa("%d %d %d %@d\\n", @); }', calls)
    assert words(out) == [["-1", "-1", "9", "37"]], out


def test_32_bit_program():
    need_32()
    calls = compiled("calls32", CALLS, *M32)
    out = traced('syscall::getppid:* /pid == $target/ { @[probemod, probename] = count(); }'
                 ' syscall::close:return /pid == $target && errno == 9/ { @[probemod, "failed"] = count(); }'
                 ' END { printa("%s %s %@d\\n", @); }', calls + " 500")
    assert words(out) == [["ia32", "entry", "500"], ["ia32", "failed", "37"], ["ia32", "return", "500"]], out


def test_latency_by_self():
    calls = compiled("calls", CALLS)
    out = traced('syscall::getppid:entry /pid == $target/ { self->ts = timestamp; }'
                 ' syscall::getppid:return /self->ts/ { @n = count(); @least = min(timestamp - self->ts);'
                 ' @most = max(timestamp - self->ts); self->ts = 0; }'
                 ' syscall::getppid:return /pid == $target && self->ts/ { @left = count(); }'
                 ' END { printa("%@d\\n", @n); printa("%@d\\n", @least); printa("%@d\\n", @most);'
                 ' printa("left %@d\\n", @left); }', calls + " 5000")
    n, least, most = numbers(out)[:3]
    assert n == 5000 and 0 < least <= most < 10**9, out
    assert "left" not in out, out


def test_zero_frees_what_self_held():
    """20,000 elements in turn, with room for far fewer: no drop if each is set to 0, which frees
    it."""
    calls = compiled("calls", CALLS)
    text = ('syscall::getppid:entry /pid == $target/ { self->n++; self->a[self->n] = 1; }'
            ' syscall::getppid:return /pid == $target && self->a[self->n]/ { %s @ = count(); }'
            ' END { printa("%%@d\\n", @); }')
    args = ("-q", "-x", "dynvarsize=64k", "-c", calls + " 20000", "-n")
    p = dtrace(*args, text % "self->a[self->n] = 0;")
    assert p.returncode == 0 and not p.stderr and numbers(p.stdout) == [20000], (p.stderr, p.stdout)
    p = dtrace(*args, text % "")
    lost = sum(numbers(l)[0] for l in p.stderr.split("\n") if "dynamic variable drop" in l)
    assert lost > 0 and numbers(p.stdout)[0] + lost == 20000, (p.stderr, p.stdout)


def test_flow_indents():
    p = dtrace("-F", "-c", compiled("calls", CALLS) + " 2",
               "-n", 'syscall::getppid:entry,syscall::getppid:return /pid == $target/ { trace(1); }')
    assert p.returncode == 0, p.stderr
    flow = [re.sub(r"^ *\d+ ", "", l)for l in p.stdout.split("\n") if "getppid" in l]
    heads = [re.match(r" *(->|=>|<-|<=) getppid", l) for l in flow]
    assert len(flow) == 4 and all(heads), p.stdout
    assert [h.group(1) for h in heads] == ["=>", "<="] * 2, p.stdout
    assert len(set(h.end() for h in heads)) == 1, p.stdout


def test_sdt_arguments_are_typed():
    p = dtrace("-q", "-c", "/bin/sleep 0.2",
               "-n", 'sdt:sched::sched_switch /args[1]->pid == tid/ { @ok = count(); }'
               ' sdt:sched::sched_switch /args[1]->pid != tid/ { @bad = count(); }'
               ' sdt:sched::sched_switch /args[2]->pid == $target && args[2]->comm == "sleep"/ { @comm = count(); }'
               ' END { printa("ok %@d\\n", @ok); printa("bad %@d\\n", @bad); printa("comm %@d\\n", @comm); }')
    assert p.returncode == 0 and not p.stderr, p.stderr
    got = dict(words(p.stdout))
    assert int(got.get("ok", 0)) > 0 and "bad" not in got and int(got.get("comm", 0)) > 0, p.stdout


def test_tick():
    p = dtrace("-q", "-n", 'tick-100ms { n++; } tick-1050ms { printf("%d\\n", n); exit(0); }')
    # A host that stops this machine for 100 ms makes it miss ticks, which dtrace reports.
    told = [re.fullmatch(r"dtrace: (\d+) profile drops? \(interrupts missed\) on CPU \d+", l)
            for l in p.stderr.splitlines()]
    assert p.returncode == 0 and all(told), p.stderr
    assert 8 <= numbers(p.stdout)[0] + sum(int(m.group(1)) for m in told) <= 12, (p.stdout, p.stderr)


def test_profile_samples_every_cpu_in_one_mode():
    busy = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(os.cpu_count())]
    try:
        p = dtrace("-q", "-n", 'profile-97 { @n[cpu] = count(); @both = sum(arg0 != 0 && arg1 != 0);'
                   ' @k = sum(arg0 != 0); @u = sum(arg1 != 0); }'
                   ' BEGIN { s = timestamp; } tick-1s { t = timestamp; exit(0); }'
                   ' END { printf("ms %d\\n", (t - s) / 1000000); printa("cpu %d %@d\\n", @n); printa("both %@d\\n", @both);'
                   ' printa("k %@d\\n", @k); printa("u %@d\\n", @u); }')
    finally:
        for b in busy:
            b.kill()
            b.wait()
    assert p.returncode == 0, p.stderr
    got = {tuple(w[:-1]): int(w[-1]) for w in words(p.stdout)}
    cpus = [v for k, v in got.items() if k[0] == "cpu"]
    assert len(cpus) == os.cpu_count() and all(0.5 <= n / 97 / got[("ms",)] * 1000 <= 1.1 for n in cpus), p.stdout
    assert got[("both",)] == 0 and got[("u",)] > 0, p.stdout
    assert got[("k",)] + got[("u",)] == sum(cpus), p.stdout


PID = r"""
#include <string.h>
#include <unistd.h>
volatile int sink;
__attribute__((noinline)) int odd(int n) { sink += n; return n & 1; }
int main(void)
{
	int sum = 0;
	for (int i = 0; i < 3000; i++)
		sum += odd(i);
	for (int i = 0; i < 800; i++)
		sum += getppid() < 0;
	return sum != 1500;
}
"""


def test_pid_functions_of_the_program_and_of_libc():
    prog = compiled("functions", PID)
    out = traced('pid$target:functions:odd:entry,pid$target:libc*:getppid:entry { @[probefunc, probename] = count(); }'
                 ' pid$target:functions:odd:entry { @s = sum(arg0); }'
                 ' END { printa("%s %s %@d\\n", @); printa("s x %@d\\n", @s); }', prog)
    assert words(out) == [["getppid", "entry", "800"], ["odd", "entry", "3000"],
                          ["s", "x", str(sum(range(3000)))]], out


def test_python_collections():
    python = "/usr/bin/python3.11"
    if not os.path.exists(python):
        raise Skip("no " + python)
    script = os.path.join(FOLDER, "collect.py")
    with open(script, "w") as f:
        f.write("import gc\ngc.disable()\nfor i in range(25):\n    gc.collect(1)\n")
    out = traced('python$target:::gc-start /arg0 == 1/ { @["start"] = count(); self->in = 1; }'
                 ' python$target:::gc-done /self->in/ { @["done"] = count(); self->in = 0; }'
                 ' END { printa("%s %@d\\n", @); }', "%s -I -S %s" % (python, script))
    assert words(out) == [["done", "25"], ["start", "25"]], out


def test_ruby_methods():
    ruby = "/usr/bin/ruby"
    if not os.path.exists(ruby) or sh("/bin/sh", "-c", "ls /usr/lib/x86_64-linux-gnu/libruby-3.1.so*").returncode:
        raise Skip("no " + ruby)
    script = os.path.join(FOLDER, "calls.rb")
    with open(script, "w") as f:
        f.write("s = 'abc'\n321.times { s.send(:swapcase) }\n123.times { s.swapcase }\n")
    out = traced('ruby$target:::cmethod-entry /copyinstr(arg1) == "swapcase"/'
                 ' { @[copyinstr(arg0), copyinstr(arg2)] = count(); }'
                 ' END { printa("%s %s %@d\\n", @); }', "%s --disable-gems %s" % (ruby, script))
    assert words(out) == [["String", script, "444"]], out


def test_user_stack_is_named_after_the_process_ended():
    """A stack printed by END, after the process, names the same function as while the process
    runs."""
    out = traced('app$target:::hit { @[ustack()] = count(); } app$target:::hit /!n++/ { ustack(1); }',
                 build_app() + " -n 50")
    frames = re.findall(r"^ +app`(?:app)?(\S+?)(?:\+0x[0-9a-f]+)?$", out, re.M)
    assert frames[:2] == ["work", "work"] and "50" in out.split(), out


def test_kernel_stack_of_a_syscall():
    out = traced('syscall::getppid:entry /pid == $target/ { stack(); exit(0); }', compiled("calls", CALLS))
    assert re.search(r"do_syscall_64|entry_SYSCALL_64", out), out


def test_vtimestamp_is_time_on_a_cpu():
    start = "self->t = timestamp; self->v = vtimestamp;"
    told = 'printf("%d %d\\n", timestamp - self->t, vtimestamp - self->v);'
    wall, cpu = numbers(traced("syscall::clock_nanosleep:entry /pid == $target/ { %s }"
                               " syscall::clock_nanosleep:return /self->t/ { %s }" % (start, told), "sleep 0.3"))
    assert 0 < cpu < 100000000 and wall >= 300000000, (wall, cpu)
    path = os.path.join(FOLDER, "spin.py")
    with open(path, "w") as f:
        f.write("import os, time\nos.getppid()\nend = time.thread_time_ns() + 200000000\n"
                "while time.thread_time_ns() < end:\n    pass\nos.getppid()\n")
    wall, cpu = numbers(traced("self int64_t t, v; syscall::getppid:return /self->t/ { %s }"
                               " syscall::getppid:return /pid == $target/ { %s }" % (told, start),
                               sys.executable + " " + path))
    assert 100000000 < cpu <= wall, (wall, cpu)


def test_who_fires():
    calls = compiled("calls", CALLS)
    out = traced('syscall::getppid:entry /pid == $target/'
                 ' { printf("%s %d %d %d %d\\n", execname, pid == $target, tid == pid, ppid, uid); exit(0); }'
                 ' BEGIN { printf("me %d\\n", pid); }', calls)
    me = numbers(re.search(r"me \d+", out).group())[0]
    assert ["calls", "1", "1", str(me), "0"] in words(out), out


def test_the_three_of_dtrace_come_first():
    rows = [l.split() for l in must(DTRACE, "-l").split("\n")[1:4]]
    assert [(r[0], r[1], r[-1]) for r in rows] == [("1", "dtrace", "BEGIN"), ("2", "dtrace", "END"),
                                                 ("3", "dtrace", "ERROR")], rows


def test_ids_listed_are_ids_fired():
    text = "syscall::getppid:entry,syscall::getppid:return"
    listed = {l.split()[-1]: int(l.split()[0]) for l in must(DTRACE, "-l", "-n", text).split("\n")[1:]
              if "getppid" in l and "ia32" not in l}
    p = dtrace("-c", compiled("calls", CALLS) + " 3", "-n", text.replace(",", " /pid == $target/ { @[probename] = count(); trace(id); } ")
               + " /pid == $target/ { trace(id); }")
    assert p.returncode == 0, p.stderr
    fired = {}
    for l in p.stdout.split("\n"):
        m = re.match(r" +\d+ +(\d+) +getppid:(\w+) +(\d+)$", l)
        if m:
            assert m.group(1) == m.group(3), l
            fired[m.group(2)] = int(m.group(1))
    assert fired == listed and len(fired) == 2, (fired, listed, p.stdout)


main(sys.modules[__name__])
