# SPDX-License-Identifier: BSD-2-Clause
# What the gem usdt does when nobody traces. Run by each Ruby; test_ruby.py counts. Ends with "N checks".
require "usdt"

$checks = 0

def same(want, got)
  $checks += 1
  raise "#{got.inspect}, not #{want.inspect}" unless want == got
end

def raises(class_, text = //)
  $checks += 1
  yield
rescue class_ => e
  raise "#{e.message}: not #{text.inspect}" unless e.message =~ text
else
  raise "nothing was raised, not #{class_} #{text.inspect}"
end

def visible(name)
  File.read("/proc/self/maps").include?("/memfd:usdt:#{name} ")
end

# Names.
["", "1a", "a1", "a-b", "a b", "a\0b", "ä", "a" * 54].each do |name|
  raises(ArgumentError, /is not a provider's name/) { USDT::Provider.new(name) }
end
[1, nil, :shop].each { |name| raises(TypeError) { USDT::Provider.new(name) } }
raises(ArgumentError) { USDT::Provider.new }
same "a" * 53, USDT::Provider.new("a" * 53).name
shop = USDT::Provider.new("shop")
["", "1a", "-a", "a b", "a\0b", "ä", ":a", "a" * 128].each do |name|
  raises(ArgumentError, /is not a probe's name/) { shop.probe(name) }
end
raises(TypeError) { shop.probe(1) }
raises(ArgumentError) { shop.probe }
part = "xxrequest-startyy"[2, 13]
same "request-start", shop.probe(part).name
kept = shop.probe("Server.run:start", Integer)
same "Server.run:start", kept.name
raises(ArgumentError, /has a probe "Server.run:start" already/) { shop.probe("Server.run:start", Integer) }
raises(ArgumentError, /other types in another function/) { shop.probe("other:start", String) }

# Types.
every = [Integer, String, Float, :bool, :int8, :int16, :int32, :int64, :uint8, :uint16, :uint32, :uint64, :pointer,
         :float, :double]
every.each_with_index { |t, i| same [t], shop.probe("t#{i}", t).types }
[Array, nil, 1, "int8"].each { |t| raises(TypeError, /is not a type of arguments: Integer, String/) { shop.probe("w", t) } }
raises(ArgumentError, /is not a type/) { shop.probe("w", :int) }
same nil, shop.probe("twelve", *[Integer] * 12).fire(*1..12)
raises(ArgumentError, /at most 12/) { shop.probe("thirteen", *[Integer] * 13) }
same [Integer, String], shop.probe("named", Integer, item: String).types
[:"a, int b", :"1a", :"a b", :"ä", :"", :"a\0"].each do |name|
  raises(ArgumentError, /is not a name that an argument/) { shop.probe("wrong", **{ name => Integer }) }
end

# Calls.
shop.enable
all = shop.probe("all", Integer, String, Float, :bool)
shop.enable
[[1, "x", 1.5, true], [2**100, "a\0b", 1, false], [-2**64, Class.new(String).new("x"), 10**400, true]].each do |values|
  same nil, all.fire(*values)
end
["1", 1, "1", 1].each_with_index do |wrong, at|
  values = [1, "x", 1.5, true]
  values[at] = wrong
  raises(TypeError, /^argument #{at + 1} of probe all is (String|Integer), not /) { all.fire(*values) }
end
[nil, 1.5, [], Object.new].each { |wrong| raises(TypeError) { all.fire(wrong, "x", 1.5, true) } }
raises(ArgumentError, /^probe all takes 4 arguments \(0 given\)$/) { all.fire }
raises(ArgumentError, /^probe all takes 4 arguments \(5 given\)$/) { all.fire(1, "x", 1.5, true, 1) }
raises(NoMethodError) { USDT::Probe.new }
raises(TypeError) { USDT::Probe.allocate }
raises(TypeError) { all.dup }
raises(ArgumentError, /not initialized/) { USDT::Provider.allocate.enable }
raises(ArgumentError, /not initialized/) { shop.dup.enable }

# Lives.
lives = USDT::Provider.new("lives")
order = lives.probe("order", Integer)
same false, visible("lives")
3.times do
  2.times { same lives, lives.enable }
  same true, visible("lives")
  order.fire(1)
  2.times { lives.disable }
  same false, visible("lives")
  order.fire(1)
end
same [false, "order", lives], [order.enabled?, order.name, order.provider]

# The collector takes probes and providers, in any order.
500.times do |i|
  p = USDT::Provider.new("gone")
  q = Array.new(5) { |k| p.probe("p#{i}-#{k}-x", Integer, String) }
  p.enable
  q.each { |r| r.fire(1, "x") }
end
GC.start
5.times { GC.start }
same true, File.read("/proc/self/maps").scan("/memfd:usdt:gone ").size < 100
GC.stress = true
s = USDT::Provider.new("stress")
t = s.probe("x", Integer, item: String)
s.enable
t.fire(1, "stress"[1, 3])
GC.stress = false

# Threads and forks.
threads = Array.new(8) do |i|
  Thread.new do
    200.times do |k|
      lives.probe("t#{i}-#{k}-x", Integer, String).fire(k, "x")
      lives.enable
    end
  end
end
threads.each(&:join)
pid = fork do
  order.fire(1)
  lives.disable
  exit!(visible("lives") ? 1 : 0)
end
Process.wait(pid)
same 0, $?.exitstatus
same true, visible("lives")

# The end.
["", "exit!(0)", "exit(0)", "at_exit { order.fire(2, 'y') }", "Thread.new { loop { order.fire(1, 'x') } }; sleep 0.05",
 "ObjectSpace.define_finalizer(Object.new, proc { order.fire(3, 'z') })", "load 'usdt.rb'; order.fire(1, 'x')"].each do |last|
  code = "require 'usdt'; $VERBOSE = nil; shop = USDT::Provider.new('shop'); order = shop.probe('order', Integer, String);" \
         " shop.enable; #{last}"
  same "", IO.popen(["ruby", "-e", code, { err: [:child, :out] }], &:read)
  same 0, $?.exitstatus
end

# The types of sig/usdt.rbs name what is there.
sig = File.read(File.join(File.dirname($LOADED_FEATURES.grep(/lib\/usdt.rb$/).first), "../sig/usdt.rbs"))
(USDT::Provider.instance_methods(false) + USDT::Probe.instance_methods(false)).each do |m|
  same true, sig.include?("def #{m}: ")
end

puts "#{$checks} checks"
