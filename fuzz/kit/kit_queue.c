/* SPDX-License-Identifier: MIT */
/*
 * kit_queue: a foreign virtio model (VIRTIO_MMIO_CLASS_HOOKS, virtq) through its queues, split and packed,
 * by the frame of dev_queue.h, which lists the oracles. A request is some bytes, then buffers to write to.
 */
#define DEV_QUEUE_DEPTH request_made, request_used
#include <dev_queue.h>

#include "kit_class.h"

static void request(unsigned queue)
{
	uint8_t n = dq_u8(), b[32];

	(void)queue;
	for (unsigned i = 0; i < n % sizeof(b); i++)
		b[i] = dq_u8();
	if (n % sizeof(b))
		dq_out(b, n % sizeof(b));
	if (n & 0x20)
		dq_out_at(dq_address(), dq_length());
	if (n & 0x40)
		dq_in(dq_length());
	if (n & 0x80)
		dq_in(dq_length());
	depth_hit(request_made);
}

static void used(const struct dq_chain *c, uint32_t len)
{
	(void)c;
	if (len)
		depth_hit(request_used);
}

static void env(struct dev_env *e, unsigned variant)
{
	(void)variant;
	if (kit_env)
		kit_env(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const variants[] = {KIT_OPTS, NULL};
	static struct dq_spec spec = {
		.variants = variants, .request = request, .used = used, .env = env};

	if (!spec.cls) {
		spec.cls = kit_class();
		spec.holds = &kit_holds ? kit_holds : 0;
		spec.begin = kit_begin;
		spec.event = kit_event;
		spec.check = kit_check;
		spec.may_write = kit_may_write;
		FUZZ_ORACLE(spec.cls->regs == virtio_mmio_regs, "set-up",
			    "%s is no virtio model: leave QUEUES away", spec.cls->name);
	}
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
