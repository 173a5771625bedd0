if HAVE_CMOCKA
D_PARSE_TESTS = tests/d/test_parse tests/d/test_decl tests/d/test_format
check_PROGRAMS += $(D_PARSE_TESTS)
TESTS += $(D_PARSE_TESTS)
endif
tests_d_test_parse_SOURCES = tests/d/test_parse.c tests/d/raw.c tests/d/raw.h
tests_d_test_parse_LDADD = libd.la $(TEST_LIBS)
tests_d_test_decl_SOURCES = tests/d/test_decl.c tests/d/raw.c tests/d/raw.h
tests_d_test_decl_LDADD = libd.la $(TEST_LIBS)
tests_d_test_format_SOURCES = tests/d/test_format.c tests/d/raw.c tests/d/raw.h
tests_d_test_format_LDADD = libd.la $(TEST_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/d/test_type tests/d/test_check tests/d/test_stab
TESTS += tests/d/test_type tests/d/test_check tests/d/test_stab
endif
tests_d_test_type_SOURCES = tests/d/test_type.c tests/d/tree.c tests/d/tree.h
tests_d_test_type_LDADD = libd.la $(TEST_LIBS)
tests_d_test_check_SOURCES = tests/d/test_check.c tests/d/tree.c tests/d/tree.h
tests_d_test_check_LDADD = libd.la $(TEST_LIBS)
tests_d_test_stab_SOURCES = tests/d/test_stab.c tests/d/tree.c tests/d/tree.h
tests_d_test_stab_LDADD = libd.la $(TEST_LIBS)
EXTRA_DIST += tests/d/check.cases tests/d/errors.cases
