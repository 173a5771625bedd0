# SPDX-License-Identifier: BSD-2-Clause
require "fileutils"

# A gem holds files of its own folder alone: libusdt's sources are copied into it while it is built.
sources = %w[LICENSE include/usdt/usdt.h] + %w[image.c live.h proto.c provider.c region.c].map { |f| "usdt/#{f}" }
top = File.expand_path("../..", __dir__)
if File.exist?(File.join(top, "usdt/live.h"))
  copy = File.join(__dir__, "ext/usdt/libusdt")
  sources.each do |f|
    FileUtils.mkdir_p(File.dirname(File.join(copy, f)))
    FileUtils.cp(File.join(top, f), File.join(copy, f))
  end
  at_exit { FileUtils.rm_rf(copy) }
end

Gem::Specification.new do |s|
  s.name = "usdt"
  s.version = "0.1.0"
  s.summary = "Probes of Ruby programs for DTrace and other tracers of USDT probes"
  s.authors = ["usdtkit"]
  s.license = "BSD-2-Clause"
  s.required_ruby_version = ">= 2.7"
  s.extensions = ["ext/usdt/extconf.rb"]
  s.files = %w[README.md lib/usdt.rb sig/usdt.rbs ext/usdt/extconf.rb ext/usdt/probes.c ext/usdt/kinds.def] +
            sources.map { |f| "ext/usdt/libusdt/#{f}" }
end
