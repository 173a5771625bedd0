noinst_LTLIBRARIES += libaggs.la
libaggs_la_SOURCES = consumer/aggs/aggs.h consumer/aggs/inner.h consumer/aggs/drain.c \
	consumer/aggs/key.c consumer/aggs/merge.c consumer/aggs/order.c consumer/aggs/table.c consumer/aggs/rows.c consumer/aggs/value.c
