# SPDX-License-Identifier: BSD-2-Clause
"""Reads the rows of the .def tables, for tests, and for documents made from the rows."""
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRING = r'"((?:[^"\\]|\\.)*)"'


class Row:
    """kind: the macro without D_; has: True, False or None (the macro has no such word); facts: .name = value."""

    def __init__(self, kind, args):
        self.kind, self.id = kind, args[0].strip()
        words = [a.strip() for a in args[1:] if not a.strip().startswith(".")]
        self.has = {"HAS": True, "LACKS": False}.get(words[0]) if words else None
        strings = [re.fullmatch(STRING, w) for w in words]
        self.proto = next((m.group(1) for m in strings if m), None)
        self.facts = dict(re.fullmatch(r"\s*\.(\w+)\s*=\s*(.*?)\s*", a, re.S).groups()
                          for a in args[1:] if a.strip().startswith("."))

    def text(self, fact):
        m = re.fullmatch(STRING, self.facts.get(fact, ""))
        return m.group(1) if m else None

    @property
    def called(self):
        """The name as documents write it: a variable's name, or name()."""
        return self.id + ("" if self.kind in ("VAR", "ARRAY", "TRANSLATED") else "()")


def split(text):
    """The arguments of a macro call. Commas inside strings and parentheses do not separate."""
    out, depth, at, i = [], 0, 0, 0
    while i < len(text):
        if text[i] == '"':
            i = re.compile(STRING).match(text, i).end()
            continue
        depth += text[i] in "([{"
        depth -= text[i] in ")]}"
        if text[i] == "," and not depth:
            out.append(text[at:i])
            at = i + 1
        i += 1
    return out + [text[at:]]


def builtins(top=TOP):
    """The rows of d/builtins.def, in their order."""
    with open(os.path.join(top, "d/builtins.def"), encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    out, at = [], 0
    start = re.compile(r"\bD_(\w+)\(")
    while m := start.search(text, at):
        depth, i = 1, m.end()
        while depth:
            if text[i] == '"':
                i = re.compile(STRING).match(text, i).end()
                continue
            depth += text[i] == "("
            depth -= text[i] == ")"
            i += 1
        out.append(Row(m.group(1), split(text[m.end():i - 1])))
        at = i
    return out


def lacking(top=TOP):
    """The rows that this version lacks."""
    return [r for r in builtins(top) if r.has is False or r.kind == "TRANSLATED"]
