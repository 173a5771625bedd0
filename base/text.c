/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/text.c: texts with their line maps, patterns, and printable copies of
 * strings.
 * Owns: nothing; texts are in the caller's arena.
 */
#include "base/text.h"

#include "base/arena.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text *text_new(struct arena *a, const char *name, const char *bytes, size_t len)
{
	struct text *t = arena_new_of(a, struct text);
	char *copy = arena_alloc(a, len + 1);
	uint32_t *lines;
	size_t n = 1;

	if (!t || !copy)
		return NULL;
	if (len)
		memcpy(copy, bytes, len);
	for (size_t i = 0; i < len; i++)
		n += copy[i] == '\n';
	lines = arena_array(a, uint32_t, n);
	if (!lines)
		return NULL;
	n = 1;
	for (size_t i = 0; i < len; i++)
		if (copy[i] == '\n')
			lines[n++] = (uint32_t)i + 1;
	*t = (struct text){ .name = name ? arena_strdup(a, name) : NULL,
			    .bytes = copy,
			    .len = len,
			    .lines = lines,
			    .nlines = n };
	return name && !t->name ? NULL : t;
}

struct text *text_read(struct arena *a, const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	static const char bom[] = "\xef\xbb\xbf";
	size_t len = 0, cap = 1 << 16, mark;
	char *buf = malloc(cap);
	struct text *t = NULL;
	ssize_t n = 0;
	int err;

	if (fd < 0 || !buf)
		goto out;
	while ((n = read(fd, buf + len, cap - len)) > 0) {
		len += (size_t)n;
		if (len == cap) {
			char *more = realloc(buf, cap * 2);

			if (!more) {
				errno = ENOMEM;
				goto out;
			}
			buf = more;
			cap *= 2;
		}
	}
	if (n < 0)
		goto out;
	mark = len >= sizeof(bom) - 1 && !memcmp(buf, bom, sizeof(bom) - 1) ? sizeof(bom) - 1 : 0;
	t = text_new(a, is_stdin ? "<stdin>" : path, buf + mark, len - mark);
	if (!t)
		errno = ENOMEM;
out:
	err = errno;
	free(buf);
	if (fd >= 0 && !is_stdin)
		close(fd);
	errno = err;
	return t;
}

static size_t line_at(const struct text *t, uint32_t off)
{
	size_t lo = 0, hi = t->nlines;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->lines[mid] <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static size_t line_len(const struct text *t, size_t line)
{
	size_t end = line + 1 < t->nlines ? t->lines[line + 1] - 1 : t->len;

	return end - t->lines[line];
}

/* Reads `# 12 "file"` or `#line 12 "file"`. *number: the next line's; *name: stays without one. */
static bool line_marker(const char *s, size_t len, uint32_t *number, const char **name,
			size_t *name_len)
{
	const char *end = s + len, *quote;
	uint32_t n = 0;

	if (s == end || *s++ != '#')
		return false;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (end - s > 4 && !memcmp(s, "line", 4))
		s += 4;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (s == end || !isdigit((unsigned char)*s))
		return false;
	while (s < end && isdigit((unsigned char)*s))
		n = n * 10 + (uint32_t)(*s++ - '0');
	*number = n;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	if (s < end && *s == '"') {
		quote = memchr(s + 1, '"', (size_t)(end - s - 1));
		if (quote) {
			*name = s + 1;
			*name_len = (size_t)(quote - s - 1);
		}
	}
	return true;
}

struct place text_place(struct loc at)
{
	const struct text *t = at.text;
	const char *name = NULL;
	size_t line, name_len = 0;
	uint32_t number;
	bool numbered = false;
	struct place p = { 0 };

	if (!t)
		return p;
	line = line_at(t, at.off);
	p.column = at.off - t->lines[line] + 1;
	p.start = t->bytes + t->lines[line];
	p.len = line_len(t, line);
	p.line = (uint32_t)line + 1;
	/* The nearest marker numbers the line; the nearest marker with a name names the file. */
	for (size_t i = line; i-- > 0 && !name;)
		if (line_marker(t->bytes + t->lines[i], line_len(t, i), &number, &name,
				&name_len) &&
		    !numbered) {
			p.line = number + (uint32_t)(line - i - 1);
			numbered = true;
		}
	p.name = name ? name : t->name;
	p.name_len = name ? name_len : t->name ? strlen(t->name) : 0;
	return p;
}

bool text_u64(const char *s, uint64_t *value)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s) || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	*value = v;
	return true;
}

bool text_is_glob(const char *pattern)
{
	return !*pattern || strpbrk(pattern, "*?[\\");
}

/* The next character of a [...]; a backslash takes the next character literally. */
static char set_char(const char **s)
{
	*s += **s == '\\' && (*s)[1];
	return *(*s)++;
}

/* Matches one [...] against c; *p is past the '['. A set without ']' matches only '[' itself. */
static bool set_match(const char **p, char c)
{
	const char *s = *p;
	bool negated = *s == '!', hit = false;

	s += negated;
	for (bool first = true; *s && (first || *s != ']'); first = false) {
		char lo = set_char(&s), hi = lo;

		if (*s == '-' && s[1] && s[1] != ']') {
			s++;
			hi = set_char(&s);
		}
		hit |= lo <= c && c <= hi;
	}
	if (!*s)
		return c == '[';
	*p = s + 1;
	return hit != negated;
}

static bool glob(const char *p, const char *s)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		const char *next = p;
		bool hit;

		if (*p == '*') {
			star = ++p;
			retry = s;
			continue;
		}
		if (!*s && !*p)
			return true;
		if (*p == '\\' && p[1]) {
			hit = *s && p[1] == *s;
			next = p + 2;
		} else if (*p == '[' && *s) {
			next = p + 1;
			hit = set_match(&next, *s);
		} else {
			hit = *s && (*p == '?' || *p == *s);
			next = p + 1;
		}
		if (hit) {
			p = next;
			s++;
		} else if (star && *retry) {
			p = star;
			s = ++retry;
		} else {
			return false;
		}
	}
}

bool text_glob(const char *pattern, const char *s)
{
	return !*pattern || glob(pattern, s);
}

/* ---- Shown ----------------------------------------------------------------- */

/* Length of the UTF-8 character at s; 0: the bytes are no UTF-8. */
static size_t utf8_char(const char *s, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)*s;
	size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (first >= 0xf8 || !len || len > n)
		return 0;
	*code = len == 1 ? first : first & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)s[i] & 0x3f);
	}
	return *code < least[len] || *code > 0x10ffff || *code >> 11 == 0x1b ? 0 : len;
}

static bool is_shown(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0, 0x1f },	    /* C0: newline, escape … */
		{ 0x7f, 0x9f },	    /* DEL, C1 */
		{ 0x200e, 0x200f }, /* marks of direction */
		{ 0x2028, 0x202e }, /* line and paragraph separators, embeddings, overrides */
		{ 0x2066, 0x2069 }, /* isolates */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	return true;
}

/* The number of first bytes that are alike: all shown as they are, or (*shown false) all as '?'. */
static size_t span(const char *s, size_t n, bool *shown)
{
	size_t i = 0;
	uint32_t code = 0;

	while (i < n && s[i] >= ' ' && s[i] <= '~')
		i++;
	*shown = i > 0;
	if (i || !n)
		return i;
	i = utf8_char(s, n, &code);
	*shown = i && is_shown(code);
	return i ? i : 1;
}

bool text_is_printable(const char *s, size_t n)
{
	bool shown = true;

	for (size_t i = 0; shown && i < n;)
		i += span(s + i, n - i, &shown);
	return shown;
}

void text_make_printable(char *s, size_t n)
{
	bool shown;

	for (size_t i = 0, part; i < n; i += part) {
		part = span(s + i, n - i, &shown);
		if (!shown)
			memset(s + i, '?', part);
	}
}

const char *text_printable(struct arena *a, const char *s)
{
	size_t n = strlen(s);
	char *copy;

	if (text_is_printable(s, n))
		return s;
	copy = arena_strndup(a, s, n);
	if (copy)
		text_make_printable(copy, n);
	return copy;
}

const char *text_base(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *colon;

	if (strncmp(path, "/memfd:", 7))
		return base;
	colon = strrchr(base, ':');
	return colon ? colon + 1 : base;
}

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{ "ns", 1 },
	{ "nsec", 1 },
	{ "us", 1000 },
	{ "usec", 1000 },
	{ "ms", 1000000 },
	{ "msec", 1000000 },
	{ "s", 1000000000 },
	{ "sec", 1000000000 },
	{ "m", 60000000000 },
	{ "min", 60000000000 },
	{ "h", 3600000000000 },
	{ "hour", 3600000000000 },
	{ "d", 86400000000000 },
	{ "day", 86400000000000 },
};

bool text_time_unit(const char *s, uint64_t *ns)
{
	for (size_t i = 0; i < COUNT(time_units); i++) {
		if (strcasecmp(s, time_units[i].name))
			continue;
		*ns = time_units[i].ns;
		return true;
	}
	return false;
}

const char *text_time_unit_name(size_t i)
{
	return i < COUNT(time_units) ? time_units[i].name : NULL;
}
