/* SPDX-License-Identifier: MIT */
/* vise triage: inputs through a target's replay program, and the shortest that still fails. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "triage.h"

#define LOG_ROOM ((uint64_t)64 << 20)
#define TOGETHER 32u /* inputs of one run: it goes on behind those that are good */

int triage_replay(struct triage *t, const char *const *files, unsigned n, bool trace, unsigned *bad,
		  struct triage_verdict *v, char **log, struct err *err)
{
	char path[PATH_MAX], limit[24], options[160];
	const char *argv[TOGETHER + 8], *env[2] = {options, NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .env = env, .log = path};
	unsigned nr = 0, ok = 0;
	void *text;
	size_t len;
	int status;

	cli_path(path, "%s/log", t->dir);
	(void)snprintf(limit, sizeof(limit), "%" PRIu64, t->timeout);
	(void)snprintf(options, sizeof(options),
		       "ASAN_OPTIONS=hard_rss_limit_mb=%" PRIu64 ":allocator_may_return_null=0",
		       t->memory_mb);
	argv[nr++] = t->prog;
	argv[nr++] = "--timeout";
	argv[nr++] = limit;
	if (trace)
		argv[nr++] = "--trace";
	for (unsigned i = 0; i < n && i < TOGETHER; i++)
		argv[nr++] = files[i];
	argv[nr] = NULL;
	unlink(path);
	t->runs++;
	status = cli_spawn_wait(&s, err);
	if (status < 0)
		return status;
	if (cli_stop)
		return err_set(err, -EINTR, "interrupted");
	if (file_read(path, LOG_ROOM, &text, &len, err))
		return err->code ? err->code : -EIO;
	triage_parse(text, status, v);
	/* Each good one has its line before the bad one's. */
	for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		ok += !strncmp(p, "ok ", 3);
	*bad = v->kind == TRIAGE_CLEAN ? n : ok < n ? ok : n - 1;
	if (log)
		*log = text;
	else
		free(text);
	return 0;
}

/* ---- minimising ------------------------------------------------------------------------------------- */

struct candidates {
	char path[TOGETHER][PATH_MAX];
	const char *file[TOGETHER];
	size_t at[TOGETHER], size[TOGETHER]; /* what each leaves out, or sets to zero */
	unsigned n;
};

static int write_candidate(const struct triage *t, struct candidates *c, const uint8_t *p,
			   size_t len, size_t at, size_t cut, bool zero, struct err *err)
{
	uint8_t *copy = malloc(len);
	size_t n = zero ? len : len - cut;
	int rc;

	if (!copy)
		return err_set(err, -ENOMEM, "no memory");
	memcpy(copy, p, len);
	if (zero)
		memset(copy + at, 0, cut);
	else
		memmove(copy + at, p + at + cut, len - at - cut);
	cli_path(c->path[c->n], "%s/try%u", t->dir, c->n);
	c->file[c->n] = c->path[c->n];
	c->at[c->n] = at;
	c->size[c->n] = cut;
	rc = file_write(c->path[c->n], copy, n, err);
	free(copy);
	c->n += !rc;
	return rc;
}

/* The first of them that fails in the same way; c->n if none does. */
static int first_same(struct triage *t, const struct candidates *c,
		      const struct triage_verdict *want, unsigned *found, struct err *err)
{
	struct triage_verdict v;
	unsigned bad;
	int rc;

	for (unsigned from = 0; from < c->n; from += bad + 1) {
		rc = triage_replay(t, c->file + from, c->n - from, false, &bad, &v, NULL, err);
		if (rc)
			return rc;
		if (from + bad < c->n && v.kind == want->kind && !strcmp(v.cause, want->cause)) {
			*found = from + bad;
			return 0;
		}
	}
	*found = c->n;
	return 0;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return !n;
}

/* Pieces of (cut) bytes, from the end: left out, or made zero, where the cause stays. */
static int pass(struct triage *t, uint8_t *p, size_t *len, size_t cut, bool zero,
		const struct triage_verdict *v, unsigned budget, struct err *err)
{
	struct candidates *c = calloc(1, sizeof(*c));
	size_t end = *len;
	int rc = c ? 0 : err_set(err, -ENOMEM, "no memory");

	while (!rc && end && t->runs < budget) {
		unsigned found;
		size_t low = end;

		c->n = 0;
		for (unsigned i = 0; i < TOGETHER && low && !rc; i++) {
			size_t size = low < cut ? low : cut;

			low -= size;
			if (!zero || !all_zero(p + low, size))
				rc = write_candidate(t, c, p, *len, low, size, zero, err);
		}
		found = c->n;
		if (!rc && c->n)
			rc = first_same(t, c, v, &found, err);
		if (rc || found == c->n) {
			end = low;
			continue;
		}
		/* Taken; what lies before it is tried next. */
		low = c->at[found];
		if (zero) {
			memset(p + low, 0, c->size[found]);
		} else {
			*len -= c->size[found];
			memmove(p + low, p + low + c->size[found], *len - low);
		}
		end = low;
	}
	free(c);
	return rc;
}

int triage_minimise(struct triage *t, uint8_t *p, size_t *len, const struct triage_verdict *v,
		    unsigned budget, struct err *err)
{
	size_t cut = 1, before;
	int rc = 0;

	budget += t->runs;
	while (cut < *len / 2)
		cut *= 2;
	do {
		before = *len;
		for (size_t c = cut; c && !rc && t->runs < budget; c /= 2)
			rc = pass(t, p, len, c, false, v, budget, err);
	} while (!rc && *len < before && t->runs < budget);
	for (size_t c = 8; c && !rc && t->runs < budget; c /= 8)
		rc = pass(t, p, len, c, true, v, budget, err);
	return rc;
}
