noinst_LTLIBRARIES += libprovider.la
libprovider_la_SOURCES = provider/provider.h provider/inner.h provider/header.c provider/job.c \
	provider/note.c provider/object.c provider/scan.c provider/depend.c provider/text.c
nodist_libprovider_la_SOURCES = provider/sdt_text.c
provider/sdt_text.c: $(srcdir)/include/usdt/sdt.h $(srcdir)/provider/embed.py
	@mkdir -p provider
	$(AM_V_GEN)$(PYTHON3) $(srcdir)/provider/embed.py $(srcdir)/include/usdt/sdt.h >$@.tmp && \
		mv $@.tmp $@
CLEANFILES += provider/sdt_text.c
EXTRA_DIST += provider/embed.py
