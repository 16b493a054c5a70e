/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/dev_vsock.c. */
#include <dev_queue_seed.h>

/* A packet: operation, guest's port | which host's port << 3, data or flags or buf_alloc, odd. */
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };
enum { ECHO = 0, DISCARD = 1, CHARGEN = 2, NOBODY = 3, CALL = 6 };
#define PKT(op, service, much, odd) DQ_REQ(1, (op), 1 | (service) << 3, (much), (odd))
#define GIVE(len)		    DQ_REQ(0, (len))
#define SMALL_CREDIT		    0x80
/* The same as the frame's common ones, on the queue of packets from the guest. */
#define PAIR DQ_PAIR(1)

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("echo", DQ_HEAD(0, 0), GIVE(64), GIVE(0xc2), PKT(REQUEST, ECHO, 0, 0), DQ_ACK,
		PKT(RW, ECHO, 20, 0), GIVE(0xc8), PKT(RW, ECHO, 90, 1), DQ_ACK),
	DQ_SEED("echo-packed", DQ_HEAD(0, DQ_H_PACKED), GIVE(64), GIVE(0xc2),
		PKT(REQUEST, ECHO, 0, 0), PKT(RW, ECHO, 20, 0), DQ_SAVE, GIVE(100)),
	DQ_SEED("discard", DQ_HEAD(0, 0), GIVE(64), GIVE(64), PKT(REQUEST, DISCARD, 0, 0),
		PKT(RW, DISCARD, 255, 3), PKT(RW, DISCARD, 255, 3), PKT(RW, DISCARD, 255, 3),
		PKT(CREDIT_REQUEST, DISCARD, 0, 0)),
	DQ_SEED("chargen", DQ_HEAD(0, 0), GIVE(64), GIVE(0xc2), PKT(REQUEST, CHARGEN, 0, 0)),
	DQ_SEED("credit", DQ_HEAD(0, 0), GIVE(64), GIVE(64), GIVE(64),
		PKT(REQUEST, ECHO, 4, SMALL_CREDIT), PKT(RW, ECHO, 9, SMALL_CREDIT), GIVE(64),
		PKT(RW, ECHO, 9, SMALL_CREDIT), GIVE(64)),
	DQ_SEED("shutdown", DQ_HEAD(0, 0), GIVE(64), GIVE(64), PKT(REQUEST, ECHO, 0, 0),
		PKT(SHUTDOWN, ECHO, 2, 0), DQ_CLOCK, 31, GIVE(64), PKT(REQUEST, ECHO, 0, 0),
		PKT(SHUTDOWN, ECHO, 3, 0), GIVE(64)),
	DQ_SEED("refused", DQ_HEAD(0, 0), GIVE(64), PKT(REQUEST, NOBODY, 0, 0), GIVE(64),
		PKT(RW, ECHO, 5, 0), PKT(RST, ECHO, 0, 0), GIVE(64), PKT(REQUEST, ECHO, 0, 0xf4)),
	DQ_SEED("wrong", DQ_HEAD(0, 0), GIVE(64), GIVE(64), PKT(REQUEST, ECHO, 0, 0xf0),
		PKT(REQUEST, ECHO, 0, 0xf1), PKT(REQUEST, ECHO, 0, 0), PKT(RW, ECHO, 5, 0xf2),
		GIVE(64), PKT(0xff, ECHO, 0, 0)),
	DQ_SEED("over", DQ_HEAD(0, 0), GIVE(64), PKT(REQUEST, ECHO, 0, 0), PKT(RW, ECHO, 255, 3),
		PKT(RW, ECHO, 255, 3), PKT(RW, ECHO, 255, 3), PKT(RW, ECHO, 255, 3),
		PKT(RW, ECHO, 255, 3), GIVE(64)),
	DQ_SEED("backlog", DQ_HEAD(0, DQ_H_NUM(1)), PKT(RW, 0, 0, 0), PKT(RW, 1, 0, 0),
		PKT(RW, 2, 0, 0), PKT(RW, 3, 0, 0), PKT(RW, 0, 0, 0), PKT(RW, 1, 0, 0),
		PKT(RW, 2, 0, 0), PKT(RW, 3, 0, 0), PKT(RW, 0, 0, 0), PKT(RW, 1, 0, 0),
		PKT(RW, 2, 0, 0), PKT(RW, 3, 0, 0), PKT(RW, 0, 0, 0), PKT(RW, 1, 0, 0),
		PKT(RW, 2, 0, 0), PKT(RW, 3, 0, 0), PKT(RW, 0, 0, 0), GIVE(64), GIVE(64)),
	DQ_SEED("call", DQ_HEAD(2, 0), GIVE(64), DQ_REQ(1, RESPONSE, 0x70, 0, 0), GIVE(64),
		DQ_REQ(1, RW, 0x70, 6, 0)),
	DQ_SEED("event", DQ_HEAD(0, 0), DQ_REQ(2, 8), DQ_EVENT, 1, DQ_REQ(2, 3), DQ_EVENT, 1,
		DQ_EVENT, 0, DQ_REQ(2, 4)),
	DQ_SEED("late", DQ_HEAD(1, 0), GIVE(64), PKT(REQUEST, ECHO, 0, 0), DQ_CLOCK, 12,
		PKT(RW, ECHO, 4, 0), GIVE(64)),
	DQ_SEED("late-start", DQ_HEAD(3, 0), GIVE(64), PKT(REQUEST, ECHO, 0, 0), DQ_CLOCK, 12,
		DQ_SAVE),
	DQ_SEED("tx-split", DQ_HEAD(0, 0), PAIR, DQ_ACK, DQ_PAIR(1 | DQ_S_INDIRECT), DQ_ACK,
		DQ_SUPPRESS, 1, 1, 0, PAIR, DQ_CLOCK, 10),
	DQ_SEED("tx-packed", DQ_HEAD(0, DQ_H_PACKED), PAIR, DQ_ACK, DQ_PAIR(1 | DQ_S_INDIRECT),
		PAIR, PAIR, PAIR, PAIR),
	DQ_SEED("tx-in-order", DQ_HEAD_IN_ORDER(0, 0), DQ_PAIR(1 | DQ_LATER), DQ_PAIR(1 | DQ_LATER),
		PAIR, DQ_ACK),
	DQ_SEED("tx-event", DQ_HEAD(0, DQ_H_EVENT_IDX), PAIR, DQ_SUPPRESS, 1, 0, 2, PAIR, PAIR),
	DQ_SEED("tx-resets", DQ_HEAD(0, 0), DQ_PAIR(1 | DQ_LATER), DQ_RESET, DQ_R_DEVICE, PAIR,
		DQ_RESET, DQ_R_QUEUE | 4, PAIR, DQ_RESET, DQ_R_STATUS, PAIR),
	DQ_SEED("tx-broken", DQ_HEAD(0, 0), PAIR, DQ_AVAIL_IDX, 1, 100, DQ_KICK_OF(1),
		DQ_KICK_OF(1), PAIR, DQ_RESET, DQ_R_DEVICE, PAIR),
	DQ_SEED("tx-malformed", DQ_HEAD(0, DQ_H_NUM(1)), DQ_DESC, 1, 0, 0, 16, VIRTQ_DESC_F_NEXT, 0,
		DQ_CHAIN, 1, 0x11, 0, 16, DQ_P_BAD + 1, 64),
	DQ_SEED("tx-double-fetch", DQ_HEAD(0, 0), GIVE(64), DQ_HOOK, 2, 0, 0xff, DQ_HOOK, 3, 9,
		0x7f, PKT(REQUEST, ECHO, 0, 0), DQ_HOOK, 4, 3, 0x80, PKT(RW, ECHO, 9, 0), GIVE(64)),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
