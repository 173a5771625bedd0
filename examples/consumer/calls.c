/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c: counts the system calls of a command. A client of libusdt-consumer.
 *
 *	cc calls.c $(pkg-config --cflags --libs usdt-consumer) -o calls
 *	./calls 'ls -l'
 */
#include <usdt/consumer.h>

static const char program[] = "syscall:::entry /pid == $target/ { @[probefunc] = count(); }"
			      "END { trunc(@, $1); printa(\"%8@d  %s\\n\", @); }";

static void on_message(void *arg, const struct usdt_message *m)
{
	(void)arg;
	fputs(m->text, stderr);
}

static int on_line(void *arg, const char *line, size_t len)
{
	unsigned *rank = (unsigned *)arg;

	if (len)
		printf("%2u. %s\n", ++*rank, line);
	return 0;
}

int main(int argc, char **argv)
{
	const char *args[] = { argv[0], "5" }; /* $1: the five most frequent */
	struct usdt_consumer *c = usdt_consumer_open("calls", on_message, NULL);
	unsigned rank = 0;
	int status;

	if (!c)
		return 1;
	if (!usdt_consumer_output_lines(c, on_line, &rank) &&
	    !usdt_consumer_set_option(c, "quiet", NULL) && !usdt_consumer_args(c, 2, args) &&
	    !usdt_consumer_add_text(c, 0, "program", program) &&
	    !usdt_consumer_command(c, argc > 1 ? argv[1] : "true") && !usdt_consumer_compile(c) &&
	    !usdt_consumer_go(c)) {
		while (usdt_consumer_work(c, -1) == USDT_CONSUMER_OKAY)
			;
		usdt_consumer_stop(c);
	}
	status = usdt_consumer_status(c);
	usdt_consumer_close(c);
	return status;
}
