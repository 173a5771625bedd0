# make bench, make bench-sites: tables of ratios; ./check does not run them.
EXTRA_PROGRAMS = bench/floor
bench_floor_SOURCES = bench/floor.c
bench_floor_LDADD = libusdtread-core.la libbase.la $(BPF_LIBS) $(ELF_LIBS)
EXTRA_DIST += bench/run.py bench/hit.c bench/hit.d bench/many.c bench/sites.py bench/sites.c \
	bench/runtimes/run.py bench/runtimes/empty.c
CLEANFILES += bench/floor
bench: dtrace bench/floor
	$(PYTHON3) $(srcdir)/bench/run.py $(abs_builddir)
bench-sites: dtrace bench/floor libusdt.la
	$(PYTHON3) $(srcdir)/bench/sites.py $(abs_builddir)
.PHONY: bench bench-sites
