if HAVE_CMOCKA
check_PROGRAMS += tests/arch/test_arch
TESTS += tests/arch/test_arch
endif
tests_arch_test_arch_SOURCES = tests/arch/test_arch.c
tests_arch_test_arch_LDADD = libarch.la $(TEST_LIBS)
