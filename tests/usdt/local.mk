if HAVE_CMOCKA
USDT_TESTS = tests/usdt/test_arg tests/usdt/test_loader tests/usdt/test_made tests/usdt/test_note tests/usdt/test_proc \
	tests/usdt/test_system
check_PROGRAMS += $(USDT_TESTS)
TESTS += $(USDT_TESTS)
endif
USDT_TEST_LIBS = libusdtread-core.la libbase.la $(TEST_LIBS)
tests_usdt_test_arg_SOURCES = tests/usdt/test_arg.c
tests_usdt_test_arg_LDADD = $(USDT_TEST_LIBS)
tests_usdt_test_loader_SOURCES = tests/usdt/test_loader.c
tests_usdt_test_loader_LDADD = $(USDT_TEST_LIBS)
tests_usdt_test_note_SOURCES = tests/usdt/test_note.c tests/usdt/elfmake.h
tests_usdt_test_note_LDADD = $(USDT_TEST_LIBS)
# Functions that may fail are wrapped, so that the test can make them fail.
MADE_WRAPS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup \
	-Wl,--wrap=memfd_create,--wrap=write,--wrap=mprotect,--wrap=mmap
tests_usdt_test_made_SOURCES = tests/usdt/test_made.c
tests_usdt_test_made_LDADD = libusdt-core.la $(USDT_TEST_LIBS)
tests_usdt_test_made_LDFLAGS = $(AM_LDFLAGS) $(MADE_WRAPS)
# Links the shared library, as other projects do: the library must export what the test needs.
tests_usdt_test_proc_SOURCES = tests/usdt/test_proc.c
tests_usdt_test_proc_LDADD = libusdt-read.la $(TEST_LIBS)
tests_usdt_test_system_SOURCES = tests/usdt/test_system.c
tests_usdt_test_system_LDADD = libusdt.la libusdt-read.la $(TEST_LIBS)
check_PROGRAMS += tests/usdt/dump
tests_usdt_dump_SOURCES = tests/usdt/dump.c
tests_usdt_dump_LDADD = libusdt-read.la
dist_check_SCRIPTS += tests/usdt/test_sdt.sh
TESTS += tests/usdt/test_sdt.sh
EXTRA_DIST += tests/usdt/sites.c
check_PROGRAMS += tests/usdt/fires
dist_check_SCRIPTS += tests/usdt/test_points.sh
TESTS += tests/usdt/fires tests/usdt/test_points.sh
tests_usdt_fires_SOURCES = tests/usdt/fires.c
tests_usdt_fires_LDADD = libusdt.la libusdt-read.la
