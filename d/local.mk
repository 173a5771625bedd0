noinst_LTLIBRARIES += libd.la
libd_la_SOURCES = d/d.h d/inner.h d/ops.def d/builtins.def d/lex.h d/d.c
libd_la_LIBADD = libbase.la
libd_la_SOURCES += d/type.c d/layout.c
