/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/ebpf/made.h: the functions of made.c, for embed.py and for the test
 * that links them. Programs are of the type raw tracepoint; their result is
 * what the kernel's test run returns.
 */
#ifndef TESTS_EBPF_MADE_H
#define TESTS_EBPF_MADE_H

#ifdef __bpf__
struct made_args; /* the context: two numbers */

/* ctx->a + ctx->b + NUMBER(more), through a function that is verified by itself. */
int64_t rt_prog_context(struct made_args *ctx);
int64_t rt_add(struct made_args *ctx, uint64_t more);
/* Adds ctx->a to MAP(counts)[ctx->b] and to VALUE(cells)[ctx->b & 7]: the element's new value. */
int64_t rt_prog_maps(struct made_args *ctx);
/* The sum of ctx->a numbers by bpf_loop, and of the values of MAP(counts). */
int64_t rt_prog_loop(struct made_args *ctx);
int64_t rt_prog_each(struct made_args *ctx);
/* FIELD(task_struct.signal.count) */
int64_t rt_prog_field(struct made_args *ctx);
/* Calls a routine that takes a map: MAP(counts) is named by rt_counted, not here. */
int64_t rt_prog_by_routine(struct made_args *ctx);
int64_t rt_counted(uint64_t index);
/* The verifier refuses this one. */
int64_t rt_prog_refused(struct made_args *ctx);
#endif

#endif
