/* SPDX-License-Identifier: MIT */
/*
 * dev_blk: virtio-blk through its queues, by the frame of fuzz/engine/dev_queue.h.
 * @modules dev
 * @format 2
 *
 * Oracles beside the frame's: a request's status is one of the three; what was read is what the disk
 * has, what was written is on the disk; nothing beyond the disk's end succeeds; of segments that are
 * refused none is done; a disk that is read-only is never written to.
 */
#define DEV_QUEUE_CLASS dev_class_virtio_blk
#define DEV_QUEUE_DEPTH                                                                            \
	read_done, write_done, zeroed, discarded, flushed, id_given, io_error, not_supported,      \
		beyond_the_end, came_late, limited
#include <dev_queue.h>

#define SECTORS	  16u
#define DISK	  (SECTORS * BLK_SECTOR)
#define READ_ONLY 2u	/* the variant on the second disk */
#define LIMITED	  5u	/* the variant with limits */
#define DATA	  2048u /* bytes that are compared at most */

/* 5.2.6 */
enum { T_IN, T_OUT, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
#define HEADER 16u
#define GOOD   (1ull << 32) /* of a note: there was a whole header */

/* A disk of a few sectors; those that were written are put back before each input. */
static struct disk {
	struct blk blk;
	uint8_t bytes[DISK];
	uint32_t written; /* a bit a sector */
} disks[2];
static unsigned changes, before; /* of disks; before the request that is looked at */

static struct disk *disk_of(struct blk *b)
{
	return container_of(b, struct disk, blk);
}

static void pattern(struct disk *d, unsigned sector)
{
	for (unsigned i = 0; i < BLK_SECTOR; i++)
		d->bytes[sector * BLK_SECTOR + i] = (uint8_t)(1 + (sector * 37 + i) % 251);
}

static void on_disk(const struct disk *d, uint64_t off, uint64_t len)
{
	FUZZ_ORACLE(range_within(off, len, 0, DISK), "disk-range", "%llu bytes at %llu",
		    (unsigned long long)len, (unsigned long long)off);
	(void)d;
}

static int disk_read(struct blk *b, uint64_t off, void *buf, size_t len)
{
	on_disk(disk_of(b), off, len);
	memcpy(buf, disk_of(b)->bytes + off, len);
	return 0;
}

static int disk_change(struct blk *b, uint64_t off, const void *buf, uint64_t len)
{
	struct disk *d = disk_of(b);

	on_disk(d, off, len);
	FUZZ_ORACLE(!b->read_only, "disk-read-only", "%llu bytes are written",
		    (unsigned long long)len);
	changes++;
	for (uint64_t s = off / BLK_SECTOR; s * BLK_SECTOR < off + len; s++)
		d->written |= 1u << s;
	if (buf)
		memcpy(d->bytes + off, buf, len);
	else
		memset(d->bytes + off, 0, len);
	return 0;
}

static int disk_write(struct blk *b, uint64_t off, const void *buf, size_t len)
{
	return disk_change(b, off, buf, len);
}

static int disk_zero(struct blk *b, uint64_t off, uint64_t len)
{
	return disk_change(b, off, NULL, len);
}

static int disk_flush(struct blk *b)
{
	(void)b;
	return 0;
}

static const struct blk_ops disk_ops = {.name = "fuzz",
					.read = disk_read,
					.write = disk_write,
					.flush = disk_flush,
					.zero = disk_zero,
					.discard = disk_zero};

static void env(struct dev_env *e, unsigned variant)
{
	static struct blk *const both[] = {&disks[0].blk, &disks[1].blk};

	(void)variant;
	for (unsigned i = 0; i < ARRAY_SIZE(disks); i++) {
		disks[i].blk = (struct blk){.ops = &disk_ops, .size = DISK, .read_only = i == 1};
		for (unsigned s = 0; s < SECTORS; s++)
			pattern(&disks[i], s);
	}
	e->disk = both;
	e->nr_disks = ARRAY_SIZE(both);
}

static void begin(void)
{
	for (; disks[0].written; disks[0].written &= disks[0].written - 1)
		pattern(&disks[0], (unsigned)__builtin_ctz(disks[0].written));
}

/* A type, a sector, how much; then room for the status. */
static void request(unsigned queue)
{
	static const uint8_t types[] = {T_IN, T_OUT,	 T_FLUSH,	 T_GET_ID,
					T_IN, T_DISCARD, T_WRITE_ZEROES, T_OUT};
	uint8_t what = dq_u8(), where = dq_u8(), much = dq_u8(), header[HEADER] = {0}, segs[64];
	uint64_t sector = where < 0x80 ? where % (SECTORS + 2) : dq_value(8);
	uint8_t type = what < 0xf0 ? types[what & 7] : what & 15;
	uint32_t len = (much & 3) * BLK_SECTOR + (much & 0xc0 ? much >> 2 : 0), n;

	(void)queue;
	st_le32(header, type);
	st_le64(header + 8, sector);
	dq_out(header, sizeof(header));
	if (type == T_OUT) {
		dq_out_at(dq_room(len), len);
	} else if (type == T_DISCARD || type == T_WRITE_ZEROES) {
		for (n = 0; n <= (much & 3); n++) {
			st_le64(segs + 16 * n, sector + n);
			st_le32(segs + 16 * n + 8, much >> 2 & 7);
			st_le32(segs + 16 * n + 12, much >> 5 & 3);
		}
		dq_out(segs, 16 * n - (much >> 7));
	} else if (type != T_FLUSH) {
		dq_in(type == T_GET_ID && !(much & 0xc0) ? 20 : len);
	}
	if (!(what & 8))
		dq_in(1);
}

static void popped(struct dq_chain *c)
{
	uint8_t header[HEADER];

	if (dq_read(c, 0, header, sizeof(header)) != sizeof(header))
		return;
	c->note[0] = GOOD | ld_le32(header);
	c->note[1] = ld_le64(header + 8);
	before = changes;
}

/* May the device's stores have changed what it read? */
static bool eats_itself(const struct dq_chain *c)
{
	for (uint32_t i = 0; i < c->nr_out; i++)
		for (uint32_t k = c->nr_out; k < c->nr_out + c->nr_in; k++)
			if (range_overlaps(c->seg[i].gpa, c->seg[i].len, c->seg[k].gpa,
					   c->seg[k].len))
				return true;
	return false;
}

static void check_data(const struct dq_chain *c, uint64_t len, bool in)
{
	uint8_t data[DATA], *disk;
	uint64_t n = len < DATA ? len : DATA;

	FUZZ_ORACLE(c->note[1] <= SECTORS && len <= DISK - c->note[1] * BLK_SECTOR, "blk-beyond",
		    "%llu bytes at sector %llu were done", (unsigned long long)len,
		    (unsigned long long)c->note[1]);
	if (!dq_at_once(c) || eats_itself(c))
		return;
	disk = disks[W.variant == READ_ONLY].bytes + c->note[1] * BLK_SECTOR;
	n = in ? dq_stored(c, 0, data, n) : dq_read(c, HEADER, data, n);
	FUZZ_ORACLE(!memcmp(data, disk, n), "blk-data", "sector %llu has other bytes",
		    (unsigned long long)c->note[1]);
	if (in && n)
		depth_hit(read_done);
	else if (n)
		depth_hit(write_done);
}

static void used(const struct dq_chain *c, uint32_t len)
{
	uint8_t status = 0;

	if (!dq_at_once(c))
		depth_hit(came_late);
	if (W.variant == LIMITED && clock_now(&W.clock))
		depth_hit(limited);
	/* The status is last; without room for it, or with a gap before it, it is not counted. */
	if (!c->in_bytes || len != c->in_bytes)
		return;
	if (!dq_at_once(c))
		return;
	dq_stored(c, c->in_bytes - 1, &status, 1);
	FUZZ_ORACLE(status <= 2, "blk-status", "status %u", status);
	if (status == 1)
		depth_hit(io_error);
	if (status == 2)
		depth_hit(not_supported);
	if (status == 1 && c->note[1] >= SECTORS)
		depth_hit(beyond_the_end);
	if (status && ((uint32_t)c->note[0] == T_DISCARD || (uint32_t)c->note[0] == T_WRITE_ZEROES))
		FUZZ_ORACLE(changes == before, "blk-segments", "some are done, the request failed");
	FUZZ_ORACLE(status || c->note[0] & GOOD, "blk-header", "done without a whole header");
	if (status)
		return;
	switch ((uint32_t)c->note[0]) {
	case T_IN:
		check_data(c, c->in_bytes - 1, true);
		break;
	case T_OUT:
		check_data(c, c->out_bytes - HEADER, false);
		break;
	case T_FLUSH:
		depth_hit(flushed);
		break;
	case T_GET_ID:
		depth_hit(id_given);
		break;
	case T_DISCARD:
		depth_hit(discarded);
		break;
	case T_WRITE_ZEROES:
		depth_hit(zeroed);
		break;
	default:
		fuzz_oracle_fail("blk-type", "type %u was done", (unsigned)c->note[0]);
	}
}

static uint64_t hash(uint64_t seed)
{
	return hash64(seed, disks[0].bytes, DISK);
}

static const char *const variants[] = {
	"virtio-blk", "virtio-blk,queues=3,delay=5000", "virtio-blk,disk=1", "virtio-blk,errors=3",
	"virtio-blk,start=700,delay=300",
	/* two requests at once, then one each 5 us; 2 KiB each 100 us */
	"virtio-blk,iops=200000,burst_ops=2,bps=20M,burst=2K", NULL};
static const struct dq_spec spec = {.variants = variants,
				    .env = env,
				    .begin = begin,
				    .request = request,
				    .popped = popped,
				    .used = used,
				    .hash = hash};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
