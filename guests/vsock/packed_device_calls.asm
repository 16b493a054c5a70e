; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: the device connects to a port of the guest, over a packed ring
;@ device: virtio-vsock,call=80,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "device_calls.asm"
