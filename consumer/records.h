/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/records.h: describes what a clause's record and an aggregation's value hold. compile
 * makes the descriptions, run and output read them. Everything lives in the compiler's arena.
 */
#ifndef CONSUMER_RECORDS_H
#define CONSUMER_RECORDS_H

#include "ebpf/abi.h"
#include "d/d.h"

/* consumer/kinds.def describes each kind. */
enum rec_kind {
#define REC_KIND(id, value, fixed, least) REC_##id,
#include "consumer/kinds.def"
	REC_NKINDS
};

struct rec_field {
	enum rec_kind kind;
	uint32_t off;		   /* from the start of the record (struct rt_rec included) */
	uint32_t size;		   /* bytes of the D type */
	const struct d_type *type; /* D's type: sign, char, enum, struct … */
	enum d_symbol symbol;	   /* KSYM, USYM: how the address is shown */
	const struct d_expr *expr; /* the field holds its value */
	uint32_t frames;	   /* STACK, USTACK: frames at most */
};

/* One action of the record, in program order. */
struct rec_action {
	enum d_action act;
	struct loc loc;
	const struct d_format *format; /* printf, printa, system, freopen; NULL: none */
	struct rec_field *fields;      /* the arguments in order, without aggregations */
	size_t nfields;
	const struct d_agg **aggs; /* aggregations of printa, clear, trunc …, in order */
	size_t naggs;
	int64_t number; /* trunc's count and sign, setopt …: constants */
	bool has_number;
	int present; /* offset of a byte that is 1 if this action ran (inside if);
				 * -1: always */
};

/* A value read from a record's field or a key's component. Its pointers lead in there. */
struct rec_value {
	enum rec_kind kind;
	enum d_symbol symbol; /* KSYM, USYM */
	const struct d_type *type;
	bool is_signed;
	uint32_t size;	       /* INT: bytes of its D type */
	uint64_t i;	       /* INT, KSYM, USYM */
	const char *bytes;     /* STRING, BYTES; STACK, USTACK: addresses, unaligned */
	size_t len;	       /* bytes; STACK, USTACK: the number of addresses */
	struct rt_owner owner; /* USTACK, USYM */
};

/* Sets the type of an INT. size 0: the type's own size. */
static inline void rec_value_type(struct rec_value *v, const struct d_type *type, uint32_t size)
{
	const struct d_type *t = type ? d_resolve(type) : NULL;

	v->type = t;
	v->size = size ? size : t && t->size && t->size <= 8 ? (uint32_t)t->size : 8;
	v->is_signed = t ? t->is_signed : true;
}

struct rec_desc {
	const struct d_clause *clause;
	uint32_t size; /* of the fixed part, header included */
	struct rec_action *actions;
	size_t nactions;
	bool default_action; /* the clause has no body: print CPU, ID and FUNCTION:NAME */
	bool any; /* false: the clause makes no record (assignments, aggregations only) */
};

/* How an aggregation's keys and value are laid out. */
struct agg_desc {
	const struct d_agg *agg;
	enum rec_kind *kinds;	/* of the keys */
	enum d_symbol *symbols; /* how keys of the kinds KSYM and USYM are shown */
	size_t nkeys;
	uint32_t words; /* of a value, word 0 included */
	uint32_t cell;	/* without keys: the value's first word in a CPU's block of `cells` */
};

#endif
