/* SPDX-License-Identifier: MIT */
/*
 * harness: guest tests: discover, assemble, run in parallel, judge, report.
 * [hostile: fuzz/targets/guest_header.c] parses the header comments of guest tests.
 *
 * Guarantees: a test file that is bad is an ERROR that names file and line; a test that needs what
 * the host lacks is a SKIP with the reason; a crash of a worker is an ERROR of that test alone.
 * Reports go to the FILE or buf the caller gives; nothing is printed otherwise.
 * The caller promises: one harness run at a time in a process (it forks workers and reaps them).
 * Who frees: the _free() beside each.
 */
#ifndef VMM_HARNESS_H
#define VMM_HARNESS_H

#include <stdio.h>
#include <vmm/base.h>
#include <vmm/vm.h>

/* ---- the header of a guest test (ARCHITECTURE: "A guest test in one file") ----------------------
 */

#define GUEST_DEVICES  8
#define GUEST_NEEDS    8
#define GUEST_XFAILS   4
#define GUEST_FILE_MAX ((uint64_t)1 << 20) /* bytes of one .asm */

/* A back end that a key is meant for: `exits.kvm`. */
enum guest_cpu { GUEST_ANY, GUEST_KVM, GUEST_SOFT, GUEST_CPUS };

struct guest_xfail {
	enum guest_cpu cpu;
	char *probe; /* the failure is expected where this probe does NOT hold */
	char *reason;
};

struct guest_spec {
	char *path;
	char *summary;
	enum x86_mode mode;
	uint64_t mem;
	char *devices[GUEST_DEVICES];
	unsigned nr_devices;
	char *cmdline;
	void *input; /* escapes \n \r \t \0 \xNN \\ are decoded */
	size_t input_len;
	uint8_t exit[GUEST_CPUS];
	bool has_exit[GUEST_CPUS];
	char *serial[GUEST_CPUS]; /* exact text, or a regex when serial_re */
	bool serial_re[GUEST_CPUS];
	char *exits[GUEST_CPUS]; /* golden stream, one line an event; from the header or <t>.exits
				  */
	uint64_t exit_budget[GUEST_CPUS]; /* `exits: <= N`: at most so many; 0: none */
	uint64_t timeout[GUEST_CPUS];	  /* instructions (soft), ms of host time (kvm) */
	char *needs[GUEST_NEEDS];
	unsigned nr_needs;
	struct guest_xfail xfail[GUEST_XFAILS];
	unsigned nr_xfail;
	enum guest_cpu only; /* `cpu: soft`: GUEST_ANY when not said */
};

/*
 * Parse the `;@ key: value` lines of (text, len). -EINVAL: "FILE:LINE: unknown key 'exti'; keys are
 * ...". A golden beside the test is not read here.
 */
int guest_spec_parse(struct guest_spec *s, const char *path, const char *text, size_t len,
		     struct err *err);
/* Read the file, parse it, and take <t>.exits (<t>.kvm.exits) beside it if there. */
int guest_spec_read(struct guest_spec *s, const char *path, struct err *err);
void guest_spec_free(struct guest_spec *s);

/* ---- images ---------------------------------------------------------------------------------- */

#define GUEST_BASE 0x8000u /* where .asm images are linked, loaded and entered, in real mode */

/*
 * Assemble (path) with nasm, link it at GUEST_BASE with the runtime's script and make a flat image,
 * or take it from the cache. The key is a hash over the source, every file it includes, the
 * mode and the tools' versions. *image is a path in the cache (free() it). -ENOENT (nasm, ld or
 * objcopy is not there: the message says what to install), -ENOEXEC (the tools' first error line).
 */
int guest_assemble(const struct guest_spec *s, const char *cache_dir, const char *lib_dir,
		   char **image, struct err *err);

/* The folder of guests/lib: $VISE_LIB, beside the binary's install prefix, or the source tree. */
int guest_lib_dir(char **dir, struct err *err);
/* The default cache: build/cache in the tree, else $XDG_CACHE_HOME/vise or ~/.cache/vise. */
int guest_cache_dir(char **dir, struct err *err);

/* ---- running and judging ------------------------------------------------------------------------
 */

enum test_verdict { TEST_PASS, TEST_FAIL, TEST_SKIP, TEST_ERROR, TEST_XFAIL, TEST_XPASS };
const char *test_verdict_name(enum test_verdict v);

struct test_result {
	char *test; /* path as given, without .asm */
	enum guest_cpu cpu;
	enum test_verdict verdict;
	char *reason; /* one line; may be NULL on PASS */
	char *detail; /* more lines: a diff, serial output; may be NULL */
	double ms;
	uint64_t exits;
};

struct test_opts {
	const char *const *paths; /* files and folders */
	unsigned nr_paths;
	int cpu;       /* enum guest_cpu, or -1: every back end that the host offers */
	unsigned jobs; /* 0: one a processor */
	const char *cache_dir, *lib_dir, *out_dir;
	uint64_t seed;
	bool list;	   /* only list */
	bool bless;	   /* write the goldens anew */
	FILE *ktap;	   /* may be NULL */
	FILE *json;	   /* one object a line; may be NULL */
	const char *junit; /* path; may be NULL */
	FILE *status;	   /* a terminal for the status line; may be NULL */
};

struct test_totals {
	unsigned passed, failed, skipped; /* ERROR and XPASS count as failed, XFAIL as skipped */
	unsigned errors, xfails, xpasses;
	int exit_status; /* 1 any FAIL or XPASS, else 3 any ERROR, else 4 all skipped, else 0 */
};

int harness_test(const struct test_opts *o, struct test_totals *t, struct err *err);

/* One guest on one back end, in this process: fills in *r. Used by the workers and by unit tests.
 */
int harness_run_one(const struct guest_spec *s, enum guest_cpu cpu, const struct test_opts *o,
		    struct test_result *r);
void test_result_free(struct test_result *r);

#endif
