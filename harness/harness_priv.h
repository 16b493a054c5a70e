/* SPDX-License-Identifier: MIT */
/* harness, private: what its files share. */
#ifndef HARNESS_PRIV_H
#define HARNESS_PRIV_H

#include <vmm/harness.h>

/* ---- guest_spec.c -------------------------------------------------------------------------------- */

/* True if (line, len) begins with a word that a canonical stream has. */
bool guest_golden_line_ok(const char *line, size_t len);

/* ---- guest_regex.c ------------------------------------------------------------------------------- */

/* Why the regex is not taken, or NULL: it may be compiled. */
const char *guest_regex_refused(const char *re);
/* \n \r \t become those characters, in place; other escapes are the regex's own. */
void guest_regex_escapes(char *v);

/* ---- judge.c ------------------------------------------------------------------------------------- */

/*
 * The first place where two texts differ, line by line, as a short diff with context into (out);
 * (what) names them. False: they are equal, and nothing is put.
 */
bool judge_diff(const char *what, const char *want, size_t want_len, const char *got,
		size_t got_len, struct buf *out);
/* (text) as lines each beginning with (prefix), the last (max) of them; other bytes as \xNN. */
void judge_quote(const char *text, size_t len, const char *prefix, unsigned max, struct buf *out);

/* What a run gave, to be judged. */
struct judge_run {
	const struct vm_result *res;
	const char *serial;
	size_t serial_len;
	bool serial_cut; /* the guest sent more than is kept */
	const struct buf *stream;
};

/* Everything after "environment": exit, serial, stream. The verdict is PASS, FAIL or ERROR. */
void judge(const struct guest_spec *s, const struct judge_run *run, struct test_result *r);

/* r->reason by printf; the old one is freed. */
void test_reason(struct test_result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- bless.c ------------------------------------------------------------------------------------- */

/* Put (stream) where the golden of (s) came from. */
int bless_golden(const struct guest_spec *s, const struct buf *stream, struct err *err);

/* ---- discover.c ---------------------------------------------------------------------------------- */

/* Paths of tests, in order; (missing) says that it is no test, and why. */
struct test_list {
	struct test_path {
		char *path;
		char *missing;
	} * p;
	unsigned n, cap;
};
int test_list_find(struct test_list *l, const char *const *paths, unsigned n, struct err *err);
void test_list_free(struct test_list *l);

/* ---- pool.c -------------------------------------------------------------------------------------- */

struct pool_task {
	const char *path;
	const struct guest_spec *spec; /* NULL: the result is there already */
	unsigned hard_ms;	       /* the worker is killed after this */
	struct test_result result;
	bool done;
};

/*
 * Run all tasks, each in a process of its own, (jobs) at a time; (done) is called in order of the
 * list as results are complete. -EINTR when *o->stop was set.
 */
int pool_run(struct pool_task *tasks, unsigned n, const struct test_opts *o,
	     void (*done)(void *ctx, const struct pool_task *t),
	     void (*tick)(void *ctx, unsigned running, const char *newest), void *ctx,
	     struct err *err);

/* A result as bytes and back, for the pipe from a worker. */
void result_pack(const struct test_result *r, struct buf *out);
int result_unpack(const void *p, size_t len, struct test_result *r);

/* ---- report.c ------------------------------------------------------------------------------------ */

struct report {
	const struct test_opts *o;
	struct test_totals totals;
	unsigned planned, shown;
	struct buf junit; /* the cases so far */
	double ms;
	bool status_up; /* a status line is on the terminal */
	uint64_t status_ns;
};

void report_begin(struct report *rep, const struct test_opts *o, unsigned planned);
void report_result(struct report *rep, const struct test_result *r);
void report_status(struct report *rep, unsigned running, const char *newest);
/* The last lines and the JUnit file. */
int report_end(struct report *rep, struct err *err);
void report_xml(struct buf *out, const char *text);

/*
 * Chain into *hash the path and contents of the source at (path) and of all that it includes, from
 * its own folder and (lib). 1: an include's name is no string, so that the rest is unknown.
 */
int guest_deps_hash(uint64_t *hash, const char *path, const char *lib, struct err *err);

/* guest_spec.c: how the key `load` names it. */
const char *guest_load_name(enum guest_load kind);

#endif
