# SPDX-License-Identifier: BSD-2-Clause
"""Finds the interpreters of this machine, and builds the packages of runtimes/ for each."""
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PYTHON = os.path.join(TOP, "runtimes", "python")
RUBY = os.path.join(TOP, "runtimes", "ruby")


def run(*args, **kw):
    kw.setdefault("timeout", 300)
    return subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def pythons():
    """{"3.11.2": path} of each installed CPython 3.8 or later, and why some are left out."""
    found, left_out = {}, []
    for path in ["/usr/bin/python3"] + sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))):
        if not os.path.exists(path):
            continue
        p = run(path, "-c", "import sys, sysconfig, os; print(sys.version.split()[0], sys.implementation.name,"
                " sys.version_info >= (3, 8), os.path.exists(sysconfig.get_path('include') + '/Python.h'))")
        version, name, new, headers = (p.stdout.split() + [""] * 4)[:4]
        if p.returncode or name != "cpython" or new != "True":
            continue
        if headers != "True":
            left_out.append("Python %s (%s): no headers" % (version, path))
        elif version not in found:
            found[version] = path
    return found, left_out


def build_python(python, folder):
    """Compiles the package for this interpreter into the folder, for PYTHONPATH."""
    p = run(python, "-B", "-c", "import sys, zipfile; sys.path.insert(0, %r); import backend; out = sys.argv[1]\n"
            "zipfile.ZipFile(out + '/' + backend.build_wheel(out)).extractall(out)" % PYTHON, folder,
            env=dict(os.environ, CFLAGS="-Wall -Wextra -Wshadow -Werror"))
    assert p.returncode == 0, p.stdout


def build_ruby(folder, env):
    """Builds the gem into the folder and installs it into $GEM_HOME; returns the output."""
    gem = os.path.join(folder, "usdt.gem")
    said = ""
    for command in (("gem", "build", "usdt.gemspec", "-o", gem), ("gem", "install", "--local", "--no-document", gem)):
        p = run(*command, cwd=RUBY, env=env)
        assert p.returncode == 0, p.stdout
        said += p.stdout
    for where, _, files in os.walk(os.path.join(env["GEM_HOME"], "extensions")):
        for name in files:
            if name == "gem_make.out":
                with open(os.path.join(where, name), encoding="utf-8") as f:
                    said += f.read()
    return said


if __name__ == "__main__":      # for bench/runtimes and by hand: interpreters.py FOLDER
    for v, exe in pythons()[0].items():
        os.makedirs(os.path.join(sys.argv[1], v), exist_ok=True)
        build_python(exe, os.path.join(sys.argv[1], v))
        print(v, exe)
