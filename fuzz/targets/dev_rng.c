/* SPDX-License-Identifier: MIT */
/*
 * dev_rng: virtio-rng through its queue, by the frame of fuzz/engine/dev_queue.h.
 * @modules dev
 *
 * Oracles beside the frame's: the bytes are those that the seed decides, from the first again after a
 * reset.
 */
#define DEV_QUEUE_CLASS dev_class_virtio_rng
#define DEV_QUEUE_DEPTH filled, filled_in_pieces, filled_to_the_bound, cut_short
#include <dev_queue.h>

#define REQUEST_MAX 65536u /* bytes that one request gets at most */
#define SHORT	    2u	   /* the variant of which the seed cuts requests short */
#define STEP	    512u   /* a whole number of 8 bytes is drawn for so many */

static struct rng model;

static void restart(void)
{
	model.s = DQ_SEED;
	model.s = rng_next(&model);
}

static void request(unsigned queue)
{
	uint8_t n = dq_u8();

	(void)queue;
	if (n & 0x80)
		dq_out_at(DQ_DATA, n & 0x1f);
	for (unsigned i = 0; i <= (n & 3); i++)
		dq_in(dq_length());
}

/* The sequence goes on with each request, in the order in which they are taken. */
static void popped(struct dq_chain *c)
{
	uint64_t total = c->in_bytes < REQUEST_MAX ? c->in_bytes : REQUEST_MAX;

	c->note[0] = model.s;
	for (uint64_t done = 0; done < total; done += STEP) {
		uint64_t n = total - done < STEP ? total - done : STEP;

		model.s += (n + 7) / 8 * 0x9e3779b97f4a7c15ull;
	}
	if (c->in_bytes > REQUEST_MAX)
		depth_hit(filled_to_the_bound);
}

static void used(const struct dq_chain *c, uint32_t len)
{
	struct rng r = {c->note[0]};
	uint8_t now[STEP], want[STEP];

	if (W.variant == SHORT) {
		depth_hit(cut_short);
		return;
	}
	FUZZ_ORACLE(len == (c->in_bytes < REQUEST_MAX ? c->in_bytes : REQUEST_MAX), "rng-len",
		    "%u bytes of %llu", len, (unsigned long long)c->in_bytes);
	for (uint64_t done = 0, n; done < len && dq_at_once(c); done += n) {
		n = dq_stored(c, done, now, len - done < STEP ? len - done : STEP);
		for (uint64_t i = 0; i < n; i += 8)
			st_le64(want + i, rng_next(&r));
		FUZZ_ORACLE(!memcmp(now, want, n), "rng-bytes", "other bytes than the seed's");
	}
	if (len)
		depth_hit(filled);
	if (c->nr_in > 1)
		depth_hit(filled_in_pieces);
}

static void check(void)
{
	if (!W.v->status)
		restart();
}

static const char *const variants[] = {"virtio-rng", "virtio-rng,delay=2000",
				       "virtio-rng,start=3000,short=3", NULL};
static const struct dq_spec spec = {.variants = variants,
				    .begin = restart,
				    .request = request,
				    .popped = popped,
				    .used = used,
				    .check = check};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
