/* SPDX-License-Identifier: MIT */
/* The receive filter of the network device. */
#include "net_filter.h"

#define VLAN_ID 0x0fffu

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

bool net_filter_is_vlan(const uint8_t *frame)
{
	return be16(frame + ETH_TYPE) == ETH_VLAN;
}

static bool in_table(const struct net_filter_table *t, const uint8_t *mac)
{
	if (t->overflow)
		return true;
	for (uint32_t i = 0; i < t->n; i++)
		if (!memcmp(t->mac + (size_t)i * NET_MAC, mac, NET_MAC))
			return true;
	return false;
}

bool net_filter_wants(const struct net_filter *f, bool vlans, const uint8_t *frame, size_t len)
{
	static const uint8_t broadcast[NET_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (vlans && net_filter_is_vlan(frame) && len >= ETH_HEADER + 2) {
		unsigned id = be16(frame + ETH_HEADER) & VLAN_ID;

		if (!(f->vlans[id / 8] >> (id % 8) & 1))
			return false;
	}
	if (f->promisc)
		return true;
	if (!memcmp(frame, broadcast, NET_MAC))
		return !f->nobcast;
	if (ETH_MULTICAST(frame))
		return !f->nomulti && (f->allmulti || in_table(&f->multi, frame));
	return !f->nouni &&
	       (f->alluni || !memcmp(frame, f->mac, NET_MAC) || in_table(&f->uni, frame));
}

/* ---- commands ------------------------------------------------------------------------------------ */

bool net_filter_set_flag(struct net_filter *f, unsigned what, const uint8_t *data, size_t len)
{
	bool *flags[] = {&f->promisc, &f->allmulti, &f->alluni,
			 &f->nomulti, &f->nouni,    &f->nobcast};

	if (len != 1 || data[0] > 1)
		return false;
	*flags[what] = data[0];
	return true;
}

/* One table of a MAC_TABLE_SET, without its effect if (t) is NULL; where the next one is, 0: ill-formed. */
static size_t one_table(struct net_filter_table *t, const uint8_t *data, size_t len, size_t at)
{
	uint32_t n;

	if (len - at < 4)
		return 0;
	n = ld_le32(data + at);
	at += 4;
	if (n > (len - at) / NET_MAC)
		return 0;
	if (t) {
		memset(t, 0, sizeof(*t));
		t->overflow = n > NET_FILTER_MACS;
		t->n = t->overflow ? 0 : n;
		memcpy(t->mac, data + at, (size_t)t->n * NET_MAC);
	}
	return at + (size_t)n * NET_MAC;
}

/* 5.1.6.5.2: both or neither. */
bool net_filter_set_tables(struct net_filter *f, const uint8_t *data, size_t len)
{
	size_t at = one_table(NULL, data, len, 0);

	if (!at || one_table(NULL, data, len, at) != len)
		return false;
	(void)one_table(&f->uni, data, len, 0);
	(void)one_table(&f->multi, data, len, at);
	return true;
}

bool net_filter_set_vlan(struct net_filter *f, const uint8_t *data, size_t len, bool add)
{
	uint16_t id;

	if (len != 2 || ld_le16(data) >= NET_FILTER_VLANS)
		return false;
	id = ld_le16(data);
	f->vlans[id / 8] &= (uint8_t) ~(1u << (id % 8));
	f->vlans[id / 8] |= (uint8_t)(add << (id % 8));
	return true;
}
