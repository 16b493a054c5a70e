/* SPDX-License-Identifier: MIT */
/* What the tests of virtio-vsock share: a driver of its three queues, packets by name. */
#ifndef VMM_DEV_TEST_VSOCK_H
#define VMM_DEV_TEST_VSOCK_H

#include "test_virtio.h"

#include <vmm/virtio_host.h>
#include <vmm/vsock_peer.h>

#define HEADER	    44u
#define TX	    0x40000u
#define RX	    0x50000u
#define RX_SIZE	    (HEADER + 1024u)
#define EVENT	    0x80000u
#define NUM	    16u
#define GUEST	    3u
#define CLOSE_NS    2000000000ull
#define BUF	    4096u
#define DRIVER_BUF  65536u /* the buf_alloc that the driver says unless told */
#define TYPE_STREAM 1u

enum { QRX, QTX, QEV, QS };
enum { INVALID, REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };
enum { SHUT_RCV = 1, SHUT_SND = 2 };

struct pkt {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len, flags, buf_alloc, fwd_cnt;
	uint16_t type, op;
	uint8_t data[8192];
};

struct world {
	struct machine *m;
	struct dev *d;
	struct virtq_driver q[QS];
	unsigned next_rx;
};

/* Did any event since trace_clear() tell of a guest error? */
static inline bool saw_guest_error(struct machine *m)
{
	const struct trace_event *ev;

	for (unsigned i = 0; (ev = trace_last(m->env.trace, i)); i++)
		if (ev->kind == TRACE_DEV)
			return true;
	return false;
}

static inline void queue_up(struct world *w, unsigned i)
{
	queue_n_up(w->m, i, &w->q[i], NUM);
}

static inline void drive(struct world *w)
{
	accept_features(w->m, 1ull << VIRTIO_F_VERSION_1 | 1);
	assert_int_equal(rd(w->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	for (unsigned i = 0; i < QS; i++)
		queue_up(w, i);
	wr(w->m, STATUS, UP);
	w->next_rx = 0;
}

static inline void begin(struct world *w, struct machine *m, const char *spec)
{
	*w = (struct world){.m = m};
	w->d = machine_add(m, spec);
	drive(w);
}

/* Buffers for (n) packets to the guest, each of (size) bytes. */
static inline void give_sized(struct world *w, unsigned n, uint32_t size)
{
	while (n--) {
		uint64_t at = RX + (w->next_rx++ % NUM) * 0x1000ull;
		struct virtq_buf b = {at, size, true};
		int head = virtq_driver_chain(&w->q[QRX], &b, 1);

		virtq_driver_offer(&w->q[QRX], (uint16_t)head);
	}
	virtq_driver_publish(&w->q[QRX]);
	wr(w->m, QUEUE_NOTIFY, QRX);
}

static inline void give(struct world *w, unsigned n)
{
	give_sized(w, n, RX_SIZE);
}

/* The next packet to the guest; false: none. */
static inline bool next_pkt(struct world *w, struct pkt *p)
{
	uint32_t id, len;
	uint64_t at;
	uint8_t d[16], h[HEADER];

	*p = (struct pkt){0};
	if (!virtq_driver_used(&w->q[QRX], &id, &len))
		return false;
	assert_true(len >= HEADER);
	assert_int_equal(gmem_read(w->m->env.mem, w->q[QRX].desc + 16ull * id, d, 16), 0);
	at = ld_le64(d);
	assert_int_equal(gmem_read(w->m->env.mem, at, h, HEADER), 0);
	p->src_cid = ld_le64(h);
	p->dst_cid = ld_le64(h + 8);
	p->src_port = ld_le32(h + 16);
	p->dst_port = ld_le32(h + 20);
	p->len = ld_le32(h + 24);
	p->type = ld_le16(h + 28);
	p->op = ld_le16(h + 30);
	p->flags = ld_le32(h + 32);
	p->buf_alloc = ld_le32(h + 36);
	p->fwd_cnt = ld_le32(h + 40);
	assert_int_equal(len, HEADER + p->len);
	assert_true(p->len <= sizeof(p->data));
	assert_int_equal(gmem_read(w->m->env.mem, at + HEADER, p->data, p->len), 0);
	return true;
}

static inline bool quiet(struct world *w)
{
	struct pkt p;

	return !next_pkt(w, &p);
}

static inline void put_pkt(struct world *w, const struct pkt *p)
{
	uint8_t h[HEADER];

	st_le64(h, p->src_cid);
	st_le64(h + 8, p->dst_cid);
	st_le32(h + 16, p->src_port);
	st_le32(h + 20, p->dst_port);
	st_le32(h + 24, p->len);
	st_le16(h + 28, p->type);
	st_le16(h + 30, p->op);
	st_le32(h + 32, p->flags);
	st_le32(h + 36, p->buf_alloc);
	st_le32(h + 40, p->fwd_cnt);
	assert_int_equal(gmem_write(w->m->env.mem, TX, h, HEADER), 0);
	assert_int_equal(gmem_write(w->m->env.mem, TX + HEADER, p->data, sizeof(p->data)), 0);
}

/* Offer it without waiting that the device takes it. */
static inline void post(struct world *w, const struct pkt *p)
{
	struct virtq_buf b = {TX, HEADER + p->len, false};

	put_pkt(w, p);
	virtq_driver_offer(&w->q[QTX], (uint16_t)virtq_driver_chain(&w->q[QTX], &b, 1));
	virtq_driver_publish(&w->q[QTX]);
	wr(w->m, QUEUE_NOTIFY, QTX);
}

/* The device takes it, and says that it stored nothing. */
static inline void send_pkt(struct world *w, const struct pkt *p)
{
	uint32_t id, len;

	post(w, p);
	assert_true(virtq_driver_used(&w->q[QTX], &id, &len));
	assert_int_equal(len, 0);
	assert_false(virtq_driver_used(&w->q[QTX], &id, &len));
}

static inline struct pkt make_pkt(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	return (struct pkt){.src_cid = GUEST,
			    .dst_cid = VSOCK_CID_HOST,
			    .src_port = guest_port,
			    .dst_port = host_port,
			    .type = TYPE_STREAM,
			    .op = op,
			    .buf_alloc = DRIVER_BUF};
}

static inline void send_op(struct world *w, uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	struct pkt p = make_pkt(op, guest_port, host_port);

	send_pkt(w, &p);
}

static inline void send_data(struct world *w, uint32_t guest_port, uint32_t host_port, uint32_t len,
			     uint8_t first)
{
	struct pkt p = make_pkt(RW, guest_port, host_port);

	p.len = len;
	for (uint32_t i = 0; i < len; i++)
		p.data[i] = (uint8_t)(first + i);
	send_pkt(w, &p);
}

static inline void send_shutdown(struct world *w, uint32_t guest_port, uint32_t host_port,
				 uint32_t flags)
{
	struct pkt p = make_pkt(SHUTDOWN, guest_port, host_port);

	p.flags = flags;
	send_pkt(w, &p);
}

/* The next packet is this one, from (host_port) to (guest_port). */
#define expect(w, p, what, gport, hport)                                                           \
	do {                                                                                       \
		assert_true(next_pkt(w, p));                                                       \
		assert_int_equal((p)->op, what);                                                   \
		assert_int_equal((p)->type, TYPE_STREAM);                                          \
		assert_int_equal((p)->src_cid, VSOCK_CID_HOST);                                    \
		assert_int_equal((p)->dst_cid, GUEST);                                             \
		assert_int_equal((p)->dst_port, gport);                                            \
		assert_int_equal((p)->src_port, hport);                                            \
	} while (0)

static inline void connect_to(struct world *w, uint32_t guest_port, uint32_t host_port)
{
	struct pkt p;

	give(w, 1);
	send_op(w, REQUEST, guest_port, host_port);
	expect(w, &p, RESPONSE, guest_port, host_port);
	assert_int_equal(p.buf_alloc, BUF);
	assert_int_equal(p.fwd_cnt, 0);
	assert_int_equal(p.len, 0);
}

static inline void save(struct dev *d, struct buf *b)
{
	*b = (struct buf){0};
	assert_int_equal(dev_save(d, b), 0);
}

/* No connection is open. */
static inline bool empty(struct world *w)
{
	struct buf b = {0};
	unsigned open = 0;
	const char *at;

	dev_json(w->d, &b);
	buf_put(&b, "", 1);
	assert_false(b.failed);
	for (at = b.p; (at = strstr(at, "{\"state\":")); at += 9)
		open += at[9] != '0';
	buf_free(&b);
	return !open;
}

#endif
