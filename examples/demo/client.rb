# The demonstration's Ruby client: asks the server for some files' sizes.
#
# Ruby 3.1 fires method-entry of methods written in Ruby only while a TracePoint of calls is on.
require "socket"

def fetch(path)
  s = UNIXSocket.new(ARGV[0])
  s.puts(path)
  s.gets.to_i
ensure
  s&.close
end

def report(paths)
  paths.to_h { |path| [path, fetch(path)] }
end

sleep 1 # gives the tracer time to attach before the first call
TracePoint.new(:call) {}.enable
report(%w[/etc/passwd /etc/group])
