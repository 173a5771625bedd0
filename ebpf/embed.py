#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py: BPF functions out of clang's objects into a table in C.

usage: embed.py OUT.c FILE.h… FILE.o…

In:   BPF objects (little-endian ELF64, no debug information needed) whose functions stand in
      .text; the headers that declare each function that is not static.
Out:  a C file with struct ebpf_func ebpf_library[] (ebpf/ebpf.h), sorted by name.
Owns: OUT.c, which is only there if all went well.

What an object leaves undefined becomes a relocation: rt_number_NAME a number, rt_field_PATH a
member's offset, rt_map_NAME a map, rt_value_NAME the address of a direct map's bytes, each in an
ld_imm64. A function becomes a call, or a callback if its address is taken. Anything else is an error,
so that a construct that the linker cannot resolve (a global variable, a string literal, a jump
table) fails the build and not a user's program.
"""

import os
import re
import struct
import sys

R_64_64, R_64_32 = 1, 10
SHT_SYMTAB, SHT_REL = 2, 9
STT_FUNC, STT_SECTION = 2, 3
STB_LOCAL = 0
LD_IMM64, CALL, PSEUDO_CALL = 0x18, 0x85, 1
NAMES = (("rt_number_", "EBPF_NUMBER"), ("rt_field_", "EBPF_NUMBER"),
         ("rt_map_", "EBPF_MAP"), ("rt_value_", "EBPF_VALUE"))
POINTERS = {"struct rt_scratch": "s", "struct rt_fire": "f"}  # any other pointer: the context


def die(text):
    sys.exit("embed.py: " + text)


def sections(data):
    if data[:6] != b"\x7fELF\x02\x01":
        die("not a little-endian ELF64 object")
    shoff = struct.unpack_from("<Q", data, 40)[0]
    shentsize, shnum = struct.unpack_from("<HH", data, 58)
    out = []
    for i in range(shnum):
        _, kind, _, _, off, size, link, info, _, _ = struct.unpack_from(
            "<IIQQQQIIQQ", data, shoff + i * shentsize)
        out.append((kind, data[off:off + size], link, info))
    return out


def symbols(secs):
    """[(name, type, binding, section, value, size)] of the one symbol table."""
    for kind, body, link, _ in secs:
        if kind == SHT_SYMTAB:
            strings = secs[link][1]
            out = []
            for at in range(0, len(body), 24):
                name, info, _, shndx, value, size = struct.unpack_from("<IBBHQQ", body, at)
                text = strings[name:strings.index(b"\0", name)].decode()
                out.append((text, info & 15, info >> 4, shndx, value, size))
            return out
    die("no symbol table")


def relocations(secs, text):
    """{offset in the section: (type, number of the symbol)}"""
    out = {}
    for kind, body, _, info in secs:
        if kind == SHT_REL and info == text:
            for at in range(0, len(body), 16):
                off, sym = struct.unpack_from("<QQ", body, at)
                out[off] = (sym & 0xffffffff, sym >> 32)
    return out


def prototypes(paths):
    """{name: 'c' for the context, 'f' for the firing, 's' for the slot, 'n' for a number}"""
    out = {}
    for path in paths:
        with open(path) as f:
            text = f.read()
        for m in re.finditer(r"^int64_t (rt_\w+)\(([^)]*)\);", text, re.M):
            params = [p.strip() for p in m.group(2).split(",")]
            out[m.group(1)] = "".join(POINTERS.get(p[:p.index("*")].strip(), "c") if "*" in p
                                      else "n" for p in params)
    return out


class Object:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.secs = sections(f.read())
        self.path = path
        self.syms = symbols(self.secs)
        self.functions = [s for s in self.syms if s[1] == STT_FUNC]
        texts = {s[3] for s in self.functions}
        if len(texts) != 1:
            die("%s: functions are in %d sections" % (path, len(texts)))
        self.text = texts.pop()
        self.code = self.secs[self.text][1]
        self.relocs = relocations(self.secs, self.text)

    def function_at(self, off):
        for name, _, binding, _, value, _ in self.functions:
            if value == off and binding == STB_LOCAL:
                return name
        die("%s: no static function begins at %d" % (self.path, off))

    def function_around(self, off):
        return next((s[0] for s in self.functions if s[4] <= off < s[4] + s[5]), "?")

    def link(self, off):
        """(kind, name) of what the instruction at `off` refers to; None: it refers to nothing."""
        opcode, regs, _, imm = struct.unpack_from("<BBhi", self.code, off)
        rtype, sym = self.relocs.get(off, (None, None))
        if rtype is None:
            # clang has resolved the call of a static function to a distance.
            if opcode == CALL and regs >> 4 == PSEUDO_CALL:
                return "EBPF_CALL", self.function_at(off + 8 * (imm + 1))
            return None
        name, kind, _, shndx, value, _ = self.syms[sym]
        if rtype == R_64_32 and opcode == CALL and kind in (STT_FUNC, 0):
            return "EBPF_CALL", name
        if rtype == R_64_64 and opcode == LD_IMM64:
            if shndx == self.text:  # clang names static functions by their section
                return "EBPF_CALLBACK", self.function_at(value + imm)
            for prefix, named in NAMES:
                if name.startswith(prefix):
                    return named, name[len(prefix):]
        die("%s: %s refers to %s, which is no function, NUMBER, FIELD, MAP or VALUE: BPF C here has no "
            "variables, no strings and no jump tables" % (self.path, self.function_around(off), name or "data"))

    def rows(self, params):
        """{name: (definitions, row of the table)}"""
        return {s[0]: self.row(s, params) for s in self.functions}

    def row(self, sym, params):
        name, _, binding, _, value, size = sym
        insns, links, wide = [], [], False
        for at in range(value, value + size, 8):
            op, regs, off, imm = struct.unpack_from("<BBhi", self.code, at)
            link = None if wide else self.link(at)
            wide = op == LD_IMM64 and not wide
            if link:
                links.append('\t{ %d, %s, "%s", 0 },' % ((at - value) // 8, *link))
            imm = 0 if link and link[0] != "EBPF_NUMBER" else imm
            insns.append("\t{ .code = 0x%02x, .dst_reg = %d, .src_reg = %d, .off = %d, .imm = %s },"
                         % (op, regs & 15, regs >> 4, off,
                            "%d" % imm if imm > -2**31 else "INT32_MIN"))
        out = ["static const struct bpf_insn insns_%s[] = {" % name] + insns + ["};"]
        if links:
            out += ["static const struct ebpf_reloc relocs_%s[] = {" % name] + links + ["};"]
        is_static = binding == STB_LOCAL
        return out, ('\t{ "%s", "%s", %s, insns_%s, %d, %s, %d },'
                     % (name, "" if is_static else params[name],
                        "true" if is_static else "false", name, len(insns),
                        "relocs_" + name if links else "NULL", len(links)))


def main(target, files):
    headers = [f for f in files if f.endswith(".h")]
    objects = [Object(f) for f in files if f.endswith(".o")]
    params = prototypes(headers)
    defined = [s[0] for o in objects for s in o.functions if s[2] != STB_LOCAL]
    for name in sorted(set(params) ^ set(defined)):
        die("%s is only in %s" % (name, "a header" if name in params else "an object"))
    rows = {}
    for o in objects:
        for name, row in o.rows(params).items():
            if name in rows:
                die("two functions are called %s" % name)
            rows[name] = row
    out = ["/* Made by embed.py from %s. */" % ", ".join(os.path.basename(o.path) for o in objects),
           '#include "ebpf/ebpf.h"', ""]
    for name in sorted(rows):
        out += rows[name][0]
    out += ["", "const struct ebpf_func ebpf_library[] = {"]
    out += [rows[name][1] for name in sorted(rows)]
    out += ["};", "const size_t ebpf_nlibrary = %d;" % len(rows), ""]
    tmp = target + ".tmp"
    with open(tmp, "w") as f:
        f.write("\n".join(out))
    os.replace(tmp, target)


if len(sys.argv) < 3:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2:])
