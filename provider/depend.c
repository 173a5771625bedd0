/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/depend.c: writes the files that an output depends on as a rule for
 * make (-MD).
 * In:   the text that was compiled: under -C, cpp's line markers name every
 *       included file.
 * Out:  `app.h: app.d inc.h`, in the order in which cpp met them.
 * Owns: nothing.
 */
#include "provider/inner.h"

#include "base/arena.h"
#include "base/hash.h"

#include <ctype.h>
#include <string.h>

/* Writes a name with make's escapes. */
static void name(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '#')
			fputc('\\', out);
		else if (*s == '$')
			fputc('$', out);
		fputc(*s, out);
	}
}

/* The file name in `# 12 "file" …` at s; NULL: no marker, or a marker of no file (<built-in>). */
static char *marker(struct arena *a, const char *s)
{
	const char *end;
	char *file, *to;

	if (*s++ != '#' || *s++ != ' ' || !isdigit((unsigned char)*s))
		return NULL;
	while (isdigit((unsigned char)*s))
		s++;
	if (*s++ != ' ' || *s++ != '"' || *s == '<')
		return NULL;
	for (end = s; *end && *end != '"' && *end != '\n'; end++)
		end += *end == '\\' && end[1] && end[1] != '\n';
	file = to = *end == '"' && end != s ? arena_strndup(a, s, (size_t)(end - s)) : NULL;
	for (const char *from = file; from && *from; from++) {
		from += *from == '\\' && from[1];
		*to++ = *from;
	}
	if (file)
		*to = '\0';
	return file && file[strlen(file) - 1] != '/' ? file : NULL; /* cpp's folder */
}

static bool add(struct hash *files, const char *file)
{
	static char there;

	return !file || !hash_set_str(files, file, &there);
}

bool gen_depend(struct arena *a, const struct gen_job *job, struct text *const *texts,
		const char *target, FILE *out)
{
	const struct gen_depend *opt = &job->depend;
	struct hash *files = hash_new();
	const void *key;
	bool ok = files;
	size_t at = 0, len, nscripts;

	for (size_t i = 0; ok && i < job->nscripts; i++)
		ok = !strcmp(job->scripts[i], "-") || add(files, job->scripts[i]);
	nscripts = ok ? hash_count(files) : 0;
	for (size_t k = 0; ok && k < job->nscripts; k++)
		for (size_t i = 0; ok && i < texts[k]->nlines; i++)
			ok = add(files, marker(a, texts[k]->bytes + texts[k]->lines[i]));
	if (ok) {
		name(out, opt->target ? opt->target : target);
		fputc(':', out);
	}
	while (ok && hash_next(files, &at, &key, &len, NULL)) {
		fputs(" ", out);
		name(out, arena_strndup(a, key, len));
	}
	fputs("\n", out);
	/* Only included files get an empty rule, so that make does not fail if one vanishes. The
	 * scripts come first in the table. */
	for (at = 0; ok && opt->phony && hash_next(files, &at, &key, &len, NULL);)
		if (nscripts) {
			nscripts--;
		} else {
			name(out, arena_strndup(a, key, len));
			fputs(":\n", out);
		}
	hash_free(files, NULL);
	return ok && !arena_failed(a);
}
