/* SPDX-License-Identifier: MIT */
/* cli, private: what the subcommands share. Here, and only here, things are printed. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <signal.h>
#include <vmm/harness.h>

#include "opt.h"

#define CMD(name) extern const struct cmd cmd_##name;
#include <cmd_list.h>
#undef CMD

/* "vise: ..." on standard error. Returns (status). */
int cli_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* SIGINT and SIGTERM set *cli_stop from now on instead of ending the process. */
void cli_catch_stop(void);
extern volatile sig_atomic_t cli_stop;
/* This program's own path, into (size) bytes. */
int cli_self(char *out, size_t size, struct err *err);

/* ---- guest.c: what run and trace share ----------------------------------------------------------- */

struct guest_opts {
	const char *cpu, *cpu_model, *machine, *kernel, *rom, *cmdline, *boot, *mode, *input;
	const char *serial, *vsock, *record, *replay;
	const char *base_text, *mem_text;
	uint64_t seed, limit, timeout;
	struct opt_strs devices, disks, nets, chrs, modules, initrds;
	bool json, quiet, verbose, no_finish;
};

/* The rows of the option table; T is the verb's struct, with `struct guest_opts g`. */
#define GUEST_OPTS(T)                                                                                \
	{                                                                                            \
		"cpu",	   0,                                                                        \
		OPT_STR,   offsetof(T, g.cpu),                                                       \
		"BACKEND", "soft (the default), kvm or script:FILE",                                 \
		0,	   0},                                                                       \
		{"cpu-model", 0,                                                                     \
		 OPT_STR,     offsetof(T, g.cpu_model),                                              \
		 "NAME",      "what CPUID offers: base (the default), v1 (with a local APIC) or v2", \
		 0,	      0},                                                                    \
		{"machine", 0,                                                                       \
		 OPT_STR,   offsetof(T, g.machine),                                                  \
		 "NAME",    "pc, test, or auto (the default): pc for a Linux kernel, else test",     \
		 0,	    0},                                                                      \
		{"mem",	  'm',                                                                       \
		 OPT_STR, offsetof(T, g.mem_text),                                                   \
		 "SIZE",  "RAM, 1M to 64G; 16M when nothing else is said, 256M for Linux",           \
		 0,	  0},                                                                        \
		{"device", 'd',                                                                      \
		 OPT_STRS, offsetof(T, g.devices),                                                   \
		 "SPEC",   "add a device: CLASS[,OPTION=VALUE]...; may be given again",              \
		 0,	   0},                                                                       \
		{"disk",   0,                                                                        \
		 OPT_STRS, offsetof(T, g.disks),                                                     \
		 "SPEC",   "add a disk: FILE[,ro|,rw] or mem:SIZE; without rw changes are dropped",  \
		 0,	   0},                                                                       \
		{"net",	   0,                                                                        \
		 OPT_STRS, offsetof(T, g.nets),                                                      \
		 "SPEC",   "add a network: loop, peer, user, script:FILE, pcap:FILE, tap:IFNAME",    \
		 0,	   0},                                                                       \
		{"chr",                                                                              \
		 0,                                                                                  \
		 OPT_STRS,                                                                           \
		 offsetof(T, g.chrs),                                                                \
		 "SPEC",                                                                             \
		 "add a character back end for consoles: buf[:TEXT], loop, file:OUT[,in=FILE], pty," \
		 " stdio, fd:IN[,OUT] or pipe:IN[,OUT]",                                             \
		 0,                                                                                  \
		 0},                                                                                 \
		{"vsock", 0,                                                                         \
		 OPT_STR, offsetof(T, g.vsock),                                                      \
		 "SPEC",  "the other end of a virtio-vsock: echo (the default) or unix:PATH",        \
		 0,	  0},                                                                        \
		{"serial", 0,                                                                        \
		 OPT_STR,  offsetof(T, g.serial),                                                    \
		 "SPEC",   "the same for the serial port",                                           \
		 0,	   0},                                                                       \
		{"record", 0,                                                                        \
		 OPT_STR,  offsetof(T, g.record),                                                    \
		 "FILE",   "write down all that comes from outside, with its virtual time",          \
		 0,	   0},                                                                       \
		{"replay", 0,                                                                        \
		 OPT_STR,  offsetof(T, g.replay),                                                    \
		 "FILE",   "the same run again: what comes from outside is what was recorded",       \
		 0,	   0},                                                                       \
		{"kernel", 'k', OPT_STR, offsetof(T, g.kernel), "FILE", "the same as GUEST", 0, 0},  \
		{"rom", 0, OPT_STR, offsetof(T, g.rom), "FILE", "a ROM image, started by a reset",   \
		 0,	0},                                                                          \
		{"initrd", 'i',                                                                      \
		 OPT_STRS, offsetof(T, g.initrds),                                                   \
		 "FILE",   "the initial RAM disk; given again, one after the other",                 \
		 0,	   0},                                                                       \
		{"module",                                                                           \
		 0,                                                                                  \
		 OPT_STRS,                                                                           \
		 offsetof(T, g.modules),                                                             \
		 "FILE[,STRING]",                                                                    \
		 "a multiboot module and its string; may be given again",                            \
		 0,                                                                                  \
		 0},                                                                                 \
		{"cmdline", 'c',                                                                     \
		 OPT_STR,   offsetof(T, g.cmdline),                                                  \
		 "TEXT",    "the kernel's command line",                                             \
		 0,	    0},                                                                      \
		{"boot",  0,                                                                         \
		 OPT_STR, offsetof(T, g.boot),                                                       \
		 "WAY",	  "how a kernel is entered: direct, guest, 64, 32, 16 or pvh",               \
		 0,	  0},                                                                        \
		{"mode",  0,                                                                         \
		 OPT_STR, offsetof(T, g.mode),                                                       \
		 "MODE",  "how a flat image is entered: real (the default), prot or long",           \
		 0,	  0},                                                                        \
		{"base",    0,                                                                       \
		 OPT_STR,   offsetof(T, g.base_text),                                                \
		 "ADDRESS", "where a flat image is placed and entered, 0x8000 unless said",          \
		 0,	    0},                                                                      \
		{"input", 0, OPT_STR, offsetof(T, g.input), "FILE", "what the serial port receives", \
		 0,	  0},                                                                        \
		{"seed", 's', OPT_U64, offsetof(T, g.seed), "N", "the seed of all that is random",   \
		 0,	 0},                                                                         \
		{"limit", 'l',                                                                       \
		 OPT_U64, offsetof(T, g.limit),                                                      \
		 "N",	  "end after N instructions on soft, N exits on kvm and script",             \
		 1,	  0},                                                                        \
		{"timeout",                                                                          \
		 't',                                                                                \
		 OPT_U64,                                                                            \
		 offsetof(T, g.timeout),                                                             \
		 "MS",                                                                               \
		 "end after so much host time; a .asm on kvm has 10000 unless it says so",           \
		 1,                                                                                  \
		 0xffffffffu},                                                                       \
		{"no-finish", 0,                                                                     \
		 OPT_FLAG,    offsetof(T, g.no_finish),                                              \
		 NULL,	      "kvm: end where it cannot emulate; else soft does that instruction",   \
		 0,	      0},                                                                    \
		{"json", 0, OPT_FLAG, offsetof(T, g.json), NULL, "the result as JSON", 0, 0},        \
		{"quiet",  'q',                                                                      \
		 OPT_FLAG, offsetof(T, g.quiet),                                                     \
		 NULL,	   "no closing line on standard error",                                      \
		 0,	   0},                                                                       \
	{                                                                                            \
		"verbose", 'v', OPT_FLAG, offsetof(T, g.verbose), NULL, "say more", 0, 0             \
	}

/* A guest that is ready to run, and all that its spec points to. */
struct cli_guest {
	const char *name;
	struct vm_spec spec;
	struct vm_limits lim;
	struct guest_spec header; /* of a .asm */
	bool has_header;
	const char *dev[OPT_MANY + GUEST_DEVICES];
	const char *disk[OPT_MANY + GUEST_DISKS];
	const char *net[OPT_MANY + GUEST_NETS];
	const char *chr[OPT_MANY + GUEST_CHRS];
	void *files[4 + 2 * OPT_MANY]; /* to be freed */
	unsigned nr_files;
};

/* 0, or the exit status with (err) filled in. */
int cli_guest_open(struct cli_guest *g, const struct guest_opts *o, int argc, char **argv,
		   struct err *err);
void cli_guest_close(struct cli_guest *g);
/* Its machine is made: the image and the initial RAM disk are in there and not kept twice. */
void cli_guest_loaded(struct cli_guest *g);
/* The machine; a missing KVM says what else there is. Status or 0. */
int cli_guest_start(struct cli_guest *g, struct vm **vm, struct err *err);
/* Run it to its end; the header's idea of a good end counts. */
void cli_guest_run(const struct cli_guest *g, struct vm *vm, struct vm_result *res);
/* The JSON object of `run`, one line, all keys; (vm) may be NULL. */
void cli_result_json(const struct cli_guest *g, struct vm *vm, const struct vm_result *res,
		     FILE *f);
/* What a run that did not start looks like in JSON. */
void cli_error_json(const struct guest_opts *o, int status, const char *why, FILE *f);
/* The closing line. */
void cli_result_line(const struct cli_guest *g, const struct vm_result *res, FILE *f);

#endif
