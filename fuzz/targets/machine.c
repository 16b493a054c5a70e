/* SPDX-License-Identifier: MIT */
/*
 * machine: all devices of the tree on one bus, without a CPU, by the frame of fuzz/engine/machine.h: chips
 * of a PC, every virtio device over virtio-mmio, two over virtio-pci behind the host bridge; accesses,
 * drivers, memory, time, resets, save and load interleaved.
 * @modules pci
 *
 * Oracles beside the frame's: configuration space answers alike by ports and by ECAM.
 */
#define MC_DEPTH                                                                                   \
	uart, pic, ioapic, lapic, pit, rtc, i8042, acpi_pm, fw_cfg, debugcon, debug_exit, testdev, \
		pc_testdev, virtio_blk, virtio_net, virtio_console, virtio_rng, virtio_vsock,      \
		virtio_balloon, pci_host, blk_pci, rng_pci, pci_configured, net_received,          \
		serial_received, balloon_told, page_gone
#include <machine.h>

#include <vmm/net.h>
#include <vmm/virtio_host.h>
#include <vmm/virtio_pci.h>

#define DISK	      (16u * BLK_SECTOR)
#define DISKS	      2u
#define CHRS	      2u
#define FIRST_SLOT    1u /* of the two PCI functions */
#define ECAM_AT(slot) ((uint64_t)(slot) << 15)
#define WINDOW	      0xc0000000u
#define PAGE	      4096u
#define ASSIGN_MAX    1u /* times that firmware is asked, an input: it is slow */

enum { BLK = 13, NET, CONSOLE, RNG, VSOCK, BALLOON, PCI_HOST, BLK_PCI, RNG_PCI };
static const char *const devices[] = {
	"uart",
	"pic",
	"ioapic",
	"lapic",
	"pit",
	"rtc",
	"i8042",
	"acpi-pm",
	"fw-cfg",
	"debugcon",
	"debug-exit",
	"testdev",
	"pc-testdev",
	"virtio-blk,base=0xd0000000,irq=5,queues=2,delay=3000",
	"virtio-net,base=0xd0000200,irq=6",
	"virtio-console,base=0xd0000400,irq=7,ports=2",
	"virtio-rng,base=0xd0000600,irq=10",
	"virtio-vsock,base=0xd0000800,irq=11",
	"virtio-balloon,base=0xd0000a00,irq=16",
	NULL,
};

static const uint8_t text[] = "a line of input\nand another\n";
static struct chr serial, console, chrs[CHRS];
static struct blk *disks[DISKS];
static struct net *net;
static struct dev *host;

static void env(struct dev_env *e)
{
	static struct chr *const list[CHRS] = {&chrs[0], &chrs[1]};
	const struct net_env ne = {.clock = e->clock};
	struct err err = {0};

	chr_init(&serial, text, sizeof(text) - 1);
	chr_init(&console, NULL, 0);
	for (unsigned i = 0; i < CHRS; i++)
		chr_init(&chrs[i], text, sizeof(text) - 1);
	for (unsigned i = 0; i < DISKS; i++)
		FUZZ_ORACLE(!blk_mem_new(&disks[i], DISK, &err) && !blk_mark(disks[i]), "set-up",
			    "%s", err.msg);
	FUZZ_ORACLE(!net_open(&net, "loop", &ne, &err) && !net_mark(net, &err), "set-up", "%s",
		    err.msg);
	e->serial = &serial;
	e->console = &console;
	e->chr = list;
	e->nr_chrs = CHRS;
	e->disk = disks;
	e->nr_disks = DISKS;
	e->net = &net;
	e->nr_nets = 1;
}

static void clean(struct chr *c)
{
	c->in_pos = 0;
	c->written = 0;
	c->out.len = 0;
	c->hung_up = false;
	c->fed_at = c->fed_len = 0;
}

/* What the last input may have used is put back: (used) is told by the devices. */
static bool net_used, blk_used[DISKS];
static unsigned configured; /* how often firmware was asked, in this input */

static void begin(void)
{
	struct err err = {0};

	clean(&serial);
	clean(&console);
	for (unsigned i = 0; i < CHRS; i++)
		clean(&chrs[i]);
	for (unsigned i = 0; i < DISKS; i++) {
		if (blk_used[i])
			FUZZ_ORACLE(!blk_rewind(disks[i]), "rewind", "disk %u", i);
		blk_used[i] = false;
	}
	if (net_used)
		FUZZ_ORACLE(!net_rewind(net, &err), "rewind", "%s", err.msg);
	net_used = false;
	configured = 0;
}

static bool told; /* the host changed what devices offer */

static void end(void)
{
	if (!told)
		return;
	told = false;
	M.dev[BALLOON].touched = M.dev[CONSOLE].touched = true;
	FUZZ_ORACLE(!balloon_set_target(M.dev[BALLOON].d, 0), "balloon", "target 0");
	(void)console_resize(M.dev[CONSOLE].d, 80, 25);
}

/* All that a configuration access may reach. */
static void touch_pci(void)
{
	for (unsigned i = PCI_HOST; i <= RNG_PCI; i++)
		M.dev[i].touched = true;
}

static void check(void)
{
	/* Whoever reaches the bridge, by its ranges too, reaches what is behind it. */
	if (M.dev[PCI_HOST].touched)
		touch_pci();
	net_used |= M.dev[NET].touched;
	blk_used[0] |= M.dev[BLK].touched;
	blk_used[1] |= M.dev[BLK_PCI].touched;
}

/* ---- PCI ------------------------------------------------------------------------------------------- */

static unsigned more(struct dev **out, const struct dev_env *e, struct err *err)
{
	static const char *const specs[] = {"virtio-blk-pci,disk=1", "virtio-rng-pci,vectors=0"};

	FUZZ_ORACLE(!dev_new_class(&host, &dev_class_pci_host, "irq=20,lines=4", e, err) &&
			    !dev_attach(host, M.bus, err),
		    "set-up", "%s", err->msg);
	out[0] = host;
	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++)
		FUZZ_ORACLE(!virtio_pci_new(&out[1 + i], specs[i], e, err) &&
				    !dev_attach(out[1 + i], M.bus, err) &&
				    !pci_plug(host, pci_func_of(out[1 + i]), err),
			    "set-up", "%s: %s", specs[i], err->msg);
	return 1 + ARRAY_SIZE(specs);
}

static struct virtio *model(struct dev *d)
{
	return virtio_pci_model(d);
}

static void configure(void)
{
	static const struct pci_windows w = {0x1000, 0x1000, WINDOW, 0x1000000};
	struct err err = {0};

	touch_pci();
	if (configured == ASSIGN_MAX)
		return;
	configured++;
	MC_SAY("firmware places the BARs");
	FUZZ_ORACLE(!pci_assign(host, &w, &err), "assign", "%s", err.msg);
	depth_hit(pci_configured);
}

/* Where virtio-mmio's registers are in virtio-pci's common configuration; the driver's queue is there. */
static void vreg(struct dev *d, enum virtio_mmio_reg r, uint32_t val)
{
	static const struct {
		uint16_t mmio;
		uint8_t pci, size;
	} regs[] = {
		{VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_PCI_DRIVER_FEATURE_SELECT, 4},
		{VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_PCI_DRIVER_FEATURE, 4},
		{VIRTIO_MMIO_STATUS, VIRTIO_PCI_DEVICE_STATUS, 1},
		{VIRTIO_MMIO_QUEUE_SEL, VIRTIO_PCI_QUEUE_SELECT, 2},
		{VIRTIO_MMIO_QUEUE_NUM, VIRTIO_PCI_QUEUE_SIZE, 2},
		{VIRTIO_MMIO_QUEUE_READY, VIRTIO_PCI_QUEUE_ENABLE, 2},
		{VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_PCI_QUEUE_DESC, 4},
		{VIRTIO_MMIO_QUEUE_DRIVER_LOW, VIRTIO_PCI_QUEUE_DRIVER, 4},
		{VIRTIO_MMIO_QUEUE_DEVICE_LOW, VIRTIO_PCI_QUEUE_DEVICE, 4},
	};
	struct pci_func *f = pci_func_of(d);
	uint64_t base;

	touch_pci();
	if (!pci_is_master(f))
		configure();
	if (!pci_is_master(f)) /* firmware leaves that to the driver */
		pci_config_write(host, (uint32_t)ECAM_AT(f->slot) | PCI_COMMAND, 2,
				 PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	base = pci_bar_base(f, VIRTIO_PCI_BAR);
	if (r == VIRTIO_MMIO_QUEUE_NOTIFY)
		(void)bus_write(M.bus, BUS_MMIO,
				base + VIRTIO_PCI_NOTIFY_OFF + 4ull * (val & 0xffff), 2,
				val & 0xffff);
	for (unsigned i = 0; i < ARRAY_SIZE(regs); i++)
		if (regs[i].mmio == r)
			(void)bus_write(M.bus, BUS_MMIO, base + regs[i].pci, regs[i].size,
					val & size_mask(regs[i].size));
	fuzz_depth_counts[MC_DEPTH_FIRST + (f->slot - FIRST_SLOT) + BLK_PCI]++;
}

/* Configuration space of a slot, by ECAM or by the ports; and a function's BARs. */
static void config(uint8_t b)
{
	uint64_t slot = b & 3, off = mc_u8();
	uint8_t how = mc_u8();
	unsigned size = 1 + (how & 7);
	bool write = how & 8;
	uint64_t at = ECAM_AT(slot) + off, val = write ? mc_value(size) : 0, same;

	touch_pci();
	if (how & 0x40) { /* ports: 4 bytes at most */
		size = 1u << (how & 1) << (how >> 1 & 1 & (unsigned)!(how & 1));
		(void)mc_access(&M.dev[PCI_HOST], BUS_PIO, PCI_CONFIG_PORT, 4, true,
				0x80000000u | slot << 11 | (off & 0xfc));
		(void)mc_access(&M.dev[PCI_HOST], BUS_PIO,
				PCI_CONFIG_PORT + 4 + (off & 3 & ~(size - 1ull)), size, write, val);
		return;
	}
	val = mc_access(&M.dev[PCI_HOST], BUS_MMIO, PCI_ECAM + at, size, write, val);
	if (write || off + size > PCI_CONFIG_LEN)
		return;
	same = pci_config_read(host, (uint32_t)at, size);
	/* The window of virtio-pci may read what a read takes away. */
	FUZZ_ORACLE(same == val || off + size > PCI_FIRST_CAPABILITY, "config",
		    "%u bytes at %#llx are %#llx, and %#llx", size, (unsigned long long)at,
		    (unsigned long long)val, (unsigned long long)same);
}

static void bar(uint8_t b)
{
	struct mc_dev *m = &M.dev[b & 1 ? BLK_PCI : RNG_PCI];
	struct pci_func *f = pci_func_of(m->d);
	uint64_t off = mc_u8();
	uint8_t how = mc_u8();
	unsigned size = 1 + (how & 7), n = b & 2 ? VIRTIO_PCI_MSIX_BAR : VIRTIO_PCI_BAR;

	touch_pci();
	off += (how & 0x30u) << 8; /* which of the structures */
	(void)mc_access(m, BUS_MMIO, pci_bar_base(f, n) + off, size, how & 8,
			how & 8 ? mc_value(size) : 0);
}

static void other(uint8_t b)
{
	if (b < 0x20)
		configure();
	else if (b < 0x90)
		config(b);
	else
		bar(b);
}

/* ---- what is outside -------------------------------------------------------------------------------- */

static void event(uint8_t b)
{
	uint8_t frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

	told |= b & 2;
	switch (b & 3) {
	case 0:
		frame[20] = b;
		M.dev[NET].touched = true;
		(void)net_input(net, frame, sizeof(frame), NULL, M.clock.now);
		depth_hit(net_received);
		break;
	case 1:
		chr_feed(b & 4 ? &chrs[b >> 3 & 1] : &serial, &b, 1);
		M.dev[0].touched = M.dev[CONSOLE].touched = true;
		depth_hit(serial_received);
		break;
	case 2:
		M.dev[BALLOON].touched = true;
		FUZZ_ORACLE(!balloon_set_target(M.dev[BALLOON].d, b >> 4), "balloon", "target %u",
			    b >> 4);
		depth_hit(balloon_told);
		break;
	default:
		M.dev[CONSOLE].touched = true;
		(void)console_resize(M.dev[CONSOLE].d, b, 25);
		break;
	}
}

/* The balloon takes pages away, of rings too. */
static bool may_write(uint64_t gpa, uint64_t len)
{
	if (!M.dev[BALLOON].touched || gpa % PAGE || len % PAGE)
		return false;
	M.unsure |= gpa < MC_DATA;
	depth_hit(page_gone);
	return true;
}

static const struct mc_spec spec = {.devices = devices,
				    .more = more,
				    .model = model,
				    .vreg = vreg,
				    .env = env,
				    .begin = begin,
				    .end = end,
				    .event = event,
				    .other = other,
				    .may_write = may_write,
				    .check = check};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return mc_input(&spec, data, size);
}

#include <machine_end.h>
