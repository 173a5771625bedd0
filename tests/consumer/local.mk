if HAVE_CMOCKA
check_PROGRAMS += tests/consumer/test_providers
TESTS += tests/consumer/test_providers
endif
tests_consumer_test_providers_SOURCES = tests/consumer/test_providers.c
tests_consumer_test_providers_LDADD = libprov.la libd.la libusdtread-core.la libbase.la \
	$(BPF_LIBS) $(DW_LIBS) $(ELF_LIBS) $(TEST_LIBS)
