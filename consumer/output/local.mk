noinst_LTLIBRARIES += libout.la
libout_la_SOURCES = consumer/output/output.h consumer/output/inner.h consumer/output/put.c \
	consumer/output/value.c consumer/output/printf.c consumer/output/record.c \
	consumer/output/stack.c consumer/output/dist.c consumer/output/bars.c consumer/output/packed.c consumer/output/aggs.c \
	consumer/output/table.c consumer/output/file.c consumer/output/ksym.c consumer/output/usym.c
