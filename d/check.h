/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/check.h: the interface between the files of the checker. The checker turns
 * a raw tree into a checked one in place. NULL stands for an expression whose
 * error has been reported; every function returns NULL for it without another
 * report.
 */
#ifndef D_CHECK_H
#define D_CHECK_H

#include "d/inner.h"

struct chk {
	struct d *d;
	struct d_prog *prog;
	size_t clauses_cap, globals_cap, selfs_cap, thises_cap, aggs_cap;
	const struct d_pdesc *pdesc; /* of the clause being checked; NULL outside of clauses */
	struct d_args args;	     /* args[] of the description, if args_asked */
	bool args_asked, args_ok;
	int inlines;	   /* depth of inlines inside inlines */
	unsigned expanded; /* inlines expanded in all; nested ones multiply */
	unsigned depth;
	int next_action;
	struct hash *wide;		   /* names of variables that widen.c widens */
	bool constant;			   /* a constant is required: variables are errors */
	struct d_attr attr;		   /* the least attributes seen so far in this clause */
	struct d_attr published[D_NPARTS]; /* of the clause's providers, if `publishes` */
	bool publishes;
	struct c_kept { /* a pointer assigned to a variable, its member or element */
		struct d_var *var;
		const struct d_expr *value;
	} * kept;
	size_t nkept, kept_cap;
	int attr_quiet; /* inside inlines whose attributes a pragma states */
};

/* Hints to declare a type that only the traced program knows. */
void c_hint_declare(struct chk *c);

/* userland.c */
struct d_expr *c_of_user(struct chk *c,
			 struct d_expr *e); /* marks the type of an lvalue in user memory */
/* Records that `value` is assigned to `to`; false: no memory. */
bool c_pointer_kept(struct chk *c, const struct d_expr *to, const struct d_expr *value);
void c_user_variables(struct chk *c); /* sets d_var.user; call after all clauses are checked */

/* const.c */
struct d_expr *c_int(struct chk *c, uint64_t value, struct d_type *t, struct loc at);
struct d_expr *c_fold(struct chk *c, struct d_expr *e); /* NULL passes through */
bool c_is_const(const struct d_expr *e);		/* an integer constant */

/* convert.c */
struct d_expr *c_cast(struct chk *c, struct d_expr *e,
		      struct d_type *to);		 /* e itself if the types agree */
struct d_expr *c_decay(struct chk *c, struct d_expr *e); /* arrays to pointers */
struct d_expr *c_promote(struct chk *c, struct d_expr *e);
struct d_type *c_arith_type(struct chk *c, const struct d_type *a, const struct d_type *b);
bool c_is_arith(const struct d_type *t);
bool c_is_scalar(const struct d_type *t);  /* integer, float or pointer */
bool c_is_strlike(const struct d_type *t); /* string, char * or char[] */
bool c_same_pointers(const struct d_type *a, const struct d_type *b); /* or one is void * */
struct d_expr *c_to_string(struct chk *c, struct d_expr *e);	      /* e is strlike */
/* Converts e as an assignment to type `to` does. NULL: incompatible, nothing reported. */
struct d_expr *c_convert(struct chk *c, struct d_expr *e, struct d_type *to);
const char *c_name(struct chk *c, const struct d_type *t);

/* check_expr.c */
struct d_expr *c_expr(struct chk *c, struct d_expr *e);
struct d_expr *c_value(struct chk *c, struct d_expr *e); /* not void */

/* check_tree.c */
struct d_expr *c_kids_done(struct chk *c,
			   struct d_expr *e); /* checks all kids; NULL: a kid failed */
bool c_is_lvalue(const struct d_expr *e);
/* Does fn return true for an expression of the statements, or of statements inside them? */
bool c_any_expr(struct d_stmt *const *body, size_t n, bool (*fn)(void *arg, const struct d_expr *e),
		void *arg);
/* Does a raw expression use args[], directly or through inlines? `budget`: how many inlines may be
 * searched; when it is used up the answer is true, which is safe. */
bool c_uses_args(struct d *d, const struct d_expr *e);
bool c_uses_args_within(struct d *d, const struct d_expr *e, unsigned *budget);
enum { C_INLINES_MAX = 1000 };

/* check_proto.c */
bool c_count_ok(struct chk *c, const struct d_expr *e, const char *proto,
		const struct diag_tag *tag);
bool c_args(struct chk *c, struct d_expr *e, const char *proto);
struct d_type *c_result_type(struct chk *c, const char *proto);

/* check_inline.c */
/* The value that an inline's name stands for. keys: the n raw keys. NULL: reported. */
struct d_expr *c_inlined(struct chk *c, struct d_expr *e, struct d_ident *id,
			 struct d_expr *const *keys, size_t n);
/* Checks inlines that nothing uses. false: an error was reported. */
bool c_inlines_unused(struct chk *c);

/* check_tuple.c */
/* Checks the tuple of an array or aggregation. The first use sets the types of the others. */
bool c_tuple(struct chk *c, struct d_expr **kids, size_t n, struct d_type ***keys, size_t *nkeys,
	     const char *what, struct loc at, bool *known);

/* check_var.c: lists declared variables in the program */
bool c_vars_declared(struct chk *c);
/* check_var.c */
struct d_expr *c_ident(struct chk *c, struct d_expr *e);
struct d_expr *c_index(struct chk *c, struct d_expr *e);
/* Checks an assignment's left side; makes a new variable. `value`: the checked right side or
 * NULL. */
struct d_expr *c_target(struct chk *c, struct d_expr *e, struct d_expr *value);

/* widen.c: finds variables that are assigned 64 bits somewhere; fills `wide`. false: no memory. */
bool c_widen_scan(struct chk *c);
/* The type of an undeclared variable whose first assigned value is a t. */
struct d_type *c_widened(struct chk *c, const struct d_expr *name, struct d_type *t);

/* check_op.c */
struct d_expr *c_unary(struct chk *c, struct d_expr *e);
struct d_expr *c_binary(struct chk *c, struct d_expr *e);
struct d_expr *c_assign(struct chk *c, struct d_expr *e);
struct d_expr *c_cond(struct chk *c, struct d_expr *e);
struct d_expr *c_cast_expr(struct chk *c, struct d_expr *e);

/* check_call.c */
struct d_expr *c_call(struct chk *c, struct d_expr *e, bool statement);
/* check_act.c: rules of actions beyond their prototypes */
struct d_expr *c_action(struct chk *c, struct d_expr *e, const struct d_row *row, bool statement);
/* check_fmt.c */
bool c_printf(struct chk *c, struct d_expr *e);
bool c_printa(struct chk *c, struct d_expr *e);

/* check_agg.c */
struct agg_tags { /* errors of an argument: not an aggregation, unknown, has keys */
	const struct diag_tag *arg, *bad, *key;
};
struct d_agg *c_agg_find(struct chk *c, struct d_expr *e, const struct agg_tags *tags,
			 const char *who);
bool c_agg_stmt(struct chk *c, struct d_stmt *s);

/* check_stab.c: what an expression uses lowers the clause's attributes */
extern const struct d_attr c_attr_kernel; /* attributes of kernel types and symbols */
void c_attr_begin(struct chk *c, struct d_clause *cl);
void c_attr(struct chk *c, struct d_attr a, struct loc at, const char *what, const char *name);
void c_attr_ident(struct chk *c, const struct d_ident *id, struct loc at, const char *what,
		  const char *name);
void c_attr_var(struct chk *c, const struct d_var *v, struct loc at);
void c_attr_type(struct chk *c, const struct d_type *t, struct loc at);

/* check_order.c: reports actions that may not stand beside commit and speculate */
void c_order(struct chk *c, const struct d_clause *cl);

/* stdnames.c: NULL, SIGKILL, ENOENT … as constants; NULL: no such name, nothing reported */
struct d_expr *c_std_name(struct chk *c, const struct d_expr *e);

/* suggest.c: hints "did you mean …?" if a known name is similar */
void c_suggest(struct chk *c, const char *name, enum d_scope scope, bool call);

#endif
