#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Damage to a file is reported in a line if it may lose probes; other damage is not reported."""
import os
import re
import struct
import subprocess
import sys

from lib import DTRACE, FOLDER, HERE, build_app, dtrace, main, must, sh


class Elf:
    """The bytes of a 64-bit ELF file; methods change fields of its headers by name."""
    EHDR = dict(cls=(4, "B"), data=(5, "B"), type=(16, "H"), phoff=(32, "Q"), shoff=(40, "Q"), phentsize=(54, "H"),
                phnum=(56, "H"), shentsize=(58, "H"), shnum=(60, "H"), shstrndx=(62, "H"))
    SHDR = dict(name=(0, "I"), type=(4, "I"), flags=(8, "Q"), addr=(16, "Q"), offset=(24, "Q"), size=(32, "Q"),
                link=(40, "I"))
    PHDR = dict(type=(0, "I"), flags=(4, "I"), offset=(8, "Q"), vaddr=(16, "Q"), filesz=(32, "Q"))

    def __init__(self, data):
        self.b = bytearray(data)

    def get(self, row, base=0):
        return struct.unpack_from("<" + row[1], self.b, base + row[0])[0]

    def put(self, row, value, base=0):
        struct.pack_into("<" + row[1], self.b, base + row[0], value)

    def eh(self, **fields):
        for k, v in fields.items():
            self.put(self.EHDR[k], v)

    def section(self, name):
        """The offset of a section's header."""
        shoff, n, strndx = (self.get(self.EHDR[k]) for k in ("shoff", "shnum", "shstrndx"))
        strings = self.get(self.SHDR["offset"], shoff + 64 * strndx)
        for i in range(n):
            at = strings + self.get(self.SHDR["name"], shoff + 64 * i)
            if self.b[at:self.b.index(0, at)].decode() == name:
                return shoff + 64 * i
        raise KeyError(name)

    def sh(self, section, **fields):
        base = self.section(section)
        for k, v in fields.items():
            self.put(self.SHDR[k], v, base)

    def sh_get(self, section, field):
        return self.get(self.SHDR[field], self.section(section))

    def load(self, of):
        """The offset of the program header of the PT_LOAD segment with these flags."""
        for i in range(self.get(self.EHDR["phnum"])):
            base = 64 + 56 * i
            if self.get(self.PHDR["type"], base) == 1 and self.get(self.PHDR["flags"], base) & 7 == of:
                return base
        raise KeyError(of)

    def ph(self, of, **fields):
        base = self.load(of)
        for k, v in fields.items():
            self.put(self.PHDR[k], v, base)

    def note(self, row, value):
        """Sets a field of the first probe's note: 12 bytes of header, "stapsdt", the descriptor."""
        self.put(row, value, self.sh_get(".note.stapsdt", "offset"))


END = 1 << 40
READ, CODE, DATA = 4, 5, 6
NOTE = dict(namesz=(0, "I"), descsz=(4, "I"), type=(8, "I"), owner=(12, "B"), pc=(20, "Q"), base=(28, "Q"),
            semaphore=(36, "Q"), provider=(44, "B"))


def cut(e, at):
    del e.b[at:]


def zero(e, section):
    at, size = e.sh_get(section, "offset"), e.sh_get(section, "size")
    e.b[at:at + size] = bytes(size)


LOST = {
    # The file's header
    "class": lambda e: e.eh(cls=9),
    "class-of-32-bits": lambda e: e.eh(cls=1),
    "byte-order": lambda e: e.eh(data=2),
    "no-byte-order": lambda e: e.eh(data=7),
    "kind": lambda e: e.eh(type=0x42),
    "cut-in-the-header": lambda e: cut(e, 40),
    # Segments
    "segments-beyond": lambda e: e.eh(phoff=END),
    "segments-size": lambda e: e.eh(phentsize=57),
    "segments-many": lambda e: e.eh(phnum=0xfff0),
    "segments-none": lambda e: e.eh(phnum=0),
    "code-empty": lambda e: e.ph(CODE, filesz=0),
    "code-beyond": lambda e: e.ph(CODE, offset=END),
    "code-not-executable": lambda e: e.ph(CODE, flags=READ),
    "code-elsewhere": lambda e: e.ph(CODE, vaddr=END),
    # Section headers
    "sections-beyond": lambda e: e.eh(shoff=END),
    "sections-elsewhere": lambda e: e.eh(shoff=0x100),
    "sections-shifted": lambda e: e.eh(shoff=e.get(e.EHDR["shoff"]) - 8),
    "sections-size": lambda e: e.eh(shentsize=65),
    "sections-many": lambda e: e.eh(shnum=65000),
    "sections-few": lambda e: e.eh(shnum=3),
    "sections-none": lambda e: e.eh(shnum=0),
    "sections-cut-off": lambda e: cut(e, e.get(e.EHDR["shoff"]) + 64),
    "cut-in-the-middle": lambda e: cut(e, e.sh_get(".note.stapsdt", "offset")),
    # The string table of sections' names
    "names-index-beyond": lambda e: e.eh(shstrndx=0xf000),
    "names-of-another-kind": lambda e: e.eh(shstrndx=1),
    "names-beyond": lambda e: e.sh(".shstrtab", offset=END),
    "names-long": lambda e: e.sh(".shstrtab", size=END),
    # The section of notes
    "notes-beyond": lambda e: e.sh(".note.stapsdt", offset=END),
    "notes-long": lambda e: e.sh(".note.stapsdt", size=END),
    "notes-empty": lambda e: e.sh(".note.stapsdt", size=0),
    "notes-cut": lambda e: e.sh(".note.stapsdt", size=30),
    "notes-elsewhere": lambda e: e.sh(".note.stapsdt", offset=0x40),
    "notes-in-no-file": lambda e: e.sh(".note.stapsdt", type=8),
    "notes-zeroed": lambda e: zero(e, ".note.stapsdt"),
    # Notes
    "note-name-long": lambda e: e.note(NOTE["namesz"], 0x7fffffff),
    "note-long": lambda e: e.note(NOTE["descsz"], 0xfffffff0),
    "note-short": lambda e: e.note(NOTE["descsz"], 20),
    "note-kind": lambda e: e.note(NOTE["type"], 4),
    "note-owner": lambda e: e.note(NOTE["owner"], ord("S")),
    "note-site-outside": lambda e: e.note(NOTE["pc"], END),
    "note-site-in-data": lambda e: e.note(NOTE["pc"], e.sh_get(".probes", "addr")),
    "note-no-provider": lambda e: e.note(NOTE["provider"], 0),
    # The base address at the time of linking
    "base-moved": lambda e: e.sh(".stapsdt.base", addr=e.sh_get(".stapsdt.base", "addr") + 1),
    # Semaphores: a guarded probe does not fire unless the kernel counts its semaphore
    "semaphore-outside": lambda e: e.note(NOTE["semaphore"], END),
    "semaphore-odd": lambda e: e.note(NOTE["semaphore"], e.sh_get(".probes", "addr") + 1),
    "semaphore-in-code": lambda e: e.note(NOTE["semaphore"], e.sh_get(".text", "addr")),
    # Functions: descriptions match them too
    "symbols-link": lambda e: e.sh(".symtab", link=0xfff0),
    "symbols-beyond": lambda e: e.sh(".symtab", offset=END),
    "symbols-names-beyond": lambda e: e.sh(".strtab", offset=END),
    "symbols-link-to-another": lambda e: e.sh(".symtab", link=1),
}

WHOLE = {
    "intact": lambda e: None,
    "notes-link": lambda e: e.sh(".note.stapsdt", link=7),
    "notes-of-another-type": lambda e: e.sh(".note.stapsdt", type=1),
    "names-zeroed": lambda e: zero(e, ".shstrtab"),
}

NONE = {
    "no-sections": lambda e: e.eh(shoff=0, shnum=0, shstrndx=0, shentsize=0),
    "not-elf": lambda e: e.b.__setitem__(0, 0),
    "a-core": lambda e: e.eh(type=4),
}


def shared(name, text):
    """Compiles a shared object, which may include app.h; its path."""
    out, source = os.path.join(FOLDER, name), os.path.join(FOLDER, name + ".c")
    if not os.path.exists(out):
        build_app()
        with open(source, "w") as f:
            f.write(text)
        must("gcc", "-O2", "-shared", "-fPIC", "-nostdlib", "-I", FOLDER, "-o", out, source)
    return out


def library():
    with open(shared("libapp.so", '#include "app.h"\n'
                     'void work(long n) { if (APP_HIT_ENABLED()) APP_HIT(n, "x"); }\n'
                     "void more(long n) { APP_START_WORK(n); }\n"), "rb") as f:
        return f.read()


def maps_program():
    out = os.path.join(FOLDER, "maps")
    if not os.path.exists(out):
        must("gcc", "-O2", "-o", out, os.path.join(HERE, "maps.c"))
    return out


class Mapped:
    """A process that has mapped the files of a folder executable."""

    def __init__(self, folder):
        self.p = subprocess.Popen([maps_program(), folder], stdout=subprocess.PIPE, text=True)
        self.n = int(re.search(r"\d+", self.p.stdout.readline()).group())

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.p.kill()
        self.p.communicate()


def spoil(folder, kinds):
    os.makedirs(folder)
    for kind, change in kinds.items():
        e = Elf(library())
        change(e)
        with open(os.path.join(folder, kind + ".so"), "wb") as f:
            f.write(e.b)
    return folder


def said_of(err, folder):
    """{kind of damage: lines of stderr about it}"""
    said = {}
    for line in err.splitlines():
        m = re.match(r"dtrace: warning: %s/([\w-]+)\.so: \S" % re.escape(folder), line)
        assert m or not line.startswith("dtrace: warning:"), line
        if m:
            said.setdefault(m.group(1), []).append(line)
    return said


def test_every_loss_is_told_in_one_line():
    folder = spoil(os.path.join(FOLDER, "lost"), LOST)
    with Mapped(folder) as m:
        assert m.n == len(LOST), m.n
        p = dtrace("-l", "-P", "app%d" % m.p.pid)
        wide = dtrace("-l", "-P", "app*")
    said = said_of(p.stderr, folder)
    assert not set(LOST) - set(said), "silent: %s" % sorted(set(LOST) - set(said))
    assert all(len(lines) == 1 for lines in said.values()), [v for v in said.values() if len(v) > 1]
    assert said_of(wide.stderr, folder) == said


def test_what_lost_nothing_is_passed_over():
    folder = spoil(os.path.join(FOLDER, "whole"), WHOLE)
    with Mapped(folder) as m:
        p = dtrace("-l", "-P", "app%d" % m.p.pid)
    assert (p.returncode, p.stderr) == (0, ""), p.stderr
    for kind in WHOLE:
        probes = {(f[3], f[4]) for f in map(str.split, p.stdout.splitlines()) if f[2] == kind + ".so"}
        assert probes == {("work", "hit"), ("more", "start-work")}, (kind, p.stdout)


def test_files_that_have_no_probes_are_passed_over():
    folder = spoil(os.path.join(FOLDER, "none"), NONE)
    plain, so = shared("plain.so", "int f(void) { return 1; }\n"), os.path.join(FOLDER, "libapp.so")
    must("cp", plain, folder)
    must("strip", "-o", os.path.join(folder, "stripped.so"), plain)
    must("objcopy", "--only-keep-debug", plain, os.path.join(folder, "debug.so"))
    must("strip", "-R", ".note.stapsdt", "-o", os.path.join(folder, "removed.so"), so)
    with Mapped(folder) as m:
        p = dtrace("-l", "-P", "app%d" % m.p.pid)
    assert p.returncode == 1 and not said_of(p.stderr, folder), p.stderr
    assert "does not match any probes" in p.stderr, p.stderr


def test_what_was_asked_for_and_is_lost_is_an_error():
    for kind in ("sections-many", "notes-beyond", "segments-beyond"):
        folder = spoil(os.path.join(FOLDER, "asked-" + kind), {kind: LOST[kind]})
        with Mapped(folder) as m:
            p = dtrace("-n", "app%d:::hit { exit(0); }" % m.p.pid)
        assert p.returncode == 1 and len(said_of(p.stderr, folder)[kind]) == 1, (p.returncode, p.stderr)
        assert "does not match any probes" in p.stderr, p.stderr


def test_functions_that_cannot_be_read_are_told():
    for kind in ("symbols-link", "symbols-beyond", "sections-many", "segments-beyond"):
        folder = spoil(os.path.join(FOLDER, "functions-" + kind), {kind: LOST[kind]})
        with Mapped(folder) as m:
            p = dtrace("-l", "-n", "pid%d:%s.so:more:entry" % (m.p.pid, kind))
        assert p.returncode == (0 if kind.startswith("symbols") else 1), p.stdout
        assert len(said_of(p.stderr, folder)[kind]) == 1, (p.returncode, p.stderr)


def overlapping_names(e, count=100000, length=16 << 20):
    """As many functions as `count` in .text, each named by the rest of one string from another byte on."""
    text, names, table = e.section(".text"), e.section(".strtab"), e.section(".symtab")
    index = (text - e.get(e.EHDR["shoff"])) // 64
    start, size = e.get(e.SHDR["addr"], text), e.get(e.SHDR["size"], text)
    for at, add in ((names, b"\0" + b"a" * length + b"\0"), (table, b"".join(
            struct.pack("<IBBHQQ", 1 + i, 0x12, 0, index, start + i % size, 1) for i in range(count)))):
        e.put(e.SHDR["offset"], len(e.b), at)
        e.put(e.SHDR["size"], len(add), at)
        e.b += add


def test_names_that_overlap_are_read_in_bounded_time():
    folder = spoil(os.path.join(FOLDER, "overlap"), {"overlap": overlapping_names})
    with Mapped(folder) as m:
        p = dtrace("-l", "-n", "pid%d:overlap.so:no_such*:entry" % m.p.pid, timeout=60)
        assert p.returncode == 1 and "does not match any probes" in p.stderr, p.stderr


def test_usdt_check_tells_it_too():
    whole = os.path.join(FOLDER, "app")
    build_app()
    for kind in ("intact", "sections-many", "notes-beyond", "note-kind"):
        with open(whole, "rb") as f:
            e = Elf(f.read())
        {**LOST, **WHOLE}[kind](e)
        path = os.path.join(FOLDER, "app-" + kind)
        with open(path, "wb") as f:
            f.write(e.b)
        os.chmod(path, 0o755)
        p = sh(os.path.join(os.path.dirname(DTRACE), "usdt-check"), "-e", "app:::hit count==3", "--", path, "-n", "3")
        said = re.findall("^usdt-check: warning: .*", p.stderr, re.M)
        assert len(said) == (kind != "intact"), (kind, p.stderr)
        assert p.returncode == (kind != "intact"), (kind, p.returncode, p.stderr)


main(sys.modules[__name__])
