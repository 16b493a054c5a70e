/* SPDX-License-Identifier: MIT */
/*
 * tally as a struct dev_class, on Vise's own queues. Its second range is a register file of its own.
 *
 * BUG=1  used.len is what could have been written, not what was (CVE-2024-8612)
 * BUG=2  the length is read from the guest a second time, after it was checked (CVE-2024-51563)
 * BUG=3  an access to the register file is checked by its offset, not by its end (CVE-2024-41928)
 * BUG=4  a register of 32 bits is kept in 16, and divided by (mvm #1860)
 */
#include <vmm/virtio.h>

#include "tally.h"

#define TALLY_FILE 20u /* bytes of the register file */
#define FILE_LEN   0x20u
#define FILE_STEP  0x10u /* of it: a divisor, 32 bits */

struct tally {
	struct virtio v;
	uint16_t narrow; /* BUG=4 */
	uint8_t config[TALLY_CONFIG];
	uint8_t file[TALLY_FILE]; /* last */
};

static struct tally *tally_of(struct dev *d)
{
	return container_of(d, struct tally, v.dev);
}

static void answer(struct virtq *q, struct virtq_chain *c, const uint8_t *header)
{
	uint8_t data[TALLY_DATA] = {0}, out[4];
	uint32_t len = ld_le32(header + TALLY_LEN), sum = 0;
	int64_t n;

	if (len > TALLY_DATA)
		return;
	if (BUG == 2) {
		uint8_t again[TALLY_HEADER];

		(void)virtq_read(q, c, 0, again, sizeof(again));
		len = ld_le32(again + TALLY_LEN);
	}
	n = virtq_read(q, c, TALLY_HEADER, data, len);
	for (int64_t i = 0; i < n; i++)
		sum += data[i];
	if (header[TALLY_OP] == TALLY_COPY && n > 0) {
		(void)virtq_write(q, c, 0, data, (uint64_t)n);
	} else if (header[TALLY_OP] == TALLY_SUM) {
		st_le32(out, sum);
		(void)virtq_write(q, c, 0, out, sizeof(out));
	}
}

static void tally_notify(struct virtio *v, unsigned queue)
{
	struct virtq *q = &v->q[queue];
	uint8_t header[TALLY_HEADER];
	struct virtq_chain c;

	while (virtq_next(q, &c) == 1) {
		if (!c.error && virtq_read(q, &c, 0, header, sizeof(header)) == sizeof(header))
			answer(q, &c, header);
		if (BUG == 1 && !c.error)
			c.written = (uint32_t)c.in_bytes;
		if (virtio_complete(v, queue, &c))
			return;
	}
}

static void config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	memcpy(buf, tally_of(&v->dev)->config + off, len);
}

static const struct virtio_class tally_virtio = {.device_id = 62,
						 .features = 1u << 2,
						 .nr_queues = 1,
						 .queue_max = 16,
						 .config_len = TALLY_CONFIG,
						 .notify = tally_notify,
						 .config_read = config_read};

static uint64_t tally_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct tally *t = tally_of(d);
	uint8_t b[8] = {0};

	if (!range)
		return virtio_mmio_read(d, range, off, size);
	if (off < TALLY_FILE && (BUG == 3 || off + size <= TALLY_FILE))
		memcpy(b, t->file + off, size);
	return ld_le64(b);
}

static void tally_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct tally *t = tally_of(d);
	uint8_t b[8];

	if (!range) {
		virtio_mmio_write(d, range, off, size, val);
		return;
	}
	if (off == FILE_STEP && size == 4 && val) {
		t->narrow = (uint16_t)val;
		if (BUG == 4)
			t->config[0] = (uint8_t)(100 % t->narrow);
		else
			t->config[0] = (uint8_t)(100 % val);
	}
	st_le64(b, val);
	if (off + size <= TALLY_FILE)
		memcpy(t->file + off, b, size);
}

static int tally_init(struct dev *d, struct err *err)
{
	int rc = virtio_init(d, &tally_virtio, err);

	if (!rc)
		virtio_reset(d);
	return rc;
}

static const struct dev_range tally_ranges[] = {
	{"registers", BUS_MMIO, 0xd0000000, VIRTIO_MMIO_LEN},
	{"file", BUS_MMIO, 0xd0000200, FILE_LEN},
	{0}};
static const struct dev_opt tally_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), 5, 0, 23}, VIRTIO_OPTS, {0}};
static const struct state_field tally_state[] = {
	VIRTIO_STATE_FIELDS, STATE_U(struct tally, narrow, 0), STATE_RAW(struct tally, config),
	STATE_RAW(struct tally, file), STATE_END};

const struct dev_class dev_class_tally = {
	.name = "tally",
	.help = "sums and copies what it is sent",
	.size = offsetof(struct tally, file) + TALLY_FILE,
	.version = 1,
	.ranges = tally_ranges,
	.opts = tally_opts,
	.state = tally_state,
	.init = tally_init,
	.reset = virtio_reset,
	.read = tally_read,
	.write = tally_write,
	.regs = virtio_mmio_regs,
	.part = virtio_part,
	.post_load = virtio_post_load,
	.fini = virtio_fini,
};
