# SPDX-License-Identifier: BSD-2-Clause
# Fires probes of the gem usdt a known number of times: probes.rb PROVIDER MODE. As probes.py does.
require "usdt"

$shop = USDT::Provider.new(ARGV[0])
$order = $shop.probe("order", Integer, String)
$every = $shop.probe("every", Integer, String, Float, :bool, :int8, :uint16, :uint64, :float, :int32, :pointer, Integer,
                     name: String)
$named = $shop.probe("Shop.sell:sold", id: :int32, item: String)
$shop.enable

def wait
  1000.times do
    return if yield
    sleep 0.05
  end
  abort "nothing changed"
end

def sell(n = 1000)
  n.times { |i| $order.fire(i, %w[zero one two][i % 3]) }
end

def values
  $every.fire(-2**63, "grüß €", 1.5, true, -128, 65535, 2**64 - 1, 0.1, -1, 2**32, 0, "last")
  $every.fire(2**64 + 7, "", 3, false, 255, -1, -1, 2, 2**31, 0, 0, "")
  $every.fire(0, "xa\0b"[1, 2], -(10**400), true, 0, 0, 0, 10**400, 0, 0, 0, "a")
  $named.fire(7, "xsevenx"[1, 5])
  $order.fire(8, "eight")
end

def errors
  caught = 0
  [[], [1], [1, "x", 2], ["x", 1], [1, :x], [1.0, "x"], [nil, "x"]].each do |wrong|
    $order.fire(*wrong)
  rescue TypeError, ArgumentError
    caught += 1
  end
  $order.fire(caught, "caught")
end

def flips
  $stdout.sync = true
  puts $order.enabled? ? "on?" : "off"
  2.times do
    wait { $order.enabled? }
    puts "on"
    wait { $named.fire(7, "seven"); !$order.enabled? }
    puts "off"
  end
end

def forks
  pid = fork { sell(300) }
  sell(300)
  Process.wait(pid)
  sell(100)
  Process.wait(fork do
    $shop.disable
    sell(50)
    mine = USDT::Provider.new(ARGV[0])
    p = mine.probe("order", Integer, String)
    mine.enable
    wait { p.enabled? } # tracers of the whole system see a new object a little later
    7.times { |i| p.fire(i, "mine") }
  end)
end

def threads
  Array.new(8) { Thread.new { sell } }.each(&:join)
end

def toggles
  20.times do
    $shop.disable
    sell(10)
    $shop.enable
    sell(20)
  end
end

def reload
  sell(10)
  $VERBOSE = nil
  load "usdt.rb"
  again = USDT::Provider.new(ARGV[0])
  p = again.probe("order", Integer, String)
  again.enable
  sell(20)
  5.times { |i| p.fire(i, "again") }
end

def dropped
  sell(10)
  30.times do |i|
    p = USDT::Provider.new(ARGV[0])
    q = p.probe("order", Integer, String)
    p.enable
    q.fire(i, "brief")
    GC.start if i % 10 == 0
  end
  $order = nil
  GC.start
  $named.fire(1, "there")
end

def leaves
  sell(500)
  exit!(0)
end

def dies
  order = $order
  at_exit { order.fire(2, "exit") }
  ObjectSpace.define_finalizer(Object.new, proc { order.fire(1, "last") })
  sell(500)
end

ARGV[1] == "count" ? sell : send(ARGV[1])
