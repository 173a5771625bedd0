#!/usr/sbin/dtrace -s
#pragma D option quiet
#pragma D option agghist
#pragma D option aggzoom
BEGIN
{
	@c["a"] = sum(3); @c["bb"] = sum(6);
	exit(0);
}
