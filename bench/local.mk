# make bench: prints a table of ratios; not part of check.
EXTRA_PROGRAMS = bench/floor
bench_floor_SOURCES = bench/floor.c
bench_floor_LDADD = libusdtread-core.la libbase.la $(BPF_LIBS) $(ELF_LIBS)
EXTRA_DIST += bench/run.py bench/hit.c bench/hit.d
CLEANFILES += bench/floor
bench: dtrace bench/floor
	$(PYTHON3) $(srcdir)/bench/run.py $(abs_builddir)
.PHONY: bench
