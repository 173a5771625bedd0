noinst_LTLIBRARIES += libcc.la
libcc_la_SOURCES = consumer/compile/compile.h consumer/compile/emit.h consumer/compile/inner.h \
	consumer/compile/contexts.def \
	consumer/compile/maps.def consumer/compile/args.def consumer/compile/arg.c
libcc_la_LIBADD = libebpf.la libd.la
libcc_la_SOURCES += consumer/compile/link.c
libcc_la_SOURCES += consumer/compile/emit.c consumer/compile/layout.c consumer/compile/refuse.c \
	consumer/compile/gen.c consumer/compile/type.c consumer/compile/number.c consumer/compile/tables.c \
	consumer/compile/value.c consumer/compile/lvalue.c \
	consumer/compile/memory.c consumer/compile/scratch.c consumer/compile/expr.c consumer/compile/string.c \
	consumer/compile/builtin.c consumer/compile/aggregate.c consumer/compile/element.c consumer/compile/assign.c consumer/compile/key.c \
	consumer/compile/agg.c consumer/compile/rec.c consumer/compile/clause.c consumer/compile/unit.c
