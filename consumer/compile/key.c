/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/key.c: tuples, laid out as ebpf/abi.h says.
 * In:   the components' trees.
 * Out:  instructions that build the key, on the stack if all are numbers and it is small,
 *       else in the slot, zero-filled up to its class.
 * Owns: nothing.
 */
#include "arch/arch.h"
#include "consumer/compile/inner.h"

#include <stddef.h>
#include <stdio.h>

enum { STACK_KEY_MAX = 64 };

static uint32_t key_class(uint32_t bytes)
{
	uint32_t c = RT_KEY_CLASS_MIN;

	while (c < bytes)
		c *= 2;
	return c;
}

static uint32_t key_most(struct cc *cc, const struct d_type *t)
{
	enum rec_kind k = cc_key_kind(t);

	if (k == REC_STRING)
		return cc->str_cell;
	return cc_key_least(t) +
	       (k == REC_STACK || k == REC_USTACK ? 8 * cc_stack_frames(cc, t) : 0);
}

/* Address ranges of the kernel's functions between a tracepoint and bpf_trace_runN. */
static size_t tracing(const struct gen *g, struct cc_range of[2])
{
	static const char *const before[] = { "__bpf_trace_", "__traceiter_" };
	const struct cc_options *opt = &g->cc->opt;
	char name[128];
	size_t n = 0;

	for (size_t i = 0; g->unit->tracepoint && opt->function && i < COUNT(before); i++) {
		snprintf(name, sizeof(name), "%s%s", before[i], g->unit->tracepoint);
		n += opt->function(name, &of[n]);
	}
	return n;
}

static void get_stack(struct gen *g, int base, uint32_t off, uint32_t bytes, uint32_t flags)
{
	struct cc_func *f = g->f;

	cc_mov(f, R1, R_CTX);
	cc_mov(f, R2, base);
	cc_alu_imm(f, BPF_ADD, R2, (int32_t)off);
	cc_imm(f, R3, bytes);
	cc_imm(f, R4, flags);
	cc_helper(f, BPF_FUNC_get_stack);
}

/*
 * Some kernel stacks begin with our own frames, which are skipped, and so is the function that
 * calls ERROR's clauses. Behind our frames at a raw tracepoint may come the functions that called
 * its program. Their number depends on the kernel and on how many consumers the tracepoint has at
 * the moment: one more frame is skipped as long as the first frame is in such a function.
 */
void g_frames(struct gen *g, bool user, int base, uint32_t off, uint32_t bytes)
{
	struct cc_func *f = g->f;
	struct cc_range of[2];
	uint32_t own = user ? 0 : cc_contexts[g->unit->ctx].frames;
	uint32_t skip = own ? own + g->is_error : 0;
	size_t n = own ? tracing(g, of) : 0;
	int done = cc_label_new(f);

	get_stack(g, base, off, bytes, user ? BPF_F_USER_STACK : skip);
	for (size_t i = 0; i < n; i++) {
		int again = cc_label_new(f);

		cc_jump_imm(f, BPF_JSLT, R0, 8, done);
		cc_mov(f, R1, base);
		cc_alu_imm(f, BPF_ADD, R1, (int32_t)off);
		cc_load(f, BPF_DW, R1, R1, 0);
		for (size_t k = 0; k < n; k++) {
			cc_imm(f, R3, (int64_t)of[k].start);
			cc_mov(f, R2, R1);
			cc_alu(f, BPF_SUB, R2, R3);
			cc_jump_imm(f, BPF_JLT, R2, (int32_t)of[k].size, again);
		}
		cc_jump(f, done);
		cc_label_here(f, again);
		get_stack(g, base, off, bytes, ++skip);
	}
	cc_label_here(f, done);
}

/*
 * Where a function has not made its frame yet, the frame pointer is its caller's, and a walk along
 * frame pointers goes from the site to the caller's caller: the return address comes between them.
 * Since 6.12 the kernel's walk adds it, but only at some first instructions, and on some kernels:
 * the library walks such a stack.
 */
static void user_frames(struct gen *g, uint32_t off, uint32_t bytes)
{
	enum { USER32_CS = 0x23 }; /* of i386 programs */
	struct cc_func *f = g->f;
	int plain = cc_label_new(f), wide = cc_label_new(f), done = cc_label_new(f);

	if (bytes >= 16 && g_return_address(g)) {
		cc_jump_imm(f, BPF_JEQ, R0, 0, plain);
		g_slot_store(g, BPF_DW, off + 8, R0);
		cc_load(f, BPF_DW, R0, R_CTX, ARCH_X86_rip);
		g_slot_store(g, BPF_DW, off, R0);
		g_slot(g, R1, 0);
		cc_imm(f, R2, off + 16);
		cc_imm(f, R3, bytes - 16);
		cc_load(f, BPF_DW, R4, R_CTX, ARCH_X86_rbp);
		cc_load(f, BPF_DW, R0, R_CTX, ARCH_X86_cs);
		cc_imm(f, R5, 8);
		cc_jump_imm(f, BPF_JNE, R0, USER32_CS, wide);
		cc_imm(f, R5, 4);
		cc_label_here(f, wide);
		cc_routine(f, "rt_frames");
		cc_jump_imm(f, BPF_JSLT, R0, 0, done);
		cc_alu_imm(f, BPF_ADD, R0, 16);
		cc_jump(f, done);
	}
	cc_label_here(f, plain);
	g_frames(g, true, R_SLOT, off, bytes);
	cc_label_here(f, done);
}

void g_stack(struct gen *g, const struct d_type *t, uint32_t off)
{
	struct cc_func *f = g->f;
	uint32_t bytes = 8 * cc_stack_frames(g->cc, t);
	int fine = cc_label_new(f);

	if (!cc_contexts[g->unit->ctx].stack) {
		cc_imm(f, R0, 0);
		return;
	}
	g->scratch = true;
	if (cc_key_kind(t) == REC_USTACK)
		user_frames(g, off, bytes);
	else
		g_frames(g, false, R_SLOT, off, bytes);
	cc_jump_imm(f, BPF_JSGE, R0, 0, fine);
	cc_imm(f, R0, 0);
	cc_label_here(f, fine);
}

/* A key while it is built in the slot. Its end is the offset `known` until a component of unknown
 * length comes; from then on `known` is 0, and the word at fp + tail holds the end. */
struct build {
	uint32_t off, most, known;
	int tail, room;
};

/* From here on the end is known at run time only. */
static void unknown(struct gen *g, struct build *b)
{
	if (!b->known)
		return;
	cc_imm(g->f, R1, b->known);
	cc_store(g->f, BPF_DW, R_FP, b->tail, R1);
	b->known = 0;
}

/* Appends the word in r0. */
static void put_word(struct gen *g, struct build *b)
{
	struct cc_func *f = g->f;

	if (b->known + 8 > b->off + b->most)
		unknown(g, b);
	if (b->known) {
		g_slot_store(g, BPF_DW, b->known, R0);
		b->known += 8;
		return;
	}
	cc_load(f, BPF_DW, R1, R_FP, b->tail);
	cc_jump_imm(f, BPF_JGT, R1, (int32_t)(b->off + b->most - 8), b->room);
	cc_mov(f, R2, R_SLOT);
	cc_alu(f, BPF_ADD, R2, R1);
	cc_store(f, BPF_DW, R2, 0, R0);
	cc_alu_imm(f, BPF_ADD, R1, 8);
	cc_store(f, BPF_DW, R_FP, b->tail, R1);
}

static void put_pid(struct gen *g, struct build *b)
{
	g->cc->uses_usyms = true;
	g_pid_tgid(g);
	cc_alu_imm(g->f, BPF_RSH, R0, 32);
	put_word(g, b);
}

static void key_INT(struct gen *g, struct build *b, const struct d_expr *e)
{
	g_number(g, e);
	put_word(g, b);
}

static void key_USYM(struct gen *g, struct build *b, const struct d_expr *e)
{
	int save = g_push(g, 8);

	g_number(g, e);
	cc_store(g->f, BPF_DW, R_FP, save, R0);
	put_pid(g, b);
	cc_load(g->f, BPF_DW, R0, R_FP, save);
	put_word(g, b);
	g_pop(g, 8);
}

static void moved(struct gen *g, const struct build *b)
{
	cc_jump_imm(g->f, BPF_JSLT, R0, 0, b->room);
	cc_store(g->f, BPF_DW, R_FP, b->tail, R0);
}

/* Reads a string from memory to its final place, if a whole string's room fits into the key's. */
static bool read_string(struct gen *g, struct build *b, const struct d_expr *e)
{
	struct cc_func *f = g->f;

	if (!b->known || b->known - 8 + g->cc->str_room > b->off + b->most ||
	    !g_string_in(g, e, b->known))
		return false;
	cc_alu_imm(f, BPF_ADD, R0, (int32_t)b->known + 8);
	cc_alu_imm(f, BPF_AND, R0, -8);
	cc_store(f, BPF_DW, R_FP, b->tail, R0);
	b->known = 0;
	return true;
}

static void key_STRING(struct gen *g, struct build *b, const struct d_expr *e)
{
	uint32_t src;

	if (read_string(g, b, e))
		return;
	src = g_string(g, e);
	unknown(g, b);
	g_slot(g, R1, 0);
	cc_load(g->f, BPF_DW, R2, R_FP, b->tail);
	cc_imm(g->f, R3, src);
	cc_routine(g->f, "rt_key_str");
	moved(g, b);
}

static void key_STACK(struct gen *g, struct build *b, const struct d_expr *e)
{
	struct cc_func *f = g->f;
	uint32_t at = g_room(g, 8 * cc_stack_frames(g->cc, e->type));
	int len = g_push(g, 8);

	if (cc_key_kind(e->type) == REC_USTACK)
		put_pid(g, b);
	g_stack(g, e->type, at);
	cc_store(f, BPF_DW, R_FP, len, R0);
	cc_alu_imm(f, BPF_RSH, R0, 3);
	put_word(g, b);
	unknown(g, b);
	g_slot(g, R1, 0);
	cc_load(f, BPF_DW, R2, R_FP, b->tail);
	cc_imm(f, R3, at);
	cc_load(f, BPF_DW, R4, R_FP, len);
	cc_routine(f, "rt_copy");
	cc_load(f, BPF_DW, R1, R_FP, len);
	cc_jump_imm(f, BPF_JSLT, R0, 0, b->room);
	cc_load(f, BPF_DW, R0, R_FP, b->tail);
	cc_alu(f, BPF_ADD, R0, R1);
	moved(g, b);
	g_pop(g, 8);
}

/* The checker casts an array to its address, and structs are refused: no component is bytes. */
#define key_BYTES key_INT
#define key_KSYM key_INT
#define key_USTACK key_STACK

static void (*const put[])(struct gen *g, struct build *b, const struct d_expr *e) = {
#define REC_KIND(id, value, fixed, least) [REC_##id] = key_##id,
#include "consumer/kinds.def"
};

/* r0 = the thread's serial number, which no other thread ever has; to room, where the drop is
 * counted, if there is no storage. An interrupt may number the thread meanwhile: that number
 * stays. */
static void thread_serial(struct gen *g, int room)
{
	struct cc_func *f = g->f;
	int has = cc_label_new(f);

	g_self(g, true);
	cc_jump_imm(f, BPF_JEQ, R0, 0, room);
	cc_mov(f, R2, R0);
	cc_load(f, BPF_DW, R0, R2, 0);
	cc_jump_imm(f, BPF_JNE, R0, 0, has);
	cc_map_value(f, R1, CC_MAP_STATE, 0);
	cc_imm(f, R0, 1);
	cc_atomic_fetch(f, BPF_ADD, R1, offsetof(struct rt_state, next_serial), R0);
	cc_mov(f, R3, R0);
	cc_alu_imm(f, BPF_ADD, R3, 1);
	cc_imm(f, R0, 0);
	cc_mov(f, R1, R3);
	cc_atomic_cmpxchg(f, BPF_DW, R2, 0, R3);
	cc_jump_imm(f, BPF_JNE, R0, 0, has);
	cc_mov(f, R0, R1);
	cc_label_here(f, has);
}

static struct key on_stack(struct gen *g, uint32_t id, bool serial, struct d_expr *const *kids,
			   size_t n, int room, uint32_t size)
{
	uint32_t class = key_class(size);
	int at = g_push(g, (int)class), next = at + 8;
	struct key k = { .on_stack = true,
			 .off = at,
			 .lo = class,
			 .hi = class,
			 .bytes = (int)class };

	for (uint32_t i = 8; i < class; i += 8)
		cc_store_imm(g->f, BPF_DW, R_FP, at + (int)i, 0);
	cc_store_imm(g->f, BPF_W, R_FP, at, (int32_t)id);
	cc_store_imm(g->f, BPF_W, R_FP, at + 4, 0);
	if (serial) {
		thread_serial(g, room);
		cc_store(g->f, BPF_DW, R_FP, next, R0);
		next += 8;
	}
	for (size_t i = 0; i < n; i++, next += 8) {
		g_number(g, kids[i]);
		if (cc_key_kind(kids[i]->type) == REC_USYM) {
			cc_store(g->f, BPF_DW, R_FP, next + 8, R0);
			g->cc->uses_usyms = true;
			g_pid_tgid(g);
			cc_alu_imm(g->f, BPF_RSH, R0, 32);
			cc_store(g->f, BPF_DW, R_FP, next, R0);
			next += 8;
			continue;
		}
		cc_store(g->f, BPF_DW, R_FP, next, R0);
	}
	return k;
}

struct key g_key(struct gen *g, uint32_t id, bool serial, struct d_expr *const *kids, size_t n,
		 int room)
{
	uint32_t most = 8 + 8 * serial, least = most, class;
	struct cc_func *f = g->f;
	bool numbers = true;
	struct build b;
	struct key k;

	for (size_t i = 0; i < n; i++) {
		most += key_most(g->cc, kids[i]->type);
		least += cc_key_least(kids[i]->type);
		numbers &= cc_key_kind(kids[i]->type) != REC_STRING &&
			   key_most(g->cc, kids[i]->type) == cc_key_least(kids[i]->type);
	}
	if (numbers && most <= STACK_KEY_MAX && g->stack < CC_DEEP)
		return on_stack(g, id, serial, kids, n, room, most);
	class = most > RT_KEY_CLASS_MAX ? RT_KEY_CLASS_MAX : key_class(most);
	b = (struct build){
		.off = g_room(g, class), .most = class, .tail = g_push(g, 8), .room = room
	};
	b.known = b.off + 8;
	k = (struct key){
		.off = (int)b.off, .lo = key_class(least), .hi = class, .klass = b.tail, .bytes = 8
	};
	cc_imm(f, R0, id);
	g_slot_store(g, BPF_DW, b.off, R0);
	if (serial) {
		thread_serial(g, room);
		put_word(g, &b);
	}
	for (size_t i = 0; i < n; i++)
		put[cc_key_kind(kids[i]->type)](g, &b, kids[i]);
	unknown(g, &b);
	g_slot(g, R1, 0);
	cc_imm(f, R2, b.off);
	cc_load(f, BPF_DW, R3, R_FP, b.tail);
	cc_alu(f, BPF_SUB, R3, R2);
	cc_routine(f, "rt_key_fill");
	moved(g, &b);
	return k;
}

void g_key_ptr(struct gen *g, const struct key *k, int reg)
{
	if (!k->on_stack) {
		g_slot(g, reg, (uint32_t)k->off);
		return;
	}
	cc_mov(g->f, reg, R_FP);
	cc_alu_imm(g->f, BPF_ADD, reg, k->off);
}

void g_key_free(struct gen *g, const struct key *k)
{
	g_pop(g, k->bytes);
}
