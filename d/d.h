/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/d.h: the D language for the other rooms. In: text. Out: checked and typed
 * clauses and declarations. The Dynamic Tracing Guide is the specification
 * (chp-prog, chp-types, chp-variables, chp-aggs …).
 *
 * Life: all results (types, trees, names) are in the arena given to d_new and
 * live as long as the arena. Errors go to the diag, with places; a function
 * that returns NULL or false has reported at least one.
 */
#ifndef D_D_H
#define D_D_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"
#include "d/errtags.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Types ------------------------------------------------------------- */

enum d_kind {
	D_T_VOID,
	D_T_INT,
	D_T_FLOAT,
	D_T_PTR,
	D_T_ARRAY,
	D_T_STRUCT,
	D_T_UNION,
	D_T_ENUM,
	D_T_FUNC,
	D_T_TYPEDEF,
	D_T_STRING, /* D's string: bytes up to strsize, by value */
	D_T_STACK,  /* value of stack(n) or ustack(n, strsize), only to record or as a key:
			 * is_user, nelem = frames (0: the option's) */
	D_T_USYM,   /* uaddr, usym, umod, ufunc: pid and address */
	D_T_KSYM,   /* sym, mod, func: a kernel address shown as a symbol */
};

struct d_type;

struct d_member {
	const char *name; /* NULL: anonymous struct or union */
	struct d_type *type;
	uint64_t bit_off;
	uint32_t bit_size; /* 0: not a bit-field */
	struct loc loc;
	uint32_t aligned; /* bytes of C's aligned(); 0: the type's alignment */
	bool packed;	  /* by C's packed attribute */
};

struct d_enumerator {
	const char *name;
	int64_t value;
};

struct d_type {
	enum d_kind kind;
	const char *name; /* tag, typedef's or base type's name; NULL: anonymous */
	uint64_t size;	  /* bytes; 0 while incomplete */
	uint32_t align;
	bool is_signed;		    /* INT, ENUM */
	bool is_char, is_bool;	    /* INT that prints as a character: char and its kin */
	bool is_const, is_volatile; /* qualified types are copies that keep `base` */
	bool is_user;		    /* PTR, ARRAY: points at user memory (userland) */
	bool is_unknown;     /* TYPEDEF of void: a type that a probe names and nothing declares */
	bool is_opaque;	     /* STRUCT: a type of C without counterpart in D; size and align hold */
	bool complete;	     /* STRUCT, UNION, ENUM: members are known */
	struct d_type *base; /* the unqualified original, or NULL */
	struct d_type *to;   /* PTR, ARRAY: element; TYPEDEF: meaning; FUNC: result */
	uint64_t nelem;	     /* ARRAY; 0: unknown bound */
	struct d_member *members;
	size_t nmembers;
	struct d_enumerator *enumerators;
	size_t nenumerators;
	struct d_type **params; /* FUNC */
	size_t nparams;
	bool variadic;
	struct d_type *ptr_cache; /* the pointer to this type, made once */
	uint32_t aligned;	  /* TYPEDEF: bytes of C's aligned() */
	uint64_t origin;	  /* id of the type in its source (BTF); 0: declared in D */
};

struct d; /* a compile, from d_new to d_free */

/* Base types of the guide's table 2-2..2-4 (LP64), as d_base(d, D_INT64). */
enum d_basetype {
	D_VOID,
	D_CHAR,
	D_SHORT,
	D_INT,
	D_LONG,
	D_LONGLONG,
	D_UCHAR,
	D_USHORT,
	D_UINT,
	D_ULONG,
	D_ULONGLONG,
	D_INT8,
	D_INT16,
	D_INT32,
	D_INT64,
	D_UINT8,
	D_UINT16,
	D_UINT32,
	D_UINT64,
	D_BOOL,
	D_FLOAT,
	D_DOUBLE,
	D_LONGDOUBLE,
	D_STRING,
	D_STACK,
	D_USTACK,
	D_USYM,
	D_KSYM,
	D_NBASETYPES
};
struct d_type *d_base(struct d *d, enum d_basetype which);
struct d_type *d_ptr_to(struct d *d, struct d_type *to);
struct d_type *d_user_ptr_to(struct d *d, struct d_type *to);
/* A type that D does not know: its values and pointers cannot be read. */
struct d_type *d_unknown_type(struct d *d, const char *name);
/* A struct, union, enum or typedef as the program declares it. Kernel types are not searched,
 * because user land may have another type of that name. Without a declaration a tag is a type
 * without members and a typedef is NULL. */
struct d_type *d_user_type(struct d *d, enum d_kind kind, const char *name);
struct d_type *d_array_of(struct d *d, struct d_type *elem, uint64_t n);
/* The type behind typedefs and qualifiers. */
const struct d_type *d_resolve(const struct d_type *t);
/* Gets the members of a struct or union from its source. false: they are not known. */
bool d_complete(struct d *d, struct d_type *t);
/* Finds a member, also in anonymous members. *bit_off: from the start of t. NULL: no such
 * member. */
const struct d_member *d_member_find(struct d *d, struct d_type *t, const char *name,
				     uint64_t *bit_off);
/* "struct task_struct *", "char [16]", as D and dtrace -lv print it; arena memory. */
const char *d_type_name(struct d *d, const struct d_type *t);
bool d_same_type(const struct d_type *a, const struct d_type *b);
bool d_is_integer(const struct d_type *t);    /* int, enum, bool; through typedefs */
bool d_is_pointer(const struct d_type *t);    /* pointer or array */
bool d_is_string(const struct d_type *t);     /* D string only */
bool d_is_char_array(const struct d_type *t); /* char[n] */

/* ---- Stability (guide: chp-stab) ------------------------------------------ */

/* Indices into the lists of names below. Low is least stable; the lists end with NULL. */
struct d_attr {
	uint8_t name, data, class;
};
enum {
	D_INTERNAL,
	D_PRIVATE,
	D_OBSOLETE,
	D_EXTERNAL,
	D_UNSTABLE,
	D_EVOLVING,
	D_STABLE,
	D_STANDARD
};
enum { D_UNKNOWN, D_CPU, D_PLATFORM, D_GROUP, D_ISA, D_COMMON };
extern const char *const d_stability_names[], *const d_class_names[];
/* What a provider publishes, in this order. */
enum d_attr_part { D_OF_PROVIDER, D_OF_MODULE, D_OF_FUNCTION, D_OF_NAME, D_OF_ARGS, D_NPARTS };

extern const struct d_attr
	d_attr_default; /* Stable/Stable/Common: D itself and names that programs define */
struct d_attr d_attr_min(struct d_attr a, struct d_attr b);
bool d_attr_below(struct d_attr a, struct d_attr least); /* in any of the three attributes */
/* Reads "Evolving/Evolving/Common" in any case. Words left out at the end are the highest. */
bool d_attr_parse(const char *s, struct d_attr *out);
const char *d_attr_text(struct arena *arena, struct d_attr a);

/* The version of the language. d_version_parse reads 1, 1.2, 1.2.3 (guide: chp-vers) and gives
 * later versions greater numbers. */
#define D_VERSION "1.13"
bool d_version_parse(const char *s, uint32_t *version);

/* ---- The world's names, asked through one interface -------------------- */

struct d_pdesc {
	struct loc loc;
	const char *prov, *mod, *func, *name; /* "" matches all; macros are expanded */
	bool given[4];			      /* the part is given, without wildcards and macros */
	struct d_attr attr, args_attr;	      /* set by d_check: of the description, of args[] */
	uint32_t id;			      /* of a numeric description; else 0 */
	const char *text;		      /* as written, for messages */
};

/*
 * A probe's name as a part of a description that matches it. A character with a
 * meaning in descriptions gets a backslash; an unprintable one becomes '?',
 * which matches it. first: the part is the provider. Returns arena memory, or
 * `part` itself if nothing changes (or no memory).
 */
const char *d_pdesc_quoted(struct arena *a, const char *part, bool first);

struct d_args { /* the args[] of a description */
	size_t n;
	struct d_type **types;
	struct d_type **native; /* the type that args[i] is translated from; NULL: no translation */
	const char **names;	/* NULL, or each may be NULL */
	const char *unstable;	/* why matches disagree (D_ARGS_MULTI); NULL: they agree */
};

/* Answers questions about probes and the kernel. A NULL function: there are no such names
 * (provider.d files, `-e` on files alone). */
struct d_names {
	void *ctx;
	/* The args[] of the probes that match; false: no probe matches. Make types with the
	 * functions above, in d's arena. */
	bool (*args)(void *ctx, struct d *d, const struct d_pdesc *pd, struct d_args *out);
	/* A hint why no probe matches, or NULL. The pointer may be NULL. */
	const char *(*why_none)(void *ctx, const struct d_pdesc *pd);
	/* The lowest attributes of the matching probes' providers; false: no probe matches. */
	bool (*attrs)(void *ctx, const struct d_pdesc *pd, struct d_attr out[D_NPARTS]);
	/* Does the "module" or "provider" exist? For #pragma D depends_on. */
	bool (*exists)(void *ctx, const char *kind, const char *name);
	/* A kernel type: kind STRUCT, UNION, ENUM or TYPEDEF (also base types); NULL: none. */
	struct d_type *(*type)(void *ctx, struct d *d, enum d_kind kind, const char *name);
	/* Fills members, size and complete of a type that `type` made, by its origin. */
	bool (*complete)(void *ctx, struct d *d, struct d_type *t);
	/* A kernel variable or function, `name or mod`name. */
	bool (*symbol)(void *ctx, struct d *d, const char *mod, const char *name,
		       struct d_type **type, uint64_t *addr);
};

/* ---- Trees ------------------------------------------------------------- */

/* D_OP(id, text) rows: see d/ops.def */
enum d_op {
#define D_OP(id, text) D_OP_##id,
#include "d/ops.def"
	D_NOPS
};

/* D_EKIND(id) rows, with what each kind of expression holds: d/ekinds.def */
enum d_ekind {
#define D_EKIND(id) D_E_##id,
#include "d/ekinds.def"
	D_NEKINDS
};

enum d_scope { D_V_BUILTIN, D_V_GLOBAL, D_V_SELF, D_V_THIS };

struct d_var {
	enum d_scope scope;
	const char *name;
	struct d_type *type; /* of the value (if assoc, of an element); NULL until known */
	bool assoc;
	struct d_type **keys; /* of the tuple */
	size_t nkeys;
	bool assigned; /* written somewhere */
	bool user;     /* its pointer, or that of a member or element, leads to user memory */
	int id;	       /* index among its scope's variables; a builtin: enum d_builtin */
	struct loc loc;
};

struct d_agg {
	const char *name; /* "" for @ */
	int id;		  /* index in d_prog.aggs */
	int func;	  /* enum d_aggfunc; -1 until its first use */
	struct d_type **keys;
	size_t nkeys;
	int64_t params[4]; /* lquantize: base, limit, step; llquantize: factor, low, high, steps */
	struct loc loc;
};

/* ---- Rows of d/builtins.def ---------------------------------------------- */

enum d_builtin {
#define D_VAR(id, has, type, ...) D_BUILTIN_##id,
#include "d/builtins.def"
	D_NBUILTINS
};
enum d_subr {
#define D_SUBR(id, has, proto, ...) D_SUBR_##id,
#include "d/builtins.def"
	D_NSUBRS
};
enum d_action {
#define D_ACTION(id, has, proto, ...) D_ACT_##id,
#include "d/builtins.def"
	D_NACTIONS
};
enum d_aggfunc {
#define D_AGGFUNC(id, has, proto, ...) D_AGG_##id,
#include "d/builtins.def"
	D_NAGGFUNCS
};

/* How stable a row's name is. For the last five the probe's provider publishes it. */
enum d_row_stability {
	D_ROW_STABLE,	    /* Stable/Stable/Common */
	D_ROW_EVOLVING,	    /* Evolving/Evolving/Common */
	D_ROW_PRIVATE_DATA, /* Stable/Private/Common */
	D_PUBLISHED_PROVIDER,
	D_PUBLISHED_MODULE,
	D_PUBLISHED_FUNCTION,
	D_PUBLISHED_NAME,
	D_PUBLISHED_ARGS
};
/* How an address is shown: symbol and distance, symbol, or module. */
enum d_symbol { D_SYM_PLACE, D_SYM_FUNCTION, D_SYM_MODULE };
enum { D_ALL_ARGS = 0x3ff };

struct d_row {
	const char *name, *proto; /* proto of a variable: its type */
	bool has;		  /* false: this version lacks it */
	const char *what;	  /* lacking: a description for docs/limits.md */
	enum d_row_stability stability;

	bool destructive;		  /* changes the traced process or the machine: needs -w */
	bool records;			  /* records data: may stand neither before commit() and
			   * speculate() nor after commit() */
	bool commits, speculates, exits;  /* rules are in d/check_order.c */
	bool takes_floats;		  /* its format prints floating-point values */
	bool is_distribution;		  /* an aggregating function that counts in buckets */
	bool is_array, is_time;		  /* a variable: needs an index; is in nanoseconds */
	uint16_t args;			  /* of a variable: bit n is set if it reads argN */
	enum d_basetype value;		  /* type of an action that has a value; else 0 */
	enum d_symbol symbol;		  /* a value of type KSYM or USYM: how it is shown */
	const struct diag_tag *count_tag; /* wrong number of arguments; NULL: D_PROTO_LEN */
};
extern const struct d_row d_var_rows[D_NBUILTINS], d_subr_rows[D_NSUBRS], d_action_rows[D_NACTIONS],
	d_aggfunc_rows[D_NAGGFUNCS];

/*
 * For a room's table of functions:
 *	[D_SUBR_##id] = D_IF_##has(subr_##id, subr_lacking)
 * A row that says HAS does not build without its function. The checker refuses
 * names whose row says LACKS, so subr_lacking is never called.
 */
#define D_IF_HAS(fn, lacking) fn
#define D_IF_LACKS(fn, lacking) lacking

struct d_format; /* a parsed printf format, below */

/* RAW: as the parser made it. CHECKED: typed, by a d_check that succeeded. */
enum d_expr_state { D_RAW, D_CHECKED };

struct d_expr {
	enum d_ekind kind;
	enum d_op op;
	enum d_expr_state state;
	struct loc loc;
	struct d_type *type; /* RAW: NULL except for constants, types and casts */
	struct d_expr **kids;
	size_t nkids;
	uint64_t ival;
	double fval;
	const char *str; /* STRING, IDENT, MACRO */
	size_t len;
	struct d_var *var;
	struct d_agg *agg;
	const struct d_member *member; /* MEMBER */
	uint64_t bit_off;
	enum d_scope ident_scope; /* IDENT: self->x, this->x; D_V_GLOBAL otherwise */
	const char *ident_mod;	  /* mod`name or `name (""): a kernel symbol */
	bool is_action;		  /* CALL: func is an enum d_action, else enum d_subr. stack,
					 * ustack, jstack, sym, mod, func, uaddr, usym, umod and
					 * ufunc are values too (STACK, KSYM, USYM): as a key of an
					 * aggregation, an argument of printf, trace and printa */
	int func;
	const struct d_format
		*format; /* printf, printa, system, freopen: kids[0] is its STRING, the
					 * arguments follow. NULL: printa without it, kids all AGG */
};
/* Call after d_check. Does the lvalue lie in user memory? Does the pointer or array lead there? */
bool d_is_user(const struct d_expr *e);
bool d_points_to_user(const struct d_expr *e);

enum d_skind {
	D_S_EXPR,   /* expr, for its effect */
	D_S_ACTION, /* expr is a CALL with is_action */
	D_S_AGG,    /* @agg[keys] = func(args): agg, keys = kids of target, func, args */
	D_S_IF,	    /* expr; then, otherwise */
};

struct d_stmt {
	enum d_skind kind;
	struct loc loc;
	struct d_expr *expr;
	struct d_expr *target; /* AGG: the D_E_AGG with its tuple */
	int aggfunc;	       /* AGG */
	struct d_expr **args;  /* AGG: value (NULL for count) and increment, if given;
					 * constants of lquantize are in agg->params */
	size_t nargs;
	struct d_stmt **then, **otherwise;
	size_t nthen, nelse;
	int action_index; /* position among the clause's statements, from 1: the
					 * ERROR probe's arg2 */
};

struct d_clause {
	struct loc loc;
	struct d_pdesc *pdescs; /* one or more; several only if their args[] agree */
	size_t npdescs;
	struct d_expr *pred;  /* of integer or pointer type; NULL: none */
	struct d_stmt **body; /* NULL, nbody 0: the default action (trace the probe) */
	size_t nbody;
	bool uses_args;		  /* uses args[], with the types of names->args */
	int index;		  /* in d_prog.clauses */
	struct d_var **this_vars; /* the program's: clauses of a firing share clause-locals */
	struct d_attr attr;	  /* the lowest of its predicate and statements */
};

/* ---- printf formats (guide: chp-fmt) ------------------------------------ */

struct d_conv {
	const char *text; /* literal text before the conversion */
	size_t text_len;
	char verb;     /* c d i u o x X p s S e f g k A Y y T %…; '@' for %@; 0: literal only */
	char agg_verb; /* of '@': prints the value: the d of %@16d */
	char length;   /* h H(hh) l q(ll) z j 0; accepted and ignored as DTrace does */
	bool minus, plus, space, alt, zero, quote, star_width, star_prec;
	int width, prec; /* prec -1: none */
	struct loc loc;
};
struct d_format {
	struct d_conv *convs;
	size_t nconvs;
};

/* ---- Programs ----------------------------------------------------------- */

struct d_probe_decl {		/* one probe of a provider block */
	const char *name;	/* as written, a__b kept */
	struct d_type **args;	/* native, as declared */
	const char **arg_names; /* NULLs where unnamed */
	size_t nargs;
	struct d_type **xargs; /* after ':': translated types; else the same as args */
	const char **xarg_names;
	uint8_t *xmap; /* xargs[i] is made from args[xmap[i]] */
	size_t nxargs;
	struct loc loc;
};
struct d_provider {
	const char *name;
	struct d_probe_decl *probes;
	size_t nprobes;
	struct d_attr attr[D_NPARTS];
	struct loc loc;
};

struct d_option_set {
	const char *name, *value;
	struct loc loc;
}; /* #pragma D option */

struct d_prog {
	struct d_clause **clauses;
	size_t nclauses;
	struct d_var **globals, **selfs, **thises; /* user's, by id */
	size_t nglobals, nselfs, nthises;
	struct d_agg **aggs;
	size_t naggs;
	struct d_provider *providers;
	size_t nproviders;
};

struct d_macro {
	const char *name, *value;
}; /* name without its $ */

/* Options that a pragma may set while the program is parsed. */
struct d_options {
	bool defaultargs; /* -x defaultargs: missing $n are 0 or "" */
	bool argref_ok;	  /* -x argref: unused arguments are no error */
	bool destructive; /* -w: destructive actions are allowed */
	size_t strsize;
};

/* Options of a compile. Unset fields have DTrace's defaults. */
struct d_config {
	const struct d_names *names;
	int argc; /* $1 … and $$1 …: argv[0] is $0 */
	const char *const *argv;
	const struct d_macro *macros; /* $target, $pid, $uid … */
	size_t nmacros;
	const char *const *vars; /* int64_t globals of the caller, beside the program's. A
					 * name hides a function of that name (usdt-check: count) */
	size_t nvars;
	bool providers; /* for the generator: only provider blocks and declarations matter */
	struct d_options opt;
	/* #pragma D option name=value, in order; false: refused and reported. */
	bool (*option)(void *ctx, const char *name, const char *value, struct loc at);
	void *option_ctx;
};

struct d *d_new(struct arena *a, struct diag *diag, const struct d_config *config);
/* Changes options that a pragma sets, from its line on. For use in `option`. */
void d_set_options(struct d *d, const struct d_options *opt);
struct arena *d_arena(struct d *d);
/* Frees the tables of names, which are not in the arena; call it before arena_free. NULL is
 * accepted. Programs and types stay usable. */
void d_free(struct d *d);

/*
 * Parses a text (script, -n string, provider.d) and adds it to the compile.
 * Several texts make one program, in order (dtrace -s a.d -n '…').
 * `probe_spec`: 0 for an ordinary D text; 'P', 'm', 'f', 'n' or 'i' for the
 * argument of that option: a description of its kind, then an optional
 * predicate and action.
 */
bool d_parse(struct d *d, const struct text *text, char probe_spec);
/* Parses a library, a file of -L's folders, before all other texts. Libraries hold declarations
 * only and may depend on other libraries; the caller orders them. */
bool d_parse_library(struct d *d, const struct text *text);
/* Finds the next `#pragma D depends_on` of an unparsed library at or after *at, and moves *at
 * behind it. false: there are no more. A malformed one is reported when the library is parsed. */
struct d_dependency {
	const char *kind, *name; /* "library", "module" or "provider"; the arena's */
};
bool d_dependency_next(struct d *d, const struct text *text, uint32_t *at,
		       struct d_dependency *out);
/*
 * Makes d_check compute the attributes of descriptions and args[], through
 * names->attrs; without this call they stay unknown. Attributes below `least`
 * are errors (NULL: none are).
 */
void d_stability(struct d *d, const struct d_attr *least);
/* Checks all parsed texts; NULL after errors. The program is in the arena. */
struct d_prog *d_check(struct d *d);

/*
 * The language's arithmetic, for programs that evaluate trees: the value of a
 * CAST, UNARY or BINARY expression of integers, from the values of its kids.
 * Values have 64 bits, extended from their type's width, as in INT nodes. LAND
 * and LOR need both kids. false: a division by zero, or an expression of
 * another kind.
 */
bool d_value(const struct d_expr *e, const uint64_t *kids, uint64_t *value);

/* "%d %s\n" → conversions; NULL after an error at `at`. */
const struct d_format *d_format_parse(struct d *d, const char *s, size_t len, struct loc at);

#endif
