#!/usr/sbin/dtrace -qs
BEGIN
{
	@ = quantize(0);
	@ = quantize(0);
	@ = quantize(-1);
	@ = quantize(-5);
	@ = quantize(1);
	exit(0);
}
