/* SPDX-License-Identifier: MIT */
/* load: the bytes of bios16.asm, an instruction a line, so that nasm is not needed to build Vise. */
#include "load_priv.h"

/* clang-format off */
const uint8_t load_bios16[] = {
	0xe9, 0x25, 0x00,                          /* jmp near nothing */
	0x90,                                      /* nop */
	0xe9, 0x22, 0x00,                          /* jmp near video */
	0x90,                                      /* nop */
	0xe9, 0x3d, 0x00,                          /* jmp near equipment */
	0x90,                                      /* nop */
	0xe9, 0x43, 0x00,                          /* jmp near low_memory */
	0x90,                                      /* nop */
	0xe9, 0x43, 0x00,                          /* jmp near disk */
	0x90,                                      /* nop */
	0xe9, 0x44, 0x00,                          /* jmp near system */
	0x90,                                      /* nop */
	0xe9, 0xc6, 0x00,                          /* jmp near keyboard */
	0x90,                                      /* nop */
	0xe9, 0xeb, 0x00,                          /* jmp near clock */
	0x90,                                      /* nop */
	0x00, 0x00,                                /* ext_kb: dw 0 */
	0x00, 0x00,                                /* e801_low: dw 0 */
	0x00, 0x00,                                /* e801_high: dw 0 */
	0x00, 0x00,                                /* e820_count: dw 0 */
	0xcf,                                      /* iret */
	0x80, 0xfc, 0x0e,                          /* cmp ah, 0x0e */
	0x74, 0x0b,                                /* je .put */
	0x80, 0xfc, 0x0f,                          /* cmp ah, 0x0f */
	0x74, 0x09,                                /* je .mode */
	0x80, 0xfc, 0x03,                          /* cmp ah, 3 */
	0x74, 0x0a,                                /* je .cursor */
	0xcf,                                      /* iret */
	0xe6, 0xe9,                                /* .put: out TEXT_PORT, al */
	0xcf,                                      /* iret */
	0xb8, 0x03, 0x50,                          /* .mode: mov ax, 0x5003 */
	0x30, 0xff,                                /* xor bh, bh */
	0xcf,                                      /* iret */
	0x31, 0xd2,                                /* xor dx, dx */
	0xb9, 0x07, 0x06,                          /* mov cx, 0x0607 */
	0xcf,                                      /* iret */
	0x1e,                                      /* push ds */
	0x31, 0xc0,                                /* xor ax, ax */
	0x8e, 0xd8,                                /* mov ds, ax */
	0xa1, 0x10, 0x04,                          /* mov ax, [BDA_EQUIPMENT] */
	0x1f,                                      /* pop ds */
	0xcf,                                      /* iret */
	0xb8, 0x78, 0x02,                          /* mov ax, LOW_KB */
	0xcf,                                      /* iret */
	0xb4, 0x01,                                /* mov ah, 1 */
	0xe9, 0x10, 0x01,                          /* jmp carry */
	0x3d, 0x20, 0xe8,                          /* cmp ax, 0xe820 */
	0x74, 0x3b,                                /* je .e820 */
	0x3d, 0x01, 0xe8,                          /* cmp ax, 0xe801 */
	0x74, 0x14,                                /* je .e801 */
	0x80, 0xfc, 0x88,                          /* cmp ah, 0x88 */
	0x74, 0x1f,                                /* je .extended */
	0x3d, 0x01, 0x24,                          /* cmp ax, 0x2401 */
	0x74, 0x21,                                /* je .a20 */
	0x3d, 0x02, 0x24,                          /* cmp ax, 0x2402 */
	0x74, 0x21,                                /* je .a20_is_on */
	0xb4, 0x86,                                /* mov ah, 0x86 */
	0xe9, 0xf2, 0x00,                          /* jmp carry */
	0x2e, 0xa1, 0x22, 0x00,                    /* .e801: mov ax, [cs:e801_low] */
	0x89, 0xc1,                                /* mov cx, ax */
	0x2e, 0x8b, 0x1e, 0x24, 0x00,              /* mov bx, [cs:e801_high] */
	0x89, 0xda,                                /* mov dx, bx */
	0xe9, 0xeb, 0x00,                          /* jmp clear */
	0x2e, 0xa1, 0x20, 0x00,                    /* mov ax, [cs:ext_kb] */
	0xe9, 0xe4, 0x00,                          /* jmp clear */
	0xb4, 0x00,                                /* .a20: mov ah, 0 */
	0xe9, 0xdf, 0x00,                          /* jmp clear */
	0xb8, 0x01, 0x00,                          /* mov ax, 1 */
	0xe9, 0xd9, 0x00,                          /* jmp clear */
	0x66, 0x81, 0xfa, 0x50, 0x41, 0x4d, 0x53,  /* .e820: cmp edx, SMAP */
	0x75, 0xd0,                                /* jne .unknown */
	0x66, 0x83, 0xf9, 0x14,                    /* cmp ecx, 20 */
	0x72, 0xca,                                /* jb .unknown */
	0x2e, 0x66, 0x0f, 0xb7, 0x06, 0x26, 0x00,  /* movzx eax, word [cs:e820_count] */
	0x66, 0x39, 0xc3,                          /* cmp ebx, eax */
	0x73, 0xbe,                                /* jae .unknown */
	0x56,                                      /* push si */
	0x57,                                      /* push di */
	0x6b, 0xf3, 0x14,                          /* imul si, bx, 20 */
	0x81, 0xc6, 0x00, 0x04,                    /* add si, E820_TABLE */
	0xb9, 0x0a, 0x00,                          /* mov cx, 10 */
	0xfc,                                      /* cld */
	0xf3, 0x2e, 0xa5,                          /* cs rep movsw */
	0x5f,                                      /* pop di */
	0x5e,                                      /* pop si */
	0x66, 0x43,                                /* inc ebx */
	0x66, 0x39, 0xc3,                          /* cmp ebx, eax */
	0x72, 0x03,                                /* jb .more */
	0x66, 0x31, 0xdb,                          /* xor ebx, ebx */
	0x66, 0xb9, 0x14, 0x00, 0x00, 0x00,        /* .more: mov ecx, 20 */
	0x66, 0xb8, 0x50, 0x41, 0x4d, 0x53,        /* mov eax, SMAP */
	0xe9, 0x93, 0x00,                          /* jmp clear */
	0x80, 0xfc, 0x01,                          /* cmp ah, 1 */
	0x74, 0x15,                                /* je .none */
	0x80, 0xfc, 0x11,                          /* cmp ah, 0x11 */
	0x74, 0x10,                                /* je .none */
	0x80, 0xfc, 0x02,                          /* cmp ah, 2 */
	0x74, 0x14,                                /* je .flags */
	0x80, 0xfc, 0x00,                          /* cmp ah, 0 */
	0x74, 0x12,                                /* je .key */
	0x80, 0xfc, 0x10,                          /* cmp ah, 0x10 */
	0x74, 0x0d,                                /* je .key */
	0xcf,                                      /* iret */
	0x55,                                      /* .none: push bp */
	0x89, 0xe5,                                /* mov bp, sp */
	0x80, 0x4e, 0x06, 0x40,                    /* or byte [bp + 6], 0x40 */
	0x5d,                                      /* pop bp */
	0xcf,                                      /* iret */
	0xb0, 0x00,                                /* .flags: mov al, 0 */
	0xcf,                                      /* iret */
	0x31, 0xc0,                                /* .key: xor ax, ax */
	0xcf,                                      /* iret */
	0x80, 0xfc, 0x00,                          /* cmp ah, 0 */
	0x74, 0x0c,                                /* je .ticks */
	0x80, 0xfc, 0x02,                          /* cmp ah, 2 */
	0x74, 0x17,                                /* je .time */
	0x80, 0xfc, 0x04,                          /* cmp ah, 4 */
	0x74, 0x2d,                                /* je .date */
	0xeb, 0x50,                                /* jmp carry */
	0x1e,                                      /* .ticks: push ds */
	0x31, 0xc0,                                /* xor ax, ax */
	0x8e, 0xd8,                                /* mov ds, ax */
	0x8b, 0x16, 0x6c, 0x04,                    /* mov dx, [BDA_TICKS] */
	0x8b, 0x0e, 0x6e, 0x04,                    /* mov cx, [BDA_TICKS + 2] */
	0x1f,                                      /* pop ds */
	0xeb, 0x49,                                /* jmp clear */
	0x50,                                      /* .time: push ax */
	0xb0, 0x04,                                /* mov al, CMOS_HOURS */
	0xe8, 0x35, 0x00,                          /* call cmos */
	0x88, 0xc5,                                /* mov ch, al */
	0xb0, 0x02,                                /* mov al, CMOS_MINUTES */
	0xe8, 0x2e, 0x00,                          /* call cmos */
	0x88, 0xc1,                                /* mov cl, al */
	0xb0, 0x00,                                /* mov al, CMOS_SECONDS */
	0xe8, 0x27, 0x00,                          /* call cmos */
	0x88, 0xc6,                                /* mov dh, al */
	0xb2, 0x00,                                /* mov dl, 0 */
	0x58,                                      /* pop ax */
	0xeb, 0x2e,                                /* jmp clear */
	0x50,                                      /* .date: push ax */
	0xb0, 0x32,                                /* mov al, CMOS_CENTURY */
	0xe8, 0x1a, 0x00,                          /* call cmos */
	0x88, 0xc5,                                /* mov ch, al */
	0xb0, 0x09,                                /* mov al, CMOS_YEAR */
	0xe8, 0x13, 0x00,                          /* call cmos */
	0x88, 0xc1,                                /* mov cl, al */
	0xb0, 0x08,                                /* mov al, CMOS_MONTH */
	0xe8, 0x0c, 0x00,                          /* call cmos */
	0x88, 0xc6,                                /* mov dh, al */
	0xb0, 0x07,                                /* mov al, CMOS_DAY */
	0xe8, 0x05, 0x00,                          /* call cmos */
	0x88, 0xc2,                                /* mov dl, al */
	0x58,                                      /* pop ax */
	0xeb, 0x0e,                                /* jmp clear */
	0xe6, 0x70,                                /* cmos: out CMOS_INDEX, al */
	0xe4, 0x71,                                /* in al, CMOS_DATA */
	0xc3,                                      /* ret */
	0x55,                                      /* carry: push bp */
	0x89, 0xe5,                                /* mov bp, sp */
	0x80, 0x4e, 0x06, 0x01,                    /* or byte [bp + 6], 1 */
	0x5d,                                      /* pop bp */
	0xcf,                                      /* iret */
	0x55,                                      /* clear: push bp */
	0x89, 0xe5,                                /* mov bp, sp */
	0x80, 0x66, 0x06, 0xfe,                    /* and byte [bp + 6], 0xfe */
	0x5d,                                      /* pop bp */
	0xcf,                                      /* iret */
};
/* clang-format on */
const size_t load_bios16_len = sizeof(load_bios16);
