/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/abi.h: the layouts that compiled programs, the BPF library (ebpf/), the run room and
 * output share. BPF C includes this file too: only fixed-width types, no libc.
 * The maps that hold them: consumer/compile/maps.def.
 */
#ifndef EBPF_ABI_H
#define EBPF_ABI_H

#ifndef __bpf__
#include <assert.h>
#include <stdint.h>
#define RT_ASSERT(e) static_assert(e, #e)
#else
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef int int32_t;
typedef long long int64_t;
#define RT_ASSERT(e) _Static_assert(e, #e)
#endif

/* ---- Life of an enabling (rule 7 of docs/architecture.md) -------------------------------- */

enum rt_life {
	RT_WARMUP,   /* nothing but BEGIN runs */
	RT_ACTIVE,   /* set by the end of BEGIN's program */
	RT_DRAINING, /* exit() was called: no clause starts any more, END excepted */
	RT_ENDED,
};

struct rt_state {
	uint32_t life;
	uint32_t exiting; /* 1: exit() was called; its status below */
	int32_t exit_status;
	uint32_t filled;      /* bufpolicy=fill: some CPU's buffer is full */
	int64_t wall_offset;  /* walltimestamp = monotonic + this, renewed by the consumer */
	uint64_t next_serial; /* last number given to a thread (self-> arrays); atomic add */
};

/* ---- Drops and faults --------------------------------------------------- */

/* Kinds of drops: drops.def says how each is printed. */
enum rt_drop {
#define RT_DROP(id, words, per_cpu) RT_DROP_##id,
#include "ebpf/drops.def"
	RT_NDROPS
};

/* Faults of a clause, numbered as the ERROR probe's arg4: faults.def. */
enum rt_fault {
#define RT_FAULT(id, words, shows_address) RT_FLT_##id,
#include "ebpf/faults.def"
	RT_NFAULTS
};

enum { RT_SLOTS = 64 };

struct rt_cpu {
	uint64_t drops[16]; /* by enum rt_drop; atomic add */
	uint64_t scratch;   /* bit n: slot n of this CPU is taken (atomic OR, AND) */
	uint64_t switched;  /* vtimestamp: when the current task came on this CPU */
	uint64_t filled;    /* bufpolicy=fill: this CPU records no more */
	uint64_t pad[13];
};
RT_ASSERT(sizeof(struct rt_cpu) == 256);
RT_ASSERT(RT_NDROPS <= 16);

/* ---- One firing --------------------------------------------------------- */

/* On the main program's stack; a pointer to it is every clause function's second argument. */
struct rt_fire {
	uint64_t timestamp; /* 0: not read yet */
	uint32_t probe;	    /* index in the enabling's table of probes */
	uint32_t cpu;
	uint64_t err[5];  /* ERROR's arg1..arg5: epid, action, pc, fault, value (rt_arg's, too) */
	uint32_t clause;  /* the clause that faulted */
	uint32_t faulted; /* while ERROR's clauses run: the probe whose clause faulted */
	uint32_t place;	  /* the site's row in the program's table of places */
	uint32_t pad;
};
RT_ASSERT(sizeof(struct rt_fire) == 72);

/* ---- Places of arguments -------------------------------------------------- */

/*
 * The sites of one program may have an argument at different places. A site's attach cookie has the
 * probe's index in its low 32 bits, and the site's row in a table of places in its high 32 bits.
 * The row has a struct rt_place for each argument that differs.
 */
#define RT_COOKIE(probe, place) ((uint64_t)(place) << 32 | (uint32_t)(probe))

enum rt_place_kind {
	RT_PLACE_NONE,	/* no such argument: 0 */
	RT_PLACE_CONST, /* disp */
	RT_PLACE_REG,	/* the register base >> shift, size bytes */
	RT_PLACE_PAIR,	/* 64 bits in two registers of 32: lower in base, upper in index */
	RT_PLACE_USER,	/* user memory at base + index * scale + disp, size bytes */
	RT_PLACE_BAD,	/* unknown: reading it is a fault (RT_FLT_ILLOP) with the value disp */
};
enum { RT_NO_REG = 0xff };
struct rt_place {
	uint8_t kind;  /* enum rt_place_kind */
	uint8_t size;  /* 1, 2, 4, 8 */
	uint8_t base;  /* a register, by its word in the context; RT_NO_REG: 0 */
	uint8_t index; /* likewise */
	uint8_t shift, scale;
	uint8_t is_signed;
	uint8_t narrow; /* USER: the address has 32 bits, the carry is lost */
	int64_t disp;
};
RT_ASSERT(sizeof(struct rt_place) == 16);

/* The beginning of a thread's storage. */
struct rt_self {
	uint64_t serial;   /* the thread's number for self-> arrays; 0: not numbered yet */
	uint64_t cpu_time; /* vtimestamp: ns on CPU until the thread last left a CPU */
};

/* A probe in the probes map. */
struct rt_probe {
	uint32_t id;
	uint32_t by_process; /* the provider's name ends in the id of the process that fires */
	char prov[64], mod[64], func[192], name[64];
};
RT_ASSERT(sizeof(struct rt_probe) == 392);

enum { RT_FRAMES_MAX = 127 }; /* of a stack: the kernel's own limit, perf_event_max_stack */

/* ---- Strings in scratch -------------------------------------------------- */

/*
 * A string value: length, then bytes, NUL, and zeros up to a multiple of 8, so that strings are
 * compared, hashed and copied by words. A string takes a room of RT_STR_ROOM(strsize) bytes.
 */
struct rt_str {
	uint64_t len; /* bytes before the NUL; < strsize */
	char s[];
};
#define RT_STR_ROOM(strsize) (8 + (((strsize) + 7) & ~7u) + 8)

/* The pieces that copyin() copied for a clause. Each piece begins at a multiple of 8, with zeros
 * before the next piece. Bytes behind `used` are never read: they are other firings'. */
struct rt_heap {
	uint64_t used; /* to the end of the last piece */
	char bytes[];
};

/* ---- Records (rule 8 of docs/architecture.md) --------------------------------------------- */

enum { RT_REC_ERROR = 0x80000000u }; /* bit of rt_rec.clause: data is struct rt_err */

struct rt_rec {
	uint64_t time;	 /* bpf_ktime_get_ns of the firing */
	uint32_t clause; /* index of the clause | RT_REC_ERROR */
	uint32_t probe;	 /* index of the probe in the enabling's table */
	uint32_t spec;	 /* speculation id; 0: none */
	uint32_t len;	 /* of the whole record, header included; a multiple of 8 */
};			 /* data follows, laid out as the clause's rec_desc says */
RT_ASSERT(sizeof(struct rt_rec) == 24);

struct rt_err {
	uint32_t epid, action, pc, fault;
	uint64_t value;
};

/* A variable-length field: where its bytes are, from the start of the record. */
struct rt_var {
	uint32_t off, len; /* a string's len excludes the NUL that follows it */
};
/* The process that a user stack or a user address belongs to. */
struct rt_owner {
	uint32_t pid, tid;
	uint64_t start; /* task->group_leader->start_boottime, ns: tells reused pids apart */
};
/* Fields in a record by kind (enum rec_kind in consumer/records.h):
 *   INT     8 bytes, sign- or zero-extended from its type
 *   STRING  struct rt_var
 *   BYTES   rec_field.size bytes in place
 *   STACK   struct rt_var (uint64_t addresses)
 *   USTACK  struct rt_var, struct rt_owner
 *   KSYM    8 bytes; USYM 8 bytes, struct rt_owner
 */

/* ---- Keys (aggregations, associative arrays) ------------------------------ */

/*
 * Key = struct rt_key, then each component in order, then zeros up to its class:
 *   INT, KSYM  8 bytes        STRING  bytes, NUL, zeros to a multiple of 8
 *   STACK      8 bytes: n; n addresses
 *   USTACK     8 bytes: pid; 8 bytes: n; n addresses
 *   USYM       8 bytes: pid; 8 bytes: address
 * self-> arrays have the thread's serial number as their first component.
 */
struct rt_key {
	uint32_t id; /* of the aggregation or the variable */
	uint32_t zero;
};
enum { RT_KEY_CLASS_MIN = 16, RT_KEY_CLASS_MAX = 4096 }; /* powers of two */

/* ---- Aggregation values, in 64-bit words ----------------------------------- */

/*
 * Word 0 of each value is the number of hits since the last drain (0: untouched).
 *   count     n                       sum     n, sum
 *   min       n, max of RT_MIN_ENC    max     n, max of RT_MAX_ENC
 *   avg       n, sum                  stddev  n, sum, low and high of the sum of squares
 *   quantize  n, 127 buckets          lquantize  n, below, levels…, above
 * A drain adds all words, except for word 1 of min and max: there it keeps the larger (unsigned).
 * An encoded 0 means 'no value yet'.
 */
#define RT_MAX_ENC(v) ((uint64_t)(v) ^ 0x8000000000000000ull)
#define RT_MIN_ENC(v) (~RT_MAX_ENC(v))
#define RT_MAX_DEC(e) ((int64_t)((e) ^ 0x8000000000000000ull))
#define RT_MIN_DEC(e) RT_MAX_DEC(~(e))
enum { RT_QUANTIZE_BUCKETS = 127, RT_QUANTIZE_ZERO = 63 };
/* Bucket RT_QUANTIZE_ZERO holds 0; ZERO + 1 + k: [2^k, 2^(k+1)); ZERO - 1 - k: their negatives. */

#endif
