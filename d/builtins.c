/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/builtins.c: the rows of builtins.def as tables and as identifiers.
 * In:   d/builtins.def.
 * Out:  the name tables of d.h; a struct d_ident for each row in d->idents.
 */
#include "d/inner.h"

#include <string.h>

const char *const d_builtin_names[] = {
#define D_VAR(id, type) #id,
#include "d/builtins.def"
};
const char *const d_subr_names[] = {
#define D_SUBR(id, proto) #id,
#include "d/builtins.def"
};
const char *const d_action_names[] = {
#define D_ACTION(id, proto) #id,
#include "d/builtins.def"
};
const char *const d_aggfunc_names[] = {
#define D_AGGFUNC(id, proto) #id,
#include "d/builtins.def"
};

struct row {
	enum d_idkind kind;
	const char *name;
	const char *proto;	/* VAR: the type */
	int number;
};

static const struct row rows[] = {
#define D_VAR(id, type) { D_ID_VAR, #id, type, D_BUILTIN_##id },
#include "d/builtins.def"
#define D_SUBR(id, proto) { D_ID_SUBR, #id, proto, D_SUBR_##id },
#include "d/builtins.def"
#define D_ACTION(id, proto) { D_ID_ACTION, #id, proto, D_ACT_##id },
#include "d/builtins.def"
#define D_AGGFUNC(id, proto) { D_ID_AGGFUNC, #id, proto, D_AGG_##id },
#include "d/builtins.def"
};

/* The words of a prototype are few: a base or typedef name, `struct x`, and stars. */
struct d_type *d_proto_type(struct d *d, const char *text, size_t len)
{
	size_t stars = 0;
	struct d_type *t;
	char *name;

	while (len && (text[len - 1] == '*' || text[len - 1] == ' '))
		stars += text[--len] == '*';
	name = arena_strndup(d->arena, text, len);
	if (!name)
		return NULL;
	if (!strncmp(name, "struct ", 7)) {
		t = d_tag_find(d, D_T_STRUCT, name + 7);
		if (!t)
			t = d_tag_declare(d, D_T_STRUCT, name + 7, NOWHERE);
	} else {
		t = d_typedef_find(d, name);
	}
	while (t && stars--)
		t = d_ptr_to(d, t);
	return t;
}

/* args and uregs are typed where they are used; so is every other builtin, because its type may
 * have to be asked of the kernel. */
static struct d_var *builtin_var(struct d *d, const struct row *r)
{
	struct d_var *v = arena_new_of(d->arena, struct d_var);

	if (v) {
		v->scope = D_V_BUILTIN;
		v->name = r->name;
		v->id = r->number;
	}
	return v;
}

bool d_builtins_init(struct d *d)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct d_ident *id = arena_new_of(d->arena, struct d_ident);

		if (!id)
			return false;
		id->kind = rows[i].kind;
		id->number = rows[i].number;
		id->proto = rows[i].proto;
		if (id->kind == D_ID_VAR && !(id->var = builtin_var(d, &rows[i])))
			return false;
		if (hash_set_str(d->idents, rows[i].name, id))
			return false;
	}
	return true;
}
