noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = base/arena.c base/arena.h base/cpp.c base/cpp.h base/cursor.h base/diag.c base/diag.h \
	base/grow.c base/grow.h base/hash.c base/hash.h base/text.c base/text.h base/threads.c base/threads.h
