; SPDX-License-Identifier: MIT
;@ summary: virtio-mmio 4.2.2: magic, version 2, device id 4 (entropy), vendor
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	assert_v V_MAGIC, V_MAGIC_VALUE
	assert_v V_VERSION, 2
	assert_v V_DEVICE_ID, V_ID_RNG
	assert_v V_VENDOR_ID, 0x45534956
	assert_v V_STATUS, 0
	pass
