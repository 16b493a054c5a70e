; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.5, 5.10.6.6: a connection is accepted, and what is sent comes back, over a packed ring
;@ device: virtio-vsock,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "echo.asm"
