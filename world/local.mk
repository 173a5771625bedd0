noinst_LTLIBRARIES += libworld.la
libworld_la_SOURCES = world/world.h world/inner.h world/vma.h world/world.c world/files.c world/vma.c \
	world/watch.c world/target.c world/history.c world/symbols.c
