# SPDX-License-Identifier: BSD-2-Clause
"""Programs and libraries that fire the provider of this run, and tracers that count the firings."""
import os
import subprocess

from before import Before, Running, until
from lib import DTRACE, FOLDER, HERE, must, numbers

# These tests may run twice at a time: each run has its own provider name.
NAME = "race" + "".join(chr(ord("a") + int(c)) for c in str(os.getpid()))
LIMIT = 120

LIBRARY = r"""
#include "race.h"
void fire(long n) { for (long i = 0; i < n; i++) RACE_HIT(i); }
"""
WAITS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "race.h"
int main(int argc, char **argv)	/* waits HITS GATE [LIBRARY…]: opened files change nothing */
{
	long n = atol(argv[1]);
	while (argc > 2 && access(argv[2], F_OK))
		usleep(1000);
	for (long i = 0; i < n; i++)
		RACE_HIT(i);
	return 0;
}
"""


def built(name, text, *flags):
    out, header = os.path.join(FOLDER, name), os.path.join(FOLDER, "race.h")
    if not os.path.exists(header):
        with open(os.path.join(FOLDER, "race.d"), "w") as f:
            f.write("provider %s { probe hit(long); };\n" % NAME)
        must(DTRACE, "-h", "-s", os.path.join(FOLDER, "race.d"), "-o", header)
        with open(header, "a") as f:
            f.write("#define RACE_HIT %s_HIT\n" % NAME.upper())
    if not os.path.exists(out):
        with open(out + ".src.c", "w") as f:
            f.write(text)
        must("gcc", "-O1", "-I", FOLDER, "-o", out, out + ".src.c", *flags)
    return out


def library(name="librace.so"):
    return built(name, LIBRARY, "-shared", "-fPIC")


def waits(name="waits", *flags):
    return built(name, WAITS, *flags)


def churn():
    out = os.path.join(FOLDER, "churn")
    if not os.path.exists(out):
        must("gcc", "-O1", "-o", out, os.path.join(HERE, "churn.c"), "-ldl")
    return out


def gate(name):
    path = os.path.join(FOLDER, name)
    if os.path.exists(path):
        os.unlink(path)
    return path


def opened(path):
    open(path, "w").close()


COUNT = 'BEGIN { printf("ready\\n"); } %s { @ = count(); } END { printa("hits %%@d\\n", @); }'


def tracer(*descriptions, args=(), env=None):
    return Running(DTRACE, "-q", *args, "-n", COUNT % ",".join(descriptions or (NAME + "*:::hit",)),
                   env=dict(os.environ, **env) if env else None)


def ready(d):
    line = d.stdout.readline()
    assert line == "ready\n", (line, d.communicate(timeout=LIMIT))


def counted(d):
    """Ends the tracer; its count of firings. stderr must be empty."""
    d.terminate()
    out, err = d.communicate(timeout=LIMIT)
    assert (d.returncode, err) == (0, ""), (d.returncode, err)
    return (numbers(out) or [0])[0]


def own(p):
    out, err = p.communicate(timeout=LIMIT)
    assert p.returncode == 0, (p.returncode, err)
    return int(out)


def maps_of_children(pid):
    text = ""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            for child in f.read().split():
                with open("/proc/%s/maps" % child) as m:
                    text += m.read()
    except OSError:
        pass
    return text


def has_breakpoint(pid, name):
    """A breakpoint makes its page a private copy, which smaps shows as Anonymous."""
    with open("/proc/%s/smaps" % pid) as f:
        inside = False
        for line in f:
            if "-" in line.split()[0]:
                inside = name in line and " r-xp " in line
            elif inside and line.startswith("Anonymous:"):
                return int(line.split()[1]) > 0
    return False


def runs(commands, hits, go, *descriptions, args=()):
    """Starts the commands, which wait, then dtrace; dtrace must count each of their hits once."""
    before = Before()
    apps = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for c in commands]
    try:
        # a shell or unshare may come first: wait for the program itself
        assert until(lambda: all(is_waiting(a.pid) for a in apps)), [a.poll() for a in apps]
        with tracer(*descriptions, args=args) as d:
            ready(d)
            opened(go)
            for a in apps:
                _, err = a.communicate(timeout=LIMIT)
                assert a.returncode == 0, err
            seen = counted(d)
    finally:
        for a in apps:
            a.kill()
            a.communicate()
    assert seen == hits, (seen, hits)
    before.again()


def is_waiting(pid):
    try:
        with open("/proc/%d/cmdline" % pid) as f:
            words = f.read().split("\0")
        with open("/proc/%d/stat" % pid) as f:
            return len(words) > 3 and words[1].isdigit() and f.read().rsplit(")", 1)[1].split()[0] in "SR"
    except OSError:
        return False
