/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/decl_top.c: the declarations between clauses: variables, typedefs, inlines,
 * translators (guide: chp-variables, chp-types, chp-xlate).
 * In:   tokens, the first of which begins a declaration.
 * Out:  names entered in d. The last token is the `;`; nothing behind it is read.
 * Owns: nothing; all is in the arena.
 */
#include "d/lex.h"

#include <string.h>

/* Checks for the `;` without reading a token behind it, because a probe description may follow. */
static bool semicolon(struct d_parser *p, const char *wanted)
{
	if (!p->bad && p->tok.kind == ';')
		return true;
	d_syntax(p, wanted);
	return false;
}

static bool same_var(const struct d_var *v, const struct d_declarator *decl)
{
	if (!v->type || !d_same_type(v->type, decl->type) || v->assoc != decl->assoc ||
	    v->nkeys != decl->nkeys)
		return false;
	for (size_t i = 0; i < v->nkeys; i++)
		if (!d_same_type(v->keys[i], decl->keys[i]))
			return false;
	return true;
}

static bool redeclared(struct d_parser *p, const struct d_declarator *decl)
{
	d_perror(p, decl->loc, D_DECL_IDRED, "identifier redeclared: %s", decl->name);
	return false;
}

static struct d_var *var_new(struct d_parser *p, const struct d_declarator *decl,
			     enum d_scope scope)
{
	struct d_var *v = arena_new_of(p->d->arena, struct d_var);

	if (!v)
		return d_nomem(p);
	*v = (struct d_var){ .scope = scope,
			     .name = decl->name,
			     .type = decl->type,
			     .assoc = decl->assoc,
			     .keys = decl->keys,
			     .nkeys = decl->nkeys,
			     .loc = decl->loc,
			     .id = -1 };
	return v;
}

static bool global(struct d_parser *p, const struct d_declarator *decl)
{
	struct d_ident *id = hash_get_str(p->d->idents, decl->name);

	if (id) {
		if (id->kind == D_ID_VAR && id->var->scope == D_V_GLOBAL && same_var(id->var, decl))
			return true;
		return redeclared(p, decl);
	}
	id = d_ident_enter(p->d, decl->name, D_ID_VAR, decl->loc);
	if (!id)
		return d_nomem(p);
	id->type = decl->type;
	return (id->var = var_new(p, decl, D_V_GLOBAL)) != NULL;
}

static bool local(struct d_parser *p, const struct d_declarator *decl, enum d_scope scope)
{
	struct hash *table = scope == D_V_SELF ? p->d->self_vars : p->d->this_vars;
	struct d_var *v = hash_get_str(table, decl->name);

	if (v)
		return same_var(v, decl) || redeclared(p, decl);
	v = var_new(p, decl, scope);
	return v && (!hash_set_str(table, decl->name, v) || d_nomem(p));
}

/* D cannot read variables of C headers, so those that D cannot even declare are skipped. */
static bool is_only_c(struct d_parser *p, const struct d_specs *specs,
		      const struct d_declarator *decl)
{
	const struct d_type *t = d_resolve(decl->type);

	if (!p->in_header || decl->assoc)
		return false;
	return specs->class == D_C_STATIC || p->tok.kind == '=' || t->is_opaque ||
	       (specs->class == D_C_EXTERN &&
		(hash_get_str(p->d->idents, decl->name) || t->kind == D_T_VOID ||
		 (t->kind == D_T_ARRAY && !t->nelem)));
}

/* Reports types that a variable cannot have, with DTrace's tags. */
static bool var_type_ok(struct d_parser *p, const struct d_declarator *decl, enum d_class class)
{
	const struct d_type *t = d_resolve(decl->type);
	const struct diag_tag *tag = NULL;
	const char *what = NULL;

	if (t->kind == D_T_VOID)
		tag = D_DECL_VOIDOBJ, what = "cannot declare a void object";
	else if (t->kind == D_T_ARRAY && !t->nelem)
		tag = D_DECL_ARRNULL, what = "array declaration requires a dimension or a tuple";
	else if ((t->kind == D_T_STRUCT || t->kind == D_T_UNION) && class != D_C_EXTERN &&
		 !d_complete(p->d, decl->type))
		tag = D_DECL_INCOMPLETE, what = "declaration uses an incomplete type";
	else if (decl->assoc && class == D_C_THIS)
		tag = D_DECL_LOCASSC, what = "cannot declare a clause-local associative array";
	if (tag)
		d_perror(p, decl->loc, tag, "%s: %s", what, decl->name);
	return !tag;
}

static bool typedef_declare(struct d_parser *p, const struct d_declarator *decl)
{
	if (decl->assoc) {
		d_perror(p, decl->loc, D_DECL_DYNOBJ,
			 "a typedef cannot be an associative array: %s", decl->name);
		return false;
	}
	if (!d_typedef_declare(p->d, decl->name, decl->type, decl->attrs.aligned, decl->loc)) {
		p->bad = true;
		p->d->front->errors++;
	}
	return !p->bad;
}

static bool declare(struct d_parser *p, const struct d_specs *specs,
		    const struct d_declarator *decl)
{
	if (!decl->name) {
		d_syntax(p, "a name");
		return false;
	}
	if (strchr(decl->name, '`')) {
		d_perror(p, decl->loc, D_DECL_SCOPE, "` cannot be used in a declaration: %s",
			 decl->name);
		return false;
	}
	if (specs->class == D_C_TYPEDEF)
		return typedef_declare(p, decl);
	if (d_resolve(decl->type)->kind == D_T_FUNC && !decl->assoc)
		return true; /* a prototype: D knows its own functions and cannot call others */
	if (is_only_c(p, specs, decl))
		return d_skip_initializer(p);
	if (!var_type_ok(p, decl, specs->class))
		return false;
	if (specs->class == D_C_SELF || specs->class == D_C_THIS)
		return local(p, decl, specs->class == D_C_SELF ? D_V_SELF : D_V_THIS);
	return global(p, decl);
}

/* Reads the declarators behind the specifiers, or skips the body of a C function. */
static void declarators(struct d_parser *p, const struct d_specs *specs)
{
	struct d_declarator decl;

	do {
		if (!d_parse_declarator(p, specs, &decl) || !declare(p, specs, &decl))
			return;
		if (p->in_header && p->tok.kind == '{' && d_resolve(decl.type)->kind == D_T_FUNC) {
			d_skip_body(p);
			return;
		}
	} while (d_accept(p, ','));
	semicolon(p, "',' or ';'");
}

static void variables(struct d_parser *p)
{
	struct d_specs specs;

	if (!d_parse_specs(p, &specs))
		return;
	if (!p->in_header &&
	    (specs.class == D_C_AUTO || specs.class == D_C_REGISTER || specs.class == D_C_STATIC)) {
		d_perror(p, specs.loc, D_DECL_BADCLASS,
			 "specified storage class not appropriate in D");
		return;
	}
	if (p->tok.kind == ';') {
		if (!specs.defines && !p->in_header)
			d_perror(p, specs.loc, D_DECL_USELESS, "useless declaration");
		return;
	}
	declarators(p, &specs);
}

static bool params_named(struct d_parser *p, const struct d_declarator *decl)
{
	for (size_t i = 0; i < decl->nkeys; i++)
		if (!decl->key_names[i]) {
			d_perror(p, decl->loc, D_DECL_PROTO_NAME,
				 "key %zu of the inline needs a name: %s", i + 1, decl->name);
			return false;
		}
	return true;
}

/* inline T name = expression; or inline T name[T1 a, T2 b] = expression of a and b; The expression
 * stays raw, because each use clones it. */
static void inline_definition(struct d_parser *p)
{
	struct d_declarator decl;
	struct d_specs specs;
	const char **slot;
	struct d_ident *id;
	struct d_expr *e;

	d_next(p);
	if (!d_parse_specs(p, &specs))
		return;
	if (p->in_header && specs.class != D_C_NONE) { /* inline static int f(void) { … } */
		declarators(p, &specs);
		return;
	}
	if (!d_parse_declarator(p, &specs, &decl))
		return;
	if (p->in_header && decl.name && d_resolve(decl.type)->kind == D_T_FUNC) {
		if (p->tok.kind == '{')
			d_skip_body(p);
		else
			semicolon(p, "';' or a body");
		return;
	}
	if (!decl.name || specs.class != D_C_NONE) {
		d_syntax(p, decl.name ? "no storage class" : "a name");
		return;
	}
	if (!params_named(p, &decl) || !d_expect(p, '=', "'='"))
		return;
	p->chain = 0;
	e = d_parse_assign(p);
	if (!e || !semicolon(p, "';'"))
		return;
	if (hash_get_str(p->d->idents, decl.name)) {
		redeclared(p, &decl);
		return;
	}
	id = d_ident_enter(p->d, decl.name, D_ID_INLINE, decl.loc);
	slot = ARENA_PUSH(p->d->arena, p->d->inlines, p->d->ninlines, p->d->inlines_cap);
	if (!id || !slot) {
		d_nomem(p);
		return;
	}
	*slot = decl.name;
	id->type = decl.type;
	id->value = e;
	id->params = decl.keys;
	id->param_names = decl.key_names;
	id->nparams = decl.nkeys;
}

/* translator T < S *name > { member = expression; … }; The translator is read and refused (see
 * docs), except in the generator, which needs only the types. */
static void translator(struct d_parser *p)
{
	struct loc at = p->tok.loc;
	struct d_declarator decl;
	struct d_specs specs;

	d_next(p);
	if (!d_type_name_parse(p) || !d_expect(p, '<', "'<'") || !d_parse_specs(p, &specs) ||
	    !d_parse_declarator(p, &specs, &decl))
		return;
	if (!decl.name) {
		d_syntax(p, "the name of the translator's input");
		return;
	}
	if (!d_expect(p, '>', "'>'") || !d_expect(p, '{', "'{'"))
		return;
	while (!p->bad && p->tok.kind != '}') {
		p->chain = 0;
		if (!d_expect(p, D_TK_IDENT, "a member's name") || !d_expect(p, '=', "'='") ||
		    !d_parse_assign(p) || !d_expect(p, ';', "';'"))
			return;
	}
	if (d_expect(p, '}', "'}'") && semicolon(p, "';'") && !p->d->config.providers)
		d_perror(p, at, D_XLATE_NONE, "translators are not implemented");
}

void d_parse_declaration(struct d_parser *p)
{
	switch ((int)p->tok.kind) {
	case D_KW_provider: d_parse_provider(p); break;
	case D_KW_translator: translator(p); break;
	case D_KW_inline: inline_definition(p); break;
	case D_KW__Static_assert:
	case D_KW___asm__:
		d_next(p);
		if (d_skip_parens(p))
			semicolon(p, "';'");
		break;
	default: variables(p);
	}
}
