# Tests of consumer/output.
if HAVE_CMOCKA
OUT_TESTS = tests/consumer/test_out_printf tests/consumer/test_out_record \
	tests/consumer/test_out_aggs tests/consumer/test_out_symbols
check_PROGRAMS += $(OUT_TESTS)
TESTS += $(OUT_TESTS)
endif
OUT_TEST_LIBS = libout.la libaggs.la libworld.la libkernel.la libebpf.la libd.la libusdtread-core.la libbase.la \
	$(BPF_LIBS) $(ELF_LIBS) $(TEST_LIBS)
OUT_TEST_SHARED = tests/consumer/outtest.h tests/consumer/aggs_fake.h
tests_consumer_test_out_printf_SOURCES = tests/consumer/test_out_printf.c $(OUT_TEST_SHARED)
tests_consumer_test_out_printf_LDADD = $(OUT_TEST_LIBS)
tests_consumer_test_out_record_SOURCES = tests/consumer/test_out_record.c $(OUT_TEST_SHARED)
tests_consumer_test_out_record_LDADD = $(OUT_TEST_LIBS)
tests_consumer_test_out_aggs_SOURCES = tests/consumer/test_out_aggs.c $(OUT_TEST_SHARED)
tests_consumer_test_out_aggs_LDADD = $(OUT_TEST_LIBS)
tests_consumer_test_out_symbols_SOURCES = tests/consumer/test_out_symbols.c $(OUT_TEST_SHARED)
tests_consumer_test_out_symbols_LDADD = $(OUT_TEST_LIBS)
