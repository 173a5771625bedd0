#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""-c and -p with all kinds of processes: start, messages, end."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from before import Before, Running, process_state, says, until
from lib import DTRACE, FOLDER, M32, Skip, build_app, dtrace, main, must, need_32, sh

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
TWO = "-all,+bpf,+perfmon"
CAPS = NOBODY + ("--inh-caps=" + TWO, "--ambient-caps=" + TWO, "--bounding-set=" + TWO)


def compiled(name, text, *flags, cc="gcc"):
    build_app()
    os.chmod(FOLDER, 0o755)
    source, out = os.path.join(FOLDER, name + ".c"), os.path.join(FOLDER, name)
    with open(source, "w") as f:
        f.write(text)
    must(cc, "-I", FOLDER, "-o", out, source, *flags)
    return out


def constructor(name):
    """A program with a library that fires in its constructor."""
    lib = compiled("lib%s.so" % name, '#include "app.h"\n__attribute__((constructor)) static void '
                   "c(void) { APP_HIT(1, \"x\"); }\nvoid %s(void);\nvoid %s(void) { }\n" % (name, name),
                   "-shared", "-fPIC")
    return compiled(name, "void %s(void);\nint main(void) { %s(); return 0; }\n" % (name, name), lib,
                    "-Wl,-rpath," + FOLDER)


def count(command, *args, before=(), expect=0):
    p = sh(*before, DTRACE, "-q", *args, "-c", command, "-n",
           "app$target:::hit { @ = count(); } END { printa(\"%@d\", @); }", timeout=60)
    assert p.returncode == expect and not p.stderr, (p.returncode, p.stderr)
    return p.stdout


def test_constructors_of_libraries_are_seen():
    path = constructor("ctor")
    assert count(path) == "1"
    assert count(path, "-Z", "-x", "evaltime=exec") in ("", "1")  # "1": if attached in time
    assert count(path, "-Z", "-x", "evaltime=postinit") == ""
    assert count(path, "-Z", "-x", "evaltime=main") == ""


def test_constructors_with_two_capabilities():
    assert count(constructor("ctor2"), before=CAPS) == "1"


def test_threads_that_block_signals():
    """A thread that blocks all signals stops at dlopen for dtrace, and sees no signal."""
    constructor("blocks")
    path = compiled("opens", '#include "app.h"\n#include <dlfcn.h>\n#include <pthread.h>\n#include <signal.h>\n'
                    '#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\nstatic int handled;\n'
                    'static void handler(int sig) { handled = sig; }\n'
                    'static void *t(void *lib)\n{\n\tsigset_t all, mask, now;\n\tsigfillset(&all);\n'
                    '\tmemset(&mask, 0, sizeof(mask));\n\tmemset(&now, 0, sizeof(now));\n'
                    '\tpthread_sigmask(SIG_SETMASK, &all, 0);\n\tpthread_sigmask(SIG_SETMASK, 0, &mask);\n'
                    '\tfor (int i = 0; i < 50; i++) {\n\t\tvoid *h = dlopen(lib, RTLD_NOW);\n'
                    '\t\tpthread_sigmask(SIG_SETMASK, 0, &now);\n'
                    '\t\tif (!h || memcmp(&mask, &now, sizeof(now)) ||\n'
                    '\t\t    sigtimedwait(&all, 0, &(struct timespec){ 0 }) > 0)\n\t\t\tAPP_HIT(2, "bad");\n'
                    '\t\tdlclose(h);\n\t}\n\tpthread_sigmask(SIG_UNBLOCK, &all, 0);\n'
                    '\tif (handled)\n\t\tAPP_HIT(3, "bad");\n\treturn 0;\n}\n'
                    'int main(int argc, char **argv)\n{\n\tpthread_t p;\n\tsignal(SIGCONT, handler);\n'
                    '\tsignal(SIGURG, handler);\n\tif (argc > 2) {\n\t\tt(argv[1]);\n\t\treturn 0;\n\t}\n'
                    '\tpthread_create(&p, 0, t, argv[1]);\n\tpthread_join(p, 0);\n\treturn 0;\n}\n',
                    "-pthread", "-ldl")
    command = "%s %s/libblocks.so" % (path, FOLDER)
    assert count(command) == count(command + " alone") == count(command + " alone", before=CAPS) == "50"


def test_signals_blocked_by_who_starts_dtrace():
    path = compiled("inherits", '#include "app.h"\n#include <signal.h>\nint main(int argc, char **argv)\n{\n'
                    '\tsigset_t now, p;\n'
                    '\tsigprocmask(SIG_SETMASK, 0, &now);\n\tsigpending(&p);\n\tAPP_HIT(1, "x");\n'
                    '\tif (!sigismember(&now, SIGURG) || sigismember(&p, SIGURG) || sigismember(&p, SIGCONT) ||\n'
                    '\t    sigismember(&now, SIGCHLD) != (argc > 1))\n'
                    '\t\tAPP_HIT(2, "bad");\n\treturn 0;\n}\n')
    for signals in ("=URG", "=URG,CONT,CHLD", ""):
        block = ("env", "--block-signal" + signals)
        command = path if signals == "=URG" else path + " chld"
        for when in ("preinit", "postinit", "main"):
            assert count(command, "-x", "evaltime=" + when, before=block) == "1", (signals, when)
        assert count(constructor("ctor"), before=block) == "1", signals


def test_a_static_program_that_execs():
    """The loader of the second program is watched, though the first program had no loader."""
    path = constructor("after")
    launcher = compiled("launch", "#include <unistd.h>\nint main(int c, char **v) { return execv(v[1], v + 1); }\n",
                        "-static")
    assert count("%s %s" % (launcher, path), "-Z") == "1"
    assert count("%s %s" % (launcher, path), "-Z", "-x", "evaltime=exec") in ("", "1")


def test_threads_and_dlopen_before_main():
    """A constructor waits for a thread and opens a library: neither counts as reaching main."""
    path = compiled("early", '#include "app.h"\n#include <dlfcn.h>\n#include <pthread.h>\n'
                    'static void *t(void *a) { APP_HIT(1, "x"); return a; }\n'
                    '__attribute__((constructor)) static void c(void)\n{\n\tpthread_t p;\n'
                    '\tpthread_create(&p, 0, t, 0);\n\tpthread_join(p, 0);\n'
                    '\tdlopen("libz.so.1", RTLD_NOW);\n\tAPP_HIT(2, "x");\n}\n'
                    'int main(void) { APP_HIT(3, "x"); return 0; }\n', "-pthread", "-ldl")
    assert count(path) == "3"
    assert count(path, before=CAPS) == "3"
    assert count(path, "-x", "evaltime=main") == "1"
    assert count(path, "-x", "evaltime=postinit") in ("1", "3")  # 3: _start runs constructors


def test_static_programs():
    for name, flags in (("static", ("-static",)), ("static-pie", ("-static-pie",))):
        path = compiled(name, '#include "app.h"\nint main(void) { APP_HIT(1, "x"); return 0; }\n', *flags)
        assert count(path) == "1", name
        assert count(path, "-x", "evaltime=main") == "1", name


def test_musl():
    if not shutil.which("musl-gcc"):
        raise Skip("no musl-gcc")
    path = compiled("musl", '#include "app.h"\nint main(void) { APP_HIT(1, "x"); return 0; }\n', cc="musl-gcc")
    for when in ("exec", "preinit", "postinit", "main"):
        assert count(path, "-Z", "-x", "evaltime=" + when) == "1", when


def test_a_script_and_quotes():
    path = os.path.join(FOLDER, "x.sh")
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec %s -n \"$1\"\n" % build_app())
    os.chmod(path, 0o755)
    assert count(path + " 7", "-Z") == "7"
    assert dtrace("-q", "-c", "printf '%s|' \"a b\" 'c d' e\\ f", "-n", "BEGIN { }").stdout == "a b|c d|e f|"
    says(1, "dtrace: cannot split the command into words: true 'x\n", "-c", "true 'x", "-n", "BEGIN { }")
    says(1, "dtrace: failed to execute no-such-command: No such file or directory\n",
         "-c", "no-such-command", "-n", "BEGIN { }")


def test_sigpipe_is_the_commands_own():
    p = dtrace("-q", "-c", "sh -c 'yes | head -1'", "-n", "BEGIN { }")
    assert (p.stdout, p.stderr, p.returncode) == ("y\n", "", 0), p


def test_a_signal_ends_a_start():
    path = compiled("hangs", "#include <unistd.h>\n__attribute__((constructor)) static void c(void) "
                    "{ for (;;) pause(); }\nint main(void) { return 0; }\n")
    for sig in (signal.SIGINT, signal.SIGTERM):
        before = Before()
        d = subprocess.Popen([DTRACE, "-x", "evaltime=main", "-c", path, "-n", "BEGIN { }"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert until(lambda: subprocess.run(["pgrep", "-P", str(d.pid), "-x", "hangs"],
                                            stdout=subprocess.DEVNULL).returncode == 0)
        d.send_signal(sig)
        out, err = d.communicate(timeout=30)
        assert (d.returncode, out, err) == (0, "\n", "dtrace: interrupted before %s had come to main\n" % path), (out, err)
        before.again()


def test_a_command_ends_with_its_tracing():
    before = Before()
    p = dtrace("-q", "-c", "sleep 1000", "-n", "BEGIN { exit(3); }", timeout=30)
    assert (p.returncode, p.stderr) == (3, ""), p
    before.again()


def test_a_command_that_forks_and_execs():
    app = build_app()
    assert count("sh -c '%s -n 5; exec %s -n 7'" % (app, app), "-Z") == "7"


def test_a_process_that_the_command_cloned():
    """ptrace shows the process as a thread first. Once detached, its exec and signals are its
    own."""
    path = compiled("clones", '#define _GNU_SOURCE\n#include "app.h"\n#include <sched.h>\n#include <signal.h>\n'
                    '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n'
                    'static char stack[65536] __attribute__((aligned(16))), **args;\n'
                    'static int child(void *a)\n{\n\tfor (int i = 0; i < 10; i++) {\n\t\tusleep(30000);\n'
                    '\t\tkill(getpid(), SIGURG);\n\t\tAPP_HIT(i, "child");\n\t}\n'
                    '\targs[1] = "last";\n\texecv(args[0], args);\n\treturn a != 0;\n}\n'
                    'int main(int argc, char **argv)\n{\n\targs = argv;\n\tif (!strcmp(argv[1], "last"))\n'
                    '\t\treturn fclose(fopen(argv[2], "w"));\n\tclone(child, stack + sizeof(stack), SIGUSR2, 0);\n'
                    '\tAPP_HIT(1, "parent");\n\tusleep(argc > 3 ? atoi(argv[3]) : 50000);\n\treturn 0;\n}\n')
    for more in ("", " 1000000", " 0"):
        gate = os.path.join(FOLDER, "cloned" + more.strip())
        with Running(DTRACE, "-q", "-c", "%s first %s%s" % (path, gate, more), "-c", "sleep 1000", "-n",
                     "app$target:::hit { @ = count(); } END { printa(\"%@d\", @); }") as d:
            assert until(lambda: os.path.exists(gate)), "it hangs"
            d.send_signal(signal.SIGINT)
            out, err = d.communicate(timeout=30)
            assert (out.split(), err) == (["1"], ""), (more, out, err)


def test_a_command_that_ends_before_main():
    path = compiled("ends", "#include <stdlib.h>\n__attribute__((constructor)) static void c(void) "
                    "{ _Exit(0); }\nint main(void) { return 0; }\n")
    says(1, "dtrace: failed to start %s: it ended before main\n" % path,
         "-x", "evaltime=main", "-c", path, "-n", "BEGIN { }")


def test_several_at_once():
    app = build_app()
    with Running(app, "-n", "9", "-w", os.path.join(FOLDER, "gate")) as a, \
         Running("sleep", "1000") as b:
        d = subprocess.Popen([DTRACE, "-q", "-p", str(a.pid), "-p", str(b.pid), "-c", app + " -n 4", "-n",
                              "app*:::hit { @[pid == $target] = count(); } BEGIN { printf(\"go\\n\"); }"
                              "END { printa(\"%d %@d\\n\", @); }"], stdout=subprocess.PIPE, text=True)
        assert d.stdout.readline() == "go\n"
        open(os.path.join(FOLDER, "gate"), "w").close()
        assert a.wait(30) == 0 and d.poll() is None
        b.kill()
        out = d.communicate(timeout=30)[0]
        assert sorted(out.split("\n"))[-2:] == ["0 4", "1 9"], out


def grab(pid, why, *before):
    p = sh(*before, DTRACE, "-p", str(pid), "-n", "BEGIN { exit(0); }", timeout=30)
    assert (p.returncode, p.stderr) == (1, "dtrace: failed to grab process %s: %s\n" % (pid, why)), p.stderr


def test_what_cannot_be_grabbed():
    z = subprocess.Popen(["true"])
    assert until(lambda: process_state(z.pid) == "Z")
    grab(z.pid, "it has ended")
    z.wait()
    grab(z.pid, "No such process")
    grab(2, "it is a kernel thread")
    p = sh("sh", "-c", "exec %s -p $$ -n 'BEGIN { }'" % DTRACE, timeout=30)
    assert p.returncode == 1 and re.fullmatch(
        r"dtrace: failed to grab process \d+: it is this dtrace\n", p.stderr), p.stderr
    os.chmod(FOLDER, 0o755)
    with Running("sleep", "1000") as r:
        if sh(*CAPS, "cat", "/proc/%d/maps" % r.pid).returncode == 0:
            return  # since 6.13 CAP_PERFMON is enough for /proc/PID/maps
        grab(r.pid, "Permission denied", *CAPS)


def test_p_of_a_32_bit_process():
    text = '#include "app.h"\n#include <unistd.h>\nint main(void) { for (;;) { APP_HIT(1, "x"); usleep(1000); } }\n'
    need_32()
    path = compiled("app32", text, *M32)
    with Running(path) as r:
        p = dtrace("-q", "-p", str(r.pid), "-n", "app$target:::hit { printf(\"%d\", arg0); exit(0); }", timeout=30)
        assert (p.returncode, p.stdout, p.stderr) == (0, "1", ""), p
        assert r.poll() is None


main(sys.modules[__name__])
