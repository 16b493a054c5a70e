; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.1: a writable buffer in the transmit queue is left alone, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: loop
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "writable_transmit.asm"
