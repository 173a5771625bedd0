#!/usr/sbin/dtrace -qs
BEGIN
{
	@["lint"] = quantize(3);
	@["acomp"] = quantize(1);
	@["acomp"] = quantize(1);
	exit(0);
}
