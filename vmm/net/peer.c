/* SPDX-License-Identifier: MIT */
/*
 * One host that answers ARP (RFC 826), ICMP echo (RFC 792) and UDP echo (RFC 862). As a host does, it
 * drops what has a wrong checksum: what a device did to a frame shows.
 */
#include <stdio.h>

#include "net_priv.h"

#define ETH_SOURCE   6u
#define ETH_TYPE     12u
#define ETH_HEADER   14u
#define ARP_LEN	     28u
#define ARP_REQUEST  1u
#define ARP_REPLY    2u
#define IP_HEADER    20u
#define ICMP_HEADER  8u
#define ICMP_REQUEST 8u
#define UDP_HEADER   8u
#define UDP_ECHO     7u
#define FRAGMENT     0x3fffu

static bool is_for(const struct net_peer *p, const uint8_t *frame)
{
	static const uint8_t everyone[NET_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	return !memcmp(frame, p->mac, NET_MAC) || !memcmp(frame, everyone, NET_MAC);
}

/* To whom it came from, and from us. */
static void turn_ethernet(const struct net_peer *p, const uint8_t *frame, uint8_t *room)
{
	memcpy(room, frame + ETH_SOURCE, NET_MAC);
	memcpy(room + ETH_SOURCE, p->mac, NET_MAC);
	memcpy(room + ETH_TYPE, frame + ETH_TYPE, 2);
}

static size_t answer_arp(const struct net_peer *p, const uint8_t *frame, size_t len, uint8_t *room)
{
	static const uint8_t ethernet_ip[6] = {0, 1, 8, 0, NET_MAC, 4};
	const uint8_t *a = frame + ETH_HEADER;
	uint8_t *b = room + ETH_HEADER;

	if (len < ETH_HEADER + ARP_LEN || memcmp(a, ethernet_ip, sizeof(ethernet_ip)) ||
	    net_be16(a + 6) != ARP_REQUEST || net_be32(a + 24) != p->ip)
		return 0;
	turn_ethernet(p, frame, room);
	memcpy(b, ethernet_ip, sizeof(ethernet_ip));
	net_put_be16(b + 6, ARP_REPLY);
	memcpy(b + 8, p->mac, NET_MAC);
	net_put_be32(b + 14, p->ip);
	memcpy(b + 18, a + 8, NET_MAC + 4); /* whom it came from */
	return ETH_HEADER + ARP_LEN;
}

/* (ip) is the answer already but for what is said here: the addresses change places, which no sum sees. */
static bool turn_icmp(uint8_t *ip, uint32_t header, uint32_t total)
{
	uint8_t *icmp = ip + header;
	uint32_t len = total - header;

	if (len < ICMP_HEADER || icmp[0] != ICMP_REQUEST || icmp[1] ||
	    net_csum_fold(net_csum_add(0, icmp, len)))
		return false;
	icmp[0] = 0;
	net_put_be16(icmp + 2, 0);
	net_put_be16(icmp + 2, net_csum_fold(net_csum_add(0, icmp, len)));
	return true;
}

static bool turn_udp(uint8_t *ip, uint32_t header, uint32_t total)
{
	uint8_t *udp = ip + header;
	uint16_t from = net_be16(udp), len;
	uint32_t sum;

	if (total - header < UDP_HEADER)
		return false;
	len = net_be16(udp + 4);
	if (net_be16(udp + 2) != UDP_ECHO || len < UDP_HEADER || len > total - header)
		return false;
	sum = net_csum_add(NET_PROTO_UDP + (uint32_t)len, ip + 12, 8);
	/* A field of 0 says that there is none. */
	if (net_be16(udp + 6) && net_csum_fold(net_csum_add(sum, udp, len)))
		return false;
	net_put_be16(udp, UDP_ECHO);
	net_put_be16(udp + 2, from);
	return true;
}

static size_t answer_ip(const struct net_peer *p, const uint8_t *frame, size_t len, uint8_t *room)
{
	const uint8_t *a = frame + ETH_HEADER;
	uint8_t *b = room + ETH_HEADER;
	uint32_t header, total;
	bool good = false;

	if (len < ETH_HEADER + IP_HEADER || a[0] >> 4 != 4)
		return 0;
	header = (a[0] & 15u) * 4;
	total = net_be16(a + 2);
	if (header < IP_HEADER || total < header + 8 || total > len - ETH_HEADER ||
	    (net_be16(a + 6) & FRAGMENT) || net_be32(a + 16) != p->ip ||
	    net_csum_fold(net_csum_add(0, a, header)))
		return 0;
	memcpy(b, a, total);
	if (a[9] == NET_PROTO_ICMP)
		good = turn_icmp(b, header, total);
	else if (a[9] == NET_PROTO_UDP)
		good = turn_udp(b, header, total);
	if (!good)
		return 0;
	turn_ethernet(p, frame, room);
	memcpy(b + 12, a + 16, 4);
	memcpy(b + 16, a + 12, 4);
	return ETH_HEADER + total;
}

size_t net_peer_answer(const struct net_peer *p, const uint8_t *frame, size_t len, uint8_t *room)
{
	if (len < ETH_HEADER || !is_for(p, frame))
		return 0;
	if (net_be16(frame + ETH_TYPE) == NET_TYPE_ARP)
		return answer_arp(p, frame, len, room);
	if (net_be16(frame + ETH_TYPE) == NET_TYPE_IP4)
		return answer_ip(p, frame, len, room);
	return 0;
}

/* ---- texts ----------------------------------------------------------------------------------------- */

int net_parse_ip(const char *s, uint32_t *ip)
{
	unsigned a, b, c, d;
	char more;

	if (sscanf(s, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &more) != 4 || a > 255 || b > 255 ||
	    c > 255 || d > 255)
		return -1;
	*ip = a << 24 | b << 16 | c << 8 | d;
	return 0;
}

int net_parse_mac(const char *s, uint8_t mac[NET_MAC])
{
	unsigned b[NET_MAC];
	char more;

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &more) != 6)
		return -1;
	for (unsigned i = 0; i < NET_MAC; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}
