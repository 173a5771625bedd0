#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A program prints only bytes that it copied in, never bytes that other firings left in scratch
memory."""
import os
import re
import sys

from lib import FOLDER, dtrace, main

SECRET = "token=0123456789abcdef"
SPIED = r"""
import os
pid = os.fork()
if not pid:
    for i in range(200):
        os.write(9, b"%s" * 20)
    os._exit(0)
os.waitpid(pid, 0)
for text in (b"ok", b"hello, world", b"", b"12345678"):
    os.write(8, text)
""" % SECRET
WORDS = ["ok", "hello, world", "", "12345678"]


def spied(action):
    """The output for four writes, after a child's 200 firings of the same clause on the same
    CPU."""
    script = os.path.join(FOLDER, "spied.py")
    out = os.path.join(FOLDER, "spied.out")
    with open(script, "w") as f:
        f.write("import os\nfor fd in (8, 9):\n    os.dup2(os.open('/dev/null', 1), fd)\n" + SPIED)
    p = dtrace("-x", "rawbytes", "-qo", out, "-c", "taskset -c 0 python3 -I %s" % script, "-n",
               'struct eight { char c[8]; }; struct many { short s[40]; };'
               ' syscall::write:entry /(pid == $target && arg0 == 8) || (ppid == $target && arg0 == 9)/ { %s }' % action)
    with open(out, "rb") as f:
        text = f.read()
    os.remove(out)
    return text.decode("latin-1").replace("\n", ""), p.stderr


def test_strings():
    for value in ("stringof(copyin(arg1, arg2))", "(this->p = (char *)copyin(arg1, arg2), stringof(this->p))",
                  "(this->s = stringof(copyin(arg1, arg2)))", "(self->s = stringof(copyin(arg1, arg2)))",
                  "(global = stringof(copyin(arg1, arg2)))", "(x[pid] = stringof(copyin(arg1, arg2)))"):
        text, _ = spied('printf("<%%s>\\n", %s);' % value)
        assert text.endswith("".join("<%s>" % w for w in WORDS)), (value, text[-200:])


def test_keys():
    for keys in ("stringof(copyin(arg1, arg2))", "1, stringof(copyin(arg1, arg2)), 2"):
        text, _ = spied("@[%s] = count();" % keys)
        for word in WORDS:
            assert re.search(r"%s +(2 +)?1\b" % re.escape(word), text), (keys, text)
    text, _ = spied('x[stringof(copyin(arg1, arg2))]++; printf("<%s>", x["ok"] && x["12345678"] ? "all" : "");')
    assert text.endswith("<all>"), text[-100:]


def test_predicates():
    text, _ = spied('n += strlen(stringof(copyin(arg1, arg2))); } syscall::write:entry /pid == $target && arg0 == 8 && stringof(copyin(arg1, arg2)) == "ok"/ { printf("one"); ')
    assert text == "one", text


def test_bytes_behind_what_was_asked_for():
    for value in ("((struct many *)copyin(arg1, arg2))->s", "((char *)copyin(arg1, arg2))[60]",
                  "(this->p = (char *)copyin(arg1, arg2))[60]"):
        text, said = spied("this->n = arg2; } syscall::write:entry /pid == $target && arg0 == 8/ { trace(%s);" % value)
        assert not text and said.count("invalid address") == 4, (value, text, said)


main(sys.modules[__name__])
