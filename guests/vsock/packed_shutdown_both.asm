; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: SHUTDOWN of both directions is answered with RST, over a packed ring
;@ device: virtio-vsock,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "shutdown_both.asm"
