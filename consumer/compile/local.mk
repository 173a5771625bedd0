noinst_LTLIBRARIES += libcc.la
libcc_la_SOURCES = consumer/compile/compile.h consumer/compile/emit.h consumer/compile/inner.h \
	consumer/compile/holes.def
libcc_la_LIBADD = libd.la libbase.la
