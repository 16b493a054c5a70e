/* SPDX-License-Identifier: MIT */
/* virtio-net's control queue (virtio 1.2 section 5.1.6.5): filters, addresses, VLANs, the link, pairs. */
#include "test_virtio_net.h"

/* ---- control ---------------------------------------------------------------------------------------- */

/* Does a frame to (mac) come in? */
static bool comes(struct world *w, const char *mac)
{
	buffer(w, 0, 0, 1526);
	send_to(w, 1, (const uint8_t *)mac, 0x99, 60);
	if (received(w, 0) != UINT32_MAX)
		return true;
	/* Take the buffer back by one that comes: ours. */
	send(w, 0x11, 60);
	assert_int_equal(received(w, 0), HEADER + 60);
	return false;
}

#define OURS  "\x52\x54\x00\x12\x34\x56"
#define OTHER "\x02\x00\x00\x00\x00\x01"
#define MULTI "\x01\x00\x5e\x00\x00\x01"
#define ALL   "\xff\xff\xff\xff\xff\xff"

/* 5.1.6.5.1, 5.1.6.5.2 */
static void filters(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F_CTRL);
	static uint8_t many[8 + 70 * 6];
	static const uint8_t tables[] = "\x01\x00\x00\x00" OTHER "\x01\x00\x00\x00" MULTI;

	assert_true(comes(w, OTHER) && comes(w, MULTI) && comes(w, ALL));
	ok(w, 2, 0x000, "", 1);
	assert_true(!comes(w, OTHER) && !comes(w, MULTI) && comes(w, ALL) && comes(w, OURS));
	ok(w, 2, 0x001, "\1", 1);
	assert_true(comes(w, MULTI) && !comes(w, OTHER));
	ok(w, 2, 0x001, "", 1);
	ok(w, 2, 0x002, "\1", 1);
	assert_true(!comes(w, MULTI) && comes(w, OTHER));
	ok(w, 2, 0x002, "", 1);
	ok(w, 2, 0x005, "\1", 1);
	assert_false(comes(w, ALL));
	ok(w, 2, 0x005, "", 1);
	ok(w, 2, 0x100, tables, 20);
	assert_true(comes(w, OTHER) && comes(w, MULTI));
	assert_true(!comes(w, "\x02\0\0\0\0\2") && !comes(w, "\x01\x00\x5e\0\0\2"));
	ok(w, 2, 0x003, "\1", 1);
	assert_true(comes(w, OTHER) && !comes(w, MULTI));
	ok(w, 2, 0x003, "", 1);
	/* Ill-formed ones change nothing. */
	for (uint32_t len = 0; len < 20; len++)
		refused(w, 2, 0x100, tables, len);
	refused(w, 2, 0x100, "\xff\xff\xff\xff\0\0\0\0", 8);
	refused(w, 2, 0x100, "\0\0\0\0\0\0\0\0\0", 9);
	refused(w, 2, 0x000, "\2", 1);
	refused(w, 2, 0x000, "\1\1", 2);
	refused(w, 2, 0x000, "", 0);
	assert_true(comes(w, OTHER) && comes(w, MULTI));
	/* More than the table holds: all of that kind. */
	st_le32(many, 65);
	ok(w, 2, 0x100, many, 8 + 65 * 6);
	assert_true(comes(w, OTHER) && !comes(w, MULTI));
	ok(w, 2, 0x100, "\0\0\0\0\0\0\0\0", 8);
	assert_true(!comes(w, OTHER));
	/* No unicast at all, not even to us. */
	ok(w, 2, 0x002, "\1", 1);
	ok(w, 2, 0x004, "\1", 1);
	buffer(w, 0, 0, 1526);
	send(w, 1, 60);
	assert_int_equal(received(w, 0), UINT32_MAX);
	up(w, F_CTRL, 3); /* all of it is as at first */
	assert_true(comes(w, OTHER) && comes(w, MULTI));
	end(w);
}

/* 5.1.6.5.2.2, 5.1.6.5.3: MAC and VLANs */
static void mac_and_vlans(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F_CTRL);
	static const uint8_t none[HEADER];

	ok(w, 2, 0x101, OTHER, 6);
	assert_true(conf(w, 0, 4) == 2 && conf(w, 4, 2) == 0x0100);
	refused(w, 2, 0x101, MULTI, 6);
	refused(w, 2, 0x101, OURS "\0", 7);
	assert_true(conf(w, 0, 4) == 2);
	for (unsigned i = 0; i < 3; i++) {
		buffer(w, 0, 0, 1526);
		memset(w->frame, 0, 64);
		memcpy(w->frame + 12, "\x81\x00\x2f\xff", 4);
		if (i == 1)
			ok(w, 2, 0x200, "\xff\x0f", 2);
		if (i == 2)
			ok(w, 2, 0x201, "\xff\x0f", 2);
		send_with(w, 1, none, 64);
		assert_int_equal(received(w, 0), i == 1 ? HEADER + 64 : UINT32_MAX);
	}
	refused(w, 2, 0x200, "\x00\x10", 2);
	refused(w, 2, 0x200, "\x00", 1);
	up(w, F(CTRL), 3);
	assert_true(conf(w, 0, 4) == 0x12005452);
	/* Nothing of this was negotiated. */
	for (unsigned what = 0; what <= 5; what++)
		refused(w, 2, (uint16_t)what, "\1", 1);
	refused(w, 2, 0x100, "\0\0\0\0\0\0\0\0", 8);
	refused(w, 2, 0x101, OTHER, 6);
	refused(w, 2, 0x200, "\1\0", 2);
	refused(w, 2, 0x300, "", 0);
	refused(w, 2, 0x400, "\1\0", 2);
	refused(w, 2, 0x006, "\1", 1);
	refused(w, 2, 0xffff, "\1", 1);
	end(w);
}

static void bad_commands(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net", F_CTRL);
	struct virtq_buf no_ack[] = {{COMMAND, 3, false}};
	struct virtq_buf tiny[] = {{COMMAND, 1, false}, {ACK, 1, true}};
	struct virtq_buf only_ack[] = {{ACK, 4, true}};
	struct virtq_buf huge[] = {{COMMAND, 0x10000, false}, {ACK, 1, true}};

	assert_int_equal(gmem_write(w->m->env.mem, COMMAND, "\0\0\0", 3), 0);
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], no_ack, 1));
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], tiny, 2));
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], only_ack, 1));
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], huge, 2));
	virtq_driver_publish(&w->q[2]);
	ring(w, 2);
	assert_int_equal(received(w, 2), 0);
	assert_int_equal(received(w, 2), 1);
	assert_int_equal(received(w, 2), 1);
	assert_int_equal(received(w, 2), 1);
	assert_int_equal(at(w, ACK), 1);
	assert_true(comes(w, OTHER)); /* promiscuous still */
	/* A control queue that was not negotiated is none. */
	up(w, 0, 3);
	virtq_driver_offer(&w->q[2], (uint16_t)virtq_driver_chain(&w->q[2], tiny, 2));
	virtq_driver_publish(&w->q[2]);
	ring(w, 2);
	assert_true(last_is_guest_error(w->m));
	assert_int_equal(received(w, 2), UINT32_MAX);
	assert_int_equal(rd(w->m, STATUS), UP);
	end(w);
}

/* 5.1.4.1: what is longer than the MTU is not for the driver. */
static void mtu(void **state)
{
	struct world *w = begin(*state, "loop", "virtio-net,mtu=1000", F(MTU));
	static const uint8_t none[HEADER];

	buffer(w, 0, 0, 1526);
	send(w, 1, 1015);
	assert_int_equal(received(w, 0), UINT32_MAX);
	send(w, 1, 1014);
	assert_int_equal(received(w, 0), HEADER + 1014);
	buffer(w, 0, 0, 1526);
	memcpy(w->frame + 12, "\x81\x00", 2);
	send_with(w, 1, none, 1018);
	assert_int_equal(received(w, 0), HEADER + 1018);
	up(w, 0, 3);
	buffer(w, 0, 0, 1526);
	send(w, 1, 1015);
	assert_int_equal(received(w, 0), HEADER + 1015);
	end(w);
}

/* 5.1.6.5.4, and the status in the configuration */
static void link_and_announce(void **state)
{
	struct world *w = begin(*state, "script:=at 1us link down; at 2us link up; at 3us announce",
				"virtio-net", F_CTRL);
	uint64_t generation = rd(w->m, CONFIG_GENERATION);

	clock_advance(&w->m->clock, 1000);
	assert_int_equal(conf(w, 6, 2), 0);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_true(rd(w->m, CONFIG_GENERATION) != generation);
	send(w, 1, 60);
	assert_int_equal(w->nets[0]->stats.sent, 0);
	wr(w->m, INTERRUPT_ACK, 3);
	clock_advance(&w->m->clock, 1000);
	assert_int_equal(conf(w, 6, 2), 1);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	wr(w->m, INTERRUPT_ACK, 2);
	clock_advance(&w->m->clock, 1000);
	assert_int_equal(conf(w, 6, 2), 3);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	refused(w, 2, 0x300, "x", 1);
	ok(w, 2, 0x300, "", 0);
	assert_int_equal(conf(w, 6, 2), 1);
	end(w);
	w = begin(*state, "script:=at 3us link down; at 4us announce", "virtio-net", 0);
	wr(w->m, INTERRUPT_ACK, 3);
	clock_advance(&w->m->clock, 5000);
	assert_int_equal(rd(w->m, INTERRUPT_STATUS), 0);
	end(w);
}

/* ---- queue pairs, 5.1.6.5.5 ------------------------------------------------------------------------- */

static void pairs(void **state)
{
	static const uint8_t none[HEADER];
	struct world *w = begin(*state, "loop", "virtio-net,pairs=2", F_CTRL | F(MQ));
	uint32_t len;

	refused(w, 4, 0x400, "\0\0", 2);
	refused(w, 4, 0x400, "\3\0", 2);
	refused(w, 4, 0x400, "\1", 1);
	/* One pair is in use at first, whichever queue it was sent by. */
	buffer(w, 0, 0, 1526);
	buffer(w, 2, 1, 1526);
	len = make_tcp(w, 10);
	send_with(w, 3, none, len);
	assert_int_equal(received(w, 0), HEADER + len);
	ok(w, 4, 0x400, "\2\0", 2);
	(void)make_tcp(w, 10);
	send_with(w, 3, none, len);
	assert_int_equal(received(w, 2), HEADER + len);
	/* The flow goes over to the other pair with the driver. */
	buffer(w, 0, 0, 1526);
	buffer(w, 2, 1, 1526);
	(void)make_tcp(w, 10);
	send_with(w, 1, none, len);
	assert_int_equal(received(w, 0), HEADER + len);
	/* A queue that was stopped: the first one takes its frames. */
	wr(w->m, QUEUE_SEL, 2);
	wr(w->m, QUEUE_READY, 0);
	buffer(w, 0, 0, 1526);
	(void)make_tcp(w, 10);
	send_with(w, 3, none, len);
	assert_int_equal(received(w, 0), HEADER + len);
	/* Without MQ the third queue is the control queue, and there is no other. */
	up(w, F_CTRL, 5);
	ok(w, 2, 0x000, "\1", 1);
	ring(w, 4);
	assert_true(last_is_guest_error(w->m));
	end(w);
}

/* Flows between the same hosts are told apart by their ports. */
static void flows(void **state)
{
	static const uint8_t none[HEADER];
	struct world *w = begin(*state, "loop,delay=100", "virtio-net,pairs=2", F_CTRL | F(MQ));
	uint32_t len = make_tcp(w, 10);

	ok(w, 4, 0x400, "\2\0", 2);
	buffer(w, 0, 0, 1526);
	buffer(w, 2, 1, 1526);
	send_with(w, 3, none, len);
	w->frame[35] = 1; /* the source port */
	send_with(w, 1, none, len);
	clock_advance(&w->m->clock, 200);
	assert_int_equal(received(w, 2), HEADER + len);
	assert_int_equal(received(w, 0), HEADER + len);
	assert_int_equal(at(w, IN + HEADER + 35), 1);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(filters), machine_test(mac_and_vlans),	machine_test(bad_commands),
		machine_test(mtu),     machine_test(link_and_announce), machine_test(pairs),
		machine_test(flows),
	};

	return cmocka_run_group_tests_name("virtio-net-control", tests, NULL, NULL);
}
