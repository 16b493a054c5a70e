/* SPDX-License-Identifier: MIT */
/* cli, private: what the benches share. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli.h"

#define BENCH_ROUNDS_MAX 101

struct bench_opts {
	uint64_t rounds, seconds;
	const char *engine, *out, *only;
	bool json;
};

/*
 * One figure: `(value) (unit)`; ratio compares with what (of) names, measured in the same run, in
 * turns with it. (of) NULL: there is nothing to compare with.
 */
void bench_figure(const struct bench_opts *o, const char *bench, const char *what, double value,
		  const char *unit, double ratio, const char *of);
/* Sorts (v). */
double bench_median(double *v, unsigned n);

/* Make the folder that --out names, without it one of mkdtemp()'s template (dir). */
int bench_folder(const struct bench_opts *o, char *dir, struct err *err);
/* A folder and all that is in it. */
void bench_remove(const char *path);

/* Where guests are, are kept and include from. Free what was found, after an error too. */
struct bench_folders {
	char *tree, *cache, *lib;
};
int bench_folders_find(struct bench_folders *f, struct err *err);
void bench_folders_free(struct bench_folders *f);
/* A guest from its source (text), which is freed; it is written into (dir) meanwhile. */
int bench_assemble(const struct bench_folders *f, const char *dir, struct buf *text, char **image,
		   struct err *err);
/* A firmware for QEMU and Bochs that does nothing but go to the image: jmp 0:GUEST_BASE. */
int bench_write_rom(const char *path, struct err *err);

/* Each: 0 or the exit status, said already. */
int bench_exits(const struct bench_opts *o);
int bench_start(const struct bench_opts *o);
int bench_cpu(const struct bench_opts *o);
int bench_fuzz(const struct bench_opts *o);
int bench_bugs(const struct bench_opts *o);
int bench_boot(const struct bench_opts *o);
int bench_virtio(const struct bench_opts *o);

#endif
