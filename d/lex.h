/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/lex.h: tokens, and the parser that takes them one at a time.
 *
 * D cannot be cut into tokens beforehand: `pid$target:a.out:f-2:entry` is one
 * word at the start of a clause and an expression inside of it, and the `/`
 * that ends a predicate is a division elsewhere. So the parser drives: it asks
 * the lexer for probe descriptions (d_pdesc_parse) where one may stand, and for
 * tokens (d_next) elsewhere.
 *
 * After an error `bad` is set and every further token is the end of the text,
 * so that all rules unwind without reporting again, until d_resync.
 */
#ifndef D_LEX_H
#define D_LEX_H

#include "d/inner.h"

/* Keywords: D_KEY(id, flags). TYPE may begin a type; CLASS is a storage class; both begin a
 * declaration. The keywords from __asm__ on are C's, for C headers. */
#define D_KEYWORDS(K)                                                                          \
	K(auto, CLASS) K(break, NONE) K(case, NONE) K(char, TYPE) K(const, TYPE)                  \
	K(continue, NONE) K(counter, NONE) K(default, NONE) K(do, NONE) K(double, TYPE)           \
	K(else, NONE) K(enum, TYPE) K(extern, CLASS) K(float, TYPE) K(for, NONE) K(goto, NONE)    \
	K(if, NONE) K(import, NONE) K(inline, CLASS) K(int, TYPE) K(long, TYPE)                   \
	K(offsetof, NONE) K(probe, NONE) K(provider, BLOCK) K(register, CLASS)                    \
	K(restrict, TYPE) K(return, NONE) K(self, CLASS) K(short, TYPE) K(signed, TYPE)           \
	K(sizeof, NONE) K(static, CLASS) K(string, TYPE) K(stringof, NONE) K(struct, TYPE)        \
	K(switch, NONE) K(this, CLASS) K(translator, BLOCK) K(typedef, CLASS) K(union, TYPE)      \
	K(unsigned, TYPE) K(userland, TYPE) K(void, TYPE) K(volatile, TYPE) K(while, NONE)        \
	K(xlate, NONE)                                                                            \
	K(__asm__, BLOCK) K(__attribute__, TYPE) K(__extension__, TYPE) K(__int128, TYPE)         \
	K(__typeof__, TYPE) K(_Alignas, TYPE) K(_Alignof, NONE) K(_Atomic, TYPE)                  \
	K(_Complex, TYPE) K(_Noreturn, CLASS) K(_Static_assert, BLOCK) K(_Thread_local, CLASS)

enum d_keyflag { D_KF_NONE, D_KF_TYPE, D_KF_CLASS, D_KF_BLOCK };

enum d_tok {
	D_TK_EOF = 0,
	/* 1 … 127: a character that stands for itself */
	D_TK_IDENT = 128,
	D_TK_INT,
	D_TK_FLOAT,
	D_TK_STRING,
	D_TK_AGG,
	D_TK_ARROW,
	D_TK_ELLIPSIS,
	D_TK_INC,
	D_TK_DEC,
	D_TK_SHL,
	D_TK_SHR,
	D_TK_LE,
	D_TK_GE,
	D_TK_EQ,
	D_TK_NE,
	D_TK_LAND,
	D_TK_LOR,
	D_TK_LXOR,
	D_TK_ADD_EQ,
	D_TK_SUB_EQ,
	D_TK_MUL_EQ,
	D_TK_DIV_EQ,
	D_TK_MOD_EQ,
	D_TK_AND_EQ,
	D_TK_OR_EQ,
	D_TK_XOR_EQ,
	D_TK_SHL_EQ,
	D_TK_SHR_EQ,
	D_TK_EPRED, /* the `/` that ends a predicate */
#define D_KEY(id, flag) D_KW_##id,
	D_KEYWORDS(D_KEY)
#undef D_KEY
		D_NTOKENS
};

/* Attributes of C that change a layout or a type; 0: not given. */
struct d_cattrs {
	bool packed;
	uint32_t aligned, vector; /* bytes */
	const char *mode;	  /* mode(DI): "DI" */
};
enum { D_ALIGN_LIMIT = 1 << 20 };

struct d_token {
	enum d_tok kind;
	struct loc loc;
	const char *str; /* IDENT, AGG (without @), keywords, STRING: escapes undone */
	size_t len;
	uint64_t ival;
	double fval;
	enum d_basetype itype; /* INT */
};

struct d_attr_pragma { /* #pragma D attributes … provider X part */
	const char *provider;
	int which;
	struct d_attr attr;
};

/* The parser's state between the texts of one compile. */
struct d_front {
	bool *arg_used;	       /* config.argv[i] was referenced */
	struct hash *assigned; /* names that programs assign to: never types */
	struct hash *opaque;   /* types named in provider blocks and not declared */
	struct d_attr_pragma *attrs;
	size_t nattrs, attrs_cap;
	struct hash *waiting_names; /* stab.c: pragmas whose name has not come yet */
	struct d_waiting *waiting;
	unsigned errors;
	bool nomem; /* out of memory was reported */
};

/* Rules call each other, so nesting has a limit. The checker recurses over trees, so their height
 * has a limit too. */
#define D_MAX_DEPTH 200
#define D_MAX_CHAIN 1000
#define D_MAX_ERRORS 10
#define D_MAX_PACKS 16 /* #pragma pack(push) inside each other */

struct d_parser {
	struct d *d;
	const struct text *text;
	uint32_t pos;	    /* next byte to read */
	struct d_token tok; /* the only token of look-ahead */
	uint32_t prev_end;  /* end of the token before it */
	unsigned depth;	    /* of rules inside rules */
	unsigned chain;	    /* height of this expression's tree */
	unsigned braces;    /* open braces in this clause or declaration */
	char spec;	    /* -P, -m, -f, -n, -i: see d_parse */
	bool library;	    /* d_parse_library */
	bool in_clause;	    /* else in a declaration */
	bool in_provider;   /* keywords may be names, types may be unknown: see specs.c */
	bool in_header;	    /* the text is from an included file, maybe a C header: see cwords.c */
	bool in_params;	    /* in a function's parameters: bounds of arrays are ignored */
	uint32_t most_aligned; /* #pragma pack(n): most of a member; 0: the type's */
	uint32_t packs[D_MAX_PACKS];
	unsigned npacks;
	bool quiet; /* errors are not reported (d_parse_type_name) */
	bool bad;
};

/* lex.c */
void d_next(struct d_parser *p);
bool d_skip_space(struct d_parser *p); /* blanks, comments, # lines; false: bad */
uint32_t d_peek_space(const struct text *t, uint32_t at); /* the same, without effect */
/* The end of the comment at `at`; the text's end if the comment is not closed. */
uint32_t d_comment_end(const struct text *t, uint32_t at, bool *closed);
/* Is only blank space before the place on its line? Then a # there begins a control line. */
bool d_begins_line(const char *s, uint32_t at);
enum d_tok d_keyword(const char *s, size_t len); /* D_TK_IDENT: none */
enum d_keyflag d_keyword_flag(enum d_tok kw);
bool d_is_ident_char(char c);
struct loc d_loc(const struct d_parser *p, uint32_t from, uint32_t to);

/* literal.c */
void d_lex_number(struct d_parser *p);
void d_lex_char(struct d_parser *p);
void d_lex_string(struct d_parser *p);
void d_lex_macro(struct d_parser *p);
/*
 * The value of `$name`, `$1`, `$$x` at p->text[*pos]. *is_string: true for $$;
 * is_string is NULL in a probe description, where $target must be a process.
 * NULL: reported.
 */
const char *d_macro_value(struct d_parser *p, uint32_t *pos, bool *is_string);

/* error.c, parser.c */
void d_perror(struct d_parser *p, struct loc at, const struct diag_tag *tag, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void d_syntax(struct d_parser *p, const char *wanted); /* at the token */
void *d_nomem(struct d_parser *p);		       /* reports; NULL */
bool d_accept(struct d_parser *p, int tok);
bool d_expect(struct d_parser *p, int tok, const char *wanted);
bool d_enter(struct d_parser *p); /* enters a level; false: too deep, reported */
void d_leave(struct d_parser *p);
bool d_link(struct d_parser *p); /* counts a node; false: the tree is too high, reported */
/* In a provider block or header: is this keyword a name, because one of `followers` comes next? */
bool d_keyword_as_name(struct d_parser *p, const char *followers);
struct loc d_since(const struct d_parser *p, struct loc start);
/* Sets in_header for p->pos after bytes were skipped, whose line markers were not read. */
void d_relocate(struct d_parser *p);

/* pdesc.c */
enum d_start { D_START_PROBE, D_START_DECL, D_START_END };
enum d_start d_start_of(struct d_parser *p); /* what begins at p->pos, at file scope */
bool d_pdesc_parse(struct d_parser *p, struct d_pdesc *pd);

/* parse_expr.c; NULL: p->bad */
struct d_expr *d_parse_expr(struct d_parser *p); /* with commas */
struct d_expr *d_parse_assign(struct d_parser *p);

bool d_parse_const(struct d_parser *p, int64_t *v); /* an integer constant's value */

/* cwords.c: words of C headers that D lacks. Each function reads or skips the text at the token. */
bool d_parse_attributes(struct d_parser *p, struct d_cattrs *a); /* also asm("…") */
bool d_parse_alignas(struct d_parser *p, struct d_cattrs *a);
struct d_type *d_parse_typeof(struct d_parser *p);
struct d_type *d_with_attributes(struct d *d, struct d_type *t, const struct d_cattrs *a);
bool d_skip_parens(struct d_parser *p);
bool d_skip_index(struct d_parser *p); /* from behind a `[` to behind the `]` */
bool d_skip_body(struct d_parser *p);  /* stops at the `}` */
bool d_skip_initializer(struct d_parser *p);
uint32_t d_skip_quoted(const struct text *t, uint32_t at); /* the end of a string */

/* specs.c, declarator.c, tags.c: types and declared names */
struct d_declarator {
	const char *name; /* NULL: abstract */
	struct loc loc;
	struct d_type *type;
	bool assoc;
	struct d_type **keys;
	const char **key_names; /* NULLs where unnamed */
	size_t nkeys;
	struct d_cattrs attrs; /* includes those of the specifiers */
};
enum d_class {
	D_C_NONE,
	D_C_AUTO,
	D_C_REGISTER,
	D_C_STATIC,
	D_C_EXTERN,
	D_C_TYPEDEF,
	D_C_SELF,
	D_C_THIS
};
struct d_specs { /* the words before the declarators */
	struct d_type *type;
	enum d_class class;
	bool userland; /* its pointers point at user memory */
	bool defines;  /* declares a struct, union or enum: needs no declarator */
	struct d_cattrs attrs;
	struct loc loc;
};
const char *d_without_module(const char *name); /* mod`type_t: type_t */
bool d_at_type(struct d_parser *p);		/* may the token begin a type name? */
bool d_parse_specs(struct d_parser *p, struct d_specs *out);
bool d_parse_tagged(struct d_parser *p, struct d_specs *out); /* at struct, union or enum */
bool d_parse_declarator(struct d_parser *p, const struct d_specs *specs, struct d_declarator *out);
struct d_type *d_type_name_parse(struct d_parser *p);
/* Types and names in the `( … )` of a function or probe; the token is past the `(`. */
struct d_param {
	struct d_type *type;
	const char *name; /* NULL: none */
	struct loc loc;
};
struct d_params {
	struct d_param *v;
	size_t n, cap;
	bool variadic;
};
bool d_parse_params(struct d_parser *p, struct d_params *out);

/* decl_top.c: at a token that begins a declaration */
void d_parse_declaration(struct d_parser *p);
/* provider.c */
void d_parse_provider(struct d_parser *p);
bool d_providers_finish(struct d *d); /* applies pragmas' attributes when a text is read */

/* pragma.c: reads the control line at p->pos, which is at the '#'; moves to its end */
void d_control_line(struct d_parser *p);

#endif
