# Linked into libusdtread-core.la, and so into all that links that library.
noinst_LTLIBRARIES += libarch.la
libarch_la_SOURCES = arch/arch.h arch/operand.h arch/x86_64.def arch/x86_64.c arch/aarch64.c arch/operand.c \
	arch/x86_operand.c arch/arm_operand.c
