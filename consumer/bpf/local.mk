# The run-time library of compiled programs: BPF C, clang's object, a table in C.
noinst_LTLIBRARIES += librt.la
librt_la_SOURCES = consumer/bpf/rt.h consumer/bpf/table.h
nodist_librt_la_SOURCES = consumer/bpf/rt_table.c
CLEANFILES += consumer/bpf/rt.bpf.o consumer/bpf/rt_table.c
EXTRA_DIST += consumer/bpf/rt.c consumer/bpf/embed.py

RT_CFLAGS = -target bpf -mcpu=v3 -O2 -fno-inline -Wall -Wextra -Werror
if PLAIN_STORES
RT_CFLAGS += -DPLAIN_STORES
endif

consumer/bpf/rt.bpf.o: consumer/bpf/rt.c consumer/bpf/rt.h consumer/abi.h consumer/drops.def
	$(AM_V_GEN)$(MKDIR_P) consumer/bpf && \
		$(BPF_CLANG) $(RT_CFLAGS) -I$(top_srcdir) -c $(top_srcdir)/consumer/bpf/rt.c -o $@
consumer/bpf/rt_table.c: consumer/bpf/rt.bpf.o consumer/bpf/rt.h consumer/bpf/embed.py
	$(AM_V_GEN)$(PYTHON3) $(top_srcdir)/consumer/bpf/embed.py consumer/bpf/rt.bpf.o \
		$(top_srcdir)/consumer/bpf/rt.h $@
