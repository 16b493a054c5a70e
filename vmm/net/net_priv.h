/* SPDX-License-Identifier: MIT */
/* net, private: what its files call of each other. */
#ifndef NET_PRIV_H
#define NET_PRIV_H

#include <vmm/net.h>
#include <vmm/net_script.h>
#include <vmm/pcap.h>

#define NET_TYPE_IP4   0x0800u
#define NET_TYPE_ARP   0x0806u
#define NET_TYPE_IP6   0x86ddu
#define NET_TYPE_VLAN  0x8100u /* 802.1Q */
#define NET_TYPE_QINQ  0x88a8u /* 802.1ad */
#define NET_PROTO_ICMP 1u
#define NET_PROTO_TCP  6u
#define NET_PROTO_UDP  17u

static inline uint16_t net_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t net_be32(const uint8_t *p)
{
	return (uint32_t)net_be16(p) << 16 | net_be16(p + 2);
}

static inline void net_put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void net_put_be32(uint8_t *p, uint32_t v)
{
	net_put_be16(p, (uint16_t)(v >> 16));
	net_put_be16(p + 2, (uint16_t)v);
}

static inline bool net_is_vlan(const uint8_t *type)
{
	uint16_t t = net_be16(type);

	return t == NET_TYPE_VLAN || t == NET_TYPE_QINQ;
}

/* frame.c: could net_segment() cut it? */
int net_segment_check(const void *frame, size_t len, const struct net_meta *m);

/* net.c: what every back end begins with; -ENOMEM. net_fini() undoes it, its memory is the back end's. */
int net_init(struct net *n, const struct net_ops *ops, const struct net_env *env);
void net_fini(struct net *n);

/* An option of a back end's text, `name=value`; it is cut off there. NULL: not given. */
struct net_text {
	char *text; /* what is before the options */
	char *opt[8];
	unsigned nr;
};
const char *net_opt(struct net_text *t, const char *name);
int net_opt_u64(struct net_text *t, const char *name, uint64_t max, uint64_t *val, struct err *err);

/* The back ends, by what is before and behind the first colon. */
int net_null_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err);
int net_loop_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err);
int net_peer_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err);
int net_script_open(struct net **out, struct net_text *t, const struct net_env *env,
		    struct err *err);
int net_play_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err);
int net_user_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err);
int net_tap_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err);

/* peer.c: one host that answers ARP, ICMP echo and UDP echo. */
struct net_peer {
	uint32_t ip;
	uint8_t mac[NET_MAC];
};
#define NET_PEER_IP  0x0a000202u
#define NET_PEER_MAC "\x52\x55\x0a\x00\x02\x02"
/* The answer to (frame) in (room) of NET_FRAME_MAX bytes; 0: there is none. */
size_t net_peer_answer(const struct net_peer *p, const uint8_t *frame, size_t len, uint8_t *room);
int net_parse_ip(const char *s, uint32_t *ip);
int net_parse_mac(const char *s, uint8_t mac[NET_MAC]);

/* pcap_out.c: a capture that is being written. */
int net_pcap_out_new(struct net_pcap_out **out, const char *path, struct err *err);
void net_pcap_out_put(struct net_pcap_out *o, uint64_t now, const void *frame, size_t len);
void net_pcap_out_mark(struct net_pcap_out *o);
void net_pcap_out_rewind(struct net_pcap_out *o);
void net_pcap_out_close(struct net_pcap_out *o);

#endif
