; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: DEVICE_READY brings DEVICE_ADD, PORT_READY name, console and open, over a packed ring
;@ device: virtio-console,ports=2,packed=1
;@ chr: loop
;@ chr: loop
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "ports_announced.asm"
