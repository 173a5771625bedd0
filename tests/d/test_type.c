/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/d/test_type.c: D's types: sizes, names, and layouts, which must equal
 * the C compiler's layouts of the same declarations.
 */
#include "tests/d/tree.h"
#include "d/inner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct arena *arena;
static struct diag diag;
static struct d *d;

static int setup(void **state)
{
	struct d_config config = { .names = &tree_names };

	(void)state;
	arena = arena_new();
	diag = (struct diag){ .who = "dtrace" };
	d = d_new(arena, &diag, &config);
	return d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	d_free(d);
	arena_free(arena);
	return 0;
}

static void parse(const char *s)
{
	assert_true(d_parse(d, text_new(arena, "-n", s, strlen(s)), 0));
}

static void base_types_have_the_sizes_of_lp64(void **state)
{
	(void)state;
	assert_int_equal(d_base(d, D_LONG)->size, sizeof(long));
	assert_int_equal(d_base(d, D_LONGDOUBLE)->size, sizeof(long double));
	assert_int_equal(d_resolve(d_base(d, D_UINT16))->size, 2);
	assert_false(d_resolve(d_base(d, D_UINT64))->is_signed);
	assert_true(d_resolve(d_typedef_find(d, "pid_t"))->is_signed);
	assert_false(d_resolve(d_typedef_find(d, "uid_t"))->is_signed);
	assert_int_equal(d_resolve(d_typedef_find(d, "size_t"))->size, 8);
	assert_null(d_typedef_find(d, "no_such_t"));
}

static void a_pointer_is_made_once(void **state)
{
	struct d_type *p = d_ptr_to(d, d_base(d, D_INT));

	(void)state;
	assert_ptr_equal(p, d_ptr_to(d, d_base(d, D_INT)));
	assert_false(p->is_user);
	assert_true(d_user_ptr_to(d, d_base(d, D_INT))->is_user);
	assert_true(d_same_type(p, d_user_ptr_to(d, d_base(d, D_INT))));
	assert_false(d_same_type(p, d_ptr_to(d, d_base(d, D_UINT))));
}

static void names_read_as_declared(void **state)
{
	struct d_type *i = d_base(d, D_INT), *params[] = { i, d_ptr_to(d, d_base(d, D_CHAR)) };
	struct d_type *fn = d_func_type(d, i, params, 2, true);

	(void)state;
	assert_string_equal(d_type_name(d, d_array_of(d, d_base(d, D_CHAR), 16)), "char [16]");
	assert_string_equal(d_type_name(d, d_ptr_to(d, d_array_of(d, i, 2))), "int (*)[2]");
	assert_string_equal(d_type_name(d, d_array_of(d, d_ptr_to(d, i), 2)), "int *[2]");
	assert_string_equal(d_type_name(d, d_ptr_to(d, fn)), "int (*)(int, char *, ...)");
	assert_string_equal(d_type_name(d, d_ptr_to(d, d_qualified(d, i, true, false, false))),
			    "const int *");
	assert_string_equal(d_type_name(d, d_ptr_to(d, d_tag_find(d, D_T_STRUCT, "task_struct"))),
			    "struct task_struct *");
}

static void qualifiers_do_not_change_what_a_type_is(void **state)
{
	struct d_type *c = d_qualified(d, d_base(d, D_INT), true, false, false);

	(void)state;
	assert_true(c->is_const);
	assert_false(d_base(d, D_INT)->is_const);
	assert_ptr_equal(d_resolve(c), d_base(d, D_INT));
	assert_ptr_equal(d_qualified(d, c, true, false, false), c);
	assert_true(d_same_type(c, d_base(d, D_INT)));
	assert_true(d_ptr_to(d, d_qualified(d, d_base(d, D_CHAR), false, false, true))->is_user);
}

static void kernel_types_are_asked_for_when_needed(void **state)
{
	struct d_type *t = d_tag_find(d, D_T_STRUCT, "task_struct"), *q;
	uint64_t off = 0;

	(void)state;
	assert_non_null(t);
	assert_false(t->complete);
	q = d_qualified(d, t, true, false, false);
	assert_true(d_complete(d, q));
	assert_int_equal(q->size, 48);
	assert_ptr_equal(t, d_tag_find(d, D_T_STRUCT, "task_struct"));
	assert_non_null(d_member_find(d, t, "parent", &off));
	assert_int_equal(off, 192);
	assert_null(d_member_find(d, t, "no_such", &off));
	assert_null(d_tag_find(d, D_T_UNION, "task_struct"));
	assert_false(d_complete(d, d_tag_find(d, D_T_STRUCT, "list_head")));
}

#define MIXED                              \
	{                                  \
		char a;                    \
		int b : 3;                 \
		int c : 30;                \
		short d : 5;               \
		long e : 40;               \
		int : 0;                   \
		char f : 1;                \
		unsigned long long g : 60; \
		char h;                    \
		union {                    \
			int i;             \
			char j[9];         \
		};                         \
		struct {                   \
			char k;            \
			long l;            \
		} m;                       \
		double n;                  \
		char o[3];                 \
		short p;                   \
		int q[2][3];               \
		void *r;                   \
	}
#define TEXT_OF(x) TEXT_OF_(x)
#define TEXT_OF_(...) #__VA_ARGS__

struct mixed MIXED;
union both {
	char a[5];
	int b;
	long c : 3;
};
struct loose {
	char a;
	int : 3;
}; /* unnamed bit-fields do not align */

static uint64_t offset(struct d_type *t, const char *name)
{
	uint64_t off = ~UINT64_C(0);

	assert_non_null(d_member_find(d, t, name, &off));
	return off;
}

/* The place of a bit-field in gcc's layout: the first bit set when only the field is not zero. */
#define BIT_OF(field)                                              \
	__extension__({                                            \
		union {                                            \
			struct mixed s;                            \
			unsigned char bytes[sizeof(struct mixed)]; \
		} u;                                               \
		uint64_t bit = 0;                                  \
		memset(&u, 0, sizeof(u));                          \
		u.s.field = 1;                                     \
		while (!(u.bytes[bit / 8] & 1 << bit % 8))         \
			bit++;                                     \
		bit;                                               \
	})

static void structs_are_laid_out_as_gcc_does(void **state)
{
	struct d_type *t, *both;

	(void)state;
	parse("struct mixed " TEXT_OF(MIXED) "; union both { char a[5]; int b; long c : 3; };"
					     "struct loose { char a; int : 3; };");
	t = d_tag_find(d, D_T_STRUCT, "mixed");
	both = d_tag_find(d, D_T_UNION, "both");
	assert_non_null(t);
	assert_int_equal(t->size, sizeof(struct mixed));
	assert_int_equal(t->align, _Alignof(struct mixed));
	assert_int_equal(both->size, sizeof(union both));
	assert_int_equal(d_tag_find(d, D_T_STRUCT, "loose")->size, sizeof(struct loose));
#define SAME(m) assert_int_equal(offset(t, #m), 8 * offsetof(struct mixed, m))
	SAME(a);
	SAME(h);
	SAME(i);
	SAME(j);
	SAME(m);
	SAME(n);
	SAME(o);
	SAME(p);
	SAME(q);
	SAME(r);
#define SAME_BIT(m) assert_int_equal(offset(t, #m), BIT_OF(m))
	SAME_BIT(c);
	SAME_BIT(d);
	SAME_BIT(e);
	SAME_BIT(g);
	assert_int_equal(offset(t, "b"), 8);
	assert_int_equal(offset(t, "f") % 8, 0);
}

static void a_type_is_declared_once(void **state)
{
	const char *again = "struct s { int a; }; struct s { int b; };";

	(void)state;
	assert_false(d_parse(d, text_new(arena, "-n", again, strlen(again)), 0));
	assert_int_equal(diag.errors, 1);
}

#define TYPE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TYPE_TEST(base_types_have_the_sizes_of_lp64),
		TYPE_TEST(a_pointer_is_made_once),
		TYPE_TEST(names_read_as_declared),
		TYPE_TEST(qualifiers_do_not_change_what_a_type_is),
		TYPE_TEST(kernel_types_are_asked_for_when_needed),
		TYPE_TEST(structs_are_laid_out_as_gcc_does),
		TYPE_TEST(a_type_is_declared_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
