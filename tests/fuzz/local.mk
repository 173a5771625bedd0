# Fuzz targets replay their corpus in `make check`; --enable-fuzzers links libFuzzer instead.
check_PROGRAMS += tests/fuzz/fuzz_d
tests_fuzz_fuzz_d_SOURCES = tests/fuzz/fuzz_d.c
tests_fuzz_fuzz_d_LDADD = libd.la
if FUZZERS
tests_fuzz_fuzz_d_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZING
tests_fuzz_fuzz_d_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
else
TESTS += tests/fuzz/replay_d.sh
endif
dist_check_SCRIPTS += tests/fuzz/replay_d.sh
EXTRA_DIST += tests/fuzz/corpus-d
