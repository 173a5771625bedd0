# libusdt-consumer: all of the consumer behind include/usdt/consumer.h, with the rooms below it
# inside and hidden. libcc brings libebpf, libd and libbase.
CONSUMER_PARTS = librun.la libout.la libaggs.la libprov.la libworld.la libcc.la libkernel.la libusdtread-core.la

lib_LTLIBRARIES += libusdt-consumer.la
libusdt_consumer_la_SOURCES =
libusdt_consumer_la_LIBADD = $(CONSUMER_PARTS) $(BPF_LIBS) $(ELF_LIBS)
libusdt_consumer_la_DEPENDENCIES = $(CONSUMER_PARTS) consumer/libusdt-consumer.map
libusdt_consumer_la_LDFLAGS = $(AM_LDFLAGS) -shared -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/consumer/libusdt-consumer.map
usdtinclude_HEADERS += include/usdt/consumer.h

if STATIC_LIBS
staticlib_DATA += libusdt-consumer.a
endif
libusdt-consumer.a: $(CONSUMER_PARTS) consumer/libusdt-consumer.map
	$(AM_V_GEN)$(call static_library,$(CONSUMER_PARTS),$(srcdir)/consumer/libusdt-consumer.map)

nodist_pkgconfig_DATA += consumer/usdt-consumer.pc
consumer/usdt-consumer.pc: $(srcdir)/consumer/usdt-consumer.pc.in
	@mkdir -p consumer
	$(AM_V_GEN)sed -e 's|[@]prefix[@]|$(prefix)|g' -e 's|[@]libdir[@]|$(libdir)|g' \
		-e 's|[@]includedir[@]|$(includedir)|g' -e 's|[@]VERSION[@]|$(VERSION)|g' \
		$(srcdir)/consumer/usdt-consumer.pc.in >$@.tmp && mv $@.tmp $@
EXTRA_DIST += consumer/libusdt-consumer.map consumer/usdt-consumer.pc.in
