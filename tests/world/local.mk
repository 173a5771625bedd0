if HAVE_CMOCKA
WORLD_TESTS = tests/world/test_history tests/world/test_symbols tests/world/test_target \
	tests/world/test_watch
check_PROGRAMS += $(WORLD_TESTS)
TESTS += $(WORLD_TESTS)
endif
WORLD_TEST_LIBS = libworld.la libkernel.la libebpf.la libusdtread-core.la libbase.la $(BPF_LIBS) $(TEST_LIBS) -lpthread
tests_world_test_history_SOURCES = tests/world/test_history.c
tests_world_test_history_LDADD = $(WORLD_TEST_LIBS)
tests_world_test_symbols_SOURCES = tests/world/test_symbols.c tests/world/victim.h
tests_world_test_symbols_LDADD = $(WORLD_TEST_LIBS)
tests_world_test_target_SOURCES = tests/world/test_target.c tests/world/victim.h
tests_world_test_target_LDADD = $(WORLD_TEST_LIBS)
tests_world_test_watch_SOURCES = tests/world/test_watch.c tests/world/victim.h
tests_world_test_watch_LDADD = $(WORLD_TEST_LIBS)
