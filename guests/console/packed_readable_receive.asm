; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.1: a readable buffer in the receive queue takes nothing, and the input is not lost, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: buf:ok
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "readable_receive.asm"
