#!/usr/sbin/dtrace -qs
BEGIN
{
	@ = quantize(1);
	@ = quantize(2);
	@ = quantize(2);
	@ = quantize(3);
	@ = quantize(4);
	@ = quantize(7);
	@ = quantize(8);
	@ = quantize(100);
	exit(0);
}
