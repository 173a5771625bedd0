/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/records.h: what a clause's record holds: made by compile, read by
 * run and output. Everything lives in the compile's arena.
 */
#ifndef CONSUMER_RECORDS_H
#define CONSUMER_RECORDS_H

#include "ebpf/abi.h"
#include "d/d.h"

/* consumer/kinds.def has the facts of each. */
enum rec_kind {
#define REC_KIND(id, value, fixed, least) REC_##id,
#include "consumer/kinds.def"
	REC_NKINDS
};

struct rec_field {
	enum rec_kind kind;
	uint32_t off;		   /* from the start of the record (struct rt_rec included) */
	uint32_t size;		   /* BYTES; INT: of its D type */
	const struct d_type *type; /* D's type: sign, char, enum, struct … */
	enum d_symbol symbol;	   /* KSYM, USYM: how it is shown */
	const struct d_expr *expr; /* whose value it is */
	uint32_t frames;	   /* STACK, USTACK: asked for; 0: the option's number */
};

/* One action of the record, in program order. */
struct rec_action {
	enum d_action act;
	struct loc loc;
	const struct d_format *format; /* printf, printa, system, freopen; NULL: none */
	struct rec_field *fields;      /* its arguments, in order; aggregations left out */
	size_t nfields;
	const struct d_agg **aggs; /* printa, clear, trunc, normalize …: in order */
	size_t naggs;
	int64_t number; /* trunc's count and sign, setopt …: constants */
	bool has_number;
	int present; /* offset of a byte that is 1 if this action ran (inside if);
				 * -1: always */
};

/* A field of a record or a component of a key, read. Pointers are borrowed from there. */
struct rec_value {
	enum rec_kind kind;
	enum d_symbol symbol; /* KSYM, USYM */
	const struct d_type *type;
	bool is_signed;
	uint32_t size;	       /* INT: bytes of its D type */
	uint64_t i;	       /* INT, KSYM, USYM */
	const char *bytes;     /* STRING, BYTES; STACK, USTACK: addresses, unaligned */
	size_t len;	       /* of bytes; addresses: their number */
	struct rt_owner owner; /* USTACK, USYM */
};

/* The type of an INT; size 0: as the type says. */
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
	bool default_action; /* no body: prints CPU, ID and FUNCTION:NAME only */
	bool any; /* false: the clause makes no record (assignments, aggregations only) */
};

/* Components of keys and how each aggregation's value is laid out. */
struct agg_desc {
	const struct d_agg *agg;
	enum rec_kind *kinds;	/* of the keys */
	enum d_symbol *symbols; /* of the keys; KSYM and USYM are shown so */
	size_t nkeys;
	uint32_t words; /* of a value, word 0 included */
	uint32_t cell;	/* no keys: first word in a CPU's block of `cells` */
};

#endif
