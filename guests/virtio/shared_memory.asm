; SPDX-License-Identifier: MIT
;@ summary: virtio-mmio 4.2.2.1: a shared memory region that is not there has length -1
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_write	V_SHM_SEL, 0
	assert_v V_SHM_LEN_LOW, 0xffffffff
	assert_v V_SHM_LEN_HIGH, 0xffffffff
	v_write	V_SHM_SEL, 7
	assert_v V_SHM_LEN_LOW, 0xffffffff
	pass
