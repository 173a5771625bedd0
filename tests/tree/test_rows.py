#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Adds a made-up action, subroutine, variable, aggregating function, option, map and provider to a
copy of the tree, each by its row and the functions that CONTRIBUTING.md names. The copy is built,
and D programs use each addition. Before, each row alone must not build in any room that needs its
function.

Usage: test_rows.py BUILD, a build beside its sources (build/main).
Ends with 'N passed, N failed, N skipped'.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLAGS = "-std=gnu11 -fsyntax-only -w -D_GNU_SOURCE -DHAVE_CONFIG_H -Ibuild/main -I. -Iinclude".split()

PROVIDER = r"""#include "consumer/providers/inner.h"

#include <errno.h>

/* sys_enter(struct pt_regs *, long): the number of the call is an argument, and a member of a struct. */
#define NUMBER { .kind = CC_A_REG, .size = 8, .base = 8, .index = -1 }
#define MEMBER { .kind = CC_A_CTXPTR, .size = 8, .base = 0, .index = -1, .disp = 120 }
enum { GETPPID = 110 };

static const struct {
	const char *name, *tracepoint;
	struct cc_condition when;
} rows[] = {
	{ "switch", "sched_switch", { 0 } },
	{ "is", "sys_enter", { CC_EQUAL, NUMBER, GETPPID } },
	{ "is-member", "sys_enter", { CC_EQUAL, MEMBER, GETPPID } },
	{ "is-not", "sys_enter", { CC_NOT_EQUAL, NUMBER, GETPPID } },
	{ "is-less", "sys_enter", { CC_LESS, NUMBER, GETPPID } },
	{ "is-not-less", "sys_enter", { CC_NOT_LESS, NUMBER, GETPPID } },
	{ "has-bits", "sys_enter", { CC_ANY_BITS, NUMBER, 2 } },
	{ "has-no-bits", "sys_enter", { CC_NO_BITS, NUMBER, 2 } },
};

struct own {
	struct prov_probe *probe[COUNT(rows)];
};

static bool wants(struct prov_env *env, const struct d_pdesc *pd)
{
	(void)env;
	return text_glob(pd->prov, "made");
}

/* arg1 is a long: args[0] makes uint8_t of it, args[1] a struct of struct pt_regs. */
static void types(struct prov_env *env, struct prov_probe *p)
{
	p->nargs = 2;
	p->arg_types = arena_array(env->arena, const char *, 2);
	p->native_types = arena_array(env->arena, const char *, 2);
	p->arg_types[0] = "uint8_t";
	p->native_types[0] = "long";
	p->arg_types[1] = "struct sched_param *";
	p->native_types[1] = "struct pt_regs *";
}

static struct prov_probe *probe(struct prov_env *env, uint32_t i)
{
	struct prov_probe *p = prov_probe_new(env, &prov_made, "made", "", "", rows[i].name, 1);

	if (!p)
		return NULL;
	p->ordinal = i;
	p->sites[0].ctx = CC_CTX_RAWTP;
	p->sites[0].tracepoint = rows[i].tracepoint;
	p->sites[0].when = rows[i].when;
	p->sites[0].args.arg[0] = (struct cc_arg)NUMBER;
	return p;
}

static int match(struct prov_env *env, const struct d_pdesc *pd, prov_found *found, void *arg)
{
	struct own *own = env->priv[PROV_ROW_made];

	if (!own)
		own = env->priv[PROV_ROW_made] = arena_new_of(env->arena, struct own);
	for (uint32_t i = 0; own && i < COUNT(rows); i++) {
		if (!prov_pd_matches(pd, "made", "", "", rows[i].name))
			continue;
		if (!own->probe[i])
			own->probe[i] = probe(env, i);
		if (!own->probe[i])
			return -ENOMEM;
		if (!found(arg, own->probe[i]))
			break;
	}
	return own ? 0 : -ENOMEM;
}

static size_t count(struct prov_env *env)
{
	(void)env;
	return COUNT(rows);
}

const struct prov prov_made = {
	.name = "made", .wants = wants, .match = match, .count = count, .types = types
};
"""

PRINT_MARK = r"""static int print_mark(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		      struct aggs *aggs)
{
	struct rec_value v;

	(void)aggs;
	if (!out_value_field(&v, &act->fields[0], rec))
		return -EBADMSG;
	out_printf(o, "<%lld>", (long long)v.i);
	return o->err;
}

"""

VAR_TURN = r"""/* How often it was read. */
static struct value var_turn(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_map_value(g->f, R1, CC_MAP_TURNS, 0);
	cc_imm(g->f, R0, 1);
	cc_atomic_add(g->f, R1, 0, R0);
	cc_load(g->f, BPF_DW, R0, R1, 0);
	return value_number();
}

"""

SUBR_TWICE = r"""static struct value subr_twice(struct gen *g, const struct d_expr *e)
{
	g_number(g, e->kids[0]);
	cc_alu_imm(g->f, BPF_LSH, R0, 1);
	return value_number();
}

"""

ADD_BITS = r"""static void add_bits(struct gen *g, const struct agg_desc *d, const struct operands *o)
{
	(void)d;
	cc_load(g->f, BPF_DW, R1, R_FP, o->value);
	cc_atomic_fetch(g->f, BPF_OR, R_PTR, 8, R1);
}

"""

MERGE_BITS = r"""static void add_bits(uint64_t *w, uint32_t i, uint64_t v)
{
	w[i] = i ? w[i] | v : w[i] + v;
}

"""

PARSE_COLOUR = r"""static bool parse_COLOUR(const char *s, struct parsed *out)
{
	static const char *const names[] = { "red", "blue" };

	return one_of(s, names, COUNT(names), out);
}

"""

# Additions: {kind: (rows as [(file, line to insert before, text)], functions in the same form,
# {file: functions that the compiler misses if the row is alone})}.
BUILTINS, ACT, REC, RECORD = "d/builtins.def", "d/check_act.c", "consumer/compile/rec.c", "consumer/output/record.c"
BUILTIN, AGG, CHECK_AGG = "consumer/compile/builtin.c", "consumer/compile/agg.c", "d/check_agg.c"
VALUE, DIST, MAPS = "consumer/aggs/value.c", "consumer/output/dist.c", "consumer/run/maps.c"
OPTIONS, ENV = "consumer/run/options.c", "consumer/providers/env.c"
MADE = {
    "action": (
        [(BUILTINS, "D_ACTION(printf,", 'D_ACTION(mark, HAS, "void(int)", .records = true, .destructive = true)\n')],
        [(ACT, "#define check_exit", "#define check_mark check_args\n"),
         (REC, "#define layout_exit", "#define layout_mark layout_args\n"),
         (REC, "#define emit_printf", "#define emit_mark emit_fields\n"),
         (RECORD, "#define print_exit print_nothing", PRINT_MARK)],
        {ACT: ["check_mark"], REC: ["layout_mark", "emit_mark"], RECORD: ["print_mark"]}),
    "subroutine": (
        [(BUILTINS, "D_SUBR(strlen,", 'D_SUBR(twice, HAS, "int64_t(int)")\n')],
        [(BUILTIN, "/* Never called: cc_refuse_clause() has refused the row. */\nstatic struct value subr_", SUBR_TWICE)],
        {BUILTIN: ["subr_twice"]}),
    "variable": (
        [(BUILTINS, "D_VAR(cpu,", 'D_VAR(turn, HAS, "uint64_t")\n')],
        [(BUILTIN, "static struct value var_execname", VAR_TURN)],
        {BUILTIN: ["var_turn"]}),
    "aggregating function": (
        [(BUILTINS, "D_AGGFUNC(sum,", 'D_AGGFUNC(bits, HAS, "void(int)")\n')],
        [(CHECK_AGG, "#define params_sum", "#define params_bits params_none\n"),
         (AGG, "/* ---- bucket_ID", ADD_BITS),
         (AGG, "#define words_sum", "#define words_bits words_one\n"),
         (AGG, "#define bucket_sum", "#define bucket_bits bucket_none\n"),
         (VALUE, "/* The last two words are one number", MERGE_BITS),
         (VALUE, "#define lowest_sum", "#define number_bits number_sum\n#define lowest_bits lowest_none\n"),
         (DIST, "#define show_sum", "#define show_bits show_number\n")],
        {CHECK_AGG: ["params_bits"], AGG: ["words_bits", "bucket_bits", "add_bits"],
         VALUE: ["number_bits", "lowest_bits", "add_bits"], DIST: ["show_bits"]}),
    "option": (
        [("consumer/options.def", "RUN_OPT(cpp,", 'RUN_OPT(colour, COLOUR, 0, ANY, "made up")\n')],
        [(OPTIONS, "static bool parse_EVAL", PARSE_COLOUR)],
        {OPTIONS: ["parse_COLOUR"]}),
    "map": (
        [("consumer/compile/maps.def", "CC_MAP(TICKS,", "CC_MAP(TURNS, turns, DIRECT, 8, 1, false)\n")],
        [(MAPS, "#define made_ticks", "#define made_turns made_nothing\n")],
        {MAPS: ["made_turns"]}),
    "provider": (
        [("consumer/providers/providers.def", "PROVIDER(pid)", "PROVIDER(made)\n")],
        [("consumer/providers/made.c", None, PROVIDER),
         ("consumer/providers/local.mk", "	consumer/providers/pid.c", "	consumer/providers/made.c \\\n")],
        {}),  # a row alone compiles, but does not link
}

GETPPIDS = "python3 -c 'import os; [os.getppid() for i in range(7)]'"
# Each condition must fire as often as the same test in a clause: for 7 calls, and in sum with its
# opposite.
CONDITIONS = """
made:::is /pid == $target/ { @is = count(); n++; }
made:::is-member /pid == $target/ { m++; }
made:::is-not /pid == $target/ { other++; }
syscall:::entry /pid == $target/ { all++; }
made:::is-less /pid == $target/ { less++; }
made:::is-not-less /pid == $target/ { notless++; }
made:::has-bits /pid == $target/ { some++; }
made:::has-no-bits /pid == $target/ { nobits++; }
END { printf("%d %d, all %d, less %d, bits %d", n, m, all == n + other, all == less + notless && less > 0 && notless > 7,
    all == some + nobits && some > 7 && nobits > 0); }
"""

# Arguments and standard input of dtrace: what it must print, its status.
USES = [
    ("action", ["-wqn", "BEGIN { mark(41 + 1); exit(0); }"], "<42>", 0),
    ("action, without -w", ["-qn", "BEGIN { mark(1); exit(0); }"], "mark() is destructive: it needs -w", 1),
    ("subroutine", ["-qn", 'BEGIN { printf("%d", twice(twice(5))); exit(0); }'], "20", 0),
    ("variable and map", ["-qn", 'BEGIN { printf("%d", turn); printf("%d", turn); exit(0); }'], "12", 0),
    ("aggregating function", ["-qn", "BEGIN { @ = bits(1); @ = bits(6); @k[1] = bits(2); @k[1] = bits(8); exit(0); }"],
     r"/^\s*7\s+1\s+10\s*$/", 0),
    ("option", ["-x", "colour=blue", "-qn", 'BEGIN { printf("yes"); exit(0); }'], "yes", 0),
    ("option, a bad value", ["-x", "colour=beige", "-qn", "BEGIN { exit(0); }"], "Invalid value for specified option", 1),
    ("provider", ["-qn", 'made:::switch { printf("%s:%s", probeprov, probename); exit(0); }'], "made:switch", 0),
    ("a site's condition", ["-qn", CONDITIONS, "-c", GETPPIDS], "7 7, all 1, less 1, bits 1", 0),
    ("an argument that is a translation", ["-qn", "made:::is /pid == $target/ { printf(\"%d \", args[0]); }", "-c", GETPPIDS],
     "110 110 110 110 110 110 110", 0),
    ("an argument that needs a translator", ["-qn", "made:::is { trace(args[1]); }"],
     "args[1] is a translation of struct pt_regs * to struct sched_param *: translators are not supported", 1),
]


class Copy:
    def __init__(self, folder, build):
        self.top = os.path.join(folder, "tree")
        skip = {".git", "build"}
        shutil.copytree(TOP, self.top, symlinks=True,
                        ignore=lambda at, names: [n for n in names if n in skip and at == TOP or n == "__pycache__"])
        shutil.copytree(build, os.path.join(self.top, "build/main"), symlinks=True,
                        ignore=lambda at, names: [n for n in names if n == "tests" and at == build])
        self.kept = {}

    def insert(self, edits):
        for path, before, text in edits:
            full = os.path.join(self.top, path)
            old = ""
            if before:
                with open(full, encoding="utf-8") as f:
                    old = f.read()
                if old.count(before) != 1:
                    raise SystemExit("%s has not one %r" % (path, before))
                text = old.replace(before, text + before)
            self.kept.setdefault(path, old)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)

    def take_back(self):
        for path, text in self.kept.items():
            with open(os.path.join(self.top, path), "w", encoding="utf-8") as f:
                f.write(text)
        self.kept = {}

    def compile(self, path):
        """The messages of the compiler."""
        return subprocess.run(["gcc"] + FLAGS + [path], cwd=self.top, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout.decode(errors="replace")

    def make(self):
        p = subprocess.run(["make", "-s", "-C", "build/main", "-j2", "CFLAGS=-O0 -w", "dtrace"], cwd=self.top,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.returncode, p.stdout.decode(errors="replace")


def alone(copy, kind):
    """Tests the row without its functions; the error, or None."""
    row, _, missed = MADE[kind]
    for path in missed:
        said = copy.compile(path)
        if said:
            return "%s does not compile before there is a row: %s" % (path, said[:1000])
    copy.insert(row)
    try:
        for path, names in missed.items():
            said = copy.compile(path)
            for name in names:
                if not re.search(r"\b%s\b.*undeclared|undeclared.*\b%s\b" % (name, name), said):
                    return "%s builds without %s: %s" % (path, name, said[:1000])
    finally:
        copy.take_back()
    return None


def use(dtrace, args, want, status):
    p = subprocess.run([dtrace] + args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=60)
    said = p.stdout.decode(errors="replace")
    fits = re.search(want[1:-1], said) if want.startswith("/") else want in said
    return None if fits and p.returncode == status else "status %d, printed: %s" % (p.returncode, said[:1000])


def main():
    build = os.path.abspath(sys.argv[1])
    count = {"passed": 0, "failed": 0, "skipped": 0}

    def note(name, why):
        count["failed" if why else "passed"] += 1
        if why:
            print("FAIL %s: %s" % (name, why), flush=True)

    with tempfile.TemporaryDirectory(prefix="usdtkit-rows-") as folder:
        copy = Copy(folder, build)
        for kind in MADE:
            if MADE[kind][2]:
                note("a row alone: " + kind, alone(copy, kind))
        for row, functions, _ in MADE.values():
            copy.insert(row)
            copy.insert([f for f in functions if f[0] != "consumer/providers/local.mk"])
        status, said = copy.make()
        note("a row alone: provider", None if status and "prov_made" in said else "it links: " + said[-1000:])
        copy.insert([f for f in MADE["provider"][1] if f[0] == "consumer/providers/local.mk"])
        status, said = copy.make()
        note("all of them build", said[-2000:] if status else None)
        for name, args, want, code in USES if not status else []:
            if os.geteuid():
                count["skipped"] += 1
            else:
                note(name + " is used", use(os.path.join(copy.top, "build/main/dtrace"), args, want, code))
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    sys.exit(count["failed"] > 0)


main()
