#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random D programs against an independent oracle: the same program in C, compiled by gcc -fwrapv.

Each program has clauses of statements over integers of every type, strings, variables and arrays of
every scope, associative arrays and aggregations. Each program is written in D and in C. The C text
does by hand what D leaves to the machine (the least number divided by -1, shifts by more bits than
the type has), and D's strings (at most strsize - 1 bytes). Division by zero is an ERROR and ends
the clause. The number of a program chooses how it runs:
  fold   in BEGIN, the inputs are literals: the compiler folds what it can
  vars   in BEGIN, the inputs are global variables
  usdt   in a probe of a process, which fires several times with different arguments
  tick   in tick-2ms, the inputs are global variables

Usage: differ.py [-n PROGRAMS] [-s SEED] [-k FOLDER] DTRACE. -k keeps failed programs in
FOLDER, made shorter. Ends with 'N passed, N failed, N skipped'; any refused program is a failure.
"""
import argparse
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, "..", "..", "include")
WAYS = ["fold", "vars", "usdt", "tick"]
TYPES = ["char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int",
         "long", "unsigned long", "long long", "unsigned long long", "int8_t", "uint8_t", "int16_t",
         "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t", "_Bool"]
EDGES = [0, 1, 2, 3, 5, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 32767, 32768, 65535, 65536,
         2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
# An interrupt cannot allocate map elements, and few are ready: these drops are allowed.
DROPS = r"dtrace: \d+ (dynamic variable|busy-map|profile) drops?"
WORDS = ["", "a", "b", "ab", "abc", "abd", "B", "hello", "hello world", "\\377", "\\001z", "/usr/bin/x",
         "0123456", "01234567", "012345678", "0123456789abcdef", "x" * 40, "y" * 70, "z" * 270]
ENUM = {"EA": 0, "EB": 3, "EC": -5, "ED": 100000}
INLINES = {"KA": "7", "KB": "(KA * 3 - 30)", "KC": "0x80000000", "KD": "(1ULL << 63)"}

PRELUDE = r"""
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { EA, EB = 3, EC = -5, ED = 100000 };
#define KA 7
#define KB (KA * 3 - 30)
#define KC 0x80000000
#define KD (1ULL << 63)
enum { MOST = 640, ELEMS = 512 };
typedef struct { char s[MOST]; } str;
static jmp_buf fault;
static size_t strsize;
static char out[1 << 20];
static size_t nout;
#define P(...) (nout += (size_t)sprintf(out + nout, __VA_ARGS__))
#define OPERANDS(a, b) __auto_type l_ = (a); __auto_type r_ = (b)
#define DIVIDE(a, b, op, least) ({ OPERANDS(a, b); __typeof__(l_ + r_) x_ = l_, y_ = r_, z_; \
	if (!y_) longjmp(fault, 4); \
	if ((__typeof__(x_))-1 < 1 && y_ == (__typeof__(x_))-1) z_ = least; else z_ = x_ op y_; z_; })
#define DIV(a, b) DIVIDE(a, b, /, 0 - x_)
#define MOD(a, b) DIVIDE(a, b, %, 0)
#define SHIFT(a, b, op) ({ OPERANDS(a, b); __typeof__(+l_) x_ = l_; \
	(__typeof__(x_))(x_ op ((int)r_ & (int)(8 * sizeof(x_) - 1))); })
#define SHL(a, b) SHIFT(a, b, <<)
#define SHR(a, b) SHIFT(a, b, >>)
static str cut(const char *s, size_t n)
{
	str r = { { 0 } };
	size_t len = strlen(s);

	n = n < strsize - 1 ? n : strsize - 1;
	memcpy(r.s, s, len < n ? len : n);
	return r;
}
static str lit(const char *s) { return cut(s, MOST); }
static str join(str a, str b)
{
	char s[2 * MOST];

	strcat(strcpy(s, a.s), b.s);
	return lit(s);
}
/* pos < 0: from the end; len < 0: so many are left off there */
static str sub3(str a, int64_t pos, int64_t len)
{
	__int128 have = (__int128)strlen(a.s), from = pos < 0 ? pos + have : pos, n = len;

	if (from < 0 && n > 0) {	/* begins before the string */
		n += from;
		if (n <= 0)
			return lit("");
		from = 0;
	}
	if (from < 0 || from >= have)
		return lit("");
	if (n < 0)
		n += have - from;
	return n <= 0 ? lit("") : cut(a.s + from, n > have ? MOST : (size_t)n);
}
static str sub2(str a, int64_t pos) { return sub3(a, pos, INT64_MAX); }
static int cmp(str a, str b) { return strcmp(a.s, b.s); }
static long slen(str a) { return (long)strlen(a.s); }
static struct elem { int array; size_t n; char *key; str value; } elems[ELEMS];
static size_t nelems;
static size_t key_int(char *k, size_t n, int64_t v) { memcpy(k + n, &v, 8); return n + 8; }
static size_t key_str(char *k, size_t n, str v) { strcpy(k + n, v.s); return n + strlen(v.s) + 1; }
static void *elem(int array, const char *key, size_t n)
{
	struct elem *e = elems;

	for (; e < elems + nelems; e++)
		if (e->array == array && e->n == n && !memcmp(e->key, key, n))
			return e->value.s;
	if (nelems++ == ELEMS)
		abort();
	*e = (struct elem){ array, n, memcpy(malloc(n), key, n), { { 0 } } };
	return e->value.s;
}
static struct agg { int id; char key[2 * MOST]; int64_t n, sum, least, most; } aggs[ELEMS];
static size_t naggs;
static void aggregate(int id, const char *key, int64_t v)
{
	struct agg *a = aggs;

	while (a < aggs + naggs && (a->id != id || strcmp(a->key, key)))
		a++;
	if (a == aggs + naggs) {
		if (naggs++ == ELEMS)
			abort();
		*a = (struct agg){ .id = id, .least = v, .most = v };
		strcpy(a->key, key);
	}
	a->n++;
	a->sum += v;
	a->least = v < a->least ? v : a->least;
	a->most = v > a->most ? v : a->most;
}
static void printa(int id, char func)	/* the function's last letter */
{
	for (struct agg *a = aggs; a < aggs + naggs; a++)
		if (a->id == id)
			P("A%d%s %lld\n", id, a->key, (long long)(func == 't' ? a->n : func == 'm' ? a->sum :
			  func == 'n' ? a->least : func == 'x' ? a->most : a->sum / a->n));
}
#define CLAUSE(pred, ...) do { size_t from_ = nout; int f_ = setjmp(fault); \
	if (f_) { nout = from_; P("E %d\n", f_); } else if (pred) { __VA_ARGS__ } } while (0)
"""

TARGET = r"""
#include <usdt/sdt.h>
#include <stdint.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	for (int i = 1; i + 9 < argc; i += 10) {
		int64_t a[8];

		for (int k = 0; k < 8; k++)
			a[k] = (int64_t)strtoull(argv[i + k], 0, 10);
		USDT_PROBE10(differ, go, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], argv[i + 8],
			     argv[i + 9]);
	}
	return 0;
}
"""


def c_unescape(s):
    return re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), s)


class Var:
    def __init__(self, d, c, typ, declared=None, array=None, size=0):
        self.d, self.c, self.typ, self.declared, self.array = d, c, typ, declared, array
        self.size = size	# elements of a scalar array: a power of two


class Program:
    """One random program: self.clauses are (D text, C text) of whole clauses."""

    def __init__(self, seed, number):
        self.r = random.Random("%s/%d" % (seed, number))
        self.number = number
        self.way = WAYS[number % len(WAYS)]
        self.strsize = self.r.choice([256, 256, 256, 8, 9, 15, 16, 17, 64, 100, 250, 300, 500])
        self.used = set()	# variables this statement has touched
        self.effects = False	# may this statement have side effects? Else it may fault.
        self.k = 0
        self.make()

    # ---- Expressions: each returns (D, C) --------------------------------------------------

    def pick(self, *weighted):
        total = sum(w for w, _ in weighted)
        at = self.r.uniform(0, total)
        for w, f in weighted:
            at -= w
            if at <= 0:
                return f()
        return weighted[-1][1]()

    def both(self, text):
        return text, text

    def literal(self):
        v = self.r.choice(EDGES) if self.r.random() < 0.7 else self.r.getrandbits(self.r.randrange(1, 65))
        form = self.r.randrange(6)
        if form == 0:
            return self.both("'%s'" % self.r.choice("aZ0~"))
        suffix = self.r.choice(["", "", "", "U", "L", "UL", "LL", "ULL"])
        if v >= 2**63 and "U" not in suffix:
            suffix = "U" + suffix
        text = ["%d", "%d", "0x%x", "0%o", "%d"][form - 1] % v + suffix
        return self.both("(-%s)" % text if self.r.random() < 0.2 and v < 2**63 else text)

    def arg(self):
        n = self.r.randrange(8)
        if self.r.random() < 0.5:
            return "arg%d" % n, "A[%d]" % n
        t = self.r.choice(TYPES)
        return "((%s)arg%d)" % (t, n), "((%s)A[%d])" % (t, n)

    def name(self):
        return self.both(self.r.choice(list(ENUM) + list(INLINES) + ["sizeof(%s)" % t for t in TYPES]))

    def place(self, v, depth):
        """The lvalue of a variable or an element, whose keys have no side effects."""
        if v.array is None and not v.size:
            return v.d, v.c
        keep, self.effects = self.effects, False
        keep_fault, self.faults = self.faults, False
        if v.size:
            d, c = self.integer(min(depth, 2)) if self.r.random() < 0.5 else self.both(str(self.r.getrandbits(8)))
            self.effects, self.faults = keep, keep_fault
            return tuple("%s[(%s) & %d]" % (name, i, v.size - 1) for name, i in ((v.d, d), (v.c, c)))
        ds, cs = [], "({ char k_[8192]; size_t n_ = 0;"
        for t in v.array[1]:
            if t == "string":
                d, c = self.string(min(depth, 1))
                cs += " n_ = key_str(k_, n_, %s);" % c
            else:
                d, c = self.integer(min(depth, 2)) if self.r.random() < 0.2 else self.pick(
                    (1, self.name), (3, lambda: self.both(str(self.r.randrange(4)))))
                cs += " n_ = key_int(k_, n_, (%s)(%s));" % (t, c)
            ds.append(d)
        self.effects, self.faults = keep, keep_fault
        ctype = "str" if v.typ == "string" else v.typ
        return ("%s[%s]" % (v.d, ", ".join(ds)),
                "(*({%s (%s *)elem(%d, k_, n_); }))" % (cs[2:], ctype, v.array[0]))

    def var(self, string, depth, change=False):
        """(variable, D, C) of a variable that the statement may use (change: assign), or None."""
        some = [v for v in self.vars if (v.typ == "string") == string and
                (v.d not in self.changed and not (change and v.d in self.used))]
        if not some:
            return None
        v = self.r.choice(some)
        self.used.add(v.d)
        if change:
            self.changed.add(v.d)
        return (v,) + self.place(v, depth)

    def read(self, depth):
        found = self.var(False, depth)
        return found[1:] if found else self.literal()

    def change(self, depth):
        found = self.var(False, depth, True) if self.effects else None
        if not found:
            return self.read(depth)
        _, d, c = found
        if self.r.random() < 0.3:
            return self.both_of(self.r.choice(["%s++", "%s--", "++%s", "--%s"]), d, c)
        rd, rc = self.integer(depth - 1)
        op = self.r.choice(["", "", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
        if op in ("/", "%"):
            rd, rc = "(%s | 1)" % rd, "((%s) | 1)" % rc
        return "(%s %s= %s)" % (d, op, rd), "(%s = %s)" % (c, self.c_op(op, c, "(%s)" % rc) if op else rc)

    def both_of(self, form, d, c):
        return "(" + form % d + ")", "(" + form % c + ")"

    def c_op(self, op, a, b):
        macro = {"/": "DIV", "%": "MOD", "<<": "SHL", ">>": "SHR"}.get(op)
        return "%s(%s, %s)" % (macro, a, b) if macro else "%s %s %s" % (a, op, b)

    def binary(self, depth):
        op = self.r.choice(["+", "-", "*", "&", "|", "^", "+", "-", "*", "==", "!=", "<", "<=", ">", ">=",
                            "/", "%", "/", "%", "<<", ">>", "<<", ">>"])
        (ad, ac), (bd, bc) = self.integer(depth - 1), self.integer(depth - 1)
        if op in ("/", "%"):
            if self.faults:
                bd, bc = "(%s + zero)" % bd, "((%s) + zero)" % bc
            else:
                bd, bc = "(%s | 1)" % bd, "((%s) | 1)" % bc
        if op in ("<<", ">>", "/", "%"):
            return "((%s) %s (%s))" % (ad, op, bd), self.c_op(op, "(%s)" % ac, "(%s)" % bc)
        if self.r.random() < 0.3:	# the parser's precedence
            return "%s %s %s" % (ad, op, bd), "%s %s %s" % (ac, op, bc)
        return "((%s) %s (%s))" % (ad, op, bd), "((%s) %s (%s))" % (ac, op, bc)

    def logical(self, depth):
        op = self.r.choice(["&&", "||", "^^"])
        (ad, ac), (bd, bc) = self.integer(depth - 1), self.integer(depth - 1)
        if op == "^^":
            return "((%s) ^^ (%s))" % (ad, bd), "(!(%s) ^ !(%s))" % (ac, bc)
        return "((%s) %s (%s))" % (ad, op, bd), "((%s) %s (%s))" % (ac, op, bc)

    def unary(self, depth):
        d, c = self.integer(depth - 1)
        op = self.r.choice(["-", "~", "!", "+"])
        return "%s (%s)" % (op, d), "%s (%s)" % (op, c)

    def cast(self, depth):
        d, c = self.integer(depth - 1)
        t = self.r.choice(TYPES)
        return "(%s)(%s)" % (t, d), "(%s)(%s)" % (t, c)

    def cond(self, depth):
        (ad, ac), (bd, bc), (cd, cc) = (self.integer(depth - 1) for _ in range(3))
        return "((%s) ? (%s) : (%s))" % (ad, bd, cd), "((%s) ? (%s) : (%s))" % (ac, bc, cc)

    def comma(self, depth):
        (ad, ac), (bd, bc) = self.integer(depth - 1), self.integer(depth - 1)
        return "((%s), (%s))" % (ad, bd), "((%s), (%s))" % (ac, bc)

    def compare_strings(self, depth):
        (ad, ac), (bd, bc) = self.string(depth - 1), self.string(depth - 1)
        op = self.r.choice(["==", "!=", "<", "<=", ">", ">="])
        return "(%s %s %s)" % (ad, op, bd), "(cmp(%s, %s) %s 0)" % (ac, bc, op)

    def length(self, depth):
        d, c = self.string(depth - 1)
        return "strlen(%s)" % d, "((unsigned long)slen(%s))" % c

    def integer(self, depth):
        if depth <= 0:
            return self.pick((4, self.arg), (2, self.literal), (1, self.name), (4, lambda: self.read(0)))
        return self.pick((8, lambda: self.binary(depth)), (2, lambda: self.unary(depth)),
                         (2, lambda: self.cast(depth)), (2, lambda: self.logical(depth)),
                         (1.5, lambda: self.cond(depth)), (0.5, lambda: self.comma(depth)),
                         (0.7, lambda: self.compare_strings(depth)), (0.4, lambda: self.length(depth)),
                         (3, lambda: self.change(depth)), (3, lambda: self.integer(0)))

    # ---- Strings ------------------------------------------------------------------------------

    def word(self):
        w = self.r.choice(WORDS)
        return '"%s"' % w, 'lit("%s")' % w

    def string_arg(self):
        n = self.r.randrange(2)
        if self.r.random() < 0.7:
            return "copyinstr(arg%d)" % (n + 8), "lit(S[%d])" % n
        most = self.r.choice([0, 1, 3, 7, 8, 20, 300])
        return "copyinstr(arg%d, %d)" % (n + 8, most), "cut(S[%d], %d)" % (n, most)

    def string_read(self):
        found = self.var(True, 0)
        return found[1:] if found else self.word()

    def string_assign(self, depth):
        found = self.var(True, depth, True) if self.effects else None
        if not found:
            return self.string_read()
        d, c = self.string(depth - 1)
        return "(%s = %s)" % (found[1], d), "(%s = %s)" % (found[2], c)

    def strjoin(self, depth):
        (ad, ac), (bd, bc) = self.string(depth - 1), self.string(depth - 1)
        return "strjoin(%s, %s)" % (ad, bd), "join(%s, %s)" % (ac, bc)

    def substr(self, depth):
        d, c = self.string(depth - 1)
        small = lambda: self.both(str(self.r.randrange(-12, 13))) if self.r.random() < 0.8 else self.integer(1)
        pd, pc = small()
        if self.r.random() < 0.4:
            return "substr(%s, %s)" % (d, pd), "sub2(%s, %s)" % (c, pc)
        nd, nc = small()
        return "substr(%s, %s, %s)" % (d, pd, nd), "sub3(%s, %s, %s)" % (c, pc, nc)

    def string_cond(self, depth):
        (ad, ac), (bd, bc), (cd, cc) = self.integer(depth - 1), self.string(depth - 1), self.string(depth - 1)
        return "(%s ? %s : %s)" % (ad, bd, cd), "((%s) ? %s : %s)" % (ac, bc, cc)

    def string_comma(self, depth):
        (ad, ac), (bd, bc) = self.integer(depth - 1), self.string(depth - 1)
        return "(%s, %s)" % (ad, bd), "((%s), %s)" % (ac, bc)

    def stringof(self, depth):
        d, c = self.string(depth - 1)
        return self.r.choice(["stringof(%s)", "(string)%s"]) % d, c

    def string(self, depth):
        if depth <= 0:
            return self.pick((3, self.word), (2, self.string_arg), (3, self.string_read))
        return self.pick((3, lambda: self.strjoin(depth)), (3, lambda: self.substr(depth)),
                         (1.5, lambda: self.string_cond(depth)), (0.5, lambda: self.string_comma(depth)),
                         (1, lambda: self.stringof(depth)), (1, lambda: self.string_assign(depth)),
                         (2, lambda: self.string(0)))

    # ---- Statements ---------------------------------------------------------------------------

    def begin(self):
        self.used, self.changed = set(), set()
        self.effects = self.r.random() < 0.5
        self.faults = not self.effects and self.r.random() < 0.5

    def show_int(self):
        self.k += 1
        d, c = self.integer(self.r.randrange(1, 6))
        return ('printf("%d %%d\\n", (int64_t)(%s));' % (self.k, d),
                'P("%d %%lld\\n", (long long)(%s));' % (self.k, c))

    def show_string(self):
        self.k += 1
        d, c = self.string(self.r.randrange(1, 4))
        return 'printf("%d %%s\\n", %s);' % (self.k, d), 'P("%d %%s\\n", (%s).s);' % (self.k, c)

    def set_int(self):
        self.effects, self.faults = True, False
        d, c = self.change(self.r.randrange(1, 5))
        return d + ";", c + ";"

    def set_string(self):
        self.effects, self.faults = True, False
        d, c = self.string_assign(self.r.randrange(1, 4))
        return d + ";", c + ";"

    def fork(self, depth):
        d, c = self.integer(2)
        yes, no = self.statements(2, depth + 1), self.statements(1, depth + 1)
        return ("if (%s) { %s } else { %s }" % (d, " ".join(s[0] for s in yes), " ".join(s[0] for s in no)),
                "if (%s) { %s } else { %s }" % (c, " ".join(s[1] for s in yes), " ".join(s[1] for s in no)))

    def aggregate(self):
        n = self.r.randrange(len(self.aggs))
        func, keys = self.aggs[n]
        ds, cs = [], "char k_[2 * MOST]; size_t n_ = 0; k_[0] = 0;"
        for t in keys:
            if t == "string":
                d, c = self.string(1)
                cs += ' n_ += (size_t)sprintf(k_ + n_, " %%.200s", (%s).s);' % c
                d = "substr(%s, 0, 200)" % d
            else:
                d, c = ("(%s)((%s) & 3)" % (t, x) for x in self.integer(1))
                cs += ' n_ += (size_t)sprintf(k_ + n_, " %%d", (int)(%s));' % c
            ds.append(d)
        d, c = ("", "0") if func == "count" else self.integer(3)
        return ("@A%d%s = %s(%s);" % (n, "[%s]" % ", ".join(ds) if ds else "", func, d),
                "{ int64_t v_ = (int64_t)(%s); %s aggregate(%d, k_, v_); }" % (c, cs, n))

    def statement(self, depth):
        self.begin()
        return self.pick((6, self.show_int), (3, self.show_string), (4, self.set_int), (2, self.set_string),
                         (1 if depth < 2 else 0, lambda: self.fork(depth)), (2, self.aggregate))

    def statements(self, n, depth=0):
        return [self.statement(depth) for _ in range(n)]

    def clause(self):
        self.begin()
        self.effects = False
        pred = self.integer(2) if self.r.random() < 0.3 else None
        return pred, self.statements(self.r.randrange(2, 7))

    # ---- The whole ------------------------------------------------------------------------------

    def make(self):
        r = self.r
        self.vars = []
        for i in range(5):
            t = r.choice(TYPES)
            self.vars.append(Var("g%d" % i, "g%d" % i, t, "%s g%d;" % (t, i)))
        for i in range(3):
            t = r.choice(TYPES)
            self.vars.append(Var("self->v%d" % i, "self_v%d" % i, t, "self %s v%d;" % (t, i)))
            t = r.choice(TYPES)
            self.vars.append(Var("this->v%d" % i, "this_v%d" % i, t, "this %s v%d;" % (t, i)))
        for scope in ("", "self ", "this "):
            t, size = r.choice(TYPES), r.choice([1, 2, 8, 32])
            d = scope.strip() + "->m" if scope else "m"
            self.vars.append(Var(d, d.replace("->", "_"), t, "%s%s m[%d];" % (scope, t, size), size=size))
        for i, scope in enumerate(["", "self ", "this ", "", "this "]):
            d = scope.strip() + "->s%d" % i if scope else "s%d" % i
            self.vars.append(Var(d, d.replace("->", "_"), "string", "%sstring s%d;" % (scope, i)))
        for i in range(4):
            t = r.choice(TYPES + ["string"] * 8)
            keys = [r.choice(TYPES + ["string"] * 10) for _ in range(r.randrange(1, 4))]
            scope = r.choice(["", "", "self "])
            d = "self->a%d" % i if scope else "a%d" % i
            self.vars.append(Var(d, "?", t, "%s%s a%d[%s];" % (scope, t, i, ", ".join(keys)), (i, keys)))
        self.aggs = [(r.choice(["count", "sum", "min", "max", "avg"]),
                      [r.choice(TYPES[:-1] + ["string"] * 8) for _ in range(r.choice([0, 0, 1, 2, 3]))])
                     for _ in range(5)]
        self.rows = [[self.input() for _ in range(8)] + [r.choice(WORDS[:-3]), r.choice(WORDS[:-3])]
                     for _ in range(3 if self.way == "usdt" else 1)]
        self.clauses = [self.clause() for _ in range(r.randrange(1, 5))]

    def input(self):
        v = self.r.choice(EDGES) if self.r.random() < 0.6 else self.r.getrandbits(self.r.randrange(1, 65))
        v = -v if self.r.random() < 0.3 else v
        return (v + 2**63) % 2**64 - 2**63

    def substitute(self, text):
        """The text with each input as a literal, variable or argument, as this way has it."""
        def one(m):
            n = int(m.group(1))
            if self.way == "fold":
                v = self.rows[0][n]
                return '"%s"' % v if n > 7 else "((int64_t)(%s))" % (
                    "%dLL" % v if v > -2**63 else "-9223372036854775807LL - 1")
            return "in%d" % n
        if self.way == "usdt":
            return text
        text = re.sub(r"copyinstr\(arg([89])\)", one, text)
        text = re.sub(r"copyinstr\(arg([89]), (\d+)\)",
                      lambda m: "substr(%s, 0, %s)" % (one(m), m.group(2)), text)
        return re.sub(r"\barg([0-7])\b", one, text)

    def d_text(self, clauses=None):
        probe = {"usdt": "differ$target:::go", "tick": "tick-2ms"}.get(self.way, "BEGIN")
        text = ["#pragma D option strsize=%d" % self.strsize, "#pragma D option quiet",
                "enum e { EA, EB = 3, EC = -5, ED = 100000 };"]
        text += ["inline %s %s = %s;" % (t, k, v) for (k, v), t in
                 zip(INLINES.items(), ["int", "int", "uint32_t", "unsigned long long"])]
        text += ["int8_t zero;"] + [v.declared for v in self.vars]
        if self.way in ("vars", "tick"):
            text += ["int64_t in%d;" % i for i in range(8)] + ["string in8; string in9;"]
            text.append("BEGIN { %s }" % " ".join(
                ("in%d = %s;" % (n, '"%s"' % v if n > 7 else "%dLL" % v if v > -2**63 else
                                 "-9223372036854775807LL - 1"))
                for n, v in enumerate(self.rows[0])))
        for pred, body in clauses or self.clauses:
            text.append("%s %s{\n\t%s\n}" % (probe, "/%s/ " % pred[0] if pred else "",
                                            "\n\t".join(s[0] for s in body)))
        text = [self.substitute(t) for t in text]
        text.append('ERROR { printf("E %d\\n", arg4); }')
        body = " ".join(s[0] for _, body in clauses or self.clauses for s in body)
        text += ['END { printa("A%d%s %%@d\\n", @A%d); }'
                 % (n, "".join(" %s" if t == "string" else " %d" for t in keys), n)
                 for n, (_, keys) in enumerate(self.aggs) if "@A%d" % n in body]
        if self.way != "usdt":
            text.append("%s { exit(0); }" % probe)
        return "\n".join(text) + "\n"

    def c_text(self, clauses=None, name=None):
        decl = ["static int8_t zero;"]
        reset = []
        for v in self.vars:
            if v.array is not None:
                continue
            decl.append("static %s %s%s;" % ("str" if v.typ == "string" else v.typ, v.c,
                                            "[%d]" % v.size if v.size else ""))
            if v.c.startswith("this_"):
                reset.append("memset(&%s, 0, sizeof(%s));" % (v.c, v.c))
        rows = ["{ static const int64_t A[] = { %s }; static const char *const S[] = { \"%s\", \"%s\" };\n%s\n}"
                % (", ".join("%dLL" % v if v > -2**63 else "INT64_MIN" for v in row[:8]), row[8], row[9],
                   "\nfire();".join([""]) + self.c_body(clauses, reset))
                for row in self.rows]
        return ("static void %s(void)\n{\n%s\nstrsize = %d; nelems = naggs = nout = 0;\n%s\n%s\n}\n"
                % (name or "prog%d" % self.number, "\n".join(decl), self.strsize, "\n".join(rows),
                   "\n".join("printa(%d, '%s');" % (n, f[-1] if f != "avg" else "g")
                             for n, (f, _) in enumerate(self.aggs))))

    def c_body(self, clauses, reset):
        return "\n".join(reset) + "\n" + "\n".join(
            "CLAUSE(%s, %s);" % (pred[1] if pred else "1", "\n".join(s[1] for s in body))
            for pred, body in clauses or self.clauses)


# ---- Running --------------------------------------------------------------------------------------

class Runner:
    def __init__(self, dtrace, folder):
        self.dtrace, self.folder = dtrace, folder
        target = os.path.join(folder, "target")
        with open(target + ".c", "w") as f:
            f.write(TARGET)
        self.must("gcc", "-O1", "-I", INCLUDE, "-o", target, target + ".c")
        self.target = target

    def must(self, *args):
        p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode:
            raise SystemExit("%s:\n%s" % (" ".join(args), p.stdout.decode(errors="replace")[-3000:]))

    def oracle(self, name, texts):
        """{name: bytes}: the output of each C function."""
        path = os.path.join(self.folder, name)
        with open(path + ".c", "w") as f:
            f.write(PRELUDE + "\n".join(t for _, t in texts) + "int main(int argc, char **argv)\n{\n"
                    "(void)argc;\n" + "".join('if (!strcmp(argv[1], "%s")) %s();\n' % (n, n) for n, _ in texts)
                    + "fwrite(out, 1, nout, stdout);\nreturn 0;\n}\n")
        self.must("gcc", "-w", "-O0", "-fwrapv", "-fno-strict-aliasing", "-o", path, path + ".c")
        return {n: subprocess.run([path, n], stdout=subprocess.PIPE, check=True).stdout for n, _ in texts}

    def run(self, p, text):
        """The output, as bytes; a string: why there is no output; None: dtrace reported drops."""
        path = os.path.join(self.folder, "p%d.d" % p.number)
        with open(path, "w") as f:
            f.write(text)
        args = [self.dtrace, "-s", path]
        if p.way == "usdt":
            words = [str(w) if k < 8 else c_unescape(w) for row in p.rows for k, w in enumerate(row)]
            args += ["-c", self.target + " " + " ".join("'%s'" % w for w in words)]
        try:
            q = subprocess.run([a.encode("latin-1") for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, timeout=60)
        except subprocess.TimeoutExpired:
            return "no end after 60 s"
        err = [l for l in q.stderr.decode(errors="replace").split("\n")
               if l and not re.match(r"dtrace: error on enabled probe ID", l)]
        if p.way == "tick" and err and not q.returncode and all(re.match(DROPS, l) for l in err):
            return None
        if q.returncode or err:
            return "status %d\n%s" % (q.returncode, "\n".join(err)[-3000:])
        return q.stdout

    def differs(self, p, clauses):
        got = self.run(p, p.d_text(clauses))
        want = self.oracle("shrink%d" % p.number, [("f", p.c_text(clauses, "f"))])["f"]
        return normal(got) != normal(want)

    def shrink(self, p):
        """Removes clauses and statements as long as the outputs still differ."""
        clauses = list(p.clauses)
        again = True
        while again:
            again = False
            for i, (pred, body) in enumerate(clauses):
                tries = [clauses[:i] + clauses[i + 1:]] if len(clauses) > 1 else []
                if pred:
                    tries.append(clauses[:i] + [(None, body)] + clauses[i + 1:])
                tries += [clauses[:i] + [(pred, body[:k] + body[k + 1:])] + clauses[i + 1:]
                          for k in range(len(body)) if len(body) > 1]
                for t in tries:
                    if self.differs(p, t):
                        clauses, again = t, True
                        break
                if again:
                    break
        return clauses


def normal(out):
    """The output with lines of aggregations last and sorted: dtrace orders them by value."""
    if not isinstance(out, bytes):
        return out
    lines = [l for l in out.split(b"\n") if l]
    return b"\n".join([l for l in lines if l[:1] != b"A"] + sorted(l for l in lines if l[:1] == b"A"))


def first_difference(got, want):
    if isinstance(got, str):
        return got
    g, w = normal(got).split(b"\n"), normal(want).split(b"\n")
    for i in range(max(len(g), len(w))):
        a, b = (x[i].decode(errors="backslashreplace") if i < len(x) else "(nothing)" for x in (g, w))
        if a != b:
            return "printed '%s', the oracle '%s'" % (a, b)
    return "?"


def batch(runner, seed, numbers, keep):
    programs = [Program(seed, n) for n in numbers]
    wanted = runner.oracle("batch%d" % numbers[0], [("prog%d" % p.number, p.c_text()) for p in programs])
    failed = skipped = 0
    for p in programs:
        want = wanted["prog%d" % p.number]
        got = runner.run(p, p.d_text())
        if got is None:
            skipped += 1
        if got is None or normal(got) == normal(want):
            continue
        failed += 1
        print("FAIL program %d (%s): %s" % (p.number, p.way, first_difference(got, want)), flush=True)
        if keep:
            clauses = runner.shrink(p)
            with open(os.path.join(keep, "%s-%d.d" % (seed, p.number)), "w") as f:
                f.write("/* %s %s */\n" % (p.way, p.rows) + p.d_text(clauses))
            with open(os.path.join(keep, "%s-%d.c" % (seed, p.number)), "w") as f:
                f.write(p.c_text(clauses))
    return len(programs) - failed - skipped, failed, skipped


def main():
    a = argparse.ArgumentParser()
    a.add_argument("-n", type=int, default=120)
    a.add_argument("-s", default="1")
    a.add_argument("-k")
    a.add_argument("dtrace")
    a = a.parse_args()
    folder = tempfile.mkdtemp(prefix="usdtkit-differ-")
    counts = [0, 0, 0]
    try:
        if a.k:
            os.makedirs(a.k, exist_ok=True)
        runner = Runner(os.path.abspath(a.dtrace), folder)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(batch, runner, a.s, list(range(i, min(i + 20, a.n))), a.k)
                    for i in range(0, a.n, 20)]
            for j in jobs:
                counts = [a + b for a, b in zip(counts, j.result())]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed, %d skipped" % tuple(counts))
    sys.exit(counts[1] > 0)


main()
