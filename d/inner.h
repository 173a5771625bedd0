/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/inner.h: the interface between the files of d/. Text goes lex → parse →
 * check:
 *  d.c      d_new, d_free, builtin names
 *  error.c words.c parser.c   errors; where words end; helpers of all rules
 *  lex.c    text → tokens (macros, numbers, strings, places)
 *  parse*.c tokens → declarations (entered in struct d at once) and raw clauses
 *  specs.c declarator.c tags.c cwords.c   declarations as C has them
 *  decl_top.c provider.c   variables, typedefs, inlines, translators, providers
 *  type.c kinds.c layout.c   types and their tables; questions about types; places of members
 *  check*.c raw clauses → typed clauses (struct d_clause of d.h)
 *  format.c printf formats
 *  stab.c   stability attributes
 */
#ifndef D_INNER_H
#define D_INNER_H

#include "base/hash.h"
#include "d/d.h"

/*
 * Raw trees (what the parser gives the checker; types are NULL where not named):
 *   INT       ival, type by the literal's suffix and size; a character constant is int
 *   STRING    str, len
 *   IDENT     str, ident_scope (self->x, this->x), ident_mod (`x is "", mod`x; else NULL)
 *   INDEX     a[i, j]: kids[0] is what is indexed, kids[1..] the list. ELEM is never raw
 *   AGG       @x[i, j]: str "x" ("" for @), kids the list; agg NULL
 *   CALL      f(x, y): str "f", kids the arguments; is_action false, func 0.
 *             Also stringof x (one kid), offsetof(t, m): TYPE and IDENT,
 *             xlate < t > (e): TYPE and e
 *   UNARY BINARY ASSIGN COND COMMA DEREF ADDR: op, kids; x += y is ASSIGN with op ADD
 *   CAST      type is the target, kids[0]
 *   MEMBER    kids[0], str the member's name; p->m is MEMBER(DEREF(p))
 *   SIZEOF    kids[0] an expression or a TYPE; TYPE has its type in `type`
 *   MACRO     str without its $, `$$x` as "$x"; only if the parser left it
 * Raw statements are EXPR (actions, calls, `@a[k] = f(x)` as ASSIGN(AGG, CALL)) and IF.
 */

/* The meaning of a name at file scope. */
enum d_idkind { D_ID_VAR, D_ID_INLINE, D_ID_ENUMERATOR, D_ID_SUBR, D_ID_ACTION, D_ID_AGGFUNC };
struct d_ident {
	enum d_idkind kind;
	struct loc loc;
	struct d_var *var;	/* VAR (builtins too) */
	struct d_type *type;	/* INLINE: declared type; ENUMERATOR: its enum */
	struct d_expr *value;	/* INLINE: raw body, cloned at each use */
	struct d_type **params; /* INLINE with a tuple: its types and names */
	const char **param_names;
	size_t nparams;
	bool used;		 /* INLINE */
	int64_t number;		 /* ENUMERATOR; SUBR, ACTION, AGGFUNC: enum value */
	const struct d_row *row; /* SUBR, ACTION, AGGFUNC; VAR if built in; else NULL */
	struct d_attr attr;	 /* of an inline only if attr_set; else those of its value count */
	bool attr_set;		 /* by a pragma */
};

struct d {
	struct arena *arena;
	struct diag *diag;
	struct d_config config;
	struct d_type *base[D_NBASETYPES];
	struct hash *tags;     /* "struct x", "union x", "enum x" → d_type */
	struct hash *typedefs; /* name → d_type */
	struct hash *idents;   /* name → d_ident: globals, inlines, enumerators, builtins */
	struct hash *self_vars, *this_vars; /* name → d_var */
	struct hash *agg_names;		    /* name → d_agg */
	struct d_clause **raw;		    /* clauses as parsed: untyped trees */
	size_t nraw, raw_cap;
	const char **inlines; /* their names, in order of definition */
	size_t ninlines, inlines_cap;
	struct d_provider *providers;
	size_t nproviders, providers_cap;
	struct d_prog *prog;	    /* d_check's result while it is built */
	bool attrs_wanted;	    /* d_stability was called */
	const struct d_attr *least; /* its floor, or NULL */
	bool failed;
	struct d_front *front; /* d/lex.h: the parser's state between texts */
};

/* d.c */
/* Does the name, "x.h", belong to a C header? */
bool d_is_header(const char *name, size_t len);
/* Is the place in a C header that a provider file includes? Errors there are dropped. */
bool d_in_header(const struct d *d, struct loc at);
/* A new name at file scope; NULL: no memory. */
struct d_ident *d_ident_enter(struct d *d, const char *name, enum d_idkind kind, struct loc at);
/* The type of a built-in variable, looked up at its first use. NULL: the variable is args or uregs,
 * or the type is not known here. The parser calls it for every built-in variable that it meets, so
 * that var->type is set in raw trees. */
struct d_type *d_builtin_type(struct d *d, struct d_var *v);
/* Call when all texts are parsed: reports arguments that no text references. false: reported. */
bool d_args_all_used(struct d *d);

/* stab.c */
struct d_attr d_attr_of_row(const struct d_row *row);
/* Handles #pragma D attributes or binding (attr NULL) of a name, which may come later. false:
 * reported, or no memory. */
bool d_ident_pragma(struct d *d, const char *name, const char *pragma, const struct d_attr *attr,
		    struct loc at);
/* Called when a name is entered: applies pragmas that came before the name. */
void d_ident_waited(struct d *d, const char *name, struct d_ident *id);
void d_pragmas_unused(struct d *d); /* reports pragmas whose name never came */

/* type.c */
bool d_types_init(struct d *d); /* base types, the guide's and <stdint>'s typedefs, pid_t … */
/* Searches D's own table, then config.names. NULL: no such type (nothing reported). */
struct d_type *d_tag_find(struct d *d, enum d_kind kind, const char *tag);
struct d_type *d_typedef_find(struct d *d, const char *name);
/* Finds a struct, union or enum of that tag in D's own table, or makes it, incomplete. */
struct d_type *d_tag_declare(struct d *d, enum d_kind kind, const char *tag, struct loc at);
/* A type of C that D cannot express: its name, size and alignment are kept. NULL: no memory. */
struct d_type *d_opaque(struct d *d, const char *name, uint64_t size, uint32_t align);
/* The alignment of a member of that type; a C typedef may set it. */
uint32_t d_align_of(const struct d_type *t);
/* Lays out C struct members (offsets, bit-fields, size, align) and marks complete. */
struct d_packing { /* attributes of the whole type */
	bool packed;
	uint32_t aligned; /* at least; 0: not given */
	uint32_t most;	  /* #pragma pack; 0: not given */
	bool in_header;	  /* a C header: arrays without elements may be anywhere */
};
bool d_type_layout(struct d *d, struct d_type *t, struct d_member *m, size_t n,
		   struct d_packing packing, struct loc at);
/* `aligned`: bytes that an attribute of C asks for; 0: as the type. */
bool d_typedef_declare(struct d *d, const char *name, struct d_type *t, uint32_t aligned,
		       struct loc at);
struct d_type *d_qualified(struct d *d, struct d_type *t, bool c, bool v, bool userland);
struct d_type *d_func_type(struct d *d, struct d_type *ret, struct d_type **params, size_t n,
			   bool variadic);

/* declarator.c: the type that a prototype of builtins.def names */
struct d_type *d_parse_type_name(struct d *d,
				 const char *text); /* NULL: no such type, nothing reported */

/* check.c. Folds a raw tree that must be an integer constant (array bounds, enumerators,
 * bit-field widths, case of pragma); false: reported. */
bool d_const_int(struct d *d, struct d_expr *raw, int64_t *value);
struct d_expr *d_expr_clone(struct d *d, const struct d_expr *e);
struct d_expr *d_expr_new(struct d *d, enum d_ekind kind, struct loc at, size_t nkids);

/* Reports an error with a tag of d/errtags.def and sets d->failed. */
void d_error(struct d *d, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
