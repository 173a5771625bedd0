if HAVE_CMOCKA
BASE_TESTS = tests/base/test_arena tests/base/test_hash tests/base/test_text \
	tests/base/test_cursor tests/base/test_diag tests/base/test_cpp tests/base/test_grow \
	tests/base/test_threads
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
endif
BASE_TEST_LIBS = libbase.la $(TEST_LIBS)
tests_base_test_arena_SOURCES = tests/base/test_arena.c
tests_base_test_arena_LDADD = $(BASE_TEST_LIBS)
tests_base_test_hash_SOURCES = tests/base/test_hash.c
tests_base_test_hash_LDADD = $(BASE_TEST_LIBS)
tests_base_test_text_SOURCES = tests/base/test_text.c
tests_base_test_text_LDADD = $(BASE_TEST_LIBS)
tests_base_test_cursor_SOURCES = tests/base/test_cursor.c
tests_base_test_cursor_LDADD = $(BASE_TEST_LIBS)
tests_base_test_diag_SOURCES = tests/base/test_diag.c
tests_base_test_diag_LDADD = $(BASE_TEST_LIBS)
tests_base_test_cpp_SOURCES = tests/base/test_cpp.c
tests_base_test_cpp_LDADD = $(BASE_TEST_LIBS)
tests_base_test_grow_SOURCES = tests/base/test_grow.c
tests_base_test_grow_LDADD = $(BASE_TEST_LIBS)
tests_base_test_threads_SOURCES = tests/base/test_threads.c
tests_base_test_threads_LDADD = $(BASE_TEST_LIBS)
