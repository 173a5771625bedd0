# Packages for interpreters: built by pip, not by make.
EXTRA_DIST += runtimes/python/README.md runtimes/python/backend.py runtimes/python/pyproject.toml \
	runtimes/python/ext/inner.h runtimes/python/ext/kinds.c runtimes/python/ext/kinds.def \
	runtimes/python/ext/module.c runtimes/python/ext/probe.c runtimes/python/ext/provider.c \
	runtimes/python/usdt/__init__.py runtimes/python/usdt/_usdt.pyi runtimes/python/usdt/py.typed
