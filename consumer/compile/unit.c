/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/unit.c: the main function of a unit, which runs its clauses, and
 * the function that main calls for faults.
 * In:   a unit.
 * Out:  a set of functions, main first.
 * Owns: nothing; all is the arena's.
 *
 * Stack of main, from the frame pointer down: struct rt_fire, then words for the slot's number,
 * a map key and a system call's number.
 */
#include "consumer/compile/inner.h"
#include "kernel/kernel.h"

#include <linux/version.h>
#include <stddef.h>

enum {
	FIRE = -(int)sizeof(struct rt_fire),
	SLOT = FIRE - 8,
	KEY = SLOT - 8,
	NUMBER = KEY - 8,
	MAIN_STACK = -NUMBER
};

static void fire_ptr(struct gen *g, int reg)
{
	cc_mov(g->f, reg, R_FP);
	cc_alu_imm(g->f, BPF_ADD, reg, FIRE);
}

/* ---- Does this firing run? ------------------------------------------------------------ */

static void pid_test(struct gen *g, int out)
{
	if (!g->unit->pid)
		return;
	g_pid_tgid(g);
	cc_alu_imm(g->f, BPF_RSH, R0, 32);
	cc_jump_imm(g->f, BPF_JNE, R0, g->unit->pid, out);
}

/*
 * r0 = the system call's number: the second argument of sys_enter; for sys_exit, a register in the
 * struct that its first argument points at.
 */
static void syscall_number(struct gen *g, int out)
{
	struct cc_func *f = g->f;

	if (!g->unit->sys_return) {
		cc_load(f, BPF_DW, R0, R_CTX, 8);
		return;
	}
	cc_load(f, BPF_DW, R3, R_CTX, 0);
	cc_alu_imm(f, BPF_ADD, R3, g_field(g, "pt_regs.orig_ax"));
	cc_mov(f, R1, R_FP);
	cc_alu_imm(f, BPF_ADD, R1, KEY);
	cc_imm(f, R2, 8);
	cc_helper(f, BPF_FUNC_probe_read_kernel);
	cc_jump_imm(f, BPF_JNE, R0, 0, out);
	cc_load(f, BPF_DW, R0, R_FP, KEY);
}

enum { TS_COMPAT = 2 }; /* thread_info.status: a 32-bit system call */

/* r0 = the probe that the table has for this system call; to out if there is none. */
static void syscall_probe(struct gen *g, int out)
{
	struct cc_func *f = g->f;
	int native = cc_label_new(f);

	syscall_number(g, out);
	cc_jump_imm(f, BPF_JGE, R0, CC_SYSCALLS, out);
	cc_store(f, BPF_DW, R_FP, NUMBER, R0);
	cc_helper(f, BPF_FUNC_get_current_task);
	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_ADD, R3, g_field(g, "task_struct.thread_info.status"));
	cc_mov(f, R1, R_FP);
	cc_alu_imm(f, BPF_ADD, R1, KEY);
	cc_imm(f, R2, 4);
	cc_helper(f, BPF_FUNC_probe_read_kernel);
	cc_load(f, BPF_DW, R0, R_FP, NUMBER);
	cc_load(f, BPF_W, R1, R_FP, KEY);
	cc_alu_imm(f, BPF_AND, R1, TS_COMPAT);
	cc_jump_imm(f, BPF_JEQ, R1, 0, native);
	cc_alu_imm(f, BPF_ADD, R0, CC_SYSCALLS);
	cc_label_here(f, native);
	cc_alu_imm(f, BPF_LSH, R0, 2);
	cc_value_of(f, R1, g->unit->table);
	cc_alu(f, BPF_ADD, R1, R0);
	cc_load(f, BPF_W, R0, R1, 0);
	cc_jump_imm(f, BPF_JEQ, R0, 0, out);
	cc_alu_imm(f, BPF_SUB, R0, 1);
}

static void which_probe(struct gen *g, int out)
{
	struct cc_func *f = g->f;

	if (g->unit->select == CC_SELECT_SYSCALL) {
		syscall_probe(g, out);
	} else if (g->unit->select == CC_SELECT_COOKIE) {
		cc_mov(f, R1, R_CTX);
		cc_helper(f, BPF_FUNC_get_attach_cookie);
	} else {
		cc_imm(f, R0, g->unit->probe);
	}
	cc_store(f, BPF_W, R_FP, FIRE + (int)offsetof(struct rt_fire, probe), R0);
	if (g->unit->nplaces) {
		cc_alu_imm(f, BPF_RSH, R0, 32);
		cc_store(f, BPF_W, R_FP, FIRE + (int)offsetof(struct rt_fire, place), R0);
	}
	cc_helper(f, BPF_FUNC_get_smp_processor_id);
	cc_store(f, BPF_W, R_FP, FIRE + (int)offsetof(struct rt_fire, cpu), R0);
}

/* To out if the sites' condition does not hold. */
static void condition_test(struct gen *g, int out)
{
	static const struct {
		int jump;
		bool holds; /* the jump means that it holds */
	} tests[CC_NTESTS] = {
		[CC_EQUAL] = { BPF_JEQ, true },	    [CC_NOT_EQUAL] = { BPF_JEQ, false },
		[CC_LESS] = { BPF_JSLT, true },	    [CC_NOT_LESS] = { BPF_JSLT, false },
		[CC_ANY_BITS] = { BPF_JSET, true }, [CC_NO_BITS] = { BPF_JSET, false },
	};
	const struct cc_condition *c = &g->unit->when;
	struct cc_func *f = g->f;
	int holds = cc_label_new(f);

	if (c->test == CC_ALWAYS)
		return;
	g_condition_operand(g, &c->operand, NUMBER);
	cc_imm(f, R1, c->value);
	cc_jump_if(f, tests[c->test].jump, R0, R1, tests[c->test].holds ? holds : out);
	if (tests[c->test].holds)
		cc_jump(f, out);
	cc_label_here(f, holds);
}

/* r2 = this CPU's struct rt_cpu; r1 lost. */
static void cpu_ptr(struct gen *g)
{
	struct cc_func *f = g->f;

	cc_load(f, BPF_W, R1, R_FP, FIRE + (int)offsetof(struct rt_fire, cpu));
	cc_alu_imm(f, BPF_AND, R1, (int32_t)g->cc->ncpu2 - 1);
	cc_alu_imm(f, BPF_MUL, R1, sizeof(struct rt_cpu));
	cc_map_value(f, R2, CC_MAP_CPUS, 0);
	cc_alu(f, BPF_ADD, R2, R1);
}

/*
 * Counts missed ticks by the time at which this unit's next tick was due on this CPU. The kernel's
 * timer keeps its phase, so a late tick does not move later ticks; an early tick tells that the
 * phase was taken from a late tick. Plain stores do: a timer does not interrupt itself, and nobody
 * else writes here.
 */
static void missed_ticks(struct gen *g)
{
	struct cc_func *f = g->f;
	int phase = cc_label_new(f), end = cc_label_new(f);

	if (!g->unit->period_ns)
		return;
	cc_helper(f, BPF_FUNC_ktime_get_ns);
	cc_store(f, BPF_DW, R_FP, FIRE + (int)offsetof(struct rt_fire, timestamp), R0);
	cc_load(f, BPF_W, R1, R_FP, FIRE + (int)offsetof(struct rt_fire, cpu));
	cc_alu_imm(f, BPF_AND, R1, (int32_t)g->cc->ncpu2 - 1);
	cc_alu_imm(f, BPF_MUL, R1, sizeof(uint64_t));
	cc_map_value(f, R2, CC_MAP_TICKS, g->cc->ticks_size);
	cc_alu(f, BPF_ADD, R2, R1);
	g->cc->ticks_size += g->cc->ncpu2 * (uint32_t)sizeof(uint64_t);
	cc_imm(f, R1, (int64_t)g->unit->period_ns);
	cc_load(f, BPF_DW, R3, R2, 0);
	cc_jump_imm(f, BPF_JEQ, R3, 0, phase);
	cc_mov(f, R4, R0);
	cc_alu(f, BPF_SUB, R4, R3);
	cc_jump_imm(f, BPF_JSLT, R4, 0, phase);
	cc_alu(f, BPF_DIV, R4, R1); /* r4 = the missed ticks */
	cc_mov(f, R0, R4);
	cc_alu(f, BPF_MUL, R0, R1);
	cc_alu(f, BPF_ADD, R0, R3);
	cc_alu(f, BPF_ADD, R0, R1);
	cc_store(f, BPF_DW, R2, 0, R0);
	cc_jump_imm(f, BPF_JEQ, R4, 0, end);
	cpu_ptr(g);
	cc_atomic_add(f, R2, (int)(offsetof(struct rt_cpu, drops) + 8 * RT_DROP_TICK), R4);
	cc_jump(f, end);
	cc_label_here(f, phase);
	cc_alu(f, BPF_ADD, R0, R1);
	cc_store(f, BPF_DW, R2, 0, R0);
	cc_label_here(f, end);
}

/* ---- The slot --------------------------------------------------------------------------- */

static void slot_claim(struct gen *g, int none, int out)
{
	struct cc_func *f = g->f;
	int have = cc_label_new(f);

	cpu_ptr(g);
	cc_imm(f, R3, 1);
	cc_atomic_fetch(f, BPF_OR, R2, offsetof(struct rt_cpu, scratch), R3);
	cc_imm(f, R0, 0);
	cc_alu_imm(f, BPF_AND, R3, 1);
	cc_jump_imm(f, BPF_JEQ, R3, 0, have);
	cc_load(f, BPF_W, R1, R_FP, FIRE + (int)offsetof(struct rt_fire, cpu));
	cc_routine(f, "rt_scratch_claim");
	cc_jump_imm(f, BPF_JSLT, R0, 0, none);
	cc_label_here(f, have);
	cc_store(f, BPF_DW, R_FP, SLOT, R0);
	cc_load(f, BPF_W, R1, R_FP, FIRE + (int)offsetof(struct rt_fire, cpu));
	cc_alu_imm(f, BPF_MUL, R1, RT_SLOTS);
	cc_alu(f, BPF_ADD, R1, R0);
	cc_store(f, BPF_W, R_FP, KEY, R1);
	cc_map(f, R1, CC_MAP_SCRATCH);
	cc_mov(f, R2, R_FP);
	cc_alu_imm(f, BPF_ADD, R2, KEY);
	cc_helper(f, BPF_FUNC_map_lookup_elem);
	cc_jump_imm(f, BPF_JEQ, R0, 0, out);
	cc_mov(f, R_SLOT, R0);
}

static void slot_give_back(struct gen *g)
{
	struct cc_func *f = g->f;

	cpu_ptr(g);
	cc_load(f, BPF_DW, R1, R_FP, SLOT);
	cc_imm(f, R3, 1);
	cc_alu_imm(f, BPF_AND, R1, 63);
	cc_alu(f, BPF_LSH, R3, R1);
	cc_alu_imm(f, BPF_XOR, R3, -1);
	cc_atomic_fetch(f, BPF_AND, R2, offsetof(struct rt_cpu, scratch), R3);
}

/* this-> variables are 0 or empty when a firing begins. */
static void this_clear(struct gen *g)
{
	struct cc *cc = g->cc;

	for (size_t i = 0; i < cc->prog->nthises; i++) {
		const struct d_type *t = cc->prog->thises[i]->type;

		g_clear(g, cc->this_off[i], t && d_is_string(t) ? 16 : cc_var_size(t));
	}
}

/* ---- Clauses and faults -------------------------------------------------------------------- */

/* The functions that hold a unit's clauses, and how many clauses each holds. */
struct groups {
	struct group {
		int func;
		size_t n;
	} * group;
	size_t n;
};

/* The kernel takes 256 functions. The rest are main, the library's, and the further functions that
 * long clauses need. */
enum { CLAUSE_FUNCS = 160 };

/* What differs between main and faults, which both run groups. */
struct caller {
	void (*args)(struct gen *g);  /* r1 = ctx, r2 = fire, r3 = the slot's index */
	void (*fault)(struct gen *g); /* keeps r9 */
};

/* A clause that faults ends its function, which is called again for the clauses behind it. So the
 * function is called at most once for each clause. */
static void run_group(struct gen *g, const struct group *gr, const struct caller *by)
{
	struct cc_func *f = g->f;
	int done = cc_label_new(f);

	for (size_t i = 0; i < gr->n; i++) {
		by->args(g);
		if (gr->n > 1 && i)
			cc_mov(f, R4, R_PTR);
		else if (gr->n > 1)
			cc_imm(f, R4, 0);
		cc_call(f, gr->func);
		cc_jump_imm(f, BPF_JEQ, R0, 0, done);
		cc_mov(f, R_PTR, R0);
		by->fault(g);
	}
	cc_label_here(f, done);
}

static void run_groups(struct gen *g, const struct groups *gs, const struct caller *by)
{
	for (size_t i = 0; i < gs->n; i++)
		run_group(g, &gs->group[i], by);
}

/* fault(ctx, fire): sends the record that tells the consumer of a fault. */
static int fault_func(struct cc *cc, struct cc_func_set *set)
{
	struct cc_func **slot = ARENA_PUSH(cc->arena, set->funcs, set->nfuncs, set->cap);
	struct gen g = { .cc = cc, .set = set, .unit = &set->unit };
	struct cc_func *f = g.f = cc_func_new(cc->arena, "fault");
	enum { SIZE = sizeof(struct rt_rec) + sizeof(struct rt_err) };
	int at, out;

	if (!slot || !f)
		return -ENOMEM;
	*slot = f;
	f->params = "cf";
	at = g_push(&g, SIZE);
	out = cc_label_new(f);
	cc_mov(f, R_CTX, R1);
	cc_mov(f, R_FIRE, R2);
	cc_jump_imm(f, BPF_JEQ, R_FIRE, 0, out);
	g_time(&g);
	cc_store(f, BPF_DW, R_FP, at, R0);
	cc_load(f, BPF_W, R1, R_FIRE, offsetof(struct rt_fire, clause));
	cc_imm(f, R2, RT_REC_ERROR);
	cc_alu(f, BPF_OR, R1, R2);
	cc_store(f, BPF_W, R_FP, at + (int)offsetof(struct rt_rec, clause), R1);
	cc_load(f, BPF_W, R1, R_FIRE, offsetof(struct rt_fire, probe));
	cc_store(f, BPF_W, R_FP, at + (int)offsetof(struct rt_rec, probe), R1);
	cc_store_imm(f, BPF_W, R_FP, at + (int)offsetof(struct rt_rec, spec), 0);
	cc_store_imm(f, BPF_W, R_FP, at + (int)offsetof(struct rt_rec, len), SIZE);
	for (int i = 0; i < 4; i++) {
		cc_load(f, BPF_DW, R1, R_FIRE, (int)offsetof(struct rt_fire, err) + 8 * i);
		cc_store(f, BPF_W, R_FP, at + (int)sizeof(struct rt_rec) + 4 * i, R1);
	}
	cc_load(f, BPF_DW, R1, R_FIRE, offsetof(struct rt_fire, err[4]));
	cc_store(f, BPF_DW, R_FP,
		 at + (int)(sizeof(struct rt_rec) + offsetof(struct rt_err, value)), R1);
	cc_mov(f, R2, R_FP);
	cc_alu_imm(f, BPF_ADD, R2, at);
	cc_imm(f, R3, SIZE);
	g_ring(&g);
	cc_label_here(f, out);
	cc_imm(f, R0, 0);
	cc_exit(f);
	return cc_func_end(f);
}

static void faults_args(struct gen *g)
{
	cc_mov(g->f, R1, R_CTX);
	cc_mov(g->f, R2, R_FIRE);
	cc_mov(g->f, R3, R_SLOT);
}

/* A fault in an ERROR clause is counted as a drop; the next clause runs. */
static void faults_fault(struct gen *g)
{
	g_drop(g, RT_DROP_DBLERROR);
}

/* faults(ctx, fire, slot's index): tells the consumer of a fault, then runs ERROR's clauses. */
static int faults_func(struct cc *cc, struct cc_func_set *set, const struct groups *errors)
{
	static const struct caller by = { faults_args, faults_fault };
	struct gen g = { .cc = cc, .set = set, .unit = &set->unit };
	struct cc_func *f = g.f = cc_func_new(cc->arena, "faults");
	const int probe = offsetof(struct rt_fire, probe),
		  faulted = offsetof(struct rt_fire, faulted);
	int record, out, err = fault_func(cc, set);
	struct cc_func **slot;

	record = (int)set->nfuncs - 1;
	slot = ARENA_PUSH(cc->arena, set->funcs, set->nfuncs, set->cap);
	if (err || !slot || !f)
		return err ? err : -ENOMEM;
	*slot = f;
	set->fault_func = (int)set->nfuncs - 1;
	f->params = "cfn";
	out = cc_label_new(f);
	cc_mov(f, R_CTX, R1);
	cc_mov(f, R_FIRE, R2);
	cc_mov(f, R_SLOT, R3);
	cc_jump_imm(f, BPF_JEQ, R_FIRE, 0, out);
	cc_call(f, record);
	if (errors->n) {
		cc_load(f, BPF_W, R1, R_FIRE, probe);
		cc_store(f, BPF_W, R_FIRE, faulted, R1);
		cc_store_imm(f, BPF_W, R_FIRE, probe, (int32_t)cc->error_probe);
		run_groups(&g, errors, &by);
		cc_load(f, BPF_W, R1, R_FIRE, faulted);
		cc_store(f, BPF_W, R_FIRE, probe, R1);
	}
	cc_label_here(f, out);
	cc_imm(f, R0, 0);
	cc_exit(f);
	return cc_func_end(f);
}

static void main_args(struct gen *g)
{
	cc_mov(g->f, R1, R_CTX);
	fire_ptr(g, R2);
	if (g->set->scratch)
		cc_load(g->f, BPF_W, R3, R_FP, KEY);
	else
		cc_imm(g->f, R3, 0);
}

static void main_fault(struct gen *g)
{
	main_args(g);
	cc_call(g->f, g->set->fault_func);
}

static void set_active(struct gen *g)
{
	struct cc_func *f = g->f;

	cc_map_value(f, R2, CC_MAP_STATE, 0);
	cc_imm(f, R0, RT_WARMUP);
	cc_imm(f, R1, RT_ACTIVE);
	cc_atomic_cmpxchg(f, BPF_W, R2, offsetof(struct rt_state, life), R1);
}

/*
 * Since 6.13 the kernel gives functions with 64 bytes of stack or more a stack for each CPU instead
 * of the task's ("private stack"), because it assumes that programs of these types do not nest.
 * Sleepable programs do nest: two tasks that fault in a copyin then write into one frame (measured
 * on 6.18: scratch slots lost, 2 hits in 1,000 counted under another task's key). A program with a
 * tail call keeps the task's stack. The verifier looks for the call before it knows that the call
 * is never reached.
 */
static void no_private_stack(struct gen *g)
{
	struct cc_func *f = g->f;
	int over = cc_label_new(f);

	if (!cc_contexts[g->unit->ctx].sleeps || kern_version() < KERNEL_VERSION(6, 13, 0))
		return;
	cc_imm(f, R0, 0);
	cc_jump_imm(f, BPF_JEQ, R0, 0, over);
	cc_helper(f, BPF_FUNC_tail_call);
	cc_label_here(f, over);
}

static void slot_none(struct gen *g)
{
	cpu_ptr(g);
	cc_imm(g->f, R1, 1);
	cc_atomic_add(g->f, R2, (int)(offsetof(struct rt_cpu, drops) + 8 * RT_DROP_SCRATCH), R1);
	if (g->unit->begin)
		set_active(g);
}

/*
 * r0 = what main returns for a firing that does not run: 1 for a clock after exit(), which makes
 * the kernel stop the clock (prov_links_start). At a high rate the consumer may have no time to
 * stop it.
 */
static void result_early(struct gen *g)
{
	struct cc_func *f = g->f;
	int active = cc_label_new(f);

	cc_imm(f, R0, 0);
	if (!g->unit->period_ns)
		return;
	cc_map_value(f, R1, CC_MAP_STATE, 0);
	cc_load(f, BPF_W, R1, R1, offsetof(struct rt_state, life));
	cc_jump_imm(f, BPF_JLT, R1, RT_DRAINING, active);
	cc_imm(f, R0, 1);
	cc_label_here(f, active);
}

/* The exit for firings that do not run stands near the beginning: the end may be further away than
 * a jump reaches. */
static void early_ends(struct gen *g, int none, int out)
{
	struct cc_func *f = g->f;
	int start = cc_label_new(f);

	cc_jump(f, start);
	cc_label_here(f, none);
	if (g->set->scratch)
		slot_none(g);
	cc_label_here(f, out);
	result_early(g);
	cc_exit(f);
	cc_label_here(f, start);
}

static int main_func(struct cc *cc, struct cc_func_set *set, const struct groups *clauses)
{
	static const struct caller by = { main_args, main_fault };
	struct cc_func *f = set->funcs[0];
	struct gen g = { .cc = cc, .set = set, .f = f, .unit = &set->unit };
	int out = cc_label_new(f), none = cc_label_new(f);

	f->params = "c";
	f->stack_low = -MAIN_STACK;
	cc_mov(f, R_CTX, R1);
	early_ends(&g, none, out);
	no_private_stack(&g);
	g_life_test(&g, out);
	pid_test(&g, out);
	for (int at = FIRE; at < 0; at += 8)
		cc_store_imm(f, BPF_DW, R_FP, at, 0);
	condition_test(&g, out);
	which_probe(&g, out);
	missed_ticks(&g);
	if (set->scratch) {
		slot_claim(&g, none, out);
		this_clear(&g);
	}
	run_groups(&g, clauses, &by);
	if (set->scratch)
		slot_give_back(&g);
	if (set->unit.begin)
		set_active(&g);
	cc_imm(f, R0, 0);
	cc_exit(f);
	return cc_func_end(f);
}

static struct cc_func_set *set_new(struct cc *cc, const struct cc_unit *u)
{
	struct cc_func_set *set = arena_new_of(cc->arena, struct cc_func_set);
	struct cc_func **slot = set ? ARENA_PUSH(cc->arena, set->funcs, set->nfuncs, set->cap) :
				      NULL;

	if (!slot)
		return NULL;
	set->unit = *u;
	set->unit.clauses = arena_dup(cc->arena, u->clauses, u->nclauses * sizeof(*u->clauses));
	set->unit.args = u->args ? arena_dup(cc->arena, u->args, sizeof(*u->args)) : NULL;
	*slot = cc_func_new(cc->arena, "main");
	return *slot ? set : NULL;
}

/* Puts as few clauses into a function as CLAUSE_FUNCS allows: short ones are verified faster. */
static int make_groups(struct cc *cc, struct cc_func_set *set, const int *list, size_t n,
		       bool error, struct groups *gs)
{
	size_t each = (set->unit.nclauses + cc->nerror_clauses + CLAUSE_FUNCS - 1) / CLAUSE_FUNCS;

	gs->group = arena_array(cc->arena, struct group, n + 1);
	if (!gs->group)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += gs->group[gs->n++].n) {
		struct group *gr = &gs->group[gs->n];

		gr->n = each < n - i ? each : n - i;
		gr->func = g_clauses(cc, set, list + i, &gr->n, error);
		if (gr->func < 0)
			return gr->func;
	}
	return 0;
}

/* Only clauses that record something need the function that sends. */
static bool records(const struct cc *cc, const struct cc_unit *unit)
{
	bool any = false;

	for (size_t i = 0; i < unit->nclauses; i++)
		any |= cc->recs[unit->clauses[i]].any;
	for (size_t i = 0; i < cc->nerror_clauses; i++)
		any |= cc->recs[cc->error_clauses[i]].any;
	return any;
}

int cc_plan(struct cc *cc, const struct cc_unit *unit, struct cc_func_set **out)
{
	struct cc_func_set *set = set_new(cc, unit);
	struct groups clauses = { 0 }, errors = { 0 };
	int err;

	if (!set)
		return -ENOMEM;
	err = records(cc, unit) ? g_send_func(cc, set) : 0;
	if (!err)
		err = make_groups(cc, set, unit->clauses, unit->nclauses, false, &clauses);
	if (!err)
		err = make_groups(cc, set, cc->error_clauses, cc->nerror_clauses, true, &errors);
	if (!err)
		err = faults_func(cc, set, &errors);
	if (!err)
		err = main_func(cc, set, &clauses);
	if (!err && (cc->failed || arena_failed(cc->arena)))
		err = -ENOMEM;
	for (size_t i = 0; !err && i < set->nfuncs; i++)
		cc_use(cc, set->funcs[i]);
	*out = set;
	return err;
}

void cc_vtime_plan(struct cc *cc)
{
	cc_use_routine(cc, "rt_prog_vtime");
}
