/* SPDX-License-Identifier: MIT */
/* The file of a guest test, and the golden stream beside it. */
#include <errno.h>
#include <stdlib.h>

#include "harness_priv.h"

/* Take (path) as the golden, if it is there. */
static int read_golden(struct guest_spec *s, const char *path, struct err *err)
{
	unsigned line = 0;
	struct err why = {0};
	void *text;
	size_t len;
	int rc = file_read(path, GUEST_FILE_MAX, &text, &len, &why);

	if (rc == -ENOENT)
		return rc;
	if (rc)
		return err_set(err, -EINVAL, "%s", why.msg);
	for (const char *p = text, *end = p + len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
		const char *next = nl ? nl + 1 : end;

		line++;
		while (stop > p && strchr(" \t\r", stop[-1]))
			stop--;
		if (stop > p && *p != '#') {
			if (!guest_golden_line_ok(p, (size_t)(stop - p))) {
				rc = err_set(err, -EINVAL, "%s:%u: '%.*s': not a line of a stream",
					     path, line, (int)(stop - p > 40 ? 40 : stop - p), p);
				break;
			}
			buf_put(&s->exits, p, (size_t)(stop - p));
			buf_put(&s->exits, "\n", 1);
		}
		p = next;
	}
	free(text);
	if (!rc && !s->exits.p)
		buf_put(&s->exits, "", 0); /* there, and empty: no event is expected */
	if (!rc && s->exits.failed)
		rc = err_set(err, -ENOMEM, "%s: no memory", path);
	s->exits_beside = !rc;
	return rc;
}

static int golden_beside(struct guest_spec *s, struct err *err)
{
	size_t stem = strlen(s->path);
	struct buf path = {0};
	int rc = -ENOENT;

	if (stem > 4 && !strcmp(s->path + stem - 4, ".asm"))
		stem -= 4;
	/* The back end's own counts instead of the one for all. */
	for (unsigned own = s->cpu ? 1 : 0; rc == -ENOENT; own--) {
		buf_free(&path);
		buf_put(&path, s->path, stem);
		buf_printf(&path, "%s%s.exits", own ? "." : "", own ? guest_cpu_name(s->cpu) : "");
		if (path.failed) {
			rc = err_set(err, -ENOMEM, "%s: no memory", s->path);
			break;
		}
		if (s->exits.p) {
			/* Two goldens would contradict each other sooner or later. */
			struct err none;
			void *p;
			size_t len;

			if (!file_read(buf_str(&path), GUEST_FILE_MAX, &p, &len, &none)) {
				free(p);
				rc = err_set(
					err, -EINVAL,
					"%s: a stream in the header and %s beside it: keep one",
					s->path, buf_str(&path));
				break;
			}
		} else {
			rc = read_golden(s, buf_str(&path), err);
		}
		if (!own)
			break;
	}
	buf_free(&path);
	return rc == -ENOENT ? 0 : rc;
}

int guest_spec_read(struct guest_spec *s, const char *path, enum guest_cpu cpu, struct err *err)
{
	void *text;
	size_t len;
	int rc;

	*s = (struct guest_spec){0};
	rc = file_read(path, GUEST_FILE_MAX, &text, &len, err);
	if (rc)
		return rc;
	rc = guest_spec_parse(s, path, cpu, text, len, err);
	free(text);
	if (rc)
		return rc;
	rc = golden_beside(s, err);
	if (rc)
		guest_spec_free(s);
	return rc;
}
