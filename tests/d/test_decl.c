/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/test_decl.c: declarations: C's declarators and D's variables,
 * inlines, provider blocks, pragmas; and their errors.
 */
#include "tests/d/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void parsed(struct raw *r, const char *text)
{
	raw_open(r, NULL);
	if (!raw_parse(r, text, strlen(text), 0))
		print_error("%s\n%s", text, r->errors);
	assert_true(r->ok);
}

static void errors(const char *text, const char *want)
{
	struct raw r;

	raw_open(&r, NULL);
	assert_false(raw_parse(&r, text, strlen(text), 0));
	if (!strstr(r.errors, want))
		print_error("%s\nwanted: %s\ngot: %s", text, want, r.errors);
	assert_non_null(strstr(r.errors, want));
	raw_close(&r);
}

static const struct d_var *global(struct raw *r, const char *name)
{
	struct d_ident *id = hash_get_str(r->d->idents, name);

	assert_non_null(id);
	assert_int_equal(id->kind, D_ID_VAR);
	return id->var;
}

/* The type of `name` in `text`, as D prints it. */
static void declares(const char *text, const char *name, const char *type)
{
	struct raw r;

	parsed(&r, text);
	assert_string_equal(d_type_name(r.d, global(&r, name)->type), type);
	raw_close(&r);
}

static void words_of_a_type_come_in_any_order(void **state)
{
	(void)state;
	declares("int x;", "x", "int");
	declares("long unsigned int long x;", "x", "unsigned long long");
	declares("short x, y;", "y", "short");
	declares("char signed x;", "x", "char");
	declares("const char *x;", "x", "const char *");
	declares("uint64_t x;", "x", "uint64_t");
	declares("string x;", "x", "string");
	declares("extern struct foo *x;", "x", "struct foo *");
	errors("char unsigned signed x;", "[D_DECL_COMBO]");
	errors("short long x;", "[D_DECL_COMBO]");
	errors("unsigned string x;", "[D_DECL_SIGNINT]");
	errors("long char x;", "[D_DECL_CHARATTR]");
	errors("short double x;", "[D_DECL_LONGINT]");
	errors("nope_t x;", "t.d:1:1: [D_TYPE_ERR] there is no type 'nope_t'");
}

static void declarators_read_from_the_inside(void **state)
{
	(void)state;
	declares("int x[3][4];", "x", "int [3][4]");
	declares("int *x[3];", "x", "int *[3]");
	declares("int (*x)[3];", "x", "int (*)[3]");
	declares("int (*x)(char *, int y[2], ...);", "x", "int (*)(char *, int *, ...)");
	declares("void (*(*x)(void))(int);", "x", "void (*(*)())(int)");
	declares("int*x;", "x", "int *");
	declares("char **x, y;", "x", "char **");
}

static void variables_have_a_scope_and_keys(void **state)
{
	struct raw r;
	struct d_var *v;

	(void)state;
	parsed(&r, "int x[string, int *]; self string t; this int u, w; self int m[int];");
	assert_true(global(&r, "x")->assoc);
	assert_int_equal(global(&r, "x")->nkeys, 2);
	assert_string_equal(d_type_name(r.d, global(&r, "x")->keys[1]), "int *");
	v = hash_get_str(r.d->self_vars, "t");
	assert_int_equal(v->scope, D_V_SELF);
	assert_string_equal(d_type_name(r.d, v->type), "string");
	assert_true(((struct d_var *)hash_get_str(r.d->self_vars, "m"))->assoc);
	assert_non_null(hash_get_str(r.d->this_vars, "w"));
	assert_null(hash_get_str(r.d->idents, "w"));
	raw_close(&r);
	errors("int x; string x;", "t.d:1:15: [D_DECL_IDRED] identifier redeclared: x");
	errors("int pid;", "[D_DECL_IDRED]");
	errors("this int x[int];", "[D_DECL_LOCASSC]");
	errors("void x;", "[D_DECL_VOIDOBJ]");
	errors("int x[];", "[D_DECL_ARRNULL]");
	errors("int x[0];", "[D_DECL_ARRSUB]");
	errors("struct nope x;", "[D_DECL_INCOMPLETE]");
	errors("static int x;", "[D_DECL_BADCLASS]");
	errors("self this int x;", "[D_DECL_CLASS]");
	errors("int;", "[D_DECL_USELESS]");
	declares("int x; int x;", "x", "int");
}

static void structs_have_members(void **state)
{
	struct raw r;
	struct d_type *t;
	uint64_t off;

	(void)state;
	parsed(&r, "struct s { char a; int b:3, c:7; struct { long d; }; struct s *next; };\n"
		   "union u { int i; char c[8]; } v; typedef struct s s_t; s_t w;");
	t = d_tag_find(r.d, D_T_STRUCT, "s");
	assert_true(t->complete);
	assert_int_equal(t->nmembers, 5);
	assert_int_equal(d_member_find(r.d, t, "c", &off)->bit_size, 7);
	assert_non_null(d_member_find(r.d, t, "d", &off));
	assert_int_equal(off, 64);
	assert_int_equal(global(&r, "v")->type->size, 8);
	assert_int_equal(d_resolve(global(&r, "w")->type)->size, 24);
	raw_close(&r);
	errors("struct s { int a; }; struct s { int b; };",
	       "[D_DECL_TYPERED] type redeclared: struct s");
	errors("typedef int t; typedef long t;",
	       "[D_DECL_TYPERED] type redeclared: t is int, now long");
	errors("typedef unsigned long dev_t; typedef char dev_t;",
	       "[D_DECL_TYPERED] type redeclared: dev_t is unsigned long, now char");
	errors("struct s { int a:40; };", "[D_DECL_BFSIZE]");
	errors("struct s { string a:4; };", "[D_DECL_BFTYPE]");
	errors("struct s { int; };", "[D_DECL_MNAME]");
	errors("struct s { void a; };", "[D_DECL_VOIDOBJ]");
	errors("struct { int a }", "t.d:1:16: [D_SYNTAX] syntax error near '}': expected ';'");
}

static void enumerators_count(void **state)
{
	struct raw r;

	(void)state;
	parsed(&r, "enum e { A, B = 5, C, D = -1, }; int x[C];");
	assert_int_equal(((struct d_ident *)hash_get_str(r.d->idents, "C"))->number, 6);
	assert_int_equal(((struct d_ident *)hash_get_str(r.d->idents, "D"))->number, -1);
	assert_int_equal(global(&r, "x")->type->nelem, 6);
	raw_close(&r);
	errors("enum e { A, A };", "[D_DECL_IDRED]");
	errors("enum e { A = 2147483647, B };", "[D_DECL_ENOFLOW]");
	errors("enum e { };", "expected an enumerator's name");
}

static void inlines_keep_their_tree(void **state)
{
	struct raw r;
	struct d_ident *id;

	(void)state;
	parsed(&r, "inline int ms = timestamp / 1000000;");
	id = hash_get_str(r.d->idents, "ms");
	assert_int_equal(id->kind, D_ID_INLINE);
	assert_int_equal(id->value->kind, D_E_BINARY);
	assert_string_equal(d_type_name(r.d, id->type), "int");
	raw_close(&r);
	errors("inline int x;", "expected '='");
	errors("inline int x[int y, int] = y;", "key 2 of the inline needs a name: x");
	errors("translator struct a < int *p > { m = p->x; };",
	       "t.d:1:1: [D_XLATE_NONE] translators are not implemented");
}

static void provider_blocks(void **state)
{
	struct raw r;
	const struct d_probe_decl *pr;

	(void)state;
	parsed(&r, "#pragma D attributes Evolving/Evolving/Common provider my_prov args\n"
		   "provider my_prov {\n\tprobe a__b(int x, char *y) : (string y, uint8_t x);\n"
		   "\tprobe none();\n\tprobe none2(void);\n\tprobe q(string);\n};\nint after;");
	assert_int_equal(r.d->nproviders, 1);
	assert_string_equal(r.d->providers[0].name, "my_prov");
	assert_int_equal(r.d->providers[0].nprobes, 4);
	assert_int_equal(r.d->providers[0].attr[4].class, 5);
	assert_int_equal(r.d->providers[0].attr[4].name, 5);
	pr = r.d->providers[0].probes;
	assert_string_equal(pr[0].name, "a__b");
	assert_int_equal(pr[0].nargs, 2);
	assert_string_equal(pr[0].arg_names[1], "y");
	raw_close(&r);
}

static void translated_arguments_map_by_name(void **state)
{
	struct raw r;
	const struct d_probe_decl *pr;

	(void)state;
	parsed(&r, "provider p { probe a(int x, char *y) : (string y, uint8_t x, int x); };");
	pr = r.d->providers[0].probes;
	assert_int_equal(pr->nxargs, 3);
	assert_int_equal(pr->xmap[0], 1);
	assert_int_equal(pr->xmap[1], 0);
	assert_int_equal(pr->xmap[2], 0);
	assert_string_equal(d_type_name(r.d, pr->xargs[0]), "string");
	raw_close(&r);
	errors("provider p { probe a(int x, int y) : (int x, int y, int z); };",
	       "[D_DECL_PROTO_FORM]");
	errors("provider p { probe a(); probe a(); };",
	       "t.d:1:31: [D_PROV_PRDUP] probe redeclared: a");
	errors("provider p2 { };", "[D_PROV_BADNAME]");
	errors("provider p { probe a(int, ...); };", "[D_DECL_PROTO_VARARGS]");
	errors("provider p { probe a(void, int); };", "[D_DECL_PROTO_VOID]");
	errors("provider p { probe a(int) }", "t.d:1:27: [D_SYNTAX]");
	errors("provider p { probe a(int); }", "near end of input: expected ';'");
}

static bool option(void *ctx, const char *name, const char *value, struct loc at)
{
	char *seen = ctx;

	(void)at;
	strcat(strcat(strcat(strcat(seen, name), "="), value ? value : "(null)"), " ");
	return strcmp(name, "bad") != 0;
}

static void pragmas_set_options(void **state)
{
	char seen[200] = "";
	struct d_config config = { .option = option, .option_ctx = seen };
	static const char text[] =
		"#!/usr/sbin/dtrace -s\n#pragma D option quiet /* x */\n"
		"# pragma D option bufsize=16k\nBEGIN{\n#pragma D option a=\"b c\"\nx}\n"
		"#pragma once\n#ident \"x\"\n#\n# 12 \"foo.d\" 1\n#line 3\n";
	struct raw r;

	(void)state;
	raw_open(&r, &config);
	assert_true(raw_parse(&r, text, sizeof(text) - 1, 0));
	assert_string_equal(seen, "quiet=(null) bufsize=16k a=b c ");
	assert_string_equal(r.tree, ":::BEGIN{x}");
	raw_close(&r);
	errors("#define X\n", "t.d:1:2: [D_PRAGCTL_INVAL] invalid control directive: define");
	errors("#pragma D nope\n", "[D_PRAGMA_INVAL]");
	errors("#pragma D option\n", "[D_PRAGMA_MALFORM]");
	errors("#pragma D attributes A/B/C provider p name\n", "t.d:1:22: [D_PRAGMA_INVAL]");
	errors("#pragma D depends_on x y\n", "[D_PRAGMA_MALFORM]");
	errors("#error x\n", "[D_PRAGERR]");
	errors("# 7 \"orig.d\"\nint;", "orig.d:7:1: [D_DECL_USELESS]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_a_type_come_in_any_order),
		cmocka_unit_test(declarators_read_from_the_inside),
		cmocka_unit_test(variables_have_a_scope_and_keys),
		cmocka_unit_test(structs_have_members),
		cmocka_unit_test(enumerators_count),
		cmocka_unit_test(inlines_keep_their_tree),
		cmocka_unit_test(provider_blocks),
		cmocka_unit_test(translated_arguments_map_by_name),
		cmocka_unit_test(pragmas_set_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
