# SPDX-License-Identifier: BSD-2-Clause
"""Probe sites: what they leave alone, what code they add, who else reads them."""
import difflib
import os
import re
import shutil
import sys

from lib import DTRACE, FOLDER, HERE, Skip, build_app, dtrace, main, must, sh

INCLUDE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "include")
LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os")
COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
LEAF = 'sites$target:::leaf { @ = count(); } END { printa("%@d ", @); }'
COMPILED = 'sites$target:::compiled { @b = sum(arg0); } END { printa("%@d\\n", @b); }'
FUNCTIONS = """
#include <usdt/sdt.h>
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


def path(name):
    return os.path.join(FOLDER, name)


def written(name, text):
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def traced(app, hits, *programs):
    out = path("sites.out")
    if os.path.exists(out):
        os.unlink(out)
    programs = [w for text in programs or (LEAF, COMPILED) for w in ("-n", text)]
    p = dtrace("-q", *programs, "-c", "%s %d" % (app, hits), "-o", out)
    assert p.returncode == 0 and not p.stderr, p.stderr
    return p.stdout.strip(), open(out).read().split()


def test_traced_or_not_a_site_changes_nothing():
    n = 10000
    for name, flags in (("sites", ()), ("sites-plain", ("-DUSDT_PLAIN_NOP",))):
        app = path(name)
        must("gcc", "-O2", "-I", INCLUDE, *flags, "-o", app, os.path.join(HERE, "sites.c"))
        assert must(app, str(n)) == "%d hits, 0 changed\n" % n
        said, seen = traced(app, n)
        assert said == "%d hits, 0 changed" % n and seen == [str(n), str(n * (n - 1) // 2)], (said, seen)


def test_clang_keeps_its_red_zone():
    if "clang" not in COMPILERS:
        raise Skip("no clang")
    app = path("sites-clang")
    must("clang", "-O2", "-I", INCLUDE, "-o", app, os.path.join(HERE, "sites.c"))
    said, seen = traced(app, 10000, COMPILED)
    assert said == "10000 hits, 0 changed" and seen == ["49995000"], (said, seen)


def test_the_comparison_would_see_a_red_zone_overwritten():
    """A 5-byte nop, which this kernel turns into a call, must be found out."""
    os.makedirs(path("five/usdt"), exist_ok=True)
    with open(os.path.join(INCLUDE, "usdt/sdt.h")) as f:
        text, n = re.subn(r"nop\\n\\t\.byte 0x66[0-9a-fx,]*", ".byte 0x0f,0x1f,0x44,0,0", f.read())
    assert n == 1
    written("five/usdt/sdt.h", text)
    must("gcc", "-O2", "-I", path("five"), "-o", path("sites-five"), os.path.join(HERE, "sites.c"))
    must(path("sites-five"), "100")
    said = traced(path("sites-five"), 100)[0]
    if said == "100 hits, 0 changed":
        raise Skip("this kernel does not turn a 5-byte nop into a call")
    assert re.match(r"100 hits, [1-9]\d* changed$", said), said


def code(compiler, flags, *more):
    """Instructions by function: no addresses, no nops; of jumps just that they are."""
    out = path("code.o")
    must(compiler, *flags, *more, "-I", INCLUDE, "-c", written("code.c", FUNCTIONS), "-o", out)
    functions, name = {}, None
    for line in must("objdump", "-d", "--no-show-raw-insn", out).splitlines():
        start = re.match(r"[0-9a-f]+ <(\w+)>:$", line)
        if start:
            name = functions.setdefault(start.group(1), [])
            continue
        m = re.match(r"\s+[0-9a-f]+:\s+(.*)", line)
        if not m or name is None:
            continue
        insn = re.sub(r"\s+<.*|\s*#.*", "", m.group(1)).strip()
        if re.match(r"(cs |data16 )*nop|xchg +%ax,%ax", insn):
            continue
        name.append(re.sub(r"^(j\w+|call)\s+.*", r"\1", insn))
    return functions


def added(with_probes, without, name):
    return [d for d in difflib.ndiff(without[name], with_probes[name]) if d[0] in "+-"]


def test_code_with_a_probe_is_code_without_and_a_nop():
    for compiler in COMPILERS:
        for level in LEVELS:
            flags = (level, "-fcf-protection=none")
            with_probes, without = code(compiler, flags), code(compiler, flags, "-DUSDT_DISABLE")
            diff = added(with_probes, without, "plain")
            # clang puts an argument into memory where a constraint allows memory at all; at -O0 it
            # takes it from memory first, and jumps to the next line for each do { } while (0).
            stores = [d for d in diff if re.match(r"\+ mov.*\(%r[sb]p\)|- jmp", d)]
            assert diff == (stores if compiler == "clang" else []), (compiler, level, diff)


def test_a_guard_is_one_load_and_one_branch():
    for compiler in COMPILERS:
        for level in LEVELS:
            flags = (level, "-fcf-protection=none")
            with_probes, without = code(compiler, flags), code(compiler, flags, "-DUSDT_DISABLE")
            # What the function has already is its end once more, behind the probe: it runs once.
            diff = [d[2:] for d in added(with_probes, without, "guarded")
                    if d[2:] not in without["guarded"] and "(%rsp)" not in d]
            kinds = sorted("branch" if d[0] == "j" else "load" if "(%rip)" in d else d.split()[0] for d in diff
                           if d != "jmp" and not (level == "-O0" and "(%rbp)" in d))
            if level == "-O0":   # conditions are spelt out
                assert kinds.count("branch") == 1 and kinds.count("load") == 1, (compiler, level, diff)
                continue
            assert kinds in (["branch", "load"], ["branch", "load", "test"]), (compiler, level, diff)


def test_link_time_optimisation_adds_nothing_either():
    for compiler in COMPILERS:
        lto = ("-O2", "-flto", "-fcf-protection=none")
        user = written("user.c", "int plain(int, int); int main(int c, char **v) { return plain(c, c + (v != 0)); }")
        seen = []
        for flags in ((), ("-DUSDT_DISABLE",)):
            p = sh(compiler, *lto, *flags, "-I", INCLUDE, written("code.c", FUNCTIONS), user, "-o", path("lto"))
            if p.returncode:
                raise Skip("%s -flto does not link here" % compiler)
            text = must("objdump", "-d", "--no-show-raw-insn", path("lto"))
            body = re.search(r"<main>:\n(.*?)\n\n", text + "\n\n", re.S).group(1)
            seen.append([re.sub(r"\s+<.*|\s*#.*", "", line.split("\t", 1)[1]).strip()
                         for line in body.splitlines() if "\t" in line and not re.search(r"nop|xchg +%ax", line)])
        extra = [d for d in difflib.ndiff(seen[1], seen[0]) if d[0] in "+-" and "(%rsp)" not in d]
        assert not extra, (compiler, extra)


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


def test_systemtap_lists_our_probes():
    app = build_app()
    p = tool("stap", "-l", 'process("%s").mark("*")' % app)
    if "/build/.config" in p.stderr:
        raise Skip("stap wants the build folder of the kernel that runs")
    assert 'mark("hit")' in p.stdout, p.stdout + p.stderr


main(sys.modules[__name__])
