/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output/file.c: freopen, ftruncate and system (guide: chp-actsub, chp-fmt).
 * In:   formatted text. Out: another file to print to, an emptied file, or a
 *       command that has run.
 * Owns: a duplicate of the first file's descriptor, after the first freopen.
 */
#include "consumer/output/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Formats the action's text into o->capture. */
static int captured(struct out *o, const struct rec_action *act, const struct rt_rec *rec)
{
	int err;

	o->capture_len = 0;
	o->capturing = true;
	out_put(o, "", 0); /* allocates the capture even if the text is empty */
	err = out_act_format(o, act, rec);
	o->capturing = false;
	return err;
}

/* Flushes earlier output first, so that the command's output comes after it. */
int out_act_system(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		   struct aggs *aggs)
{
	int err = captured(o, act, rec);

	(void)aggs;
	if (!err)
		err = out_flush(o);
	if (!err && system(o->capture) == -1)
		err = -errno;
	return err;
}

/* dup2 replaces the descriptor of the FILE: all who hold the FILE write to the new file. */
int out_act_freopen(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		    struct aggs *aggs)
{
	int err = captured(o, act, rec), fd, to;

	(void)aggs;
	if (!err)
		err = out_flush(o);
	if (err)
		return err;
	to = fileno(o->file);
	if (!o->capture[0]) { /* "" goes back to the first file */
		if (o->saved_fd >= 0 && dup2(o->saved_fd, to) < 0)
			return -errno;
		return 0;
	}
	fd = open(o->capture, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	if (o->saved_fd < 0)
		o->saved_fd = fcntl(to, F_DUPFD_CLOEXEC, 3);
	if (o->saved_fd < 0 || dup2(fd, to) < 0)
		err = -errno;
	close(fd);
	return err;
}

int out_act_ftruncate(struct out *o, const struct rec_action *act, const struct rt_rec *rec,
		      struct aggs *aggs)
{
	int err = out_flush(o);

	(void)act;
	(void)rec;
	(void)aggs;
	if (!err && ftruncate(fileno(o->file), 0) == 0) /* a terminal fails: no error */
		fseeko(o->file, 0, SEEK_SET);
	return err;
}

void out_free(struct out *o)
{
	if (!o)
		return;
	out_flush(o);
	if (o->saved_fd >= 0)
		close(o->saved_fd);
	free(o->buf);
	free(o->flow);
	free(o->values);
	free(o->printed);
	free(o->capture);
	free(o);
}
