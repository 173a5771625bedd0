/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes/ruby/ext/usdt/probes.c: USDT::Provider and USDT::Probe.
 * In:   names, types, values.
 * Out:  the classes.
 * Owns: libusdt's provider, through struct home: the collector frees probes and their provider in
 *       any order, and the last of them frees libusdt's provider.
 *
 * A call tests its arguments whether a consumer traces the probe or not, so a
 * program that runs untraced also runs traced. The slow part, conversion, is
 * done only while a consumer traces. Ruby's lock is held all the time: no
 * Ractor but the main one may use the classes.
 */
#include <ruby.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "usdt/usdt.h"

#define RARE __attribute__((noinline)) /* keeps rare code out of the short path of a call */

static VALUE provider_class, probe_class;

/* ---- Kinds of arguments ---------------------------------------------------------------- */

/* kept: an object that must live until the probe has fired. */
struct kind {
	VALUE *class;
	const char *name; /* the symbol's name; NULL: the class names the kind */
	const char *c;
	bool (*accepts)(VALUE value);
	uint64_t (*word)(VALUE value, VALUE *kept);
};

static bool accepts_integer(VALUE value)
{
	return RB_INTEGER_TYPE_P(value);
}

/* Passes the low bits, as a conversion in C does, so an Integer may have any size. */
static uint64_t word_integer(VALUE value, VALUE *kept)
{
	uint64_t word = 0;

	(void)kept;
	if (FIXNUM_P(value))
		return usdt_signed(FIX2LONG(value));
	rb_integer_pack(value, &word, 1, sizeof(word), 0,
			INTEGER_PACK_NATIVE_BYTE_ORDER | INTEGER_PACK_2COMP);
	return word;
}

static bool accepts_truth(VALUE value)
{
	return value == Qtrue || value == Qfalse;
}

static uint64_t word_truth(VALUE value, VALUE *kept)
{
	(void)kept;
	return value == Qtrue;
}

static bool accepts_real(VALUE value)
{
	return RB_FLOAT_TYPE_P(value) || RB_INTEGER_TYPE_P(value);
}

static double number(VALUE value)
{
	if (RB_FLOAT_TYPE_P(value))
		return RFLOAT_VALUE(value);
	return FIXNUM_P(value) ? (double)FIX2LONG(value) : rb_big2dbl(value);
}

static uint64_t word_real(VALUE value, VALUE *kept)
{
	(void)kept;
	return usdt_double(number(value));
}

static bool accepts_single(VALUE value)
{
	return accepts_real(value);
}

static uint64_t word_single(VALUE value, VALUE *kept)
{
	(void)kept;
	return usdt_float((float)number(value));
}

static bool accepts_text(VALUE value)
{
	return RB_TYPE_P(value, T_STRING);
}

/* A string that is a part of another may share its bytes and then has no NUL at its end, if Ruby
 * was built so (SHARABLE_MIDDLE_SUBSTRING). The byte behind the end can be read in any case. */
static uint64_t word_text(VALUE value, VALUE *kept)
{
	const char *s = RSTRING_PTR(value);

	if (s[RSTRING_LEN(value)]) {
		*kept = rb_str_new(s, RSTRING_LEN(value));
		s = RSTRING_PTR(*kept);
	}
	return usdt_pointer(s);
}

static const struct kind kinds[] = {
#define BY_CLASS(CLASS, C, WORD) { &CLASS, NULL, C, accepts_##WORD, word_##WORD },
#define BY_NAME(NAME, CLASS, C, WORD) { &CLASS, NAME, C, accepts_##WORD, word_##WORD },
#include "kinds.def"
};

static const struct kind *kind_of(VALUE type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *k = &kinds[i];

		if (k->name ? SYMBOL_P(type) && SYM2ID(type) == rb_intern(k->name) :
			      type == *k->class)
			return k;
	}
	rb_raise(SYMBOL_P(type) ? rb_eArgError : rb_eTypeError,
		 "%+" PRIsVALUE " is not a type of arguments: Integer, String, Float, :bool, :int8 "
		 "to :uint64, :float, :double, :pointer",
		 type);
}

/* ---- Objects ------------------------------------------------------------------------------ */

struct home {
	struct usdt_provider *usdt;
	size_t refs; /* the provider's object and its probes' objects */
};

struct provider {
	struct home *home; /* NULL until initialize */
	VALUE name;
};

struct probe {
	struct usdt_point *point;
	int n;
	VALUE class[USDT_POINT_ARGS];
	const struct kind *kind[USDT_POINT_ARGS];
	struct home *home;
	VALUE provider, name, types;
};

static void home_leave(struct home *home)
{
	if (home && !--home->refs) {
		usdt_provider_free(home->usdt);
		xfree(home);
	}
}

static void provider_mark(void *data)
{
	rb_gc_mark(((struct provider *)data)->name);
}

static void provider_free(void *data)
{
	home_leave(((struct provider *)data)->home);
	xfree(data);
}

static void probe_mark(void *data)
{
	const struct probe *p = data;

	rb_gc_mark(p->provider);
	rb_gc_mark(p->name);
	rb_gc_mark(p->types);
}

static void probe_free(void *data)
{
	struct probe *p = data;

	if (p->point)
		usdt_provider_remove(p->home->usdt, p->point);
	home_leave(p->home);
	xfree(p);
}

static const rb_data_type_t provider_type = {
	.wrap_struct_name = "USDT::Provider",
	.function = { .dmark = provider_mark, .dfree = provider_free },
	.flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static const rb_data_type_t probe_type = {
	.wrap_struct_name = "USDT::Probe",
	.function = { .dmark = probe_mark, .dfree = probe_free },
	.flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static struct provider *provider_of(VALUE self)
{
	struct provider *p = rb_check_typeddata(self, &provider_type);

	if (!p->home)
		rb_raise(rb_eArgError, "the provider is not initialized");
	return p;
}

static const struct probe *probe_of(VALUE self)
{
	return RTYPEDDATA_DATA(self); /* self is a probe: the class has no allocator */
}

/* ---- Provider ------------------------------------------------------------------------------- */

static VALUE provider_alloc(VALUE class)
{
	struct provider *p;
	VALUE self = TypedData_Make_Struct(class, struct provider, &provider_type, p);

	p->name = Qnil;
	return self;
}

/* A NUL in the name would cut it off. */
static bool has_nul(VALUE text)
{
	return memchr(RSTRING_PTR(text), 0, (size_t)RSTRING_LEN(text));
}

static VALUE provider_initialize(VALUE self, VALUE name)
{
	struct provider *p = rb_check_typeddata(self, &provider_type);
	struct usdt_provider *usdt = NULL;
	struct home *home;
	int err;

	if (p->home)
		rb_raise(rb_eArgError, "the provider is initialized already");
	Check_Type(name, T_STRING);
	name = rb_str_new_frozen(name);
	home = ZALLOC(struct home);
	err = has_nul(name) ? -EINVAL : usdt_provider_new(StringValueCStr(name), &usdt);
	if (err) {
		xfree(home);
		if (err != -EINVAL)
			rb_memerror();
		rb_raise(rb_eArgError,
			 "%+" PRIsVALUE " is not a provider's name: letters, digits and _, 53 at "
			 "most, no digit first or last",
			 name);
	}
	home->usdt = usdt;
	home->refs = 1;
	p->home = home;
	p->name = name;
	return self;
}

static VALUE provider_name(VALUE self)
{
	return provider_of(self)->name;
}

static bool is_identifier(const char *s)
{
	if (!(*s == '_' || rb_isalpha((unsigned char)*s)))
		return false;
	while (*s == '_' || rb_isalnum((unsigned char)*s))
		s++;
	return !*s;
}

static void parameter(VALUE prototype, VALUE types, VALUE type, const char *name)
{
	const struct kind *k = kind_of(type);

	if (*name && !is_identifier(name))
		rb_raise(rb_eArgError, "'%s' is not a name that an argument may have", name);
	rb_str_catf(prototype, "%s%s %s", RSTRING_LEN(prototype) ? ", " : "", k->c, name);
	rb_ary_push(types, type);
}

static int named_parameter(VALUE name, VALUE type, VALUE to)
{
	VALUE text = SYMBOL_P(name) ? rb_sym2str(name) : rb_String(name);

	if (has_nul(text) || !RSTRING_LEN(text))
		rb_raise(rb_eArgError, "%+" PRIsVALUE " is not a name that an argument may have",
			 text);
	parameter(RARRAY_AREF(to, 0), RARRAY_AREF(to, 1), type, StringValueCStr(text));
	return ST_CONTINUE;
}

NORETURN(static void failed_add(int err, const struct provider *p, VALUE name));
static void failed_add(int err, const struct provider *p, VALUE name)
{
	if (err == -EEXIST)
		rb_raise(rb_eArgError,
			 "provider %" PRIsVALUE " has a probe %+" PRIsVALUE " already", p->name,
			 name);
	if (err == -E2BIG)
		rb_raise(rb_eArgError, "a probe has at most %d arguments", USDT_POINT_ARGS);
	if (err != -EINVAL)
		rb_memerror();
	rb_raise(rb_eArgError,
		 "%+" PRIsVALUE " is not a probe's name (letters, digits, _ and -, no digit first, "
		 "after 'FUNCTION:' if wanted), or has other types in another function",
		 name);
}

static VALUE provider_probe(int argc, VALUE *argv, VALUE self)
{
	const struct provider *home = provider_of(self);
	VALUE name, rest, named, made, prototype = rb_str_new_cstr(""), types = rb_ary_new();
	struct probe *p;
	int err;

	rb_scan_args(argc, argv, "1*:", &name, &rest, &named);
	Check_Type(name, T_STRING);
	name = rb_str_new_frozen(name);
	for (long i = 0; i < RARRAY_LEN(rest); i++)
		parameter(prototype, types, RARRAY_AREF(rest, i), "");
	if (!NIL_P(named))
		rb_hash_foreach(named, named_parameter, rb_assoc_new(prototype, types));
	made = TypedData_Make_Struct(probe_class, struct probe, &probe_type, p);
	p->provider = self;
	p->name = name;
	p->types = rb_ary_freeze(types);
	p->home = home->home;
	p->home->refs++;
	err = has_nul(name) ? -EINVAL :
			      usdt_provider_add(p->home->usdt, StringValueCStr(name),
						StringValueCStr(prototype), &p->point);
	if (err)
		failed_add(err, home, name);
	p->n = (int)RARRAY_LEN(types);
	for (int i = 0; i < p->n; i++) {
		p->kind[i] = kind_of(RARRAY_AREF(types, i));
		p->class[i] = *p->kind[i]->class;
	}
	return made;
}

static VALUE done(VALUE self, int err)
{
	if (err)
		rb_syserr_fail(-err, NULL);
	return self;
}

static VALUE provider_enable(VALUE self)
{
	return done(self, usdt_provider_enable(provider_of(self)->home->usdt));
}

static VALUE provider_disable(VALUE self)
{
	return done(self, usdt_provider_disable(provider_of(self)->home->usdt));
}

/* ---- Probe ---------------------------------------------------------------------------------- */

RARE static VALUE fire(const struct probe *p, const VALUE *argv)
{
	VALUE kept[USDT_POINT_ARGS] = { 0 };
	uint64_t words[USDT_POINT_ARGS];

	for (int i = 0; i < p->n; i++)
		words[i] = p->kind[i]->word(argv[i], &kept[i]);
	usdt_point_fire(p->point, words);
	for (int i = 0; i < p->n; i++)
		RB_GC_GUARD(kept[i]);
	return Qnil;
}

RARE static VALUE wrong_count(const struct probe *p, int n)
{
	rb_raise(rb_eArgError, "probe %" PRIsVALUE " takes %d argument%s (%d given)", p->name, p->n,
		 p->n == 1 ? "" : "s", n);
}

/* An argument has not exactly its class: it is wrong, of a subclass, or an Integer for a Float. */
RARE static VALUE look_closer(const struct probe *p, const VALUE *argv)
{
	for (int i = 0; i < p->n; i++)
		if (!p->kind[i]->accepts(argv[i]))
			rb_raise(rb_eTypeError, "argument %d of probe %" PRIsVALUE " is %s, not %s",
				 i + 1, p->name, rb_obj_classname(argv[i]),
				 p->kind[i]->accepts == accepts_truth ? "true or false" :
									rb_class2name(p->class[i]));
	return usdt_point_enabled(p->point) ? fire(p, argv) : Qnil;
}

static VALUE probe_fire(int argc, VALUE *argv, VALUE self)
{
	const struct probe *p = probe_of(self);

	if (argc != p->n)
		return wrong_count(p, argc);
	for (int i = 0; i < argc; i++)
		if (rb_class_of(argv[i]) != p->class[i])
			return look_closer(p, argv);
	return usdt_point_enabled(p->point) ? fire(p, argv) : Qnil;
}

static VALUE probe_enabled(VALUE self)
{
	return usdt_point_enabled(probe_of(self)->point) ? Qtrue : Qfalse;
}

static VALUE probe_name(VALUE self)
{
	return probe_of(self)->name;
}

static VALUE probe_provider(VALUE self)
{
	return probe_of(self)->provider;
}

static VALUE probe_types(VALUE self)
{
	return probe_of(self)->types;
}

void Init_usdt(void);

__attribute__((visibility("default"))) void Init_usdt(void)
{
	VALUE usdt = rb_define_module("USDT");

	provider_class = rb_define_class_under(usdt, "Provider", rb_cObject);
	rb_define_alloc_func(provider_class, provider_alloc);
	rb_define_method(provider_class, "initialize", provider_initialize, 1);
	rb_define_method(provider_class, "name", provider_name, 0);
	rb_define_method(provider_class, "probe", provider_probe, -1);
	rb_define_method(provider_class, "enable", provider_enable, 0);
	rb_define_method(provider_class, "disable", provider_disable, 0);
	probe_class = rb_define_class_under(usdt, "Probe", rb_cObject);
	rb_undef_alloc_func(probe_class);
	rb_undef_method(CLASS_OF(probe_class), "new");
	rb_define_method(probe_class, "fire", probe_fire, -1);
	rb_define_method(probe_class, "enabled?", probe_enabled, 0);
	rb_define_method(probe_class, "name", probe_name, 0);
	rb_define_method(probe_class, "provider", probe_provider, 0);
	rb_define_method(probe_class, "types", probe_types, 0);
	rb_gc_register_mark_object(provider_class);
	rb_gc_register_mark_object(probe_class);
}
