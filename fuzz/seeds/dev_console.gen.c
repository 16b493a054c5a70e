/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/dev_console.c. */
#include <dev_queue_seed.h>

/* Queues: port 0's, control's, port 1's. */
#define RX	  0
#define TX	  1
#define C_RX	  2
#define C_TX	  3
#define RX1	  4
#define TX1	  5
#define ROOM	  DQ_REQ(C_RX, 0)
#define TELL(...) DQ_REQ(C_TX, __VA_ARGS__) /* port, event, value */
#define ANNOUNCE  ROOM, ROOM, ROOM, TELL(0, 0, 1)
#define READY(p)  ROOM, ROOM, ROOM, ROOM, TELL(p, 3, 1)

static const struct dq_seed seeds[] = {
	DQ_COMMON_SEEDS,
	DQ_SEED("send", DQ_HEAD(0, 0), DQ_REQ(TX, 0, 64), DQ_REQ(TX, 5, 0xc9), DQ_ACK),
	DQ_SEED("receive", DQ_HEAD(0, 0), DQ_REQ(RX, 0), DQ_REQ(RX, 0x81, 30), DQ_EVENT, 0x31,
		DQ_REQ(RX, 9)),
	DQ_SEED("receive-packed", DQ_HEAD(0, DQ_H_PACKED), DQ_REQ(RX, 0), DQ_REQ(RX, 0x83, 30),
		DQ_REQ(TX, 0, 9)),
	DQ_SEED("emergency", DQ_HEAD(0, DQ_H_NO_DRIVER_OK), DQ_WRITE(DQ_CONFIG, 1, 8, 'x'),
		DQ_WRITE(DQ_CONFIG, 4, 8, 'y'), DQ_WRITE(DQ_CONFIG, 2, 0, 9)),
	DQ_SEED("ports", DQ_HEAD(1, 0), ANNOUNCE, READY(0), READY(1), READY(2), TELL(1, 6, 1),
		DQ_REQ(RX1, 0), DQ_EVENT, 0x24, DQ_REQ(TX1, 0, 9), TELL(1, 6, 0)),
	DQ_SEED("ports-packed", DQ_HEAD(1, DQ_H_PACKED), ANNOUNCE, READY(1), DQ_EVENT, 0x35,
		DQ_REQ(RX1, 0), TELL(1, 6, 1), DQ_REQ(RX1, 3)),
	DQ_SEED("unplug", DQ_HEAD(1, 0), ANNOUNCE, READY(1), ROOM, DQ_EVENT, 0x07, ROOM, DQ_EVENT,
		0x87, ROOM, TELL(1, 3, 1)),
	DQ_SEED("resize", DQ_HEAD(1, 0), ANNOUNCE, READY(0), ROOM, DQ_EVENT, 0x42, ROOM),
	DQ_SEED("hang-up", DQ_HEAD(1, 0), ANNOUNCE, READY(1), ROOM, DQ_EVENT, 0x8a, ROOM),
	DQ_SEED("late", DQ_HEAD(2, 0), ANNOUNCE, DQ_CLOCK, 12, READY(2), DQ_REQ(TX, 0, 64),
		DQ_CLOCK, 10, DQ_REQ(RX, 0), DQ_SAVE),
	DQ_SEED("late-start", DQ_HEAD(3, 0), ANNOUNCE, DQ_CLOCK, 12, READY(1), DQ_CLOCK, 12,
		DQ_REQ(RX, 0), DQ_CLOCK, 10),
	DQ_SEED("one-port", DQ_HEAD(4, 0), ROOM, TELL(0, 0, 1), READY(0), TELL(0, 6, 1),
		DQ_REQ(RX, 0)),
	DQ_SEED("wrong-messages", DQ_HEAD(1, 0), TELL(0, 3, 1), ANNOUNCE, TELL(3, 3, 1),
		TELL(0xff, 1, 2, 3, 4, 6, 1), TELL(0, 1, 1), TELL(0, 8, 1), TELL(0, 0xff, 1)),
	DQ_SEED("small-room", DQ_HEAD(1, 0), DQ_CHAIN, C_RX, 0x10, 0, 7, DQ_CHAIN, C_RX, 0x10, 0, 8,
		TELL(0, 0, 1), TELL(0, 3, 1), DQ_CHAIN, C_RX, 0x10, 0, 17, ROOM),
	DQ_SEED("wrong-way", DQ_HEAD(0, 0), DQ_CHAIN, TX, 0x11, 0, 9, 8, 9, DQ_CHAIN, RX, 0x11, 0,
		9, 8, 9, DQ_CHAIN, RX, 0x01, 0, 9),
	DQ_SEED("most", DQ_HEAD(0, 0), DQ_CHAIN, TX, 0x07, 0, DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0,
		DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0, DQ_N_HUGE + 6, 0,
		DQ_N_HUGE + 6),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
