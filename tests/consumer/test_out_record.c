/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/consumer/test_out_record.c: default output, -F's indenting, trace(), tracemem(), stacks. */
#include "tests/consumer/outtest.h"

#include <errno.h>

static const struct out_probe entry = { 42, "write", "entry", " => ", " <= " },
			      back = { 43, "write", "return", " => ", " <= " },
			      f_in = { 7, "f", "entry", NULL, NULL },
			      f_out = { 8, "f", "return", NULL, NULL },
			      f_mid = { 9, "f", "middle", NULL, NULL },
			      begin = { 1, "", "BEGIN", NULL, NULL };
static const struct rec_desc desc;

static void head_and_end(struct fix *x, const struct out_probe *p, const struct rec_desc *d,
			 int cpu)
{
	((struct rt_rec *)x->rec)->probe = p->id;
	assert_int_equal(out_record_begin(x->out, d, record(x), cpu, p), 0);
	assert_int_equal(out_record_end(x->out), 0);
}

static void the_heading_is_printed_once(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	head_and_end(x, &begin, &desc, 0);
	head_and_end(x, &entry, &desc, 12);
	expect(x, "CPU     ID                    FUNCTION:NAME\n"
		  "  0      1                           :BEGIN \n"
		  " 12     42                      write:entry \n");
	fix_free(x);
}

static void quiet_prints_no_head(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	x->quiet = 1;
	head_and_end(x, &entry, &desc, 0);
	expect(x, "");
	fix_free(x);
}

static void flow_indents_between_entry_and_return(void **state)
{
	static const struct rec_desc other;
	struct fix *x = fix_new();

	(void)state;
	x->flow = 1;
	head_and_end(x, &f_in, &desc, 0);
	head_and_end(x, &f_in, &other, 0); /* a second clause of the same firing */
	head_and_end(x, &f_mid, &desc, 0);
	head_and_end(x, &entry, &desc, 0);
	head_and_end(x, &back, &desc, 0);
	head_and_end(x, &f_out, &desc, 0);
	head_and_end(x, &f_out, &desc, 1); /* CPU 1 has not entered f */
	expect(x, "CPU FUNCTION                                 \n"
		  "  0  -> f                                     \n"
		  "  0   | f:entry                               \n"
		  "  0   | f:middle                              \n"
		  "  0    => write                               \n"
		  "  0    <= write                               \n"
		  "  0  <- f                                     \n"
		  "  1  <- f                                     \n");
	fix_free(x);
}

static void names_that_only_contain_entry_do_not_indent(void **state)
{
	static const struct out_probe carpentry = { 5, "g", "carpentry", NULL, NULL },
				      method = { 6, "g", "method-entry", NULL, NULL };
	struct fix *x = fix_new();

	(void)state;
	x->flow = 1;
	x->quiet = 1;
	head_and_end(x, &carpentry, &desc, 0);
	head_and_end(x, &method, &desc, 0);
	expect(x, "CPU FUNCTION                                 \n"
		  "  0 | g:carpentry                             "
		  "  0  -> g                                     ");
	fix_free(x);
}

static void traced(enum d_basetype type, int64_t v, const char *loud, const char *quiet)
{
	struct fix *x = fix_new();

	add_int(x, type, v);
	assert_int_equal(act(x, D_ACT_trace, NULL), 0);
	expect(x, loud);
	x->quiet = 1;
	add_int(x, type, v);
	assert_int_equal(act(x, D_ACT_trace, NULL), 0);
	expect(x, quiet);
	fix_free(x);
}

static void traced_integers_have_the_width_of_their_type(void **state)
{
	(void)state;
	traced(D_INT64, -5, "                  -5", "-5");
	traced(D_UINT64, -1, " 18446744073709551615", "18446744073709551615");
	traced(D_INT, 37, "         37", "37");
	traced(D_UINT, 37, "         37", "37");
	traced(D_SHORT, -1, "    -1", "-1");
	traced(D_CHAR, 7, "   7", "7");
}

static void traced_strings(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	add_str(x, "hello");
	act(x, D_ACT_trace, NULL);
	expect(x, "  hello                            ");
	x->quiet = 1;
	add_str(x, "hello");
	act(x, D_ACT_trace, NULL);
	expect(x, "hello");
	x->raw = 1;
	add_str(x, "hi");
	act(x, D_ACT_trace, NULL);
	expect(x,
	       "\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
	       "         0: 68 69                                            hi\n");
	fix_free(x);
}

static void bytes(struct fix *x, const char *s, uint32_t n)
{
	struct rec_field *f = field(x, REC_BYTES, D_CHAR);

	f->type = d_array_of(x->d, d_base(x->d, D_CHAR), n);
	f->off = x->end;
	f->size = n;
	memcpy(x->rec + f->off, s, n);
	x->end += (n + 7) & ~7u;
}

static void memory_is_dumped_in_rows_of_sixteen(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	bytes(x, "0123456789abcdef\001z", 18);
	assert_int_equal(act(x, D_ACT_tracemem, NULL), 0);
	expect(x,
	       "\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
	       "         0: 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"
	       "        10: 01 7a                                            .z\n");
	bytes(x, "0123", 4);
	add_int(x, D_INT, 1);
	assert_int_equal(act(x, D_ACT_tracemem, NULL), 0);
	expect(x,
	       "\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
	       "         0: 30                                               0\n");
	bytes(x, "text\0\0\0", 8);
	assert_int_equal(act(x, D_ACT_trace, NULL), 0);
	expect(x, "  text                             ");
	bytes(x, "te\0xt\0\0", 8);
	assert_int_equal(act(x, D_ACT_trace, NULL), 0);
	expect(x,
	       "\n             0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
	       "         0: 74 65 00 78 74 00 00 00                          te.xt...\n");
	fix_free(x);
}

static void stacks_are_indented_as_the_option_says(void **state)
{
	struct fix *x = fix_new();
	uint64_t pcs[] = { 0x1000, 0x2000 };
	struct rt_owner who = { 1, 1, 0 };
	struct rec_field *f;

	(void)state;
	add_var(x, field(x, REC_STACK, D_STACK), pcs, sizeof(pcs));
	act(x, D_ACT_stack, NULL);
	expect(x, "\n              0x1000\n              0x2000\n");
	x->indent = 2;
	f = field(x, REC_USTACK, D_USTACK);
	memcpy(x->rec + f->off + sizeof(struct rt_var), &who, sizeof(who));
	add_var(x, f, pcs, sizeof(pcs));
	act(x, D_ACT_ustack, NULL);
	expect(x, "\n  0x1000\n  0x2000\n");
	fix_free(x);
}

static void an_action_that_did_not_run_prints_nothing(void **state)
{
	struct fix *x = fix_new();
	struct rec_action a = { .act = D_ACT_trace,
				.fields = x->fields,
				.nfields = 1,
				.present = sizeof(struct rt_rec) + 8 };

	(void)state;
	add_int(x, D_INT, 1);
	assert_int_equal(out_action(x->out, &desc, &a, record(x), NULL), 0);
	expect(x, "");
	x->rec[a.present] = 1;
	assert_int_equal(out_action(x->out, &desc, &a, record(x), NULL), 0);
	expect(x, "          1");
	fix_free(x);
}

static void what_is_lacking_says_so(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	assert_int_equal(act(x, D_ACT_print, NULL), -ENOTSUP);
	assert_int_equal(act(x, D_ACT_setopt, NULL), -ENOTSUP);
	assert_int_equal(act(x, D_ACT_exit, NULL), 0);
	fix_free(x);
}

static void what_this_version_has_is_printed(void **state)
{
	struct fix *x = fix_new();

	(void)state;
	for (int i = 0; i < D_NACTIONS; i++)
		if (d_action_rows[i].has)
			assert_int_not_equal(act(x, (enum d_action)i, NULL), -ENOTSUP);
	fix_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heading_is_printed_once),
		cmocka_unit_test(quiet_prints_no_head),
		cmocka_unit_test(flow_indents_between_entry_and_return),
		cmocka_unit_test(names_that_only_contain_entry_do_not_indent),
		cmocka_unit_test(traced_integers_have_the_width_of_their_type),
		cmocka_unit_test(traced_strings),
		cmocka_unit_test(memory_is_dumped_in_rows_of_sixteen),
		cmocka_unit_test(stacks_are_indented_as_the_option_says),
		cmocka_unit_test(an_action_that_did_not_run_prints_nothing),
		cmocka_unit_test(what_is_lacking_says_so),
		cmocka_unit_test(what_this_version_has_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
