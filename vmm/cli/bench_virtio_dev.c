/* SPDX-License-Identifier: MIT */
/*
 * bench virtio, the devices alone: a driver in this process offers requests, 16 for each doorbell, and
 * takes them back. No CPU, no bus: what is measured is the driver's side, the transport's doorbell, the
 * queue, the device and its back end.
 */
#include <errno.h>
#include <stdlib.h>

#include <vmm/virtio.h>
#include <vmm/virtq_driver.h>

#include "bench_virtio.h"
#include "fuzz.h"

#define RAM	 (1u << 20)
#define RINGS	 0x1000u
#define TABLES	 0x8000u  /* an indirect table of 64 bytes a request */
#define HEADERS	 0x9000u  /* 16 bytes a request */
#define STATUSES 0xa000u  /* a byte a request */
#define DATA	 0x10000u /* a page a request */
#define NUM	 64u
#define BLOCK	 4096u
#define SECTOR	 512u
#define SLICE_NS 20000000ull /* one measurement takes at least this */

struct world {
	struct gmem *mem;
	struct clock clock;
	struct blk *disk;
	struct net *net;
	struct dev *dev;
	struct virtq_driver split;
	struct virtq_pdriver *packed;
	bool is_packed, indirect;
	int head[BENCH_BATCH]; /* split: written once */
	struct virtq_buf bufs[BENCH_BATCH][3];
	unsigned nr_bufs, queue;
};

static void reg(struct world *w, enum virtio_mmio_reg r, uint64_t val)
{
	dev_write(w->dev, 0, r, 4, val);
}

static void set_address(struct world *w, enum virtio_mmio_reg low, uint64_t addr)
{
	reg(w, low, (uint32_t)addr);
	reg(w, low + 4, addr >> 32);
}

/* 3.1.1, as a driver does it. */
static int bring_up(struct world *w, struct err *err)
{
	const uint32_t up = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK;
	const uint32_t high = 1u | (uint32_t)w->is_packed << (VIRTIO_F_RING_PACKED - 32);

	reg(w, VIRTIO_MMIO_STATUS, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
	reg(w, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg(w, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_F_INDIRECT_DESC);
	reg(w, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg(w, VIRTIO_MMIO_DRIVER_FEATURES, high);
	reg(w, VIRTIO_MMIO_STATUS, up);
	reg(w, VIRTIO_MMIO_QUEUE_SEL, w->queue);
	reg(w, VIRTIO_MMIO_QUEUE_NUM, NUM);
	set_address(w, VIRTIO_MMIO_QUEUE_DESC_LOW, w->is_packed ? w->packed->desc : w->split.desc);
	set_address(w, VIRTIO_MMIO_QUEUE_DRIVER_LOW,
		    w->is_packed ? w->packed->avail : w->split.avail);
	set_address(w, VIRTIO_MMIO_QUEUE_DEVICE_LOW,
		    w->is_packed ? w->packed->used : w->split.used);
	reg(w, VIRTIO_MMIO_QUEUE_READY, 1);
	reg(w, VIRTIO_MMIO_STATUS, up | VIRTIO_S_DRIVER_OK);
	if (dev_read(w->dev, 0, VIRTIO_MMIO_QUEUE_READY, 4) != 1 ||
	    dev_read(w->dev, 0, VIRTIO_MMIO_STATUS, 4) != (up | VIRTIO_S_DRIVER_OK))
		return err_set(err, -EIO, "%s does not come up", w->dev->cls->name);
	return 0;
}

static bool is_block(enum bench_work work)
{
	return work == BENCH_BLK_READ || work == BENCH_BLK_WRITE;
}

/* What a request is made of, at its place; headers are written here, once. */
static void lay_out(struct world *w, enum bench_work work)
{
	for (unsigned i = 0; i < BENCH_BATCH; i++) {
		uint64_t data = DATA + i * BLOCK;
		uint8_t header[16] = {0};

		if (!is_block(work)) {
			w->bufs[i][0] =
				(struct virtq_buf){data, bench_work[work].bytes, work == BENCH_RNG};
			w->nr_bufs = 1;
			continue;
		}
		header[0] = work == BENCH_BLK_WRITE;
		st_le64(&header[8], (uint64_t)i * (BLOCK / SECTOR));
		gmem_write(w->mem, HEADERS + i * sizeof(header), header, sizeof(header));
		w->bufs[i][0] =
			(struct virtq_buf){HEADERS + i * sizeof(header), sizeof(header), false};
		w->bufs[i][1] = (struct virtq_buf){data, BLOCK, work == BENCH_BLK_READ};
		w->bufs[i][2] = (struct virtq_buf){STATUSES + i, 1, true};
		w->nr_bufs = 3;
	}
}

static int open_world(struct world *w, enum bench_work work, bool packed, bool indirect,
		      struct err *err)
{
	struct dev_env env = {.clock = &w->clock, .disk = &w->disk, .net = &w->net};
	char spec[64];
	int rc;

	*w = (struct world){.is_packed = packed, .indirect = indirect};
	w->queue = bench_work[work].queue;
	clock_init(&w->clock);
	rc = gmem_new(&w->mem, err);
	if (!rc)
		rc = gmem_add(w->mem, 0, RAM, GMEM_RAM, err);
	if (!rc)
		rc = blk_mem_new(&w->disk, RAM, err);
	if (!rc)
		rc = net_open(&w->net, BENCH_NET, &(struct net_env){.clock = &w->clock}, err);
	env.mem = w->mem;
	env.nr_disks = 1;
	env.nr_nets = 1;
	(void)snprintf(spec, sizeof(spec), "%s,packed=%u", bench_work[work].device, packed);
	if (!rc)
		rc = dev_new(&w->dev, spec, &env, err);
	w->packed = calloc(1, sizeof(*w->packed));
	if (!rc && !w->packed)
		rc = err_set(err, -ENOMEM, "no memory for a driver");
	if (!rc)
		rc = packed ? virtq_pdriver_init(w->packed, w->mem, NUM, RINGS, false)
			    : virtq_driver_init(&w->split, w->mem, NUM, RINGS, false);
	if (rc)
		return rc;
	lay_out(w, work);
	for (unsigned i = 0; i < BENCH_BATCH && !packed; i++) {
		w->head[i] = indirect ? virtq_driver_indirect(&w->split, TABLES + i * 64,
							      w->bufs[i], w->nr_bufs)
				      : virtq_driver_chain(&w->split, w->bufs[i], w->nr_bufs);
		if (w->head[i] < 0)
			return err_set(err, w->head[i], "no room for the requests");
	}
	if (!packed)
		virtq_driver_suppress(&w->split, true, 0);
	else
		virtq_pdriver_event(w->packed, 0, VIRTQ_EVENT_DISABLE);
	return bring_up(w, err);
}

static void close_world(struct world *w)
{
	dev_free(w->dev);
	blk_close(w->disk);
	net_close(w->net);
	gmem_free(w->mem);
	free(w->packed);
}

/* One doorbell's worth. How many came back. */
static unsigned batch(struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BENCH_BATCH; i++) {
		if (!w->is_packed)
			virtq_driver_offer(&w->split, (uint16_t)w->head[i]);
		else if (w->indirect)
			virtq_pdriver_indirect(w->packed, TABLES + i * 64, w->bufs[i], w->nr_bufs,
					       (uint16_t)i);
		else
			virtq_pdriver_put(w->packed, w->bufs[i], w->nr_bufs, (uint16_t)i);
	}
	if (!w->is_packed)
		virtq_driver_publish(&w->split);
	reg(w, VIRTIO_MMIO_QUEUE_NOTIFY, w->queue);
	if (w->is_packed) {
		uint16_t id;
		uint32_t len;

		while (n < BENCH_BATCH && virtq_pdriver_used(w->packed, &id, &len))
			n++;
	} else {
		uint32_t id, len;

		while (n < BENCH_BATCH && virtq_driver_used(&w->split, &id, &len))
			n++;
	}
	return n;
}

/* Did the last batch do what it was asked? */
static bool good_work(struct world *w, enum bench_work work)
{
	uint8_t status[BENCH_BATCH], sum = 0;

	if (!is_block(work))
		return true;
	if (gmem_read(w->mem, STATUSES, status, sizeof(status)))
		return false;
	for (unsigned i = 0; i < BENCH_BATCH; i++)
		sum |= status[i];
	return !sum;
}

double bench_virtio_dev(enum bench_work work, bool packed, bool indirect, struct err *err)
{
	uint64_t start, now, n = 0;
	struct world w;
	int rc = open_world(&w, work, packed, indirect, err);

	/* What a status was before is not 0, so that one that is was written. */
	if (!rc)
		for (unsigned i = 0; i < BENCH_BATCH; i++)
			gmem_write(w.mem, STATUSES + i, &(uint8_t){0xee}, 1);
	now = start = cli_now_ns();
	while (!rc && now - start < SLICE_NS) {
		for (unsigned i = 0; i < 64 && !rc; i++)
			if (batch(&w) != BENCH_BATCH)
				rc = err_set(err, -EIO, "%s keeps requests",
					     bench_work[work].device);
		n += 64ull * BENCH_BATCH;
		now = cli_now_ns();
	}
	if (!rc && !good_work(&w, work))
		rc = err_set(err, -EIO, "%s fails a request", bench_work[work].device);
	close_world(&w);
	return rc ? -1 : (double)n * 1e9 / (double)(now - start);
}
