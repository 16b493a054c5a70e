/* SPDX-License-Identifier: MIT */
/* input, private: the recording's form, its writer and its reader. */
#ifndef INPUT_PRIV_H
#define INPUT_PRIV_H

#include <limits.h>

#include <vmm/input.h>

/*
 * A recording, all numbers little-endian:
 *   header: 8 bytes magic, u32 version, u32 0, u64 sum of these 16 bytes;
 *   records: u32 length of data, u8 kind, u8 length of name, u16 0, u64 virtual time, name, data, u64 sum
 *   of the record's bytes so far, chained: its seed is the sum before it.
 * Times never go back. First sources and values, then the start, what was delivered, and one of the two
 * ends; nothing follows it.
 */
#define LOG_MAGIC   "VISEINPT"
#define LOG_VERSION 1u
#define LOG_HEADER  24u
#define LOG_RECORD  16u /* before the name */
#define LOG_SUM	    8u

enum log_kind {
	LOG_SOURCE = 1, /* name */
	LOG_VALUE,	/* name, 8 bytes */
	LOG_START,	/* 8 bytes: the machine's identity */
	LOG_DATA,	/* name, the bytes */
	LOG_END,	/* name: the source's end */
	LOG_FINISH,	/* 8 bytes: what the run came to */
	LOG_CUT,	/* closed in the middle of a run */
	LOG_KINDS
};

/* ---- writing ------------------------------------------------------------------------------------- */

struct log_out {
	int fd;
	bool through; /* no regular file: written to, never renamed */
	char path[PATH_MAX], tmp[PATH_MAX];
	uint8_t *buf;
	size_t len;
	uint64_t sum;
	int error; /* the first of writing, -errno */
};

int log_out_open(struct log_out **out, const char *path, struct err *err);
void log_out_put(struct log_out *o, enum log_kind kind, uint64_t time, const char *name,
		 const void *p, size_t len);
int log_out_close(struct log_out *o, struct err *err);
void log_out_free(struct log_out *o);

/* ---- reading ------------------------------------------------------------------------------------- */

struct log_rec {
	uint64_t time;
	size_t name, data; /* where they are */
	uint32_t len;
	uint8_t kind, name_len;
	uint8_t source; /* of LOG_DATA and LOG_END: which of the LOG_SOURCE records */
};

struct log_in {
	uint8_t *bytes;
	size_t len;
	struct log_rec *rec;
	size_t nr, start; /* start: which is LOG_START */
	unsigned nr_sources;
};

/* Takes (bytes), also when it fails. Everything in the file is judged here. */
int log_in_open(struct log_in **out, uint8_t *bytes, size_t len, struct err *err);
void log_in_free(struct log_in *l);
/* The record of LOG_SOURCE number (i). */
const struct log_rec *log_in_source(const struct log_in *l, unsigned i);
bool log_in_named(const struct log_in *l, const struct log_rec *r, const char *name);

#endif
