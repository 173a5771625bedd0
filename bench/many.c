/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/many.c: one probe at SITES sites. Each site has its own constant as the argument; -DSAME:
 * all sites have the same constant.
 *
 *	many PASSES
 *
 * Prints "ns-a-hit N N", from the pass over all sites that other work disturbed least.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TEXT(x) TEXT_OF(x)
#define TEXT_OF(x) #x
#ifdef SAME
#define CONSTANT "1"
#else
#define CONSTANT "\\nr"
#endif

/* \@ counts the uses of macros: it makes the sites' constants. */
__asm__(".altmacro\n"
	".macro NOTE nr\n"
	"	.pushsection .note.stapsdt,\"\",\"note\"\n"
	"	.balign 4\n"
	"	.4byte 992f-991f,994f-993f,3\n"
	"991:	.asciz \"stapsdt\"\n"
	"992:	.balign 4\n"
	"993:	.8byte 990b,0,0\n"
	"	.asciz \"bench\"\n"
	"	.asciz \"many\"\n"
	"	.ascii \"8@$\"\n"
	"	.ascii \"" CONSTANT "\"\n"
	"	.byte 0\n"
	"994:	.balign 4\n"
	"	.popsection\n"
	".endm\n"
	".macro SITE\n"
	"990:	nop\n"
	"	NOTE \\@\n"
	".endm\n"
	"	.text\n"
	"	.type fire,@function\n"
	"fire:\n"
	"	.rept " TEXT(SITES) "\n"
				    "	SITE\n"
				    "	.endr\n"
				    "	ret\n"
				    "	.size fire,.-fire\n");
void fire(void) __asm__("fire");

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	long passes = argc > 1 ? atol(argv[1]) : 1;
	double least = 1e18;

	for (long i = 0; i < passes; i++) {
		double from = now(), took;

		fire();
		took = now() - from;
		least = took < least ? took : least;
	}
	fprintf(stderr, "ns-a-hit %.1f %.1f\n", least / SITES, least / SITES);
	return 0;
}
