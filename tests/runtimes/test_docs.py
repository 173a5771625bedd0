#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the commands of docs/python.md and docs/ruby.md, and compares their output.

A block of four spaces after "`NAME`:" is a file. In other blocks sh runs the line "$ COMMAND", and
the lines below are the output of COMMAND. All commands of a page run in the same folder.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "trace"))
from lib import DTRACE, FOLDER, Skip, main  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))


def blocks(page):
    """[(name of a file or "", text)] of the page."""
    with open(os.path.join(TOP, "docs", page), encoding="utf-8") as f:
        found = re.findall(r"^(.+)\n\n((?: {4}.*\n|\n(?= {4}))+)", f.read(), re.M)
    return [((re.match(r"`([^`]+)`:$", above) or [None, ""])[1], re.sub(r"^ {4}", "", text, flags=re.M))
            for above, text in found]


def follow(page):
    folder, commands = os.path.join(FOLDER, page), 0
    os.mkdir(folder)
    os.symlink(os.path.join(TOP, "runtimes"), os.path.join(folder, "runtimes"))
    env = dict(os.environ, PATH=os.path.dirname(DTRACE) + ":/usr/bin:/bin:/usr/sbin:/sbin", PYTHONDONTWRITEBYTECODE="1")
    for name, text in blocks(page):
        if name:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
            continue
        for command, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.M):
            p = subprocess.run(["sh", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL, timeout=300,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            said = re.sub(r"^WARNING: .*\n", "", p.stderr, flags=re.M)     # gem: no home page
            assert p.returncode == 0 and not said, (command, p.stdout, p.stderr)
            assert not output.strip() or p.stdout.split() == output.split(), (command, p.stdout)
            commands += 1
    return commands


def test_python():
    if not os.path.exists("/usr/bin/python3"):
        raise Skip("no /usr/bin/python3")
    assert follow("python.md") == 5


def test_ruby():
    if not os.path.exists("/usr/bin/ruby"):
        raise Skip("no /usr/bin/ruby")
    assert follow("ruby.md") == 4


main(sys.modules[__name__])
