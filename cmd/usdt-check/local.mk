bin_PROGRAMS += usdt-check
usdt_check_SOURCES = cmd/usdt-check/main.c cmd/usdt-check/claim.c cmd/usdt-check/value.c \
	cmd/usdt-check/space.c cmd/usdt-check/memory.c cmd/usdt-check/run.c cmd/usdt-check/report.c cmd/usdt-check/check.h
usdt_check_LDADD = libd.la libusdtread-core.la libbase.la
