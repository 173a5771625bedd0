#!/usr/sbin/dtrace -s
#pragma D option quiet
#pragma D option agghist
BEGIN
{
	@c["a"] = sum(3); @c["bb"] = sum(6); @c["c"] = sum(-1);
	@n = count();
	@a["x", 1] = avg(10); @a["y", 2] = avg(30); normalize(@a, 10);
	@m["k"] = max(4);
	@q = quantize(1);
	exit(0);
}
