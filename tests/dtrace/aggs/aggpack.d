#!/usr/sbin/dtrace -s
#pragma D option quiet
#pragma D option aggpack
BEGIN
{
	@q["x", 1] = quantize(3); @q["x", 1] = quantize(100); @q["x", 1] = quantize(100);
	@q["yyy", 2] = quantize(7, -4);
	@l = lquantize(5, 0, 10, 1); @l = lquantize(50, 0, 10, 1);
	@e = quantize(1); clear(@e);
	@n["k"] = count();
	@p[1] = quantize(5); printa(@p); printa("%@d", @p);
	exit(0);
}
