#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Files in odd places, mapped in odd ways: every hit is counted exactly once."""
import os
import shutil
import signal
import subprocess
import sys

from before import Before, Running, process_state, until
from lib import DTRACE, FOLDER, HERE, Skip, dtrace, main, must, numbers, sh
from races import (LIMIT, NAME, built, counted, gate, library, maps_of_children, opened, ready, runs,
                   tracer, waits)


# ---- Files in odd places ----------------------------------------------------------

def test_mount_namespaces_and_chroots():
    """The same file under other names, in namespaces where our paths mean nothing; and a copy."""
    app, go = waits("static", "-static"), gate("ns")
    root = os.path.join(FOLDER, "root")
    os.makedirs(root)
    shutil.copy(app, os.path.join(root, "jailed"))
    os.link(go, os.path.join(root, "x")) if os.path.exists(go) else None
    aside = "mount --bind %s /mnt && cd / && exec unshare -m /bin/sh -c 'umount -l %s/none 2>/dev/null; exec /mnt/static 200 %s'"
    commands = [[app, "100", go], ["unshare", "-m", "/bin/sh", "-c", aside % (FOLDER, FOLDER, go)],
                # the chroot reaches the gate only by a mount of our folder
                ["unshare", "-m", "/bin/sh", "-c", "mkdir -p %s/f && mount --bind %s %s/f && exec chroot %s /jailed 400 /f/%s"
                 % (root, FOLDER, root, root, os.path.basename(go))]]
    runs(commands, 700, go)


def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(child) for child in f.read().split()]


def test_a_pid_namespace_of_our_own():
    """As in a container: pids are those of the namespace, and processes outside have no pid
    there."""
    app, before = waits(), Before()
    aside = ("/usr/bin/unshare", "-p", "-f", "-m", "--mount-proc", "/bin/sh", "-c")
    if sh(*aside, "true").returncode:
        raise Skip("no namespaces")
    by_pid = "@[pid, pid == $target] = count(); @s[ustack(1)] = count(); } END { printa(\"%d %d %@d\\n\", @); printa(@s); }"
    go = gate("container")
    command = "%s -qc '%s 70' -n '%s$target:::hit { %s'" % (DTRACE, app, NAME, by_pid)
    # pid 1 is the shell, pid 2 dtrace, and its command comes later
    p = sh(*aside, command + "; exit $?")
    assert (p.returncode, p.stderr) == (0, "") and numbers(p.stdout)[1:3] == [1, 70], p
    assert numbers(p.stdout)[0] < 20 and "waits`main" in p.stdout, p
    text = (r'"BEGIN { printf(\"ready\\n\"); } %s:::hit { @[pid] = count(); } '
            r'END { printa(\"%%d %%@d\\n\", @); }"')
    for flags, provider in (("-p $a", r"\$target"), ("", "*"), ("", "$a")):
        go = gate("container")
        script = "%s 500 %s & a=$!; %s 30 %s & b=$!; echo $a $b; exec %s -q %s -n %s" % (
            app, go, app, go, DTRACE, flags, text % (NAME + provider))
        with Running(*aside, script) as d:
            a, b = numbers(d.stdout.readline())
            ready(d)
            opened(go)
            child = children_of(d.pid)[0]
            if not flags:
                assert until(lambda: all(process_state(p) == "Z" for p in children_of(child)))
                os.kill(child, signal.SIGTERM)
            out, err = d.communicate(timeout=LIMIT)
        seen = numbers(out)
        assert (d.returncode, err) == (0, ""), (d.returncode, err)
        assert dict(zip(seen[::2], seen[1::2])) == ({a: 500, b: 30} if provider == "*" else {a: 500}), (provider, out, err)
    # without the namespace's own /proc dtrace refuses
    p = sh("/usr/bin/unshare", "-p", "-f", DTRACE, "-n", "BEGIN { exit(0); }")
    assert (p.returncode, p.stderr) == (1, "dtrace: tracing needs the /proc of this pid namespace: "
                                        "mount -t proc proc /proc\n"), p
    before.again()


def test_overlayfs_shows_one_file_as_two():
    app, go = waits("over"), gate("overlay")
    lower, work, upper, merged = (os.path.join(FOLDER, "ov", n) for n in ("lower", "work", "upper", "merged"))
    for d in (lower, work, upper, merged):
        os.makedirs(d, exist_ok=True)
    if sh("unshare", "-m", "/bin/sh", "-c", "mount -t tmpfs none %s/ov && mkdir -p %s %s %s %s && mount -t overlay none -o lowerdir=%s,upperdir=%s,workdir=%s %s"
          % (FOLDER, lower, work, upper, merged, lower, upper, work, merged)).returncode:
        raise Skip("no overlayfs")
    text = ("mount -t tmpfs none %s/ov && mkdir -p %s %s %s %s && cp %s %s/app && mount -t overlay none -o lowerdir=%s,upperdir=%s,workdir=%s %s || exit 99\n"
            "%s/app 30 %s & a=$!; %s/app 50 %s & b=$!; wait $a && wait $b"
            % (FOLDER, lower, work, upper, merged, app, lower, lower, upper, work, merged, lower, go, merged, go))
    before = Before()
    with Running("unshare", "-m", "/bin/bash", "-c", text) as a:
        assert until(lambda: maps_of_children(a.pid).count("/app\n") >= 2), a.poll()
        with tracer() as d:
            ready(d)
            opened(go)
            _, err = a.communicate(timeout=LIMIT)
            assert a.returncode == 0, err
            assert counted(d) == 80
    before.again()


def test_names_with_blanks_and_lines():
    app, go = waits(), gate("odd")
    folder = os.path.join(FOLDER, "a folder\nof two lines (deleted)")
    os.makedirs(folder)
    commands, hits = [], 0
    for i, name in enumerate(("with blanks", "two\nlines", "tab\there", "x (deleted)", "quo\"te'", "\u00fcmlaut", "-n", "*", ":")):
        path = os.path.join(folder, name)
        shutil.copy(app, path)
        commands.append([path, str(7 ** (i % 5) + i), go])
        hits += 7 ** (i % 5) + i
    runs(commands, hits, go)


def test_bases_of_programs():
    for name, flags in (("pie", ("-pie",)), ("nopie", ("-no-pie",)), ("static", ("-static",)),
                        ("staticpie", ("-static-pie",)), ("high", ("-no-pie", "-Wl,-Ttext-segment=0x7000000")),
                        ("joined", ("-no-pie", "-Wl,-z,noseparate-code")), ("stripped", ("-s",)),
                        ("piehigh", ("-pie", "-Wl,-Ttext-segment=0x40000000"))):
        go = gate("base-" + name)
        runs([[waits(name, *flags), "120", go] for _ in range(2)], 240, go)


# ---- Many mappings -------------------------------------------------------------------

def maps_program():
    out = os.path.join(FOLDER, "maps")
    if not os.path.exists(out):
        must("gcc", "-O1", "-o", out, os.path.join(HERE, "maps.c"))
    return out


def test_a_file_mapped_more_than_once():
    """The loader and the program map the file: each hit counts once."""
    lib, folder, go = library(), os.path.join(FOLDER, "twice"), gate("again")
    os.makedirs(folder)
    os.link(lib, os.path.join(folder, "librace.so"))
    twice = built("twicer", r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int fd = open(argv[3], O_RDONLY);
	void *again[2] = { mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0),
			   mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096) };
	void *one = dlopen(argv[3], RTLD_NOW), *two = dlmopen(LM_ID_NEWLM, argv[3], RTLD_NOW);
	if (again[0] == MAP_FAILED || again[1] == MAP_FAILED || !one || !two)
		return 3;
	while (access(argv[2], F_OK))
		usleep(1000);
	((void (*)(long))dlsym(one, "fire"))(100);
	((void (*)(long))dlsym(two, "fire"))(23);
	return 0;
}
""", "-ldl")
    runs([[twice, "0", go, lib]] * 2, 246, go)


def test_thousands_of_mappings():
    folder, go = os.path.join(FOLDER, "thousands"), gate("many")
    os.makedirs(folder)
    for i in range(30):
        shutil.copy(library(), os.path.join(folder, "lib%d.so" % i))
    with Running(maps_program(), "-n", "100", folder) as m:
        assert m.stdout.readline() == "3000\n"
        listed = must(DTRACE, "-l", "-P", "%s%d" % (NAME, m.pid))
        assert listed.count(" fire hit") == 30, listed
        runs([[waits(), "150", go]], 150, go)
        p = dtrace("-q", "-p", str(m.pid), "-n", NAME + "$target:::hit,pid$target::fire:entry { } BEGIN { exit(0); }")
        assert (p.returncode, p.stderr) == (0, ""), p


main(sys.modules[__name__])
