/* SPDX-License-Identifier: MIT */
/*
 * virtio-net: the network device, virtio 1.2 section 5.1, at one of the machine's network back ends.
 *
 * Queues are receiveq1, transmitq1, ... receiveqN, transmitqN, controlq (5.1.2), where N is 1 unless MQ
 * was negotiated. A feature that the driver takes without the one that it depends on (5.1.3.1) has no
 * effect. What a driver must not do has an outcome; a chain always comes back:
 * - transmit: a malformed chain, no whole header, a frame of no size, a header that asks for what was
 *   not negotiated or is not in the frame: nothing is sent, and a guest error;
 * - receive: a malformed buffer, or one too small for header and frame where they cannot be merged: it
 *   comes back with used.len 0, the frame is gone in the latter case, and a guest error;
 * - control: a command without room for its ack comes back as it is; an unknown, not negotiated or
 *   ill-formed one gets VIRTIO_NET_ERR and changes nothing.
 *
 * Frames for which there is no buffer wait with the back end, NET_QUEUE of them. With merged buffers
 * a frame waits until there are enough of them; one that all of the queue does not hold is dropped.
 * Large frames are cut by the back end's side (net.h), by net_send().
 *
 * Bounds: NET_FILTER_MACS addresses of each kind, beyond which all of it are let in (5.1.6.5.2); PAIRS_MAX
 * queue pairs; a command of COMMAND_MAX bytes; FLOWS buckets of flows that are steered.
 */
#include <errno.h>

#include <vmm/net.h>
#include <vmm/virtio.h>

#include "net_filter.h"
#include "virtio_limit.h"

#define NET_DEVICE_ID 1u /* section 5 */
#define NET_QUEUE_MAX 256u
#define NET_IRQ	      5u
#define NET_BASE      0xd0000000u
#define PAIRS_MAX     3u /* and a control queue: VIRTIO_QUEUES at most */
#define MAC_DEFAULT   0x525400123456ull
#define COMMAND_MAX   (2 + 2 * (4 + NET_FILTER_MACS * 2 * NET_MAC))
#define FLOWS	      64u
#define RX_BUFFERS    256u /* that a frame is put into, at most */
#define VLAN_TAG      4u   /* bytes */

/* Feature bits, 5.1.3 */
enum {
	F_CSUM = 0,
	F_GUEST_CSUM = 1,
	F_MTU = 3,
	F_MAC = 5,
	F_GUEST_TSO4 = 7,
	F_GUEST_TSO6 = 8,
	F_GUEST_ECN = 9,
	F_HOST_TSO4 = 11,
	F_HOST_TSO6 = 12,
	F_HOST_ECN = 13,
	F_MRG_RXBUF = 15,
	F_STATUS = 16,
	F_CTRL_VQ = 17,
	F_CTRL_RX = 18,
	F_CTRL_VLAN = 19,
	F_CTRL_RX_EXTRA = 20,
	F_GUEST_ANNOUNCE = 21,
	F_MQ = 22,
	F_CTRL_MAC_ADDR = 23
};
#define BIT(n) (1ull << (n))

/* struct virtio_net_config, 5.1.4 */
enum config { C_MAC = 0, C_STATUS = 6, C_MAX_PAIRS = 8, C_MTU = 10, CONFIG_LEN = 12 };
#define STATUS_LINK_UP	1u
#define STATUS_ANNOUNCE 2u
#define MTU_MIN		68u /* 5.1.4.1 */

/* struct virtio_net_hdr, 5.1.6 */
enum header {
	H_FLAGS = 0,
	H_GSO_TYPE = 1,
	H_HDR_LEN = 2,
	H_GSO_SIZE = 4,
	H_CSUM_START = 6,
	H_CSUM_OFFSET = 8,
	H_NUM_BUFFERS = 10,
	HEADER_LEN = 12
};

/* 5.1.6.5: class and command */
enum command {
	RX_PROMISC = 0x000,
	RX_ALLMULTI = 0x001,
	RX_ALLUNI = 0x002,
	RX_NOMULTI = 0x003,
	RX_NOUNI = 0x004,
	RX_NOBCAST = 0x005,
	MAC_TABLE_SET = 0x100,
	MAC_ADDR_SET = 0x101,
	VLAN_ADD = 0x200,
	VLAN_DEL = 0x201,
	ANNOUNCE_ACK = 0x300,
	MQ_PAIRS_SET = 0x400,
};
enum ack { ACK_OK = 0, ACK_ERR = 1 };

struct virtio_net {
	struct virtio v;
	struct net *net;
	uint64_t number, pairs_max, mac_opt, mtu; /* options */
	struct net_filter filter;
	bool announce;
	uint16_t pairs;	      /* in use */
	uint8_t steer[FLOWS]; /* the pair that a flow was last sent by */
	uint8_t frame[NET_FRAME_MAX];
	struct virtio_limit rx, tx;
};

static struct virtio_net *net_of(struct dev *d)
{
	return container_of(d, struct virtio_net, v.dev);
}

/* Was it negotiated, with what it depends on (5.1.3.1)? */
static bool has(const struct virtio_net *n, unsigned bit)
{
	static const struct {
		uint8_t bit, needs;
	} needs[] = {
		{F_GUEST_TSO4, F_GUEST_CSUM},
		{F_GUEST_TSO6, F_GUEST_CSUM},
		{F_HOST_TSO4, F_CSUM},
		{F_HOST_TSO6, F_CSUM},
		{F_CTRL_RX, F_CTRL_VQ},
		{F_CTRL_VLAN, F_CTRL_VQ},
		{F_CTRL_RX_EXTRA, F_CTRL_VQ},
		{F_GUEST_ANNOUNCE, F_CTRL_VQ},
		{F_MQ, F_CTRL_VQ},
		{F_CTRL_MAC_ADDR, F_CTRL_VQ},
	};

	if (!virtio_has(&n->v, bit))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].bit == bit)
			return virtio_has(&n->v, needs[i].needs);
	return true;
}

static bool has_ecn(const struct virtio_net *n, unsigned bit, unsigned tso4, unsigned tso6)
{
	return has(n, bit) && (has(n, tso4) || has(n, tso6));
}

/* How many pairs of queues there are, used or not; controlq follows them (5.1.2). */
static unsigned nr_pairs(const struct virtio_net *n)
{
	return has(n, F_MQ) ? (unsigned)n->pairs_max : 1;
}

/* 5.1.6.5.5: what comes goes to the pair by which its flow was sent. */
static uint8_t *steering(struct virtio_net *n, const uint8_t *frame, size_t len)
{
	return &n->steer[net_flow(frame, len) % FLOWS];
}

/* ---- receiving ------------------------------------------------------------------------------------- */

/* 5.1.4.1: the device must not hand on more than the MTU that it told. */
static bool is_too_long(const struct virtio_net *n, const uint8_t *f, size_t len,
			const struct net_meta *m)
{
	size_t max = n->mtu + ETH_HEADER + (net_filter_is_vlan(f) ? VLAN_TAG : 0);

	return has(n, F_MTU) && m->gso == NET_GSO_NONE && len > max;
}

static void put_header(const struct net_meta *m, uint8_t h[HEADER_LEN])
{
	memset(h, 0, HEADER_LEN);
	h[H_FLAGS] = m->flags;
	h[H_GSO_TYPE] = m->gso;
	st_le16(h + H_GSO_SIZE, m->gso_size);
	if (m->flags & NET_NEEDS_CSUM) {
		st_le16(h + H_CSUM_START, m->csum_start);
		st_le16(h + H_CSUM_OFFSET, m->csum_offset);
	}
	/* 5.1.6.4.1: 1 also where buffers are not merged. */
	st_le16(h + H_NUM_BUFFERS, 1);
}

/* A frame with its header, as far as it is stored. */
struct rx {
	struct virtio_net *n;
	unsigned queue;
	uint8_t header[HEADER_LEN];
	const uint8_t *frame;
	uint64_t len, done; /* with the header */
	uint16_t nr;
	struct virtq_chain chain[RX_BUFFERS];
	struct virtq_seg seg[HEADER_LEN]; /* of the first one, as far as the header goes */
};

/* As much as the chain takes. */
static void fill(struct rx *rx, struct virtq_chain *c)
{
	struct virtq *q = &rx->n->v.q[rx->queue];
	uint64_t room = c->in_bytes, at = 0;

	if (rx->done < HEADER_LEN) {
		at = HEADER_LEN - rx->done < room ? HEADER_LEN - rx->done : room;
		(void)virtq_write(q, c, 0, rx->header + rx->done, at);
		rx->done += at;
	}
	if (at < room && rx->done < rx->len) {
		uint64_t n = rx->len - rx->done < room - at ? rx->len - rx->done : room - at;

		(void)virtq_write(q, c, at, rx->frame + (rx->done - HEADER_LEN), n);
		rx->done += n;
	}
}

/* The segments that hold the header outlive the next virtq_next(), for its last field. */
static void keep_first(struct rx *rx, const struct virtq_chain *c)
{
	struct virtq_chain *to = &rx->chain[0];
	uint64_t bytes = 0;

	*to = *c;
	to->seg = rx->seg;
	to->nr_out = to->nr_in = 0;
	for (uint32_t i = 0; i < c->nr_in && bytes < HEADER_LEN; i++)
		if (c->seg[c->nr_out + i].len) {
			rx->seg[to->nr_in++] = c->seg[c->nr_out + i];
			bytes += c->seg[c->nr_out + i].len;
		}
}

/* All chains of a frame, one after the other in the ring (5.1.6.4.1). */
static int give_back(struct rx *rx)
{
	struct virtio *v = &rx->n->v;
	int r = 0;

	for (unsigned i = 0; i < rx->nr && !r; i++)
		r = has(rx->n, F_MRG_RXBUF) ? virtq_push(&v->q[rx->queue], &rx->chain[i])
					    : virtio_complete(v, rx->queue, &rx->chain[i]);
	return r;
}

/* The next buffer that is not malformed. 1, or 0: none, or the queue is broken. */
static int next_buffer(struct rx *rx, struct virtq_chain *c)
{
	struct virtio *v = &rx->n->v;

	while (virtq_next(&v->q[rx->queue], c) == 1) {
		if (!c->error && c->in_bytes)
			return 1;
		dev_guest_error(&v->dev, "virtio-net: a receive buffer that is none", c->head,
				c->error);
		if (virtq_push(&v->q[rx->queue], c))
			break;
	}
	return 0;
}

/* The frame goes into one buffer, or into as many as it takes. 0, or -EAGAIN: there is none. */
static int store(struct rx *rx)
{
	struct virtq *q = &rx->n->v.q[rx->queue];
	bool merge = has(rx->n, F_MRG_RXBUF), good = true;
	struct virtq_chain c;
	int room;

	virtq_kick_begin(q);
	/* It is not begun before it fits; what never will is dropped. */
	room = merge ? virtq_has_room(q, rx->len) : 1;
	if (room <= 0)
		return room || q->broken ? 0 : -EAGAIN;
	while (rx->done < rx->len && rx->nr < RX_BUFFERS && (!rx->nr || merge)) {
		if (!next_buffer(rx, &c))
			break;
		if (!rx->nr)
			keep_first(rx, &c);
		else
			rx->chain[rx->nr] = c;
		if (!merge && c.in_bytes < rx->len)
			good = false;
		else
			fill(rx, &c);
		rx->chain[rx->nr++].written = c.written;
	}
	if (!rx->nr)
		return q->broken ? 0 : -EAGAIN;
	/* A driver that takes away what it offered gets what there was room for. */
	if (!good || rx->done < rx->len)
		dev_guest_error(&rx->n->v.dev, "virtio-net: receive buffers too small", rx->nr,
				rx->len);
	/* A first buffer without room for the header (5.1.6.3.1 forbids it) keeps what it has. */
	if (merge) {
		st_le16(rx->header, rx->nr);
		(void)virtq_write(q, &rx->chain[0], H_NUM_BUFFERS, rx->header, 2);
	}
	(void)give_back(rx);
	return 0;
}

static int net_frame(void *ctx, const void *frame, size_t len, const struct net_meta *m)
{
	struct virtio_net *n = ctx;
	struct virtio *v = &n->v;
	struct rx rx;
	unsigned pair;
	int r;

	if (v->stopped || !(v->status & VIRTIO_S_DRIVER_OK) || (v->status & VIRTIO_S_NEEDS_RESET))
		return -EAGAIN;
	if (!net_filter_wants(&n->filter, has(n, F_CTRL_VLAN), frame, len) ||
	    is_too_long(n, frame, len, m))
		return 0;
	pair = *steering(n, frame, len) % n->pairs;
	rx.n = n;
	rx.queue = 2 * pair;
	rx.frame = frame;
	rx.len = HEADER_LEN + len;
	rx.done = 0;
	rx.nr = 0;
	/* A driver may stop one queue of several. */
	if (!v->q[rx.queue].ready)
		rx.queue = 0;
	if (!v->q[rx.queue].ready)
		return -EAGAIN;
	put_header(m, rx.header);
	if (!virtio_limit_may(&n->rx))
		return -EAGAIN;
	r = store(&rx);
	if (!r)
		virtio_limit_charge(&n->rx, len);
	if (v->q[rx.queue].broken)
		virtio_broken(v, virtq_error_name(v->q[rx.queue].broken));
	else
		virtio_signal(v, rx.queue);
	return r;
}

/* ---- transmitting ---------------------------------------------------------------------------------- */

/* What the header asks for, 5.1.6.2.2. False: it was not negotiated. */
static bool get_header(const struct virtio_net *n, const uint8_t h[HEADER_LEN], struct net_meta *m)
{
	uint8_t gso = h[H_GSO_TYPE] & (uint8_t)~NET_GSO_ECN;

	*m = (struct net_meta){0};
	/* Flags that are not known are ignored. */
	if (h[H_FLAGS] & NET_NEEDS_CSUM) {
		m->flags = NET_NEEDS_CSUM;
		m->csum_start = ld_le16(h + H_CSUM_START);
		m->csum_offset = ld_le16(h + H_CSUM_OFFSET);
		if (!has(n, F_CSUM))
			return false;
	}
	if (h[H_GSO_TYPE] == NET_GSO_NONE)
		return true;
	m->gso = h[H_GSO_TYPE];
	m->gso_size = ld_le16(h + H_GSO_SIZE);
	if ((m->gso & NET_GSO_ECN) && !has_ecn(n, F_HOST_ECN, F_HOST_TSO4, F_HOST_TSO6))
		return false;
	if (gso != NET_GSO_TCP4 && gso != NET_GSO_TCP6)
		return false;
	return has(n, gso == NET_GSO_TCP4 ? F_HOST_TSO4 : F_HOST_TSO6) &&
	       (m->flags & NET_NEEDS_CSUM);
}

static void transmit(struct virtio_net *n, unsigned queue, const struct virtq_chain *c)
{
	struct virtq *q = &n->v.q[queue];
	uint64_t bad = n->net->stats.bad, len = c->out_bytes - HEADER_LEN;
	uint8_t h[HEADER_LEN];
	struct net_meta m;

	if (c->error || c->out_bytes < HEADER_LEN + NET_FRAME_MIN || len > NET_FRAME_MAX ||
	    virtq_read(q, c, 0, h, sizeof(h)) != HEADER_LEN ||
	    virtq_read(q, c, HEADER_LEN, n->frame, len) != (int64_t)len) {
		dev_guest_error(&n->v.dev, "virtio-net: no frame to be sent", c->out_bytes,
				c->error);
		return;
	}
	if (!get_header(n, h, &m)) {
		dev_guest_error(&n->v.dev, "virtio-net: a header with what was not negotiated",
				h[H_FLAGS], h[H_GSO_TYPE]);
		return;
	}
	*steering(n, n->frame, len) = (uint8_t)(queue / 2);
	net_send(n->net, n->frame, len, &m);
	if (n->net->stats.bad != bad)
		dev_guest_error(&n->v.dev, "virtio-net: a header that the frame contradicts",
				h[H_FLAGS], h[H_GSO_TYPE]);
}

/* ---- control, 5.1.6.5 ------------------------------------------------------------------------------- */

static enum ack ack(bool good)
{
	return good ? ACK_OK : ACK_ERR;
}

static enum ack set_pairs(struct virtio_net *n, const uint8_t *data, size_t len)
{
	if (len != 2 || !ld_le16(data) || ld_le16(data) > n->pairs_max)
		return ACK_ERR;
	n->pairs = ld_le16(data);
	return ACK_OK;
}

static enum ack rx_mode(struct virtio_net *n, unsigned what, const uint8_t *data, size_t len)
{
	return ack(has(n, what >= RX_ALLUNI ? F_CTRL_RX_EXTRA : F_CTRL_RX) &&
		   net_filter_set_flag(&n->filter, what, data, len));
}

static enum ack do_command(struct virtio_net *n, unsigned what, const uint8_t *data, size_t len)
{
	switch (what) {
	case RX_PROMISC:
	case RX_ALLMULTI:
	case RX_ALLUNI:
	case RX_NOMULTI:
	case RX_NOUNI:
	case RX_NOBCAST:
		return rx_mode(n, what, data, len);
	case MAC_TABLE_SET:
		return ack(has(n, F_CTRL_RX) && net_filter_set_tables(&n->filter, data, len));
	case MAC_ADDR_SET:
		if (!has(n, F_CTRL_MAC_ADDR) || len != NET_MAC || ETH_MULTICAST(data))
			return ACK_ERR;
		memcpy(n->filter.mac, data, NET_MAC);
		return ACK_OK;
	case VLAN_ADD:
	case VLAN_DEL:
		return ack(has(n, F_CTRL_VLAN) &&
			   net_filter_set_vlan(&n->filter, data, len, what == VLAN_ADD));
	case ANNOUNCE_ACK:
		if (!has(n, F_GUEST_ANNOUNCE) || len)
			return ACK_ERR;
		n->announce = false;
		return ACK_OK;
	case MQ_PAIRS_SET:
		return has(n, F_MQ) ? set_pairs(n, data, len) : ACK_ERR;
	default:
		return ACK_ERR;
	}
}

static void control(struct virtio_net *n, unsigned queue, struct virtq_chain *c)
{
	struct virtq *q = &n->v.q[queue];
	uint8_t cmd[COMMAND_MAX], answer = ACK_ERR;
	uint64_t len = c->out_bytes;

	if (c->error || !c->in_bytes) {
		dev_guest_error(&n->v.dev, "virtio-net: a command without room for its ack",
				c->head, c->error);
		return;
	}
	if (len >= 2 && len <= sizeof(cmd) && virtq_read(q, c, 0, cmd, len) == (int64_t)len)
		answer = (uint8_t)do_command(n, (unsigned)cmd[0] << 8 | cmd[1], cmd + 2, len - 2);
	if (answer != ACK_OK)
		dev_guest_error(&n->v.dev, "virtio-net: a command that is refused", c->head, len);
	(void)virtq_write(q, c, 0, &answer, 1);
}

static void net_notify(struct virtio *v, unsigned queue)
{
	struct virtio_net *n = net_of(&v->dev);
	unsigned ctrl = 2 * nr_pairs(n);
	struct virtq *q = &v->q[queue];
	struct virtq_chain c;

	if (queue > ctrl || (queue == ctrl && !has(n, F_CTRL_VQ))) {
		dev_guest_error(&v->dev, "virtio-net: a queue that was not negotiated", queue,
				ctrl);
		return;
	}
	while ((queue == ctrl || (queue % 2 && virtio_limit_may(&n->tx))) &&
	       virtq_next(q, &c) == 1) {
		if (queue == ctrl) {
			control(n, queue, &c);
		} else {
			transmit(n, queue, &c);
			virtio_limit_charge(&n->tx, c.out_bytes);
		}
		if (virtio_complete(v, queue, &c))
			return;
	}
	/* There are buffers, or more is let in, or by another queue. */
	if (queue == ctrl || queue % 2 == 0)
		net_resume(n->net);
}

/* ---- configuration ---------------------------------------------------------------------------------- */

static void read_config(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	const struct virtio_net *n = net_of(&v->dev);
	uint8_t c[CONFIG_LEN];

	memcpy(c + C_MAC, n->filter.mac, NET_MAC);
	st_le16(c + C_STATUS,
		(n->net->link_up ? STATUS_LINK_UP : 0) | (n->announce ? STATUS_ANNOUNCE : 0));
	st_le16(c + C_MAX_PAIRS, (uint16_t)n->pairs_max);
	st_le16(c + C_MTU, (uint16_t)n->mtu);
	memcpy(buf, c + off, len);
}

static void net_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	(void)buf;
	/* 5.1.4: all of it is the device's; a MAC is set by MAC_ADDR_SET. */
	dev_guest_error(&v->dev, "virtio-net: write of a field that is not the driver's", off, len);
}

static void net_link_changed(void *ctx, bool up, bool announce)
{
	struct virtio_net *n = ctx;

	(void)up;
	/* 5.1.6.5.4 */
	if (!has(n, announce ? F_GUEST_ANNOUNCE : F_STATUS))
		return;
	n->announce |= announce;
	virtio_config_changed(&n->v);
}

/* ---- the class --------------------------------------------------------------------------------------- */

static void receive_again(struct virtio *v)
{
	net_resume(net_of(&v->dev)->net);
}

static void send_again(struct virtio *v)
{
	for (unsigned i = 1; i < v->nr_queues; i += 2)
		virtio_limit_ring(v, i);
}

static const struct state_table *net_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio_net *n = container_of(d, const struct virtio_net, v.dev);
	const struct virtio_limit *const limits[] = {&n->rx, &n->tx};

	return virtio_limit_part(limits, ARRAY_SIZE(limits), &i, obj) ? &virtio_limit_state
								      : virtio_part(d, i, obj);
}

/* What frames may come with, as far as it was negotiated. */
static unsigned net_takes(void *ctx)
{
	const struct virtio_net *n = ctx;
	unsigned t = 0;

	t |= has(n, F_GUEST_CSUM) ? NET_TAKES_CSUM : 0;
	t |= has(n, F_GUEST_TSO4) ? NET_TAKES_TSO4 : 0;
	t |= has(n, F_GUEST_TSO6) ? NET_TAKES_TSO6 : 0;
	t |= has_ecn(n, F_GUEST_ECN, F_GUEST_TSO4, F_GUEST_TSO6) ? NET_TAKES_ECN : 0;
	return t;
}

static const struct net_receiver net_ear = {
	.frame = net_frame,
	.takes = net_takes,
	.link = net_link_changed,
};

static void net_reset(struct dev *d)
{
	struct virtio_net *n = net_of(d);

	virtio_reset(d);
	virtio_limit_reset(&n->rx);
	virtio_limit_reset(&n->tx);
	for (unsigned i = 0; i < NET_MAC; i++)
		n->filter.mac[i] = (uint8_t)(n->mac_opt >> (8 * (NET_MAC - 1 - i)));
}

static int net_post_load(struct dev *d, struct err *err)
{
	struct virtio_net *n = net_of(d);
	int rc = virtio_limit_post_load(&n->rx, err);

	rc = rc ? rc : virtio_limit_post_load(&n->tx, err);
	if (rc)
		return rc;
	if (!net_filter_possible(&n->filter) || !n->pairs || n->pairs > n->pairs_max)
		return err_set(err, -EINVAL,
			       "virtio-net: saved tables or pairs are more than there can be");
	return virtio_post_load(d, err);
}

static const struct virtio_class net_class = {
	.device_id = NET_DEVICE_ID,
	.features = BIT(F_CSUM) | BIT(F_GUEST_CSUM) | BIT(F_MAC) | BIT(F_GUEST_TSO4) |
		    BIT(F_GUEST_TSO6) | BIT(F_GUEST_ECN) | BIT(F_HOST_TSO4) | BIT(F_HOST_TSO6) |
		    BIT(F_HOST_ECN) | BIT(F_MRG_RXBUF) | BIT(F_STATUS) | BIT(F_CTRL_VQ) |
		    BIT(F_CTRL_RX) | BIT(F_CTRL_VLAN) | BIT(F_CTRL_RX_EXTRA) |
		    BIT(F_GUEST_ANNOUNCE) | BIT(F_CTRL_MAC_ADDR),
	.nr_queues = 2 * PAIRS_MAX + 1,
	.queue_max = NET_QUEUE_MAX,
	.config_len = CONFIG_LEN,
	.notify = net_notify,
	.config_read = read_config,
	.config_write = net_config_write,
};

static int net_device_init(struct dev *d, struct err *err)
{
	struct virtio_net *n = net_of(d);
	struct net *net;
	int rc;

	if (n->number >= d->env.nr_nets)
		return err_set(
			err, -EINVAL,
			"device virtio-net: there is no network %u: the machine has %u; give one",
			(unsigned)n->number, d->env.nr_nets);
	if (n->mtu && n->mtu < MTU_MIN)
		return err_set(err, -EINVAL, "device virtio-net: mtu=%u: from %u on, or 0",
			       (unsigned)n->mtu, MTU_MIN);
	net = d->env.net[n->number];
	rc = virtio_init(d, &net_class, err);
	rc = rc ? rc : virtio_limit_init(&n->rx, &n->v, receive_again, err);
	rc = rc ? rc : virtio_limit_init(&n->tx, &n->v, send_again, err);
	if (rc)
		return rc;
	if (net_receive(net, &net_ear, n))
		return err_set(err, -EBUSY,
			       "device virtio-net: network %u has a device already: give another",
			       (unsigned)n->number);
	n->net = net;
	n->v.nr_queues = 2 * (unsigned)n->pairs_max + 1;
	if (n->pairs_max > 1)
		n->v.features |= BIT(F_MQ);
	if (n->mtu)
		n->v.features |= BIT(F_MTU);
	if (!n->mac_opt)
		n->mac_opt = MAC_DEFAULT + n->number;
	net_reset(d);
	return 0;
}

static void net_fini(struct dev *d)
{
	struct virtio_net *n = net_of(d);

	if (n->net)
		(void)net_receive(n->net, NULL, NULL);
	virtio_limit_fini(&n->rx);
	virtio_limit_fini(&n->tx);
	virtio_fini(d);
}

static const struct dev_range net_ranges[] = {
	{"registers", BUS_MMIO, NET_BASE, VIRTIO_MMIO_LEN},
	{0},
};

static const struct dev_opt net_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), NET_IRQ, 0, 23},
	{"net", "which of the machine's networks", offsetof(struct virtio_net, number), 0, 0, 63},
	{"pairs", "how many pairs of queues", offsetof(struct virtio_net, pairs_max), 1, 1,
	 PAIRS_MAX},
	{"mac", "the address, as a number; 0: 52:54:00:12:34:56 and on",
	 offsetof(struct virtio_net, mac_opt), 0, 0, 0xfeffffffffffull},
	{"mtu", "the MTU that the driver is told of, 68 to 65535; 0: none",
	 offsetof(struct virtio_net, mtu), 0, 0, UINT16_MAX},
	VIRTIO_LIMIT_OPTS(struct virtio_net, rx, "rx_", " to the guest", "pps"),
	VIRTIO_LIMIT_OPTS(struct virtio_net, tx, "tx_", " from the guest", "pps"),
	VIRTIO_OPTS,
	{0},
};

static const struct state_field net_state[] = {
	VIRTIO_STATE_FIELDS,
	NET_FILTER_STATE(struct virtio_net, filter),
	STATE_B(struct virtio_net, announce, 0),
	STATE_U(struct virtio_net, pairs, 1),
	STATE_RAW(struct virtio_net, steer),
	STATE_END,
};

const struct dev_class dev_class_virtio_net = {
	.name = "virtio-net",
	.help = "virtio network device, at one of the machine's networks",
	.size = sizeof(struct virtio_net),
	.version = 1,
	.ranges = net_ranges,
	.opts = net_opts,
	.state = net_state,
	.init = net_device_init,
	.reset = net_reset,
	.regs = virtio_mmio_regs,
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
	.part = net_part,
	.post_load = net_post_load,
	.fini = net_fini,
};
