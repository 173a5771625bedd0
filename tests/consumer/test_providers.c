/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/consumer/test_providers.c: probes of descriptions, ids, the kernel's
 * types, and links that count exactly. Tests that attach need root, and are
 * skipped without.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- An environment and what was found --------------------------------------- */

struct seen {
	struct prov_probe *probe[8192];
	size_t n;
	size_t most; /* stop after this many probes; 0: never */
};

static char messages[4096];

static void note(void *arg, const char *text, size_t len)
{
	size_t have = strlen(messages);

	(void)arg;
	if (have + len < sizeof(messages)) {
		memcpy(messages + have, text, len);
		messages[have + len] = '\0';
	}
}

static struct diag diag = { .who = "dtrace", .sink = note };

static void env_free(struct prov_env *env)
{
	struct world *w = env->world;

	prov_env_free(env);
	world_free(w);
}

static int setup(void **state)
{
	messages[0] = '\0';
	*state = prov_env_new(&diag, world_new(&diag));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	env_free(*state);
	unsetenv("USDTKIT_WITHOUT");
	return 0;
}

static bool see(void *arg, struct prov_probe *p)
{
	struct seen *s = arg;

	assert_true(s->n < COUNT(s->probe));
	s->probe[s->n++] = p;
	return s->n != s->most;
}

static struct seen *look(struct prov_env *env, const char *prov, const char *mod, const char *func,
			 const char *name)
{
	static struct seen s;
	struct d_pdesc pd = { .prov = prov, .mod = mod, .func = func, .name = name, .text = "" };
	int n;

	memset(&s, 0, sizeof(s));
	n = prov_match(env, &pd, see, &s);
	assert_int_equal(n, s.n);
	return &s;
}

static struct prov_probe *only(struct prov_env *env, const char *prov, const char *mod,
			       const char *func, const char *name)
{
	struct seen *s = look(env, prov, mod, func, name);

	assert_int_equal(s->n, 1);
	return s->probe[0];
}

/* ---- Matching ------------------------------------------------------------------ */

static void begin_end_error_are_1_2_3(void **state)
{
	assert_int_equal(only(*state, "dtrace", "", "", "BEGIN")->id, 1);
	assert_int_equal(only(*state, "dtrace", "", "", "END")->id, 2);
	assert_int_equal(only(*state, "", "", "", "ERROR")->id, 3);
	assert_int_equal(look(*state, "dtrace", "", "", "")->n, 3);
	assert_int_equal(look(*state, "dtrace", "x", "", "")->n, 0);
	assert_int_equal(look(*state, "dtrac?", "", "", "E*")->n, 2);
}

static void errors_arguments_are_its_five(void **state)
{
	const struct prov_probe *p = only(*state, "dtrace", "", "", "ERROR");

	assert_int_equal(p->sites[0].args.arg[0].kind, CC_A_NONE);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(p->sites[0].args.arg[i + 1].kind, CC_A_ERR);
		assert_int_equal(p->sites[0].args.arg[i + 1].disp, i);
	}
	assert_int_equal(p->sites[0].args.arg[6].kind, CC_A_NONE);
}

static void ids_are_the_same_whatever_is_asked_first(void **state)
{
	struct prov_env *other = prov_env_new(&diag, world_new(&diag));
	uint32_t sdt = only(*state, "sdt", "", "", "sched_switch")->id;
	uint32_t call = only(*state, "syscall", "vmlinux", "openat", "return")->id;

	assert_int_equal(only(other, "syscall", "vmlinux", "openat", "return")->id, call);
	assert_int_equal(only(other, "sdt", "", "", "sched_switch")->id, sdt);
	assert_int_equal(only(other, "profile", "", "", "profile-97")->id, 4);
	assert_true(call > 4 && call < sdt);
	/* a probe that is in no list gets an id behind the lists, and keeps it */
	assert_true(only(other, "profile", "", "", "profile-1234")->id > sdt);
	assert_ptr_equal(only(other, "profile", "", "", "profile-1234"),
			 only(other, "", "", "", "profile-1234"));
	env_free(other);
}

static void a_number_finds_its_probe(void **state)
{
	uint32_t id = only(*state, "syscall", "ia32", "openat", "entry")->id;
	struct d_pdesc pd = { .prov = "", .mod = "", .func = "", .name = "", .id = id };
	struct seen s = { .n = 0 };

	assert_int_equal(prov_match(*state, &pd, see, &s), 1);
	assert_string_equal(s.probe[0]->mod, "ia32");
	assert_string_equal(s.probe[0]->func, "openat");
	pd.id = 2;
	assert_int_equal(prov_match(*state, &pd, see, &s), 1);
	assert_string_equal(s.probe[1]->name, "END");
}

static void ids_of_a_list_rise_without_gaps(void **state)
{
	struct seen *s = look(*state, "syscall", "", "", "");
	uint32_t first = s->probe[0]->id;

	for (size_t i = 0; i < s->n; i++)
		assert_int_equal(s->probe[i]->id, first + i);
	s = look(*state, "sdt", "", "", "");
	first = s->probe[0]->id;
	for (size_t i = 0; i < s->n; i++)
		assert_int_equal(s->probe[i]->id, first + i);
}

static void rates_and_periods_of_the_guide(void **state)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} rows[] = {
		{ "profile-1000", 1000000 },   { "profile-1000hz", 1000000 },
		{ "profile-97", 10309278 },    { "profile-997", 1003009 },
		{ "tick-200000ns", 200000 },   { "tick-200000nsec", 200000 },
		{ "tick-500us", 500000 },      { "tick-500usec", 500000 },
		{ "tick-10ms", 10000000 },     { "tick-10msec", 10000000 },
		{ "tick-1s", 1000000000 },     { "tick-1sec", 1000000000 },
		{ "tick-2m", 120000000000 },   { "tick-2min", 120000000000 },
		{ "tick-1h", 3600000000000 },  { "tick-1hour", 3600000000000 },
		{ "tick-1d", 86400000000000 }, { "tick-1day", 86400000000000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct prov_probe *p = only(*state, "", "", "", rows[i].name);

		assert_string_equal(p->prov, "profile");
		assert_int_equal(p->sites[0].period_ns, rows[i].ns);
		assert_int_equal(p->sites[0].one_cpu, rows[i].name[0] == 't');
		assert_int_equal(p->sites[0].args.arg[0].kind, CC_A_KPC);
		assert_int_equal(p->sites[0].args.arg[1].kind, CC_A_UPC);
	}
}

static void what_is_no_rate_matches_nothing(void **state)
{
	static const char *const bad[] = {
		"tick-",
		"tick-0",
		"tick-0ms",
		"profile-x",
		"tick-10parsecs",
		"tick-1ns",
		"profile",
		"tick-99999999999999999999",
		"tick-99999999999999999d",
		"profile-200001",
		"ick-1s",
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(look(*state, "profile", "", "", bad[i])->n, 0);
	assert_int_equal(look(*state, "profile", "m", "", "tick-1s")->n, 0);
}

static void globs_know_the_usual_rates_only(void **state)
{
	size_t n = look(*state, "profile", "", "", "profile-*")->n;

	assert_true(n >= 5);
	only(*state, "profile", "", "", "profile-1234");
	assert_int_equal(look(*state, "profile", "", "", "profile-*")->n, n);
	assert_int_equal(look(*state, "profile", "", "", "tick-1*sec")->n, 2);
}

static void a_finder_that_has_enough_is_not_asked_again(void **state)
{
	struct d_pdesc pd = { .prov = "", .mod = "", .func = "", .name = "" };
	struct seen s = { .most = 5 };

	assert_int_equal(prov_match(*state, &pd, see, &s), 5);
	assert_int_equal(s.n, 5);
}

/* ---- System calls ---------------------------------------------------------------- */

static void system_calls_of_both_abis(void **state)
{
	struct seen *s = look(*state, "syscall", "", "open", "entry");

	assert_int_equal(s->n, 2);
	assert_string_equal(s->probe[0]->mod, "vmlinux");
	assert_int_equal(s->probe[0]->sites[0].sys_abi, 0);
	assert_int_equal(s->probe[0]->sites[0].sys_nr, SYS_open);
	assert_int_equal(s->probe[1]->sites[0].sys_abi, 1);
	assert_int_equal(s->probe[1]->sites[0].sys_nr, 5);
	assert_string_equal(s->probe[1]->sites[0].tracepoint, "sys_enter");
	assert_true(look(*state, "syscall", "vmlinux", "", "entry")->n > 350);
	assert_true(look(*state, "syscall", "ia32", "", "return")->n > 400);
	s = look(*state, "syscall", "vmlinux", "mseal", "entry");
	assert_int_equal(s->probe[0]->sites[0].sys_nr, 462);
	assert_int_equal(look(*state, "syscall", "", "nonesuch", "")->n, 0);
	assert_int_equal(look(*state, "syscall", "", "open", "exit")->n, 0);
}

static void arguments_of_system_calls(void **state)
{
	const struct prov_probe *p = only(*state, "syscall", "vmlinux", "read", "entry");
	const struct cc_arg *a = p->sites[0].args.arg;
	uint64_t off;
	const struct kern_btf *k = kern_btf();
	uint32_t regs = kern_btf_find(k, BTF_KIND_STRUCT, "pt_regs");
	static const char *const reg[2][6] = { { "di", "si", "dx", "r10", "r8", "r9" },
					       { "bx", "cx", "dx", "si", "di", "bp" } };

	for (int i = 0; i < 6; i++) {
		assert_true(kern_btf_offset(k, regs, reg[0][i], &off));
		assert_int_equal(a[i].kind, CC_A_CTXPTR);
		assert_int_equal(a[i].disp, off);
		assert_int_equal(a[i].size, 8);
	}
	assert_int_equal(a[6].kind, CC_A_NONE);
	a = only(*state, "syscall", "ia32", "read", "entry")->sites[0].args.arg;
	for (int i = 0; i < 6; i++) {
		assert_true(kern_btf_offset(k, regs, reg[1][i], &off));
		assert_int_equal(a[i].disp, off);
		assert_int_equal(a[i].size, 4);
	}
	a = only(*state, "syscall", "vmlinux", "read", "return")->sites[0].args.arg;
	assert_int_equal(a[0].kind, CC_A_SYSRET);
	assert_int_equal(a[1].kind, CC_A_SYSRET);
	assert_int_equal(a[0].disp, 8);
}

static void types_of_system_calls(void **state)
{
	struct prov_probe *p = only(*state, "syscall", "vmlinux", "read", "entry");
	int events = kern_events_open();

	prov_types(*state, p);
	if (events < 0) {
		assert_int_equal(p->nargs, 6);
		skip();
	}
	close(events);
	assert_int_equal(p->nargs, 3);
	assert_string_equal(p->arg_types[0], "unsigned int");
	assert_string_equal(p->arg_names[0], "fd");
	assert_string_equal(p->arg_types[1], "char *");
	assert_string_equal(p->arg_names[2], "count");
	p = only(*state, "syscall", "vmlinux", "getpid", "entry");
	prov_types(*state, p);
	assert_int_equal(p->nargs, 0);
}

/* ---- Tracepoints and types --------------------------------------------------------- */

static void tracepoints_and_their_arguments(void **state)
{
	struct prov_probe *p = only(*state, "sdt", "", "", "sched_process_exec");
	int events = kern_events_open();

	assert_string_equal(p->sites[0].tracepoint, "sched_process_exec");
	assert_int_equal(p->sites[0].sys_nr, -1);
	prov_types(*state, p);
	assert_int_equal(p->nargs, 3);
	assert_string_equal(p->arg_types[0], "struct task_struct *");
	assert_string_equal(p->arg_types[1], "pid_t");
	assert_string_equal(p->arg_types[2], "struct linux_binprm *");
	assert_int_equal(p->sites[0].args.arg[1].base, 8);
	assert_int_equal(p->sites[0].args.arg[1].size, 4);
	assert_true(p->sites[0].args.arg[1].is_signed);
	assert_int_equal(p->sites[0].args.arg[2].size, 8);
	assert_true(look(*state, "sdt", "", "", "")->n > 300);
	if (events >= 0) {
		close(events);
		assert_string_equal(p->mod, "sched");
		assert_true(look(*state, "sdt", "sched", "", "sched_*")->n > 10);
	}
}

struct front {
	struct arena *arena;
	struct d *d;
	const struct d_names *names;
};

static struct front front_open(struct prov_env *env)
{
	static struct d_config config;
	struct front f = { .arena = arena_new(), .names = prov_names(env) };

	config = (struct d_config){ .names = f.names, .opt.strsize = 256 };
	f.d = d_new(f.arena, &diag, &config);
	assert_non_null(f.d);
	return f;
}

static void front_close(struct front *f)
{
	d_free(f->d);
	arena_free(f->arena);
}

/* bpftool, the kernel's own tool, reads the same bytes. */
static void structs_are_as_bpftool_says(void **state)
{
	static const struct {
		const char *member, *ask;
	} rows[] = {
		{ "pid", "'pid'" },
		{ "comm", "'comm'" },
		{ "start_boottime", "'start_boottime'" },
	};
	struct front f = front_open(*state);
	struct d_type *task = f.names->type(f.names->ctx, f.d, D_T_STRUCT, "task_struct");
	char cmd[256];

	assert_non_null(task);
	assert_false(task->complete);
	assert_true(task->size > 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned long bits = 0;
		uint64_t off = 0;
		FILE *p;

		assert_non_null(d_member_find(f.d, task, rows[i].member, &off));
		snprintf(cmd, sizeof(cmd),
			 "bpftool btf dump file /sys/kernel/btf/vmlinux 2>/dev/null"
			 " | sed -n \"/STRUCT 'task_struct' /,/^\\[/p\""
			 " | sed -n \"s/.*%s type_id=.* bits_offset=\\([0-9]*\\).*/\\1/p\"",
			 rows[i].ask);
		p = popen(cmd, "r");
		if (!p || fscanf(p, "%lu", &bits) != 1) {
			if (p)
				pclose(p);
			print_message("no bpftool: not compared\n");
			break;
		}
		pclose(p);
		assert_int_equal(off, bits);
	}
	front_close(&f);
}

static void kernel_types_by_name(void **state)
{
	struct front f = front_open(*state);
	struct d_type *t = f.names->type(f.names->ctx, f.d, D_T_TYPEDEF, "pid_t");
	uint64_t off;
	const struct d_member *m;

	assert_non_null(t);
	assert_int_equal(d_resolve(t)->size, 4);
	assert_true(d_resolve(t)->is_signed);
	assert_null(f.names->type(f.names->ctx, f.d, D_T_STRUCT, "no_such_struct"));
	t = f.names->type(f.names->ctx, f.d, D_T_ENUM, "pid_type");
	assert_non_null(t);
	assert_string_equal(t->enumerators[0].name, "PIDTYPE_PID");
	t = f.names->type(f.names->ctx, f.d, D_T_STRUCT, "task_struct");
	m = d_member_find(f.d, t, "parent", &off);
	assert_non_null(m);
	assert_string_equal(d_type_name(f.d, m->type), "struct task_struct *");
	assert_ptr_equal(d_resolve(m->type)->to, t);
	m = d_member_find(f.d, t, "comm", &off);
	assert_true(d_is_char_array(m->type));
	assert_int_equal(m->type->size, 16);
	front_close(&f);
}

static void args_of_descriptions(void **state)
{
	struct front f = front_open(*state);
	struct d_args a;
	struct d_pdesc pd = { .prov = "sdt", .mod = "", .func = "", .name = "sched_process_exec" };

	assert_true(f.names->args(f.names->ctx, f.d, &pd, &a));
	assert_int_equal(a.n, 3);
	assert_null(a.unstable);
	assert_string_equal(d_type_name(f.d, a.types[0]), "struct task_struct *");
	pd.name = "sched_process_*";
	assert_true(f.names->args(f.names->ctx, f.d, &pd, &a));
	assert_non_null(a.unstable);
	pd.name = "no_such_tracepoint";
	assert_false(f.names->args(f.names->ctx, f.d, &pd, &a));
	front_close(&f);
}

static void kernel_symbols(void **state)
{
	struct front f = front_open(*state);
	struct d_type *t = NULL;
	uint64_t addr = 0;
	struct kern_symbol symbol;

	assert_false(f.names->symbol(f.names->ctx, f.d, "", "no_such_symbol", &t, &addr));
	assert_false(f.names->symbol(f.names->ctx, f.d, "no_such_mod", "schedule", &t, &addr));
	if (kern_symbol_named(NULL, "schedule", &symbol)) { /* else the kernel hides addresses */
		assert_true(f.names->symbol(f.names->ctx, f.d, "vmlinux", "schedule", &t, &addr));
		assert_int_equal(t->kind, D_T_FUNC);
		assert_true(addr >> 63);
	}
	front_close(&f);
}

/* ---- Attaching ------------------------------------------------------------------------ */

static bool may_trace(struct prov_env *env)
{
	const char *why = kern_why_not(env->arena);

	if (why)
		print_message("skipped: %s\n", why);
	return !why;
}

/* Adds 1 to the array's element whose index is the cookie's low 8 bits, or `fixed`. */
static int counter_load(enum bpf_prog_type type, int map, bool multi, int fixed)
{
	const struct bpf_insn insns[] = {
		/* r0 = cookie, or the constant */
		fixed < 0 ? (struct bpf_insn){ .code = BPF_JMP | BPF_CALL,
					       .imm = BPF_FUNC_get_attach_cookie } :
			    (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K,
					       .dst_reg = 0,
					       .imm = fixed },
		{ .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = 0, .imm = 255 },
		{ .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = 10, .src_reg = 0, .off = -4 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -4 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = 0,
		  .src_reg = 1,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log),
		    .log_level = 1, .expected_attach_type = multi ? 48 : 0);
	int fd = bpf_prog_load(type, "count", "GPL", insns, COUNT(insns), &opts);

	if (fd < 0)
		print_message("%s\n", log);
	assert_true(fd >= 0);
	return fd;
}

static int counter_map(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counts", 4, 8, 256, NULL);

	assert_true(fd >= 0);
	return fd;
}

static uint64_t counted(int map, uint32_t index)
{
	uint64_t n = 0;

	assert_int_equal(bpf_map_lookup_elem(map, &index, &n), 0);
	return n;
}

static void wait_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* Attaches a site for `ms` milliseconds; the number of firings. */
static uint64_t count_for(struct prov_env *env, struct prov_site *site, enum bpf_prog_type type,
			  long ms)
{
	int map = counter_map(), prog = counter_load(type, map, false, 7);
	const uint64_t cookie = 0;
	struct prov_attach what = {
		.ctx = site->ctx, .prog = prog, .sites = &site, .cookies = &cookie, .nsites = 1
	};
	struct prov_links *links = prov_links_new();
	uint64_t n;

	assert_int_equal(prov_attach(env, &what, links), 0);
	assert_int_equal(prov_links_start(links), 0);
	wait_ms(ms);
	prov_links_close(links);
	n = counted(map, 7);
	wait_ms(30);
	assert_int_equal(counted(map, 7), n); /* no firing after the close */
	close(prog);
	close(map);
	return n;
}

static void a_tracepoint_fires(void **state)
{
	struct prov_probe *p = only(*state, "sdt", "", "", "sched_switch");

	if (!may_trace(*state))
		skip();
	assert_true(count_for(*state, &p->sites[0], BPF_PROG_TYPE_RAW_TRACEPOINT, 50) > 0);
}

static void profile_fires_on_every_cpu(void **state)
{
	struct prov_probe *p = only(*state, "profile", "", "", "profile-97");
	uint64_t n, want = 97 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);

	if (!may_trace(*state))
		skip();
	n = count_for(*state, &p->sites[0], BPF_PROG_TYPE_PERF_EVENT, 1000);
	assert_in_range(n, want / 2, want + want / 4 + 2);
}

static void tick_fires_on_one_cpu(void **state)
{
	struct prov_probe *p = only(*state, "profile", "", "", "tick-10ms");

	if (!may_trace(*state))
		skip();
	assert_in_range(count_for(*state, &p->sites[0], BPF_PROG_TYPE_PERF_EVENT, 500), 25, 65);
}

/* Sites for user-land probes: functions of this program, never inlined or merged. */
#define SITE(n)                                              \
	__attribute__((noinline)) static void site_##n(void) \
	{                                                    \
		__asm__ volatile("nop # " #n ::: "memory");  \
	}
SITE(0)
SITE(1)
SITE(2)
static unsigned short semaphore __attribute__((used, section(".probes")));

static int self_fd = -1;

static int open_self(struct world *w, int file)
{
	(void)w;
	return file == 42 ? self_fd : -ENOENT;
}

/* The file offset of an address of this program. */
static uint64_t file_offset(const volatile void *addr)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to, off, at = (unsigned long)addr;
	char line[512];
	uint64_t found = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &off) == 3 && at >= from && at < to)
			found = at - from + off;
	fclose(f);
	assert_true(found);
	return found;
}

static void count_calls(struct prov_env *env, bool multi)
{
	struct prov_site site[4] = {
		{ .ctx = CC_CTX_UPROBE, .file = 42, .off = file_offset((void *)site_0) },
		{ .ctx = CC_CTX_UPROBE,
		  .file = 42,
		  .off = file_offset((void *)site_1),
		  .ref_ctr = file_offset(&semaphore) },
		{ .ctx = CC_CTX_UPROBE,
		  .file = 42,
		  .off = file_offset((void *)site_2),
		  .pid = getpid() },
		{ .ctx = CC_CTX_UPROBE, .file = 42, .off = 1ull << 40 }, /* past the file */
	};
	struct prov_site *sites[4] = { &site[3], &site[0], &site[1], &site[2] };
	static const uint64_t cookies[4] = { 9, 1, 2, 3 };
	int map = counter_map();
	struct prov_attach what = { .ctx = CC_CTX_UPROBE,
				    .multi = multi,
				    .sites = sites,
				    .prog = counter_load(BPF_PROG_TYPE_KPROBE, map, multi, -1),
				    .cookies = cookies,
				    .nsites = COUNT(sites) };
	struct prov_links *links = prov_links_new();
	unsigned warnings = diag.warnings;

	self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(prov_attach_with(env, &what, links, open_self), 0);
	assert_int_equal(diag.warnings, warnings + 1); /* for the site past the file */
	assert_int_equal(*(volatile unsigned short *)&semaphore, 1);
	for (int i = 0; i < 1000; i++) {
		site_0();
		if (i % 2)
			site_1();
		if (i % 5 == 0)
			site_2();
	}
	prov_links_close(links);
	assert_int_equal(*(volatile unsigned short *)&semaphore, 0);
	site_0();
	assert_int_equal(counted(map, 1), 1000);
	assert_int_equal(counted(map, 2), 500);
	assert_int_equal(counted(map, 3), 200);
	assert_int_equal(counted(map, 9), 0);
	close(self_fd);
	close(what.prog);
	close(map);
}

static void calls_are_counted_by_one_link(void **state)
{
	if (!may_trace(*state))
		skip();
	if (!kern_has(KERN_F_uprobe_multi)) {
		print_message("skipped: this kernel has no uprobe_multi\n");
		skip();
	}
	count_calls(*state, true);
}

static void calls_are_counted_by_a_link_each(void **state)
{
	if (!may_trace(*state))
		skip();
	if (geteuid()) {
		print_message("skipped: these links need CAP_SYS_ADMIN\n");
		skip();
	}
	setenv("USDTKIT_WITHOUT", "x,uprobe_multi", 1);
	assert_false(kern_has(KERN_F_uprobe_multi));
	count_calls(*state, kern_has(KERN_F_uprobe_multi));
}

static void nothing_attached_is_an_error(void **state)
{
	struct prov_site site = { .ctx = CC_CTX_RAWTP, .tracepoint = "no_such_tracepoint" };
	struct prov_site *sites = &site;
	const uint64_t cookie = 0;
	int map, prog;
	struct prov_links *links = prov_links_new();

	if (!may_trace(*state)) {
		prov_links_close(links);
		skip();
	}
	map = counter_map();
	prog = counter_load(BPF_PROG_TYPE_RAW_TRACEPOINT, map, false, 0);
	assert_int_equal(prov_attach(*state,
				     &(struct prov_attach){ .ctx = CC_CTX_RAWTP,
							    .prog = prog,
							    .sites = &sites,
							    .cookies = &cookie,
							    .nsites = 1 },
				     links),
			 -ENOENT);
	assert_non_null(strstr(messages, "no_such_tracepoint"));
	prov_links_close(links);
	close(prog);
	close(map);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(begin_end_error_are_1_2_3),
		TEST(errors_arguments_are_its_five),
		TEST(ids_are_the_same_whatever_is_asked_first),
		TEST(a_number_finds_its_probe),
		TEST(ids_of_a_list_rise_without_gaps),
		TEST(rates_and_periods_of_the_guide),
		TEST(what_is_no_rate_matches_nothing),
		TEST(globs_know_the_usual_rates_only),
		TEST(a_finder_that_has_enough_is_not_asked_again),
		TEST(system_calls_of_both_abis),
		TEST(arguments_of_system_calls),
		TEST(types_of_system_calls),
		TEST(tracepoints_and_their_arguments),
		TEST(structs_are_as_bpftool_says),
		TEST(kernel_types_by_name),
		TEST(args_of_descriptions),
		TEST(kernel_symbols),
		TEST(a_tracepoint_fires),
		TEST(profile_fires_on_every_cpu),
		TEST(tick_fires_on_one_cpu),
		TEST(calls_are_counted_by_one_link),
		TEST(calls_are_counted_by_a_link_each),
		TEST(nothing_attached_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
