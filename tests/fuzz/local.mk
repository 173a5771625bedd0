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

check_PROGRAMS += tests/fuzz/fuzz_note
tests_fuzz_fuzz_note_SOURCES = tests/fuzz/fuzz_note.c
tests_fuzz_fuzz_note_LDADD = libusdtread-core.la libbase.la
tests_fuzz_fuzz_note_CPPFLAGS = $(AM_CPPFLAGS) $(FUZZ_NOTE_CPPFLAGS)
if FUZZERS
FUZZ_NOTE_CPPFLAGS = -DFUZZING
tests_fuzz_fuzz_note_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
else
TESTS += tests/fuzz/replay_note.sh
endif
dist_check_SCRIPTS += tests/fuzz/replay_note.sh
EXTRA_DIST += tests/fuzz/corpus-note
