/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/consumer.h: libusdt-consumer runs D programs, as the command dtrace
 * does, which is a client of this header alone.
 *
 *	struct usdt_consumer *c = usdt_consumer_open("agent", on_message, NULL);
 *	if (c && !usdt_consumer_add_text(c, 0, "script", text) &&
 *	    !usdt_consumer_compile(c) && !usdt_consumer_go(c)) {
 *		while (usdt_consumer_work(c, -1) == USDT_CONSUMER_OKAY)
 *			;
 *		usdt_consumer_stop(c);
 *	}
 *	status = usdt_consumer_status(c);
 *	usdt_consumer_close(c);
 *
 * Order: open; options, targets, arguments and texts; compile (or list); go;
 * work, again and again; stop; close. A call out of its order is an error and
 * does nothing. Options come before what they are about: those of -c before
 * the command.
 * Ownership: a handle is yours until usdt_consumer_close. Strings given are
 * copied; what a callback is given is borrowed until it returns. A FILE given
 * stays yours and must outlive the handle.
 * Errors: functions that return int give 0, or -1 after at least one message
 * of kind USDT_MESSAGE_ERROR. Nothing is written to stdout or stderr but the
 * program's own output, to where usdt_consumer_output says.
 * The process: it needs the rights to trace (root, or CAP_BPF, CAP_PERFMON
 * and what reading other processes needs). While a handle is open the soft
 * limit of descriptors is the hard one. SIGCHLD is handled while there are
 * commands (a handler that was there is called as well). Whatever happens,
 * close leaves no probe, program, map, descriptor or stopped child behind.
 * Threads: a handle is used by the thread that opened it, but for
 * usdt_consumer_interrupt. Several handles may be open at a time.
 */
#ifndef USDT_CONSUMER_H
#define USDT_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct usdt_consumer; /* one enabling: a program, what it traces, what it prints */

/* ---- Messages --------------------------------------------------------------- */

enum usdt_message_kind {
	USDT_MESSAGE_ERROR,   /* something was refused or failed */
	USDT_MESSAGE_WARNING, /* tracing goes on, with less than was asked for */
	USDT_MESSAGE_NOTE, /* "description '…' matched 1 probe", drops, faults of the program */
	USDT_MESSAGE_HINT, /* what to do about the message before */
};

/* Members are only ever added, at the end. */
struct usdt_message {
	enum usdt_message_kind kind;
	const char *text;      /* as dtrace prints it: whole lines, with place, source and caret */
	const char *what;      /* the message alone, without place and newline */
	const char *tag;       /* "D_SYNTAX", "D_PDESC_ZERO" …; NULL: none */
	const char *file;      /* the text's name or one that it includes; NULL: of no place */
	unsigned line, column; /* from 1, the column in bytes; 0: of no place */
};
typedef void usdt_message_fn(void *arg, const struct usdt_message *message);

/* ---- Opening ---------------------------------------------------------------- */

/*
 * who: begins the text of messages that have no place ("dtrace: …"); NULL:
 * nothing. fn: called for each message, during calls of this handle only;
 * NULL: messages are dropped. After ten errors of one compile the rest are
 * not told. NULL: no memory or no descriptor (errno).
 */
struct usdt_consumer *usdt_consumer_open(const char *who, usdt_message_fn *fn, void *arg);
const char *usdt_consumer_language(void); /* the version of D: "1.13" */
/* Stops without END if it was not stopped. NULL is accepted. */
void usdt_consumer_close(struct usdt_consumer *c);

/*
 * What the program prints goes to file (stdout, if neither is called), or
 * line by line to fn: len bytes, a NUL behind them, no newline; a last line
 * without newline comes at stop. fn returns 0; anything else is as a pipe
 * whose reader is gone: tracing ends. The D actions freopen and ftruncate
 * need a file. Before compile.
 */
int usdt_consumer_output(struct usdt_consumer *c, FILE *file);
typedef int usdt_line_fn(void *arg, const char *line, size_t len);
int usdt_consumer_output_lines(struct usdt_consumer *c, usdt_line_fn *fn, void *arg);

/*
 * Options by the names of dtrace -x ("bufsize", "quiet"). value: as after
 * the `=` there; NULL: as without it.
 */
int usdt_consumer_set_option(struct usdt_consumer *c, const char *name, const char *value);
/* Bytes, nanoseconds, counts; flags are 0 or 1; of options that are strings, whether one is set.
 * -1 and no message: there is no such option. */
int usdt_consumer_get_option(const struct usdt_consumer *c, const char *name, int64_t *value);

/* ---- The program ------------------------------------------------------------ */

/*
 * $0, $1 … (and $$0, $$1 …) of all texts: argc strings; argv[0] is the
 * program's name. Before compile; the last call counts.
 */
int usdt_consumer_args(struct usdt_consumer *c, int argc, const char *const *argv);
/*
 * Adds a text to the program; texts are one program, in their order. spec:
 * 0 for a whole D text, or 'P', 'm', 'f', 'n' or 'i' for what dtrace's
 * option of that letter takes. name: how messages call it; NULL: "-n" and so on.
 */
int usdt_consumer_add_text(struct usdt_consumer *c, char spec, const char *name, const char *text);
/* The same of a file, "-" standard input; preprocessed if option "cpp" is set. */
int usdt_consumer_add_file(struct usdt_consumer *c, const char *path);
/* An argument for the preprocessor of the files that follow: "-DDEBUG", "-Iinclude". */
int usdt_consumer_cpp_arg(struct usdt_consumer *c, const char *arg);

/* ---- Targets ---------------------------------------------------------------- */

/*
 * Processes of the program; the first is $target. Tracing ends when all have.
 * A command is split at blanks (quotes honoured), and started, stopped before
 * it runs its first instruction (option "evaltime"); go lets it run. A
 * process that is grabbed runs on. A command whose start is interrupted by
 * usdt_consumer_interrupt gives 1: a message of kind note says so, and the
 * command has been ended.
 */
int usdt_consumer_command(struct usdt_consumer *c, const char *command);
int usdt_consumer_grab(struct usdt_consumer *c, pid_t pid);

/* ---- Compiling and listing ---------------------------------------------------- */

/* Checks all texts and finds their probes. Nothing runs yet. Once. */
int usdt_consumer_compile(struct usdt_consumer *c);

/* After compile, with option "verbose", to the output: how stable each text is, and what is known
 * of the probes of its descriptions, as dtrace -ev. */
int usdt_consumer_print_report(struct usdt_consumer *c);

/* Members are only ever added, at the end. */
struct usdt_listed {
	uint32_t id; /* this boot's, for probes of the kernel; else of this handle */
	const char *provider, *module, *function, *name;
	size_t nargs;		      /* of args[] */
	const char *const *arg_types; /* D types: "struct task_struct *" */
	const char *const *arg_names; /* ""; as far as their provider names them */
};
/* 0: go on; anything else ends the list, which is no error. */
typedef int usdt_listed_fn(void *arg, const struct usdt_listed *probe);
/*
 * The probes that the texts' descriptions match, once each; of all that there
 * are if there is no text. Instead of compile, once. types: find the
 * arguments too, which costs (nargs is 0 without).
 */
int usdt_consumer_list(struct usdt_consumer *c, bool types, usdt_listed_fn *fn, void *arg);
/* The same to the output, as dtrace -l (verbose: -lv) shows it. */
int usdt_consumer_print_list(struct usdt_consumer *c, bool verbose);

/* ---- Tracing ------------------------------------------------------------------ */

enum usdt_consumer_result {
	USDT_CONSUMER_OKAY,  /* go on */
	USDT_CONSUMER_DONE,  /* exit(), interrupted, no target or no reader left: stop */
	USDT_CONSUMER_ERROR, /* stop, too */
};

/* Loads, attaches, fires BEGIN, lets the commands run. After an error: stop or close. */
int usdt_consumer_go(struct usdt_consumer *c);
/*
 * Sleeps until there is something to do or ms have passed (-1: as long as it
 * takes; 0: does not sleep), then prints what was traced. Call it at least
 * once a second, or the time that usdt_consumer_timeout gives, for
 * the kernel's buffers are as large as their options say and no larger.
 */
enum usdt_consumer_result usdt_consumer_work(struct usdt_consumer *c, int ms);
/* For loops of one's own: a descriptor that is readable when work has something to do, and the
 * ms after which it has in any case. -1: not going. Both are the handle's. */
int usdt_consumer_fd(const struct usdt_consumer *c);
int usdt_consumer_timeout(const struct usdt_consumer *c);
/* work returns USDT_CONSUMER_DONE soon, now or if it is called later. Safe in signal handlers and
 * other threads, until close. */
void usdt_consumer_interrupt(struct usdt_consumer *c);
/* Detaches all, fires END, prints what is left, aggregations too, and says what was lost. 0 if it
 * was not going. */
int usdt_consumer_stop(struct usdt_consumer *c);
/* exit()'s, else 0; 1 after an error. */
int usdt_consumer_status(const struct usdt_consumer *c);

#ifdef __cplusplus
}
#endif

#endif
