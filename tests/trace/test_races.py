#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Processes start and end, and files change, while dtrace looks for them."""
import os
import shutil
import subprocess
import sys

from before import Before, Running, until
from lib import DTRACE, FOLDER, main, must
from races import (LIMIT, NAME, churn, counted, gate, has_breakpoint, is_waiting, library, maps_of_children, opened,
                   own, ready, tracer, waits)


# ---- Short processes ------------------------------------------------------------

def test_500_short_processes_of_a_file_that_is_attached():
    keeper_gate, lib = gate("keeper"), library()
    before = Before()
    with Running(churn(), "-p", "1", "-g", keeper_gate, lib) as keeper:
        assert until(lambda: "librace" in maps_of_children(keeper.pid))
        with tracer() as d:
            ready(d)
            hits = own(subprocess.Popen([churn(), lib], stdout=subprocess.PIPE, text=True))
            opened(keeper_gate)
            hits += own(keeper)
            assert counted(d) == hits
    before.again()


def churned(env=None):
    """dtrace starts and ends amid short processes: no excess hits, no messages, nothing left
    behind."""
    before = Before()
    with Running(churn(), library()) as c:
        seen = []
        for _ in range(3):
            with tracer(args=("-Z",), env=env) as d:
                ready(d)
                seen.append(counted(d))
        c.kill()
    assert all(n <= 2500 for n in seen), seen
    before.again()


def test_start_and_end_while_processes_churn():
    churned()


def test_the_same_on_an_older_kernel():
    churned({"USDTKIT_WITHOUT": "iter_vma,uprobe_multi"})


def test_a_process_alone_while_others_churn():
    app, go = waits(), gate("alone")
    before = Before()
    with Running(churn(), library()) as c, Running(app, "321", go) as a:
        with tracer("%s%d:::hit" % (NAME, a.pid)) as d:
            ready(d)
            opened(go)
            a.communicate(timeout=LIMIT)
            assert counted(d) == 321
        c.kill()
    before.again()


def test_a_file_that_is_first_seen_among_500_processes():
    """Processes that wait for the attach lose no hit, though others start and end meanwhile."""
    lib, other, go = library("libfirst.so"), library("libother.so"), gate("first")
    before = Before()
    with tracer(NAME + "*:libfirst.so::hit", args=("-Z",)) as d:
        ready(d)
        with Running(churn(), "-p", "300", other) as noise, \
                Running(churn(), "-p", "200", "-j", "200", "-g", go, lib) as c:
            assert until(lambda: maps_of_children(c.pid).count("libfirst.so") >= 200, 30)
            assert until(lambda: attached(c.pid, "libfirst.so"), 30), "not attached"
            opened(go)
            hits = own(c)
            own(noise)
        assert counted(d) == hits
    before.again()


def attached(pid, name):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return all(has_breakpoint(child, name) for child in f.read().split())


# ---- Replaced files ------------------------------------------------------------

def test_a_program_that_is_replaced_while_it_runs():
    """An upgrade: processes still map the old file, and the new file has its name."""
    path, go = os.path.join(FOLDER, "upgraded"), gate("upgrade")
    commands = []
    for i, hits in enumerate(("10", "200", "3000")):
        shutil.copy(waits(), path + ".new")
        os.rename(path + ".new", path)
        commands.append([path, hits, go])
    before = Before()
    apps = []
    try:
        for i, c in enumerate(commands):
            shutil.copy(waits("waits%d" % (i % 2), *(("-O0",) if i % 2 else ())), path + ".new")
            os.rename(path + ".new", path)
            apps.append(subprocess.Popen(c))
            assert until(lambda: is_waiting(apps[-1].pid))
        os.unlink(path)
        listed = must(DTRACE, "-l", "-m", NAME + "*:upgraded").strip().split("\n")[1:]
        assert sorted(l.split()[1:] for l in listed) == sorted(
            [NAME + str(a.pid), "upgraded", "main", "hit"] for a in apps), listed
        with tracer(NAME + "*:upgraded::hit") as d:
            ready(d)
            opened(go)
            assert [a.wait(timeout=LIMIT) for a in apps] == [0, 0, 0]
            assert counted(d) == 3210
    finally:
        for a in apps:
            a.kill()
            a.wait()
    before.again()


def test_a_program_that_is_replaced_while_it_is_traced():
    path = os.path.join(FOLDER, "replaced")
    before = Before()
    with tracer(NAME + "*:replaced::hit", args=("-Z",)) as d:
        ready(d)
        hits = 0
        for i in range(5):
            go = gate("replace%d" % i)
            shutil.copy(waits(), path + ".new")
            os.rename(path + ".new", path)
            with Running(path, str(10 ** i), go) as a:
                assert until(lambda: is_waiting(a.pid))
                assert until(lambda: has_breakpoint(a.pid, "replaced")), i
                opened(go)
                a.communicate(timeout=LIMIT)
            hits += 10 ** i
        assert counted(d) == hits
    before.again()


main(sys.modules[__name__])
