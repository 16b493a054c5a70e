/* SPDX-License-Identifier: MIT */
/*
 * The main() of replay programs: runs each input, given as files and folders, through the target in
 * this process. Any compiler; also under gcov and valgrind.
 *
 *	build/replay/TARGET [--require-depth] [--trace] [--interface] [--timeout S] FILE...
 *
 * --interface lists which registers the inputs read and wrote in which width, and which never (iface.h).
 * --trace prints each step that an input takes, "> STEP", for targets that say theirs (say.h).
 * One KTAP line an input, then the depth counters, and last `N passed, N failed, N skipped`. The
 * program ends at the first input that crashes, fails an oracle or does not end: its `not ok` line
 * names it, and the inputs not reached count as skipped. --require-depth fails where a depth counter
 * is zero after all inputs. Status: 0, 1 (or the crash's), 2 usage, 4 the host lacks what the target
 * stands on: its fuzz_skipped() says why.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/base.h>

#define DEPTH_READER
#include "depth.h"
#include "say.h"

unsigned fuzz_report_interface(void) __attribute__((weak));

#define INPUT_MAX   ((uint64_t)64 << 20)
#define FOLDERS_MAX 16 /* folders within folders */
#define TIMEOUT_S   120u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
const char *fuzz_skipped(void) __attribute__((weak));
/* The sanitizers' run time, where there is one: called before it ends the program. */
void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));

/* say.h; where: what the target does, until it does something else. */
bool fuzz_saying;
char fuzz_where[160];

/* For the handlers: which input runs, and what was before it. */
static struct {
	const char *name; /* NULL: none runs */
	unsigned nr, total, passed;
} now;

struct inputs {
	char **path;
	unsigned n, cap;
};

static void add(struct inputs *in, const char *path)
{
	if (in->n == in->cap) {
		in->cap = in->cap ? 2 * in->cap : 256;
		in->path = realloc(in->path, in->cap * sizeof(*in->path));
	}
	if (in->path)
		in->path[in->n] = strdup(path);
	if (!in->path || !in->path[in->n++]) {
		fputs("replay: no memory for the list of inputs\n", stderr);
		exit(2);
	}
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void collect(struct inputs *in, const char *path, unsigned depth)
{
	struct dirent **ents;
	struct stat st;
	int n;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		add(in, path);
		return;
	}
	if (depth == FOLDERS_MAX)
		return;
	n = scandir(path, &ents, visible, by_name);
	for (int i = 0; i < n; i++) {
		char *sub;

		if (asprintf(&sub, "%s/%s", path, ents[i]->d_name) >= 0) {
			collect(in, sub, depth + 1);
			free(sub);
		}
		free(ents[i]);
	}
	if (n >= 0)
		free(ents);
}

/* Text put together without stdio: it is used in handlers of signals. */
struct text {
	char p[4608];
	size_t len;
};

static void put(struct text *t, const char *s)
{
	while (*s && t->len < sizeof(t->p))
		t->p[t->len++] = *s++;
}

static void put_number(struct text *t, unsigned n)
{
	char digits[12];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
	} while (n /= 10);
	put(t, digits + i);
}

/* Once, from a handler or a sanitizer's callback: the last lines. Standard output was flushed. */
static void say_not_ok(const char *why)
{
	const char *name = now.name;
	struct text t;

	if (!name)
		return;
	now.name = NULL;
	t.len = 0;
	put(&t, "not ok ");
	put_number(&t, now.nr);
	put(&t, " ");
	put(&t, name);
	put(&t, "\n# ");
	put(&t, why);
	if (fuzz_where[0]) {
		put(&t, "\n# where: ");
		put(&t, fuzz_where);
	}
	put(&t, "\n");
	put_number(&t, now.passed);
	put(&t, " passed, 1 failed, ");
	put_number(&t, now.total - now.nr);
	put(&t, " skipped\n");
	for (size_t done = 0; done < t.len;) {
		ssize_t n = write(STDOUT_FILENO, t.p + done, t.len - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
}

static void on_death(void)
{
	say_not_ok("a sanitizer ended it");
}

static void on_signal(int sig)
{
	say_not_ok(sig == SIGALRM   ? "no end within the time limit"
		   : sig == SIGABRT ? "aborted: an oracle or an assertion failed"
		   : sig == SIGSEGV ? "an access to memory that is not there"
				    : "ended by a signal");
	signal(sig, SIG_DFL);
	raise(sig);
}

static void watch(void)
{
	static const int fatal[] = {SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	for (unsigned i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		/* A sanitizer that is there reports these itself. */
		if (i >= 2 && __sanitizer_set_death_callback)
			break;
		signal(fatal[i], on_signal);
	}
}

static int run_one(const char *path, unsigned timeout)
{
	struct err err;
	uint8_t *exact;
	void *data;
	size_t len;

	if (file_read(path, INPUT_MAX, &data, &len, &err)) {
		printf("not ok %u %s\n# %s\n", now.nr, path, err.msg);
		return -1;
	}
	/* As long as the input, so that a read past its end is one past the allocation. */
	exact = malloc(len ? len : 1);
	if (!exact) {
		printf("not ok %u %s\n# no memory\n", now.nr, path);
		free(data);
		return -1;
	}
	memcpy(exact, data, len);
	free(data);
	alarm(timeout);
	/* What a crash says comes behind all that was said before. */
	fflush(stdout);
	now.name = path;
	fuzz_where[0] = '\0';
	LLVMFuzzerTestOneInput(exact, len);
	now.name = NULL;
	alarm(0);
	free(exact);
	now.passed++;
	printf("ok %u %s\n", now.nr, path);
	return 0;
}

/* Returns how many are zero. */
static unsigned show_depth(void)
{
	unsigned zero = 0;

	if (!&fuzz_depth_n)
		return 0;
	for (unsigned i = 0; i < fuzz_depth_n; i++) {
		printf("# depth %s %" PRIu64 "\n", fuzz_depth_names[i], fuzz_depth_counts[i]);
		zero += !fuzz_depth_counts[i];
	}
	return zero;
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--require-depth] [--trace] [--interface] [--timeout S] "
		"FILE|FOLDER...\n",
		name);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned timeout = TIMEOUT_S, failed = 0, zero;
	struct inputs in = {0};
	bool need_depth = false, interface = false;

	for (int i = 1; i < argc; i++) {
		uint64_t n;

		if (!strcmp(argv[i], "--require-depth")) {
			need_depth = true;
		} else if (!strcmp(argv[i], "--interface")) {
			interface = true;
		} else if (!strcmp(argv[i], "--trace")) {
			fuzz_saying = true;
		} else if (!strcmp(argv[i], "--timeout") && i + 1 < argc &&
			   !parse_u64(argv[i + 1], &n) && n && n < 1000000) {
			timeout = (unsigned)n;
			i++;
		} else if (argv[i][0] == '-') {
			free(in.path);
			return usage(argv[0]);
		} else {
			collect(&in, argv[i], 0);
		}
	}
	if (!in.n)
		return usage(argv[0]);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	watch();
	/* The steps before a crash are not to be lost in it. */
	if (fuzz_saying)
		setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", in.n);
	now.total = in.n;
	for (unsigned i = 0; i < in.n; i++) {
		now.nr = i + 1;
		if (run_one(in.path[i], timeout))
			failed++;
		free(in.path[i]);
	}
	free(in.path);
	if (fuzz_skipped && fuzz_skipped() && !failed) {
		printf("# SKIP %s\n0 passed, 0 failed, %u skipped\n", fuzz_skipped(), in.n);
		return 4;
	}
	zero = show_depth();
	if (interface && fuzz_report_interface)
		printf("# %u registers never touched as they may be\n", fuzz_report_interface());
	if (need_depth && zero) {
		printf("# %u depth counters are zero: these inputs do not reach what the target is "
		       "named after\n",
		       zero);
		failed++;
	}
	printf("%u passed, %u failed, 0 skipped\n", now.passed, failed);
	return failed ? 1 : 0;
}
