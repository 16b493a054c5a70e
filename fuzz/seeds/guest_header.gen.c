/* SPDX-License-Identifier: MIT */
/* Seeds for guest_header: guest_header DIR writes one file a kind of header. */
#include <stdio.h>

#include <vmm/base.h>

#define S ";@ summary: s\n"

static const struct {
	const char *name;
	char cpu; /* the first byte */
	const char *text;
} seeds[] = {
	{"bare", 0, S},
	{"all", 1,
	 S
	 ";@ mode: prot\n;@ mem: 32M\n;@ device: virtio-rng,irq=5\n;@ disk: mem:64K,ro\n;@ load: multiboot\n"
	 ";@ cmdline: a b=c\n;@ module: one first \\x41\n;@ initrd: \\0\\xff\n;@ input: a\\n\\\\\n"
	 ";@ exit: 0x2a\n;@ serial: ok\\n\n;@ exits: pio w 0xf4 1 0x0\n;@ exits: end exit\n"
	 ";@ exits: <= 12\n;@ timeout: 3s\n;@ needs: kvm, nasm\n;@ xfail: kvm kvm it is so\n"
	 ";@ cpu: kvm\n\tmov eax, 1\n"},
	{"suffixes", 2,
	 S ";@ exit: 1\n;@ exit.kvm: 2\n;@ exits.soft: hlt\n;@ exits.kvm: end exit\n"
	   ";@ needs.soft: ld\n;@ device.kvm: uart,base=0x2f8\n;@ mode.soft: real\n"},
	{"regex", 1, S ";@ serial: ~^(a|b)+[c-e]{2,3}\\n.*$\n"},
	{"silent", 1, S ";@ serial:\n;@ exit: shutdown\n;@ load: elf\n"},
	{"golden", 1,
	 S ";@ exits: mmio r 0xfeb00000 4 0x0\n;@ exits: msr w 0x10 0x1 gp\n;@ exits: hlt\n"
	   ";@ exits: shutdown\n;@ exits: end shutdown\n"},
	{"modules", 1, S ";@ module: a 1\n;@ module: b 2\n;@ module: c 3\n;@ module: d 4\n"},
	{"machine", 1, S ";@ machine: pc\n;@ cpu-model: v2\n;@ machine.soft: test\n"},
	{"bad-machine", 1, S ";@ machine: auto\n"},
	{"bad-key", 1, S ";@ exti: 0\n"},
	{"bad-line", 1, S ";@ nothing\n"},
	{"bad-escape", 1, S ";@ input: \\q\n"},
	{"regex-plus", 1, S ";@ serial: ~ab++++++++++++++++++++++++++\n"},
	{"regex-nested", 1, S ";@ serial: ~(((a{99}){99}){99}){9}\n"},
	{"bad-regex", 1, S ";@ serial: ~(\n"},
	{"crlf", 1, ";@ summary: s\r\n;@ exit: 1\r\n"},
};

int main(int argc, char **argv)
{
	struct err err = {0};

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct buf b = {0};
		char path[4096];
		int rc;

		snprintf(path, sizeof(path), "%s/%s", argv[1], seeds[i].name);
		buf_put(&b, &seeds[i].cpu, 1);
		buf_put(&b, seeds[i].text, strlen(seeds[i].text));
		rc = file_write(path, buf_str(&b), b.len, &err);
		buf_free(&b);
		if (rc) {
			fprintf(stderr, "%s: %s\n", argv[0], err.msg);
			return 1;
		}
	}
	return 0;
}
