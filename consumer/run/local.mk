noinst_LTLIBRARIES += librun.la
librun_la_SOURCES = ebpf/abi.h consumer/records.h consumer/kinds.def ebpf/drops.def consumer/options.def consumer/policies.def ebpf/faults.def \
	consumer/run/run.h consumer/run/client.c consumer/run/inner.h consumer/run/run.c \
	consumer/run/list.c consumer/run/options.c consumer/run/libs.c \
	consumer/run/enabling.c consumer/run/group.c consumer/run/places.c consumer/run/units.c consumer/run/lives.c \
	consumer/run/maps.c consumer/run/keep.c consumer/run/forget.c \
	consumer/run/drops.c consumer/run/records.c consumer/run/work.c consumer/run/vtime.c
