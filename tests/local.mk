# Each room's tests are in tests/ROOM; cmocka programs go to check_PROGRAMS and TESTS.
TEST_LIBS = $(CMOCKA_LIBS)
include tests/base/local.mk
include tests/arch/local.mk
include tests/d/local.mk
include tests/ebpf/local.mk
include tests/kernel/local.mk
include tests/world/local.mk
include tests/usdt/local.mk
include tests/provider/local.mk
include tests/consumer/local.mk
include tests/consumer/out.mk
include tests/fuzz/local.mk
include tests/tree/local.mk
