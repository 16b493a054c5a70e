/* SPDX-License-Identifier: MIT */
/* cli, private: what the two halves of `vise bench virtio` share. */
#ifndef CLI_BENCH_VIRTIO_H
#define CLI_BENCH_VIRTIO_H

#include <vmm/net.h>
#include <vmm/vm.h>

#include "bench.h"

#define BENCH_BATCH 16u /* requests for each doorbell */

/* In the order of WORK in guests/bench/virtio.asm, from 1 on. */
enum bench_work {
	BENCH_BLK_READ,
	BENCH_BLK_WRITE,
	BENCH_RNG,
	BENCH_NET_64,
	BENCH_NET_1500,
	BENCH_WORKS
};
struct bench_work_of {
	const char *name, *device;
	uint32_t bytes;
	unsigned queue;
};
extern const struct bench_work_of bench_work[BENCH_WORKS];

/* A network that takes every frame and gives none: both sides have one. */
#define BENCH_NET "null"

/* Requests a second through the device alone, one measurement; -1 with (err). */
double bench_virtio_dev(enum bench_work work, bool packed, bool indirect, struct err *err);

#endif
