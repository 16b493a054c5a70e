/* SPDX-License-Identifier: MIT */
/*
 * testdev: how a guest looks at its own accesses and talks to the machine around it. The register
 * map and its rules are in vmm/testdev.h.
 */
#include <assert.h>
#include <errno.h>

#include <vmm/dev.h>

#define TESTDEV_PIO_BASE  0x700u
#define TESTDEV_MMIO_BASE 0xfeb00000u
#define TESTDEV_IRQ	  10u
#define TIMER_FIRED	  1u

extern const struct dev_class dev_class_testdev;

enum { RANGE_PIO, RANGE_MMIO, RANGE_MSR };

struct testdev {
	struct dev dev;
	uint8_t pio_scratch[TESTDEV_PIO_SCRATCH_LEN];
	uint8_t scratch[TESTDEV_SCRATCH_LEN];
	uint8_t rmw[TESTDEV_RMW_LEN];
	uint64_t msr[TESTDEV_MSR_SCRATCH];
	uint32_t log_count, log_last, log[TESTDEV_LOG_ENTRIES];
	uint16_t index;
	bool ctrl_irq, timer_fired, irq_level;
	uint32_t assert_line, op, rmw_reads, rmw_writes, next;
	uint64_t assert_got, assert_want, arg[4], result;
	uint32_t timer_high; /* of TIMER, waiting for its low half */
	struct clock_timer timer;
};

static struct testdev *testdev_of(struct dev *d)
{
	return container_of(d, struct testdev, dev);
}

static void update_irq(struct testdev *t)
{
	bool level = t->ctrl_irq || t->timer_fired;

	if (level == t->irq_level)
		return;
	t->irq_level = level;
	irq_set(&t->dev.irq, level);
}

static void log_access(struct testdev *t, uint32_t what, uint64_t off, unsigned size)
{
	uint32_t entry = what | (uint32_t)off | (uint32_t)size << TESTDEV_LOG_SIZE_SHIFT;

	if (t->log_count < TESTDEV_LOG_ENTRIES)
		t->log[t->log_count] = entry;
	if (t->log_count < UINT32_MAX)
		t->log_count++;
	t->log_last = entry;
}

static void log_clear(struct testdev *t)
{
	t->log_count = 0;
	t->log_last = 0;
	memset(t->log, 0, sizeof(t->log));
}

/* ---- registers with an effect ---------------------------------------------------------------- */

static void write_ctrl(struct testdev *t, uint32_t val)
{
	struct dev_host *host = &t->dev.env.host;

	t->ctrl_irq = val & TESTDEV_CTRL_IRQ;
	update_irq(t);
	if ((val & TESTDEV_CTRL_NMI) && host->nmi)
		host->nmi(host->ctx);
}

static void write_assert_line(struct testdev *t, uint32_t line)
{
	struct dev_host *host = &t->dev.env.host;

	t->assert_line = line;
	if (host->guest_assert)
		host->guest_assert(host->ctx, line, t->assert_got, t->assert_want);
}

static void write_op(struct testdev *t, uint32_t op)
{
	struct dev_host *host = &t->dev.env.host;

	t->op = op;
	if (host->hostop)
		host->hostop(host->ctx, op, t->arg);
}

static void timer_fire(void *ctx, uint64_t now)
{
	struct testdev *t = ctx;

	(void)now;
	t->timer_fired = true;
	update_irq(t);
}

static void timer_arm(struct testdev *t, uint64_t ns)
{
	struct clock *c = t->dev.env.clock;
	uint64_t deadline;

	t->timer_high = 0;
	if (!ns)
		clock_cancel(c, &t->timer);
	else /* beyond the end of time is never */
		clock_arm(c, &t->timer,
			  add_wraps(clock_now(c), ns, &deadline) ? CLOCK_NEVER : deadline);
}

/* What is left; never 0 while armed. */
static uint64_t timer_left(const struct testdev *t)
{
	uint64_t now = clock_now(t->dev.env.clock);

	if (t->timer.deadline == CLOCK_NEVER)
		return 0;
	return t->timer.deadline > now ? t->timer.deadline - now : 1;
}

/* ---- the register file ------------------------------------------------------------------------
 */

static const struct dev_reg testdev_regs[] = {
	{"PIO_SCRATCH8", RANGE_PIO, 8, TESTDEV_PIO_SCRATCH8, "rw"},
	{"PIO_SCRATCH4", RANGE_PIO, 4, TESTDEV_PIO_SCRATCH4, "rw"},
	{"PIO_SCRATCH2", RANGE_PIO, 2, TESTDEV_PIO_SCRATCH2, "rw"},
	{"PIO_SCRATCH1", RANGE_PIO, 1, TESTDEV_PIO_SCRATCH1, "rw"},
	{"PIO_LOG_COUNT", RANGE_PIO, 4, TESTDEV_PIO_LOG_COUNT, "rw"},
	{"PIO_LOG_LAST", RANGE_PIO, 4, TESTDEV_PIO_LOG_LAST, "r"},
	{"PIO_INDEX", RANGE_PIO, 2, TESTDEV_PIO_INDEX, "rw"},
	{"PIO_CTRL", RANGE_PIO, 1, TESTDEV_PIO_CTRL, "rw"},
	{"PIO_DATA", RANGE_PIO, 4, TESTDEV_PIO_DATA, "rw"},
	{"SCRATCH8", RANGE_MMIO, 8, TESTDEV_SCRATCH8, "rw"},
	{"SCRATCH4", RANGE_MMIO, 4, TESTDEV_SCRATCH4, "rw"},
	{"SCRATCH2", RANGE_MMIO, 2, TESTDEV_SCRATCH2, "rw"},
	{"SCRATCH1", RANGE_MMIO, 1, TESTDEV_SCRATCH1, "rw"},
	{"LOG_COUNT", RANGE_MMIO, 4, TESTDEV_LOG_COUNT, "rw"},
	{"LOG_LAST", RANGE_MMIO, 4, TESTDEV_LOG_LAST, "r"},
	{"CTRL", RANGE_MMIO, 4, TESTDEV_CTRL, "rw"},
	{"ASSERT_LINE", RANGE_MMIO, 4, TESTDEV_ASSERT_LINE, "rw"},
	{"ASSERT_GOT", RANGE_MMIO, 8, TESTDEV_ASSERT_GOT, "rw"},
	{"ASSERT_WANT", RANGE_MMIO, 8, TESTDEV_ASSERT_WANT, "rw"},
	{"LOG", RANGE_MMIO, 4 * TESTDEV_LOG_ENTRIES, TESTDEV_LOG, "r"},
	{"A0", RANGE_MMIO, 8, TESTDEV_A0, "rw"},
	{"A1", RANGE_MMIO, 8, TESTDEV_A1, "rw"},
	{"A2", RANGE_MMIO, 8, TESTDEV_A2, "rw"},
	{"A3", RANGE_MMIO, 8, TESTDEV_A3, "rw"},
	{"OP", RANGE_MMIO, 4, TESTDEV_OP, "rw"},
	{"RESULT", RANGE_MMIO, 8, TESTDEV_RESULT, "r"},
	{"RMW", RANGE_MMIO, TESTDEV_RMW_LEN, TESTDEV_RMW, "rw"},
	{"RMW_READS", RANGE_MMIO, 4, TESTDEV_RMW_READS, "rw"},
	{"RMW_WRITES", RANGE_MMIO, 4, TESTDEV_RMW_WRITES, "rw"},
	{"NEXT", RANGE_MMIO, 4, TESTDEV_NEXT, "rw"},
	{"TIMER", RANGE_MMIO, 8, TESTDEV_TIMER, "rw"},
	{"TIMER_STATUS", RANGE_MMIO, 4, TESTDEV_TIMER_STATUS, "w1c"},
	{"TIME", RANGE_MMIO, 8, TESTDEV_TIME, "r"},
	{"MSR", RANGE_MSR, TESTDEV_MSR_SCRATCH, 0, "rw"},
	{0},
};

/* The 64-bit registers that are only stored; NULL: (reg) is none of them. */
static uint64_t *wide_reg(struct testdev *t, uint64_t reg)
{
	switch (reg) {
	case TESTDEV_ASSERT_GOT:
		return &t->assert_got;
	case TESTDEV_ASSERT_WANT:
		return &t->assert_want;
	case TESTDEV_A0:
	case TESTDEV_A1:
	case TESTDEV_A2:
	case TESTDEV_A3:
		return &t->arg[(reg - TESTDEV_A0) / 8];
	default:
		return NULL;
	}
}

/* A 64-bit register, whole. */
static uint64_t read_wide(const struct testdev *t, uint64_t reg)
{
	switch (reg) {
	case TESTDEV_ASSERT_GOT:
		return t->assert_got;
	case TESTDEV_ASSERT_WANT:
		return t->assert_want;
	case TESTDEV_A0:
	case TESTDEV_A1:
	case TESTDEV_A2:
	case TESTDEV_A3:
		return t->arg[(reg - TESTDEV_A0) / 8];
	case TESTDEV_RESULT:
		return t->result;
	case TESTDEV_TIMER:
		return timer_left(t);
	default: /* TIME: is_wide() knows no other */
		return clock_now(t->dev.env.clock);
	}
}

static bool is_wide(uint64_t reg)
{
	return (reg >= TESTDEV_A0 && reg < TESTDEV_OP) || reg == TESTDEV_ASSERT_GOT ||
	       reg == TESTDEV_ASSERT_WANT || reg == TESTDEV_RESULT || reg == TESTDEV_TIMER ||
	       reg == TESTDEV_TIME;
}

static uint32_t read32(struct testdev *t, uint64_t off)
{
	if (off >= TESTDEV_LOG && off < TESTDEV_LOG + sizeof(t->log))
		return t->log[(off - TESTDEV_LOG) / 4];
	switch (off) {
	case TESTDEV_LOG_COUNT:
		return t->log_count;
	case TESTDEV_LOG_LAST:
		return t->log_last;
	case TESTDEV_CTRL:
		return t->ctrl_irq ? TESTDEV_CTRL_IRQ : 0;
	case TESTDEV_ASSERT_LINE:
		return t->assert_line;
	case TESTDEV_OP:
		return t->op;
	case TESTDEV_RMW_READS:
		return t->rmw_reads;
	case TESTDEV_RMW_WRITES:
		return t->rmw_writes;
	case TESTDEV_NEXT:
		return t->next++;
	case TESTDEV_TIMER_STATUS:
		return t->timer_fired ? TIMER_FIRED : 0;
	default:
		dev_guest_error(&t->dev, "testdev: read of no register", off, 4);
		return 0;
	}
}

static void write32(struct testdev *t, uint64_t off, uint32_t val)
{
	switch (off) {
	case TESTDEV_LOG_COUNT:
		log_clear(t);
		break;
	case TESTDEV_CTRL:
		write_ctrl(t, val);
		break;
	case TESTDEV_ASSERT_LINE:
		write_assert_line(t, val);
		break;
	case TESTDEV_OP:
		write_op(t, val);
		break;
	case TESTDEV_RMW_READS:
		t->rmw_reads = val;
		break;
	case TESTDEV_RMW_WRITES:
		t->rmw_writes = val;
		break;
	case TESTDEV_NEXT:
		t->next = val;
		break;
	case TESTDEV_TIMER_STATUS:
		if (val & TIMER_FIRED)
			t->timer_fired = false;
		update_irq(t);
		break;
	default:
		dev_guest_error(&t->dev, "testdev: write of no register that takes it", off, val);
	}
}

/* A 64-bit register or one half of it. */
static void write_wide(struct testdev *t, uint64_t reg, bool high, unsigned size, uint64_t val)
{
	uint64_t *p = wide_reg(t, reg);

	if (p && size == 8)
		*p = val;
	else if (p && high)
		*p = (*p & UINT32_MAX) | val << 32;
	else if (p)
		*p = (*p & ~(uint64_t)UINT32_MAX) | val;
	else if (reg == TESTDEV_TIMER && high)
		t->timer_high = (uint32_t)val;
	else if (reg == TESTDEV_TIMER)
		timer_arm(t, size == 8 ? val : val | (uint64_t)t->timer_high << 32);
	else
		dev_guest_error(&t->dev, "testdev: write of a read-only register", reg, val);
}

/* Is [off, off + size) inside the area at (base)? */
static bool inside(uint64_t off, unsigned size, uint64_t base, uint64_t len)
{
	return range_within(off, size, base, len);
}

static uint64_t mmio_read(struct testdev *t, uint64_t off, unsigned size)
{
	uint64_t reg = off & ~7ull;

	if (inside(off, size, TESTDEV_SCRATCH8, sizeof(t->scratch))) {
		log_access(t, TESTDEV_LOG_MMIO, off, size);
		return ld_le(&t->scratch[off], size);
	}
	if (inside(off, size, TESTDEV_RMW, sizeof(t->rmw))) {
		t->rmw_reads++;
		return ld_le(&t->rmw[off - TESTDEV_RMW], size);
	}
	if (is_wide(reg) && (off == reg ? size >= 4 : off == reg + 4 && size == 4))
		return read_wide(t, reg) >> (8 * (off - reg));
	if (size == 4 && !(off & 3) && !is_wide(reg))
		return read32(t, off);
	dev_guest_error(&t->dev, "testdev: read of no register's width", off, size);
	return 0;
}

static void mmio_write(struct testdev *t, uint64_t off, unsigned size, uint64_t val)
{
	uint64_t reg = off & ~7ull;

	if (inside(off, size, TESTDEV_SCRATCH8, sizeof(t->scratch))) {
		log_access(t, TESTDEV_LOG_MMIO | TESTDEV_LOG_WRITE, off, size);
		st_le(&t->scratch[off], size, val);
	} else if (inside(off, size, TESTDEV_RMW, sizeof(t->rmw))) {
		t->rmw_writes++;
		st_le(&t->rmw[off - TESTDEV_RMW], size, val);
	} else if (is_wide(reg) && (off == reg ? size >= 4 : off == reg + 4 && size == 4)) {
		write_wide(t, reg, off != reg, size, val);
	} else if (size == 4 && !(off & 3) && !is_wide(reg)) {
		write32(t, off, (uint32_t)val);
	} else {
		dev_guest_error(&t->dev, "testdev: write of no register's width", off, val);
	}
}

static uint64_t pio_read(struct testdev *t, uint64_t off, unsigned size)
{
	if (inside(off, size, 0, sizeof(t->pio_scratch))) {
		log_access(t, 0, off, size);
		return ld_le(&t->pio_scratch[off], size);
	}
	if (off == TESTDEV_PIO_LOG_COUNT && size == 4)
		return t->log_count;
	if (off == TESTDEV_PIO_LOG_LAST && size == 4)
		return t->log_last;
	if (off == TESTDEV_PIO_INDEX && size == 2)
		return t->index;
	if (off == TESTDEV_PIO_CTRL && size == 1)
		return read32(t, TESTDEV_CTRL);
	if (off == TESTDEV_PIO_DATA && size == 4)
		return mmio_read(t, t->index, 4);
	dev_guest_error(&t->dev, "testdev: port read of no register's width", off, size);
	return 0;
}

static void pio_write(struct testdev *t, uint64_t off, unsigned size, uint64_t val)
{
	if (inside(off, size, 0, sizeof(t->pio_scratch))) {
		log_access(t, TESTDEV_LOG_WRITE, off, size);
		st_le(&t->pio_scratch[off], size, val);
	} else if (off == TESTDEV_PIO_LOG_COUNT && size == 4) {
		log_clear(t);
	} else if (off == TESTDEV_PIO_INDEX && size == 2) {
		/* A multiple of 4 inside the registers, whatever is written. */
		t->index = (uint16_t)(val & (TESTDEV_LEN - 4));
	} else if (off == TESTDEV_PIO_CTRL && size == 1) {
		write_ctrl(t, (uint32_t)val);
	} else if (off == TESTDEV_PIO_DATA && size == 4) {
		mmio_write(t, t->index, 4, val);
	} else {
		dev_guest_error(&t->dev, "testdev: port write of no register's width", off, val);
	}
}

static uint64_t testdev_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct testdev *t = testdev_of(d);

	if (range == RANGE_PIO)
		return pio_read(t, off, size);
	if (range == RANGE_MMIO)
		return mmio_read(t, off, size);
	log_access(t, TESTDEV_LOG_MSR, off, size);
	return t->msr[off];
}

static void testdev_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct testdev *t = testdev_of(d);

	if (range == RANGE_PIO) {
		pio_write(t, off, size, val);
	} else if (range == RANGE_MMIO) {
		mmio_write(t, off, size, val);
	} else {
		log_access(t, TESTDEV_LOG_MSR | TESTDEV_LOG_WRITE, off, size);
		t->msr[off] = val;
	}
}

/* ---- the class --------------------------------------------------------------------------------
 */

static int testdev_init(struct dev *d, struct err *err)
{
	struct testdev *t = testdev_of(d);

	if (!d->env.clock)
		return err_set(err, -EINVAL, "device testdev: it needs a clock for its timer");
	clock_timer_init(&t->timer, timer_fire, t);
	return 0;
}

static void testdev_reset(struct dev *d)
{
	struct testdev *t = testdev_of(d);

	clock_cancel(d->env.clock, &t->timer);
	irq_set(&d->irq, 0);
}

static int testdev_post_load(struct dev *d, struct err *err)
{
	struct testdev *t = testdev_of(d);

	if ((t->index & 3) || t->index >= TESTDEV_LEN)
		return err_set(err, -EINVAL, "testdev: saved index 0x%x is no register's offset",
			       t->index);
	if (t->irq_level != (t->ctrl_irq || t->timer_fired))
		return err_set(err, -EINVAL,
			       "testdev: saved interrupt level contradicts its causes");
	clock_arm(d->env.clock, &t->timer, t->timer.deadline);
	return 0;
}

static void testdev_fini(struct dev *d)
{
	struct testdev *t = testdev_of(d);

	if (t->timer.fn) /* else init went wrong before */
		clock_cancel(d->env.clock, &t->timer);
}

void testdev_set_result(struct dev *d, int64_t result)
{
	assert(d->cls == &dev_class_testdev);
	testdev_of(d)->result = (uint64_t)result;
}

static const struct dev_range testdev_ranges[] = {
	{"ports", BUS_PIO, TESTDEV_PIO_BASE, TESTDEV_PIO_LEN},
	{"registers", BUS_MMIO, TESTDEV_MMIO_BASE, TESTDEV_LEN},
	{"msrs", BUS_MSR, TESTDEV_MSR, TESTDEV_MSR_SCRATCH},
	{0},
};

static const struct dev_opt testdev_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), TESTDEV_IRQ, 0, 15},
	{0},
};

#define F(member, rst) STATE_U(struct testdev, member, rst)
static const struct state_field testdev_state[] = {
	STATE_RAW(struct testdev, pio_scratch),
	STATE_RAW(struct testdev, scratch),
	STATE_RAW(struct testdev, rmw),
	STATE_ARR(struct testdev, msr, 0),
	F(log_count, 0),
	F(log_last, 0),
	STATE_ARR(struct testdev, log, 0),
	F(index, 0),
	STATE_B(struct testdev, ctrl_irq, 0),
	STATE_B(struct testdev, timer_fired, 0),
	STATE_B(struct testdev, irq_level, 0),
	F(assert_line, 0),
	F(op, 0),
	F(rmw_reads, 0),
	F(rmw_writes, 0),
	F(next, 0),
	F(assert_got, 0),
	F(assert_want, 0),
	STATE_ARR(struct testdev, arg, 0),
	F(result, 0),
	F(timer_high, 0),
	F(timer.deadline, CLOCK_NEVER),
	STATE_END,
};

const struct dev_class dev_class_testdev = {
	.name = "testdev",
	.help = "scratch registers, access log, assertions, host operations, interrupt and timer",
	.size = sizeof(struct testdev),
	.version = 1,
	.ranges = testdev_ranges,
	.opts = testdev_opts,
	.regs = testdev_regs,
	.state = testdev_state,
	.init = testdev_init,
	.reset = testdev_reset,
	.read = testdev_read,
	.write = testdev_write,
	.post_load = testdev_post_load,
	.fini = testdev_fini,
};
