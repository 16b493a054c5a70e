/* SPDX-License-Identifier: MIT */
/* The names of what a queue counts. */
#include <vmm/virtq.h>

/* One word each; virtq_error_name() is for messages. */
static const char *error_name(unsigned i)
{
	static const char *const names[VIRTQ_ERRORS] = {
		[VIRTQ_E_LOOP] = "loop",	 [VIRTQ_E_NEXT] = "next",
		[VIRTQ_E_ADDR] = "address",	 [VIRTQ_E_ORDER] = "order",
		[VIRTQ_E_INDIRECT] = "indirect", [VIRTQ_E_INDIRECT_SIZE] = "indirect_size",
		[VIRTQ_E_TOTAL] = "total",	 [VIRTQ_E_AVAIL] = "avail",
		[VIRTQ_E_HEAD] = "head",	 [VIRTQ_E_INFLIGHT] = "in_flight",
		[VIRTQ_E_RING] = "ring",	 [VIRTQ_E_ENDLESS] = "endless",
	};

	return names[i];
}

const struct stats_entry virtq_stats_table[] = {
	STATS_C(struct virtq_stats, kicks, "doorbells that were answered", ""),
	STATS_C(struct virtq_stats, interrupts, "used-buffer interrupts that the driver wanted",
		""),
	STATS_C(struct virtq_stats, popped, "chains taken", ""),
	STATS_C(struct virtq_stats, pushed, "chains given back", ""),
	STATS_C(struct virtq_stats, bytes_out, "device-readable bytes of chains taken", "bytes"),
	STATS_C(struct virtq_stats, bytes_in, "bytes stored in chains given back", "bytes"),
	STATS_C(struct virtq_stats, late, "chains given back later than they were done", ""),
	STATS_M(struct virtq_stats, in_flight_max, "chains in flight at once", ""),
	{"error", "malformed chains, broken queues, by what was wrong", "", STATS_COUNT,
	 offsetof(struct virtq_stats, error), VIRTQ_ERRORS, error_name},
	STATS_H(struct virtq_stats, chain_length, "descriptors of a chain", "descriptors"),
	STATS_END,
};
