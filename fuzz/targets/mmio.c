/* SPDX-License-Identifier: MIT */
/*
 * mmio: accesses of any size to any address through the bus into virtio-mmio, the UART, the PIC and
 * the test device, with a driver's memory, virtual time and resets between them. The input's form is
 * in fuzz/engine/mmio_prog.h.
 * @modules dev
 *
 * Oracles: what a doorbell does is foretold by an independent model (fuzz/engine/virtq_model.h):
 * used elements, lengths, the bytes that change, the interrupt. Queues keep what the transport may
 * not let go: sizes in range, nothing changes while ready. A value read fits its size. Ranges at the
 * end of each space hold what a byte at a time would. On inputs for dear checks: reset gives the
 * fresh state, save and load change nothing, the same input twice ends in the same state, a device
 * that no access was of is as it was made.
 */
#include <depth.h>
#include <oracle.h>
#include <stats.h>

/* The driver, the model and the devices that live here are no subjects. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif
#include <vmm/virtio.h>

DEPTH_COUNTERS(driver_ok, features_refused, queue_enabled, queue_refused, queue_stopped,
	       frozen_write, size_refused, notified, notify_gated, chain_completed, chain_malformed,
	       chain_indirect, chain_of_several, bytes_stored, queue_broken, status_reset,
	       virtio_interrupt, interrupt_suppressed, interrupt_acked, config_read, config_written,
	       config_edge, odd_register_access, uart_out, uart_in, uart_loopback, uart_overrun,
	       uart_timeout, uart_divisor, uart_line, pic_ack_master, pic_ack_slave, pic_spurious,
	       pic_none, pic_poll, elcr_set, test_scratch, test_window, test_timer, test_hostop,
	       test_assert, test_nmi, msr_read, msr_fault, console_out, exit_written, unmapped,
	       access_cut, pc_line, power_asked, top_of_mmio, top_of_pio, clock_stepped,
	       device_reset, saved_and_loaded, reset_compared, run_twice);

#include <mmio_driver.h>
#include <mmio_ops.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_OPS 64u

/* ---- one input -------------------------------------------------------------------------------- */

/* A page that was written: as the picture has it? Then make the picture's zero again. */
static void check_page(void *ctx, uint64_t gpa)
{
	const uint8_t *now = gmem_ro(M.g, gpa, GMEM_PAGE);

	(void)ctx;
	if (fuzz_page_take(now, picture + gpa))
		return;
	for (unsigned i = 0; i < GMEM_PAGE; i++)
		FUZZ_ORACLE(now[i] == picture[gpa + i], "write-set",
			    "byte %#llx is %#x, model: %#x", (unsigned long long)gpa + i, now[i],
			    picture[gpa + i]);
}

static void hash_page(void *ctx, uint64_t gpa)
{
	uint64_t *hash = ctx;

	*hash = hash64(*hash ^ gpa, gmem_ro(M.g, gpa, GMEM_PAGE), GMEM_PAGE);
}

/* Name what differs: the JSON from a little before the place on. */
static void check_fresh(unsigned i)
{
	struct buf now = {0};
	const char *a = buf_str(&M.fresh[i]), *b;
	size_t at = 0, from;

	if (dev_hash(M.d[i], 0) == M.fresh_hash[i])
		return;
	dev_json(M.d[i], &now);
	b = buf_str(&now);
	while (a[at] && a[at] == b[at])
		at++;
	for (from = at; from && a[from] != ','; from--)
		;
	fuzz_oracle_fail("reset", "device %s: fresh %.60s, reset %.60s", M.d[i]->cls->name,
			 a + from, b + from);
}

static void begin(const uint8_t *data, size_t size)
{
	memset(R.ring, 0, sizeof(R.ring));
	memset(R.frozen, 0, sizeof(R.frozen));
	memset(R.sized, 0, sizeof(R.sized));
	memset(R.top, 0, sizeof(R.top));
	memset(R.low, 0, sizeof(R.low));
	R.p = data;
	R.end = data + size;
	R.lines = 0;
	R.intr = false;
	R.saved = false;
	R.touched = R.accesses = R.mapped = 0;
	for (unsigned which = 0; which < 2; which++)
		for (unsigned q = 0; q < MMIO_ECHO_QUEUES; q++)
			R.ring[which][q] = (struct ring){.desc = MMIO_RINGS(which, q),
							 .avail = MMIO_RINGS(which, q) + 0x80,
							 .used = MMIO_RINGS(which, q) + 0xc0,
							 .num = 8};
	R.w.ram = picture;
	rng_restart();
}

/* By the devices' own resets, which must give the fresh state. */
static void reset_all(void)
{
	/* The PIC last: the others lower their lines. */
	for (unsigned i = 0; i < DEVICES; i++) {
		if (i != PIC)
			dev_reset(M.d[i]);
	}
	dev_reset(M.d[PIC]);
	FUZZ_ORACLE(clock_next(&M.clock) == CLOCK_NEVER, "reset-timer", "a timer is still armed");
	for (unsigned i = 0; i < DEVICES; i++)
		check_fresh(i);
}

/*
 * A virtio device as it was made. Its queues' maps of heads in flight are by far the most of it and
 * hold no bit beyond the queue's size, unless a check that is dear says otherwise.
 */
static void remake_virtio(unsigned i)
{
	struct virtio *v = container_of(M.d[i], struct virtio, dev);
	const struct virtio *was = M.image[i];
	const size_t map = offsetof(struct virtq, in_flight_map),
		     behind = offsetof(struct virtq, mem),
		     end = offsetof(struct virtio, q) + sizeof(v->q);

	memcpy(v, was, offsetof(struct virtio, q));
	for (unsigned k = 0; k < v->vc->nr_queues; k++) {
		memcpy(&v->q[k], &was->q[k], map);
		memset(v->q[k].in_flight_map, 0, (v->q[k].num_max + 63) / 64 * 8);
		memcpy((char *)&v->q[k] + behind, (const char *)&was->q[k] + behind,
		       sizeof(v->q[k]) - behind);
	}
	memcpy((char *)v + end, (const char *)was + end, M.d[i]->cls->size - end);
}

static void finish(void)
{
	gmem_dirty_each(M.g, check_page, NULL);
	FUZZ_ORACLE(!gmem_restore(M.g, M.snap), "gmem", "memory can't be put back");
	if (R.dear && !R.again)
		reset_all();
	/* The quick way: instances as they were made. What they point to does not change. */
	for (unsigned i = 0; i < DEVICES; i++) {
		if (!(R.touched >> i & 1))
			continue;
		if (!R.dear && (i == RNG || i == ECHO))
			remake_virtio(i);
		else
			memcpy(M.d[i], M.image[i], M.d[i]->cls->size);
	}
	clock_init(&M.clock);
	M.serial.in_pos = 0;
	M.serial.written = M.console.written = 0;
	M.serial.out.len = M.console.out.len = 0;
}

/* Of a device's state; of one that no access was of it is that of the fresh one. */
static uint64_t device_hash(unsigned i)
{
	uint64_t hash = dev_hash(M.d[i], 0);

	FUZZ_ORACLE(R.touched >> i & 1 || hash == M.fresh_hash[i], "untouched",
		    "device %s changed, no access was of it", M.d[i]->cls->name);
	return hash;
}

/* (again): the same input once more; what is dear and was checked is not. */
static uint64_t run(const uint8_t *data, size_t size, bool again)
{
	static void (*const ops[])(void) = {
		op_bring_up, op_chain, op_desc, op_avail, op_suppress, op_poke, op_clock,
		op_ack,	     op_reset, op_save, op_line,  op_uart,     op_pic,	op_result,
	};

	_Static_assert(ARRAY_SIZE(ops) == MMIO_OPS_END - MMIO_OP_BRING_UP, "one an operation");
	uint64_t hash = 0;
	unsigned n;

	begin(data, size);
	R.saved = R.again = again;
	MMIO_SAY("the machine of the target mmio");
	for (n = 0; n < MAX_OPS && R.p < R.end; n++) {
		uint8_t o = u8();

		if (o < MMIO_OP_BRING_UP)
			op_access(o);
		else
			ops[(o - MMIO_OP_BRING_UP) % ARRAY_SIZE(ops)]();
	}
	for (unsigned i = 0; i < DEVICES && R.dear; i++)
		hash = (hash ^ device_hash(i)) * 0x9e3779b97f4a7c15ull;
	if (R.dear)
		gmem_dirty_each(M.g, hash_page, &hash);
	/* Deep is what came to a register, of which a driver's set-up alone is a dozen. */
	if (!again)
		fuzz_case(n + R.accesses, R.mapped);
	finish();
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t hash;

	if (!M.g) {
		machine_make();
		touch_make();
	}
	R.dear = fuzz_dear(data, size);
	hash = run(data, size, false);
	if (!R.dear)
		return 0;
	depth_hit(reset_compared);
	FUZZ_ORACLE(run(data, size, true) == hash, "run-twice",
		    "the same input ends in another state");
	depth_hit(run_twice);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
