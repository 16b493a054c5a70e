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

#include <signal.h>
#include <stdio.h>
#include <vmm/base.h>
#include <vmm/vm.h>

/* ---- the header of a guest test (ARCHITECTURE: "A guest test in one file") ----------------------- */

#define GUEST_DEVICES  8
#define GUEST_DISKS    4
#define GUEST_NETS     4
#define GUEST_CHRS     4
#define GUEST_NEEDS    8
#define GUEST_XFAILS   4
#define GUEST_MODULES  4
#define GUEST_FILE_MAX ((uint64_t)1 << 20) /* bytes of one .asm, and of one golden */
#define GUEST_INLINE   16		   /* lines of a golden inside the header, at most */

/* A back end that a key is meant for: `exits.kvm`. */
enum guest_cpu { GUEST_ANY, GUEST_KVM, GUEST_SOFT, GUEST_CPUS };
/* "any", "kvm", "soft" */
const char *guest_cpu_name(enum guest_cpu cpu);

/* How the built image is put into memory: the key `load`. */
enum guest_load {
	GUEST_FLAT,	     /* at GUEST_BASE, entered there in real mode; the runtime goes on */
	GUEST_MULTIBOOT,     /* the flat image, placed by its header's address fields */
	GUEST_MULTIBOOT_ELF, /* the linked ELF file with a multiboot header inside */
	GUEST_ELF,	     /* the linked ELF file, as a vmlinux */
	GUEST_BZIMAGE,	     /* the flat image is a bzImage */
	GUEST_BZIMAGE_32,    /* entered by the 32-bit boot protocol */
	GUEST_BZIMAGE_16,    /* by its real-mode code */
	GUEST_MULTIBOOT2,    /* the linked ELF file with a multiboot 2 header inside */
	GUEST_PVH,	     /* the linked ELF file with PVH's note inside */
	GUEST_ROM, /* the flat image is a ROM, entered at its last 16 bytes after a reset */
};

struct guest_xfail {
	enum guest_cpu cpu;
	char *probe; /* the failure is expected where this probe does NOT hold */
	char *reason;
};

/* What the header says to one back end: keys meant for another are checked and left out. */
struct guest_spec {
	char *path;
	enum guest_cpu cpu; /* whom this is for */
	char *summary;
	enum x86_mode mode;
	char *cpu_model;	 /* the CPUID template; NULL: not said */
	enum vm_machine machine; /* `machine: pc`; TEST when not said */
	uint64_t mem;		 /* 0: not said */
	char *devices[GUEST_DEVICES];
	unsigned nr_devices;
	char *disks[GUEST_DISKS]; /* `disk: mem:SIZE[,ro]` */
	unsigned nr_disks;
	char *nets[GUEST_NETS]; /* `net: loop`, `peer`, `user`, `script:=RULE;RULE`... */
	unsigned nr_nets;
	char *chrs[GUEST_CHRS]; /* `chr: buf[:TEXT]` or `chr: loop` */
	unsigned nr_chrs;
	enum guest_load load;
	char *cmdline;
	struct guest_bytes {
		char *p; /* a NUL follows that is not counted */
		size_t len;
	} input, initrd, module[GUEST_MODULES]; /* escapes decoded: \n \r \t \0 \\ \xNN */
	char *module_name[GUEST_MODULES];	/* `module: NAME contents`: its command line */
	unsigned nr_modules;
	uint8_t exit;
	char *end; /* `exit: shutdown`: it ends by this (vm_result.end) and not by a byte */
	bool has_serial, serial_re;
	struct guest_bytes serial; /* exact bytes, or a POSIX extended regex when serial_re */
	struct buf exits;	   /* golden stream, one line an event; p NULL: none */
	bool exits_beside;	   /* it came from the file beside the test */
	bool has_budget;
	uint64_t exit_budget; /* `exits: <= N`: at most so many */
	uint64_t timeout;     /* instructions (soft), ms of host time (kvm); 0: not said */
	char *needs[GUEST_NEEDS];
	unsigned nr_needs;
	struct guest_xfail xfail[GUEST_XFAILS];
	unsigned nr_xfail;
	enum guest_cpu only; /* `cpu: soft`: GUEST_ANY when not said */
	/* `compare: PROBE reason`: soft and kvm do the same only where it holds; NULL: `no`, never */
	char *compare_probe, *compare_reason; /* no reason: they always do */
};

/*
 * Parse the `;@ key: value` lines of (text, len) for (cpu). A key with that back end's suffix
 * counts instead of the plain one; `needs` adds up. -EINVAL: "FILE:LINE: unknown key 'exti'; keys
 * are ...". A golden beside the test is not read here.
 */
int guest_spec_parse(struct guest_spec *s, const char *path, enum guest_cpu cpu, const char *text,
		     size_t len, struct err *err);
/* Read the file, parse it, and take <t>.kvm.exits or <t>.exits beside it if there. */
int guest_spec_read(struct guest_spec *s, const char *path, enum guest_cpu cpu, struct err *err);
void guest_spec_free(struct guest_spec *s);
/* The header again, as canonical text that parses to an equal spec: for tests and for people. */
void guest_spec_format(const struct guest_spec *s, struct buf *out);

/* ---- images -------------------------------------------------------------------------------------- */

#define GUEST_TIMEOUT_SOFT 1000000000u /* instructions, unless the header says otherwise */
#define GUEST_TIMEOUT_KVM  10000u      /* ms of host time, likewise */

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
/* The source tree that the program was built in, or that the current folder is in. -ENOENT. */
int guest_tree_dir(char **dir, struct err *err);
/* $XDG_CACHE_HOME/vise or ~/.cache/vise. -ENOENT: neither is set. */
int guest_xdg_dir(char **dir, struct err *err);
/* A command in PATH, or -ENOENT with the package to install. */
int guest_find_tool(const char *name, const char *package, char **path, struct err *err);

/*
 * The machine that a built guest asks for, except input beyond the header's and the image's bytes:
 * pointers lead into (s) and (dev), which holds room for GUEST_DEVICES entries.
 */
void guest_vm_spec(const struct guest_spec *s, const char **dev, struct vm_spec *out);

/* ---- running and judging ------------------------------------------------------------------------- */

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
	bool ran;	 /* the machine ran: what follows is of its end */
	uint64_t stream; /* hash64 of the canonical stream, a newline behind each line */
	uint64_t state;	 /* vm_state_hash() */
};

/* Probe results, so that each probe runs once in a run: one a vm_probes[] entry. */
struct test_probes {
	unsigned n;
	struct test_probe {
		int holds; /* 1, 0; -1: not run yet */
		char why[160];
	} * p;
};
int test_probes_init(struct test_probes *p);
void test_probes_free(struct test_probes *p);
/* 1 it holds, 0 not (*why says what was seen, owned by (p)), -ENOENT. Runs it when it must. */
int test_probes_get(struct test_probes *p, const char *name, const char **why);

struct test_opts {
	const char *const *paths; /* files and folders */
	unsigned nr_paths;
	int cpu;       /* enum guest_cpu, or -1: soft, and kvm where the host has it */
	unsigned jobs; /* 0: one a processor */
	const char *cache_dir, *lib_dir, *out_dir;
	uint64_t seed;
	bool list;			   /* only list */
	bool build;			   /* only assemble, all of them, into the cache */
	bool bless;			   /* write the goldens anew */
	FILE *ktap;			   /* may be NULL */
	FILE *json;			   /* one object a line; may be NULL */
	const char *junit;		   /* path; may be NULL */
	FILE *status;			   /* a terminal for the status line; may be NULL */
	const volatile sig_atomic_t *stop; /* becomes non-zero: end early; may be NULL */
	struct test_probes *probes;	   /* NULL: the run has its own */
};

struct test_totals {
	unsigned passed, failed, skipped; /* ERROR and XPASS count as failed, XFAIL as skipped */
	unsigned errors, xfails, xpasses;
	unsigned guests, compared; /* tests that were run on soft and kvm and gave the same */
	int exit_status; /* 1 any FAIL or XPASS, else 3 any ERROR, else 4 all skipped, else 0 */
};

/*
 * Where a guest ran on both back ends and passed on both, their canonical streams and final states
 * must be the same, else it is a FAIL of kvm's: vm_state_hash() says what counts.
 *
 * 0, or -EINTR (stopped early: what was reported stands), -ENOMEM, -EIO (a report could not be
 * written). A path that is not there or holds no test is an ERROR of its own in the report.
 */
int harness_test(const struct test_opts *o, struct test_totals *t, struct err *err);

/* One guest on one back end, in this process: fills in *r. Used by the workers and by unit tests.
 */
int harness_run_one(const struct guest_spec *s, const struct test_opts *o, struct test_result *r);
void test_result_free(struct test_result *r);

#endif
