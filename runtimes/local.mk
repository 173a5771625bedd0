# Packages for interpreters: built by pip and gem, not by make.
EXTRA_DIST += runtimes/python/README.md runtimes/python/backend.py runtimes/python/pyproject.toml \
	runtimes/python/ext/inner.h runtimes/python/ext/kinds.c runtimes/python/ext/kinds.def \
	runtimes/python/ext/module.c runtimes/python/ext/probe.c runtimes/python/ext/provider.c \
	runtimes/python/usdt/__init__.py runtimes/python/usdt/_usdt.pyi runtimes/python/usdt/py.typed
EXTRA_DIST += runtimes/ruby/README.md runtimes/ruby/usdt.gemspec runtimes/ruby/ext/usdt/extconf.rb \
	runtimes/ruby/ext/usdt/kinds.def runtimes/ruby/ext/usdt/probes.c runtimes/ruby/lib/usdt.rb \
	runtimes/ruby/sig/usdt.rbs
