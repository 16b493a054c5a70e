/* SPDX-License-Identifier: MIT */
/* What the tests of net share: a clock, a device that keeps what it gets, and frames. */
#ifndef NET_TEST_NET_H
#define NET_TEST_NET_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net_priv.h"

#define KEEP 64u

struct rig {
	struct clock clock;
	struct net_env env;
	struct net *net;
	/* the device */
	unsigned takes, room, got; /* room: frames that it takes still */
	unsigned links, announces;
	bool up;
	struct {
		uint64_t at;
		size_t len;
		struct net_meta meta;
		uint8_t bytes[2048]; /* the first ones */
	} f[KEEP];
};

static inline int rig_frame(void *ctx, const void *frame, size_t len, const struct net_meta *m)
{
	struct rig *r = ctx;

	if (!r->room)
		return -EAGAIN;
	r->room--;
	if (r->got < KEEP) {
		r->f[r->got].at = clock_now(&r->clock);
		r->f[r->got].len = len;
		r->f[r->got].meta = *m;
		memcpy(r->f[r->got].bytes, frame, len < 2048 ? len : 2048);
	}
	r->got++;
	return 0;
}

static inline unsigned rig_takes(void *ctx)
{
	return ((struct rig *)ctx)->takes;
}

static inline void rig_link(void *ctx, bool up, bool announce)
{
	struct rig *r = ctx;

	r->links++;
	r->up = up;
	r->announces += announce;
}

static const struct net_receiver rig_ear = {rig_frame, rig_takes, rig_link};

/* A back end with a device that takes all. */
static inline struct rig *rig_open(const char *spec)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct err err = {0};

	assert_non_null(r);
	clock_init(&r->clock);
	r->env.clock = &r->clock;
	r->room = UINT32_MAX;
	r->up = true;
	if (net_open(&r->net, spec, &r->env, &err))
		fail_msg("%s: %s", spec, err.msg);
	assert_int_equal(net_receive(r->net, &rig_ear, r), 0);
	return r;
}

static inline void rig_close(struct rig *r)
{
	assert_int_equal(net_receive(r->net, NULL, NULL), 0);
	net_close(r->net);
	assert_int_equal(clock_next(&r->clock), CLOCK_NEVER);
	free(r);
}

/* A frame of (len) bytes, all (fill) behind the header. */
static inline void send_plain(struct rig *r, uint8_t fill, size_t len)
{
	static uint8_t f[NET_FRAME_MAX + 8];

	memset(f, fill, sizeof(f));
	net_send(r->net, f, len, NULL);
}

/* Ethernet, IPv4 and TCP, UDP or ICMP around (data); returns the length. Checksums right. */
static inline size_t make_ip4(uint8_t *f, uint8_t proto, uint32_t from, uint32_t to, const void *l4,
			      size_t len)
{
	memcpy(f, "\x52\x55\x0a\x00\x02\x02\x52\x54\x00\x12\x34\x56\x08\x00", 14);
	memset(f + 14, 0, 20);
	f[14] = 0x45;
	net_put_be16(f + 16, (uint16_t)(20 + len));
	net_put_be16(f + 18, 0x1234);
	f[22] = 64;
	f[23] = proto;
	net_put_be32(f + 26, from);
	net_put_be32(f + 30, to);
	net_put_be16(f + 24, net_csum_fold(net_csum_add(0, f + 14, 20)));
	memcpy(f + 34, l4, len);
	return 34 + len;
}

/* The sum that the pseudo header of an IPv4 frame adds. */
static inline uint32_t pseudo4(const uint8_t *f, size_t len)
{
	return net_csum_add(f[23] + (uint32_t)(len - 34), f + 26, 8);
}

#endif
