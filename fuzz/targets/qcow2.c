/* SPDX-License-Identifier: MIT */
/*
 * qcow2: the input is an image in memory, opened, read, written, zeroed and discarded.
 * @modules blk
 *
 * Input: what to open and how (a byte), at which write the file is full (a byte, 0: never), how many
 * operations follow (a byte), four bytes for each, then the image.
 *
 * Oracles: a model of the first sectors, taken when the image was opened, says what each read gives; an
 * image opened for writing has no error (qcow2_check()) at the end, after a write that failed too; it has
 * no more leaks than at the start, unless a write failed or the image counts what is behind its end; it
 * opens again and reads the same; what is opened for reading is never written to.
 */
#include <errno.h>
#include <stdlib.h>

#include <vmm/qcow2.h>

#include <depth.h>
#include <oracle.h>

DEPTH_COUNTERS(refused, refused_write, opened_read, opened_write, version_2, version_3, backing,
	       snapshot_listed, snapshot_read, read_ok, read_error, written, write_error, zeroed,
	       discarded, file_full, grown, leak_free);

#define FILE_MAX 0x40000u
#define SECTORS	 128u /* of the model */
#define OPS	 48u
#define BELOW	 (24 * BLK_SECTOR)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { READ_ONLY = 1, SNAPSHOT = 2 };

static struct world {
	struct qcow2_file file;
	uint8_t mem[FILE_MAX];
	size_t len;
	unsigned writes, full_at;
	bool failed; /* a write did */
	bool read_only;
	uint8_t model[SECTORS][BLK_SECTOR];
	bool known[SECTORS];
	uint32_t sectors;
} W;

/* ---- the file --------------------------------------------------------------------------------------- */

static int64_t file_get(struct qcow2_file *f, uint64_t off, void *buf, size_t len)
{
	size_t n = off >= W.len ? 0 : W.len - (size_t)off;

	(void)f;
	n = n < len ? n : len;
	if (n)
		memcpy(buf, W.mem + off, n);
	return (int64_t)n;
}

static int file_put(struct qcow2_file *f, uint64_t off, const void *buf, size_t len)
{
	(void)f;
	FUZZ_ORACLE(!W.read_only, "read-only", "written to at %#llx", (unsigned long long)off);
	W.writes++;
	if ((W.full_at && W.writes >= W.full_at) || !range_within(off, len, 0, FILE_MAX)) {
		depth_hit(file_full);
		W.failed = true;
		return -ENOSPC;
	}
	if (off > W.len)
		memset(W.mem + W.len, 0, off - W.len);
	memcpy(W.mem + off, buf, len);
	if (off + len > W.len) {
		W.len = (size_t)off + len;
		depth_hit(grown);
	}
	return 0;
}

static int file_sync(struct qcow2_file *f)
{
	(void)f;
	return 0;
}

static void file_punch(struct qcow2_file *f, uint64_t off, uint64_t len)
{
	(void)f;
	FUZZ_ORACLE(!W.read_only, "read-only", "punched at %#llx", (unsigned long long)off);
	for (uint64_t i = off; i < off + len && i < W.len; i++)
		W.mem[i] = 0xee;
}

static void file_close(struct qcow2_file *f)
{
	(void)f;
}

static const struct qcow2_file_ops file_ops = {
	.read = file_get,
	.write = file_put,
	.flush = file_sync,
	.punch = file_punch,
	.close = file_close,
};

static int open_below(void *ctx, const char *name, const char *format, struct blk **out,
		      struct err *err)
{
	uint8_t sector[BLK_SECTOR];
	int r;

	(void)ctx;
	FUZZ_ORACLE(*name && strlen(name) < QCOW2_NAME_MAX && strlen(format) < 32, "backing-name",
		    "its length");
	r = blk_mem_new(out, BELOW, err);
	for (uint32_t i = 0; i < BELOW / BLK_SECTOR && !r; i++) {
		memset(sector, (int)i + 1, sizeof(sector));
		r = blk_write(*out, i * BLK_SECTOR, sector, sizeof(sector));
	}
	if (!r) {
		(*out)->read_only = true;
		depth_hit(backing);
	}
	return r;
}

static struct blk *open_it(bool read_only, const char *snapshot, struct err *err)
{
	struct qcow2_opts o = {.name = "input",
			       .read_only = read_only,
			       .snapshot = snapshot,
			       .backing = open_below};
	struct blk *b;
	int r;

	W.file.ops = &file_ops;
	W.file.len = W.len;
	W.read_only = read_only;
	r = qcow2_open(&b, &W.file, &o, err);
	FUZZ_ORACLE(!r == !!b && (!r || (err->msg[0] && err->code == r)), "open", "%d, %d: %s", r,
		    err->code, err->msg);
	FUZZ_ORACLE(!b || (b->size && b->size <= BLK_MAX && b->size % BLK_SECTOR == 0), "size",
		    "of the disk");
	return b;
}

/* ---- the model -------------------------------------------------------------------------------------- */

static void take_model(struct blk *b)
{
	W.sectors = b->size / BLK_SECTOR < SECTORS ? (uint32_t)(b->size / BLK_SECTOR) : SECTORS;
	for (uint32_t i = 0; i < W.sectors; i++) {
		int r = blk_read(b, i * BLK_SECTOR, W.model[i], BLK_SECTOR);

		W.known[i] = !r;
		if (r)
			depth_hit(read_error);
		else
			depth_hit(read_ok);
	}
}

static void compare(struct blk *b, uint32_t from, uint32_t n, const char *when)
{
	uint8_t sector[BLK_SECTOR];

	for (uint32_t i = from; i < from + n && i < W.sectors; i++) {
		int r = blk_read(b, i * BLK_SECTOR, sector, BLK_SECTOR);

		if (!W.known[i])
			continue;
		FUZZ_ORACLE(!r, "read", "sector %u %s: %d", i, when, r);
		FUZZ_ORACLE(!memcmp(sector, W.model[i], BLK_SECTOR), "contents",
			    "sector %u %s is other than the model's", i, when);
	}
}

static void op_write(struct blk *b, uint32_t at, uint32_t n, uint8_t fill)
{
	uint8_t buf[16 * BLK_SECTOR];
	int r;

	memset(buf, fill, n * BLK_SECTOR);
	r = blk_write(b, at * BLK_SECTOR, buf, n * BLK_SECTOR);
	for (uint32_t i = at; i < at + n; i++) {
		W.known[i] = !r;
		memset(W.model[i], fill, BLK_SECTOR);
	}
	if (r)
		depth_hit(write_error);
	else
		depth_hit(written);
}

/* Bytes, not sectors: the rest of the sector stays. */
static void op_write_part(struct blk *b, uint32_t at, uint32_t from, uint8_t fill)
{
	uint8_t buf[64];
	int r;

	from %= BLK_SECTOR - sizeof(buf);
	memset(buf, fill, sizeof(buf));
	r = blk_write(b, at * BLK_SECTOR + from, buf, sizeof(buf));
	memcpy(W.model[at] + from, buf, sizeof(buf));
	W.known[at] = W.known[at] && !r;
}

static void op_zero(struct blk *b, uint32_t at, uint32_t n)
{
	int r = blk_zero(b, at * BLK_SECTOR, n * BLK_SECTOR);

	for (uint32_t i = at; i < at + n; i++) {
		W.known[i] = !r;
		memset(W.model[i], 0, BLK_SECTOR);
	}
	if (r)
		depth_hit(write_error);
	else
		depth_hit(zeroed);
}

static void op_discard(struct blk *b, uint32_t at, uint32_t n)
{
	static const uint8_t zeroes[BLK_SECTOR];
	uint8_t sector[BLK_SECTOR];
	int r = blk_discard(b, at * BLK_SECTOR, n * BLK_SECTOR);

	for (uint32_t i = at; i < at + n; i++) {
		int got = blk_read(b, i * BLK_SECTOR, sector, BLK_SECTOR);

		if (!W.known[i] || got) {
			FUZZ_ORACLE(!W.known[i], "read", "sector %u after a discard: %d", i, got);
			continue;
		}
		FUZZ_ORACLE(!memcmp(sector, W.model[i], BLK_SECTOR) ||
				    !memcmp(sector, zeroes, BLK_SECTOR),
			    "discard", "sector %u is neither as before nor zeroes", i);
		memcpy(W.model[i], sector, BLK_SECTOR);
	}
	if (!r)
		depth_hit(discarded);
}

static void operation(struct blk *b, const uint8_t *op)
{
	uint32_t at = op[1] % W.sectors, n = 1 + op[2] % 16;

	n = n > W.sectors - at ? W.sectors - at : n;
	switch (op[0] % 6) {
	case 0:
	case 1:
		op_write(b, at, n, op[3]);
		break;
	case 2:
		op_write_part(b, at, op[2] * 2u, op[3]);
		break;
	case 3:
		op_zero(b, at, n);
		break;
	case 4:
		op_discard(b, at, n);
		break;
	default:
		/* Far away: all tables there are, and the ranges' ends. */
		(void)blk_write(b, b->size - BLK_SECTOR, op, 4);
		W.known[W.sectors - 1] = false;
		break;
	}
	compare(b, at, n, "after it");
}

/* The leaks. */
static uint64_t check(struct blk *b, const char *when)
{
	struct err err = {0};
	uint64_t leaks = 0;
	int r = qcow2_check(b, &leaks, &err);

	FUZZ_ORACLE(!r, "check", "%s: %s", when, err.msg);
	if (!leaks)
		depth_hit(leak_free);
	return leaks;
}

static uint64_t be(size_t at, unsigned n)
{
	uint64_t v = 0;

	for (; n; n--, at++)
		v = v << 8 | (at < W.len ? W.mem[at] : 0);
	return v;
}

/* Does the image count clusters behind its end? They are leaks as soon as it grows. */
static bool counts_beyond(void)
{
	unsigned bits = (unsigned)be(20, 4), order = be(4, 4) < 3 ? 4 : (unsigned)be(96, 4);
	uint64_t table = be(48, 8), entries = be(56, 4) << bits >> 3, per = 8ull << bits >> order;
	uint64_t nr = (W.len + (1ull << bits) - 1) >> bits;

	for (uint64_t i = 0; i < entries && table + 8 * i < W.len; i++) {
		uint64_t block = be(table + 8 * i, 8), at;

		if (!block || (i + 1) * per <= nr)
			continue;
		at = (nr > i * per ? nr - i * per : 0) << order; /* in bits, the lowest first */
		if (be(block + at / 8, 1) >> (at & 7))
			return true;
		for (at = at / 8 + 1; at < 1ull << bits && block + at < W.len; at++)
			if (W.mem[block + at])
				return true;
	}
	return false;
}

static void list_snapshots(struct blk *b, char *name, size_t room)
{
	struct qcow2_snapshot s;
	uint64_t cursor = 0;

	for (unsigned i = 0; i < 64 && qcow2_next_snapshot(b, &cursor, &s) == 1; i++) {
		depth_hit(snapshot_listed);
		if (!i)
			(void)snprintf(name, room, "%s", s.name);
	}
}

static void read_only(const uint8_t *ops, unsigned nr, bool snapshot)
{
	struct err err = {0};
	struct blk *b = open_it(true, NULL, &err);
	char name[256] = "";

	if (!b) {
		depth_hit(refused);
		return;
	}
	depth_hit(opened_read);
	take_model(b);
	for (unsigned i = 0; i < nr; i++)
		compare(b, ops[4 * i + 1] % W.sectors, 1, "again");
	(void)blk_read(b, b->size - BLK_SECTOR, W.model[0], BLK_SECTOR);
	list_snapshots(b, name, sizeof(name));
	blk_close(b);
	b = snapshot && *name ? open_it(true, name, &err) : NULL;
	if (b) {
		depth_hit(snapshot_read);
		take_model(b);
		compare(b, 0, W.sectors, "again");
	}
	blk_close(b);
}

static void read_write(const uint8_t *ops, unsigned nr, unsigned full_at)
{
	struct err err = {0};
	struct blk *b = open_it(false, NULL, &err);
	uint64_t before, leaks;
	bool beyond;

	if (!b) {
		depth_hit(refused_write);
		return;
	}
	depth_hit(opened_write);
	take_model(b);
	before = check(b, "at the start");
	beyond = counts_beyond();
	W.full_at = full_at;
	for (unsigned i = 0; i < nr; i++)
		operation(b, ops + 4 * i);
	leaks = check(b, "at the end");
	FUZZ_ORACLE(leaks <= before || W.failed || beyond, "leak", "%llu clusters more",
		    (unsigned long long)(leaks - before));
	compare(b, 0, W.sectors, "at the end");
	blk_close(b);
	b = open_it(false, NULL, &err);
	FUZZ_ORACLE(b, "open-again", "%s", err.msg);
	/* A table that could not be linked holds what no later write may reach. */
	compare(b, 0, W.sectors, "when it is opened again");
	blk_close(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned nr;

	if (size < 3)
		return 0;
	nr = data[2] % (OPS + 1);
	if (size - 3 < 4 * nr || size - 3 - 4 * nr > FILE_MAX / 2)
		return 0;
	W.len = size - 3 - 4 * nr;
	memcpy(W.mem, data + 3 + 4 * nr, W.len);
	W.writes = W.full_at = 0;
	W.failed = false;
	if (W.len > 7 && W.mem[7] == 2)
		depth_hit(version_2);
	else
		depth_hit(version_3);
	if (data[0] & READ_ONLY)
		read_only(data + 3, nr, data[0] & SNAPSHOT);
	else
		read_write(data + 3, nr, data[1]);
	return 0;
}
