/* SPDX-License-Identifier: MIT */
/*
 * Probes that are a few instructions: run them in a mode of the CPU, see how they end and what RAX
 * holds. Machine code is given as bytes with its text beside it; RBX points to zeroed memory.
 */
#include "vm_probe_priv.h"

#define CODE(s) s, sizeof(s) - 1

/* clang-format off */
const struct probe_insn probe_insns[] = {
	{ "kvm-bound-prot", PROBE_PROT, CODE("\x31\xc0\x62\x03"), PROBE_DONE, 0, 0, 0,
	  "xor eax, eax; bound eax, [ebx]" },
	{ "kvm-clac-cpl0", PROBE_LONG, CODE("\x0f\x01\xca"), PROBE_DONE, 0, 0, 0, "clac" },
	{ "kvm-cmpxchg16b-cpl0", PROBE_LONG,
	  CODE("\x31\xc0\x31\xd2\x48\x0f\xc7\x0b\x48\x8b\x03"), PROBE_DONE, 0, PROBE_DATA, ~0ull,
	  "xor eax, eax; xor edx, edx; cmpxchg16b [rbx]; mov rax, [rbx]" },
	/* CRC32C, one step of a zero byte over 0xffffffff: 0xad82acae as the SDM's algorithm has it */
	{ "kvm-crc32-cpl0", PROBE_LONG,
	  CODE("\x83\xc8\xff\x31\xc9\xf2\x0f\x38\xf0\xc1"), PROBE_DONE, 0, 0xad82acae, 0xffffffff,
	  "or eax, -1; xor ecx, ecx; crc32 eax, cl" },
	{ "kvm-daa-prot", PROBE_PROT, CODE("\xb8\x0b\x00\x00\x00\x27"), PROBE_DONE, 0, 0x11, 0xff,
	  "mov eax, 0x0b; daa" },
	{ "kvm-enter-level1", PROBE_LONG, CODE("\xc8\x08\x00\x01"), PROBE_DONE, 0, 0, 0,
	  "enter 8, 1" },
	{ "kvm-fsbase-canonical", PROBE_LONG,
	  CODE("\xb9\x00\x01\x00\xc0\x31\xc0\xba\x00\x00\x00\x80\x0f\x30"), PROBE_VECTOR, X86_GP,
	  0, 0, "mov ecx, 0xc0000100; xor eax, eax; mov edx, 1 << 31; wrmsr" },
	{ "kvm-icebp-cpl0", PROBE_LONG, CODE("\xf1"), PROBE_VECTOR, X86_DB, 0, 0, "int1" },
	{ "kvm-int-n-cpl0", PROBE_LONG, CODE("\xcd\x80"), PROBE_VECTOR, 0x80, 0, 0, "int 0x80" },
	{ "kvm-int-n-cpl3", PROBE_USER, CODE("\xcd\x80"), PROBE_VECTOR, 0x80, 0, 0, "int 0x80" },
	{ "kvm-int3-cpl0", PROBE_LONG, CODE("\xcc"), PROBE_VECTOR, X86_BP, 0, 0, "int3" },
	{ "kvm-int3-cpl3", PROBE_USER, CODE("\xcc"), PROBE_VECTOR, X86_BP, 0, 0, "int3" },
	{ "kvm-int3-prot", PROBE_PROT, CODE("\xcc"), PROBE_VECTOR, X86_BP, 0, 0, "int3" },
	{ "kvm-int3-real", PROBE_REAL, CODE("\xcc"), PROBE_VECTOR, X86_BP, 0, 0, "int3" },
	{ "kvm-int80-prot", PROBE_PROT, CODE("\xcd\x80"), PROBE_VECTOR, 0x80, 0, 0, "int 0x80" },
	{ "kvm-int80-real", PROBE_REAL, CODE("\xcd\x80"), PROBE_VECTOR, 0x80, 0, 0, "int 0x80" },
	{ "kvm-iret-prot", PROBE_PROT,
	  CODE("\x9c\x0e\xe8\x00\x00\x00\x00\x83\x04\x24\x05\xcf\xb8\x2a\x00\x00\x00"),
	  PROBE_DONE, 0, 0x2a, 0xff,
	  "pushf; push cs; call $ + 5; add dword [esp], 5; iretd; mov eax, 42" },
	{ "kvm-lar-cpl0", PROBE_LONG, CODE("\xb9\x10\x00\x00\x00\x31\xc0\x0f\x02\xc1"), PROBE_DONE, 0,
	  0x9300, 0xff00, "mov ecx, data; xor eax, eax; lar eax, ecx" },
	{ "kvm-lzcnt-cpl0", PROBE_LONG, CODE("\xb9\x01\x00\x00\x00\xf3\x0f\xbd\xc1"), PROBE_DONE, 0,
	  31, 0xffffffff, "mov ecx, 1; lzcnt eax, ecx" },
	{ "kvm-mmx-cpl0", PROBE_LONG,
	  CODE("\xb8\x34\x12\x00\x00\x0f\x6e\xc0\x31\xc0\x0f\x7e\xc0\x0f\x77"), PROBE_DONE, 0,
	  0x1234, 0xffffffff, "mov eax, 0x1234; movd mm0, eax; xor eax, eax; movd eax, mm0; emms" },
	{ "kvm-popcnt-cpl0", PROBE_LONG, CODE("\xb9\xff\x00\x00\x00\xf3\x0f\xb8\xc1"), PROBE_DONE, 0,
	  8, 0xffffffff, "mov ecx, 0xff; popcnt eax, ecx" },
	{ "kvm-ss-noncanonical", PROBE_LONG,
	  CODE("\x48\xbd\x00\x00\x00\x00\x00\x00\x00\x80\x8a\x45\x00"), PROBE_VECTOR,
	  X86_SS_FAULT, 0, 0, "mov rbp, 1 << 63; mov al, [rbp]" },
	{ "kvm-sse-cpl0", PROBE_LONG,
	  CODE("\xb8\x34\x12\x00\x00\x66\x0f\x6e\xc0\x66\x0f\xef\xc9\x66\x0f\xfe\xc1\x31\xc0\x66\x0f"
	       "\x7e\xc0"), PROBE_DONE, 0, 0x1234, 0xffffffff,
	  "mov eax, 0x1234; movd xmm0, eax; pxor xmm1, xmm1; paddd xmm0, xmm1; xor eax, eax; "
	  "movd eax, xmm0" },
	{ "kvm-tzcnt-cpl0", PROBE_LONG, CODE("\xb8\x07\x00\x00\x00\x31\xc9\xf3\x0f\xbc\xc1"),
	  PROBE_DONE, 0, 32, 0xffffffff, "mov eax, 7; xor ecx, ecx; tzcnt eax, ecx" },
	{ "kvm-ud1-cpl0", PROBE_LONG, CODE("\x0f\xb9\xc0"), PROBE_VECTOR, X86_UD, 0, 0,
	  "ud1 eax, eax" },
	{ "kvm-ud2-real", PROBE_REAL, CODE("\x0f\x0b"), PROBE_VECTOR, X86_UD, 0, 0, "ud2" },
	{ "kvm-x87-cpl0", PROBE_LONG, CODE("\xd9\xe8\xdd\x1b\x48\x8b\x03"), PROBE_DONE, 0,
	  0x3ff0000000000000, ~0ull, "fld1; fstp qword [rbx]; mov rax, [rbx]" },
	{ NULL, 0, NULL, 0, 0, 0, 0, 0, NULL },
};
/* clang-format on */

int probe_insn_run(struct probe_vm *p, const struct probe_insn *in)
{
	struct probe_seen s;
	uint64_t rax;

	if (probe_play(p, in->mode, in->code, in->len, &s))
		return 0;
	if (s.kind != in->want || (s.kind == PROBE_VECTOR && s.vector != in->vector))
		return probe_not(p, &s, in->text);
	rax = s.regs.rax;
	if ((rax ^ in->rax) & in->mask)
		return probe_no(p, "%s: eax is 0x%llx, not 0x%llx", in->text,
				(unsigned long long)(rax & in->mask), (unsigned long long)in->rax);
	return 1;
}
