#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages name exactly the existing options and functions, and are well-formed.

Usage: test_man.py. Without mandoc the form is not checked, which is reported as a skip.
"""
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
failed = []


def text(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def same(what, there, described):
    for name in sorted(there - described):
        failed.append("%s %s is not described" % (what, name))
    for name in sorted(described - there):
        failed.append("%s %s is described and does not exist" % (what, name))
    if not there:
        failed.append("no %s found: the test is wrong" % what)


def main():
    page = text("docs/man/dtrace.1")
    letters = re.search(r'getopt\(n, argv, "([A-Za-z:]+)"', text("cmd/dtrace/args.c")).group(1)
    letters = set(letters.replace(":", ""))
    refused = page.split(".Sh OPTIONS")[0].rsplit(".Pp", 1)[1]
    shown = set(re.findall(r"^\.It Fl (\w)\b", page, re.M)) | set(re.findall(r"^\.Fl (\w)\b", refused, re.M))
    same("option", letters, shown)
    same("-x option", set(re.findall(r"^RUN_OPT\((\w+)", text("consumer/options.def"), re.M)),
         set(re.findall(r"^\.It Li (\w+)$", page, re.M)))
    main_c, page = text("cmd/usdt-check/main.c"), text("docs/man/usdt-check.1")
    letters = set(re.search(r'getopt_long\(argc, argv, "\+([A-Za-z:]+)"', main_c).group(1).replace(":", ""))
    same("usdt-check: option", letters, set(re.findall(r"^\.It Fl (\w) , Fl -\w+", page, re.M)))
    same("usdt-check: long option", set(re.findall(r'\{ "(\w+)", \w+_argument', main_c)),
         set(re.findall(r"^\.It Fl \w , Fl -(\w+)", page, re.M)))
    header = text("include/usdt/usdt.h")
    declared = set(re.findall(r"^[a-z][\w *]*?[ *](usdt_[a-z_]*[a-z])\(", header, re.M)) | {"usdt_fire"}
    synopsis = text("docs/man/libusdt.3").split(".Sh DESCRIPTION")[0]
    same("function", declared, set(re.findall(r"^\.Fn (usdt_\w+)", synopsis, re.M)))
    header = text("include/usdt/consumer.h")
    declared = set(re.findall(r"^[a-z][\w *]*?[ *](usdt_consumer_[a-z_]*[a-z])\(", header, re.M))
    synopsis = text("docs/man/libusdt-consumer.3").split(".Sh DESCRIPTION")[0]
    same("function", declared, set(re.findall(r"^\.Fn (usdt_\w+)", synopsis, re.M)))
    if shutil.which("mandoc"):
        for name in sorted(os.listdir(os.path.join(TOP, "docs/man"))):
            p = subprocess.run(["mandoc", "-Tlint", "-Wwarning", os.path.join(TOP, "docs/man", name)],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            failed.extend(p.stdout.split("\n")[:-1])
    else:
        print("SKIP: no mandoc")
    for line in failed:
        print(line)
    print("manual pages: %d faults" % len(failed))
    sys.exit(bool(failed))


main()
