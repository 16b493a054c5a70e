/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk: the block device, virtio 1.2 section 5.2, over one of the machine's disks.
 *
 * A request is a header of 16 bytes, data, and a status byte, which is the last device-writable one,
 * however the driver cuts them into descriptors (2.7.4). What a driver must not do has an outcome:
 * - no room for the status, or a malformed chain: completed with used.len 0, and a guest error;
 * - a header that is too short, data that is no whole number of sectors (or of 16-byte segments),
 *   a range beyond the disk, over REQUEST_MAX bytes: VIRTIO_BLK_S_IOERR, and nothing is transferred;
 * - a request or a flag that is not known or was not negotiated: VIRTIO_BLK_S_UNSUPP.
 * used.len counts the bytes stored without a gap from the first on (2.7.8.2), so the status counts
 * only if all before it was stored.
 *
 * A limit of operations or bytes a second leaves requests in the queue until there are tokens for more; a
 * request is known when it was done, so it is paid for afterwards. A reset fills the buckets. There is one
 * over all requests, one for reads, and one for writes, discards and zeroing: the next request is looked at
 * while it is in the queue, where the others wait behind it; other queues do not.
 *
 * Bounds: a request moves REQUEST_MAX bytes at most; a discard or zero request has SEGS segments of
 * SEG_SECTORS at most.
 */
#include <errno.h>
#include <stdio.h>

#include <vmm/virtio.h>

#include "virtio_limit.h"

#define BLK_DEVICE_ID 2u /* section 5 */
#define BLK_QUEUE_MAX 256u
#define BLK_QUEUES    8u
#define BLK_IRQ	      5u
#define BLK_BASE      0xd0000000u
#define REQUEST_MAX   (16u << 20)
#define SEGS	      8u
#define SEG_SECTORS   8192u
#define ID_LEN	      20u
#define PIECE	      4096u /* bytes that are moved at once */

/* Feature bits, 5.2.3 */
enum {
	F_SEG_MAX = 2,
	F_RO = 5,
	F_BLK_SIZE = 6,
	F_FLUSH = 9,
	F_TOPOLOGY = 10,
	F_CONFIG_WCE = 11,
	F_MQ = 12,
	F_DISCARD = 13,
	F_WRITE_ZEROES = 14,
};
#define BIT(n) (1ull << (n))

/* 5.2.6 */
enum request {
	T_IN = 0,
	T_OUT = 1,
	T_FLUSH = 4,
	T_GET_ID = 8,
	T_DISCARD = 11,
	T_WRITE_ZEROES = 13,
};
#define T_NONE UINT32_MAX /* of ours: no request was read */
enum status { S_OK, S_IOERR, S_UNSUPP };
#define HEADER_LEN 16u
#define SEG_LEN	   16u
#define SEG_UNMAP  1u

/* struct virtio_blk_config, 5.2.4 */
enum config {
	C_CAPACITY = 0,
	C_SEG_MAX = 12,
	C_BLK_SIZE = 20,
	C_PHYSICAL_EXP = 24,
	C_ALIGNMENT = 25,
	C_MIN_IO = 26,
	C_OPT_IO = 28,
	C_WRITEBACK = 32,
	C_NUM_QUEUES = 34,
	C_MAX_DISCARD_SECTORS = 36,
	C_MAX_DISCARD_SEG = 40,
	C_DISCARD_ALIGNMENT = 44,
	C_MAX_ZEROES_SECTORS = 48,
	C_MAX_ZEROES_SEG = 52,
	C_ZEROES_MAY_UNMAP = 56,
	CONFIG_LEN = 60,
};

#define PHYSICAL_EXP  3u /* a physical block is 2^3 sectors of 512 */
#define OPT_IO_BLOCKS 128u

struct virtio_blk {
	struct virtio v;
	struct blk *disk;
	uint64_t number, queues; /* options */
	bool writeback;
	struct virtio_limit limit, reads, writes;
};

/* A request while it is worked on. */
struct io {
	struct virtio_blk *b;
	struct virtq *q;
	struct virtq_chain *c;
	uint64_t off, len; /* on the disk, bytes; len is that of the data */
	uint64_t room;	   /* device-writable bytes before the status */
	uint32_t type;
};

static struct virtio_blk *blk_of(struct dev *d)
{
	return container_of(d, struct virtio_blk, v.dev);
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* The data of a read or write lies on the disk, in whole sectors, and is not too much. */
static bool good_range(const struct io *io, uint64_t sector, uint64_t len)
{
	uint64_t off;

	if (len % BLK_SECTOR || len > REQUEST_MAX || mul_wraps(sector, BLK_SECTOR, &off))
		return false;
	return range_within(off, len, 0, io->b->disk->size);
}

static enum status do_in(struct io *io)
{
	uint8_t buf[PIECE];

	for (uint64_t done = 0; done < io->room;) {
		uint64_t n = io->room - done < PIECE ? io->room - done : PIECE;

		if (blk_read(io->b->disk, io->off + done, buf, n) ||
		    virtq_write(io->q, io->c, done, buf, n) != (int64_t)n)
			return S_IOERR;
		done += n;
	}
	return S_OK;
}

static enum status do_flush(struct io *io)
{
	return blk_flush(io->b->disk) ? S_IOERR : S_OK;
}

static enum status do_out(struct io *io)
{
	uint8_t buf[PIECE];

	if (io->b->disk->read_only)
		return S_IOERR;
	for (uint64_t done = 0; done < io->len;) {
		uint64_t n = io->len - done < PIECE ? io->len - done : PIECE;

		if (virtq_read(io->q, io->c, HEADER_LEN + done, buf, n) != (int64_t)n ||
		    blk_write(io->b->disk, io->off + done, buf, n))
			return S_IOERR;
		done += n;
	}
	/* 5.2.6.2: a driver that did not take FLUSH, or switched the cache off, has it written now. */
	if (!virtio_has(&io->b->v, F_FLUSH) || !io->b->writeback)
		return do_flush(io);
	return S_OK;
}

static enum status do_get_id(struct io *io)
{
	char id[ID_LEN + 1] = {0};
	uint64_t n = io->room < ID_LEN ? io->room : ID_LEN;

	(void)snprintf(id, sizeof(id), "vise-disk-%u", (unsigned)io->b->number);
	return virtq_write(io->q, io->c, 0, id, n) == (int64_t)n ? S_OK : S_IOERR;
}

/* All segments are judged before the first is carried out. */
static enum status do_segments(struct io *io, enum request type)
{
	uint8_t seg[SEGS * SEG_LEN];
	unsigned nr = (unsigned)(io->len / SEG_LEN);

	if (!io->len || io->len % SEG_LEN || io->len > sizeof(seg) || io->b->disk->read_only)
		return S_IOERR;
	if (virtq_read(io->q, io->c, HEADER_LEN, seg, io->len) != (int64_t)io->len)
		return S_IOERR;
	for (unsigned i = 0; i < nr; i++) {
		uint64_t sectors = ld_le32(&seg[i * SEG_LEN + 8]);
		uint32_t flags = ld_le32(&seg[i * SEG_LEN + 12]);

		/* 5.2.6.2: reserved bits, and unmap for a discard, are unsupported. */
		if (flags & ~(type == T_DISCARD ? 0 : SEG_UNMAP))
			return S_UNSUPP;
		if (sectors > SEG_SECTORS ||
		    !good_range(io, ld_le64(&seg[i * SEG_LEN]), sectors * BLK_SECTOR))
			return S_IOERR;
	}
	for (unsigned i = 0; i < nr; i++) {
		uint64_t off = ld_le64(&seg[i * SEG_LEN]) * BLK_SECTOR;
		uint64_t len = (uint64_t)ld_le32(&seg[i * SEG_LEN + 8]) * BLK_SECTOR;

		if (type == T_DISCARD ? blk_discard(io->b->disk, off, len)
				      : blk_zero(io->b->disk, off, len))
			return S_IOERR;
	}
	return S_OK;
}

static enum status do_request(struct io *io)
{
	uint8_t header[HEADER_LEN];
	uint32_t type;
	uint64_t sector;

	if (virtq_read(io->q, io->c, 0, header, sizeof(header)) != HEADER_LEN)
		return S_IOERR;
	type = io->type = ld_le32(header);
	sector = ld_le64(&header[8]);
	io->len = io->c->out_bytes - HEADER_LEN;
	if (virtio_fails(&io->b->v))
		return S_IOERR;
	switch (type) {
	case T_IN:
	case T_OUT:
		if (!good_range(io, sector, type == T_IN ? io->room : io->len))
			return S_IOERR;
		io->off = sector * BLK_SECTOR;
		return type == T_IN ? do_in(io) : do_out(io);
	case T_FLUSH:
		return virtio_has(&io->b->v, F_FLUSH) ? do_flush(io) : S_UNSUPP;
	case T_GET_ID:
		return do_get_id(io);
	case T_DISCARD:
		return virtio_has(&io->b->v, F_DISCARD) ? do_segments(io, T_DISCARD) : S_UNSUPP;
	case T_WRITE_ZEROES:
		return virtio_has(&io->b->v, F_WRITE_ZEROES) ? do_segments(io, T_WRITE_ZEROES)
							     : S_UNSUPP;
	default:
		return S_UNSUPP;
	}
}

/* The limit of one direction that a request is under; NULL: none but the one over all. */
static struct virtio_limit *direction(struct virtio_blk *b, uint32_t type)
{
	switch (type) {
	case T_IN:
		return &b->reads;
	case T_OUT:
	case T_DISCARD:
	case T_WRITE_ZEROES:
		return &b->writes;
	default:
		return NULL;
	}
}

/* Does it, and has the limits charged for it. */
static void serve(struct virtio_blk *b, struct virtq *q, struct virtq_chain *c)
{
	struct io io = {.b = b, .q = q, .c = c, .type = T_NONE};
	struct virtio_limit *l;
	uint64_t bytes;
	uint8_t status;
	uint32_t stored;

	if (c->error || !c->in_bytes) {
		dev_guest_error(&b->v.dev, "virtio-blk: a request without room for its status",
				c->head, c->error);
		virtio_limit_charge(&b->limit, 0);
		return;
	}
	io.room = c->in_bytes - 1;
	status = (uint8_t)do_request(&io);
	stored = c->written;
	if (virtq_write(q, c, io.room, &status, 1) != 1 || stored != io.room)
		c->written = stored;
	bytes = io.len > io.room ? io.len : io.room;
	virtio_limit_charge(&b->limit, bytes);
	l = direction(b, io.type);
	if (l)
		virtio_limit_charge(l, bytes);
}

/* ---- limits -------------------------------------------------------------------------------------- */

static void look_again(struct virtio *v)
{
	for (unsigned i = 0; i < v->nr_queues; i++)
		virtio_limit_ring(v, i);
}

/* May the next request begin, by all limits? It stays in the queue, and is judged anew when it is taken. */
static bool may_begin(struct virtio_blk *b, struct virtq *q)
{
	struct virtio_limit *l = NULL;
	struct virtq_chain c;
	uint8_t type[4];

	if (!virtio_limit_may(&b->limit))
		return false;
	if ((virtio_limit_is_on(&b->reads) || virtio_limit_is_on(&b->writes)) &&
	    virtq_peek(q, &c) == 1 && virtq_read(q, &c, 0, type, sizeof(type)) == sizeof(type))
		l = direction(b, ld_le32(type));
	return !l || virtio_limit_may(l);
}

static void blk_notify(struct virtio *v, unsigned queue)
{
	struct virtio_blk *b = blk_of(&v->dev);
	struct virtq *q = &v->q[queue];
	struct virtq_chain c;

	while (may_begin(b, q) && virtq_next(q, &c) == 1) {
		serve(b, q, &c);
		if (virtio_complete(v, queue, &c))
			return;
	}
}

static const struct state_table *blk_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio_blk *b = container_of(d, const struct virtio_blk, v.dev);
	const struct virtio_limit *const limits[] = {&b->limit, &b->reads, &b->writes};

	return virtio_limit_part(limits, ARRAY_SIZE(limits), &i, obj) ? &virtio_limit_state
								      : virtio_part(d, i, obj);
}

static int blk_post_load(struct dev *d, struct err *err)
{
	struct virtio_blk *b = blk_of(d);
	int rc = virtio_limit_post_load(&b->limit, err);

	rc = rc ? rc : virtio_limit_post_load(&b->reads, err);
	rc = rc ? rc : virtio_limit_post_load(&b->writes, err);
	return rc ? rc : virtio_post_load(d, err);
}

/* ---- configuration ------------------------------------------------------------------------------- */

/* Header and status take a descriptor each; a queue that has no more takes data with either. */
static uint32_t seg_max(const struct virtio *v)
{
	return v->q[0].num_max > 3 ? v->q[0].num_max - 2 : 1;
}

static void blk_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	const struct virtio_blk *b = blk_of(&v->dev);
	uint8_t c[CONFIG_LEN] = {0};

	st_le64(&c[C_CAPACITY], b->disk->size / BLK_SECTOR);
	st_le32(&c[C_SEG_MAX], seg_max(v));
	st_le32(&c[C_BLK_SIZE], BLK_SECTOR);
	c[C_PHYSICAL_EXP] = PHYSICAL_EXP;
	st_le16(&c[C_MIN_IO], 1u << PHYSICAL_EXP);
	st_le32(&c[C_OPT_IO], OPT_IO_BLOCKS);
	c[C_WRITEBACK] = b->writeback;
	st_le16(&c[C_NUM_QUEUES], (uint16_t)v->nr_queues);
	st_le32(&c[C_MAX_DISCARD_SECTORS], SEG_SECTORS);
	st_le32(&c[C_MAX_DISCARD_SEG], SEGS);
	st_le32(&c[C_DISCARD_ALIGNMENT], 1);
	st_le32(&c[C_MAX_ZEROES_SECTORS], SEG_SECTORS);
	st_le32(&c[C_MAX_ZEROES_SEG], SEGS);
	c[C_ZEROES_MAY_UNMAP] = 1;
	memcpy(buf, &c[off], len);
}

/* 5.2.4: writeback alone is the driver's to write, when CONFIG_WCE was negotiated. */
static void blk_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	struct virtio_blk *b = blk_of(&v->dev);
	uint8_t val = *(const uint8_t *)buf;

	if (off != C_WRITEBACK || len != 1 || val > 1 || !virtio_has(v, F_CONFIG_WCE)) {
		dev_guest_error(&v->dev, "virtio-blk: write of a field that is not the driver's",
				off, len);
		return;
	}
	/* 5.2.5.2: what was written so far is safe when the cache is off. */
	if (b->writeback && !val)
		(void)blk_flush(b->disk);
	b->writeback = val;
}

/* ---- the class ----------------------------------------------------------------------------------- */

static const struct virtio_class blk_class = {
	.device_id = BLK_DEVICE_ID,
	.features = BIT(F_SEG_MAX) | BIT(F_BLK_SIZE) | BIT(F_FLUSH) | BIT(F_TOPOLOGY) |
		    BIT(F_CONFIG_WCE) | BIT(F_DISCARD) | BIT(F_WRITE_ZEROES),
	.nr_queues = BLK_QUEUES,
	.queue_max = BLK_QUEUE_MAX,
	.config_len = CONFIG_LEN,
	.notify = blk_notify,
	.config_read = blk_config_read,
	.config_write = blk_config_write,
};

static void blk_reset(struct dev *d)
{
	struct virtio_blk *b = blk_of(d);

	virtio_reset(d);
	virtio_limit_reset(&b->limit);
	virtio_limit_reset(&b->reads);
	virtio_limit_reset(&b->writes);
}

static void blk_fini(struct dev *d)
{
	struct virtio_blk *b = blk_of(d);

	virtio_limit_fini(&b->limit);
	virtio_limit_fini(&b->reads);
	virtio_limit_fini(&b->writes);
	virtio_fini(d);
}

static int blk_init(struct dev *d, struct err *err)
{
	struct virtio_blk *b = blk_of(d);
	int rc;

	if (b->number >= d->env.nr_disks)
		return err_set(
			err, -EINVAL,
			"device virtio-blk: there is no disk %u: the machine has %u; give one",
			(unsigned)b->number, d->env.nr_disks);
	b->disk = d->env.disk[b->number];
	rc = virtio_init(d, &blk_class, err);
	rc = rc ? rc : virtio_limit_init(&b->limit, &b->v, look_again, err);
	rc = rc ? rc : virtio_limit_init(&b->reads, &b->v, look_again, err);
	rc = rc ? rc : virtio_limit_init(&b->writes, &b->v, look_again, err);
	if (rc)
		return rc;
	b->v.nr_queues = (unsigned)b->queues;
	if (b->queues > 1)
		b->v.features |= BIT(F_MQ);
	if (b->disk->read_only)
		b->v.features = (b->v.features | BIT(F_RO)) &
				~(BIT(F_DISCARD) | BIT(F_WRITE_ZEROES) | BIT(F_CONFIG_WCE));
	blk_reset(d);
	return 0;
}

static const struct dev_range blk_ranges[] = {
	{"registers", BUS_MMIO, BLK_BASE, VIRTIO_MMIO_LEN},
	{0},
};

static const struct dev_opt blk_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), BLK_IRQ, 0, 23},
	{"disk", "which of the machine's disks", offsetof(struct virtio_blk, number), 0, 0, 63},
	{"queues", "how many request queues", offsetof(struct virtio_blk, queues), 1, 1,
	 BLK_QUEUES},
	VIRTIO_LIMIT_OPTS(struct virtio_blk, limit, "", ", over all queues", "iops"),
	VIRTIO_LIMIT_OPTS(struct virtio_blk, reads, "read_", ", of reads", "iops"),
	VIRTIO_LIMIT_OPTS(struct virtio_blk, writes, "write_", ", of writes", "iops"),
	VIRTIO_OPTS,
	VIRTIO_OPT_ERRORS,
	{0},
};

static const struct state_field blk_state[] = {
	VIRTIO_STATE_FIELDS,
	STATE_B(struct virtio_blk, writeback, 1),
	STATE_END,
};

const struct dev_class dev_class_virtio_blk = {
	.name = "virtio-blk",
	.help = "virtio block device over virtio-mmio, on one of the machine's disks",
	.size = sizeof(struct virtio_blk),
	.version = 2,
	.ranges = blk_ranges,
	.opts = blk_opts,
	.state = blk_state,
	.init = blk_init,
	.reset = blk_reset,
	.regs = virtio_mmio_regs,
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
	.part = blk_part,
	.post_load = blk_post_load,
	.fini = blk_fini,
};
