#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Arrows between rooms point one way: who may include whose headers, and who may call whom.

Usage: test_arrows.py [TOP [BUILD]]. Reads the #include "…" lines of the rooms' files and, where the
folder BUILD (default: the current folder) holds their objects, the symbols of the objects. A room
uses only rooms that ROOMS allows; files of a room do not call each other in a circle; a public name
has the prefix of its room, and another file uses the name; only the emitter makes instructions of
eBPF. Without arguments first proves, on made-up input, that the test can fail.
"""
import collections
import fnmatch
import os
import re
import subprocess
import sys

# A room: the folder, the prefixes of its public names, the headers that other rooms may include,
# and the rooms that it may use, which come above. The first match of a file's path names its room.
Room = collections.namedtuple("Room", "folder prefixes public knows")
ROOMS = [
    Room("include/usdt/", "", "usdt/usdt.h usdt/sdt.h usdt/consumer.h", ""),
    Room("base/", "arena_ cur_ cpp_ diag_ grow_ hash_ text_ threads_", "base/*.h", ""),
    Room("arch/", "arch_", "arch/arch.h arch/operand.h", "include/usdt/"),
    Room("usdt/", "usdt_", "usdt/loader.h usdt/maps.h usdt/symbols.h", "include/usdt/ base/ arch/"),
    # c_: names shared by the files of the checker. D_: error tags.
    Room("d/", "d_ c_ D_", "d/d.h d/*.def", "base/"),
    Room("provider/", "gen_", "provider/provider.h", "include/usdt/ base/ usdt/ d/"),
    Room("ebpf/", "rt_ ebpf_", "ebpf/*.h ebpf/*.def", "base/"),
    Room("kernel/", "kern_", "kernel/kernel.h", "base/ ebpf/"),
    Room("world/", "world_", "world/world.h", "include/usdt/ base/ arch/ usdt/ ebpf/ kernel/"),
    # g_: names shared by the files of the generator.
    Room("consumer/compile/", "cc_ g_", "consumer/compile/compile.h consumer/compile/*.def",
         "base/ arch/ d/ ebpf/ kernel/ consumer/"),
    Room("consumer/providers/", "prov_", "consumer/providers/providers.h consumer/providers/*.def",
         "include/usdt/ base/ arch/ usdt/ d/ ebpf/ kernel/ world/ consumer/compile/ consumer/"),
    Room("consumer/aggs/", "aggs_", "consumer/aggs/aggs.h",
         "base/ d/ ebpf/ kernel/ consumer/compile/ consumer/"),
    Room("consumer/output/", "out_", "consumer/output/output.h",
         "base/ d/ ebpf/ kernel/ world/ consumer/aggs/ consumer/"),
    Room("consumer/run/", "run_ usdt_", "consumer/run/run.h",
         "include/usdt/ base/ d/ ebpf/ kernel/ world/ consumer/compile/ consumer/providers/ consumer/aggs/ "
         "consumer/output/ consumer/"),
    Room("cmd/usdt-check/", "*", "", "include/usdt/ base/ arch/ usdt/ d/"),
    Room("cmd/dtrace/", "*", "", "include/usdt/ base/ provider/ consumer/run/ consumer/"),
    # Headers shared by the rooms of the consumer; no code.
    Room("consumer/", "", "consumer/records.h consumer/*.def", "ebpf/ d/"),
    Room("runtimes/", "*", "", "include/usdt/"),
    Room("examples/", "*", "", "include/usdt/"),
]
ROOM = {r.folder: r for r in ROOMS}
# cmd/ uses the consumer's public header, whose functions consumer/run defines.
INCLUDES_NOT = {("cmd/dtrace/", "consumer/run/run.h")}

# Files may call each other because they walk a tree: checking an expression checks the calls in it,
# whose arguments are expressions. The functions (globs) that take any kind of expression or type
# make no circle.
RECURSIONS = {
    # A type holds types and, as bounds of arrays, expressions; an expression holds expressions.
    "d/": ["d_parse_tagged", "d_type_name_parse", "d_parse_const", "c_expr", "c_value"],
    # Code for an expression holds code for its operands, of any kind; a key may hold a string
    # expression.
    "consumer/compile/": ["g_value", "g_number", "g_string", "g_string_in"],
}

# Names made for each row of a table, used or not.
ROWS = ["main", "D_*", "prov_attrs_*"]

# Known errors, to be removed: the glob of a file, and the glob of an included header, "public
# NAME", "calls NAME", "unused NAME", or "circle" for files that call each other.
STILL = [
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def room_of(path):
    return next((r for r in ROOMS if path.startswith(r.folder)), None)


def knows(room, other):
    return other == room.folder or other in room.knows.split()


def still(where, what):
    return any(fnmatch.fnmatchcase(where, w) and fnmatch.fnmatchcase(what, s) for w, s in STILL)


# ---- Includes --------------------------------------------------------------------------

def beside(room, inc):
    """True if `inc` is a file of the room itself, given as a whole path or without folder."""
    # "usdt/usdt.h" means include/usdt/usdt.h, not a file of the room usdt/.
    public = ROOM["include/usdt/"].public.split()
    return "/" not in inc or (inc not in public and room_of(inc) == room)


def why_not(path, inc):
    """The reason why the file may not include `inc`; None: no reason."""
    room = room_of(path)
    if inc == "config.h" or beside(room, inc):
        return None
    if os.path.basename(inc) == "inner.h":
        return "inner.h is its room's alone"
    for other in [ROOM[f] for f in room.knows.split()]:
        if any(fnmatch.fnmatchcase(inc, p) and inc.count("/") == p.count("/") for p in other.public.split()):
            return "it is a client of the public header" if (room.folder, inc) in INCLUDES_NOT else None
    return "%s may not know of it" % room.folder


def sources(top):
    for room in ROOMS:
        for folder, dirs, files in os.walk(os.path.join(top, room.folder)):
            dirs.sort()
            for f in sorted(files):
                path = os.path.relpath(os.path.join(folder, f), top)
                if re.search(r"\.(c|h|def)$", f) and room_of(path) == room:
                    yield path


def check_includes(top):
    seen, bad = 0, []
    for path in sources(top):
        seen += 1
        with open(os.path.join(top, path), encoding="utf-8") as f:
            text = f.read()
        for m in INCLUDE.finditer(text):
            reason = why_not(path, m.group(1))
            if reason and not still(path, m.group(1)):
                line = text.count("\n", 0, m.start()) + 1
                bad.append('%s:%d: #include "%s": %s' % (path, line, m.group(1), reason))
    return seen, bad


# ---- Instructions -------------------------------------------------------------------------

# Only code that makes instructions by hand needs the struct, the opcode classes and the kernel's
# macros. The emitter makes the instructions of clauses; all other programs are BPF C.
INSTRUCTION = re.compile(r"\bstruct bpf_insn\b|\bBPF_(ALU|ALU64|JMP|JMP32|LD|LDX|ST|STX|RAW_INSN|MOV64_\w+|EXIT_INSN)\b")


def makes_instructions(path, text):
    if path.startswith("ebpf/") or re.match(r"consumer/compile/emit\.[ch]$", path):
        return None
    return INSTRUCTION.search(text)


def check_instructions(top):
    bad = []
    for path in sources(top):
        with open(os.path.join(top, path), encoding="utf-8") as f:
            text = f.read()
        m = makes_instructions(path, text)
        if m:
            bad.append("%s:%d: %s: only the emitter makes instructions; write BPF C (ebpf/progs.c)"
                       % (path, text.count("\n", 0, m.start()) + 1, m.group()))
    return bad


# ---- Calls ---------------------------------------------------------------------------------

def objects(top, build):
    """{source: object}: an object is SOURCE.o or TARGET-SOURCE.o, in its folder or in .libs/."""
    found = {}
    for folder, dirs, files in os.walk(build):
        dirs[:] = [d for d in dirs if d not in ("tests", "bench", ".deps", "autom4te.cache")]
        rel = os.path.relpath(folder, build)
        rel = os.path.dirname(rel) if os.path.basename(rel) == ".libs" else rel
        for f in files:
            source = os.path.join(rel, f[:-2].split("-")[-1] + ".c")
            if f.endswith(".o") and room_of(source) and \
                    (os.path.exists(os.path.join(top, source)) or os.path.exists(os.path.join(build, source))):
                found[source] = os.path.join(folder, f)
    return found


def symbols(objs):
    """{source: (defined, undefined)}: the symbols in the objects."""
    of = {o: s for s, o in objs.items()}
    table = {s: (set(), set()) for s in objs}
    out = subprocess.run(["nm", "-A", "-g"] + sorted(of), capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        obj, rest = line.rsplit(":", 1)
        kind, name = rest.split()[-2:]
        table[of[obj]][kind in "Uwv"].add(name)
    return table


def circles(edges):
    """Sets of two or more nodes that reach each other."""
    reach = {}
    for node in edges:
        seen, todo = set(), [node]
        while todo:
            for n in edges.get(todo.pop(), ()):
                if n not in seen:
                    seen.add(n)
                    todo.append(n)
        reach[node] = seen
    found = {frozenset(b for b in edges if b in reach[a] and a in reach[b]) for a in edges if a in reach[a]}
    return sorted(sorted(c) for c in found if len(c) > 1)


def check_calls(table):
    bad, home, edges = [], {}, collections.defaultdict(lambda: collections.defaultdict(set))
    for source, (defined, _) in sorted(table.items()):
        room = room_of(source)
        for name in sorted(defined):
            home.setdefault(name, source)
            if name != "main" and not any(name.startswith(p) or p == "*" for p in room.prefixes.split()) and \
                    not name.startswith("__") and not still(source, "public " + name):
                bad.append("%s: %s is public and has no prefix of %s" % (source, name, room.folder))
    for source, (_, undefined) in sorted(table.items()):
        room = room_of(source)
        for name in sorted(undefined & set(home)):
            to = home[name]
            if room_of(to) == room:
                if not any(fnmatch.fnmatchcase(name, back) for back in RECURSIONS.get(room.folder, ())):
                    edges[room.folder][source].add(to)
            elif not knows(room, room_of(to).folder) and not still(source, "calls " + name):
                bad.append("%s: calls %s of %s: %s may not know of it" % (source, name, to, room.folder))
    for room, calls in sorted(edges.items()):
        for circle in circles(calls):
            if not all(still(f, "circle") for f in circle):
                bad.append("%s: files that call each other in a circle: %s" % (room, " ".join(circle)))
    return bad


def words(top):
    """Words in tests, benchmarks and public headers."""
    found = set()
    for at in ("tests", "bench", "include"):
        for folder, _, files in os.walk(os.path.join(top, at)):
            for f in files:
                if f.endswith((".c", ".h")):
                    with open(os.path.join(folder, f), encoding="utf-8", errors="replace") as text:
                        found.update(re.findall(r"\w+", text.read()))
    return found


def check_used(table, named):
    """Errors for names that no other file uses: such a name must be static, or be removed."""
    used = {name for _, undefined in table.values() for name in undefined}
    return ["%s: %s is used by no other file" % (source, name)
            for source, (defined, _) in sorted(table.items()) for name in sorted(defined - used - named)
            if not any(fnmatch.fnmatchcase(name, u) for u in ROWS) and not still(source, "unused " + name)]


# ---- It can fail ------------------------------------------------------------------------------

def self_test():
    forbidden = [("base/a.c", "d/d.h"), ("d/a.c", "usdt/usdt.h"), ("d/a.c", "ebpf/abi.h"),
                 ("usdt/a.c", "d/d.h"), ("provider/a.c", "d/inner.h"), ("kernel/a.c", "d/d.h"),
                 ("kernel/a.c", "consumer/providers/providers.h"), ("arch/a.c", "base/hash.h"),
                 ("world/a.c", "consumer/providers/providers.h"), ("world/a.c", "kernel/inner.h"),
                 ("provider/a.c", "consumer/run/run.h"), ("consumer/compile/a.c", "usdt/usdt.h"),
                 ("consumer/providers/a.c", "consumer/compile/inner.h"),
                 ("consumer/aggs/a.c", "consumer/output/output.h"),
                 ("consumer/output/a.c", "consumer/run/run.h"),
                 ("consumer/run/a.c", "consumer/output/inner.h"),
                 ("ebpf/abi.h", "consumer/run/run.h"), ("cmd/dtrace/a.c", "d/d.h"),
                 ("cmd/dtrace/a.c", "consumer/compile/compile.h"), ("cmd/dtrace/a.c", "consumer/run/run.h"),
                 ("runtimes/a.c", "base/hash.h")]
    allowed = [("d/a.c", "base/hash.h"), ("usdt/a.c", "usdt/inner.h"), ("d/a.c", "d/inner.h"),
               ("usdt/a.c", "arch/arch.h"), ("world/a.c", "kernel/kernel.h"),
               ("provider/a.c", "d/d.h"), ("consumer/run/a.c", "consumer/run/inner.h"),
               ("consumer/run/a.c", "consumer/providers/providers.h"), ("base/a.c", "config.h"),
               ("cmd/dtrace/a.c", "provider/provider.h"), ("cmd/dtrace/a.c", "usdt/consumer.h"),
               ("ebpf/rt.c", "ebpf/abi.h")]
    exceptions, STILL[:] = STILL[:], []
    wrong = ["includes: %s %s" % p for p in forbidden if not why_not(*p)] + \
            ["includes: %s %s" % p for p in allowed if why_not(*p)]
    by_hand = ["const struct bpf_insn v[] = {", "f(BPF_JMP | BPF_CALL)", "i = BPF_RAW_INSN(0, 0, 0, 0, 0);",
               "BPF_MOV64_IMM(0, 1)"]
    wrong += ["instructions: %s" % s for s in by_hand if not makes_instructions("world/a.c", s) or
              makes_instructions("ebpf/link.c", s) or makes_instructions("consumer/compile/emit.c", s) or
              not makes_instructions("consumer/compile/unit.c", s)]
    wrong += ["instructions: %s" % s for s in ("cc_jump_imm(f, BPF_JEQ, R0, 0, end);", "cc_load(f, BPF_DW, R0, R1, 0);")
              if makes_instructions("consumer/compile/unit.c", s)]
    calls = {"d/a.c": ({"d_a"}, {"d_b", "puts"}), "d/b.c": ({"d_b"}, {"hash_new"}), "base/h.c": ({"hash_new"}, set()),
             "world/x.c": ({"world_x"}, {"world_y"}), "world/y.c": ({"world_y"}, set())}
    made = [({}, 0),
            ({"base/h.c": ({"hash_new"}, {"d_a"})}, 1),                # a call that points down
            ({"world/y.c": ({"world_y"}, {"world_x"})}, 1),            # a circle of files
            ({"world/y.c": ({"world_y", "vma_y"}, set())}, 1)]         # not this room's prefix
    for change, n in made:
        if len(check_calls({**calls, **change})) != n:
            wrong.append("calls: %s: %s" % (change, check_calls({**calls, **change})))
    for named, n in ((set(), 1), ({"d_a"}, 0)):
        if len(check_used({"d/a.c": ({"d_a"}, set()), "d/b.c": ({"main"}, set())}, named)) != n:
            wrong.append("a name that no other file uses")
    above = []
    for r in ROOMS:
        wrong += ["%s may know %s, which is not above it" % (r.folder, o) for o in r.knows.split()
                  if o not in above and o != "consumer/"]
        above.append(r.folder)
    STILL[:] = exceptions
    for w in wrong:
        print("self test: " + w)
    return not wrong


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    ok = self_test() if len(sys.argv) < 2 else True
    top = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../.."))
    build = sys.argv[2] if len(sys.argv) > 2 else "."
    seen, bad = check_includes(top)
    bad += check_instructions(top)
    objs = objects(top, build)
    if objs:
        table = symbols(objs)
        bad += check_calls(table) + check_used(table, words(top))
    for line in bad:
        print(line)
    print("%d files, %d objects, %d arrows that point the wrong way" % (seen, len(objs), len(bad)))
    sys.exit(not ok or seen == 0 or bool(bad))


if __name__ == "__main__":
    main()
