; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.1: without buffers for answers the device takes what it can keep, and the rest later, over a packed ring
;@ device: virtio-vsock,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "no_buffers.asm"
