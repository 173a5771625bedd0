#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The processes that a description reaches, each with an exact count of hits."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from before import process_state
from lib import DTRACE, EMULATED, FOLDER, HERE, Skip, dtrace, main, must, sh, numbers, traced

# These tests may run twice at a time, and `app*` would reach both runs: each has its own provider.
NAME = "own" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))

LIMIT = 400 if EMULATED else 60

BY_PID = 'BEGIN { printf("ready\\n"); } %s:::hit { @[pid] = count(); } END { printa("hits %%d %%@d\\n", @); }'


def start(*args):
    return subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def running(*args):
    """A dtrace whose BEGIN has printed 'ready'; done(d) ends dtrace and returns its output."""
    d = start(DTRACE, "-q", *args)
    try:
        line = d.stdout.readline()
        assert line == "ready\n", line + d.communicate(timeout=LIMIT)[1]
        yield d
    finally:
        if d.poll() is None:
            d.kill()
        d.communicate()


def done(d, sig=signal.SIGINT):
    if sig:
        d.send_signal(sig)
    out, err = d.communicate(timeout=LIMIT)
    assert d.returncode == 0 and not err, (d.returncode, err, out[:500])
    return out


def hits(out):
    return {int(p): int(n) for p, n in re.findall(r"\bhits (\d+) (\d+)$", out, re.M)}


def gate(name):
    """A path that does not exist until open_gate()."""
    path = os.path.join(FOLDER, name)
    if os.path.exists(path):
        os.unlink(path)
    return path


def open_gate(path):
    open(path, "w").close()


def until(what):
    end = time.time() + LIMIT
    while not what():
        assert time.time() < end, "waited in vain"
        time.sleep(0.02)


def at_gate(*apps):
    """Waits until each app waits at its gate: its files are mapped, and it is in
    clock_nanosleep(2)."""
    def asleep(a):
        with open("/proc/%d/syscall" % a.pid) as f:
            return f.read().startswith("230 ")
    until(lambda: all(asleep(a) for a in apps))


def site_bytes(pid, app):
    """The first byte of each probe site in the memory of that process."""
    sites = [int(l.split()[1].rstrip(","), 16) for l in must("readelf", "-n", app).split("\n") if "Location:" in l]
    with open("/proc/%d/maps" % pid) as f:
        base = next(int(l.split("-")[0], 16) for l in f if app in l)
    with open("/proc/%d/mem" % pid, "rb") as mem:
        return {os.pread(mem.fileno(), 1, base + s) for s in sites[:2]}


def finish(apps):
    """{pid: the count that the process itself printed}"""
    own = {}
    for a in apps:
        out, err = a.communicate(timeout=LIMIT)
        assert a.returncode == 0, err
        own[a.pid] = int(out)
    return own


def differ(seen, own):
    return {p: (seen.get(p), own.get(p)) for p in set(seen) | set(own) if seen.get(p) != own.get(p)}


def copy_of(app, name):
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path):
        shutil.copy(app, path)
    return path


def build_app():
    """app.c, firing this run's provider."""
    header, out = os.path.join(FOLDER, "app.h"), os.path.join(FOLDER, "app")
    if not os.path.exists(out):
        with open(os.path.join(HERE, "app.d")) as f, open(os.path.join(FOLDER, "own.d"), "w") as g:
            g.write(f.read().replace("provider app", "provider " + NAME))
        must(DTRACE, "-h", "-s", os.path.join(FOLDER, "own.d"), "-o", header)
        with open(header, "a") as f:
            f.write("#define APP_HIT %s_HIT\n#define APP_START_WORK %s_START_WORK\n"
                    % (NAME.upper(), NAME.upper()))
        must("gcc", "-O2", "-I", FOLDER, "-o", out, os.path.join(HERE, "app.c"), "-pthread")
    return out


def compiled(name, text, *flags):
    out = os.path.join(FOLDER, name)
    source = out + ".src.c"
    if not os.path.exists(out):
        with open(source, "w") as f:
            f.write(text)
        must("gcc", "-O1", "-I", FOLDER, "-o", out, source, *flags)
    return out


def test_200_processes_before_during_and_after():
    """Two files: the first is mapped before the start, the second is first seen while tracing."""
    few, many = (12, 16) if EMULATED else (60, 80)
    app = build_app()
    late = copy_of(app, "app-late")
    before, during = gate("before"), gate("during")
    with_n = lambda path, i, *more: start(path, "-v", "-n", str(100 + i), *more)
    apps = [with_n(app, i, "-w", before) for i in range(many)]
    at_gate(*apps)
    with running("-n", BY_PID % (NAME + "*")) as d:
        open_gate(before)
        apps += [with_n(late, i, "-w", during) for i in range(few)]
        at_gate(*apps[many:])
        until(lambda: all(site_bytes(a.pid, late) == {b"\xcc"} for a in apps[many:]))
        open_gate(during)
        # Both files are attached now: later processes need no wait.
        apps += [with_n((app, late)[i % 2], i) for i in range(few)]
        own = finish(apps)
        seen = hits(done(d))
    assert len(own) == many + 2 * few and not differ(seen, own), differ(seen, own)


def test_new_processes_of_an_attached_file_lose_nothing():
    app = build_app()
    keeper = start(app, "-n", "0", "-w", gate("never"))
    at_gate(keeper)
    try:
        with running("-n", BY_PID % (NAME + "*")) as d:
            own = {}
            for i in range(10):
                own.update(finish([start(app, "-v", "-n", str(i + 1)) for _ in range(4)]))
            seen = hits(done(d))
        assert not differ(seen, own), differ(seen, own)
    finally:
        keeper.kill()
        keeper.communicate()


LIBRARY = r"""
#include "app.h"
static char key[] = "library";
__attribute__((constructor)) static void early(void) { APP_HIT(1, key); }
void fire(long n) { for (long i = 0; i < n; i++) APP_HIT(2, key); }
"""
OPENS = r"""
#include <dlfcn.h>
int main(int argc, char **argv)
{
	void *h = dlopen(argv[1], RTLD_NOW);
	void (*fire)(long) = h ? (void (*)(long))dlsym(h, "fire") : 0;
	if (!fire)
		return 3;
	fire(1234);
	return argc != 2;
}
"""


def test_library_opened_later_is_exact_with_its_constructor():
    build_app()
    lib = compiled("libfires.so", LIBRARY, "-shared", "-fPIC")
    opens = compiled("opens", OPENS, "-ldl")
    out = traced(NAME + '$target:::hit { @[arg0, probemod] = count(); } END { printa("%d %s %@d\\n", @); }',
                 "%s %s" % (opens, lib), "-Z")
    rows = sorted(l.split() for l in out.split("\n") if l.strip())
    assert rows == [["1", "libfires.so", "1"], ["2", "libfires.so", "1234"]], out


def test_copies_at_two_paths_are_two_files():
    app = build_app()
    other = copy_of(app, "elsewhere")
    go = gate("copies")
    apps = [start(app, "-v", "-n", "300", "-w", go), start(other, "-v", "-n", "500", "-w", go)]
    with running("-n", 'BEGIN { printf("ready\\n"); } ' + NAME + '*:::hit { @[probemod] = count(); @p[pid] = count(); }'
                 ' END { printa("%s %@d\\n", @); printa("hits %d %@d\\n", @p); }') as d:
        open_gate(go)
        own = finish(apps)
        out = done(d)
    assert not differ(hits(out), own), out
    assert "app 300\n" in out and "elsewhere 500\n" in out, out


def test_files_of_one_name_that_are_found_at_once():
    app = build_app()
    paths = []
    for folder in ("twin-one", "twin-two"):
        os.makedirs(os.path.join(FOLDER, folder), exist_ok=True)
        paths.append(copy_of(app, os.path.join(folder, "twin")))
    go = gate("twins")
    with running("-Z", "-n", BY_PID % (NAME + "*")) as d:
        d.send_signal(signal.SIGSTOP)
        apps = [start(path, "-v", "-n", "40", "-w", go) for path in paths]
        at_gate(*apps)
        d.send_signal(signal.SIGCONT)
        until(lambda: all(site_bytes(a.pid, path) == {b"\xcc"} for a, path in zip(apps, paths)))
        open_gate(go)
        own = finish(apps)
        seen = hits(done(d))
    assert not differ(seen, own), (seen, own)


# A preloaded library: ends the first process of a file 'brief' after dtrace has read its mappings,
# and before dtrace opens the file.
ENDS_IT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int is(const char *file, const char *what)
{
	char text[512] = "";
	FILE *f = fopen(file, "r");
	int yes = f && fgets(text, sizeof(text), f) && strstr(text, what);
	if (f)
		fclose(f);
	return yes;
}
int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	static int ended;
	char name[64];
	int pid, mode;
	va_list more;

	va_start(more, flags);
	mode = va_arg(more, int);
	va_end(more);
	if (!real)
		real = dlsym(RTLD_NEXT, "open");
	if (!ended && strstr(path, "/map_files/") && sscanf(path, "/proc/%d/", &pid) == 1) {
		snprintf(name, sizeof(name), "/proc/%d/stat", pid);
		ended = is(name, "(brief) ") && !kill(pid, SIGKILL);
		while (ended && is(name, "(brief) ") && !is(name, "(brief) Z"))
			usleep(1000);
	}
	return real(path, flags, mode);
}
"""


def test_a_file_whose_first_process_was_too_brief_to_open_it():
    brief = copy_of(build_app(), "brief")
    preload = compiled("ends.so", ENDS_IT, "-shared", "-fPIC", "-ldl")
    go = gate("brief-go")
    d = start("env", "LD_PRELOAD=" + preload, DTRACE, "-qZ", "-n", BY_PID % (NAME + "*"))
    try:
        assert d.stdout.readline() == "ready\n"
        first = start(brief, "-n", "1", "-w", go)
        first.communicate(timeout=LIMIT)
        assert first.returncode == -signal.SIGKILL, "it was opened by another way: this test shows nothing"
        second = start(brief, "-v", "-n", "70", "-w", go)
        at_gate(second)
        until(lambda: site_bytes(second.pid, brief) == {b"\xcc"})
        open_gate(go)
        own = finish([second])
        d.send_signal(signal.SIGINT)
        out, err = d.communicate(timeout=LIMIT)
        assert d.returncode == 0 and not err and hits(out) == own, (out, err, own)
    finally:
        d.kill()
        d.communicate()


# A provider name that ends with the pid of a kernel thread (2).
NUMBERED = r"""
#include "usdt/sdt.h"
#include <unistd.h>
#define FIRE(provider, i) USDT_PROBE1(provider, hit, i)
int main(int argc, char **argv)
{
	while (argc > 1 && access(argv[1], F_OK))
		usleep(1000);
	for (int i = 0; i < 50; i++)
		FIRE(NAMED2, i);
	return 0;
}
"""


def test_a_provider_whose_name_ends_like_a_process():
    """NAME2* reaches all processes; NAME2 followed by a pid reaches that process."""
    include = os.path.join(HERE, "..", "..", "include")
    app = compiled("numbered", NUMBERED, "-I", include, "-DNAMED2=%s2" % NAME)
    go = gate("numbered-go")
    for early in (False, True):		# processes exist at the start, or not
        apps = [start(app, go)] if early else []
        at_gate(*apps)
        with running("-Z", "-n", BY_PID % (NAME + "2*")) as d:
            other = shutil.copy(app, os.path.join(FOLDER, "numbered-%d" % early))
            apps.append(start(other, go))
            at_gate(*apps)
            until(lambda: all(site_bytes(a.pid, p) == {b"\xcc"} for a, p in zip(apps[::-1], (other, app))))
            open_gate(go)
            for a in apps:
                a.communicate(timeout=LIMIT)
            seen = hits(done(d))
        gate("numbered-go")
        assert seen == {a.pid: 50 for a in apps}, (early, seen)


def test_one_file_by_two_names_is_counted_once():
    app = build_app()
    link = os.path.join(FOLDER, "app-link")
    if not os.path.exists(link):
        os.link(app, link)
    go = gate("links")
    apps = [start(p, "-v", "-n", "250", "-w", go) for p in (app, link)]
    with running("-n", BY_PID % (NAME + "*")) as d:
        open_gate(go)
        own = finish(apps)
        seen = hits(done(d))
    assert not differ(seen, own), (seen, own)


def test_target_alone_while_another_fires():
    app = build_app()
    other = start(app, "-n", "2000000000")
    try:
        out = traced(NAME + '$target:::hit { @[pid == $target] = count(); } END { printa("%d %@d\\n", @); }',
                     app + " -n 5000")
        busy = other.poll() is None
    finally:
        other.kill()
        other.communicate()
    assert out.split() == ["1", "5000"], out
    assert busy, "the other instance ended too early to show anything"


def test_a_pid_in_the_provider():
    app = build_app()
    go = gate("pid")
    apps = [start(app, "-v", "-n", "700", "-w", go) for _ in range(3)]
    at_gate(*apps)
    with running("-n", BY_PID % ("%s%d" % (NAME, apps[1].pid))) as d:
        open_gate(go)
        own = finish(apps)
        seen = hits(done(d))
    assert seen == {apps[1].pid: own[apps[1].pid]}, (seen, own)


def test_p_attaches_and_ends_with_the_process():
    app = build_app()
    go = gate("p")
    apps = [start(app, "-v", "-n", "900", "-w", go) for _ in range(2)]
    at_gate(*apps)
    d = start(DTRACE, "-p", str(apps[0].pid), "-n", BY_PID % (NAME + "$target"))
    while "ready" not in d.stdout.readline():
        assert d.poll() is None, d.communicate()
    open_gate(go)
    own = finish(apps)
    out, err = d.communicate(timeout=LIMIT)
    assert d.returncode == 0, err
    assert hits(out) == {apps[0].pid: own[apps[0].pid]}, (out, own)
    assert "dtrace: pid %d has exited" % apps[0].pid in out + err, (out, err)


def test_others_run_unpatched_code():
    app = build_app()
    go = gate("unpatched")
    apps = [start(app, "-v", "-n", "5", "-w", go) for _ in range(2)]
    at_gate(*apps)
    clean = site_bytes(apps[1].pid, app)
    with running("-p", str(apps[0].pid), "-n", BY_PID % (NAME + "$target")):
        seen = [site_bytes(a.pid, app) for a in apps]
        open_gate(go)
        finish(apps)
    assert seen[0] == {b"\xcc"} and seen[1] == clean and b"\xcc" not in clean, (seen, clean)


def test_p_leaves_the_process_alive():
    app = build_app()
    go = gate("alive")
    a = start(app, "-v", "-n", "10", "-w", go)
    at_gate(a)
    p = dtrace("-q", "-p", str(a.pid), "-n", NAME + '$target:::hit { n++; } tick-200ms { exit(0); }')
    assert p.returncode == 0, p.stderr
    open_gate(go)
    assert finish([a]) == {a.pid: 10}


def test_p_of_no_process():
    p = dtrace("-p", "4194300", "-n", "BEGIN { exit(0); }")
    assert p.returncode == 1 and p.stderr.startswith("dtrace: ") and "4194300" in p.stderr, p.stderr


# A pause of the program, in which dtrace must notice new mappings.
PAUSE = "-DUS=%d" % (2500000 if EMULATED else 800000)

ORPHANS = r"""
#include "app.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static char key[] = "thread";
static char **args;
__attribute__((noinline)) static void fires(void) { for (int i = 0; i < 300; i++) APP_HIT(i, key); }
static void *work(void *a)	/* waits for the gate, and for a library that is new by then */
{
	void *h;
	while (access(args[1], F_OK))
		usleep(1000);
	usleep(US);
	fires();
	h = dlopen(args[2], RTLD_NOW);
	usleep(US);
	((void (*)(long))dlsym(h, "fire"))(20);
	exit(0);
}
int main(int argc, char **argv)
{
	pthread_t t;
	args = argv;
	pthread_create(&t, 0, work, 0);
	pthread_exit(argc ? 0 : argv);
}
"""


def test_a_process_whose_first_thread_has_ended():
    """The process still has its mappings, but /proc/PID and links with that pid see only its first
    thread."""
    build_app()
    orphan = compiled("orphan", ORPHANS, PAUSE, "-pthread", "-ldl")
    lib = compiled("libfires.so", LIBRARY, "-shared", "-fPIC")
    text = 'BEGIN { printf("ready\\n"); } %s:::hit { @[pid] = count(); @s[ustack(1)] = count(); }' \
           ' END { printa("hits %%d %%@d\\n", @); printa(@s); }'
    for way in ("*", "$target", "%d"):
        go = gate("orphan-go")
        a = start(orphan, go, lib)
        until(lambda: process_state(a.pid) == "Z")
        try:
            part = way % a.pid if "%" in way else way
            with running(*(("-p", str(a.pid)) if way == "$target" else ()), "-n", text % (NAME + part)) as d:
                open_gate(go)
                a.communicate(timeout=LIMIT)
                time.sleep(0.3)
                out = done(d, None if way == "$target" else signal.SIGINT)
            # 321: we attached before the library's constructor fired
            assert hits(out)[a.pid] in (320, 321), (way, out)
            assert "orphan`fires" in out and "libfires.so`fire" in out, (way, out)
        finally:
            a.kill()
            a.communicate()
    go = gate("orphan-go")
    a = start(orphan, go, lib)
    until(lambda: process_state(a.pid) == "Z")
    for without in ("", "iter_vma"):	# also on kernels without the iterator over mappings
        for part in ("*", "$target", str(a.pid)):
            p = dtrace("-p", str(a.pid), "-ln", "%s%s:::" % (NAME, part), env=dict(os.environ, USDTKIT_WITHOUT=without))
            assert p.returncode == 0 and "fires hit" in p.stdout, (without, part, p)
    open_gate(go)
    a.communicate(timeout=LIMIT)
    # Kernel 6.1 has only perf events; with preemption a start in four once failed: so 3 tries
    # there.
    for without in ("", "", "") if EMULATED else ("", "uprobe_multi"):
        p = dtrace("-q", "-c", "%s %s %s" % (orphan, go, lib),
                   "-n", NAME + "$target:::hit { @[pid == $target] = count(); }",
                   env=dict(os.environ, USDTKIT_WITHOUT=without))
        assert p.stdout.split() in (["1", "320"], ["1", "321"]) and not p.stderr, (without, p)


THREAD_EXECS = r"""
#include "app.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char key[] = "exec";
__attribute__((noinline)) static void fires(int n) { for (int i = 0; i < n; i++) APP_HIT(i, key); }
static void *again(void *self)
{
	execl(self, self, "again", (char *)0);
	return self;
}
int main(int argc, char **argv)
{
	pthread_t t;
	if (!strcmp(argv[1], "again")) {
		usleep(US);
		fires(600);
		return 0;
	}
	while (access(argv[1], F_OK))
		usleep(1000);
	fires(10);
	pthread_create(&t, 0, again, argv[0]);
	for (;;)
		pause();
}
"""


def test_a_thread_that_execs_takes_its_process_with_it():
    """The exec ends the first thread, and so probes that were attached to the process by that
    thread."""
    build_app()
    path, go = compiled("thread-execs", THREAD_EXECS, PAUSE, "-pthread"), gate("exec-go")
    a = start(path, go)
    at_gate(a)
    with running("-p", str(a.pid), "-n", BY_PID % (NAME + "$target")) as d:
        open_gate(go)
        a.communicate(timeout=LIMIT)
        assert hits(done(d, None)) == {a.pid: 610}
    for provider, count in ((NAME + "$target:::hit", "610"), ("pid$target::fires:entry", "2")):
        out = traced(provider + " { @ = count(); }", "%s %s" % (path, go))
        assert out.split() == [count], (provider, out)



FORKS = r"""
#include "app.h"
#include <sys/wait.h>
#include <unistd.h>
static char key[] = "fork";
int main(void)
{
	int status = 0;
	for (int i = 0; i < 40; i++)
		APP_HIT(0, key);
	if (!fork()) {
		for (int i = 0; i < 60; i++)
			APP_HIT(1, key);
		_exit(0);
	}
	wait(&status);
	APP_HIT(2, key);
	return status;
}
"""


def test_the_targets_child_is_not_counted():
    build_app()
    forks = compiled("forks", FORKS)
    out = traced(NAME + '$target:::hit { @[arg0] = count(); } END { printa("%d %@d\\n", @); }', forks)
    assert sorted(out.split("\n"))[-2:] == ["0 40", "2 1"] and "1 60" not in out, out


def test_any_process_counts_the_child_too():
    build_app()
    forks = compiled("forks", FORKS)
    out = traced(NAME + '*:::hit { @[arg0] = count(); } END { printa("%d %@d\\n", @); }', forks)
    assert sorted(l for l in out.split("\n") if l) == ["0 40", "1 60", "2 1"], out


def test_status_of_the_command_does_not_stop_end():
    out = traced('END { printf("ended %d\\n", $target > 0); }', "/bin/false")
    assert numbers(out) == [1], out


def test_how_commands_end_is_told():
    p = dtrace("-c", "sh -c 'exit 3'", "-c", "sh -c 'kill -9 $$'", "-c", "true", "-n", "END { }")
    assert p.returncode == 0 and sorted(re.sub(r"pid \d+", "pid N", p.stderr).split("\n"))[2:] == [
        "dtrace: pid N exited with status 3", "dtrace: pid N has exited", "dtrace: pid N terminated by SIGKILL"], p


def test_stack_of_a_process_and_file_that_are_gone():
    path = copy_of(build_app(), "app-gone")
    go = gate("gone")
    a = start(path, "-v", "-n", "30", "-w", go)
    at_gate(a)
    with running("-n", 'BEGIN { printf("ready\\n"); } %s*:::hit { @[ustack()] = count(); }' % NAME) as d:
        os.unlink(path)
        open_gate(go)
        finish([a])
        time.sleep(0.3)
        out = done(d)
    assert re.search(r"app-gone`work", out) and "30" in out.split(), out


def test_stacks_of_programs_with_any_name():
    """With -p mappings are read from /proc; with -c they come as events of the kernel."""
    text = "%s$target:::hit { ustack(1); exit(0); }" % NAME
    for name in ("new\nline", "back\\slash", "some blanks", "esc\033ape", "paren) S 1 (", "gone (deleted)"):
        path = copy_of(build_app(), name)
        go = gate("any-name")
        a = start(path, "-v", "-n", "30", "-w", go)
        at_gate(a)
        with running("-n", 'BEGIN { printf("ready\\n"); }' + text, "-p", str(a.pid)) as d:
            open_gate(go)
            finish([a])
            out = done(d)
        assert re.search(r"`work\+0x", out), (name, out)
        p = sh(DTRACE, "-q", "-n", text, "-c", "'%s' -n 30" % path)
        assert re.search(r"`work\+0x", p.stdout), (name, p)


def storm(cpu):
    """Runs so many processes on a CPU that their events overflow its ring."""
    must("taskset", "-c", str(cpu), "/bin/sh", "-c",
         "i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i + 1)); done", timeout=LIMIT)


def test_stack_of_a_process_whose_start_was_lost():
    if EMULATED:
        raise Skip("800 processes take an emulated processor a minute")
    path = copy_of(build_app(), "app-unseen")
    go = gate("unseen")
    with running("-Z", "-n", 'BEGIN { printf("ready\\n"); } %s*:::hit { @[ustack()] = count(); }' % NAME) as d:
        d.send_signal(signal.SIGSTOP)
        for cpu in os.sched_getaffinity(0):
            storm(cpu)
        a = start(path, "-v", "-n", "30", "-w", go)
        at_gate(a)
        d.send_signal(signal.SIGCONT)
        until(lambda: site_bytes(a.pid, path) == {b"\xcc"})
        open_gate(go)
        finish([a])
        time.sleep(0.3)
        out = done(d)
    assert re.search(r"app-unseen`work", out) and "30" in out.split(), out


def test_two_tracers_count_all():
    app = build_app()
    go = gate("two")
    apps = [start(app, "-v", "-n", "4000", "-w", go) for _ in range(3)]
    at_gate(*apps)
    with running("-n", BY_PID % (NAME + "*")) as one, running("-n", BY_PID % (NAME + "*")) as two:
        open_gate(go)
        own = finish(apps)
        seen = [hits(done(d)) for d in (one, two)]
    assert not differ(seen[0], own) and not differ(seen[1], own), (seen, own)


def test_two_commands():
    app = build_app()
    p = dtrace("-q", "-c", app + " -n 11", "-c", app + " -n 13", "-n",
               NAME + '*:::hit { @[pid == $target] = count(); } END { printa("%d %@d\\n", @); }')
    assert p.returncode == 0 and not p.stderr, p.stderr
    assert sorted(p.stdout.split("\n"))[-2:] == ["0 13", "1 11"], p.stdout


def test_an_exec_of_another_program_in_the_target():
    app = build_app()
    out = traced(NAME + '$target:::hit { @ = count(); } END { printa("%@d\\n", @); }',
                 "/bin/sh -c 'exec %s -n 77'" % app, "-Z")
    assert numbers(out) == [77], out


def test_a_site_that_another_tracer_holds_is_named():
    """The kernel refuses a second uprobe at a site if the first did not name the semaphore."""
    events, group = "/sys/kernel/tracing/uprobe_events", "usdtkit_%d" % os.getpid()
    if not os.path.exists(events):
        raise Skip("no " + events)
    held = copy_of(build_app(), "app-held")
    sites = [l.split()[1].rstrip(",") for l in must("readelf", "-n", held).split("\n") if "Location:" in l]
    enable = "/sys/kernel/tracing/events/%s/enable" % group

    def put(path, text):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)  # Python's own mode "a" seeks, which tracefs refuses
        os.write(fd, text.encode())
        os.close(fd)

    for i, site in enumerate(sites):
        put(events, "p:%s/s%d %s:%s\n" % (group, i, held, site))
    try:
        put(enable, "1")
        a = start(held, "-n", "1", "-w", gate("held"))
        at_gate(a)
        p = dtrace("-q", "-n", NAME + '*:::hit { n++; } tick-200ms { exit(0); }')
        own = dtrace("-q", "-p", str(a.pid), "-n", NAME + '$target:::hit { n++; } tick-200ms { exit(0); }')
        a.kill()
        a.communicate()
    finally:
        put(enable, "0")
        for i in range(len(sites)):
            put(events, "-:%s/s%d\n" % (group, i))
    assert held in p.stderr and "the kernel refuses" in p.stderr, (p.returncode, p.stderr, p.stdout)
    assert "another tracer" in p.stderr, p.stderr
    assert p.returncode == 0, "a foreign file's refusal is a warning: %s" % p.stderr
    assert own.returncode == 1 and "cannot attach" in own.stderr, own.stderr


main(sys.modules[__name__])
