# SPDX-License-Identifier: BSD-2-Clause
"""Probe sites change no registers and memory, add little code, and are read by other tools."""
import concurrent.futures
import difflib
import functools
import os
import re
import shutil
import sys

from lib import DTRACE, FOLDER, HERE, Skip, build_app, dtrace, main, must, sh

INCLUDE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "include")
LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os")
LTO_LEVELS = LEVELS[:4]
COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
LEAF = 'sites$target:::leaf { @ = count(); } END { printa("%@d ", @); }'
COMPILED = 'sites$target:::compiled { @b = sum(arg0); } END { printa("%@d\\n", @b); }'
# With probes; without (USDT_DISABLE); with empty asm statements that have a probe's operands.
VARIANTS = ((), ("-DUSDT_DISABLE",), ("-DOPERANDS",))
FUNCTIONS = """
#include <usdt/sdt.h>
#ifdef OPERANDS
#undef USDT_SITE_
#undef USDT_SEM_SITE_
#define DEMAND_(args) DEMAND args
#define DEMAND(a, b) __asm__ volatile("" : : "nor"(a), "nor"(b))
#define USDT_SITE_(p, f, n, args) do { DEMAND_(args); } while (0)
#define USDT_SEM_SITE_(p, f, sem, n, args) \\
	do { DEMAND_(args); __asm__ volatile("" : : "m"(sem)); } while (0)
#endif
USDT_SEMAPHORE(code, guarded);
int plain(int a, int b) { int r = a * b; USDT_PROBE2(code, plain, a, b); return r + a; }
int guarded(int a, int b)
{
	if (USDT_ENABLED(code, guarded))
		USDT_SEM_PROBE2(code, guarded, a, b);
	return a - b;
}
long looped(const long *v, int n)
{
	long sum = 0;
	for (int i = 0; i < n; i++) {
		sum += v[i];
		USDT_PROBE2(code, looped, i, sum);
	}
	return sum;
}
"""
# Another file, so that only link-time optimisation can inline the functions.
USERS = """
#include <stdlib.h>
int plain(int, int), guarded(int, int);
long looped(const long *, int);
#define USER __attribute__((noinline, used))
USER int use_plain(int a, int b) { return plain(a, b); }
USER int use_guarded(int a, int b) { return guarded(a, b); }
USER long use_looped(const long *v, int n) { return looped(v, n); }
int main(int c, char **v)
{
	long values[2] = { c, v != 0 };
	return use_plain(c, rand()) + use_guarded(c, rand()) + (int)use_looped(values, c & 1);
}
"""


def path(name):
    return os.path.join(FOLDER, name)


def written(name, text):
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def each(function, items):
    """map(), two items at a time, because most of the time goes to compilers."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


# ---- What a site leaves alone ------------------------------------------------------------------

def build_sites(name, include, variants):
    """A program of sites.c, which is compiled for each (compiler, level, flags)."""
    names = ["_".join(re.findall(r"\w+", " ".join((c, level) + flags))) for c, level, flags in variants]

    def one(i):
        compiler, level, flags = variants[i]
        out = path("%s-%s.o" % (name, names[i]))
        must(compiler, level, *flags, "-DNAME=" + names[i], "-I", include, "-c", os.path.join(HERE, "sites.c"), "-o", out)
        return out
    objects = each(one, range(len(variants)))
    text = "#include <stdio.h>\n#include <stdlib.h>\n" + "".join("long %s(long);\n" % n for n in names)
    text += "int main(int c, char **v)\n{\n\tlong n = atol(v[c - 1]);\n"
    text += "".join('\tprintf("%s: %%ld hits, %%ld changed\\n", n, %s(n));\n' % (n, n) for n in names) + "}\n"
    must("gcc", "-o", path(name), written(name + "-main.c", text), *objects)
    return path(name), "\n".join("%s: %%d hits, 0 changed" % n for n in names)


def traced(app, hits):
    out = path("sites.out")
    if os.path.exists(out):
        os.unlink(out)
    p = dtrace("-q", "-n", LEAF, "-n", COMPILED, "-c", "%s %d" % (app, hits), "-o", out)
    assert p.returncode == 0 and not p.stderr, p.stderr
    return p.stdout.strip(), open(out).read().split()


def test_traced_or_not_a_site_changes_nothing():
    """Registers, flags, vectors, red zone; both compilers, all levels, both forms of nop."""
    n = 10000
    variants = [(c, level, flags) for c in COMPILERS for level in LEVELS for flags in ((), ("-DUSDT_PLAIN_NOP",))]
    app, want = build_sites("sites", INCLUDE, variants)
    want %= (n,) * len(variants)
    assert must(app, str(n)).strip() == want
    said, seen = traced(app, n)
    assert said == want, said
    assert seen == [str(n * len(variants)), str(n * (n - 1) // 2 * len(variants))], seen


def test_the_comparison_would_see_a_red_zone_overwritten():
    """A 5-byte nop, which this kernel turns into a call, must fail the comparison in all code."""
    os.makedirs(path("five/usdt"), exist_ok=True)
    with open(os.path.join(INCLUDE, "usdt/sdt.h")) as f:
        text, n = re.subn(r"nop\\n\\t\.byte 0x66[0-9a-fx,]*", ".byte 0x0f,0x1f,0x44,0,0", f.read())
    assert n == 1
    written("five/usdt/sdt.h", text)
    variants = [(c, level, ()) for c in COMPILERS for level in LTO_LEVELS]
    app, want = build_sites("sites-five", path("five"), variants)
    assert must(app, "100").strip() == want % ((100,) * len(variants))
    said = traced(app, 100)[0]
    if said == want % ((100,) * len(variants)):
        raise Skip("this kernel does not turn a 5-byte nop into a call")
    assert all(re.match(r"\w+: 100 hits, [1-9]\d* changed$", line) for line in said.split("\n")), said


# ---- What code a probe adds --------------------------------------------------------------------

def functions_of(file):
    """{function: instructions}, without addresses and nops; jumps without their targets."""
    functions, name = {}, None
    for line in must("objdump", "-d", "--no-show-raw-insn", file).splitlines():
        start = re.match(r"[0-9a-f]+ <(\w+)>:$", line)
        if start:
            name = functions.setdefault(start.group(1), [])
            continue
        m = re.match(r"\s+[0-9a-f]+:\s+(.*)", line)
        if not m or name is None:
            continue
        insn = re.sub(r"\s+<.*|\s*#.*", "", m.group(1)).strip()
        if re.match(r"(cs |data16 )*nop|xchg +%ax,%ax|int3", insn):   # int3: lld, between functions
            continue
        insn = re.sub(r"^(j\w+|call)\s+.*", r"\1", insn)
        name.append(re.sub(r"-?(0x)?[0-9a-f]+\(%rip\)", "(%rip)", insn))
    return functions


@functools.lru_cache(None)
def codes(compiler, lto):
    """{level: (with probes, without, with operands only)} of the object, or of a program (lto)."""
    levels = LTO_LEVELS if lto else LEVELS
    source, users = written("code.c", FUNCTIONS), written("users.c", USERS)

    def one(job):
        level, variant = job
        out = path("code%s%s%s" % (compiler, level, "".join(variant)))
        flags = (level, "-fcf-protection=none", *variant, "-I", INCLUDE)
        if not lto:
            must(compiler, *flags, "-c", source, "-o", out)
            return functions_of(out)
        p = sh(compiler, *flags, "-flto", *(("-fuse-ld=lld",) if compiler == "clang" else ()), source, users, "-o", out)
        if p.returncode:
            return None
        return {n: f for n, f in functions_of(out).items() if n.replace("use_", "") in ("plain", "guarded", "looped")}
    jobs = [(level, variant) for level in levels for variant in VARIANTS]
    found = each(one, jobs)
    if None in found:
        raise Skip("%s -flto does not link here" % compiler)
    return {level: found[i * 3:i * 3 + 3] for i, level in enumerate(levels)}


def each_code():
    """(where, level, compiler, with probes, without, operands only) for each comparison."""
    for compiler in COMPILERS:
        for lto in (False, True):
            for level, found in codes(compiler, lto).items():
                yield "%s %s%s" % (compiler, level, " -flto" if lto else ""), level, compiler, *found


def added(with_probes, without, name, frame=r"$^"):
    """Lines of ndiff that differ. Places in a frame that match `frame` count as equal."""
    old, new = ([re.sub(frame, "FRAME", insn) for insn in f[name]] for f in (without, with_probes))
    return [d for d in difflib.ndiff(old, new) if d[0] in "+-"]


def test_a_probe_is_its_operands_and_a_nop():
    """Compilers put the arguments of a probe into registers or memory: a loop that needs its sum for
    a probe in each turn is not vectorised. An empty asm statement with the same operands gives the
    same code, including loop and guard."""
    for where, _, _, probes, _, operands in each_code():
        names = {name.replace("use_", "") for name in probes}
        assert set(probes) == set(operands) and names == {"plain", "guarded", "looped"}, (where, set(probes))
        for name in probes:
            assert probes[name] == operands[name], (where, name, added(probes, operands, name))


def test_code_with_a_probe_is_code_without_and_a_nop():
    for where, level, compiler, probes, without, _ in each_code():
        for name in [n for n in probes if "plain" in n]:
            diff = added(probes, without, name, r"-0x[0-9a-f]+\(%rbp\)" if level == "-O0" else r"$^")
            # clang stores an argument wherever the constraint allows memory. At -O0 clang also
            # loads the argument first, and jumps to the next line for each do { } while (0).
            stores = [d for d in diff if re.match(r"\+ mov.*(\(%r[sb]p\)|FRAME)|- jmp", d)]
            assert diff == (stores if compiler == "clang" else []), (where, name, diff)


def test_a_guard_is_one_load_and_one_branch():
    for where, level, _, probes, without, _ in each_code():
        for name in [n for n in probes if "guarded" in n]:
            # Lines that `without` has too are a copy of the function's end, behind the probe.
            diff = [d[2:] for d in added(probes, without, name)
                    if d[2:] not in without[name] and "(%rsp)" not in d]
            kinds = sorted("branch" if d[0] == "j" else "load" if "(%rip)" in d else d.split()[0] for d in diff
                           if d != "jmp" and not (level == "-O0" and "(%rbp)" in d))
            if name == "use_guarded" and level in ("-O0", "-O1") and not kinds:
                continue    # guarded() is called, not inlined
            if level == "-O0":   # more instructions for a condition
                assert kinds.count("branch") == 1 and kinds.count("load") == 1, (where, name, diff)
                continue
            assert kinds in (["branch", "load"], ["branch", "load", "test"]), (where, name, diff)


# ---- Older tracers -----------------------------------------------------------------------------

def tool(name, *args, **kw):
    if not shutil.which(name):
        raise Skip("no " + name)
    return sh(name, *args, **kw)


def test_bpftrace_lists_and_traces_our_probes():
    app = build_app()
    p = tool("bpftrace", "-l", "usdt:%s:*" % app)
    assert "usdt:%s:app:hit" % app in p.stdout.split(), p.stdout + p.stderr
    p = tool("bpftrace", "-e", 'usdt:%s:app:hit { @s = sum(arg0); @n = count(); }' % app, "-c", app + " -n 100")
    assert re.search(r"@n: 100\b", p.stdout) and re.search(r"@s: 4950\b", p.stdout), p.stdout + p.stderr


def test_gdb_lists_and_stops_at_our_probes():
    app = build_app()
    p = tool("gdb", "-batch", "-nx", "-ex", "info probes stap app", app)
    assert re.search(r"\bapp +hit +0x[0-9a-f]+ ", p.stdout), p.stdout + p.stderr
    p = tool("gdb", "-batch", "-nx", "-ex", "break -probe-stap app:hit", "-ex", "run -n 1", "-ex",
             "print $_probe_argc", "-ex", "print $_probe_arg0", app)
    assert "$1 = 2\n" in p.stdout and "$2 = 0\n" in p.stdout, p.stdout + p.stderr


def test_perf_lists_our_probes():
    app = build_app()
    home = path("home")
    os.makedirs(home, exist_ok=True)
    env = dict(os.environ, HOME=home)
    p = tool("perf", "--buildid-dir", path("buildid"), "buildid-cache", "--add", app, env=env)
    if p.returncode:
        raise Skip("perf buildid-cache: " + p.stderr.strip().split("\n")[-1])
    p = tool("perf", "--buildid-dir", path("buildid"), "list", "sdt", env=env)
    if "sdt_" not in p.stdout:
        raise Skip("this perf lists no sdt events at all")
    assert "sdt_app:hit" in p.stdout, p.stdout + p.stderr


def test_tplist_lists_our_probes():
    app = build_app()
    name = next((n for n in ("tplist-bpfcc", "tplist") if shutil.which(n)), None)
    if not name:
        raise Skip("no tplist (bpfcc-tools)")
    p = sh(name, "-l", app)
    assert re.search(r"\bapp:hit\b", p.stdout), p.stdout + p.stderr


main(sys.modules[__name__])
