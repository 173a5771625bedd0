/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/compile/inner.h: what the compiler's files share.
 *
 *   emit.c    instructions, labels, relocations     layout.c  cc_new: variables, records, keys
 *   unit.c    cc_plan: main and its clauses         clause.c  statements and actions
 *   value.c   values by kind of expression          expr.c    operators
 *   type.c    facts of types                        number.c  arithmetic on registers
 *   tables.c  contexts and maps                     gen.c     stack, slot, drops, faults
 *   string.c  strings                               element.c associative arrays
 *   lvalue.c  lvalues: found, read                  memory.c  memory behind addresses
 *   scratch.c a clause's own memory
 *   key.c     tuples     agg.c     aggregations     rec.c     records
 *   aggregate.c arrays and structs in variables     builtin.c built-in variables
 *   assign.c  assignments                           refuse.c  what this version lacks
 *   arg.c     arguments by their places             link.c    sets of functions into the kernel
 */
#ifndef CONSUMER_COMPILE_INNER_H
#define CONSUMER_COMPILE_INNER_H

#include "consumer/compile/compile.h"
#include "consumer/compile/emit.h"

#include <errno.h>
#include <string.h>

/* One program before it is linked. funcs[0] is main; then the clauses' functions, the error
 * clauses' functions and helpers of the unit; cc_call's targets index this array. */
struct cc_func_set {
	struct cc_unit unit; /* a copy; its clauses and args too */
	struct cc_func **funcs;
	size_t nfuncs, cap;
	bool scratch;	/* some function uses the slot */
	int send_func;	/* index of the function that sends a record */
	int fault_func; /* index of the function that main calls for a fault */
};

enum { CC_MAXMAPS = 128 };

struct cc {
	struct arena *arena;
	struct diag *diag;
	struct d *d;
	const struct d_prog *prog;
	struct cc_options opt;
	struct cc_map maps[CC_MAXMAPS]; /* by id: CC_NFIXEDMAPS fixed ones, then classes */
	size_t nmaps;
	uint32_t ncpu2;	   /* opt.ncpu rounded up to a power of two */
	uint32_t str_room; /* RT_STR_ROOM(strsize) */
	uint32_t str_cell; /* bytes of a global or self-> string: strsize rounded up to 8 */

	/* Offsets by variable id. */
	uint32_t *global_off, *self_off, *this_off;
	uint32_t globals_size, self_size, this_size;
	uint32_t cells_block; /* bytes of a CPU's block in `cells` */
	uint32_t slot_size;   /* of scratch, RT_SLOT_PAD included: final after the last cc_plan */
	uint32_t rec_off, rec_max; /* the record's place in a slot, and its largest size */
	/* Bytes of CC_MAP_ZERO and CC_MAP_TICKS; rows of CC_MAP_PROBES. */
	uint32_t zero_size, ticks_size, probes_room;
	uint32_t copyin_room; /* a clause's room for copies of sizes that vary, in bytes */
	uint32_t heap_off;    /* of the struct rt_heap in a slot; rooms begin at rooms_off */
	uint32_t rooms_off;
	uint32_t this_plain; /* bytes of the clause-local variables but strings, if one is an array
			      * or a struct, whose address a program can take; else 0 */

	struct rec_desc *recs; /* by clause */
	struct agg_desc *aggs; /* by aggregation */
	bool uses_usyms, uses_vtimestamp;
	bool has_exit; /* some clause may call exit() */

	const int *error_clauses;
	size_t nerror_clauses;
	uint32_t error_probe;
	bool failed; /* an error was reported */
};

/* The id of the map for keys of key_class bytes and values of value_size; added at the first call.
 * Too many maps: an error is reported, and the id is that of another map. */
int cc_class_map(struct cc *cc, enum cc_mapkind kind, uint32_t key_class, uint32_t value_size);
/* Marks the maps that a function uses, by itself or through the library. */
void cc_use(struct cc *cc, const struct cc_func *f);
void cc_use_routine(struct cc *cc, const char *name);
void cc_maps_layout(struct cc *cc);
int cc_map_by_name(const char *name); /* the id of a row's map; -1: there is none */

struct cc_func *cc_func_new(struct arena *a, const char *name);

/* ---- Generating one function ------------------------------------------------ */

/*
 * Registers of every function of a unit: r6 ctx, r7 struct rt_fire *, r8 the slot, r9 a pointer
 * held over a few instructions, never while an expression is generated. A value is left in r0,
 * extended to 64 bits as its type says. Everything below overwrites r0 to r5.
 */
enum { R0, R1, R2, R3, R4, R5, R_CTX, R_FIRE, R_SLOT, R_PTR, R_FP };

/* Of BPF's 512 bytes of stack main takes 96, faults 32, a routine 128. A clause that has CC_DEEP
 * bytes in use keeps further values and keys in the slot. */
enum { CC_CLAUSE_STACK = 256, CC_DEEP = 128 };

struct gen {
	struct cc *cc;
	struct cc_func *f;
	struct cc_func_set *set;
	const struct cc_unit *unit;
	const struct cc_args *args;
	const struct d_clause *clause;
	const struct rec_desc *rec;
	bool scratch;  /* the slot was used */
	bool sleep;    /* may fault pages in */
	bool is_error; /* of ERROR: called by the function `faults` */
	int stack;     /* bytes in use */
	bool too_deep;
	uint32_t top;	    /* first byte of the slot that is free */
	uint32_t heap_room; /* bytes of the slot that copyin() may give the clause */
	int fault;	    /* label */
	int tail;	    /* stack offset of the record's length */
	size_t next_action; /* of rec */
	int action;	    /* for ERROR */
};

int g_push(struct gen *g, int bytes); /* fp offset of stack bytes, multiples of 8 */
void g_pop(struct gen *g, int bytes);
uint32_t g_room(struct gen *g, uint32_t bytes); /* offset in the slot, for this statement */
uint32_t g_str_room(struct gen *g);
void g_slot(struct gen *g, int reg, uint32_t off); /* reg = slot + off */
/* slot + off = src; far offsets go by r5 */
void g_slot_store(struct gen *g, int size, uint32_t off, int src);
void g_cpu(struct gen *g);			/* r2 = this CPU's struct rt_cpu; r1 is lost */
void g_drop(struct gen *g, enum rt_drop which); /* counts a drop; r1, r2 are lost */
/* A change was overtaken by another thread's: jumps to `again` or, after the tries counted at fp +
 * tries, counts a drop. r1, r2, r5 are lost. */
void g_try_again(struct gen *g, int tries, int again);
/* r0 = the map's row whose index is the member of struct rt_fire at offset `member`; to none if
 * there is no such row. `key`: 8 bytes of the stack. */
void g_map_row(struct gen *g, int map, int member, int key, int none);
void g_fault(struct gen *g, enum rt_fault fault, int reg); /* reg: value, -1: 0; not r1 */
/* The offset of a member in the kernel's structures: "task_struct.tgid"; an error if missing. */
int g_field(struct gen *g, const char *path);
void g_time(struct gen *g);		   /* r0 = the firing's time */
void g_pid_tgid(struct gen *g);		   /* r0 */
void g_owner(struct gen *g, uint32_t off); /* struct rt_owner at slot + off */
/* Calls a library routine with the slot and two numbers. */
void g_slot_routine(struct gen *g, const char *name, uint32_t a, uint32_t b);
void g_clear(struct gen *g, uint32_t off, uint32_t bytes); /* zeros in the slot; multiples of 8 */

/* A value kept while another is computed: on the stack or, if the stack is deep, in the slot. */
struct held {
	bool in_slot;
	int at;
};
struct held g_hold(struct gen *g);		     /* r0 */
void g_release(struct gen *g, const struct held *h); /* to r0; keeps r1 */

/* ---- Values -------------------------------------------------------------------- */

enum value_kind {
	VALUE_NUMBER, /* integers, pointers, the bits of floats: in r0, extended to 64 bits */
	VALUE_STRING, /* a struct rt_str in the slot */
	VALUE_BYTES,  /* bytes in the slot, as they lie in memory */
};
/* Where the instructions of an expression leave its value. */
struct value {
	enum value_kind kind;
	uint32_t at;   /* STRING, BYTES: their offset in the slot */
	uint32_t size; /* BYTES: their number; the most, if `length` is given */
	int length;    /* BYTES: the stack offset of their number; 0: `size` */
};
static inline struct value value_number(void)
{
	return (struct value){ .kind = VALUE_NUMBER };
}
static inline struct value value_string(uint32_t at)
{
	return (struct value){ .kind = VALUE_STRING, .at = at };
}

static inline struct value value_bytes(uint32_t at, uint32_t size)
{
	return (struct value){ .kind = VALUE_BYTES, .at = at, .size = size };
}

enum value_kind cc_value_kind(const struct d_type *t);
/* Any expression. The functions below come back to their operands through this function only. */
struct value g_value(struct gen *g, const struct d_expr *e);
void g_number(struct gen *g, const struct d_expr *e);	  /* r0 */
uint32_t g_string(struct gen *g, const struct d_expr *e); /* slot offset of a struct rt_str */

/* By kinds of expressions. */
struct value g_unary(struct gen *g, const struct d_expr *e);
struct value g_binary(struct gen *g, const struct d_expr *e);

void g_norm(struct gen *g, const struct d_type *t); /* r0 as a value of t */
int g_access(uint64_t bytes);			    /* BPF_B, BPF_H, BPF_W or BPF_DW */
void g_extend(struct gen *g, uint32_t size, bool is_signed);
void g_arith(struct gen *g, enum d_op op, const struct d_type *t); /* r0 = r0 op r1; r2 to r4 */
bool cc_type_signed(const struct d_type *t);

/* ---- Memory -------------------------------------------------------------------------- */

/* The memory that the address in r0 leads to. */
struct memory {
	bool user; /* the address is user land's; else the kernel's */
	bool own;  /* or the clause's own: the value of the address tells */
	int limit; /* the range of a copyin() that is read in place: stack offset of two words, its
		    * start and its size; 0: no limit */
	int most;  /* stack offset of a string's largest length; 0: no limit */
};
/* r0 = the pointer's value. stays: a copyin() must copy, because its bytes are changed or their
 * address is used again. */
struct memory g_pointee(struct gen *g, const struct d_expr *pointer, bool stays);
void g_memory_free(struct gen *g, const struct memory *m);
void g_read(struct gen *g, uint32_t size, bool is_signed, bool user); /* r0 = the number at r0 */
void g_memory_number(struct gen *g, const struct memory *m, uint32_t size, bool is_signed);
/* Reads a string to the struct rt_str at slot + at, at most `most` bytes; r0: its length. */
void g_memory_string(struct gen *g, const struct memory *m, uint64_t most, uint32_t at);
void g_memory_bytes(struct gen *g, const struct memory *m, uint32_t size, uint32_t at);
/* Stores r0 at the address in fp + addr; a fault unless copyin() gave this clause those bytes. */
void g_memory_store(struct gen *g, int addr, uint32_t size);

/* The slot's memory of which a program can have addresses. */
enum { CC_HEAP_MAX = 1 << 20, CC_COPYIN_MAX = 1 << 18 };
uint32_t cc_heap_room(const struct cc *cc, const struct d_clause *c);
void g_heap_begin(struct gen *g); /* a clause begins with an empty heap */
bool g_has_own_memory(const struct gen *g);
void g_own_address(struct gen *g, uint32_t off); /* r0 = the address of slot + off */
/* r1 = the slot offset of the `size` bytes at the address r0, r2 = the slot offset where their area
 * ends; to `other` if they are not the clause's own. r0 stays, r3 is lost. */
void g_own_offset(struct gen *g, uint32_t size, bool heap_only, int other);
/* The call of copyin() that makes the pointer e; NULL: another expression makes it. */
const struct d_expr *g_copied_in(const struct d_expr *e);
int g_copyin_limit(struct gen *g,
		   const struct d_expr *call); /* r0 = the address; returns struct memory's limit */
struct value g_copyin(struct gen *g, const struct d_expr *e);

void g_arg(struct gen *g, size_t operand); /* r0 = operand; 0 if the site has none */
void g_condition_operand(struct gen *g, const struct cc_arg *a, int word); /* r0 */
void g_typed_arg(struct gen *g, size_t n);				   /* r0 = args[n] */
/* r0 = the return address of the function that the site is in, 0 if it cannot be read. False: frame
 * pointers lead to it at every site; nothing is generated. */
bool g_return_address(struct gen *g);
struct value g_builtin(struct gen *g, const struct d_expr *e); /* VAR; INDEX of args[] */
struct value g_subr(struct gen *g, const struct d_expr *e);    /* CALL */

/* The node STRING. */
struct value g_string_literal(struct gen *g, const struct d_expr *e);
/* Reads a string from memory. False: e is no string in memory; nothing is generated. */
bool g_string_memory(struct gen *g, const struct d_expr *e, struct value *v);
struct value g_copyinstr(struct gen *g, const struct d_expr *e);
struct value g_strjoin(struct gen *g, const struct d_expr *e);
struct value g_substr(struct gen *g, const struct d_expr *e);
void g_string_copy(struct gen *g, uint32_t to, uint32_t from);
/* The same to slot + off. The room of str_room bytes begins at off - 8, and its first 8 bytes stay
 * as they were. r0: the string's length. */
bool g_string_in(struct gen *g, const struct d_expr *e, uint32_t off);

void g_life_test(struct gen *g, int out); /* to out if tracing has not begun, or ends */
/* The array or struct variable that e is, or is a part of; NULL: there is none. */
const struct d_var *cc_aggregate_of(const struct d_expr *e);
const struct d_expr *cc_aggregate_name(const struct d_expr *e); /* its VAR or INDEX node */
bool cc_is_aligned(const struct d_expr *e);
bool cc_is_aggregate(const struct d_type *t); /* an array, a struct or a union */
uint32_t cc_var_size(const struct d_type *t); /* bytes of a variable that is no string */
enum { CC_MAX_AGGREGATE = 1 << 20, CC_MAX_LOCAL = 1 << 15 }; /* bytes: a global's; any other's */
/* Bytes from a variable's start: `known` or, if it varies, the word at fp + at. */
struct offset {
	bool varies;
	uint32_t known, bits;
	int at;
};
struct offset g_offset(struct gen *g, const struct d_expr *e); /* a fault if outside the variable */
void g_offset_word(struct gen *g, struct offset *o); /* moves to the aligned 4 bytes around it */
void g_offset_shift(struct gen *g, const struct offset *o,
		    int reg); /* then reg = how many bits are below it */
void g_offset_free(struct gen *g, const struct offset *o);
void g_zeros(struct gen *g, int reg, uint32_t bytes); /* reg = the address of `bytes` zeros */
void g_assign(struct gen *g, const struct d_expr *e);
struct value g_assign_string(struct gen *g, const struct d_expr *e);
void g_step(struct gen *g, const struct d_expr *e);

/* A key in memory. The compiler knows its class (lo == hi), or the word at fp + klass holds it. */
struct key {
	bool on_stack;
	int off;	 /* fp or slot offset */
	uint32_t lo, hi; /* classes it may have */
	int klass;
	int bytes; /* of stack, for g_key_free */
};
/* kids[0..n): components; room: jump there if the key is too long. */
struct key g_key(struct gen *g, uint32_t id, bool serial, struct d_expr *const *kids, size_t n,
		 int room);
void g_key_ptr(struct gen *g, const struct key *k, int reg);
void g_key_free(struct gen *g, const struct key *k);

/* ---- Lvalues -------------------------------------------------------------------------------- */

/* An lvalue while it is used: a variable, an element, a part of either, or memory. */
struct lvalue {
	const struct d_type *type; /* the lvalue's type */
	const struct d_var *var;   /* NULL: memory that a pointer leads to */
	bool inside;		   /* a part of an array or struct variable, or all of it */
	bool is_element; /* of an associative array: `key` finds a value of `cell` bytes */
	struct key key;
	uint32_t cell;
	struct offset off;    /* inside: from the variable's start */
	int size;	      /* of an access: BPF_DW; inside: its C size, or the word around it */
	uint32_t mask;	      /* of one or two bytes in a word; 0: the whole access */
	struct memory memory; /* memory: its address is in the stack at `address` */
	int address;
};
/* none: jump there if the key is too long. The lvalue keeps stack until g_lvalue_free(). */
struct lvalue g_lvalue(struct gen *g, const struct d_expr *e, int none);
void g_lvalue_free(struct gen *g, const struct lvalue *lv);
/* r9 = the variable's address; to none if it does not exist. create: a thread's storage is made. */
void g_lvalue_find(struct gen *g, const struct lvalue *lv, bool create, int none);
const struct d_var *cc_lvalue_var(const struct d_expr *e); /* of a VAR or an INDEX */
bool cc_is_memory(const struct d_expr *e); /* true: an lvalue that is no part of a variable */
uint32_t g_lvalue_string_size(const struct gen *g, const struct lvalue *lv);
void g_self(struct gen *g, bool create); /* r0: the thread's storage or NULL */
struct value g_load(struct gen *g, const struct d_expr *e);
void g_load_bytes(struct gen *g, const struct d_expr *e, uint32_t at); /* to slot + at */
void g_address(struct gen *g, const struct d_expr *e);		       /* r0 */
struct memory g_lvalue_memory(struct gen *g, const struct d_expr *e, bool stays);

/* A map helper's call for an element. An update sets the value at reg + off, or zeros. */
struct element_change {
	int helper, reg, off, flags;
	bool zeros;
};
void g_element_key(struct gen *g, const struct d_expr *e, struct lvalue *lv, int room);
/* Calls a map helper on the map of the key's class. r0: its result; 0 if the class has no map. */
void g_element_call(struct gen *g, const struct lvalue *lv, const struct element_change *c);
void g_element_change(struct gen *g, const struct lvalue *lv, const struct element_change *c,
		      int full);
enum rec_kind cc_key_kind(const struct d_type *t);
uint32_t cc_key_least(const struct d_type *t);
enum { CC_FRAMES_MAX = RT_FRAMES_MAX };
uint32_t cc_stack_frames(const struct cc *cc, const struct d_type *t);
/* Writes up to `bytes` of return addresses to base + off (base: R_SLOT or R_FP), the address in the
 * probe's own function first. r0: how many bytes, or negative. */
void g_frames(struct gen *g, bool user, int base, uint32_t off, uint32_t bytes);
/* r0 = bytes of the stack written to slot + off; room for cc_stack_frames */
void g_stack(struct gen *g, const struct d_type *t, uint32_t off);

void g_agg(struct gen *g, const struct d_stmt *s);
uint32_t cc_agg_words(const struct d_agg *a); /* of a value, word 0 included */

bool cc_rec_layout(struct cc *cc, const struct d_clause *c, struct rec_desc *r);
void g_rec_begin(struct gen *g);
void g_rec_action(struct gen *g, const struct d_stmt *s);
void g_rec_end(struct gen *g);
int g_send_func(struct cc *cc, struct cc_func_set *set); /* 0, or -errno */
/* Outputs r3 bytes (bounded) at r2 to this CPU's ring buffer; counts a drop if they do not fit. */
void g_ring(struct gen *g);

/* Adds a function to the set that runs the first *n clauses of the list, or fewer if they are long:
 * *n then says how many. The function's index, or -errno. */
int g_clauses(struct cc *cc, struct cc_func_set *set, const int *list, size_t *n, bool is_error);

bool cc_refuse_clause(struct cc *cc, const struct d_clause *c);
/* True if this version has the row; else reports that it lacks it. parens: "()" for functions. */
bool cc_refuse_lacking(struct cc *cc, struct loc at, const struct d_row *row, const char *parens);

#endif
