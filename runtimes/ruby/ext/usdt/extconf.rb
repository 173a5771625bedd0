# SPDX-License-Identifier: BSD-2-Clause
# The extension is compiled together with libusdt's own sources: of the tree around this folder, or of the
# folder libusdt/ that the gemspec puts into a gem, which so is complete.
require "mkmf"

here = __dir__
top = [File.join(here, "libusdt"), File.expand_path("../../../..", here)].find { |d| File.exist?(File.join(d, "usdt/live.h")) }
abort "usdt: libusdt's sources are not here: build in the whole tree, or from a gem" unless top

$srcs = ["probes.c"] + %w[image proto provider region].map { |f| File.join(top, "usdt", "#{f}.c") }
$VPATH << File.join(top, "usdt")
$INCFLAGS << " -I#{top} -I#{top}/include"
# Stacks go by frame pointers. Hidden: a libusdt that the process has loaded is another one.
$CFLAGS << " -std=gnu11 -D_GNU_SOURCE -fno-omit-frame-pointer -momit-leaf-frame-pointer -fvisibility=hidden"
$CFLAGS << " -Wno-declaration-after-statement -pthread"
create_makefile("usdt/usdt")
