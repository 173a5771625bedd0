#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs at the limits. Each must print the wanted output, or be refused by an error about D with
a place; the verifier never refuses a program (rule 1 of docs/architecture.md).

Usage: limits.py DTRACE [NAME …]. Ends with 'N passed, N failed, N skipped'.
"""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

PLACE = r"limit.d:\d+:\d+: "
CASES = []


def case(name, prog, out=None, err=None, args=()):
    """out: standard output; err: a regular expression for the error."""
    CASES.append((name, prog, out, err, list(args)))


def begin(name, body, out=None, err=None, args=(), head=""):
    case(name, "%s BEGIN {\n%s\n} BEGIN { exit(0); }" % (head, body), out, err, args)


def nested(n, form, leaf):
    for _ in range(n):
        leaf = form % leaf
    return leaf


DEEP = PLACE + ".*nested too deeply"

# ---- Expressions ------------------------------------------------------------------------------
begin("a sum of 1,000 terms", "x = 1; printf(\"%%d\", %s);" % " + ".join(["x"] * 1000), "1000")
begin("30 levels to the right", 'x = 1; printf("%%d", %s);' % nested(30, "(x + %s)", "x"), "31")
begin("95 levels to the right", 'x = 1; printf("%%d", %s);' % nested(95, "(x + %s)", "x"), "96")
begin("80 levels of ^^", 'x = 1; printf("%%d", %s);' % nested(80, "(x ^^ %s)", "x"), "1")
begin("40 levels of assignments", 'x = 1; y[1] = 1; printf("%%d", %s);' % nested(20, "(x += (y[1] = 1 + %s))", "x"),
      str(2**21 - 1))
begin("300 levels", 'x = 1; printf("%%d", %s);' % nested(300, "(x + %s)", "x"), err=PLACE + "nested more than 200 ")
begin("60 levels of ?:", 'x = 1; printf("%%d", %s);' % nested(60, "(x ? %s : 2)", "x"), "1")
begin("80 levels of &&", 'x = 1; printf("%%d", %s);' % nested(80, "(x && %s)", "x"), "1")
begin("40 levels of casts and negations", 'x = 1; printf("%%d", %s);' % nested(40, "(int8_t)-(%s)", "x"), "1")
begin("300 divisions", 'x = 7; printf("%%d", %s);' % " + ".join("100 / (x + %d)" % i for i in range(300)),
      str(sum(100 // (7 + i) for i in range(300))))
begin("nested ?: of strings", 'x = 5; printf("%%s", %s);' %
      nested(10, '(x-- ? %s : "no")', '"yes"'), "no")
begin("?: of strings in ?: of strings, both ways", 's = "a"; printf("%%s", %s);' %
      nested(6, '(s == "a" ? %s : strjoin(s, "z"))', '(s == "b" ? "b" : "c")'), "c")
begin("40 strjoins in one another", 's = "a"; printf("%%s", %s);' % nested(40, 'strjoin(s, %s)', 's'), "a" * 41)
begin("a comma list of 200", 'x = 0; y = (%s); printf("%%d", y);' % ", ".join(["x++"] * 200), "199")
begin("arrays as keys of arrays", 'a[1] = 1; printf("%%d", %s);' % nested(3, "a[%s]", "1"), "1")
begin("12 arrays deep", 'a[1] = 1; printf("%%d", %s);' % nested(12, "a[%s]", "1"), "1")
begin("60 arrays deep", 'a[1] = 1; printf("%%d", %s);' % nested(60, "a[%s]", "1"), err=DEEP)
begin("arrays of 32 KB in every scope", 'i = 32767; this->b[i] = 1; this->b[i]++; self->c[i] = 2; self->c[i]++; '
      'd[1][i] = 3; d[1][i]++; e[32 * i]++; printf("%d %d %d %d", this->b[i], self->c[i], d[1][i], e[32 * i]);',
      "2 3 4 1", head="this char b[32768]; self char c[32768]; char d[int][32768]; char e[1048576];")

# ---- How many ------------------------------------------------------------------------------------
begin("500 globals", " ".join("g%d = %d;" % (i, i) for i in range(500)) +
      ' printf("%%d", %s);' % " + ".join("g%d" % i for i in range(500)), str(sum(range(500))))
begin("500 this-> variables", " ".join("this->v%d = %d;" % (i, i) for i in range(500)) +
      ' printf("%%d", %s);' % " + ".join("this->v%d" % i for i in range(500)), str(sum(range(500))))
begin("500 self-> variables", " ".join("self->v%d = %d;" % (i, i) for i in range(500)) +
      ' printf("%d", self->v499);', "499")
begin("60 strings of every scope", " ".join('s%d = "s"; self->s%d = s%d; this->s%d = self->s%d;' %
                                            ((i,) * 5) for i in range(60)) + ' printf("%s", this->s59);', "s")
begin("200 arrays", " ".join("a%d[%d] = %d;" % (i, i, i) for i in range(200)) +
      ' printf("%d", a199[199]);', "199")
begin("200 aggregations", " ".join("@a%d = sum(%d);" % (i, i) for i in range(200)) +
      ' printa("%@d", @a199); ' + " ".join("trunc(@a%d);" % i for i in range(200)), "199")
begin("100 aggregations with keys", " ".join("@a%d[%d, execname] = quantize(%d);" % (i, i, i) for i in range(100)) +
      ' clear(@a1);' + " ".join("trunc(@a%d);" % i for i in range(100)), "")
case("100 clauses of one probe", "".join("BEGIN { x += %d; }" % i for i in range(100)) +
     'BEGIN { printf("%d", x); exit(0); }', str(sum(range(100))))
case("240 clauses of one probe", "".join("BEGIN { x += %d; }" % i for i in range(240)) +
     'BEGIN { printf("%d", x); exit(0); }', str(sum(range(240))))
case("600 clauses of one probe", "".join("BEGIN { x += %d; }\n" % i for i in range(600)) +
     'BEGIN { printf("%d", x); exit(0); }', str(sum(range(600))))
case("100 clauses with strings and ERROR", "string s; int z; int n;" + "".join('BEGIN { s = strjoin(s, "x"); y = 1 / z; }' for i in range(100)) +
     'ERROR { n++; } BEGIN { printf("%d %d", strlen(s), n); exit(0); }', "100 100")
begin("300 statements", " ".join("x++; @[x] = count();" for i in range(300)) + ' trunc(@); printf("%d", x);', "300")
begin("2,000 statements", " ".join("x++;" for i in range(2000)) + ' printf("%d", x);', "2000")
begin("500 printf in one clause", "x = 0; " + " ".join('printf("%d", x);' for i in range(500)), "0" * 500)
begin("100 printf of strings in one clause", 's = "ab"; ' + " ".join('printf("%s", s);' for i in range(100)), "ab" * 100)
begin("60 ifs in one another", 'x = 1; ' + nested(60, "if (x) { %s }", 'printf("in");'), "in")
begin("100 ifs with else", " ".join('if (x++ %% 2) { printf("a"); } else { printf("b"); }' % () for i in range(100)),
      "ba" * 50)

# ---- Tuples, strings, copies --------------------------------------------------------------------
begin("a tuple of 40 numbers", 'a[%s] = 7; printf("%%d", a[%s]);' %
      ((", ".join(str(i) for i in range(40)),) * 2), "7")
begin("a tuple of 20 strings", 's = "k"; a[%s] = 7; printf("%%d", a[%s]);' % ((", ".join(["s"] * 20),) * 2), "7")
begin("an array with 600 keys", "a[%s] = 1;" % ", ".join(["1"] * 600), err=PLACE + "600 keys have at least 4808 bytes")
begin("an aggregation with 600 keys", "@[%s] = count();" % ", ".join(["1"] * 600), err=PLACE + "600 keys have")
begin("an aggregation with 500 keys", '@[%s] = count(); trunc(@); printf("ok");' % ", ".join(["1"] * 500), "ok")
begin("a key of numbers, strings and stacks",
      '@[1, execname, stack(), ustack(5), 2, probefunc, sym(0), usym(0)] = sum(3); trunc(@); printf("ok");', "ok")
for size in (8, 9, 255, 1000, 2048, 4095, 4096):
    begin("strings of %d bytes" % size,
          's = execname; this->t = strjoin(s, "x"); self->u = substr(this->t, 1); a[self->u, s] = this->t; '
          '@[s, self->u] = count(); trunc(@); printf("%d %s", strlen(a[self->u, s]), a[self->u, s] < s ? s : "ok");',
          args=["-x", "strsize=%d" % size], out="/[78] ok/")
begin("strings of 64 KB", "", err=r"strsize", args=["-x", "strsize=64k"])
begin("20 strings of 4 KB in one statement", 's = "a"; printf("%%s", %s);' % nested(20, "strjoin(s, %s)", "s"),
      "a" * 21, args=["-x", "strsize=4096"])
begin("copyin of 60,000 bytes", 'this->p = (char *)copyin(0, 60000); printf("%d", *this->p);', err=None, out="")
begin("copyin of 1 MB", 'this->p = (char *)copyin(0, 1048576); printf("%d", *this->p);', err=None, out="")
begin("10 copyins of 10,000 bytes", "x = 0; " + " ".join('if (x) { this->p = (char *)copyin(0, 10000); }' for i in range(10)), "")
begin("a printf of 64 arguments", 'printf("%s", %s);' % ("%d" * 64, ", ".join(str(i % 10) for i in range(64))),
      "".join(str(i % 10) for i in range(64)))
begin("quantize, lquantize of 1,000 levels", '@a = quantize(5); @b = lquantize(5, 0, 1000, 1); trunc(@a); trunc(@b);', "")
begin("lquantize of 65,535 levels", '@b = lquantize(5, 0, 65535, 1); trunc(@b);', "")
begin("lquantize of 1,600 levels with a key", '@b[1] = lquantize(5, 0, 1600, 1); trunc(@b);', "")
begin("lquantize of 2,000 levels with a key", '@b[1] = lquantize(5, 0, 2000, 1); trunc(@b);',
      err=PLACE + "@b has keys: lquantize.. can have at most 1697 steps")
begin("lquantize of 1,600 levels with long keys", '@b[%s] = lquantize(5, 0, 1600, 1); trunc(@b);' %
      ", ".join(["execname"] * 20), "")

# ---- Built-in variables ----------------------------------------------------------------------------
BUILTINS = ("pid tid ppid uid gid cpu timestamp vtimestamp walltimestamp id epid errno caller ucaller "
            "arg0 arg1 arg2 arg3 arg4 arg5 arg6 arg7 arg8 arg9").split()
EVERY = " && ".join("(%s || 1)" % b for b in BUILTINS) + ' && curthread && ' + \
    " && ".join('%s != "no"' % b for b in ("execname", "probeprov", "probemod", "probefunc", "probename"))
for probe in ("BEGIN", "tick-10ms", "profile-97", "syscall::write:entry", "syscall::read:return",
              "syscall:::entry", "sdt:::sched_switch"):
    case("every built-in variable in the predicate of " + probe,
         "%s /%s/ { exit(0); } tick-1s /n++ > 8/ { exit(3); }" % (probe, EVERY), "")
    case("stacks in " + probe, "%s { stack(); ustack(); @[stack(), ustack(), caller, ucaller] = count(); "
         "exit(0); } END { trunc(@); } tick-1s /n++ > 8/ { exit(3); }" % probe)


def run(dtrace, prog, args):
    with tempfile.TemporaryDirectory(prefix="usdtkit-limits-") as folder:
        with open(os.path.join(folder, "limit.d"), "w") as f:
            f.write(prog)
        p = subprocess.run([dtrace, "-q"] + args + ["-s", "limit.d"], cwd=folder, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def check(dtrace, prog, out, err, args):
    """The error, or None."""
    try:
        status, got, said = run(dtrace, prog, args)
    except subprocess.TimeoutExpired:
        return "no end after 120 s"
    said = re.sub(r"^(.{200}).*", r"\1", said, flags=re.M)
    if "bug of ours" in said or "refused" in said or "internal error" in said:
        return "not loaded: " + said[:1500]
    if err is not None:
        return None if re.search(err, said) or (not said and re.search(err, "")) else "said: %s" % said[:600]
    if status or re.search(r"^dtrace: (?!error on enabled|\d+ profile drop)", said, re.M):
        return "status %d, said: %s" % (status, said[:600])
    if out is None or (out[:1] == "/" and re.search(out[1:-1], got)) or got.strip("\n") == out:
        return None
    return "printed %s, not %s" % (got[:200], out[:200])


def system_calls():
    """Reads and writes for ever: a quiet machine has few such calls to trace."""
    with open("/dev/zero", "rb", buffering=0) as zero, open("/dev/null", "wb", buffering=0) as null:
        while True:
            null.write(zero.read(1))
            time.sleep(0.02)


def main():
    dtrace = os.path.abspath(sys.argv[1])
    threading.Thread(target=system_calls, daemon=True).start()
    count = [0, 0]
    for name, prog, out, err, args in CASES:
        if sys.argv[2:] and not any(a in name for a in sys.argv[2:]):
            continue
        bad = check(dtrace, prog, out, err, args)
        count[bad is not None] += 1
        if bad is not None:
            print("FAIL %s: %s" % (name, bad), flush=True)
    print("%d passed, %d failed, 0 skipped" % tuple(count))
    sys.exit(count[1] > 0)


main()
