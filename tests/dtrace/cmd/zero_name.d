#!/usr/sbin/dtrace -qs
BEGIN
{
	printf("%s", $$0);
	exit(0);
}
