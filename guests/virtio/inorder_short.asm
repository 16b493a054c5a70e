; SPDX-License-Identifier: MIT
;@ summary: 2.7.9, 5.4.6: short transfers are told one by one; used.idx counts all
;@ device: virtio-rng,in_order=1,short=1
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_IN_ORDER
	v_desc	0, VQ_BUF, 64, VD_WRITE, 0
	v_desc	1, VQ_BUF + 0x100, 64, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_kick
	assert_used_idx 2
	assert_eq dword [VQ_USED + 4], 0
	assert_eq dword [VQ_USED + 12], 1
	mov	eax, [VQ_USED + 8]
	dec	eax
	cmp	eax, 63
	assert_cc b				; 1 to 63
	mov	eax, [VQ_USED + 16]
	dec	eax
	cmp	eax, 63
	assert_cc b
	; behind them nothing was stored
	mov	eax, [VQ_USED + 8]
	assert_eq byte [VQ_BUF + rax], 0
	pass
