#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py: BPF functions out of clang's object into a table in C.

usage: embed.py OBJECT PROTOTYPES.h OUT.c

In:   a BPF object (little-endian ELF64, no debug information needed) whose functions are global
      and stand in .text; the header that declares each of them in one line.
Out:  a C file with struct rt_routine rt_routines[] (ebpf/table.h), sorted by name.
Owns: OUT.c, which is only there if all went well.

Undefined symbols become relocations: rt_hole_NAME a number, rt_map_NAME the address of a direct
map's value, both in an ld_imm64; a defined function is a call. Anything else is an error, so that
a construct the linker cannot resolve (a global variable, a string literal, a jump table) fails
the build and not a user's program.
"""

import os
import re
import struct
import sys

R_64_64, R_64_32 = 1, 10
SHT_SYMTAB, SHT_REL = 2, 9
STT_FUNC = 2
LD_IMM64, CALL = 0x18, 0x85


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
    """[(name, type, section, value, size)] of the one symbol table."""
    for kind, body, link, _ in secs:
        if kind == SHT_SYMTAB:
            strings = secs[link][1]
            out = []
            for at in range(0, len(body), 24):
                name, info, _, shndx, value, size = struct.unpack_from("<IBBHQQ", body, at)
                text = strings[name:strings.index(b"\0", name)].decode()
                out.append((text, info & 15, shndx, value, size))
            return out
    die("no symbol table")


def relocations(secs, text):
    for kind, body, _, info in secs:
        if kind == SHT_REL and info == text:
            for at in range(0, len(body), 16):
                off, info = struct.unpack_from("<QQ", body, at)
                yield off, info & 0xffffffff, info >> 32


def prototypes(path):
    """{name: a letter a parameter: 'c' the context, 'f' the firing, 's' the slot, 'i' a number}"""
    letters = {"struct rt_regs": "c", "struct rt_fire": "f", "struct rt_scratch": "s"}
    out = {}
    with open(path) as f:
        for m in re.finditer(r"^int64_t (rt_\w+)\(([^)]*)\);", f.read(), re.M):
            params = [p.strip() for p in m.group(2).split(",")]
            out[m.group(1)] = "".join(letters[p.split(" *")[0]] if "*" in p else "i"
                                      for p in params)
    return out


def classify(code, off, rtype, name, functions):
    opcode = code[off]
    if rtype == R_64_64 and opcode == LD_IMM64:
        for prefix, kind in (("rt_hole_", "RT_L_HOLE"), ("rt_map_", "RT_L_MAP")):
            if name.startswith(prefix):
                return kind, name
    if rtype == R_64_32 and opcode == CALL and name in functions:
        return "RT_L_CALL", name
    die("relocation of type %d to '%s' is none that the linker resolves" % (rtype, name))


def emit(out, name, code, relocs, params):
    out.append("static const struct bpf_insn insns_%s[] = {" % name)
    for at in range(0, len(code), 8):
        op, regs, off, imm = struct.unpack_from("<BBhi", code, at)
        out.append("\t{ .code = 0x%02x, .dst_reg = %d, .src_reg = %d, .off = %d, .imm = %s },"
                   % (op, regs & 15, regs >> 4, off, "%d" % imm if imm > -2**31 else "INT32_MIN"))
    out.append("};")
    if relocs:
        out.append("static const struct rt_link links_%s[] = {" % name)
        out += ['\t{ %d, %s, "%s" },' % r for r in relocs]
        out.append("};")
    return ('\t{ "%s", "%s", insns_%s, %d, %s, %d },'
            % (name, params, name, len(code) // 8,
               "links_" + name if relocs else "NULL", len(relocs)))


def main(obj, header, target):
    with open(obj, "rb") as f:
        secs = sections(f.read())
    syms = symbols(secs)
    functions = {s[0]: s for s in syms if s[1] == STT_FUNC}
    protos = prototypes(header)
    for name in sorted(set(protos) ^ set(functions)):
        die("%s is only in %s" % (name, header if name in protos else obj))
    texts = {s[2] for s in functions.values()}
    if len(texts) != 1:
        die("functions are in %d sections" % len(texts))
    text = texts.pop()
    code = secs[text][1]
    links = {name: [] for name in functions}
    for off, rtype, sym in relocations(secs, text):
        owner = next(s for s in functions.values() if s[3] <= off < s[3] + s[4])
        kind, name = classify(code, off, rtype, syms[sym][0], functions)
        links[owner[0]].append(((off - owner[3]) // 8, kind, name))
    out = ["/* Made by embed.py from %s. */" % os.path.basename(obj),
           '#include "ebpf/table.h"', "", "#include <stddef.h>", ""]
    rows = [emit(out, name, code[value:value + size], sorted(links[name]), protos[name])
            for name, (_, _, _, value, size) in sorted(functions.items())]
    out += ["", "const struct rt_routine rt_routines[] = {"] + rows + ["};",
            "const size_t rt_nroutines = %d;" % len(rows), ""]
    tmp = target + ".tmp"
    with open(tmp, "w") as f:
        f.write("\n".join(out))
    os.replace(tmp, target)


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
