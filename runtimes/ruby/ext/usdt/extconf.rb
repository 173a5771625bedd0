# SPDX-License-Identifier: BSD-2-Clause
# The extension is compiled together with libusdt's own sources. They come from the tree around this
# folder, or from the folder libusdt/ that the gemspec adds to make a gem complete.
require "mkmf"

here = __dir__
top = [File.join(here, "libusdt"), File.expand_path("../../../..", here)].find { |d| File.exist?(File.join(d, "usdt/live.h")) }
abort "usdt: libusdt's sources are not here: build in the whole tree, or from a gem" unless top

$srcs = ["probes.c"] + %w[image proto provider region].map { |f| File.join(top, "usdt", "#{f}.c") }
$VPATH << File.join(top, "usdt")
$INCFLAGS << " -I#{top} -I#{top}/include"
# Tracers walk stacks by frame pointers. Symbols are hidden because the process may have loaded another libusdt.
$CFLAGS << " -std=gnu11 -D_GNU_SOURCE -fno-omit-frame-pointer -momit-leaf-frame-pointer -fvisibility=hidden"
$CFLAGS << " -Wno-declaration-after-statement -pthread"
create_makefile("usdt/usdt")
