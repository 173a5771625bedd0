#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads C headers that scripts include with -C: layouts of structs must equal the C compiler's.

Usage: headers.py DTRACE [all]. Ends with 'N passed, N failed, N skipped'. With `all`, tries every
header of /usr/include that the C compiler takes alone, and prints how many of them D reads.
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

CC = os.environ.get("CC", "cc").split()

# Headers with each kind of trouble, and headers that tracing scripts include.
HEADERS = """
    aio.h arpa/inet.h complex.h ctype.h dirent.h errno.h fcntl.h gconv.h getopt.h glob.h grp.h inttypes.h
    link.h linux/aio_abi.h linux/bpf.h linux/btrfs_tree.h linux/ethtool.h linux/if_ether.h linux/in6.h
    linux/ipc.h linux/kvm.h linux/perf_event.h linux/rtnetlink.h linux/seg6.h linux/signal.h linux/tcp.h
    linux/tipc.h linux/videodev2.h locale.h math.h net/if.h netdb.h netinet/in.h netinet/ip.h netinet/tcp.h
    nlist.h poll.h pthread.h pwd.h regex.h resolv.h sched.h signal.h stdatomic.h stdint.h stdio.h stdlib.h
    string.h sys/epoll.h sys/io.h sys/mman.h sys/ptrace.h sys/resource.h sys/rseq.h sys/socket.h
    sys/stat.h sys/sysinfo.h sys/time.h sys/types.h sys/ucontext.h sys/un.h sys/user.h termios.h time.h
    tgmath.h ucontext.h unistd.h wchar.h
""".split()

# Extensions of C compilers, and structs whose layout the extensions change.
LAYOUTS = """
#define PACKED __attribute__((packed))
#define AT_LEAST(n) __attribute__((aligned(n)))
struct a { char c; int i; long l; } PACKED;
struct __attribute__((__packed__)) b { char c; struct { int i; short s; } in; double d; };
struct c { char c; int i PACKED; long l; };
struct d { char c; int i AT_LEAST(16); char e; } AT_LEAST(64);
struct e { char c; int i AT_LEAST(2) PACKED; char tail[]; } PACKED;
typedef int wide_int AT_LEAST(8);
typedef unsigned int half_int AT_LEAST(2);
struct f { char c; wide_int i; char e; half_int h; };
struct g { unsigned a : 3, b : 30, c : 7; unsigned long d : 40; } PACKED;
struct h { unsigned a : 3, b : 30; unsigned char c : 7; unsigned : 0; short d : 9; char e; };
struct i { char c; unsigned a : 9 AT_LEAST(4); unsigned b : 9; };
#pragma pack(push, 2)
struct j { char c; long l; unsigned a : 3; short s; };
#pragma pack(1)
struct k { char c; long l; unsigned a : 3, b : 30; struct j j; };
#pragma pack(pop)
struct l { char c; long l; };
""" + "#pragma pack(push, 2)\n" * 20 + "#pragma pack(pop)\n" * 19 + """
struct v { char c; long l; };
#pragma pack(pop)
struct w { char c; long l; };
union m { char c[5]; int i; struct { short s; } t; } PACKED;
typedef union { int *p; void *q; } transparent __attribute__((__transparent_union__));
struct n { transparent t; char c; __extension__ struct { char x; union { int y; long z; }; }; };
struct o { char c; __int128 i; _Float128 f; __builtin_va_list v; long double d; double _Complex z; };
struct p { char c; int none[0]; struct { } empty; char after; long tail[]; };
enum __attribute__((packed)) small { S1, S2 = 200 };
enum large { L1 = 1u << 31, L2 };
enum larger { G1 = -1, G2 = 0x80000000 };
struct q { char c; enum small s; char d; enum large l; char e; enum larger g; };
typedef int by_mode __attribute__((__mode__(__DI__)));
typedef unsigned by_word __attribute__((mode(HI)));
typedef float four __attribute__((vector_size(16)));
struct r { char c; by_mode m; char d; by_word w; char e; four v; _Alignas(32) char f; _Alignas(long) char g; };
struct s { char pad[_Alignof(long) + __alignof__(short)]; __typeof__(long) t; _Atomic int u; _Atomic(long) v; };
struct t { char c; struct a a; char d; struct { half_int i[2]; wide_int j; } in[2]; } PACKED;
struct u { char string; int *self, counter; long this : 4, probe : 5; unsigned string_t; };
static __inline__ int twice(int n) { char *s = "}"; return n * 2 + (s[0] == '}') + ({ int m = 1.0f; m; }); }
inline static int again(int v[static 2]) { return v[1]; }
extern inline int more(void) __asm__("mo" "re") __attribute__((nothrow, section("x, y")));
static const struct { int a; } table[] = { { 1 }, { 2 } };
extern char unknown_bound[];
extern int errno;
extern int pid;
extern _Float128 quad(_Float128 x, __int128 y, ...);
extern __typeof__(quad) quint;
_Static_assert(sizeof(struct a) == 13, "packed");
__asm__(".globl x");
;
struct counter { int probe; };
enum words { translator, stack };
"""
MEMBERS = {"a": "c i l", "b": "c in d", "c": "c i l", "d": "c i e", "e": "c i tail", "f": "c i e h", "h": "e",
           "j": "c l s", "k": "c l j", "l": "l", "n": "t c x y z", "o": "c i f v d z", "p": "c none empty after tail",
           "q": "c s d l e g", "r": "c m d w e v f g", "s": "pad t u v", "t": "a d in", "u": "string self counter",
           "v": "l", "w": "l"}
TAGS = ["struct " + c for c in "abcdefghijklnopqrstuvw"] + ["union m", "enum small", "enum large", "enum larger"]

# Texts that must be errors: (text, in a header?, message).
REFUSED = [
    ("int f(void) { return 1; }", False, "syntax error"),
    ("enum e { BIG = 0x80000000 };", False, "does not fit in an int"),
    ("struct z { int none[0]; char c; };", False, "array dimension"),
    ("static int x;", False, "storage class"),
    ("struct z { int x __attribute__((aligned(3))); };", True, "power of two"),
    ("struct z { struct unknown u; };", True, "incomplete type"),
    ("_Static_assert(1", True, "not closed"),
    ("__int128 x; BEGIN { x = 1; }", False, ""),
    ("BEGIN { this->x = (__int128)1; }", False, ""),
]


def dtrace(binary, folder, program, *args):
    path = os.path.join(folder, "h.d")
    with open(path, "w", encoding="utf-8") as f:
        f.write(program)
    r = subprocess.run([binary, "-C", "-qs", path, *args], capture_output=True, text=True, check=False, timeout=60)
    return r.returncode, r.stdout, r.stderr


def compiles(header):
    return subprocess.run([*CC, "-fsyntax-only", "-w", "-x", "c", "-"], input="#include <%s>\n" % header, text=True,
                          capture_output=True, check=False).returncode == 0


def reads(binary, header):
    """None: the header is not installed; else dtrace's messages: "" if it was read."""
    if not compiles(header):
        return None
    with tempfile.TemporaryDirectory() as folder:
        rc, _, err = dtrace(binary, folder, "#include <%s>\nBEGIN { exit(0); }\n" % header, "-e")
        return err or ("" if rc == 0 else "exit status %d" % rc)


def layouts(binary, folder):
    places = ["sizeof(%s)" % t for t in TAGS] + \
             ["offsetof(struct %s, %s)" % (s, m) for s, names in MEMBERS.items() for m in names.split()] + \
             ["_Alignof(%s)" % t for t in TAGS[:-3]] + ["(long)L1", "(long)G2", "(long)S2"]
    with open(os.path.join(folder, "lay.h"), "w", encoding="utf-8") as f:
        f.write(LAYOUTS)
    with open(os.path.join(folder, "lay.c"), "w", encoding="utf-8") as f:
        f.write("#include <stdio.h>\n#include <stddef.h>\n#define errno errno_\n#include \"lay.h\"\nint main(void) {\n" +
                "".join('printf("%%s %%ld\\n", "%s", (long)(%s));\n' % (p, p) for p in places) + "}\n")
    subprocess.run([*CC, "-w", "-std=gnu11", "-o", "lay", "lay.c"], cwd=folder, check=True)
    want = subprocess.run(["./lay"], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    got = dtrace(binary, folder, '#include "lay.h"\nBEGIN {\n' +
                 "".join('printf("%%s %%d\\n", "%s", (long)(%s));\n' % (p, p) for p in places) + "exit(0); }\n")
    lines = got[1].splitlines()
    wrong = ["C: %s, D: %s" % (w, g) for w, g in zip(want, lines) if w != g]
    return wrong if len(lines) == len(want) else wrong + ["%d of %d lines: %s" % (len(lines), len(want), got[2])]


def refused(binary, folder, text, header, said):
    clause = "" if "BEGIN" in text else "BEGIN { exit(0); }"
    if header:
        with open(os.path.join(folder, "bad.h"), "w", encoding="utf-8") as f:
            f.write(text + "\n")
        text = '#include "bad.h"'
    rc, _, err = dtrace(binary, folder, text + "\n" + clause + "\n", "-e")
    return [] if rc == 1 and said in err else ["%s: exit status %d: %s" % (text, rc, err)]


def every_header(binary):
    names = []
    for base in ("/usr/include/", "/usr/include/x86_64-linux-gnu/"):
        for sub in ("", "arpa/", "asm/", "asm-generic/", "linux/", "linux/*/", "net/", "netinet/", "rpc/", "scsi/", "sys/"):
            names += [p[len(base):] for p in glob.glob(base + sub + "*.h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = {h: e for h, e in pool.map(lambda h: (h, reads(binary, h)), sorted(set(names))) if e is not None}
    for h, e in said.items():
        if e:
            print("%s: %s" % (h, e.splitlines()[0]))
    print("%d of %d headers are read" % (sum(not e for e in said.values()), len(said)))


def main():
    binary = os.path.abspath(sys.argv[1])
    if sys.argv[2:] == ["all"]:
        every_header(binary)
        return
    passed, failed, skipped = 0, [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, said in pool.map(lambda h: (h, reads(binary, h)), HEADERS):
            skipped += said is None
            passed += said == ""
            failed += ["<%s>: %s" % (header, said)] if said else []
    with tempfile.TemporaryDirectory() as folder:
        for wrong in [layouts(binary, folder)] + [refused(binary, folder, *r) for r in REFUSED]:
            passed += not wrong
            failed += wrong
    for line in failed:
        print("FAIL " + re.sub(r"\n.*", "", line, flags=re.S))
    print("%d passed, %d failed, %d skipped" % (passed, len(failed), skipped))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
