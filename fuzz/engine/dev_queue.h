/* SPDX-License-Identifier: MIT */
/*
 * dev_queue: the frame of a fuzz target for one virtio device: a world of 16 KiB of RAM, the device over
 * its transport, a driver of split and packed rings that the input drives, every oracle that is not the
 * device's own, and the depth counters of all that. What a target has left to write is what is special:
 *
 *	#define DEV_QUEUE_CLASS dev_class_virtio_foo	   else all models are linked, which costs time
 *	#define DEV_QUEUE_DEPTH read_done, write_done	   its own depth counters, at least one
 *	#include <dev_queue.h>
 *
 *	static void request(unsigned queue)		   a well-formed request from some bytes
 *	{
 *		uint8_t header[4] = {dq_u8() % 8};
 *		dq_out(header, sizeof(header));
 *		dq_in(dq_u8());
 *	}
 *	static const char *const variants[] = {"virtio-foo", "virtio-foo,bar=2", NULL};
 *	static const struct dq_spec spec = {.variants = variants, .request = request};
 *
 *	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
 *	{
 *		return dq_input(&spec, &dq_mmio, data, size);
 *	}
 *
 * and last `#include <dev_queue_end.h>`. What struct dq_spec has, all but variants may be left away:
 *
 *	variants	spec strings as of dev_new(), at most DQ_VARIANTS, NULL at the end; an input picks one
 *	cls		of a foreign device, in no list: the variants are then its options alone
 *	holds		queues whose chains the device may keep after a doorbell (receive queues), a bit each
 *	env()		back ends of an instance, once
 *	begin()		back ends as they were at first, before each input
 *	request()	make a request for a queue, by dq_out(), dq_in(), dq_out_at(), dq_in_at(), dq_tag()
 *	event()		something happens outside: a packet comes in, a key is pressed
 *	popped()	the device took a chain (well-formed): look at it before the device does
 *	used()		and gave it back, (len) bytes stored: do they say what they must?
 *	may_write()	a store that is in no chain's writable part: has the driver allowed it otherwise?
 *	check()		what must hold after each call into the device
 *	hash()		of back ends, for comparing two runs of an input
 *
 * Oracles, on every input: each chain is walked by code of its own, and taken for malformed where that
 * says so; every store lies in the writable part of a chain that the device has, or is one of a ring;
 * used.len is the bytes stored without a gap from the first on; chains taken are given back, once, by the
 * end of the doorbell (but `holds` and the option `delay`); no more than the queue has for one doorbell;
 * pages that became dirty are pages that were stored to; reading and storing ends; size and addresses
 * are frozen; what was offered is served; the interrupt comes if it is wanted; line and status agree. On
 * dear ones: memory is as the stores made it, byte for byte; the same input twice does the same; reset
 * gives the fresh state; save, reset, load change nothing; memory that changes behind a read shakes none
 * of it.
 *
 * Another transport is another struct dq_transport, in a header of its own.
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_H
#define FUZZ_ENGINE_DEV_QUEUE_H

#include <depth.h>
#include <oracle.h>
#include <stats.h>

DEPTH_COUNTERS(driver_ok, features_refused, status_reset, queue_stopped, chain_taken, chain_packed,
	       chain_malformed, chain_indirect, chain_used, chain_in_order, bytes_stored,
	       queue_broken, recovered, interrupt_acked, interrupt_suppressed, config_accessed,
	       odd_access, clock_stepped, guest_error, memory_changed, saved_and_loaded,
	       reset_compared, run_twice, DEV_QUEUE_DEPTH);

/* The driver and the oracles are no subjects: neither guides a fuzzer nor is checked. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif

#include "dev_queue_driver.h"

#define DQ_OPS_MAX 48u /* operations of an input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The device with what is around it. */
static struct dev *dq_whole(struct virtio *v)
{
	return W.t->whole ? W.t->whole(v) : &v->dev;
}

/* ---- made once ----------------------------------------------------------------------------------- */

static void dq_on_line(void *ctx, unsigned line, int level)
{
	(void)line;
	if (W.v == ctx)
		W.level = level;
}

#ifdef DEV_QUEUE_CLASS
extern const struct dev_class DEV_QUEUE_CLASS;
#endif

static struct virtio *dq_device(unsigned i)
{
	const char *text = W.spec->variants[i];
	struct dev_env env = {.mem = W.g,
			      .clock = &W.clock,
			      .trace = W.trace,
			      .irq = {dq_on_line, NULL, 0},
			      .seed = DQ_SEED};
	struct buf packed = {0};
	struct err err = {0};
	struct dev *d = NULL;

	if (W.spec->env)
		W.spec->env(&env, i);
	/* All that the ring can be is offered, where the class knows it; the driver takes it or not. */
	buf_printf(&packed, "%s%spacked=1,in_order=1,notify_data=1", text, *text ? "," : "");
	for (unsigned k = 0; k < 2 && !d; k++) {
		const char *s = k ? text : buf_str(&packed);

#ifdef DEV_QUEUE_CLASS
		const char *opts = strchr(s, ',');

		(void)dev_new_class(&d, &DEV_QUEUE_CLASS, opts ? opts + 1 : NULL, &env, &err);
#else
		if (W.spec->cls)
			(void)dev_new_class(&d, W.spec->cls, s, &env, &err);
		else
			(void)dev_new(&d, s, &env, &err);
#endif
		if (d)
			(void)snprintf(W.text[i], sizeof(W.text[i]), "%s%s%s",
				       W.spec->cls ? W.spec->cls->name : "", W.spec->cls ? "," : "",
				       s);
	}
	buf_free(&packed);
	FUZZ_ORACLE(d, "set-up", "%s", err.msg);
	d->irq.ctx = container_of(d, struct virtio, dev);
	return container_of(d, struct virtio, dev);
}

static void dq_make(const struct dq_spec *spec, const struct dq_transport *t)
{
	struct err err = {0};
	int bad;

	W.spec = spec;
	W.t = t;
	bad = gmem_new(&W.g, &err) || gmem_add(W.g, 0, DQ_RAM, GMEM_RAM, &err) ||
	      gmem_snap(W.g, &W.snap, &err);
	W.trace = trace_new(1);
	FUZZ_ORACLE(!bad && W.trace, "set-up", "%s", err.msg);
	W.ram = gmem_rw(W.g, 0, DQ_RAM);
	FUZZ_ORACLE(!gmem_restore(W.g, W.snap), "gmem", "memory can't be put back");
	clock_init(&W.clock);
	while (W.nr_variants < DQ_VARIANTS && spec->variants[W.nr_variants]) {
		struct virtio *v = dq_device(W.nr_variants);

		if (t->wire)
			t->wire(v);
		W.fresh[W.nr_variants] = dev_hash(dq_whole(v), 0);
		W.device[W.nr_variants++] = v;
	}
	gmem_set_read_hook(W.g, dq_on_read, NULL);
	gmem_set_write_hook(W.g, dq_on_write, NULL);
	trace_set_sink(W.trace, dq_on_event, NULL);
}

/* ---- operations ---------------------------------------------------------------------------------- */

static unsigned dq_queue_of(uint8_t sel)
{
	return (sel & 7) % W.v->nr_queues;
}

static void dq_op_request(void)
{
	uint8_t sel = dq_u8(), cut = dq_u8();

	W.nr_out = W.nr_in = W.tag = 0;
	if (W.spec->request)
		W.spec->request(dq_queue_of(sel));
	/* However the driver cuts it into descriptors, 2.7.4. */
	if (cut && W.nr_out && W.nr_out < DQ_BUFFERS && cut < W.out[0].len) {
		memmove(&W.out[2], &W.out[1], (W.nr_out - 1) * sizeof(W.out[0]));
		W.out[1] = (struct virtq_seg){W.out[0].gpa + cut, W.out[0].len - cut};
		W.out[0].len = cut;
		W.nr_out++;
	}
	dq_offer(dq_queue_of(sel), sel);
}

static void dq_op_chain(void)
{
	uint8_t sel = dq_u8(), shape = dq_u8();
	unsigned out = shape & 7, in = shape >> 4 & 7;

	W.nr_out = W.nr_in = W.tag = 0;
	for (unsigned i = 0; i < out + in; i++) {
		uint64_t at = dq_address();

		if (i < out)
			dq_out_at(at, dq_length());
		else
			dq_in_at(at, dq_length());
	}
	dq_offer(dq_queue_of(sel), sel);
}

static void dq_op_desc(void)
{
	uint8_t sel = dq_u8(), i = dq_u8(), flags, next;
	unsigned k = dq_queue_of(sel);
	struct dq_queue *q = &W.q[k];
	uint64_t addr = dq_address();
	uint32_t len = dq_length();

	flags = dq_u8();
	next = dq_u8();
	if (sel & DQ_S_IN_THE_TABLE) {
		dq_poke_desc(DQ_TABLES + 16ull * (i & 15), addr, len, q->packed ? 0 : flags,
			     q->packed ? flags : next);
		return;
	}
	if (!W.v->q[k].ready || (q->packed && !dq_make_room(k, 1)) || !W.v->q[k].ready)
		return;
	if (q->packed) {
		dq_poke_desc(q->desc + 16ull * q->cursor, addr, len, next,
			     (uint16_t)(flags & 7) | dq_packed_flags(q));
		dq_packed_step(q);
	} else {
		i = (uint8_t)(i % q->num);
		dq_poke_desc(q->desc + 16ull * i, addr, len, flags, next);
		if (q->waiting == q->num)
			dq_kick(k);
		dq_put_head(q, i, sel);
	}
	q->waiting++;
	q->allotted++;
	q->rung = false;
	if (!(sel & (DQ_S_NO_KICK | DQ_S_NO_PUBLISH)))
		dq_kick(k);
}

static void dq_op_bytes(void)
{
	uint32_t at = DQ_DATA + 32u * dq_u8();
	unsigned n = 1 + dq_u8() % 32;
	uint8_t b[32];

	for (unsigned i = 0; i < n; i++)
		b[i] = dq_u8();
	dq_poke(at, b, n);
}

static void dq_op_event(void)
{
	uint8_t b = dq_u8();

	if (!W.spec->event)
		return;
	DQ_SAY("event %u", b);
	dq_enter();
	W.spec->event(b);
	dq_leave();
}

static void dq_step_clock(uint64_t ns)
{
	int rc;

	DQ_SAY("wait %llu", (unsigned long long)ns);
	dq_enter();
	rc = clock_advance(&W.clock, ns);
	dq_leave();
	FUZZ_ORACLE(!rc, "clock", "a timer fires for ever");
	depth_hit(clock_stepped);
}

static void dq_op_access(bool config)
{
	uint8_t how = dq_u8(), off = dq_u8();
	unsigned size = 1 + (how & 7);
	uint64_t val = how & DQ_A_WRITE ? dq_value(size) & size_mask(size) : 0, got;

	dq_enter();
	got = (config ? W.t->config : W.t->reg)(W.v, how & DQ_A_WRITE, off, size, val);
	dq_leave();
	dq_stop_large();
	FUZZ_ORACLE(!(got & ~size_mask(size)), "read-size", "%u bytes at %u are %#llx", size, off,
		    (unsigned long long)got);
	if (config)
		depth_hit(config_accessed);
	else if (size != 4 || off & 3)
		depth_hit(odd_access);
}

static void dq_op_reset(void)
{
	uint8_t b = dq_u8();
	unsigned k = dq_queue_of(b >> 2);

	switch ((enum dq_reset)(b % DQ_RESETS)) {
	case DQ_R_QUEUE:
		dq_enter();
		if (W.t->stop && !(b & 0x20))
			W.t->stop(W.v, k);
		else
			W.t->reset_queue(W.v, k);
		dq_leave();
		if (!W.v->q[k].ready)
			depth_hit(queue_stopped);
		if (W.v->status & VIRTIO_S_FEATURES_OK && !W.v->q[k].ready)
			dq_start_queue(k);
		break;
	case DQ_R_STATUS:
		dq_status_zero();
		break;
	case DQ_R_OTHER:
		dq_status_zero();
		dq_bring_up(dq_u8());
		break;
	default:
		dq_status_zero();
		dq_bring_up(W.how);
		break;
	}
}

static void dq_op_suppress(void)
{
	struct dq_queue *q = &W.q[dq_queue_of(dq_u8())];
	uint8_t a = dq_u8(), b = dq_u8(), event[4];

	if (q->packed) {
		st_le16(event, (uint16_t)((a & 0x7f) % q->num | (a & 0x80) << 8));
		st_le16(event + 2, b & 3);
		dq_poke(q->avail, event, sizeof(event));
		return;
	}
	dq_poke16(q->avail, a);
	dq_poke16(q->avail + 4 + 2ull * q->num, (uint16_t)(q->offer + (int8_t)b));
}

static void dq_op_avail_idx(void)
{
	struct dq_queue *q = &W.q[dq_queue_of(dq_u8())];
	int8_t by = (int8_t)dq_u8();

	if (!q->packed)
		dq_poke16(q->avail + 2, (uint16_t)(q->offer + by));
}

static void dq_op_poke(void)
{
	uint64_t gpa = dq_u16() % DQ_RAM;

	dq_poke16(gpa, dq_u16());
}

static void dq_op_hook(void)
{
	struct behind_change c = behind_next(&W.input);

	/* What a notification says is compared with the ring, which is then read once more. */
	if (W.dear && !virtio_has(W.v, VIRTIO_F_NOTIFICATION_DATA))
		behind_arm(&W.pending, &c);
	DQ_SAY("change %u %u %u", c.countdown, c.off, c.flip);
}

static void dq_op_ack(void)
{
	dq_enter();
	if (W.t->ack(W.v))
		depth_hit(interrupt_acked);
	dq_leave();
}

/* Through the saved form: nothing may change, and it comes out the same. */
static void dq_op_save(void)
{
	static struct buf a, b; /* kept: allocating costs as much as saving */
	struct dev *d = dq_whole(W.v);
	struct err err = {0};
	int level = W.level;
	size_t used = 0;

	if (!W.dear || W.again || W.saved) /* once an input */
		return;
	W.saved = true;
	a.len = b.len = 0;
	FUZZ_ORACLE(!dev_save(d, &a), "save", "no memory");
	dev_reset(d);
	FUZZ_ORACLE(!dev_load(d, a.p, a.len, &used, &err) && used == a.len, "load", "%s", err.msg);
	FUZZ_ORACLE(!dev_save(d, &b) && a.len == b.len && !memcmp(a.p, b.p, a.len),
		    "save-load-save", "the saved form is another");
	/* The reset lowered it, the load leaves it to the controller. */
	W.level = level;
	depth_hit(saved_and_loaded);
}

static void dq_op(enum dq_op op)
{
	switch (op) {
	case DQ_REQUEST:
		dq_op_request();
		break;
	case DQ_CHAIN:
		dq_op_chain();
		break;
	case DQ_KICK:
		dq_kick(dq_u8() % (VIRTIO_QUEUES + 2));
		break;
	case DQ_BYTES:
		dq_op_bytes();
		break;
	case DQ_EVENT:
		dq_op_event();
		break;
	case DQ_CLOCK:
		dq_step_clock(1ull << (dq_u8() & 31));
		break;
	case DQ_CONFIG:
		dq_op_access(true);
		break;
	case DQ_REG:
		dq_op_access(false);
		break;
	case DQ_RESET:
		dq_op_reset();
		break;
	case DQ_SUPPRESS:
		dq_op_suppress();
		break;
	case DQ_AVAIL_IDX:
		dq_op_avail_idx();
		break;
	case DQ_POKE:
		dq_op_poke();
		break;
	case DQ_DESC:
		dq_op_desc();
		break;
	case DQ_HOOK:
		dq_op_hook();
		break;
	case DQ_ACK:
		dq_op_ack();
		break;
	case DQ_SAVE:
		dq_op_save();
		break;
	case DQ_OPS:
		break;
	}
}

/* ---- one input ----------------------------------------------------------------------------------- */

/* The machine that has this device, as `vise run` would be told. */
static void dq_say_machine(void)
{
	const struct dev_env *env = &W.v->dev.env;

	for (unsigned i = 0; i < env->nr_disks; i++)
		FUZZ_SAY("disk mem:%llu%s", (unsigned long long)env->disk[i]->size,
			 env->disk[i]->read_only ? ",ro" : "");
	for (unsigned i = 0; i < env->nr_nets; i++)
		FUZZ_SAY("net loop");
	for (unsigned i = 0; i < env->nr_chrs; i++)
		FUZZ_SAY("chr loop");
	FUZZ_SAY("device %s", W.text[W.variant]);
}

static void dq_begin(const uint8_t *data, size_t size)
{
	W.input = (struct fuzz_input){data, data + size};
	W.variant = (uint8_t)(dq_u8() % W.nr_variants);
	W.how = dq_u8();
	W.drop = dq_u8();
	W.more = dq_u8();
	W.v = W.device[W.variant];
	if (FUZZ_SAYING && !W.again)
		dq_say_machine();
	for (unsigned k = 0; k < W.v->nr_queues; k++) {
		memset(&W.q[k], 0, offsetof(struct dq_queue, chain));
		W.q[k].num = 1;
		W.q[k].packed = false;
	}
	W.bump = DQ_DATA;
	W.level = 0;
	W.saved = W.deep = W.unsure = false;
	W.ops = W.taken = W.pages = W.pending.nr = 0;
	W.events = 0;
	if (W.dear)
		memset(W.picture, 0, sizeof(W.picture));
	if (W.spec->begin)
		W.spec->begin();
	dq_bring_up(W.how);
}

/* What waits is rung for, what is late comes, so that all that an input built up is looked at. */
static void dq_last(void)
{
	if (!(W.v->status & VIRTIO_S_DRIVER_OK)) {
		dq_status_zero();
		dq_bring_up(W.how & (uint8_t) ~(DQ_H_NO_DRIVER_OK | DQ_H_BAD_FEATURE));
	}
	for (unsigned k = 0; k < W.v->nr_queues; k++) {
		struct dq_queue *q = &W.q[k];

		if (q->rung || !W.v->q[k].ready)
			continue;
		if (!q->packed)
			dq_poke16(q->avail + 2, q->offer);
		dq_kick(k);
	}
	/* A doorbell that is answered later makes requests that come back later. */
	for (unsigned i = 0; i < 2 && clock_next(&W.clock) != CLOCK_NEVER; i++)
		dq_step_clock(1ull << 31);
}

static void dq_check_page(void *ctx, uint64_t gpa)
{
	(void)ctx;
	FUZZ_ORACLE(W.pages >> (gpa >> 12) & 1, "write-set", "page %#llx was written to by nobody",
		    (unsigned long long)gpa);
}

static void dq_hash_page(void *ctx, uint64_t gpa)
{
	uint64_t *hash = ctx;

	*hash = hash64(*hash ^ gpa, W.ram + gpa, GMEM_PAGE);
}

static void dq_check_picture(void)
{
	for (uint32_t i = 0; i < DQ_RAM && memcmp(W.ram, W.picture, DQ_RAM); i++)
		FUZZ_ORACLE(W.ram[i] == W.picture[i], "write-set", "byte %#x is %#x, not %#x", i,
			    W.ram[i], W.picture[i]);
}

/* Name what a reset leaves: the JSON of the state, beside that of an instance made anew. */
static void dq_check_fresh(void)
{
	struct buf now = {0}, want = {0};
	const char *a, *b;
	size_t at = 0, from;

	if (dev_hash(dq_whole(W.v), 0) == W.fresh[W.variant])
		return;
	dev_json(&W.v->dev, &now);
	dev_json(&dq_device(W.variant)->dev, &want);
	a = buf_str(&want);
	b = buf_str(&now);
	while (a[at] && a[at] == b[at])
		at++;
	for (from = at; from && a[from] != ','; from--)
		;
	fuzz_oracle_fail("reset", "fresh %.60s, reset %.60s", a + from, b + from);
}

static uint64_t dq_run(const uint8_t *data, size_t size)
{
	uint64_t hash = 0;

	dq_begin(data, size);
	for (; W.ops < DQ_OPS_MAX && W.input.p < W.input.end; W.ops++)
		dq_op((enum dq_op)(dq_u8() % DQ_OPS));
	dq_last();
	gmem_dirty_each(W.g, dq_check_page, NULL);
	if (W.dear) {
		dq_check_picture();
		dq_op_save();
		hash = dev_hash(dq_whole(W.v), W.events);
		gmem_dirty_each(W.g, dq_hash_page, &hash);
		if (W.spec->hash)
			hash = W.spec->hash(hash);
	}
	dev_reset(dq_whole(W.v));
	FUZZ_ORACLE(clock_next(&W.clock) == CLOCK_NEVER, "reset-timer", "a timer is still armed");
	FUZZ_ORACLE(!gmem_restore(W.g, W.snap), "gmem", "memory can't be put back");
	if (W.dear && !W.again) {
		dq_check_fresh();
		for (uint32_t i = 0; i < DQ_RAM; i += 8)
			FUZZ_ORACLE(!ld_le64(W.ram + i), "reset-memory",
				    "byte %#x is not as at first", i);
		depth_hit(reset_compared);
	}
	clock_init(&W.clock);
	return hash;
}

static int dq_input(const struct dq_spec *spec, const struct dq_transport *t, const uint8_t *data,
		    size_t size)
{
	uint64_t hash;

	if (!W.g)
		dq_make(spec, t);
	W.dear = fuzz_dear(data, size);
	W.again = false;
	hash = dq_run(data, size);
	fuzz_case(W.ops + W.taken, W.deep);
	if (!W.dear)
		return 0;
	W.again = true;
	FUZZ_ORACLE(dq_run(data, size) == hash, "run-twice",
		    "the same input ends in another state");
	depth_hit(run_twice);
	return 0;
}

#ifndef VISE_FUZZ
static unsigned dq_report_register(const struct dev_reg *r)
{
	struct buf said = {0};
	unsigned missing = 0;

	for (unsigned write = 0; write < 2; write++) {
		unsigned seen = 0;

		for (unsigned size = 1; size <= 8; size++) {
			unsigned n = fuzz_iface[iface_reg(r->off, write, size)];

			if (n)
				buf_printf(&said, " %c%u:%u", write ? 'w' : 'r', size, n);
			seen += n;
		}
		if (!seen && strchr(r->access, write ? 'w' : 'r')) {
			buf_printf(&said, " never %s", write ? "written" : "read");
			missing++;
		}
	}
	printf("# interface %s%s\n", r->name, buf_str(&said));
	buf_free(&said);
	return missing;
}

unsigned fuzz_report_interface(void)
{
	unsigned missing = 0, chains = 0;

	/* Of virtio-mmio; what another transport has in the place of registers has no such table. */
	if (!W.v || W.t != &dq_mmio)
		return 0;
	for (const struct dev_reg *r = W.v->dev.cls->regs; r && r->name; r++)
		missing += r->range ? 0 : dq_report_register(r);
	for (unsigned i = IFACE_REGS * 16; i < IFACE_SLOTS; i++)
		chains += fuzz_iface[i] != 0;
	printf("# interface %u kinds of chains and completions\n", chains);
	return missing;
}
#endif

#endif
