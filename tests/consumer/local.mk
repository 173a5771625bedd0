if HAVE_CMOCKA
check_PROGRAMS += tests/consumer/test_providers
TESTS += tests/consumer/test_providers
endif
tests_consumer_test_providers_SOURCES = tests/consumer/test_providers.c
tests_consumer_test_providers_LDADD = libprov.la libworld.la libkernel.la libebpf.la libd.la libusdtread-core.la libbase.la \
	$(BPF_LIBS) $(ELF_LIBS) $(TEST_LIBS)

if HAVE_CMOCKA
USER_PROV_TESTS = tests/consumer/test_usdt_prov tests/consumer/test_later
check_PROGRAMS += $(USER_PROV_TESTS)
TESTS += $(USER_PROV_TESTS)
endif
USER_PROV_LIBS = $(tests_consumer_test_providers_LDADD)
VICTIMS = tests/consumer/victim.h tests/world/victim.h
tests_consumer_test_usdt_prov_SOURCES = tests/consumer/test_usdt_prov.c $(VICTIMS)
tests_consumer_test_usdt_prov_LDADD = $(USER_PROV_LIBS)
tests_consumer_test_later_SOURCES = tests/consumer/test_later.c $(VICTIMS)
tests_consumer_test_later_LDADD = $(USER_PROV_LIBS)
if HAVE_CMOCKA
COMPILE_TESTS = tests/consumer/test_compile tests/consumer/test_stale
check_PROGRAMS += $(COMPILE_TESTS)
TESTS += $(COMPILE_TESTS)
endif
tests_consumer_test_stale_SOURCES = tests/consumer/test_stale.c tests/consumer/compilerig.h
tests_consumer_test_stale_LDADD = libcc.la libkernel.la $(BPF_LIBS) $(TEST_LIBS) -lpthread
tests_consumer_test_compile_SOURCES = tests/consumer/test_compile.c tests/consumer/compilerig.h
tests_consumer_test_compile_LDADD = libcc.la libkernel.la $(BPF_LIBS) $(TEST_LIBS) -lpthread

if HAVE_CMOCKA
RT_TESTS = tests/consumer/test_rt tests/consumer/test_aggs
check_PROGRAMS += $(RT_TESTS)
TESTS += $(RT_TESTS)
endif
tests_consumer_test_rt_SOURCES = tests/consumer/test_rt.c tests/consumer/bpfrig.h
tests_consumer_test_rt_LDADD = libcc.la libkernel.la $(BPF_LIBS) $(TEST_LIBS) -lpthread
tests_consumer_test_aggs_SOURCES = tests/consumer/test_aggs.c tests/consumer/bpfrig.h
tests_consumer_test_aggs_LDADD = libaggs.la libcc.la libkernel.la $(BPF_LIBS) $(TEST_LIBS) -lpthread

if HAVE_CMOCKA
check_PROGRAMS += tests/consumer/test_library
TESTS += tests/consumer/test_library
endif
# Links the shared library, as other projects do: the library must export what the test needs.
tests_consumer_test_library_SOURCES = tests/consumer/test_library.c
tests_consumer_test_library_LDADD = libusdt-consumer.la $(TEST_LIBS) -lpthread
