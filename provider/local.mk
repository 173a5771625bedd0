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

# For projects that build provider files: pkg-config, CMake and autoconf.
nodist_pkgconfig_DATA += provider/usdt-sdt.pc
CLEANFILES += provider/usdt-sdt.pc
provider/usdt-sdt.pc: $(srcdir)/provider/usdt-sdt.pc.in
	@mkdir -p provider
	$(AM_V_GEN)sed -e 's|[@]prefix[@]|$(prefix)|g' -e 's|[@]bindir[@]|$(bindir)|g' \
		-e 's|[@]includedir[@]|$(includedir)|g' -e 's|[@]VERSION[@]|$(VERSION)|g' \
		$(srcdir)/provider/usdt-sdt.pc.in >$@.tmp && mv $@.tmp $@
usdtcmakedir = $(libdir)/cmake/usdt
dist_usdtcmake_DATA = provider/usdt-config.cmake
usdtaclocaldir = $(datadir)/aclocal
dist_usdtaclocal_DATA = provider/ax_usdt.m4
EXTRA_DIST += provider/usdt-sdt.pc.in

# <sys/sdt.h>, for configure scripts that look for it where systemtap-sdt-dev is not installed.
EXTRA_DIST += include/shim/sys/sdt.h
if SYS_SDT
shimdir = $(includedir)/sys
shim_HEADERS = include/shim/sys/sdt.h
endif
