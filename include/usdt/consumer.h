/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/consumer.h: libusdt-consumer runs D programs. The command dtrace is a
 * client of this header alone.
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
 * work, again and again; stop; close. A call out of this order is an error and
 * changes nothing. Set an option before the call that it applies to: the
 * options of commands before usdt_consumer_command.
 *
 * Ownership: a handle is yours until usdt_consumer_close. The library copies
 * the strings that you pass. A callback's arguments are borrowed until it
 * returns. A FILE stays yours and must outlive the handle.
 *
 * Errors: functions that return int give 0, or -1 after at least one message of
 * kind USDT_MESSAGE_ERROR. The library writes nothing to stdout or stderr but
 * the program's own output, which goes where usdt_consumer_output says.
 *
 * The process: it needs the rights to trace (root, or CAP_BPF, CAP_PERFMON and
 * the capabilities that reading other processes takes). While a handle is open
 * the soft limit of descriptors is the hard one. The library handles SIGCHLD
 * while there are commands and calls a handler that was there before as well.
 * Whatever happens, close leaves no probe, program, map, descriptor or stopped
 * child behind.
 *
 * Threads: only the thread that opened a handle uses it, except for
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

struct usdt_consumer; /* one enabling: a program, its targets, its output */

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
	const char *file;      /* the text's or an included file's name; NULL: no place */
	unsigned line, column; /* from 1, the column in bytes; 0: no place */
};
typedef void usdt_message_fn(void *arg, const struct usdt_message *message);

/* ---- Opening ---------------------------------------------------------------- */

/*
 * who: begins the text of messages that have no place ("dtrace: …"); NULL:
 * nothing does. fn: called for each message, during calls of this handle only;
 * NULL: messages are dropped. After ten errors of one compile, fn is called for
 * no further ones. Returns NULL with errno set: no memory or no descriptor.
 */
struct usdt_consumer *usdt_consumer_open(const char *who, usdt_message_fn *fn, void *arg);
const char *usdt_consumer_language(void); /* the version of D: "1.13" */
/* Frees the handle. A trace that was not stopped ends without END. NULL is accepted. */
void usdt_consumer_close(struct usdt_consumer *c);

/*
 * The program's output goes to file, or line by line to fn; to stdout if you
 * call neither function. line: len bytes, a NUL behind them, no newline. A last
 * line without newline comes at stop. fn returns 0; any other value ends
 * tracing, as a pipe does whose reader is gone. The D actions freopen and
 * ftruncate need a file. Call either function before compile.
 */
int usdt_consumer_output(struct usdt_consumer *c, FILE *file);
typedef int usdt_line_fn(void *arg, const char *line, size_t len);
int usdt_consumer_output_lines(struct usdt_consumer *c, usdt_line_fn *fn, void *arg);

/*
 * name: an option of dtrace -x ("bufsize", "quiet"). value: the text behind its
 * `=`; NULL: the option without a value.
 */
int usdt_consumer_set_option(struct usdt_consumer *c, const char *name, const char *value);
/* *value: bytes, nanoseconds or a count; of a flag 0 or 1; of a string option, whether it is set.
 * Returns -1, without a message, if there is no such option. */
int usdt_consumer_get_option(const struct usdt_consumer *c, const char *name, int64_t *value);

/* ---- The program ------------------------------------------------------------ */

/*
 * $0, $1 … (and $$0, $$1 …) of all texts: argc strings; argv[0] is the
 * program's name. Call it before compile; the last call counts.
 */
int usdt_consumer_args(struct usdt_consumer *c, int argc, const char *const *argv);
/*
 * Adds a text to the program, behind the texts added before. spec: 0 for a
 * whole D text, or 'P', 'm', 'f', 'n' or 'i' for the argument of dtrace's
 * option of that letter. name: the text's name in messages; NULL: "-n" and so
 * on.
 */
int usdt_consumer_add_text(struct usdt_consumer *c, char spec, const char *name, const char *text);
/* Adds a file, "-" for standard input. The preprocessor reads it first if option "cpp" is set. */
int usdt_consumer_add_file(struct usdt_consumer *c, const char *path);
/* An argument for the preprocessor of the files that follow: "-DDEBUG", "-Iinclude". */
int usdt_consumer_cpp_arg(struct usdt_consumer *c, const char *arg);

/* ---- Targets ---------------------------------------------------------------- */

/*
 * Processes that the program is about; the first is $target. Tracing ends when
 * all of them have ended. A command is split at blanks (quotes are honoured).
 * Its process is started and stopped before its first instruction (or where
 * option "evaltime" says); usdt_consumer_go lets it run. A grabbed process
 * keeps running. usdt_consumer_command returns 1 if usdt_consumer_interrupt
 * came while the command was being started: a message of kind note says so, and
 * the command has been ended.
 */
int usdt_consumer_command(struct usdt_consumer *c, const char *command);
int usdt_consumer_grab(struct usdt_consumer *c, pid_t pid);

/* ---- Compiling and listing ---------------------------------------------------- */

/* Checks all texts and finds their probes. Nothing runs yet. Call it once. */
int usdt_consumer_compile(struct usdt_consumer *c);

/* Prints to the output, as dtrace -ev does, the stability of each text and the details of the
 * probes that its descriptions match. Call it after compile, with option "verbose" set. */
int usdt_consumer_print_report(struct usdt_consumer *c);

/* Members are only ever added, at the end. */
struct usdt_listed {
	uint32_t id; /* a kernel probe's is valid for this boot, others for this handle */
	const char *provider, *module, *function, *name;
	size_t nargs;		      /* of args[] */
	const char *const *arg_types; /* D types: "struct task_struct *" */
	const char *const *arg_names; /* "": the provider does not name it */
};
/* Returns 0 to go on; any other value ends the list, which is no error. */
typedef int usdt_listed_fn(void *arg, const struct usdt_listed *probe);
/*
 * Calls fn once for each probe that the texts' descriptions match, or for every
 * probe if there is no text. Call it instead of compile, once. types: also find
 * the arguments, which takes time (without it nargs is 0).
 */
int usdt_consumer_list(struct usdt_consumer *c, bool types, usdt_listed_fn *fn, void *arg);
/* Prints the same list to the output, as dtrace -l (verbose: -lv) does. */
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
 * Sleeps until there is work or ms milliseconds have passed (-1: no limit; 0:
 * does not sleep), then prints the data that the probes recorded. Call it at
 * least once a second, or as often as usdt_consumer_timeout says: the kernel's
 * buffers hold no more than their options allow.
 */
enum usdt_consumer_result usdt_consumer_work(struct usdt_consumer *c, int ms);
/* For your own event loop: a descriptor that is readable when usdt_consumer_work has work, and the
 * milliseconds after which it has work in any case. Both give -1 before go. The descriptor stays
 * the handle's. */
int usdt_consumer_fd(const struct usdt_consumer *c);
int usdt_consumer_timeout(const struct usdt_consumer *c);
/* Makes usdt_consumer_work return USDT_CONSUMER_DONE soon, in the call under way or the next one.
 * Safe in signal handlers and other threads, until close. */
void usdt_consumer_interrupt(struct usdt_consumer *c);
/* Detaches all probes, fires END, prints the records and aggregations that are left and reports
 * drops. Returns 0 if the trace was not going. */
int usdt_consumer_stop(struct usdt_consumer *c);
/* The exit status: exit()'s argument, else 0; 1 after an error. */
int usdt_consumer_status(const struct usdt_consumer *c);

#ifdef __cplusplus
}
#endif

#endif
