/* SPDX-License-Identifier: MIT */
/* vm: what was counted, in one text: exits, devices and their queues, disks, networks. */
#include <stdio.h>

#include "vm_priv.h"

static const char *exit_name(unsigned i)
{
	return cpu_exit_name((enum cpu_exit_kind)i);
}

static const char *size_name(unsigned i)
{
	static const char *const names[] = {NULL, "1", "2", "3", "4", "5", "6", "7", "8"};

	return names[i];
}

static const char *pio_size_name(unsigned i)
{
	return i == 1 || i == 2 || i == 4 ? size_name(i) : NULL;
}

static const struct stats_entry exit_table[] = {
	{"", "exits by reason; `intr` and `irq-window` are the host's business", "", STATS_COUNT,
	 offsetof(struct vm_stats, exit), CPU_EXIT_KINDS, exit_name},
	{"pio_size", "port accesses of so many bytes; a repeated one is one", "", STATS_COUNT,
	 offsetof(struct vm_stats, pio_size), 8, pio_size_name},
	{"mmio_size", "memory-mapped accesses of so many bytes", "", STATS_COUNT,
	 offsetof(struct vm_stats, mmio_size), 9, size_name},
	STATS_END,
};

static const struct stats_entry time_table[] = {
	STATS_H(struct vm_stats, ns, "host time spent on an exit; with --metrics-time only", "ns"),
	STATS_END,
};

static const struct stats_entry net_table[] = {
	STATS_C(struct net_stats, sent, "frames from the device", ""),
	STATS_C(struct net_stats, sent_bytes, "their bytes", "bytes"),
	STATS_C(struct net_stats, received, "frames that the device took", ""),
	STATS_C(struct net_stats, received_bytes, "their bytes", "bytes"),
	STATS_C(struct net_stats, bad, "sent, and no frame or not what it says it is", ""),
	STATS_C(struct net_stats, refused, "sent, and the back end had no use or room for it", ""),
	STATS_C(struct net_stats, overrun, "to the device, whose queue was full", ""),
	STATS_END,
};

/* The model of a virtio device, whatever its transport; NULL: it is none. */
static struct virtio *virtio_of(struct dev *d)
{
	struct virtio *v = virtio_pci_model(d);

	if (!v && d->cls->regs == virtio_mmio_regs)
		v = container_of(d, struct virtio, dev);
	return v;
}

static void put_device(struct dev *d, struct buf *out)
{
	struct virtio *v = virtio_of(d);
	struct dev_stats s = d->stats;
	char prefix[64];

	if (v && &v->dev != d)
		stats_merge(dev_stats_table, &s, &v->dev.stats);
	(void)snprintf(prefix, sizeof(prefix), "device.%s.", d->name);
	stats_json(dev_stats_table, prefix, &s, out);
	for (unsigned i = 0; v && i < v->nr_queues; i++) {
		(void)snprintf(prefix, sizeof(prefix), "device.%s.queue.%u.", d->name, i);
		stats_json(virtq_stats_table, prefix, &v->q[i].stats, out);
	}
}

void vm_metrics(struct vm *vm, struct buf *out)
{
	char prefix[64];

	stats_json(exit_table, "exit.", &vm->stats, out);
	if (vm->time_exits)
		stats_json(time_table, "exit.", &vm->stats, out);
	for (unsigned i = 0; i < vm->nr_dev; i++)
		put_device(vm->dev[i], out);
	for (unsigned i = 0; i < vm->nr_disks; i++) {
		(void)snprintf(prefix, sizeof(prefix), "disk.%u.", i);
		stats_json(blk_stats_table, prefix, &vm->disk[i]->stats, out);
	}
	for (unsigned i = 0; i < vm->nr_nets; i++) {
		(void)snprintf(prefix, sizeof(prefix), "net.%u.", i);
		stats_json(net_table, prefix, &vm->net[i]->stats, out);
	}
}

void vm_metrics_list(struct buf *out)
{
	stats_list(exit_table, "exit.", out);
	stats_list(time_table, "exit.", out);
	stats_list(dev_stats_table, "device.NAME.", out);
	stats_list(virtq_stats_table, "device.NAME.queue.N.", out);
	stats_list(blk_stats_table, "disk.N.", out);
	stats_list(net_table, "net.N.", out);
}
