/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/providers/types.c: D types from the kernel's BTF, by id and by name, and from text.
 * In:   ids; names; a provider's text, such as "const char *".
 * Out:  D types whose origin is their BTF id. Members are read when asked for.
 * Owns: nothing; the compile owns the types.
 */
#include "consumer/providers/inner.h"
#include "kernel/kernel.h"

#include <linux/btf.h>
#include <string.h>

/* ---- BTF → D ------------------------------------------------------------------ */

enum { MAX_DEPTH = 64 };

static struct d_type *from_btf(struct kernel_types *w, uint32_t id, int depth);

/* An integer by its name, else by its size and sign. Over 64 bits it becomes an array of words. */
static struct d_type *int_type(struct d *d, const struct kern_type *t)
{
	static const struct {
		const char *name;
		enum d_basetype is;
	} named[] = {
		{ "char", D_CHAR },
		{ "unsigned char", D_UCHAR },
		{ "_Bool", D_BOOL },
		{ "long long int", D_LONGLONG },
		{ "long long unsigned int", D_ULONGLONG },
	};
	uint32_t data;
	bool sign;

	for (size_t i = 0; i < COUNT(named); i++)
		if (!strcmp(named[i].name, t->name))
			return d_base(d, named[i].is);
	memcpy(&data, t->more, sizeof(data));
	sign = BTF_INT_ENCODING(data) & BTF_INT_SIGNED;
	switch (t->ref) {
	case 1: return d_base(d, sign ? D_CHAR : D_UCHAR);
	case 2: return d_base(d, sign ? D_SHORT : D_USHORT);
	case 4: return d_base(d, sign ? D_INT : D_UINT);
	case 8: return d_base(d, sign ? D_LONG : D_ULONG);
	default: return d_array_of(d, d_base(d, D_ULONG), t->ref / 8);
	}
}

static struct d_type *new_type(struct d *d, enum d_kind kind, const char *name, uint32_t id)
{
	struct d_type *t = arena_new_of(d_arena(d), struct d_type);

	if (t) {
		t->kind = kind;
		t->name = *name ? name : NULL;
		t->origin = id;
		t->align = 1;
	}
	return t;
}

static struct d_type *enum_type(struct kernel_types *w, const struct kern_type *k, uint32_t id)
{
	size_t each = k->kind == BTF_KIND_ENUM64 ? 12 : 8;
	struct d *d = w->d;
	struct d_type *t = new_type(d, D_T_ENUM, k->name, id);
	struct d_enumerator *e = arena_array(d_arena(d), struct d_enumerator, k->vlen);

	if (!t || (k->vlen && !e))
		return NULL;
	for (uint32_t i = 0; i < k->vlen; i++) {
		uint32_t word[3] = { 0 };

		memcpy(word, k->more + each * i, each);
		e[i].name = kern_btf_str(w->btf, word[0]);
		if (each == 12)
			e[i].value = (int64_t)((uint64_t)word[2] << 32 | word[1]);
		else
			e[i].value = k->flag ? (int64_t)(int32_t)word[1] : (int64_t)word[1];
	}
	t->size = t->align = k->ref ? k->ref : 4;
	t->is_signed = k->flag;
	t->enumerators = e;
	t->nenumerators = k->vlen;
	t->complete = true;
	return t;
}

static struct d_type *array_type(struct kernel_types *w, const struct kern_type *k, int depth)
{
	uint32_t word[3];
	struct d_type *elem;

	memcpy(word, k->more, sizeof(word));
	elem = from_btf(w, word[0], depth + 1);
	return elem ? d_array_of(w->d, elem, word[2]) : NULL;
}

/* A copy of the type, with the qualifier set; `base` is the type without qualifiers. */
static struct d_type *qualified(struct kernel_types *w, const struct kern_type *k, int depth)
{
	struct d_type *t = from_btf(w, k->ref, depth + 1), *q;

	/* Members of a struct are filled in later, in the original alone, so it is not copied. */
	if (!t || (k->kind != BTF_KIND_CONST && k->kind != BTF_KIND_VOLATILE) ||
	    !d_resolve(t)->complete)
		return t;
	q = arena_dup(d_arena(w->d), t, sizeof(*t));
	if (!q)
		return NULL;
	q->base = t->base ? t->base : t;
	q->is_const |= k->kind == BTF_KIND_CONST;
	q->is_volatile |= k->kind == BTF_KIND_VOLATILE;
	q->ptr_cache = NULL;
	return q;
}

/* BTF expresses __user as a type tag on the type that the pointer leads to. */
static struct d_type *ptr_type(struct kernel_types *w, const struct kern_type *k, int depth)
{
	struct kern_type to;
	struct d_type *t = from_btf(w, k->ref, depth + 1);
	bool user = kern_btf_type(w->btf, k->ref, &to) && to.kind == BTF_KIND_TYPE_TAG &&
		    !strcmp(to.name, "user");

	return t ? user ? d_user_ptr_to(w->d, t) : d_ptr_to(w->d, t) : NULL;
}

static struct d_type *typedef_type(struct kernel_types *w, const struct kern_type *k, uint32_t id,
				   int depth)
{
	struct d_type *to = from_btf(w, k->ref, depth + 1);
	struct d_type *t = to ? new_type(w->d, D_T_TYPEDEF, k->name, id) : NULL;

	if (t) {
		t->to = to;
		t->size = to->size;
		t->align = to->align;
	}
	return t;
}

static struct d_type *func_type(struct kernel_types *w, const struct kern_type *k, int depth)
{
	struct d *d = w->d;
	struct d_type *t = new_type(d, D_T_FUNC, "", 0);

	if (!t)
		return NULL;
	t->to = from_btf(w, k->ref, depth + 1);
	t->params = arena_array(d_arena(d), struct d_type *, k->vlen);
	for (uint32_t i = 0; t->params && i < k->vlen; i++) {
		uint32_t id = kern_btf_param(w->btf, k, i, NULL);

		if (!id && i + 1 == k->vlen) {
			t->variadic = true;
			break;
		}
		t->params[t->nparams++] = from_btf(w, id, depth + 1);
	}
	t->complete = true;
	return t;
}

/* prov_type_complete fills in the members. */
static struct d_type *struct_type(struct kernel_types *w, const struct kern_type *k, uint32_t id)
{
	bool is_union = k->kind == BTF_KIND_UNION || (k->kind == BTF_KIND_FWD && k->flag);
	struct d_type *t = new_type(w->d, is_union ? D_T_UNION : D_T_STRUCT, k->name, id);

	if (t && k->kind != BTF_KIND_FWD)
		t->size = k->ref;
	return t;
}

static struct d_type *make(struct kernel_types *w, const struct kern_type *k, uint32_t id,
			   int depth)
{
	struct d *d = w->d;

	switch (k->kind) {
	case BTF_KIND_INT: return int_type(d, k);
	case BTF_KIND_FLOAT:
		return d_base(d, k->ref == 4 ? D_FLOAT : k->ref == 8 ? D_DOUBLE : D_LONGDOUBLE);
	case BTF_KIND_PTR: return ptr_type(w, k, depth);
	case BTF_KIND_ARRAY: return array_type(w, k, depth);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_FWD: return struct_type(w, k, id);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: return enum_type(w, k, id);
	case BTF_KIND_TYPEDEF: return typedef_type(w, k, id, depth);
	case BTF_KIND_FUNC_PROTO: return func_type(w, k, depth);
	case BTF_KIND_FUNC:
	case BTF_KIND_VAR: return from_btf(w, k->ref, depth + 1);
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG: return qualified(w, k, depth);
	default: return NULL;
	}
}

static struct d_type *from_btf(struct kernel_types *w, uint32_t id, int depth)
{
	struct kern_type k;

	if (!id)
		return d_base(w->d, D_VOID);
	if (id >= w->n || depth > MAX_DEPTH || !kern_btf_type(w->btf, id, &k))
		return NULL;
	if (!w->type[id])
		w->type[id] = make(w, &k, id, depth);
	return w->type[id];
}

bool prov_types_ready(struct kernel_types *w, struct d *d)
{
	w->btf = kern_btf();
	if (!w->btf)
		return false;
	if (w->d == d)
		return w->type;
	w->d = d;
	w->n = kern_btf_count(w->btf);
	w->type = arena_array(d_arena(d), struct d_type *, w->n);
	return w->type;
}

struct d_type *prov_type_of(struct kernel_types *w, uint32_t id)
{
	return from_btf(w, id, 0);
}

struct d_type *prov_type_named(struct kernel_types *w, struct d *d, enum d_kind kind,
			       const char *name)
{
	static const struct {
		enum d_kind kind;
		uint32_t btf[2];
	} kinds[] = {
		{ D_T_STRUCT, { BTF_KIND_STRUCT, 0 } },
		{ D_T_UNION, { BTF_KIND_UNION, 0 } },
		{ D_T_ENUM, { BTF_KIND_ENUM, BTF_KIND_ENUM64 } },
		{ D_T_TYPEDEF, { BTF_KIND_TYPEDEF, BTF_KIND_INT } },
	};

	if (!*name || !prov_types_ready(w, d))
		return NULL;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (kinds[i].kind != kind)
			continue;
		for (size_t n = 0; n < 2 && kinds[i].btf[n]; n++) {
			uint32_t id = kern_btf_find(w->btf, kinds[i].btf[n], name);

			if (id)
				return from_btf(w, id, 0);
		}
	}
	return NULL;
}

static uint32_t align_of(const struct d_type *t)
{
	t = d_resolve(t);
	while (t->kind == D_T_ARRAY)
		t = d_resolve(t->to);
	return t->kind == D_T_STRUCT || t->kind == D_T_UNION ? 1 : t->align;
}

bool prov_type_complete(struct kernel_types *w, struct d *d, struct d_type *t)
{
	struct kern_type k;
	struct d_member *m;

	if (!prov_types_ready(w, d) || !kern_btf_type(w->btf, (uint32_t)t->origin, &k) ||
	    (k.kind != BTF_KIND_STRUCT && k.kind != BTF_KIND_UNION))
		return t->complete;
	m = arena_array(d_arena(d), struct d_member, k.vlen);
	if (k.vlen && !m)
		return false;
	for (uint32_t i = 0; i < k.vlen; i++) {
		uint32_t word[3];
		const char *name;

		memcpy(word, k.more + 12 * (size_t)i, sizeof(word));
		name = kern_btf_str(w->btf, word[0]);
		m[i].name = *name ? name : NULL;
		m[i].type = from_btf(w, word[1], 0);
		if (!m[i].type)
			return false;
		m[i].bit_off = k.flag ? BTF_MEMBER_BIT_OFFSET(word[2]) : word[2];
		m[i].bit_size = k.flag ? BTF_MEMBER_BITFIELD_SIZE(word[2]) : 0;
		if (align_of(m[i].type) > t->align)
			t->align = align_of(m[i].type);
	}
	t->members = m;
	t->nmembers = k.vlen;
	t->size = k.ref;
	t->complete = true;
	return true;
}

/* ---- Types by text --------------------------------------------------------------- */

static const struct {
	const char *name;
	enum d_basetype is;
} base_names[] = {
	{ "void", D_VOID },
	{ "char", D_CHAR },
	{ "signed char", D_CHAR },
	{ "unsigned char", D_UCHAR },
	{ "short", D_SHORT },
	{ "unsigned short", D_USHORT },
	{ "int", D_INT },
	{ "signed", D_INT },
	{ "signed int", D_INT },
	{ "unsigned", D_UINT },
	{ "unsigned int", D_UINT },
	{ "long", D_LONG },
	{ "long int", D_LONG },
	{ "unsigned long", D_ULONG },
	{ "long unsigned int", D_ULONG },
	{ "unsigned long int", D_ULONG },
	{ "long long", D_LONGLONG },
	{ "long long int", D_LONGLONG },
	{ "unsigned long long", D_ULONGLONG },
	{ "long long unsigned int", D_ULONGLONG },
	{ "_Bool", D_BOOL },
	{ "bool", D_BOOL },
	{ "float", D_FLOAT },
	{ "double", D_DOUBLE },
	{ "string", D_STRING },
	{ "int8_t", D_INT8 },
	{ "int16_t", D_INT16 },
	{ "int32_t", D_INT32 },
	{ "int64_t", D_INT64 },
	{ "uint8_t", D_UINT8 },
	{ "uint16_t", D_UINT16 },
	{ "uint32_t", D_UINT32 },
	{ "uint64_t", D_UINT64 },
	{ "uintptr_t", D_ULONG },
	{ "size_t", D_ULONG },
	{ "ssize_t", D_LONG },
	{ "intptr_t", D_LONG },
};

/* The words before the first * or [, without qualifiers, separated by one blank. Returns where they
 * end, or NULL if they do not fit. */
static const char *bare_words(char *out, size_t size, const char *s)
{
	static const char *const skip[] = { "const", "volatile", "restrict", "userland", "__user" };
	size_t n = 0;

	out[0] = '\0';
	while (*s && *s != '*' && *s != '[') {
		size_t len = strcspn(s, " \t*[");
		bool drop = !len;

		for (size_t i = 0; i < COUNT(skip); i++)
			drop |= len == strlen(skip[i]) && !strncmp(s, skip[i], len);
		if (!drop) {
			if (n + len + 2 > size)
				return NULL;
			if (n)
				out[n++] = ' ';
			memcpy(out + n, s, len);
			out[n += len] = '\0';
		}
		s += len ? len : 1;
	}
	return s;
}

/* A program's type. A kernel struct of the same name is another struct, with members elsewhere, so
 * it is never taken. A kernel enum or typedef is taken, because only its size matters. */
static struct d_type *user_type(struct kernel_types *w, struct d *d, enum d_kind kind,
				const char *name)
{
	struct d_type *t = d_user_type(d, kind, name);
	const struct d_type *real;

	if (kind == D_T_STRUCT || kind == D_T_UNION || (t && d_resolve(t)->size))
		return t;
	t = prov_type_named(w, d, kind, name);
	real = t ? d_resolve(t) : NULL;
	return real && (real->kind == D_T_STRUCT || real->kind == D_T_UNION) ? NULL : t;
}

static struct d_type *type_named(struct kernel_types *w, struct d *d, const char *words, bool user)
{
	static const struct {
		const char *word;
		enum d_kind kind;
	} tags[] = {
		{ "struct ", D_T_STRUCT },
		{ "union ", D_T_UNION },
		{ "enum ", D_T_ENUM },
	};

	for (size_t i = 0; i < COUNT(base_names); i++)
		if (!strcmp(base_names[i].name, words))
			return d_base(d, base_names[i].is);
	for (size_t i = 0; i < COUNT(tags); i++)
		if (!strncmp(words, tags[i].word, strlen(tags[i].word)))
			return user ? user_type(w, d, tags[i].kind, words + strlen(tags[i].word)) :
				      prov_type_named(w, d, tags[i].kind,
						      words + strlen(tags[i].word));
	return user ? user_type(w, d, D_T_TYPEDEF, words) :
		      prov_type_named(w, d, D_T_TYPEDEF, words);
}

struct d_type *prov_type_by_text(struct kernel_types *w, struct d *d, const char *text, bool user)
{
	char words[128];
	const char *s = text ? bare_words(words, sizeof(words), text) : NULL;
	struct d_type *t = s && *words ? type_named(w, d, words, user) : NULL;
	bool pointer = s && *s;

	if (!t && pointer && *words)
		t = d_unknown_type(d, words);
	else if (!t)
		t = d_base(d, pointer ? D_VOID : D_INT64);
	for (; s && *s; s++)
		if (*s == '*' || *s == '[')
			t = user ? d_user_ptr_to(d, t) : d_ptr_to(d, t);
	return t;
}
