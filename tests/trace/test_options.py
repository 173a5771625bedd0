#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every row of consumer/options.def by -x and by #pragma, with good and bad values."""
import os
import re
import sys

from lib import FOLDER, HERE, dtrace, each, main

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
OWN = {"strsize": ("64", "512", "1k"), "jstackstrsize": ("64", "512")}  # other ranges
REFUSED = ("grabanon", "zone", "cpppath", "cpu", "pspec")


def rows():
    with open(os.path.join(HERE, "..", "..", "consumer", "options.def")) as f:
        return re.findall(r"^RUN_OPT\((\w+), (\w+),", f.read(), re.M)


def both(name, value):
    """The setting, exit status and stderr, by -x and by #pragma."""
    setting = name + ("=" + value if value else "")
    for args in (("-x", setting, "-n", "BEGIN { }"), ("-n", "#pragma D option %s\nBEGIN { }" % setting)):
        p = dtrace("-e", *args)
        yield setting, p.returncode, p.stderr


def test_good_values():
    def good(pair):
        for setting, status, err in both(*pair):
            assert (status, err) == (0, ""), (setting, err)

    each(good, [(name, value) for name, kind in rows() for value in OWN.get(name, GOOD[kind])
                if name not in ("errtags", "cpp", "libdir") and
                (name not in REFUSED or value in ("0", "off", "Disabled"))])


def test_bad_values():
    def bad(pair):
        name, value = pair
        for setting, status, err in both(name, value):
            assert status == 1 and re.search(r"failed to set option (-x )?%s: Invalid value for specified option\n"
                                             % name, err), (setting, status, err)

    each(bad, [(name, value) for name, kind in rows() for value in BAD[kind]])


def test_no_such_option():
    for setting, status, err in both("wombats", "25"):
        assert status == 1 and re.search("failed to set option (-x )?wombats: Invalid option name\n", err), (
            setting, err)


def test_refused_by_name():
    for name, value in (("grabanon", ""), ("zone", "global"), ("cpppath", "/usr/bin/cpp"),
                        ("cpu", "0"), ("pspec", "")):
        for setting, status, err in both(name, value):
            assert (status, err) == (1, "dtrace: option %s is not available in this version\n" % name), err


def test_b_is_bufsize():
    assert dtrace("-qb", "8k", "-n", 'BEGIN { printf("x"); exit(0); }').stdout == "x"
    p = dtrace("-b", "100wombats", "-n", "BEGIN { }")
    assert (p.returncode, p.stderr) == (1, "dtrace: failed to set option -x bufsize: Invalid value for specified option\n"
                                        "hint: bufsize is 1 or more\n"), p.stderr
    p = dtrace("-B", "-n", "BEGIN { }")
    assert p.returncode == 2 and "usage: dtrace" in p.stderr, p.stderr


def put(path, text):
    path = os.path.join(FOLDER, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def says(want, *args):
    p = dtrace("-q", *args)
    assert (p.returncode, p.stdout, p.stderr) == (0, want, ""), (args, p)


def refuses(want, *args):
    p = dtrace("-q", *args)
    assert (p.returncode, p.stdout, p.stderr) == (1, "", want), (args, p)


def test_what_X_says_of_the_preprocessor():
    script = put("stdc.d", '#ifdef __STDC__\ninline int std = __STDC__;\n#else\ninline int std = -1;\n#endif\n'
                 '#if __SUNW_D && defined(__unix) && __SUNW_D_VERSION >= 0x01000000\n'
                 'BEGIN { printf("%d", std); exit(0); }\n#endif\n')
    for mode, want in (("a", "0"), ("t", "0"), ("c", "1"), ("s", "-1")):
        says(want, "-C", "-X", mode, "-s", script)
    says("0", "-C", "-s", script)	# -X a is the default
    p = dtrace("-C", "-X", "q", "-s", script)
    assert (p.returncode, p.stderr) == (2, "dtrace: -X: a, c, s or t, not q\n"), p.stderr


def test_H_names_the_headers():
    inner, outer = put("inc/inner.h", "\n"), put("inc/outer.h", '#include "inner.h"\n')
    script = put("headers.d", "#include <outer.h>\nBEGIN { exit(0); }\n")
    for how in (("-H", "-I", FOLDER + "/inc"), ("-x", "cpphdrs", "-x", "incdir=" + FOLDER + "/inc")):
        p = dtrace("-q", "-C", *how, "-s", script)
        assert (p.returncode, p.stdout, p.stderr) == (0, "", outer + "\n" + inner + "\n"), p


def test_libraries():
    folder, more = os.path.join(FOLDER, "lib"), os.path.join(FOLDER, "more")
    put("lib/a.d", "#pragma D depends_on library z.d\ninline int twice = 2 * once;\n")
    put("lib/z.d", "inline int once = 21;\n")
    put("lib/never.d", "#pragma D depends_on provider nobody\n#pragma D depends_on module nothing\nno D at all\n")
    put("lib/kernel.d", "#pragma D depends_on module vmlinux\n#pragma D depends_on provider syscall\n"
        "inline int there = 1;\n")
    put("lib/README", "not read")
    put("more/m.d", "#pragma D depends_on library a.d\ninline int half = twice / 4;\n")
    program = ("-n", 'BEGIN { printf("%d %d %d", twice, there, half); exit(0); }')
    for dirs in (("-L", folder, "-L", more), ("-x", "libdir=" + more, "-x", "libdir=" + folder)):
        says("42 1 10", *dirs, *program)
    p = dtrace("-x", "nolibs", "-L", folder, "-L", more, *program)
    assert p.returncode == 1 and "unknown name: twice" in p.stderr, p.stderr


def test_what_a_library_depends_on_is_read_as_pragmas_are():
    folder = os.path.join(FOLDER, "words")
    put("words/a.d", '/*\n#pragma D depends_on library gone.d\n*/\n'
        ' #\tpragma   D  depends_on library\t"z.d" /* later */\ninline int twice = 2 * once;\n')
    put("words/z.d", "inline int once = 21;\n")
    says("42", "-L", folder, "-n", 'BEGIN { printf("%d", twice); exit(0); }')


def test_libraries_that_cannot_be_had():
    nothing = ("-n", "BEGIN { exit(0); }")
    refuses("dtrace: failed to open the library folder /nonexistent: No such file or directory\n",
            "-L", "/nonexistent", *nothing)
    path = put("ring/a.d", "#pragma D depends_on library b.d\n")
    put("ring/b.d", "#pragma D depends_on library a.d\n")
    refuses("dtrace: library %s depends on a.d, which depends on it\n" % path.replace("a.d", "b.d"),
            "-L", FOLDER + "/ring", *nothing)
    path = put("alone/a.d", "#pragma D depends_on library b.d\n")
    refuses("dtrace: library %s depends on b.d, which is not there\n" % path, "-L", FOLDER + "/alone", *nothing)
    path = put("clause/a.d", "\nBEGIN { trace(1); }\n")
    refuses("%s:2:1: a library has no clauses, only declarations\nBEGIN { trace(1); }\n^~~~~\n" % path,
            "-L", FOLDER + "/clause", *nothing)
    path = put("error/a.d", "inline int x = ;\n")
    p = dtrace("-L", FOLDER + "/error", *nothing)
    assert p.returncode == 1 and p.stderr.startswith(path + ":1:16: syntax error"), p.stderr


def test_the_last_setting_counts():
    p = dtrace("-x", "strsize=8", "-qn", '#pragma D option strsize=16\n'
               'BEGIN { this->s = strjoin("0123456789", "abcdefghij"); printf("%s\\n", this->s); exit(0); }')
    assert (p.returncode, p.stdout) == (0, "0123456789abcde\n"), p


main(sys.modules[__name__])
