/* SPDX-License-Identifier: MIT */
/*
 * virtio_pci: a virtio device with three queues and a configuration over virtio-pci, by the frame of
 * fuzz/engine/dev_queue.h: registers by BAR and by the configuration access capability, interrupts by pin,
 * the queues' work as in every dev_* target. MSI-X and the bus are pci_config's.
 * @modules pci
 *
 * Oracles beside the frame's: a register read at its own width gives what the device has, at another one 0
 * (virtio 1.2 section 4.1.3.1); queue_size is 0 or a size that can be; vectors are there or NO_VECTOR; the
 * configuration's generation changes when what was read changed; bytes are echoed as they were sent.
 */
#define DEV_QUEUE_DEPTH                                                                            \
	echoed, config_changed, vector_mapped, vector_refused, by_window, size_refused
#include <dev_queue.h>

#include <dev_queue_pci.h>

#define ECHO_QUEUES    3u
#define ECHO_QUEUE_MAX 64u
#define ECHO_CONFIG    24u
#define ECHO_FEATURES  (1u << 3 | 1u << 7)
#define ECHO_BASE      0xd0000000u
#define ECHO_LINE      0u
#include <virtio_echo.h>

static void request(unsigned queue)
{
	uint8_t n = dq_u8(), bytes[32];

	(void)queue;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(n + 7 * i);
	dq_out(bytes, 1 + n % sizeof(bytes));
	dq_in(dq_length());
}

static void used(const struct dq_chain *c, uint32_t len)
{
	uint8_t in[ECHO_STEP], out[ECHO_STEP];

	/* Rings change while they are read. */
	if (!len || c->shared || !dq_at_once(c) || len > ECHO_STEP || c->nr_in != 1 ||
	    c->nr_out != 1 || c->seg[0].gpa < DQ_DATA ||
	    range_overlaps(c->seg[0].gpa, c->seg[0].len, c->seg[1].gpa, c->seg[1].len))
		return;
	if (dq_read(c, 0, out, len) == len && dq_stored(c, 0, in, len) == len)
		FUZZ_ORACLE(!memcmp(in, out, len) || W.unsure || W.changes, "echo",
			    "other bytes than were sent");
	depth_hit(echoed);
}

/* The configuration changes by itself, a vector is asked for, a queue gets a size: then look. */
static void event(uint8_t b)
{
	struct dq_pci *p = dq_pci_find(W.v);
	struct echo *e = container_of(W.v, struct echo, v);
	uint32_t vector = (uint32_t)(b >> 2) << (b & 0x80 ? 9 : 0), got;
	uint64_t was;

	switch (b & 3) {
	case 0:
		(void)dq_pci_access(W.v, false, VIRTIO_PCI_DEVICE_OFF, 1, 0);
		was = dq_pci_access(W.v, false, VIRTIO_PCI_CONFIG_GENERATION, 1, 0);
		e->config[b >> 2 & 15]++;
		virtio_config_changed(W.v);
		FUZZ_ORACLE(dq_pci_access(W.v, false, VIRTIO_PCI_CONFIG_GENERATION, 1, 0) != was,
			    "generation", "it is %u still", (unsigned)was);
		depth_hit(config_changed);
		break;
	case 1:
		dq_pci_write(W.v, VIRTIO_PCI_CONFIG_MSIX_VECTOR, 2, vector);
		got = (uint32_t)dq_pci_access(W.v, false, VIRTIO_PCI_CONFIG_MSIX_VECTOR, 2, 0);
		FUZZ_ORACLE(got == (vector < p->f->nr_vectors ? vector : VIRTIO_PCI_NO_VECTOR),
			    "vector", "%u of %u reads %u", vector, p->f->nr_vectors, got);
		if (got == VIRTIO_PCI_NO_VECTOR)
			depth_hit(vector_refused);
		else
			depth_hit(vector_mapped);
		break;
	default:
		got = (uint32_t)dq_pci_by_window(W.v, false, VIRTIO_PCI_NUM_QUEUES, 2, 0);
		FUZZ_ORACLE(got == ECHO_QUEUES, "window", "num_queues is %u", got);
		depth_hit(by_window);
		break;
	}
}

/* Every register of the common configuration, at every width. */
static void check(void)
{
	struct virtio *v = W.v;
	struct virtq *q = v->queue_sel < ECHO_QUEUES ? &v->q[v->queue_sel] : NULL;
	const struct {
		uint32_t off, size;
		uint64_t want;
	} regs[] = {
		{VIRTIO_PCI_DEVICE_FEATURE_SELECT, 4, v->device_features_sel},
		{VIRTIO_PCI_DRIVER_FEATURE_SELECT, 4, v->driver_features_sel},
		{VIRTIO_PCI_NUM_QUEUES, 2, ECHO_QUEUES},
		{VIRTIO_PCI_DEVICE_STATUS, 1, v->status},
		{VIRTIO_PCI_QUEUE_SELECT, 2, v->queue_sel},
		{VIRTIO_PCI_QUEUE_SIZE, 2, q ? q->num : 0},
		{VIRTIO_PCI_QUEUE_ENABLE, 2, q ? q->ready : 0},
		{VIRTIO_PCI_QUEUE_NOTIFY_OFF, 2, q ? v->queue_sel : 0},
		{VIRTIO_PCI_QUEUE_DESC, 4, q ? (uint32_t)q->desc : 0},
		{VIRTIO_PCI_QUEUE_DRIVER + 4, 4, q ? q->avail >> 32 : 0},
		{VIRTIO_PCI_QUEUE_RESET, 2, 0},
	};

	if (!W.dear)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		for (unsigned size = 1; size <= 8; size *= 2) {
			uint64_t got = dq_pci_access(v, false, regs[i].off, size, 0);

			FUZZ_ORACLE(got == (size == regs[i].size ? regs[i].want : 0), "register",
				    "%u bytes at %#x are %#llx", size, regs[i].off,
				    (unsigned long long)got);
		}
	for (unsigned k = 0; k < ECHO_QUEUES; k++) {
		uint32_t num = v->q[k].num;

		FUZZ_ORACLE(num <= v->q[k].num_max, "size", "queue %u has %u", k, num);
		if (!num)
			depth_hit(size_refused);
	}
}

static const char *const variants[] = {"", "", "delay=2000", "start=3000,delay=500", NULL};
static const struct dq_spec spec = {.variants = variants,
				    .cls = &echo_class,
				    .request = request,
				    .event = event,
				    .used = used,
				    .check = check};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_pci, data, size);
}

#include <dev_queue_end.h>
