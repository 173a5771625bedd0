#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""System calls and tracepoints: typed arguments and results equal those of the program."""
import os
import signal
import subprocess
import sys
import time

from before import Before, Running, says
from lib import DTRACE, EMULATED, FOLDER, M32, Skip, dtrace, main, must, need_32, numbers, sh, traced

SIX = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __i386__
#define PWRITE(fd, p, n, off) syscall(SYS_pwrite64, fd, p, n, (long)(off), (long)((off) >> 32))
#define MMAP SYS_mmap2
#else
#define PWRITE(fd, p, n, off) syscall(SYS_pwrite64, fd, p, n, off)
#define MMAP SYS_mmap
#endif
int main(void)
{
	syscall(MMAP, 0, 0x3000, 3, 0x22, -1, 0x4000);	/* a result that is an address */
	for (int i = 0; i < 5; i++)
		PWRITE(-1, 0x1234L, 17L, 5LL << 32);	/* EBADF */
	syscall(SYS_lseek, 77, -3L, 1);			/* EBADF */
	syscall(SYS_openat, -100, "/nonexistent/file", 0x80000, 0);	/* ENOENT */
	return syscall(SYS_getppid) < 0;
}
"""


def six(name="six", *flags):
    out = os.path.join(FOLDER, name)
    if not os.path.exists(out):
        with open(out + ".c", "w") as f:
            f.write(SIX)
        if "-m32" in flags:
            need_32()
        must("gcc", "-O1", "-o", out, out + ".c", *flags)
    return out


def test_six_arguments():
    out = traced('syscall::mmap:entry /pid == $target && arg5 == 0x4000/'
                 ' { printf("%d %d %d %d %d %d\\n", arg0, arg1, arg2, arg3, (int)arg4, arg5); }', six())
    assert numbers(out) == [0, 0x3000, 3, 0x22, -1, 0x4000], out


def test_six_arguments_of_a_32_bit_program():
    out = traced('syscall:ia32:mmap2:entry /pid == $target && arg5 == 0x4000/'
                 ' { printf("%d %d %d %d %d %d\\n", arg0, arg1, arg2, arg3, (int)arg4, arg5); }'
                 ' syscall:ia32:pwrite64:entry /pid == $target/ { @[arg1, arg2, arg3, arg4] = count(); }'
                 ' END { printa("%d %d %d %d %@d\\n", @); }', six("six32", *M32))
    assert numbers(out) == [0, 0x3000, 3, 0x22, -1, 0x4000, 0x1234, 17, 0, 5, 5], out


def test_typed_arguments():
    out = traced('syscall:vmlinux:lseek:entry /pid == $target && args[0] == 77/ { printf("%d %d\\n", args[1], args[2]); }'
                 ' syscall:vmlinux:openat:entry /pid == $target/ { self->dfd = args[0]; self->path = args[1]; }'
                 ' syscall:vmlinux:openat:return /self->path && args[0] == -1/'
                 ' { printf("%d %s %d\\n", (int)self->dfd, copyinstr((uintptr_t)self->path), errno); self->path = 0; }', six())
    lines = [l for l in out.split("\n") if l]
    assert lines[0].split()[-1] == "1" and int(lines[0].split()[0]) in (-3, 2**32 - 3), out
    assert lines[-1] == "-100 /nonexistent/file 2", out


def results(prog, mod):
    """Checks arg0, arg1 and errno of returns: a failure, an address, a number."""
    out = traced('syscall:%s:pwrite64:return /pid == $target/ { @[(int)arg0, (int)arg1, errno] = count(); }'
                 ' END { printa("%%d %%d %%d %%@d\\n", @); }' % mod, prog)
    assert numbers(out) == [-1, -1, 9, 5], out
    out = traced('syscall:%s:getppid:return /pid == $target/ { printf("%%d %%d %%d\\n", arg0 == ppid, arg1 == ppid, errno); }'
                 % mod, prog)
    assert numbers(out) == [1, 1, 0], out
    call = "mmap2" if mod == "ia32" else "mmap"
    out = traced('syscall:%s:%s:entry /pid == $target && arg5 == 0x4000/ { self->in = 1; }'
                 ' syscall:%s:%s:return /self->in/ { printf("%%d %%d %%d\\n", arg0 %% 4096 == 0 && arg0 != 0, arg0 == arg1, errno);'
                 ' self->in = 0; }' % (mod, call, mod, call), prog)
    assert numbers(out) == [1, 1, 0], out


def test_results():
    results(six(), "vmlinux")


def test_results_of_a_32_bit_program():
    results(six("six32", *M32), "ia32")


def test_a_glob_of_calls():
    out = traced('syscall::pwrite*: /pid == $target/ { @[probefunc, probename] = count(); }'
                 ' END { printa("%s %s %@d\\n", @); }', six())
    assert sorted(l.split() for l in out.split("\n") if l) == [
        ["pwrite64", "entry", "5"], ["pwrite64", "return", "5"]], out


def test_types_in_the_list():
    out = must(DTRACE, "-lvn", "syscall:vmlinux:openat:entry")
    assert [l.split(": ")[1] for l in out.split("\n") if "args[" in l] == [
        "int", "const char *", "int", "umode_t"], out
    out = must(DTRACE, "-lvn", "syscall:vmlinux:openat:return")
    assert [l.split(": ")[1] for l in out.split("\n") if "args[" in l] == ["long", "long"], out
    out = must(DTRACE, "-lvn", "sdt:sched::sched_switch")
    assert [l.split(": ")[1] for l in out.split("\n") if "args[" in l][:3] == [
        "bool", "struct task_struct *", "struct task_struct *"], out


def test_members_of_the_current_thread():
    out = traced('BEGIN { printf("%s %d %d %d\\n", curthread->comm, curthread->pid == tid, curthread->tgid == pid,'
                 ' curthread->mm->mm_users.counter > 0); exit(0); }', six())
    assert out.split() == ["dtrace", "1", "1", "1"], out


def ended_in_the_middle(probe):
    """A long BPF program counts n at its start, and m at its end with a line of output. Returns the
    number of lines, n and m."""
    work = probe + ' { %s } ' % ('self->s = strjoin(strjoin(execname, "some text"), strjoin(probefunc, "more"));' * 12)
    text = probe + " { n++; } " + work * (10 if EMULATED else 60) + probe + ' { m++; printf("x\\n"); }' \
        ' END { printf("%d %d\\n", n, m); }'
    out = os.path.join(FOLDER, "ended")
    with open(out, "w") as f, subprocess.Popen((DTRACE, "-q", "-n", text), stdout=f, stderr=subprocess.PIPE) as d:
        end = time.time() + 60
        while d.poll() is None and not os.path.getsize(out) and time.time() < end:
            time.sleep(0.02)
        d.send_signal(signal.SIGINT)
        err = d.communicate(timeout=60)[1]
    assert (d.returncode, err) == (0, b""), (d.returncode, err)
    with open(out) as f:
        *lines, last = f.read().split("\n")[:-1]
    return [lines.count("x")] + numbers(last)


def test_end_comes_after_programs_that_run():
    """Detaching a tracepoint does not wait for running programs: their output must still come
    before END."""
    loop = os.path.join(FOLDER, "loop")
    with open(loop + ".c", "w") as f:
        f.write("#include <unistd.h>\nint main(void) { for (;;) getppid(); }\n")
    must("gcc", "-o", loop, loop + ".c")
    for probe in ("syscall::getppid:entry",) * 3 + ("syscall::getppid:return", "sdt:raw_syscalls::sys_enter"):
        with Running(loop):
            lines, n, m = ended_in_the_middle(probe)
        assert n == m == lines > 0, (probe, lines, n, m)


def test_a_null_pointer_is_an_error():
    """A kernel thread has no mm: the error ends the clause, and the next clause runs."""
    before = Before()
    p = dtrace("-q", "-n", 'sdt:sched::sched_switch /args[2]->mm == NULL && !n++/ { trace(args[2]->mm->mmap_base); }'
               ' sdt:sched::sched_switch /n/ { printf("on"); exit(0); }')
    assert (p.returncode, p.stdout) == (0, "on"), p
    first = p.stderr.split("\n")[0]
    assert first.startswith("dtrace: error on enabled probe ID 1 (ID ") and \
        "sdt:sched::sched_switch): invalid address (0x" in first and first.endswith(") in action #1"), p.stderr
    before.again()


def test_no_such_member():
    text = 'BEGIN { trace(curthread->td_name); exit(0); }'
    says(1, "-n:1:15: struct task_struct has no member td_name\n%s\n%s^%s\n" % (text, " " * 14, "~" * 17), "-n", text)


main(sys.modules[__name__])
