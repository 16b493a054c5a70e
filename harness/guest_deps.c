/* SPDX-License-Identifier: MIT */
/*
 * What a guest's source includes, found by reading it: `%include "x"` and `incbin "x"`, files
 * within files. nasm's own lists do not serve: -MD leaves includes out (2.16), and -M stops at
 * a `%if` over a symbol. Includes in a branch that is not assembled count too, which does no harm.
 * An include whose name is no string cannot be followed: such a guest is not cached.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "harness_priv.h"

#define DEPS_MAX 256		      /* files that one guest includes */
#define DEP_MAX	 ((uint64_t)64 << 20) /* bytes of one of them: incbin takes large ones */

struct deps {
	const char *beside, *lib;
	uint64_t hash;
	uint64_t seen[DEPS_MAX]; /* hashes of paths */
	unsigned n;
	struct err *err;
};

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static bool is_word(const char *p, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - p) > n && !strncasecmp(p, word, n) &&
	       (p[n] == ' ' || p[n] == '\t' || p[n] == '"' || p[n] == '\'' || p[n] == '`');
}

/* The operand of `%include` or `incbin` in a line, or NULL. */
static const char *operand(const char *p, const char *end, bool *source)
{
	p = skip_blank(p, end);
	*source = p < end && *p == '%';
	if (*source) {
		p = skip_blank(p + 1, end);
		return is_word(p, end, "include") ? skip_blank(p + 7, end) : NULL;
	}
	/* incbin may stand behind a label. */
	for (; p < end && *p != ';'; p++)
		if (is_word(p, end, "incbin"))
			return skip_blank(p + 6, end);
	return NULL;
}

static int add_file(struct deps *d, const char *path, bool source);

/* The file by (name) as nasm looks for it: the current folder, then the include folders. */
static int add_name(struct deps *d, const char *name, int len, bool source)
{
	const char *const dirs[] = {"", d->beside, d->lib};
	char path[PATH_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(dirs); i++) {
		const char *sep = *dirs[i] && dirs[i][strlen(dirs[i]) - 1] != '/' ? "/" : "";
		int n = snprintf(path, sizeof(path), "%s%s%.*s", dirs[i], sep, len, name);

		if (n > 0 && (size_t)n < sizeof(path) && !access(path, R_OK))
			return add_file(d, path, source);
	}
	return 0; /* nasm will say so */
}

static int scan(struct deps *d, const char *p, size_t len)
{
	const char *end = p + len;
	int rc = 0;

	while (p < end && !rc) {
		const char *eol = memchr(p, '\n', (size_t)(end - p)), *name, *stop;
		bool source;

		eol = eol ? eol : end;
		name = operand(p, eol, &source);
		p = eol + 1;
		if (!name)
			continue;
		stop = name < eol ? memchr(name + 1, *name, (size_t)(eol - name - 1)) : NULL;
		if (name == eol || !strchr("\"'`", *name) || !stop)
			return 1;
		rc = add_name(d, name + 1, (int)(stop - name - 1), source);
	}
	return rc;
}

static int add_file(struct deps *d, const char *path, bool source)
{
	uint64_t id = hash64(0, path, strlen(path));
	void *text;
	size_t len;
	int rc;

	for (unsigned i = 0; i < d->n; i++)
		if (d->seen[i] == id)
			return 0;
	if (d->n == DEPS_MAX)
		return err_set(d->err, -E2BIG, "%s: more than %d files are included", path,
			       DEPS_MAX);
	d->seen[d->n++] = id;
	rc = file_read(path, DEP_MAX, &text, &len, d->err);
	if (rc)
		return rc;
	d->hash = hash64(hash64(d->hash, path, strlen(path) + 1), text, len);
	rc = source ? scan(d, text, len) : 0;
	free(text);
	return rc;
}

int guest_deps_hash(uint64_t *hash, const char *path, const char *lib, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct deps *d = calloc(1, sizeof(*d));
	char *beside = slash ? strndup(path, (size_t)(slash + 1 - path)) : strdup("");
	int rc = -ENOMEM;

	if (d && beside) {
		d->beside = beside;
		d->lib = lib;
		d->hash = *hash;
		d->err = err;
		rc = add_file(d, path, true);
		*hash = d->hash;
	} else {
		err_set(err, rc, "no memory");
	}
	free(beside);
	free(d);
	return rc;
}
