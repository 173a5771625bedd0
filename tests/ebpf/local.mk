# test_link: the linker and the loader, with the test's own BPF C as their library. test_progs: the
# library's programs on this kernel.
if HAVE_CMOCKA
EBPF_TESTS = tests/ebpf/test_link tests/ebpf/test_progs
check_PROGRAMS += $(EBPF_TESTS)
TESTS += $(EBPF_TESTS)
endif
tests_ebpf_test_link_SOURCES = tests/ebpf/test_link.c ebpf/link.c ebpf/load.c
nodist_tests_ebpf_test_link_SOURCES = tests/ebpf/made_table.c
tests_ebpf_test_link_CPPFLAGS = $(AM_CPPFLAGS) # the test's own objects, beside libebpf's
tests_ebpf_test_link_LDADD = libbase.la $(BPF_LIBS) $(TEST_LIBS)
tests_ebpf_test_progs_SOURCES = tests/ebpf/test_progs.c
tests_ebpf_test_progs_LDADD = libkernel.la libebpf.la libbase.la $(BPF_LIBS) $(TEST_LIBS) -lpthread

tests/ebpf/made.bpf.o: tests/ebpf/made.c tests/ebpf/made.h ebpf/bpf.h ebpf/abi.h
	$(AM_V_GEN)$(MKDIR_P) tests/ebpf && $(BPF_CLANG) $(RT_CFLAGS) -I$(top_srcdir) \
		-c $(top_srcdir)/tests/ebpf/made.c -o $@
tests/ebpf/made_table.c: tests/ebpf/made.bpf.o tests/ebpf/made.h ebpf/embed.py
	$(AM_V_GEN)$(PYTHON3) $(top_srcdir)/ebpf/embed.py $@ $(top_srcdir)/tests/ebpf/made.h \
		tests/ebpf/made.bpf.o
CLEANFILES += tests/ebpf/made.bpf.o tests/ebpf/made_table.c
EXTRA_DIST += tests/ebpf/made.c tests/ebpf/made.h

dist_check_SCRIPTS += tests/ebpf/test_embed.py
TESTS += tests/ebpf/test_embed.py
