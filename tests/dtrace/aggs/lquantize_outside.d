#!/usr/sbin/dtrace -qs
BEGIN
{
	@ = lquantize(-1, 0, 30, 10);
	@ = lquantize(-100, 0, 30, 10);
	@ = lquantize(5, 0, 30, 10);
	@ = lquantize(30, 0, 30, 10);
	@ = lquantize(31, 0, 30, 10);
	@ = lquantize(1000, 0, 30, 10);
	exit(0);
}
