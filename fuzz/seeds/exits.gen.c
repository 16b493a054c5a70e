/* SPDX-License-Identifier: MIT */
/*
 * Seeds of exits: a mapping for each exit reason, port data at the edges, binary and text scripts
 * with a line of every kind. Usage: exits FOLDER
 */
#include <stdio.h>
#include <stdlib.h>

#include <linux/kvm.h>
#include <vmm/base.h>

#define HEAD 8 /* where the input's bytes begin in struct kvm_run */

static const char *folder;

static void put(const char *name, const void *p, size_t n)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f)) {
		perror(path);
		exit(1);
	}
}

/* mode, mapping, the first 120 bytes of the struct from exit_reason on */
static void put_run(const char *name, uint8_t mode, uint8_t mapping, struct kvm_run *run,
		    uint32_t reason)
{
	uint8_t out[2 + 120] = {mode, mapping};

	run->exit_reason = reason;
	memcpy(out + 2, (uint8_t *)run + HEAD, sizeof(out) - 2);
	put(name, out, sizeof(out));
}

static void put_io(const char *name, uint8_t mapping, uint8_t dir, uint8_t size, uint32_t count,
		   uint64_t at)
{
	struct kvm_run *run = calloc(1, sizeof(*run));

	if (!run)
		exit(1);
	run->io.direction = dir;
	run->io.size = size;
	run->io.port = 0x3f8;
	run->io.count = count;
	run->io.data_offset = at;
	put_run(name, 0, mapping, run, KVM_EXIT_IO);
	free(run);
}

static void reasons(void)
{
	struct kvm_run *run = calloc(1, sizeof(*run));
	char name[32];

	if (!run)
		exit(1);
	for (uint32_t reason = 0; reason < 44; reason++) {
		memset(run->padding, 0, sizeof(run->padding));
		if (reason == KVM_EXIT_IO)
			continue;
		if (reason == KVM_EXIT_MMIO) {
			run->mmio.phys_addr = 0xfeb00000;
			run->mmio.len = 4;
			run->mmio.is_write = 1;
		}
		if (reason == KVM_EXIT_INTERNAL_ERROR) {
			run->internal.suberror = 1;
			run->internal.ndata = 8;
			run->emulation_failure.flags = 1;
			run->emulation_failure.insn_size = 15;
			run->emulation_failure.insn_bytes[0] = 0xd9;
			run->emulation_failure.insn_bytes[1] = 0xe8;
		}
		snprintf(name, sizeof(name), "reason-%02u", reason);
		put_run(name, reason & 1, 0, run, reason);
	}
	memset(run->padding, 0, sizeof(run->padding));
	run->internal.suberror = 3;
	run->internal.ndata = 16;
	put_run("internal-3", 0, 0, run, KVM_EXIT_INTERNAL_ERROR);
	run->internal.ndata = 17;
	put_run("internal-17-words", 0, 0, run, KVM_EXIT_INTERNAL_ERROR);
	put_run("small-mapping", 0, 0x7f, run, KVM_EXIT_HLT);
	put_run("reason-high", 0, 0, run, 0xfffffff0);
	free(run);
}

int main(int argc, char **argv)
{
	static const char accesses[] = "\17# a comment\npio w 0x3f8 1 0x41\npio r 0x60 2 0x60\n"
				       "pio r 0x60 4 *\nmmio w 0xd0000000 8 0x1122334455667788\n"
				       "mmio r 0x10 3 0x10\nmsr r 0x1a 0x1a\nmsr w 0x1b 5 gp\n";
	static const char others[] = "\17hlt\nshutdown\nfail-entry 0x80000021\ninternal 3\n"
				     "internal 1 d9 e8\nunknown 77\nintr\nirq-window\n"
				     "expect-int 0x20\nend exit\n";
	static const char wrong[] = "\17pio r 0x60 1 0x12\nexpect-int 0x21\n";
	static const char refused[] = "\17pio r 0x60 1\n";
	uint8_t raw[1 + 16 * 8] = {14};
	char name[16];

	if (argc != 2)
		return 2;
	folder = argv[1];
	reasons();
	put_io("out-1", 0, KVM_EXIT_IO_OUT, 1, 1, 0x1000);
	put_io("in-4-string", 0, KVM_EXIT_IO_IN, 4, 100, 0x1000);
	put_io("in-to-the-end", 0, KVM_EXIT_IO_IN, 1, 0x2000, 0x1000);
	put_io("in-too-far", 0, KVM_EXIT_IO_IN, 1, 0x2001, 0x1000);
	put_io("in-one-page", 5, KVM_EXIT_IO_IN, 2, 4, 0xff8);
	put_io("in-struct-alone", 6, KVM_EXIT_IO_IN, 1, 1, 0x930);
	put_io("in-wraps", 0, KVM_EXIT_IO_IN, 4, 0x40000001, 0xfffffffffffff000);
	put_io("in-wraps-to-4", 0, KVM_EXIT_IO_IN, 1, 0x1004, 0xfffffffffffff000);
	put_io("size-3", 0, KVM_EXIT_IO_OUT, 3, 1, 0x1000);
	put("text", accesses, sizeof(accesses) - 1);
	put("text-others", others, sizeof(others) - 1);
	put("text-wrong-answer", wrong, sizeof(wrong) - 1);
	put("text-refused", refused, sizeof(refused) - 1);
	/* Every kind that there is, eight in a script: the engine cuts what is longer. */
	for (unsigned i = 0; i < 32; i++) {
		uint8_t *b = raw + 1 + 16 * (size_t)(i % 8);

		b[0] = (uint8_t)i;
		b[1] = (uint8_t)(i * 5 | 32);
		b[2] = (uint8_t)(0xf8 + i);
		b[3] = 3;
		b[4] = (uint8_t)i;
		b[8] = (uint8_t)(i * 3);
		if (i % 8 < 7)
			continue;
		snprintf(name, sizeof(name), "raw-%u", i / 8);
		put(name, raw, sizeof(raw));
	}
	return 0;
}
