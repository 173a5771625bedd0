noinst_LTLIBRARIES += libkernel.la
libkernel_la_SOURCES = kernel/kernel.h kernel/inner.h kernel/features.def kernel/btf.c kernel/clock.c \
	kernel/features.c kernel/host.c kernel/limit.c kernel/offset.c kernel/symbols.c kernel/tracefs.c kernel/uprobe.c
