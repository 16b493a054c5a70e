/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/dev_net.c. */
#include <dev_queue_seed.h>

/* A receive buffer; a frame (kind, length) of queue 1; a command and its value. */
#define RX(len)		DQ_REQ(0, len)
#define TX(kind, len)	DQ_REQ(1, kind, len)
#define CMD(what, val)	DQ_REQ(2, what, val)
#define CMD_OF(q, w, v) DQ_REQ(q, w, v)
#define COMES(b)	DQ_EVENT, (b)
#define BIG		(0xc0 + 30) /* a buffer of 1920 bytes */
#define TCP		8
#define SUM		(TCP | 0x10)
#define TSO		(TCP | 0x30)
#define FRAME_OF(n)	(0xc0 + (n))
/* Byte 2 of the header: features of the device that are not accepted; all are. */

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("loop", DQ_HEAD(0, 0), RX(BIG), TX(0, 60), DQ_ACK, RX(BIG), TX(4, 60)),
	DQ_SEED("pairs-of-any", DQ_HEAD(0, 0), DQ_PAIR(1), DQ_PAIR(1 | DQ_S_INDIRECT), DQ_PAIR(2),
		DQ_PAIR(DQ_S_INDIRECT | 2), DQ_CHAIN, 1, 0x11, 0, 100, 8, 64),
	DQ_SEED("outside", DQ_HEAD(0, 0), RX(BIG), RX(BIG), COMES(0x10), COMES(0x33), COMES(8),
		RX(20)),
	DQ_SEED("merged", DQ_HEAD(0, 0), RX(40), RX(40), RX(40), RX(40), COMES(0x10), RX(30),
		TX(0, 150), RX(100), RX(100)),
	DQ_SEED("too-small", 0, 0, 0xff, 0, RX(20), COMES(0), RX(64), COMES(0)),
	DQ_SEED("sum", DQ_HEAD(0, 0), RX(BIG), TX(SUM, 100), TX(SUM, 40)),
	DQ_SEED("segments", DQ_HEAD(0, 0), RX(BIG), RX(BIG), RX(BIG), TX(TSO, FRAME_OF(20)), 100,
		TX(TSO, FRAME_OF(60)), 200),
	DQ_SEED("meta", DQ_HEAD(1, 0), RX(BIG), RX(BIG), TX(TSO, FRAME_OF(40)), 0, COMES(0x48),
		COMES(0x78), RX(BIG), RX(BIG)),
	DQ_SEED("header", DQ_HEAD(0, 0), RX(BIG), DQ_REQ(1, 0xf0, 100), 1, 4, 0, 0, 9, 0, 34, 0, 16,
		0, 0, 0, DQ_REQ(1, 0xf8, 100), 0, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	DQ_SEED("no-frame", DQ_HEAD(0, 0), TX(0, 13), TX(0, 0), DQ_CHAIN, 1, 0x01, 0, 11),
	DQ_SEED("commands", DQ_HEAD(0, 0), CMD(0, 0), CMD(1, 1), CMD(2, 1), CMD(3, 1), CMD(4, 1),
		CMD(5, 0), CMD(6, 0x05), CMD(7, 2), CMD(8, 5), CMD(9, 5), CMD(10, 0), CMD(11, 1)),
	DQ_SEED("bad-commands", DQ_HEAD(0, 0), CMD(0, 2), CMD(6, 0x80), CMD(6, 0x0f), CMD(7, 1),
		CMD(11, 9), CMD(0xe0, 0), DQ_REQ(2, 0xf0, 9, 9, 20)),
	DQ_SEED("filter", DQ_HEAD(0, 0), CMD(0, 0), RX(BIG), COMES(3), COMES(2), COMES(1), RX(BIG),
		COMES(0), CMD(6, 0x05), RX(BIG), COMES(3), COMES(4), CMD(8, 5), COMES(4)),
	DQ_SEED("full-tables", DQ_HEAD(0, 0), CMD(0, 0), CMD(6, 0x41), RX(BIG), COMES(3), DQ_SAVE,
		CMD(6, 0x42), RX(BIG), COMES(3), DQ_SAVE, CMD(6, 0x46), CMD(6, 0x40), COMES(3)),
	DQ_SEED("link", DQ_HEAD(0, 0), COMES(0xf0), TX(0, 60), COMES(0), COMES(0xf1), COMES(0xf3),
		DQ_READ(DQ_CONFIG, 2, 6), CMD(10, 0), TX(0, 60)),
	DQ_SEED("waits", DQ_HEAD(0, 0), TX(0, 60), TX(0, 80), TX(0, 100), RX(BIG), RX(40), RX(40),
		RX(BIG)),
	DQ_SEED("pairs", DQ_HEAD(2, 0), CMD_OF(4, 11, 2), DQ_REQ(2, BIG), RX(BIG),
		DQ_REQ(3, TCP, 100), TX(TCP, 100), DQ_RESET, DQ_R_QUEUE | 2 << 2, TX(0, 60)),
	DQ_SEED("no-pairs", 2, 0, 7, 0, CMD(0, 0), DQ_REQ(3, 0, 60), DQ_REQ(4, 0, 60)),
	DQ_SEED("packed", DQ_HEAD(0, DQ_H_PACKED), RX(30), RX(30), TX(0, 60), RX(BIG),
		TX(TSO, FRAME_OF(10)), 60, CMD(0, 0), COMES(3), COMES(1)),
	DQ_SEED("late", DQ_HEAD(3, 0), RX(BIG), TX(0, 60), CMD(0, 0), DQ_SAVE, DQ_CLOCK, 8,
		COMES(0), DQ_CLOCK, 20, TX(0, 60), DQ_RESET, DQ_R_QUEUE | 1 << 2, DQ_CLOCK, 20),
	DQ_SEED("start", DQ_HEAD(4, 0), RX(BIG), TX(0, 60), DQ_SAVE, DQ_CLOCK, 9, TX(3, 60),
		DQ_CLOCK, 20),
	DQ_SEED("in-order", DQ_HEAD_IN_ORDER(0, 0), RX(72), RX(72), COMES(0x11), TX(0, 60),
		TX(0, 60), CMD(0, 0)),
	DQ_SEED("broken", DQ_HEAD(0, 0), DQ_PAIR(1), DQ_AVAIL_IDX, 1, 100, DQ_KICK_OF(1),
		DQ_KICK_OF(1), DQ_RESET, DQ_R_DEVICE, DQ_PAIR(1), DQ_KICK_OF(9)),
	DQ_SEED("broken-receive", DQ_HEAD(0, 0), DQ_AVAIL_IDX, 0, 100, COMES(0), DQ_KICK_OF(0),
		DQ_RESET, DQ_R_DEVICE, RX(BIG), COMES(0)),
	DQ_SEED("malformed", DQ_HEAD(0, DQ_H_NUM(1)), DQ_DESC, 1, 0, 0, 16, VIRTQ_DESC_F_NEXT, 0,
		DQ_CHAIN, 1, 0x11, 0, 16, DQ_P_BAD + 1, 64, DQ_CHAIN, 1, 0x10, 0, DQ_N_HUGE,
		DQ_CHAIN, 0, 0x10, DQ_P_BAD + 2, 64, COMES(0), DQ_CHAIN, 2, 0x01, DQ_P_BAD + 2, 64),
	DQ_SEED("suppressed", DQ_HEAD(0, 0), DQ_SUPPRESS, 1, 1, 0, TX(0, 60), DQ_SUPPRESS, 0, 1, 0,
		RX(BIG), COMES(0)),
	DQ_SEED("double-fetch", DQ_HEAD(0, 0), DQ_HOOK, 2, 0, 0xff, DQ_HOOK, 3, 9, 0x7f, DQ_HOOK, 5,
		3, 0x80, DQ_PAIR(1), DQ_HOOK, 3, 9, 2, DQ_PAIR(DQ_S_INDIRECT | 1)),
	DQ_SEED("double-fetch-receive", DQ_HEAD(0, 0), RX(40), RX(40), RX(40), DQ_HOOK, 9, 8, 0xff,
		DQ_HOOK, 4, 0, 1, COMES(0x10), RX(40), COMES(0)),
	DQ_SEED("save", DQ_HEAD(0, 0), CMD(6, 0x05), CMD(8, 5), CMD(0, 0), TX(0, 60), DQ_SAVE,
		RX(BIG), TX(0, 60)),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
