/* SPDX-License-Identifier: MIT */
/*
 * The receive filter of the network device (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3): which frames the driver
 * wants, and the commands that say so. No queue is known here, nor what was negotiated:
 * models/virtio_net.c asks by what features there are.
 */
#ifndef VMM_DEV_NET_FILTER_H
#define VMM_DEV_NET_FILTER_H

#include <vmm/net.h>
#include <vmm/state.h>

#define NET_FILTER_MACS	 64u /* addresses of each kind, beyond which all of it are let in */
#define NET_FILTER_VLANS 4096u

/* Offsets in a frame */
#define ETH_TYPE	   12u
#define ETH_HEADER	   14u
#define ETH_VLAN	   0x8100u
#define ETH_MULTICAST(mac) ((mac)[0] & 1)

struct net_filter {
	uint8_t mac[NET_MAC]; /* the device's own */
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	struct net_filter_table {
		uint32_t n;
		bool overflow; /* there were more: all are let in */
		uint8_t mac[NET_FILTER_MACS * NET_MAC];
	} uni, multi;
	uint8_t vlans[NET_FILTER_VLANS / 8];
};

/* Is a frame of (len) bytes wanted? (vlans): frames of a VLAN only if it was added. */
bool net_filter_wants(const struct net_filter *f, bool vlans, const uint8_t *frame, size_t len);
bool net_filter_is_vlan(const uint8_t *frame);

/* Commands' data; false: ill-formed, and nothing changed. (what): 5.1.6.5.1's command, 0 to 5. */
bool net_filter_set_flag(struct net_filter *f, unsigned what, const uint8_t *data, size_t len);
bool net_filter_set_tables(struct net_filter *f, const uint8_t *data, size_t len);
bool net_filter_set_vlan(struct net_filter *f, const uint8_t *data, size_t len, bool add);

/* Is a loaded one possible? */
static inline bool net_filter_possible(const struct net_filter *f)
{
	return f->uni.n <= NET_FILTER_MACS && f->multi.n <= NET_FILTER_MACS;
}

/*
 * For the state table of (type), which has one as (f): fields by their own names; after a reset all comes in,
 * as if there were no filter.
 * NOLINTBEGIN(bugprone-macro-parentheses): designators are no expressions
 */
#define NET_FILTER_FIELD(type, f, name, kind, count, rst)                                          \
	{                                                                                          \
#name, kind, offsetof(type, f.name), sizeof(((type *)0)->f.name) / (count), count, \
			rst, 0                                                                     \
	}
#define NET_FILTER_BOOL(type, f, name, rst) NET_FILTER_FIELD(type, f, name, STATE_BOOL, 1, rst)
#define NET_FILTER_RAW(type, f, name)                                                              \
	NET_FILTER_FIELD(type, f, name, STATE_BYTES, sizeof(((type *)0)->f.name), 0)
#define NET_FILTER_STATE(type, f)                                                                  \
	NET_FILTER_RAW(type, f, mac), NET_FILTER_BOOL(type, f, promisc, 1),                        \
		NET_FILTER_BOOL(type, f, allmulti, 0), NET_FILTER_BOOL(type, f, alluni, 0),        \
		NET_FILTER_BOOL(type, f, nomulti, 0), NET_FILTER_BOOL(type, f, nouni, 0),          \
		NET_FILTER_BOOL(type, f, nobcast, 0),                                              \
		NET_FILTER_FIELD(type, f, uni.n, STATE_UINT, 1, 0),                                \
		NET_FILTER_BOOL(type, f, uni.overflow, 0), NET_FILTER_RAW(type, f, uni.mac),       \
		NET_FILTER_FIELD(type, f, multi.n, STATE_UINT, 1, 0),                              \
		NET_FILTER_BOOL(type, f, multi.overflow, 0), NET_FILTER_RAW(type, f, multi.mac),   \
		NET_FILTER_RAW(type, f, vlans)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
