/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/builtin.c: built-in variables and subroutines.
 * In:   VAR, INDEX and CALL nodes.
 * Out:  instructions that leave the value in r0, or a string in the slot.
 * Owns: nothing.
 */
#include "consumer/compile/inner.h"

#include <stddef.h>

/* ---- Numbers ---------------------------------------------------------------------- */

static struct value var_arg(struct gen *g, const struct d_expr *e)
{
	g_arg(g, CC_ARG + (size_t)(e->var->id - D_BUILTIN_arg0));
	return value_number();
}

static struct value var_args(struct gen *g, const struct d_expr *e)
{
	g_typed_arg(g, (size_t)e->ival);
	return value_number();
}

static struct value var_pid(struct gen *g, const struct d_expr *e)
{
	(void)e;
	g_pid_tgid(g);
	cc_alu_imm(g->f, BPF_RSH, R0, 32);
	return value_number();
}

static struct value var_tid(struct gen *g, const struct d_expr *e)
{
	(void)e;
	g_pid_tgid(g);
	g_extend(g, 4, false);
	return value_number();
}

static struct value var_ppid(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_helper(g->f, BPF_FUNC_get_current_task);
	cc_alu_imm(g->f, BPF_ADD, R0, g_field(g, "task_struct.real_parent"));
	g_read(g, 8, false, false);
	cc_alu_imm(g->f, BPF_ADD, R0, g_field(g, "task_struct.tgid"));
	g_read(g, 4, true, false);
	return value_number();
}

static struct value var_uid(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_helper(g->f, BPF_FUNC_get_current_uid_gid);
	g_extend(g, 4, false);
	return value_number();
}

static struct value var_gid(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_helper(g->f, BPF_FUNC_get_current_uid_gid);
	cc_alu_imm(g->f, BPF_RSH, R0, 32);
	return value_number();
}

static struct value var_cpu(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_load(g->f, BPF_W, R0, R_FIRE, offsetof(struct rt_fire, cpu));
	return value_number();
}

static struct value var_timestamp(struct gen *g, const struct d_expr *e)
{
	(void)e;
	g_time(g);
	return value_number();
}

static struct value var_walltimestamp(struct gen *g, const struct d_expr *e)
{
	(void)e;
	g_time(g);
	cc_map_value(g->f, R1, CC_MAP_STATE, 0);
	cc_load(g->f, BPF_DW, R1, R1, offsetof(struct rt_state, wall_offset));
	cc_alu(g->f, BPF_ADD, R0, R1);
	return value_number();
}

/* The thread's time on CPU: the total when the thread last left a CPU, and the time since it came
 * on this CPU. The latter is negative if the thread slept after the firing's timestamp was read:
 * then it counts as 0. */
static struct value var_vtimestamp(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int have = cc_label_new(f), end = cc_label_new(f),
	    off = (int)offsetof(struct rt_self, cpu_time);
	int before = g_push(g, 8);

	(void)e;
	g->cc->uses_vtimestamp = true;
	g_self(g, true);
	cc_jump_imm(f, BPF_JNE, R0, 0, have);
	g_drop(g, RT_DROP_DYNVAR);
	cc_imm(f, R0, 0);
	cc_jump(f, end);
	cc_label_here(f, have);
	cc_load(f, BPF_DW, R0, R0, off);
	cc_store(f, BPF_DW, R_FP, before, R0);
	g_time(g);
	cc_load(f, BPF_W, R1, R_FIRE, offsetof(struct rt_fire, cpu));
	cc_alu_imm(f, BPF_AND, R1, (int32_t)g->cc->ncpu2 - 1);
	cc_alu_imm(f, BPF_MUL, R1, sizeof(struct rt_cpu));
	cc_map_value(f, R2, CC_MAP_CPUS, offsetof(struct rt_cpu, switched));
	cc_alu(f, BPF_ADD, R2, R1);
	cc_load(f, BPF_DW, R1, R2, 0);
	cc_alu(f, BPF_SUB, R0, R1);
	have = cc_label_new(f);
	cc_jump_imm(f, BPF_JSGE, R0, 0, have);
	cc_imm(f, R0, 0);
	cc_label_here(f, have);
	cc_load(f, BPF_DW, R1, R_FP, before);
	cc_alu(f, BPF_ADD, R0, R1);
	cc_label_here(f, end);
	g_pop(g, 8);
	return value_number();
}

static struct value var_curthread(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_helper(g->f, BPF_FUNC_get_current_task);
	return value_number();
}

static struct value var_errno(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	int none = cc_label_new(f), end = cc_label_new(f);

	(void)e;
	for (size_t i = 0; g->args && i < CC_NARGS; i++) {
		const struct cc_arg *a = &g->args->arg[i];

		if (a->kind != CC_A_SYSRET)
			continue;
		cc_load(f, BPF_DW, R0, R_CTX, (int)a->disp);
		cc_jump_imm(f, BPF_JLT, R0, -4095, none);
		cc_alu_imm(f, BPF_NEG, R0, 0);
		cc_jump(f, end);
		break;
	}
	cc_label_here(f, none);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	return value_number();
}

static struct value var_epid(struct gen *g, const struct d_expr *e)
{
	(void)e;
	cc_load(g->f, BPF_W, R0, R_FIRE, offsetof(struct rt_fire, probe));
	cc_alu_imm(g->f, BPF_MUL, R0, (int32_t)g->cc->prog->nclauses);
	cc_alu_imm(g->f, BPF_ADD, R0, g->clause->index + 1);
	return value_number();
}

/* r0 = the fired probe's row; to none if there is no row. */
static void probe_row(struct gen *g, int none)
{
	int key = g_push(g, 8);

	g_map_row(g, CC_MAP_PROBES, offsetof(struct rt_fire, probe), key, none);
	g_pop(g, 8);
}

static struct value var_id(struct gen *g, const struct d_expr *e)
{
	int none = cc_label_new(g->f);

	(void)e;
	probe_row(g, none);
	cc_load(g->f, BPF_W, R0, R0, offsetof(struct rt_probe, id));
	cc_label_here(g->f, none);
	return value_number();
}

/* The return address of the probe's function: from the site's operand, else the second frame. */
static struct value caller(struct gen *g, bool user)
{
	struct cc_func *f = g->f;
	int buf = g_push(g, 16), end = cc_label_new(f);

	if (user && g_return_address(g))
		cc_jump_imm(f, BPF_JNE, R0, 0, end);
	cc_store_imm(f, BPF_DW, R_FP, buf, 0);
	cc_store_imm(f, BPF_DW, R_FP, buf + 8, 0);
	if (cc_contexts[g->unit->ctx].stack)
		g_frames(g, user, R_FP, (uint32_t)buf, 16);
	cc_load(f, BPF_DW, R0, R_FP, buf + 8);
	cc_label_here(f, end);
	g_pop(g, 16);
	return value_number();
}

static struct value var_caller(struct gen *g, const struct d_expr *e)
{
	(void)e;
	return caller(g, false);
}

static struct value var_ucaller(struct gen *g, const struct d_expr *e)
{
	(void)e;
	return caller(g, true);
}

/* ---- Strings ---------------------------------------------------------------------- */

static struct value var_execname(struct gen *g, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	uint32_t at = g_str_room(g);

	(void)e;
	cc_helper(f, BPF_FUNC_get_current_task);
	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_ADD, R3, g_field(g, "task_struct.comm"));
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_imm(f, R4, 15);
	cc_routine(f, "rt_kstr");
	return value_string(at);
}

/* Appends the id of the process that fires to the provider's name, if the row's by_process, at fp +
 * flag, is set. */
static void provider_pid(struct gen *g, uint32_t at, int flag)
{
	struct cc_func *f = g->f;
	int end = cc_label_new(f);

	cc_load(f, BPF_W, R0, R_FP, flag);
	cc_jump_imm(f, BPF_JEQ, R0, 0, end);
	g_pid_tgid(g);
	cc_alu_imm(f, BPF_RSH, R0, 32);
	cc_mov(f, R3, R0);
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_routine(f, "rt_str_number");
	cc_label_here(f, end);
}

static struct value probe_part(struct gen *g, size_t off, size_t size)
{
	struct cc_func *f = g->f;
	uint32_t at = g_str_room(g), most = g->cc->opt.strsize;
	int end = cc_label_new(f), none = cc_label_new(f), flag = g_push(g, 8);
	/* Only probes of user land need the process's id, and only in units for all processes. */
	bool pid = off == offsetof(struct rt_probe, prov) && !g->unit->pid &&
		   cc_contexts[g->unit->ctx].user_args;

	if (pid)
		cc_store_imm(f, BPF_W, R_FP, flag, 0);
	probe_row(g, none);
	if (pid) {
		cc_load(f, BPF_W, R1, R0, offsetof(struct rt_probe, by_process));
		cc_store(f, BPF_W, R_FP, flag, R1);
	}
	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_ADD, R3, (int32_t)off);
	g_slot(g, R1, at + 8);
	cc_imm(f, R2, size < most ? (int64_t)size : most);
	cc_helper(f, BPF_FUNC_probe_read_kernel_str);
	cc_jump_imm(f, BPF_JSLE, R0, 0, none);
	cc_alu_imm(f, BPF_SUB, R0, 1);
	cc_jump(f, end);
	cc_label_here(f, none);
	cc_imm(f, R0, 0);
	cc_label_here(f, end);
	cc_mov(f, R3, R0);
	g_slot(g, R1, 0);
	cc_imm(f, R2, at);
	cc_routine(f, "rt_str_end");
	if (pid)
		provider_pid(g, at, flag);
	g_pop(g, 8);
	return value_string(at);
}

#define PART(row, member)                                                    \
	static struct value var_##row(struct gen *g, const struct d_expr *e) \
	{                                                                    \
		(void)e;                                                     \
		return probe_part(g, offsetof(struct rt_probe, member),      \
				  sizeof(((struct rt_probe *)0)->member));   \
	}
PART(probeprov, prov)
PART(probemod, mod)
PART(probefunc, func)
PART(probename, name)

/* ---- The table ----------------------------------------------------------------------- */

/* Never called: cc_refuse_clause() has refused the row. */
static struct value var_lacking(struct gen *g, const struct d_expr *e)
{
	const struct d_var *v = e->kind == D_E_INDEX ? e->kids[0]->var : e->var;

	g->cc->failed |= !cc_refuse_lacking(g->cc, e->loc, &d_var_rows[v->id], "");
	return value_number();
}

#define var_arg0 var_arg
#define var_arg1 var_arg
#define var_arg2 var_arg
#define var_arg3 var_arg
#define var_arg4 var_arg
#define var_arg5 var_arg
#define var_arg6 var_arg
#define var_arg7 var_arg
#define var_arg8 var_arg
#define var_arg9 var_arg

static struct value (*const vars[D_NBUILTINS])(struct gen *g, const struct d_expr *e) = {
#define D_VAR(id, has, type, ...) [D_BUILTIN_##id] = D_IF_##has(var_##id, var_lacking),
#include "d/builtins.def"
};

struct value g_builtin(struct gen *g, const struct d_expr *e)
{
	const struct d_var *var = e->kind == D_E_INDEX ? e->kids[0]->var : e->var;
	struct value v = vars[var->id](g, e);

	if (v.kind == VALUE_NUMBER)
		g_norm(g, e->type);
	return v;
}

/* ---- Subroutines -------------------------------------------------------------------- */

static struct value subr_strlen(struct gen *g, const struct d_expr *e)
{
	uint32_t at = g_string(g, e->kids[0]);

	g_slot(g, R1, at);
	cc_load(g->f, BPF_DW, R0, R1, 0);
	return value_number();
}

/* Never called: cc_refuse_clause() has refused the row. */
static struct value subr_lacking(struct gen *g, const struct d_expr *e)
{
	g->cc->failed |= !cc_refuse_lacking(g->cc, e->loc, &d_subr_rows[e->func], "()");
	return value_number();
}

#define subr_copyin g_copyin
#define subr_copyinstr g_copyinstr
#define subr_strjoin g_strjoin
#define subr_substr g_substr

static struct value (*const subrs[D_NSUBRS])(struct gen *g, const struct d_expr *e) = {
#define D_SUBR(id, has, proto, ...) [D_SUBR_##id] = D_IF_##has(subr_##id, subr_lacking),
#include "d/builtins.def"
};

struct value g_subr(struct gen *g, const struct d_expr *e)
{
	return subrs[e->func](g, e);
}
