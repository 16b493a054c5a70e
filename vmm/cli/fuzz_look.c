/* SPDX-License-Identifier: MIT */
/*
 * vise fuzz: what a run has come to, besides its counts: findings by cause, how much of the interface was
 * touched, how stable the target is.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "triage.h"

#define SAMPLE	    256u /* inputs whose replay is compared with itself */
#define SAMPLE_S    60u
#define INPUT_MAX   ((uint64_t)1 << 20)
#define CONTROL_MAX ((uint64_t)256 << 20)
#define EVER_MAX    ((uint64_t)64 << 10)

/* ---- findings by cause --------------------------------------------------------------------------- */

/* Engines have words of their own for what a replay program says in its. */
static bool engine_verdict(const char *log, struct triage_verdict *v)
{
	bool timeout = strstr(log, "ERROR: libFuzzer: timeout") != NULL;

	if (!timeout && !strstr(log, "ERROR: libFuzzer: out-of-memory"))
		return false;
	*v = (struct triage_verdict){.kind = timeout ? TRIAGE_TIMEOUT : TRIAGE_MEMORY};
	(void)snprintf(v->cause, sizeof(v->cause), "%s", timeout ? "timeout" : "memory limit");
	return true;
}

void fuzz_bucket(struct fuzz_stats *s, const char *log, int status)
{
	struct triage_verdict v;
	unsigned i = 0;

	if (!engine_verdict(log, &v))
		triage_parse(log, status, &v);
	if (v.kind == TRIAGE_CLEAN)
		return;
	while (i < s->nr_buckets && strcmp(s->bucket[i].cause, v.cause) != 0)
		i++;
	if (i == FUZZ_BUCKETS) {
		s->unsorted++;
		return;
	}
	if (i == s->nr_buckets) {
		s->nr_buckets++;
		s->bucket[i].findings = 0;
		(void)snprintf(s->bucket[i].cause, sizeof(s->bucket[i].cause), "%s", v.cause);
	}
	s->bucket[i].findings++;
}

/* ---- the interface --------------------------------------------------------------------------------- */

uint64_t fuzz_interface(const char *path)
{
	uint64_t n = 0;
	uint8_t *p;
	size_t len;

	if (file_read(path, EVER_MAX, (void **)&p, &len, NULL))
		return 0;
	for (size_t i = 0; i < len; i++)
		n += p[i] != 0;
	free(p);
	return n;
}

/* ---- stability ------------------------------------------------------------------------------------- */

/*
 * libFuzzer's -merge=1 writes a control file: how many files, how many of them need no run, their names
 * in the order in which they run, and for each "FT I F...", the features that no run before it had. Each
 * input is in there twice, as NAME-0 and NAME-1, in one process: the second run of a stable one has none.
 * The very first run is not judged: it is the one in which everything is set up.
 */
int fuzz_stability_parse(const char *control, unsigned *same, unsigned *all)
{
	struct seen {
		const char *name;
		size_t len;
		bool ran, fresh;
	} * seen;
	unsigned long n, index;
	const char *p = control;
	char *end;

	*same = *all = 0;
	n = strtoul(p, &end, 10);
	if (!n || n > 2ul * SAMPLE || *end != '\n')
		return -EINVAL;
	seen = calloc(n, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	p = strchr(end + 1, '\n');
	for (unsigned i = 0; p && i < n; i++) {
		seen[i].name = ++p;
		seen[i].len = strcspn(p, "\n");
		p = strchr(p, '\n');
	}
	for (; p && *p; p = strchr(p, '\n')) {
		if (strncmp(++p, "FT ", 3) != 0)
			continue;
		index = strtoul(p + 3, &end, 10);
		if (index >= n)
			continue;
		seen[index].ran = true;
		seen[index].fresh = *end == ' ' && end[1] >= '0' && end[1] <= '9';
	}
	for (unsigned i = 1; i < n; i++) {
		for (unsigned j = i + 1; j < n; j++) {
			if (!seen[i].ran || !seen[j].ran || seen[i].len != seen[j].len ||
			    !seen[i].len ||
			    strncmp(seen[i].name, seen[j].name, seen[i].len - 1) != 0)
				continue;
			++*all;
			*same += !seen[j].fresh;
		}
	}
	free(seen);
	return *all ? 0 : -ENODATA;
}

static int input(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

bool fuzz_any_input(const char *dir)
{
	struct dirent *e;
	bool any = false;
	DIR *d = opendir(dir);

	while (d && !any && (e = readdir(d)))
		any = input(e);
	if (d)
		closedir(d);
	return any;
}

/* Inputs of (from), evenly over all of it, twice each into (to). How many, or -errno. */
static int take_sample(const char *from, const char *to)
{
	struct dirent **ents;
	int n = scandir(from, &ents, input, alphasort), taken = 0;
	int step = n > (int)SAMPLE ? n / (int)SAMPLE : 1;

	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		void *data;
		size_t len;

		cli_path(path, "%s/%s", from, ents[i]->d_name);
		if (i % step == 0 && taken < (int)SAMPLE &&
		    !file_read(path, INPUT_MAX, &data, &len, NULL)) {
			for (unsigned k = 0; k < 2; k++) {
				cli_path(path, "%s/%d-%u", to, i, k);
				taken += !file_write(path, data, len, NULL) && k;
			}
			free(data);
		}
		free(ents[i]);
	}
	if (n >= 0)
		free(ents);
	return taken;
}

static int remove_dir(const char *dir)
{
	const char *const argv[] = {"rm", "-rf", dir, NULL};
	struct spawn s = {.argv = argv, .err_fd = -1};

	return cli_spawn_wait(&s, NULL);
}

int fuzz_stability(const struct fuzz_job *job, struct fuzz_stats *s)
{
	char dir[] = "/tmp/vise-stable.XXXXXX", from[PATH_MAX], all[PATH_MAX], out[PATH_MAX];
	char control[PATH_MAX], arg[PATH_MAX + 32], log[PATH_MAX], bin[PATH_MAX], *text;
	const char *const argv[] = {bin, "-merge=1", arg, "-timeout=20", out, all, NULL};
	struct spawn spawn = {.argv = argv, .err_fd = -1, .log = log};
	unsigned same, of;
	size_t len;
	pid_t pid;
	int rc;

	if (!mkdtemp(dir))
		return -errno;
	cli_path(from, "%s/corpus", job->out);
	cli_path(all, "%s/all", dir);
	cli_path(out, "%s/out", dir);
	cli_path(log, "%s/log", dir);
	cli_path(control, "%s/control", dir);
	cli_path(bin, "%s/build/%s/%s", job->tree, job->flavour ? job->flavour : "fuzz",
		 job->target);
	(void)snprintf(arg, sizeof(arg), "-merge_control_file=%s", control);
	rc = file_mkdirs(all, NULL);
	if (!rc)
		rc = file_mkdirs(out, NULL);
	if (!rc && take_sample(from, all) <= 0)
		rc = -ENODATA;
	if (!rc) {
		pid = cli_spawn(&spawn, NULL);
		rc = pid < 0 ? pid : cli_reap(pid, SAMPLE_S, NULL, NULL);
	}
	if (rc >= 0)
		rc = file_read(control, CONTROL_MAX, (void **)&text, &len, NULL);
	if (!rc) {
		rc = fuzz_stability_parse(text, &same, &of);
		free(text);
	}
	if (!rc)
		s->stability = 100.0 * same / of;
	remove_dir(dir);
	return rc;
}
