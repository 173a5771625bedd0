# Tests of the tree as a whole. dist.sh and install.sh need minutes of building: ./check runs them,
# `make check` does not.
dist_check_SCRIPTS += tests/tree/test_arrows.py tests/tree/test_man.py tests/tree/test_limits_md.py \
	tests/tree/test_errtags.py
TESTS += tests/tree/test_arrows.py tests/tree/test_man.py tests/tree/test_limits_md.py \
	tests/tree/test_errtags.py
EXTRA_DIST += tests/tree/rows.py tests/tree/test_rows.py
EXTRA_DIST += tests/tree/format.sh tests/tree/dist.sh tests/tree/install.sh tests/tree/lint.py tests/tree/quickstart.sh
EXTRA_DIST += tests/dtrace tests/trace tests/runtimes tests/vm tests/packages tests/install examples docs \
	.clang-format .clang-tidy tests/tree/cppcheck.xml tests/tree/cppcheck.suppress

# Folders are copied whole: remove what running the tests left in them.
dist-hook:
	cp -p $(srcdir)/check $(distdir)/check
	find $(distdir) -name __pycache__ -exec rm -rf {} +
