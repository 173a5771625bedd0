# SPDX-License-Identifier: BSD-2-Clause
"""Many sites with arguments in different places need one program for each set of clauses."""
import collections
import os
import re
import sys

from lib import DTRACE, FOLDER, HERE, dtrace, main, must, numbers, sh

# A site with a hand-written note: the probe, then its operands.
NOTE = r"""
.macro NOTE provider, name, args:vararg
990:	nop
	.pushsection .note.stapsdt,"","note"
	.balign 4
	.4byte 992f-991f,994f-993f,3
991:	.asciz "stapsdt"
992:	.balign 4
993:	.8byte 990b,0,0
	.asciz "\provider"
	.asciz "\name"
	.ascii \args
	.byte 0
994:	.balign 4
	.popsection
.endm
"""
# Fires its sites, loads the libraries, fires their sites, then lists the BPF programs.
CALLER = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
void fire(void);
long words[64];
char *absent; /* two pages of a file; nobody has touched them */
int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	static const long there = 777;

	if (pwrite(fd, &there, sizeof(there), 4096 + 80) != sizeof(there) || ftruncate(fd, 8192))
		return 1;
	absent = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	madvise(absent, 8192, MADV_RANDOM);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (int i = 0; i < 64; i++)
		words[i] = 1000 + i;
	fire();
	for (int i = 3; i < argc; i++) {
		void *library = dlopen(argv[i], RTLD_NOW);
		void (*more)(void) = library ? (void (*)(void))dlsym(library, "more") : NULL;

		if (!more)
			return 2;
		more();
	}
	return system(argv[2]) != 0;
}
"""


def path(name):
    return os.path.join(FOLDER, name)


def function(name, sites):
    """sites: (instructions before the site, provider, probe, operands)."""
    body = "".join("%s\nNOTE %s, %s, \"%s\"\n" % s for s in sites)
    return ".text\n.globl %s\n.type %s,@function\n%s:\n%sret\n.size %s,.-%s\n.section .note.GNU-stack,\"\",@progbits\n" % (
        name, name, name, body, name, name)


def program(name, sites):
    with open(path("caller.c"), "w") as f:
        f.write(CALLER)
    with open(path(name + ".s"), "w") as f:
        f.write(NOTE + function("fire", sites))
    must("gcc", "-O1", "-no-pie", "-rdynamic", "-o", path(name), path("caller.c"), path(name + ".s"))
    return path(name)


def library(name, sites):
    with open(path(name + ".s"), "w") as f:
        f.write(NOTE + function("more", sites))
    must("gcc", "-shared", "-o", path(name), path(name + ".s"))
    return path(name)


def constants(first, n, probe="hit"):
    return [("", "many", probe, "8@$%d -4@$%d" % (i, -i)) for i in range(first, first + n)]


def traced(app, script, *libraries):
    """dtrace's output; numbers of loaded programs by name; whether bpftool could list programs."""
    command = " ".join((app, path("file"), "'/bin/sh %s'" % path("list"), *libraries))
    with open(path("list"), "w") as f:
        f.write("PATH=$PATH:/usr/sbin bpftool prog list >%s 2>&1 || :\n" % path("programs"))
    p = dtrace("-q", "-c", command, "-n", script)
    assert p.returncode == 0 and not p.stderr, (p.returncode, p.stderr, p.stdout[-500:])
    with open(path("programs")) as f:
        held = f.read()
    return p.stdout, collections.Counter(re.findall(r" name (d_\w+) ", held)), bool(re.search(r"^\d+: ", held, re.M))


def pairs(text):
    values = numbers(text)
    return list(zip(values[::2], values[1::2]))


def test_three_hundred_constants_take_one_program():
    app = program("constants", constants(1, 300))
    out, programs, listed = traced(app, 'many$target:::hit { printf("%d %d\\n", arg0, (int)arg1); }')
    assert pairs(out) == [(i, -i) for i in range(1, 301)], out[:300]
    assert not listed or programs["d_hit"] == 1, programs


def test_as_many_programs_as_sets_of_clauses():
    app = program("sets", constants(1, 40) + constants(101, 40, "miss"))
    out, programs, listed = traced(app, 'many$target:::hit, many$target:::miss { @all = sum(arg0); }'
                                   ' many$target:::miss { @some = sum((int)arg1); } END { printa("%@d ", @all); printa("%@d", @some); }')
    assert numbers(out) == [sum(range(1, 41)) + sum(range(101, 141)), -sum(range(101, 141))], out
    assert not listed or programs["d_hit"] + programs["d_miss"] == 2, programs


def mixture():
    """(instructions, operand, value) of 140 sites, most with a place of their own."""
    regs = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
    rows = [("mov $%d,%%%s" % (i * 7 - 3, regs[i % 9]), "8@%%%s" % regs[i % 9], i * 7 - 3) for i in range(27)]
    rows += [("mov $0x%x,%%eax" % (0x1200 + i), "%s1@%%%s" % ("-" if i & 1 else "", half), want)
             for i in range(0x70, 0x90, 4) for half, want in
             (("al", i - 256 if i & 1 and i > 127 else i), ("ah", 0x12))]
    rows += [("lea words(%rip),%rsi", "8@%d(%%rsi)" % (8 * i), 1000 + i) for i in range(20)]
    rows += [("lea words(%%rip),%%rdx; mov $%d,%%ecx" % i, "-4@8(%%rdx,%%rcx,8)", 1001 + i) for i in range(5)]
    rows += [("mov $words-16,%eax", "2@%d(%%eax)" % (16 + 8 * i), 1000 + i) for i in range(5)]
    rows += [("", "8@words+%d" % (8 * i), 1000 + i) for i in range(10)]
    rows += [("", "%s@$%d" % (size, value), value) for size in ("-1", "-4", "-8") for value in range(-9, 9)]
    rows += [("mov absent(%rip),%r8", "8@4176(%r8)", 777)]      # reading this page faults
    return [(s, o.replace("%%", "%"), v) for s, o, v in rows]


def test_a_mixture_of_kinds_at_many_sites():
    rows = mixture()
    app = program("mixture", [(s, "mix", "hit", "%s 8@$%d" % (o, i)) for i, (s, o, _) in enumerate(rows)])
    out, programs, listed = traced(app, 'mix$target:::hit { printf("%d %d\\n", arg1, (int64_t)arg0); }')
    wrong = [(rows[i], got) for i, got in pairs(out) if got != rows[i][2]]
    assert not wrong and [i for i, _ in pairs(out)] == list(range(len(rows))), (wrong, len(pairs(out)))
    assert not listed or programs["d_hit"] == 1, programs


def test_what_cannot_be_read_fails_at_its_site_alone():
    sites = [("", "8@$5"), ("mov $8,%eax", "8@(%rax)"), ("", "8@%xmm0"), ("mov $6,%ecx", "8@%rcx"), ("", "8@$7")]
    app = program("bad", [(s, "bad", "hit", o + " 8@$%d" % i) for i, (s, o) in enumerate(sites)])
    p = dtrace("-q", "-c", "%s %s true" % (app, path("file")), "-n", 'bad$target:::hit { printf("%d ", arg1); }'
               ' bad$target:::hit { printf("is %d ", arg0); } bad$target:::hit { @ = sum(arg1); }'
               ' dtrace:::ERROR { printf("fault %d at 0x%x ", arg4, arg5); } END { printa("sum %@d", @); }')
    assert p.stdout == "0 is 5 1 fault 1 at 0x8 2 fault 3 at 0x1 3 is 6 4 is 7 sum 10", (p.stdout, p.stderr)


def test_sites_that_are_found_later_join():
    """Unit 1 has its only place compiled in, the table of unit 2 becomes full, unit 3 has room."""
    app = program("later", constants(1, 1))
    libraries = [library("lib%d.so" % first, constants(first, n)) for first, n in ((10, 300), (1000, 500), (2000, 900))]
    out, programs, listed = traced(app, 'many*:::hit /pid == $target/ { printf("%d %d\\n", arg0, (int)arg1); }', *libraries)
    want = [1] + [*range(10, 310)] + [*range(1000, 1500)] + [*range(2000, 2900)]
    assert pairs(out) == [(i, -i) for i in want], (len(pairs(out)), out[:300])
    assert not listed or programs["d_hit"] <= 3, programs


def test_declared_arguments_that_are_elsewhere_in_each_provider():
    for name, order in (("one", "(int a, int b)"), ("two", "(int b, int a)"), ("three", "(int a, int a)")):
        with open(path(name + ".d"), "w") as f:
            f.write("provider %s { probe hit(int a, int b) : %s; };\n" % (name, order))
        must(DTRACE, "-h", "-s", path(name + ".d"), "-o", path(name + ".h"))
    with open(path("declared.c"), "w") as f:
        f.write('#include "one.h"\n#include "two.h"\n#include "three.h"\n#include <stdlib.h>\nint main(int n, char **v)\n{\n'
                "\tONE_HIT(n, 2 * n);\n\tTWO_HIT(5 * n, n + 5);\n\tTHREE_HIT(7, 8);\n\treturn v[1] ? system(v[1]) != 0 : 0;\n}\n")
    must("gcc", "-O2", "-I", FOLDER, "-o", path("declared"), path("declared.c"))
    p = dtrace("-q", "-c", path("declared"), "-n", 'one$target:::hit, two$target:::hit, three$target:::hit'
               ' { printf("%s %d %d %d %d\\n", probeprov, args[0], args[1], arg0, arg1); }')
    assert [l.split()[1:] for l in p.stdout.splitlines()] == \
        [["1", "2", "1", "2"], ["6", "5", "5", "6"], ["7", "7", "7", "8"]], (p.stdout, p.stderr)


main(sys.modules[__name__])
