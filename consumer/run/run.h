/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * consumer/run/run.h: an enabling's life. Programs that trace use its public
 * face, usdt/consumer.h (client.c).
 *
 *	struct run *r = run_open(&diag, stdout);
 *	run_option(r, "bufsize", "1m", NOWHERE);
 *	run_text(r, text, 0);           // once a -s or -n
 *	if (run_compile(r) && run_go(r))
 *		while (run_work(r, -1) == RUN_OKAY)
 *			;
 *	run_stop(r);
 *	status = run_status(r);
 *	run_close(r);
 *
 * Errors are reported through the diag; a false result means that at least
 * one error was reported. Whatever happens, run_close leaves no program, map,
 * link or stopped child behind. Only one thread may use a run.
 */
#ifndef CONSUMER_RUN_H
#define CONSUMER_RUN_H

#include "base/diag.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct run;

const char *run_language(void); /* the version of D: "1.13" */

struct run *run_open(struct diag *diag, FILE *out); /* NULL: no memory */
void run_close(struct run *r);			    /* NULL is accepted */
struct arena *run_arena(struct run *r);		    /* for texts: lives as long as r */
void run_output(struct run *r, FILE *out);	    /* replaces run_open's; before compile */

/* An option by its name (consumer/options.def); value NULL or "": as without "=value". */
bool run_option(struct run *r, const char *name, const char *value, struct loc at);
/* STR options: whether they are set. false: no such option. */
bool run_option_get(const struct run *r, const char *name, int64_t *value);

/* Targets: the first is $target. */
bool run_command(struct run *r, const char *command); /* -c */
bool run_grab(struct run *r, pid_t pid);	      /* -p */

/* Macro arguments $0, $1 …: argv[0] is the script's name. Borrowed. */
void run_args(struct run *r, int argc, const char *const *argv);

/* Adds a D text; spec 0, or 'P' 'm' 'f' 'n' 'i' for those options' texts. */
bool run_text(struct run *r, const struct text *text, char spec);

bool run_compile(struct run *r); /* checks all texts and matches their descriptions */
/* Each probe that the texts' descriptions match, once; without texts, all probes. */
struct prov_probe;
bool run_probes(struct run *r, bool (*found)(void *arg, struct prov_probe *p), void *arg);
/* -l: prints those probes; verbose: -v. */
bool run_list(struct run *r, bool verbose);

/* After run_compile, with option verbose (-v): prints how stable each text's program is; `probes`:
 * prints the probes of each description too, as for -e. run_go prints the former alone. */
void run_report(struct run *r, bool probes);

enum run_result { RUN_OKAY, RUN_DONE, RUN_ERROR };
/* A descriptor that becomes readable when tracing must end (a signal's pipe); -1: no descriptor. */
void run_stop_on(struct run *r, int fd);
bool run_go(struct run *r); /* loads, attaches, fires BEGIN, lets targets run */
/* Waits for the next event, no longer than ms if ms is not negative; then handles what is due. */
enum run_result run_work(struct run *r, int ms);
int run_timeout(const struct run *r); /* ms until work is due without an event */
bool run_stop(struct run *r);	      /* fires END, prints all that remains */
int run_status(const struct run *r);  /* of exit(), else 0; 1 after an error */

#endif
