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
 * one was. Whatever happens, run_close leaves no program, map, link or
 * stopped child behind. One thread.
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
void run_output(struct run *r, FILE *out);	    /* another than run_open's; before compile */

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
/* The probes that the texts' descriptions match, once each (all if there are none). */
struct prov_probe;
bool run_probes(struct run *r, bool (*found)(void *arg, struct prov_probe *p), void *arg);
/* -l: the same, printed; verbose: -v. */
bool run_list(struct run *r, bool verbose);

/* After run_compile, with option verbose (-v): how stable each text's program is; `probes`: and what
 * is known of the probes of each description, as -e asks. run_go does it without. */
void run_report(struct run *r, bool probes);

enum run_result { RUN_OKAY, RUN_DONE, RUN_ERROR };
/* A descriptor that becomes readable when tracing shall end (a signal's pipe); -1: none. */
void run_stop_on(struct run *r, int fd);
bool run_go(struct run *r); /* loads, attaches, fires BEGIN, lets targets run */
/* Sleeps for, then handles, what comes next; sleeps no longer than ms, if that is not negative. */
enum run_result run_work(struct run *r, int ms);
int run_timeout(const struct run *r); /* ms until there is something to do in any case */
bool run_stop(struct run *r);	      /* fires END, prints what is left */
int run_status(const struct run *r);  /* exit()'s, else 0; 1 after an error */

#endif
