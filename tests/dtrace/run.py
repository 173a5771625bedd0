#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the D programs of this folder with the given dtrace, and compares their output.

  SUBJECT/NAME.d + NAME.out     a script, run with the options of its #! line; standard output
  SUBJECT/D_TAG.NAME.d + .err   a script that must be refused; all of standard error
  SUBJECT/*.cases               small programs: blocks of lines `key: value`, divided by blank lines:
      name    the claim
      prog    the D text, given to `dtrace -qn` …
      args    … or a whole argument list, split as a shell splits it
      out     standard output; \\n stands for the end of a line (the last is added);
              blank lines before and after do not count
      err     standard error, written in the same way; /…/ is a regular expression to find there
      status  the exit status (default 0)
      env     NAME=VALUE …, besides TERM=xterm
      needs   files without which the block is skipped

Usage: run.py DTRACE [FOLDER-OR-FILE …]. Ends with 'N passed, N failed, N skipped'.
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 60


class Case:
    def __init__(self, where, **keys):
        self.where = where
        self.keys = keys
        self.name = keys.get("name", where)

    def skip_reason(self):
        for path in self.keys.get("needs", "").split():
            if not os.path.exists(path):
                return "no " + path
        return None

    def env(self):
        return dict(e.split("=", 1) for e in ["TERM=xterm"] + self.keys.get("env", "").split())

    def args(self):
        if "args" in self.keys:
            return shlex.split(self.keys["args"])
        return ["-qn", self.keys["prog"]]


def same(want, got):
    if len(want) > 1 and want.startswith("/") and want.endswith("/"):
        return re.search(want[1:-1], got, re.S) is not None
    return want.strip("\n") == got.strip("\n")


def run(dtrace, case):
    """(ok, explanation)"""
    cwd = os.path.dirname(case.where.split(":")[0])
    try:
        p = subprocess.run([dtrace] + case.args(), cwd=cwd, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                           env={**os.environ, **case.env()})
    except subprocess.TimeoutExpired:
        return False, "no end after %d s" % TIMEOUT
    out, err = (b.decode("utf-8", "backslashreplace") for b in (p.stdout, p.stderr))
    status = int(case.keys.get("status", "0"))
    bad = []
    if p.returncode != status:
        bad.append("status %d, not %d" % (p.returncode, status))
    if "out" in case.keys and not same(case.keys["out"], out):
        bad.append("printed:\n%s\n  wanted:\n%s" % (out, case.keys["out"]))
    if "err" in case.keys and not same(case.keys["err"], err):
        bad.append("said:\n%s\n  wanted:\n%s" % (err, case.keys["err"]))
    if bad and "err" not in case.keys and err:
        bad.append("stderr:\n" + err)
    return not bad, "\n  ".join(bad)


def read_cases(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    line = 1
    for block in re.split(r"\n[ \t]*\n", text):
        keys, last = {}, None
        for row in block.split("\n"):
            if row.startswith("#") or not row.strip():
                continue
            m = re.match(r"(name|prog|args|out|err|status|needs|env):(?: (.*))?$", row)
            if m:
                last = m.group(1)
                keys[last] = m.group(2) or ""
            elif last:
                keys[last] += "\n" + row
            else:
                raise SystemExit("%s: not a key: %s" % (path, row))
        for k in ("out", "err"):
            if k in keys:
                keys[k] = keys[k].replace("\\n", "\n").replace("\\t", "\t")
        if keys:
            yield Case("%s:%d" % (path, line), **keys)
        line += block.count("\n") + 2


def read_script(path):
    base = path[:-2]
    with open(path, encoding="utf-8") as f:
        first = f.readline()
    m = re.match(r"#!\S*dtrace\s+(-\S*)s\b", first)
    flags = m.group(1) if m and m.group(1) != "-" else ""
    name = os.path.basename(path)
    keys = {"name": name, "args": " ".join([flags, "-s", shlex.quote(name)])}
    if os.path.basename(base).startswith("D_"):
        tag = os.path.basename(base).split(".")[0]
        keys["status"] = "1"
        keys["args"] += " -x errtags"
        with open(base + ".err", encoding="utf-8") as f:
            keys["err"] = f.read()
        if "[%s]" % tag not in keys["err"]:
            raise SystemExit("%s: its .err does not name %s" % (path, tag))
    else:
        with open(base + ".out", encoding="utf-8") as f:
            keys["out"] = f.read()
    return Case(path, **keys)


def collect(where):
    if os.path.isfile(where):
        yield from [read_script(where)] if where.endswith(".d") else read_cases(where)
        return
    for folder, dirs, files in os.walk(where):
        dirs.sort()
        for f in sorted(files):
            path = os.path.join(folder, f)
            if f.endswith(".d"):
                yield read_script(path)
            elif f.endswith(".cases"):
                yield from read_cases(path)


def main():
    dtrace = os.path.abspath(sys.argv[1])
    cases = [c for w in (sys.argv[2:] or [HERE]) for c in collect(os.path.abspath(w))]
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = []
        for c in cases:
            why = c.skip_reason()
            jobs.append((c, why, None if why else pool.submit(run, dtrace, c)))
        for c, why, job in jobs:
            where = os.path.relpath(c.where, HERE)
            if why:
                count["skipped"] += 1
                print("SKIP %s: %s: %s" % (where, c.name, why))
                continue
            ok, explanation = job.result()
            count["passed" if ok else "failed"] += 1
            if not ok:
                print("FAIL %s: %s\n  %s" % (where, c.name, explanation))
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    sys.exit(count["failed"] > 0)


main()
