/* SPDX-License-Identifier: MIT */
/*
 * virtio: a virtio device, and the virtio-mmio transport, version 2 (virtio 1.2 section 4.2), which
 * every model speaks by itself. Another transport (virtio-pci, in module pci) makes the same model
 * by its class, leaves it off the bus and drives it by the functions at the end.
 * A model describes what is its own (struct virtio_class); feature negotiation, status, queue
 * set-up, interrupts, reset, save and load are done here.
 * [hostile: fuzz/targets/mmio.c]
 *
 * Guarantees to a model: notify() comes only while DRIVER_OK is set, DEVICE_NEEDS_RESET is not,
 * and the queue is ready; features() are those both sides agreed on; queue size and addresses do
 * not change while a queue is ready. notify() never nests: a device that is reached while it works,
 * by its own memory access or a transport's short cut, is our bug and ends at an assert that says
 * "re-entered" (dev.h has the same guard for every access).
 *
 * Bounds: VIRTIO_LATE completions and one doorbell a queue are under way at most, a device.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <vmm/dev.h>
#include <vmm/virtq.h>

/* Device status, 2.1 */
#define VIRTIO_S_ACKNOWLEDGE 1u
#define VIRTIO_S_DRIVER	     2u
#define VIRTIO_S_DRIVER_OK   4u
#define VIRTIO_S_FEATURES_OK 8u
#define VIRTIO_S_NEEDS_RESET 64u
#define VIRTIO_S_FAILED	     128u

/* InterruptStatus, 4.2.2 */
#define VIRTIO_INT_QUEUE  1u
#define VIRTIO_INT_CONFIG 2u

/* Registers, 4.2.2 table 4.1 */
enum virtio_mmio_reg {
	VIRTIO_MMIO_MAGIC = 0x000,
	VIRTIO_MMIO_VERSION = 0x004,
	VIRTIO_MMIO_DEVICE_ID = 0x008,
	VIRTIO_MMIO_VENDOR_ID = 0x00c,
	VIRTIO_MMIO_DEVICE_FEATURES = 0x010,
	VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014,
	VIRTIO_MMIO_DRIVER_FEATURES = 0x020,
	VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024,
	VIRTIO_MMIO_QUEUE_SEL = 0x030,
	VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034,
	VIRTIO_MMIO_QUEUE_NUM = 0x038,
	VIRTIO_MMIO_QUEUE_READY = 0x044,
	VIRTIO_MMIO_QUEUE_NOTIFY = 0x050,
	VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,
	VIRTIO_MMIO_INTERRUPT_ACK = 0x064,
	VIRTIO_MMIO_STATUS = 0x070,
	VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,
	VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,
	VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090,
	VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094,
	VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0,
	VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4,
	VIRTIO_MMIO_SHM_SEL = 0x0ac,
	VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0,
	VIRTIO_MMIO_SHM_LEN_HIGH = 0x0b4,
	VIRTIO_MMIO_SHM_BASE_LOW = 0x0b8,
	VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc,
	VIRTIO_MMIO_QUEUE_RESET = 0x0c0,
	VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,
	VIRTIO_MMIO_CONFIG = 0x100,
};
#define VIRTIO_MMIO_MAGIC_VALUE 0x74726976u /* "virt" */
#define VIRTIO_MMIO_LEN		0x200u
#define VIRTIO_VENDOR_VISE	0x45534956u /* "VISE" */
#define VIRTIO_QUEUES		10	    /* at most, a device */
#define VIRTIO_LATE		32	    /* completions under way at most, a device */
#define VIRTIO_SHMS		3	    /* shared memory regions at most, a device */
#define VIRTIO_SHM_PAGE		0x1000u	    /* each has a whole number of these */
#define VIRTIO_SHM_MAX		(64u << 20) /* bytes of all regions of a device at most */

struct virtio;

/* How a transport other than virtio-mmio tells the driver something. */
#define VIRTIO_CONFIG_CHANGED UINT32_MAX
struct virtio_transport {
	/*
	 * There are used buffers in (queue), or VIRTIO_CONFIG_CHANGED. True: the driver is told by a
	 * message of its own (MSI-X); false: by interrupt_status and the line, as virtio-mmio does.
	 */
	bool (*message)(void *ctx, uint32_t queue);
	/* The device was reset, by the driver or the machine; its state is fresh. May be NULL. */
	void (*reset)(void *ctx);
};

struct virtio_class {
	uint32_t device_id;
	uint64_t
		features; /* beyond VERSION_1, INDIRECT_DESC, EVENT_IDX, RING_RESET: all offer them */
	unsigned nr_queues;
	uint32_t queue_max;
	uint32_t config_len; /* of the device configuration, 0: none */
	/* The driver rang (queue): pop, work, push; the transport sends the interrupt afterwards.
	 */
	void (*notify)(struct virtio *v, unsigned queue);
	/*
	 * The driver took (queue) back, alone, by QueueReset or QueueReady: forget what was kept of it.
	 * The queue, ready or not, is as it was still, and as new afterwards. May be NULL.
	 */
	void (*queue_reset)(struct virtio *v, unsigned queue);
	/* [off, off + len) lies in the configuration; NULL: reads 0, writes are dropped. */
	void (*config_read)(struct virtio *v, uint32_t off, void *buf, uint32_t len);
	void (*config_write)(struct virtio *v, uint32_t off, const void *buf, uint32_t len);
	/*
	 * Shared memory regions, 2.10, by their IDs: the (i)-th one is range 1 + i of the dev_class, where
	 * virtio-mmio has it. virtio_shm() is its memory, zero after a reset and saved with the device.
	 */
	unsigned nr_shm;
	uint8_t shm_id[VIRTIO_SHMS];
};

/* A request that is done and on its way back to the driver. */
struct virtio_late {
	uint64_t due;
	uint32_t written;
	uint16_t head, id, slots, seq; /* of its chain */
	uint8_t queue;
	bool whole; /* its chain is written to the end */
};

/* Begins every virtio model's instance. */
struct virtio {
	struct dev dev;
	const struct virtio_class *vc;
	const struct virtio_transport *transport; /* NULL: virtio-mmio */
	void *transport_ctx;
	/* from the class; a model's init may change them after virtio_init(): less queues, other bits */
	uint64_t features;
	unsigned nr_queues;
	struct virtq q[VIRTIO_QUEUES];
	/* registers */
	uint32_t status, device_features_sel, driver_features_sel, queue_sel, interrupt_status;
	uint32_t config_generation;
	uint64_t driver_features;
	bool features_beyond; /* the driver accepted a feature above 63, where none is offered */
	bool irq_level;
	bool serving; /* notify() is at work */
	/*
	 * The transport has taken RAM away for now (virtio_stop()): doorbells are refused, what is under way
	 * waits. A model that works on a queue by itself, because input came, asks this first.
	 */
	bool stopped;
	/* options */
	uint64_t packed, in_order, notify_data; /* 1: the feature is offered */
	uint64_t queue_max;			/* of every queue; 0: what the class says */
	uint64_t delay, start, shorts, errors;	/* see VIRTIO_OPTS */
	/*
	 * What is under way: completions in order of time, and for each queue when its doorbell will be
	 * answered, 0: none rang. The seed decides.
	 */
	struct clock_timer late_timer;
	struct rng late_rng;
	uint32_t nr_late;
	struct virtio_late late[VIRTIO_LATE];
	uint64_t start_due[VIRTIO_QUEUES];
	/* Shared memory: the regions one after the other, NULL: there is none. */
	uint8_t *shm;
	uint32_t shm_sel;
};

/*
 * The hooks of a virtio model's dev_class: put VIRTIO_MMIO_CLASS_HOOKS into its initializer. Its
 * own init calls virtio_init() with its (vc); its own reset, if it has state of its own, is called
 * for a driver's reset too and begins with virtio_reset(). The first range is the registers.
 */
#define VIRTIO_MMIO_CLASS_HOOKS                                                                    \
	.regs = virtio_mmio_regs, .read = virtio_mmio_read, .write = virtio_mmio_write,            \
	.part = virtio_part, .post_load = virtio_post_load, .fini = virtio_fini
int virtio_init(struct dev *d, const struct virtio_class *vc, struct err *err);
void virtio_reset(struct dev *d);
uint64_t virtio_mmio_read(struct dev *d, unsigned range, uint64_t off, unsigned size);
void virtio_mmio_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val);
/*
 * The queues, what is under way, and shared memory, as many as there are: a model with parts of its own gives
 * those first.
 */
const struct state_table *virtio_part(const struct dev *d, unsigned i, const void **obj);
int virtio_post_load(struct dev *d, struct err *err);
void virtio_fini(struct dev *d);
extern const struct dev_reg virtio_mmio_regs[];

#define VIRTIO_STATE_FIELDS                                                                        \
	STATE_U(struct virtio, status, 0), STATE_U(struct virtio, device_features_sel, 0),         \
		STATE_U(struct virtio, driver_features_sel, 0),                                    \
		STATE_U(struct virtio, queue_sel, 0), STATE_U(struct virtio, interrupt_status, 0), \
		STATE_U(struct virtio, config_generation, 0),                                      \
		STATE_U(struct virtio, driver_features, 0),                                        \
		STATE_B(struct virtio, features_beyond, 0), STATE_B(struct virtio, irq_level, 0),  \
		STATE_U(struct virtio, late_rng.s, 0), STATE_U(struct virtio, nr_late, 0),         \
		STATE_ARR(struct virtio, start_due, 0)

/*
 * The options that every model has: the ring, and requests in flight under deterministic time, where
 * the seed chooses order and delay. What was not started when the driver resets the queue or device
 * is never done; what was done and is not back yet never comes back.
 */
#define VIRTIO_OPTS                                                                                \
	{"packed", "1: the packed ring is offered", offsetof(struct virtio, packed), 0, 0, 1},     \
		{"in_order",                                                                       \
		 "1: IN_ORDER is offered: requests come back in order, in batches",                \
		 offsetof(struct virtio, in_order),                                                \
		 0,                                                                                \
		 0,                                                                                \
		 1},                                                                               \
		{"notify_data",                                                                    \
		 "1: NOTIFICATION_DATA is offered: a doorbell says how far the driver is",         \
		 offsetof(struct virtio, notify_data),                                             \
		 0,                                                                                \
		 0,                                                                                \
		 1},                                                                               \
		{"queue_max",                                                                      \
		 "entries of a queue at most, a power of two; 0: the device's own figure",         \
		 offsetof(struct virtio, queue_max),                                               \
		 0,                                                                                \
		 0,                                                                                \
		 VIRTQ_NUM_MAX},                                                                   \
		{"start",                                                                          \
		 "virtual ns until a doorbell is answered, at most, as the seed decides",          \
		 offsetof(struct virtio, start),                                                   \
		 0,                                                                                \
		 0,                                                                                \
		 1000000000ull},                                                                   \
	{                                                                                          \
		"delay",                                                                           \
			"virtual ns that a request takes, half to one and a half times, in an "    \
			"order that the seed decides",                                             \
			offsetof(struct virtio, delay), 0, 0, 1000000000ull                        \
	}
/* For models that may transfer less than they are asked for: they call virtio_short(). */
#define VIRTIO_OPT_SHORT                                                                           \
	{                                                                                          \
		"short", "one transfer in so many is short, chosen by the seed; 0: none",          \
			offsetof(struct virtio, shorts), 0, 0, UINT32_MAX                          \
	}
/* For models whose requests can fail: they call virtio_fails(). */
#define VIRTIO_OPT_ERRORS                                                                          \
	{                                                                                          \
		"errors", "one request in so many fails, chosen by the seed; 0: none",             \
			offsetof(struct virtio, errors), 0, 0, UINT32_MAX                          \
	}

/* Features both sides agreed on. */
static inline bool virtio_has(const struct virtio *v, unsigned bit)
{
	return v->driver_features >> bit & 1;
}

/*
 * Done with a chain: it goes back to the driver now or, with the option `delay`, later, in any order
 * (which virtq mends where IN_ORDER was agreed on), with the interrupt. When VIRTIO_LATE of them are
 * under way it goes back at once. What is under way when the driver resets the device or the queue
 * never comes back. 0 or -EIO as virtq_push().
 */
int virtio_complete(struct virtio *v, unsigned queue, const struct virtq_chain *c);
/* How many of (len) bytes to transfer: all, or by the option `short` at least one of them. */
uint64_t virtio_short(struct virtio *v, uint64_t len);
/* By the option `errors`: this request is to fail. Ask once a request. */
bool virtio_fails(struct virtio *v);
/* Raise the used-buffer interrupt if the queue's driver wants one (2.7.7). */
void virtio_signal(struct virtio *v, unsigned queue);
/* The device cannot go on: DEVICE_NEEDS_RESET and a configuration interrupt (2.1.2). */
void virtio_broken(struct virtio *v, const char *why);
/* The configuration changed by itself: another generation, and a configuration interrupt (2.5). */
void virtio_config_changed(struct virtio *v);

/* The memory of the (region)-th shared memory region, and how much it is; NULL: there is none. */
uint8_t *virtio_shm(struct virtio *v, unsigned region, uint64_t *len);

/* ---- for transports ----------------------------------------------------------------------------- */

/* From now on (v) is driven by this one: before the device is used. */
void virtio_set_transport(struct virtio *v, const struct virtio_transport *t, void *ctx);
/* The features that the device offers. */
uint64_t virtio_offered(const struct virtio *v);
/* The driver accepts these of the features 32 * sel and on. */
void virtio_write_features(struct virtio *v, uint32_t sel, uint32_t val);
/* The driver wrote the status: 0 resets, the rest is 2.1 and 3.1.1. */
void virtio_write_status(struct virtio *v, uint32_t val);
/* The queue that the driver chose by queue_sel, or NULL: there is none with that number. */
struct virtq *virtio_selected(struct virtio *v);
/* The driver wrote 1 (use it) or 0 (stop it) for a queue; NULL: it chose one that is not there. */
void virtio_queue_ready(struct virtio *v, struct virtq *q, uint32_t val);
/*
 * The driver resets the queue that it chose, VIRTIO_F_RING_RESET (2.6.1): as new and not ready, at once,
 * so that QueueReset (queue_reset) reads 0 always. NULL, another value than 1 or not negotiated: a
 * guest error.
 */
void virtio_queue_reset(struct virtio *v, struct virtq *q, uint32_t val);
/* The driver rang for a queue, any number. */
void virtio_notify(struct virtio *v, uint32_t queue);
/*
 * The driver rang with a value that is the queue's number or, with VIRTIO_F_NOTIFICATION_DATA, the
 * structure of 2.9. Data that is wrong is a guest error, and the queue is served all the same.
 */
void virtio_notify_data(struct virtio *v, uint32_t val);
/*
 * The device may not touch RAM, or may again: PCI's bus master bit. It is no state of the device: after a
 * load the transport says it again.
 */
void virtio_stop(struct virtio *v, bool stopped);
/* The driver has seen the interrupts in (bits). */
void virtio_interrupt_ack(struct virtio *v, uint32_t bits);
/* Device configuration, 2.5: any offset, 1 to 8 bytes; what is beyond it reads 0. */
uint64_t virtio_config_read(struct virtio *v, uint64_t off, unsigned size);
void virtio_config_write(struct virtio *v, uint64_t off, unsigned size, uint64_t val);
/* Which shared memory region has this ID? -1: none. */
int virtio_shm_find(const struct virtio *v, uint32_t id);
/* The driver's accesses to a region, 1 to 8 bytes; beyond it: all ones, and nothing. */
uint64_t virtio_shm_read(struct virtio *v, unsigned region, uint64_t off, unsigned size);
void virtio_shm_write(struct virtio *v, unsigned region, uint64_t off, unsigned size, uint64_t val);

#endif
