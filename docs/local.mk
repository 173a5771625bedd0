dist_man_MANS = docs/man/dtrace.1 docs/man/usdt-check.1 docs/man/libusdt.3 docs/man/libusdt-consumer.3
