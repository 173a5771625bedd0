#!/usr/sbin/dtrace -qs
/*
 * One request's path: a method of Python or Ruby → the server's own probe →
 * its system calls → the scheduler, in one output, in order of time.
 */
dtrace:::BEGIN
{
	start = timestamp;
	printf("%10s %-10s %-22s %s\n", "us", "program", "where", "what");
}

python*:::function-entry
/copyinstr(arg1) == "fetch" || copyinstr(arg1) == "report"/
{
	printf("%10d %-10s %-22s %s(), line %d\n", (timestamp - start) / 1000, execname,
	    "Python method", copyinstr(arg1), arg2);
	@methods["Python", copyinstr(arg1)] = count();
}

ruby*:::method-entry
/copyinstr(arg1) == "fetch" || copyinstr(arg1) == "report"/
{
	printf("%10d %-10s %-22s %s#%s, line %d\n", (timestamp - start) / 1000, execname,
	    "Ruby method", copyinstr(arg0), copyinstr(arg1), arg3);
	@methods["Ruby", copyinstr(arg1)] = count();
}

server*:::request-start
{
	self->since = timestamp;
	self->busy = 1;
	printf("%10d %-10s %-22s request %d for %s\n", (timestamp - start) / 1000, execname,
	    "USDT request-start", arg0, copyinstr(arg1));
}

server*:::request-start
/arg0 == 1/
{
	printf("%10s who answers request 1:", "");
	ustack(5);
}

syscall:::entry
/self->busy/
{
	self->call = timestamp;
}

syscall:::return
/self->busy && self->call/
{
	printf("%10d %-10s %-22s %s() = %d in %d us\n", (timestamp - start) / 1000, execname,
	    "system call", probefunc, arg0, (timestamp - self->call) / 1000);
	@calls[probefunc] = quantize((timestamp - self->call) / 1000);
	self->call = 0;
}

sdt:::sched_switch
/self->busy/
{
	printf("%10d %-10s %-22s leaves CPU %d\n", (timestamp - start) / 1000, execname,
	    "scheduler", cpu);
	@switches[execname] = count();
}

server*:::request-done
/self->busy/
{
	printf("%10d %-10s %-22s request %d, %d bytes, %d us\n", (timestamp - start) / 1000,
	    execname, "USDT request-done", arg0, arg1, (timestamp - self->since) / 1000);
	@latency["request latency (us)"] = lquantize((timestamp - self->since) / 1000, 0, 10000, 1000);
	self->busy = 0;
	self->since = 0;
}

dtrace:::END
{
	printf("\nmethods called:\n");
	printa("  %-8s %-20s %@8d\n", @methods);
	printf("\ntimes a request gave up its CPU:\n");
	printa("  %-29s %@8d\n", @switches);
	printf("\nsystem calls inside requests, microseconds:\n");
	printa(@calls);
	printa(@latency);
}
