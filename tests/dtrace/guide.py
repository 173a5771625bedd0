#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks every D fragment of the Dynamic Tracing Guide with `dtrace -e`.

This tree may not hold the guide's text: FOLDER or USDTKIT_GUIDE names the folder with its
chp-*.xml, raw/dtrace of https://github.com/illumos/illumos-docbooks.

A fragment is the text of a <programlisting>, or a dtrace command in a <screen>. A fragment passes
if it checks in one of the ways in which the guide writes D (WAYS). guide.reasons lists each
fragment that cannot pass, as a line: chapter:ordinal hash reason. The hash of the fragment's text notices
another revision of the guide. The test fails for a fragment that fails and is not listed, and for a
listed fragment that passes. A "reason" that begins with + is D text instead: declarations from the
guide's prose, which are put before the fragment.

Usage: guide.py [-v] DTRACE [FOLDER [CHAPTER …]]. -v: prints dtrace's messages for each failure.
Ends with 'N passed, N failed, N skipped'; listed fragments are skipped.
"""
import concurrent.futures
import glob
import hashlib
import html
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REASONS = os.path.join(HERE, "guide.reasons")
WHERE = "https://github.com/illumos/illumos-docbooks, folder raw/dtrace"

# Ways to make a program of a fragment; the first program that checks counts.
WAYS = [
    ("a program, or declarations", lambda t: t + "\n"),
    ("statements", lambda t: "BEGIN\n{\n%s\n}\n" % t),
    ("an expression", lambda t: "BEGIN\n{\ntrace((%s\n));\n}\n" % t),
    ("predicates, one a line", lambda t: "".join("BEGIN\n%s\n{\n}\n" % l for l in t.split("\n"))),
    ("descriptions, in a list", lambda t: t + "\n{\n}\n"),
    ("descriptions, one a line", lambda t: "".join(l + "\n{\n}\n" for l in t.split("\n") if l.strip())),
    ("prototypes, one a line", lambda t: t.replace("\n", ";\n") + ";\n"),
]
DESCRIPTION = re.compile(r"[^:\s]*(:[^:\s]*){1,3}")
# Arguments for a script of the guide: no arguments, numbers, strings.
ARGUMENTS = [[], ["1"] * 9, ['"a"'] * 9]
TIMEOUT = 60


class Fragment:
    def __init__(self, chapter, ordinal, text, command=None):
        self.chapter, self.ordinal, self.text, self.command = chapter, ordinal, text, command
        self.hash = hashlib.sha1(" ".join(text.split()).encode()).hexdigest()[:8]

    def key(self):
        return "%s:%d" % (self.chapter, self.ordinal)


def plain(xml):
    xml = re.sub(r"<!\[CDATA\[(.*?)\]\]>", lambda m: html.escape(m.group(1)), xml, flags=re.S)
    return html.unescape(re.sub(r"<[^>]*>", "", xml))


def commands(screen):
    """The dtrace commands of a screen, typed after a prompt. A command goes on to the next line
    while a quote is open, or after a backslash."""
    lines = plain(screen).split("\n")
    for i, line in enumerate(lines):
        m = re.match(r"\s*[#$%]\s+dtrace\s", line)
        if not m:
            continue
        text = line[line.index("dtrace"):]
        for more in lines[i + 1:i + 40] + [None]:
            try:
                words = shlex.split(text.replace("\\\n", " "))
                if not text.endswith("\\"):
                    yield text, words
                    break
            except ValueError:
                pass
            if more is None:
                break
            text += "\n" + more


def fragments(path):
    chapter = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding="utf-8") as f:
        xml = f.read()
    found = re.finditer(r"<(programlisting|screen)\b[^>]*>(.*?)</\1>", xml, re.S)
    for ordinal, m in enumerate(found, 1):
        if m.group(1) == "programlisting":
            yield Fragment(chapter, ordinal, plain(m.group(2)).strip("\n"))
            continue
        for text, words in commands(m.group(2)):
            # A script that a command names (-s) is in a listing, which is a fragment itself.
            if not any(re.match(r"-[A-Za-z]*s", w) for w in words[1:]):
                yield Fragment(chapter, ordinal, text, words[1:])


def check(dtrace, args, target):
    p = subprocess.run([dtrace, "-e", "-Z", "-w", "-x", "errtags", "-x", "defaultargs", "-x", "argref",
                        "-x", "empty", "-p", str(target)] + args, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT)
    return p.returncode == 0, p.stderr.decode("utf-8", "backslashreplace")


def command_arguments(words):
    """The words without -c, -p and -o: nothing is run, grabbed or written."""
    out, drop = [], False
    for w in words:
        if drop:
            drop = False
        elif w in ("-c", "-p", "-o"):
            drop = True
        else:
            out.append(w)
    return out


def run(dtrace, fragment, before, target, folder):
    """(passes, messages of the way that came nearest to passing)"""
    def here(text):     # pids of the guide become a running process
        return re.sub(r"\bpid\d+:", "pid%d:" % target, text)

    if fragment.command is not None:
        return check(dtrace, [here(w) for w in command_arguments(fragment.command)], target)
    # The guide writes `...` for lines left out.
    text = here("\n".join(l for l in fragment.text.split("\n") if l.strip() != "..."))
    said = []
    for i, (way, wrap) in enumerate(WAYS):
        if way.startswith("descriptions") and not all(map(DESCRIPTION.fullmatch, text.split("\n"))):
            continue        # a[0] could be a description too
        script = os.path.join(folder, "%s-%d-%d.d" % (fragment.chapter, fragment.ordinal, i))
        with open(script, "w", encoding="utf-8") as f:
            f.write(before + wrap(text))
        for args in ARGUMENTS if "$" in text else ARGUMENTS[:1]:
            ok, why = check(dtrace, ["-s", script] + args, target)
            if ok:
                return True, ""
            said.append(why.replace(folder + "/", ""))
    return False, min(said, key=lambda s: (s.count("[D_SYNTAX]"), s.count("[D_")))


def read_reasons():
    reasons = {}
    with open(REASONS, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            key, digest, reason = line.rstrip("\n").split(None, 2)
            reasons[key.split(":")[0], digest] = (key, reason)
    return reasons


def main():
    verbose = sys.argv[1:2] == ["-v"]
    argv = sys.argv[1 + verbose:]
    dtrace = os.path.abspath(argv[0])
    guide = argv[1] if len(argv) > 1 else os.environ.get("USDTKIT_GUIDE", "")
    chapters = sorted(glob.glob(os.path.join(guide, "chp-*.xml")) +
                      glob.glob(os.path.join(guide, "chapter*.xml")))
    if not guide or not chapters:
        print("SKIP the guide's fragments: no text of the guide%s: it is at %s; give the folder, or "
              "set USDTKIT_GUIDE" % (" in " + guide if guide else "", WHERE))
        print("0 passed, 0 failed, 1 skipped")
        return 0
    wanted = argv[2:]
    every = [f for c in chapters for f in fragments(c)]
    chosen = [f for f in every if not wanted or f.chapter in wanted]
    reasons = read_reasons()
    here = {(f.chapter, f.hash) for f in every}
    count = {"passed": 0, "failed": 0, "skipped": 0}
    target = subprocess.Popen(["sleep", "10000"])
    try:
        with tempfile.TemporaryDirectory(prefix="usdtkit-guide-") as folder, \
                concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = []
            for f in chosen:
                listed = reasons.get((f.chapter, f.hash))
                before = listed[1][1:] + "\n" if listed and listed[1].startswith("+") else ""
                jobs.append((f, None if before else listed,
                             pool.submit(run, dtrace, f, before, target.pid, folder)))
            for f, listed, job in jobs:
                ok, why = job.result()
                word = ("failed" if listed else "passed") if ok else "skipped" if listed else "failed"
                count[word] += 1
                if word == "failed":
                    print("FAIL %s %s: %s" % (f.key(), f.hash,
                                              "listed as failing, but passes" if ok else why.strip()))
                elif verbose and not ok:
                    print("listed %s: %s\n  %s" % (f.key(), listed[1], why.strip().replace("\n", "\n  ")))
    finally:
        target.kill()
        target.wait()
    for chapter, digest in reasons:
        if (chapter, digest) not in here and (not wanted or chapter in wanted):
            count["failed"] += 1
            print("FAIL %s: no such fragment in this guide: another revision?" % reasons[chapter, digest][0])
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    return count["failed"] > 0


sys.exit(main())
