/* SPDX-License-Identifier: MIT */
/* Writing goldens anew: where the old one was, or beside the test when it became too long. */
#include <errno.h>
#include <stdlib.h>

#include "harness_priv.h"

/* Is the line an `exits` line with a stream event, of this back end's suffix or of none? */
static bool is_golden(const char *p, size_t len, const char *suffix)
{
	const char *end = p + len;
	size_t n = strlen(suffix);

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (end - p < 2 || p[0] != ';' || p[1] != '@')
		return false;
	p += 2;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (end - p < 5 || memcmp(p, "exits", 5) != 0)
		return false;
	p += 5;
	if ((size_t)(end - p) < n || memcmp(p, suffix, n) != 0)
		return false;
	p += n;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p++ != ':')
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return end - p < 2 || memcmp(p, "<=", 2) != 0;
}

/* (text) with its golden lines replaced by (stream); false: it has none by that suffix. */
static bool rewrite(const char *text, size_t len, const char *suffix, const struct buf *stream,
		    bool keep, struct buf *out)
{
	const char *end = text + len;
	bool put = false;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *next = nl ? nl + 1 : end;

		if (!is_golden(p, (size_t)((nl ? nl : end) - p), suffix)) {
			buf_put(out, p, (size_t)(next - p));
		} else if (!put) {
			put = true;
			for (const char *e = buf_str(stream); keep && *e;) {
				size_t n = strcspn(e, "\n");

				buf_printf(out, ";@ exits%s: %.*s\n", suffix, (int)n, e);
				e += n + (e[n] == '\n');
			}
		}
		p = next;
	}
	return put;
}

static int write_beside(const struct guest_spec *s, const char *suffix, const struct buf *stream,
			struct err *err)
{
	size_t stem = strlen(s->path);
	struct buf path = {0};
	int rc;

	if (stem > 4 && !strcmp(s->path + stem - 4, ".asm"))
		stem -= 4;
	buf_put(&path, s->path, stem);
	buf_printf(&path, "%s.exits", suffix);
	rc = path.failed ? err_set(err, -ENOMEM, "no memory")
			 : file_write(buf_str(&path), buf_str(stream), stream->len, err);
	buf_free(&path);
	return rc;
}

/* The suffix that the golden beside the test goes by: its own if that file is there. */
static const char *beside_suffix(const struct guest_spec *s, const char *own)
{
	size_t stem = strlen(s->path);
	struct buf path = {0};
	void *p = NULL;
	size_t len;
	int rc;

	buf_put(&path, s->path, stem > 4 ? stem - 4 : stem);
	buf_printf(&path, "%s.exits", own);
	rc = file_read(buf_str(&path), GUEST_FILE_MAX, &p, &len, NULL);
	if (!rc)
		free(p);
	buf_free(&path);
	return rc ? "" : own;
}

int bless_golden(const struct guest_spec *s, const struct buf *stream, struct err *err)
{
	struct buf out = {0}, own = {0};
	const char *suffix = "";
	unsigned lines = 0;
	void *text;
	size_t len;
	int rc;

	if (stream->failed || stream->len > GUEST_FILE_MAX)
		return err_set(err, -EFBIG, "%s: the stream is too long for a golden", s->path);
	if (s->cpu != GUEST_ANY)
		buf_printf(&own, ".%s", guest_cpu_name(s->cpu));
	if (s->exits_beside) {
		rc = write_beside(s, beside_suffix(s, buf_str(&own)), stream, err);
		buf_free(&own);
		return rc;
	}
	for (size_t i = 0; i < stream->len; i++)
		lines += stream->p[i] == '\n';
	rc = file_read(s->path, GUEST_FILE_MAX, &text, &len, err);
	if (rc) {
		buf_free(&own);
		return rc;
	}
	if (own.len && rewrite(text, len, own.p, stream, lines <= GUEST_INLINE, &out)) {
		suffix = own.p;
	} else {
		buf_free(&out);
		rewrite(text, len, "", stream, lines <= GUEST_INLINE, &out);
	}
	rc = out.failed ? err_set(err, -ENOMEM, "no memory")
			: file_write(s->path, buf_str(&out), out.len, err);
	if (!rc && lines > GUEST_INLINE)
		rc = write_beside(s, suffix, stream, err);
	buf_free(&out);
	buf_free(&own);
	free(text);
	return rc;
}
