/* SPDX-License-Identifier: MIT */
/*
 * The work of an offload in software: checksums (RFC 1071) and the segmentation of large TCP frames.
 * Every byte of a frame is the guest's and judged before it is used.
 */
#include <errno.h>

#include "net_priv.h"

/* Offsets in the headers: IEEE 802.3, RFC 791, RFC 8200, RFC 9293. */
#define ETH_TYPE	12u
#define ETH_HEADER	14u
#define VLAN_TAG	4u
#define VLAN_TAGS	2u
#define IP4_HEADER	20u
#define IP4_TOTAL	2u
#define IP4_ID		4u
#define IP4_FRAGMENT	6u
#define IP4_PROTOCOL	9u
#define IP4_CSUM	10u
#define IP4_ADDRS	12u
#define IP6_HEADER	40u
#define IP6_LENGTH	4u
#define IP6_NEXT	6u
#define IP6_ADDRS	8u
#define IP6_EXTENSIONS	8u /* that are walked over, at most */
#define TCP_HEADER	20u
#define TCP_SEQ		4u
#define TCP_OFFSET	12u
#define TCP_FLAGS	13u
#define TCP_CSUM	16u
#define TCP_FIN		0x01u
#define TCP_PSH		0x08u
#define TCP_CWR		0x80u
#define PROTO_HOPOPTS	0u
#define PROTO_ROUTING	43u
#define PROTO_DSTOPTS	60u
#define FRAGMENT_OFFSET 0x3fffu /* and the bit MF */

/* ---- checksums ---------------------------------------------------------------------------------- */

uint32_t net_csum_add(uint32_t sum, const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t s = sum;

	for (size_t i = 0; i + 1 < len; i += 2)
		s += net_be16(b + i);
	if (len & 1)
		s += (uint64_t)b[len - 1] << 8;
	while (s >> 32)
		s = (s & UINT32_MAX) + (s >> 32);
	return (uint32_t)s;
}

uint16_t net_csum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

int net_csum_complete(void *frame, size_t len, const struct net_meta *m)
{
	uint8_t *f = frame;
	size_t at = (size_t)m->csum_start + m->csum_offset;
	uint16_t sum;

	if (at + 2 > len)
		return -EINVAL;
	/* What the driver put into the field is the sum of the pseudo header: it counts. */
	sum = net_csum_fold(net_csum_add(0, f + m->csum_start, len - m->csum_start));
	/* RFC 768: 0 says that there is none; all ones is the same number. */
	net_put_be16(f + at, sum ? sum : 0xffff);
	return 0;
}

/* ---- flows -------------------------------------------------------------------------------------- */

uint32_t net_flow(const void *frame, size_t len)
{
	const uint8_t *f = frame;
	uint16_t type = len < ETH_HEADER ? 0 : net_be16(f + ETH_TYPE);
	bool v6 = type == NET_TYPE_IP6;
	size_t at = ETH_HEADER + (v6 ? IP6_ADDRS : IP4_ADDRS), n = v6 ? 32 : 8;
	size_t ports = ETH_HEADER + (v6 ? IP6_HEADER : IP4_HEADER);
	uint32_t sum = 0;

	if (type != NET_TYPE_IP4 && !v6)
		return 0;
	/* A sum does not see which of the two ends is which. */
	for (size_t i = 0; i < n && at + i < len; i++)
		sum += f[at + i];
	for (size_t i = 0; i < 4 && ports + i < len; i++)
		sum += f[ports + i];
	return sum;
}

/* ---- segments ----------------------------------------------------------------------------------- */

/* Where what is in a TCP frame. */
struct layout {
	bool v6;
	uint32_t ip, tcp, payload; /* offsets */
	uint32_t segments;
};

static int find_ip(const uint8_t *f, size_t len, bool v6, uint32_t *ip)
{
	uint32_t at = ETH_TYPE;

	for (unsigned i = 0; i < VLAN_TAGS && at + VLAN_TAG + 2 <= len && net_is_vlan(f + at); i++)
		at += VLAN_TAG;
	if (at + 2 > len || net_be16(f + at) != (v6 ? NET_TYPE_IP6 : NET_TYPE_IP4))
		return -EINVAL;
	*ip = at + 2;
	return 0;
}

static int find_tcp4(const uint8_t *f, size_t len, struct layout *l)
{
	const uint8_t *ip = f + l->ip;
	uint32_t header;

	if (l->ip + IP4_HEADER > len || ip[0] >> 4 != 4)
		return -EINVAL;
	header = (ip[0] & 15u) * 4;
	if (header < IP4_HEADER || l->ip + header > len || ip[IP4_PROTOCOL] != NET_PROTO_TCP ||
	    (net_be16(ip + IP4_FRAGMENT) & FRAGMENT_OFFSET))
		return -EINVAL;
	l->tcp = l->ip + header;
	return 0;
}

static int find_tcp6(const uint8_t *f, size_t len, struct layout *l)
{
	uint32_t at = l->ip + IP6_HEADER;
	uint8_t next;

	if (at > len || f[l->ip] >> 4 != 6)
		return -EINVAL;
	next = f[l->ip + IP6_NEXT];
	for (unsigned i = 0; i < IP6_EXTENSIONS && next != NET_PROTO_TCP; i++) {
		if ((next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_DSTOPTS) ||
		    at + 8 > len)
			return -EINVAL;
		next = f[at];
		at += (f[at + 1] + 1u) * 8;
	}
	if (next != NET_PROTO_TCP)
		return -EINVAL;
	l->tcp = at;
	return 0;
}

/* Is the frame what (m) says, and into how many can it be cut? */
static int lay_out(const uint8_t *f, size_t len, const struct net_meta *m, struct layout *l)
{
	uint8_t gso = m->gso & (uint8_t)~NET_GSO_ECN;
	uint32_t header, data;

	*l = (struct layout){.v6 = gso == NET_GSO_TCP6};
	if ((gso != NET_GSO_TCP4 && gso != NET_GSO_TCP6) || !m->gso_size || len > NET_FRAME_MAX ||
	    find_ip(f, len, l->v6, &l->ip) ||
	    (l->v6 ? find_tcp6(f, len, l) : find_tcp4(f, len, l)) || l->tcp + TCP_HEADER > len)
		return -EINVAL;
	header = (f[l->tcp + TCP_OFFSET] >> 4) * 4u;
	if (header < TCP_HEADER || l->tcp + header > len)
		return -EINVAL;
	l->payload = l->tcp + header;
	data = (uint32_t)len - l->payload;
	l->segments = data ? (data + m->gso_size - 1) / m->gso_size : 1;
	if (l->segments > NET_SEGMENTS)
		return -EINVAL;
	/* A segment's length has to fit into 16 bits; that of the whole need not. */
	data = data < m->gso_size ? data : m->gso_size;
	return l->payload + data - l->ip > UINT16_MAX ? -EINVAL : 0;
}

int net_segment_check(const void *frame, size_t len, const struct net_meta *m)
{
	struct layout l;

	return lay_out(frame, len, m, &l);
}

static void fix_ip(uint8_t *ip, const struct layout *l, uint32_t len, uint32_t nr)
{
	uint32_t header = l->tcp - l->ip;

	if (l->v6) {
		net_put_be16(ip + IP6_LENGTH, (uint16_t)(len - IP6_HEADER));
		return;
	}
	net_put_be16(ip + IP4_TOTAL, (uint16_t)len);
	/* RFC 6864 wants another identification for each. */
	net_put_be16(ip + IP4_ID, (uint16_t)(net_be16(ip + IP4_ID) + nr));
	net_put_be16(ip + IP4_CSUM, 0);
	net_put_be16(ip + IP4_CSUM, net_csum_fold(net_csum_add(0, ip, header)));
}

static void fix_tcp(uint8_t *ip, const struct layout *l, uint32_t len, uint32_t nr, uint32_t done)
{
	uint8_t *tcp = ip + (l->tcp - l->ip);
	uint32_t tcp_len = len - (l->tcp - l->ip), sum;

	net_put_be32(tcp + TCP_SEQ, net_be32(tcp + TCP_SEQ) + done);
	/* What ends the data is the last one's, and RFC 3168's answer the first one's. */
	if (nr + 1 < l->segments)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (nr)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	net_put_be16(tcp + TCP_CSUM, 0);
	sum = l->v6 ? net_csum_add(0, ip + IP6_ADDRS, 32) : net_csum_add(0, ip + IP4_ADDRS, 8);
	sum = net_csum_add(sum + NET_PROTO_TCP + tcp_len, tcp, tcp_len);
	net_put_be16(tcp + TCP_CSUM, net_csum_fold(sum));
}

int net_segment(const void *frame, size_t len, const struct net_meta *m, void *room,
		int (*put)(void *ctx, const void *frame, size_t len), void *ctx)
{
	const uint8_t *f = frame;
	uint8_t *to = room;
	struct layout l;
	int r = lay_out(f, len, m, &l);

	for (uint32_t i = 0, done = 0; i < l.segments && !r; i++) {
		uint32_t n = (uint32_t)len - l.payload - done;

		n = n < m->gso_size ? n : m->gso_size;
		memcpy(to, f, l.payload);
		memcpy(to + l.payload, f + l.payload + done, n);
		fix_ip(to + l.ip, &l, l.payload - l.ip + n, i);
		fix_tcp(to + l.ip, &l, l.payload - l.ip + n, i, done);
		r = put(ctx, to, l.payload + n);
		done += n;
	}
	return r;
}
