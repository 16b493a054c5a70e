/* SPDX-License-Identifier: MIT */
/*
 * kit_machine: the foreign device in the frame of machine.h: alone (kit_regs.c) or among others of a PC
 * (kit_machine.c). The including file defines KIT_OTHERS (spec strings) and KIT_DEPTH (their names).
 */
#define MC_DEPTH device_reached KIT_DEPTH, chain_returned
#include <machine.h>

#include "kit_class.h"
#ifdef KIT_OWN_RINGS
#include "kit_rings.h"
#endif

#define KIT_DISK (16u * BLK_SECTOR)

static struct chr kit_serial, kit_console;
static struct blk *kit_disk;

static void env(struct dev_env *e)
{
	static const uint8_t text[] = "a line of input\n";
	struct err err = {0};

	chr_init(&kit_serial, text, sizeof(text) - 1);
	chr_init(&kit_console, NULL, 0);
	FUZZ_ORACLE(!blk_mem_new(&kit_disk, KIT_DISK, &err) && !blk_mark(kit_disk), "set-up", "%s",
		    err.msg);
	e->serial = &kit_serial;
	e->console = &kit_console;
	e->disk = &kit_disk;
	e->nr_disks = 1;
	if (kit_env)
		kit_env(e);
}

static void begin(void)
{
	kit_serial.in_pos = 0;
	kit_serial.written = kit_console.written = 0;
	kit_serial.out.len = kit_console.out.len = 0;
	FUZZ_ORACLE(M.n < 2 || !blk_rewind(kit_disk), "rewind", "the disk");
	if (kit_begin)
		kit_begin();
#ifdef KIT_OWN_RINGS
	kr_begin();
#endif
}

static void check(void)
{
#ifdef KIT_OWN_RINGS
	kr_check();
#endif
	if (kit_check)
		kit_check();
}

/* A device with no virtqueue may write to RAM as its registers say, unless its author knows better. */
static bool may_write(uint64_t gpa, uint64_t len)
{
	if (kit_may_write)
		return kit_may_write(gpa, len);
	return !M.dev[0].v && (!M.cur || M.cur == &M.dev[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const others[] = {KIT_OTHERS NULL};
	static struct mc_spec spec = {.devices = others,
				      .opts = KIT_OPTS,
				      .env = env,
				      .begin = begin,
				      .check = check,
				      .may_write = may_write};

	if (!spec.cls) {
		spec.cls = kit_class();
		spec.event = kit_event;
#ifdef KIT_SHIM
		spec.opaque = true;
#endif
#ifdef KIT_OWN_RINGS
		spec.offered = kr_offered;
		spec.stored = kr_stored;
		spec.kicked = kr_kicked;
#endif
	}
	return mc_input(&spec, data, size);
}

#include <machine_end.h>
