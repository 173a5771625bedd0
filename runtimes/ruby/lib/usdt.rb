# SPDX-License-Identifier: BSD-2-Clause
require "usdt/usdt"

# Probes of Ruby programs for dtrace and every other tracer that knows USDT probes.
#
#     shop = USDT::Provider.new("shop")
#     order = shop.probe("order", Integer, String)
#     shop.enable
#     order.fire(1, "x")      # dtrace -n 'shop*:::order { trace(arg0); }'
#
# docs/ruby.md is the manual; sig/usdt.rbs has the types.
module USDT
  VERSION = "0.1.0"
end
