/* SPDX-License-Identifier: MIT */
/*
 * fw-cfg: what firmware and kernels are told by the machine, after QEMU's specification of it
 * (docs/specs/fw_cfg, "Spec" below): a selector at port 0x510, and at 0x511 the bytes of what is
 * selected, one by one, zeros behind its end.
 *
 * Three things are there always: the signature, the interface's id (without DMA), and the directory of
 * files. The number of CPUs and the size of RAM are the options' unless they are added. The size of the
 * command line is that of the command line unless it is added. All is read-only: writes of data are
 * ignored, and so is the selector's bit 14, which was for them.
 */
#include <assert.h>
#include <errno.h>

#include <vmm/dev.h>

#define FW_CFG_BASE 0x510u
#define FW_CFG_LEN  2u
#define ITEMS	    32u
#define NAME_LEN    56u
#define ENTRY_LEN   64u
#define FIRST_FILE  0x40u
#define KEY_WRITE   0x4000u
#define ID_PORTS    1u /* the interface by ports; bit 1 would be DMA */

enum { REG_SELECTOR, REG_DATA };

/* Spec, "Selector (Control) Register" and the numbers in QEMU's public header. */
enum key {
	KEY_SIGNATURE = 0x00,
	KEY_ID = 0x01,
	KEY_RAM_SIZE = 0x03,
	KEY_NB_CPUS = 0x05,
	KEY_MAX_CPUS = 0x0f,
	KEY_CMDLINE_SIZE = 0x14,
	KEY_CMDLINE = 0x15,
	KEY_FILE_DIR = 0x19,
};

extern const struct dev_class dev_class_fw_cfg;

struct item {
	uint16_t key;
	const uint8_t *data;
	size_t len;
};

struct fw_cfg {
	struct dev dev;
	uint64_t cpus, ram; /* options */
	uint16_t key;
	uint32_t offset;
	/* What was added; not state: the machine makes it anew. */
	struct item item[ITEMS];
	unsigned nr_items, nr_files;
	uint8_t dir[4 + ITEMS * ENTRY_LEN]; /* big-endian, as the guest reads it */
};

static struct fw_cfg *fw_cfg_of(struct dev *d)
{
	return container_of(d, struct fw_cfg, dev);
}

static const struct item *find(const struct fw_cfg *f, uint16_t key)
{
	for (unsigned i = 0; i < f->nr_items; i++)
		if (f->item[i].key == key)
			return &f->item[i];
	return NULL;
}

static uint8_t byte_of(uint64_t val, unsigned len, uint32_t i)
{
	return i < len ? (uint8_t)(val >> (8 * i)) : 0;
}

/* Byte (i) of what (key) selects. */
static uint8_t byte_at(const struct fw_cfg *f, uint16_t key, uint32_t i)
{
	static const uint8_t signature[] = {'Q', 'E', 'M', 'U'};
	const struct item *it = find(f, key);

	if (it)
		return i < it->len ? it->data[i] : 0;
	switch ((enum key)key) {
	case KEY_SIGNATURE:
		return i < sizeof(signature) ? signature[i] : 0;
	case KEY_ID:
		return byte_of(ID_PORTS, 4, i);
	case KEY_RAM_SIZE:
		return byte_of(f->ram, 8, i);
	case KEY_NB_CPUS:
	case KEY_MAX_CPUS:
		return byte_of(f->cpus, 2, i);
	case KEY_CMDLINE_SIZE:
		it = find(f, KEY_CMDLINE);
		return it ? byte_of(it->len, 4, i) : 0;
	case KEY_FILE_DIR:
		return i < 4 + f->nr_files * ENTRY_LEN ? f->dir[i] : 0;
	default: /* nothing is there */
		return 0;
	}
}

/* ---- for the machine --------------------------------------------------------------------------- */

int fw_cfg_add(struct dev *d, uint16_t key, const void *data, size_t len)
{
	struct fw_cfg *f = fw_cfg_of(d);

	assert(d->cls == &dev_class_fw_cfg);
	if (key == KEY_SIGNATURE || key == KEY_ID || key == KEY_FILE_DIR || find(f, key))
		return -EEXIST;
	if (f->nr_items == ITEMS)
		return -ENOSPC;
	f->item[f->nr_items++] = (struct item){key, data, len};
	return 0;
}

int fw_cfg_add_file(struct dev *d, const char *name, const void *data, size_t len)
{
	struct fw_cfg *f = fw_cfg_of(d);
	uint8_t *entry = f->dir + 4 + f->nr_files * ENTRY_LEN;
	uint16_t key = FIRST_FILE;
	int rc;

	assert(d->cls == &dev_class_fw_cfg);
	if (!*name || strlen(name) >= NAME_LEN || len > UINT32_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < f->nr_files; i++)
		if (!strcmp((const char *)f->dir + 4 + i * ENTRY_LEN + 8, name))
			return -EEXIST;
	while (find(f, key))
		key++;
	rc = fw_cfg_add(d, key, data, len);
	if (rc)
		return rc;
	/* Spec, "File Directory": size, selector, two bytes reserved, name. */
	st_be32(entry, (uint32_t)len);
	st_be32(entry + 4, (uint32_t)key << 16);
	memcpy(entry + 8, name, strlen(name) + 1);
	st_be32(f->dir, ++f->nr_files);
	return 0;
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint64_t fw_cfg_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct fw_cfg *f = fw_cfg_of(d);
	uint64_t val = 0;

	(void)range;
	for (unsigned i = 0; i < size; i++) {
		if (off + i != REG_DATA)
			continue; /* the selector is only written */
		val |= (uint64_t)byte_at(f, f->key, f->offset) << (8 * i);
		if (f->offset < UINT32_MAX)
			f->offset++;
	}
	return val;
}

static void fw_cfg_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct fw_cfg *f = fw_cfg_of(d);

	(void)range;
	if (off != REG_SELECTOR || size != 2) {
		dev_guest_error(d, "fw-cfg: not a write of its selector", FW_CFG_BASE + off, val);
		return;
	}
	f->key = (uint16_t)(val & ~KEY_WRITE);
	f->offset = 0;
}

/* ---- the class --------------------------------------------------------------------------------- */

static const struct dev_range fw_cfg_ranges[] = {
	{"ports", BUS_PIO, FW_CFG_BASE, FW_CFG_LEN},
	{0},
};

static const struct dev_opt fw_cfg_opts[] = {
	{"cpus", "number of CPUs that it tells", offsetof(struct fw_cfg, cpus), 1, 1, 255},
	{"ram", "bytes of RAM that it tells", offsetof(struct fw_cfg, ram), 0, 0, UINT64_MAX},
	{0},
};

/* The data register is in the place of the selector's high byte. */
static const struct dev_reg fw_cfg_regs[] = {
	{"DATA", 0, 1, REG_DATA, "r"},
	{"SELECTOR", 0, 2, REG_SELECTOR, "w"},
	{0},
};

static const struct state_field fw_cfg_state[] = {
	STATE_U(struct fw_cfg, key, 0),
	STATE_U(struct fw_cfg, offset, 0),
	STATE_END,
};

const struct dev_class dev_class_fw_cfg = {
	.name = "fw-cfg",
	.help = "the machine's configuration for firmware, by ports 0x510 and 0x511",
	.size = sizeof(struct fw_cfg),
	.version = 1,
	.ranges = fw_cfg_ranges,
	.opts = fw_cfg_opts,
	.regs = fw_cfg_regs,
	.state = fw_cfg_state,
	.read = fw_cfg_read,
	.write = fw_cfg_write,
};
