if HAVE_CMOCKA
KERNEL_TESTS = tests/kernel/test_btf tests/kernel/test_features tests/kernel/test_host \
	tests/kernel/test_symbols
check_PROGRAMS += $(KERNEL_TESTS)
TESTS += $(KERNEL_TESTS)
endif
KERNEL_TEST_LIBS = libkernel.la libebpf.la libbase.la $(BPF_LIBS) $(TEST_LIBS) -lpthread
tests_kernel_test_btf_SOURCES = tests/kernel/test_btf.c
tests_kernel_test_btf_LDADD = $(KERNEL_TEST_LIBS)
tests_kernel_test_features_SOURCES = tests/kernel/test_features.c
tests_kernel_test_features_LDADD = $(KERNEL_TEST_LIBS)
tests_kernel_test_host_SOURCES = tests/kernel/test_host.c
tests_kernel_test_host_LDADD = $(KERNEL_TEST_LIBS)
tests_kernel_test_symbols_SOURCES = tests/kernel/test_symbols.c
tests_kernel_test_symbols_LDADD = $(KERNEL_TEST_LIBS)
