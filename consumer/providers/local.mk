noinst_LTLIBRARIES += libprov.la
libprov_la_SOURCES = consumer/providers/providers.h consumer/providers/providers.def \
	consumer/providers/inner.h
libprov_la_LIBADD = libusdtread-core.la
