/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/parse_expr.c: parses expressions, with C's precedences and D's `^^`,
 * `@a[…]`, self->x, mod`sym, stringof, offsetof and xlate (guide:
 * chp-typeopexpr).
 * In:   tokens.
 * Out:  raw trees, as inner.h describes them; NULL after an error.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <string.h>

/* Binary operators; a higher level binds tighter. */
static const struct {
	enum d_tok tok;
	int level;
	enum d_op op;
} binaries[] = {
	{ D_TK_LOR, 1, D_OP_LOR }, { D_TK_LXOR, 2, D_OP_LXOR }, { D_TK_LAND, 3, D_OP_LAND },
	{ '|', 4, D_OP_OR },	   { '^', 5, D_OP_XOR },	{ '&', 6, D_OP_AND },
	{ D_TK_EQ, 7, D_OP_EQ },   { D_TK_NE, 7, D_OP_NE },	{ '<', 8, D_OP_LT },
	{ '>', 8, D_OP_GT },	   { D_TK_LE, 8, D_OP_LE },	{ D_TK_GE, 8, D_OP_GE },
	{ D_TK_SHL, 9, D_OP_SHL }, { D_TK_SHR, 9, D_OP_SHR },	{ '+', 10, D_OP_ADD },
	{ '-', 10, D_OP_SUB },	   { '*', 11, D_OP_MUL },	{ '/', 11, D_OP_DIV },
	{ '%', 11, D_OP_MOD },
};
static const struct {
	enum d_tok tok;
	enum d_op op;
} assigns[] = {
	{ '=', D_OP_ASSIGN },	   { D_TK_ADD_EQ, D_OP_ADD }, { D_TK_SUB_EQ, D_OP_SUB },
	{ D_TK_MUL_EQ, D_OP_MUL }, { D_TK_DIV_EQ, D_OP_DIV }, { D_TK_MOD_EQ, D_OP_MOD },
	{ D_TK_AND_EQ, D_OP_AND }, { D_TK_OR_EQ, D_OP_OR },   { D_TK_XOR_EQ, D_OP_XOR },
	{ D_TK_SHL_EQ, D_OP_SHL }, { D_TK_SHR_EQ, D_OP_SHR },
};
static const struct {
	enum d_tok tok;
	enum d_ekind kind;
	enum d_op op;
} unaries[] = {
	{ '-', D_E_UNARY, D_OP_NEG },	      { '+', D_E_UNARY, D_OP_PLUS },
	{ '~', D_E_UNARY, D_OP_BITNOT },      { '!', D_E_UNARY, D_OP_NOT },
	{ D_TK_INC, D_E_UNARY, D_OP_PREINC }, { D_TK_DEC, D_E_UNARY, D_OP_PREDEC },
	{ '*', D_E_DEREF, D_OP_NONE },	      { '&', D_E_ADDR, D_OP_NONE },
};

static struct d_expr *unary(struct d_parser *p);
static struct d_expr *postfix(struct d_parser *p, struct d_expr *e, struct loc start);

static struct d_expr *node(struct d_parser *p, enum d_ekind kind, struct loc start, size_t nkids)
{
	struct d_expr *e = d_expr_new(p->d, kind, d_since(p, start), nkids);

	return e ? e : d_nomem(p);
}

static struct d_expr *node1(struct d_parser *p, enum d_ekind kind, struct loc start,
			    struct d_expr *kid)
{
	struct d_expr *e = kid && d_link(p) ? node(p, kind, start, 1) : NULL;

	if (e)
		e->kids[0] = kid;
	return e;
}

static struct d_expr *node2(struct d_parser *p, enum d_ekind kind, struct loc start,
			    struct d_expr *a, struct d_expr *b)
{
	struct d_expr *e = a && b && d_link(p) ? node(p, kind, start, 2) : NULL;

	if (e) {
		e->kids[0] = a;
		e->kids[1] = b;
	}
	return e;
}

/* A name that is assigned to is a variable from here on, even if a type has the same name. */
static void note_assigned(struct d_parser *p, const struct d_expr *e)
{
	if (e && e->kind == D_E_INDEX)
		e = e->kids[0];
	if (e && e->kind == D_E_IDENT && !e->ident_mod && e->ident_scope == D_V_GLOBAL &&
	    hash_set_str(p->d->front->assigned, e->str, p->d->front))
		d_nomem(p);
}

/* Reads comma-separated expressions up to `close`. They become kids of a new node, behind `first`
 * (may be NULL). */
static struct d_expr *list(struct d_parser *p, enum d_ekind kind, struct loc start,
			   struct d_expr *first, int close, const char *what)
{
	struct d_expr **v = NULL, **slot, *e;
	size_t n = 0, cap = 0;

	if (first) {
		if (!(slot = ARENA_PUSH(p->d->arena, v, n, cap)))
			return d_nomem(p);
		*slot = first;
	}
	if (p->tok.kind != (enum d_tok)close) {
		do {
			e = d_parse_assign(p);
			if (!e)
				return NULL;
			if (!(slot = ARENA_PUSH(p->d->arena, v, n, cap)))
				return d_nomem(p);
			*slot = e;
		} while (d_accept(p, ','));
	}
	if (!d_expect(p, close, what) || !d_link(p) || !(e = node(p, kind, start, 0)))
		return NULL;
	e->kids = v;
	e->nkids = n;
	return e;
}

static struct d_expr *call(struct d_parser *p, struct d_expr *callee, struct loc start)
{
	struct d_expr *e;

	if (callee->kind != D_E_IDENT || callee->ident_scope != D_V_GLOBAL || callee->ident_mod) {
		d_perror(p, callee->loc, D_FUNC_IDENT, "what is called must be a function's name");
		return NULL;
	}
	d_next(p);
	e = list(p, D_E_CALL, start, NULL, ')', "')'");
	if (e)
		e->str = callee->str;
	return e;
}

static struct d_expr *type_node(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_type *t = d_type_name_parse(p);
	struct d_expr *e = t ? node(p, D_E_TYPE, start, 0) : NULL;

	if (e)
		e->type = t;
	return e;
}

static struct d_expr *name_node(struct d_parser *p, const char *what)
{
	struct d_expr *e;

	if (p->tok.kind != D_TK_IDENT && p->tok.kind < D_KW_auto) {
		d_syntax(p, what);
		return NULL;
	}
	e = d_expr_new(p->d, D_E_IDENT, p->tok.loc, 0);
	if (!e)
		return d_nomem(p);
	e->str = p->tok.str;
	e->ident_scope = D_V_GLOBAL;
	d_next(p);
	return e;
}

/* Reads x, `x or mod`x; builtins get their type here (inner.h says why). */
static struct d_expr *ident(struct d_parser *p)
{
	struct d_expr *e = name_node(p, "a name");
	char *tick = e ? strrchr(e->str, '`') : NULL;
	struct d_ident *id;

	if (!e)
		return NULL;
	if (!tick) {
		id = hash_get_str(p->d->idents, e->str);
		if (id && id->kind == D_ID_VAR && id->var)
			d_builtin_type(p->d, id->var);
		return e;
	}
	e->ident_mod = arena_strndup(p->d->arena, e->str, (size_t)(tick - e->str));
	e->str = tick + 1;
	if (!e->ident_mod)
		return d_nomem(p);
	if (!*e->str) {
		d_perror(p, e->loc, D_SYNTAX, "syntax error: a symbol's name follows `");
		return NULL;
	}
	return e;
}

/* self->x and this->x */
static struct d_expr *scoped(struct d_parser *p)
{
	enum d_scope scope = p->tok.kind == D_KW_self ? D_V_SELF : D_V_THIS;
	struct loc start = p->tok.loc;
	struct d_expr *e;

	d_next(p);
	if (!d_expect(p, D_TK_ARROW, "'->'") || !(e = name_node(p, "a variable's name")))
		return NULL;
	e->ident_scope = scope;
	e->loc = d_since(p, start);
	return e;
}

/* Adjacent literals make a single string. */
static struct d_expr *string(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	const char *first = p->tok.str ? p->tok.str : "";
	size_t len = p->tok.len, cap = 0;
	char *buf = NULL, *more;
	struct d_expr *e;

	for (d_next(p); p->tok.kind == D_TK_STRING; d_next(p)) {
		if (!buf || len + p->tok.len > cap) {
			cap = (len + p->tok.len) * 2 + 1;
			more = arena_alloc(p->d->arena, cap + 1);
			if (!more)
				return d_nomem(p);
			memcpy(more, buf ? buf : first, len);
			buf = more;
		}
		memcpy(buf + len, p->tok.str, p->tok.len);
		len += p->tok.len;
		buf[len] = 0;
	}
	if (p->bad || !(e = node(p, D_E_STRING, start, 0)))
		return NULL;
	e->str = buf ? buf : first;
	e->len = len;
	return e;
}

static struct d_expr *number(struct d_parser *p)
{
	struct d_expr *e = d_expr_new(p->d, p->tok.kind == D_TK_INT ? D_E_INT : D_E_FLOAT,
				      p->tok.loc, 0);

	if (!e)
		return d_nomem(p);
	e->ival = p->tok.ival;
	e->fval = p->tok.fval;
	e->type = d_base(p->d, p->tok.kind == D_TK_INT ? p->tok.itype : D_DOUBLE);
	d_next(p);
	return e;
}

static struct d_expr *aggregation(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	const char *name = p->tok.str;
	struct d_expr *e;

	d_next(p);
	e = d_accept(p, '[') ? list(p, D_E_AGG, start, NULL, ']', "']'") :
			       node(p, D_E_AGG, start, 0);
	if (e)
		e->str = name;
	return e;
}

static struct d_expr *offset_of(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *type, *member = NULL, *e;

	d_next(p);
	if (!d_expect(p, '(', "'('") || !(type = type_node(p)) || !d_expect(p, ',', "','") ||
	    !(member = name_node(p, "a member's name")) || !d_expect(p, ')', "')'"))
		return NULL;
	e = node2(p, D_E_CALL, start, type, member);
	if (e)
		e->str = "offsetof";
	return e;
}

static struct d_expr *xlate(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *type, *from = NULL, *e;

	d_next(p);
	if (!d_expect(p, '<', "'<'") || !(type = type_node(p)) || !d_expect(p, '>', "'>'") ||
	    !d_expect(p, '(', "'('") || !(from = d_parse_expr(p)) || !d_expect(p, ')', "')'"))
		return NULL;
	e = node2(p, D_E_CALL, start, type, from);
	if (e)
		e->str = "xlate";
	return e;
}

/* _Alignof(type): C's headers compute paddings with it. */
static struct d_expr *align_of(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *e, *type;

	d_next(p);
	if (!d_expect(p, '(', "'('") || !(type = type_node(p)) || !d_expect(p, ')', "')'") ||
	    !(e = node(p, D_E_INT, start, 0)))
		return NULL;
	d_complete(p->d, type->type);
	e->ival = d_align_of(type->type);
	e->type = d_base(p->d, D_ULONG);
	return e;
}

static struct d_expr *primary(struct d_parser *p)
{
	struct d_expr *e;

	switch ((int)p->tok.kind) {
	case D_TK_IDENT: return ident(p);
	case D_TK_INT:
	case D_TK_FLOAT: return number(p);
	case D_TK_STRING: return string(p);
	case D_TK_AGG: return aggregation(p);
	case D_KW_self:
	case D_KW_this: return scoped(p);
	case D_KW_offsetof: return offset_of(p);
	case D_KW_xlate: return xlate(p);
	case D_KW__Alignof: return align_of(p);
	case '(':
		d_next(p);
		e = d_parse_expr(p);
		return e && d_expect(p, ')', "')'") ? e : NULL;
	default: d_syntax(p, "an expression"); return NULL;
	}
}

static struct d_expr *member(struct d_parser *p, struct d_expr *e, struct loc start)
{
	bool arrow = p->tok.kind == D_TK_ARROW;
	struct d_expr *name;

	if (arrow && !(e = node1(p, D_E_DEREF, start, e)))
		return NULL;
	d_next(p);
	name = name_node(p, "a member's name");
	e = name ? node1(p, D_E_MEMBER, start, e) : NULL;
	if (e)
		e->str = name->str;
	return e;
}

static struct d_expr *postfix(struct d_parser *p, struct d_expr *e, struct loc start)
{
	while (e) {
		switch ((int)p->tok.kind) {
		case '[':
			d_next(p);
			e = list(p, D_E_INDEX, start, e, ']', "']'");
			break;
		case '(': e = call(p, e, start); break;
		case '.':
		case D_TK_ARROW: e = member(p, e, start); break;
		case D_TK_INC:
		case D_TK_DEC:
			note_assigned(p, e);
			e = node1(p, D_E_UNARY, start, e);
			if (e)
				e->op = p->tok.kind == D_TK_INC ? D_OP_POSTINC : D_OP_POSTDEC;
			d_next(p);
			if (e)
				e->loc = d_since(p, start);
			break;
		default: return e;
		}
	}
	return NULL;
}

/* Reads a cast, the type of sizeof (…), or an expression in parentheses. */
static struct d_expr *parenthesis(struct d_parser *p, bool is_sizeof)
{
	struct loc start = p->tok.loc;
	struct d_expr *e, *type;

	d_next(p);
	if (!d_at_type(p)) {
		e = d_parse_expr(p);
		return e && d_expect(p, ')', "')'") ? postfix(p, e, start) : NULL;
	}
	type = type_node(p);
	if (!type || !d_expect(p, ')', "')'") || is_sizeof)
		return p->bad ? NULL : type;
	e = unary(p);
	e = node1(p, D_E_CAST, start, e);
	if (e)
		e->type = type->type;
	return e;
}

static struct d_expr *prefix(struct d_parser *p, size_t i)
{
	struct loc start = p->tok.loc;
	struct d_expr *e;

	d_next(p);
	e = unary(p);
	if (unaries[i].op == D_OP_PREINC || unaries[i].op == D_OP_PREDEC)
		note_assigned(p, e);
	e = node1(p, unaries[i].kind, start, e);
	if (e)
		e->op = unaries[i].op;
	return e;
}

static struct d_expr *unary_rule(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *e;

	for (size_t i = 0; i < COUNT(unaries); i++)
		if (p->tok.kind == unaries[i].tok)
			return prefix(p, i);
	switch ((int)p->tok.kind) {
	case '(': return parenthesis(p, false);
	case D_KW_sizeof:
		d_next(p);
		e = p->tok.kind == '(' ? parenthesis(p, true) : unary(p);
		return node1(p, D_E_SIZEOF, start, e);
	case D_KW___extension__: d_next(p); return unary(p);
	case D_KW_stringof:
		d_next(p);
		e = node1(p, D_E_CALL, start, unary(p));
		if (e)
			e->str = "stringof";
		return e;
	default: e = primary(p); return e ? postfix(p, e, start) : NULL;
	}
}

static struct d_expr *unary(struct d_parser *p)
{
	struct d_expr *e = d_enter(p) ? unary_rule(p) : NULL;

	d_leave(p);
	return p->bad ? NULL : e;
}

/* Reads operators of `level` and above; it recurses at most once a level. */
static struct d_expr *binary(struct d_parser *p, int level)
{
	struct loc start = p->tok.loc;
	struct d_expr *e = unary(p);
	size_t i;

	while (e) {
		for (i = 0; i < COUNT(binaries); i++)
			if (binaries[i].tok == p->tok.kind && binaries[i].level >= level)
				break;
		if (i == COUNT(binaries))
			return e;
		d_next(p);
		e = node2(p, D_E_BINARY, start, e, binary(p, binaries[i].level + 1));
		if (e) {
			e->op = binaries[i].op;
			e->loc = d_since(p, start);
		}
	}
	return NULL;
}

/* Reads a chain of ?: in a loop, because scripts have chains of a hundred and more. */
static struct d_expr *parse_cond(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *root = NULL, **tail = &root, *e, *then;

	for (;;) {
		e = binary(p, 1);
		if (!e || p->tok.kind != '?')
			break;
		d_next(p);
		then = d_parse_expr(p);
		if (!then || !d_expect(p, ':', "':'") || !d_link(p) ||
		    !(*tail = node(p, D_E_COND, e->loc, 3)))
			return NULL;
		(*tail)->kids[0] = e;
		(*tail)->kids[1] = then;
		tail = &(*tail)->kids[2];
	}
	if (!e)
		return NULL;
	*tail = e;
	if (root != e)
		root->loc = d_since(p, start);
	return root;
}

static struct d_expr *assign_rule(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *e = parse_cond(p);

	for (size_t i = 0; e && i < COUNT(assigns); i++) {
		if (p->tok.kind != assigns[i].tok)
			continue;
		note_assigned(p, e);
		d_next(p);
		e = node2(p, D_E_ASSIGN, start, e, d_parse_assign(p));
		if (e)
			e->op = assigns[i].op;
		break;
	}
	return e;
}

struct d_expr *d_parse_assign(struct d_parser *p)
{
	struct d_expr *e = d_enter(p) ? assign_rule(p) : NULL;

	d_leave(p);
	return p->bad ? NULL : e;
}

struct d_expr *d_parse_expr(struct d_parser *p)
{
	struct loc start = p->tok.loc;
	struct d_expr *e = d_parse_assign(p);

	while (e && d_accept(p, ','))
		e = node2(p, D_E_COMMA, start, e, d_parse_assign(p));
	return e;
}

bool d_parse_const(struct d_parser *p, int64_t *v)
{
	struct d_expr *e = parse_cond(p);

	if (!e)
		return false;
	if (d_const_int(p->d, e, v))
		return true;
	p->bad = true;
	p->d->front->errors++;
	return false;
}
