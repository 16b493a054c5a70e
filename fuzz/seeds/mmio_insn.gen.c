/* SPDX-License-Identifier: MIT */
/*
 * Seeds of mmio_insn: loads, stores, read-modify-writes, string and port instructions in each mode,
 * with operands in devices and across every kind of border. Usage: mmio_insn FOLDER
 */
#include <stdio.h>
#include <stdlib.h>

#include <insn_world.h>
#include <vmm/base.h>

static const char *folder;

static void put(const char *name, const uint8_t head[INSN_HEAD], const void *code, size_t len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (!f || fwrite(head, 1, INSN_HEAD, f) != INSN_HEAD || fwrite(code, 1, len, f) != len ||
	    fclose(f)) {
		perror(path);
		exit(1);
	}
}

static const struct {
	const char *name, *code;
	unsigned len;
} kinds[] = {
	/* mov eax, [rbx]; mov [rdi], eax; movzx eax, byte [rbx]; mov byte [rbx], 5 */
	{"move", "\x8b\x03\x89\x07\x0f\xb6\x03\xc6\x03\x05", 10},
	/* add [rbx], eax; not dword [rdi]; xchg [rbx], eax; cmp [rdi], eax; test [rbx], eax */
	{"modify", "\x01\x03\xf7\x17\x87\x03\x39\x07\x85\x03", 10},
	/* inc byte [rbx]; shl word [rdi], 1; imul eax, [rbx] */
	{"more", "\xfe\x03\x66\xd1\x27\x0f\xaf\x03", 8},
	{"string", "\xa4\xaa\xac\xa5\xab\xad\xa6\xae", 8},
	{"rep", "\xf3\xa4\xf3\xaa\xf3\xa5\xf3\xab\xf2\xae", 10},
	{"port", "\xe4\x60\xe6\x61\xed\xef\x66\xed\x66\xef\x6c\x6e\xf3\x6d\xf3\x6f", 16},
	/* REX.W, which is no instruction of its own outside long mode: MOVS, STOS, INS, OUTS, IN, OUT */
	{"wide", "\x48\xa5\x48\xab\x48\x6d\x48\x6f\x48\xed\x48\xef", 12},
	/* movups xmm0, [rbx]; movups [rdi], xmm0; movdqa [rbx], xmm1 */
	{"sse", "\x0f\x10\x03\x0f\x11\x07\x66\x0f\x7f\x0b", 10},
	{"stack", "\x50\x58\xff\x33\x8f\x07\x60\x9c\xe8\x00\x00\x00\x00", 13},
	{"x87", "\xd9\x03\xdb\x3f\xdd\x03\xdd\x33\xdf\x3b", 10},
	{"bits", "\x0f\xab\x03\x0f\xb1\x0f\x0f\xc1\x03\x0f\xc7\x0b", 12},
};

int main(int argc, char **argv)
{
	static const uint8_t where[] = {0x18, 0x28, 0x5a, 0x46, 0x56, 0x66, 0x76, 0x77, 0x85,
					0x98, 0xb8, 0xc8, 0xd6, 0xd9, 0xe5, 0xe9, 0xf8};
	char name[64];

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	for (unsigned mode = 0; mode < INSN_MODES; mode++)
		for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++)
			for (unsigned w = k % 4; w < ARRAY_SIZE(where); w += 4) {
				uint8_t head[INSN_HEAD] = {(uint8_t)(mode | (w & 1) << 2),
							   0x5a,
							   3,
							   where[w],
							   where[(w + k) % ARRAY_SIZE(where)],
							   8,
							   k == 7 ? where[w] : 0,
							   0x35};

				snprintf(name, sizeof(name), "mode%u-%s-%02x", mode, kinds[k].name,
					 where[w]);
				put(name, head, kinds[k].code, kinds[k].len);
			}
	/* mov [rbx], rax and movzx by a REX prefix; in real mode by FS and GS. */
	put("long-quad", (const uint8_t[]){2, 1, 0, 0x5b, 0x6d, 8, 0, 9},
	    "\x48\x89\x03\x48\x8b\x07\x48\x01\x03", 9);
	put("real-fs", (const uint8_t[]){0, 1, 0, 0x0b, 0x0d, 8, 0, 9},
	    "\x64\x8b\x07\x65\x66\x89\x07\x26\x8a\x05\x26\xff\x05", 13);
	put("prot-border", (const uint8_t[]){1, 1, 0, 0x16, 0x15, 8, 0, 9},
	    "\x8b\x03\x89\x07\x01\x03\x66\x89\x43\x01", 10);
	return 0;
}
