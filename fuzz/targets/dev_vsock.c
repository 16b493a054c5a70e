/* SPDX-License-Identifier: MIT */
/*
 * dev_vsock: virtio-vsock through its queues, by the frame of fuzz/engine/dev_queue.h.
 * @modules dev
 *
 * Oracles beside the frame's: a packet to the guest is one that section 5.10.6 has, from the host to the
 * guest, with data in RW alone, as long as its chain says, and no more of it than the guest has said that
 * it takes; what the echo service sends back is what
 * was sent to it, byte for byte from the connection's start; a RST is never answered.
 */
#define DEV_QUEUE_CLASS dev_class_virtio_vsock
#define DEV_QUEUE_DEPTH                                                                            \
	connected, refused, echoed, characters, reset_seen, shut_down, credit_told, credit_asked,  \
		device_called, event_sent, guest_data, backlog
#include <dev_queue.h>

#include <errno.h>

#include <vmm/virtio_host.h>

/* struct virtio_vsock_hdr, 5.10.6 */
enum {
	SRC_CID = 0,
	DST_CID = 8,
	SRC_PORT = 16,
	DST_PORT = 20,
	LEN = 24,
	TYPE = 28,
	OP = 30,
	FLAGS = 32,
	BUF_ALLOC = 36,
	FWD_CNT = 40,
	HEADER = 44
};
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };
enum { Q_RX, Q_TX, Q_EVENT };
#define GUEST	  3u
#define HOST	  2u
#define STREAM	  1u
#define ECHO_PORT 7u
#define CHAR_PORT 19u
#define BUF	  4096u
#define PORTS	  8u /* of the guest, 0 on, that the echo model follows */
#define KEPT	  8192u
#define CALLS	  2u /* the variant that has connections of its own */

/* What the guest sent to the echo service since it last asked for the connection. */
static struct stream {
	uint32_t sent, back;
	uint8_t bytes[KEPT];
} streams[PORTS];
/* What the guest said last that it takes, by its port, of the echo and of the characters; since REQUEST. */
static struct credit {
	uint32_t alloc, fwd, out;
} credits[PORTS][2];
/* Packets but RST, and RSTs: each of the first has one of the last at most. */
static unsigned packets, rsts;
static bool blurred; /* what the device read may not be what was there */

static struct credit *credit_of(uint32_t guest, uint32_t host)
{
	if (guest >= PORTS || (host != ECHO_PORT && host != CHAR_PORT))
		return NULL;
	return &credits[guest][host == CHAR_PORT];
}

static void begin(void)
{
	memset(credits, 0, sizeof(credits));
	for (unsigned i = 0; i < PORTS; i++)
		streams[i].sent = streams[i].back = 0;
	packets = rsts = 0;
	blurred = false;
}

/* Operation, ports, credit and how much data; few bytes, so that mutations stay near. */
static void request(unsigned queue)
{
	static const uint16_t ports[] = {ECHO_PORT, 9, 19, 8, ECHO_PORT, ECHO_PORT, 1024, 9};
	uint8_t h[HEADER] = {0}, op, where, much, odd;
	uint32_t len;

	if (queue != Q_TX) {
		dq_in(dq_length());
		return;
	}
	op = dq_u8();
	where = dq_u8();
	much = dq_u8();
	odd = dq_u8();
	len = (op & 7) == RW ? much * (1u + (odd & 3)) : 0;
	st_le64(h + SRC_CID, odd == 0xf0 ? 9 : GUEST);
	st_le64(h + DST_CID, odd == 0xf1 ? 77 : HOST);
	st_le32(h + SRC_PORT, where & 7);
	st_le32(h + DST_PORT, ports[where >> 3 & 7]);
	if (where & 0x40) /* the device's call */
		st_le32(h + SRC_PORT, 80);
	st_le32(h + LEN, odd == 0xf2 ? UINT32_MAX : odd == 0xf3 ? len + 1 : len);
	st_le16(h + TYPE, odd == 0xf4 ? 2 : STREAM);
	st_le16(h + OP, op < 0xf0 ? op & 7 : op);
	st_le32(h + FLAGS, (op & 7) == SHUTDOWN ? much : 0);
	st_le32(h + BUF_ALLOC, odd & 0x80 ? much : 0x10000);
	st_le32(h + FWD_CNT, odd & 0x40 ? (uint32_t)dq_value(4) : 0);
	dq_out(h, sizeof(h));
	if (len)
		dq_out_at(dq_room(len), len);
}

static void event(uint8_t b)
{
	/* Its own address again, which is a new one all the same (5.10.6.7). */
	FUZZ_ORACLE(vsock_set_cid(&W.v->dev, b & 1 ? GUEST : 2) == (b & 1 ? 0 : -EINVAL), "cid",
		    "an address is taken or not");
	if (b & 1)
		for (unsigned i = 0; i < PORTS; i++)
			streams[i].sent = streams[i].back = 0;
}

static void sent(struct dq_chain *c)
{
	uint8_t h[HEADER];
	struct stream *s;
	struct credit *k;
	uint32_t len;

	if (dq_read(c, 0, h, sizeof(h)) != sizeof(h))
		return;
	packets += ld_le16(h + OP) != RST;
	if (ld_le64(h + SRC_CID) != GUEST || ld_le64(h + DST_CID) != HOST ||
	    ld_le16(h + TYPE) != STREAM)
		return;
	k = credit_of(ld_le32(h + SRC_PORT), ld_le32(h + DST_PORT));
	if (k) {
		k->alloc = ld_le32(h + BUF_ALLOC);
		k->fwd = ld_le32(h + FWD_CNT);
		k->out = ld_le16(h + OP) == REQUEST ? 0 : k->out;
	}
	if (ld_le32(h + SRC_PORT) >= PORTS || ld_le32(h + DST_PORT) != ECHO_PORT)
		return;
	s = &streams[ld_le32(h + SRC_PORT)];
	len = ld_le32(h + LEN);
	if (ld_le16(h + OP) == REQUEST)
		s->sent = s->back = 0;
	if (ld_le16(h + OP) != RW || len > BUF || len > c->out_bytes - HEADER)
		return;
	if (len && s->sent + len <= KEPT)
		dq_read(c, HEADER, s->bytes + s->sent, len);
	s->sent += len;
	if (len)
		depth_hit(guest_data);
}

static void popped(struct dq_chain *c)
{
	blurred |= W.pending.nr || W.changes || W.unsure || W.astray;
	if (c->queue == Q_TX)
		sent(c);
}

static void check_echo(const struct dq_chain *c, const uint8_t *h, uint32_t len)
{
	struct stream *s = &streams[ld_le32(h + DST_PORT) % PORTS];
	uint8_t data[BUF];

	if (blurred)
		return;
	FUZZ_ORACLE(s->back + len <= s->sent, "echo-length", "%u bytes came back of %u",
		    s->back + len, s->sent);
	if (dq_at_once(c) && s->sent <= KEPT) {
		dq_stored(c, HEADER, data, len);
		FUZZ_ORACLE(!memcmp(data, s->bytes + s->back, len), "echo-bytes",
			    "other bytes came back");
	}
	s->back += len;
	depth_hit(echoed);
}

/* 5.10.6.3: the guest's numbers may be anything; all is modulo 2^32. */
static void check_credit(const uint8_t *h, uint32_t len)
{
	struct credit *k = credit_of(ld_le32(h + DST_PORT), ld_le32(h + SRC_PORT));

	if (!k || blurred)
		return;
	FUZZ_ORACLE((uint64_t)(k->out - k->fwd) + len <= k->alloc, "credit",
		    "%u bytes, with %u under way of %u", len, k->out - k->fwd, k->alloc);
	k->out += len;
}

static void check_packet(const struct dq_chain *c, const uint8_t *h, uint32_t len)
{
	uint16_t op = ld_le16(h + OP);

	FUZZ_ORACLE(op >= REQUEST && op <= CREDIT_REQUEST && ld_le64(h + DST_CID) == GUEST,
		    "packet", "operation %u to %llu", op, (unsigned long long)ld_le64(h + DST_CID));
	FUZZ_ORACLE(ld_le32(h + LEN) == len - HEADER && (op == RW) == (len > HEADER),
		    "packet-length", "%u bytes of data, said to be %u", len - HEADER,
		    ld_le32(h + LEN));
	switch (op) {
	case RST:
		rsts++;
		FUZZ_ORACLE(blurred || W.variant == CALLS || rsts <= packets, "rst",
			    "%u RSTs for %u packets", rsts, packets);
		depth_hit(reset_seen);
		if (ld_le32(h + SRC_PORT) == 8)
			depth_hit(refused);
		return;
	case REQUEST:
		depth_hit(device_called);
		break;
	case RESPONSE:
		depth_hit(connected);
		break;
	case SHUTDOWN:
		depth_hit(shut_down);
		break;
	case CREDIT_UPDATE:
		depth_hit(credit_told);
		break;
	case CREDIT_REQUEST:
		depth_hit(credit_asked);
		break;
	default:
		break;
	}
	FUZZ_ORACLE(ld_le64(h + SRC_CID) == HOST && ld_le16(h + TYPE) == STREAM &&
			    ld_le32(h + BUF_ALLOC) == BUF,
		    "packet", "from %llu, type %u", (unsigned long long)ld_le64(h + SRC_CID),
		    ld_le16(h + TYPE));
	if (op == RW)
		check_credit(h, len - HEADER);
	if (op == RW && ld_le32(h + SRC_PORT) == ECHO_PORT && ld_le32(h + DST_PORT) < PORTS)
		check_echo(c, h, len - HEADER);
	if (op == RW && ld_le32(h + SRC_PORT) == CHAR_PORT)
		depth_hit(characters);
}

static void used(const struct dq_chain *c, uint32_t len)
{
	uint8_t h[HEADER];

	if (c->queue == Q_TX)
		FUZZ_ORACLE(!len, "tx-length", "%u bytes are stored into a packet", len);
	if (c->queue == Q_EVENT && len) {
		FUZZ_ORACLE(len == 4, "event", "an event of %u bytes", len);
		depth_hit(event_sent);
	}
	if (c->queue != Q_RX || !len)
		return;
	FUZZ_ORACLE(len >= HEADER, "packet-length", "a packet of %u bytes", len);
	dq_stored(c, 0, h, sizeof(h));
	check_packet(c, h, len);
}

/* Packets wait although the device may take them: it has no room for more answers. */
static void check(void)
{
	const struct virtq *q = &W.v->q[Q_TX];

	if (q->ready && !q->packed && !q->broken && (W.v->status & VIRTIO_S_DRIVER_OK) &&
	    !W.v->start_due[Q_TX] && dq_peek16(q->avail + 2) != q->last_avail)
		depth_hit(backlog);
}

static const char *const variants[] = {"virtio-vsock", "virtio-vsock,delay=3000",
				       "virtio-vsock,call=80", "virtio-vsock,start=700,delay=300",
				       NULL};
static const struct dq_spec spec = {.variants = variants,
				    .holds = 1u << Q_RX | 1u << Q_TX | 1u << Q_EVENT,
				    .begin = begin,
				    .request = request,
				    .event = event,
				    .popped = popped,
				    .used = used,
				    .check = check};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
