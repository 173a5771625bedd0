/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/ebpf/made.h: the functions of made.c, for embed.py and for the test
 * that links them. Programs are of the type raw tracepoint; the kernel's test
 * run returns their result.
 */
#ifndef TESTS_EBPF_MADE_H
#define TESTS_EBPF_MADE_H

#ifdef __bpf__
struct made_args; /* the context: two numbers */

/* ctx->a + ctx->b + NUMBER(more), by a function that the verifier checks by itself. */
int64_t rt_prog_context(struct made_args *ctx);
int64_t rt_add(struct made_args *ctx, uint64_t more);
/* Adds ctx->a to MAP(counts)[ctx->b] and VALUE(cells)[ctx->b & 7]; the new value of the element. */
int64_t rt_prog_maps(struct made_args *ctx);
/* The sum of ctx->a numbers by bpf_loop, and of the values of MAP(counts). */
int64_t rt_prog_loop(struct made_args *ctx);
int64_t rt_prog_each(struct made_args *ctx);
/* FIELD(task_struct.signal.count) */
int64_t rt_prog_field(struct made_args *ctx);
/* Calls rt_counted, which names MAP(counts). */
int64_t rt_prog_by_routine(struct made_args *ctx);
int64_t rt_counted(uint64_t index);
/* The verifier refuses this program. */
int64_t rt_prog_refused(struct made_args *ctx);
#endif

#endif
