; SPDX-License-Identifier: MIT
;@ summary: bench: requests to a virtio device, 16 at a time, and nothing else
;@ device: virtio-blk
;@ disk: mem:1M
;@ timeout: 4000000000
; -DROUNDS=N batches. -DWORK: 1 reads a block of 4 KiB, 2 writes one, 3 asks an entropy device for 64
; bytes, 4 and 5 send a frame of 64 and 1500 bytes. -DPACKED=1, -DINDIRECT=1: the ring. The device is the
; first of its kind in the 24 windows from WINDOWS on, wherever a machine puts it.
; The work is checked: ends with 1 (no such device), 2 (it refuses), 3 (a request failed).
%include "test.inc"
%include "blk.inc"
%include "packed.inc"
%ifndef ROUNDS
%define ROUNDS 4
%endif
%ifndef WORK
%define WORK 1
%endif
%ifndef PACKED
%define PACKED 0
%endif
%ifndef INDIRECT
%define INDIRECT 0
%endif
%ifndef WINDOWS
%define WINDOWS VIRTIO0
%endif
%define BATCH 16
%define V_ID_NET 1
%if WORK <= 2
%define DEVICE V_ID_BLK
%define QUEUE 0
%define SEGS 3
%define BYTES 4096
%elif WORK == 3
%define DEVICE V_ID_RNG
%define QUEUE 0
%define SEGS 1
%define BYTES 64
%else
%define DEVICE V_ID_NET
%define QUEUE 1
%define SEGS 1
%define NET_HEADER 12			; 5.1.6: with VERSION_1 num_buffers is always there
%if WORK == 4
%define BYTES NET_HEADER + 64
%else
%define BYTES NET_HEADER + 1500
%endif
%endif
%if INDIRECT
%define ENTRIES 1			; of the ring, a request
%else
%define ENTRIES SEGS
%endif
%if PACKED
%define SIZE (BATCH * ENTRIES)
%define HIGH (VF_HI_VERSION_1 | VF_HI_PACKED)
%else
%define SIZE 64
%define HIGH VF_HI_VERSION_1
%endif
%define TABLES 0x130000			; an indirect table of 64 bytes a request
%define HEADERS 0x132000		; 16 bytes a request
%define STATUSES 0x133000		; a byte a request
%define DATA 0x140000			; a page a request

%macro reg_write 2.nolist
	mov	dword [r15 + %1], %2
%endmacro
; The end of a segment at RDI: flags and the next one's index; in a packed table an ID and flags.
%macro seg_flags 1.nolist
	inc	r8d
%if PACKED && INDIRECT
	mov	word [rdi + 12], 0
	mov	word [rdi + 14], (%1) & VD_WRITE
%else
	mov	word [rdi + 12], %1
	mov	[rdi + 14], r8w
%endif
	add	rdi, 16
%endmacro
	; the window
	mov	r15d, WINDOWS
	mov	ecx, 24
look:	cmp	dword [r15 + V_DEVICE_ID], DEVICE
	je	found
	add	r15, 0x200
	dec	ecx
	jnz	look
	fail	1
found:	reg_write V_STATUS, 0
	reg_write V_STATUS, VS_ACKNOWLEDGE
	reg_write V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	reg_write V_DRV_FEAT_SEL, 0
	reg_write V_DRV_FEATURES, VF_INDIRECT
	reg_write V_DRV_FEAT_SEL, 1
	reg_write V_DRV_FEATURES, HIGH
	reg_write V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK
	test	dword [r15 + V_STATUS], VS_FEATURES_OK
	jz	refused
	reg_write V_QUEUE_SEL, QUEUE
	reg_write V_QUEUE_NUM, SIZE
	reg_write V_DESC_LOW, VQ_DESC
	reg_write V_DESC_HIGH, 0
	reg_write V_DRIVER_LOW, VQ_AVAIL
	reg_write V_DRIVER_HIGH, 0
	reg_write V_DEVICE_LOW, VQ_USED
	reg_write V_DEVICE_HIGH, 0
	reg_write V_QUEUE_READY, 1
	cmp	dword [r15 + V_QUEUE_READY], 1
	jne	refused
	reg_write V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	; no interrupts: the guest looks by itself
%if PACKED
	mov	word [VQ_AVAIL + 2], VP_DISABLE
%else
	mov	word [VQ_AVAIL], 1
%endif
	; what never changes: headers, statuses that are not 0 yet, the tables
	xor	ebx, ebx
prepare:
	mov	ecx, ebx
	shl	ecx, 4
%if WORK <= 2
	mov	dword [HEADERS + rcx], WORK == 1 ? BT_IN : BT_OUT
	mov	dword [HEADERS + rcx + 4], 0
	lea	eax, [rbx * 8]
	mov	[HEADERS + rcx + 8], rax
	mov	byte [STATUSES + rbx], BS_NONE
%endif
	mov	edi, ebx
	shl	edi, 6
	add	edi, TABLES
	call	segments
	inc	ebx
	cmp	ebx, BATCH
	jb	prepare
%if !PACKED
	call	split_ring
%endif
	mov	ebp, ROUNDS
	xor	r14d, r14d		; the used index to come; packed: the round
round:
%if PACKED
	call	packed_ring
	inc	r14d
%else
	add	r14w, BATCH
	mov	[VQ_AVAIL + 2], r14w
%endif
	reg_write V_QUEUE_NOTIFY, QUEUE
%if PACKED
	; the last entry's request is done when its USED is what AVAIL was
	mov	eax, r14d
	and	eax, 1			; 1: an odd round, AVAIL was 1
	shl	eax, 15
wait_used:
	mov	dx, [VQ_DESC + (SIZE - ENTRIES) * 16 + 14]
	and	dx, VP_USED
	cmp	dx, ax
	je	done
%else
wait_used:
	cmp	[VQ_USED + 2], r14w
	je	done
%endif
	pause
	jmp	wait_used
done:	dec	ebp
	jnz	round
%if WORK <= 2
	mov	edi, STATUSES
	mov	ecx, BATCH
	xor	eax, eax
	repe	scasb
	jne	failed
%elif WORK == 3
	assert_filled DATA + (BATCH - 1) * 4096, BYTES
%endif
	pass
refused:
	fail	2
failed:	fail	3

; The segments of request EBX as descriptors of a split ring from RDI on; next is by the index in R8D on.
segments:
	xor	r8d, r8d
; the same, with R8D the index of the first
segments_at:
%if WORK <= 2
	mov	eax, ebx
	shl	eax, 4
	add	eax, HEADERS
	mov	[rdi], rax
	mov	dword [rdi + 8], 16
	seg_flags VD_NEXT
%endif
	mov	eax, ebx
	shl	eax, 12
	add	eax, DATA
	mov	[rdi], rax
	mov	dword [rdi + 8], BYTES
%if WORK == 1
	seg_flags VD_NEXT | VD_WRITE
%elif WORK == 2
	seg_flags VD_NEXT
%elif WORK == 3
	seg_flags VD_WRITE
%else
	seg_flags 0
%endif
%if WORK <= 2
	lea	eax, [rbx + STATUSES]
	mov	[rdi], rax
	mov	dword [rdi + 8], 1
	seg_flags VD_WRITE
%endif
	ret

%if !PACKED
; Descriptors of all requests, and a ring of heads that repeats after each batch.
split_ring:
	xor	ebx, ebx
	xor	r8d, r8d
	mov	edi, VQ_DESC
.one:	mov	r9d, r8d		; the head
%if INDIRECT
	mov	eax, ebx
	shl	eax, 6
	add	eax, TABLES
	mov	[rdi], rax
	mov	dword [rdi + 8], SEGS * 16
	mov	word [rdi + 12], VD_INDIRECT
	mov	word [rdi + 14], 0
	inc	r8d
	add	rdi, 16
%else
	call	segments_at
%endif
	mov	ecx, ebx
.fill:	mov	[VQ_AVAIL + 4 + rcx * 2], r9w
	add	ecx, BATCH
	cmp	ecx, SIZE
	jb	.fill
	inc	ebx
	cmp	ebx, BATCH
	jb	.one
	ret
%else
; All entries anew: the device has written into them, and AVAIL and USED change with each round.
packed_ring:
	mov	r10d, VP_ROUND1
	test	r14d, 1
	jz	.first
	mov	r10d, VP_ROUND2
.first:	xor	ebx, ebx
	mov	edi, VQ_DESC
.one:
%if INDIRECT
	mov	eax, ebx
	shl	eax, 6
	add	eax, TABLES
	mov	[rdi], rax
	mov	dword [rdi + 8], SEGS * 16
	mov	[rdi + 12], bx
	lea	eax, [r10 + VD_INDIRECT]
	mov	[rdi + 14], ax
	add	rdi, 16
%else
	; 2.8.6: the first one's flags come last, since a device may look at any time
	mov	esi, ebx
	shl	esi, 6
	add	esi, TABLES + (SEGS - 1) * 16
	add	edi, (SEGS - 1) * 16
	mov	ecx, SEGS
.entry:	mov	rax, [rsi]
	mov	[rdi], rax
	mov	eax, [rsi + 8]
	mov	[rdi + 8], eax
	mov	[rdi + 12], bx
	movzx	eax, word [rsi + 12]
	or	eax, r10d
	mov	[rdi + 14], ax
	sub	rsi, 16
	sub	rdi, 16
	dec	ecx
	jnz	.entry
	add	edi, (SEGS + 1) * 16
%endif
	inc	ebx
	cmp	ebx, BATCH
	jb	.one
	ret
%endif
