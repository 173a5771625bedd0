check_PROGRAMS += tests/provider/gen
tests_provider_gen_SOURCES = tests/provider/gen.c
tests_provider_gen_LDADD = libprovider.la libusdtread-core.la libd.la libbase.la $(ELF_LIBS)
dist_check_SCRIPTS += tests/provider/test_gen.sh
TESTS += tests/provider/test_gen.sh
GENERATOR_TESTS = tests/provider/test_object.sh tests/provider/test_edits.sh \
	tests/provider/test_shim.sh tests/provider/test_cases.py
dist_check_SCRIPTS += $(GENERATOR_TESTS)
TESTS += $(GENERATOR_TESTS)
EXTRA_DIST += tests/provider/bad.cases tests/provider/good.cases tests/builds
