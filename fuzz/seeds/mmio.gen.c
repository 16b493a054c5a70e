/* SPDX-License-Identifier: MIT */
/*
 * The seeds of fuzz/targets/mmio.c: `mmio OUTDIR` writes one file for each subject. Together they
 * leave none of the target's depth counters at zero.
 */
#include <stdio.h>

#include <vmm/virtio.h>

#include <mmio_prog.h>

#define SEED(file, ...)                                                                            \
	{                                                                                          \
		.name = (file), .p = (const uint8_t[]){__VA_ARGS__},                               \
		.len = sizeof((const uint8_t[]){__VA_ARGS__})                                      \
	}

#define RNG_UP(num, how)       MMIO_OP_BRING_UP, MMIO_S_NUM(num), how
#define ECHO_UP(q, num, how)   MMIO_OP_BRING_UP, MMIO_S_ECHO | MMIO_S_QUEUE(q) | MMIO_S_NUM(num), how
#define RNG_CHAIN(n, writable) MMIO_OP_CHAIN, MMIO_S_GO, ((n)-1) | (writable) << 4
#define ECHO_CHAIN(q, n, writable)                                                                 \
	MMIO_OP_CHAIN, MMIO_S_ECHO | MMIO_S_QUEUE(q) | MMIO_S_GO, ((n)-1) | (writable) << 4
#define DATA(i)	     (unsigned char)(MMIO_DATA / 64 + (i))
#define REG(r)	     (unsigned char)VIRTIO_MMIO_##r
#define RD(a, r)     MMIO_R(a, 4, REG(r))
#define WR(a, r, v)  MMIO_W(a, 4, REG(r), v)
#define UART_R(r)    MMIO_R(MMIO_A_UART, 1, 2 + (r))
#define UART_W(r, v) MMIO_W(MMIO_A_UART, 1, 2 + (r), v)
/* Indices of MMIO_A_PORTS. */
enum {
	MCMD,
	MDATA,
	SCMD,
	SDATA,
	ELCR1,
	ELCR2,
	CONSOLE,
	EXIT,
	PIT0,
	PIT1,
	PIT2,
	PIT_CTRL,
	PORT_B,
	KBD,
	KBD_CMD,
	PORT_92,
	RTC_INDEX,
	RTC_DATA,
	FW_KEY,
	FW_DATA,
	PM_STS,
	PM_EN,
	PM_EN_HIGH,
	PM_CNT,
	PM_CNT_HIGH,
	PM_TMR,
	PM_TMR_HIGH,
	GPE_STS,
	GPE_EN,
	GPE_EN_HIGH,
	PM_RESET
};
#define PORT_RAW(p, v) MMIO_W(MMIO_A_PORTS, 1, p, MMIO_V_RAW), v /* 0xe0 and above */
#define RTC_W(reg, v)  PORT_W(RTC_INDEX, reg), PORT_W(RTC_DATA, v)
#define RTC_R(reg)     PORT_W(RTC_INDEX, reg), PORT_R(RTC_DATA)
#define FW_SELECT(k)   MMIO_W(MMIO_A_PORTS, 2, FW_KEY, k)
#define PORT_R(p)      MMIO_R(MMIO_A_PORTS, 1, p)
#define PORT_W(p, v)   MMIO_W(MMIO_A_PORTS, 1, p, v)
#define TEST(reg)      (unsigned char)(TESTDEV_##reg / 4)

static const struct {
	const char *name;
	const uint8_t *p;
	size_t len;
} seeds[] = {
	SEED("rng", RNG_UP(3, 0), RNG_CHAIN(1, 1), DATA(0), 100, RD(MMIO_A_RNG, INTERRUPT_STATUS),
	     WR(MMIO_A_RNG, INTERRUPT_ACK, 1), RNG_CHAIN(3, 2), DATA(2), 16, DATA(3), 33, DATA(4),
	     200, MMIO_OP_SAVE, WR(MMIO_A_RNG, STATUS, 0)),
	SEED("rng-event", RNG_UP(2, MMIO_B_EVENT_IDX), MMIO_OP_SUPPRESS, 0, 0, 1, RNG_CHAIN(1, 1),
	     DATA(0), 8, RNG_CHAIN(1, 1), DATA(1), 8, RNG_CHAIN(1, 1), DATA(2), 8, RNG_CHAIN(1, 1),
	     DATA(3), 8, RNG_CHAIN(1, 1), DATA(4), 8),
	SEED("rng-quiet", RNG_UP(4, MMIO_B_LAYOUT(MMIO_L_USED_END)), MMIO_OP_SUPPRESS, 0, 1, 0,
	     RNG_CHAIN(2, 2), DATA(0), 64, DATA(9), 0xc8),
	SEED("rng-indirect", RNG_UP(4, 0), MMIO_OP_CHAIN, MMIO_S_GO | MMIO_S_INDIRECT, 2 | 2 << 4,
	     DATA(0), 8, DATA(1), 9, DATA(2), 10, RNG_CHAIN(1, 1), DATA(3), 7),
	SEED("rng-malformed", RNG_UP(4, MMIO_B_NO_INDIRECT), RNG_CHAIN(2, 1), DATA(0), 8,
	     MMIO_P_BAD, 8, MMIO_OP_DESC, MMIO_S_GO, 5, DATA(0), 8, 3, 5, MMIO_OP_DESC, MMIO_S_GO,
	     6, DATA(0), 16, 4, 0, RNG_CHAIN(2, 0), MMIO_P_END + 1, 8, MMIO_P_END + 1, 9),
	SEED("rng-large", RNG_UP(5, 0), RNG_CHAIN(8, 8), DATA(0), MMIO_N_HUGE + 5, DATA(0),
	     MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0),
	     MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0),
	     MMIO_N_HUGE + 5),
	/* Ten buffers: more than the device gives to one request. */
	SEED("rng-larger", RNG_UP(5, 0), MMIO_OP_CHAIN, 0, 7 | 8 << 4, DATA(0), MMIO_N_HUGE + 5,
	     DATA(0), MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0),
	     MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0), MMIO_N_HUGE + 5, DATA(0),
	     MMIO_N_HUGE + 5, MMIO_OP_CHAIN, 0, 1 | 2 << 4, DATA(0), MMIO_N_HUGE + 5, DATA(0),
	     MMIO_N_HUGE + 5, MMIO_OP_DESC, 0, 7, DATA(0), MMIO_N_HUGE + 5, 3, 8, MMIO_OP_DESC,
	     MMIO_S_GO, 0, DATA(0), MMIO_N_HUGE + 5, 3, 1),
	SEED("rng-broken", RNG_UP(3, 0), MMIO_OP_AVAIL, 0, 100, WR(MMIO_A_RNG, QUEUE_NOTIFY, 0),
	     RD(MMIO_A_RNG, STATUS), RD(MMIO_A_RNG, INTERRUPT_STATUS),
	     WR(MMIO_A_RNG, QUEUE_NOTIFY, 0), RNG_UP(3, 0), RNG_CHAIN(1, 1), DATA(0), 8),
	SEED("rng-rings", RNG_UP(3, MMIO_B_LAYOUT(MMIO_L_OVERLAP)), RNG_CHAIN(1, 1), DATA(0), 8,
	     RNG_UP(3, MMIO_B_LAYOUT(MMIO_L_NORMAL)), RNG_CHAIN(1, 1), 0, 64, RNG_CHAIN(1, 1), 2,
	     64, RNG_UP(3, MMIO_B_LAYOUT(MMIO_L_DATA)), RNG_CHAIN(1, 1), DATA(0), 200),
	SEED("rng-refused", RNG_UP(3, MMIO_B_BAD_FEATURE), RNG_UP(3, MMIO_B_LAYOUT(MMIO_L_ALIGN)),
	     RNG_UP(3, MMIO_B_LAYOUT(MMIO_L_OUTSIDE)), RNG_UP(3, MMIO_B_LAYOUT(MMIO_L_TOP)),
	     RNG_UP(9, 0), RNG_UP(7, 0), RNG_UP(28, 0), RNG_UP(3, MMIO_B_NO_DRIVER_OK),
	     WR(MMIO_A_RNG, QUEUE_NOTIFY, 0), WR(MMIO_A_RNG, QUEUE_NOTIFY, 9)),
	SEED("rng-frozen", RNG_UP(3, 0), WR(MMIO_A_RNG, QUEUE_NUM, 4),
	     WR(MMIO_A_RNG, QUEUE_DESC_LOW, 16), WR(MMIO_A_RNG, QUEUE_DRIVER_HIGH, 1),
	     WR(MMIO_A_RNG, QUEUE_DEVICE_LOW, 0x40), RNG_CHAIN(1, 1), DATA(0), 8,
	     WR(MMIO_A_RNG, QUEUE_READY, 0), WR(MMIO_A_RNG, QUEUE_NUM, 2)),
	SEED("rng-sizes", WR(MMIO_A_RNG, QUEUE_NUM, 3), WR(MMIO_A_RNG, QUEUE_NUM, 0),
	     WR(MMIO_A_RNG, QUEUE_NUM, MMIO_V_TABLE + 1),
	     WR(MMIO_A_RNG, QUEUE_NUM, MMIO_V_TABLE + 5),
	     WR(MMIO_A_RNG, QUEUE_NUM, MMIO_V_TABLE + 7), WR(MMIO_A_RNG, QUEUE_SEL, 1),
	     WR(MMIO_A_RNG, QUEUE_NUM, 8)),
	SEED("rng-registers", RD(MMIO_A_RNG, MAGIC), RD(MMIO_A_RNG, VERSION),
	     RD(MMIO_A_RNG, DEVICE_ID), RD(MMIO_A_RNG, VENDOR_ID),
	     WR(MMIO_A_RNG, DEVICE_FEATURES_SEL, 1), RD(MMIO_A_RNG, DEVICE_FEATURES),
	     RD(MMIO_A_RNG, QUEUE_NUM_MAX), RD(MMIO_A_RNG, QUEUE_READY),
	     RD(MMIO_A_RNG, SHM_LEN_LOW), RD(MMIO_A_RNG, CONFIG_GENERATION),
	     MMIO_R(MMIO_A_RNG, 1, 0x70), MMIO_R(MMIO_A_RNG, 2, 0x72), MMIO_R(MMIO_A_RNG, 8, 0x30),
	     MMIO_W(MMIO_A_RNG, 1, 0x70, 1), MMIO_W(MMIO_A_RNG, 2, 0x44, 1),
	     MMIO_W(MMIO_A_RNG, 8, 0x38, 1), MMIO_W(MMIO_A_RNG, 3, 0x38, 4),
	     MMIO_W(MMIO_A_RNG, 6, 0x70, 1), WR(MMIO_A_RNG, DRIVER_FEATURES_SEL, 2),
	     WR(MMIO_A_RNG, DRIVER_FEATURES, 1)),
	SEED("echo", ECHO_UP(1, 4, 0), ECHO_CHAIN(1, 2, 1), DATA(0), 50, DATA(8), 80, MMIO_OP_POKE,
	     0, 0x20, 0x34, 0x12, ECHO_CHAIN(1, 4, 2), DATA(0), 70, DATA(2), 90, DATA(8), 30,
	     DATA(9), 60, ECHO_CHAIN(1, 2, 1), DATA(0), 80, DATA(1), 50,
	     WR(MMIO_A_ECHO, INTERRUPT_ACK, 3), MMIO_OP_RESET, 6),
	SEED("echo-two", ECHO_UP(0, 2, MMIO_B_EVENT_IDX),
	     ECHO_UP(1, 3, MMIO_B_NO_RESET | MMIO_B_EVENT_IDX), ECHO_CHAIN(0, 2, 1), DATA(0), 50,
	     DATA(8), 80, ECHO_CHAIN(1, 2, 1), DATA(0), 50, DATA(8), 80, MMIO_OP_SAVE,
	     ECHO_CHAIN(0, 2, 1), DATA(4), 0xff, DATA(8), 0xff),
	SEED("config", MMIO_R(MMIO_A_CONFIG, 4, 8), MMIO_R(MMIO_A_CONFIG, 1, 20),
	     MMIO_R(MMIO_A_CONFIG, 8, 8), MMIO_R(MMIO_A_CONFIG, 4, 18),
	     MMIO_R(MMIO_A_CONFIG, 8, 16), MMIO_R(MMIO_A_CONFIG, 2, 21),
	     MMIO_W(MMIO_A_CONFIG, 4, 8, 0x44), MMIO_W(MMIO_A_CONFIG, 1, 20, 0x55),
	     MMIO_W(MMIO_A_CONFIG, 8, 9, MMIO_V_TABLE), MMIO_W(MMIO_A_CONFIG, 4, 19, 1),
	     MMIO_W(MMIO_A_CONFIG, 8, 6, 1), MMIO_R(MMIO_A_CONFIG, 8, 0x80),
	     MMIO_R(MMIO_A_CONFIG, 8, 0x85), MMIO_R(MMIO_A_CONFIG, 3, 8),
	     RD(MMIO_A_ECHO, CONFIG_GENERATION)),
	SEED("uart", UART_R(5), UART_R(0), UART_W(0, 'x'), UART_W(7, 0x5a), UART_R(7),
	     UART_W(1, 0x0f), UART_R(2), UART_R(0), UART_R(6), MMIO_OP_SAVE, UART_W(3, 0x80),
	     UART_W(0, 1), UART_R(1), UART_W(3, 0x43), UART_W(0, 'y'), MMIO_R(MMIO_A_UART, 4, 2),
	     MMIO_R(MMIO_A_UART, 8, 2), MMIO_W(MMIO_A_UART, 2, 4, 7)),
	SEED("uart-loop", MMIO_OP_PIC, 0, MMIO_OP_UART, 0x50, UART_W(0, 'a'), UART_W(0, 'b'),
	     UART_R(5), MMIO_OP_CLOCK, 20, UART_R(2), UART_R(0), UART_W(2, 0), UART_W(4, 0x1f),
	     UART_W(0, 1), UART_W(0, 2), UART_R(2), UART_R(5), UART_R(6), MMIO_OP_ACK,
	     MMIO_OP_SAVE),
	SEED("uart-in", MMIO_OP_PIC, 2, MMIO_OP_UART, 0xc6, UART_R(2), UART_R(0), UART_R(0),
	     MMIO_OP_ACK, UART_R(0), UART_R(5), MMIO_OP_CLOCK, 0x3f, UART_R(2), MMIO_OP_RESET, 0),
	SEED("pic", MMIO_OP_PIC, 0, MMIO_OP_LINE, 0x11, MMIO_OP_LINE, 0x19, MMIO_OP_ACK,
	     MMIO_OP_ACK, PORT_R(MCMD), PORT_W(MCMD, 0x20), MMIO_OP_ACK, PORT_W(SCMD, 0x20),
	     PORT_W(MCMD, 0x20), MMIO_OP_SAVE, MMIO_OP_LINE, 0x13, MMIO_OP_LINE, 0x03, MMIO_OP_ACK,
	     MMIO_OP_ACK, PORT_W(ELCR1, 0x80), PORT_W(ELCR2, 0x08), PORT_W(MCMD, 0x0c),
	     PORT_R(MCMD)),
	SEED("pic-modes", MMIO_OP_PIC, 0x12, PORT_W(MCMD, 0x80), MMIO_OP_LINE, 0x1c, MMIO_OP_ACK,
	     PORT_W(SCMD, 0x0b), PORT_R(SCMD), PORT_W(MDATA, 0x04), PORT_W(MCMD, 0x68),
	     MMIO_OP_LINE, 0x1f, PORT_W(MDATA, 0), MMIO_OP_ACK, PORT_W(MCMD, 0xc3),
	     PORT_W(MCMD, 0xe2), PORT_W(SCMD, 0x13), PORT_W(SDATA, 0x70), PORT_W(SDATA, 1),
	     MMIO_OP_RESET, 1, MMIO_OP_ACK, MMIO_R(MMIO_A_PORTS, 2, MCMD),
	     MMIO_W(MMIO_A_PORTS, 4, MCMD, 0x11)),
	SEED("test", MMIO_W(MMIO_A_TEST, 8, 0, MMIO_V_TABLE + 13), MMIO_R(MMIO_A_TEST, 4, 0x81),
	     MMIO_R(MMIO_A_TEST, 7, 0x83), MMIO_W(MMIO_A_TEST, 4, TEST(CTRL), 3),
	     MMIO_W(MMIO_A_TEST, 4, TEST(CTRL), 0), MMIO_W(MMIO_A_TEST, 8, TEST(A0), 7),
	     MMIO_W(MMIO_A_TEST, 4, TEST(OP), 4), MMIO_OP_RESULT, 0xf0,
	     MMIO_R(MMIO_A_TEST, 8, TEST(RESULT)), MMIO_W(MMIO_A_TEST, 8, TEST(ASSERT_GOT), 1),
	     MMIO_W(MMIO_A_TEST, 4, TEST(ASSERT_LINE), 9), MMIO_R(MMIO_A_TEST, 4, TEST(NEXT)),
	     MMIO_W(MMIO_A_TEST, 2, TEST(RMW), 0x77), MMIO_R(MMIO_A_TEST, 4, TEST(RMW_WRITES)),
	     MMIO_R(MMIO_A_TEST, 4, TEST(LOG)), MMIO_OP_SAVE, MMIO_R(MMIO_A_TEST, 8, 0xff)),
	SEED("test-timer", MMIO_OP_PIC, 0, MMIO_W(MMIO_A_TEST, 8, TEST(TIMER), 200), MMIO_OP_CLOCK,
	     4, MMIO_R(MMIO_A_TEST, 8, TEST(TIMER)), MMIO_OP_SAVE, MMIO_OP_CLOCK, 10, MMIO_OP_ACK,
	     MMIO_W(MMIO_A_TEST, 4, TEST(TIMER_STATUS), 1), MMIO_R(MMIO_A_TEST, 8, TEST(TIME)),
	     MMIO_W(MMIO_A_TEST, 8, TEST(TIMER), MMIO_V_TABLE)),
	SEED("test-ports", MMIO_W(MMIO_A_PIO, 4, 2, 0x12), MMIO_R(MMIO_A_PIO, 2, 3),
	     MMIO_W(MMIO_A_PIO, 2, 2 + 0x18, 0x60), MMIO_W(MMIO_A_PIO, 4, 2 + 0x1c, 3),
	     MMIO_R(MMIO_A_PIO, 4, 2 + 0x1c), MMIO_R(MMIO_A_PIO, 4, 2 + 0x10),
	     MMIO_R(MMIO_A_PIO, 4, 2 + 0x14), MMIO_W(MMIO_A_PIO, 1, 2 + 0x1a, 1),
	     MMIO_R(MMIO_A_PIO, 8, 0), MMIO_R(MMIO_A_PIO, 4, 2 + 0x1f)),
	SEED("edges", MMIO_W(MMIO_A_EDGES, 8, 0x40 + 23, MMIO_V_TABLE + 13),
	     MMIO_R(MMIO_A_EDGES, 8, 0x40 + 20), MMIO_R(MMIO_A_EDGES, 8, 0x40 + 10),
	     MMIO_R(MMIO_A_EDGES, 7, 0x40 + 14), MMIO_R(MMIO_A_EDGES, 4, 0x40 + 15),
	     MMIO_W(MMIO_A_EDGES, 4, 0x80 + 14, MMIO_V_TABLE + 13),
	     MMIO_R(MMIO_A_EDGES, 8, 0x80 + 12), MMIO_R(MMIO_A_EDGES, 3, 0x80 + 17),
	     MMIO_R(MMIO_A_EDGES, 4, 0x80 + 6), MMIO_R(MMIO_A_EDGES, 4, 0xc0 + 20),
	     MMIO_R(MMIO_A_EDGES, 8, 0xc0 + 63), MMIO_W(MMIO_A_EDGES, 2, 0xc0 + 30, 1)),
	SEED("msr", MMIO_W(MMIO_A_EDGES, 8, 2, MMIO_V_TABLE + 13), MMIO_R(MMIO_A_EDGES, 8, 2),
	     MMIO_R(MMIO_A_EDGES, 8, 9), MMIO_R(MMIO_A_EDGES, 8, 10), MMIO_R(MMIO_A_EDGES, 8, 1),
	     MMIO_W(MMIO_A_EDGES, 8, 17, 1)),
	SEED("debug-ports", PORT_W(CONSOLE, 'h'), PORT_R(CONSOLE),
	     MMIO_W(MMIO_A_PORTS, 2, CONSOLE, 'i'), PORT_W(EXIT, 3),
	     MMIO_W(MMIO_A_PORTS, 4, EXIT, 7), PORT_R(EXIT)),
	SEED("pit", MMIO_OP_PIC, 0, PORT_W(PIT_CTRL, 0x34), PORT_W(PIT0, 10), PORT_W(PIT0, 0),
	     MMIO_OP_CLOCK, 13, MMIO_OP_ACK, PORT_W(PIT_CTRL, 0), PORT_R(PIT0), PORT_R(PIT0),
	     MMIO_OP_SAVE, PORT_W(PIT_CTRL, 0xce), PORT_R(PIT0), PORT_R(PIT1), PORT_R(PIT2),
	     PORT_W(PIT0, 3), PORT_W(PIT0, 0), MMIO_OP_CLOCK, 31, MMIO_OP_RESET, 8),
	SEED("pit-modes", PORT_W(PIT_CTRL, 0x10), PORT_W(PIT0, 2), MMIO_OP_CLOCK, 12,
	     PORT_W(PIT_CTRL, 0x17), PORT_W(PIT0, 7), MMIO_OP_CLOCK, 14, PORT_W(PIT_CTRL, 0x18),
	     PORT_W(PIT0, 3), MMIO_OP_CLOCK, 13, PORT_W(PORT_B, 1), PORT_W(PIT_CTRL, 0x92),
	     PORT_W(PIT2, 5), PORT_W(PORT_B, 0), PORT_W(PORT_B, 1), MMIO_OP_CLOCK, 10,
	     PORT_R(PORT_B), PORT_W(PIT_CTRL, 0xb6), PORT_W(PIT2, 9), PORT_W(PIT2, 0),
	     MMIO_OP_CLOCK, 11, PORT_W(PORT_B, 0), PORT_R(PIT2), MMIO_OP_SAVE),
	SEED("rtc", MMIO_OP_PIC, 0, RTC_W(0x0b, 0x12), MMIO_OP_CLOCK, 30, MMIO_OP_ACK, RTC_R(0x0c),
	     RTC_R(0), RTC_R(0x0a), RTC_W(0x0a, 0x2f), RTC_W(0x0b, 0x42), MMIO_OP_CLOCK, 29,
	     MMIO_OP_SAVE, RTC_R(0x0c), RTC_W(0x0a, 0x66), RTC_W(0x0a, 0x26), MMIO_OP_RESET, 9),
	SEED("rtc-alarm", RTC_W(1, 5), RTC_W(3, 0), RTC_W(5, 0xc0), RTC_W(0x0b, 0xa6), RTC_W(0, 59),
	     RTC_W(2, 59), RTC_W(4, 23), RTC_W(7, 31), RTC_W(8, 12), RTC_W(9, 99), RTC_W(0x32, 20),
	     RTC_W(0x0b, 0x26), MMIO_OP_CLOCK, 0xff, RTC_R(0x0c), RTC_R(9), RTC_R(0x32)),
	SEED("i8042", MMIO_OP_PIC, 0, PORT_W(KBD_CMD, 0x20), PORT_R(KBD), PORT_RAW(KBD, 0xff),
	     MMIO_OP_ACK, PORT_R(KBD_CMD), PORT_R(KBD), PORT_R(KBD), PORT_RAW(KBD, 0xf2),
	     PORT_R(KBD), MMIO_OP_SAVE, PORT_R(KBD), PORT_R(KBD), PORT_W(KBD_CMD, 0x60),
	     PORT_W(KBD, 0x03), PORT_W(KBD_CMD, 0xd4), PORT_RAW(KBD, 0xf2), PORT_R(KBD),
	     PORT_W(KBD_CMD, 0xd1), PORT_W(KBD, 0xdd), PORT_W(KBD_CMD, 0xd0), PORT_R(KBD),
	     PORT_RAW(KBD_CMD, 0xfe), PORT_W(PORT_92, 1), MMIO_OP_RESET, 10),
	SEED("acpi", MMIO_OP_PIC, 0, MMIO_W(MMIO_A_PORTS, 2, PM_EN, 1), MMIO_OP_CLOCK, 0xff,
	     MMIO_R(MMIO_A_PORTS, 4, PM_TMR), MMIO_W(MMIO_A_PORTS, 2, PM_STS, 1), MMIO_OP_SAVE,
	     MMIO_W(MMIO_A_PORTS, 4, GPE_STS, MMIO_V_TABLE), MMIO_R(MMIO_A_PORTS, 8, PM_STS),
	     PORT_W(PM_CNT_HIGH, 0x34), MMIO_R(MMIO_A_PORTS, 2, PM_CNT), PORT_W(PM_RESET, 2),
	     PORT_W(PM_RESET, 6), MMIO_OP_RESET, 11),
	SEED("fw-cfg", FW_SELECT(0), PORT_R(FW_DATA), PORT_R(FW_DATA), FW_SELECT(0x19),
	     PORT_R(FW_DATA), PORT_R(FW_DATA), PORT_R(FW_DATA), PORT_R(FW_DATA), MMIO_OP_SAVE,
	     FW_SELECT(0x15), PORT_R(FW_DATA), FW_SELECT(0x40), PORT_R(FW_DATA),
	     MMIO_R(MMIO_A_PORTS, 2, FW_KEY), PORT_W(FW_DATA, 1), FW_SELECT(MMIO_V_TABLE),
	     PORT_R(FW_DATA), MMIO_OP_RESET, 12),
};

static int put(const char *dir, const char *name, const uint8_t *p, size_t len)
{
	char path[4096];
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return 2;
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, len, f) != len || fclose(f)) {
		fprintf(stderr, "mmio seeds: cannot write %s\n", path);
		return 1;
	}
	return 0;
}

/* Every register of both virtio devices read and written, with a queue selected that is there, or not. */
static int registers(const char *dir)
{
	static const uint8_t select[] = {0, 1, 2, 200}, values[] = {0, 1, 2, MMIO_V_TABLE};

	/* Short: an input is as long as the longest that an engine makes. */
	for (unsigned i = 0; i < 2 * 16 * 4 * 4; i++) {
		unsigned area = i & 1 ? MMIO_A_ECHO : MMIO_A_RNG, from = (i >> 1 & 15) * 16;
		uint8_t p[64], v = values[i >> 7 & 3];
		const uint8_t set[] = {WR(area, QUEUE_SEL, select[i >> 5 & 3])};
		size_t n = sizeof(set);
		char name[32];
		int rc;

		memcpy(p, set, n);
		for (unsigned off = from; off < from + 16; off += 4) {
			const uint8_t op[] = {MMIO_W(area, 4, (uint8_t)off, v),
					      MMIO_R(area, 4, (uint8_t)off)};

			memcpy(p + n, op, sizeof(op));
			n += sizeof(op);
		}
		(void)snprintf(name, sizeof(name), "registers-%u", i);
		rc = put(dir, name, p, n);
		if (rc)
			return rc;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int rc = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s OUTDIR\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(seeds) && !rc; i++)
		rc = put(argv[1], seeds[i].name, seeds[i].p, seeds[i].len);
	return rc ? rc : registers(argv[1]);
}
