; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3: the device sends no more than buf_alloc allows, and asks for more once, over a packed ring
;@ device: virtio-vsock,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "credit_of_the_guest.asm"
