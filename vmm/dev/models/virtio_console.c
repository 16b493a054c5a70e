/* SPDX-License-Identifier: MIT */
/*
 * virtio-console: the console device, virtio 1.2 section 5.3: one port or, with MULTIPORT, up to
 * PORTS_MAX of them, each on one of the machine's character back ends.
 *
 * What a driver must not do has an outcome:
 * - a malformed chain, in any queue: completed with used.len 0, and a guest error;
 * - writable buffers in a transmit queue, readable ones in a receive queue (5.3.6.1), a chain of more
 *   than TX_MAX bytes: a guest error; the part that counts is used, of the last TX_MAX bytes;
 * - a control message that is too short, of no port that it was told of, of an event that is the
 *   device's to send or nobody's, or before DEVICE_READY: a guest error, and nothing else;
 * - a control receive buffer that is too small for the message: completed with used.len 0; the message
 *   waits for the next one;
 * - doorbells of control queues and further ports without MULTIPORT: a guest error; what is sent by them
 *   is completed and goes nowhere.
 *
 * Control messages to the driver are no queue that could run full: what is owed is a bit a message and
 * port, and its contents are those of the moment in which it is sent. Input waits in the back end
 * until the driver gives buffers and has the port open; a console, or a device without MULTIPORT, is
 * open always. Buffers with input are completed in order, at once: the option `delay` is for the others.
 *
 * Bounds: a doorbell does at most a queue's worth of chains, TX_MAX bytes each.
 */
#include <errno.h>
#include <stdio.h>

#include <vmm/virtio.h>
#include <vmm/virtio_host.h>

#define CONSOLE_DEVICE_ID 3u /* section 5 */
#define CONSOLE_QUEUE_MAX 128u
#define CONSOLE_BASE	  0xd0000000u
#define CONSOLE_IRQ	  5u
#define PORTS_MAX	  ((VIRTIO_QUEUES - 2) / 2)
#define TX_MAX		  (1u << 20)
#define PIECE		  4096u /* bytes that are moved at once */
#define DEFAULT_COLS	  80u
#define DEFAULT_ROWS	  25u

/* Feature bits, 5.3.3 */
enum { F_SIZE = 0, F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
#define BIT(n) (1ull << (n))

/* Queues, 5.3.2: port 0's, the two of control, then the other ports'. */
enum queue { Q_CONTROL_RX = 2, Q_CONTROL_TX = 3 };

/* struct virtio_console_config, 5.3.4 */
enum config { C_COLS = 0, C_ROWS = 2, C_MAX_PORTS = 4, C_EMERG = 8, CONFIG_LEN = 12 };

/* struct virtio_console_control, 5.3.6.2 */
enum control { M_ID = 0, M_EVENT = 4, M_VALUE = 6, M_LEN = 8 };
enum event {
	E_DEVICE_READY,
	E_DEVICE_ADD,
	E_DEVICE_REMOVE,
	E_PORT_READY,
	E_CONSOLE_PORT,
	E_RESIZE,
	E_PORT_OPEN,
	E_PORT_NAME,
};
#define NAME_MAX_LEN 24u
#define MESSAGE_MAX  (M_LEN + NAME_MAX_LEN)

/* Messages that are owed to a port that the driver has ready; sent in this order. */
#define OWE_CONSOLE 1u
#define OWE_NAME    2u
#define OWE_RESIZE  4u
#define OWE_OPEN    8u
#define OWE_ALL	    15u

struct virtio_console;

struct port {
	struct virtio_console *dev;
	struct chr *chr;
	unsigned number;
};

struct virtio_console {
	struct virtio v;
	struct port port[PORTS_MAX];
	uint64_t ports, first, multiport, consoles, opt_cols, opt_rows; /* options */
	uint16_t cols, rows;
	bool device_ready;
	/* of each port: is it plugged in, was the driver told of it, has it it ready, and open */
	bool there[PORTS_MAX], told[PORTS_MAX], ready[PORTS_MAX], open[PORTS_MAX];
	uint8_t owe[PORTS_MAX];
};

static struct virtio_console *console_of(struct dev *d)
{
	return container_of(d, struct virtio_console, v.dev);
}

static unsigned rx_queue(unsigned port)
{
	return port ? 2 * port + 2 : 0;
}

/* The port that a data queue belongs to. */
static unsigned port_of(unsigned queue)
{
	return queue < 2 ? 0 : (queue - 2) / 2;
}

static bool is_console(const struct virtio_console *s, unsigned port)
{
	return s->consoles >> port & 1;
}

/* May the device work on this queue by itself? */
static bool usable(const struct virtio_console *s, unsigned queue)
{
	const struct virtio *v = &s->v;

	return (v->status & VIRTIO_S_DRIVER_OK) && !(v->status & VIRTIO_S_NEEDS_RESET) &&
	       !v->stopped && v->q[queue].ready && !v->q[queue].broken;
}

/* After work that no doorbell of (queue) asked for. */
static void done_by_itself(struct virtio_console *s, unsigned queue)
{
	if (s->v.q[queue].broken)
		virtio_broken(&s->v, virtq_error_name(s->v.q[queue].broken));
	else
		virtio_signal(&s->v, queue);
}

static void wrong_chain(struct virtio_console *s, const struct virtq_chain *c, const char *what)
{
	dev_guest_error(&s->v.dev, what, c->head, c->error);
}

/* ---- input ----------------------------------------------------------------------------------------- */

static bool listens(const struct virtio_console *s, unsigned port)
{
	if (!virtio_has(&s->v, F_MULTIPORT))
		return port == 0;
	return s->there[port] && (is_console(s, port) || s->open[port]);
}

/* What there is goes into one chain. */
static void fill(struct virtio_console *s, struct port *p, struct virtq_chain *c)
{
	struct virtq *q = &s->v.q[rx_queue(p->number)];
	uint64_t len = chr_pending(p->chr), done = 0;
	uint8_t buf[PIECE];

	if (c->error || !c->in_bytes) {
		wrong_chain(s, c, "virtio-console: a receive buffer that takes nothing");
		return;
	}
	if (c->out_bytes)
		wrong_chain(s, c, "virtio-console: a readable buffer in a receive queue");
	len = virtio_short(&s->v, len < c->in_bytes ? len : c->in_bytes);
	while (done < len) {
		size_t n = len - done < PIECE ? (size_t)(len - done) : PIECE;

		n = chr_take(p->chr, buf, n);
		if (virtq_write(q, c, done, buf, n) != (int64_t)n)
			return;
		done += n;
	}
}

static bool serve_rx(struct virtio_console *s, unsigned port)
{
	struct port *p = &s->port[port];
	unsigned queue = rx_queue(port);
	struct virtq_chain c;
	bool any = false;

	while (listens(s, port) && chr_pending(p->chr) && virtq_next(&s->v.q[queue], &c) == 1) {
		any = true;
		fill(s, p, &c);
		if (virtq_push(&s->v.q[queue], &c))
			break;
	}
	return any;
}

static void input_came(struct virtio_console *s, unsigned port)
{
	unsigned queue = rx_queue(port);

	if (!usable(s, queue))
		return;
	virtq_kick_begin(&s->v.q[queue]);
	if (serve_rx(s, port) || s->v.q[queue].broken)
		done_by_itself(s, queue);
}

/* ---- control messages to the driver ---------------------------------------------------------------- */

/* The next message that is owed; false: none. Which bit of owe it pays is in *bit, 0: none of them. */
static bool next_message(const struct virtio_console *s, unsigned *port, enum event *e,
			 unsigned *bit)
{
	static const enum event events[] = {E_CONSOLE_PORT, E_PORT_NAME, E_RESIZE, E_PORT_OPEN};

	if (!s->device_ready)
		return false;
	for (*port = 0; *port < s->ports; ++*port) {
		*bit = 0;
		*e = s->there[*port] ? E_DEVICE_ADD : E_DEVICE_REMOVE;
		if (s->there[*port] != s->told[*port])
			return true;
		for (unsigned i = 0; s->ready[*port] && i < ARRAY_SIZE(events); i++) {
			*bit = 1u << i;
			*e = events[i];
			if (s->owe[*port] & *bit)
				return true;
		}
	}
	return false;
}

static size_t make_message(const struct virtio_console *s, unsigned port, enum event e,
			   uint8_t m[MESSAGE_MAX])
{
	int n;

	st_le32(&m[M_ID], port);
	st_le16(&m[M_EVENT], (uint16_t)e);
	st_le16(&m[M_VALUE], e == E_PORT_OPEN ? !s->port[port].chr->hung_up : 1);
	if (e == E_RESIZE) {
		st_le16(&m[M_LEN], s->cols);
		st_le16(&m[M_LEN + 2], s->rows);
		return M_LEN + 4;
	}
	if (e != E_PORT_NAME)
		return M_LEN;
	/* 5.3.6.2: the name follows, without a NUL. */
	n = snprintf((char *)&m[M_LEN], NAME_MAX_LEN, "vise.port%u", port);
	return M_LEN + (size_t)n;
}

static void forget_port(struct virtio_console *s, unsigned port)
{
	s->ready[port] = false;
	s->open[port] = false;
	s->owe[port] = 0;
}

static void message_sent(struct virtio_console *s, unsigned port, enum event e, unsigned bit)
{
	s->owe[port] &= (uint8_t)~bit;
	if (e == E_DEVICE_ADD || e == E_DEVICE_REMOVE) {
		s->told[port] = e == E_DEVICE_ADD;
		forget_port(s, port);
	}
}

static bool serve_control_rx(struct virtio_console *s)
{
	struct virtq *q = &s->v.q[Q_CONTROL_RX];
	uint8_t m[MESSAGE_MAX];
	struct virtq_chain c;
	unsigned port, bit;
	bool any = false;
	enum event e;

	while (next_message(s, &port, &e, &bit) && virtq_next(q, &c) == 1) {
		size_t len = make_message(s, port, e, m);

		any = true;
		if (c.error || c.in_bytes < len)
			wrong_chain(s, &c, "virtio-console: no room for a control message");
		else if (virtq_write(q, &c, 0, m, len) == (int64_t)len)
			message_sent(s, port, e, bit);
		if (virtq_push(q, &c))
			break;
	}
	return any;
}

static void send_control(struct virtio_console *s)
{
	if (!virtio_has(&s->v, F_MULTIPORT) || !usable(s, Q_CONTROL_RX))
		return;
	virtq_kick_begin(&s->v.q[Q_CONTROL_RX]);
	if (serve_control_rx(s) || s->v.q[Q_CONTROL_RX].broken)
		done_by_itself(s, Q_CONTROL_RX);
}

/* ---- control messages from the driver -------------------------------------------------------------- */

static void on_device_ready(struct virtio_console *s, bool ok)
{
	s->device_ready = ok;
	/* Said again: it starts anew. */
	for (unsigned i = 0; i < s->ports; i++) {
		s->told[i] = false;
		forget_port(s, i);
	}
}

static void on_port_ready(struct virtio_console *s, unsigned port, bool ok)
{
	forget_port(s, port);
	s->ready[port] = ok;
	if (!ok)
		return;
	s->owe[port] = OWE_NAME;
	if (is_console(s, port))
		s->owe[port] |= OWE_CONSOLE | (virtio_has(&s->v, F_SIZE) ? OWE_RESIZE : 0);
	if (!s->port[port].chr->hung_up)
		s->owe[port] |= OWE_OPEN;
}

static void on_message(struct virtio_console *s, const uint8_t *m)
{
	uint32_t id = ld_le32(&m[M_ID]);
	uint16_t event = ld_le16(&m[M_EVENT]), value = ld_le16(&m[M_VALUE]);

	if (event == E_DEVICE_READY) {
		on_device_ready(s, value == 1);
	} else if (!s->device_ready || id >= s->ports || !s->told[id]) {
		dev_guest_error(&s->v.dev, "virtio-console: a message of a port it was not told of",
				id, event);
	} else if (event == E_PORT_READY) {
		on_port_ready(s, id, value == 1);
	} else if (event == E_PORT_OPEN) {
		s->open[id] = value != 0;
		input_came(s, id);
	} else {
		dev_guest_error(&s->v.dev, "virtio-console: a message that is not the driver's", id,
				event);
	}
}

static void receive_control(struct virtio_console *s, const struct virtq_chain *c)
{
	uint8_t m[M_LEN];

	if (c->error || virtq_read(&s->v.q[Q_CONTROL_TX], c, 0, m, sizeof(m)) != M_LEN) {
		wrong_chain(s, c, "virtio-console: a control message that is too short");
		return;
	}
	on_message(s, m);
}

static void serve_control_tx(struct virtio_console *s)
{
	struct virtq_chain c;

	while (virtq_next(&s->v.q[Q_CONTROL_TX], &c) == 1) {
		receive_control(s, &c);
		if (virtio_complete(&s->v, Q_CONTROL_TX, &c))
			break;
	}
	send_control(s);
}

/* ---- output ---------------------------------------------------------------------------------------- */

static void transmit(struct virtio_console *s, struct port *p, unsigned queue,
		     const struct virtq_chain *c)
{
	uint64_t len = c->out_bytes < TX_MAX ? c->out_bytes : TX_MAX;
	uint8_t buf[PIECE];
	int64_t n;

	if (c->error)
		wrong_chain(s, c, "virtio-console: a transmit buffer that is malformed");
	else if (c->in_bytes || c->out_bytes > TX_MAX)
		wrong_chain(s, c, "virtio-console: a transmit buffer that is writable or too long");
	for (uint64_t done = 0; !c->error && done < len; done += (uint64_t)n) {
		n = virtq_read(&s->v.q[queue], c, done, buf,
			       len - done < PIECE ? len - done : PIECE);
		if (n <= 0)
			return;
		chr_put(p->chr, buf, (size_t)n);
	}
}

static void serve_tx(struct virtio_console *s, unsigned queue)
{
	struct virtq_chain c;

	while (virtq_next(&s->v.q[queue], &c) == 1) {
		transmit(s, &s->port[port_of(queue)], queue, &c);
		if (virtio_complete(&s->v, queue, &c))
			return;
	}
}

/* Port 0 alone is there without MULTIPORT. */
static void refuse(struct virtio_console *s, unsigned queue)
{
	struct virtq_chain c;

	dev_guest_error(&s->v.dev, "virtio-console: a queue that only MULTIPORT has", queue, 0);
	while (queue % 2 && virtq_next(&s->v.q[queue], &c) == 1)
		if (virtio_complete(&s->v, queue, &c))
			return;
}

static void console_notify(struct virtio *v, unsigned queue)
{
	struct virtio_console *s = console_of(&v->dev);

	if (queue >= Q_CONTROL_RX && !virtio_has(v, F_MULTIPORT))
		refuse(s, queue);
	else if (queue == Q_CONTROL_RX)
		(void)serve_control_rx(s);
	else if (queue == Q_CONTROL_TX)
		serve_control_tx(s);
	else if (queue % 2)
		serve_tx(s, queue);
	else
		(void)serve_rx(s, port_of(queue));
}

/* ---- what the host does ---------------------------------------------------------------------------- */

static void wake(void *ctx)
{
	struct port *p = ctx;
	struct virtio_console *s = p->dev;

	input_came(s, p->number);
	/* 5.3.6.2: the other end went away. */
	if (p->chr->hung_up && s->ready[p->number]) {
		s->owe[p->number] |= OWE_OPEN;
		send_control(s);
	}
}

int console_plug(struct dev *d, unsigned port, bool there)
{
	struct virtio_console *s = console_of(d);

	if (port >= s->ports || !virtio_has(&s->v, F_MULTIPORT))
		return -EINVAL;
	s->there[port] = there;
	send_control(s);
	return 0;
}

int console_resize(struct dev *d, uint16_t cols, uint16_t rows)
{
	struct virtio_console *s = console_of(d);

	s->cols = cols;
	s->rows = rows;
	if (!virtio_has(&s->v, F_SIZE))
		return -EINVAL;
	virtio_config_changed(&s->v);
	for (unsigned i = 0; i < s->ports; i++)
		if (s->ready[i] && is_console(s, i))
			s->owe[i] |= OWE_RESIZE;
	send_control(s);
	return 0;
}

/* ---- configuration --------------------------------------------------------------------------------- */

static void console_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	const struct virtio_console *s = console_of(&v->dev);
	uint8_t c[CONFIG_LEN] = {0};

	st_le16(&c[C_COLS], s->cols);
	st_le16(&c[C_ROWS], s->rows);
	st_le32(&c[C_MAX_PORTS], (uint32_t)s->ports);
	memcpy(buf, &c[off], len);
}

/* 5.3.4: a character for the first port at any time, before all set-up too. */
static void console_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	struct virtio_console *s = console_of(&v->dev);

	if (off != C_EMERG || len > 4) {
		dev_guest_error(&v->dev,
				"virtio-console: write of a field that is not the driver's", off,
				len);
		return;
	}
	chr_put(s->port[0].chr, buf, 1);
}

/* ---- the class ------------------------------------------------------------------------------------- */

static void console_reset(struct dev *d)
{
	struct virtio_console *s = console_of(d);

	virtio_reset(d);
	s->cols = (uint16_t)s->opt_cols;
	s->rows = (uint16_t)s->opt_rows;
	for (unsigned i = 0; i < s->ports; i++)
		s->there[i] = true;
}

static const struct virtio_class console_class = {
	.device_id = CONSOLE_DEVICE_ID,
	.features = BIT(F_SIZE) | BIT(F_EMERG_WRITE),
	.nr_queues = 2 + 2 * PORTS_MAX,
	.queue_max = CONSOLE_QUEUE_MAX,
	.config_len = CONFIG_LEN,
	.notify = console_notify,
	.config_read = console_config_read,
	.config_write = console_config_write,
};

static int take_chr(struct virtio_console *s, unsigned i, struct err *err)
{
	const struct dev_env *env = &s->v.dev.env;
	struct port *p = &s->port[i];
	uint64_t n = s->first + i;

	if (n >= env->nr_chrs)
		return err_set(err, -EINVAL,
			       "device virtio-console: there is no chr %u for port %u: the machine "
			       "has %u; give one",
			       (unsigned)n, i, env->nr_chrs);
	*p = (struct port){.dev = s, .chr = env->chr[n], .number = i};
	chr_set_wake(p->chr, wake, p);
	return 0;
}

static int console_init(struct dev *d, struct err *err)
{
	struct virtio_console *s = console_of(d);
	int rc = virtio_init(d, &console_class, err);

	for (unsigned i = 0; i < s->ports && !rc; i++)
		rc = take_chr(s, i, err);
	if (rc)
		return rc;
	if (s->ports > 1 || s->multiport)
		s->v.features |= BIT(F_MULTIPORT);
	s->v.nr_queues = s->v.features & BIT(F_MULTIPORT) ? 2 + 2 * (unsigned)s->ports : 2;
	console_reset(d);
	return 0;
}

static void console_fini(struct dev *d)
{
	struct virtio_console *s = console_of(d);

	for (unsigned i = 0; i < PORTS_MAX; i++)
		if (s->port[i].chr)
			chr_set_wake(s->port[i].chr, NULL, &s->port[i]);
	virtio_fini(d);
}

static int console_post_load(struct dev *d, struct err *err)
{
	const struct virtio_console *s = console_of(d);

	for (unsigned i = 0; i < PORTS_MAX; i++)
		if ((s->owe[i] & ~OWE_ALL) || (i >= s->ports && s->there[i]) ||
		    (s->told[i] && !s->device_ready) || (s->ready[i] && !s->told[i]) ||
		    (s->open[i] && !s->told[i]) || (s->owe[i] && !s->ready[i]))
			return err_set(err, -EINVAL,
				       "virtio-console: saved port %u is in no possible state", i);
	return virtio_post_load(d, err);
}

static const struct dev_range console_ranges[] = {
	{"registers", BUS_MMIO, CONSOLE_BASE, VIRTIO_MMIO_LEN},
	{0},
};

static const struct dev_opt console_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), CONSOLE_IRQ, 0, 23},
	{"chr", "which of the machine's character back ends is the first port's",
	 offsetof(struct virtio_console, first), 0, 0, 63},
	{"ports", "how many ports; more than one offers MULTIPORT",
	 offsetof(struct virtio_console, ports), 1, 1, PORTS_MAX},
	{"multiport", "1: MULTIPORT is offered for one port too",
	 offsetof(struct virtio_console, multiport), 0, 0, 1},
	{"consoles", "which ports are consoles, a bit each",
	 offsetof(struct virtio_console, consoles), 1, 0, BIT(PORTS_MAX) - 1},
	{"cols", "columns of a console", offsetof(struct virtio_console, opt_cols), DEFAULT_COLS, 1,
	 UINT16_MAX},
	{"rows", "rows of a console", offsetof(struct virtio_console, opt_rows), DEFAULT_ROWS, 1,
	 UINT16_MAX},
	VIRTIO_OPT_SHORT,
	VIRTIO_OPTS,
	{0},
};

#define PORT_FLAGS(member)                                                                         \
	{                                                                                          \
#member, STATE_BOOL, offsetof(struct virtio_console, member), sizeof(bool),        \
			PORTS_MAX, 0, 0                                                            \
	}
static const struct state_field console_state[] = {
	VIRTIO_STATE_FIELDS,
	STATE_U(struct virtio_console, cols, 0),
	STATE_U(struct virtio_console, rows, 0),
	STATE_B(struct virtio_console, device_ready, 0),
	PORT_FLAGS(there),
	PORT_FLAGS(told),
	PORT_FLAGS(ready),
	PORT_FLAGS(open),
	STATE_ARR(struct virtio_console, owe, 0),
	STATE_END,
};

const struct dev_class dev_class_virtio_console = {
	.name = "virtio-console",
	.help = "virtio console device, on the machine's character back ends",
	.size = sizeof(struct virtio_console),
	.version = 1,
	.ranges = console_ranges,
	.opts = console_opts,
	.state = console_state,
	.init = console_init,
	.reset = console_reset,
	.regs = virtio_mmio_regs,
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
	.part = virtio_part,
	.post_load = console_post_load,
	.fini = console_fini,
};
