/* SPDX-License-Identifier: MIT */
/*
 * Seeds of soft_insn: each mode with code of several kinds, and one for each thing that can happen:
 * faults, halts, shutdown, accesses to devices, interrupts. Usage: soft_insn FOLDER
 */
#include <stdio.h>
#include <stdlib.h>

#include <vmm/x86.h>

#define MODES 8
enum { REAL, PROT16, PROT32, PAGED, LONG, COMPAT, USER, V86 };

static const char *folder;

struct seed {
	uint8_t b[256];
	size_t n;
	unsigned states, memories;
};

static void add(struct seed *s, const void *p, size_t n)
{
	memcpy(s->b + s->n, p, n);
	s->n += n;
}

static struct seed begin(unsigned mode)
{
	struct seed s = {.b = {(uint8_t)mode, 7, 0, 0, 0, 0x5a, 0x20, 0}, .n = 8};

	return s;
}

/* Field (name) of the state becomes (val). */
static void state(struct seed *s, const char *name, uint64_t val)
{
	uint8_t p[10] = {0};
	unsigned i = 0;

	while (strcmp(cpu_state_table.fields[i].name, name) != 0)
		i++;
	p[0] = (uint8_t)i;
	st_le64(p + 2, val);
	add(s, p, sizeof(p));
	s->states++;
}

static void memory(struct seed *s, uint32_t at, uint64_t val)
{
	uint8_t p[11] = {(uint8_t)at, (uint8_t)(at >> 8), (uint8_t)(at >> 16)};

	st_le64(p + 3, val);
	add(s, p, sizeof(p));
	s->memories++;
}

static void put(const char *name, struct seed *s, const void *code, size_t len)
{
	char path[512];
	FILE *f;

	s->b[2] |= (uint8_t)(s->states | s->memories << 4);
	add(s, code, len);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (!f || fwrite(s->b, 1, s->n, f) != s->n || fclose(f)) {
		perror(path);
		exit(1);
	}
}

#define PUT(name, s, code) put(name, s, code, sizeof(code) - 1)

static void modes(void)
{
	static const struct {
		const char *name, *code;
		unsigned len;
	} kinds[] = {
		{"alu",
		 "\x01\xc8\x11\xd1\x29\xc3\x19\xf2\x31\xff\x09\xd8\x21\xc1\xf7\xd8\xf7\xe3\xd1\xe0\xf4",
		 21},
		{"stack", "\x50\x53\x9c\x58\x5b\x9d\xe8\x00\x00\x00\x00\x58\xf4", 13},
		{"string", "\xf3\xa4\xf3\xab\xf3\xa6\xac\xae\xf4", 9},
		{"memory",
		 "\x8b\x07\x89\x47\x04\x01\x47\x08\x86\x47\x01\xf0\xff\x07\x0f\xb6\x07\xf4", 18},
		{"loop", "\x40\xe2\xfd\x75\x02\xeb\xf9\xf4", 8},
		{"segments", "\x8e\xd8\x8c\xd8\x1e\x1f\x16\x17\x0f\xa0\x0f\xa1\xf4", 13},
		{"far", "\x06\x07\xcb\xcf\xcd\x03\xcc\xce\xf4", 9},
		{"bits",
		 "\x0f\xa3\xc8\x0f\xab\x07\x0f\xbc\xc1\x0f\xbd\xd9\x0f\xa4\xc3\x05\x0f\xc8\xf4",
		 19},
		{"control",
		 "\x0f\x20\xc0\x0f\x22\xc0\x0f\x20\xd9\x0f\x21\xf8\x0f\x01\xe0\x0f\x06\xf4", 18},
		{"x87", "\xd9\xe8\xd9\xeb\xde\xc1\xdd\x17\xd9\xfa\xdb\xe3\xf4", 13},
		{"sse",
		 "\x0f\x28\x07\x0f\x58\xc1\x66\x0f\xef\xc9\xf2\x0f\x58\xc2\x0f\x29\x07\x0f\xae\x07\xf4",
		 21},
	};
	struct rng r = {1};
	char name[64];

	for (unsigned mode = 0; mode < MODES; mode++) {
		for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct seed s = begin(mode);

			snprintf(name, sizeof(name), "mode%u-%s", mode, kinds[i].name);
			put(name, &s, kinds[i].code, kinds[i].len);
		}
		for (unsigned i = 0; i < 8; i++) {
			struct seed s = begin(mode);
			uint8_t code[64];

			for (unsigned k = 0; k < sizeof(code); k++)
				code[k] = (uint8_t)rng_next(&r);
			s.b[1] = (uint8_t)(i * 9);
			snprintf(name, sizeof(name), "mode%u-random%u", mode, i);
			put(name, &s, code, sizeof(code));
		}
	}
}

static void events(void)
{
	struct seed s = begin(LONG);

	PUT("pio", &s, "\xe4\x60\xe6\x61\x66\xed\xef\xf3\x6c\xf4");
	s = begin(LONG); /* mov eax, [0x50000]; add [0x50ffe], rax */
	PUT("mmio", &s, "\x8b\x04\x25\x00\x00\x05\x00\x48\x01\x04\x25\xfe\x0f\x05\x00\xf4");
	s = begin(LONG); /* mov ecx, 0x4b564d80; wrmsr; rdmsr; inc ecx */
	PUT("msr", &s, "\xb9\x80\x4d\x56\x4b\x0f\x30\x0f\x32\xff\xc1\xf4");
	s = begin(LONG); /* xor ecx, ecx; div ecx */
	PUT("divide", &s, "\x31\xc9\xf7\xf1");
	s = begin(LONG);
	PUT("page-fault", &s, "\x48\xc7\xc0\x00\x00\x70\x00\x8b\x00");
	s = begin(LONG);
	state(&s, "idt.limit", 0);
	PUT("triple", &s, "\x0f\x0b");
	s = begin(LONG);
	state(&s, "cr0", 0x80000000);
	PUT("refused", &s, "\x90");
	s = begin(LONG);
	s.b[3] = 10;
	PUT("intr", &s, "\xeb\xfe");
	s = begin(LONG);
	s.b[4] = 13;
	PUT("nmi", &s, "\xeb\xfe");
	s = begin(PROT32);
	s.b[2] = 0x80;
	PUT("stepped", &s, "\x90\x40\x43\xf4");
	s = begin(LONG);
	state(&s, "rflags", 0x302);
	PUT("trap-flag", &s, "\x90\xff\xc0\xff\xc3\xf4");
	s = begin(LONG);
	state(&s, "dr7", 0x402 | 0xdull << 16);
	state(&s, "dr0", 0x20000);
	PUT("watch", &s, "\x89\x07\x90\xf4");
	/* #UD's handler is UD2 itself, on a stack of its own (IST1), so that nothing is used up. */
	s = begin(LONG);
	memory(&s, 0x3060, 0x0b0f);
	memory(&s, 0x2060, 0x8f0100183060);
	memory(&s, 0x1824, 0x30000);
	PUT("fault-loop", &s, "\x0f\x0b");
	/* Code that writes code, also its own instruction. */
	s = begin(PROT32);
	PUT("self-modifying", &s,
	    "\xc6\x05\x08\x80\x00\x00\x43\x90\x40\xc7\x05\x0a\x80\x00\x00\xf4\xf4\xf4\xf4");
	s = begin(PAGED);
	PUT("enable-pae", &s, "\x0f\x20\xe0\x83\xc8\x20\x0f\x22\xe0\xf4");
	s = begin(USER);
	PUT("syscall", &s, "\x0f\x05\x0f\x34\xfa");
	s = begin(V86);
	PUT("v86-int", &s, "\xcd\x10\x9c\x9d\xcf");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	modes();
	events();
	return 0;
}
