#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The snippets of docs/usdt-check.md, unchanged, pass and fail as they should.

Usage: snippets.py BUILD. Each snippet runs twice: with an app that fires the asserted probes, and
with an app that does not. Ends with 'N passed, N failed, N skipped'.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
ENV = dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"])
APP = """
#include <usdt/sdt.h>
int main(void)
{
	for (int i = 0; i < TIMES; i++)
		USDT_PROBE1(app, hit, i);
	return 0;
}
"""


def snippets():
    with open(os.path.join(TOP, "docs/usdt-check.md"), encoding="utf-8") as f:
        found = re.findall(r"^([\w ]+):\n\n((?:(?: {4}.*)?\n)+)", f.read(), re.M)
    return {name: "\n".join(l[4:] for l in text.split("\n")) for name, text in found}


def sh(folder, *args):
    p = subprocess.run(args, cwd=folder, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=120)
    return p.returncode, p.stdout


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def compiled(folder, name):
    """Compiles the app of a snippet's folder to the place where the snippet expects it."""
    os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
    code, out = sh(folder, "cc", "-I", os.path.join(TOP, "include"), "-o", name, "app.c")
    assert code == 0, out


# ---- One a kind: (exit status, output) of the snippet in a folder that has app.c and probes.txt ----

def github(folder, text):
    compiled(folder, "build/app")
    os.makedirs(os.path.join(folder, "tests"))
    shutil.copy(os.path.join(folder, "probes.txt"), os.path.join(folder, "tests"))
    run = re.search(r"^- name: .+\n  run: (.+)$", text.strip("\n")).group(1)
    return sh(folder, "sh", "-e", "-c", run)


def meson(folder, text):
    write(folder, "meson.build", "project('app', 'c')\napp = executable('app', 'app.c', include_directories: "
          "include_directories('include'))\n" + text)
    os.symlink(os.path.join(TOP, "include"), os.path.join(folder, "include"))
    code, out = sh(folder, "meson", "setup", "out")
    assert code == 0, out
    return sh(folder, "meson", "test", "-C", "out")


def ctest(folder, text):
    write(folder, "CMakeLists.txt", "cmake_minimum_required(VERSION 3.10)\nproject(app C)\nenable_testing()\n"
          "add_executable(app app.c)\ntarget_include_directories(app PRIVATE %s/include)\n%s" % (TOP, text))
    code, out = sh(folder, "sh", "-c", "cmake -B out && cmake --build out")
    assert code == 0, out
    return sh(os.path.join(folder, "out"), "ctest")


def pytest(folder, text):
    compiled(folder, "app")
    write(folder, "test_probes.py", text)
    code, out = sh(folder, "pytest-3", "-q")
    assert re.search(r"^1 (passed|failed) in ", out, re.M), out
    return code, out


KINDS = {"GitHub Actions": (github, "sh"), "Meson": (meson, "meson"), "CTest": (ctest, "ctest"),
         "pytest": (pytest, "pytest-3")}


def tried(name, text):
    kind, tool = KINDS[name]
    if not shutil.which(tool):
        return "skipped", "no " + tool
    for times in (3, 2):
        folder = tempfile.mkdtemp(prefix="usdtkit-snippets-")
        try:
            write(folder, "app.c", APP.replace("TIMES", str(times)))
            write(folder, "probes.txt", "app:::hit count==3\n")
            code, out = kind(folder, text)
        except AssertionError as e:
            return "failed", str(e)
        finally:
            shutil.rmtree(folder)
        if (code == 0) != (times == 3):
            return "failed", "fired %d times: status %d\n%s" % (times, code, out)
    return "passed", ""


def main():
    found, count = snippets(), {"passed": 0, "failed": 0, "skipped": 0}
    for name in KINDS:
        word, why = tried(name, found[name]) if name in found else ("failed", "docs/usdt-check.md has none")
        count[word] += 1
        print(word, name, why)
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    sys.exit(count["failed"] > 0)


main()
