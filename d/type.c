/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * d/type.c: D's types and the tables that hold them (guide: chp-types).
 * In:   tags and names from the parser; the kernel's through config.names.
 * Out:  struct d_type, each base type and each pointer made once.
 * Owns: nothing; all is in the arena.
 */
#include "d/inner.h"

#include <string.h>

struct base_row {
	const char *name;
	uint8_t kind, size;
	bool is_signed, is_char, is_bool, is_user;
	int alias; /* TYPEDEF: of this base type */
};

#define INTEGER(n, s, sign)                                                    \
	{                                                                      \
		.name = (n), .kind = D_T_INT, .size = (s), .is_signed = (sign) \
	}
#define ALIAS(n, of)                                            \
	{                                                       \
		.name = (n), .kind = D_T_TYPEDEF, .alias = (of) \
	}
static const struct base_row base_rows[D_NBASETYPES] = {
	[D_VOID] = { .name = "void", .kind = D_T_VOID },
	[D_CHAR] = { .name = "char",
		     .kind = D_T_INT,
		     .size = 1,
		     .is_signed = true,
		     .is_char = true },
	[D_SHORT] = INTEGER("short", 2, true),
	[D_INT] = INTEGER("int", 4, true),
	[D_LONG] = INTEGER("long", 8, true),
	[D_LONGLONG] = INTEGER("long long", 8, true),
	[D_UCHAR] = { .name = "unsigned char", .kind = D_T_INT, .size = 1, .is_char = true },
	[D_USHORT] = INTEGER("unsigned short", 2, false),
	[D_UINT] = INTEGER("unsigned int", 4, false),
	[D_ULONG] = INTEGER("unsigned long", 8, false),
	[D_ULONGLONG] = INTEGER("unsigned long long", 8, false),
	[D_INT8] = ALIAS("int8_t", D_CHAR),
	[D_INT16] = ALIAS("int16_t", D_SHORT),
	[D_INT32] = ALIAS("int32_t", D_INT),
	[D_INT64] = ALIAS("int64_t", D_LONG),
	[D_UINT8] = ALIAS("uint8_t", D_UCHAR),
	[D_UINT16] = ALIAS("uint16_t", D_USHORT),
	[D_UINT32] = ALIAS("uint32_t", D_UINT),
	[D_UINT64] = ALIAS("uint64_t", D_ULONG),
	[D_BOOL] = { .name = "_Bool", .kind = D_T_INT, .size = 1, .is_bool = true },
	[D_FLOAT] = { .name = "float", .kind = D_T_FLOAT, .size = 4, .is_signed = true },
	[D_DOUBLE] = { .name = "double", .kind = D_T_FLOAT, .size = 8, .is_signed = true },
	[D_LONGDOUBLE] = { .name = "long double",
			   .kind = D_T_FLOAT,
			   .size = 16,
			   .is_signed = true },
	[D_STRING] = { .name = "string", .kind = D_T_STRING },
	[D_STACK] = { .name = "stack", .kind = D_T_STACK },
	[D_USTACK] = { .name = "ustack", .kind = D_T_STACK, .is_user = true },
	[D_USYM] = { .name = "usym", .kind = D_T_USYM, .size = 16 },
	[D_KSYM] = { .name = "sym", .kind = D_T_KSYM, .size = 8 },
};

/* Typedefs of the guide and of C headers, for LP64 on Linux. */
static const struct {
	const char *name;
	int of;
} typedef_rows[] = {
	{ "string", D_STRING },
	{ "_Bool", D_BOOL },
	{ "bool", D_BOOL },
	{ "intptr_t", D_LONG },
	{ "uintptr_t", D_ULONG },
	{ "ptrdiff_t", D_LONG },
	{ "size_t", D_ULONG },
	{ "ssize_t", D_LONG },
	{ "off_t", D_LONG },
	{ "loff_t", D_LONGLONG },
	{ "intmax_t", D_LONG },
	{ "uintmax_t", D_ULONG },
	{ "wchar_t", D_INT },
	{ "pid_t", D_INT },
	{ "uid_t", D_UINT },
	{ "gid_t", D_UINT },
	{ "id_t", D_UINT },
	{ "mode_t", D_UINT },
	{ "dev_t", D_UINT },
	{ "time_t", D_LONG },
	{ "clock_t", D_LONG },
	{ "suseconds_t", D_LONG },
	{ "key_t", D_INT },
	{ "uchar_t", D_UCHAR },
	{ "ushort_t", D_USHORT },
	{ "uint_t", D_UINT },
	{ "ulong_t", D_ULONG },
	{ "longlong_t", D_LONGLONG },
	{ "u_longlong_t", D_ULONGLONG },
	{ "u_char", D_UCHAR },
	{ "u_short", D_USHORT },
	{ "u_int", D_UINT },
	{ "u_long", D_ULONG },
	{ "offset_t", D_LONGLONG },
	{ "diskaddr_t", D_ULONGLONG },
	{ "hrtime_t", D_LONGLONG },
	{ "boolean_t", D_INT },
	{ "processorid_t", D_INT },
	{ "psetid_t", D_INT },
	{ "zoneid_t", D_INT },
	{ "taskid_t", D_INT },
	{ "projid_t", D_INT },
	{ "poolid_t", D_INT },
	{ "major_t", D_UINT },
	{ "minor_t", D_UINT },
	{ "pc_t", D_ULONG },
	{ "greg_t", D_LONG },
	{ "_Float32", D_FLOAT },
	{ "_Float32x", D_DOUBLE },
	{ "_Float64", D_DOUBLE },
	{ "_Float64x", D_LONGDOUBLE },
};

/* Types of C compilers that D cannot express; their sizes are needed to lay structs out. */
static const struct {
	const char *name;
	uint32_t size, align;
} opaque_rows[] = {
	{ "_Float16", 2, 2 },		{ "__bf16", 2, 2 },	  { "_Float128", 16, 16 },
	{ "__float128", 16, 16 },	{ "__int128_t", 16, 16 }, { "__uint128_t", 16, 16 },
	{ "_Decimal32", 4, 4 },		{ "_Decimal64", 8, 8 },	  { "_Decimal128", 16, 16 },
	{ "__builtin_va_list", 24, 8 },
};

static struct d_type *type_new(struct d *d, enum d_kind kind, const char *name)
{
	struct d_type *t = arena_new_of(d->arena, struct d_type);

	if (t) {
		t->kind = kind;
		t->name = name;
		t->align = 1;
	}
	return t;
}

static struct d_type *typedef_new(struct d *d, const char *name, struct d_type *to)
{
	struct d_type *t = to ? type_new(d, D_T_TYPEDEF, name) : NULL;

	if (t) {
		t->to = to;
		t->size = to->size;
		t->align = to->align;
	}
	return t;
}

struct d_type *d_opaque(struct d *d, const char *name, uint64_t size, uint32_t align)
{
	struct d_type *t = type_new(d, D_T_STRUCT, NULL);

	if (!t)
		return NULL;
	t->size = size;
	t->align = align;
	t->is_opaque = t->complete = true;
	return typedef_new(d, name, t);
}

static struct d_type *base_new(struct d *d, const struct base_row *r)
{
	struct d_type *t;

	if (r->kind == D_T_TYPEDEF)
		return typedef_new(d, r->name, d->base[r->alias]);
	t = type_new(d, (enum d_kind)r->kind, r->name);
	if (!t)
		return NULL;
	t->size = r->kind == D_T_STRING ? d->config.opt.strsize : r->size;
	t->align = r->size ? r->size : 1;
	t->is_signed = r->is_signed;
	t->is_char = r->is_char;
	t->is_bool = r->is_bool;
	t->is_user = r->is_user;
	t->complete = true;
	return t;
}

bool d_types_init(struct d *d)
{
	for (size_t i = 0; i < D_NBASETYPES; i++) {
		d->base[i] = base_new(d, &base_rows[i]);
		if (!d->base[i])
			return false;
		if (base_rows[i].kind == D_T_TYPEDEF &&
		    hash_set_str(d->typedefs, base_rows[i].name, d->base[i]))
			return false;
	}
	for (size_t i = 0; i < COUNT(typedef_rows); i++) {
		struct d_type *t = d->base[typedef_rows[i].of];

		if (t->kind != D_T_STRING)
			t = typedef_new(d, typedef_rows[i].name, t);
		if (!t || hash_set_str(d->typedefs, typedef_rows[i].name, t))
			return false;
	}
	for (size_t i = 0; i < COUNT(opaque_rows); i++) {
		struct d_type *t = d_opaque(d, opaque_rows[i].name, opaque_rows[i].size,
					    opaque_rows[i].align);

		if (!t || hash_set_str(d->typedefs, opaque_rows[i].name, t))
			return false;
	}
	return d_typedef_declare(d, "caddr_t", d_ptr_to(d, d->base[D_CHAR]), 0, NOWHERE);
}

struct d_type *d_base(struct d *d, enum d_basetype which)
{
	return d->base[which];
}

static struct d_type *ptr_new(struct d *d, struct d_type *to, bool user)
{
	struct d_type *t = type_new(d, D_T_PTR, NULL);

	if (t) {
		t->to = to;
		t->size = t->align = 8;
		t->is_user = user;
		t->complete = true;
	}
	return t;
}

struct d_type *d_ptr_to(struct d *d, struct d_type *to)
{
	if (!to)
		return NULL;
	if (!to->ptr_cache)
		to->ptr_cache = ptr_new(d, to, to->is_user && to->kind != D_T_STACK);
	return to->ptr_cache;
}

struct d_type *d_user_ptr_to(struct d *d, struct d_type *to)
{
	return to ? ptr_new(d, to, true) : NULL;
}

struct d_type *d_array_of(struct d *d, struct d_type *elem, uint64_t n)
{
	struct d_type *t = elem ? type_new(d, D_T_ARRAY, NULL) : NULL;
	const struct d_type *e;

	if (!t)
		return NULL;
	d_complete(d, elem);
	e = d_resolve(elem);
	t->to = elem;
	t->nelem = n;
	if (__builtin_mul_overflow(e->size, n, &t->size))
		t->size = 0;
	t->align = d_align_of(elem);
	t->is_user = elem->is_user && e->kind != D_T_STACK;
	t->complete = true;
	return t;
}

struct d_type *d_func_type(struct d *d, struct d_type *ret, struct d_type **params, size_t n,
			   bool variadic)
{
	struct d_type *t = ret ? type_new(d, D_T_FUNC, NULL) : NULL;

	if (t) {
		t->to = ret;
		t->params = params;
		t->nparams = n;
		t->variadic = variadic;
		t->complete = true;
	}
	return t;
}

struct d_type *d_qualified(struct d *d, struct d_type *t, bool c, bool v, bool userland)
{
	struct d_type *q;

	if (!t || ((!c || t->is_const) && (!v || t->is_volatile) && (!userland || t->is_user)))
		return t;
	q = arena_dup(d->arena, t, sizeof(*t));
	if (!q)
		return NULL;
	q->base = t->base ? t->base : t;
	q->is_const |= c;
	q->is_volatile |= v;
	q->is_user |= userland;
	q->ptr_cache = NULL;
	return q;
}

/* ---- Tables --------------------------------------------------------------- */

static const char *tag_word(enum d_kind kind)
{
	return kind == D_T_STRUCT ? "struct" : kind == D_T_UNION ? "union" : "enum";
}

static char *tag_key(struct d *d, enum d_kind kind, const char *tag)
{
	return arena_printf(d->arena, "%s %s", tag_word(kind), tag);
}

static struct d_type *ask(struct d *d, enum d_kind kind, const char *name)
{
	const struct d_names *names = d->config.names;

	return names && names->type ? names->type(names->ctx, d, kind, name) : NULL;
}

struct d_type *d_tag_find(struct d *d, enum d_kind kind, const char *tag)
{
	char *key = tag_key(d, kind, tag);
	struct d_type *t = key ? hash_get_str(d->tags, key) : NULL;

	if (t || !key)
		return t;
	t = ask(d, kind, tag);
	if (t && hash_set_str(d->tags, key, t))
		return NULL;
	return t;
}

struct d_type *d_typedef_find(struct d *d, const char *name)
{
	struct d_type *t = hash_get_str(d->typedefs, name);

	if (t)
		return t;
	t = ask(d, D_T_TYPEDEF, name);
	if (t && hash_set_str(d->typedefs, name, t))
		return NULL;
	return t;
}

struct d_type *d_user_type(struct d *d, enum d_kind kind, const char *name)
{
	bool tagged = kind != D_T_TYPEDEF;
	const char *key = tagged ? tag_key(d, kind, name) : name;
	struct d_type *t = key ? hash_get_str(tagged ? d->tags : d->typedefs, key) : NULL;

	if (t && !t->origin)
		return t;
	key = tagged && key ? arena_printf(d->arena, "user %s", key) : NULL;
	t = key ? hash_get_str(d->tags, key) : NULL;
	if (t || !key)
		return t;
	t = type_new(d, kind, arena_strdup(d->arena, name));
	return t && !hash_set_str(d->tags, key, t) ? t : NULL;
}

struct d_type *d_unknown_type(struct d *d, const char *name)
{
	struct d_type *t = type_new(d, D_T_TYPEDEF, arena_strdup(d->arena, name));

	if (t) {
		t->to = d_base(d, D_VOID);
		t->is_unknown = true;
	}
	return t;
}

/* A declaration replaces a kernel type that was only looked up. */
struct d_type *d_tag_declare(struct d *d, enum d_kind kind, const char *tag, struct loc at)
{
	char *key = tag ? tag_key(d, kind, tag) : NULL;
	struct d_type *t = key ? hash_get_str(d->tags, key) : NULL;

	if (t && !t->origin)
		return t;
	if (tag && !key)
		return NULL;
	t = type_new(d, kind, tag ? arena_strdup(d->arena, tag) : NULL);
	if (t && kind == D_T_ENUM) {
		t->size = t->align = 4;
		t->is_signed = true;
	}
	if (t && key && hash_set_str(d->tags, key, t)) {
		d_error(d, at, NULL, "no memory for %s", key);
		return NULL;
	}
	return t;
}

/* May a declaration replace this typedef? Nothing in D depends on the likes of dev_t, so the
 * program's headers win. */
static bool gives_way(const struct d *d, const struct d_type *t)
{
	if (d_resolve(t)->is_opaque)
		return true;
	for (size_t i = 0; i < COUNT(typedef_rows); i++)
		if (typedef_rows[i].of != D_STRING && typedef_rows[i].of != D_BOOL &&
		    !strcmp(typedef_rows[i].name, t->name) && t->to == d->base[typedef_rows[i].of])
			return true;
	return false;
}

bool d_typedef_declare(struct d *d, const char *name, struct d_type *t, uint32_t aligned,
		       struct loc at)
{
	struct d_type *old = hash_get_str(d->typedefs, name), *made;
	bool same = old && d_same_type(old, t);

	if (old && !old->origin && !same && !gives_way(d, old)) {
		d_error(d, at, D_DECL_TYPERED, "type redeclared: %s is %s, now %s", name,
			d_type_name(d, d_resolve(old)), d_type_name(d, d_resolve(t)));
		return false;
	}
	if (hash_get_str(d->idents, name)) {
		d_error(d, at, D_DECL_IDRED, "identifier redeclared: %s", name);
		return false;
	}
	if (same && !old->origin)
		return true;
	made = typedef_new(d, arena_strdup(d->arena, name), t);
	if (made && aligned)
		made->align = made->aligned = aligned;
	return made && made->name && !hash_set_str(d->typedefs, name, made);
}

struct d_ident *d_ident_enter(struct d *d, const char *name, enum d_idkind kind, struct loc at)
{
	struct d_ident *id = arena_new_of(d->arena, struct d_ident);

	if (!id)
		return NULL;
	id->kind = kind;
	id->loc = at;
	d_ident_waited(d, name, id);
	return hash_set_str(d->idents, name, id) ? NULL : id;
}
