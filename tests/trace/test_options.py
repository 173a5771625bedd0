#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every row of consumer/options.def by -x and by #pragma, with good values and bad ones."""
import os
import re
import sys

from lib import HERE, dtrace, main

GOOD = {
    "FLAG": ("", "1", "on", "off", "0", "enabled", "Disabled"),
    "NUM": ("1", "10", "0x10"),
    "SIZE": ("4096", "8k", "1m", "1M"),
    "TIME": ("10", "10hz", "100us", "50ms", "2s", "5000ns", "1m"),
    "POLICY": ("switch", "fill", "ring"),
    "RESIZE": ("auto", "manual"),
    "EVAL": ("exec", "preinit", "postinit", "main"),
    "STR": ("some",),
    "ATTR": ("Private/Private/Unknown",),
    "VERS": ("1.0",),
}
BAD = {
    "FLAG": ("maybe", "2"),
    "NUM": ("", "x", "-1", "1x", "99999999999999999999"),
    "SIZE": ("", "k", "100wombats", "1kb", "-1", "99999999999999999999g"),
    "TIME": ("", "0", "0hz", "x", "10parsec", "-1s", "99999999999999999999s"),
    "POLICY": ("", "ling"),
    "RESIZE": ("", "never"),
    "EVAL": ("", "late"),
    "STR": ("",),
    "ATTR": ("", "Good/Bad/Ugly"),
    "VERS": ("", "99.0", "x"),
}
OWN = {"strsize": ("64", "512", "1k"), "jstackstrsize": ("64", "512")}  # a range of their own
REFUSED = ("grabanon", "zone")


def rows():
    with open(os.path.join(HERE, "..", "..", "consumer", "options.def")) as f:
        return re.findall(r"^RUN_OPT\((\w+), (\w+),", f.read(), re.M)


def both(name, value):
    setting = name + ("=" + value if value else "")
    for args in (("-x", setting, "-n", "BEGIN { }"), ("-n", "#pragma D option %s\nBEGIN { }" % setting)):
        p = dtrace("-e", *args)
        yield setting, p.returncode, p.stderr


def test_good_values():
    for name, kind in rows():
        for value in OWN.get(name, GOOD[kind]):
            if name in REFUSED and value not in ("0", "off", "Disabled"):
                continue
            if name == "errtags" or name == "cpppath" or name == "cpp":
                continue
            for setting, status, err in both(name, value):
                assert (status, err) == (0, ""), (setting, err)


def test_bad_values():
    for name, kind in rows():
        for value in BAD[kind]:
            for setting, status, err in both(name, value):
                assert status == 1 and "invalid value for option %s: %s\n" % (name, value or "(none)") in err, (
                    setting, status, err)


def test_no_such_option():
    for setting, status, err in both("wombats", "25"):
        assert status == 1 and "no such option: wombats" in err, (setting, err)


def test_refused_by_name():
    for name, value in (("grabanon", ""), ("zone", "global")):
        for setting, status, err in both(name, value):
            assert (status, err) == (1, "dtrace: option %s is not available in this version\n" % name), err


def test_b_is_bufsize():
    assert dtrace("-qb", "8k", "-n", 'BEGIN { printf("x"); exit(0); }').stdout == "x"
    p = dtrace("-b", "100wombats", "-n", "BEGIN { }")
    assert (p.returncode, p.stderr) == (1, "dtrace: invalid value for option bufsize: 100wombats\n"
                                        "hint: bufsize is 1 or more\n"), p.stderr
    p = dtrace("-B", "-n", "BEGIN { }")
    assert p.returncode == 2 and "usage: dtrace" in p.stderr, p.stderr


def test_the_last_setting_counts():
    p = dtrace("-x", "strsize=8", "-qn", '#pragma D option strsize=16\n'
               'BEGIN { this->s = strjoin("0123456789", "abcdefghij"); printf("%s\\n", this->s); exit(0); }')
    assert (p.returncode, p.stdout) == (0, "0123456789abcde\n"), p


main(sys.modules[__name__])
