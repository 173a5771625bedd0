# libusdt-read: base is linked into the library and stays hidden. Our own programs link
# libusdtread-core.la (and libbase.la) instead.
noinst_LTLIBRARIES += libusdtread-core.la
libusdtread_core_la_SOURCES = usdt/inner.h usdt/loader.h usdt/maps.h usdt/symbols.h usdt/arg.c \
	usdt/debug.c usdt/elf.c usdt/file.c usdt/loader.c usdt/maps.c usdt/note.c usdt/proc.c usdt/symbols.c \
	usdt/system.c usdt/types.c
libusdtread_core_la_LIBADD = libarch.la
libusdtread_core_la_CFLAGS = $(AM_CFLAGS) -Wconversion

lib_LTLIBRARIES += libusdt-read.la
libusdt_read_la_SOURCES =
libusdt_read_la_LIBADD = libusdtread-core.la libbase.la
libusdt_read_la_DEPENDENCIES = $(libusdt_read_la_LIBADD) usdt/libusdt-read.map
libusdt_read_la_LDFLAGS = $(AM_LDFLAGS) -shared -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/usdt/libusdt-read.map

# libusdt: probes made at run time. The library needs nothing but libc.
noinst_LTLIBRARIES += libusdt-core.la
libusdt_core_la_SOURCES = usdt/live.h usdt/image.c usdt/proto.c usdt/provider.c usdt/region.c
# ustack() walks frame pointers, so the library's own code must keep them.
libusdt_core_la_CFLAGS = -std=gnu11 $(WARN_CFLAGS) $(SAN_CFLAGS) -Wconversion -fno-omit-frame-pointer

lib_LTLIBRARIES += libusdt.la
libusdt_la_SOURCES =
libusdt_la_LIBADD = libusdt-core.la
libusdt_la_DEPENDENCIES = $(libusdt_la_LIBADD) usdt/libusdt.map
libusdt_la_LDFLAGS = $(AM_LDFLAGS) -shared -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/usdt/libusdt.map

if STATIC_LIBS
staticlib_DATA += libusdt.a libusdt-read.a
endif
libusdt.a: $(libusdt_la_DEPENDENCIES)
	$(AM_V_GEN)$(call static_library,$(libusdt_la_LIBADD),$(srcdir)/usdt/libusdt.map)
libusdt-read.a: $(libusdt_read_la_DEPENDENCIES)
	$(AM_V_GEN)$(call static_library,$(libusdt_read_la_LIBADD),$(srcdir)/usdt/libusdt-read.map)

usdtincludedir = $(includedir)/usdt
usdtinclude_HEADERS = include/usdt/usdt.h include/usdt/sdt.h

pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = usdt/usdt.pc usdt/usdt-read.pc
CLEANFILES += $(nodist_pkgconfig_DATA)
usdt/%.pc: $(srcdir)/usdt/%.pc.in
	@mkdir -p usdt
	$(AM_V_GEN)sed -e 's|[@]prefix[@]|$(prefix)|g' -e 's|[@]libdir[@]|$(libdir)|g' \
		-e 's|[@]includedir[@]|$(includedir)|g' -e 's|[@]VERSION[@]|$(VERSION)|g' $< >$@.tmp && \
		mv $@.tmp $@
EXTRA_DIST += usdt/libusdt.map usdt/libusdt-read.map usdt/usdt.pc.in usdt/usdt-read.pc.in
