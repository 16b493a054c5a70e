/* SPDX-License-Identifier: MIT */
/*
 * bench virtio: requests a second. Through the device alone (bench_virtio_dev.c), and from a guest that
 * does nothing else (guests/bench/virtio.asm) on soft and kvm, beside QEMU's devices on TCG and KVM.
 *
 * QEMU's machine is microvm, whose devices are on virtio-mmio too; its disk is null-co, which has no
 * bytes to keep (ours has), both networks are libslirp's, which drops what is sent. A figure from a
 * guest is the difference of a long and a short run by the clock on the wall, since QEMU has threads
 * that a guest waits for.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_virtio.h"
#include "fuzz.h"

#define ROUNDS	     5u
#define SHORT_RUN    100u	 /* batches */
#define LONG_RUN     6000u	 /* batches */
#define QEMU_WINDOWS 0xfeb00000u /* of the machine microvm */
#define RUN_MAX	     120u	 /* seconds that one run may take */
#define GUEST_PASSED 1		 /* QEMU's status for debug-exit 0: 0 << 1 | 1 */

const struct bench_work_of bench_work[BENCH_WORKS] = {
	[BENCH_BLK_READ] = {"blk-read-4k", "virtio-blk", 4096, 0},
	[BENCH_BLK_WRITE] = {"blk-write-4k", "virtio-blk", 4096, 0},
	[BENCH_RNG] = {"rng-64", "virtio-rng", 64, 0},
	[BENCH_NET_64] = {"net-send-64", "virtio-net", 12 + 64, 1},
	[BENCH_NET_1500] = {"net-send-1500", "virtio-net", 12 + 1500, 1},
};

enum who { SOFT, QEMU_TCG, KVM, QEMU_KVM, WHO };
static const char *const who_names[WHO] = {"soft", "qemu-tcg", "kvm", "qemu-kvm"};
enum length { SHORT, LONG, LENGTHS };
enum machine { OURS, QEMUS, MACHINES };

/* The four rings. */
static const struct ring {
	const char *name;
	bool packed, indirect;
} rings[] = {
	{"split", false, false},
	{"split-indirect", false, true},
	{"packed", true, false},
	{"packed-indirect", true, true},
};
#define RINGS ARRAY_SIZE(rings)

struct virtio_bench {
	const struct bench_opts *o;
	char dir[PATH_MAX], rom[PATH_MAX], log[PATH_MAX], self[PATH_MAX];
	char *qemu; /* NULL: it is not installed */
	struct bench_folders folders;
	bool left_out[WHO];
	char *image[MACHINES][LENGTHS]; /* of the work and ring that are measured */
};

/* ---- the guest -------------------------------------------------------------------------------------- */

static int build_one(struct virtio_bench *b, enum bench_work work, const struct ring *ring,
		     enum machine m, enum length l, struct err *err)
{
	struct buf text = {0};

	buf_printf(&text,
		   ";@ summary: bench\n%%define ROUNDS %u\n%%define WORK %u\n%%define PACKED %u\n"
		   "%%define INDIRECT %u\n",
		   l == LONG ? LONG_RUN : SHORT_RUN, (unsigned)work + 1, ring->packed,
		   ring->indirect);
	if (m == QEMUS)
		buf_printf(&text, "%%define WINDOWS 0x%x\n", QEMU_WINDOWS);
	buf_printf(&text, "%%include \"%s/guests/bench/virtio.asm\"\n", b->folders.tree);
	return bench_assemble(&b->folders, b->dir, &text, &b->image[m][l], err);
}

static void drop_images(struct virtio_bench *b)
{
	for (unsigned m = 0; m < MACHINES; m++)
		for (unsigned l = 0; l < LENGTHS; l++) {
			free(b->image[m][l]);
			b->image[m][l] = NULL;
		}
}

static int build_all(struct virtio_bench *b, enum bench_work work, const struct ring *ring,
		     struct err *err)
{
	int rc = 0;

	drop_images(b);
	for (unsigned m = 0; m < MACHINES && !rc; m++)
		for (unsigned l = 0; l < LENGTHS && !rc; l++)
			rc = build_one(b, work, ring, (enum machine)m, (enum length)l, err);
	return rc;
}

/* ---- one run ------------------------------------------------------------------------------------------ */

static int run_one(const struct spawn *s, struct err *err)
{
	pid_t pid = cli_spawn(s, err);

	return pid < 0 ? (int)pid : cli_reap(pid, RUN_MAX, NULL, err);
}

static int run_vise(struct virtio_bench *b, enum who who, enum bench_work work,
		    const struct ring *ring, const char *image, struct err *err)
{
	char device[64];
	const char *const argv[] = {
		b->self,  "run",    "-q",	"--cpu", who == KVM ? "kvm" : "soft",
		"--base", "0x8000", "--device", device,	 "--disk",
		"mem:1M", "--net",  BENCH_NET,	image,	 NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = b->log};

	(void)snprintf(device, sizeof(device), "%s,packed=%u", bench_work[work].device,
		       ring->packed);
	return run_one(&s, err);
}

static int run_qemu(struct virtio_bench *b, enum who who, enum bench_work work,
		    const struct ring *ring, const char *image, struct err *err)
{
	static const char *const backs[BENCH_WORKS] = {
		[BENCH_BLK_READ] = "driver=null-co,node-name=back,size=1048576,read-zeroes=on",
		[BENCH_BLK_WRITE] = "driver=null-co,node-name=back,size=1048576,read-zeroes=on",
		[BENCH_RNG] = "rng-builtin,id=back",
		[BENCH_NET_64] = "user,id=back,restrict=on",
		[BENCH_NET_1500] = "user,id=back,restrict=on",
	};
	char machine[128], loader[PATH_MAX], device[128];
	const char *const argv[] = {b->qemu,
				    "-display",
				    "none",
				    "-nodefaults",
				    "-no-reboot",
				    "-machine",
				    machine,
				    "-m",
				    "32",
				    "-global",
				    "virtio-mmio.force-legacy=false",
				    "-device",
				    "isa-debug-exit,iobase=0xf4,iosize=1",
				    "-bios",
				    b->rom,
				    "-device",
				    loader,
				    work <= BENCH_BLK_WRITE ? "-blockdev"
				    : work == BENCH_RNG	    ? "-object"
							    : "-netdev",
				    backs[work],
				    "-device",
				    device,
				    NULL};
	struct spawn s = {.argv = argv, .err_fd = -1, .log = b->log};

	(void)snprintf(machine, sizeof(machine),
		       "microvm,accel=%s,pic=off,pit=off,rtc=off,isa-serial=off,x-option-roms=off",
		       who == QEMU_KVM ? "kvm" : "tcg");
	cli_path(loader, "loader,file=%s,addr=0x%x,force-raw=on", image, GUEST_BASE);
	(void)snprintf(device, sizeof(device), "%s-device,%s=back,packed=%s",
		       bench_work[work].device,
		       work <= BENCH_BLK_WRITE ? "drive"
		       : work == BENCH_RNG     ? "rng"
					       : "netdev",
		       ring->packed ? "on" : "off");
	return run_one(&s, err);
}

/* Seconds by the clock, or -1. */
static double run_once(struct virtio_bench *b, enum who who, enum bench_work work,
		       const struct ring *ring, enum length l, struct err *err)
{
	const bool qemu = who == QEMU_TCG || who == QEMU_KVM;
	const char *image = b->image[qemu ? QEMUS : OURS][l];
	uint64_t start = cli_now_ns();
	int status;

	unlink(b->log);
	status = qemu ? run_qemu(b, who, work, ring, image, err)
		      : run_vise(b, who, work, ring, image, err);
	if (status < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != (qemu ? GUEST_PASSED : 0)) {
		err_set(err, -EIO,
			"%s does not bring %s on the %s ring to its end (wait status %#x)",
			who_names[who], bench_work[work].name, ring->name, (unsigned)status);
		return -1;
	}
	return (double)(cli_now_ns() - start) / 1e9;
}

/* Requests a second by one pair of runs, or -1. */
static double speed(struct virtio_bench *b, enum who who, enum bench_work work,
		    const struct ring *ring, struct err *err)
{
	double brief = run_once(b, who, work, ring, SHORT, err), full;

	if (brief < 0)
		return -1;
	full = run_once(b, who, work, ring, LONG, err);
	if (full < 0)
		return -1;
	if (full <= brief) {
		err_set(err, -EIO, "%s: a longer run took less time: is the machine busy?",
			who_names[who]);
		return -1;
	}
	return (LONG_RUN - SHORT_RUN) * (double)BENCH_BATCH / (full - brief);
}

/* ---- figures ------------------------------------------------------------------------------------------- */

static int guest_figures(struct virtio_bench *b, enum bench_work work, const struct ring *ring,
			 struct err *err)
{
	unsigned rounds = b->o->rounds ? (unsigned)b->o->rounds : ROUNDS;
	double v[WHO][BENCH_ROUNDS_MAX], median[WHO] = {0};
	char name[64];
	int rc = build_all(b, work, ring, err);

	/* In turns, so that what else the host does meets all of them. */
	for (unsigned i = 0; i < rounds && !rc; i++)
		for (unsigned w = 0; w < WHO && !rc; w++) {
			if (b->left_out[w])
				continue;
			v[w][i] = speed(b, (enum who)w, work, ring, err);
			rc = v[w][i] < 0 ? err->code : 0;
		}
	if (rc)
		return rc;
	for (unsigned w = 0; w < WHO; w++)
		median[w] = b->left_out[w] ? 0 : bench_median(v[w], rounds);
	for (unsigned w = 0; w < WHO; w++) {
		const enum who of = w == SOFT ? QEMU_TCG : QEMU_KVM;
		const bool ours = w == SOFT || w == KVM;

		if (b->left_out[w])
			continue;
		(void)snprintf(name, sizeof(name), "%s-%s/%s", bench_work[work].name, ring->name,
			       who_names[w]);
		bench_figure(b->o, "virtio", name, median[w], "op/s",
			     ours && median[of] > 0 ? median[w] / median[of] : 0,
			     ours && median[of] > 0 ? who_names[of] : NULL);
	}
	return 0;
}

static int dev_figures(const struct bench_opts *o, enum bench_work work, struct err *err)
{
	unsigned rounds = o->rounds ? (unsigned)o->rounds : ROUNDS;
	double v[RINGS][BENCH_ROUNDS_MAX], first = 0, median;
	char name[64];

	for (unsigned i = 0; i < rounds; i++)
		for (unsigned r = 0; r < RINGS; r++) {
			v[r][i] = bench_virtio_dev(work, rings[r].packed, rings[r].indirect, err);
			if (v[r][i] < 0)
				return err->code;
		}
	for (unsigned r = 0; r < RINGS; r++) {
		median = bench_median(v[r], rounds);
		(void)snprintf(name, sizeof(name), "%s-%s/device", bench_work[work].name,
			       rings[r].name);
		bench_figure(o, "virtio", name, median, "op/s", r ? median / first : 0,
			     r ? "split" : NULL);
		first = r ? first : median;
	}
	return 0;
}

/* Who does not run the simplest of all is left out, with the reason. */
static int try_all(struct virtio_bench *b, struct err *err)
{
	struct err why = {0};
	int rc = build_all(b, BENCH_BLK_READ, &rings[0], err);

	if (rc)
		return rc;
	if (guest_find_tool("qemu-system-x86_64", "qemu-system-x86", &b->qemu, &why)) {
		fprintf(stderr, "vise: bench virtio: skipped qemu: %s\n", why.msg);
		b->left_out[QEMU_TCG] = b->left_out[QEMU_KVM] = true;
	}
	for (unsigned w = 0; w < WHO; w++) {
		why = (struct err){0};
		if (!b->left_out[w] &&
		    run_once(b, (enum who)w, BENCH_BLK_READ, &rings[0], SHORT, &why) < 0) {
			fprintf(stderr, "vise: bench virtio: skipped %s: %s\n", who_names[w],
				why.msg);
			b->left_out[w] = true;
		}
	}
	return 0;
}

static int prepare(struct virtio_bench *b, struct err *err)
{
	int rc = cli_self(b->self, sizeof(b->self), err);

	cli_path(b->log, "%s/log", b->dir);
	cli_path(b->rom, "%s/rom", b->dir);
	rc = rc ? rc : bench_write_rom(b->rom, err);
	rc = rc ? rc : bench_folders_find(&b->folders, err);
	return rc ? rc : try_all(b, err);
}

static void clean_up(struct virtio_bench *b)
{
	drop_images(b);
	unlink(b->log);
	unlink(b->rom);
	rmdir(b->dir);
	bench_folders_free(&b->folders);
	free(b->qemu);
	free(b);
}

static bool wanted(const struct bench_opts *o, enum bench_work work)
{
	return !o->only || !strcmp(o->only, bench_work[work].name);
}

/* frames go through libslirp on both sides */
static bool can_run(enum bench_work work)
{
	bool net = work == BENCH_NET_64 || work == BENCH_NET_1500;

	if (!net || net_has_user() == 1)
		return true;
	fprintf(stderr, "vise: bench virtio: skipped %s from a guest: no libslirp here\n",
		bench_work[work].name);
	return false;
}

int bench_virtio(const struct bench_opts *o)
{
	struct virtio_bench *b = calloc(1, sizeof(*b));
	struct err err = {0};
	int rc = 0;

	if (!b)
		return cli_fail(ST_START, "bench virtio: no memory");
	b->o = o;
	for (unsigned w = 0; w < BENCH_WORKS && !rc; w++)
		if (wanted(o, (enum bench_work)w))
			rc = dev_figures(o, (enum bench_work)w, &err);
	cli_catch_stop();
	cli_path(b->dir, "/tmp/vise-virtio.XXXXXX");
	if (!rc && !mkdtemp(b->dir)) {
		rc = err_set(&err, -errno, "cannot make %s: %s", b->dir, strerror(errno));
		b->dir[0] = '\0';
	}
	if (!rc)
		rc = prepare(b, &err);
	for (unsigned w = 0; w < BENCH_WORKS && !rc; w++)
		if (wanted(o, (enum bench_work)w) && can_run((enum bench_work)w))
			for (unsigned r = 0; r < RINGS && !rc; r++)
				rc = guest_figures(b, (enum bench_work)w, &rings[r], &err);
	clean_up(b);
	return rc ? cli_fail(ST_START, "bench virtio: %s", err.msg) : ST_PASS;
}
